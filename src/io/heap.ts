import { setFlagsFromString } from 'node:v8';

/** How much the heap may grow, in percent of what was in use, before it is collected again. */
const GROWTH_PERCENT = 25;

/**
 * For programs that stay: the heap is collected when it has grown by a quarter, not when it is two or three times as
 * large, as is usual
 * where memory is plenty. Measured in the terminal analyzer: a third less memory, for one part in fifteen more time.
 */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}

/** The same, in percent, for a program that ends when it is done: what it keeps is kept to its end. */
const LARGE_GROWTH_PERCENT = 300;

/** For programs that decode and end: the heap is seldom collected as a whole, for some 40 MB more of it. */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${LARGE_GROWTH_PERCENT}`);
}
