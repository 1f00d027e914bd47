/** Pairs of positions; null where one side has nothing. In the order of both sides. */
export type Alignment = readonly (readonly [expected: number | null, actual: number | null])[];

/** Cells of the table that pairs a stretch without landmarks; a larger stretch is paired by position. */
export const MAX_TABLE = 4_000_000;

/**
 * Aligns two lists of keys so that insertions and deletions are found as such. Keys that occur once on both sides are
 * landmarks, kept where they are in order (patience); between landmarks the longest common subsequence decides.
 */
export function align(expected: readonly string[], actual: readonly string[]): Alignment {
  const pairs: [number | null, number | null][] = [];
  const stack: Stretch[] = [{ a: 0, aEnd: expected.length, b: 0, bEnd: actual.length }];
  while (stack.length > 0) {
    const stretch = stack.pop() as Stretch;
    let { a, aEnd, b, bEnd } = stretch;
    while (a < aEnd && b < bEnd && expected[a] === actual[b]) pairs.push([a++, b++]);
    const tail: [number, number][] = [];
    while (a < aEnd && b < bEnd && expected[aEnd - 1] === actual[bEnd - 1]) tail.push([--aEnd, --bEnd]);
    const marks = a < aEnd && b < bEnd ? landmarks(expected, actual, { a, aEnd, b, bEnd }) : [];
    if (marks.length === 0) {
      for (const pair of pairStretch(expected, actual, { a, aEnd, b, bEnd })) pairs.push(pair);
      for (const pair of tail.toReversed()) pairs.push(pair);
      continue;
    }
    // What is put on the stack last is taken first: the tail, whose last pair stands first in its list, then the parts
    // backwards.
    for (const [at, other] of tail) stack.push({ a: at, aEnd: at + 1, b: other, bEnd: other + 1 });
    const parts: Stretch[] = [];
    for (const [at, other] of marks) {
      parts.push({ a, aEnd: at, b, bEnd: other }, { a: at, aEnd: at + 1, b: other, bEnd: other + 1 });
      a = at + 1;
      b = other + 1;
    }
    parts.push({ a, aEnd, b, bEnd });
    for (const part of parts.toReversed()) stack.push(part);
  }
  return pairs;
}

interface Stretch {
  readonly a: number;
  readonly aEnd: number;
  readonly b: number;
  readonly bEnd: number;
}

/** Keys that occur once on both sides of a stretch, as many as are in the same order on both. */
function landmarks(
  expected: readonly string[],
  actual: readonly string[],
  { a, aEnd, b, bEnd }: Stretch,
): readonly (readonly [number, number])[] {
  const others = once(actual, b, bEnd);
  const common: [number, number][] = [];
  for (const [key, at] of once(expected, a, aEnd)) {
    const other = others.get(key) ?? -1;
    if (at >= 0 && other >= 0) common.push([at, other]);
  }
  return increasing(common.toSorted((one, two) => one[0] - two[0]));
}

/** Places of the keys of a stretch that occur once in it; -1 for those that occur again. */
function once(list: readonly string[], from: number, to: number): ReadonlyMap<string, number> {
  const seen = new Map<string, number>();
  for (let at = from; at < to; at++) seen.set(list[at] as string, seen.has(list[at] as string) ? -1 : at);
  return seen;
}

/** The longest run of pairs whose second positions rise (patience sorting). */
function increasing(pairs: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const piles: number[] = [];
  const before = new Int32Array(pairs.length).fill(-1);
  for (const [index, [, position]] of pairs.entries()) {
    let low = 0;
    let high = piles.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[piles[middle] as number]?.[1] ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    before[index] = low === 0 ? -1 : (piles[low - 1] as number);
    piles[low] = index;
  }
  const found: (readonly [number, number])[] = [];
  for (let at = piles.at(-1) ?? -1; at >= 0; at = before[at] as number)
    found.push(pairs[at] as readonly [number, number]);
  return found.toReversed();
}

/** A stretch without landmarks: by a table, or, where that would be too large, by position. */
function pairStretch(
  expected: readonly string[],
  actual: readonly string[],
  stretch: Stretch,
): [number | null, number | null][] {
  const { a, aEnd, b, bEnd } = stretch;
  return (aEnd - a) * (bEnd - b) > MAX_TABLE
    ? pairByPosition(expected, actual, stretch)
    : pairByTable(expected, actual, stretch);
}

function pairByPosition(
  expected: readonly string[],
  actual: readonly string[],
  { a, aEnd, b, bEnd }: Stretch,
): [number | null, number | null][] {
  const [rows, columns] = [aEnd - a, bEnd - b];
  const pairs: [number | null, number | null][] = [];
  for (let at = 0; at < Math.max(rows, columns); at++) {
    const [one, other] = [at < rows ? a + at : null, at < columns ? b + at : null];
    if (one !== null && other !== null && expected[one] === actual[other]) pairs.push([one, other]);
    else
      pairs.push(
        ...(one === null ? [] : [[one, null] as [number, null]]),
        ...(other === null ? [] : [[null, other] as [null, number]]),
      );
  }
  return pairs;
}

/** The longest common subsequence, by dynamic programming from the end. */
function pairByTable(
  expected: readonly string[],
  actual: readonly string[],
  { a, aEnd, b, bEnd }: Stretch,
): [number | null, number | null][] {
  const [rows, columns] = [aEnd - a, bEnd - b];
  const pairs: [number | null, number | null][] = [];
  const width = columns + 1;
  const table = new Uint32Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      table[i * width + j] =
        expected[a + i] === actual[b + j]
          ? (table[(i + 1) * width + j + 1] as number) + 1
          : Math.max(table[(i + 1) * width + j] as number, table[i * width + j + 1] as number);
    }
  }
  let [i, j] = [0, 0];
  while (i < rows || j < columns) {
    if (i < rows && j < columns && expected[a + i] === actual[b + j]) pairs.push([a + i++, b + j++]);
    else if (
      j >= columns ||
      (i < rows && (table[(i + 1) * width + j] as number) >= (table[i * width + j + 1] as number))
    )
      pairs.push([a + i++, null]);
    else pairs.push([null, b + j++]);
  }
  return pairs;
}
