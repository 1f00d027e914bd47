import { describe, expect, it } from 'vitest';
import { resultLines } from '../../replay/results/text-results.js';
import { PLAIN } from '../../src/output/style.js';
import type { RecordedCall, RecordingRecord } from '../../replay/recording/records.js';
import type { Value } from '../../src/types.js';
import { spanOf } from '../../src/bytes/block.js';
import { guids, known, play, registry, recordingOf, responderOf, TestWorld } from './support.js';
import type { Played } from '../../replay/player/player.js';

const session = await recordingOf('wua-session.pcapng');
const told = ({ result }: Played): string =>
  [...resultLines(result, { names: known.names, style: PLAIN, sides: ['recording', 'server'] })].join('\n');

/** The recording with the answers of some calls changed. */
function answering(change: (call: RecordedCall) => RecordedCall): readonly RecordingRecord[] {
  return session.map((one) => (one.kind === 'call' ? change(one) : one));
}

describe('player against a responder', () => {
  it('finds no difference, though every identifier is another', () => {
    const played = play(session, new TestWorld(responderOf(session)));
    expect(told(played)).toBe('59 calls: 59 alike, 0 differ, 0 skipped');
    const live = [...played.records].filter((one) => one.kind === 'reference');
    const before = new Set(session.flatMap((one) => (one.kind === 'reference' ? [one.ipid] : [])));
    expect(live.length).toBeGreaterThan(5);
    expect(live.filter((one) => before.has(one.ipid))).toEqual([]);
  });

  it.each(['wua-late-bound.pcapng', 'wua-bigendian.pcapng'])('plays %s', async (name) => {
    const records = await recordingOf(name);
    const played = play(records, new TestWorld(responderOf(records)));
    expect(played.result.same ? 'the same' : told(played)).toBe('the same');
    expect(played.made).toBe(records.filter((one) => one.kind === 'call').length);
  });

  it('is refused NDR64 for what is DCOM, as servers refuse it', async () => {
    const records = await recordingOf('wua-ndr64.pcapng');
    const played = play(records, new TestWorld(responderOf(records)));
    expect(told(played)).toContain('1 alike, 1 differs');
  });

  it.each(['connect', 'integrity', 'privacy'] as const)('signs in with NTLM at level %s', (level) => {
    const world = new TestWorld(responderOf(session), 'secret');
    world.level = level;
    expect(told(play(session, world))).toBe('59 calls: 59 alike, 0 differ, 0 skipped');
  });

  it('tells a refused sign-in by its fault, and skips what depends on it', () => {
    const played = play(session, new TestWorld(responderOf(session), 'wrong'));
    expect(told(played)).toMatch(/ERROR_ACCESS_DENIED|0x00000005/);
    expect(played.result.counts.same).toBe(0);
    expect(played.result.counts.skipped).toBeGreaterThan(40);
  });

  it('tells exactly the field that changed', () => {
    const other = answering((call) =>
      call.method === 'Title' && call.object?.label === 'IUpdate#2' && call.response !== null
        ? { ...call, response: { ...call.response, bytes: titleBytes(call, 'Another title') } }
        : call,
    );
    const played = play(session, new TestWorld(responderOf(other)));
    expect(played.result.results.flatMap((one) => one.differences).map(({ place, actual }) => [place, actual])).toEqual(
      [['ISearchResult.Updates[1].Title', 'Another title']],
    );
    expect(played.result.counts).toEqual({ same: 58, different: 1, missing: 0, extra: 0, skipped: 0 });
  });

  it('skips the calls that depend on a call that failed, with the cause, and makes the others', () => {
    const broken = answering((call) =>
      call.id === 24
        ? { ...call, response: null, fault: { status: 0x8001_0108, didNotExecute: false }, outcome: 'faulted' }
        : call,
    );
    const made = session.find((one) => one.kind === 'reference' && one.made.call === 24);
    const played = play(session, new TestWorld(responderOf(broken)));
    const skipped = played.result.results.filter((one) => one.status === 'skipped');
    expect(made).toMatchObject({ label: 'IUpdate#2' });
    expect(skipped.length).toBeGreaterThan(4);
    expect(new Set(skipped.map((one) => one.expected?.place.startsWith('ISearchResult.Updates[1]')))).toEqual(
      new Set([true]),
    );
    expect(skipped[0]?.cause).toBe(
      'IUpdate#2 was never made: call 24 (IUpdateCollection#1 IUpdateCollection.Item) did not hand it out',
    );
    expect(played.result.counts.same + played.result.counts.different + skipped.length).toBe(59);
    expect(played.result.counts.different).toBe(1);
  });

  it('stops at the first difference unless told to go on', () => {
    const broken = answering((call) =>
      call.id === 24
        ? { ...call, response: null, fault: { status: 0x8001_0108, didNotExecute: false }, outcome: 'faulted' }
        : call,
    );
    const played = play(session, new TestWorld(responderOf(broken)), { keepGoing: false });
    expect(played.made).toBe(24);
    expect(played.result.results.at(-1)?.cause).toMatch(/^stopped at the first difference, in call 24/);
  });

  it('keeps the time of the recording, or goes faster', () => {
    const at = (speed: number): number => {
      const world = new TestWorld(responderOf(session));
      play(session, world, { speed });
      return world.elapsedMs;
    };
    expect(at(1)).toBeGreaterThan(2700);
    expect(at(10)).toBeGreaterThan(270);
    expect(at(10)).toBeLessThan(600);
    expect(at(Infinity)).toBeLessThan(100);
  });

  it('gives a call up that is not answered in time', () => {
    const silent = new TestWorld(responderOf(session));
    const dial = silent.dial.bind(silent);
    silent.dial = (port, events) =>
      silent.dialled > 0 ? { send: () => 0, close: () => undefined } : dial(port, events);
    const played = play(session, silent, { deadlineMs: 50 });
    expect(played.result.counts.same).toBe(2);
    expect(played.result.results.find((one) => one.status === 'different')?.cause).toBe('no answer came within 50 ms');
  });

  it('pings what it holds while a slow replay lasts, in one set, every two minutes', () => {
    const pinged = session.filter((one) => one.kind === 'call' && one.method?.endsWith('Ping') === true).length;
    const played = play(session, new TestWorld(responderOf(session)), { speed: 0.005, deadlineMs: 10_000 });
    expect(told(played)).toBe('59 calls: 59 alike, 0 differ, 0 skipped');
    const pings = [...played.records]
      .flatMap((one) => (one.kind === 'call' && one.method?.endsWith('Ping') === true ? [one] : []))
      .slice(pinged);
    expect(pings.length).toBe(
      Math.floor(
        ([...played.records].reduce(
          (most, one) => (one.kind === 'call' && one.time !== null ? Math.max(most, one.time.timeS) : most),
          0,
        ) -
          1_795_000_000) /
          120,
      ),
    );
    expect(pings.length).toBeGreaterThan(2);
    const [first, ...later] = pings;
    expect(first?.in['pSetId']).toBe('0x0000000000000000');
    expect(Object.keys(first?.in['AddToSet'] ?? {}).length).toBeGreaterThan(2);
    expect(new Set(later.map((one) => one.in['pSetId']))).toEqual(new Set([first?.out['pSetId']]));
    expect(
      [...play(session, new TestWorld(responderOf(session))).records].filter(
        (one) => one.kind === 'call' && one.method?.endsWith('Ping') === true,
      ).length,
    ).toBe(pinged);
  });

  it('releases what is there when one object of a release was never made', () => {
    const [made] = session.flatMap((one) => (one.kind === 'reference' && one.made.call === 24 ? [one] : []));
    const both = answering((call) =>
      call.method === 'RemRelease' && call.request !== null ? releasing(call, String(made?.ipid)) : call,
    );
    const broken = both.map(
      (one): RecordingRecord =>
        one.kind === 'call' && one.id === 24
          ? { ...one, response: null, fault: { status: 0x8001_0108, didNotExecute: false }, outcome: 'faulted' }
          : one,
    );
    const counts = (records: readonly RecordingRecord[]): readonly number[] =>
      records.flatMap((one) =>
        one.kind === 'call' && one.method === 'RemRelease'
          ? [(one.in['InterfaceRefs'] as readonly unknown[]).length]
          : [],
      );
    expect(counts(both)).toEqual([2]);
    expect(counts([...play(both, new TestWorld(responderOf(both))).records])).toEqual([2]);
    expect(counts([...play(both, new TestWorld(responderOf(broken))).records])).toEqual([1]);
  });

  it('records what it does: the recording of a replay is replayed without a difference', () => {
    const first = play(session, new TestWorld(responderOf(session)));
    const second = play([...first.records], new TestWorld(responderOf(session, { guid: guids('7777') })));
    expect(told(second)).toBe('59 calls: 59 alike, 0 differ, 0 skipped');
  });
});

describe('responder', () => {
  it('answers pings and releases that were never recorded, and refuses calls that were not', () => {
    const missed: string[] = [];
    const fewer = session.filter(
      (one) => one.kind !== 'call' || (one.method !== 'RemRelease' && one.method !== 'MsrcSeverity'),
    );
    const played = play(session, new TestWorld(responderOf(fewer, { missed: (_, answered) => missed.push(answered) })));
    expect([...new Set(missed)].toSorted()).toEqual(['fault', 'upkeep']);
    expect(
      played.result.results
        .filter((one) => one.status === 'different')
        .every((one) => one.expected?.member === 'IUpdate.MsrcSeverity'),
    ).toBe(true);
  });

  it('answers with the nearest call where it is told to', () => {
    const other = session.map((one) =>
      one.kind === 'call' && one.method === 'Search' && one.request !== null && one.id === 8
        ? { ...one, request: { ...one.request, bytes: criteriaBytes(one, 'IsInstalled=1 and IsHidden=0') } }
        : one,
    );
    expect(play(session, new TestWorld(responderOf(other))).result.counts.skipped).toBeGreaterThan(20);
    expect(told(play(session, new TestWorld(responderOf(other, { fallback: 'nearest' }))))).toBe(
      '59 calls: 59 alike, 0 differ, 0 skipped',
    );
  });
});

const NDR20 = { littleEndian: true, syntax: 'ndr20' } as const;

/** The bytes of an answer with another result. */
function titleBytes(call: RecordedCall, retval: string): Uint8Array {
  const codec = registry.method(call.iid ?? '', call.opnum ?? -1, NDR20);
  if (codec === null) throw new Error('the table has the method');
  return codec.response.encode({ orpcthat: { flags: 0, extensions: null }, retval, return: 0 });
}

/** A release of one more reference. */
function releasing(call: RecordedCall, ipid: string): RecordedCall {
  const codec = registry.method(call.iid ?? '', call.opnum ?? -1, NDR20);
  if (codec === null || call.request === null) throw new Error('the table has the method');
  const { header } = codec.request.decode(spanOf(call.request.bytes));
  const given = {
    ...call.in,
    cInterfaceRefs: 2,
    InterfaceRefs: [...(call.in['InterfaceRefs'] as readonly Value[]), { ipid, cPublicRefs: 1, cPrivateRefs: 0 }],
  };
  return {
    ...call,
    in: given,
    request: { ...call.request, bytes: codec.request.encode({ orpcthis: header, ...given }) },
  };
}

function criteriaBytes(call: RecordedCall, criteria: string): Uint8Array {
  const codec = registry.method(call.iid ?? '', call.opnum ?? -1, NDR20);
  if (codec === null || call.request === null) throw new Error('the table has the method');
  const { header } = codec.request.decode(spanOf(call.request.bytes));
  return codec.request.encode({ orpcthis: header, criteria });
}
