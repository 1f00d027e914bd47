import { suggest } from '../bytes/suggest.js';
import type { Registry } from '../ndr/codec.js';
import { REFUSALS } from './refusals.js';

/** Rules of findings that come from no table: objects and references, numbering, security, the capture as a whole. */
export const OTHER_RULES = [
  'bad-mic',
  'bad-signature',
  'capture-order',
  'double-release',
  'ipid-reused',
  'leaked-references',
  'lost-pdus',
  'mixed-opnums',
  'no-challenge',
  'not-looked-into',
  'not-pinged',
  'ntlm-v1',
  'objects-forgotten',
  'one-direction',
  'printed-opnums',
  'sealed-calls',
  'sealed-sessions',
  'secret-unused',
  'ticket-closed',
  'use-after-release',
  'wrong-key',
  'wrong-password',
] as const;

/** Names of all rules whose findings may come out, sorted: those of the tables, of refused connections, and others. */
export function ruleNames({ specifications }: Pick<Registry, 'specifications'>): readonly string[] {
  const tables = specifications.flatMap((one) => (one.rules ?? []).map((rule) => rule.name));
  return [...new Set([...tables, ...Object.keys(REFUSALS), ...OTHER_RULES])].toSorted();
}

/** `there is no rule "x", did you mean y?` of the first name that no rule has; null where all have one. */
export function unknownRule(names: Iterable<string>, registry: Pick<Registry, 'specifications'>): string | null {
  const known = ruleNames(registry);
  for (const name of names) {
    if (known.includes(name)) continue;
    const near = suggest(name, known);
    return `there is no rule "${name}"${near.length === 0 ? '; docs/rules.md lists them' : `, did you mean ${near.join(', ')}?`}`;
  }
  return null;
}
