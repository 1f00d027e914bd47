import { createDecipheriv, createHmac } from 'node:crypto';
import { concat, latin1, sha512 } from '../crypto.js';

/** Ciphers of SMB2_ENCRYPTION_CAPABILITIES ([MS-SMB2] 2.2.3.1.2), by number. */
export const CIPHERS: Readonly<Record<number, Cipher>> = {
  1: { name: 'AES-128-CCM', algorithm: 'aes-128-ccm', keyBytes: 16, nonceBytes: 11 },
  2: { name: 'AES-128-GCM', algorithm: 'aes-128-gcm', keyBytes: 16, nonceBytes: 12 },
  3: { name: 'AES-256-CCM', algorithm: 'aes-256-ccm', keyBytes: 32, nonceBytes: 11 },
  4: { name: 'AES-256-GCM', algorithm: 'aes-256-gcm', keyBytes: 32, nonceBytes: 12 },
};

export interface Cipher {
  readonly name: string;
  readonly algorithm: 'aes-128-ccm' | 'aes-128-gcm' | 'aes-256-ccm' | 'aes-256-gcm';
  readonly keyBytes: 16 | 32;
  readonly nonceBytes: number;
}

/** The keys of a session's two directions, and the cipher they are for. */
export interface CipherKeys {
  readonly cipher: Cipher;
  readonly fromClient: Uint8Array;
  readonly fromServer: Uint8Array;
}

/** SMB 3.1.1, whose keys depend on how the connection and the session were negotiated. */
export const SMB311 = 0x0311;
/** The first dialects that encrypt: SMB 3.0 and 3.0.2. */
const SMB30 = 0x0300;
/** Where TRANSFORM_HEADER has what ([MS-SMB2] 2.2.41). */
const TRANSFORM = { tag: 4, nonce: 20, size: 36, bytes: 52 } as const;

/** SHA-512 of a hash so far and one more message: the preauthentication integrity hash ([MS-SMB2] 3.1.4.4.1). */
export function integrityHash(hash: Uint8Array, message: Uint8Array): Uint8Array {
  return sha512(hash, message);
}

/** SP800-108 in counter mode with HMAC-SHA256 ([MS-SMB2] 3.1.4.2): up to 32 bytes, which is one round. */
export function derivedKey(key: Uint8Array, label: string, context: Uint8Array, bytes: number): Uint8Array {
  const bits = bytes * 8;
  return createHmac('sha256', key)
    .update(Uint8Array.of(0, 0, 0, 1))
    .update(latin1(label))
    .update(Uint8Array.of(0))
    .update(context)
    .update(Uint8Array.of(0, 0, bits >>> 8, bits & 0xff))
    .digest()
    .subarray(0, bytes);
}

/**
 * Keys of a session ([MS-SMB2] 3.2.5.3.1) from the key of its security context; null where the dialect has none, or the
 * hash that they depend on is not known. Keys of 128 bits are made of 16 bytes, those of 256 of all there are.
 */
export function cipherKeys(
  dialect: number,
  cipher: Cipher,
  contextKey: Uint8Array,
  hash: Uint8Array | null,
): CipherKeys | null {
  if (dialect < SMB30) return null;
  const session = new Uint8Array(16);
  session.set(contextKey.subarray(0, 16));
  const key = cipher.keyBytes === 32 && contextKey.length > 16 ? contextKey : session;
  if (dialect >= SMB311) {
    if (hash === null) return null;
    return {
      cipher,
      fromClient: derivedKey(key, 'SMBC2SCipherKey\0', hash, cipher.keyBytes),
      fromServer: derivedKey(key, 'SMBS2CCipherKey\0', hash, cipher.keyBytes),
    };
  }
  return {
    cipher,
    fromClient: derivedKey(key, 'SMB2AESCCM\0', latin1('ServerIn \0'), cipher.keyBytes),
    fromServer: derivedKey(key, 'SMB2AESCCM\0', latin1('ServerOut\0'), cipher.keyBytes),
  };
}

/** Opens a message with the key of its direction; null where its signature does not hold, or it is cut. */
export function openSealed(
  { algorithm, keyBytes, nonceBytes }: Cipher,
  key: Uint8Array,
  message: Uint8Array,
): Uint8Array | null {
  if (message.length <= TRANSFORM.bytes || key.length !== keyBytes) return null;
  const sealed = message.subarray(TRANSFORM.bytes);
  const nonce = message.subarray(TRANSFORM.nonce, TRANSFORM.nonce + nonceBytes);
  const about = message.subarray(TRANSFORM.nonce, TRANSFORM.bytes);
  const options = { authTagLength: 16 };
  try {
    const decipher =
      algorithm === 'aes-128-ccm' || algorithm === 'aes-256-ccm'
        ? createDecipheriv(algorithm, key, nonce, options)
        : createDecipheriv(algorithm, key, nonce, options);
    decipher.setAuthTag(message.subarray(TRANSFORM.tag, TRANSFORM.tag + 16));
    decipher.setAAD(about, { plaintextLength: sealed.length });
    return concat(decipher.update(sealed), decipher.final());
  } catch {
    // What says that the signature does not hold.
    return null;
  }
}
