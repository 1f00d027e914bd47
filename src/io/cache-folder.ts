import { accessSync, constants, lstatSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { makeFolder } from './folder.js';

/** Where this program keeps what can be made anew. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const named = env['XDG_CACHE_HOME'] ?? '';
  return join(isAbsolute(named) ? named : join(homedir(), '.cache'), 'uamgscope');
}

/**
 * Whether something can be kept in a folder, which is made where it is missing, and nobody else could have put anything
 * there or can.
 */
export function isUsable(folder: string): boolean {
  try {
    makeFolder(folder, 0o700);
    accessSync(folder, constants.W_OK | constants.X_OK);
    return isOwn(folder) && isOwn(dirname(folder));
  } catch {
    return false;
  }
}

/** Whether only this user writes to a folder, as far as the system tells; answers are believed of what lies there. */
export function isOwn(folder: string): boolean {
  const { uid, mode } = lstatSync(folder);
  const mine = process.getuid?.();
  return mine === undefined || (uid === mine && (mode & 0o022) === 0 && (mode & S_IFMT) === S_IFDIR);
}
const { S_IFMT, S_IFDIR } = constants;
