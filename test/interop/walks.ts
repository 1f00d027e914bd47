import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Type } from '../../src/ndr/types.js';
import { ClientError } from '../../src/peer/client/error.js';
import { RemoteObject, type Argument as OwnArgument } from '../../src/peer/client/object.js';
import { clientOf } from '../peer/client/support.js';
import { registry } from '../peer/server/support.js';
import { ACTIVATED, PLAN, type Argument, type Result, type Step } from '../replay/agent/plan.js';
import { methodOf, type Came } from '../replay/agent/walk.js';
import { ROOT } from '../support/shared.js';
import { USER, type Peer } from './agents.js';

/** A step as peers read it: what they send is encoded by their own libraries. */
function toldStep(step: Step, strip: boolean): unknown {
  const method = methodOf(step);
  const params = (method.params ?? []).filter((one) => one.direction !== 'out');
  const { result } = step;
  return {
    on: step.on,
    interface: strip ? step.interface.slice(1) : step.interface,
    iid: registry.interfaceByName(step.interface)?.interface.uuid,
    member: step.member,
    kind: step.kind,
    opnum: method.opnum,
    as: typeof result === 'object' && result !== null && 'as' in result ? result.as : '',
    args: params.map((_, at) => toldArgument(step.args[at] ?? '')),
  };
}

function toldArgument(argument: Argument): unknown {
  if (typeof argument === 'boolean') return { type: 'flag', value: argument };
  if (typeof argument === 'number') return { type: 'number', value: argument };
  if (typeof argument === 'string' || argument === null) return { type: 'text', value: argument ?? '' };
  if ('enum' in argument) return { type: 'number', value: argument.enum };
  if ('object' in argument) return { type: 'object', value: argument.object };
  return { type: 'variant', value: argument };
}

function toldPlan(strip: boolean): string {
  return JSON.stringify({
    activate: Object.fromEntries(
      Object.entries(ACTIVATED).map(([name, { clsid, interface: iface }]) => [
        name,
        { clsid, iid: registry.interfaceByName(iface)?.interface.uuid },
      ]),
    ),
    steps: PLAN.map((step) => toldStep(step, strip)),
  });
}

/** Runs a peer with the plan on its standard input. */
function walked(command: string, args: readonly string[], input: string): Promise<{ out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 60_000 });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    child.once('error', reject);
    child.once('close', () => resolve({ out, err }));
    child.stdin.end(input);
  });
}

export interface Outcome {
  readonly error?: string;
  readonly result?: unknown;
  readonly vt?: number;
  readonly value?: unknown;
}

/** A DATE as automation counts: days since 1899-12-30. */
const days = (text: string): number => Date.parse(`${text}Z`) / 86_400_000 + 25_569;
const VT: Readonly<Record<string, number>> = {
  VT_EMPTY: 0,
  VT_I4: 3,
  VT_DATE: 7,
  VT_BSTR: 8,
  VT_DISPATCH: 9,
  VT_BOOL: 11,
  VT_UNKNOWN: 13,
  VT_DECIMAL: 14,
  VT_UI4: 19,
  'VT_ARRAY|VT_UI1': 0x2011,
};

const about = (number: number): unknown => expect.closeTo(number, 6) as unknown;

/** What go-msrpc has to tell of a result: typed by its own stubs, enumerations and flags as their numbers. */
function goResult(result: Result | undefined, type: Type | undefined): unknown {
  if (result === undefined || type === undefined) return null;
  if (result === null) return type.kind === 'well-known' && type.name === 'bstr' ? '' : null;
  if (typeof result === 'boolean') return result ? -1 : 0;
  if (typeof result === 'string') {
    if (result.startsWith('@')) return about(days(result.slice(1)));
    return result.startsWith('#') ? result.slice(1) : result;
  }
  if (typeof result === 'number') return result;
  if ('as' in result) return { object: result.object.slice(1) };
  const { vt, value } = result;
  const held: Readonly<Record<string, unknown>> = {
    VT_DATE: about(days(String(value))),
    'VT_ARRAY|VT_UI1': `[${Array.isArray(value) ? value.join(' ') : ''}]`,
  };
  return { vt: VT[vt], value: held[vt] ?? value };
}

function goType(type: Type): Type {
  return type.kind === 'pointer' ? goType(type.to) : type;
}

/** VARTYPE and value that impacket has to tell. */
function lateResult(result: Result | undefined, type: Type | undefined): unknown {
  if (result === undefined || type === undefined) return { vt: VT['VT_EMPTY'], value: null };
  if (typeof result === 'object' && result !== null && 'vt' in result) {
    const isDate = result.vt === 'VT_DATE';
    return { vt: VT[result.vt], value: isDate ? about(days(String(result.value))) : result.value };
  }
  const isUnknown = type.kind === 'interface' && type.interface === 'IUnknown';
  if (type.kind === 'interface')
    return { vt: VT[isUnknown ? 'VT_UNKNOWN' : 'VT_DISPATCH'], value: result === null ? null : 'object' };
  if (type.kind === 'enum') return { vt: VT['VT_I4'], value: result };
  if (type.kind === 'base') return { vt: VT[type.base === 'u32' ? 'VT_UI4' : 'VT_I4'], value: result };
  if (typeof result === 'boolean') return { vt: VT['VT_BOOL'], value: result ? 0xffff : 0 };
  // impacket reads a BSTR that is null as an empty one.
  const text = result === null ? '' : String(result);
  if (text.startsWith('@')) return { vt: VT['VT_DATE'], value: about(days(text.slice(1))) };
  if (text.startsWith('#')) return { vt: VT['VT_DECIMAL'], value: text.slice(1) };
  return { vt: VT['VT_BSTR'], value: text };
}

const returned = (step: Step): Type | undefined => {
  const found = (methodOf(step).params ?? []).find((one) => one.retval === true)?.type;
  return found === undefined ? undefined : goType(found);
};
const named = (step: Step, at: number): string =>
  `${at} ${step.section} ${step.interface}::${step.member} ${step.kind}`;

/** Members of which a step succeeded. */
export const MEMBERS = new Set(
  PLAN.filter((step) => step.hresult === 0).map((step) => `${step.interface}::${step.member} ${step.kind}`),
);

/** Goes through the plan with a peer, early bound by go-msrpc or late bound by impacket; what every step came to. */
export async function walk(peer: Peer, kind: 'go' | 'impacket', port: number): Promise<readonly Outcome[]> {
  const [command, ...args] = peer ?? [''];
  const account = [USER.user, USER.password, ...(kind === 'go' ? ['integrity', 'plan'] : [])];
  const { out, err } = await walked(command, [...args, '127.0.0.1', String(port), ...account], toldPlan(kind === 'go'));
  expect(err).toBe('');
  return JSON.parse(out) as readonly Outcome[];
}

/** impacket's client that goes through the plan. */
export function planPeer(impacket: Peer): Peer {
  return impacket === null ? null : [impacket[0], join(ROOT, 'test/interop/peers/plan.py')];
}

/** The member that returns an array. */
export const ARRAY = 'ContentValidationCert';

/** Holds what go-msrpc told to the plan. */
export function expectGo(outcomes: readonly Outcome[]): void {
  for (const [at, step] of PLAN.entries()) {
    const outcome = outcomes[at];
    if (step.hresult === 0)
      expect([named(step, at), outcome]).toEqual([named(step, at), { result: goResult(step.result, returned(step)) }]);
    else expect([named(step, at), typeof outcome?.error]).toEqual([named(step, at), 'string']);
  }
}

/** Holds what impacket told to the plan. */
export function expectImpacket(outcomes: readonly Outcome[]): void {
  for (const [at, step] of PLAN.entries()) {
    const outcome = outcomes[at];
    // impacket 0.13.1 reads no array in a VARIANT: what it says of one is no answer of the agent.
    if (step.member === ARRAY) expect(outcome).toEqual({ error: 'Unknown tag 1 for union!' });
    else if (step.hresult === 0)
      expect([named(step, at), outcome]).toEqual([named(step, at), lateResult(step.result, returned(step))]);
    else expect([named(step, at), typeof outcome?.error]).toEqual([named(step, at), 'string']);
  }
}

/** Goes through the plan with our own client, in either binding; what every step came to, as the plan writes it. */
export async function ownWalk(port: number, binding: 'early' | 'late'): Promise<readonly Came[]> {
  const client = clientOf(port, { binding });
  const objects = new Map<string, RemoteObject>();
  const came: Came[] = [];
  try {
    for (const step of PLAN) {
      const made = objects.get(step.on) ?? (await client.activate(ACTIVATED[step.on]?.clsid ?? ''));
      objects.set(step.on, made);
      came.push(await ownStep(made, step, { objects, binding }));
    }
  } finally {
    await client.close();
  }
  return came;
}

async function ownStep(
  made: RemoteObject,
  step: Step,
  { objects, binding }: { readonly objects: Map<string, RemoteObject>; readonly binding: 'early' | 'late' },
): Promise<Came> {
  const { interface: name, member, kind, result } = step;
  const args = step.args.map((one): OwnArgument => {
    if (typeof one !== 'object' || one === null) return one;
    if ('object' in one) return objects.get(one.object) ?? null;
    return 'enum' in one ? one.enum : { vt: one.vt, value: one.value };
  });
  const use = ({ method: 'call', propget: 'get', propput: 'put' } as const)[kind];
  try {
    const target = binding === 'early' ? await made.as(name) : made;
    const given = await target[use](member, ...args);
    if (typeof result === 'object' && result !== null && 'as' in result) {
      if (given instanceof RemoteObject) objects.set(result.as, given);
      return { hresult: 0, result: given instanceof RemoteObject ? 'object' : given };
    }
    return { hresult: 0, result: result === undefined ? undefined : given };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return { hresult: (error.status ?? 0) >>> 0, result: error.message };
  }
}
