import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Net, type NetOutput } from '../../src/net/net.js';
import type { Frame } from '../../src/types.js';
import { concat } from '../../src/bytes/concat.js';
import { ascii, codes, runFrames, story } from '../support/net.js';
import { ethernet, frameOf, ip4, ip6, tcpPacket, tcpSegment } from '../support/packets.js';

const DATA = Uint8Array.from({ length: 997 }, (_, i) => 33 + ((i * 11) % 90));
const TEXT = String.fromCharCode(...DATA);
const SEGMENT = tcpSegment({ seq: 1, payload: DATA });

/** One extension header: next header, length in units of eight bytes past the first. */
function extension(next: number, more = 0): Uint8Array {
  return concat([Uint8Array.of(next, more), new Uint8Array(6 + 8 * more)]);
}

function fragmentHeader(next: number, offset: number, more: boolean, id: number): Uint8Array {
  const bytes = Uint8Array.of(next, 0, 0, 0, 0, 0, 0, 0);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, offset | (more ? 1 : 0));
  view.setUint32(4, id);
  return bytes;
}

/** Fragments of a payload: `first` is the protocol of its first bytes. */
function fragments(v6: boolean, payload: Uint8Array, size: number, id = 7, first = 6): readonly Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const part = payload.subarray(at, at + size);
    const more = at + size < payload.length;
    const packet = v6
      ? ip6({ extensions: { first: 44, bytes: fragmentHeader(first, at, more, id) } }, part)
      : ip4({ id }, part, (at / 8) | (more ? 0x2000 : 0), first);
    out.push(ethernet(packet));
  }
  return out;
}

function framesOf(list: readonly Uint8Array[], timeS: (i: number) => number = () => 1000): readonly Frame[] {
  return list.map((data, i) => frameOf(data, i + 1, { timeS: timeS(i) }));
}

describe('IPv4', () => {
  it('ends a packet where its length says, before padding', () => {
    const { out } = runFrames([
      frameOf(concat([ethernet(tcpPacket({ seq: 1, payload: ascii('ab') })), new Uint8Array(4)])),
      frameOf(ethernet(tcpPacket({ seq: 3, payload: ascii('cd') })), 2),
    ]);
    expect(story(out)).toBe('abcd');
  });

  it('takes length 0, which offload leaves, for all there is', () => {
    const data = ethernet(tcpPacket({ seq: 1, payload: ascii('abc') }));
    data.fill(0, 16, 18);
    expect(story(runFrames([frameOf(data)]).out)).toBe('abc');
  });

  it('says when a packet claims more than was on the wire, and invents no hole', () => {
    const data = ethernet(tcpPacket({ seq: 1, payload: ascii('abc') }));
    new DataView(data.buffer).setUint16(16, 1000);
    const { out } = runFrames([frameOf(data), frameOf(ethernet(tcpPacket({ seq: 4, payload: ascii('def') })), 2)]);
    expect([story(out), codes(out)]).toEqual(['abcdef', ['ip-truncated']]);
  });

  it('says when a header is short, or its packet shorter than it', () => {
    const short = ethernet(tcpPacket({ seq: 1 }));
    short[14] = 0x44;
    const small = ethernet(tcpPacket({ seq: 1 }));
    new DataView(small.buffer).setUint16(16, 19);
    const long = ethernet(tcpPacket({ seq: 1 }));
    long[14] = 0x4f;
    expect(codes(runFrames([short, small, long].map((data) => frameOf(data))).out)).toEqual([
      'ip-malformed',
      'ip-malformed',
      'ip-truncated',
    ]);
  });

  it('passes an authentication header', () => {
    const ah = concat([Uint8Array.of(6, 4), new Uint8Array(22)]);
    expect(story(runFrames([frameOf(ethernet(ip4({}, concat([ah, SEGMENT]), 0x4000, 51)))]).out)).toBe(TEXT);
  });

  it('passes over other protocols, whole or in fragments', () => {
    const { out, net } = runFrames([
      frameOf(ethernet(ip4({}, DATA, 0, 17))),
      ...framesOf(fragments(false, DATA, 400, 3, 17)),
    ]);
    expect([out, net.counts.other, net.load.fragmentBytes]).toEqual([[], 4, 0]);
  });

  it.each([
    [40_000, 88],
    [88, 40_000],
  ])('hands on what goes to a KDC over UDP, or comes from one, whole or in fragments (%i to %i)', (source, target) => {
    const header = new Uint8Array(8);
    new DataView(header.buffer).setUint32(0, source * 0x1_0000 + target);
    const datagram = concat([header, DATA]);
    const { out } = runFrames([
      frameOf(ethernet(ip4({}, datagram, 0x4000, 17))),
      ...framesOf(fragments(false, datagram, 400, 3, 17)),
      frameOf(ethernet(ip4({}, header, 0x4000, 17))),
    ]);
    const told = out.map((one) =>
      one.kind === 'datagram' ? `${one.carries} ${one.flow.id} ${one.end - one.start}` : one.kind,
    );
    expect(told).toEqual([`kdc 1 ${DATA.length}`, `kdc 1 ${DATA.length}`]);
  });
});

describe('IPv6', () => {
  it('follows extension headers', () => {
    const chain = concat([
      extension(60),
      extension(43, 1),
      extension(44, 2),
      fragmentHeader(51, 0, false, 1),
      Uint8Array.of(135, 4),
      new Uint8Array(22),
      extension(6),
    ]);
    expect(story(runFrames([frameOf(ethernet(ip6({ extensions: { first: 0, bytes: chain } }, SEGMENT)))]).out)).toBe(
      TEXT,
    );
  });

  it('follows only so many', () => {
    const chain = concat(Array.from({ length: 60 }, (_, i) => extension(i === 59 ? 6 : 60)));
    const { out } = runFrames([frameOf(ethernet(ip6({ extensions: { first: 60, bytes: chain } }, SEGMENT)))]);
    expect([story(out), codes(out)]).toEqual(['', ['ip-malformed']]);
  });

  it('says when one is cut', () => {
    const whole = ethernet(ip6({ extensions: { first: 60, bytes: extension(6, 3) } }, SEGMENT));
    expect(codes(runFrames([frameOf(whole.slice(0, 58), 1, { wireLength: whole.length })]).out)).toEqual([
      'ip-truncated',
    ]);
    expect(codes(runFrames([frameOf(whole.slice(0, 66), 1, { wireLength: whole.length })]).out)).toEqual([
      'ip-truncated',
    ]);
  });

  it('writes addresses as RFC 5952 wants them', () => {
    const { out } = runFrames([frameOf(ethernet(ip6({}, SEGMENT)))]);
    expect(out[0]?.kind === 'chunk' ? [out[0].flow.a, out[0].flow.b] : null).toEqual([
      { address: '2001:db8::1', port: 40_000 },
      { address: '2001:db8::2', port: 135 },
    ]);
  });

  it('follows headers behind the fragment header', () => {
    const { out } = runFrames(framesOf(fragments(true, concat([extension(6, 1), SEGMENT]), 256, 7, 60)));
    expect([story(out), codes(out)]).toEqual([TEXT, []]);
  });
});

describe('fragments', () => {
  for (const v6 of [false, true]) {
    const name = v6 ? 'IPv6' : 'IPv4';

    it(`${name}: give the packet in any order, also repeated`, () => {
      fc.assert(
        fc.property(
          fc.constantFrom(8, 104, 512),
          fc.infiniteStream(fc.nat()),
          fc.infiniteStream(fc.nat(4)),
          (size, order, repeat) => {
            const parts = fragments(v6, SEGMENT, size).flatMap((part) =>
              repeat.next().value === 0 ? [part, part] : [part],
            );
            const mixed = parts
              .map((part) => ({ part, at: order.next().value as number }))
              .toSorted((a, b) => a.at - b.at)
              .map(({ part }) => part);
            const net = new Net({ fragmentsPerPacket: 256 });
            const out: NetOutput[] = [];
            for (const frame of framesOf(mixed)) net.push(frame, out);
            expect(story(out)).toBe(TEXT);
            expect(codes(out)).toEqual([]);
          },
        ),
        { numRuns: 100 },
      );
    });

    it(`${name}: of two packets with one identification are no copies of one another`, () => {
      const [one, two] = ['one', 'two'].map((text, i) =>
        fragments(v6, tcpSegment({ seq: 1 + 60 * i, payload: ascii(text.repeat(20)) }), 24),
      ) as [readonly Uint8Array[], readonly Uint8Array[]];
      const { out } = runFrames(framesOf([...one.toReversed(), ...one, ...two.toReversed(), ...two]));
      expect([story(out), codes(out)]).toEqual(['one'.repeat(20) + 'two'.repeat(20), []]);
    });

    it(`${name}: keep the first copy where they overlap, and say when they differ`, () => {
      const [first, second, third] = fragments(v6, SEGMENT, 400) as [Uint8Array, Uint8Array, Uint8Array];
      const other = second.slice();
      other[other.length - 1] = 0x7e;
      const { out } = runFrames(framesOf([first, second, other, third]));
      expect([story(out), codes(out)]).toEqual([TEXT, ['ip-fragment-overlap']]);
      expect(codes(runFrames(framesOf([first, second, second, third])).out)).toEqual([]);
    });

    it(`${name}: are dropped with a word when they contradict each other about the length`, () => {
      const { out } = runFrames(
        framesOf([
          ...fragments(v6, SEGMENT, 400).slice(0, 2),
          ...fragments(v6, SEGMENT.subarray(0, 300), 160).slice(-1),
        ]),
      );
      expect([story(out), codes(out)]).toEqual(['', ['ip-malformed']]);
    });

    it(`${name}: are given up after a time, and at the end, with the frame of the first`, () => {
      const [first] = fragments(v6, SEGMENT, 400) as [Uint8Array];
      const [, late] = fragments(v6, SEGMENT, 400, 8) as [Uint8Array, Uint8Array];
      const { out, net } = runFrames(framesOf([first, late], (i) => 1000 + i * 61));
      expect(out.map((item) => (item.kind === 'problem' ? [item.code, item.at.frame] : null))).toEqual([
        ['ip-fragment-timeout', 1],
        ['ip-fragment-timeout', 2],
      ]);
      expect(net.load.fragmentBytes).toBe(0);
    });

    it(`${name}: are dropped when cut`, () => {
      const [first, ...rest] = fragments(v6, SEGMENT, 400) as [Uint8Array];
      const { out } = runFrames([frameOf(first.slice(0, 200), 1, { wireLength: first.length }), ...framesOf(rest)]);
      expect([story(out), codes(out)[0]]).toEqual(['', 'ip-truncated']);
    });

    it(`${name}: stay within their bounds`, () => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat(9), fc.nat(60), fc.nat(300), fc.boolean()), { maxLength: 200 }),
          (list) => {
            const net = new Net({ fragmentBytes: 4000, fragmentedPackets: 5, fragmentsPerPacket: 6 });
            const out: NetOutput[] = [];
            for (const [i, [id, offset, size, more]] of list.entries()) {
              const part = DATA.subarray(0, size);
              net.push(
                frameOf(
                  ethernet(
                    v6
                      ? ip6({ extensions: { first: 44, bytes: fragmentHeader(6, offset * 8, more, id) } }, part)
                      : ip4({ id }, part, offset | (more ? 0x2000 : 0)),
                  ),
                  i + 1,
                ),
                out,
              );
              expect(net.load.fragmentBytes).toBeLessThanOrEqual(4000);
              expect(net.load.fragmentedPackets).toBeLessThanOrEqual(5);
            }
            net.end(out);
            expect([net.load.fragmentBytes, net.load.fragmentedPackets]).toEqual([0, 0]);
          },
        ),
        { numRuns: 100 },
      );
    });
  }

  it('cost no more than their bytes when all of them overlap', () => {
    const part = new Uint8Array(60_000);
    const list = Array.from({ length: 100 }, (_, i) => ethernet(ip4({}, part, i | 0x2000)));
    const tail = ethernet(ip4({}, new Uint8Array(8), 0x1fff - 8));
    const frames = Array.from({ length: 5 }, () => [tail, ...list]).flat();
    const { slice, set } = Uint8Array.prototype;
    let copied = 0;
    Object.assign(Uint8Array.prototype, {
      slice(this: Uint8Array, from?: number, to?: number): Uint8Array {
        const made = slice.call(this, from, to);
        copied += made.length;
        return made;
      },
      set(this: Uint8Array, from: ArrayLike<number>, at?: number): void {
        copied += from.length;
        set.call(this, from, at);
      },
    });
    try {
      runFrames(framesOf(frames));
    } finally {
      Object.assign(Uint8Array.prototype, { slice, set });
    }
    expect(copied).toBeGreaterThan(0);
    expect(copied).toBeLessThan(frames.reduce((sum, frame) => sum + frame.length, 0) / 10);
  });
});
