import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes of one piece, and what is kept in memory before a file is made. */
const PIECE = 1024 * 1024;
export const MAX_UNSPOOLED = 32 * 1024 * 1024;

interface SpoolOptions {
  /** Bytes that are kept in memory, unless no file takes them; {@link MAX_UNSPOOLED} unless told. */
  readonly most?: number;
  /** Bytes that the file may have, a multiple of 1 MiB: later ones take the place of the oldest. */
  readonly mostInFile?: number;
}

/**
 * Bytes that are gathered and looked into again: in memory up to {@link MAX_UNSPOOLED}, the rest in a file that nobody
 * else can open, and that is gone when the program is. Where no such file can be made or written, they stay in memory.
 */
export class SpooledBytes {
  /** Pieces that are in memory, the first of them at `spooled`. */
  private pieces: Uint8Array<ArrayBuffer>[] = [];
  private spooled = 0;
  private forgotten = 0;
  private size = 0;
  private file: number | null = null;
  private folder: string | null = null;
  private given = false;
  private readonly most: number;
  private readonly mostInFile: number;

  constructor({ most = MAX_UNSPOOLED, mostInFile = Infinity }: SpoolOptions = {}) {
    this.most = most;
    this.mostInFile = mostInFile;
  }

  /** Where the first byte stands that can still be read. */
  get begin(): number {
    return Math.max(this.forgotten, this.spooled - this.mostInFile);
  }

  /** Lets go of what stands before, as far as it takes memory. */
  forget(before: number): void {
    this.forgotten = Math.max(this.forgotten, before);
    // What is to be written is written: holes are for those who cannot write.
    while (this.given && this.spooled + PIECE <= before && this.pieces.length > 1) {
      this.pieces.shift();
      this.spooled += PIECE;
    }
  }

  /** Bytes that take memory. */
  get inMemory(): number {
    return this.pieces.length * PIECE;
  }

  /** Adds bytes that are read as one; returns where they stand. */
  add(bytes: Uint8Array): number {
    const at = this.size;
    let left = bytes;
    while (left.length > 0) {
      const used = this.size % PIECE;
      if (used === 0) this.pieces.push(new Uint8Array(PIECE));
      const part = left.subarray(0, PIECE - used);
      this.pieces.at(-1)?.set(part, used);
      this.size += part.length;
      left = left.subarray(part.length);
    }
    if (this.size - this.spooled > this.most) this.spill();
    return at;
  }

  /** A copy of what was added. */
  read(at: number, size: number): Uint8Array {
    if (at < this.begin) throw new RangeError('so old bytes are not kept');
    const bytes = new Uint8Array(size);
    let done = 0;
    while (done < size) {
      const from = at + done;
      if (from < this.spooled && this.file !== null) {
        const [place, room] = this.placeInFile(from);
        const read = readSync(this.file, bytes, done, Math.min(size - done, this.spooled - from, room), place);
        if (read === 0) throw new RangeError('what was spooled is not there any more');
        done += read;
        continue;
      }
      const piece = this.pieces[Math.floor((from - this.spooled) / PIECE)];
      if (piece === undefined) throw new RangeError('so much was not added');
      const inside = from % PIECE;
      const part = piece.subarray(inside, inside + size - done);
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  }

  close(): void {
    this.pieces = [];
    if (this.file !== null) closeSync(this.file);
    this.file = null;
    this.remove();
  }

  /** Writes the pieces that are full. */
  private spill(): void {
    if (this.given) return;
    try {
      const file = this.opened();
      while (this.size - this.spooled >= PIECE) {
        const [piece] = this.pieces;
        if (piece === undefined) return;
        let written = 0;
        // What stood there is gone before it is written over: a write may fail half way.
        this.forgotten = Math.max(this.forgotten, this.spooled + PIECE - this.mostInFile);
        const [place] = this.placeInFile(this.spooled);
        while (written < PIECE) written += writeSync(file, piece, written, PIECE - written, place + written);
        this.pieces.shift();
        this.spooled += PIECE;
      }
    } catch {
      // A full or read-only disk: what is not written stays in memory, as all did before.
      this.given = true;
    }
  }

  /** Where a byte stands in the file, and how many stand behind it before the file begins anew. */
  private placeInFile(at: number): readonly [place: number, room: number] {
    if (this.mostInFile === Infinity) return [at, Infinity];
    const place = at % this.mostInFile;
    return [place, this.mostInFile - place];
  }

  private opened(): number {
    if (this.file !== null) return this.file;
    this.folder = mkdtempSync(join(tmpdir(), 'uamgscope-'));
    this.file = openSync(join(this.folder, 'calls'), 'wx+', 0o600);
    // Where an open file can be removed, nothing is left whatever ends the program.
    this.remove();
    return this.file;
  }

  private remove(): void {
    if (this.folder === null) return;
    try {
      rmSync(this.folder, { recursive: true });
      this.folder = null;
    } catch {
      // Windows keeps it until it is closed.
    }
  }
}
