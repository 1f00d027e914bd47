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

/** `0x` and sixteen digits, as OXIDs and OIDs are written. */
export function hex64(value: bigint): string {
  return '0x' + BigInt.asUintN(64, value).toString(16).padStart(16, '0');
}

/** The sixteen hex digits of a 64-bit identifier given as two 32-bit halves; no bigint is made. */
export function hex64Of(high: number, low: number): string {
  return '0x' + (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0');
}

/** Bytes of a hex text (white space ignored); null when it is not hex. */
export function fromHex(text: string): Uint8Array | null {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) return null;
  const out = new Uint8Array(digits.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return out;
}
