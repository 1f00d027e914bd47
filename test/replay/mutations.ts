import { compareSessions, type CompareResult } from '../../replay/compare/compare.js';
import { Session } from '../../replay/compare/session.js';
import type { RecordedCall, RecordingRecord } from '../../replay/recording/records.js';
import { isReference } from '../../src/dcom/references.js';
import { isRecord, mapFields, sameValue, walkPaths, type Fields } from '../../src/ndr/value.js';
import type { Value } from '../../src/types.js';
import { registry } from './support.js';

/** One change of a recorded session, and what a comparison has to say of it. */
export interface Mutation {
  readonly kind: 'value' | 'type' | 'hresult' | 'fault' | 'identity' | 'missing' | 'extra' | 'order';
  readonly call: number;
  readonly records: readonly RecordingRecord[];
}

const FAILED = 0x8024_0032;

/** Every single change of a session that a script can think of: of each call, of each value in it. */
export function* mutationsOf(records: readonly RecordingRecord[]): Generator<Mutation> {
  const session = new Session(records, registry);
  const calls = session.calls.filter((one) => one.sort === 'member').map((one) => one.call);
  const references = session.handedOut;
  const changed = (call: RecordedCall, by: Partial<RecordedCall>): readonly RecordingRecord[] =>
    records.map((one) => (one === call ? { ...call, ...by } : one));
  for (const [at, call] of calls.entries()) {
    const { id } = call;
    for (const [path, value] of leavesOf(call.out)) {
      const [other, typed] = [otherThan(value), otherTypeThan(value)];
      if (other !== null)
        yield { kind: 'value', call: id, records: changed(call, { out: replaced(call.out, path, other) }) };
      if (typed !== null)
        yield { kind: 'type', call: id, records: changed(call, { out: replaced(call.out, path, typed) }) };
    }
    if (call.hresult === 0) yield { kind: 'hresult', call: id, records: changed(call, { hresult: FAILED, out: {} }) };
    yield {
      kind: 'fault',
      call: id,
      records: changed(call, {
        fault: { status: 0x1c01_0002, didNotExecute: true },
        outcome: 'faulted',
        hresult: null,
        out: {},
      }),
    };
    const swapped = withAnotherObject(
      call.out,
      references.filter((one) => one.made.call !== null && one.made.call <= id),
    );
    if (swapped !== null) yield { kind: 'identity', call: id, records: changed(call, { out: swapped }) };
    const makes = references.some((one) => one.made.call === id);
    if (!makes) yield { kind: 'missing', call: id, records: records.filter((one) => one !== call) };
    const top = Math.max(...calls.map((one) => one.id));
    if (!makes)
      yield {
        kind: 'extra',
        call: id,
        records: records.flatMap((one) => (one === call ? [one, { ...call, id: top + 1 + id }] : [one])),
      };
    // Calls with none between them.
    const next = calls[at + 1]?.id === id + 1 ? calls[at + 1] : undefined;
    if (next !== undefined && !makes && canSwap(call, next))
      yield {
        kind: 'order',
        call: id,
        records: records.map((one) => {
          if (one === call) return { ...next, id: call.id, time: call.time };
          return one === next ? { ...call, id: next.id, time: next.time } : one;
        }),
      };
  }
}

/** What is wrong with what a comparison said of a mutation; null: it was found, named, and nothing else was said. */
export function misjudged(
  records: readonly RecordingRecord[],
  { kind, call, records: mutated }: Mutation,
): string | null {
  const result = compareSessions(new Session(records, registry), new Session(mutated, registry));
  const said = result.results.filter((one) => one.status !== 'same');
  const ids = said.map((one) => (one.expected ?? one.actual)?.call.id);
  const told = `${kind} in call ${call}: ${said.map((one) => `${one.status} ${(one.expected ?? one.actual)?.member} ${one.differences.map((d) => `${d.kind} ${d.place}`).join(', ')}`).join(' | ') || 'nothing'}`;
  if (result.same) return told;
  switch (kind) {
    case 'missing':
      return said.length === 1 && said[0]?.status === 'missing' && alike(said[0], call, records) ? null : told;
    case 'extra':
      return said.length === 1 && said[0]?.status === 'extra' ? null : told;
    case 'order':
      return said.every((one) => one.status === 'missing' || one.status === 'extra') && said.length === 2 ? null : told;
    default: {
      const differences = said.flatMap((one) => one.differences);
      const wanted = kind === 'type' ? 'value' : kind;
      return ids.length === 1 && ids[0] === call && differences.length === 1 && differences[0]?.kind === wanted
        ? null
        : told;
    }
  }
}

/** Of several calls alike, in a row, nobody can tell which one is missing. */
function alike(one: CompareResult['results'][number], id: number, records: readonly RecordingRecord[]): boolean {
  const call = records.find((record) => record.kind === 'call' && record.id === id);
  const said = one.expected?.call;
  return call?.kind === 'call' && said !== undefined && said.method === call.method && sameValue(said.in, call.in);
}

function canSwap(one: RecordedCall, other: RecordedCall): boolean {
  return one.object?.ipid === other.object?.ipid && one.method !== other.method && one.connection === other.connection;
}

function leavesOf(out: Fields): readonly (readonly [string, Value])[] {
  const found: (readonly [string, Value])[] = [];
  walkPaths(out, (value, path) => {
    if (isReference(value) || path.includes('orpcthat')) return false;
    const last = path.split('.').at(-1);
    if (value !== null && typeof value !== 'object' && last !== 'vt') found.push([path, value]);
    return true;
  });
  return found;
}

function otherThan(value: Value): Value {
  switch (typeof value) {
    case 'string':
      return `${value}~`;
    case 'number':
      return value + 1;
    case 'boolean':
      return !value;
    case 'bigint':
      return value + 1n;
    default:
      return null;
  }
}

function otherTypeThan(value: Value): Value {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : null;
}

/** The value with what stands at a path replaced. */
function replaced(out: Fields, path: string, by: Value): Fields {
  const [first = '', ...rest] = path.split(/\.|(?=\[)/);
  const inside = (value: Value, steps: readonly string[]): Value => {
    const [step, ...more] = steps;
    if (step === undefined) return by;
    if (Array.isArray(value))
      return (value as readonly Value[]).map((one, at) => (`[${at}]` === step ? inside(one, more) : one));
    return isRecord(value) ? { ...value, [step]: inside(value[step] ?? null, more) } : value;
  };
  return { ...out, [first]: inside(out[first] ?? null, rest) };
}

/** The same with the reference to another object of the same interface, known by then; null where there is none. */
function withAnotherObject(out: Fields, references: Session['handedOut']): Fields | null {
  let done = false;
  const swapped = mapFields(out, (value) => {
    if (done || !isReference(value)) return undefined;
    const own = references.find((one) => one.ipid === value.ipid);
    const other = references.find(
      (one) => one.object !== own?.object && one.iid === own?.iid && one.made.call !== null,
    );
    if (own === undefined || other === undefined) return undefined;
    done = true;
    return { ...(value as unknown as Fields), ipid: other.ipid, oid: other.oid, oxid: other.oxid };
  });
  return done ? swapped : null;
}
