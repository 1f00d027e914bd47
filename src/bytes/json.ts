/** Quoted names of parameters and fields kept ready; past it they are quoted anew. */
export const MAX_CACHED_KEYS = 4096;

/** Memory for the records that are gathered before they are handed on. */
export const JSON_BYTES = 512 * 1024;
/** Below this length single characters cost less than a call into the buffer. */
const SHORT = 24;
/** Fewer bytes than this are copied one by one. */
const FEW = 32;
/** What goes into JSON as it stands, a byte for each character. */
const PLAIN = /^[ !#-[\]-~]*$/;
/** Characters above which text is looked at by the engine's own means instead of one by one. */
const SCAN = 48;
// oxlint-disable-next-line no-misleading-character-class -- lone surrogates are what is looked for
const ESCAPED = /["\\\u0000-\u001f\u007f-\u009f\u061c\u200b-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]/;
/** What JSON lets stand, and a terminal or an editor acts on: C1 controls, and marks that turn the direction of text. */
const ACTIVE = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** A text as a JSON string; lone surrogates, and whatever a terminal acts on, come out as `\uXXXX`. */
export function quote(text: string): string {
  const { length } = text;
  if (length > SCAN) return ESCAPED.test(text) ? jsonText(text) : '"' + text + '"';
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 32 || unit === 34 || unit === 92) return jsonText(text);
    if (unit >= 127) return ESCAPED.test(text) ? jsonText(text) : '"' + text + '"';
  }
  return '"' + text + '"';
}

/** Any value as JSON that is safe to print: the same value, in characters that nothing acts on. */
export function jsonText(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replace(
    ACTIVE,
    (unit) => '\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0'),
  );
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const DASH = 0x2d;
/** Two hexadecimal digits of a byte: the first in the low eight bits. */
const HEX = Uint16Array.from({ length: 256 }, (_, i) => digit(i >>> 4) | (digit(i & 15) << 8));
/** Where the bytes of a GUID stand that are written one after another, by byte order ([C706] A.1). */
const LITTLE = Uint8Array.of(3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15);
const BIG = Uint8Array.from({ length: 16 }, (_, i) => i);
/** 1 for the characters below 256 that do not go into JSON as they stand. */
const ODD = Uint8Array.from({ length: 256 }, (_, unit) =>
  unit < 32 || unit === 34 || unit === 92 || unit > 126 ? 1 : 0,
);

function digit(low: number): number {
  return low < 10 ? ZERO + low : 0x57 + low;
}

/** The UTF-8 of a text that is written again and again. */
export function fragment(text: string): Uint8Array {
  // Small ones share memory: as arrays of their own, tens of thousands of them would cost the collector more.
  return Buffer.from(text, 'utf8');
}

/** Decimal digits of an integer from 0 to 999,999,999. */
function digitsOf(value: number): number {
  if (value < 10_000) {
    if (value < 100) return value < 10 ? 1 : 2;
    return value < 1000 ? 3 : 4;
  }
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  if (value < 10_000_000) return 7;
  return value < 100_000_000 ? 8 : 9;
}

/**
 * JSON on its way out: UTF-8 in memory that is used again. What repeats from record to record is appended as the bytes
 * it was made of once: measured, 20 ns whatever its length, where a text is put together, flattened and encoded anew.
 */
export class JsonBytes {
  buffer: Buffer;
  /** Bytes so far. */
  at = 0;

  /** `size`: bytes of memory to begin with; it grows where one record is larger. */
  constructor(size = JSON_BYTES) {
    this.buffer = Buffer.allocUnsafeSlow(size);
  }

  /** Makes room for `count` bytes more. */
  reserve(count: number): void {
    if (this.buffer.length - this.at >= count) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + count));
    grown.set(this.buffer.subarray(0, this.at));
    this.buffer = grown;
  }

  /** What was appended from `from` on, as a text. */
  text(from = 0): string {
    return this.buffer.toString('utf8', from, this.at);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.buffer.length - this.at < length) this.reserve(length);
    const { buffer, at } = this;
    if (length < FEW) for (let i = 0; i < length; i++) buffer[at + i] = bytes[i] as number;
    else buffer.set(bytes, at);
    this.at = at + length;
  }

  byte(value: number): void {
    if (this.at >= this.buffer.length) this.reserve(1);
    this.buffer[this.at++] = value;
  }

  /** A text as it is, without quotes. */
  plain(text: string): void {
    const { length } = text;
    if (this.buffer.length - this.at < length * 3) this.reserve(length * 3);
    this.at += this.buffer.write(text, this.at, 'utf8');
  }

  /** A finite number as JavaScript writes it, and minus zero as 0. */
  number(value: number): void {
    if (value >= 0 && value < 1e9 && value === (value | 0)) this.decimal(value, digitsOf(value));
    else this.plain('' + value);
  }

  /** A non-negative integer in so many digits. */
  decimal(value: number, digits: number): void {
    if (this.buffer.length - this.at < digits) this.reserve(digits);
    const { buffer } = this;
    let left = value;
    for (let i = this.at + digits - 1; i >= this.at; i--) {
      const tens = (left / 10) | 0;
      buffer[i] = ZERO + left - tens * 10;
      left = tens;
    }
    this.at += digits;
  }

  /** A text as a JSON string: the UTF-8 of {@link quote}. */
  quoted(text: string): void {
    const { length } = text;
    if (this.buffer.length - this.at < length + 2) this.reserve(length + 2);
    const { buffer, at } = this;
    if (length < SHORT) {
      for (let i = 0; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 126 || ODD[unit] === 1) {
          this.plain(quote(text));
          return;
        }
        buffer[at + 1 + i] = unit;
      }
    } else if (PLAIN.test(text)) buffer.write(text, at + 1, 'latin1');
    else {
      this.plain(quote(text));
      return;
    }
    buffer[at] = QUOTE;
    buffer[at + 1 + length] = QUOTE;
    this.at = at + length + 2;
  }

  /** UTF-16 units as a JSON string; false, and nothing appended, where one does not go into JSON as a single byte. */
  quotedUnits(view: DataView, from: number, count: number, littleEndian: boolean): boolean {
    if (this.buffer.length - this.at < count + 2) this.reserve(count + 2);
    const { buffer } = this;
    let to = this.at;
    buffer[to++] = QUOTE;
    let odd = 0;
    for (let i = 0, p = from; i < count; i++, p += 2) {
      const unit = view.getUint16(p, littleEndian);
      odd |= (unit & 0xff00) | (ODD[unit & 0xff] as number);
      buffer[to++] = unit;
    }
    if (odd !== 0) return false;
    buffer[to++] = QUOTE;
    this.at = to;
    return true;
  }

  /** Lower-case hexadecimal digits of bytes. */
  hex(u8: Uint8Array, start: number, end: number): void {
    this.reserve((end - start) * 2);
    const { buffer } = this;
    let { at } = this;
    for (let i = start; i < end; i++, at += 2) {
      const pair = HEX[u8[i] as number] as number;
      buffer[at] = pair;
      buffer[at + 1] = pair >>> 8;
    }
    this.at = at;
  }

  /** A GUID of 16 bytes at `from`, without quotes. */
  guid(u8: Uint8Array, from: number, littleEndian: boolean): void {
    if (this.buffer.length - this.at < 36) this.reserve(36);
    const { buffer } = this;
    let to = this.at;
    const order = littleEndian ? LITTLE : BIG;
    for (let i = 0; i < 16; i++) {
      const pair = HEX[u8[from + (order[i] as number)] as number] as number;
      buffer[to] = pair;
      buffer[to + 1] = pair >>> 8;
      to += 2;
      if (i === 3 || i === 5 || i === 7 || i === 9) buffer[to++] = DASH;
    }
    this.at = to;
  }

  /** A little-endian identifier of eight bytes as `0x` and sixteen digits, without quotes. */
  hex64(u8: Uint8Array, from: number): void {
    if (this.buffer.length - this.at < 18) this.reserve(18);
    const { buffer } = this;
    let to = this.at;
    buffer[to++] = ZERO;
    buffer[to++] = 0x78;
    for (let i = from + 7; i >= from; i--) {
      const pair = HEX[u8[i] as number] as number;
      buffer[to] = pair;
      buffer[to + 1] = pair >>> 8;
      to += 2;
    }
    this.at = to;
  }

  /** A list of numbers. */
  numbers(list: readonly number[]): void {
    this.byte(0x5b);
    for (let i = 0; i < list.length; i++) {
      if (i > 0) this.byte(COMMA);
      this.number(list[i] as number);
    }
    this.byte(0x5d);
  }

  /** What stands in other memory. */
  copy({ buffer: from }: JsonBytes, start: number, end: number): void {
    const length = end - start;
    if (this.buffer.length - this.at < length) this.reserve(length);
    const { buffer, at } = this;
    if (length < FEW) for (let i = 0; i < length; i++) buffer[at + i] = from[start + i] as number;
    else from.copy(buffer, at, start, end);
    this.at = at + length;
  }
}

/** A name in front of its value: `"name":`, and the same behind a comma. */
interface Key {
  readonly first: Uint8Array;
  readonly next: Uint8Array;
}

const keys = new Map<string, Key>();

/** The name of a field as JSON has it in front of its value. */
export function keyOf(name: string): Key {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const text = jsonText(name) + ':';
  const made = { first: fragment(text), next: fragment(',' + text) };
  if (keys.size < MAX_CACHED_KEYS) keys.set(name, made);
  return made;
}
