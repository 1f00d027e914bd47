import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync, type BigIntStats } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../cache-folder.js';
import { makeFolder } from '../folder.js';
import { fileReason } from '../reason.js';
import { UsageError } from '../streams.js';

const PIECE_BYTES = 1_048_576;

/** SHA-256 of a file's bytes. @throws UsageError */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  // One buffer for all: a stream makes one a piece, which takes as long as the sum itself.
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  try {
    const file = await open(path);
    try {
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
  return hash.digest('hex');
}

/** Captures whose sums are remembered by name, size and times. docs/limits.md */
export const MAX_KNOWN_SUMS = 10_000;

/** Where sums are remembered. */
export function sumsFolder(env: Readonly<Record<string, string | undefined>>): string {
  return join(cacheFolder(env), 'tables', 'sums');
}

/** What tells that nothing about a file has changed: where it is, its size, and its times. */
export function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** SHA-256 of a file, from the memory in a folder where nothing about the file has changed. @throws UsageError */
export async function knownSumOf(file: string, folder: string): Promise<string> {
  const about = identityOf(statSync(file, { bigint: true }));
  const path = join(folder, createHash('sha256').update(about).digest('hex').slice(0, 32));
  try {
    const known = readFileSync(path, 'latin1');
    if (/^[0-9a-f]{64}$/.test(known)) return known;
  } catch {
    // Not known yet.
  }
  const sum = await sha256Of(file);
  makeFolder(folder, 0o700);
  if (readdirSync(folder).length >= MAX_KNOWN_SUMS) rmSync(folder, { recursive: true, force: true });
  makeFolder(folder, 0o700);
  writeFileSync(path, sum);
  return sum;
}
