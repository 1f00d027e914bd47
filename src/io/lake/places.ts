import type { FramePlace } from '../../output/lake/rows.js';

/**
 * Runs of frames that are remembered, of files that are read mixed by time; the oldest are forgotten by halves.
 * docs/limits.md
 */
export const MAX_FRAME_RUNS = 4_194_304;

/** Frames of one file that follow one another, from a number of the chain on. */
interface Run {
  readonly first: number;
  readonly file: number;
  /** Number of the first one within its file. */
  readonly local: number;
}

/** Which frame of which file a frame of a chain is. */
export class FramePlaces {
  private readonly names: string[] = [];
  private readonly counts: number[] = [];
  private runs: Run[] = [];
  private last = -1;

  constructor(names: readonly string[] = []) {
    this.extend(names);
  }

  /** More files come behind those there are. */
  extend(names: readonly string[]): void {
    this.names.push(...names);
    this.counts.push(...names.map(() => 0));
  }

  /** The next frame of the chain comes from this file. */
  add(frame: number, file: number): void {
    const local = (this.counts[file] ?? 0) + 1;
    this.counts[file] = local;
    if (file === this.last) return;
    this.last = file;
    if (this.runs.length >= MAX_FRAME_RUNS) this.runs = this.runs.slice(MAX_FRAME_RUNS / 2);
    this.runs.push({ first: frame, file, local });
  }

  /** Frames of a file so far. */
  count(file: number): number {
    return this.counts[file] ?? 0;
  }

  /** The file of a frame, by its number in the chain; null where that is forgotten, or no such frame came. */
  fileOf(frame: number): number | null {
    return this.find(frame)?.file ?? null;
  }

  /** Where a frame lies, by its number in the chain. */
  of(frame: number | undefined): FramePlace | null {
    const run = frame === undefined ? null : this.find(frame);
    if (run === null || frame === undefined) return null;
    return { file: this.names[run.file] ?? '', frame: frame - run.first + run.local };
  }

  private find(frame: number): Run | null {
    let [low, high] = [0, this.runs.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.runs[middle]?.first ?? 0) <= frame) low = middle + 1;
      else high = middle;
    }
    return this.runs[low - 1] ?? null;
  }
}
