import { toHex } from '../bytes/hex.js';
import type { Value } from '../types.js';
import { MAX_VALUE_DEPTH } from '../ndr/value.js';
import { MAX_CACHED_KEYS } from './limits.js';

/** Above this length the engine's own quoting is faster than a look at every character. */
const SCAN = 48;
// oxlint-disable-next-line no-misleading-character-class -- lone surrogates are what is looked for
const ESCAPED = /["\\\u0000-\u001f\u007f-\u009f\u061c\u200b-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]/;
/** What JSON lets stand, and a terminal or an editor acts on: C1 controls, and marks that turn the direction of text. */
const ACTIVE = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** A text as a JSON string; lone surrogates, and whatever a terminal acts on, come out as `\uXXXX`. */
export function quote(text: string): string {
  const { length } = text;
  if (length > SCAN) return ESCAPED.test(text) ? jsonText(text) : '"' + text + '"';
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 32 || unit === 34 || unit === 92) return jsonText(text);
    if (unit >= 127) return ESCAPED.test(text) ? jsonText(text) : '"' + text + '"';
  }
  return '"' + text + '"';
}

/** Any value as JSON that is safe to print: the same value, in characters that nothing acts on. */
export function jsonText(value: unknown, indent = 0): string {
  return JSON.stringify(value, null, indent).replace(
    ACTIVE,
    (unit) => '\\u' + unit.charCodeAt(0).toString(16).padStart(4, '0'),
  );
}

const keys = new Map<string, string>();

/** `"name":` */
function key(name: string): string {
  const known = keys.get(name);
  if (known !== undefined) return known;
  const text = jsonText(name) + ':';
  if (keys.size < MAX_CACHED_KEYS) keys.set(name, text);
  return text;
}

/** A text, or null. */
export function quoteOrNull(text: string | null): string {
  return text === null ? 'null' : quote(text);
}

type Fields = { readonly [name: string]: Value };

/**
 * A value as JSON: 64-bit integers and numbers JSON cannot hold as text, bytes as hex, an interface pointer with the
 * contract's names first. Without `JSON.stringify`, which costs more than decoding.
 */
export function valueJson(value: Value | undefined, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      if (!Number.isFinite(value)) return '"' + value + '"';
      return value === 0 ? '0' : '' + value;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return '"' + value + '"';
    case 'object':
      if (value === null || depth > MAX_VALUE_DEPTH) return 'null';
      if (Array.isArray(value)) return listJson(value as readonly Value[], depth);
      if (value instanceof Uint8Array) return '"' + toHex(value) + '"';
      return objectJson(value as Fields, depth);
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

function objectJson(fields: Fields, depth: number): string {
  if (typeof fields['ipid'] === 'string' && typeof fields['iid'] === 'string') return pointerJson(fields, depth);
  return fieldsJson(fields, depth);
}

/** The members of a plain object in their own order. */
export function fieldsJson(fields: Fields, depth = 0): string {
  let text = '{';
  let first = true;
  for (const name in fields) {
    text += first ? key(name) : ',' + key(name);
    first = false;
    text += valueJson(fields[name], depth + 1);
  }
  return text + '}';
}

/** Members of an interface pointer that have their place in the contract. */
const POINTER = ['interface', 'iid', 'ipid', 'oid', 'oxid', 'label'];

function pointerJson(fields: Fields, depth: number): string {
  let text =
    '{"interface":' +
    valueJson(fields['interface']) +
    ',"iid":' +
    valueJson(fields['iid']) +
    ',"ipid":' +
    valueJson(fields['ipid']) +
    ',"oid":' +
    valueJson(fields['oid']) +
    ',"oxid":' +
    valueJson(fields['oxid']) +
    ',"label":' +
    valueJson(fields['label']);
  for (const name in fields) if (!POINTER.includes(name)) text += ',' + key(name) + valueJson(fields[name], depth + 1);
  return text + '}';
}
