import { NO_RULES, parseRules, RulesError, type Rules } from '../../replay/compare/rules.js';
import type { Registry } from '../ndr/codec.js';
import { UsageError } from '../io/streams.js';
import { fileReason } from '../io/reason.js';
import { readSmallFile } from '../io/small-file.js';

/** Rules of a comparison from a YAML file; none without one. @throws UsageError that says where and why */
export async function loadRules(path: string | undefined, registry: Registry): Promise<Rules> {
  if (path === undefined) return NO_RULES;
  let text: string;
  try {
    text = readSmallFile(path).toString('utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
  try {
    return parseRules(text, hresultsByName(registry));
  } catch (error) {
    if (error instanceof RulesError) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}

const SUCCESSES: Readonly<Record<string, number>> = { S_OK: 0, S_FALSE: 1 };

/** Looks up HRESULTs by their names. */
export function hresultsByName(registry: Registry): (name: string) => number | null {
  const byName = new Map(
    registry.specifications.flatMap((one) => one.errors.map(({ name, value }) => [name, value] as const)),
  );
  return (name) => byName.get(name) ?? SUCCESSES[name] ?? null;
}
