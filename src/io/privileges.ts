import { accessSync, chownSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { runChild } from './children.js';
import { UsageError } from './streams.js';

/** Somebody whom the rest of the work is done as. */
export interface Person {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who decodes what root captures: the user that is named, else the one that called sudo; null: whoever runs it, who is
 * not root or wants to stay it. @throws UsageError for a user that there is none of
 */
export function personAfter(
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Person | null {
  if (process.getuid?.() !== 0) {
    if (named !== undefined) throw new UsageError('--user-after: only root can go on as somebody else');
    return null;
  }
  const [uid, gid] = named === undefined ? [env['SUDO_UID'], env['SUDO_GID']] : [idOf('-u', named), idOf('-g', named)];
  if (named !== undefined && (uid === null || gid === null))
    throw new UsageError(`--user-after: there is no user ${named}`);
  const person = { uid: Number(uid ?? 0), gid: Number(gid ?? 0) };
  return person.uid === 0 || !Number.isInteger(person.uid) || !Number.isInteger(person.gid) ? null : person;
}

function idOf(which: '-u' | '-g', name: string): string | null {
  const { status, stdout } = runChild('id', [which, '--', name]);
  return status === 0 && /^\d+\s*$/.test(stdout) ? stdout.trim() : null;
}

/**
 * Goes on as somebody else, for good: all threads, and all groups. What is written already becomes theirs; with `more`
 * files to come, they must be able to make them. @throws UsageError where that does not come to pass
 */
export function becomes({ uid, gid }: Person, written: readonly string[], more: boolean): void {
  for (const path of written) chownSync(path, uid, gid);
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  let still = process.getuid?.() !== uid || process.getgid?.() !== gid;
  try {
    process.setuid?.(0);
    still = true;
  } catch {
    // So it is meant.
  }
  if (still) throw new UsageError('root could not be given up');
  if (!more) return;
  for (const path of written) {
    try {
      accessSync(dirname(path), constants.W_OK);
    } catch {
      throw new UsageError(
        `user ${uid}, as whom packets are decoded and further files written, may not write in ${dirname(path)}: name another folder, or --user-after root`,
      );
    }
  }
}
