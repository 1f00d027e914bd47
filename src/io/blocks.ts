import type { Summary } from '../analysis/analyzer.js';
import type { Share } from '../analysis/share.js';
import { JSON_BYTES, JsonBytes } from '../bytes/json.js';

/** Calls whose records are written by one reader and handed on together. */
export const BLOCK_CALLS = 512;
/** Blocks that a reader is ahead of what is written: past it, it waits. */
export const MAX_BLOCKS_AHEAD = 8;

/** Which of several readers one is. The first is the judge. */
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
  /** Where the line of each of its calls ends. */
  readonly ends: Uint32Array<ArrayBuffer>;
  /** Totals of its reader when its last record was there; null where that is the end of the input. */
  readonly summary: Summary | null;
}

/** Lines of the judge for a block that another reader writes; none for most. */
export interface Notes {
  readonly number: number;
  readonly lines: readonly { readonly call: number; readonly text: string }[];
}

/** Takes what a reader hands on. */
interface Hand {
  readonly block: (block: Block) => void;
  readonly notes: (notes: Notes) => void;
}

/**
 * The reader that writes a block. The judge has its rules to do: of two readers it writes every third block, of more none.
 */
export function writerOf(block: number, readers: number): number {
  if (readers <= 2) return readers === 2 && block % 3 > 0 ? 1 : 0;
  return 1 + (block % (readers - 1));
}

/** A block with the lines of the judge where they belong. */
export function withNotes(bytes: Uint8Array, { ends }: Block, { lines }: Notes): readonly Uint8Array[] {
  let at = 0;
  const parts: Uint8Array[] = [];
  for (const { call, text } of lines) {
    const end = ends[call] ?? bytes.length;
    parts.push(bytes.subarray(at, end), Buffer.from(`${text}\n`, 'utf8'));
    at = end;
  }
  return [...parts, bytes.subarray(at)];
}

/**
 * What one of several readers of a capture writes: text goes on block by block, a block being some number of calls with
 * what comes behind each. All readers see all records in one order, so that they agree on the blocks; what belongs to
 * the block of another is dropped.
 */
export class BlockSink implements Omit<Share, 'judged'> {
  /** Where records are appended, each followed by {@link BlockSink.ended}. */
  readonly json = new JsonBytes();
  private readonly share: BlockShare;
  private readonly hand: Hand;
  private readonly ends: Uint32Array;
  /** Lines for blocks of others, by block. */
  private readonly notes = new Map<number, Notes['lines'][number][]>();
  /** The call whose line is written next; -1: it is written. */
  private call = -1;
  private block = 0;
  private handed = 0;
  private taken = 0;
  private over = false;
  private wake: (() => void) | null = null;

  constructor(share: BlockShare, hand: Hand) {
    this.share = share;
    this.ends = new Uint32Array(share.calls);
    this.hand = hand;
  }

  /** One reader holds calls to the rules that remember what earlier calls held. */
  get judge(): boolean {
    return this.share.index === 0;
  }

  owns(id: number): boolean {
    return this.mine(this.blockOf(id));
  }

  strayed(id: number): void {
    // Where the judge is astray, so is who writes the call.
    if (!this.owns(id)) return;
    this.begins(id, NOT_TOLD);
    this.over = true;
    this.hand.block({ number: this.block, bytes: null, ends: new Uint32Array(0), summary: null });
  }

  /** A call comes: what follows belongs to its block. `soFar` gives the totals, that call included. */
  begins(id: number, soFar: () => Summary | null): void {
    const block = this.blockOf(id);
    this.call = (id - 1) % this.share.calls;
    if (block === this.block) return;
    this.finish(soFar);
    this.block = block;
  }

  /** A line that belongs behind a call of another reader. */
  inserts(id: number, text: string): void {
    const block = this.blockOf(id);
    const lines = this.notes.get(block) ?? [];
    lines.push({ call: (id - 1) % this.share.calls, text });
    this.notes.set(block, lines);
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
    if (this.call < 0) return;
    this.ends[this.call] = this.json.at;
    this.call = -1;
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
      this.hand.block({ number: this.block, bytes, ends: new Uint32Array(this.ends), summary: soFar() });
    } else if (!this.over && this.judge) {
      this.hand.notes({ number: this.block, lines: this.notes.get(this.block) ?? [] });
      this.notes.delete(this.block);
    }
    json.at = 0;
    if (json.buffer.length > MANY * JSON_BYTES) json.buffer = Buffer.allocUnsafeSlow(JSON_BYTES);
  }

  private blockOf(id: number): number {
    return Math.floor((id - 1) / this.share.calls);
  }

  private mine(block: number): boolean {
    return writerOf(block, this.share.readers) === this.share.index;
  }
}

const NOT_TOLD = (): null => null;

/** Memory of a few large blocks is let go when it is so many times what is usual. */
const MANY = 16;
