import { Packr } from 'msgpackr';
import { spanOf } from '../../src/bytes/block.js';
import { Cursor } from '../../src/bytes/cursor.js';
import type { Fields } from '../../src/ndr/value.js';
import type { Value } from '../../src/types.js';
import { MAX_RECORD_CONTAINERS, MAX_RECORD_DEPTH } from './limits.js';

/**
 * Plain MessagePack: no shared structures, no extensions, so that any reader of the format can read it. A field that
 * somebody named `toJSON` is a field.
 */
const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  moreTypes: false,
  copyBuffers: true,
  useToJSON: false,
});

/** The MessagePack bytes of a plain value. @throws RangeError where it nests deeper than is read back */
export function pack(value: Value): Uint8Array {
  return new Uint8Array(packr.pack(isPlain(value, 0) ? value : freeze(value)));
}

/** The value of MessagePack bytes, or why they hold none: only plain types, nested to a bound, to the last byte. */
export function unpack(bytes: Uint8Array): { readonly value: Value } | { readonly refused: string } {
  const refused = refuse(bytes);
  if (refused !== null) return { refused };
  try {
    return { value: thaw(packr.unpack(bytes) as Value) };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : 'it cannot be unpacked' };
  }
}

/** The value of bytes that {@link pack} made and nobody else had since: what foreign bytes are asked is not asked. */
export function unpackOwn(bytes: Uint8Array): Value {
  return thaw(packr.unpack(bytes) as Value);
}

/** What UTF-8 or the number types of MessagePack would lose stands in a map under one of these names. */
const UTF16 = '$utf16';
const FLOAT = '$float';
// oxlint-disable-next-line no-misleading-character-class -- halves of pairs are what is looked for
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Nothing in the value has another form where it is packed, as in nearly all: it is not copied then. */
function isPlain(value: Value | undefined, depth: number): boolean {
  if (typeof value === 'string') return !LONE.test(value);
  if (typeof value === 'number') return !Object.is(value, -0);
  if (value === null || typeof value !== 'object') return value !== undefined;
  if (value instanceof Uint8Array) return true;
  if (depth >= MAX_RECORD_DEPTH) return false;
  if (Array.isArray(value)) return (value as readonly Value[]).every((one) => isPlain(one, depth + 1));
  const record = value as Fields;
  for (const name of Object.keys(record)) if (isEscaped(name) || !isPlain(record[name], depth + 1)) return false;
  return true;
}

function freeze(value: Value, depth = 0): unknown {
  if (typeof value === 'string') return LONE.test(value) ? { [UTF16]: units(value) } : value;
  if (typeof value === 'number') return Object.is(value, -0) ? { [FLOAT]: '-0' } : value;
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  if (depth >= MAX_RECORD_DEPTH) throw new RangeError(`a value nests deeper than ${MAX_RECORD_DEPTH}`);
  if (Array.isArray(value)) return (value as readonly Value[]).map((one) => freeze(one, depth + 1));
  const record = value as Fields;
  return Object.fromEntries(
    Object.keys(record).map((name) => [isEscaped(name) ? `$${name}` : name, freeze(record[name] ?? null, depth + 1)]),
  );
}

/** A name that would be taken for one of ours, or for no field at all. */
function isEscaped(name: string): boolean {
  return name.startsWith('$') || name === '__proto__';
}

/** The value that was packed. What was unpacked is nobody else's, and is changed where it stands. */
function thaw(value: Value): Value {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return new Uint8Array(value.buffer, value.byteOffset, value.length);
  if (Array.isArray(value)) {
    const list = value as Value[];
    for (let i = 0; i < list.length; i++) list[i] = thaw(list[i] ?? null);
    return list;
  }
  const record = value as Record<string, Value>;
  let escaped = false;
  for (const name of Object.keys(record)) {
    if (name.startsWith('$')) escaped = true;
    const inner = record[name];
    if (typeof inner === 'object' && inner !== null) record[name] = thaw(inner);
  }
  return escaped ? unescaped(record) : record;
}

function unescaped(record: Fields): Value {
  const { [UTF16]: text, [FLOAT]: float } = record;
  if (text instanceof Uint8Array) return fromUnits(text);
  if (float === '-0') return -0;
  return Object.fromEntries(
    Object.keys(record).map((name) => [name.startsWith('$') ? name.slice(1) : name, record[name] ?? null]),
  );
}

function units(text: string): Uint8Array {
  const bytes = Buffer.alloc(text.length * 2);
  for (let i = 0; i < text.length; i++) bytes.writeUInt16LE(text.charCodeAt(i), i * 2);
  return bytes;
}

function fromUnits(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i + 1 < bytes.length; i += 2)
    text += String.fromCharCode((bytes[i] as number) | ((bytes[i + 1] as number) << 8));
  return text;
}

/** Lengths of the fixed-size types 0xca to 0xd3: floats and integers. */
const FIXED: Readonly<Record<number, number>> = {
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};

/**
 * Why the bytes are not one plain value, or null. Looked at before they are unpacked, so that nothing is allocated for
 * lengths that lie.
 */
function refuse(bytes: Uint8Array): string | null {
  const c = Cursor.over(spanOf(bytes), false);
  // Values still to come at each level.
  const open: number[] = [1];
  let containers = 0;
  while (open.length > 0) {
    const left = open[open.length - 1] as number;
    if (left === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1] = left - 1;
    if (isContainer(c.u8[c.pos] ?? 0) && ++containers > MAX_RECORD_CONTAINERS)
      return `it holds more than ${MAX_RECORD_CONTAINERS} lists and maps`;
    const inside = step(c);
    if (c.failed) return `it ends inside a value, ${c.offset} bytes in`;
    if (inside < 0) return `it holds a type that recordings do not use, ${c.offset - 1} bytes in`;
    if (inside > c.remaining) return `it claims ${inside} values where ${c.remaining} bytes are left`;
    if (inside > 0) open.push(inside);
    if (open.length > MAX_RECORD_DEPTH) return `its values nest deeper than ${MAX_RECORD_DEPTH}`;
  }
  return c.remaining === 0 ? null : `${c.remaining} bytes follow its value`;
}

/** Passes one value's head; returns how many values stand in it, or -1. */
function step(c: Cursor): number {
  const tag = c.u8_();
  if (isSingle(tag)) return 0;
  if (tag <= 0x8f) return (tag & 15) * 2;
  if (tag <= 0x9f) return tag & 15;
  if (tag <= 0xbf) return skip(c, tag & 31);
  const fixed = FIXED[tag];
  if (fixed !== undefined) return skip(c, fixed);
  return counted(c, tag);
}

/** A list or a map, with its count in the tag or behind it. */
function isContainer(tag: number): boolean {
  return (tag >= 0x80 && tag <= 0x9f) || (tag >= 0xdc && tag <= 0xdf);
}

/** Small integers, null and booleans: the tag is all there is. */
function isSingle(tag: number): boolean {
  return tag <= 0x7f || tag >= 0xe0 || tag === 0xc0 || tag === 0xc2 || tag === 0xc3;
}

/** Bytes, texts, lists and maps behind a count of one, two or four bytes. */
function counted(c: Cursor, tag: number): number {
  switch (tag) {
    case 0xc4:
    case 0xd9:
      return skip(c, c.u8_());
    case 0xc5:
    case 0xda:
      return skip(c, c.u16());
    case 0xc6:
    case 0xdb:
      return skip(c, c.u32());
    case 0xdc:
      return c.u16();
    case 0xdd:
      return c.u32();
    case 0xde:
      return c.u16() * 2;
    case 0xdf:
      return c.u32() * 2;
    default:
      return -1;
  }
}

function skip(c: Cursor, count: number): 0 {
  c.skip(count);
  return 0;
}
