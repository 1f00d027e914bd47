/** A value in DER (X.690): its tag with class and constructed bit, and where its content lies. */
export class Der {
  readonly tag: number;
  private readonly bytes: Uint8Array;
  private readonly at: number;
  private readonly from: number;
  private readonly end: number;

  constructor(tag: number, bytes: Uint8Array, { at, from, end }: Extent) {
    this.tag = tag;
    this.bytes = bytes;
    this.at = at;
    this.from = from;
    this.end = end;
  }

  /** Made when it is asked for: most values are passed over. */
  get content(): Uint8Array {
    return this.bytes.subarray(this.from, this.end);
  }

  /** Tag, length and content as they are. */
  get raw(): Uint8Array {
    return this.bytes.subarray(this.at, this.end);
  }

  /** Bytes of them. */
  get size(): number {
    return this.end - this.at;
  }
}

/** Where a value begins, where its content does, and where both end. */
interface Extent {
  readonly at: number;
  readonly from: number;
  readonly end: number;
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
  return new Der(tag, bytes, { at, from, end: from + length });
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
  for (let at = 0, i = 0; at < content.length && i < MAX_VALUES; i++) {
    const value = readDer(content, at);
    if (value === null) break;
    if (value.tag === tag) return readDer(value.content);
    at += value.size;
  }
  return null;
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
