import { CALL_HEADERS } from '../ndr/codec.js';
import type { Fields } from '../ndr/value.js';
import type { Value } from '../types.js';
import { hex32, toHex } from '../bytes/hex.js';
import { cut, escapeTerminal, quoted } from './escape.js';
import type { Names } from './names.js';
import { MAX_LINE_DEPTH, MAX_LINE_ITEMS, MAX_LINE_TEXT, MAX_LINE_VALUES, MAX_SHOWN_BYTES } from './limits.js';

/** How values are put on a line. */
export interface Shown {
  /** Characters of one text. */
  readonly width: number;
  /** Names results inside values; null leaves them numbers. */
  readonly names: Names | null;
  /** The member that the values are parameters of, `Interface::Method`: its flags are spelled. */
  readonly member?: string;
}

const LINE: Shown = { width: MAX_LINE_TEXT, names: null };
/** Fields that hold an HRESULT, by what the specifications call them. */
const RESULT_NAME = /^(?:p?hr|p?hresults?|scode|presults)$/i;

/** Fields that hold UUIDs of interfaces or classes, by what the specifications call them. */
const UUID_NAME = /^(?:p?r?iids?|r?clsid|class_?id|classinfoclsid|guid|uuid)$/i;

/**
 * A value on one line, bounded in every way and safe to print: `"text"`, `3`, `IUpdate#4`, `[1, 2, … 9]`, `{a=1, b=2}`.
 */
export function valueText(value: Value, shown: Shown = LINE, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return quoted(value, shown.width);
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      if (value instanceof Uint8Array) return bytesText(value);
      if (Array.isArray(value)) return listText(value as readonly Value[], shown, depth);
      return recordText(value as Fields, shown, depth);
  }
}

/** `name=value, …` of parameters; cut at MAX_LINE_VALUES characters. */
export function argumentsText(fields: Fields, shown: Shown = LINE): string {
  let text = '';
  for (const name in fields) {
    if (CALL_HEADERS.includes(name)) continue;
    text += `${text === '' ? '' : ', '}${escapeTerminal(name)}=${memberText(name, fields[name] as Value, shown, 0)}`;
    if (text.length > MAX_LINE_VALUES) break;
  }
  return cut(text, MAX_LINE_VALUES);
}

export function bytesText(bytes: Uint8Array): string {
  return bytes.length <= MAX_SHOWN_BYTES
    ? `<${toHex(bytes)}>`
    : `<${toHex(bytes, 0, MAX_SHOWN_BYTES)}… ${bytes.length} bytes>`;
}

function listText(list: readonly Value[], shown: Shown, depth: number): string {
  if (depth >= MAX_LINE_DEPTH) return `[${list.length}]`;
  const parts = list.slice(0, MAX_LINE_ITEMS).map((item) => valueText(item, shown, depth + 1));
  if (list.length > MAX_LINE_ITEMS) parts.push(`… ${list.length}`);
  return cut(`[${parts.join(', ')}]`, MAX_LINE_VALUES);
}

function recordText(record: Fields, shown: Shown, depth: number): string {
  const pointer = pointerText(record);
  if (pointer !== null) return pointer;
  if (depth >= MAX_LINE_DEPTH) return '{…}';
  const { vt } = record;
  // A VARIANT is shown as what it holds.
  if (typeof vt === 'string' && Object.hasOwn(record, 'value')) {
    const held = record['value'] as Value;
    if (held === null) return escapeTerminal(vt);
    return (record['byref'] === true ? '&' : '') + valueText(held, shown, depth + 1);
  }
  const parts: string[] = [];
  for (const name in record) {
    if (parts.length >= MAX_LINE_ITEMS) {
      parts.push('…');
      break;
    }
    parts.push(`${escapeTerminal(name)}=${memberText(name, record[name] as Value, shown, depth + 1)}`);
  }
  return cut(`{${parts.join(', ')}}`, MAX_LINE_VALUES);
}

function memberText(name: string, value: Value, shown: Shown, depth: number): string {
  if (depth === 0 && shown.member !== undefined && typeof value === 'number') {
    const flags = shown.names?.flags?.(`${shown.member}.${name}`, value) ?? null;
    if (flags !== null) return flags;
  }
  if (shown.names?.uuid !== undefined && UUID_NAME.test(name)) return uuidText(value, shown, depth);
  if (shown.names === null || !RESULT_NAME.test(name)) return valueText(value, shown, depth);
  if (typeof value === 'number') return shown.names.hresult(value >>> 0) ?? hex32(value);
  return valueText(value, shown, depth);
}

/** A UUID, or a list of some, by the names of what they mean; others as they are. */
function uuidText(value: Value, shown: Shown, depth: number): string {
  if (typeof value === 'string') {
    const name = shown.names?.uuid?.(value) ?? null;
    return name === null ? valueText(value, shown, depth) : escapeTerminal(name);
  }
  if (!Array.isArray(value) || depth >= MAX_LINE_DEPTH) return valueText(value, shown, depth);
  const list = value as readonly Value[];
  const parts = list.slice(0, MAX_LINE_ITEMS).map((one) => uuidText(one, shown, depth + 1));
  if (list.length > MAX_LINE_ITEMS) parts.push(`… ${list.length}`);
  return cut(`[${parts.join(', ')}]`, MAX_LINE_VALUES);
}

/** An interface pointer by its label, or by its interface and the head of its IPID; null for anything else. */
function pointerText(record: Fields): string | null {
  const { iid, ipid, label, interface: shownAs } = record;
  if (typeof iid !== 'string') return null;
  if (typeof label === 'string') return escapeTerminal(label);
  const name = typeof shownAs === 'string' ? escapeTerminal(shownAs) : `{${escapeTerminal(cut(iid, 36))}}`;
  if (typeof ipid === 'string') return `${name}@${shortIpid(ipid)}`;
  return typeof record['kind'] === 'string' ? `${name} (${escapeTerminal(record['kind'])})` : null;
}

/** The first eight digits of an IPID: enough to tell two apart by eye. */
export function shortIpid(ipid: string): string {
  return escapeTerminal(ipid.slice(0, 8));
}
