import type { Summary } from '../analysis/analyzer.js';
import type { Share } from '../analysis/share.js';
import { JSON_BYTES, JsonBytes } from '../bytes/json.js';

/** Calls whose records are written by one reader and handed on together. */
export const BLOCK_CALLS = 512;
/** Blocks that a reader is ahead of what is written: past it, it waits. */
export const MAX_BLOCKS_AHEAD = 8;

/** Which blocks a reader writes: those whose number leaves `index` when divided by `readers`. */
export interface BlockShare {
  readonly index: number;
  readonly readers: number;
  /** Calls of a block. */
  readonly calls: number;
}

/** A block that its reader handed on. */
export interface Block {
  readonly number: number;
  /** Whole lines; null: from somewhere in this block on, readers no longer know the same, so that one has to do it all. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  /** Totals of its reader when its last record was there; null where that is the end of the input. */
  readonly summary: Summary | null;
}

/**
 * What one of several readers of a capture writes: text goes on block by block, a block being some number of calls with
 * what comes behind each. All readers see all records in one order, so that they agree on the blocks; what belongs to
 * the block of another is dropped.
 */
export class BlockSink implements Share {
  /** Where records are appended, each followed by {@link BlockSink.ended}. */
  readonly json = new JsonBytes();
  private readonly share: BlockShare;
  private readonly hand: (block: Block) => void;
  private block = 0;
  private handed = 0;
  private taken = 0;
  private over = false;
  private wake: (() => void) | null = null;

  constructor(share: BlockShare, hand: (block: Block) => void) {
    this.share = share;
    this.hand = hand;
  }

  owns(id: number): boolean {
    return this.mine(this.blockOf(id));
  }

  strayed(id: number): void {
    this.begins(id, NOT_TOLD);
    this.over = true;
    this.hand({ number: this.block, bytes: null, summary: null });
  }

  /** A call comes: what follows belongs to its block. `soFar` gives the totals, that call included. */
  begins(id: number, soFar: () => Summary | null): void {
    const block = this.blockOf(id);
    if (block === this.block) return;
    this.finish(soFar);
    this.block = block;
  }

  /** Nothing more is wanted of it. */
  get closed(): boolean {
    return this.over;
  }

  /** Blocks that were begun by now, those of others included. */
  get blocks(): number {
    return this.block + 1;
  }

  line(text: string): void {
    if (!this.mine(this.block)) return;
    this.json.plain(text);
    this.ended();
  }

  /** A record was appended to `json`: its line ends. */
  ended(): void {
    this.json.byte(0x0a);
  }

  /** Somebody wrote a block that was handed on. */
  wrote(): void {
    this.taken++;
    const { wake } = this;
    this.wake = null;
    wake?.();
  }

  /** Resolves when the reader is not too far ahead. */
  async ready(): Promise<void> {
    while (this.handed - this.taken >= MAX_BLOCKS_AHEAD && !this.over)
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
  }

  /** Every block is handed on when it is full; the last one by {@link BlockSink.end}. */
  flush(): Promise<void> {
    return Promise.resolve();
  }

  /** No more will come: the block at hand is whole. */
  end(): void {
    this.finish(NOT_TOLD);
  }

  private finish(soFar: () => Summary | null): void {
    const { json } = this;
    if (!this.over && this.mine(this.block)) {
      this.handed++;
      const bytes = new Uint8Array(json.buffer.subarray(0, json.at));
      this.hand({ number: this.block, bytes, summary: soFar() });
    }
    json.at = 0;
    if (json.buffer.length > MANY * JSON_BYTES) json.buffer = Buffer.allocUnsafeSlow(JSON_BYTES);
  }

  private blockOf(id: number): number {
    return Math.floor((id - 1) / this.share.calls);
  }

  private mine(block: number): boolean {
    return block % this.share.readers === this.share.index;
  }
}

const NOT_TOLD = (): null => null;

/** Memory of a few large blocks is let go when it is so many times what is usual. */
const MANY = 16;
