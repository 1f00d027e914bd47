import { describe, expect, it } from 'vitest';
import { parseSize } from '../../src/ndr/expression.js';
import { evaluate, readExpression, sizeText } from '../../src/ndr/idl/expressions.js';
import { IdlError } from '../../src/ndr/idl/error.js';
import { lex } from '../../src/ndr/idl/lexer.js';

const scope = (fields: Readonly<Record<string, number | bigint | string>>) => ({
  scope: fields,
  params: null,
  request: null,
});

describe('sizes of arrays', () => {
  it.each([
    ['n', 7, 7, 7],
    ['n+2', 7, 9, 7],
    ['n-2', 7, 5, 7],
    ['n*2', 7, 14, 7],
    ['n/2', 8, 4, 8],
    ['n & 0x0f', 0x17, 0x07, 7],
    ['*n', 7, 7, 7],
  ])('%s of %i is %i, and back %i', (text, n, size, back) => {
    const parsed = parseSize(text);
    expect([parsed.value(scope({ n })), parsed.inverse(size)]).toEqual([size, back]);
  });

  it('are null where the field is not there or no number, and have no inverse where none fits', () => {
    expect(parseSize('n').value(scope({}))).toBeNull();
    expect(parseSize('n').value(scope({ n: 'text' }))).toBeNull();
    expect(parseSize('n').value(scope({ n: 4n }))).toBe(4);
    expect(parseSize('n*2').inverse(7)).toBeNull();
    expect(parseSize('n+2').inverse(1)).toBeNull();
    expect(parseSize('n&3').inverse(4)).toBeNull();
    expect([parseSize('12').value(scope({})), parseSize('12').inverse(5), parseSize('12').apply(3)]).toEqual([
      12, 5, 3,
    ]);
  });

  it('are looked for in the structure, the parameters and the request, in that order', () => {
    const parsed = parseSize('n');
    expect(parsed.value({ scope: { n: 1 }, params: { n: 2 }, request: { n: 3 } })).toBe(1);
    expect(parsed.value({ scope: {}, params: { n: 2 }, request: { n: 3 } })).toBe(2);
    expect(parsed.value({ scope: null, params: null, request: { n: 3 } })).toBe(3);
    expect(parseSize('constructor').value(scope({}))).toBeNull();
  });

  it('of another form are refused', () => {
    expect(() => parseSize('n+m')).toThrow('is not of the form');
  });
});

const parsed = (text: string) => readExpression(lex('t.idl', text), 0).expression;
const constants: Readonly<Record<string, string>> = { FOUR: '4', EIGHT: 'FOUR*2' };
const constant = (name: string) => (constants[name] === undefined ? null : parsed(constants[name]));

describe('expressions of IDL', () => {
  it.each([
    ['1 + 2 * 3', 7n],
    ['(1 + 2) * 3', 9n],
    ['0x10 | 010', 0x18n],
    ['7 & 3 ^ 1', 2n],
    ['1 << 4 >> 1', 8n],
    ['10 / 3 - 10 % 3', 2n],
    ['-1 + +2', 1n],
    ['~0', -1n],
    ['!0 + !5', 1n],
    ['1 == 1 && 2 != 3', 1n],
    ['1 < 2 || 2 <= 1', 1n],
    ['2 > 1 && 2 >= 2', 1n],
    ['1 ? 10 : 20', 10n],
    ['0 ? 10 : 20', 20n],
    ['EIGHT + FOUR', 12n],
    ['(long) 5', 5n],
    ['5UL', 5n],
    ['unknown', null],
    ['-unknown', null],
    ['unknown ? 1 : 2', null],
    ['1 + unknown', null],
    ['&5', null],
  ])('%s is %s', (text, value) => {
    expect(evaluate(parsed(text), constant)).toBe(value);
  });

  it.each([
    ['1 / 0', 'divides by zero'],
    ['1 << 64', 'shifts by 64'],
  ])('%s is refused', (text, words) => {
    expect(() => evaluate(parsed(text), constant)).toThrow(words);
  });

  it.each([
    ['1.5', 'no integer of 64 bits'],
    ['(1', '")" is missing'],
    ['', 'an expression is missing'],
    ['"text"', 'an expression should stand here'],
    [`${'('.repeat(1000)}1`, 'nested deeper'],
  ])('%s is none', (text, words) => {
    expect(() => parsed(text)).toThrow(IdlError);
    expect(() => parsed(text)).toThrow(words);
  });

  it.each([
    ['4', 0n, '4'],
    ['4', 2n, '6'],
    ['0', -1n, null],
    ['n', 0n, 'n'],
    ['n', 1n, 'n+1'],
    ['*n', 0n, '*n'],
    ['n + 4', 0n, 'n+4'],
    ['4 + n', 0n, 'n+4'],
    ['n - 1', 1n, 'n'],
    ['n - 3', 1n, 'n-2'],
    ['n * FOUR', 0n, 'n*4'],
    ['n / 2', 0n, 'n/2'],
    ['n / 2', 1n, null],
    ['n % 2', 0n, null],
    ['n + m', 0n, null],
    ['a.b', 0n, null],
    ['-n', 0n, null],
  ])('%s with %s more is the size %s', (text, plus, size) => {
    expect(sizeText(parsed(text), constant, plus)).toBe(size);
  });
});
