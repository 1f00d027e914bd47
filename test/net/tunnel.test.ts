import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/concat.js';
import { ascii, codes, runFrames, story } from '../support/net.js';
import { ACK, ethernet, frameOf, ip4, ip6, SYN, tcpPacket } from '../support/packets.js';

const V4 = tcpPacket({ seq: 1, payload: ascii('hello') });
const V6 = tcpPacket({ seq: 1, payload: ascii('hello'), v6: true });
const INNER = ethernet(V4);

function udp(port: number, payload: Uint8Array, source = 50_000): Uint8Array {
  const head = Uint8Array.of(source >>> 8, source & 255, port >>> 8, port & 255, 0, 0, 0, 0);
  new DataView(head.buffer).setUint16(4, 8 + payload.length);
  return ethernet(ip4({}, concat([head, payload]), 0x4000, 17));
}

function over(protocol: number, payload: Uint8Array): Uint8Array {
  return ethernet(ip4({}, payload, 0x4000, protocol));
}

const bytes = (...list: readonly number[]): Uint8Array => Uint8Array.from(list);
const behind = (head: readonly number[], packet: Uint8Array): Uint8Array => concat([bytes(...head), packet]);

/** ESP with the NULL cipher: padding to four bytes, what follows, check value. */
function esp(packet: Uint8Array, next: number, check: number): Uint8Array {
  const padding = (2 - packet.length) & 3;
  const pad = Array.from({ length: padding }, (_, i) => i + 1);
  return concat([bytes(0, 0, 1, 0, 0, 0, 0, 1), packet, bytes(...pad, padding, next), new Uint8Array(check).fill(7)]);
}

/** Authentication header in front of a packet. */
function ah(next: number, packet: Uint8Array): Uint8Array {
  return concat([bytes(next, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1), new Uint8Array(12), packet]);
}

const TUNNELS: readonly (readonly [string, Uint8Array])[] = [
  ['VXLAN', udp(4789, behind([8, 0, 0, 0, 0, 0, 42, 0], INNER))],
  ['VXLAN on the old port', udp(8472, behind([8, 0, 0, 0, 0, 0, 42, 0], INNER))],
  ['VXLAN GPE, IPv6', udp(4790, behind([12, 0, 0, 2, 0, 0, 42, 0], V6))],
  ['Geneve with options', udp(6081, behind([2, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 1, 9, 9, 9, 9], INNER))],
  ['GTP-U', udp(2152, behind([0x30, 0xff, 0, 45, 0, 0, 0, 9], V4))],
  ['GTP-U with extension headers', udp(2152, behind([0x34, 0xff, 0, 53, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0, 0, 0], V4))],
  ['GRE', over(47, behind([0, 0, 8, 0], V4))],
  ['GRE with sum, key and number', over(47, behind([0xb0, 0, 8, 0, ...Array.from({ length: 12 }, () => 0)], V4))],
  ['NVGRE', over(47, behind([0x20, 0, 0x65, 0x58, 0, 0, 42, 0], INNER))],
  ['PPTP', over(47, behind([0x30, 0x81, 0x88, 0x0b, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 3, 0, 0x21], V4))],
  ['ERSPAN I', over(47, behind([0, 0, 0x88, 0xbe], INNER))],
  ['ERSPAN II', over(47, behind([0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 1, 0, 1, 0, 0, 0, 0], INNER))],
  ['ERSPAN III', over(47, behind([0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], INNER))],
  [
    'ERSPAN III with a subheader',
    over(
      47,
      behind(
        [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, ...Array.from({ length: 8 }, () => 0)],
        INNER,
      ),
    ),
  ],
  ['GRE in UDP', udp(4754, behind([0, 0, 8, 0], V4))],
  ['IP in IP', over(4, V4)],
  ['6in4', over(41, V6)],
  ['4in6', ethernet(ip6({}, V4, 4))],
  ['EtherIP', over(97, behind([0x30, 0], INNER))],
  ['MPLS over UDP', udp(6635, behind([0, 1, 0x31, 64], V4))],
  ['MPLS in IP', over(137, behind([0, 1, 0x31, 64], V4))],
  [
    'MPLS with Ethernet and a control word',
    concat([INNER.slice(0, 12), bytes(0x88, 0x47, 0, 1, 0x31, 64, 0, 0, 0, 0), INNER]),
  ],
  ['L2TP', udp(1701, behind([0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21], V4))],
  [
    'L2TP with length, number and offset',
    udp(1701, behind([0x4a, 2, 0, 60, 0, 1, 0, 2, 0, 1, 0, 1, 0, 2, 9, 9, 0, 0x21], V4)),
  ],
  ['L2TP version 3', over(115, behind([0, 0, 0, 7, 1, 2, 3, 4], INNER))],
  ['TZSP', udp(37_008, behind([1, 0, 0, 1, 0, 10, 1, 99, 1], INNER))],
  ['AH in tunnel mode', over(51, ah(4, V4))],
  ['AH in transport mode', over(51, ah(6, V4.slice(20)))],
  ['ESP with the NULL cipher', over(50, esp(V4, 4, 12))],
  ['ESP with the NULL cipher, transport mode', over(50, esp(V4.slice(20), 6, 16))],
  ['ESP in UDP', udp(4500, esp(V4, 4, 12))],
  ['Teredo', udp(3544, V6)],
  ['LISP', udp(4341, behind([0, 0, 0, 0, 0, 0, 0, 0], V4))],
  [
    'VXLAN in GRE in a VLAN',
    ethernet(ip4({}, behind([0, 0, 8, 0], udp(4789, behind([8, 0, 0, 0, 0, 0, 42, 0], INNER)).slice(14)), 0x4000, 47), [
      [0x8100, 9],
    ]),
  ],
];

describe('tunnels', () => {
  it.each(TUNNELS)('are looked into: %s', (_, data) => {
    const { out, net } = runFrames([frameOf(data)]);
    expect([story(out), codes(out), net.counts.other]).toEqual(['hello', [], 0]);
  });

  it('are put together where their own packets are in fragments', () => {
    const whole = udp(4789, behind([8, 0, 0, 0, 0, 0, 42, 0], INNER)).slice(34);
    const parts = [whole.slice(0, 40), whole.slice(40)];
    const frames = parts.map((part, i) => frameOf(ethernet(ip4({ id: 9 }, part, i === 0 ? 0x2000 : 5, 17)), i + 1));
    expect(story(runFrames(frames).out)).toBe('hello');
  });

  it('that cannot be looked into are counted by name', () => {
    const { out, net } = runFrames(
      [
        over(50, concat([bytes(0, 0, 1, 0, 0, 0, 0, 1), new Uint8Array(64).fill(0xa7)])),
        ethernet(V4).fill(0x12, 12, 13),
        concat([INNER.slice(0, 12), bytes(0x88, 0xe5, 0x2c, 0, 0, 0, 0, 1), new Uint8Array(40)]),
        over(108, new Uint8Array(40)),
        over(1, new Uint8Array(40)),
      ].map((data, i) => frameOf(data, i + 1)),
    );
    expect(out).toEqual([]);
    expect([...net.counts.unread]).toEqual([
      ['ESP, which is encrypted', 1],
      ['EtherType 0x1200', 1],
      ['MACsec, which is encrypted', 1],
      ['compressed IP (IPComp)', 1],
    ]);
  });

  it('within tunnels are bounded', () => {
    let packet = V4;
    for (let i = 0; i < 40; i++) packet = ip4({}, packet, 0x4000, 4);
    const { out, net } = runFrames([frameOf(ethernet(packet))]);
    expect([out, [...net.counts.unread.keys()]]).toEqual([[], ['more than 16 headers around one another']]);
  });

  it('take every prefix and any mutation for what it is', () => {
    for (const [, data] of TUNNELS) {
      for (let length = 0; length < data.length; length += 3)
        runFrames([frameOf(data.slice(0, length), 1, { wireLength: data.length })]);
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...TUNNELS),
        fc.array(fc.tuple(fc.nat(110), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        ([, original], changes) => {
          const data = original.slice();
          for (const [at, value] of changes) data[at % data.length] = value;
          runFrames([frameOf(data)]);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('addresses that are used twice', () => {
  const say = (vlan: number, seq: number, payload: string, flags = ACK): Uint8Array =>
    ethernet(tcpPacket({ seq, flags, payload: ascii(payload) }), [[0x8100, vlan]]);
  const answer = (vlan: number, seq: number, ack: number, payload: string, flags = ACK): Uint8Array =>
    ethernet(tcpPacket({ seq, ack, flags, payload: ascii(payload), back: true }), [[0x8100, vlan]]);

  it('are told apart by the VLAN they came through', () => {
    const { out, net } = runFrames(
      [
        say(10, 1000, '', SYN),
        say(20, 900_000_000, '', SYN),
        answer(10, 5000, 1001, '', SYN | ACK),
        answer(20, 700_000_000, 900_000_001, '', SYN | ACK),
        say(10, 1001, 'ten'),
        say(20, 900_000_001, 'twenty'),
        answer(20, 700_000_001, 900_000_007, 'TWENTY'),
        answer(10, 5001, 1004, 'TEN'),
      ].map((data, i) => frameOf(data, i + 1, { timeNs: i })),
    );
    expect(net.counts.flows).toBe(2);
    expect([story(out, 0, 1), story(out, 1, 1), story(out, 0, 2), story(out, 1, 2)]).toEqual([
      'ten',
      'TEN',
      'twenty',
      'TWENTY',
    ]);
  });

  it('are not, where a mirror shows packets of one connection in two VLANs, or each direction in its own', () => {
    const { out, net } = runFrames(
      [
        say(10, 1000, '', SYN),
        say(20, 1000, '', SYN),
        answer(30, 5000, 1001, '', SYN | ACK),
        say(10, 1001, 'once'),
        say(20, 1001, 'once'),
        answer(30, 5001, 1005, 'and back'),
      ].map((data, i) => frameOf(data, i + 1, { timeNs: i })),
    );
    expect([net.counts.flows, story(out, 0), story(out, 1)]).toEqual([1, 'once', 'and back']);
  });
});
