import type { Writable } from 'node:stream';
import { durationText } from '../output/time.js';

/** Work shorter than this shows no progress, in milliseconds. */
const PATIENCE_MS = 1000;
/** Between two drawings, in milliseconds. */
const EVERY_MS = 200;
const WIDTH = 24;

/** A bar on a terminal's stderr with rate and time left; silent elsewhere and for short work. */
export class Progress {
  private readonly stream: Writable;
  private readonly active: boolean;
  private readonly now: () => number;
  private readonly began: number;
  private drawnAt = 0;
  private shown = false;

  constructor(stream: Writable & { readonly isTTY?: boolean }, now: () => number = Date.now) {
    this.stream = stream;
    this.active = stream.isTTY === true;
    this.now = now;
    this.began = now();
  }

  /** `done` of `total` bytes; `total` null when it is not known (stdin). */
  update(done: number, total: number | null): void {
    if (!this.active) return;
    const now = this.now();
    if (now - this.began < PATIENCE_MS || now - this.drawnAt < EVERY_MS) return;
    this.drawnAt = now;
    this.shown = true;
    this.stream.write(`\r\u001b[K${progressText(done, total, now - this.began)}`);
  }

  /** Removes the bar; the next update draws it again. */
  clear(): void {
    if (this.shown) this.stream.write('\r\u001b[K');
    this.shown = false;
  }
}

/** `[#####···] 42 %  310 MB/s  3.1 s left`, or `120 MB  310 MB/s` where the size is not known. */
export function progressText(done: number, total: number | null, elapsedMs: number): string {
  const rate = elapsedMs > 0 ? done / elapsedMs : 0;
  const speed = `${megabytes(rate * 1000)}/s`;
  if (total === null || total <= 0) return `${megabytes(done)}  ${speed}`;
  const part = Math.min(done / total, 1);
  const filled = Math.round(part * WIDTH);
  const left = rate > 0 ? `  ${durationText(((total - done) / rate) * 1e6)} left` : '';
  return `[${'#'.repeat(filled)}${'·'.repeat(WIDTH - filled)}] ${Math.floor(part * 100)} %  ${speed}${left}`;
}

function megabytes(bytes: number): string {
  const value = bytes / 1e6;
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} MB`;
}
