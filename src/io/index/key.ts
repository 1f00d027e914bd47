import { randomBytes } from 'node:crypto';
import { constants, closeSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../cache-folder.js';

const KEY_BYTES = 32;

/**
 * The key that tells indexes of this user from those that somebody else made, wherever they lie: made when it is first
 * needed, and readable by its owner alone. Null where there is none to be had.
 */
export function indexKey(env: Readonly<Record<string, string | undefined>>): Buffer | null {
  const path = join(cacheFolder(env), 'index.key');
  try {
    writeFileSync(path, randomBytes(KEY_BYTES), { flag: 'wx', mode: 0o600 });
  } catch {
    // It is there, or cannot be made: reading it tells.
  }
  return keyIn(path);
}

function keyIn(path: string): Buffer | null {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  try {
    const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const { uid, mode, size } = fstatSync(file);
      const isPrivate = process.getuid === undefined || (uid === process.getuid() && (mode & 0o077) === 0);
      const key = Buffer.alloc(KEY_BYTES);
      return isPrivate && size === KEY_BYTES && readSync(file, key, 0, KEY_BYTES, 0) === KEY_BYTES ? key : null;
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}
