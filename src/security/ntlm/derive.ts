import { concat, des, desl, equal, hmacMd5, md4, md5, utf16, latin1 } from '../crypto.js';
import { Rc4 } from '../rc4.js';
import { NTLM, type Authenticate, type Challenge } from './messages.js';
import { upperCase, upperCases } from './uppercase.js';

/** LMOWFv1 ([MS-NLMP] 3.3.1): the LM hash of a password. */
export function lmHash(password: string): Uint8Array {
  const key = new Uint8Array(14);
  key.set(latin1(upperCase(password)).subarray(0, 14));
  const text = latin1('KGS!@#$%');
  return concat(des(key.subarray(0, 7), text), des(key.subarray(7), text));
}

/** What is known of a password: its NT hash and, where the password itself is known, its LM hash. */
export interface Hashes {
  readonly nt: Uint8Array;
  readonly lm: Uint8Array | null;
}

/** NTOWFv2 ([MS-NLMP] 3.3.2) from the NT hash. */
export function ntowf2(hash: Uint8Array, user: string, domain: string): Uint8Array {
  return hmacMd5(hash, utf16(upperCase(user) + domain));
}

/**
 * What NTOWFv2 may be by the clients that there are: with upper case by an older table, and with the domain that was
 * sent or, as older clients made it, with none.
 */
function ntowf2s(hash: Uint8Array, user: string, domain: string): readonly Uint8Array[] {
  const domains = domain === '' ? [''] : [domain, ''];
  return domains.flatMap((one) => upperCases(user).map((upper) => hmacMd5(hash, utf16(upper + one))));
}

/** What a message proves of a hash: the session's exported key, or null when the response was made with another. */
interface Proof {
  readonly version: 1 | 2;
  readonly exportedKey: Uint8Array;
}

/** Checks a response against an NT hash, and derives the exported session key ([MS-NLMP] 3.3, 3.4.5.1). */
export function prove({ nt: hash, lm }: Hashes, challenge: Challenge, answer: Authenticate): Proof | null {
  if (answer.ntResponse.length > 24) {
    const given = answer.ntResponse.subarray(0, 16);
    for (const key of ntowf2s(hash, answer.user, answer.domain)) {
      if (equal(hmacMd5(key, challenge.serverChallenge, answer.ntResponse.subarray(16)), given))
        return { version: 2, exportedKey: exported(hmacMd5(key, given), answer) };
    }
    return null;
  }
  if (answer.ntResponse.length !== 24) return null;
  const extended = (answer.flags & NTLM.extendedSessionSecurity) !== 0;
  const client = answer.lmResponse.subarray(0, 8);
  const expected = desl(
    hash,
    extended ? md5(challenge.serverChallenge, client).subarray(0, 8) : challenge.serverChallenge,
  );
  if (!equal(expected, answer.ntResponse)) return null;
  const base = md4(hash);
  return { version: 1, exportedKey: exported(keyExchangeKey(base, lm, challenge, answer), answer) };
}

/**
 * Exported session keys that a response may stand for where its challenge is not known: NTLMv2 needs none of it
 * ([MS-NLMP] 3.3.2), NTLMv1 only with extended session security. The first signature proves one.
 */
export function unprovedKeys({ nt, lm }: Hashes, answer: Authenticate): readonly Uint8Array[] {
  if (answer.ntResponse.length > 24) {
    const proof = answer.ntResponse.subarray(0, 16);
    return ntowf2s(nt, answer.user, answer.domain).map((key) => exported(hmacMd5(key, proof), answer));
  }
  if (answer.ntResponse.length !== 24 || (answer.flags & NTLM.extendedSessionSecurity) !== 0) return [];
  return [exported(keyExchangeKey(md4(nt), lm, { serverChallenge: new Uint8Array(8) }, answer), answer)];
}

/** Exported session key of a null session ([MS-NLMP] 3.2.5.1.2): nobody logs on, and no secret is needed. */
export function nullSessionKey(answer: Authenticate): Uint8Array | null {
  return isAnonymous(answer) ? exported(new Uint8Array(16), answer) : null;
}

/** Whether an AUTHENTICATE_MESSAGE is of nobody. */
export function isAnonymous({ user, ntResponse, lmResponse }: Authenticate): boolean {
  return user === '' && ntResponse.length === 0 && lmResponse.length <= 1;
}

/**
 * KXKEY for NTLMv1 ([MS-NLMP] 3.4.5.1). Two of its forms need the LM hash; without it they give the plain one, whose
 * signatures will not hold.
 */
export function keyExchangeKey(
  sessionBaseKey: Uint8Array,
  lm: Uint8Array | null,
  challenge: Pick<Challenge, 'serverChallenge'>,
  { flags, lmResponse }: Pick<Authenticate, 'flags' | 'lmResponse'>,
): Uint8Array {
  if ((flags & NTLM.extendedSessionSecurity) !== 0)
    return hmacMd5(sessionBaseKey, challenge.serverChallenge, lmResponse.subarray(0, 8));
  if (lm === null) return sessionBaseKey;
  if ((flags & NTLM.lmKey) !== 0) {
    const block = lmResponse.subarray(0, 8);
    return concat(des(lm.subarray(0, 7), block), des(concat(lm.subarray(7, 8), new Uint8Array(6).fill(0xbd)), block));
  }
  return (flags & NTLM.nonNtKey) === 0 ? sessionBaseKey : concat(lm.subarray(0, 8), new Uint8Array(8));
}

function exported(exchangeKey: Uint8Array, { flags, encryptedKey }: Authenticate): Uint8Array {
  return (flags & NTLM.keyExchange) !== 0 && encryptedKey.length === 16
    ? new Rc4(exchangeKey).of(encryptedKey)
    : exchangeKey;
}

const MAGIC = {
  signClient: latin1('session key to client-to-server signing key magic constant\0'),
  signServer: latin1('session key to server-to-client signing key magic constant\0'),
  sealClient: latin1('session key to client-to-server sealing key magic constant\0'),
  sealServer: latin1('session key to server-to-client sealing key magic constant\0'),
};

/** SIGNKEY ([MS-NLMP] 3.4.5.2); null without extended session security, which signs with a CRC. */
export function signKey(flags: number, exportedKey: Uint8Array, client: boolean): Uint8Array | null {
  return (flags & NTLM.extendedSessionSecurity) === 0
    ? null
    : md5(exportedKey, client ? MAGIC.signClient : MAGIC.signServer);
}

/** SEALKEY ([MS-NLMP] 3.4.5.3). */
export function sealKey(flags: number, exportedKey: Uint8Array, client: boolean): Uint8Array {
  if ((flags & NTLM.extendedSessionSecurity) !== 0) {
    return md5(exportedKey.subarray(0, keyBytes(flags)), client ? MAGIC.sealClient : MAGIC.sealServer);
  }
  if ((flags & NTLM.lmKey) === 0) return exportedKey;
  return (flags & NTLM.bits56) !== 0
    ? concat(exportedKey.subarray(0, 7), Uint8Array.of(0xa0))
    : concat(exportedKey.subarray(0, 5), Uint8Array.of(0xe5, 0x38, 0xb0));
}

/** Bytes of the exported key that sealing uses. */
function keyBytes(flags: number): number {
  if ((flags & NTLM.bits128) !== 0) return 16;
  return (flags & NTLM.bits56) !== 0 ? 7 : 5;
}

/** MIC of an AUTHENTICATE_MESSAGE ([MS-NLMP] 3.1.5.1.2): over all three messages, its own field zero. */
export function micOf(
  exportedKey: Uint8Array,
  negotiate: Uint8Array,
  challenge: Uint8Array,
  authenticate: Uint8Array,
  micAt: number,
): Uint8Array {
  const blank = authenticate.slice();
  blank.fill(0, micAt, micAt + 16);
  return hmacMd5(exportedKey, negotiate, challenge, blank);
}
