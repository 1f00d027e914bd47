import { NTLM } from './messages.js';

/**
 * What NTLM has to offer: `strict` as Windows policy wants it (NTLMv2, signatures by HMAC, keys of 128 bits that are
 * exchanged; sealing where privacy is wanted), `legacy` whatever the other side agrees to.
 */
export type NtlmPolicy = (typeof NTLM_POLICIES)[number];
export const NTLM_POLICIES = ['strict', 'legacy'] as const;

const WANTED = [
  [NTLM.sign, 'signing'],
  [NTLM.extendedSessionSecurity, 'extended session security'],
  [NTLM.bits128, 'keys of 128 bits'],
  [NTLM.keyExchange, 'key exchange'],
] as const;

/** What the flags both sides agreed to lack by a policy, in words; null where nothing does. */
export function lacking(flags: number, privacy: boolean, policy: NtlmPolicy): string | null {
  if (policy === 'legacy') return null;
  const missing = [...WANTED, ...(privacy ? [[NTLM.seal, 'sealing'] as const] : [])].filter(
    ([flag]) => (flags & flag) === 0,
  );
  return missing.length === 0 ? null : missing.map(([, name]) => name).join(', ');
}
