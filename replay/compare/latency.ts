import { patternOf, type LatencyRule } from './rules.js';
import type { SessionCall } from './session.js';

/** A member that got slower than its tolerance allows. */
export interface LatencyDifference {
  readonly member: string;
  readonly percentile: number;
  readonly expectedNs: number;
  readonly actualNs: number;
  readonly allowedNs: number;
}

/** Compares the latencies of calls by member and percentile. */
export function compareLatency(
  pairs: readonly (readonly [SessionCall, SessionCall])[],
  { percentiles, atLeastNs, members, calls }: LatencyRule,
): readonly LatencyDifference[] {
  const patterns = members.map(patternOf);
  const byMember = new Map<string, { readonly before: number[]; readonly after: number[] }>();
  for (const [expected, actual] of pairs) {
    const { member } = expected;
    const [before, after] = [expected.call.latencyNs, actual.call.latencyNs];
    if (before === null || after === null || (patterns.length > 0 && !patterns.some((pattern) => pattern.test(member))))
      continue;
    const known = byMember.get(member) ?? { before: [], after: [] };
    known.before.push(before);
    known.after.push(after);
    byMember.set(member, known);
  }
  const slow: LatencyDifference[] = [];
  for (const [member, { before, after }] of byMember) {
    if (before.length < calls) continue;
    for (const { percentile, share } of percentiles) {
      const [expectedNs, actualNs] = [percentileOf(before, percentile), percentileOf(after, percentile)];
      const allowedNs = Math.max(expectedNs * (1 + share), atLeastNs);
      if (actualNs > allowedNs) slow.push({ member, percentile, expectedNs, actualNs, allowedNs });
    }
  }
  return slow;
}

/** The smallest value that so many percent of the values do not exceed (nearest rank). */
export function percentileOf(values: readonly number[], percentile: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((percentile / 100) * sorted.length) - 1)] ?? 0;
}
