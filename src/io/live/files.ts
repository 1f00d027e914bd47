import { closeSync, existsSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { pcapngHeader, pcapngPacket } from '../../capture/write.js';
import type { Frame } from '../../types.js';
import { claimOutput, releaseOutput } from '../output.js';
import { UsageError } from '../streams.js';
import { writeReason } from '../reason.js';

export interface Rotation {
  /** A new file before one grows past so many bytes; null: never. */
  readonly size: number | null;
  /** A new file after so many seconds of capture time; null: never. */
  readonly timeS: number | null;
  /** Files kept; the oldest is removed first. Null: all. */
  readonly count: number | null;
}

/** Files under way, as another thread goes on with them: descriptors are the process's. */
export interface OpenFiles {
  readonly path: string;
  readonly rotation: Rotation;
  readonly file: number;
}

export const NO_ROTATION: Rotation = { size: null, timeS: null, count: null };

/**
 * Packets to pcapng files, at once: what `write` was given is with the operating system when it returns, so that
 * killing the program loses nothing of it. With rotation the names are numbered: `out-00001.pcapng`.
 */
export class CaptureFiles {
  private readonly path: string;
  private readonly rotation: Rotation;
  private file: number | null = null;
  private readonly kept: string[] = [];
  private number = 0;
  private size = 0;
  private beganS = 0;
  private linkType: number | null = null;

  /** @throws UsageError when the first file cannot be made */
  constructor(path: string, rotation: Rotation = NO_ROTATION, file: number | null = null) {
    this.path = path;
    this.rotation = rotation;
    this.next(file);
  }

  /** Goes on with files that another thread made, and of which nothing was written yet. */
  static opened({ path, rotation, file }: OpenFiles): CaptureFiles {
    return new CaptureFiles(path, rotation, file);
  }

  /** The first file, before anything was written; null once it is handed over or closed. */
  get open(): OpenFiles | null {
    const { path, rotation, file } = this;
    return file === null ? null : { path, rotation, file };
  }

  /** Another thread writes and closes it from now on. */
  handOver(): void {
    this.file = null;
  }

  /** Names of the files that are there. */
  get paths(): readonly string[] {
    return this.kept;
  }

  /** Writes packets. @throws UsageError when the disk takes no more */
  write(frames: readonly Frame[]): void {
    let pieces: Uint8Array[] = [];
    let bytes = 0;
    const flush = (): void => {
      if (pieces.length > 0) this.put(Buffer.concat(pieces));
      pieces = [];
      bytes = 0;
    };
    for (const frame of frames) {
      const record = pcapngPacket({
        timeS: frame.timeS,
        timeNs: frame.timeNs,
        data: frame.block.u8.subarray(frame.start, frame.end),
        wireLength: frame.wireLength,
      });
      const { size, timeS } = this.rotation;
      const full =
        this.linkType !== null &&
        ((size !== null && this.size + bytes + record.length > size) ||
          (timeS !== null && frame.timeS - this.beganS >= timeS) ||
          frame.linkType !== this.linkType);
      if (full) {
        flush();
        this.next();
      }
      if (this.linkType === null) {
        this.linkType = frame.linkType;
        this.beganS = frame.timeS;
        const header = pcapngHeader(frame.linkType, { application: 'uamgscope live' });
        pieces.push(header);
        bytes += header.length;
      }
      pieces.push(record);
      bytes += record.length;
    }
    flush();
  }

  close(): void {
    if (this.file === null) return;
    if (this.linkType === null) this.put(pcapngHeader(1, { application: 'uamgscope live' }));
    closeSync(this.file);
    this.file = null;
    const path = this.kept.at(-1);
    if (path !== undefined) releaseOutput(path);
  }

  private put(bytes: Uint8Array): void {
    if (this.file === null) return;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at);
    } catch (error) {
      throw new UsageError(`${this.kept.at(-1)}: packets cannot be written any more: ${writeReason(error)}`);
    }
    this.size += bytes.length;
  }

  private next(given: number | null = null): void {
    const { size, timeS, count } = this.rotation;
    this.close();
    this.number++;
    // A second link type, as an interface that was renamed may have, needs a second file even without rotation.
    const rotates = size !== null || timeS !== null || this.number > 1;
    const path = rotates
      ? this.path.replace(
          /(\.[^./]*)?$/,
          (ending) => `-${String(this.number).padStart(5, '0')}${ending === '' ? '.pcapng' : ending}`,
        )
      : this.path;
    this.file = given ?? made(path);
    this.kept.push(path);
    this.size = 0;
    this.linkType = null;
    for (const oldest of this.kept.splice(0, count === null ? 0 : Math.max(0, this.kept.length - count)))
      unlinkSync(oldest);
  }
}

/** Packets are never written over a file that is there, by whatever option. @throws UsageError */
function made(path: string): number {
  if (existsSync(path)) throw new UsageError(`${path} exists already: name another file, or remove it`);
  const output = claimOutput(path, { how: 'growing' });
  return openSync(output.path, output.flags);
}
