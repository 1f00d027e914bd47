import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import type { Summary } from '../analysis/analyzer.js';
import { BLOCK_CALLS, withNotes, writerOf, type Block, type Notes } from '../io/blocks.js';
import type { Progress } from '../io/progress.js';
import { messageOf } from '../io/reason.js';
import type { Sink } from '../io/sink.js';
import { UsageError } from '../io/streams.js';
import { threadOf } from '../io/thread.js';
import type { DecodeResult } from './decode.js';
import type { FollowerDone, FollowerOrder, FollowerWord } from './follower.js';

/** Threads that follow one input at most. */
export const MAX_JOBS = 64;

/** Threads where their number was not given: further ones gain little. */
export const MAX_OWN_JOBS = 4;
/** Processors from which on, and bytes of captures from which on, several threads are sooner done than one. */
const PAYING_PROCESSORS = 8;
const PAYING_BYTES = 128 * 1024 * 1024;

/** What several threads do together, and where it goes. */
interface Work {
  readonly order: Omit<FollowerOrder, 'share'>;
  readonly out: Sink;
  readonly messages: Sink;
  readonly progress: Pick<Progress, 'update' | 'clear'>;
  /** Reading is to end here, with what was written. */
  readonly signal: AbortSignal;
  /** Decodes all of it in one thread; so many bytes of its results are written already. */
  readonly alone: (written: number) => Promise<DecodeResult>;
  /** The line of the summary. */
  readonly summary: (summary: Summary) => string;
}

/**
 * How many threads decode: as many as are wanted, or as pay on so many processors; and why it is one where more are
 * wanted.
 */
export function jobsOf(
  wanted: number | undefined,
  files: readonly string[],
  { alone, processors = availableParallelism() }: { readonly alone: string | null; readonly processors?: number },
): { readonly jobs: number; readonly why: string | null } {
  if (wanted === 1) return { jobs: 1, why: null };
  const sizes = files.map(sizeOf);
  const why = alone ?? (sizes.includes(null) ? 'what is no file is read once' : null);
  if (wanted !== undefined) return why === null ? { jobs: Math.min(wanted, MAX_JOBS), why } : { jobs: 1, why };
  const bytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const pays = why === null && processors >= PAYING_PROCESSORS && bytes >= PAYING_BYTES;
  return { jobs: pays ? MAX_OWN_JOBS : 1, why: null };
}

/** Bytes of a file; null of what cannot be opened several times. Of what is not there, who opens it tells. */
function sizeOf(path: string): number | null {
  if (path === '-') return null;
  try {
    const found = statSync(path);
    return found.isFile() ? found.size : null;
  } catch {
    return 0;
  }
}

/** Starts threads: what they need is loaded while their work is put together. */
export function startFollowers(jobs: number): readonly Worker[] {
  return Array.from({ length: jobs }, () => threadOf('./follower', import.meta.url, {}));
}

/** A block with the problems of the calls in it. */
interface Written {
  readonly block: Block;
  readonly problems: number;
}

/**
 * Threads that decode captures to NDJSON together: every one follows all of the input, each writes its share, and the
 * blocks go out here in their order, so that the output is to the byte that of one thread. Where the threads come to
 * know different things, one goes on alone. They are to be dismissed when it is over.
 */
export class Crew {
  private readonly threads: readonly Worker[];
  private readonly blocks = new Map<number, Written>();
  private readonly notes = new Map<number, Notes>();
  /** By thread. */
  private readonly done = new Map<number, FollowerDone>();
  private readonly said: string[] = [];
  private failure: Error | null = null;
  private wake: (() => void) | null = null;
  private read: { readonly read: number; readonly size: number | null } | null = null;
  private written = 0;
  /** Problems of the calls in what was written, and of them those that each thread counts. */
  private problems = 0;
  private readonly own: number[];

  constructor(threads: readonly Worker[]) {
    this.threads = threads;
    this.own = threads.map(() => 0);
    for (const [index, thread] of threads.entries()) this.listen(thread, index);
  }

  /** `calls`: those of a block. @throws UsageError when a thread ends before its time, with the cause */
  async run(work: Work, calls = BLOCK_CALLS): Promise<DecodeResult> {
    const { order, out, signal, messages, progress, alone } = work;
    const readers = this.threads.length;
    for (const [index, thread] of this.threads.entries()) tell(thread, { ...order, share: { index, readers, calls } });
    signal.addEventListener('abort', () => this.wake?.(), { once: true });
    let last: Summary | null = null;
    for (let number = 0; ; number++) {
      const next = await this.next(number, work);
      if (next === null) break;
      if (next.block.bytes === null) {
        await this.dismiss();
        return alone(this.written);
      }
      last = this.counted(number, next, last);
      for (const bytes of withNotes(next.block.bytes, next.block, next.notes)) {
        out.bytes(bytes);
        this.written += bytes.length;
      }
      await out.ready();
      this.threads[this.writer(number)]?.postMessage('wrote');
      if (out.closed || signal.aborted) break;
    }
    const first = this.done.get(0);
    progress.clear();
    const whole = !out.closed && !signal.aborted && first !== undefined;
    if (whole) last = { ...first.summary, problems: first.summary.problems - (this.own[0] ?? 0) + this.problems };
    const summary = last ?? NOTHING;
    if (!out.closed) out.line(work.summary(summary));
    await out.flush();
    for (const text of this.said) messages.text(text);
    await messages.flush();
    const all = [...this.done.values()];
    const worst = all.map((one) => one.worst);
    return {
      summary,
      written: summary.calls,
      unreadable: first?.unreadable ?? 0,
      damaged: all.some((one) => one.damaged),
      worst: worst.includes('error') ? 'error' : (worst.find((one) => one !== null) ?? null),
      stopped: !whole,
      objects: () => [],
    };
  }

  /** Ends the threads, whatever they are at. */
  async dismiss(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.terminate()));
  }

  /** Takes note of a block that is written next; the totals up to it. */
  private counted(number: number, { block, problems }: Written, before: Summary | null): Summary | null {
    const index = this.writer(number);
    this.problems += problems;
    this.own[index] = (this.own[index] ?? 0) + problems;
    if (block.summary === null) return before;
    // The call that ended the block is in its totals, and in the next one.
    const { calls, problems: known } = block.summary;
    return { ...block.summary, calls: calls - 1, problems: known - (this.own[index] ?? 0) + this.problems };
  }

  private writer(number: number): number {
    return writerOf(number, this.threads.length);
  }

  /** A block, once the judge is behind it too. */
  private whole(number: number): (Written & { readonly notes: Notes }) | null {
    const block = this.blocks.get(number);
    const judged = block?.block.bytes == null || this.writer(number) === 0;
    const notes = judged ? { number, lines: [] } : this.notes.get(number);
    if (block === undefined || notes === undefined) return null;
    this.blocks.delete(number);
    this.notes.delete(number);
    return { ...block, notes };
  }

  /** The next block; null after the last, or when it is to end here. */
  private async next(
    number: number,
    { signal, progress }: Work,
  ): Promise<(Written & { readonly notes: Notes }) | null> {
    for (;;) {
      if (this.read !== null) progress.update(this.read.read, this.read.size);
      if (this.failure !== null) throw this.failure;
      if (signal.aborted) return null;
      const block = this.whole(number);
      if (block !== null) return block;
      if (this.done.size === this.threads.length) return this.ended(number);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = null;
    }
  }

  /** All threads are done, and there is no block of that number: it is the one after the last. */
  private ended(number: number): null {
    const counts = [...this.done.values()].map(({ blocks }) => blocks);
    if (counts.every((count) => count === number)) return null;
    throw new UsageError(
      `decoding threads saw ${counts.join(', ')} blocks, and ${number} are written: this is a fault of uamgscope; decode with --jobs 1`,
    );
  }

  private listen(thread: Worker, index: number): void {
    let over = false;
    thread.on('message', (word: FollowerWord) => {
      switch (word.kind) {
        case 'block':
          this.blocks.set(word.block.number, word);
          break;
        case 'notes':
          this.notes.set(word.notes.number, word.notes);
          break;
        case 'progress':
          this.read = word;
          break;
        case 'said':
          this.said.push(word.text);
          return;
        case 'refused':
          this.failure ??= new UsageError(word.message);
          break;
        case 'done':
          over = true;
          this.done.set(index, word.done);
          break;
      }
      this.wake?.();
    });
    const fail = (why: string, cause?: Error): void => {
      const text = `decoding thread ${index + 1} of ${this.threads.length} ended before its time: ${why}; what was written is whole lines, but not all (try --jobs 1)`;
      this.failure ??= new UsageError(text, cause === undefined ? {} : { cause });
      this.wake?.();
    };
    thread.on('error', (error) => fail(messageOf(error), error));
    thread.on('exit', (status) => {
      if (!over) fail(`exit status ${status}`);
    });
  }
}

const NOTHING: Summary = { frames: 0, bytes: 0, flows: 0, pdus: 0, calls: 0, problems: 0 };

/** What a thread is told first. */
function tell(thread: Worker, order: FollowerOrder): void {
  thread.postMessage(order, []);
}
