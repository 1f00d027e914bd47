import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, isUsable } from '../cache-folder.js';
import type { KeptLake } from './database.js';
import { readKept, writeKept, type KeptTables } from './kept.js';
import { knownSumOf, sumsFolder } from './sum.js';

/** Bytes of tables of captures that are kept; those asked longest ago are removed first. docs/limits.md */
export const MAX_CACHE_BYTES = 2_147_483_648;

/** SHA-256 of files, by their paths. */
export type Sums = ReadonlyMap<string, string>;

/** Tables of captures that were decoded once, by what the captures hold and how they were read. */
export class TableCache {
  private readonly folder: string;
  private readonly sums: string;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.folder = join(cacheFolder(env), 'tables');
    this.sums = sumsFolder(env);
  }

  /** Whether anything can be kept here, and nobody else could have put anything here or can. */
  get isUsable(): boolean {
    return isUsable(this.folder);
  }

  /**
   * The tables of captures read in a way: those that are kept, or what `make` writes into the folder it is given. What
   * is kept is readable by its owner alone.
   */
  async tables(
    files: readonly string[],
    way: readonly unknown[],
    make: (folder: string, sums: Sums) => Promise<KeptTables>,
  ): Promise<KeptLake> {
    const sums = new Map<string, string>();
    for (const file of files) sums.set(file, await knownSumOf(file, this.sums));
    const name = createHash('sha256')
      .update(JSON.stringify([way, files.map((file) => sums.get(file))]))
      .digest('hex')
      .slice(0, 32);
    const path = join(this.folder, name);
    const tables = readKept(path) ?? (await this.made(path, (beside) => make(beside, sums)));
    const now = new Date();
    utimesSync(path, now, now);
    this.prune(name);
    return { folder: path, ...tables };
  }

  private async made(path: string, make: (folder: string) => Promise<KeptTables>): Promise<KeptTables> {
    const beside = `${path}.${randomBytes(6).toString('hex')}.part`;
    mkdirSync(beside, { mode: 0o700 });
    try {
      const tables = await make(beside);
      writeKept(beside, tables);
      rmSync(path, { recursive: true, force: true });
      renameSync(beside, path);
      return tables;
    } catch (error) {
      rmSync(beside, { recursive: true, force: true });
      // Somebody else was as fast.
      const tables = readKept(path);
      if (tables === null) throw error;
      return tables;
    }
  }

  /** Removes what was asked longest ago, but the one in use, until the rest is small enough. */
  private prune(used: string): void {
    const entries = readdirSync(this.folder)
      .filter((name) => name !== 'sums')
      .map((name) => {
        const path = join(this.folder, name);
        return { name, path, asked: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0, bytes: bytesIn(path) };
      })
      .toSorted((a, b) => b.asked - a.asked);
    let left = MAX_CACHE_BYTES;
    for (const { name, path, bytes, asked } of entries) {
      const isAbandoned = name.endsWith('.part') && Date.now() - asked > ABANDONED_MS;
      left -= bytes;
      if (name !== used && (isAbandoned || (left < 0 && !name.endsWith('.part')))) {
        rmSync(path, { recursive: true, force: true });
        left += bytes;
      }
    }
  }
}

/** Milliseconds after which a folder that nobody finished is removed. */
const ABANDONED_MS = 86_400_000;

function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}
