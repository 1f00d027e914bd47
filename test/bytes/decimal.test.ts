import { expect, test } from 'vitest';
import { grouped } from '../../src/bytes/decimal.js';

test('groups whole numbers as the language does', () => {
  for (let exponent = 0; exponent <= 15; exponent++)
    for (const value of [10 ** exponent - 1, 10 ** exponent, -(10 ** exponent)])
      expect(grouped(value)).toBe(value.toLocaleString('en-US'));
  expect(grouped(0)).toBe('0');
  expect(grouped(Number.MAX_SAFE_INTEGER)).toBe('9,007,199,254,740,991');
});
