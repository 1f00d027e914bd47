import { createCipheriv, createHash, hash } from 'node:crypto';
import md4Of from 'js-md4';
import { concat as joined } from '../bytes/concat.js';

/** Hashes and ciphers of the mechanisms, as functions over bytes. */

export function md4(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(md4Of.arrayBuffer(bytes));
}

/** NTOWFv1 ([MS-NLMP] 3.3.1): the NT hash of a password. */
export function ntHash(password: string): Uint8Array {
  return md4(utf16(password));
}

export function md5(...parts: readonly Uint8Array[]): Uint8Array {
  return digestOf('md5', parts);
}

/** SHA-512 over all parts. */
export function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  return digestOf('sha512', parts);
}

/** A hash of parts one behind another; short ones in one go. */
function digestOf(algorithm: 'md5' | 'sha512', parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length > SCRATCH.length) {
    const made = createHash(algorithm);
    for (const part of parts) made.update(part);
    return made.digest();
  }
  let at = 0;
  for (const part of parts) {
    SCRATCH.set(part, at);
    at += part.length;
  }
  return hash(algorithm, SCRATCH.subarray(0, at), 'buffer');
}

export function hmacMd5(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 64);
  const inner = length <= SCRATCH.length ? SCRATCH : new Uint8Array(length);
  const outer = OUTER;
  const short = key.length > 64 ? md5(key) : key;
  for (let i = 0; i < 64; i++) {
    const byte = short[i] ?? 0;
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  let at = 64;
  for (const part of parts) {
    inner.set(part, at);
    at += part.length;
  }
  outer.set(hash('md5', inner.subarray(0, at), 'buffer'), 64);
  return hash('md5', outer, 'buffer');
}

/**
 * Memory for one hash or HMAC at a time: two hashes in one go each take a third of the time of an Hmac object, and every
 * PDU needs one.
 */
const SCRATCH = new Uint8Array(8192);
const OUTER = new Uint8Array(80);

/**
 * DES of one block under a key of 7 bytes, whose parity bits are made here. Three equal keys make Triple DES the DES
 * that OpenSSL 3 keeps back.
 */
export function des(key7: Uint8Array, block: Uint8Array): Uint8Array {
  const key = new Uint8Array(8);
  for (let i = 0; i < 8; i++) {
    const high = i === 0 ? 0 : (key7[i - 1] as number) << (8 - i);
    const low = i === 7 ? 0 : (key7[i] as number) >>> i;
    key[i] = (high | low) & 0xfe;
  }
  const cipher = createCipheriv('des-ede3', Buffer.concat([key, key, key]), null).setAutoPadding(false);
  return cipher.update(block);
}

/** DESL of [MS-NLMP] 6: one block under three keys cut from 16 bytes. */
export function desl(key: Uint8Array, block: Uint8Array): Uint8Array {
  const last = new Uint8Array(7);
  last.set(key.subarray(14, 16));
  return concat(des(key.subarray(0, 7), block), des(key.subarray(7, 14), block), des(last, block));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return joined(parts);
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let differs = 0;
  for (let i = 0; i < a.length; i++) differs |= (a[i] as number) ^ (b[i] as number);
  return differs === 0;
}

/** UTF-16 little-endian bytes of a text. */
export function utf16(text: string): Uint8Array {
  const out = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    out[2 * i] = unit & 0xff;
    out[2 * i + 1] = unit >>> 8;
  }
  return out;
}

export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff);
}
