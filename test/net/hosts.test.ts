import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/concat.js';
import { HostPackets } from '../../src/net/hosts.js';
import { ascii } from '../support/net.js';
import { ethernet, frameOf, ip4, ip6, tcpPacket } from '../support/packets.js';
import { bytes, over, tunnelsAround, udp } from '../support/tunnels.js';

const [HOST, PEER, OTHER] = [
  ['192.0.2.7', '2001:db8::7'],
  ['192.0.2.2', '2001:db8::2'],
  // Tunnels go from here to the peer.
  ['192.0.2.1', '2001:db8::1'],
] as const;
const all = (one: readonly string[], other: readonly string[] | null = null): HostPackets =>
  new HostPackets([{ one, other }]);

function fragment(offset: number, payload: Uint8Array, protocol: number): Uint8Array {
  return ethernet(ip4({}, payload, 0x2000 | offset, protocol));
}

describe('packets of a host', () => {
  it.each(tunnelsAround(7))('are told by the addresses inside: %s', (_, data) => {
    const frame = frameOf(data);
    expect(all(HOST).takes(frame)).toBe(true);
    expect(all(HOST, PEER).takes(frame)).toBe(true);
    expect(all(PEER, HOST).takes(frame)).toBe(true);
    expect(all(OTHER).takes(frame)).toBe(false);
    expect(all(OTHER, PEER).takes(frame)).toBe(false);
    expect(new HostPackets([OTHER, HOST].map((one) => ({ one, other: null }))).takes(frame)).toBe(true);
  });

  it('are taken both ways, in IPv6 with extension headers, too', () => {
    for (const v6 of [false, true])
      for (const back of [false, true]) {
        const frame = frameOf(ethernet(tcpPacket({ seq: 1, v6, back, client: 7, payload: ascii('x') }), []));
        expect([all(HOST).takes(frame), all(PEER).takes(frame), all(OTHER).takes(frame)]).toEqual([true, true, false]);
      }
    const segment = tcpPacket({ seq: 1, payload: ascii('x') }).slice(20);
    const extended = ethernet(ip6({ client: 7 }, concat([bytes(6, 0, 1, 4, 0, 0, 0, 0), segment]), 60));
    expect([all(HOST).takes(frameOf(extended)), all(OTHER).takes(frameOf(extended))]).toEqual([true, false]);
  });

  it('are those about a packet of it that could not be delivered', () => {
    const quoted = tcpPacket({ seq: 1, client: 7 });
    const frame = frameOf(over(1, concat([bytes(3, 1, 0, 0, 0, 0, 0, 0), quoted])));
    expect([all(HOST).takes(frame), all(OTHER).takes(frame)]).toEqual([true, false]);
    const echo = frameOf(over(1, concat([bytes(8, 0, 0, 0, 0, 0, 0, 0), quoted])));
    expect(all(HOST).takes(echo)).toBe(false);
  });

  it('come with those of Kerberos, whoever speaks it', () => {
    expect(all(HOST).takes(frameOf(udp(88, ascii('ticket'))))).toBe(true);
    expect(all(HOST).takes(frameOf(udp(89, ascii('ticket'))))).toBe(false);
    const segment = tcpPacket({ seq: 1, payload: ascii('x') });
    segment[23] = 88;
    expect(all(HOST).takes(frameOf(ethernet(segment)))).toBe(true);
  });

  it('come with later fragments that may be of a tunnel, not with those of TCP of others', () => {
    const piece = new Uint8Array(64);
    expect(all(HOST).takes(frameOf(fragment(5, piece, 17)))).toBe(true);
    expect(all(HOST).takes(frameOf(fragment(5, piece, 6)))).toBe(false);
    expect(all(OTHER).takes(frameOf(fragment(5, piece, 6)))).toBe(true);
  });

  it('are looked for in whatever comes', () => {
    const wanted = all(HOST);
    const frames = tunnelsAround(7);
    for (const [, data] of frames)
      for (let length = 0; length <= data.length; length++) wanted.takes(frameOf(data.slice(0, length)));
    fc.assert(
      fc.property(
        fc.constantFrom(...frames),
        fc.array(fc.tuple(fc.nat(110), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        fc.nat(300),
        ([, original], changes, linkType) => {
          const data = original.slice();
          for (const [at, value] of changes) data[at % data.length] = value;
          wanted.takes(frameOf(data));
          wanted.takes({ ...frameOf(data), linkType });
        },
      ),
      { numRuns: 2000 },
    );
  });
});
