import { concat } from '../bytes/concat.js';
import { Sink } from '../bytes/sink.js';
import type { Moment } from '../types.js';

/** A packet to be written. `wireLength` is larger than `data` when a snap length cut it. */
export interface OutPacket extends Moment {
  readonly data: Uint8Array;
  readonly wireLength?: number;
  /** Number of its interface in a pcapng section, in the order in which they are described; 0 when left out. */
  readonly interfaceId?: number;
  /** Comments of a pcapng packet (opt_comment), each cut to what an option holds. */
  readonly comments?: readonly string[];
}

/** Longest comment, in bytes of UTF-8: a multiple of four, so that it needs no padding beyond a 16-bit length. */
export const MAX_COMMENT_BYTES = 65_532;

/** Header of a classic pcap file. */
export function pcapHeader(
  linkType: number,
  options: { readonly nano?: boolean; readonly littleEndian?: boolean; readonly snapLength?: number } = {},
): Uint8Array {
  const s = new Sink(options.littleEndian ?? true);
  s.u32(options.nano === true ? 0xa1b23c4d : 0xa1b2c3d4);
  s.u16(2);
  s.u16(4);
  s.u32(0);
  s.u32(0);
  s.u32(options.snapLength ?? 262_144);
  s.u32(linkType);
  return s.finish();
}

/** One packet record of a classic pcap file. */
export function pcapRecord(
  packet: OutPacket,
  options: { readonly nano?: boolean; readonly littleEndian?: boolean } = {},
): Uint8Array {
  const s = new Sink(options.littleEndian ?? true, packet.data.length + 16);
  s.u32(packet.timeS);
  s.u32(options.nano === true ? packet.timeNs : Math.floor(packet.timeNs / 1000));
  s.u32(packet.data.length);
  s.u32(packet.wireLength ?? packet.data.length);
  s.bytes(packet.data);
  return s.finish();
}

function block(type: number, littleEndian: boolean, body: (s: Sink) => void): Uint8Array {
  const s = new Sink(littleEndian);
  s.u32(type);
  s.u32(0);
  body(s);
  s.align(4);
  s.patchU32(4, s.length + 4);
  s.u32(s.length + 4);
  return s.finish();
}

/** Section header and one interface description, with nanosecond time stamps. */
export function pcapngHeader(
  linkType: number,
  options: { readonly littleEndian?: boolean; readonly application?: string } = {},
): Uint8Array {
  const little = options.littleEndian ?? true;
  const section = block(0x0a0d0d0a, little, (s) => {
    s.u32(0x1a2b3c4d);
    s.u16(1);
    s.u16(0);
    s.u64(0xffff_ffff_ffff_ffffn);
    if (options.application === undefined) return;
    const text = new TextEncoder().encode(options.application);
    s.u16(4);
    s.u16(text.length);
    s.bytes(text);
    s.align(4);
    s.u32(0);
  });
  return concat([section, pcapngInterface(linkType, little)]);
}

/** An Interface Description Block: one interface more in the section, with nanosecond time stamps. */
export function pcapngInterface(linkType: number, littleEndian = true): Uint8Array {
  return block(1, littleEndian, (s) => {
    s.u16(linkType);
    s.u16(0);
    s.u32(0);
    s.u16(9);
    s.u16(1);
    s.u8_(9);
    s.align(4);
    s.u32(0);
  });
}

/** An Enhanced Packet Block, on an interface whose clock counts nanoseconds. */
export function pcapngPacket(packet: OutPacket, littleEndian = true): Uint8Array {
  const { comments = [] } = packet;
  const ticks = BigInt(packet.timeS) * 1_000_000_000n + BigInt(packet.timeNs);
  return block(6, littleEndian, (s) => {
    s.u32(packet.interfaceId ?? 0);
    s.u32(Number(ticks >> 32n));
    s.u32(Number(ticks & 0xffff_ffffn));
    s.u32(packet.data.length);
    s.u32(packet.wireLength ?? packet.data.length);
    s.bytes(packet.data);
    if (comments.length === 0) return;
    for (const comment of comments) {
      const text = commentBytes(comment);
      s.align(4);
      s.u16(1);
      s.u16(text.length);
      s.bytes(text);
    }
    s.align(4);
    s.u32(0);
  });
}

/** A comment as UTF-8; a longer one is cut, never within a character. */
function commentBytes(comment: string): Uint8Array {
  const bytes = new Uint8Array(Math.min(comment.length * 3, MAX_COMMENT_BYTES));
  return bytes.subarray(0, new TextEncoder().encodeInto(comment, bytes).written);
}
