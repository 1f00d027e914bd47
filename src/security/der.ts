/** A value in DER (X.690): its tag with class and constructed bit, and its content. */
export interface Der {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content as they are. */
  readonly raw: Uint8Array;
  /** Bytes of them. */
  readonly size: number;
}

/**
 * Reads the value at `at`; null where it does not fit. Tags of more than one byte and indefinite lengths are not DER as
 * security tokens have it.
 */
export function readDer(bytes: Uint8Array, at = 0): Der | null {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return null;
  let length = first;
  let from = at + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4 || from + count > bytes.length) return null;
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[from + i] as number);
    from += count;
  }
  if (length > bytes.length - from) return null;
  const end = from + length;
  return { tag, content: bytes.subarray(from, end), raw: bytes.subarray(at, end), size: end - at };
}

/** Values inside a constructed one; stops at the first that does not fit. */
export function derList(content: Uint8Array): readonly Der[] {
  const list: Der[] = [];
  for (let at = 0; at < content.length && list.length < MAX_VALUES; ) {
    const value = readDer(content, at);
    if (value === null) break;
    list.push(value);
    at += value.size;
  }
  return list;
}

/** Values read inside one. */
const MAX_VALUES = 256;

/** The value under a context tag, e.g. 0xa2; null where it is missing. */
export function derField(content: Uint8Array, tag: number): Der | null {
  const wrapper = derList(content).find((one) => one.tag === tag);
  return wrapper === undefined ? null : readDer(wrapper.content);
}

/** Writes a value around the given parts. */
export function writeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const size = lengthOctets(length);
  const out = new Uint8Array(1 + size.length + length);
  out[0] = tag;
  out.set(size, 1);
  let at = 1 + size.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** X.690 8.1.3, in as few octets as it takes. */
function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest & 0xff);
  return [0x80 | octets.length, ...octets];
}
