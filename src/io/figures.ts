import { failed } from '../analysis/failed.js';
import type { Names } from '../output/names.js';
import { resultName } from '../output/text.js';
import type { MemberFigures, Statistics } from '../tui/source.js';
import type { Call } from '../types.js';

/** Members and results counted on their own; the calls of others go into one row. */
export const MAX_FIGURES = 4096;
/** Parts of the time line. */
const PARTS = 60;
/** Latency classes to a factor of two: percentiles are exact to about 4 %. */
const FINE = 16;
const CLASSES = 48 * FINE;
/** Powers of ten shown, from 1 µs to 10 s. */
const DECADES = 8;

interface Counted {
  count: number;
  errors: number;
  readonly latencies: Uint32Array;
  answered: number;
  max: number;
}

/** Counts calls as they come: per member, per result, and over time, in memory that does not grow with them. */
export class Figures {
  private readonly members = new Map<string, Counted>();
  private readonly results = new Map<string, { count: number; bad: boolean }>();
  private readonly numbers = new Map<string, number>();
  private parts = new Float64Array(PARTS);
  private partS = 0.001;
  private firstS: number | null = null;
  private calls = 0;
  private failures = 0;

  /** Counts a call; returns the number of its member, in the order in which members were first seen. */
  add(call: Call, member: string, names: Names): number {
    const bad = failed(call);
    this.calls++;
    if (bad) this.failures++;
    const name = this.members.has(member) || this.members.size < MAX_FIGURES ? member : '(others)';
    let counted = this.members.get(name);
    if (counted === undefined) {
      this.numbers.set(name, this.numbers.size);
      this.members.set(name, (counted = { count: 0, errors: 0, latencies: new Uint32Array(CLASSES), answered: 0, max: 0 }));
    }
    counted.count++;
    if (bad) counted.errors++;
    if (call.latencyNs !== null && call.latencyNs >= 0) {
      counted.answered++;
      counted.max = Math.max(counted.max, call.latencyNs);
      const at = classOf(call.latencyNs);
      counted.latencies[at] = (counted.latencies[at] ?? 0) + 1;
    }
    const value = call.fault?.status ?? call.hresult;
    if (value !== null) {
      const known = resultName(value, names);
      const result = this.results.get(known);
      if (result !== undefined) result.count++;
      else if (this.results.size < MAX_FIGURES) this.results.set(known, { count: 1, bad });
    }
    if (call.time !== null) this.tick(call.time.timeS + call.time.timeNs / 1e9);
    return this.numbers.get(name) ?? 0;
  }

  figures(): Statistics {
    const members = [...this.members].map(([name, counted]): MemberFigures => ({
      name, count: counted.count, errors: counted.errors, p50: percentile(counted, 0.5), p90: percentile(counted, 0.9), p99: percentile(counted, 0.99),
      max: counted.answered === 0 ? null : counted.max, histogram: decades(counted),
    })).toSorted((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
    const results = [...this.results].map(([name, { count, bad }]) => ({ name, count, bad })).toSorted((a, b) => b.count - a.count);
    return { calls: this.calls, failed: this.failures, members, results, rate: [...this.parts], partS: this.partS };
  }

  /** Names of results seen. */
  get resultNames(): readonly string[] {
    return [...this.results.keys()];
  }

  private tick(time: number): void {
    this.firstS ??= time;
    while (time - this.firstS >= PARTS * this.partS) {
      // Twice as long parts, two of the old in each.
      const half = new Float64Array(PARTS);
      for (const [at, count] of this.parts.entries()) half[at >> 1] = (half[at >> 1] ?? 0) + count;
      this.parts = half;
      this.partS *= 2;
    }
    const at = Math.max(0, Math.floor((time - this.firstS) / this.partS));
    this.parts[at] = (this.parts[at] ?? 0) + 1;
  }
}

function classOf(ns: number): number {
  return Math.min(CLASSES - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, ns)) * FINE)));
}

/** The upper end of the class that holds the percentile. */
function percentile({ latencies, answered, max }: Counted, part: number): number | null {
  if (answered === 0) return null;
  let left = Math.ceil(answered * part);
  for (const [at, count] of latencies.entries()) {
    left -= count;
    if (left <= 0) return Math.min(max, 2 ** ((at + 1) / FINE));
  }
  return max;
}

function decades({ latencies }: Counted): number[] {
  const counts = Array.from({ length: DECADES }, () => 0);
  for (const [at, count] of latencies.entries()) {
    const decade = Math.min(DECADES - 1, Math.max(0, Math.floor(Math.log10(2 ** (at / FINE) / 1000))));
    counts[decade] = (counts[decade] ?? 0) + count;
  }
  return counts;
}
