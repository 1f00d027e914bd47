import { halfOf, type RecordingRecord } from './records.js';

/** What a recording does not say and nothing can bring back, in sentences: half of a conversation, sealed calls. */
export function unknownIn(records: readonly RecordingRecord[]): readonly string[] {
  return [halfOf(records), sealedIn(records)].filter((one) => one !== null);
}

/** How many recorded calls are sealed, and what to do about it; null where none is. */
export function sealedIn(records: readonly RecordingRecord[]): string | null {
  let all = 0;
  let sealed = 0;
  const kinds = new Set<string>();
  for (const one of records) {
    if (one.kind !== 'call') continue;
    all++;
    if (one.request?.sealed !== true && one.response?.sealed !== true) continue;
    sealed++;
    kinds.add(NAMES[one.auth.type] ?? one.auth.type);
  }
  if (sealed === 0) return null;
  const of = sealed === all ? '' : ` of ${all.toLocaleString('en-US')}`;
  return `${sealed.toLocaleString('en-US')}${of} recorded ${sealed === 1 ? 'call is' : 'calls are'} sealed, by ${[...kinds].join(', ')}: a recording keeps no cipher text, so that nothing opens them here; record the capture again with --password, --nt-hash, --keytab or --keys`;
}

const NAMES: Readonly<Record<string, string>> = { ntlm: 'NTLM', kerberos: 'Kerberos', spnego: 'SPNEGO' };
