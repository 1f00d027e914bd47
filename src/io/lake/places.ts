import type { FramePlace } from '../../output/lake/rows.js';

/**
 * Runs of frames that are remembered, of files that are read mixed by time; the oldest are forgotten by halves.
 * docs/limits.md
 */
export const MAX_FRAME_RUNS = 4_194_304;

/** Which frame of which file a frame of a chain is. */
export class FramePlaces {
  private readonly names: string[] = [];
  private readonly counts: number[] = [];
  /** Frames of one file that follow one another: from which number of the chain on, of which file, and from where in it. */
  private firsts: number[] = [];
  private files: number[] = [];
  private locals: number[] = [];
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
    if (this.firsts.length >= MAX_FRAME_RUNS) this.forget(MAX_FRAME_RUNS / 2);
    this.firsts.push(frame);
    this.files.push(file);
    this.locals.push(local);
  }

  /** Frames of a file so far. */
  count(file: number): number {
    return this.counts[file] ?? 0;
  }

  /** The file of a frame, by its number in the chain; null where that is forgotten, or no such frame came. */
  fileOf(frame: number): number | null {
    return this.files[this.find(frame)] ?? null;
  }

  /** Where a frame lies, by its number in the chain. */
  of(frame: number | undefined): FramePlace | null {
    if (frame === undefined) return null;
    const at = this.find(frame);
    const [first, file, local] = [this.firsts[at], this.files[at], this.locals[at]];
    if (first === undefined || file === undefined || local === undefined) return null;
    return { file: this.names[file] ?? '', frame: frame - first + local };
  }

  private forget(count: number): void {
    this.firsts = this.firsts.slice(count);
    this.files = this.files.slice(count);
    this.locals = this.locals.slice(count);
  }

  /** The run that a frame is in; -1 where none is. */
  private find(frame: number): number {
    let [low, high] = [0, this.firsts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.firsts[middle] ?? 0) <= frame) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
