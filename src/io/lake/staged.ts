import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '../folder.js';
import { writeReason } from '../reason.js';
import { UsageError } from '../streams.js';

/** Milliseconds after which a file on its way that nobody finished is removed: its writer is gone. */
const STALE_MS = 86_400_000;

/**
 * A file of a lake on its way to its name. Until it is whole its name begins with a dot, which Hadoop, Spark and DuckDB
 * pass over. Unlike other outputs it has a name by chance and no owner: a scheduler may have two machines write the same
 * partition over a shared file system, both the same bytes, and whoever is last puts them there once more.
 */
export class StagedFile {
  readonly target: string;
  private readonly path: string;
  private size = 0;

  /** `mode`: who may read it. @throws UsageError when its folder cannot be had */
  constructor(target: string, mode = 0o666) {
    this.target = target;
    const folder = dirname(target);
    this.path = join(folder, `.${basename(target)}.${randomBytes(6).toString('hex')}.part`);
    this.attempt(() => {
      makeFolder(folder);
      removeStale(folder);
      closeSync(openSync(this.path, 'wx', mode));
    });
  }

  /** Bytes written. */
  get bytes(): number {
    return this.size;
  }

  /** Writes on. It is open only meanwhile: a chain may have thousands of such files. @throws UsageError */
  append(bytes: Uint8Array): void {
    this.attempt(() => {
      const file = openSync(this.path, 'a');
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      } finally {
        closeSync(file);
      }
    });
    this.size += bytes.length;
  }

  /** It is whole: it gets its name, in place of what had it before. @throws UsageError */
  finish(): void {
    this.attempt(() => {
      const file = openSync(this.path, 'r+');
      try {
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(this.path, this.target);
    });
  }

  /** It is not wanted: nothing is left of it. */
  discard(): void {
    rmSync(this.path, { force: true });
  }

  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw new UsageError(`cannot write ${this.target}: ${writeReason(error)}`);
    }
  }
}

function removeStale(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!/^\..+\.[0-9a-f]{12}\.part$/.test(name)) continue;
    const path = join(folder, name);
    const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (modified !== undefined && Date.now() - modified > STALE_MS) rmSync(path, { force: true });
  }
}
