import { statSync } from 'node:fs';
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

/** What several threads do together. */
interface Jobs {
  readonly jobs: number;
  /** Calls of a block; left out: as many as are usual. */
  readonly calls?: number;
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
  /** Starts a thread; left out: the one that ships. */
  readonly start?: (order: FollowerOrder) => Worker;
}

/** How many threads decode, and why it is one where more are wanted. */
export function jobsOf(
  wanted: number,
  files: readonly string[],
  alone: string | null,
): { readonly jobs: number; readonly why: string | null } {
  if (wanted === 1) return { jobs: 1, why: null };
  if (alone !== null) return { jobs: 1, why: alone };
  if (!files.every(isFile)) return { jobs: 1, why: 'what is no file is read once' };
  return { jobs: Math.min(wanted, MAX_JOBS), why: null };
}

/** Whether something can be opened several times. Of what is not there, who opens it tells. */
function isFile(path: string): boolean {
  if (path === '-') return false;
  try {
    return statSync(path).isFile();
  } catch {
    return true;
  }
}

/**
 * Decodes captures to NDJSON in several threads: every one follows all of the input, each writes its share, and the
 * blocks go out here in their order, so that the output is to the byte that of one thread. Where the threads come to
 * know different things, one goes on alone. @throws UsageError when a thread ends before its time, with the cause
 */
export async function decodeInJobs(options: Jobs): Promise<DecodeResult> {
  const crew = new Crew(options);
  try {
    return await crew.run();
  } finally {
    options.progress.clear();
    await crew.dismiss();
  }
}

/** A block with the problems of the calls in it. */
interface Written {
  readonly block: Block;
  readonly problems: number;
}

class Crew {
  private readonly options: Jobs;
  private readonly threads: readonly Worker[];
  private readonly blocks = new Map<number, Written>();
  private readonly notes = new Map<number, Notes>();
  /** By thread. */
  private readonly done = new Map<number, FollowerDone>();
  private readonly said: string[] = [];
  private failure: Error | null = null;
  private wake: (() => void) | null = null;
  private written = 0;
  /** Problems of the calls in what was written, and of them those that each thread counts. */
  private problems = 0;
  private readonly own: number[];

  constructor(options: Jobs) {
    const { jobs, order, calls = BLOCK_CALLS, start = follower, signal } = options;
    this.options = options;
    this.own = Array.from({ length: jobs }, () => 0);
    this.threads = this.own.map((_, index) => start({ ...order, share: { index, readers: jobs, calls } }));
    for (const [index, thread] of this.threads.entries()) this.listen(thread, index);
    signal.addEventListener('abort', () => this.wake?.(), { once: true });
  }

  async run(): Promise<DecodeResult> {
    const { out, signal, messages, alone } = this.options;
    let last: Summary | null = null;
    for (let number = 0; ; number++) {
      const next = await this.next(number);
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
    const whole = !out.closed && !signal.aborted && first !== undefined;
    if (whole) last = { ...first.summary, problems: first.summary.problems - (this.own[0] ?? 0) + this.problems };
    const summary = last ?? NOTHING;
    if (!out.closed) out.line(this.options.summary(summary));
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
  private async next(number: number): Promise<(Written & { readonly notes: Notes }) | null> {
    const { signal } = this.options;
    for (;;) {
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
    const { progress } = this.options;
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
          progress.update(word.read, word.size);
          return;
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

function follower(order: FollowerOrder): Worker {
  return threadOf('./follower', import.meta.url, { workerData: order });
}
