import { align } from './align.js';
import { compareCalls, type CallResult } from './calls.js';
import { Identities } from './identity.js';
import { compareLatency, type LatencyDifference } from './latency.js';
import { NO_RULES, RuleBook, type Rule, type Rules } from './rules.js';
import { argumentsKey, type Session, type SessionCall } from './session.js';

/** What a comparison of two sessions found. */
export interface CompareResult {
  readonly results: readonly CallResult[];
  readonly latency: readonly LatencyDifference[];
  /** Objects whose references were never given back. */
  readonly leaks: { readonly expected: readonly string[]; readonly actual: readonly string[] };
  readonly unusedRules: readonly Rule[];
  readonly counts: Readonly<Record<CallResult['status'], number>>;
  /** Nothing differs, nothing is missing, new, skipped, slower or leaked. */
  readonly same: boolean;
}

/**
 * Compares two sessions call by call: aligned by what was called on which object with which arguments, so that a call
 * more or less is one difference.
 */
export function compareSessions(expected: Session, actual: Session, rules: Rules = NO_RULES): CompareResult {
  const sides = [ordered(expected), ordered(actual)] as const;
  // Where only one side looks names up, the other is bound early and has nothing to compare them with.
  const lookups = sides.every((side) => side.some((one) => one.sort === 'lookup'));
  const [before, after] = sides.map((side) => (lookups ? side : side.filter((one) => one.sort !== 'lookup'))) as [
    readonly SessionCall[],
    readonly SessionCall[],
  ];
  const comparison = { expected, actual, identities: new Identities(), rules: new RuleBook(rules.rules) };
  const results = pairs(before, after, expected, actual).map(([one, other]): CallResult => {
    if (one !== null && other !== null) return compareCalls(one, other, comparison, true);
    return { status: one === null ? 'extra' : 'missing', expected: one, actual: other, differences: [], cause: null };
  });
  return conclude(results, expected, actual, rules, comparison.rules);
}

/** Sums up results that were reached call by call. */
export function conclude(
  results: readonly CallResult[],
  expected: Session,
  actual: Session,
  rules: Rules,
  book: RuleBook,
): CompareResult {
  const counts = { same: 0, different: 0, missing: 0, extra: 0, skipped: 0 };
  for (const { status } of results) counts[status]++;
  const paired = results.flatMap((one) =>
    one.expected !== null && one.actual !== null ? [[one.expected, one.actual] as const] : [],
  );
  const latency = rules.latency === null ? [] : compareLatency(paired, rules.latency);
  const leaks = { expected: expected.leaked, actual: actual.leaked };
  const same = counts.same === results.length && latency.length === 0 && leaks.actual.length <= leaks.expected.length;
  return { results, latency, leaks, unusedRules: book.unused, counts, same };
}

/** The calls that are compared, in the order in which they were made. */
export function ordered(session: Session): readonly SessionCall[] {
  return session.calls
    .filter((one) => one.sort !== 'upkeep')
    .toSorted(
      (one, other) =>
        (one.time?.timeS ?? 0) - (other.time?.timeS ?? 0) ||
        (one.time?.timeNs ?? 0) - (other.time?.timeNs ?? 0) ||
        one.id - other.id,
    );
}

type Pair = readonly [expected: SessionCall | null, actual: SessionCall | null];

/**
 * Aligns by the whole call first; what is left between is aligned by its member on its object, then by its member
 * alone.
 */
function pairs(
  before: readonly SessionCall[],
  after: readonly SessionCall[],
  expected: Session,
  actual: Session,
): readonly Pair[] {
  const keys = [
    (one: SessionCall, side: Session) =>
      `${one.member}\n${one.place}\n${one.asked ?? argumentsKey(one.call, one.sort, side)}`,
    (one: SessionCall) => `${one.member}\n${one.place}`,
    (one: SessionCall) => one.member,
  ];
  return refine(before, after, 0);

  function refine(ones: readonly SessionCall[], others: readonly SessionCall[], level: number): Pair[] {
    const key = keys[level];
    if (key === undefined || ones.length === 0 || others.length === 0)
      return [...ones.map((one): Pair => [one, null]), ...others.map((other): Pair => [null, other])];
    const out: Pair[] = [];
    let left: SessionCall[] = [];
    let right: SessionCall[] = [];
    const flush = (): void => {
      if (left.length + right.length > 0) for (const pair of refine(left, right, level + 1)) out.push(pair);
      left = [];
      right = [];
    };
    for (const [a, b] of align(
      ones.map((one) => key(one, expected)),
      others.map((one) => key(one, actual)),
    )) {
      const one = a === null ? null : (ones[a] ?? null);
      const other = b === null ? null : (others[b] ?? null);
      if (one !== null && other !== null) {
        flush();
        out.push([one, other]);
      } else {
        if (one !== null) left.push(one);
        if (other !== null) right.push(other);
      }
    }
    flush();
    return out;
  }
}
