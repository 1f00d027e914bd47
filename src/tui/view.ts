import type { Call } from '../types.js';

export type SortKey = 'none' | 'latency' | 'result' | 'member';
export const SORT_KEYS: readonly SortKey[] = ['none', 'latency', 'result', 'member'];

/** Where a view finds its calls. `rank` is what sorting compares, without fetching the call. */
export interface Calls {
  readonly count: number;
  /** Calls that left to keep memory bounded: the first so many. */
  readonly gone: number;
  call(index: number): Call | null;
  rank(index: number, key: Exclude<SortKey, 'none'>): number;
  /** Whether it looks something up, or keeps something alive, without fetching it. */
  upkeep(index: number): boolean;
}

/** Longest run that is sorted at once: a few milliseconds. */
const RUN = 8192;

/**
 * Which calls are shown, and in which order: all, those a filter lets through, sorted or as they came. It catches up
 * with the calls in steps, so that a filter over a million of them never holds up a key.
 */
export class View {
  private readonly calls: Calls;
  private test: ((call: Call) => boolean) | null = null;
  private key: SortKey = 'none';
  private folds = false;
  private foldedAway = 0;
  private matches = new Uint32Array(1024);
  private found = 0;
  private looked = 0;
  private frozenAt: number | null = null;
  private sorted: Sorting | null = null;

  constructor(calls: Calls) {
    this.calls = calls;
  }

  /** Rows shown. */
  get length(): number {
    if (this.sorted !== null) return this.sorted.done ? this.sorted.order.length : 0;
    if (this.chooses) return this.found;
    return Math.max(0, this.seen() - this.calls.gone);
  }

  /** Calls looked at by the filter so far; all of them when there is none. */
  get examined(): number {
    return this.chooses ? this.looked : this.seen();
  }

  /** Calls of upkeep that are folded away, of those looked at. */
  get folded(): number {
    return this.foldedAway;
  }

  /** Not all calls are shown. */
  private get chooses(): boolean {
    return this.test !== null || this.folds;
  }

  /** True while a filter or a sort has work left. */
  get busy(): boolean {
    return (this.chooses && this.looked < this.seen()) || this.sorted?.done === false;
  }

  get sortKey(): SortKey {
    return this.key;
  }

  /** Index of the call in a row; -1 outside. */
  at(row: number): number {
    if (row < 0 || row >= this.length) return -1;
    if (this.sorted !== null) return this.sorted.order[row] ?? -1;
    return this.chooses ? (this.matches[row] ?? -1) : row + this.calls.gone;
  }

  /** The row of a call, or of the first one after it; sorted views look through all rows. */
  rowOf(index: number): number {
    if (this.sorted !== null) return Math.max(0, this.sorted.order.indexOf(index));
    if (!this.chooses) return Math.min(Math.max(0, index - this.calls.gone), Math.max(0, this.length - 1));
    let low = 0;
    let high = this.found;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.matches[middle] ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return Math.min(low, Math.max(0, this.found - 1));
  }

  /** Shows only calls that pass; null shows all. The rows come as `step` finds them. */
  filter(test: ((call: Call) => boolean) | null): void {
    this.test = test;
    this.again();
  }

  /** Folds calls away that look something up or keep something alive, or shows them again. */
  foldUpkeep(on: boolean): void {
    this.folds = on;
    this.again();
  }

  sort(key: SortKey): void {
    this.key = key;
    this.resort();
  }

  /** Calls that come from now on wait outside, or come in again. */
  freeze(on: boolean): void {
    this.frozenAt = on ? this.calls.count : null;
  }

  /** Looks at so many calls at most. True when there is more to do. */
  step(budget: number): boolean {
    const { calls, test } = this;
    if (this.chooses) {
      const end = Math.min(this.seen(), this.looked + budget);
      for (; this.looked < end; this.looked++) {
        if (this.folds && calls.upkeep(this.looked)) this.foldedAway++;
        else if (test === null || passes(calls.call(this.looked), test)) this.keep(this.looked);
      }
      if (this.looked < this.seen()) return true;
    }
    if (this.key !== 'none' && this.sorted === null) this.sorted = new Sorting(this.rows(), calls, this.key);
    return this.sorted !== null && !this.sorted.step();
  }

  private seen(): number {
    return this.frozenAt ?? this.calls.count;
  }

  private keep(index: number): void {
    if (this.found === this.matches.length) {
      const grown = new Uint32Array(this.matches.length * 2);
      grown.set(this.matches);
      this.matches = grown;
    }
    this.matches[this.found++] = index;
  }

  /** Looks at all calls again. */
  private again(): void {
    this.found = 0;
    this.foldedAway = 0;
    this.looked = this.calls.gone;
    this.resort();
  }

  private resort(): void {
    this.sorted = null;
  }

  private rows(): Uint32Array {
    if (this.chooses) return this.matches.slice(0, this.found);
    const { gone } = this.calls;
    const rows = new Uint32Array(Math.max(0, this.seen() - gone));
    for (let at = 0; at < rows.length; at++) rows[at] = at + gone;
    return rows;
  }
}

function passes(call: Call | null, test: (call: Call) => boolean): boolean {
  return call !== null && test(call);
}

/** A merge sort in steps: runs first, then pairs of runs. Equal ranks stay in the order of the calls. */
class Sorting {
  order: Uint32Array;
  done = false;
  private readonly ranks: (index: number) => number;
  private spare: Uint32Array;
  private width = 0;
  /** Ranks of a run, and places in it as they are sorted. */
  private readonly keys = new Float64Array(RUN);
  private readonly places = new Uint32Array(RUN);
  /** Of the runs that are merged: the next of each, their ends, and where the smaller one goes. */
  private left = 0;
  private right = 0;
  private middle = 0;
  private end = 0;
  private to = 0;

  constructor(rows: Uint32Array, calls: Calls, key: Exclude<SortKey, 'none'>) {
    this.order = rows;
    this.spare = new Uint32Array(rows.length);
    // The largest first: slow calls and failures are what one sorts for.
    const sign = key === 'member' ? 1 : -1;
    this.ranks = (index) => sign * calls.rank(index, key);
  }

  /** One run, or as much of a merge. True when all is sorted. */
  step(): boolean {
    if (this.done) return true;
    const { order } = this;
    if (this.width === 0) this.run();
    else this.merge();
    if (this.to < order.length) return false;
    if (this.width > 0) [this.order, this.spare] = [this.spare, this.order];
    this.width = this.width === 0 ? RUN : this.width * 2;
    [this.left, this.right, this.middle, this.end, this.to] = [0, 0, 0, 0, 0];
    this.done = this.width >= order.length;
    return this.done;
  }

  private run(): void {
    const { order, ranks, keys, places } = this;
    const begin = this.to;
    const size = Math.min(RUN, order.length - begin);
    for (let at = 0; at < size; at++) {
      keys[at] = ranks(order[begin + at] as number);
      places[at] = at;
    }
    // The order of what is equal is that of the calls, whose indices rise.
    const sorted = places.subarray(0, size);
    sorted.sort((a, b) => (keys[a] as number) - (keys[b] as number) || a - b);
    const run = order.slice(begin, begin + size);
    for (let at = 0; at < size; at++) order[begin + at] = run[sorted[at] as number] as number;
    this.to = begin + size;
  }

  private merge(): void {
    const { order, spare, ranks, width } = this;
    if (this.to === this.end) {
      this.left = this.to;
      this.middle = Math.min(this.to + width, order.length);
      this.right = this.middle;
      this.end = Math.min(this.to + 2 * width, order.length);
    }
    const { middle, end } = this;
    let { left, right } = this;
    const stop = Math.min(this.to + RUN, end);
    const rankAt = (at: number, before: number): number => (at < before ? ranks(order[at] as number) : Infinity);
    let [one, other] = [rankAt(left, middle), rankAt(right, end)];
    for (let to = this.to; to < stop; to++) {
      if (left < middle && one <= other) {
        spare[to] = order[left++] as number;
        one = rankAt(left, middle);
      } else {
        spare[to] = order[right++] as number;
        other = rankAt(right, end);
      }
    }
    [this.left, this.right, this.to] = [left, right, stop];
  }
}
