import { fromHex } from '../bytes/hex.js';
import { WhereError } from '../where/error.js';
import { linearPattern } from '../where/pattern.js';

/** What a search looks for: words, a pattern, or bytes. */
export interface Query {
  readonly text: string;
  /** Whether it occurs in words; bytes never do. */
  readonly inText: (text: string) => boolean;
  /** Offset of its next occurrence in bytes at or after `from`; -1 where there is none. */
  readonly inBytes: (bytes: Uint8Array, from: number) => number;
}

/**
 * Reads what was typed after `/`: words in any case, in bytes as ASCII or UTF-16; `~pattern`, a regular expression as of
 * `--where`, in any case unless it has capitals; `#4d 5a`, bytes. @throws WhereError for a pattern that is none, and bytes that are none
 */
export function queryOf(text: string): Query {
  if (text.startsWith('#')) return bytesQuery(text);
  if (text.startsWith('~')) return patternQuery(text);
  const low = text.toLowerCase();
  const wide = low.length === 0 ? [] : [asciiOf(low), utf16Of(low)];
  return {
    text,
    inText: (words) => words.toLowerCase().includes(low),
    inBytes: (bytes, from) => nearest(wide.map((one) => find(bytes, one, from, true))),
  };
}

/** What is wrong with a search, or null. */
export function wrongQuery(text: string): string | null {
  try {
    queryOf(text);
    return null;
  } catch (error) {
    if (error instanceof WhereError) return error.explain(text);
    throw error;
  }
}

function bytesQuery(text: string): Query {
  const bytes = fromHex(text.slice(1).replace(/[\s:]/g, ''));
  if (bytes === null || bytes.length === 0) throw new WhereError('bytes are pairs of hexadecimal digits: #4d 5a 90', 1);
  return { text, inText: () => false, inBytes: (within, from) => find(within, bytes, from, false) };
}

function patternQuery(text: string): Query {
  const source = text.slice(1);
  const pattern = linearPattern(source, /[A-Z]/.test(source) ? 's' : 'is', 1);
  const decoder = new TextDecoder('latin1');
  return {
    text,
    inText: (words) => pattern.test(words),
    inBytes: (bytes, from) => pattern.find(decoder.decode(bytes), from),
  };
}

function nearest(offsets: readonly number[]): number {
  const found = offsets.filter((offset) => offset >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

function find(bytes: Uint8Array, wanted: Uint8Array, from: number, anyCase: boolean): number {
  if (wanted.length === 0) return -1;
  for (let at = from; at + wanted.length <= bytes.length; at++) {
    let same = 0;
    while (same < wanted.length && lower(bytes[at + same] ?? 0, anyCase) === wanted[same]) same++;
    if (same === wanted.length) return at;
  }
  return -1;
}

/** An ASCII letter in lower case; in UTF-16 its other byte is 0, which has none. */
function lower(byte: number, anyCase: boolean): number {
  return anyCase && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

function asciiOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function utf16Of(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at++) view.setUint16(at * 2, text.charCodeAt(at), true);
  return bytes;
}
