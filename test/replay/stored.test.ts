import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Timeline } from '../../replay/compare/timeline.js';
import { planOf, type Plan } from '../../replay/player/plan.js';
import { recordingBytes } from '../../replay/recording/format.js';
import { HeldRecords, type Records } from '../../replay/recording/kept.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { joinSessions } from '../../replay/recording/sessions.js';
import { recordingText } from '../../replay/recording/text.js';
import { RecordedAnswers } from '../../replay/responder/recorded-answers.js';
import { Responder } from '../../replay/responder/responder.js';
import { openRecording, openRecordings } from '../../src/io/recordings.js';
import { SpooledBytes } from '../../src/io/spooled-bytes.js';
import { StoredRecords } from '../../src/io/stored-records.js';
import { guids, play, recordingOf, registry, TestWorld } from './support.js';

/** Recordings whose calls stay in their file are played and served as those in memory are. */
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-stored-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CAPTURES = ['wua-session.pcapng', 'wua-late-bound.pcapng', 'wua-ndr64.pcapng', 'wua-bigendian.pcapng'];
const recordings = await Promise.all(CAPTURES.map(recordingOf));
/** All of them one behind another: numbers are joined. */
const several = recordings.flat();

async function stored(records: readonly RecordingRecord[], form: 'uamgrec' | 'txt'): Promise<Records> {
  const path = join(folder, `r.${form}`);
  writeFileSync(path, form === 'txt' ? [...recordingText(records)].join('\n') : recordingBytes(records));
  const opened = await openRecording(path, 0);
  expect(opened.records).toBeInstanceOf(StoredRecords);
  return opened.records;
}

function steps(plan: Plan): readonly unknown[] {
  return Array.from({ length: plan.size }, (_, index) => {
    const { expected, ...step } = plan.step(index) ?? {};
    const { call, member, place, sort, id, time } = expected ?? {};
    return { ...step, after: [...plan.after(index)], call, member, place, sort, id, time };
  });
}

/** All that a client of a recording would be answered, one call behind another. */
function answers(records: readonly RecordingRecord[] | Records, asked: readonly RecordingRecord[]): readonly unknown[] {
  const timeline = new Timeline(Array.isArray(records) ? new HeldRecords(records) : (records as Records), registry);
  const responder = new Responder({
    answers: new RecordedAnswers(timeline, registry),
    registry,
    fallback: 'nearest',
    host: 'standin',
    port: 4135,
    guid: guids('5555'),
  });
  const given: unknown[] = [];
  for (const one of joinSessions(asked)) {
    if (one.kind !== 'call' || one.request === null) continue;
    const context = timeline.contexts.get(`${one.connection}/${one.contextId}`);
    if (context === undefined) continue;
    responder.answer(
      {
        abstract: context.abstract,
        transfer: context.transfer,
        opnum: one.wireOpnum ?? 0,
        object: one.object?.ipid ?? null,
        stub: one.request.bytes,
        drep: one.request.drep,
        auth: null,
        principal: null,
        contextId: one.contextId,
        callId: one.callId,
      },
      (answer) => given.push(answer),
    );
  }
  return given;
}

describe.each(['uamgrec', 'txt'] as const)('a recording that stays in its file (%s)', (form) => {
  it.each([...CAPTURES.map((name, at) => [name, recordings[at] ?? []] as const), ['all of them', several] as const])(
    '%s: is the same records, the same plan, and gives the same answers',
    async (_, records) => {
      const file = await stored(records, form);
      expect([...file]).toEqual(records);
      const held = new HeldRecords(records);
      expect(file.calls.length).toBe(held.calls.length);
      for (let at = held.length - 1; at >= 0; at--) expect(file.calls.at(at)).toEqual(held.calls.at(at));
      const [plan, other] = [planOf(records, registry), planOf(file, registry)];
      expect(steps(other)).toEqual(steps(plan));
      expect([other.server, other.resolvers, other.made]).toEqual([plan.server, plan.resolvers, plan.made]);
      expect(answers(file, records)).toEqual(answers(records, records));
    },
  );

  it('is played as one in memory is, and what is answered is kept beside', async () => {
    const [records = []] = recordings;
    const responder = (): Responder =>
      new Responder({
        answers: new RecordedAnswers(records, registry),
        registry,
        fallback: 'error',
        host: 'standin',
        port: 4135,
        guid: guids('7777'),
      });
    const expected = play(records, new TestWorld(responder()));
    const keeper = new StoredRecords();
    const file = await stored(records, form);
    const played = play(records, new TestWorld(responder()), { plan: planOf(file, registry), keeper });
    expect([...played.records]).toEqual([...expected.records]);
    expect(played.result.counts).toEqual(expected.result.counts);
    expect(played.result.counts.same).toBeGreaterThan(50);
    const names = ({ result }: typeof played): unknown =>
      result.results.map(({ status, expected: one, actual, differences }) => [
        status,
        one?.place,
        one?.call,
        actual?.place,
        actual?.member,
        actual?.call,
        differences,
      ]);
    expect(names(played)).toEqual(names(expected));
  });
});

it('several files are one recording', async () => {
  const paths = recordings.map((records, at) => {
    const path = join(folder, `part${at}.uamgrec`);
    writeFileSync(path, recordingBytes(records));
    return path;
  });
  const [records, opened] = await openRecordings(paths, 0);
  expect([...records]).toEqual(several);
  expect(opened.map(({ facts }) => facts.calls)).toEqual(
    recordings.map((one) => one.filter(({ kind }) => kind === 'call').length),
  );
});

describe('bytes beyond what memory is for', () => {
  const piece = (at: number): Buffer => Buffer.alloc(300_000 + at, at);
  const isThere = (spool: SpooledBytes, place: number | undefined, at: number): boolean =>
    piece(at).equals(spool.read(place ?? 0, 300_000 + at));
  const within = <T>(temporary: string, work: () => T): T => {
    vi.stubEnv('TMPDIR', temporary);
    try {
      return work();
    } finally {
      vi.unstubAllEnvs();
    }
  };

  it('are in a file that has no name any more, and are read as they were added', () => {
    const own = mkdtempSync(join(folder, 'tmp-'));
    within(own, () => {
      const spool = new SpooledBytes({ most: 2 ** 20 });
      const places = Array.from({ length: 40 }, (_, at) => spool.add(piece(at)));
      expect(spool.inMemory).toBeLessThanOrEqual(2 * 2 ** 20);
      for (const at of [39, 0, 17, 38, 1]) expect(isThere(spool, places[at], at)).toBe(true);
      if (process.platform !== 'win32') expect(readdirSync(own)).toEqual([]);
      spool.close();
    });
  });

  it('take the place of the oldest where the file may not grow', () => {
    const own = mkdtempSync(join(folder, 'tmp-'));
    within(own, () => {
      const spool = new SpooledBytes({ most: 2 ** 20, mostInFile: 4 * 2 ** 20 });
      const places: number[] = [];
      for (let at = 0; at < 60; at++) {
        const place = spool.add(piece(at));
        for (const earlier of [at, at - 5, at - 10]) {
          if (earlier < 0) continue;
          const there = (places[earlier] ?? place) >= spool.begin;
          if (there) expect(isThere(spool, places[earlier] ?? place, earlier)).toBe(true);
          expect(there || earlier < at - 8).toBe(true);
        }
        places.push(place);
      }
      expect(spool.begin).toBeGreaterThan(10 * 300_000);
      expect(spool.inMemory).toBeLessThanOrEqual(2 * 2 ** 20);
      expect(() => spool.read(0, 10)).toThrow(RangeError);
      spool.close();
    });
  });

  it('are let go in memory where no file can be made, and not before', () => {
    within(join(folder, 'nowhere'), () => {
      const spool = new SpooledBytes({ most: 2 ** 20 });
      const places = Array.from({ length: 20 }, (_, at) => spool.add(piece(at)));
      spool.forget(places[15] ?? 0);
      expect(spool.begin).toBe(places[15]);
      expect(spool.inMemory).toBeLessThan(4 * 2 ** 20);
      expect(() => spool.read(places[14] ?? 0, 10)).toThrow(RangeError);
      for (const at of [15, 16, 19]) expect(isThere(spool, places[at], at)).toBe(true);
    });
  });

  it('stay in memory where no file can be made', () => {
    within(join(folder, 'nowhere'), () => {
      const spool = new SpooledBytes({ most: 2 ** 20 });
      const places = Array.from({ length: 10 }, (_, at) => spool.add(piece(at)));
      expect(spool.inMemory).toBeGreaterThan(3e6);
      for (const at of [9, 0, 4]) expect(isThere(spool, places[at], at)).toBe(true);
    });
  });
});
