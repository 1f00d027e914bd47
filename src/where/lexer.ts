import { WhereError } from './error.js';
import { MAX_EXPRESSION } from './limits.js';

export type Token =
  | { readonly kind: 'name'; readonly text: string; readonly at: number }
  | { readonly kind: 'text'; readonly text: string; readonly at: number }
  | { readonly kind: 'pattern'; readonly text: string; readonly flags: string; readonly at: number }
  /** `unit` is '' for a plain number; a duration is given in nanoseconds. */
  | { readonly kind: 'number'; readonly value: number | bigint; readonly unit: string; readonly at: number }
  /** `@name`: an expression that a user named. */
  | { readonly kind: 'named'; readonly text: string; readonly at: number }
  | { readonly kind: 'sign'; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly at: number };

const SIGNS = ['&&', '||', '==', '!=', '<=', '>=', '<', '>', '~', '!', '(', ')', '[', ']', ',', '.'];
const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  min: 60e9,
  h: 3600e9,
};
const NUMBER = /-?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
const NAME = /[A-Za-z_$][\w$]*/y;
const NAMED = /@([A-Za-z_]\w*)/y;
const UNIT = /[A-Za-zµ]+/y;
const PATTERN = /\/((?:[^/\\[]|\\.|\[(?:[^\]\\]|\\.)*\])+)\/([a-z]*)/y;

interface Cut {
  readonly token: Token;
  /** Index behind it. */
  readonly end: number;
}

/** The token that begins at a place; it is no space. @throws WhereError */
function tokenAt(expression: string, at: number, afterDot: boolean): Cut {
  const unit = expression[at] ?? '';
  if (unit === '"' || unit === "'") {
    const text = quoted(expression, at);
    return { token: { kind: 'text', text: text.value, at }, end: text.end };
  }
  const number = matchAt(afterDot ? /\d+/y : NUMBER, expression, at);
  if (number !== null) {
    const token = numberToken(expression, number[0], at);
    return { token, end: at + number[0].length + token.unit.length };
  }
  const name = matchAt(NAME, expression, at);
  if (name !== null) return { token: { kind: 'name', text: name[0], at }, end: at + name[0].length };
  const named = matchAt(NAMED, expression, at);
  if (named !== null) return { token: { kind: 'named', text: named[1] ?? '', at }, end: at + named[0].length };
  const pattern = matchAt(PATTERN, expression, at);
  if (pattern !== null) {
    const [whole, text = '', flags = ''] = pattern;
    return { token: { kind: 'pattern', text, flags, at }, end: at + whole.length };
  }
  const sign = SIGNS.find((candidate) => expression.startsWith(candidate, at));
  if (sign === undefined) throw strange(unit, at);
  return { token: { kind: 'sign', text: sign, at }, end: at + sign.length };
}

/** Cuts an expression into tokens; the last one is `end`. @throws WhereError */
export function tokens(expression: string): readonly Token[] {
  if (expression.length > MAX_EXPRESSION)
    throw new WhereError(
      `the expression has ${expression.length} characters, more than ${MAX_EXPRESSION}`,
      MAX_EXPRESSION,
    );
  const found: Token[] = [];
  let at = 0;
  while (at < expression.length) {
    if (/\s/.test(expression[at] ?? '')) {
      at++;
      continue;
    }
    const before = found.at(-1);
    // After a dot a number is an index or a name such as `0`, never `0.5`.
    const afterDot = before?.kind === 'sign' && before.text === '.';
    const { token, end } = tokenAt(expression, at, afterDot);
    found.push(token);
    at = end;
  }
  found.push({ kind: 'end', at: expression.length });
  return found;
}

function strange(unit: string, at: number): WhereError {
  const instead = { '=': '==', '&': '&&', '|': '||' }[unit];
  return instead === undefined
    ? new WhereError(`unexpected ${JSON.stringify(unit)}`, at)
    : new WhereError(`"${unit}" is no operator`, at, [instead]);
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function numberToken(expression: string, digits: string, at: number): Token & { readonly kind: 'number' } {
  const negative = digits.startsWith('-');
  const plain = negative ? digits.slice(1) : digits;
  let value: number | bigint = Number(plain);
  if (!Number.isSafeInteger(value) && /^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(plain)) value = BigInt(plain);
  if (negative) value = -value;
  const unit = matchAt(UNIT, expression, at + digits.length)?.[0] ?? '';
  if (unit === '') return { kind: 'number', value, unit, at };
  const scale = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  if (scale === undefined)
    throw new WhereError(`"${unit}" is no unit of time`, at + digits.length, ['ns', 'us', 'ms', 's', 'm', 'h']);
  return { kind: 'number', value: Number(value) * scale, unit, at };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', 0: '\0' };

/**
 * A text in either kind of quotes; `\n \r \t \0 \xHH \uHHHH` and a backslash before any other character are understood.
 */
function quoted(expression: string, start: number): { readonly value: string; readonly end: number } {
  const quote = expression[start];
  let value = '';
  for (let at = start + 1; at < expression.length; at++) {
    const unit = expression[at] as string;
    if (unit === quote) return { value, end: at + 1 };
    if (unit !== '\\') {
      value += unit;
      continue;
    }
    const coded = matchAt(/x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})/y, expression, at + 1);
    if (coded !== null) {
      value += String.fromCharCode(Number.parseInt(coded[1] ?? coded[2] ?? '', 16));
      at += coded[0].length;
    } else {
      const next = expression[++at] ?? '';
      // An unknown escape keeps its backslash: "\d" of a pattern reaches the pattern whole.
      value += ESCAPES[next] ?? (next === quote || next === '\\' ? next : `\\${next}`);
    }
  }
  throw new WhereError('a text begins here and never ends: its closing quote is missing', start);
}
