import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ZstdFrames } from '../../src/bytes/zstd.js';

/** What the files of test/bytes/zstd hold: words in an order of their own, then bytes that nothing compresses. */
function content(): Uint8Array {
  const words = ['IUpdateSearcher', 'Search', 'criteria', 'IsInstalled=0', 'the', 'of', 'HRESULT', '0x80240007', '\n'];
  let seed = 1;
  const next = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff) >>> 8;
  let text = '';
  while (text.length < 160_000) text += `${words[next() % words.length]}${' '.repeat(next() % 3)}`;
  const noise = Uint8Array.from({ length: 3000 }, () => next() & 255);
  return Uint8Array.from([...Buffer.from(text.slice(0, 160_000)), ...noise, ...new Uint8Array(20_000)]);
}

function decoded(bytes: Uint8Array, piece: number): { readonly bytes: Uint8Array; readonly failure: string | null } {
  const decoder = new ZstdFrames();
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += piece) parts.push(...decoder.push(bytes.slice(at, at + piece), false));
  parts.push(...decoder.push(new Uint8Array(0), true));
  return { bytes: new Uint8Array(Buffer.concat(parts)), failure: decoder.failure?.message ?? null };
}

/** A frame with a window of 128 KiB around one compressed block. */
function frame(...block: readonly number[]): Uint8Array {
  const word = (block.length << 3) | (2 << 1) | 1;
  return Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3, word & 255, word >> 8, 0, ...block);
}

describe('blocks of zstd', () => {
  // Written by zstd 1.5.4: `zstd -1`, `-19`, `--fast=3` of a pipe (no size), `-3` in two frames.
  it.each(['fast-pipe', 'level-1', 'level-19', 'two-frames'])('of %s are those that zstd wrote', (name) => {
    const bytes = new Uint8Array(readFileSync(join(import.meta.dirname, 'zstd', `${name}.zst`)));
    const expected = Buffer.from(content());
    for (const piece of [bytes.length, 1000]) {
      const { bytes: made, failure } = decoded(bytes, piece);
      expect([failure, Buffer.from(made).equals(expected)]).toEqual([null, true]);
    }
  });

  it('are damaged where any bit of them is flipped, or give other bytes: never an exception, never more than they may', () => {
    const bytes = new Uint8Array(readFileSync(join(import.meta.dirname, 'zstd', 'level-19.zst')));
    const most = content().length + 131_072;
    for (let at = 4; at < bytes.length; at += 331) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ (1 << (at & 7));
      expect(decoded(changed, 4096).bytes.length).toBeLessThanOrEqual(most);
    }
  });

  it.each<readonly [string, readonly number[]]>([
    // 4,000 sequences of one code that copies 65,539 bytes and more: by the second one the block is full.
    ['expands past the 131072 bytes', [0x08, 65, 0x8f, 0xa0, 0x54, 0, 0, 52, ...Array<number>(64).fill(255)]],
    ['claims 1048575 literals', [0xfd, 0xff, 0xff, 0, 0]],
    ['ends inside its literals', [0x50, 1, 2]],
    ['no block before it described', [0x13, 0x40, 0, 1]],
    ['repeats a table that no block before it had', [0x00, 1, 0xfc, 1]],
    ['repeats a code that there is none of', [0x00, 1, 0x54, 60, 0, 0, 1]],
    ['ends before its codes do', [0x00, 2, 0x54, 0, 0, 52, 1]],
    ['refers to bytes before the beginning', [0x00, 1, 0x54, 0, 3, 0, 0x08]],
    ['bits of its modes that are reserved', [0x00, 1, 1, 1]],
    ['bytes follow a block without sequences', [0x00, 0, 1]],
    ['an accuracy of 20', [0x00, 1, 0x80, 15, 0, 0, 1]],
  ])('are refused where one %s', (message, block) => {
    expect(decoded(frame(...block), 1000).failure).toContain(message);
  });

  it('hold what their frame says', () => {
    const raw = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, (2 << 3) | 1, 0, 0, 65, 66);
    expect(decoded(raw, 100).failure).toBe('zstd: a frame holds 2 bytes and says 3');
    expect(decoded(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x21, 9, 0, 1, 0, 0), 100).failure).toContain('dictionary 9');
  });
});
