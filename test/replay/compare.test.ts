import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { align } from '../../replay/compare/align.js';
import { compareSessions } from '../../replay/compare/compare.js';
import { percentileOf } from '../../replay/compare/latency.js';
import { parseRules, patternOf } from '../../replay/compare/rules.js';
import { Session } from '../../replay/compare/session.js';
import { Recorder } from '../../replay/recording/recorder.js';
import type { RecordedCall, RecordingRecord } from '../../replay/recording/records.js';
import { knowledge } from '../../src/io/knowledge.js';
import { resultLines, resultNdjson } from '../../replay/results/text-results.js';
import { hresultsByName } from '../../src/cli/compare-rules.js';
import { PLAIN } from '../../src/output/style.js';
import type { Value } from '../../src/types.js';
import { analyze } from '../support/roundtrip.js';
import { ROOT } from '../support/shared.js';

const known = knowledge();
const { registry } = known;
const records: RecordingRecord[] = [];
const recorder = new Recorder({ id: 1, tool: 'test', source: 'test', name: null }, (one) => records.push(one));
for (const item of await analyze(join(ROOT, 'captures/wua-session.pcapng')))
  if (item.kind === 'call') recorder.call(item);
recorder.end();
const good = new Session(records, registry);

/** The session with some of its calls changed; null leaves one out. */
function changed(change: (call: RecordedCall) => RecordedCall | null): Session {
  return new Session(
    records.flatMap((one) => {
      const made = one.kind === 'call' ? change(one) : one;
      return made === null ? [] : [made];
    }),
    registry,
  );
}

/** The session as another run would have it: every identifier is another. */
function renumbered(): Session {
  const other = (text: string): string =>
    text
      .replace(
        /[0-9a-f]{8}-0d2c-1a40-9f00-[0-9a-f]{12}/g,
        (ipid) =>
          `${(Number.parseInt(ipid.slice(0, 8), 16) + 0x1000).toString(16).padStart(8, '0')}-77aa-1a40-9f00-000000000000`,
      )
      .replace(/0x5c3e[0-9a-f]{12}/g, (oid) => `0xaaaa${oid.slice(6)}`)
      .replace('0x8a1f22c3d4e5f607', '0x1111111111111111');
  const walk = (value: Value): Value => {
    if (typeof value === 'string') return other(value);
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
    if (Array.isArray(value)) return (value as readonly Value[]).map(walk);
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item as Value)]));
  };
  return new Session(
    records.map((one) => walk(one as unknown as Value) as unknown as RecordingRecord),
    registry,
  );
}

const rules = (text: string) => parseRules(text, hresultsByName(registry));
const title =
  (text: string) =>
  (call: RecordedCall): RecordedCall =>
    call.method === 'Title' && call.object?.label === 'IUpdate#2' ? { ...call, out: { retval: text } } : call;
const places = (result: ReturnType<typeof compareSessions>): readonly string[] =>
  result.results.flatMap((one) => one.differences.map((difference) => difference.place));

describe('comparison of sessions', () => {
  it('finds no difference where only the identifiers are others', () => {
    const other = renumbered();
    expect(other.calls.find((one) => one.call.method === 'Search')?.call.object).not.toEqual(
      good.calls.find((one) => one.call.method === 'Search')?.call.object,
    );
    const result = compareSessions(good, other);
    expect(result.counts).toMatchObject({ different: 0, missing: 0, extra: 0 });
    expect(result.same).toBe(true);
  });

  it('names a changed title by its place, and nothing else', () => {
    const result = compareSessions(good, changed(title('Another')));
    expect(places(result)).toEqual(['ISearchResult.Updates[1].Title']);
    expect(result).toMatchObject({ same: false, counts: { different: 1 } });
    expect([...resultLines(result, { names: known.names, style: PLAIN, sides: ['A', 'B'] })].slice(0, 2)).toEqual([
      '~ 25 IUpdate#2 IUpdate.Title',
      '    ISearchResult.Updates[1].Title',
    ]);
    expect(JSON.parse([...resultNdjson(result, false)][0] ?? '')).toMatchObject({
      status: 'different',
      differences: [{ member: 'IUpdate.Title', actual: 'Another' }],
    });
  });

  it('finds calls that are missing and calls that are new, without a cascade', () => {
    const fewer = changed((call) => (call.id === 20 || call.id === 8 ? null : call));
    expect(compareSessions(good, fewer).counts).toMatchObject({ missing: 2, extra: 0, different: 0 });
    expect(compareSessions(fewer, good).counts).toMatchObject({ missing: 0, extra: 2, different: 0 });
  });

  it('tells a result that changed, and not what depends on it', () => {
    const failing = changed((call) => (call.id === 8 ? { ...call, hresult: 0x8024_4022, out: {} } : call));
    const result = compareSessions(good, failing);
    expect(places(result)).toEqual(['IUpdateSearcher.Search.hresult']);
    expect([...resultLines(result, { names: known.names, style: PLAIN, sides: ['A', 'B'] })].join('\n')).toMatch(
      /- S_OK \(0x00000000\)\n.*\+ WU_E_PT_HTTP_STATUS_SERVICE_UNAVAIL/,
    );
  });

  it('wants the same object where the same was returned, and a new one where a new one was', () => {
    const items = good.calls.filter((one) => one.member === 'IUpdateCollection.Item');
    const [first, second] = items.map((one) => one.call.out['retval'] ?? null);
    const twice = changed((call) =>
      call.id === items[1]?.call.id ? { ...call, out: { retval: first ?? null } } : call,
    );
    expect(
      compareSessions(good, twice)
        .results.flatMap((one) => one.differences)
        .filter((one) => one.kind === 'identity' && one.member === 'IUpdateCollection.Item'),
    ).toHaveLength(1);
    expect(compareSessions(twice, good).results.flatMap((one) => one.differences)[0]?.message).toMatch(
      /the object returned before was expected \(IUpdate#1\), and another came \(IUpdate#2\)/,
    );
    expect(second).not.toEqual(first);
  });

  it('compares a late-bound session with an early-bound one member by member', async () => {
    const late: RecordingRecord[] = [];
    const another = new Recorder({ id: 1, tool: 'test', source: 'test', name: null }, (one) => late.push(one));
    for (const item of await analyze(join(ROOT, 'captures/wua-late-bound.pcapng')))
      if (item.kind === 'call') another.call(item);
    const result = compareSessions(good, new Session(late, registry));
    expect(
      result.results.some(
        (one) => one.status === 'same' && one.actual?.call.binding === 'late' && one.expected?.call.binding === 'early',
      ),
    ).toBe(true);
  });

  it('counts references that were never given back', () => {
    const leaking = changed((call) => (call.method === 'RemRelease' ? null : call));
    expect(leaking.leaked.length).toBeGreaterThan(good.leaked.length);
    expect(compareSessions(good, leaking).same).toBe(false);
  });
});

describe('rules', () => {
  const differs = (text: string, yaml: string) => compareSessions(good, changed(title(text)), rules(yaml));

  it.each([
    ['ignore by member', 'rules: [{ path: IUpdate.Title, ignore: true }]'],
    ['ignore by place', 'rules: [{ path: "ISearchResult.Updates[1].Title", ignore: true }]'],
    ['ignore by wildcard', 'rules: [{ path: "ISearchResult.Updates[*].*", ignore: true }]'],
    ['regular expression', 'rules: [{ path: "**.Title", regex: "^Other KB[0-9]+$" }]'],
  ])('let a title differ: %s', (_, yaml) => {
    expect(differs('Other KB5', yaml)).toMatchObject({ same: true, unusedRules: [] });
  });

  it('still catch what they do not cover, and name rules nobody needed', () => {
    const result = differs(
      'Other',
      'rules: [{ path: IUpdate.Title, regex: "^KB" }, { path: IUpdate.Description, ignore: true }]',
    );
    expect(result.same).toBe(false);
    expect(result.unusedRules.map((rule) => rule.number)).toEqual([1, 2]);
  });

  it('allow numbers and times to differ by so much and no more', () => {
    const count = (by: number) =>
      changed((call) =>
        call.method === 'MaxDownloadSize' && call.object?.label === 'IUpdate#1'
          ? { ...call, out: { retval: String(1_187_840_512 + by) } }
          : call,
      );
    expect(
      compareSessions(good, count(1000), rules('rules: [{ path: IUpdate.MaxDownloadSize, tolerance: 1000 }]')).same,
    ).toBe(true);
    expect(
      compareSessions(good, count(1001), rules('rules: [{ path: IUpdate.MaxDownloadSize, tolerance: 1000 }]')).same,
    ).toBe(false);
    expect(
      compareSessions(good, count(20_000_000), rules('rules: [{ path: IUpdate.MaxDownloadSize, tolerance: 2% }]')).same,
    ).toBe(true);
    const time = (text: string) =>
      changed((call) =>
        call.method === 'LastDeploymentChangeTime' && call.object?.label === 'IUpdate#1'
          ? { ...call, out: { retval: text } }
          : call,
      );
    expect(
      compareSessions(
        good,
        time('2026-11-10T02:00:00'),
        rules('rules: [{ path: IUpdate.LastDeploymentChangeTime, time: 2h }]'),
      ).same,
    ).toBe(true);
    expect(
      compareSessions(
        good,
        time('2026-11-10T02:00:01'),
        rules('rules: [{ path: IUpdate.LastDeploymentChangeTime, time: 2h }]'),
      ).same,
    ).toBe(false);
  });

  it('expect another result of a member', () => {
    const failing = changed((call) => (call.id === 8 ? { ...call, hresult: 0x8024_0020, out: {} } : call));
    const yaml = 'rules: [{ path: IUpdateSearcher.Search, hresult: { from: S_OK, to: "0x80240020" } }]';
    expect(compareSessions(good, failing, rules(yaml)).same).toBe(true);
    expect(places(compareSessions(good, good, rules(yaml)))).toEqual(['IUpdateSearcher.Search.hresult']);
  });

  it('compare lists without their order where they say so', () => {
    const list = (order: readonly Value[]) =>
      changed((call) => (call.id === 14 ? { ...call, out: { names: order } } : call));
    expect(
      compareSessions(
        list(['a', 'b', 'b']),
        list(['b', 'a', 'b']),
        rules('rules: [{ path: IUpdate.Title.names, unordered: true }]'),
      ).same,
    ).toBe(true);
    expect(
      compareSessions(
        list(['a', 'b', 'b']),
        list(['b', 'a', 'a']),
        rules('rules: [{ path: IUpdate.Title.names, unordered: true }]'),
      ).same,
    ).toBe(false);
    expect(compareSessions(list(['a', 'b', 'b']), list(['b', 'a', 'b'])).same).toBe(false);
  });

  it('compare latency by percentile', () => {
    const slow = changed((call) => (call.method === 'Title' ? { ...call, latencyNs: 9_000_000 } : call));
    expect(compareSessions(good, slow, rules('latency: { p50: 50%, atLeast: 10ms }')).same).toBe(true);
    expect(compareSessions(good, slow, rules('latency: { p50: 50%, atLeast: 1ms }')).latency).toMatchObject([
      { member: 'IUpdate.Title', percentile: 50, actualNs: 9_000_000 },
    ]);
    expect([1, 50, 90, 100].map((at) => percentileOf([4, 1, 3, 2], at))).toEqual([1, 2, 4, 4]);
  });

  it.each([
    ['rules: [{ path: IUpdate.Title }]', /rule 1 \(IUpdate.Title\) says nothing/],
    ['rules: [{ path: A, ignore: true }, { path: B, regex: "(" }]', /rule 2: not a regular expression/],
    ['rules: [{ path: A, regex: "(?=x)" }]', /no look-around/],
    ['rules: [{ path: A, hresult: WU_E_NO_SUCH_THING }]', /rule 1: no HRESULT is named WU_E_NO_SUCH_THING/],
    ['rules: [{ path: A, time: soon }]', /rule 1, time: a time such as/],
    ['rules: [{ path: A, ignore: true, colour: red }]', /rule 1: .*colour/],
    ['rules: [', /line|flow/i],
  ])('say what is wrong with %s', (text, message) => {
    expect(() => rules(text)).toThrow(message);
  });

  it('match a path and what is in it, and no other', () => {
    expect(patternOf('IUpdate.Title').test('IUpdate.Title')).toBe(true);
    expect(patternOf('IUpdate.Title').test('IUpdate.Title[0].x')).toBe(true);
    expect(patternOf('IUpdate.Title').test('IUpdate.TitleX')).toBe(false);
    expect(patternOf('A[*].B').test('A[3].C.B')).toBe(false);
    expect(patternOf('A.**.B').test('A.x.y[1].B')).toBe(true);
  });
});

describe('alignment', () => {
  const key = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 40 });

  it('keeps every element once, in order, and pairs only equals', () => {
    fc.assert(
      fc.property(key, key, (ones, others) => {
        const pairs = align(ones, others);
        expect(pairs.flatMap(([a]) => (a === null ? [] : [a]))).toEqual([...ones.keys()]);
        expect(pairs.flatMap(([, b]) => (b === null ? [] : [b]))).toEqual([...others.keys()]);
        for (const [a, b] of pairs) if (a !== null && b !== null) expect(ones[a]).toBe(others[b]);
      }),
    );
  });

  it('finds what was put in and taken out of a long list', () => {
    const list = Array.from({ length: 5000 }, (_, at) => `call ${at % 700} ${at}`);
    const other = list.toSpliced(1000, 3).toSpliced(3000, 0, 'x', 'y');
    const pairs = align(list, other);
    expect(pairs.filter(([, b]) => b === null).map(([a]) => a)).toEqual([1000, 1001, 1002]);
    expect(pairs.filter(([a]) => a === null).map(([, b]) => b)).toEqual([3000, 3001]);
  });
});
