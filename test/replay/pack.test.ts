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

  it('keep every field whatever captured traffic named it', () => {
    for (const name of ['toJSON', 'constructor', 'hasOwnProperty', 'then', 'length', '$utf16', '$float', '__proto__']) {
      const value: Value = Object.fromEntries([
        ['constructor', 'somebody'],
        ['toJSON', 7],
        [name, { constructor: null, toJSON: 'text', [name]: new Uint8Array(3) }],
      ]);
      expect(unpack(pack(value))).toEqual({ value });
    }
  });

  it('leave what was given as it was', () => {
    const value: Value = { half: '\ud800', zero: -0, $name: [new Uint8Array([1])], plain: { text: 'x' } };
    const before = structuredClone(value);
    const bytes = pack(value);
    expect(value).toEqual(before);
    expect(unpack(bytes)).toEqual({ value: before });
  });
});
