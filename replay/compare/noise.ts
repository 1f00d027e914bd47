import { stringify } from 'yaml';
import type { CompareResult } from './compare.js';

/** Members whose values differ by themselves, as paths for rules: indices become `*`. */
export function noiseIn(results: readonly CompareResult[]): readonly string[] {
  const paths = new Set<string>();
  for (const { results: calls } of results) {
    for (const { differences } of calls)
      for (const { kind, member } of differences) if (kind === 'value') paths.add(pathOf(member));
  }
  return [...paths].toSorted();
}

/** The path of a rule for a member: indices become `*`. */
export function pathOf(member: string): string {
  return member.replace(/\[\d+\]/g, '[*]');
}

/** Rules that ignore such members, as YAML; `reason` says which runs disagreed on what. */
export function noiseRules(paths: readonly { readonly path: string; readonly reason: string }[]): string {
  const rules = paths.map(({ path, reason }) => ({ path, ignore: true, reason }));
  return `# Learnt by uamgscope replay --learn-noise; docs/compare.md says what rules can do.\n${stringify({ version: 1, rules })}`;
}
