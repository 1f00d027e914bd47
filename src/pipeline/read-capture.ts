import { clear } from '../bytes/list.js';
import type { Frame, Problem } from '../types.js';
import type { CaptureInfo } from '../capture/info.js';
import type { Batch, OpenCapture } from './batch.js';
import { mergeByTime } from './merge.js';
import type { CaptureRecord, Pipeline } from './pipeline.js';
import { weightOf } from '../analysis/weight.js';

/** How captures are to be read. Files are named by their index. */
export interface RecordReading {
  readonly open: OpenCapture;
  readonly pipeline: Pipeline;
  /** Several files are read one after another, instead of by the time of their packets. */
  readonly inOrder?: boolean;
  /** Takes every frame before what it comes to; `looked`: it is not one of those that are passed over. */
  readonly frame?: (frame: Frame, file: number, looked: boolean) => void;
  /** Takes what the reader of a file found wrong, before it comes out as a record. */
  readonly problem?: (problem: Problem, file: number) => void;
  /** Problems name their file, even where there is one alone: others go before it, or will follow. */
  readonly named?: boolean;
  /** A file came to its end. */
  readonly ended?: (file: number, about: FileRead) => void;
}

/** The same, and who hears of the records. */
interface CaptureReading extends RecordReading {
  /** Takes every record, in order. */
  readonly take: (record: CaptureRecord) => void;
  /** Called between two blocks of a file; false ends the reading. */
  readonly between?: (progress: Progress) => boolean | Promise<boolean>;
  /** All was read; what is open is given up next. */
  readonly ending?: () => void;
}

/** A file that was read. */
export interface FileRead {
  /** Size on the disk; null for stdin. */
  readonly size: number | null;
  /** What it says of itself; null where its format is not known. */
  readonly info: CaptureInfo | null;
}

/** What reading came to. */
interface CaptureRead {
  /** Inputs that are no captures we read, in words with their path. */
  readonly refused: readonly string[];
  /** `between` ended it: nothing was given up, and what was open is in no record. */
  readonly stopped: boolean;
}

/**
 * Reads captures as if they were one, so that connections may span them: by the time of their packets, or one after
 * another.
 */
export async function readCapture(files: readonly string[], reading: CaptureReading): Promise<CaptureRead> {
  const { take, between } = reading;
  const run = new Reading(files, reading, take);
  for await (const batch of run.batches())
    if (between !== undefined && !(await between(batch))) return { refused: run.refused, stopped: true };
  reading.ending?.();
  run.end();
  return { refused: run.refused, stopped: false };
}

/**
 * The same as a stream: what each block of a file came to, in order, the last of it after all files. The next block is
 * read when it is asked for.
 */
export async function* recordBatches(
  files: readonly string[],
  reading: RecordReading,
): AsyncGenerator<readonly CaptureRecord[], void> {
  const records: CaptureRecord[] = [];
  const run = new Reading(files, reading, (record) => records.push(record));
  for await (const _ of run.batches()) if (records.length > 0) yield records.splice(0);
  run.end();
  if (records.length > 0) yield records;
}

/** What is known of a block that was read. */
type Progress = Pick<Batch, 'read' | 'size' | 'idle'>;

class Reading {
  readonly refused: string[] = [];
  private readonly files: readonly string[];
  private readonly reading: RecordReading;
  private readonly take: (record: CaptureRecord) => void;
  private readonly out: CaptureRecord[] = [];

  constructor(files: readonly string[], reading: RecordReading, take: (record: CaptureRecord) => void) {
    this.files = files;
    this.reading = reading;
    this.take = take;
  }

  /** Reads on block by block. */
  batches(): AsyncGenerator<Progress, void> {
    return this.files.length > 1 && this.reading.inOrder !== true ? this.merged() : this.inTurn();
  }

  /** One file after another. */
  private async *inTurn(): AsyncGenerator<Progress, void> {
    const { open, pipeline, ended } = this.reading;
    for (const [file, path] of this.files.entries()) {
      let about: FileRead = { size: null, info: null };
      for await (const batch of open(path, pipeline.summary.frames + pipeline.framesPassed)) {
        about = { size: batch.size, info: batch.info ?? about.info };
        for (const item of batch.items) this.push(item, file);
        if (batch.idle === 'quiet') this.quiet();
        pipeline.settle();
        yield batch;
      }
      ended?.(file, about);
    }
  }

  /** All files by the time of their packets. */
  private async *merged(): AsyncGenerator<Progress, void> {
    const { open, pipeline, ended } = this.reading;
    for await (const batch of mergeByTime(this.files, open, pipeline.summary.frames + pipeline.framesPassed)) {
      for (const { item, file } of batch.parts) this.push(item, file);
      for (const { file, size, info } of batch.ended) ended?.(file, { size, info });
      pipeline.settle();
      yield batch;
    }
  }

  end(): void {
    this.reading.pipeline.end(this.out);
    this.deliver();
  }

  private quiet(): void {
    this.reading.pipeline.quiet(this.out);
    this.deliver();
  }

  private push(item: Frame | Problem, file: number): void {
    const { pipeline, frame, problem } = this.reading;
    if (item.kind === 'frame') {
      const looked = pipeline.takes(item);
      frame?.(item, file, looked);
      if (looked) pipeline.frame(item, this.out);
    } else {
      const path = this.files[file] ?? '';
      problem?.(item, file);
      if (weightOf(item) === 'refused') this.refused.push(`${path}: ${item.message}`);
      const alone = this.files.length === 1 && this.reading.named !== true;
      pipeline.push(alone ? item : named(item, path), this.out);
    }
    // At once: calls that die young cost the garbage collector nothing.
    if (this.out.length > 0) this.deliver();
  }

  private deliver(): void {
    for (const record of this.out) this.take(record);
    clear(this.out);
  }
}

function named(problem: Problem, path: string): Problem {
  return { ...problem, message: `${path}: ${problem.message}` };
}
