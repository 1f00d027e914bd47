import { describe, expect, it } from 'vitest';
import { blockOf } from '../../src/bytes/block.js';
import { concat } from '../../src/bytes/concat.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { pcapHeader, pcapngHeader, pcapngPacket, pcapRecord, type OutPacket } from '../../src/capture/write.js';

const PACKETS: readonly OutPacket[] = Array.from({ length: 6 }, (_, i) => ({
  timeS: 1_795_176_000 + i,
  timeNs: 0,
  data: Uint8Array.from({ length: 40 + i }, (_x, at) => (at * 7 + i) & 0x7f),
}));
const NG = concat([pcapngHeader(1), ...PACKETS.map((packet) => pcapngPacket(packet))]);
const CLASSIC = concat([pcapHeader(1), ...PACKETS.map((packet) => pcapRecord(packet))]);

/** `number@second` of every frame, and `code:offset` of every problem, of a file read in pieces of a size. */
function told(bytes: Uint8Array, piece = bytes.length): string {
  const reader = new CaptureReader();
  const out: CaptureOutput[] = [];
  for (let at = 0; at < bytes.length; at += piece) {
    const part = bytes.slice(at, at + piece);
    reader.push(blockOf(part), 0, part.length, out);
  }
  reader.end(out);
  return out
    .map((item) =>
      item.kind === 'frame' ? `${item.number}@${item.timeS - 1_795_176_000}` : `${item.code}:${item.at.offset}`,
    )
    .join(' ');
}

/** The same however the file is split. */
function everywhere(bytes: Uint8Array): string {
  const whole = told(bytes);
  for (const piece of [1, 7, 64, 1000]) expect(told(bytes, piece), `pieces of ${piece}`).toBe(whole);
  return whole;
}

function overwritten(bytes: Uint8Array, from: number, size: number, value = 0xde): Uint8Array {
  return bytes.slice().fill(value, from, from + size);
}

describe('damage in the middle', () => {
  // Section and interface take 28 + 32 bytes; a packet of 40 bytes a block of 72.
  it('costs the blocks it lies in: pcapng', () => {
    expect(everywhere(overwritten(NG, 60 + 72, 12))).toBe('1@0 capture-bad-length:132 2@2 3@3 4@4 5@5');
    expect(everywhere(overwritten(NG, 60 + 4, 4))).toBe('capture-bad-length:60 1@1 2@2 3@3 4@4 5@5');
    // Only the second of two lengths: the block holds what the first says.
    expect(everywhere(overwritten(NG, 60 + 68, 4))).toBe('capture-bad-block:60 1@0 2@1 3@2 4@3 5@4 6@5');
  });

  it('is read where it lies: only what is cut by the end of a piece is put together', () => {
    const packets = Array.from({ length: 600 }, (_, at) => {
      const packet = pcapngPacket({ timeS: 1_795_176_000, timeNs: at, data: new Uint8Array(40) });
      packet[packet.length - 4] = 0;
      return packet;
    });
    const bytes = concat([
      pcapngHeader(1),
      ...packets,
      pcapngPacket({ timeS: 1, timeNs: 0, data: new Uint8Array(40) }),
    ]);
    const reader = new CaptureReader();
    const out: CaptureOutput[] = [];
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += 10_001) {
      const piece = bytes.slice(at, at + 10_001);
      pieces.push(piece);
      reader.push(blockOf(piece), 0, piece.length, out);
    }
    reader.end(out);
    const frames = out.filter((item) => item.kind === 'frame');
    expect(frames.length).toBe(601);
    const copied = frames.filter((frame) => !pieces.some((piece) => piece.buffer === frame.block.u8.buffer));
    expect(copied.length).toBeLessThanOrEqual(pieces.length);
  });

  it('costs the records it lies in: pcap', () => {
    expect(everywhere(overwritten(CLASSIC, 24 + 56, 16))).toBe('1@0 capture-bad-length:80 2@2 3@3 4@4 5@5');
  });

  it('ends the file where nothing whole follows, and says how much that is', () => {
    expect(everywhere(overwritten(NG, 132, NG.length))).toBe('1@0 capture-bad-length:132');
    const reader = new CaptureReader();
    const out: CaptureOutput[] = [];
    const bytes = overwritten(NG, 132, NG.length);
    reader.push(blockOf(bytes), 0, bytes.length, out);
    reader.end(out);
    expect(out.at(-1)).toMatchObject({
      message: expect.stringContaining(`${NG.length - 132} bytes are passed over, none that is whole follows`),
    });
  });

  it('takes work in proportion to its size', () => {
    // Every place could begin a block of nearly the largest size that is found again, and none ends as it begins.
    const reads = (size: number): number => {
      const bytes = concat([pcapngHeader(1), new Uint8Array(size).fill(0xff)]);
      const view = new DataView(bytes.buffer);
      for (let at = 64; at + 8 < bytes.length; at += 8) {
        view.setUint32(at, 6, true);
        view.setUint32(at + 4, 262_140, true);
      }
      const { getUint32 } = DataView.prototype;
      let count = 0;
      const counting = function (this: DataView, at: number, little?: boolean): number {
        count++;
        return getUint32.call(this, at, little);
      };
      Object.assign(DataView.prototype, { getUint32: counting });
      try {
        expect(told(bytes, 65_536)).toBe('capture-bad-length:60');
      } finally {
        Object.assign(DataView.prototype, { getUint32 });
      }
      return count;
    };
    const [one, three] = [reads(1_000_000), reads(3_000_000)];
    expect(one).toBeGreaterThan(100_000);
    expect(three).toBeLessThan(one * 4);
    // A few words for every place.
    expect(three).toBeLessThan(3_000_000 * 4);
  });
});

describe('zeros behind the last packet', () => {
  it('are told once, whatever their number', () => {
    for (const size of [16, 100, 4096]) {
      expect(everywhere(concat([CLASSIC, new Uint8Array(size)]))).toMatch(/^1@0 .* 6@5 capture-zeros:\d+$/);
      expect(everywhere(concat([NG, new Uint8Array(size)]))).toMatch(/^1@0 .* 6@5 capture-zeros:\d+$/);
    }
  });
});

describe('files joined with cat', () => {
  it('are read on, in either format, frames numbered on', () => {
    const again = '1@0 2@1 3@2 4@3 5@4 6@5 capture-joined:X 7@0 8@1 9@2 10@3 11@4 12@5';
    for (const [first, second] of [
      [CLASSIC, CLASSIC],
      [CLASSIC, NG],
      [NG, CLASSIC],
    ] as const) {
      expect(everywhere(concat([first, second]))).toBe(again.replace('X', String(first.length)));
    }
    // Sections are part of pcapng.
    expect(everywhere(concat([NG, NG]))).toBe(again.replace(' capture-joined:X', ''));
  });
});
