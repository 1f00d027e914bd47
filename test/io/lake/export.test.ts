import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/cli.js';
import { hiveValue } from '../../../src/io/lake/parts.js';
import { FramePlaces, MAX_FRAME_RUNS } from '../../../src/io/lake/places.js';
import { differentCells, filesOf, parquetRows, type LakeRow } from '../../support/lake.js';
import { packageRoot } from '../../support/shared.js';
import { testStreams } from '../../support/streams.js';
import { tables } from '../../tui/support.js';

const captures = join(packageRoot(), 'captures');
const session = join(captures, 'wua-session.pcapng');
const field = join(packageRoot(), 'test/field');
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-lake-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function typed(...words: readonly string[]) {
  const streams = testStreams();
  const status = await run(words, streams, async () => tables());
  return { status, out: streams.out(), err: streams.err() };
}

let lakes = 0;
/** A name for a lake that is not there yet. */
const fresh = (): string => join(folder, `lake-${++lakes}`);

/** The rows of a lake by table, from all its files in their order. */
async function rowsOf(lake: string): Promise<ReadonlyMap<string, readonly LakeRow[]>> {
  const rows = new Map<string, readonly LakeRow[]>();
  for (const file of filesOf(lake).filter((name) => name.endsWith('.parquet'))) {
    const table = file.split('/')[0] ?? '';
    rows.set(table, [...(rows.get(table) ?? []), ...(await parquetRows(join(lake, file)))]);
  }
  return rows;
}

/** The bytes of a lake, as one sum. */
function sum(lake: string): string {
  const hash = createHash('sha256');
  for (const file of filesOf(lake)) hash.update(file).update(readFileSync(join(lake, file)));
  return hash.digest('hex');
}

function manifests(lake: string): readonly Record<string, unknown>[] {
  return filesOf(lake)
    .filter((file) => file.startsWith('_manifests/'))
    .flatMap((file) => readFileSync(join(lake, file), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('export', () => {
  it.each([
    ['wua-session.pcapng'],
    ['wua-late-bound.pcapng'],
    ['wua-damaged.pcap'],
    ['wua-sealed.pcapng'],
    ['wua-ndr64.pcapng'],
    ['sessions/impacket-privacy.pcapng', '--password', 'alice:secret'],
  ])('of %s has in every cell what NDJSON says', async (name, ...secrets) => {
    const lake = fresh();
    const file = join(captures, name);
    expect((await typed('export', file, '-o', lake, ...secrets)).status).toBe(0);
    const { out } = await typed('decode', file, '--format', 'ndjson', '--objects', ...secrets);
    const rows = await rowsOf(lake);
    expect(rows.get('calls')?.length).toBeGreaterThan(20);
    expect(differentCells(out.trimEnd().split('\n'), rows)).toEqual([]);
  });

  it('is seen to differ where a cell differs', async () => {
    const lake = fresh();
    await typed('export', session, '-o', lake);
    const { out } = await typed('decode', session, '--format', 'ndjson', '--objects');
    const lines = out.replace('"latencyNs":430000', '"latencyNs":430001').trimEnd().split('\n');
    expect(differentCells(lines, await rowsOf(lake))).toEqual(['calls.latency_ns of row 0: 430001, 430000']);
  });

  it('gives the same bytes for the same inputs, and a rerun replaces them', async () => {
    const [one, other] = [fresh(), fresh()];
    await typed('export', session, '-o', one);
    await typed('export', session, '-o', other);
    expect(sum(one)).toBe(sum(other));
    const files = filesOf(one);
    await typed('export', session, '-o', one);
    expect(filesOf(one)).toEqual(files);
    expect(sum(one)).toBe(sum(other));
    // In another form: what was there goes.
    await typed('export', session, '-o', one, '--format', 'csv');
    expect(filesOf(one).filter((name) => name.endsWith('.parquet'))).toEqual([]);
    expect((await typed('export', session, '-o', one)).status).toBe(0);
    expect(sum(one)).toBe(sum(other));
  });

  it('tells capture and frame of each call, read from two files mixed by time', async () => {
    const lake = fresh();
    const files = ['tap-rx.pcap', 'tap-tx.pcap'].map((name) => join(field, name));
    expect((await typed('export', ...files, '-o', lake, '--sensor', 'a tap/1')).status).toBe(0);
    expect(filesOf(lake).every((name) => name.includes('sensor=a%20tap%2F1'))).toBe(true);
    const calls = (await rowsOf(lake)).get('calls') ?? [];
    expect(calls.length).toBe(11);
    // The same packets alone have these numbers: requests are of one direction.
    const request = calls.map(({ file, frame }) => `${file} ${frame}`);
    expect(new Set(request).size).toBe(calls.length);
    expect(new Set(calls.map(({ file }) => file)).size).toBe(1);
    const [{ file = '' } = {}] = calls as readonly { readonly file?: string }[];
    const alone = await typed('decode', join(field, file), '--format', 'ndjson');
    const frames = new Set(
      alone.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { readonly frames?: { readonly request?: readonly number[] } })
        .flatMap(({ frames: some }) => some?.request?.slice(0, 1) ?? []),
    );
    expect(calls.every(({ frame }) => frames.has(Number(frame)))).toBe(true);
    expect(
      manifests(lake)
        .slice(1)
        .map(({ calls: count }) => count),
    ).toEqual([...files].map((path) => (basename(path) === file ? calls.length : 0)));
  });

  it('names damaged inputs and what is none, and fails nothing', async () => {
    const lake = fresh();
    const text = join(folder, 'notes.pcap');
    writeFileSync(text, 'no capture at all');
    const cut = join(folder, 'cut.pcapng');
    writeFileSync(cut, readFileSync(session).subarray(0, 30_001));
    const { status, err } = await typed('export', text, cut, '-o', lake);
    expect(status).toBe(0);
    expect(err).toContain('! notes.pcap: ');
    expect(err).toContain('! cut.pcapng: damaged: ');
    const [head, first, second] = manifests(lake);
    expect(head).toMatchObject({ kind: 'chain', sensor: 'local', frames: 231 });
    expect(first).toMatchObject({ kind: 'input', file: 'notes.pcap', frames: 0, calls: 0, from: null });
    expect(first?.['refused']).toContain('is no capture');
    expect(second).toMatchObject({
      file: 'cut.pcapng',
      frames: 231,
      refused: null,
      damage: { 'capture-truncated': 1 },
    });
    expect(second).toMatchObject({
      sha256: createHash('sha256').update(readFileSync(cut)).digest('hex'),
      bytes: 30_001,
    });
    expect((await typed('export', text, cut, '-o', lake, '--strict')).status).toBe(3);
  });

  it('replaces a chain by a longer one, and refuses one that shares some of its captures', async () => {
    const lake = fresh();
    const [one, two, three] = ['wua-session.pcapng', 'sessions/impacket-integrity.pcapng', 'wua-bigendian.pcapng'].map(
      (name) => join(captures, name),
    ) as [string, string, string];
    await typed('export', one, '-o', lake);
    await typed('export', three, '-o', lake);
    expect(manifests(lake).filter(({ kind }) => kind === 'chain')).toHaveLength(2);
    expect((await typed('export', one, two, '-o', lake)).status).toBe(0);
    const heads = manifests(lake).filter(({ kind }) => kind === 'chain');
    const alone = fresh();
    await typed('export', two, '-o', alone);
    const calls = Number(manifests(alone)[0]?.['calls']);
    expect(calls).toBeGreaterThan(20);
    expect(new Set(heads.map((head) => head['calls']))).toEqual(new Set([60 + calls, 60]));
    expect((await rowsOf(lake)).get('calls')).toHaveLength(120 + calls);
    const before = sum(lake);
    const refused = await typed('export', two, three, '-o', lake);
    expect(refused).toMatchObject({ status: 2 });
    expect(refused.err).toContain('together with wua-session.pcapng');
    expect(sum(lake)).toBe(before);
    // Another sensor may have seen the same.
    expect((await typed('export', two, '-o', lake, '--sensor', 'other')).status).toBe(0);
  });

  it('leaves out a capture that is there twice', async () => {
    const lake = fresh();
    const copy = join(folder, 'copy.pcapng');
    copyFileSync(session, copy);
    const { err } = await typed('export', session, copy, '-o', lake);
    expect(err).toContain('copy.pcapng is the same capture as wua-session.pcapng');
    expect((await rowsOf(lake)).get('calls')).toHaveLength(60);
    expect(manifests(lake)[2]).toMatchObject({ file: 'copy.pcapng', sameAs: 'wua-session.pcapng', frames: 0 });
  });

  it('takes sensors from names, a chain each', async () => {
    const lake = fresh();
    for (const name of ['dc1-1.pcapng', 'dc2-1.pcapng']) copyFileSync(session, join(folder, name));
    const files = ['dc1-1.pcapng', 'dc2-1.pcapng'].map((name) => join(folder, name));
    expect((await typed('export', ...files, '-o', lake, '--sensor-from', '^(dc\\d)-')).status).toBe(0);
    const sensors = new Set(filesOf(lake).map((name) => /sensor=([^/]+)/.exec(name)?.[1]));
    expect([...sensors].toSorted()).toEqual(['dc1', 'dc2']);
    const refused = await typed('export', session, '-o', lake, '--sensor-from', '^(dc\\d)-');
    expect(refused).toMatchObject({ status: 2 });
    expect(refused.err).toContain('wua-session.pcapng does not say which sensor');
  });

  it('reads what rotated as it reads the whole', async () => {
    // The session cut between two packets, as a ring of files is.
    const bytes = readFileSync(session);
    const blocks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 4))
      blocks.push(bytes.subarray(at, at + bytes.readUInt32LE(at + 4)));
    const header = blocks.filter((block) => [0x0a0d0d0a, 1].includes(block.readUInt32LE(0)));
    const packets = blocks.filter((block) => block.readUInt32LE(0) === 6);
    const parts = [packets.slice(0, 101), packets.slice(101, 190), packets.slice(190)].map((some, at) => {
      const path = join(folder, `ring-${at}.pcapng`);
      writeFileSync(path, Buffer.concat([...header, ...some]));
      return path;
    });
    const [whole, ring] = [fresh(), fresh()];
    await typed('export', session, '-o', whole);
    await typed('export', ...parts, '-o', ring);
    const own = new Set(['chain', 'file', 'frame']);
    const plain = async (lake: string) =>
      [...(await rowsOf(lake))].map(([table, rows]) => [
        table,
        rows.map((row) => Object.entries(row).filter(([name]) => !own.has(name))),
      ]);
    expect(await plain(ring)).toEqual(await plain(whole));
    expect(
      manifests(ring)
        .slice(1)
        .map(({ frames }) => frames),
    ).toEqual([101, 89, packets.length - 190]);
  });

  it.each([
    [['-'], 'write stdin to a file first'],
    [[join(folder, 'none.pcap')], 'none.pcap'],
    [[folder], 'is no file'],
  ])('of %j is refused', async (files, why) => {
    const lake = fresh();
    const { status, err } = await typed('export', ...files, '-o', lake);
    expect(status).toBe(2);
    expect(err).toContain(why);
  });

  it('leaves a lake as it was where it cannot be written, and refuses a manifest that points out of it', async () => {
    const lake = fresh();
    await typed('export', session, '-o', lake);
    const manifest = join(lake, filesOf(lake).find((name) => name.startsWith('_manifests/')) ?? '');
    const text = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text.replace(/"path":"calls\/[^"]*"/, '"path":"../outside.parquet"'));
    const refused = await typed('export', session, '-o', lake);
    expect(refused).toMatchObject({ status: 2 });
    expect(refused.err).toContain('is no manifest of this version');
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    chmodSync(file, 0o600);
    expect((await typed('export', session, '-o', file)).err).toContain('cannot write');
    mkdirSync(join(folder, 'blocked/calls/day=2026-11-20'), { recursive: true });
    writeFileSync(join(folder, 'blocked/calls/day=2026-11-20/sensor=local'), 'in the way');
    const blocked = await typed('export', session, '-o', join(folder, 'blocked'));
    expect(blocked.status).toBe(2);
    expect(filesOf(join(folder, 'blocked'))).toEqual(['calls/day=2026-11-20/sensor=local']);
  });
});

describe('places of frames', () => {
  it('forget the oldest runs and no others', () => {
    const places = new FramePlaces(['a', 'b']);
    for (let frame = 1; frame <= MAX_FRAME_RUNS + 2; frame++) places.add(frame, frame % 2);
    expect(places.of(1)).toBeNull();
    expect(places.of(MAX_FRAME_RUNS + 1)).toEqual({ file: 'b', frame: MAX_FRAME_RUNS / 2 + 1 });
    expect(places.of(MAX_FRAME_RUNS + 2)).toEqual({ file: 'a', frame: MAX_FRAME_RUNS / 2 + 1 });
    expect(places.of(undefined)).toBeNull();
  });
});

describe('names of partitions', () => {
  it.each([
    ['dc1', 'dc1'],
    ['a b/c', 'a%20b%2Fc'],
    ['..', '..'],
    ['ü=1', '%C3%BC%3D1'],
  ])('of %s is %s', (text, name) => {
    expect(hiveValue(text)).toBe(name);
  });
});
