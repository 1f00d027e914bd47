import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINK_TYPES } from '../../src/net/layers/table.js';
import { concat } from '../../src/bytes/concat.js';
import { ascii, codes, runFrames, story } from '../support/net.js';
import { ethernet, frameOf, tcpPacket } from '../support/packets.js';

const V4 = tcpPacket({ seq: 1, payload: ascii('hello') });
const V6 = tcpPacket({ seq: 1, payload: ascii('hello'), v6: true });

function wrap(before: readonly number[], packet = V4): Uint8Array {
  return concat([Uint8Array.from(before), packet]);
}

const SLL = [0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
const SLL2 = [0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
const PPPOE = [0x11, 0, 0, 1, 0, 47];
const MAC = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];

const SNAP = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
const WLAN = [8, 2, 0, 0, ...MAC, 2, 0, 0, 0, 0, 1, 0, 0];
const zeros = (count: number): readonly number[] => Array.from({ length: count }, () => 0);

/** Name, link type, frame. */
const READ: readonly (readonly [string, number, Uint8Array])[] = [
  ['Ethernet', 1, ethernet(V4)],
  ['Ethernet, IPv6', 1, ethernet(V6)],
  ['802.1Q', 1, ethernet(V4, [[0x8100, 5]])],
  [
    '802.1ad around 802.1Q',
    1,
    ethernet(V6, [
      [0x88a8, 5],
      [0x8100, 0xe006],
    ]),
  ],
  [
    'QinQ of old switches, three deep',
    1,
    ethernet(V4, [
      [0x9100, 5],
      [0x9100, 6],
      [0x8100, 7],
    ]),
  ],
  ['PPPoE', 1, wrap([...MAC, 0x88, 0x64, ...PPPOE, 0, 0x21])],
  ['PPPoE in a VLAN, IPv6', 1, wrap([...MAC, 0x81, 0, 0, 9, 0x88, 0x64, ...PPPOE, 0, 0x57], V6)],
  ['MPLS, two labels', 1, wrap([...MAC, 0x88, 0x47, 0, 1, 0x20, 64, 0, 1, 0x31, 64])],
  ['MPLS, IPv6', 1, wrap([...MAC, 0x88, 0x47, 0, 1, 0x21, 64], V6)],
  ['Ethernet padding', 1, concat([ethernet(V4), new Uint8Array(20).fill(0x41)])],
  ['SLL', 113, wrap([...SLL, 8, 0])],
  ['SLL, IPv6 in a VLAN', 113, wrap([...SLL, 0x81, 0, 0, 5, 0x86, 0xdd], V6)],
  ['SLL2', 276, wrap([8, 0, ...SLL2])],
  ['SLL2, IPv6', 276, wrap([0x86, 0xdd, ...SLL2], V6)],
  ['NULL, big-endian', 0, wrap([0, 0, 0, 2])],
  ['NULL, little-endian', 0, wrap([2, 0, 0, 0])],
  ['LOOP', 108, wrap([0, 0, 0, 2])],
  ...[10, 23, 24, 28, 30].flatMap((family): (readonly [string, number, Uint8Array])[] => [
    [`NULL, IPv6 as ${family}, big-endian`, 0, wrap([0, 0, 0, family], V6)],
    [`NULL, IPv6 as ${family}, little-endian`, 0, wrap([family, 0, 0, 0], V6)],
  ]),
  ...[12, 14, 101, 228].map((type): readonly [string, number, Uint8Array] => [`raw IPv4 as ${type}`, type, V4]),
  ...[12, 14, 101, 229].map((type): readonly [string, number, Uint8Array] => [`raw IPv6 as ${type}`, type, V6]),
  ['Ethernet with LLC and SNAP', 1, wrap([...MAC, 0, 60, ...SNAP])],
  ['802.1ah', 1, wrap([...MAC, 0x88, 0xe7, 0, 0, 0, 7, ...MAC, 8, 0])],
  ['VN-Tag', 1, wrap([...MAC, 0x89, 0x26, 0, 1, 0, 2, 8, 0])],
  ['802.1BR', 1, wrap([...MAC, 0x89, 0x3f, 0, 1, 0, 2, 0, 0, 8, 0])],
  ['Cisco metadata', 1, wrap([...MAC, 0x89, 9, 1, 1, 0, 1, 0, 5, 8, 0])],
  ['MACsec without cipher', 1, concat([wrap([...MAC, 0x88, 0xe5, 0, 0, 0, 0, 0, 1, 8, 0]), new Uint8Array(16)])],
  ['HSR', 1, wrap([...MAC, 0x89, 0x2f, 0, 60, 0, 1, 8, 0])],
  ['NSH', 1, wrap([...MAC, 0x89, 0x4f, 0x0f, 0xc2, 1, 1, 0, 0, 1, 0xff])],
  ['802.11', 105, wrap([...WLAN, ...SNAP])],
  ['802.11 with quality of service', 105, wrap([0x88, ...WLAN.slice(1), 0, 0, ...SNAP])],
  ['radiotap', 127, wrap([0, 0, 9, 0, 2, 0, 0, 0, 0, ...WLAN, ...SNAP])],
  ['radiotap with padding', 127, wrap([0, 0, 9, 0, 2, 0, 0, 0, 0x20, 0x88, ...WLAN.slice(1), 0, 0, 0, 0, ...SNAP])],
  ['Prism', 119, wrap([...zeros(4), 144, 0, 0, 0, ...zeros(136), ...WLAN, ...SNAP])],
  ['AVS', 163, wrap([0x80, 0x21, 0x10, 1, 0, 0, 0, 64, ...zeros(56), ...WLAN, ...SNAP])],
  ['PPI', 192, wrap([0, 0, 8, 0, 1, 0, 0, 0, ...MAC, 8, 0])],
  ['PKTAP', 258, wrap([12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, ...MAC, 8, 0])],
  ['NFLOG', 239, wrap([2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 1, 0, 53, 0, 9, 0])],
  ['NFLOG, big-endian', 239, wrap([2, 0, 0, 0, 0, 53, 0, 9])],
  ['exported PDU', 252, wrap([0, 12, 0, 4, 0x69, 0x70, 0, 0, 0, 0, 0, 0])],
  ['FDDI', 10, wrap([0x50, ...MAC, ...SNAP])],
  ['token ring', 6, wrap([0x10, 0x40, ...MAC, ...SNAP])],
  ['ATM', 100, wrap(SNAP)],
  ['ENC', 109, wrap(zeros(12))],
  ['frame relay', 107, wrap([0x18, 0x41, 3, 0xcc])],
  ['frame relay with SNAP', 107, wrap([0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0])],
  ['frame relay, bridged', 107, wrap([0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7, ...MAC, 8, 0])],
  ["frame relay in Cisco's form", 107, wrap([0x18, 0x41, 8, 0])],
  ['frame relay with a long address', 107, wrap([0x18, 0x40, 0x40, 0x41, 3, 0x8e], V6)],
  ['IP over Fibre Channel', 122, wrap([...zeros(16), ...SNAP])],
  ['PFLOG', 117, wrap([61, 2, ...zeros(62)])],
  ['IP over IEEE 1394', 138, wrap([...zeros(16), 8, 0])],
  ['PPP with direction', 204, wrap([1, 0xff, 3, 0, 0x21])],
  ['IP over InfiniBand', 242, wrap([...zeros(40), 8, 0, 0, 0])],
  ['PPP', 9, wrap([0, 0x21])],
  ['PPP, protocol compressed', 9, wrap([0x21])],
  ['PPP with address and control', 9, wrap([0xff, 3, 0, 0x57], V6)],
  ['PPP in HDLC framing', 50, wrap([0xff, 3, 0, 0x21])],
  ['Cisco HDLC', 50, wrap([0x0f, 0, 8, 0])],
  ['Cisco HDLC, IPv6', 104, wrap([0x8f, 0, 0x86, 0xdd], V6)],
  ['PPPoE alone', 51, wrap([...PPPOE, 0, 0x21])],
];

describe('link layers', () => {
  for (const [name, linkType, data] of READ) {
    it(`reads ${name}`, () => {
      const { out } = runFrames([frameOf(data, 1, { linkType })]);
      expect([story(out), codes(out)]).toEqual(['hello', []]);
    });
  }

  it('reads frames in the middle of a block', () => {
    const block = concat([new Uint8Array(33).fill(9), ethernet(V4), new Uint8Array(7).fill(9)]);
    const frame = frameOf(block, 1, { wireLength: block.length - 40 });
    expect(story(runFrames([{ ...frame, start: 33, end: block.length - 7 }]).out)).toBe('hello');
  });

  it('refuses a link type once, by its number, with those it reads', () => {
    const { out } = runFrames([
      frameOf(V4, 1, { linkType: 147 }),
      frameOf(V4, 2, { linkType: 147 }),
      frameOf(V4, 3, { linkType: 195 }),
    ]);
    expect(out.map((item) => (item.kind === 'problem' ? [item.code, item.at.frame] : null))).toEqual([
      ['link-unsupported', 1],
      ['link-unsupported', 3],
    ]);
    expect(out[0]?.kind === 'problem' ? out[0].message : '').toMatch(/link type 147 .*ETHERNET \(1\)/);
    expect(new Set(READ.map(([, type]) => type))).toEqual(new Set(Object.keys(LINK_TYPES).map(Number)));
  });

  it('passes over what is not IP', () => {
    const frames = [
      wrap([...MAC, 8, 6]),
      wrap([...MAC, 0, 40]),
      wrap([...MAC, 0x88, 0x64, ...PPPOE, 0xc0, 0x21]),
      wrap([...MAC, 8, 0], Uint8Array.of(0x15, 1, 2, 3)),
    ];
    const { out, net } = runFrames(frames.map((data, i) => frameOf(data, i + 1)));
    expect([out, net.counts.other]).toEqual([[], 4]);
  });

  it('bounds tags within tags', () => {
    const { out, net } = runFrames([
      frameOf(
        ethernet(
          V4,
          Array.from({ length: 200 }, () => [0x8100, 1] as const),
        ),
      ),
    ]);
    expect([out, net.counts.other]).toEqual([[], 1]);
  });

  it('takes every prefix and any mutation of any of them for what it is', () => {
    for (const [, linkType, data] of READ) {
      for (let length = 0; length < data.length; length++) {
        const { out } = runFrames([frameOf(data.slice(0, length), 1, { linkType, wireLength: data.length })]);
        expect('hello'.startsWith(story(out).replace(/<\d>$/, ''))).toBe(true);
      }
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...READ),
        fc.array(fc.tuple(fc.nat(70), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        fc.nat(100),
        ([, linkType, original], changes, extra) => {
          const data = original.slice();
          for (const [at, value] of changes) data[at % data.length] = value;
          runFrames([frameOf(data, 1, { linkType, wireLength: data.length + extra - 50 })]);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
