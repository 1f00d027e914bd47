import { createHmac, randomBytes } from 'node:crypto';

/** A digest for pseudonyms; without a key one that nobody can make again. */
export function keyedDigest(key: string | null): (text: string) => Uint8Array {
  const secret = key ?? randomBytes(32);
  return (text) => createHmac('sha256', secret).update(text, 'utf8').digest();
}
