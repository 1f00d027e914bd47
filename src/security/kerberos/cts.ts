import { createCipheriv, createDecipheriv } from 'node:crypto';

const BLOCK = 16;
const ZERO = new Uint8Array(BLOCK);

function cbc(key: Uint8Array, data: Uint8Array): Uint8Array {
  return createCipheriv(`aes-${key.length * 8}-cbc`, key, ZERO)
    .setAutoPadding(false)
    .update(data);
}

/**
 * AES in CBC mode with ciphertext stealing and an initial vector of zeros (RFC 3962 5): at least one block of any
 * length. OpenSSL 3 in Node offers none.
 */
export function ctsEncrypt(key: Uint8Array, data: Uint8Array): Uint8Array {
  if (data.length <= BLOCK) return cbc(key, padded(data));
  const whole = cbc(key, padded(data));
  const out = new Uint8Array(data.length);
  const last = whole.length - BLOCK;
  // The last two blocks change places, and the one that is now last is cut.
  out.set(whole.subarray(0, last - BLOCK));
  out.set(whole.subarray(last), last - BLOCK);
  out.set(whole.subarray(last - BLOCK, last - BLOCK + data.length - last), last);
  return out;
}

/** The reverse; `data` has at least one block. */
export function ctsDecrypt(key: Uint8Array, data: Uint8Array): Uint8Array {
  const ecb = createDecipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  if (data.length <= BLOCK) return ecb.update(data);
  const last = Math.floor((data.length - 1) / BLOCK) * BLOCK;
  const tail = data.length - last;
  const swapped = ecb.update(data.subarray(last - BLOCK, last));
  const final = new Uint8Array(BLOCK);
  final.set(data.subarray(last));
  final.set(swapped.subarray(tail), tail);
  const whole = new Uint8Array(last + BLOCK);
  whole.set(data.subarray(0, last - BLOCK));
  whole.set(final, last - BLOCK);
  whole.set(data.subarray(last - BLOCK, last), last);
  return createDecipheriv(`aes-${key.length * 8}-cbc`, key, ZERO)
    .setAutoPadding(false)
    .update(whole)
    .subarray(0, data.length);
}

function padded(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(Math.ceil(data.length / BLOCK) * BLOCK);
  out.set(data);
  return out;
}
