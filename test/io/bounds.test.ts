import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/concat.js';
import { Lz4Frames } from '../../src/bytes/lz4.js';
import { decompress } from '../../src/io/decompress.js';
import { MAX_ZSTD_WINDOW, ZstdFrames } from '../../src/bytes/zstd.js';

const attack = (name: string): Uint8Array => new Uint8Array(readFileSync(join(import.meta.dirname, 'attacks', name)));

/** Frame header with a window of 128 KiB, and blocks. */
function zstd(...blocks: readonly (readonly number[])[]): Uint8Array {
  return concat([Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3), ...blocks.map((block) => Uint8Array.from(block))]);
}

function block(type: number, size: number, bytes: readonly number[], last = true): readonly number[] {
  const word = (size << 3) | (type << 1) | Number(last);
  return [word & 255, (word >> 8) & 255, (word >> 16) & 255, ...bytes];
}

/** Bytes that came out, up to a bound, and why it stopped. */
function run(
  decoder: ZstdFrames | Lz4Frames,
  bytes: Uint8Array,
  piece = bytes.length,
  most = Infinity,
): readonly [number, string | null] {
  let count = 0;
  for (let at = 0; at < bytes.length; at += piece) {
    for (const data of decoder.push(bytes.subarray(at, at + piece), false)) {
      count += data.length;
      if (count >= most) return [count, null];
    }
  }
  for (const data of decoder.push(new Uint8Array(0), true)) count += data.length;
  return [count, decoder.failure?.message ?? null];
}

describe('zstd', () => {
  it('gives out one block at a time: 64 kB that expand to 2.1 GB wait for whoever takes them', () => {
    const before = process.memoryUsage().arrayBuffers;
    const [count] = run(new ZstdFrames(), attack('z128.zst'), 65_536, 64 * 1024 * 1024);
    expect(count).toBe(64 * 1024 * 1024);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(160 * 1024 * 1024);
  });

  it('refuses blocks larger than RFC 8878 allows: 16 kB that claim 8.3 GB', () => {
    const [count, failure] = run(new ZstdFrames(), attack('z2m.zst'));
    expect([count, failure]).toEqual([0, 'zstd: a block claims 2097151 bytes where 131072 is the most']);
  });

  it('refuses a window that nobody has memory for', () => {
    const [count, failure] = run(new ZstdFrames(), Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3));
    expect([count, failure]).toEqual([0, expect.stringContaining(`more than the ${MAX_ZSTD_WINDOW}`)]);
  });

  it('refuses compressed blocks whose headers claim more than a block holds, before any work', () => {
    const literals = zstd(block(2, 5, [0x0d, 0xff, 0xff, 0, 0]));
    expect(run(new ZstdFrames(), literals)[1]).toMatch(/claims \d+ literals where 131072/);
  });

  it('reads frames behind one another, skippable ones among them, in any pieces', () => {
    const frame = zstd(
      block(
        0,
        30,
        Array.from({ length: 30 }, (_, i) => i),
        false,
      ),
      block(1, 1000, [7]),
    );
    const skip = Uint8Array.of(0x52, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9);
    for (const piece of [1, 3, 5, 1000])
      expect(run(new ZstdFrames(), concat([frame, skip, frame]), piece)).toEqual([2060, null]);
    expect(run(new ZstdFrames(), frame.subarray(0, frame.length - 1))).toEqual([
      30,
      'zstd: the input ends inside a frame',
    ]);
  });
});

describe('LZ4', () => {
  /** Legacy frame of one block. */
  const legacy = (bytes: readonly number[]): Uint8Array =>
    concat([Uint8Array.of(2, 0x21, 0x4c, 0x18, bytes.length, 0, 0, bytes.length >> 24), Uint8Array.from(bytes)]);

  it('refuses a block as soon as it passes its size', () => {
    const long = Array.from({ length: 200 }, () => 255);
    // One byte, then a copy of it 51,000 times, in a frame whose blocks hold 8 MiB: right. Then one that lies.
    const size = [...long, 0];
    const good = concat([
      Uint8Array.of(2, 0x21, 0x4c, 0x18, (4 + size.length) & 255, (4 + size.length) >> 8, 0, 0),
      Uint8Array.of(0x1f, 1, 1, 0, ...size),
    ]);
    expect(run(new Lz4Frames(), good)).toEqual([1 + 15 + 4 + 200 * 255, null]);
    const body = new Uint8Array(40_000).fill(255);
    body.set([0x1f, 1, 1, 0]);
    const liar = concat([Uint8Array.of(2, 0x21, 0x4c, 0x18, 0x40, 0x9c, 0, 0), body]);
    const began = process.cpuUsage();
    expect(run(new Lz4Frames(), liar)[1]).toMatch(/ends inside a length|expands past its size/);
    expect(process.cpuUsage(began).user / 1e6).toBeLessThan(1);
  });

  it.each([
    ['more literals than it has', [0x50, 1, 2]],
    ['bytes before its beginning', [0x10, 1, 9, 0]],
    ['ends inside an offset', [0x10, 1, 9]],
  ])('refuses a block that lies: %s', (message, bytes) => {
    expect(run(new Lz4Frames(), legacy(bytes))[1]).toContain(message);
  });
});

describe('gzip', () => {
  it('waits for its reader without another listener a piece', async () => {
    const warnings: string[] = [];
    const told = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', told);
    const random = Uint8Array.from({ length: 64 * 1024 }, (_, at) => (at * at * 31) & 255);
    const members = Array.from({ length: 40 }, () => new Uint8Array(gzipSync(random, { level: 0 })));
    let count = 0;
    for await (const piece of decompress('gzip', Readable.from(members))) count += piece.length;
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', told);
    expect(count).toBe(40 * 64 * 1024);
    expect(warnings).toEqual([]);
  });
});
