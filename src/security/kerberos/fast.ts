import { createHash, createHmac } from 'node:crypto';
import { concat, latin1 } from '../crypto.js';
import { derField, readDer } from '../der.js';
import { ctsEncrypt } from './cts.js';
import { decrypt, deriveSha1, ETYPE, type Key } from './etypes.js';
import { readEncrypted, readKey } from './messages.js';

/** Key usage of what a KDC armors (RFC 6113 5.4.3). */
const FAST_REPLY = 52;
const SIZES: Readonly<Record<number, number>> = { 17: 16, 18: 32, 19: 16, 20: 32, 23: 16 };

/** The pseudo-random function of an encryption type (RFC 3962 4, RFC 8009 5, RFC 4757 via RFC 6113); null: not known. */
function prf({ etype, value }: Key, text: Uint8Array): Uint8Array | null {
  switch (etype) {
    case ETYPE.aes128Sha1:
    case ETYPE.aes256Sha1:
      return ctsEncrypt(deriveSha1(value, latin1('prf')), createHash('sha1').update(text).digest().subarray(0, 16));
    case ETYPE.aes128Sha256:
      return prfSha2(value, text, 'sha256', 32);
    case ETYPE.aes256Sha384:
      return prfSha2(value, text, 'sha384', 48);
    case ETYPE.rc4:
      return createHmac('sha1', value).update(text).digest();
    default:
      return null;
  }
}

function prfSha2(key: Uint8Array, text: Uint8Array, hash: 'sha256' | 'sha384', size: number): Uint8Array {
  const input = concat(
    Uint8Array.of(0, 0, 0, 1),
    latin1('prf'),
    Uint8Array.of(0),
    text,
    Uint8Array.of(0, 0, (size * 8) >>> 8, (size * 8) & 0xff),
  );
  return createHmac(hash, key).update(input).digest().subarray(0, size);
}

/** PRF+ of RFC 6113 5.1. */
function prfPlus(key: Key, pepper: Uint8Array, size: number): Uint8Array | null {
  const out = new Uint8Array(size);
  for (let at = 0, count = 1; at < size; count++) {
    const piece = prf(key, concat(Uint8Array.of(count), pepper));
    if (piece === null) return null;
    out.set(piece.subarray(0, size - at), at);
    at += piece.length;
  }
  return out;
}

/** KRB-FX-CF2 (RFC 6113 5.1): one key of two, of the type of the first. */
export function combined(first: Key, second: Key, pepper1: string, pepper2: string): Key | null {
  const size = SIZES[first.etype] ?? 0;
  const [a, b] = [prfPlus(first, latin1(pepper1), size), prfPlus(second, latin1(pepper2), size)];
  return a === null || b === null || size === 0
    ? null
    : { etype: first.etype, value: a.map((byte, i) => byte ^ (b[i] ?? 0)) };
}

/**
 * The key of a TGS-REP that is armored by its own request (RFC 6113 5.4.2): the subkey, strengthened by what the armor
 * holds. `armored` is the value of PA-FX-FAST in the reply; null where it does not open.
 */
export function strengthened(sessionKey: Key, subkey: Key, armored: Uint8Array): Key | null {
  const armor = combined(subkey, sessionKey, 'subkeyarmor', 'ticketarmor');
  const choice = readDer(armored);
  const reply = choice?.tag === 0xa0 ? readDer(choice.content) : null;
  const sealed = reply === null ? null : readEncrypted(derField(reply.content, 0xa0));
  const plain = armor === null || sealed === null ? null : decrypt(armor, FAST_REPLY, sealed.cipher);
  const response = plain === null ? null : readDer(plain);
  if (response === null) return null;
  const strengthen = readKey(derField(response.content, 0xa1));
  return strengthen === null ? subkey : combined(strengthen, subkey, 'strengthenkey', 'replykey');
}
