import type { SizeExpression } from '../types.js';
import type { BinarySign, Expression } from './ast.js';
import { IDL_LIMITS, IdlError } from './error.js';
import type { Token } from './lexer.js';

/** Binary operators by how tightly they bind, loosest first. */
const LEVELS: readonly (readonly BinarySign[])[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
];

/** Reads one expression from tokens; `end` is the index after it. @throws IdlError */
export function readExpression(
  tokens: readonly Token[],
  start: number,
): { readonly expression: Expression; readonly end: number } {
  let at = start;
  const last = tokens.at(-1);

  function here(): Token {
    const token = tokens[at] ?? last;
    if (token === undefined) throw new Error('an expression is read from no tokens');
    return token;
  }

  function sign(text: string): boolean {
    const token = tokens[at];
    if (token?.kind !== 'sign' || token.text !== text) return false;
    at++;
    return true;
  }

  function choice(depth: number): Expression {
    const test = binary(0, depth);
    const { place } = test;
    if (!sign('?')) return test;
    const yes = choice(depth + 1);
    if (!sign(':')) throw new IdlError('":" is missing in an expression', here().place);
    return { kind: 'choice', test, yes, no: choice(depth + 1), place };
  }

  function binary(level: number, depth: number): Expression {
    const signs = LEVELS[level];
    if (signs === undefined) return unary(depth);
    let left = binary(level + 1, depth);
    for (let count = 0; ; count++) {
      const found = signs.find(sign);
      if (found === undefined) return left;
      if (count >= IDL_LIMITS.depth)
        throw new IdlError(`an expression has more than ${IDL_LIMITS.depth} operators in a row`, here().place);
      left = { kind: 'binary', sign: found, left, right: binary(level + 1, depth), place: left.place };
    }
  }

  /** What stands behind "(". */
  function bracketed(depth: number): Expression {
    const inner = choice(depth + 1);
    if (!sign(')')) throw new IdlError('")" is missing in an expression', here().place);
    // A cast: its type is passed over.
    const follows = tokens[at];
    const isCast =
      inner.kind === 'name' && follows !== undefined && (follows.kind === 'name' || follows.kind === 'number');
    return isCast ? unary(depth + 1) : inner;
  }

  function unary(depth: number): Expression {
    const token = here();
    const { place } = token;
    if (depth > IDL_LIMITS.depth) throw new IdlError(`an expression is nested deeper than ${IDL_LIMITS.depth}`, place);
    for (const one of ['-', '+', '~', '!', '*', '&'])
      if (sign(one)) return { kind: 'unary', sign: one, of: unary(depth + 1), place };
    if (sign('(')) return bracketed(depth);
    at++;
    if (token.kind === 'number') return { kind: 'number', value: integerOf(token), place };
    if (token.kind !== 'name' || at > tokens.length)
      throw new IdlError(
        token.text === ''
          ? 'an expression is missing'
          : `an expression should stand here, not ${JSON.stringify(token.text)}`,
        place,
      );
    // a->b, a.b: found nowhere among the fields, so that nothing is checked against it.
    let { text } = token;
    while (sign('->') || sign('.')) text += `.${tokens[at++]?.text ?? ''}`;
    return { kind: 'name', name: text, place };
  }

  return { expression: choice(0), end: at };
}

function integerOf({ text, place }: Token): bigint {
  const digits = text.replace(/[uUlL]+$/, '');
  if (digits.includes('.') || digits.length > 24)
    throw new IdlError(`${text.slice(0, 32)} is no integer of 64 bits`, place);
  return /^0[0-7]+$/.test(digits) ? BigInt(`0o${digits.slice(1)}`) : BigInt(digits);
}

/** The number of a constant expression, in 64 bits; null where a name in it is no constant. */
export function evaluate(
  expression: Expression,
  constant: (name: string) => Expression | null,
  depth = 0,
): bigint | null {
  if (depth > IDL_LIMITS.depth * 4)
    throw new IdlError(`constants are nested deeper than ${IDL_LIMITS.depth * 4}`, expression.place);
  const value = (of: Expression): bigint | null => evaluate(of, constant, depth + 1);
  switch (expression.kind) {
    case 'number':
      return expression.value;
    case 'name': {
      const found = constant(expression.name);
      return found === null ? null : value(found);
    }
    case 'unary': {
      const of = value(expression.of);
      return of === null ? null : signed(expression.sign, of);
    }
    case 'choice': {
      const test = value(expression.test);
      return test === null ? null : value(test !== 0n ? expression.yes : expression.no);
    }
    case 'binary': {
      const left = value(expression.left);
      const right = value(expression.right);
      return left === null || right === null ? null : BigInt.asIntN(65, combine(left, right, expression));
    }
  }
}

/** What a unary operator of C comes to; null for those that are no arithmetic. */
function signed(sign: string, of: bigint): bigint | null {
  switch (sign) {
    case '-':
      return -of;
    case '~':
      return ~of;
    case '!':
      return truth(of === 0n);
    case '+':
      return of;
    default:
      return null;
  }
}

function combine(left: bigint, right: bigint, { sign, place }: Expression & { readonly kind: 'binary' }): bigint {
  if ((sign === '/' || sign === '%') && right === 0n) throw new IdlError('an expression divides by zero', place);
  if ((sign === '<<' || sign === '>>') && (right < 0n || right > 63n))
    throw new IdlError(`an expression shifts by ${right}`, place);
  return OPERATIONS[sign](left, right);
}

/** What binary operators of C come to; comparisons are 1 or 0. */
const OPERATIONS: Readonly<Record<BinarySign, (left: bigint, right: bigint) => bigint>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  '&': (left, right) => left & right,
  '|': (left, right) => left | right,
  '^': (left, right) => left ^ right,
  '<<': (left, right) => left << right,
  '>>': (left, right) => left >> right,
  '==': (left, right) => truth(left === right),
  '!=': (left, right) => truth(left !== right),
  '<': (left, right) => truth(left < right),
  '>': (left, right) => truth(left > right),
  '<=': (left, right) => truth(left <= right),
  '>=': (left, right) => truth(left >= right),
  '&&': (left, right) => truth(left !== 0n && right !== 0n),
  '||': (left, right) => truth(left !== 0n || right !== 0n),
};

function truth(holds: boolean): bigint {
  return holds ? 1n : 0n;
}

/**
 * An expression in the form that descriptors have (a name, or a name with one operator and a constant), or null where
 * it has no such
 * form: then the count on the wire decides, and is compared with nothing.
 */
export function sizeText(
  expression: Expression,
  constant: (name: string) => Expression | null,
  plus = 0n,
): SizeExpression | null {
  const value = evaluate(expression, constant);
  if (value !== null) return value + plus >= 0n ? String(value + plus) : null;
  const field = fieldOf(expression);
  if (field !== null) return plus === 0n ? field : `${field}+${plus}`;
  const sized = expression.kind === 'binary' ? binarySize(expression, constant) : null;
  return sized === null ? null : sizePlus(sized, plus);
}

/** A name with one operator and a constant that is not negative. */
interface BinarySize {
  readonly name: string;
  readonly sign: BinarySign;
  readonly by: bigint;
}

function binarySize(
  expression: Expression & { readonly kind: 'binary' },
  constant: (name: string) => Expression | null,
): BinarySize | null {
  if (!['+', '-', '*', '/', '&'].includes(expression.sign)) return null;
  const swapped = expression.sign !== '-' && expression.sign !== '/' && fieldOf(expression.left) === null;
  const [left, right] = swapped ? [expression.right, expression.left] : [expression.left, expression.right];
  const name = fieldOf(left);
  const by = evaluate(right, constant);
  return name === null || by === null || by < 0n ? null : { name, sign: expression.sign, by };
}

function sizePlus({ name, sign, by }: BinarySize, plus: bigint): SizeExpression | null {
  if (plus === 0n) return `${name}${sign}${by}`;
  if (sign !== '+' && sign !== '-') return null;
  const sum = (sign === '-' ? -by : by) + plus;
  return sum === 0n ? name : `${name}${sum < 0n ? '-' : '+'}${sum < 0n ? -sum : sum}`;
}

function fieldOf(expression: Expression): string | null {
  if (expression.kind === 'name') return expression.name.includes('.') ? null : expression.name;
  return expression.kind === 'unary' &&
    expression.sign === '*' &&
    expression.of.kind === 'name' &&
    !expression.of.name.includes('.')
    ? `*${expression.of.name}`
    : null;
}
