import { blockOf, detach } from '../bytes/block.js';
import type { Block } from '../types.js';

/** Bytes that were delivered: where in their stream they begin, and where they lie. */
interface Delivered {
  stream: object | null;
  offset: number;
  block: Block;
  start: number;
  end: number;
  /** The memory is no longer the reader's. */
  own: boolean;
}

const NOTHING = blockOf(new Uint8Array(0));

/**
 * The segments delivered last, over all connections: what is sent again is compared with what came first, as far back
 * as these reach.
 * A copy of everything would cost more than the streams do.
 */
export class Recent {
  private readonly ring: readonly Delivered[];
  private next = 0;

  constructor(segments: number) {
    this.ring = Array.from({ length: segments }, () => ({
      stream: null,
      offset: 0,
      block: NOTHING,
      start: 0,
      end: 0,
      own: true,
    }));
  }

  note(stream: object, offset: number, block: Block, start: number, end: number): void {
    const entry = this.ring[this.next];
    if (entry === undefined) return;
    entry.stream = stream;
    entry.offset = offset;
    // Mostly the same as before: what is written into an old object is noted for the collector.
    if (entry.block !== block) entry.block = block;
    entry.start = start;
    entry.end = end;
    entry.own = false;
    this.next = this.next + 1 === this.ring.length ? 0 : this.next + 1;
  }

  /**
   * Whether `size` bytes at `start` of a block, that belong at `offset` of a stream, are others than those delivered
   * there.
   */
  differs(stream: object, offset: number, block: Block, start: number, size: number): boolean {
    for (const entry of this.ring) {
      if (entry.stream !== stream) continue;
      const from = Math.max(offset, entry.offset);
      const to = Math.min(offset + size, entry.offset + entry.end - entry.start);
      for (let at = from; at < to; at++)
        if (block.u8[start + at - offset] !== entry.block.u8[entry.start + at - entry.offset]) return true;
    }
    return false;
  }

  /** Copies what lies in the reader's memory, which is about to be let go or used again. */
  settle(): void {
    for (const entry of this.ring) {
      if (entry.own) continue;
      const copy = detach(entry);
      entry.block = copy.block;
      entry.start = copy.start;
      entry.end = copy.end;
      entry.own = true;
    }
  }
}
