import { blockOf } from '../../src/bytes/block.js';
import type { Frame } from '../../src/types.js';
import { concat } from '../../src/bytes/concat.js';

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;

/**
 * A TCP packet in every detail; what is left out is an ordinary segment from 192.0.2.1 port 40000 to 192.0.2.2 port
 * 135.
 */
export interface TcpPacket {
  readonly seq: number;
  readonly ack?: number;
  /** Flags; ACK when left out. */
  readonly flags?: number;
  readonly payload?: Uint8Array;
  /** True for a packet from the server. */
  readonly back?: boolean;
  /** Last byte of the client's address. */
  readonly client?: number;
  readonly sport?: number;
  readonly dport?: number;
  readonly v6?: boolean;
  /** TCP options, a multiple of four bytes. */
  readonly options?: Uint8Array;
  /** IPv4 options, a multiple of four bytes. */
  readonly ipOptions?: Uint8Array;
  /** IPv6 extension headers between the header and TCP; `first` is the type of the first of them. */
  readonly extensions?: { readonly first: number; readonly bytes: Uint8Array };
  /** Identification, for fragments. */
  readonly id?: number;
}

/** Ports, sequence numbers, flags, options and payload: the TCP segment alone. */
export function tcpSegment(packet: TcpPacket): Uint8Array {
  const {
    seq,
    ack = 0,
    flags = ACK,
    payload = new Uint8Array(0),
    back = false,
    sport = 40_000,
    dport = 135,
    options = new Uint8Array(0),
  } = packet;
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  view.setUint16(0, back ? dport : sport);
  view.setUint16(2, back ? sport : dport);
  view.setUint32(4, seq >>> 0);
  view.setUint32(8, ack >>> 0);
  header[12] = (5 + options.length / 4) << 4;
  header[13] = flags;
  view.setUint16(14, 0xfaf0);
  return concat([header, options, payload]);
}

/** The IP packet around a TCP packet, without a link layer. Checksums are left 0: offload leaves them wrong as well. */
export function tcpPacket(packet: TcpPacket): Uint8Array {
  return packet.v6 === true ? ip6(packet, tcpSegment(packet)) : ip4(packet, tcpSegment(packet));
}

/** An IPv4 packet; `fragment` is the field of flags and offset. */
export function ip4(
  packet: Pick<TcpPacket, 'back' | 'client' | 'ipOptions' | 'id'>,
  payload: Uint8Array,
  fragment = 0x4000,
  protocol = 6,
): Uint8Array {
  const { back = false, client = 1, ipOptions = new Uint8Array(0), id = 1 } = packet;
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  header[0] = 0x45 + ipOptions.length / 4;
  view.setUint16(2, 20 + ipOptions.length + payload.length);
  view.setUint16(4, id);
  view.setUint16(6, fragment);
  header[8] = 64;
  header[9] = protocol;
  header.set([192, 0, 2, back ? 2 : client], 12);
  header.set([192, 0, 2, back ? client : 2], 16);
  return concat([header, ipOptions, payload]);
}

/** An IPv6 packet; `protocol` stands behind the extension headers. */
export function ip6(
  packet: Pick<TcpPacket, 'back' | 'client' | 'extensions'>,
  payload: Uint8Array,
  protocol = 6,
): Uint8Array {
  const { back = false, client = 1, extensions } = packet;
  const header = new Uint8Array(40);
  const between = extensions?.bytes ?? new Uint8Array(0);
  header[0] = 0x60;
  new DataView(header.buffer).setUint16(4, between.length + payload.length);
  header[6] = extensions?.first ?? protocol;
  header[7] = 64;
  header.set([0x20, 0x01, 0x0d, 0xb8], 8);
  header.set([0x20, 0x01, 0x0d, 0xb8], 24);
  header[23] = back ? 2 : client;
  header[39] = back ? client : 2;
  return concat([header, between, payload]);
}

/**
 * Ethernet around a packet: EtherType by its version, behind the given tags (EtherType and tag control, as four bytes
 * each).
 */
export function ethernet(packet: Uint8Array, tags: readonly (readonly [number, number])[] = []): Uint8Array {
  const type = (packet[0] ?? 0) >>> 4 === 6 ? [0x86, 0xdd] : [0x08, 0x00];
  const between = tags.flatMap(([tpid, control]) => [tpid >>> 8, tpid & 0xff, control >>> 8, control & 0xff]);
  return concat([Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...between, ...type), packet]);
}

/** Captured bytes as a frame in a block of its own; `wireLength` is longer when a snap length cut it. */
export function frameOf(
  data: Uint8Array,
  number = 1,
  at: {
    readonly timeS?: number;
    readonly timeNs?: number;
    readonly linkType?: number;
    readonly wireLength?: number;
  } = {},
): Frame {
  return {
    kind: 'frame',
    number,
    timeS: at.timeS ?? 1000,
    timeNs: at.timeNs ?? 0,
    hasTime: true,
    linkType: at.linkType ?? 1,
    block: blockOf(data),
    start: 0,
    end: data.length,
    wireLength: at.wireLength ?? data.length,
    interfaceId: 0,
    offset: 0,
  };
}
