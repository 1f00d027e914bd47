import { RE2JS, RE2JSException } from 're2js';
import { WhereError } from './error.js';
import { MAX_MATCHED_TEXT, MAX_PATTERN, MAX_PROGRAM } from './limits.js';

/** A regular expression that takes time in proportion to the text, whatever both of them are. */
export interface Pattern {
  readonly source: string;
  /** Whether it occurs in the first {@link MAX_MATCHED_TEXT} characters of the text. */
  test(text: string): boolean;
  /** Where it next occurs in a text at or after a place, in UTF-16 units; -1 where it does not. */
  find(text: string, from: number): number;
}

const FLAGS: Readonly<Record<string, number>> = {
  i: RE2JS.CASE_INSENSITIVE,
  m: RE2JS.MULTILINE,
  s: RE2JS.DOTALL,
  // Patterns always see whole code points.
  u: 0,
};

/**
 * Compiles a regular expression of the RE2 kind: automata, no backtracking, so that no text from the network makes it
 * run away. `flags` are any of `imsu`; `at` is its place in the expression. @throws WhereError
 */
export function linearPattern(source: string, flags: string, at: number): Pattern {
  if (source.length > MAX_PATTERN)
    throw new WhereError(`the pattern has ${source.length} characters, more than ${MAX_PATTERN}`, at);
  if (!/^[imsu]*$/.test(flags)) throw new WhereError(`unknown flags "${flags}" of a pattern`, at, ['i', 'm', 's', 'u']);
  const made = compiled(source, flags, at);
  if (made.programSize() > MAX_PROGRAM)
    throw new WhereError(
      `the pattern has ${made.programSize()} steps, its counted repetitions written out, more than ${MAX_PROGRAM}`,
      at,
    );
  return {
    source,
    test: (text) => made.test(text.length > MAX_MATCHED_TEXT ? text.slice(0, MAX_MATCHED_TEXT) : text),
    find(text, from) {
      const matcher = made.matcher(text);
      return from <= text.length && matcher.find(from) ? matcher.start() : -1;
    },
  };
}

function compiled(source: string, flags: string, at: number): RE2JS {
  let bits = 0;
  for (const flag of flags) bits |= FLAGS[flag] ?? 0;
  try {
    return RE2JS.compile(RE2JS.translateRegExp(source), bits);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const unsupported = UNSUPPORTED.find(({ form }) => form.test(source));
    const reason = error.message.replace(/^error parsing regexp: /, '');
    throw new WhereError(
      `not a regular expression: ${reason}${unsupported === undefined ? '' : ` (${unsupported.advice})`}`,
      at,
    );
  }
}

/** What other engines have, and no automaton can do. */
const UNSUPPORTED: readonly { readonly form: RegExp; readonly advice: string }[] = [
  { form: /\(\?<?[=!]/, advice: 'there is no look-around: combine two conditions with && or !' },
  { form: /\\[1-9k]/, advice: 'there are no back-references' },
];
