/** Where to replay to: `host[:port]`, and who signs in there; null: whoever the options of the command name. */
export interface ReplayTarget {
  readonly host: string;
  readonly user: string | null;
  readonly domain: string;
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
