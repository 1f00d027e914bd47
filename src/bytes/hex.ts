const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Two lower-case hex digits of a byte. */
export function hexByte(value: number): string {
  return PAIRS[value & 0xff] as string;
}

/** Lower-case hex of bytes `start` to `end`, without separators. */
export function toHex(u8: Uint8Array, start = 0, end = u8.length): string {
  let text = '';
  for (let i = start; i < end; i++) text += PAIRS[u8[i] as number];
  return text;
}

/** `0x` and eight digits, as HRESULTs and status codes are written. */
export function hex32(value: number): string {
  return '0x' + (value >>> 0).toString(16).padStart(8, '0');
}

/** A 64-bit identifier of zeros: no OXID, OID or SETID. */
export const HEX64_NULL = '0x0000000000000000';

/** `0x` and sixteen digits, as OXIDs and OIDs are written. */
export function hex64(value: bigint): string {
  return '0x' + BigInt.asUintN(64, value).toString(16).padStart(16, '0');
}

/** The sixteen hex digits of a 64-bit identifier given as two 32-bit halves; no bigint is made. */
export function hex64Of(high: number, low: number): string {
  return String.fromCharCode(
    0x30,
    0x78,
    digit(high >>> 28),
    digit(high >>> 24),
    digit(high >>> 20),
    digit(high >>> 16),
    digit(high >>> 12),
    digit(high >>> 8),
    digit(high >>> 4),
    digit(high),
    digit(low >>> 28),
    digit(low >>> 24),
    digit(low >>> 20),
    digit(low >>> 16),
    digit(low >>> 12),
    digit(low >>> 8),
    digit(low >>> 4),
    digit(low),
  );
}

/**
 * Character code of the hexadecimal digit in the low four bits. Texts made of codes are in one piece, where `+` makes
 * trees of parts.
 */
export function digit(value: number): number {
  const low = value & 15;
  return low < 10 ? 0x30 + low : 0x57 + low;
}

/** Bytes of a hex text (white space ignored); null when it is not hex. */
export function fromHex(text: string): Uint8Array | null {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) return null;
  const out = new Uint8Array(digits.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return out;
}
