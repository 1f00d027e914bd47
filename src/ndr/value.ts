import type { Fields, Value } from '../types.js';
import { MAX_VALUE_DEPTH } from './limits.js';

export { MAX_VALUE_DEPTH } from './limits.js';

export type { Fields } from '../types.js';

/** A record that is being filled. */
export type OpenFields = { [name: string]: Value };

/**
 * A class of records without a prototype, for one shape: what the wire or an IDL names, `__proto__` and `constructor`
 * included, is a field like any other, and a field that is not there is undefined. Made once for a type, so that its
 * records share their layout: filling one costs no more than filling `{}`.
 */
export function recordClass(): new () => OpenFields {
  // A function, because the prototype of a class cannot be replaced; a new one each time, because V8 keeps the first
  // layout of objects with the function that makes them.
  // oxlint-disable-next-line consistent-function-scoping
  const made = function Fields(): void {} as unknown as new () => OpenFields;
  Object.defineProperty(made, 'prototype', { value: NOTHING_INHERITED });
  return made;
}

/** A symbol is no name the wire can send; with it a record in a message is a text, like other objects. */
const NOTHING_INHERITED: object = Object.freeze(
  Object.create(null, { [Symbol.toPrimitive]: { value: () => '[object Object]' } }),
);
const AnyRecord = recordClass();

/** An empty record to be filled with names from anywhere; see {@link recordClass}. */
export function newRecord(): OpenFields {
  return new AnyRecord();
}

/** A record of entries; of two with the same name the later counts. */
export function recordFrom(entries: Iterable<readonly [name: string, value: Value]>): Fields {
  const made = newRecord();
  for (const [name, value] of entries) made[name] = value;
  return made;
}

/** Whether a value is a record: no list, no bytes, not null. */
export function isRecord(value: Value | undefined): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** Whether the node of a trace with this value stands for the nodes inside it: a record, a list, or what is not there. */
export function isGroup(value: Value): boolean {
  return value === null || (typeof value === 'object' && !(value instanceof Uint8Array));
}

/** The record, or null where the value is none. */
export function recordOf(value: Value | undefined): Fields | null {
  return isRecord(value) ? value : null;
}

/** The record, or an empty one where the value is none. */
export function asRecord(value: Value | undefined): Fields {
  return isRecord(value) ? value : NO_FIELDS;
}

/** A record's own field; undefined where it has none, whatever its prototype has. For records that others made. */
export function ownField(record: Fields, name: string): Value | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** The list, or an empty one where the value is none. */
export function asList(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? (value as readonly Value[]) : NO_VALUES;
}

export const NO_FIELDS: Fields = Object.freeze(newRecord());
const NO_VALUES: readonly Value[] = Object.freeze([]);

/** Calls `enter` with every record inside a value, the value itself included; it says whether to look inside. */
export function walkRecords(value: Value | undefined, enter: (record: Fields) => boolean, depth = 0): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || depth > MAX_VALUE_DEPTH) return;
  if (Array.isArray(value)) {
    for (const item of value as readonly Value[]) walkRecords(item, enter, depth + 1);
    return;
  }
  const record = value as Fields;
  if (enter(record)) for (const name in record) walkRecords(record[name], enter, depth + 1);
}

/**
 * Calls `visit` with every value inside a value, itself included. `name` is that of the field the value stands in, or
 * whose list it stands in; '' for the value itself. Returning false keeps it out of that value.
 */
export function walkValue(
  value: Value,
  visit: (value: Value, name: string) => boolean | void,
  name = '',
  depth = 0,
): void {
  if (visit(value, name) === false) return;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || depth > MAX_VALUE_DEPTH) return;
  if (Array.isArray(value)) {
    for (const item of value as readonly Value[]) walkValue(item, visit, name, depth + 1);
    return;
  }
  const record = value as Fields;
  for (const field in record) walkValue(record[field] as Value, visit, field, depth + 1);
}

/** {@link walkValue} with the path of each value from `path` on, `retval.list[2]`, in place of its name. */
export function walkPaths(
  value: Value,
  visit: (value: Value, path: string) => boolean | void,
  path = '',
  depth = 0,
): void {
  if (visit(value, path) === false) return;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || depth > MAX_VALUE_DEPTH) return;
  if (Array.isArray(value)) {
    for (const [at, item] of (value as readonly Value[]).entries()) walkPaths(item, visit, `${path}[${at}]`, depth + 1);
    return;
  }
  const record = value as Fields;
  for (const name in record) walkPaths(record[name] as Value, visit, path === '' ? name : `${path}.${name}`, depth + 1);
}

/**
 * The value with everything inside it as `change` says: what it returns stands in the place of the value it was given
 * (undefined: look inside). `name` as in {@link walkValue}.
 */
export function mapValue(
  value: Value,
  change: (value: Value, name: string) => Value | undefined,
  name = '',
  depth = 0,
): Value {
  const changed = change(value, name);
  if (changed !== undefined) return changed;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || depth > MAX_VALUE_DEPTH)
    return value;
  if (Array.isArray(value)) return (value as readonly Value[]).map((item) => mapValue(item, change, name, depth + 1));
  const record = value as Fields;
  const made = newRecord();
  for (const field in record) made[field] = mapValue(record[field] as Value, change, field, depth + 1);
  return made;
}

/** {@link mapValue} of a record's fields. */
export function mapFields(fields: Fields, change: (value: Value, name: string) => Value | undefined): Fields {
  const made = newRecord();
  for (const name in fields) made[name] = mapValue(fields[name] as Value, change, name, 1);
  return made;
}

/** Whether two values show the same; numbers by their bits' value, so NaN is NaN and -0 is not 0. */
export function sameValue(a: Value, b: Value, depth = 0): boolean {
  if (Object.is(a, b)) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object' || depth > MAX_VALUE_DEPTH)
    return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && sameBytes(a, b);
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && sameList(a, b, depth);
  return sameFields(a as Fields, b as Fields, depth);
}

function sameList(left: readonly Value[], right: readonly Value[], depth: number): boolean {
  return left.length === right.length && left.every((item, i) => sameValue(item, right[i] ?? null, depth + 1));
}

function sameFields(left: Fields, right: Fields, depth: number): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && sameValue(left[name] as Value, right[name] as Value, depth + 1))
  );
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
