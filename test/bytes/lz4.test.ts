import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../src/bytes/hex.js';
import { XxHash32, xxHash32 } from '../../src/bytes/xxhash32.js';
import { Lz4Frames } from '../../src/bytes/lz4.js';
import { concat } from '../../src/bytes/concat.js';

const text = (from: string): Uint8Array => new TextEncoder().encode(from);

function hex(from: string): Uint8Array {
  const bytes = fromHex(from);
  if (bytes === null) throw new Error(`not hex: ${from}`);
  return bytes;
}

/** Feeds bytes in pieces of a size; what came out, and why it stopped. */
function decoded(bytes: Uint8Array, size = bytes.length): { readonly text: string; readonly failure: string | null } {
  const frames = new Lz4Frames();
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...frames.push(bytes.subarray(at, at + size), false));
  out.push(...frames.push(new Uint8Array(0), true));
  return { text: new TextDecoder().decode(concat(out)), failure: frames.failure?.message ?? null };
}

const PLAIN = Array.from({ length: 8 }, (_, i) => `uamgscope ${i}. `).join('');
// Written by lz4 1.9.4 of PLAIN.
const CHECKED = hex(
  '04224d187c406800000000000000582e000000d675616d6773636f706520302e200d0018310d0018320d0018330d0018340d0018350d0016360d00506520372e202f6e9e8200000000e4d29b57',
);
const LEGACY = hex(
  '02214c182e000000d675616d6773636f706520302e200d0018310d0018320d0018330d0018340d0018350d0016360d00506520372e20',
);
const LINKED = hex(
  '04224d187440bd2e000000d675616d6773636f706520302e200d0018310d0018320d0018330d0018340d0018350d0016360d00506520372e202f6e9e8200000000e4d29b57',
);

describe('xxHash-32', () => {
  it('has the published values', () => {
    expect([
      xxHash32(text('')),
      xxHash32(text('a')),
      xxHash32(text('abc')),
      xxHash32(text('Nobody inspects the spammish repetition')),
    ]).toEqual([0x02cc_5d05, 0x550d_7456, 0x32d1_53ff, 0xe229_3b2f]);
  });

  it('is the same for every split', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (pieces) => {
        const hash = new XxHash32();
        for (const piece of pieces) hash.update(piece);
        expect(hash.digest()).toBe(xxHash32(concat(pieces)));
      }),
    );
  });
});

describe('LZ4 frames', () => {
  for (const [name, bytes] of Object.entries({
    'with every checksum': CHECKED,
    legacy: LEGACY,
    'of linked blocks': LINKED,
    'one after another': concat([LEGACY, CHECKED, LINKED]),
  })) {
    it(`reads frames ${name}, in pieces of any size`, () => {
      const times = bytes.length > CHECKED.length + LEGACY.length ? 3 : 1;
      for (const size of [1, 7, bytes.length])
        expect(decoded(bytes, size)).toEqual({ text: PLAIN.repeat(times), failure: null });
    });
  }

  it('lets linked blocks refer to those before them', () => {
    // FLG 0x40 (version 1, linked), a block of ten bytes as they are, and one that copies ten bytes from ten back and
    // ends in `!`.
    const descriptor = hex('4040');
    const frame = concat([
      hex('04224d18'),
      descriptor,
      Uint8Array.of((xxHash32(descriptor) >>> 8) & 0xff),
      hex('0a000080'),
      text('uamgscope '),
      hex('05000000'),
      hex('060a001021'),
      hex('00000000'),
    ]);
    for (const size of [1, frame.length])
      expect(decoded(frame, size)).toEqual({ text: 'uamgscope uamgscope !', failure: null });
  });

  it('finds every flipped bit of a frame that has all checksums', () => {
    for (let bit = 0; bit < CHECKED.length * 8; bit++) {
      const broken = CHECKED.slice();
      broken[bit >>> 3] = (broken[bit >>> 3] as number) ^ (1 << (bit & 7));
      expect(decoded(broken).failure, `bit ${bit}`).toMatch(/^lz4: /);
    }
  });

  it('says what a checksum is of, and hands on what came before', () => {
    const flipped = (from: number): Uint8Array => CHECKED.with(from, (CHECKED[from] as number) ^ 1);
    expect(decoded(flipped(4))).toMatchObject({ text: '', failure: expect.stringContaining('header') as string });
    expect(decoded(flipped(30))).toMatchObject({
      text: '',
      failure: expect.stringContaining('a block does not have its checksum') as string,
    });
    expect(decoded(flipped(CHECKED.length - 1))).toMatchObject({
      text: PLAIN,
      failure: expect.stringContaining('content') as string,
    });
    expect(decoded(concat([CHECKED, flipped(30)]))).toMatchObject({
      text: PLAIN,
      failure: expect.stringContaining('a block') as string,
    });
  });

  it('refuses a frame that wants a dictionary, by its number', () => {
    // FLG 0x61 (version 1, independent blocks, dictionary id), BD 0x40, dictionary 7.
    const descriptor = hex('614007000000');
    const frame = concat([
      hex('04224d18'),
      descriptor,
      Uint8Array.of((xxHash32(descriptor) >>> 8) & 0xff),
      hex('00000000'),
    ]);
    expect(decoded(frame).failure).toMatch(/dictionary 7/);
  });

  it('tells a cut from an end', () => {
    for (let at = 1; at < CHECKED.length; at++)
      expect(decoded(CHECKED.subarray(0, at)).failure, `cut at ${at}`).toMatch(/^lz4: /);
    expect(decoded(LEGACY.subarray(0, LEGACY.length - 1)).failure).toMatch(/inside a frame/);
  });
});
