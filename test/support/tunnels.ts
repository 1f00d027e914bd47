import { concat } from '../../src/bytes/concat.js';
import { ascii } from './net.js';
import { ethernet, ip4, ip6, tcpPacket } from './packets.js';

export function udp(port: number, payload: Uint8Array, source = 50_000): Uint8Array {
  const head = Uint8Array.of(source >>> 8, source & 255, port >>> 8, port & 255, 0, 0, 0, 0);
  new DataView(head.buffer).setUint16(4, 8 + payload.length);
  return ethernet(ip4({}, concat([head, payload]), 0x4000, 17));
}

export function over(protocol: number, payload: Uint8Array, client = 1): Uint8Array {
  return ethernet(ip4({ client }, payload, 0x4000, protocol));
}

export const bytes = (...list: readonly number[]): Uint8Array => Uint8Array.from(list);
export const behind = (head: readonly number[], packet: Uint8Array): Uint8Array => concat([bytes(...head), packet]);

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

/** A segment from 192.0.2.`client` to 192.0.2.2 (or the same of 2001:db8::), in every tunnel: name and frame. */
export function tunnelsAround(client = 1): readonly (readonly [string, Uint8Array])[] {
  const V4 = tcpPacket({ seq: 1, payload: ascii('hello'), client });
  const V6 = tcpPacket({ seq: 1, payload: ascii('hello'), client, v6: true });
  const INNER = ethernet(V4);
  return [
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
          [
            0x10,
            0,
            0x22,
            0xeb,
            0,
            0,
            0,
            1,
            0x20,
            1,
            0,
            1,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            1,
            ...Array.from({ length: 8 }, () => 0),
          ],
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
    ['AH in transport mode', over(51, ah(6, V4.slice(20)), client)],
    ['ESP with the NULL cipher', over(50, esp(V4, 4, 12))],
    ['ESP with the NULL cipher, transport mode', over(50, esp(V4.slice(20), 6, 16), client)],
    ['ESP in UDP', udp(4500, esp(V4, 4, 12))],
    ['Teredo', udp(3544, V6)],
    ['LISP', udp(4341, behind([0, 0, 0, 0, 0, 0, 0, 0], V4))],
    [
      'VXLAN in GRE in a VLAN',
      ethernet(
        ip4({}, behind([0, 0, 8, 0], udp(4789, behind([8, 0, 0, 0, 0, 0, 42, 0], INNER)).slice(14)), 0x4000, 47),
        [[0x8100, 9]],
      ),
    ],
  ];
}
