import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Net, type NetOutput } from '../../src/net/net.js';
import { framesOf, runTcp, type NetRun, type Sent } from '../support/net.js';
import { ACK, ethernet, FIN, frameOf, SYN, tcpPacket } from '../support/packets.js';

const LENGTH = 600;
const STREAM = Uint8Array.from({ length: LENGTH }, (_, i) => (i * 7 + (i >>> 5)) & 0xff);

/** Bytes `from` to `to` of the stream as a segment; `isn` may be anywhere, the wrap included. */
function segment(isn: number, from: number, to: number): Sent {
  return { seq: isn + 1 + from, ack: 1, payload: STREAM.slice(from, to) };
}

const isn = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.integer({ min: 0xffff_ffff - LENGTH, max: 0xffff_ffff }),
);
const cuts = fc
  .uniqueArray(fc.integer({ min: 1, max: LENGTH - 1 }), { maxLength: 30 })
  .map((list) => [0, ...list.toSorted((a, b) => a - b), LENGTH]);
const extras = fc.array(fc.tuple(fc.nat(LENGTH - 1), fc.integer({ min: 1, max: 80 })), { maxLength: 15 });

/** In any order: the keys decide. */
function shuffled<T>(list: readonly T[], keys: readonly number[]): readonly T[] {
  return list
    .map((item, i) => ({ item, key: keys[i % keys.length] ?? 0 }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

const keys = fc.array(fc.nat(), { minLength: 60, maxLength: 60 });

/** Bytes delivered, holes, and whether every byte stood where it belongs and every offset followed the one before. */
function account(out: readonly NetOutput[]): {
  readonly delivered: number;
  readonly missing: number;
  readonly right: boolean;
} {
  let offset = 0;
  let delivered = 0;
  let right = true;
  for (const item of out) {
    if (item.kind !== 'chunk' && item.kind !== 'gap') continue;
    if (item.streamOffset !== offset) right = false;
    if (item.kind === 'gap') offset += item.size;
    else {
      for (let i = item.start; i < item.end; i++) if (item.block.u8[i] !== STREAM[offset++]) right = false;
      delivered += item.end - item.start;
    }
  }
  return { delivered, missing: offset - delivered, right };
}

function nothingKept({ net }: NetRun): void {
  expect([net.load.outOfOrderBytes, net.load.outOfOrderSegments]).toEqual([0, 0]);
}

describe('any stream', () => {
  it('comes out whole however it was cut, reordered, repeated and overlapped', () => {
    fc.assert(
      fc.property(isn, cuts, extras, keys, (start, at, more, order) => {
        const parts = [
          ...at.slice(1).map((to, i) => segment(start, at[i] ?? 0, to)),
          ...more.map(([from, size]) => segment(start, from, Math.min(LENGTH, from + size))),
        ];
        const run = runTcp([{ seq: start, flags: SYN }, ...shuffled(parts, order)]);
        expect(account(run.out)).toEqual({ delivered: LENGTH, missing: 0, right: true });
        expect(run.out.filter((item) => item.kind === 'problem')).toEqual([]);
        const sent = parts.reduce((sum, part) => sum + (part.payload?.length ?? 0), 0);
        expect(run.net.counts.repeated).toBe(sent - LENGTH);
        nothingKept(run);
      }),
      { numRuns: 500 },
    );
  });

  it('has gaps that add up to what was lost, where it was lost', () => {
    fc.assert(
      fc.property(
        isn,
        cuts,
        keys,
        fc.array(fc.boolean(), { minLength: 31, maxLength: 31 }),
        fc.boolean(),
        (start, at, order, kept, acked) => {
          const parts = at
            .slice(1)
            .map((to, i) => segment(start, at[i] ?? 0, to))
            .filter((_, i) => kept[i]);
          const fin: Sent = { seq: start + 1 + LENGTH, ack: 1, flags: FIN | ACK };
          const answers: Sent[] = acked ? [{ back: true, seq: 1, ack: start + 1 + LENGTH }] : [];
          const run = runTcp([{ seq: start, flags: SYN }, ...shuffled(parts, order), ...answers, fin]);
          const delivered = parts.reduce((sum, part) => sum + (part.payload?.length ?? 0), 0);
          expect(account(run.out)).toEqual({ delivered, missing: LENGTH - delivered, right: true });
          expect(run.net.counts.gapBytes).toBe(LENGTH - delivered);
          nothingKept(run);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('keeps its places when a snap length cuts the packets', () => {
    fc.assert(
      fc.property(
        isn,
        cuts,
        extras,
        keys,
        fc.array(fc.nat(90), { minLength: 50, maxLength: 50 }),
        (start, at, more, order, sizes) => {
          const parts = [
            ...at.slice(1).map((to, i) => segment(start, at[i] ?? 0, to)),
            ...more.map(([from, size]) => segment(start, from, Math.min(LENGTH, from + size))),
          ];
          const sent = shuffled(
            parts.map((part, i) => ({ ...part, cut: 54 + Math.min(part.payload?.length ?? 0, sizes[i] ?? 0) })),
            order,
          );
          const run = runTcp([
            { seq: start, flags: SYN },
            ...sent,
            { seq: start + 1 + LENGTH, ack: 1, flags: FIN | ACK },
          ]);
          const { delivered, missing, right } = account(run.out);
          expect([delivered + missing, right]).toEqual([LENGTH, true]);
          nothingKept(run);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('stays within bounds and gives each byte at most once, whatever limits are set', () => {
    fc.assert(
      fc.property(
        isn,
        cuts,
        extras,
        keys,
        fc.nat(200),
        fc.integer({ min: 1, max: 6 }),
        (start, at, more, order, bytes, segments) => {
          const parts = [
            ...at.slice(1).map((to, i) => segment(start, at[i] ?? 0, to)),
            ...more.map(([from, size]) => segment(start, from, Math.min(LENGTH, from + size))),
          ];
          const net = new Net({ outOfOrderPerFlow: bytes, segmentsPerFlow: segments });
          const out: NetOutput[] = [];
          for (const frame of framesOf([{ seq: start, flags: SYN }, ...shuffled(parts, order)])) {
            net.push(frame, out);
            expect(net.load.outOfOrderBytes).toBeLessThanOrEqual(bytes);
            expect(net.load.outOfOrderSegments).toBeLessThanOrEqual(segments);
          }
          net.end(out);
          const { delivered, missing, right } = account(out);
          expect([delivered + missing <= LENGTH, right]).toEqual([true, true]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('has the same pieces in one direction as with both', () => {
    fc.assert(
      fc.property(isn, cuts, keys, (start, at, order) => {
        const parts = shuffled(
          at.slice(1).map((to, i) => segment(start, at[i] ?? 0, to)),
          order,
        );
        const open: Sent = { seq: start, flags: SYN };
        const both = parts.flatMap((part): readonly Sent[] => [part, { back: true, seq: 9, ack: start + 1 }]);
        expect(account(runTcp([open, ...both]).out)).toEqual(account(runTcp([open, ...parts]).out));
      }),
      { numRuns: 100 },
    );
  });
});

describe('any damage', () => {
  it('to packets of a conversation throws nothing and stays within bounds', () => {
    const packets: Sent[] = [
      { seq: 0, flags: SYN },
      { back: true, seq: 0, ack: 1, flags: SYN | ACK },
    ];
    for (let at = 0; at < LENGTH; at += 50)
      packets.push(segment(0, at, at + 50), { ...segment(0, at, at + 50), back: true });
    packets.push({ seq: 601, ack: 601, flags: FIN | ACK }, { back: true, seq: 601, ack: 602, flags: FIN | ACK });
    const change = fc.tuple(fc.nat(packets.length - 1), fc.integer({ min: 12, max: 60 }), fc.nat(255));
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(change, { maxLength: 40 }),
        fc.array(fc.tuple(fc.nat(packets.length - 1), fc.nat(110)), { maxLength: 5 }),
        (v6, changes, lengths) => {
          const bytes = packets.map((packet) => ethernet(tcpPacket({ ...packet, v6 })));
          for (const [which, at, value] of changes) (bytes[which] as Uint8Array)[at] = value;
          const net = new Net({
            outOfOrderPerFlow: 150,
            outOfOrderTotal: 200,
            segmentsTotal: 8,
            flows: 6,
            fragmentBytes: 300,
            fragmentedPackets: 2,
          });
          const out: NetOutput[] = [];
          for (const [i, data] of bytes.entries()) {
            const length = lengths.find(([which]) => which === i)?.[1] ?? data.length;
            net.push(frameOf(data.slice(0, length), i + 1, { timeS: 1000 + i, wireLength: data.length }), out);
            const { load } = net;
            expect(
              load.outOfOrderBytes <= 200 &&
                load.outOfOrderSegments <= 8 &&
                load.connections <= 6 &&
                load.fragmentBytes <= 300 &&
                load.fragmentedPackets <= 2,
            ).toBe(true);
          }
          net.end(out);
          expect(net.load).toEqual({
            connections: 0,
            outOfOrderBytes: 0,
            outOfOrderSegments: 0,
            fragmentBytes: 0,
            fragmentedPackets: 0,
          });
          // Every chunk lies in its block, and offsets of one direction only go up.
          const reached = new Map<string, number>();
          for (const item of out) {
            if (item.kind !== 'chunk' && item.kind !== 'gap') continue;
            const key = `${item.flow.id} ${item.direction}`;
            expect(item.streamOffset).toBe(reached.get(key) ?? 0);
            const size = item.kind === 'gap' ? item.size : item.end - item.start;
            expect(size > 0 && (item.kind === 'gap' || item.end <= item.block.u8.length)).toBe(true);
            reached.set(key, item.streamOffset + size);
          }
        },
      ),
      { numRuns: 700 },
    );
  });
});
