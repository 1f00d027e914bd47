import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Connection, host4, host6, Trace } from '../../captures/make/wire.js';
import { blockOf } from '../../src/bytes/block.js';
import type { OutPacket } from '../../src/capture/write.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import type { NetLimits } from '../../src/net/limits.js';
import type { Frame } from '../../src/types.js';
import { concat } from '../../src/bytes/concat.js';

function frameOf(packet: OutPacket, number: number, linkType = 1): Frame {
  return {
    kind: 'frame',
    number,
    timeS: packet.timeS,
    timeNs: packet.timeNs,
    hasTime: true,
    linkType,
    block: blockOf(packet.data),
    start: 0,
    end: packet.data.length,
    wireLength: packet.wireLength ?? packet.data.length,
    interfaceId: 0,
    offset: 0,
  };
}

function run(
  packets: readonly OutPacket[],
  limits: Partial<NetLimits> = {},
  linkType = 1,
): { readonly out: readonly NetOutput[]; readonly net: Net } {
  const net = new Net(limits);
  const out: NetOutput[] = [];
  for (const [i, packet] of packets.entries()) net.push(frameOf(packet, i + 1, linkType), out);
  net.end(out);
  return { out, net };
}

/** The stream of one direction, holes as a run of 0xee. */
function stream(out: readonly NetOutput[], direction: 0 | 1, flow = 1): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const item of out) {
    if (item.kind === 'chunk' && item.direction === direction && item.flow.id === flow)
      parts.push(item.block.u8.subarray(item.start, item.end));
    if (item.kind === 'gap' && item.direction === direction && item.flow.id === flow)
      parts.push(new Uint8Array(item.size).fill(0xee));
  }
  return concat(parts);
}

const REQUEST = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) & 0x7f);
const ANSWER = Uint8Array.from({ length: 9000 }, (_, i) => (i * 13) & 0x7f);

function conversation(v6 = false): Trace {
  const trace = new Trace();
  const connection = new Connection(
    trace,
    { ...(v6 ? host6(1) : host4(1)), port: 40_000 },
    { ...(v6 ? host6(2) : host4(2)), port: 135 },
  );
  connection.send(0, REQUEST);
  connection.send(1, ANSWER);
  connection.close();
  return trace;
}

describe('TCP streams', () => {
  for (const v6 of [false, true]) {
    it(`puts both directions together over IPv${v6 ? 6 : 4}`, () => {
      const { out } = run(conversation(v6).packets);
      expect(stream(out, 0)).toEqual(REQUEST);
      expect(stream(out, 1)).toEqual(ANSWER);
      const first = out.find((item) => item.kind === 'chunk');
      expect(first?.kind === 'chunk' ? [first.flow.a, first.flow.b, first.flow.opened] : null).toEqual([
        { address: v6 ? '2001:db8::1' : '192.0.2.1', port: 40_000 },
        { address: v6 ? '2001:db8::2' : '192.0.2.2', port: 135 },
        'syn',
      ]);
      expect(out.filter((item) => item.kind === 'flow-end').map((item) => item.reason)).toEqual(['fin']);
      expect(out.filter((item) => item.kind === 'problem' || item.kind === 'gap')).toEqual([]);
    });
  }

  it('gives the same bytes however packets are reordered and repeated', () => {
    const { packets } = conversation();
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(3)), fc.infiniteStream(fc.nat(9)), (moves, repeats) => {
        // The handshake stays in front; data packets move by a few places.
        const order = packets
          .map((packet, i) => ({ packet, at: i < 3 ? i : i + (moves.next().value as number) * 1.5 }))
          .toSorted((a, b) => a.at - b.at);
        const sent = order.flatMap(({ packet }) =>
          (repeats.next().value as number) === 0 ? [packet, packet] : [packet],
        );
        const { out, net } = run(sent);
        // Comparing element by element would take most of the time.
        expect(Buffer.compare(stream(out, 0), REQUEST) || Buffer.compare(stream(out, 1), ANSWER)).toBe(0);
        expect(net.load.outOfOrderBytes).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('reports every lost packet as a gap of its size, and keeps the rest in place', () => {
    const { packets } = conversation();
    for (let lost = 3; lost < packets.length; lost++) {
      const size = (packets[lost] as OutPacket).data.length - 54;
      const { out } = run(packets.filter((_, i) => i !== lost));
      const gaps = out.filter((item) => item.kind === 'gap');
      const last = size > 0 && (stream(out, 0).length < REQUEST.length || stream(out, 1).length < ANSWER.length);
      // What was lost at the very end of a stream leaves no trace but a shorter stream.
      expect(gaps.reduce((sum, gap) => sum + gap.size, 0)).toBe(last ? 0 : size);
      for (const [direction, original] of [
        [0, REQUEST],
        [1, ANSWER],
      ] as const) {
        const got = stream(out, direction);
        got.forEach((byte, i) => {
          if (byte !== 0xee && byte !== original[i]) throw new Error(`byte ${i} differs after packet ${lost} was lost`);
        });
      }
    }
  });

  it('wraps sequence numbers', () => {
    const { packets } = conversation();
    const base = 0x1000_0000 + 40_000 * 7919;
    const shift = (0x1_0000_0000 - (base >>> 0) - 1000) >>> 0;
    const moved = packets.map((packet) => {
      const data = packet.data.slice();
      const view = new DataView(data.buffer);
      const fromClient = view.getUint16(34) === 40_000;
      view.setUint32(fromClient ? 38 : 42, (view.getUint32(fromClient ? 38 : 42) + shift) >>> 0);
      return { ...packet, data, wireLength: data.length };
    });
    expect(stream(run(moved).out, 0)).toEqual(REQUEST);
  });

  it('starts in the middle, and with one direction only', () => {
    const { packets } = conversation();
    const half = packets.slice(3).filter((packet) => new DataView(packet.data.buffer).getUint16(34) === 40_000);
    const { out } = run(half);
    expect(stream(out, 0)).toEqual(REQUEST);
    expect(out.some((item) => item.kind === 'chunk' && item.flow.opened === 'midstream')).toBe(true);
  });

  it('delivers what a snap length left, then a gap', () => {
    const cut = conversation().packets.map((packet) =>
      packet.data.length > 200
        ? { ...packet, data: packet.data.slice(0, 154), wireLength: packet.data.length }
        : packet,
    );
    const { out } = run(cut);
    const got = stream(out, 0);
    expect(got.length).toBe(REQUEST.length);
    expect(got.subarray(0, 100)).toEqual(REQUEST.subarray(0, 100));
    expect(got[100]).toBe(0xee);
  });

  it('tells connections on the same ports apart', () => {
    const one = conversation().packets;
    const two = conversation().packets.map((packet) => {
      const data = packet.data.slice();
      const view = new DataView(data.buffer);
      const client = view.getUint16(34) === 40_000;
      view.setUint32(client ? 38 : 42, (view.getUint32(client ? 38 : 42) + 777) >>> 0);
      return { ...packet, data };
    });
    const { out, net } = run([...one, ...two]);
    expect(net.counts.flows).toBe(2);
    expect(stream(out, 0, 2)).toEqual(REQUEST);
    const reused = run([...one.slice(0, -3), ...two]).out.filter((item) => item.kind === 'flow-end');
    expect(reused.map((item) => item.reason)).toEqual(['port-reuse', 'fin']);
  });

  it('says when a retransmission holds other bytes, and keeps the first', () => {
    const { packets } = conversation();
    const changed = (packets[5] as OutPacket).data.slice();
    changed[changed.length - 1] = 0x7e;
    // Packet 5 waits behind the lost packet 4 when its other version comes.
    const { out } = run([
      ...packets.slice(0, 4),
      packets[5] as OutPacket,
      { ...(packets[5] as OutPacket), data: changed },
      packets[4] as OutPacket,
      ...packets.slice(6),
    ]);
    expect(out.filter((item) => item.kind === 'problem').map((item) => item.code)).toEqual(['tcp-overlap-differs']);
    expect(stream(out, 0)).toEqual(REQUEST);
  });

  it('bounds what it keeps out of order, and the connections', () => {
    const trace = new Trace();
    const connection = new Connection(trace, { ...host4(1), port: 1 }, { ...host4(2), port: 2 });
    for (let i = 0; i < 50; i++) connection.send(0, REQUEST);
    const holed = trace.packets.filter((_, i) => i !== 4);
    const { out } = run(holed, { outOfOrderPerFlow: 20_000 });
    expect(out.filter((item) => item.kind === 'gap').length).toBe(1);
    const many = new Trace();
    const opened = Array.from(
      { length: 100 },
      (_, i) => new Connection(many, { ...host4(1), port: i + 1 }, { ...host4(2), port: 9 }),
    );
    expect(opened.length).toBe(100);
    const net = new Net({ flows: 32 });
    const ended: NetOutput[] = [];
    many.packets.forEach((packet, i) => net.push(frameOf(packet, i), ended));
    expect(net.load.connections).toBeLessThanOrEqual(32);
    expect(ended.some((item) => item.kind === 'flow-end' && item.reason === 'evicted')).toBe(true);
  });

  it('takes a fragment header of IPv6 in a packet of IPv4 for what it is', () => {
    const { data } = conversation().packets[1] as OutPacket;
    const odd = data.slice(0, 42);
    odd[23] = 44;
    const { out } = run([{ timeS: 1, timeNs: 0, data: odd, wireLength: 1600 }]);
    expect(out.map((one) => (one.kind === 'problem' ? [one.code, one.message] : one.kind))).toEqual([
      ['ip-malformed', 'a fragment header of IPv6 in a packet of IPv4; it is skipped'],
    ]);
  });

  it('never throws on prefixes and mutations of packets', () => {
    const packets = [...conversation().packets.slice(0, 8), ...conversation(true).packets.slice(0, 8)];
    fc.assert(
      fc.property(
        fc.nat(packets.length - 1),
        fc.nat(1600),
        fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 6 }),
        fc.constantFrom(0, 1, 9, 12, 50, 51, 101, 108, 113, 228, 276, 999),
        (which, length, changes, linkType) => {
          const data = (packets[which] as OutPacket).data.slice(0, length);
          for (const [at, value] of changes) if (data.length > 0) data[at % data.length] = value;
          run([{ timeS: 1, timeNs: 0, data, wireLength: 1600 }], {}, linkType);
        },
      ),
      { numRuns: 4000 },
    );
  });
});

describe('IP fragments', () => {
  /** Cuts an IPv4 packet of 14 bytes Ethernet into fragments of at most `size` bytes of payload. */
  function fragments(packet: OutPacket, size: number): readonly OutPacket[] {
    const payload = packet.data.subarray(34);
    const out: OutPacket[] = [];
    for (let at = 0; at < payload.length; at += size) {
      const part = payload.subarray(at, at + size);
      const data = concat([packet.data.subarray(0, 34), part]);
      const view = new DataView(data.buffer);
      view.setUint16(16, 20 + part.length);
      view.setUint16(20, (at / 8) | (at + size < payload.length ? 0x2000 : 0));
      out.push({ ...packet, data });
    }
    return out;
  }

  it('puts them together in any order', () => {
    const { packets } = conversation();
    fc.assert(
      fc.property(fc.constantFrom(8, 64, 256, 800), fc.boolean(), (size, backwards) => {
        const cut = packets.flatMap((packet) => {
          const parts = packet.data.length > 100 ? fragments(packet, size) : [packet];
          return backwards ? parts.toReversed() : parts;
        });
        expect(stream(run(cut, { fragmentsPerPacket: 256 }).out, 0)).toEqual(REQUEST);
      }),
      { numRuns: 20 },
    );
  });

  it('forgets unfinished packets after a time, and stays within its bounds', () => {
    const { packets } = conversation();
    const halves = Array.from({ length: 500 }, (_, i) => {
      const [first] = fragments(packets[3] as OutPacket, 800);
      const data = (first as OutPacket).data.slice();
      new DataView(data.buffer).setUint16(18, i);
      return { data, timeS: i, timeNs: 0 };
    });
    const net = new Net({ fragmentedPackets: 50 });
    const out: NetOutput[] = [];
    halves.forEach((packet, i) => {
      net.push(frameOf(packet, i), out);
      expect(net.load.fragmentBytes).toBeLessThanOrEqual(61 * 800);
    });
  });
});
