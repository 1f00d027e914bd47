import { createReadStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/concat.js';
import { pcapngHeader, pcapngPacket } from '../../src/capture/write.js';
import { run } from '../../src/cli/cli.js';
import { decode, diff, jsonLine, record, recordStream, report } from '../../src/index.js';
import { loadDuckDB } from '../../src/io/lake/database.js';
import type { Frame } from '../../src/types.js';
import { framesIn } from '../support/read.js';
import { packageRoot } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { Player, tables } from '../tui/support.js';
import { Session } from '../../src/tui/session/session.js';

const captures = join(packageRoot(), 'captures');
const HOST = '192.0.2.5';
/** A session over IPv4, and one over IPv6, of other hosts at the same time. */
const WANTED = framesIn(join(captures, 'wua-session.pcapng'));
const OTHERS = framesIn(join(captures, 'wua-late-bound.pcapng'));
/** Time of a packet in the middle of both. */
const MIDDLE = WANTED[150] as Frame;

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-prefilters-'));
afterAll(() => rmSync(folder, { recursive: true }));

function captureOf(frames: readonly Frame[]): Uint8Array {
  const packets = frames.map(({ timeS, timeNs, block, start, end }) =>
    pcapngPacket({ timeS, timeNs, data: block.u8.subarray(start, end) }),
  );
  return concat([pcapngHeader(1), ...packets]);
}

/** A capture by the same name in a folder of its own, because names of captures are in outputs. */
function written(where: string, frames: readonly Frame[]): string {
  mkdirSync(join(folder, where), { recursive: true });
  const path = join(folder, where, 'day.pcapng');
  writeFileSync(path, captureOf(frames));
  return path;
}

// Those that are wanted come first: their frames have the same numbers without the others.
const whole = written('whole', [...WANTED, ...OTHERS]);
const cut = written('cut', WANTED);
const early = written(
  'early',
  WANTED.filter((frame) => isBefore(frame, MIDDLE)),
);
/** What another session held; it is read whole. */
const recording = join(folder, 'other.uamgrec');
const text = '2026-11-20T12:00:00';

function isBefore(a: Frame, b: Frame): boolean {
  return a.timeS < b.timeS || (a.timeS === b.timeS && a.timeNs < b.timeNs);
}

function momentText({ timeS, timeNs }: Frame): string {
  return `${new Date(timeS * 1000).toISOString().slice(0, 19)}.${String(timeNs).padStart(9, '0')}Z`;
}

async function typed(words: readonly string[], stdin?: string) {
  const streams = {
    ...testStreams({ env: { XDG_CACHE_HOME: join(folder, 'cache') } }),
    ...(stdin === undefined ? {} : { stdin: createReadStream(stdin) }),
  };
  const status = await run(words, streams, async () => tables());
  return { status, out: streams.out(), err: streams.err() };
}

/** What is the same of a capture and its part: paths, sizes and sums are not, and that it is a part is told. */
function comparable(output: string): string {
  return output
    .replaceAll(/(?:whole|cut|early)\/day/g, 'day')
    .replaceAll(/"size":\s*\d+/g, '"size":0')
    .replaceAll(/,?\s*"looked at in part: [^"]*"/g, '')
    .replaceAll(/"notes":\s*\[[^\]]*\]/g, '"notes":[]');
}

const COMMANDS: readonly (readonly [name: string, words: (path: string) => readonly string[]])[] = [
  ['decode, text', (path) => ['decode', path]],
  ['decode, ndjson', (path) => ['decode', path, '--format', 'ndjson', '--objects']],
  ['report', (path) => ['report', path, '--format', 'json']],
  ['record', (path) => ['record', path, '--format', 'text', '-o', '-']],
  ['diff', (path) => ['diff', path, recording, '--format', 'json']],
];

beforeAll(() => typed(['record', join(captures, 'wua-printed-opnums.pcapng'), '-o', recording]));

describe('what is passed over', () => {
  it.each(COMMANDS)('is as if it were not in the capture: %s', async (_, words) => {
    const wanted = await typed(words(cut));
    const all = await typed(words(whole));
    expect(comparable(all.out)).not.toBe(comparable(wanted.out));
    const got = await typed([...words(whole), '--host', HOST]);
    expect(comparable(got.out)).toBe(comparable(wanted.out));
    expect(comparable(got.err)).toBe(comparable(wanted.err));
    expect(got.status).toBe(wanted.status);

    const before = await typed([...words(whole), '--host', HOST, '--to', momentText(MIDDLE)]);
    const half = await typed(words(early));
    expect(comparable(half.out)).not.toBe(comparable(wanted.out));
    expect(comparable(before.out)).toBe(comparable(half.out));
  });

  it.each(COMMANDS)('is so of stdin: %s', async (_, words) => {
    const piped = await typed([...words('-'), '--host', HOST], whole);
    const wanted = await typed(words('-'), cut);
    expect(comparable(piped.out)).toBe(comparable(wanted.out));
    expect(piped.out.length).toBeGreaterThan(100);
  });

  it('is in no table, and the manifest says that there is more', async () => {
    const tablesOf = async (path: string, name: string, ...options: readonly string[]) => {
      const lake = join(folder, name);
      await typed(['export', path, '-o', lake, '--format', 'csv', ...options]);
      const files = readdirSync(lake, { recursive: true, encoding: 'utf8' }).toSorted();
      const manifest = files.find((one) => one.endsWith('.ndjson')) ?? '';
      const [head = '', input = ''] = readFileSync(join(lake, manifest), 'utf8').split('\n');
      const { chain } = JSON.parse(head) as { chain: string };
      const named = (one: string): string => one.replaceAll(chain, 'CHAIN');
      const rows = files
        .filter((one) => one.endsWith('.csv'))
        .map((one) => [named(one), named(readFileSync(join(lake, one), 'utf8'))]);
      return { rows, head: JSON.parse(head), input: JSON.parse(input) };
    };
    const wanted = await tablesOf(cut, 'lake-cut');
    const got = await tablesOf(whole, 'lake-part', '--host', HOST, '--to', '2027-01-01');
    expect(got.rows).toEqual(wanted.rows);
    expect(wanted.rows.length).toBeGreaterThan(2);
    expect(wanted.head.packets).toBeUndefined();
    expect(got.head.packets).toBe(`hosts ${HOST}; to 2027-01-01T00:00:00.000000000Z`);
    expect([got.head.frames, got.input.calls, got.input.to]).toEqual([
      wanted.head.frames,
      wanted.input.calls,
      wanted.input.to,
    ]);
    expect((await tablesOf(whole, 'lake-whole')).rows).not.toEqual(wanted.rows);
  });

  it('is passed over by a chain that goes on, too, and a chain is read in one way to its end', async () => {
    const [one, other] = [
      written('chain-1', [...WANTED.slice(0, 150), ...OTHERS.slice(0, 40)]),
      join(folder, 'two.pcapng'),
    ];
    writeFileSync(
      other,
      captureOf([...OTHERS.slice(40).filter((frame) => isBefore(MIDDLE, frame)), ...WANTED.slice(150)]),
    );
    const exported = (lake: string, files: readonly string[], ...options: readonly string[]) =>
      typed(['export', ...files, '-o', join(folder, lake), '--format', 'csv', ...options]);
    const calls = (lake: string): readonly string[] =>
      readdirSync(join(folder, lake, 'calls'), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.csv'))
        .flatMap((path) =>
          readFileSync(join(folder, lake, 'calls', path), 'utf8')
            .trim()
            .split('\n')
            .slice(1),
        )
        .map((line) => line.replace(/\b[0-9a-f]{16}\b/g, ''))
        .toSorted();
    const state = ['--state', join(folder, 'chain.state'), '--in-order'];
    expect((await exported('grown', [one], '--host', HOST, ...state)).status).toBe(0);
    const refused = await exported('grown', [one, other], ...state);
    expect([refused.status, refused.err]).toEqual([
      2,
      expect.stringContaining('a chain is read in one way to its end'),
    ]);
    expect((await exported('grown', [one, other], '--host', HOST, ...state)).status).toBe(0);
    await exported('once', [one, other], '--host', HOST, '--in-order');
    expect(calls('grown').length).toBeGreaterThan(50);
    expect(calls('grown')).toEqual(calls('once'));
  });

  it.skipIf(!hasEngine())('is in no answer of query, and not in what another question kept', async () => {
    const ask = async (path: string, ...options: readonly string[]) =>
      (
        await typed([
          'query',
          'SELECT method, client, count(*) AS n FROM calls GROUP BY ALL ORDER BY ALL',
          path,
          ...options,
        ])
      ).out;
    const wanted = await ask(cut);
    const all = await ask(whole);
    expect(all).not.toBe(wanted);
    expect(await ask(whole, '--host', HOST)).toBe(wanted);
    expect(await ask(whole, '--host', HOST, '--to', momentText(MIDDLE))).toBe(await ask(early));
    // All of them are kept now, each by itself.
    expect(await ask(whole)).toBe(all);
    expect(await ask(whole, '--host', HOST)).toBe(wanted);
  });

  it('is not on the screen', () => {
    const screens = (frames: readonly Frame[], chosen: boolean): readonly string[] => {
      const choice = chosen ? { between: [{ one: [HOST], other: null }], ports: [], from: null, to: null } : null;
      const session = new Session({ title: 'day.pcapng', known: tables(), choice, now: () => 0 });
      for (const frame of frames) session.take(frame);
      session.settle();
      session.end();
      session.reading = { ...session.reading, state: 'done', read: 1, size: 1 };
      const player = new Player(session, 120, 40);
      return ['1', '2', '3', '4', '5', '6'].map((key) => player.press(key).screen());
    };
    expect(screens([...WANTED, ...OTHERS], true)).toEqual(screens(WANTED, false));
    expect(screens([...WANTED, ...OTHERS], false)).not.toEqual(screens(WANTED, false));
  });

  it('is not read by the library either', async () => {
    const lines = async (path: string, options: Parameters<typeof decode>[1]): Promise<readonly string[]> => {
      const all: string[] = [];
      for await (const one of decode(path, options)) all.push(jsonLine(one));
      return all;
    };
    const to = momentText(MIDDLE);
    expect(await lines(whole, { host: HOST })).toEqual(await lines(cut, {}));
    expect(await lines(whole, { host: [HOST], to })).toEqual(await lines(early, {}));
    expect(await lines(whole, { port: [135, 49668] })).toEqual(await lines(whole, {}));
    expect(await lines(whole, { from: new Date('2030-01-01T00:00:00Z') })).toHaveLength(1);
    expect((await report(whole, { host: HOST })).totals).toEqual((await report(cut)).totals);
    expect(await record(whole, undefined, { host: HOST })).toEqual(await record(cut));
    const streamed: unknown[] = [];
    for await (const one of recordStream(whole, { host: HOST })) streamed.push(one);
    expect(streamed).toEqual(await record(cut));
    expect((await diff(whole, await record(cut), { host: HOST })).same).toBe(true);
    expect((await diff(whole, await record(cut))).same).toBe(false);
    for (const wrong of [{ port: 0 }, { port: 1.5 }, { from: 'noon' }, { to: new Date(Number.NaN) }])
      await expect(lines(whole, wrong)).rejects.toThrow('It must be a');
    await expect(lines(whole, { from: '2026-11-21', to: '2026-11-20' })).rejects.toThrow('--from is the earlier one');
  });
});

describe('options that choose packets', () => {
  it.each(['decode', 'report', 'record', 'diff', 'export', 'query', 'tui'])(
    'are refused by %s where they are wrong',
    async (name) => {
      const words: Readonly<Record<string, readonly string[]>> = {
        diff: ['diff', whole, cut],
        record: ['record', whole, '-o', join(folder, 'refused.txt')],
        export: ['export', whole, '-o', join(folder, 'refused')],
        query: ['query', 'FROM calls', whole],
      };
      const command = words[name] ?? [name, whole];
      const late = await typed([...command, '--from', text, '--to', text]);
      expect([late.status, late.err]).toEqual([2, expect.stringContaining('--from is the earlier one')]);
      const host = await typed([...command, '--host', 'nobody.invalid']);
      expect([host.status, host.err]).toEqual([2, expect.stringContaining('no address is known for it')]);
      const port = await typed([...command, '--port', '65536']);
      expect([port.status, port.err]).toEqual([2, expect.stringContaining('It must be a port')]);
    },
  );

  it('are told where they mean nothing', async () => {
    const own = join(folder, 'day.uamgrec');
    await typed(['record', cut, '-o', own]);
    const both = await typed(['diff', own, recording, '--port', '135']);
    expect([both.status, both.err]).toEqual([2, expect.stringContaining('both are recordings')]);
    const mixed = await typed(['diff', own, whole, '--host', HOST]);
    expect([mixed.status, mixed.err]).toEqual([0, '']);
    const lake = join(folder, 'asked');
    await typed(['export', cut, '-o', lake]);
    const asked = await typed(['query', 'FROM calls', lake, '--host', HOST]);
    expect([asked.status, asked.err]).toEqual([2, expect.stringContaining('WHERE chooses rows of a lake')]);
    const live = await typed(['tui', '--live', 'eth0', '--from', text]);
    expect([live.status, live.err]).toEqual([2, expect.stringContaining('with --live there is --filter')]);
  });
});

function hasEngine(): boolean {
  try {
    loadDuckDB();
    return true;
  } catch {
    return false;
  }
}
