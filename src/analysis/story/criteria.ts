import type { CriteriaAttribute } from '../../ndr/types.js';
import { parseCriteria, type Criterion } from '../criteria.js';

/** Search criteria explained. */
interface CriteriaWords {
  /**
   * `not installed and of type Software; or hidden`; the defaults in words for none; empty where the text can not be
   * read.
   */
  readonly words: string;
  /** Why they can not be read, or null. */
  readonly problem: string | null;
}

/** Says in words what is searched for; `nameOf` names identifiers, e.g. of categories, where the capture told. */
export function explainCriteria(
  text: string | null,
  attributes: readonly CriteriaAttribute[],
  nameOf: (value: string) => string | null,
): CriteriaWords {
  if (text === null || text === '') return { words: 'no criteria: the server’s default applies', problem: null };
  const parsed = parseCriteria(text, attributes);
  if (!parsed.ok) return { words: '', problem: `column ${parsed.column}: ${parsed.message}` };
  return {
    words: parsed.tree.map((all) => all.map((one) => wordsOf(one, attributes, nameOf)).join(' and ')).join('; or '),
    problem: null,
  };
}

function wordsOf(
  { attribute, operator, value }: Criterion,
  attributes: readonly CriteriaAttribute[],
  nameOf: (value: string) => string | null,
): string {
  const known = attributes.find((one) => one.name === attribute);
  if (known === undefined) return `${attribute} ${operator} ${value}`;
  const [holds, fails] = known.words;
  if (known.value === 'flag') return (value === 1) === (operator === '=') ? holds : fails;
  const name = typeof value === 'string' ? nameOf(value) : null;
  return (operator === '!=' ? fails : holds).replace('{value}', () =>
    name === null ? String(value) : `${name} (${value})`,
  );
}
