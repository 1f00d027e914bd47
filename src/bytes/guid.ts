import { digit } from './hex.js';

/**
 * Slots of the text cache: a session repeats its GUIDs (causality ids, the IPIDs of its objects), and text costs more
 * than a look-up, the more so as a table that is asked for it has to flatten and hash it first. 65,536 slots hold
 * 10,000 objects with few collisions. Filled in one go: a function asked for each slot costs 4 ms of every start.
 */
const CACHE_SIZE = 65_536;
const cacheWords = new Uint32Array(CACHE_SIZE * 4);
const cacheText: (string | null)[] = Array<string | null>(CACHE_SIZE).fill(null);

/**
 * Lower-case text of the 16-byte GUID at absolute position `at`; the caller has checked the bounds.
 * The first three fields follow the data representation, the last eight bytes never do ([C706] A.1).
 */
export function guidAt(view: DataView, at: number, littleEndian: boolean): string {
  const a = view.getUint32(at, littleEndian);
  const b = view.getUint16(at + 4, littleEndian);
  const c = view.getUint16(at + 6, littleEndian);
  const d = view.getUint32(at + 8);
  const e = view.getUint32(at + 12);
  const bc = ((b << 16) | c) >>> 0;
  const slot = (Math.imul(a ^ bc, 0x9e3779b1) ^ Math.imul(d ^ (e >>> 3), 0x85ebca6b)) >>> 16;
  const w = slot * 4;
  const known = cacheText[slot];
  if (
    known != null &&
    cacheWords[w] === a &&
    cacheWords[w + 1] === bc &&
    cacheWords[w + 2] === d &&
    cacheWords[w + 3] === e
  )
    return known;
  const text = textOf(a, b, c, d, e);
  cacheWords[w] = a;
  cacheWords[w + 1] = bc;
  cacheWords[w + 2] = d;
  cacheWords[w + 3] = e;
  cacheText[slot] = text;
  return text;
}

/** Where the bytes of a GUID stand in its text, and where they stand little-endian. */
const PLACES: readonly number[] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const SWAPPED: readonly number[] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
const DASHES: readonly number[] = [8, 13, 18, 23];

/** The 16 bytes of a GUID's text (with or without braces), or null when it is not one. */
export function guidBytes(text: string, littleEndian: boolean): Uint8Array | null {
  const trimmed = text.length === 36 ? text : text.trim().replace(/^\{(.*)\}$/s, '$1');
  if (trimmed.length !== 36) return null;
  for (const at of DASHES) if (trimmed.charCodeAt(at) !== DASH) return null;
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) {
    const at = PLACES[i] as number;
    const value = (nibble(trimmed.charCodeAt(at)) << 4) | nibble(trimmed.charCodeAt(at + 1));
    if (value < 0) return null;
    bytes[littleEndian ? (SWAPPED[i] as number) : i] = value;
  }
  return bytes;
}

/** Value of a hexadecimal digit by its character code; negative when it is none. */
function nibble(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const low = code | 0x20;
  return low >= 0x61 && low <= 0x66 ? low - 0x57 : -0x100;
}

export const GUID_NULL = '00000000-0000-0000-0000-000000000000';

const DASH = 0x2d;

/** In one piece: a text put together from parts is a tree of them, which the cache would keep. */
function textOf(a: number, b: number, c: number, d: number, e: number): string {
  return String.fromCharCode(
    digit(a >>> 28),
    digit(a >>> 24),
    digit(a >>> 20),
    digit(a >>> 16),
    digit(a >>> 12),
    digit(a >>> 8),
    digit(a >>> 4),
    digit(a),
    DASH,
    digit(b >>> 12),
    digit(b >>> 8),
    digit(b >>> 4),
    digit(b),
    DASH,
    digit(c >>> 12),
    digit(c >>> 8),
    digit(c >>> 4),
    digit(c),
    DASH,
    digit(d >>> 28),
    digit(d >>> 24),
    digit(d >>> 20),
    digit(d >>> 16),
    DASH,
    digit(d >>> 12),
    digit(d >>> 8),
    digit(d >>> 4),
    digit(d),
    digit(e >>> 28),
    digit(e >>> 24),
    digit(e >>> 20),
    digit(e >>> 16),
    digit(e >>> 12),
    digit(e >>> 8),
    digit(e >>> 4),
    digit(e),
  );
}
