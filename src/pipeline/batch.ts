import type { CaptureInfo } from '../capture/info.js';
import type { Frame, Problem } from '../types.js';

/** What was read of a capture in one go. */
export interface Batch {
  readonly items: readonly (Frame | Problem)[];
  /** Bytes of the file read so far, as they lie on the disk. */
  readonly read: number;
  /** Size of the file on the disk; null for stdin. */
  readonly size: number | null;
  /** What the file says of itself so far; absent or null before its format is known. */
  readonly info?: CaptureInfo | null;
  /**
   * Nothing more is there for now: what was made of it can be shown. `quiet`: for so long that no packet of before can
   * be on its way.
   */
  readonly idle?: 'now' | 'quiet';
}

/** Opens a capture; `framesBefore` is added to its frame numbers. @throws UsageError when it cannot be read at all. */
export type OpenCapture = (path: string, framesBefore: number) => AsyncIterable<Batch>;
