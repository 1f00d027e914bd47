import { toHex } from '../bytes/hex.js';
import type { Value } from '../types.js';
import { cut, escapeTerminal, quoted } from './escape.js';
import { MAX_LINE_DEPTH, MAX_LINE_ITEMS, MAX_LINE_TEXT, MAX_LINE_VALUES, MAX_SHOWN_BYTES } from './limits.js';

type Bag = { readonly [name: string]: Value };

/** A value on one line, bounded in every way and safe to print: `"text"`, `3`, `IUpdate#4`, `[1, 2, … 9]`, `{a=1, b=2}`. */
export function valueText(value: Value, width = MAX_LINE_TEXT, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return quoted(value, width);
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return 'null';
      if (value instanceof Uint8Array) return bytesText(value);
      if (Array.isArray(value)) return listText(value as readonly Value[], width, depth);
      return bagText(value as Bag, width, depth);
  }
}

/** `name=value, …` of parameters; cut at MAX_LINE_VALUES characters. */
export function argumentsText(fields: Bag): string {
  let text = '';
  for (const name in fields) {
    text += `${text === '' ? '' : ', '}${escapeTerminal(name)}=${valueText(fields[name] as Value)}`;
    if (text.length > MAX_LINE_VALUES) break;
  }
  return cut(text, MAX_LINE_VALUES);
}

export function bytesText(bytes: Uint8Array): string {
  return bytes.length <= MAX_SHOWN_BYTES ? `<${toHex(bytes)}>` : `<${toHex(bytes, 0, MAX_SHOWN_BYTES)}… ${bytes.length} bytes>`;
}

function listText(list: readonly Value[], width: number, depth: number): string {
  if (depth >= MAX_LINE_DEPTH) return `[${list.length}]`;
  const shown = list.slice(0, MAX_LINE_ITEMS).map((item) => valueText(item, width, depth + 1));
  if (list.length > MAX_LINE_ITEMS) shown.push(`… ${list.length}`);
  return cut(`[${shown.join(', ')}]`, MAX_LINE_VALUES);
}

function bagText(bag: Bag, width: number, depth: number): string {
  const pointer = pointerText(bag);
  if (pointer !== null) return pointer;
  if (depth >= MAX_LINE_DEPTH) return '{…}';
  const { vt } = bag;
  // A VARIANT is shown as what it holds.
  if (typeof vt === 'string' && Object.hasOwn(bag, 'value')) {
    const held = bag['value'] as Value;
    if (held === null) return escapeTerminal(vt);
    return (bag['byref'] === true ? '&' : '') + valueText(held, width, depth + 1);
  }
  const shown: string[] = [];
  for (const name in bag) {
    if (shown.length >= MAX_LINE_ITEMS) {
      shown.push('…');
      break;
    }
    shown.push(`${escapeTerminal(name)}=${valueText(bag[name] as Value, width, depth + 1)}`);
  }
  return cut(`{${shown.join(', ')}}`, MAX_LINE_VALUES);
}

/** An interface pointer by its label, or by its interface and the head of its IPID; null for anything else. */
function pointerText(bag: Bag): string | null {
  const { iid, ipid, label, interface: face } = bag;
  if (typeof iid !== 'string') return null;
  if (typeof label === 'string') return escapeTerminal(label);
  const name = typeof face === 'string' ? escapeTerminal(face) : `{${escapeTerminal(cut(iid, 36))}}`;
  return typeof ipid === 'string' ? `${name}@${shortIpid(ipid)}` : typeof bag['kind'] === 'string' ? `${name} (${escapeTerminal(bag['kind'])})` : null;
}

/** The first eight digits of an IPID: enough to tell two apart by eye. */
export function shortIpid(ipid: string): string {
  return escapeTerminal(ipid.slice(0, 8));
}
