import { toHex } from '../bytes/hex.js';
import type { Value } from '../types.js';
import { MAX_CACHED_KEYS, MAX_VALUE_DEPTH } from './limits.js';

/** Above this length the engine's own quoting is faster than a look at every character. */
const SCAN = 48;
// oxlint-disable-next-line no-misleading-character-class -- lone surrogates are what is looked for
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

/** A text as a JSON string; lone surrogates come out as `\uXXXX`. */
export function quote(text: string): string {
  const { length } = text;
  if (length > SCAN) return ESCAPED.test(text) ? JSON.stringify(text) : '"' + text + '"';
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 32 || unit === 34 || unit === 92 || (unit >= 0xd800 && unit <= 0xdfff)) return JSON.stringify(text);
  }
  return '"' + text + '"';
}

const keys = new Map<string, string>();

/** `"name":` */
function key(name: string): string {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const text = JSON.stringify(name) + ':';
  if (keys.size < MAX_CACHED_KEYS) keys.set(name, text);
  return text;
}

/** A text, or null. */
export function quoteOrNull(text: string | null): string {
  return text === null ? 'null' : quote(text);
}

type Bag = { readonly [name: string]: Value };

/**
 * A value as JSON: 64-bit integers and numbers JSON cannot hold as text, bytes as hex, an interface pointer with the
 * contract's names first. Without `JSON.stringify`, which costs more than decoding.
 */
export function valueJson(value: Value | undefined, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return Number.isFinite(value) ? (value === 0 ? '0' : '' + value) : '"' + value + '"';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return '"' + value + '"';
    case 'object':
      if (value === null || depth > MAX_VALUE_DEPTH) return 'null';
      if (Array.isArray(value)) return listJson(value as readonly Value[], depth);
      if (value instanceof Uint8Array) return '"' + toHex(value) + '"';
      return objectJson(value as Bag, depth);
    default:
      return 'null';
  }
}

function listJson(list: readonly Value[], depth: number): string {
  let text = '[';
  for (let i = 0; i < list.length; i++) {
    if (i > 0) text += ',';
    text += valueJson(list[i], depth + 1);
  }
  return text + ']';
}

function objectJson(bag: Bag, depth: number): string {
  if (typeof bag['ipid'] === 'string' && typeof bag['iid'] === 'string') return pointerJson(bag, depth);
  return fieldsJson(bag, depth);
}

/** The members of a plain object in their own order. */
export function fieldsJson(bag: Bag, depth = 0): string {
  let text = '{';
  let first = true;
  for (const name in bag) {
    text += first ? key(name) : ',' + key(name);
    first = false;
    text += valueJson(bag[name], depth + 1);
  }
  return text + '}';
}

/** Members of an interface pointer that have their place in the contract. */
const POINTER = ['interface', 'iid', 'ipid', 'oid', 'oxid', 'label'];

function pointerJson(bag: Bag, depth: number): string {
  let text =
    '{"interface":' +
    valueJson(bag['interface']) +
    ',"iid":' +
    valueJson(bag['iid']) +
    ',"ipid":' +
    valueJson(bag['ipid']) +
    ',"oid":' +
    valueJson(bag['oid']) +
    ',"oxid":' +
    valueJson(bag['oxid']) +
    ',"label":' +
    valueJson(bag['label']);
  for (const name in bag) if (!POINTER.includes(name)) text += ',' + key(name) + valueJson(bag[name], depth + 1);
  return text + '}';
}
