import type { Readable, Writable } from 'node:stream';
import { COLOURED, PLAIN, type Style } from '../output/style.js';

/** Where a command reads and writes: the process's own streams, or a test's. */
export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type ColorChoice = 'auto' | 'always' | 'never';

/**
 * Colours when told, or by themselves on a terminal unless NO_COLOR (https://no-color.org) or a dumb terminal says
 * otherwise.
 */
export function styleFor(choice: ColorChoice, stream: { readonly isTTY?: boolean }, env: Streams['env']): Style {
  if (choice !== 'auto') return choice === 'always' ? COLOURED : PLAIN;
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return stream.isTTY === true && !refused ? COLOURED : PLAIN;
}

/** Exit statuses of the contract. */
export const EXIT = { ok: 0, found: 1, usage: 2, damaged: 3 } as const;

/** A mistake of the user, or an input that cannot be read: a message for stderr, and exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
