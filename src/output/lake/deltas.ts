/** Values of a block and of its quarters, each of which has a width. */
const BLOCK = 128;
const QUARTERS = 4;
const QUARTER = BLOCK / QUARTERS;
/** Bytes that a block takes at the most beside its values: the least difference, and four widths. */
const BLOCK_HEAD = 16;
const HEAD = 32;
const BYTE = 256;
/** What twice of it, and a difference of two such, is still a whole number for sure. */
const MOST = 2 ** 51;
/** Bytes of differences past which the numbers themselves are as short. */
const WIDEST = 3;

/**
 * Whole numbers as their differences (DELTA_BINARY_PACKED of Parquet), in whole bytes: bits would save a fifth, and take
 * several times as long. Null where that is no shorter than numbers of `bytes` bytes.
 */
export function deltas(values: Float64Array, bytes: 4 | 8): Uint8Array | null {
  const { length } = values;
  if (Math.abs(values[0] as number) > MOST) return null;
  const blocks = Math.ceil((length - 1) / BLOCK);
  const out = new Uint8Array(HEAD + blocks * (BLOCK_HEAD + BLOCK * bytes));
  const differences = new Float64Array(BLOCK);
  let at = varint(out, 0, BLOCK);
  at = varint(out, at, QUARTERS);
  at = varint(out, at, length);
  at = zigzag(out, at, values[0] as number);
  for (let from = 1; from < length; from += BLOCK) {
    const count = Math.min(BLOCK, length - from);
    let least = Infinity;
    let largest = -Infinity;
    for (let i = 0; i < count; i++) {
      const difference = (values[from + i] as number) - (values[from + i - 1] as number);
      differences[i] = difference;
      if (difference < least) least = difference;
      if (difference > largest) largest = difference;
    }
    if (least < -MOST || largest > MOST) return null;
    at = zigzag(out, at, least);
    const widths = at;
    at += QUARTERS;
    for (let quarter = 0; quarter < QUARTERS; quarter++) {
      const start = quarter * QUARTER;
      const end = Math.min(start + QUARTER, count);
      let most = 0;
      for (let i = start; i < end; i++) most = Math.max(most, (differences[i] as number) - least);
      let width = 0;
      for (let left = most; left > 0; left = Math.floor(left / BYTE)) width++;
      if (width > (bytes === 4 ? WIDEST : bytes - 1)) return null;
      out[widths + quarter] = width * 8;
      for (let i = start; i < end; i++) {
        let left = (differences[i] as number) - least;
        for (let byte = 0; byte < width; byte++) {
          out[at + (i - start) * width + byte] = left;
          left = Math.floor(left / BYTE);
        }
      }
      at += QUARTER * width;
    }
  }
  return out.subarray(0, at);
}

/** A number that is not negative, seven bits a byte. */
function varint(out: Uint8Array, from: number, value: number): number {
  let at = from;
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) out[at++] = (left % 128) | 128;
  out[at++] = left;
  return at;
}

/** Any number: the lowest bit says whether it is negative. */
function zigzag(out: Uint8Array, from: number, value: number): number {
  return varint(out, from, value < 0 ? -2 * value - 1 : 2 * value);
}
