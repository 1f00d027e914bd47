import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Value } from '../../src/types.js';
import { compareSessions } from '../../replay/compare/compare.js';
import { Session } from '../../replay/compare/session.js';
import { pack, unpack } from '../../replay/recording/pack.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { asRecord } from '../../replay/recording/schema.js';
import { play, recordingOf, registry, responderOf, TestWorld } from './support.js';

const session = await recordingOf('wua-session.pcapng');
const late = await recordingOf('wua-late-bound.pcapng');

type Fields = { readonly [name: string]: Value };
const odd: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(
    null,
    '',
    0,
    -1,
    1,
    65_536,
    2 ** 31,
    2 ** 53,
    -0,
    Number.NaN,
    Infinity,
    true,
    false,
    'x',
    '__proto__',
    [],
    {},
    [[]],
    '00000000-0000-0000-0000-000000000000',
    '0x0000000000000000',
    18_446_744_073_709_551_615n,
  ),
  fc.uint8Array({ maxLength: 64 }),
  fc.string(),
  fc.integer(),
  fc.constant<Value>({ ipid: 'x', oid: 'y', oxid: 'z' }),
  fc.constant<Value>({ vt: 'VT_ARRAY', dims: [], value: 3 }),
);

/** A value with one place in it replaced: the path is chosen by numbers. */
function replaced(value: Value, path: readonly number[], by: Value): Value {
  const [step, ...rest] = path;
  if (step === undefined || value === null || typeof value !== 'object' || value instanceof Uint8Array) return by;
  const keys = Object.keys(value);
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined) return by;
  if (Array.isArray(value))
    return (value as readonly Value[]).map((one, at) => (String(at) === key ? replaced(one, rest, by) : one));
  const record = value as Fields;
  return { ...record, [key]: replaced(record[key] ?? null, rest, by) };
}

interface Change {
  readonly record: number;
  readonly path: readonly number[];
  readonly by: Value;
}

const change: fc.Arbitrary<Change> = fc.record({
  record: fc.nat(),
  path: fc.array(fc.nat(40), { minLength: 1, maxLength: 6 }),
  by: odd,
});

/** The recording with some places changed, as far as a reader would let them pass. */
function mutated(records: readonly RecordingRecord[], changes: readonly Change[]): readonly RecordingRecord[] {
  const list: RecordingRecord[] = [...records];
  for (const { record, path, by } of changes) {
    const at = record % list.length;
    const read = unpack(pack(replaced(list[at] as unknown as Value, path, by)));
    const checked = 'value' in read ? asRecord(read.value) : read;
    if ('record' in checked) list[at] = checked.record;
  }
  return list;
}

describe('recordings that are well-formed and make no sense', () => {
  it.each([
    ['early', session],
    ['late', late],
  ] as const)('are played, served and compared to an end, %s bound', (_, records) => {
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 8 }),
        fc.constantFrom('recorded', 'early', 'late'),
        (changes, binding) => {
          const other = mutated(records, changes);
          const calls = (list: readonly RecordingRecord[]): number => list.filter((one) => one.kind === 'call').length;
          const played = play(other, new TestWorld(responderOf(records)), { binding, deadlineMs: 100 });
          expect(played.result.results.length).toBeLessThanOrEqual(calls(other));
          play(records, new TestWorld(responderOf(other, { fallback: 'nearest' })), { deadlineMs: 100 });
          compareSessions(new Session(records, registry), new Session(other, registry));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('are refused where what goes on the wire is no such thing', () => {
    const context = {
      kind: 'context',
      connection: 1,
      id: 0,
      abstract: { uuid: '', major: 0, minor: 0 },
      transfer: 'ndr20',
    };
    expect(asRecord(context)).toEqual({ refused: 'abstract.uuid: a GUID in lower case is wanted' });
    expect(
      asRecord({ ...context, abstract: { uuid: '99fcfec4-5260-101b-bbcb-00aa0021347a', major: 65_536, minor: 0 } }),
    ).toMatchObject({ refused: expect.stringMatching(/^abstract\.major: /) });
  });
});
