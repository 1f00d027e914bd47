import { stringify } from 'yaml';
import type { CompareResult } from './compare.js';

/** Members whose values differ by themselves, as paths for rules: indices become `*`. */
export function noiseIn(results: readonly CompareResult[]): readonly string[] {
  const paths = new Set<string>();
  for (const { results: calls } of results) {
    for (const { differences } of calls)
      for (const { kind, member } of differences) if (kind === 'value') paths.add(member.replace(/\[\d+\]/g, '[*]'));
  }
  return [...paths].toSorted();
}

/** Rules that ignore such members, as YAML. */
export function noiseRules(paths: readonly string[]): string {
  const rules = paths.map((path) => ({
    path,
    ignore: true,
    reason: 'differed between replays against the same server',
  }));
  return `# Learnt by uamgscope replay --learn-noise; docs/compare.md says what rules can do.\n${stringify({ version: 1, rules })}`;
}
