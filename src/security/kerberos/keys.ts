import { pbkdf2Sync } from 'node:crypto';
import { concat, latin1, ntHash } from '../crypto.js';
import { deriveSha1, deriveSha2, ETYPE, etypeName, nfold, type Key } from './etypes.js';

/** Iterations that a peer may ask for; docs/limits.md. */
export const MAX_ITERATIONS = 1 << 20;

interface Derivation {
  readonly size: number;
  readonly hash: 'sha1' | 'sha256' | 'sha384';
  readonly iterations: number;
}

const DERIVATIONS: Readonly<Record<number, Derivation>> = {
  [ETYPE.aes128Sha1]: { size: 16, hash: 'sha1', iterations: 4096 },
  [ETYPE.aes256Sha1]: { size: 32, hash: 'sha1', iterations: 4096 },
  [ETYPE.aes128Sha256]: { size: 16, hash: 'sha256', iterations: 32_768 },
  [ETYPE.aes256Sha384]: { size: 32, hash: 'sha384', iterations: 32_768 },
};

const KERBEROS = latin1('kerberos');

/**
 * The key of a password (string-to-key of RFC 3962 4, RFC 8009 4, RFC 4757 2); null for a type that is not known, or
 * more iterations than are believed. `params` are those of PA-ETYPE-INFO2: the iterations in four bytes.
 */
export function stringToKey(etype: number, password: string, salt: string, params: Uint8Array | null): Key | null {
  return keyOfSalt(etype, password, new TextEncoder().encode(salt), params);
}

/** The same with a salt of bytes. */
export function keyOfSalt(etype: number, password: string, salt: Uint8Array, params: Uint8Array | null): Key | null {
  if (etype === ETYPE.rc4) return { etype, value: ntHash(password) };
  const derivation = DERIVATIONS[etype];
  if (derivation === undefined) return null;
  const { size, hash } = derivation;
  const iterations =
    params?.length === 4 ? new DataView(params.buffer, params.byteOffset, 4).getUint32(0) : derivation.iterations;
  if (iterations === 0 || iterations > MAX_ITERATIONS) return null;
  const salted = hash === 'sha1' ? salt : concat(latin1(etypeName(etype)), Uint8Array.of(0), salt);
  const base = new Uint8Array(pbkdf2Sync(password, salted, iterations, size, hash));
  const value = hash === 'sha1' ? deriveSha1(base, nfold(KERBEROS, 16)) : deriveSha2(base, KERBEROS, size, hash);
  return { etype, value: new Uint8Array(value) };
}

/** A fresh key of a type. */
export function randomKey(etype: number, random: (size: number) => Uint8Array): Key {
  return { etype, value: random(DERIVATIONS[etype]?.size ?? 16) };
}
