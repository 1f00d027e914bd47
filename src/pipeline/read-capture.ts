import { clear } from '../bytes/list.js';
import type { Frame, Problem } from '../types.js';
import type { Batch, OpenCapture } from './batch.js';
import type { CaptureRecord, Pipeline } from './pipeline.js';
import { weightOf } from './problems.js';

/** How captures are to be read, and who hears of what. */
export interface CaptureReading {
  readonly open: OpenCapture;
  readonly pipeline: Pipeline;
  /** Takes every record, in order. */
  readonly take: (record: CaptureRecord) => void;
  /** Takes every frame before what it comes to. */
  readonly frame?: (frame: Frame) => void;
  /** A file gave its first batch. */
  readonly begun?: (path: string, first: Batch) => void;
  /** A file came to its end. */
  readonly ended?: () => void;
  /** Called between two blocks of a file; false ends the reading. */
  readonly between?: (batch: Batch) => boolean | Promise<boolean>;
}

/** What reading came to. */
export interface CaptureRead {
  /** Inputs that are no captures we read, in words with their path. */
  readonly refused: readonly string[];
  /** `between` ended it: nothing was given up, and what was open is in no record. */
  readonly stopped: boolean;
}

/** Reads captures one after another as if they were one, so that connections may span them. */
export async function readCapture(files: readonly string[], reading: CaptureReading): Promise<CaptureRead> {
  const { open, pipeline, take, frame, begun, ended, between } = reading;
  const refused: string[] = [];
  const out: CaptureRecord[] = [];
  const deliver = (): void => {
    for (const record of out) take(record);
    clear(out);
  };
  for (const path of files) {
    let first = true;
    for await (const batch of open(path, pipeline.summary.frames)) {
      if (first) begun?.(path, batch);
      first = false;
      for (const item of batch.items) {
        if (item.kind === 'frame') {
          frame?.(item);
          pipeline.push(item, out);
        } else {
          if (weightOf(item) === 'refused') refused.push(`${path}: ${item.message}`);
          pipeline.push(files.length === 1 ? item : named(item, path), out);
        }
        // At once: calls that die young cost the garbage collector nothing.
        if (out.length > 0) deliver();
      }
      pipeline.settle();
      if (between !== undefined && !(await between(batch))) return { refused, stopped: true };
    }
    ended?.();
  }
  pipeline.end(out);
  deliver();
  return { refused, stopped: false };
}

function named(problem: Problem, path: string): Problem {
  return { ...problem, message: `${path}: ${problem.message}` };
}
