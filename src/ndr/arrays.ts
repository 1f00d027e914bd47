import type { Value } from '../types.js';
import type { Encoder } from './encoder.js';
import { parseSize, type Size } from './expression.js';
import type { Decoder } from './decoder.js';
import type { Node } from './node.js';
import { unfit } from './scalars.js';
import { latin1Text, utf16Text } from './strings.js';
import type { CountEntry } from './tape.js';
import type { ArrayType, StringType } from './types.js';

/** How an array's elements are held: bytes, text, or a list of values. */
interface Elements {
  readonly type: string;
  readonly read: (d: Decoder, count: number) => Value;
  readonly rest: ((d: Decoder, value: Value) => Value) | null;
  readonly length: (e: Encoder, value: Value) => number;
  readonly put: (e: Encoder, value: Value) => unknown;
  readonly putRest: ((e: Encoder, value: Value, carried: unknown) => void) | null;
}

function byteElements(): Elements {
  return {
    type: 'byte[]',
    read: (d, count) => {
      const at = d.pos;
      d.pos += count;
      return d.u8.slice(at, at + count);
    },
    rest: null,
    length: (e, value) => (value instanceof Uint8Array ? value.length : unfit(e, 'bytes are wanted')),
    put: (e, value) => e.bytes(value as Uint8Array),
    putRest: null,
  };
}

function textElements(wide: boolean): Elements {
  return {
    type: wide ? 'WCHAR[]' : 'char[]',
    read: (d, count) => {
      const at = d.pos;
      d.pos += wide ? count * 2 : count;
      return wide ? utf16Text(d.view, at, count, d.littleEndian) : latin1Text(d.u8, at, count);
    },
    rest: null,
    length: (e, value) => (typeof value === 'string' ? value.length : unfit(e, 'text is wanted')),
    put: (e, value) => {
      const text = value as string;
      for (let i = 0; i < text.length; i++) {
        if (wide) e.u16(text.charCodeAt(i));
        else e.u8_(text.charCodeAt(i) & 0xff);
      }
    },
    putRest: null,
  };
}

function listElements(of: Node): Elements {
  const { hoist, rest, putRest } = of;
  return {
    type: `${of.type}[]`,
    read(d, count) {
      const list: Value[] = [];
      if (!d.enter()) return list;
      const { tracer } = d;
      const outer = tracer?.name ?? '';
      for (let i = 0; i < count && !d.failed; i++) {
        if (tracer !== null) tracer.name = `${outer}[${i}]`;
        // Strings in an array have their own counts each ([MS-RPCE] 2.2.4.4).
        if (hoist !== null) hoist.read(d);
        const item = of.flat(d);
        if (d.failedAt >= 0 && (item === null || typeof item !== 'object')) break;
        list.push(item);
      }
      if (tracer !== null) tracer.name = outer;
      d.leave();
      return list;
    },
    rest:
      rest === null
        ? null
        : (d, value) => {
            const list = value as Value[];
            const { tracer } = d;
            const outer = tracer?.name ?? '';
            d.depth++;
            for (let i = 0; i < list.length; i++) {
              if (d.failed) {
                list.length = i;
                break;
              }
              if (tracer !== null) tracer.name = `${outer}[${i}]`;
              list[i] = rest(d, list[i] as Value);
            }
            d.depth--;
            if (tracer !== null) tracer.name = outer;
            return list;
          },
    length: (e, value) => (Array.isArray(value) ? value.length : unfit(e, 'a list is wanted')),
    put: (e, value) =>
      (value as readonly Value[]).map((item, i) => {
        e.path.push(String(i));
        if (hoist !== null) hoist.write(e, item);
        const carried = of.put(e, item);
        e.path.pop();
        return carried;
      }),
    putRest:
      putRest === null
        ? null
        : (e, value, carried) => {
            for (const [i, item] of (value as readonly Value[]).entries()) {
              e.path.push(String(i));
              putRest(e, item, (carried as readonly unknown[])[i]);
              e.path.pop();
            }
          },
  };
}

function elementsOf(type: ArrayType, of: Node): Elements {
  const base = type.of.kind === 'base' ? type.of.base : null;
  if (type.text === true && (base === 'wchar' || base === 'u16')) return textElements(true);
  if (type.text === true && (base === 'char' || base === 'u8')) return textElements(false);
  return base === 'u8' ? byteElements() : listElements(of);
}

/** Arrays ([C706] 14.3.3): fixed, conformant, varying and conformant varying, of one dimension. */
export function arrayNode(type: ArrayType, of: Node, ndr64: boolean): Node {
  const elements = elementsOf(type, of);
  const conformant = type.size === null;
  const sizeIs = type.sizeIs === null ? null : parseSize(type.sizeIs);
  const lengthIs = type.lengthIs === null ? null : parseSize(type.lengthIs);
  const varies = lengthIs !== null;
  const countAlign = ndr64 ? 8 : 4;
  const align = varies ? Math.max(of.align, countAlign) : of.align;
  const least = Math.max(1, of.least);
  const name = type.size === null ? elements.type : elements.type.replace('[]', `[${type.size}]`);
  return {
    type: name,
    align,
    least: varies ? 2 * countAlign : (type.size ?? 0) * of.least,
    flat(d) {
      let count = type.size ?? 0;
      if (conformant) {
        count = d.max;
        if (sizeIs !== null) check(d, sizeIs, count, 'size_is');
      }
      if (varies) count = readVariance(d, count, conformant ? d.counts : newCounts(d, count), lengthIs, sizeIs);
      d.pad(of.align);
      if (!d.room(count, least)) return elements.read(d, 0);
      const { tracer } = d;
      if (tracer === null) return elements.read(d, count);
      const { length } = tracer.current.children;
      const from = d.offset;
      const value = elements.read(d, count);
      if (tracer.current.children.length === length) tracer.leaf(name, from, d.offset, value);
      return value;
    },
    rest: elements.rest,
    put(e, value) {
      const count = elements.length(e, value);
      if (type.size !== null && (varies ? count > type.size : count !== type.size))
        unfit(e, `${type.size} elements are wanted, not ${count}`);
      if (varies) {
        const entry = conformant ? e.counts : fitting(e, count, lengthIs, sizeIs);
        e.pad(countAlign);
        e.count(entry?.offset ?? 0);
        e.count(count);
      }
      e.pad(of.align);
      return elements.put(e, value);
    },
    putRest: elements.putRest,
    hoist: conformant
      ? {
          read(d) {
            d.max = d.count('max_count');
            if (varies) d.counts = newCounts(d, d.max);
          },
          write(e, value) {
            const count = elements.length(e, value);
            if (!varies) return e.count(count);
            e.pad(countAlign);
            const entry = (e.counts = fitting(e, count, lengthIs, sizeIs));
            e.count(entry?.max ?? Math.max(count, sizeIs?.value(e) ?? count));
          },
        }
      : null,
  };
}

function check(d: Decoder, size: Size, count: number, what: string): void {
  const wanted = size.value(d);
  if (wanted !== null && wanted !== count)
    d.problem('ndr-bad-conformance', `${count} elements where ${what}(${size.field}) says ${wanted}`, '[C706] 14.3.3');
}

/** An entry for the counts that begin here; null unless recording. */
function newCounts(d: Decoder, max: number): CountEntry | null {
  if (d.tape === null) return null;
  const entry: CountEntry = { kind: 'counts', max, offset: 0, actual: 0, size: null, length: null, terminated: true };
  d.tape.push(entry);
  return entry;
}

/** Reads offset and actual count; returns the latter. */
function readVariance(
  d: Decoder,
  max: number,
  entry: CountEntry | null,
  lengthIs: Size | null,
  sizeIs: Size | null,
): number {
  const offset = d.count('offset');
  const actual = d.count('actual_count');
  if (offset !== 0 || actual > max)
    d.problem(
      'ndr-bad-variance',
      `offset ${offset} and actual_count ${actual} where there are ${max}`,
      '[C706] 14.3.3.2',
    );
  if (lengthIs !== null) check(d, lengthIs, actual, 'length_is');
  if (entry !== null) {
    entry.offset = offset;
    entry.actual = actual;
    entry.size = sizeIs?.value(d) ?? null;
    entry.length = lengthIs?.value(d) ?? null;
  }
  return actual;
}

/** The taped counts, where they are those of `count` elements and the fields that give the sizes say what they said. */
function fitting(e: Encoder, count: number, lengthIs: Size | null, sizeIs: Size | null): CountEntry | null {
  const entry = e.taped('counts');
  return entry !== null &&
    entry.actual === count &&
    entry.size === (sizeIs?.value(e) ?? null) &&
    entry.length === (lengthIs?.value(e) ?? null)
    ? entry
    : null;
}

/** The taped counts, where they are those of this text. */
function fittingText(e: Encoder, text: string): CountEntry | null {
  const entry = e.taped('counts');
  return entry !== null && entry.actual === text.length + (entry.terminated ? 1 : 0) ? entry : null;
}

function textOf(e: Encoder, value: Value): string {
  return typeof value === 'string' ? value : unfit(e, `text is wanted, not ${value === null ? 'null' : typeof value}`);
}

/** `[string]` ([C706] 14.3.4): varying, NUL-terminated; the terminator does not show. */
export function stringNode(type: StringType, ndr64: boolean): Node {
  const wide = type.unit === 'wchar';
  const unit = wide ? 2 : 1;
  const countAlign = ndr64 ? 8 : 4;
  const name = wide ? 'wchar_t*' : 'char*';
  const conformant = type.size === null;

  return {
    type: name,
    align: countAlign,
    least: 2 * countAlign,
    flat(d) {
      const entry = conformant ? d.counts : newCounts(d, type.size);
      const count = readVariance(d, conformant ? d.max : type.size, entry, null, null);
      if (!d.room(count, unit)) return '';
      const at = d.pos;
      d.pos += count * unit;
      let text = wide ? utf16Text(d.view, at, count, d.littleEndian) : latin1Text(d.u8, at, count);
      const ended = text.endsWith('\0');
      if (entry !== null) entry.terminated = ended;
      if (ended) text = text.slice(0, -1);
      else d.problem('ndr-bad-string', 'string has no terminating NUL', '[C706] 14.3.4', at - d.base);
      if (d.tracer !== null) d.tracer.leaf(name, at - d.base, d.offset, text);
      return text;
    },
    rest: null,
    put(e, value) {
      const text = textOf(e, value);
      const entry = conformant ? e.counts : fittingText(e, text);
      const ended = entry === null || entry.terminated ? `${text}\0` : text;
      if (type.size !== null && entry === null && ended.length > type.size)
        unfit(e, `${type.size} characters are wanted at most, not ${ended.length}`);
      e.count(entry?.offset ?? 0);
      e.count(ended.length);
      for (let i = 0; i < ended.length; i++) {
        if (wide) e.u16(ended.charCodeAt(i));
        else e.u8_(ended.charCodeAt(i) & 0xff);
      }
    },
    putRest: null,
    hoist: conformant
      ? {
          read(d) {
            d.max = d.count('max_count');
            d.counts = newCounts(d, d.max);
          },
          write(e, value) {
            const text = textOf(e, value);
            e.pad(countAlign);
            const entry = (e.counts = fittingText(e, text));
            e.count(entry?.max ?? text.length + 1);
          },
        }
      : null,
  };
}
