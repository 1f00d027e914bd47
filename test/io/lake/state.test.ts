import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../../src/cli/cli.js';
import { filesOf, parquetRows } from '../../support/lake.js';
import { packageRoot } from '../../support/shared.js';
import { framesOf, writeFrames } from '../../support/split.js';
import { testStreams } from '../../support/streams.js';
import { tables } from '../../tui/support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-state-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function typed(...words: readonly string[]) {
  const streams = testStreams();
  const status = await run(words, streams, async () => tables());
  return { status, out: streams.out(), err: streams.err() };
}

let names = 0;
const fresh = (): string => join(folder, `n${++names}`);

/** The rows of a lake, table by table, without the name of the chain. */
async function rowsOf(lake: string): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const file of filesOf(lake).filter((name) => name.endsWith('.parquet'))) {
    const table = file.split('/').slice(0, 2).join(' ');
    for (const { chain: _, ...row } of await parquetRows(join(lake, file)))
      rows.push(`${table} ${JSON.stringify(row, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value))}`);
  }
  return rows.toSorted();
}

/** Packets in files, cut behind some of them. */
function pieces(path: string, cuts: readonly number[]): readonly string[] {
  const frames = framesOf(path);
  const edges = [0, ...cuts, frames.length];
  return edges.slice(1).map((to, at) => {
    const name = `${fresh()}-${at}.pcapng`;
    writeFrames(name, frames.slice(edges[at], to));
    return name;
  });
}

interface Exports {
  readonly whole: readonly string[];
  readonly parts: readonly string[];
}

/** The rows of captures exported at once, and one by one with a state. */
async function both(files: readonly string[], ...options: readonly string[]): Promise<Exports> {
  const [whole, parts, state] = [fresh(), fresh(), fresh()];
  expect(await typed('export', ...files, '-o', whole, ...options)).toMatchObject({ status: 0 });
  for (const file of files)
    expect(await typed('export', file, '-o', parts, '--state', state, ...options)).toMatchObject({ status: 0 });
  expect(filesOf(parts).filter((name) => name.includes('/.'))).toEqual([]);
  return { whole: await rowsOf(whole), parts: await rowsOf(parts) };
}

const captures = join(packageRoot(), 'captures');
const session = join(captures, 'wua-session.pcapng');
const secrets = ['--password', 'alice:secret'];

describe('a chain that grows', () => {
  it.each([
    ['wua-session.pcapng'],
    ['wua-late-bound.pcapng'],
    ['wua-damaged.pcap'],
    ['sessions/impacket-privacy.pcapng', ...secrets],
  ])('of %s has the rows of the whole, wherever it is cut', async (name, ...options) => {
    const path = join(captures, name);
    const count = framesOf(path).length;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat(count), { minLength: 2, maxLength: 2 }).map((cuts) => cuts.toSorted((a, b) => a - b)),
        async (cuts) => {
          const { whole, parts } = await both(pieces(path, cuts), ...options);
          expect(whole.length).toBeGreaterThan(20);
          expect(parts).toEqual(whole);
        },
      ),
      { numRuns: 2, seed: 23 },
    );
  });

  it('loses what it should not where the state is left out', async () => {
    const [one = '', two = ''] = pieces(session, [140]);
    const [whole, parts] = [fresh(), fresh()];
    await typed('export', one, two, '-o', whole);
    for (const file of [one, two]) await typed('export', file, '-o', parts);
    expect(await rowsOf(parts)).not.toEqual(await rowsOf(whole));
  });

  it('passes over what it has read, and has nothing to do where nothing came', async () => {
    const files = pieces(session, [100, 200]);
    const [whole, lake, state] = [fresh(), fresh(), fresh()];
    await typed('export', ...files, '-o', whole);
    await typed('export', ...files.slice(0, 1), '-o', lake, '--state', state);
    const { err, status } = await typed('export', ...files, '-o', lake, '--state', state);
    expect({ status, err }).toEqual({
      status: 0,
      err: expect.stringContaining('1 capture of sensor local had been read before'),
    });
    expect(await rowsOf(lake)).toEqual(await rowsOf(whole));
    const before = all(lake, state);
    expect(await typed('export', ...files, '-o', lake, '--state', state)).toMatchObject({ status: 0 });
    expect(all(lake, state)).toEqual(before);
    expect(statSync(state).mode & 0o777).toBe(0o600);
  });

  it('is the same where the lake was written and the state was not', async () => {
    const [one = '', two = '', three = ''] = pieces(session, [100, 200]);
    const [lake, state, kept] = [fresh(), fresh(), fresh()];
    await typed('export', one, '-o', lake, '--state', state);
    copyFileSync(state, kept);
    await typed('export', two, '-o', lake, '--state', state);
    const after = all(lake, state);
    copyFileSync(kept, state);
    const alone = await typed('export', three, '-o', lake, '--state', state);
    expect(alone).toMatchObject({ status: 2, err: expect.stringContaining('give it, too') });
    expect(all(lake, state).slice(0, -1)).toEqual(after.slice(0, -1));
    await typed('export', two, '-o', lake, '--state', state);
    // Not the state's own bytes: the engine keeps equal texts in one way or another.
    expect(all(lake, state).slice(0, -1)).toEqual(after.slice(0, -1));
    copyFileSync(kept, state);
    await typed('export', two, three, '-o', lake, '--state', state);
    const whole = fresh();
    await typed('export', one, two, three, '-o', whole);
    expect(await rowsOf(lake)).toEqual(await rowsOf(whole));
  });

  it('reads by time: a capture that began before the end of the others is refused, unless told otherwise', async () => {
    const [one = '', two = ''] = pieces(session, [140]);
    const [lake, state] = [fresh(), fresh()];
    await typed('export', two, '-o', lake, '--state', state);
    const before = all(lake, state);
    const late = await typed('export', one, '-o', lake, '--state', state);
    expect(late).toMatchObject({ status: 2, err: expect.stringContaining('begins before the end') });
    expect(all(lake, state)).toEqual(before);
    const [other, own] = [fresh(), fresh()];
    for (const file of [two, one])
      expect(await typed('export', file, '-o', other, '--state', own, '--in-order')).toMatchObject({ status: 0 });
    const whole = fresh();
    await typed('export', two, one, '-o', whole, '--in-order');
    expect(await rowsOf(other)).toEqual(await rowsOf(whole));
  });

  it('keeps a state for each sensor', async () => {
    const [one = '', two = ''] = ['a-1.pcapng', 'b-1.pcapng'].map((name) => join(folder, name));
    for (const name of [one, two]) copyFileSync(session, name);
    const words = ['export', one, two, '-o', fresh(), '--sensor-from', '^(.)-'];
    expect(await typed(...words, '--state', fresh())).toMatchObject({
      status: 2,
      err: expect.stringContaining('{sensor}'),
    });
    expect(await typed(...words, '--state', join(folder, 'of-{sensor}'))).toMatchObject({ status: 0 });
    expect(statSync(join(folder, 'of-a')).size).toBeGreaterThan(1000);
    expect(statSync(join(folder, 'of-b')).size).toBeGreaterThan(1000);
  });

  it('holds no secret that was given', async () => {
    const [lake, state] = [fresh(), fresh()];
    const path = join(captures, 'sessions/impacket-privacy.pcapng');
    await typed(
      'export',
      path,
      '-o',
      lake,
      '--state',
      state,
      '--password',
      'alice:secret',
      '--password',
      'x:KvX9-not-here',
    );
    const bytes = readFileSync(state);
    const text = unpackedState(bytes);
    expect(text.includes('alice')).toBe(true);
    expect(text.includes('KvX9-not-here')).toBe(false);
    expect(text.includes(Buffer.from('KvX9-not-here', 'utf16le'))).toBe(false);
  });

  describe('refuses a state', () => {
    const spoilt: readonly (readonly [string, (bytes: Buffer) => Buffer, string])[] = [
      ['that is empty', () => Buffer.alloc(0), 'is no state that export wrote'],
      ['that is a capture', () => readFileSync(session), 'is no state that export wrote'],
      ['that is cut', (bytes) => bytes.subarray(0, bytes.length - 1), 'is damaged'],
      ['with a bit changed', (bytes) => changed(bytes, bytes.length >> 1), 'is damaged'],
      [
        'of a newer version',
        (bytes) => edited(bytes, 'uamgscope-state 1', 'uamgscope-state 2'),
        'a state of version 2',
      ],
      [
        'of another program',
        (bytes) => resummed(bytes, '"program":"uamgscope ', '"program":"uamgscope 9'),
        'was written by',
      ],
      ['of another build', (bytes) => resummed(bytes, '"layout":"', '"layout":"0'), 'another build'],
      [
        'whose pieces are other bytes',
        (bytes) => resummed(bytes, '"pieces":[', '"pieces":[1,'),
        'cannot be gone on with',
      ],
      ['that says nothing', (bytes) => resummed(bytes, '"settings"', '"sittings"'), 'cannot be gone on with'],
    ];
    const [one = '', two = ''] = pieces(session, [140]);
    const [lake, state] = [fresh(), fresh()];
    beforeAll(async () => {
      expect(await typed('export', one, '-o', lake, '--state', state)).toMatchObject({ status: 0 });
    });

    it.each(spoilt)('%s, and changes nothing', async (_name, spoil, words) => {
      const whole = readFileSync(state);
      writeFileSync(state, spoil(whole));
      const before = all(lake, state);
      expect(await typed('export', two, '-o', lake, '--state', state)).toMatchObject({
        status: 2,
        err: expect.stringContaining(words),
      });
      expect(all(lake, state)).toEqual(before);
      writeFileSync(state, whole);
    });

    it.each([
      [['--sensor', 'dc2'], 'is of sensor local'],
      [['--opnums', 'printed'], 'with --opnums auto'],
      [['--format', 'csv'], 'with format parquet'],
      [['--in-order'], 'with --in-order not given'],
      [['--password', 'bob:x'], 'with secrets none'],
    ])('for other options: %s', async (options, words) => {
      const before = all(lake, state);
      const { status, err } = await typed('export', two, '-o', lake, '--state', state, ...options);
      expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(words) });
      expect(all(lake, state)).toEqual(before);
    });

    it('for another lake', async () => {
      const { status, err } = await typed('export', two, '-o', fresh(), '--state', state);
      expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining('has not, or has less of') });
    });
  });
});

/** All files of a lake, and the state, with sums of what is in them. */
function all(lake: string, state: string): readonly string[] {
  const lines = filesOf(lake).map((file) => `${file} ${sumOf(join(lake, file))}`);
  return [...lines, sumOf(state)];
}

function sumOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function changed(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function edited(bytes: Buffer, from: string, to: string): Buffer {
  const at = bytes.indexOf(from);
  expect(at).toBeGreaterThanOrEqual(0);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(to), bytes.subarray(at + from.length)]);
}

/** The same with another text in it and a checksum that holds. */
function resummed(bytes: Buffer, from: string, to: string): Buffer {
  const rest = edited(bytes, from, to).subarray(bytes.indexOf('\n') + 1);
  return Buffer.concat([Buffer.from(`uamgscope-state 1 ${createHash('sha256').update(rest).digest('hex')}\n`), rest]);
}

/** What a state holds, unpacked. */
function unpackedState(bytes: Buffer): Buffer {
  const rest = bytes.subarray(bytes.indexOf('\n') + 1);
  const end = rest.indexOf('\n');
  const { pieces: sizes } = JSON.parse(rest.toString('utf8', 0, end)) as { readonly pieces: readonly number[] };
  let at = end + 1;
  return Buffer.concat([
    rest.subarray(0, end),
    ...sizes.map((size) => inflateRawSync(rest.subarray(at, (at += size)))),
  ]);
}
