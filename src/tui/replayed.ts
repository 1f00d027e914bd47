import type { ReplayTarget } from './state.js';

/** What replaying calls to another server came to, in lines. */
export interface Replayed {
  readonly target: string;
  /** `57 calls alike, 1 differs`. */
  readonly summary: string;
  readonly same: boolean;
  readonly rows: readonly ReplayRow[];
}

/** A call with how it ended then and now, a field of it that differs, or a remark on the whole. */
export interface ReplayRow {
  readonly kind: 'call' | 'field' | 'note';
  readonly status: 'same' | 'different' | 'missing' | 'extra' | 'skipped';
  /** Index of the call that was replayed; null where there is none. */
  readonly call: number | null;
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
}

/**
 * Reads `[[DOMAIN\\]USER@]HOST[:PORT]`; null when it is none. Whether the host has that form is seen when it is called.
 */
export function targetOf(text: string): ReplayTarget | null {
  const [, who, host = ''] = /^(?:(.*)@)?([^@\s]+)$/.exec(text) ?? [];
  if (host === '') return null;
  if (who === undefined) return { host, user: null, domain: '' };
  const at = who.indexOf('\\');
  const user = who.slice(at + 1);
  return user === '' ? null : { host, user, domain: at < 0 ? '' : who.slice(0, at) };
}

/** A target as it was typed. */
export function targetText({ host, user, domain }: ReplayTarget): string {
  return user === null ? host : `${domain === '' ? '' : `${domain}\\`}${user}@${host}`;
}
