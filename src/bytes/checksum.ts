/** Adds bytes to the sum of an Internet checksum (RFC 1071), an odd last one filled up with zero. */
export function addWords(sum: number, bytes: Uint8Array): number {
  let total = sum;
  for (let i = 0; i < bytes.length; i += 2) total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  return total;
}

/** The checksum of a sum: its complement, carries added back. */
export function checksumOf(sum: number): number {
  let total = sum;
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return ~total & 0xffff;
}
