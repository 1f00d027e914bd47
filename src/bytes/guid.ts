import { fromHex, hexByte } from './hex.js';

/** Slots of the text cache: a session repeats few GUIDs (its causality id, its IPIDs), and text costs more than a look-up. */
const CACHE_SIZE = 1024;
const cacheWords = new Uint32Array(CACHE_SIZE * 4);
const cacheText: (string | null)[] = Array.from({ length: CACHE_SIZE }, () => null);

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
  const slot = (Math.imul(a ^ bc, 0x9e3779b1) ^ Math.imul(d ^ (e >>> 3), 0x85ebca6b)) >>> 22;
  const w = slot * 4;
  const known = cacheText[slot];
  if (known != null && cacheWords[w] === a && cacheWords[w + 1] === bc && cacheWords[w + 2] === d && cacheWords[w + 3] === e) return known;
  const text = word(a) + '-' + half(b) + '-' + half(c) + '-' + half(d >>> 16) + '-' + half(d & 0xffff) + word(e);
  cacheWords[w] = a;
  cacheWords[w + 1] = bc;
  cacheWords[w + 2] = d;
  cacheWords[w + 3] = e;
  cacheText[slot] = text;
  return text;
}

/** The 16 bytes of a GUID's text (with or without braces), or null when it is not one. */
export function guidBytes(text: string, littleEndian: boolean): Uint8Array | null {
  const match = /^\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?$/i.exec(text.trim());
  if (match === null) return null;
  const bytes = fromHex(match.slice(1).join(''));
  if (bytes !== null && littleEndian) {
    bytes.subarray(0, 4).reverse();
    bytes.subarray(4, 6).reverse();
    bytes.subarray(6, 8).reverse();
  }
  return bytes;
}

export const GUID_NULL = '00000000-0000-0000-0000-000000000000';

function half(value: number): string {
  return hexByte(value >>> 8) + hexByte(value);
}

function word(value: number): string {
  return hexByte(value >>> 24) + hexByte(value >>> 16) + hexByte(value >>> 8) + hexByte(value);
}
