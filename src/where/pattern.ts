import { WhereError } from './error.js';
import { MAX_PATTERN, MAX_QUANTIFIERS } from './limits.js';

/**
 * A regular expression that cannot run away: no back-references and look-arounds, no unbounded quantifier around a
 * group that
 * itself repeats or chooses, few unbounded quantifiers, a bounded length. @throws WhereError
 */
export function boundedPattern(source: string, flags: string, at: number): RegExp {
  if (source.length > MAX_PATTERN)
    throw new WhereError(`the pattern has ${source.length} characters, more than ${MAX_PATTERN}`, at);
  if (!/^[imsu]*$/.test(flags)) throw new WhereError(`unknown flags "${flags}" of a pattern`, at, ['i', 'm', 's', 'u']);
  let made: RegExp;
  try {
    made = new RegExp(source, flags);
  } catch (error) {
    throw new WhereError(error instanceof Error ? error.message : 'not a regular expression', at);
  }
  const danger = dangerOf(source);
  if (danger !== null)
    throw new WhereError(`the pattern ${danger}, which can take for ever on some texts; write it otherwise`, at);
  return made;
}

/** What makes a pattern dangerous, or null. Walks the pattern once; it is known to be well formed. */
function dangerOf(source: string): string | null {
  /** For each open group: whether something in it repeats or is a choice. */
  const groups: boolean[] = [];
  let closed = false;
  let quantifiers = 0;
  for (let i = 0; i < source.length; i++) {
    const unit = source[i] as string;
    if (unit === '\\') {
      if (/[1-9k]/.test(source[i + 1] ?? '')) return 'refers back to a group';
      i++;
      closed = false;
    } else if (unit === '[') {
      for (i++; i < source.length && source[i] !== ']'; i++) if (source[i] === '\\') i++;
      closed = false;
    } else if (unit === '(') {
      if (/^\?(?:[=!]|<[=!])/.test(source.slice(i + 1, i + 4))) return 'looks ahead or behind';
      if (source[i + 1] === '?') i = source[i + 2] === '<' ? source.indexOf('>', i) : i + 2;
      groups.push(false);
      closed = false;
    } else if (unit === ')') {
      closed = groups.pop() ?? false;
      if (closed) mark(groups);
    } else if (unit === '|') {
      mark(groups);
      closed = false;
    } else {
      const repeat = /^(?:[*+]|\{(\d+)(,?)(\d*)\})/.exec(source.slice(i, i + 24));
      if (repeat !== null) {
        const bounded = repeat[1] !== undefined && (repeat[2] === '' || repeat[3] !== '');
        const most = Number(repeat[3] === '' || repeat[3] === undefined ? repeat[1] : repeat[3]);
        if (closed && !(bounded && most <= 1)) return 'repeats a group that itself repeats or chooses';
        if (!bounded || most > 32) quantifiers++;
        if (quantifiers > MAX_QUANTIFIERS) return `has more than ${MAX_QUANTIFIERS} unbounded quantifiers`;
        mark(groups);
        i += repeat[0].length - 1;
      } else if (unit === '?' && groups.length > 0) mark(groups);
      closed = false;
    }
  }
  return null;
}

function mark(groups: boolean[]): void {
  if (groups.length > 0) groups[groups.length - 1] = true;
}
