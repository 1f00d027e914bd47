import { blockOf } from '../bytes/block.js';
import type { Block, Moment } from '../types.js';

/** Where and when something was captured. */
export interface Seen extends Moment {
  readonly frame: number;
}

/** Bytes of a stream that lie together in memory, and the frame they came in. */
export interface Run extends Seen {
  readonly block: Block;
  readonly start: number;
  readonly end: number;
  /** Bytes behind `end` that a snap length cut. */
  readonly missing: number;
}

/** A path that fits every connection; and that of a direction of which nothing was seen. */
export const ANY_PATH = -1;

const NOTHING: Block = blockOf(new Uint8Array(0));

/**
 * The packet at hand: what is left of it at the layer that is being read. One object, filled again for every frame, so
 * that the way from a frame to its stream makes none.
 */
export class Packet implements Run {
  frame = 0;
  timeS = 0;
  timeNs = 0;
  /** What is left: of a fragmented packet, in memory of its own. */
  block: Block = NOTHING;
  start = 0;
  end = 0;
  missing = 0;
  /** What it came through (tags, tunnels), as a number: 0 for nothing. */
  path = 0;
  /** Name of what it holds and is not looked into. */
  unread = '';
  /** Headers of 802.11 are padded to four bytes. */
  padded = false;
  /** Put together from fragments. */
  whole = false;
  /** IP version, and where the addresses of the packet stand, one after the other. */
  version: 4 | 6 = 4;
  ip: DataView = NOTHING.view;
  addresses = 0;
  // What its TCP header says. Sequence numbers are signed 32-bit numbers: differences are taken modulo 2^32, and small
  // integers cost no memory.
  sourcePort = 0;
  targetPort = 0;
  sequence = 0;
  ack = 0;

  /** Lets go of memory that the reader will use again. */
  clear(): void {
    this.block = NOTHING;
    this.ip = NOTHING.view;
  }
}

/** Milliseconds from one moment to another; negative where clocks disagree. */
export function elapsedMs(sinceS: number, sinceNs: number, now: Moment): number {
  return (now.timeS - sinceS) * 1000 + (now.timeNs - sinceNs) / 1e6;
}
