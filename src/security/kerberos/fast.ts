import { createHash, createHmac } from 'node:crypto';
import { concat, latin1 } from '../crypto.js';
import { derField, readDer } from '../der.js';
import { integerOf } from './asn1.js';
import { ctsEncrypt } from './cts.js';
import { decrypt, deriveSha1, ETYPE, type Key } from './etypes.js';
import { readEncrypted, readKey } from './messages.js';

/** Key usage of what a KDC armors (RFC 6113 5.4.3). */
const FAST_REPLY = 52;
const FX_FAST_ARMOR_AP_REQUEST = 1;
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

/** The key of an armor: of the session and the subkey of an AP-REQ (RFC 6113 5.4.1.1, and 5.4.2 of a TGS-REQ's own). */
export function armorOf(sessionKey: Key, subkey: Key): Key | null {
  return combined(subkey, sessionKey, 'subkeyarmor', 'ticketarmor');
}

/** What an armored reply holds of use: KrbFastResponse (RFC 6113 5.4.3). */
export interface FastReply {
  /** Content of its list of PA-DATA. */
  readonly padata: Uint8Array;
  /** What strengthens the key of the reply; null where it stays as it is. */
  readonly strengthen: Key | null;
}

/** Opens the value of PA-FX-FAST in a reply; null where the armor's key is not that. */
export function openFast(armor: Key, armored: Uint8Array): FastReply | null {
  const choice = readDer(armored);
  const reply = choice?.tag === 0xa0 ? readDer(choice.content) : null;
  const sealed = reply === null ? null : readEncrypted(derField(reply.content, 0xa0));
  const plain = sealed === null ? null : decrypt(armor, FAST_REPLY, sealed.cipher);
  const response = plain === null ? null : readDer(plain);
  return response === null
    ? null
    : {
        padata: derField(response.content, 0xa0)?.content ?? new Uint8Array(0),
        strengthen: readKey(derField(response.content, 0xa1)),
      };
}

/** The key of an armored reply, of that which it would have without armor (RFC 6113 5.4.3). */
export function strengthened({ strengthen }: FastReply, key: Key): Key | null {
  return strengthen === null ? key : combined(strengthen, key, 'strengthenkey', 'replykey');
}

/** The AP-REQ by which the value of PA-FX-FAST in an AS-REQ says its armor (RFC 6113 5.4.1.1); null where it has none. */
export function armorIn(value: Uint8Array): Uint8Array | null {
  const choice = readDer(value);
  const request = choice?.tag === 0xa0 ? readDer(choice.content) : null;
  const armor = request === null ? null : derField(request.content, 0xa0);
  const type = armor === null ? null : integerOf(derField(armor.content, 0xa0));
  return armor === null || type !== FX_FAST_ARMOR_AP_REQUEST ? null : (derField(armor.content, 0xa1)?.content ?? null);
}
