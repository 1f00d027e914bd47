import { describe, expect, it } from 'vitest';
import { MAX_VALUE_DEPTH } from '../../src/ndr/limits.js';
import {
  asList,
  asRecord,
  isRecord,
  mapFields,
  mapValue,
  newRecord,
  recordFrom,
  recordOf,
  sameValue,
  walkRecords,
  walkValue,
  walkPaths,
  type Fields,
} from '../../src/ndr/value.js';
import type { Value } from '../../src/types.js';

const BYTES = Uint8Array.of(1, 2);
const VALUE: Value = { a: 1, list: [{ b: 'x' }, [2n]], bytes: BYTES, none: null };
/** Names that every plain object has or answers to. */
const INHERITED = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__', 'valueOf'];

function nested(levels: number): Value {
  let value: Value = 'core';
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { inner: value };
  return value;
}

describe('what a value is', () => {
  it('tells records from lists, bytes and null', () => {
    expect([VALUE, newRecord(), [], BYTES, null, undefined, 'text', 1n].map(isRecord)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(asRecord([1])).toEqual({});
    expect(recordOf([1])).toBeNull();
    expect(asList({ a: 1 })).toEqual([]);
    expect(asList([1])).toEqual([1]);
  });

  it('compares by content, numbers by their bits', () => {
    expect(sameValue(VALUE, { none: null, bytes: BYTES.slice(), list: [{ b: 'x' }, [2n]], a: 1 })).toBe(true);
    expect(sameValue(NaN, NaN)).toBe(true);
    expect(sameValue(0, -0)).toBe(false);
    expect(sameValue([], {})).toBe(false);
    expect(sameValue(Uint8Array.of(1), Uint8Array.of(2))).toBe(false);
    expect(sameValue({ a: 1 }, { b: 1 })).toBe(false);
  });
});

describe('records whose names come from the wire', () => {
  it.each(INHERITED)('hold a field named %s and do not answer to it without one', (name) => {
    const record = newRecord();
    expect(record[name]).toBeUndefined();
    record[name] = { hidden: 1 };
    record['x'] = 2;
    expect(Object.keys(record)).toEqual([name, 'x']);
    expect(record['hidden']).toBeUndefined();
    expect(recordFrom([[name, 3]])[name]).toBe(3);
  });

  it.each(INHERITED)('keep a field named %s through a map', (name) => {
    const made = mapValue(recordFrom([[name, ['old']]]), (value) => (value === 'old' ? 'new' : undefined)) as Fields;
    expect(Object.entries(made)).toEqual([[name, ['new']]]);
    expect(Object.keys(mapFields(recordFrom([[name, 1]]), () => undefined))).toEqual([name]);
    const paths: string[] = [];
    walkPaths(made, (_, path) => void paths.push(path));
    expect(paths).toEqual(['', name, `${name}[0]`]);
  });

  it('are texts in a message, and no numbers', () => {
    expect(`${String(newRecord())}`).toBe('[object Object]');
    expect(Number(newRecord())).toBeNaN();
  });
});

describe('walks', () => {
  it('come to every value with its path, and stay out where told to', () => {
    const paths: string[] = [];
    walkPaths(VALUE, (value, path) => (paths.push(path), !Array.isArray(value)), 'out');
    expect(paths).toEqual(['out', 'out.a', 'out.list', 'out.bytes', 'out.none']);
    const all: string[] = [];
    walkPaths(VALUE, (_, path) => void all.push(path));
    expect(all).toEqual(['', 'a', 'list', 'list[0]', 'list[0].b', 'list[1]', 'list[1][0]', 'bytes', 'none']);
  });

  it('come to every value with the name of its field, which is also that of what is in its list', () => {
    const names: string[] = [];
    walkValue(VALUE, (value, name) => (names.push(name), value !== BYTES));
    expect(names).toEqual(['', 'a', 'list', 'list', 'b', 'list', 'list', 'bytes', 'none']);
    names.length = 0;
    walkValue(VALUE, (_, name) => (names.push(name), false), 'whole');
    expect(names).toEqual(['whole']);
  });

  it('come to every record, and stay out where told to', () => {
    const seen: Fields[] = [];
    walkRecords([VALUE, { inner: { deep: 1 } }], (record) => {
      seen.push(record);
      return record !== VALUE;
    });
    expect(seen).toEqual([VALUE, { inner: { deep: 1 } }, { deep: 1 }]);
  });

  it('change values in their places and leave the rest', () => {
    const names: string[] = [];
    const made = mapValue(VALUE, (value, name) => {
      names.push(name);
      return typeof value === 'string' ? value.toUpperCase() : undefined;
    });
    expect(made).toEqual({ a: 1, list: [{ b: 'X' }, [2n]], bytes: BYTES, none: null });
    expect(names).toEqual(['', 'a', 'list', 'list', 'b', 'list', 'list', 'bytes', 'none']);
  });

  it('go no deeper than values are decoded, and that deep', () => {
    const deepest = (value: Value): number => {
      let most = -1;
      walkPaths(value, (_, path) => void (most = Math.max(most, (path.match(/\[0\]|inner/g) ?? []).length)));
      return most;
    };
    expect(deepest(nested(MAX_VALUE_DEPTH))).toBe(MAX_VALUE_DEPTH);
    expect(deepest(nested(50_000))).toBe(MAX_VALUE_DEPTH + 1);
    let records = 0;
    walkRecords(nested(50_000), () => ++records > 0);
    expect(records).toBeLessThanOrEqual(MAX_VALUE_DEPTH);
    expect(() => mapValue(nested(50_000), () => undefined)).not.toThrow();
  });
});

describe('values deeper than any walk goes', () => {
  it('are the same only where they are one value, whatever their depth', () => {
    const [one, other] = [nested(200_000), nested(200_000)];
    expect(sameValue(one, one)).toBe(true);
    expect(sameValue(one, other)).toBe(false);
    expect(sameValue(nested(MAX_VALUE_DEPTH), nested(MAX_VALUE_DEPTH))).toBe(true);
  });
});
