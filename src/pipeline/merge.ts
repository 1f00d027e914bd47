import type { CaptureInfo } from '../capture/info.js';
import type { Frame, Moment, Problem } from '../types.js';
import type { Batch, OpenCapture } from './batch.js';

/** Something of one of several captures. */
export interface Part {
  /** Index among the files. */
  readonly file: number;
  readonly item: Frame | Problem;
}

/** What was read of several captures in one go. */
export interface MergedBatch {
  readonly parts: readonly Part[];
  /** Bytes read so far over all files, and their sizes; null where one has none. */
  readonly read: number;
  readonly size: number | null;
  /** Files of which nothing is left, and what they said of themselves. */
  readonly ended: readonly { readonly file: number; readonly size: number | null; readonly info: CaptureInfo | null }[];
}

/** Parts given out together at most. */
const PARTS = 4096;

/** A capture being read. */
class Source {
  readonly file: number;
  private readonly path: string;
  private readonly open: OpenCapture;
  private batches: AsyncIterator<Batch> | null = null;
  private batch: Batch | null = null;
  private at = 0;
  /** A file that can be read anew, whose first packet alone was looked at. */
  private parked: Moment | null = null;
  read = 0;
  size: number | null = 0;
  info: CaptureInfo | null = null;

  constructor(file: number, path: string, open: OpenCapture) {
    this.file = file;
    this.path = path;
    this.open = open;
  }

  /** What comes next; null when a batch has to be loaded first, or nothing is left. */
  get head(): Frame | Problem | null {
    return this.batch?.items[this.at] ?? null;
  }

  /** Time of what comes next; null where it has none, which lets it come at once. */
  get time(): Moment | null {
    if (this.parked !== null) return this.parked;
    const { head } = this;
    return head !== null && head.kind === 'frame' && head.hasTime ? head : null;
  }

  /** It waits for its time with nothing open. */
  get waits(): boolean {
    return this.parked !== null;
  }

  /** Looks at the first packet, and lets go of what can be opened again: a thousand files need not be open at once. */
  async look(): Promise<boolean> {
    if (!(await this.load())) return false;
    while (this.time === null && this.head !== null) this.at++;
    const { time, batches } = this;
    this.at = 0;
    if (time === null || this.size === null) return true;
    this.parked = { timeS: time.timeS, timeNs: time.timeNs };
    this.batch = this.batches = null;
    await batches?.return?.();
    return true;
  }

  take(): Frame | Problem | null {
    const { head } = this;
    this.at++;
    return head;
  }

  /** Loads the next batch that holds something; false when none is left. */
  async load(): Promise<boolean> {
    this.parked = null;
    this.batches ??= this.open(this.path, 0)[Symbol.asyncIterator]();
    this.at = 0;
    for (;;) {
      const next = await this.batches.next();
      this.batch = next.done === true ? null : next.value;
      if (this.batch === null) return false;
      this.read = this.batch.read;
      this.size = this.batch.size;
      this.info = this.batch.info ?? this.info;
      if (this.batch.items.length > 0) return true;
    }
  }

  async close(): Promise<void> {
    await this.batches?.return?.();
  }
}

/**
 * Reads several captures as one, by the time of their packets: a tap writes a file for each direction, and a ring many
 * that follow one another. Packets of one file keep their order; frames are numbered anew, as they come, from `framesBefore` on.
 */
export async function* mergeByTime(
  files: readonly string[],
  open: OpenCapture,
  framesBefore = 0,
): AsyncGenerator<MergedBatch> {
  const sources = files.map((path, file) => new Source(file, path, open));
  let active: readonly Source[] = sources;
  let parts: Part[] = [];
  let number = framesBefore;
  const batch = (ended: MergedBatch['ended']): MergedBatch => {
    const made = {
      parts,
      ended,
      read: sources.reduce((sum, { read }) => sum + read, 0),
      size: sources.reduce<number | null>((sum, { size }) => (sum === null || size === null ? null : sum + size), 0),
    };
    parts = [];
    return made;
  };
  try {
    for (const source of sources) {
      if (await source.look()) continue;
      active = active.filter((one) => one !== source);
      yield batch([source]);
    }
    for (let next = earliest(active); next !== null; next = earliest(active)) {
      const item = next.waits ? null : next.take();
      if (item !== null)
        parts.push({ file: next.file, item: item.kind === 'frame' ? { ...item, number: ++number } : item });
      if (next.head !== null && parts.length < PARTS) continue;
      const gone = next.head === null && !(await next.load()) ? next : null;
      if (gone !== null) active = active.filter((one) => one !== gone);
      if (parts.length > 0 || gone !== null) yield batch(gone === null ? [] : [gone]);
    }
  } finally {
    for (const source of sources) await source.close();
  }
}

/** The source whose next packet is the first of all; among equals the one named first. */
function earliest(sources: readonly Source[]): Source | null {
  let best: Source | null = null;
  for (const source of sources) if (best === null || before(source.time, best.time)) best = source;
  return best;
}

function before(a: Moment | null, b: Moment | null): boolean {
  if (a === null || b === null) return a === null && b !== null;
  return a.timeS < b.timeS || (a.timeS === b.timeS && a.timeNs < b.timeNs);
}
