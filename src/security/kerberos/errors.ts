import { derField } from '../der.js';
import { fieldsOf, integerOf, textOf, timeOf, application, field, integer, principal, string, time } from './asn1.js';

/** Errors of KDCs and of AP exchanges (RFC 4120 7.5.9) with their names, in words. */
export const KERBEROS_ERRORS: ReadonlyMap<number, readonly [name: string, words: string]> = new Map([
  [6, ['KDC_ERR_C_PRINCIPAL_UNKNOWN', 'no such user']],
  [7, ['KDC_ERR_S_PRINCIPAL_UNKNOWN', 'no such service']],
  [12, ['KDC_ERR_POLICY', 'the policy of the KDC refuses it']],
  [14, ['KDC_ERR_ETYPE_NOSUPP', 'no encryption type that both sides have']],
  [18, ['KDC_ERR_CLIENT_REVOKED', 'the account is disabled or locked']],
  [23, ['KDC_ERR_KEY_EXPIRED', 'the password has expired']],
  [24, ['KDC_ERR_PREAUTH_FAILED', 'the password or key is wrong']],
  [25, ['KDC_ERR_PREAUTH_REQUIRED', 'the KDC wants proof of the password first']],
  [31, ['KRB_AP_ERR_BAD_INTEGRITY', 'the ticket does not decrypt: made with another key of the service']],
  [32, ['KRB_AP_ERR_TKT_EXPIRED', 'the ticket has expired']],
  [33, ['KRB_AP_ERR_TKT_NYV', 'the ticket is not valid yet: compare the clocks']],
  [34, ['KRB_AP_ERR_REPEAT', 'the request was seen before']],
  [35, ['KRB_AP_ERR_NOT_US', 'the ticket is for another service']],
  [36, ['KRB_AP_ERR_BADMATCH', 'ticket and authenticator name different clients']],
  [37, ['KRB_AP_ERR_SKEW', 'the clocks differ by too much']],
  [39, ['KRB_AP_ERR_BADVERSION', 'the protocol version differs']],
  [41, ['KRB_AP_ERR_MODIFIED', 'the ticket does not decrypt: the name belongs to another account, or its key changed']],
  [44, ['KRB_AP_ERR_BADKEYVER', 'the service has no key of that version']],
  [45, ['KRB_AP_ERR_NOKEY', 'the service has no key for the ticket']],
  [50, ['KRB_AP_ERR_INAPP_CKSUM', 'a checksum of a kind that does not do']],
  [52, ['KRB_ERR_RESPONSE_TOO_BIG', 'the answer needs TCP']],
  [60, ['KRB_ERR_GENERIC', 'a reason that is not told']],
  [68, ['KDC_ERR_WRONG_REALM', 'the user belongs to another realm']],
]);

/** `Kerberos error 37, KRB_AP_ERR_SKEW (the clocks differ by too much)`. */
export function kerberosErrorWords(code: number): string {
  const [name, words] = KERBEROS_ERRORS.get(code) ?? [null, null];
  return `Kerberos error ${code}${name === null ? '' : `, ${name} (${words})`}`;
}

/** KRB-ERROR (RFC 4120 5.9.1). */
export interface KrbError {
  readonly code: number;
  /** The peer's clock, in ms since 1970. */
  readonly serverTime: number | null;
  readonly clientRealm: string;
  readonly text: string;
  readonly data: Uint8Array | null;
}

export function readKrbError(bytes: Uint8Array): KrbError | null {
  const fields = fieldsOf(bytes, 30);
  const code = fields === null ? null : integerOf(derField(fields, 0xa6));
  if (fields === null || code === null) return null;
  return {
    code,
    serverTime: timeOf(textOf(derField(fields, 0xa4))),
    clientRealm: textOf(derField(fields, 0xa7)),
    text: textOf(derField(fields, 0xab)),
    data: derField(fields, 0xac)?.content.slice() ?? null,
  };
}

/** A KRB-ERROR of a service. */
export function writeKrbError(code: number, now: number, realm: string, service: readonly string[]): Uint8Array {
  return application(
    30,
    field(0, integer(5)),
    field(1, integer(30)),
    field(4, time(now)),
    field(5, integer((now % 1000) * 1000)),
    field(6, integer(code)),
    field(9, string(realm)),
    field(10, principal({ type: 2, parts: service })),
  );
}

/** What an error says of clocks, with the size of the difference; empty for others. */
export function skewWords({ code, serverTime }: KrbError, now: number): string {
  if (code !== 37 || serverTime === null) return '';
  const seconds = Math.round((serverTime - now) / 1000);
  return `: its clock is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead of'} ours`;
}
