import type { Block, Frame, Problem } from '../types.js';
import type { CaptureInfo } from './info.js';

export type CaptureOutput = Frame | Problem;

/**
 * What a format does with records: parses the one at `at`, and as many behind it as it likes, appends what they hold,
 * and returns their length in all. Of the one at `at`: minus the bytes it needs in all when `end - at` are too few (at
 * most MAX_RECORD and a header), or one of the words below. It never reads past `end`.
 */
export interface RecordParser {
  readonly info: CaptureInfo;
  /** Frames numbered so far, those of captures before this one included. */
  readonly frames: number;
  /** The record last parsed was none: only zeros. */
  readonly inZeros: boolean;
  /** What is wrong where no record begins, for a problem of its own. */
  readonly trouble: Trouble;
  records(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): number;
  /**
   * After damage: where, from `from` on, a record begins that is whole and shows itself to be one; or the complement
   * (`~`) of the place from which on more bytes are needed to tell. `last`: no more bytes come.
   */
  search(block: Block, from: number, end: number, last: boolean): number;
}

/** Damage that hides where the next record begins. */
export interface Trouble {
  readonly code: Problem['code'];
  readonly message: string;
}

/** No record begins here; one may be found by a search. */
export const LOST = -0x1_0000_0000;
/** Another capture begins here. */
export const ANOTHER = -0x1_0000_0001;

/** A problem of the file at an offset. */
export function damage(code: Problem['code'], message: string, offset: number): Problem {
  return {
    kind: 'problem',
    layer: 'capture',
    code,
    message: `${message} (offset ${offset})`,
    spec: null,
    at: { offset },
  };
}
