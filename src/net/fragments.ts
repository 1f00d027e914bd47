import { blockOf } from '../bytes/block.js';
import { crc32 } from '../bytes/crc32.js';
import type { Block } from '../types.js';
import type { NetLimits } from './limits.js';

/** What became of a fragment. */
type FragmentResult =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'dropped'; readonly reason: 'limit' | 'malformed'; readonly why: string }
  /**
   * The payload of the whole packet, in memory of its own; `protocol` is that of its first fragment; `overlap` tells
   * that fragments disagreed.
   */
  | { readonly kind: 'whole'; readonly block: Block; readonly protocol: number; readonly overlap: boolean };

/** Why an unfinished packet was given up, and the frame of its first fragment. */
export interface Abandoned {
  readonly frame: number;
  readonly reason: 'time' | 'limit' | 'end';
}

/** A fragment: bytes `start` to `end` of a block. */
export interface Fragment {
  /** What tells its packet from others. */
  readonly key: string;
  readonly block: Block;
  readonly start: number;
  readonly end: number;
  /** Where it belongs in the payload of its packet. */
  readonly offset: number;
  /** No more fragments follow it in the packet. */
  readonly last: boolean;
  /** What its bytes begin with, if they are the first of the packet. */
  readonly protocol: number;
  readonly frame: number;
  readonly timeS: number;
}

interface Gathered {
  /** Ascending, without overlaps. */
  readonly pieces: { readonly from: number; readonly bytes: Uint8Array }[];
  readonly frame: number;
  readonly timeS: number;
  /** Length of the payload, or -1 before the last fragment came. */
  total: number;
  /** Bytes of all pieces. */
  bytes: number;
  protocol: number;
  overlap: boolean;
  /** Of each fragment, as far as so many are kept, what tells a copy of it from a fragment of another packet. */
  readonly prints: Set<number>;
}

/** A packet that was put together: when, and of what. */
interface Whole {
  readonly timeS: number;
  readonly prints: ReadonlySet<number>;
}

const WAITING: FragmentResult = { kind: 'waiting' };
const LARGEST = 65_535;

/**
 * IPv4 and IPv6 fragments to whole packets (RFC 791 3.2, RFC 8200 4.5); where fragments overlap, the bytes that came
 * first stay.
 */
export class FragmentTable {
  private readonly packets = new Map<string, Gathered>();
  /** Packets put together last, and when: what comes of them again is a copy. */
  private readonly whole = new Map<string, Whole>();
  private readonly limits: NetLimits;
  /** Bytes kept at the moment. */
  bytes = 0;

  constructor(limits: NetLimits) {
    this.limits = limits;
  }

  /** Whether fragments of a packet wait, or made one a moment ago. */
  knows(key: string): boolean {
    return this.packets.has(key) || this.whole.has(key);
  }

  get size(): number {
    return this.packets.size;
  }

  /** Adds a fragment; `abandoned` gets the packets given up meanwhile. */
  add(fragment: Fragment, abandoned: Abandoned[]): FragmentResult {
    const { key, start, end, offset, last, protocol, frame, timeS } = fragment;
    this.expire(timeS, abandoned);
    const print = printOf(fragment);
    if (this.copied(key, timeS, print)) return WAITING;
    const stop = offset + (end - start);
    if (stop > LARGEST)
      return { kind: 'dropped', reason: 'malformed', why: `fragment ends at ${stop}, past the largest packet` };
    const packet = this.packets.get(key) ?? this.enter(key, frame, timeS, abandoned);
    if (last ? packet.total >= 0 && packet.total !== stop : packet.total >= 0 && stop > packet.total)
      return this.refuse(key, packet);
    if (last) packet.total = stop;
    if (packet.prints.size < this.limits.fragmentsPerPacket) packet.prints.add(print);
    const before = packet.bytes;
    this.insert(packet, fragment);
    this.bytes += packet.bytes - before;
    if (offset === 0) packet.protocol = protocol;
    const furthest = packet.pieces.at(-1);
    if (packet.total >= 0 && furthest !== undefined && furthest.from + furthest.bytes.length > packet.total)
      return this.refuse(key, packet);
    if (packet.bytes === packet.total) {
      this.drop(key, packet);
      this.remember(key, { timeS, prints: packet.prints });
      return { kind: 'whole', block: blockOf(joined(packet)), protocol: packet.protocol, overlap: packet.overlap };
    }
    if (packet.pieces.length > this.limits.fragmentsPerPacket || this.bytes > this.limits.fragmentBytes) {
      this.drop(key, packet);
      return {
        kind: 'dropped',
        reason: 'limit',
        why: `${packet.bytes} bytes in ${packet.pieces.length} fragments wait for the rest of their packet, more than are kept; it is dropped`,
      };
    }
    return WAITING;
  }

  /** Gives up all that is unfinished. */
  end(abandoned: Abandoned[]): void {
    for (const [key, packet] of this.packets) this.abandon(key, packet, 'end', abandoned);
  }

  /** Whether a packet was put together of this fragment a moment ago. Its identification is used again, or was never its own. */
  private copied(key: string, timeS: number, print: number): boolean {
    const whole = this.whole.get(key);
    return whole !== undefined && Math.abs(timeS - whole.timeS) <= this.limits.fragmentCopyS && whole.prints.has(print);
  }

  private remember(key: string, whole: Whole): void {
    this.whole.delete(key);
    this.whole.set(key, whole);
    const [oldest] = this.whole.keys();
    if (this.whole.size > this.limits.fragmentedPackets && oldest !== undefined) this.whole.delete(oldest);
  }

  private enter(key: string, frame: number, timeS: number, abandoned: Abandoned[]): Gathered {
    if (this.packets.size >= this.limits.fragmentedPackets) {
      for (const [oldest, packet] of this.packets) {
        this.abandon(oldest, packet, 'limit', abandoned);
        break;
      }
    }
    const packet: Gathered = {
      pieces: [],
      frame,
      timeS,
      total: -1,
      bytes: 0,
      protocol: 0,
      overlap: false,
      prints: new Set(),
    };
    this.packets.set(key, packet);
    return packet;
  }

  /** Keeps what of the fragment was not there yet, and compares the rest. */
  private insert(packet: Gathered, { block, start, end, offset }: Fragment): void {
    const { pieces } = packet;
    const stop = offset + (end - start);
    let at = offset;
    for (let i = 0; at < stop; i++) {
      const piece = pieces[i];
      const until = piece === undefined ? stop : Math.min(piece.from, stop);
      if (until > at) {
        pieces.splice(i++, 0, { from: at, bytes: block.u8.slice(start + (at - offset), start + (until - offset)) });
        packet.bytes += until - at;
        at = until;
      }
      if (piece === undefined || at === stop) return;
      const same = Math.min(piece.from + piece.bytes.length, stop);
      for (; at < same; at++)
        if (piece.bytes[at - piece.from] !== block.u8[start + (at - offset)]) packet.overlap = true;
    }
  }

  private refuse(key: string, packet: Gathered): FragmentResult {
    this.drop(key, packet);
    return {
      kind: 'dropped',
      reason: 'malformed',
      why: `fragments of the packet begun in frame ${packet.frame} contradict each other about where it ends; it is dropped`,
    };
  }

  private expire(timeS: number, abandoned: Abandoned[]): void {
    for (const [key, packet] of this.packets) {
      if (timeS - packet.timeS <= this.limits.fragmentTimeoutS) return;
      this.abandon(key, packet, 'time', abandoned);
    }
  }

  private abandon(key: string, packet: Gathered, reason: Abandoned['reason'], abandoned: Abandoned[]): void {
    this.drop(key, packet);
    abandoned.push({ frame: packet.frame, reason });
  }

  private drop(key: string, packet: Gathered): void {
    this.bytes -= packet.bytes;
    this.packets.delete(key);
  }
}

/** A number made of a fragment's bytes and place. */
function printOf({ block, start, end, offset }: Fragment): number {
  return crc32(block.u8.subarray(start, end)) ^ Math.imul(offset + 1, 0x9e37_79b1);
}

function joined(packet: Gathered): Uint8Array {
  const out = new Uint8Array(packet.total);
  for (const { from, bytes } of packet.pieces) out.set(bytes, from);
  return out;
}
