import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CaptureIndex, type IndexOptions } from '../../../src/io/index/capture-index.js';
import { IndexWriter, readIndex, type IndexContent } from '../../../src/io/index/form.js';
import { leftAlone } from '../../support/left-alone.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'uamgscope-index-')));
afterAll(() => rmSync(folder, { recursive: true }));
const cache = join(folder, 'cache');
const indexes = join(cache, 'uamgscope/indexes');
const capture = join(folder, 'day.pcap');
const other = join(folder, 'night.pcap');
const pieces = [new Uint8Array(0), Uint8Array.of(1, 2, 3), new Uint8Array(3_000_000).fill(7)];

/** A file as large as another, that has been left alone for long enough to be believed. */
beforeAll(() => {
  leftAlone();
  writeFileSync(capture, Buffer.alloc(5000, 1));
  writeFileSync(other, Buffer.alloc(5000, 2));
});

const index = (options: Partial<IndexOptions> = {}): CaptureIndex => {
  const all = { kind: 'test', files: [capture], way: [1], place: 'cache' as const, env: { XDG_CACHE_HOME: cache } };
  return CaptureIndex.of({ ...all, ...options }) as CaptureIndex;
};

const kept = async (options: Partial<IndexOptions> = {}): Promise<boolean> => index(options).write(pieces);

async function read(options: Partial<IndexOptions> = {}): Promise<readonly [number | null, string | null]> {
  const one = index(options);
  const found = await one.read();
  await found?.close();
  return [found?.count ?? null, one.note];
}

const USED = [pieces.length, null] as const;
const unused = (why: string): readonly unknown[] => [null, expect.stringContaining(why)];

/** The one index that is kept. */
function onlyIndex(): string {
  const [name = '', ...more] = readdirSync(indexes);
  expect(more).toEqual([]);
  return join(indexes, name);
}

function fresh(): void {
  rmSync(indexes, { recursive: true, force: true });
}

describe('an index', () => {
  it('gives back what was kept, to nobody but its owner', async () => {
    fresh();
    expect(await read()).toEqual([null, null]);
    expect(await kept()).toBe(true);
    const found = await index().read();
    expect(pieces.map((piece, at) => found?.read(at).equals(piece))).toEqual([true, true, true]);
    expect([...(found?.read(1, 1) ?? [])]).toEqual([2, 3]);
    expect([...(found?.read(1, 1, 1) ?? [])]).toEqual([2]);
    for (const [piece, from, size] of [
      [3, 0, 0],
      [1, 2, 2],
      [1, -1, 1],
      [1, 4, -1],
    ] as const)
      expect(() => found?.read(piece, from, size)).toThrow(RangeError);
    await found?.close();
    expect(statSync(onlyIndex()).mode & 0o777).toBe(0o600);
    expect(statSync(join(cache, 'uamgscope')).mode & 0o777).toBe(0o700);
    expect(statSync(join(cache, 'uamgscope/index.key')).mode & 0o777).toBe(0o600);
  });

  it('is of captures, a way to read them, and who reads it', async () => {
    fresh();
    await kept();
    expect(await read()).toEqual(USED);
    for (const otherwise of [{ way: [2] }, { kind: 'others' }, { files: [other] }, { files: [capture, other] }])
      expect(await read(otherwise)).toEqual([null, null]);
    await kept({ files: [capture, other] });
    expect(await read({ files: [capture, other] })).toEqual(USED);
  });

  it('is used of a file that was touched or copied in its place, and not of one whose bytes have changed', async () => {
    fresh();
    const copy = join(folder, 'copy.pcap');
    copyFileSync(capture, copy);
    expect(await kept({ files: [copy] })).toBe(true);
    utimesSync(copy, new Date(0), new Date(0));
    expect(await read({ files: [copy] })).toEqual(USED);
    rmSync(copy);
    copyFileSync(capture, copy);
    expect(await read({ files: [copy] })).toEqual(USED);
    // As large, and with the times of the first.
    const { atime, mtime } = statSync(copy);
    copyFileSync(other, copy);
    utimesSync(copy, atime, mtime);
    expect(await read({ files: [copy] })).toEqual(unused('the capture has changed since'));
    writeFileSync(copy, Buffer.alloc(5001, 1));
    expect(await read({ files: [copy] })).toEqual(unused('the capture has changed since'));
  });

  it('is not kept of a capture that changes meanwhile, or has just changed', async () => {
    fresh();
    const growing = join(folder, 'growing.pcap');
    writeFileSync(growing, 'abc');
    leftAlone(false);
    expect(await kept({ files: [growing] })).toBe(false);
    leftAlone();
    const one = index({ files: [growing] });
    writeFileSync(growing, 'abd');
    expect(await one.write(pieces)).toBe(false);
    expect(readdirSync(indexes)).toEqual([]);
  });

  it('is not believed where a bit of it changed, wherever, or it was cut', async () => {
    fresh();
    await kept();
    const path = onlyIndex();
    const whole = readFileSync(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), fc.boolean(), async (at, bit, cut) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] as number) ^ (1 << bit);
        writeFileSync(path, cut ? whole.subarray(0, at) : bytes);
        expect(await read()).toEqual(unused('it is damaged, or was not written here'));
      }),
      { numRuns: 60 },
    );
    writeFileSync(path, whole);
    expect(await read()).toEqual(USED);
    expect(await kept()).toBe(true);
  });

  it('is not believed where somebody else made it, though it is whole', async () => {
    fresh();
    await kept();
    const foreign = join(folder, 'foreign');
    const env = { XDG_CACHE_HOME: foreign };
    await kept({ env });
    const theirs = join(foreign, 'uamgscope/indexes', readdirSync(join(foreign, 'uamgscope/indexes'))[0] ?? '');
    copyFileSync(theirs, onlyIndex());
    expect(await read()).toEqual(unused('it is damaged, or was not written here'));
  });

  it('is not believed where others may read or write it, or where it is a link or no file', async () => {
    fresh();
    await kept();
    const path = onlyIndex();
    chmodSync(path, 0o644);
    expect(await read()).toEqual(unused('it is not yours alone'));
    chmodSync(path, 0o600);
    const aside = join(folder, 'aside');
    renameSync(path, aside);
    symlinkSync(aside, path);
    expect(await read()).toEqual(unused('ELOOP'));
    const one = index();
    expect(await one.write(pieces)).toBe(false);
    expect(one.note).toContain('is no file of yours');
    rmSync(path);
    mkdirSync(path);
    expect(await read()).toEqual(unused('not yours alone'));
    rmSync(path, { recursive: true });
    linkSync(aside, path);
    expect(await read()).toEqual(USED);
  });

  it('is kept beside the capture where that is asked for, and only where nobody else writes', async () => {
    const shared = join(folder, 'shared');
    mkdirSync(shared, { mode: 0o700 });
    const there = join(shared, 'day.pcap');
    copyFileSync(capture, there);
    const beside = { place: 'beside' as const, files: [there] };
    expect(await kept(beside)).toBe(true);
    expect(existsSync(`${there}.test.uamgidx`)).toBe(true);
    expect(await read(beside)).toEqual(USED);
    expect(await read({ ...beside, way: [2] })).toEqual(unused('with other options or by another version'));
    chmodSync(shared, 0o777);
    expect(() => index(beside)).toThrow(`others can write into ${shared}`);
    expect(() => index({ place: 'beside', files: [capture, other] })).toThrow('several captures');
  });

  it('is bounded, alone and with others', async () => {
    fresh();
    const limits = { captures: 6000, index: 4_000_000, indexes: 7_000_000 };
    expect(
      CaptureIndex.of({
        kind: 'test',
        files: [capture],
        way: [],
        place: 'auto',
        env: { XDG_CACHE_HOME: cache },
        limits,
      }),
    ).toBeNull();
    expect(await kept({ files: [capture, other], place: 'auto', limits })).toBe(true);
    const one = index({ limits: { ...limits, index: 2_000_000 } });
    expect([await one.write(pieces), one.note]).toEqual([false, expect.stringContaining('larger than 2000000 bytes')]);
    const past = new Date(Date.now() - 100_000);
    utimesSync(onlyIndex(), past, past);
    for (const way of [[1], [2]]) expect(await kept({ way, limits })).toBe(true);
    expect(await read({ files: [capture, other], limits })).toEqual([null, null]);
    for (const way of [[1], [2]]) expect(await read({ way, limits })).toEqual(USED);
    // One that is larger than it may be is not read.
    expect(await read({ way: [1], limits: { ...limits, index: 1000 } })).toEqual(unused('too large'));
  });

  it('leaves nothing of itself where it is ended, or making it fails', async () => {
    fresh();
    const ending = new AbortController();
    async function* some(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(10);
      ending.abort();
      yield new Uint8Array(10);
    }
    const one = index();
    expect([await one.write(some(), ending.signal), one.note]).toEqual([false, null]);
    const wrong = index();
    function* failing(): Generator<Uint8Array> {
      yield new Uint8Array(10);
      throw new Error('out of words');
    }
    expect([await wrong.write(failing()), wrong.note]).toEqual([false, 'no index is kept: out of words']);
    expect(readdirSync(indexes)).toEqual([]);
  });

  it('is refused where it is asked for and cannot be', () => {
    expect(() => index({ files: ['-'] })).toThrow('--index cache: stdin cannot be read again');
    expect(() => index({ files: ['/dev/null'] })).toThrow('what is no file');
    const open = join(folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    mkdirSync(join(open, 'uamgscope'));
    chmodSync(join(open, 'uamgscope'), 0o777);
    const env = { XDG_CACHE_HOME: open };
    expect(() => index({ env })).toThrow('not by you alone');
    const small = { captures: 0, index: 1e9, indexes: 1e9 };
    expect(CaptureIndex.of({ kind: 'test', files: [capture], way: [], place: 'auto', env, limits: small })).toBeNull();
  });
});

describe('the bytes of an index', () => {
  const key = Buffer.alloc(32, 9);
  const readOf = (bytes: Buffer, own: Buffer = key): Promise<IndexContent | null> => {
    const fill = async (into: Uint8Array, at: number): Promise<void> => {
      expect(at + into.length).toBeLessThanOrEqual(bytes.length);
      into.set(bytes.subarray(at, at + into.length));
    };
    return readIndex({ size: bytes.length, fill }, own);
  };

  it('are read whatever they are, and believed only with the key', async () => {
    const writer = new IndexWriter({ way: 'w', captures: [] }, key);
    const parts = [writer.begin(), writer.piece(3), writer.part(Uint8Array.of(1, 2, 3)), writer.end()];
    const whole = Buffer.concat(parts);
    expect(await readOf(whole)).toEqual({
      head: { way: 'w', captures: [] },
      pieces: [{ at: whole.length - 35, size: 3 }],
    });
    expect(await readOf(whole, Buffer.alloc(32, 8))).toBeNull();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, begun) => {
        const given = begun ? Buffer.concat([whole.subarray(0, 18), bytes]) : Buffer.from(bytes);
        expect(await readOf(given)).toBeNull();
      }),
    );
  });

  it('are refused where their sizes do not fit, though the key does', async () => {
    const writer = new IndexWriter({ way: 'w', captures: [] }, key);
    const whole = Buffer.concat([writer.begin(), writer.piece(4000), writer.part(Uint8Array.of(1)), writer.end()]);
    expect(await readOf(whole)).toBeNull();
    const short = new IndexWriter({ way: 'w', captures: [] }, key);
    expect(await readOf(Buffer.concat([short.begin(), short.part(Uint8Array.of(1, 0)), short.end()]))).toBeNull();
  });
});
