import { createHash } from 'node:crypto';
import { constants, lstatSync, readdirSync, readSync, realpathSync, rmSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cacheFolder, isOwn, isUsable } from '../cache-folder.js';
import { identityOf, knownSumOf, sumsFolder } from '../lake/sum.js';
import { OutputWriter, PRIVATE } from '../output.js';
import { messageOf } from '../reason.js';
import { UsageError } from '../streams.js';
import { IndexWriter, readIndex, type IndexHead, type IndexSource, type Place } from './form.js';
import { indexKey } from './key.js';

/** docs/limits.md */
export const INDEX_LIMITS = {
  /** Bytes of captures from which on an index is kept without being asked for. */
  captures: 33_554_432,
  /** Bytes of one index. */
  index: 1_073_741_824,
  /** Bytes of all indexes that are kept together; those used longest ago are removed first. */
  indexes: 2_147_483_648,
};
/** Milliseconds for which a file must have been left alone: a change in the same tick of its times would not show. */
const SETTLED_MS = 2000;
/** Milliseconds after which what nobody finished is removed. */
const ABANDONED_MS = 86_400_000;
const READ_BYTES = 1_048_576;

/** Where an index is kept: with the others of this user where a capture is large, or always; or beside the capture. */
export type IndexPlace = 'auto' | 'cache' | 'beside';

/** For whom, and of what an index is. */
export interface IndexOptions {
  /** Who reads it, as a word. */
  readonly kind: string;
  readonly files: readonly string[];
  /** Everything else that what it holds depends on. */
  readonly way: readonly unknown[];
  readonly place: IndexPlace;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** {@link INDEX_LIMITS} unless told. */
  readonly limits?: typeof INDEX_LIMITS;
}

/** A piece that is put together while it is written. */
export interface LongPiece {
  readonly size: number;
  readonly parts: Iterable<Uint8Array>;
}

/** What is kept in an index: pieces in their order. */
export type Pieces = AsyncIterable<Uint8Array | LongPiece> | Iterable<Uint8Array | LongPiece>;

/** The pieces of an index, read when they are asked for. */
export class KeptPieces {
  private readonly file: FileHandle;
  private readonly places: readonly Place[];

  constructor(file: FileHandle, places: readonly Place[]) {
    this.file = file;
    this.places = places;
  }

  /** How many there are. */
  get count(): number {
    return this.places.length;
  }

  /** A piece, or bytes of it. @throws RangeError where there are none */
  read(piece: number, from = 0, size = this.sizeOf(piece) - from): Buffer {
    const { at = 0 } = this.places[piece] ?? {};
    if (from < 0 || size < 0 || from + size > this.sizeOf(piece)) throw new RangeError('the index has no such bytes');
    const bytes = Buffer.allocUnsafe(size);
    for (let done = 0; done < size; ) {
      const read = readSync(this.file.fd, bytes, done, size - done, at + from + done);
      if (read === 0) throw new RangeError('the index ends before its time');
      done += read;
    }
    return bytes;
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private sizeOf(piece: number): number {
    return this.places[piece]?.size ?? -1;
  }
}

/**
 * What was read of captures once, kept to open them again: pieces of bytes that only who wrote them understands. It is
 * believed only where this user wrote it and the captures are still the same.
 */
export class CaptureIndex {
  /** Why there is an index that is not used, in words; null where there is none or it is used. */
  note: string | null = null;
  private readonly options: IndexOptions;
  private readonly limits: typeof INDEX_LIMITS;
  private readonly path: string;
  private readonly way: string;
  private readonly identities: readonly string[];
  private readonly isSettled: boolean;

  private constructor(options: IndexOptions, path: string, way: string) {
    this.options = options;
    this.limits = options.limits ?? INDEX_LIMITS;
    this.path = path;
    this.way = way;
    const stats = options.files.map((file) => statSync(file, { bigint: true }));
    this.identities = stats.map(identityOf);
    this.isSettled = stats.every(({ ctimeMs }) => Date.now() - Number(ctimeMs) >= SETTLED_MS);
  }

  /** The place of an index; null where none is kept. @throws UsageError where one is asked for that cannot be */
  static of(options: IndexOptions): CaptureIndex | null {
    const { files, place, env, kind, limits = INDEX_LIMITS } = options;
    const refused = refusedBecause(options);
    if (refused !== null) {
      if (place === 'auto') return null;
      throw new UsageError(`--index ${place}: ${refused}`);
    }
    const size = files.reduce((sum, file) => sum + statSync(file).size, 0);
    if (place === 'auto' && size < limits.captures) return null;
    const paths = files.map((file) => realpathSync(file));
    const way = sumText(options.way);
    const [first = ''] = paths;
    const path =
      place === 'beside' ? `${first}.${kind}.uamgidx` : join(folderOf(env), `${sumText([kind, way, paths])}.uamgidx`);
    return new CaptureIndex(options, path, way);
  }

  /**
   * What is kept of the captures as they are, to be closed; null where that is nothing, and {@link note} may say why.
   */
  async read(): Promise<KeptPieces | null> {
    const file = await this.opened();
    if (file === null) return null;
    let kept: KeptPieces | null = null;
    try {
      kept = await this.readFrom(file);
    } catch (error) {
      this.unused(messageOf(error));
    }
    if (kept === null) await file.close();
    return kept;
  }

  /** Says of what was read that it cannot be used after all. */
  refuse(error: unknown): void {
    this.unused(messageOf(error));
  }

  private async readFrom(file: FileHandle): Promise<KeptPieces | null> {
    const source = await sourceOf(file, this.limits.index);
    const key = indexKey(this.options.env);
    if (source === null || key === null) return this.unused('it is not yours alone, or too large');
    const kept = await readIndex(source, key);
    if (kept === null) return this.unused('it is damaged, or was not written here');
    if (kept.head.way !== this.way) return this.unused('it was written with other options or by another version');
    if (!(await this.isOfThese(kept.head))) return this.unused('the capture has changed since');
    const now = new Date();
    await file.utimes(now, now).catch(() => undefined);
    return new KeptPieces(file, kept.pieces);
  }

  /**
   * Keeps pieces for the next time, unless the captures have changed since they were opened. False where nothing is kept,
   * and {@link note} may say why; nothing is left then. `signal` ends it.
   */
  async write(pieces: Pieces, signal?: AbortSignal): Promise<boolean> {
    const { files, env } = this.options;
    this.note = null;
    if (!this.isSettled) return false;
    try {
      const sums: string[] = [];
      for (const file of files) {
        signal?.throwIfAborted();
        sums.push(await knownSumOf(file, sumsFolder(env)));
      }
      const now = files.map((file) => identityOf(statSync(file, { bigint: true })));
      const key = indexKey(env);
      if (key === null || now.join() !== this.identities.join()) return false;
      const captures = now.map((identity, at) => ({ identity, sum: sums[at] ?? '' }));
      return await this.written(new IndexWriter({ way: this.way, captures }, key), pieces, signal);
    } catch (error) {
      if (signal?.aborted === true) return false;
      this.note = `no index is kept: ${messageOf(error)}`;
      return false;
    }
  }

  private async written(writer: IndexWriter, pieces: Pieces, signal: AbortSignal | undefined): Promise<boolean> {
    const { place, files } = this.options;
    checkTarget(this.path);
    const out = await OutputWriter.open(this.path, { force: true, inputs: files, mode: PRIVATE });
    await out.whole(async () => {
      let size = 0;
      const put = async (bytes: Uint8Array): Promise<void> => {
        signal?.throwIfAborted();
        size += bytes.length;
        if (size > this.limits.index) throw new UsageError(`it would be larger than ${this.limits.index} bytes`);
        await out.write(bytes);
      };
      await put(writer.begin());
      for await (const piece of pieces) {
        const isLong = !(piece instanceof Uint8Array);
        await put(writer.piece(isLong ? piece.size : piece.length));
        for (const part of isLong ? piece.parts : [piece])
          for (let at = 0; at < part.length; at += READ_BYTES)
            await put(writer.part(part.subarray(at, at + READ_BYTES)));
      }
      await put(writer.end());
    });
    if (place !== 'beside') prune(dirname(this.path), basename(this.path), this.limits.indexes);
    return true;
  }

  private unused(why: string): null {
    const [first = ''] = this.options.files;
    this.note = `the index of ${first} is not used: ${why}`;
    return null;
  }

  private async opened(): Promise<FileHandle | null> {
    try {
      return await open(this.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      return this.unused(messageOf(error));
    }
  }

  /** Whether the captures are those that were read: untouched since, or with the same bytes all the same. */
  private async isOfThese({ captures }: IndexHead): Promise<boolean> {
    const { files, env } = this.options;
    if (captures.length !== files.length) return false;
    for (const [at, file] of files.entries()) {
      const { identity, sum } = captures[at] as IndexHead['captures'][number];
      const now = this.identities[at] as string;
      if (identity === now) continue;
      // Another size is told without reading it.
      if (identity.split(' ')[2] !== now.split(' ')[2]) return false;
      if ((await knownSumOf(file, sumsFolder(env))) !== sum) return false;
    }
    return true;
  }
}

const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

function folderOf(env: IndexOptions['env']): string {
  return join(cacheFolder(env), 'indexes');
}

function sumText(of: unknown): string {
  return createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 32);
}

/** Why there can be no index; null where there can. */
function refusedBecause({ files, place, env }: IndexOptions): string | null {
  if (files.includes('-')) return 'stdin cannot be read again';
  if (!files.every((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true))
    return 'what is no file cannot be told from another';
  if (!isUsable(folderOf(env))) return `${folderOf(env)} cannot be written, or not by you alone`;
  if (place !== 'beside') return null;
  const [first = ''] = files;
  if (files.length > 1) return 'several captures have no place beside them';
  const folder = dirname(realpathSync(first));
  return isOwn(folder) ? null : `others can write into ${folder}, and what lies there is not believed`;
}

/** What has the name of an index is replaced where it is a file of this user's, and never what a link leads to. */
function checkTarget(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || (found.isFile() && found.uid === (process.getuid?.() ?? found.uid))) return;
  throw new UsageError(`${path} is there, and is no file of yours`);
}

/** An open file to be read; null where it is no file that only this user reads and writes, or too large. */
async function sourceOf(file: FileHandle, most: number): Promise<IndexSource | null> {
  const found = await file.stat();
  const mine = process.getuid?.();
  if (!found.isFile() || found.size > most) return null;
  if (mine !== undefined && (found.uid !== mine || (found.mode & 0o077) !== 0)) return null;
  return {
    size: found.size,
    async fill(bytes, at) {
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, done, bytes.length - done, at + done);
        if (bytesRead === 0) throw new Error('it ends before its time');
        done += bytesRead;
      }
    },
  };
}

/** Removes what was used longest ago, but one, until the rest is small enough; and what was never finished. */
function prune(folder: string, used: string, most: number): void {
  const entries = readdirSync(folder)
    .map((name) => ({ name, stat: statSync(join(folder, name), { throwIfNoEntry: false }) }))
    .flatMap(({ name, stat }) => (stat === undefined ? [] : [{ name, asked: stat.mtimeMs, bytes: stat.size }]))
    .toSorted((a, b) => b.asked - a.asked);
  let left = most;
  for (const { name, asked, bytes } of entries) {
    const isAbandoned = !name.endsWith('.uamgidx') && Date.now() - asked > ABANDONED_MS;
    left -= bytes;
    if (name === used || (!isAbandoned && (left >= 0 || !name.endsWith('.uamgidx')))) continue;
    rmSync(join(folder, name), { force: true });
    left += bytes;
  }
}
