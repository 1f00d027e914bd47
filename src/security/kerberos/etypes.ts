import { createHmac } from 'node:crypto';
import { concat, equal, hmacMd5, latin1, md5 } from '../crypto.js';
import { Rc4 } from '../rc4.js';
import { ctsDecrypt, ctsEncrypt } from './cts.js';

/** Encryption types (IANA): RFC 3962, RFC 8009, RFC 4757. */
export const ETYPE = { aes128Sha1: 17, aes256Sha1: 18, aes128Sha256: 19, aes256Sha384: 20, rc4: 23 } as const;

export interface Key {
  readonly etype: number;
  readonly value: Uint8Array;
}

const NAMES: Readonly<Record<number, string>> = {
  1: 'des-cbc-crc',
  3: 'des-cbc-md5',
  17: 'aes128-cts-hmac-sha1-96',
  18: 'aes256-cts-hmac-sha1-96',
  19: 'aes128-cts-hmac-sha256-128',
  20: 'aes256-cts-hmac-sha384-192',
  23: 'rc4-hmac',
  24: 'rc4-hmac-exp',
};

export function etypeName(etype: number): string {
  return NAMES[etype] ?? `etype ${etype}`;
}

interface Aes {
  readonly size: number;
  readonly mac: number;
  readonly hash: 'sha1' | 'sha256' | 'sha384';
}

const AES: Readonly<Record<number, Aes>> = {
  17: { size: 16, mac: 12, hash: 'sha1' },
  18: { size: 32, mac: 12, hash: 'sha1' },
  19: { size: 16, mac: 16, hash: 'sha256' },
  20: { size: 32, mac: 24, hash: 'sha384' },
};

/** Whether a type can be encrypted and decrypted with. */
export function isKnown(etype: number): boolean {
  return macSize(etype) !== null;
}

/** Bytes of the checksum that ends a ciphertext; null for a type that is not known. */
export function macSize(etype: number): number | null {
  return AES[etype]?.mac ?? (etype === ETYPE.rc4 ? 16 : null);
}

/** RFC 3961 5.1: a text spread over `size` bytes by rotating and adding its repetitions in ones' complement. */
export function nfold(text: Uint8Array, size: number): Uint8Array {
  const total = lcm(text.length, size);
  const out = new Uint8Array(size);
  const bits = text.length * 8;
  let carry = 0;
  for (let i = total - 1; i >= 0; i--) {
    const copy = Math.floor(i / text.length);
    // Bit of the text that the first bit of this byte comes from: each repetition is rotated right by 13 more.
    const from = ((((i % text.length) * 8 - 13 * copy) % bits) + bits) % bits;
    const high = text[Math.floor(from / 8)] as number;
    const low = text[(Math.floor(from / 8) + 1) % text.length] as number;
    carry += (((high << 8) | low) >> (8 - (from % 8))) & 0xff;
    carry += out[i % size] as number;
    out[i % size] = carry & 0xff;
    carry >>>= 8;
  }
  for (let i = size - 1; carry > 0 && i >= 0; i--) {
    carry += out[i] as number;
    out[i] = carry & 0xff;
    carry >>>= 8;
  }
  return out;
}

function lcm(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}

/** DK of RFC 3961 5.1 for AES, whose blocks have 16 bytes. */
export function deriveSha1(key: Uint8Array, constant: Uint8Array): Uint8Array {
  const first = ctsEncrypt(key, constant.length === 16 ? constant : nfold(constant, 16));
  return key.length === 16 ? first : concat(first, ctsEncrypt(key, first));
}

/** KDF-HMAC-SHA2 of RFC 8009 3. */
export function deriveSha2(key: Uint8Array, label: Uint8Array, size: number, hash: 'sha256' | 'sha384'): Uint8Array {
  return createHmac(hash, key)
    .update(
      concat(
        Uint8Array.of(0, 0, 0, 1),
        label,
        Uint8Array.of(0),
        Uint8Array.of(0, 0, (size * 8) >>> 8, (size * 8) & 0xff),
      ),
    )
    .digest()
    .subarray(0, size);
}

type Purpose = 0x99 | 0xaa | 0x55;

const derived = new WeakMap<Uint8Array, Map<string, Uint8Array>>();

/** The key for one usage and purpose (0xaa encryption, 0x55 integrity, 0x99 checksum), worked out once. */
function keyFor(key: Key, usage: number, purpose: Purpose): Uint8Array {
  const name = `${key.etype}/${usage}/${purpose}`;
  let known = derived.get(key.value);
  if (known === undefined) derived.set(key.value, (known = new Map()));
  const made = known.get(name);
  if (made !== undefined) return made;
  const label = Uint8Array.of(usage >>> 24, (usage >>> 16) & 0xff, (usage >>> 8) & 0xff, usage & 0xff, purpose);
  const { size, mac, hash } = AES[key.etype] as Aes;
  const value =
    hash === 'sha1' ? deriveSha1(key.value, label) : deriveSha2(key.value, label, purpose === 0xaa ? size : mac, hash);
  known.set(name, value);
  return value;
}

const RC4_USAGES: Readonly<Record<number, number>> = { 3: 8, 9: 8, 23: 13 };

/** RC4's usages: some are not those of RFC 4120 (RFC 4757 4). */
function rc4Usage(usage: number): Uint8Array {
  const mapped = RC4_USAGES[usage] ?? usage;
  return Uint8Array.of(mapped & 0xff, (mapped >>> 8) & 0xff, (mapped >>> 16) & 0xff, mapped >>> 24);
}

/**
 * A ciphertext and what its checksum covers besides: bytes signed in front of and behind the text, as GSS_WrapEx has
 * them.
 */
interface Surroundings {
  readonly before: Uint8Array;
  /** Bytes of the text after which `between` is signed; all of it when left out. */
  readonly split: number;
  readonly between: Uint8Array;
}

/**
 * Decrypts and checks (RFC 3961 5.3); the plain text without its confounder, or null where the checksum does not hold
 * or the type is not known.
 */
export function decrypt(
  key: Key,
  usage: number,
  cipher: Uint8Array,
  around: Surroundings | null = null,
): Uint8Array | null {
  const aes = AES[key.etype];
  if (aes === undefined) return key.etype === ETYPE.rc4 ? decryptRc4(key.value, usage, cipher) : null;
  if (key.value.length !== aes.size || cipher.length < 16 + aes.mac) return null;
  const body = cipher.subarray(0, cipher.length - aes.mac);
  const given = cipher.subarray(cipher.length - aes.mac);
  const plain = ctsDecrypt(keyFor(key, usage, 0xaa), body);
  return equal(macOf(key, usage, plain, body, around), given) ? new Uint8Array(plain.subarray(16)) : null;
}

/** Encrypts under a confounder of 16 bytes (8 for RC4). @throws Error for a type that is not known */
export function encrypt(
  key: Key,
  usage: number,
  plain: Uint8Array,
  confounder: Uint8Array,
  around: Surroundings | null = null,
): Uint8Array {
  const aes = AES[key.etype];
  if (aes === undefined) {
    if (key.etype !== ETYPE.rc4) throw new Error(`${etypeName(key.etype)} cannot be encrypted with`);
    const k1 = hmacMd5(key.value, rc4Usage(usage));
    const sum = hmacMd5(k1, confounder.subarray(0, 8), plain);
    return concat(sum, new Rc4(hmacMd5(k1, sum)).of(concat(confounder.subarray(0, 8), plain)));
  }
  const whole = concat(confounder, plain);
  const body = ctsEncrypt(keyFor(key, usage, 0xaa), whole);
  return concat(body, macOf(key, usage, whole, body, around));
}

function macOf(
  key: Key,
  usage: number,
  plain: Uint8Array,
  cipher: Uint8Array,
  around: Surroundings | null,
): Uint8Array {
  const { mac, hash } = AES[key.etype] as Aes;
  const ki = keyFor(key, usage, 0x55);
  // RFC 3961 signs the plain text, RFC 8009 the initial vector and the cipher text.
  const text = hash === 'sha1' ? plain : cipher;
  const sum = createHmac(hash, ki);
  if (hash !== 'sha1') sum.update(new Uint8Array(16));
  if (around === null) sum.update(text);
  else
    sum
      .update(text.subarray(0, 16))
      .update(around.before)
      .update(text.subarray(16, 16 + around.split))
      .update(around.between)
      .update(text.subarray(16 + around.split));
  return sum.digest().subarray(0, mac);
}

function decryptRc4(key: Uint8Array, usage: number, cipher: Uint8Array): Uint8Array | null {
  if (cipher.length < 24) return null;
  const k1 = hmacMd5(key, rc4Usage(usage));
  const sum = cipher.subarray(0, 16);
  const plain = new Rc4(hmacMd5(k1, sum)).of(cipher.subarray(16));
  return equal(hmacMd5(k1, plain), sum) ? plain.slice(8) : null;
}

/** Keyed checksum (RFC 3961 5.4); null for a type that is not known. */
export function checksum(key: Key, usage: number, ...parts: readonly Uint8Array[]): Uint8Array | null {
  // RFC 4757 4.
  if (key.etype === ETYPE.rc4)
    return hmacMd5(hmacMd5(key.value, latin1('signaturekey\0')), md5(rc4Usage(usage), ...parts));
  const aes = AES[key.etype];
  if (aes === undefined || key.value.length !== aes.size) return null;
  const sum = createHmac(aes.hash, keyFor(key, usage, 0x99));
  for (const part of parts) sum.update(part);
  return sum.digest().subarray(0, aes.mac);
}

const CHECKSUMS: Readonly<Record<number, number>> = { 17: 15, 18: 16, 19: 19, 20: 20, 23: -138 };

/** The checksum type that goes with an encryption type (IANA). */
export function checksumType(etype: number): number {
  return CHECKSUMS[etype] ?? 0;
}
