import { grouped } from '../../src/bytes/decimal.js';
import type { RecordingRecord } from './records.js';

/** What a recording does not say and nothing can bring back, in sentences: half of a conversation, sealed calls. */
export function unknownIn(records: readonly RecordingRecord[]): readonly string[] {
  const unknown = new Unknown();
  for (const one of records) unknown.take(one);
  return unknown.sentences;
}

/** How many recorded calls are sealed, and what to do about it; null where none is. */
export function sealedIn(records: readonly RecordingRecord[]): string | null {
  const unknown = new Unknown();
  for (const one of records) unknown.take(one);
  return unknown.sealed;
}

/** Gathers what a recording does not say, record by record. */
export class Unknown {
  /** Why it cannot be replayed as a whole: half of a conversation is missing. Null where nothing is. */
  half: string | null = null;
  private all = 0;
  private unread = 0;
  private readonly kinds = new Set<string>();

  take(one: RecordingRecord): void {
    if (one.kind === 'end') this.half ??= one.half ?? null;
    if (one.kind !== 'call') return;
    this.all++;
    if (one.request?.sealed !== true && one.response?.sealed !== true) return;
    this.unread++;
    this.kinds.add(NAMES[one.auth.type] ?? one.auth.type);
  }

  /** What it does not say and nothing can bring back, in sentences. */
  get sentences(): readonly string[] {
    return [this.half, this.sealed].filter((one) => one !== null);
  }

  /** How many calls are sealed, and what to do about it; null where none is. */
  get sealed(): string | null {
    const { all, unread, kinds } = this;
    if (unread === 0) return null;
    const of = unread === all ? '' : ` of ${grouped(all)}`;
    return `${grouped(unread)}${of} recorded ${unread === 1 ? 'call is' : 'calls are'} sealed, by ${[...kinds].join(', ')}: a recording keeps no cipher text, so that nothing opens them here; record the capture again with --password, --nt-hash, --keytab or --keys`;
  }
}

const NAMES: Readonly<Record<string, string>> = { ntlm: 'NTLM', kerberos: 'Kerberos', spnego: 'SPNEGO' };
