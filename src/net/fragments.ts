import { blockOf } from '../bytes/block.js';
import type { Block } from '../types.js';
import type { NetLimits } from './limits.js';

/** What became of a fragment. */
export type FragmentResult =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'dropped'; readonly why: string }
  /** The payload of the whole packet, in memory of its own; `overlap` tells that fragments disagreed. */
  | { readonly kind: 'whole'; readonly block: Block; readonly length: number; readonly overlap: boolean };

interface Packet {
  readonly pieces: { readonly from: number; readonly bytes: Uint8Array }[];
  readonly timeS: number;
  total: number;
  bytes: number;
  overlap: boolean;
}

const WAITING: FragmentResult = { kind: 'waiting' };

/** IPv4 and IPv6 fragments to whole packets; where fragments overlap, the bytes that came first stay. */
export class FragmentTable {
  private readonly packets = new Map<string, Packet>();
  private readonly limits: NetLimits;
  /** Bytes kept at the moment. */
  bytes = 0;
  /** Packets dropped unfinished: time, or a limit. */
  expired = 0;

  constructor(limits: NetLimits) {
    this.limits = limits;
  }

  get size(): number {
    return this.packets.size;
  }

  /**
   * Adds bytes `start` to `end` of a block as the fragment at `offset` of packet `key`.
   * @param last no more fragments follow it in the packet
   */
  add(key: string, block: Block, start: number, end: number, offset: number, last: boolean, timeS: number): FragmentResult {
    this.expire(timeS);
    const length = end - start;
    if (offset + length > 65_535) return { kind: 'dropped', why: `fragment ends at ${offset + length}, past the largest packet` };
    let packet = this.packets.get(key);
    if (packet === undefined) {
      if (this.packets.size >= this.limits.fragmentedPackets) this.drop(this.packets.keys().next().value);
      packet = { pieces: [], timeS, total: -1, bytes: 0, overlap: false };
      this.packets.set(key, packet);
    }
    if (packet.pieces.length >= this.limits.fragmentsPerPacket || this.bytes + length > this.limits.fragmentBytes) {
      this.drop(key);
      return { kind: 'dropped', why: 'too many fragments are waiting for their packet' };
    }
    if (last) {
      if (packet.total >= 0 && packet.total !== offset + length) packet.overlap = true;
      else packet.total = offset + length;
    }
    packet.pieces.push({ from: offset, bytes: block.u8.slice(start, end) });
    packet.bytes += length;
    this.bytes += length;
    if (packet.total < 0 || packet.bytes < packet.total) return WAITING;
    const whole = assemble(packet);
    if (whole === null) return WAITING;
    this.drop(key, false);
    return { kind: 'whole', block: blockOf(whole), length: whole.length, overlap: packet.overlap };
  }

  private expire(timeS: number): void {
    for (const [key, packet] of this.packets) {
      if (timeS - packet.timeS <= this.limits.fragmentTimeoutS) return;
      this.drop(key);
    }
  }

  private drop(key: string | undefined, unfinished = true): void {
    if (key === undefined) return;
    const packet = this.packets.get(key);
    if (packet === undefined) return;
    this.bytes -= packet.bytes;
    if (unfinished) this.expired++;
    this.packets.delete(key);
  }
}

function assemble(packet: Packet): Uint8Array | null {
  const out = new Uint8Array(packet.total);
  const filled = new Uint8Array(packet.total);
  for (const { from, bytes } of packet.pieces) {
    for (let i = 0; i < bytes.length && from + i < packet.total; i++) {
      const at = from + i;
      if (filled[at] === 1) {
        if (out[at] !== bytes[i]) packet.overlap = true;
      } else {
        out[at] = bytes[i] as number;
        filled[at] = 1;
      }
    }
  }
  return filled.includes(0) ? null : out;
}
