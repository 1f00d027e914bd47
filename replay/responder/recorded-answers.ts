import { spanOf } from '../../src/bytes/block.js';
import { GUID_NULL } from '../../src/bytes/guid.js';
import { readActivation } from '../../src/dcom/activation-properties.js';
import { identifiersIn } from '../../src/dcom/identifiers.js';
import { PING_COUNTER } from '../../src/dcom/ping.js';
import { Roles, UPKEEP_ROLES } from '../../src/analysis/roles.js';
import type { Encoding, Fields, Registry } from '../../src/ndr/codec.js';
import { digest } from '../compare/session.js';
import { Timeline } from '../compare/timeline.js';
import { firstAbove, recordsOf, type Records } from '../recording/kept.js';
import { contextKey, type ContextRecord, type RecordedCall, type RecordingRecord } from '../recording/records.js';

/** A recorded call as an answer to give. */
export interface Candidate {
  readonly position: number;
  readonly call: RecordedCall;
  readonly context: ContextRecord;
}

/** Longer keys are told apart by their checksums first. */
const MAX_KEY = 200;

/** The answers of a recording by what was asked: what the responders of all clients share. */
export class RecordedAnswers {
  readonly registry: Registry;
  readonly roles: Roles;
  /** Positions of calls, ascending. */
  private readonly byKey = new Map<string, number[]>();
  private readonly byObject = new Map<string, number[]>();
  private readonly byMember = new Map<string, number[]>();
  private readonly identifiers = new Set<string>();
  private readonly served = new Set<string>();
  private readonly timeline: Timeline;

  constructor(recording: readonly RecordingRecord[] | Records | Timeline, registry: Registry) {
    this.registry = registry;
    this.roles = new Roles(registry);
    this.timeline = recording instanceof Timeline ? recording : new Timeline(recordsOf(recording), registry);
    for (let position = 0; position < this.timeline.length; position++) {
      const { call } = this.timeline.at(position);
      const context = this.contextOf(call);
      if (context !== undefined) this.take(call, position, context);
    }
    for (const {
      interface: { uuid },
    } of registry.interfaces)
      if (this.roleOfAny(uuid)) this.served.add(uuid);
  }

  /** Whether an interface is in the recording, or is one that every server has. */
  has(uuid: string): boolean {
    return this.served.has(uuid);
  }

  /** Whether the recording holds an identifier. */
  knows(id: string): boolean {
    return this.identifiers.has(id);
  }

  /**
   * The recorded call of a member, on an object, with these arguments or bytes: the first one behind a position, or the
   * last before it; null where there is none.
   */
  alike(member: string, objectKey: string, asked: Fields | Uint8Array, at: number): Candidate | null {
    const key = keyOf(member, objectKey, asked);
    const list = this.byKey.get(shortKey(key));
    if (list === undefined) return null;
    const from = firstAbove(list, at);
    const sure = key.length <= MAX_KEY;
    const isAlike = (one: Candidate | null): one is Candidate => one !== null && (sure || this.keyAt(one) === key);
    for (let next = from; next < list.length; next++) {
      const found = this.candidate(list[next]);
      if (isAlike(found)) return found;
    }
    for (let next = from - 1; next >= 0; next--) {
      const found = this.candidate(list[next]);
      if (isAlike(found)) return found;
    }
    return null;
  }

  /** The same with any arguments: on the object, else on any. */
  near(member: string, objectKey: string, at: number): Candidate | null {
    const list = this.byObject.get(`${member} ${objectKey}`) ?? this.byMember.get(member);
    return list === undefined ? null : this.candidate(list[firstAbove(list, at)] ?? list.at(-1));
  }

  /** What a recorded IPID stands for: an object, by its number. */
  objectKey(ipid: string | null): string {
    return ipid === null ? '-' : `#${this.timeline.session.object(ipid) ?? ipid}`;
  }

  /** The arguments of a request; null where no table reads them. */
  decode(uuid: string, opnum: number, stub: Uint8Array, encoding: Encoding): Fields | null {
    const decoded = this.registry.method(uuid, opnum, encoding)?.request.decode(spanOf(stub));
    return decoded === undefined || decoded.problems.length > 0 ? null : decoded.value;
  }

  private take(call: RecordedCall, position: number, context: ContextRecord): void {
    const { uuid } = context.abstract;
    this.served.add(uuid);
    for (const side of [call.in, call.out]) identifiersIn(side, (id) => this.name(id));
    if (call.object !== null) this.name(call.object.ipid);
    const { request, response, fault, wireOpnum } = call;
    if (request === null || request.sealed || (response === null && fault === null) || wireOpnum === null) return;
    const member = memberKey(uuid, opnumOf(call));
    add(this.byKey, shortKey(this.keyAt({ position, call, context })), position);
    add(this.byObject, `${member} ${this.objectKey(call.object?.ipid ?? null)}`, position);
    add(this.byMember, member, position);
  }

  private contextOf({ connection, contextId }: RecordedCall): ContextRecord | undefined {
    return this.timeline.contexts.get(contextKey(connection, contextId));
  }

  private candidate(position: number | undefined): Candidate | null {
    if (position === undefined) return null;
    const { call } = this.timeline.at(position);
    const context = this.contextOf(call);
    return context === undefined ? null : { position, call, context };
  }

  private keyAt({ call, context }: Candidate): string {
    const { uuid } = context.abstract;
    const bytes = call.request?.bytes ?? NOTHING;
    const args = this.decode(uuid, opnumOf(call), bytes, {
      littleEndian: call.request?.drep.littleEndian ?? true,
      syntax: context.transfer,
    });
    return keyOf(memberKey(uuid, opnumOf(call)), this.objectKey(call.object?.ipid ?? null), args ?? bytes);
  }

  private name(id: string): void {
    if (id !== GUID_NULL) this.identifiers.add(id);
  }

  private roleOfAny(uuid: string): boolean {
    return (
      this.registry
        .interfaceByUuid(uuid)
        ?.slots.some((_, opnum) => UPKEEP_ROLES.includes(this.roles.at(uuid, opnum) ?? 'invoke')) === true
    );
  }
}

/** The opnum of a recorded call on its connection. */
export function opnumOf(call: RecordedCall): number {
  return (call.via === null ? call.opnum : call.via.opnum) ?? call.wireOpnum ?? 0;
}

/** What a call is of. */
export function memberKey(uuid: string, opnum: number): string {
  return `${uuid} ${opnum}`;
}

/** Parameters that differ on every call and say nothing. */
const HEADERS: readonly string[] = ['orpcthis', PING_COUNTER];

function keyOf(member: string, objectKey: string, asked: Fields | Uint8Array): string {
  return `${member} ${objectKey} ${asked instanceof Uint8Array ? hex(asked) : argumentsText(asked)}`;
}

/**
 * Arguments as a text that is the same for the same arguments. Of activation properties only the class and the
 * interfaces that are wanted count: the rest tells of the client.
 */
function argumentsText(args: Fields): string {
  const activation = readActivation(args);
  if (activation !== null) return `${activation.clsid} ${activation.iids.join(' ')}`;
  const kept = Object.fromEntries(Object.entries(args).filter(([name]) => !HEADERS.includes(name)));
  return JSON.stringify(kept, (name, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof Uint8Array) return hex(value);
    if (name === 'bindings' || name === 'reserved') return undefined;
    return value;
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function shortKey(key: string): string {
  return key.length <= MAX_KEY ? key : `#${key.length} ${digest(key)}`;
}

const NOTHING = new Uint8Array(0);

function add(map: Map<string, number[]>, key: string, one: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [one]);
  else list.push(one);
}
