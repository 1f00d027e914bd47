import { describe, expect, it } from 'vitest';
import { MAX_RECORD_DEPTH } from '../../replay/recording/limits.js';
import { pack, unpack } from '../../replay/recording/pack.js';
import type { Value } from '../../src/types.js';

function nested(levels: number): Value {
  let value: Value = 'core';
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { inner: value };
  return value;
}

describe('values packed for a recording', () => {
  it('come back at the greatest depth that is read', () => {
    const deep = nested(MAX_RECORD_DEPTH - 1);
    expect(unpack(pack(deep))).toEqual({ value: deep });
  });

  it('are refused by name when they nest deeper than is read, however deep', () => {
    for (const levels of [MAX_RECORD_DEPTH + 1, 200_000])
      expect(() => pack(nested(levels))).toThrow(`nests deeper than ${MAX_RECORD_DEPTH}`);
  });
});
