import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { compress as lz4Compress } from 'lz4js';
import { afterAll, describe, expect, it } from 'vitest';
import { SAMPLES } from '../../captures/make/all.js';
import type { CaptureOutput } from '../../src/capture/reader.js';
import { openCapture } from '../../src/io/files.js';
import { concat } from '../../src/bytes/concat.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

const plain = SAMPLES['wua-session.pcapng']?.() ?? new Uint8Array(0);

/** A zstd frame of raw blocks, as RFC 8878 3.1 lays it out: enough to test the way in, without a compressor. */
function zstd(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58)];
  for (let at = 0; at < bytes.length; at += 4096) {
    const block = bytes.subarray(at, at + 4096);
    const header = (block.length << 3) | (at + 4096 >= bytes.length ? 1 : 0);
    parts.push(Uint8Array.of(header & 0xff, (header >> 8) & 0xff, header >> 16), block);
  }
  return concat(parts);
}

/** A legacy LZ4 frame whose one block is all literals. */
function legacyLz4(bytes: Uint8Array): Uint8Array {
  const over = bytes.length - 15;
  const block = concat([
    Uint8Array.of(0xf0),
    new Uint8Array(Math.floor(over / 255)).fill(255),
    Uint8Array.of(over % 255),
    bytes,
  ]);
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, block.length, true);
  return concat([Uint8Array.of(0x02, 0x21, 0x4c, 0x18), size, block]);
}

async function read(bytes: Uint8Array, name: string): Promise<readonly CaptureOutput[]> {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return drain(openCapture(path, 0, Readable.from([])));
}

async function drain(batches: ReturnType<typeof openCapture>): Promise<readonly CaptureOutput[]> {
  const out: CaptureOutput[] = [];
  for await (const batch of batches) out.push(...batch.items);
  return out;
}

const frames = (out: readonly CaptureOutput[]): number => out.filter((item) => item.kind === 'frame').length;
const codes = (out: readonly CaptureOutput[]): readonly string[] =>
  out.filter((item) => item.kind === 'problem').map((problem) => problem.code);

describe('opening captures', () => {
  // Names say nothing: content decides.
  const forms: Readonly<Record<string, Uint8Array>> = {
    plain,
    gzip: gzipSync(plain),
    'gzip of two members': concat([gzipSync(plain.subarray(0, 9000)), gzipSync(plain.subarray(9000))]),
    zstd: zstd(plain),
    lz4: lz4Compress(plain),
    'lz4, legacy': legacyLz4(plain),
  };
  for (const [form, bytes] of Object.entries(forms)) {
    it(`reads ${form}, by content, from a file and from stdin in small pieces`, async () => {
      const out = await read(bytes, 'capture.txt');
      expect([frames(out), codes(out)]).toEqual([288, []]);
      const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) =>
        Buffer.from(bytes.subarray(i * 1000, i * 1000 + 1000)),
      );
      const piped = await drain(openCapture('-', 0, Readable.from(pieces)));
      expect([frames(piped), codes(piped)]).toEqual([288, []]);
    });

    it(`keeps what came before the cut of ${form}, and never throws`, async () => {
      for (const part of [0.1, 0.5, 0.9]) {
        const out = await read(bytes.subarray(0, Math.floor(bytes.length * part)), 'cut');
        expect(codes(out).length).toBeGreaterThan(0);
        if (part === 0.9 && !form.startsWith('lz4')) expect(frames(out)).toBeGreaterThan(20);
      }
      const broken = bytes.slice();
      for (let i = 40; i < broken.length; i += 97) broken[i] = (broken[i] as number) ^ 0x55;
      await read(broken, 'broken');
    });
  }

  // It said "the input is empty" of a file that was not.
  it('says that nothing could be decompressed where the damage is at the beginning', async () => {
    const out = await read(concat([gzipSync(plain).subarray(0, 12), new Uint8Array(200).fill(0xa5)]), 'rotten');
    expect(out.map((item) => (item.kind === 'problem' ? [item.code, item.message] : []))).toEqual([
      ['capture-bad-compression', expect.stringMatching(/^gzip: /)],
      ['capture-empty', expect.stringMatching(/^nothing could be decompressed/)],
    ]);
  });

  it('says what is wrong with a path', async () => {
    mkdirSync(join(folder, 'dir'));
    await expect(drain(openCapture(join(folder, 'none.pcap'), 0, Readable.from([])))).rejects.toThrow(/no such file/);
    await expect(drain(openCapture(join(folder, 'dir'), 0, Readable.from([])))).rejects.toThrow(/directory/);
    expect(codes(await read(new Uint8Array(0), 'empty'))).toEqual(['capture-empty']);
    expect(codes(await drain(openCapture('-', 0, Readable.from([]))))).toEqual(['capture-empty']);
  });
});
