import { fragment, JsonBytes, keyOf } from '../bytes/json.js';
import type { Value } from '../types.js';
import { isRecord, MAX_VALUE_DEPTH, type Fields } from './value.js';

export const NULL = fragment('null');
export const TRUE = fragment('true');
export const FALSE = fragment('false');
const QUOTE = 0x22;
const COMMA = 0x2c;

/** A text, or null. */
export function putTextOrNull(out: JsonBytes, text: string | null): void {
  if (text === null) out.raw(NULL);
  else out.quoted(text);
}

/**
 * Appends a value as JSON: 64-bit integers and numbers JSON cannot hold as text, bytes as hex, an interface pointer with
 * the contract's names first. Without `JSON.stringify`, which costs more than decoding.
 */
export function putValue(out: JsonBytes, value: Value | undefined, depth = 0): void {
  switch (typeof value) {
    case 'string':
      out.quoted(value);
      return;
    case 'number':
      if (Number.isFinite(value)) out.number(value === 0 ? 0 : value);
      else out.plain('"' + value + '"');
      return;
    case 'boolean':
      out.raw(value ? TRUE : FALSE);
      return;
    case 'bigint':
      out.plain('"' + value + '"');
      return;
    case 'object':
      if (value === null || depth > MAX_VALUE_DEPTH) out.raw(NULL);
      else putObject(out, value, depth);
      return;
    default:
      out.raw(NULL);
  }
}

function putObject(
  out: JsonBytes,
  value: Exclude<Value, string | number | boolean | bigint | null>,
  depth: number,
): void {
  if (Array.isArray(value)) putList(out, value as readonly Value[], depth);
  else if (value instanceof Uint8Array) {
    out.byte(QUOTE);
    out.hex(value, 0, value.length);
    out.byte(QUOTE);
  } else {
    const fields = value as Fields;
    if (typeof fields['ipid'] === 'string' && typeof fields['iid'] === 'string') putPointer(out, fields, depth);
    else putFields(out, fields, depth);
  }
}

function putList(out: JsonBytes, list: readonly Value[], depth: number): void {
  out.byte(0x5b);
  for (let i = 0; i < list.length; i++) {
    if (i > 0) out.byte(COMMA);
    putValue(out, list[i], depth + 1);
  }
  out.byte(0x5d);
}

/** The members of a plain object in their own order. */
export function putFields(out: JsonBytes, fields: Fields, depth = 0): void {
  out.byte(0x7b);
  let first = true;
  for (const name in fields) {
    const key = keyOf(name);
    out.raw(first ? key.first : key.next);
    first = false;
    putValue(out, fields[name], depth + 1);
  }
  out.byte(0x7d);
}

/** Members of an interface pointer that have their place in the contract. */
const POINTER = ['interface', 'iid', 'ipid', 'oid', 'oxid', 'label'];
const PLACES = POINTER.map((name, i) => [name, fragment((i === 0 ? '{' : ',') + '"' + name + '":')] as const);

function putPointer(out: JsonBytes, fields: Fields, depth: number): void {
  for (const [name, key] of PLACES) {
    out.raw(key);
    putValue(out, fields[name]);
  }
  for (const name in fields) {
    if (POINTER.includes(name)) continue;
    out.raw(keyOf(name).next);
    const value = fields[name];
    if (name === 'bindings' && depth < SHALLOW && Object.isFrozen(value) && isRecord(value))
      putShared(out, value, depth + 1);
    else putValue(out, value, depth + 1);
  }
  out.byte(0x7d);
}

/** Levels below which bindings are written whole. */
const SHALLOW = 64;
const written = new WeakMap<Fields, Uint8Array>();

/** Bindings are shared by all references of an exporter and never change: they are written once. */
function putShared(out: JsonBytes, fields: Fields, depth: number): void {
  const known = written.get(fields);
  if (known !== undefined) {
    out.raw(known);
    return;
  }
  const from = out.at;
  putValue(out, fields, depth);
  written.set(fields, new Uint8Array(out.buffer.subarray(from, out.at)));
}

/** A value as JSON text: see {@link putValue}. */
export function valueJson(value: Value | undefined): string {
  const out = new JsonBytes(256);
  putValue(out, value);
  return out.text();
}
