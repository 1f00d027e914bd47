import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/concat.js';
import { ascii, codes, runFrames, story } from '../support/net.js';
import { ACK, ethernet, frameOf, ip4, SYN, tcpPacket } from '../support/packets.js';
import { behind, bytes, over, tunnelsAround, udp } from '../support/tunnels.js';

const V4 = tcpPacket({ seq: 1, payload: ascii('hello') });
const INNER = ethernet(V4);
const TUNNELS = tunnelsAround();

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

  // Numbers of GTP-U are given out by whoever receives them: others may have the same.
  const GTP = [0x30, 0xff, 0, 0, 0, 0, 0, 7];
  const outer = (protocol: number, head: readonly number[]) => (host: number, inner: Uint8Array) =>
    ethernet(ip4({ client: host }, behind(head, inner), 0x4000, protocol));
  it.each([
    ['IP in IP', outer(4, [])],
    ['GRE', outer(47, [0, 0, 8, 0])],
    ['GTP-U', outer(17, [8, 0x68, 8, 0x68, 0, 0, 0, 0, ...GTP])],
  ] as const)('are told apart by the ends of the tunnel: %s', (_, through) => {
    const says = (host: number, seq: number, payload: string, flags = ACK): Uint8Array =>
      through(host, tcpPacket({ seq, flags, payload: ascii(payload) }));
    const packets = [
      says(10, 1000, '', SYN),
      says(20, 900_000_000, '', SYN),
      says(10, 1001, 'ten'),
      says(20, 900_000_001, 'twenty'),
      // Another gateway takes over.
      says(30, 1004, ' goes on'),
    ];
    const { out, net } = runFrames(packets.map((data, i) => frameOf(data, i + 1, { timeNs: i })));
    expect([net.counts.flows, story(out, 0, 1), story(out, 0, 2)]).toEqual([2, 'ten goes on', 'twenty']);
  });
});
