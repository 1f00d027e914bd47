import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { pcapHeader, pcapngHeader, pcapngPacket, pcapRecord, type OutPacket } from '../../src/capture/write.js';
import type { Frame, Problem } from '../../src/types.js';
import { concat } from '../../src/bytes/concat.js';

const PACKETS: readonly OutPacket[] = [
  { timeS: 1_795_176_000, timeNs: 123_456_000, data: Uint8Array.of(1, 2, 3) },
  { timeS: 1_795_176_001, timeNs: 999_999_000, data: Uint8Array.of(4, 5, 6, 7, 8), wireLength: 1500 },
  { timeS: 1_795_176_002, timeNs: 0, data: new Uint8Array(300).fill(9) },
];

function read(bytes: Uint8Array, splits: readonly number[] = []): readonly CaptureOutput[] {
  const reader = new CaptureReader();
  const out: CaptureOutput[] = [];
  let at = 0;
  for (const size of splits) {
    const end = Math.min(bytes.length, at + size);
    const piece = bytes.slice(at, end);
    reader.push(blockOf(piece), 0, piece.length, out);
    at = end;
  }
  const rest = bytes.slice(at);
  reader.push(blockOf(rest), 0, rest.length, out);
  reader.end(out);
  return out;
}

const frames = (out: readonly CaptureOutput[]): readonly Frame[] => out.filter((item) => item.kind === 'frame');
const problems = (out: readonly CaptureOutput[]): readonly Problem[] => out.filter((item) => item.kind === 'problem');
const shown = (out: readonly CaptureOutput[]): unknown =>
  out.map((item) =>
    item.kind === 'problem'
      ? item
      : { ...item, block: null, start: 0, end: 0, data: [...item.block.u8.subarray(item.start, item.end)] },
  );

const FILES: Readonly<Record<string, Uint8Array>> = Object.fromEntries([
  ...[true, false].flatMap((littleEndian) =>
    [false, true].map(
      (nano) =>
        [
          `pcap ${littleEndian ? 'little' : 'big'}-endian, ${nano ? 'nano' : 'micro'}seconds`,
          concat([
            pcapHeader(1, { littleEndian, nano }),
            ...PACKETS.map((packet) => pcapRecord(packet, { littleEndian, nano })),
          ]),
        ] as const,
    ),
  ),
  ...[true, false].map(
    (littleEndian) =>
      [
        `pcapng ${littleEndian ? 'little' : 'big'}-endian`,
        concat([
          pcapngHeader(1, { littleEndian, application: 'test' }),
          ...PACKETS.map((packet) => pcapngPacket(packet, littleEndian)),
        ]),
      ] as const,
  ),
]);

describe('capture files', () => {
  for (const [name, bytes] of Object.entries(FILES)) {
    it(`reads ${name}`, () => {
      const out = read(bytes);
      expect(problems(out)).toEqual([]);
      expect(
        frames(out).map((frame) => [
          frame.number,
          frame.timeS,
          frame.timeNs,
          frame.end - frame.start,
          frame.wireLength,
          frame.linkType,
        ]),
      ).toEqual(
        PACKETS.map((packet, i) => [
          i + 1,
          packet.timeS,
          packet.timeNs,
          packet.data.length,
          packet.wireLength ?? packet.data.length,
          1,
        ]),
      );
    });

    it(`gives the same for every split of ${name}`, () => {
      const whole = shown(read(bytes));
      for (let at = 0; at <= bytes.length; at++) expect(shown(read(bytes, [at]))).toEqual(whole);
      expect(
        shown(
          read(
            bytes,
            Array.from({ length: bytes.length }, () => 1),
          ),
        ),
      ).toEqual(whole);
    });

    it(`gives every whole packet and one problem for every prefix of ${name}`, () => {
      const whole = frames(read(bytes));
      const first = whole[0]?.offset ?? 0;
      const ends = [
        ...whole.map((frame) => frame.offset),
        ...(name.startsWith('pcapng') ? [pcapngHeader(1, { application: 'test' }).length - 32, first] : [first]),
      ];
      for (let length = 0; length < bytes.length; length++) {
        const out = read(bytes.subarray(0, length));
        const got = frames(out);
        expect(got.map((frame) => frame.offset)).toEqual(whole.slice(0, got.length).map((frame) => frame.offset));
        const told = problems(out);
        expect(told.length).toBeLessThanOrEqual(1);
        // Cut between two records, a file is whole.
        expect(told.length === 0, `cut at ${length}`).toBe(ends.includes(length));
        for (const problem of told) expect(problem.at.offset).toBeTypeOf('number');
      }
    });
  }

  it('survives mutations without throwing or inventing big frames', () => {
    const all = Object.values(FILES);
    fc.assert(
      fc.property(
        fc.nat(all.length - 1),
        fc.array(fc.tuple(fc.nat(420), fc.nat(255)), { minLength: 1, maxLength: 12 }),
        fc.nat(64),
        (which, changes, split) => {
          const bytes = (all[which] as Uint8Array).slice();
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          for (const frame of frames(read(bytes, [split]))) {
            expect(frame.end).toBeGreaterThanOrEqual(frame.start);
            expect(frame.end - frame.start).toBeLessThanOrEqual(bytes.length);
            expect(frame.timeNs).toBeLessThan(1_000_000_000);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('stops at a senseless length with its offset', () => {
    const bytes = concat([pcapHeader(1), pcapRecord(PACKETS[0] as OutPacket), pcapRecord(PACKETS[1] as OutPacket)]);
    new DataView(bytes.buffer).setUint32(24 + 19 + 8, 0x7fff_ffff, true);
    const out = read(bytes);
    expect(frames(out).length).toBe(1);
    expect(problems(out).map((problem) => [problem.code, problem.at.offset])).toEqual([['capture-bad-length', 43]]);
  });

  it('refuses other formats by name, and tells an empty input apart', () => {
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    const cases: readonly (readonly [Uint8Array, string, RegExp])[] = [
      [text('snoop\0\0\0\0\0\0\x02'), 'capture-unsupported', /snoop/],
      [text('RTSS\x05\0\0\0'), 'capture-unsupported', /Network Monitor 1/],
      [text('GMBU\0\x02\0\0'), 'capture-unsupported', /Network Monitor 2/],
      [text('PK\x03\x04aaaa'), 'capture-unsupported', /zip/],
      [text('<pdml version="0"/>'), 'capture-unsupported', /XML/],
      [text('hello, world'), 'capture-unsupported', /68 65 6c 6c 6f/],
      [new Uint8Array(0), 'capture-empty', /empty/],
      [Uint8Array.of(0xd4, 0xc3), 'capture-truncated', /2 bytes/],
    ];
    for (const [bytes, code, message] of cases) {
      const [problem, ...more] = problems(read(bytes));
      expect(more).toEqual([]);
      expect(problem?.code).toBe(code);
      expect(problem?.message).toMatch(message);
    }
  });

  it('reads resolutions and offsets of pcapng exactly', () => {
    const section = pcapngHeader(1).slice(0, 28);
    const option = (code: number, bytes: readonly number[]): number[] => [
      code,
      0,
      bytes.length,
      0,
      ...bytes,
      ...Array.from({ length: -bytes.length & 3 }, () => 0),
    ];
    const iface = (options: readonly number[]): Uint8Array => {
      const length = 20 + options.length + 4;
      return Uint8Array.of(
        1,
        0,
        0,
        0,
        length,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        ...options,
        0,
        0,
        0,
        0,
        length,
        0,
        0,
        0,
      );
    };
    const packet = (ticks: bigint): Uint8Array => {
      const bytes = new Uint8Array(32);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, 6, true);
      view.setUint32(4, 32, true);
      view.setUint32(12, Number(ticks >> 32n), true);
      view.setUint32(16, Number(ticks & 0xffff_ffffn), true);
      view.setUint32(28, 32, true);
      return bytes;
    };
    const time = (options: readonly number[], ticks: bigint): readonly number[] => {
      const [frame] = frames(read(concat([section, iface(options), packet(ticks)])));
      return [frame?.timeS ?? -1, frame?.timeNs ?? -1];
    };
    expect(time([], 1_795_176_000_123_456n)).toEqual([1_795_176_000, 123_456_000]);
    expect(time(option(9, [9]), 1_795_176_000_123_456_789n)).toEqual([1_795_176_000, 123_456_789]);
    expect(time(option(9, [3]), 1_795_176_000_123n)).toEqual([1_795_176_000, 123_000_000]);
    expect(time(option(9, [0x8a]), (1_795_176_000n << 10n) | 512n)).toEqual([1_795_176_000, 500_000_000]);
    expect(time(option(9, [0]), 1_795_176_000n)).toEqual([1_795_176_000, 0]);
    expect(time([...option(9, [6]), ...option(14, [0x10, 0x0e, 0, 0, 0, 0, 0, 0])], 1_000_000n)).toEqual([3601, 0]);
  });
});
