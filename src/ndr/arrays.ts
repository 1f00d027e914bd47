import type { Value } from '../types.js';
import type { Encoder } from './encoder.js';
import { parseSize, type Size } from './expression.js';
import type { Machine } from './machine.js';
import type { Node } from './node.js';
import { unfit } from './scalars.js';
import { latin1Text, utf16Text } from './strings.js';
import type { ArrayType, StringType } from './types.js';

/** How an array's elements are held: bytes, text, or a list of values. */
interface Elements {
  readonly type: string;
  readonly read: (m: Machine, count: number) => Value;
  readonly rest: ((m: Machine, value: Value) => Value) | null;
  readonly length: (e: Encoder, value: Value) => number;
  readonly put: (e: Encoder, value: Value) => void;
  readonly putRest: ((e: Encoder, value: Value) => void) | null;
}

function byteElements(): Elements {
  return {
    type: 'byte[]',
    read: (m, count) => {
      const at = m.pos;
      m.pos += count;
      return m.u8.slice(at, at + count);
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
    read: (m, count) => {
      const at = m.pos;
      m.pos += wide ? count * 2 : count;
      return wide ? utf16Text(m.view, at, count, m.littleEndian) : latin1Text(m.u8, at, count);
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
  const { rest, putRest } = of;
  return {
    type: `${of.type}[]`,
    read(m, count) {
      const list: Value[] = [];
      const { tracer } = m;
      const outer = tracer?.name ?? '';
      for (let i = 0; i < count && !m.failed; i++) {
        if (tracer !== null) tracer.name = `${outer}[${i}]`;
        list.push(of.flat(m));
      }
      if (tracer !== null) tracer.name = outer;
      return list;
    },
    rest: rest === null ? null : (m, value) => {
      const list = value as Value[];
      const { tracer } = m;
      const outer = tracer?.name ?? '';
      for (let i = 0; i < list.length; i++) {
        if (m.failed) {
          list.length = i;
          break;
        }
        if (tracer !== null) tracer.name = `${outer}[${i}]`;
        list[i] = rest(m, list[i] as Value);
      }
      if (tracer !== null) tracer.name = outer;
      return list;
    },
    length: (e, value) => (Array.isArray(value) ? value.length : unfit(e, 'a list is wanted')),
    put(e, value) {
      for (const [i, item] of (value as readonly Value[]).entries()) {
        e.path.push(String(i));
        of.put(e, item);
        e.path.pop();
      }
    },
    putRest: putRest === null ? null : (e, value) => {
      for (const item of value as readonly Value[]) putRest(e, item);
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
  const conformant = type.sizeIs !== null || (type.size === null && type.sizeIs === null);
  const sizeIs = type.sizeIs === null ? null : parseSize(type.sizeIs);
  const lengthIs = type.lengthIs === null ? null : parseSize(type.lengthIs);
  const varies = lengthIs !== null;
  const countAlign = ndr64 ? 8 : 4;
  const least = Math.max(1, of.least);
  const name = type.size === null ? elements.type : elements.type.replace('[]', `[${type.size}]`);
  return {
    type: name,
    align: varies ? Math.max(of.align, countAlign) : of.align,
    least: type.size !== null && !varies ? type.size * of.least : 0,
    flat(m) {
      let count = type.size ?? 0;
      if (conformant) {
        count = m.max;
        if (sizeIs !== null) check(m, sizeIs, count, 'size_is');
      }
      if (varies) {
        const max = count;
        const offset = m.count('offset');
        m.tape?.push(offset);
        count = m.count('actual_count');
        if (offset !== 0 || count > max) m.problem('ndr-bad-variance', `array has offset ${offset} and actual_count ${count} of at most ${max}`, '[C706] 14.3.3.2');
        if (lengthIs !== null) check(m, lengthIs, count, 'length_is');
      }
      m.pad(of.align);
      if (!m.room(count, least)) return elements.read(m, 0);
      const { tracer } = m;
      if (tracer === null) return elements.read(m, count);
      const own = tracer.name;
      const { length } = tracer.current.children;
      const from = m.offset;
      const value = elements.read(m, count);
      if (tracer.current.children.length === length && m.offset > from) tracer.leaf(name, from, m.offset, value);
      tracer.name = own;
      return value;
    },
    rest: elements.rest,
    put(e, value) {
      const count = elements.length(e, value);
      if (type.size !== null && !varies && count !== type.size) unfit(e, `${type.size} elements are wanted, not ${count}`);
      if (varies) {
        e.pad(countAlign);
        e.count(e.hiddenNumber(0));
        e.count(count);
      }
      e.pad(of.align);
      elements.put(e, value);
    },
    putRest: elements.putRest,
    hoist: conformant
      ? {
          read(m) {
            m.max = m.count('max_count');
            if (varies) m.tape?.push(m.max);
          },
          write(e, value) {
            const count = elements.length(e, value);
            if (!varies) return e.count(count);
            // The pad comes before the count on the wire, and before it on the tape.
            e.pad(countAlign);
            const max = e.hiddenNumber(Math.max(count, sizeIs?.value(e) ?? count));
            e.count(max);
          },
        }
      : null,
  };
}

function check(m: Machine, size: Size, count: number, what: string): void {
  const wanted = size.value(m);
  if (wanted !== null && wanted !== count && !m.failed) m.problem('ndr-bad-conformance', `${count} elements where ${what}(${size.field}) says ${wanted}`, '[C706] 14.3.3');
}

/** `[string]` ([C706] 14.3.4): varying, NUL-terminated; the terminator does not show. */
export function stringNode(type: StringType, ndr64: boolean): Node {
  const wide = type.unit === 'wchar';
  const unit = wide ? 2 : 1;
  const countAlign = ndr64 ? 8 : 4;
  const name = wide ? 'wchar_t*' : 'char*';
  return {
    type: name, align: countAlign, least: 2 * countAlign,
    flat(m) {
      const max = type.size ?? m.max;
      const offset = m.count('offset');
      const slot = m.tape === null ? 0 : m.tape.push(offset, 1) - 1;
      const count = m.count('actual_count');
      if (offset !== 0 || count > max) m.problem('ndr-bad-variance', `string has offset ${offset} and actual_count ${count} of at most ${max}`, '[C706] 14.3.4');
      if (!m.room(count, unit)) return '';
      const at = m.pos;
      m.pos += count * unit;
      let text = wide ? utf16Text(m.view, at, count, m.littleEndian) : latin1Text(m.u8, at, count);
      const ended = text.endsWith('\0');
      if (m.tape !== null && !ended) m.tape[slot] = 0;
      if (ended) text = text.slice(0, -1);
      else m.problem('ndr-bad-string', 'string has no terminating NUL', '[C706] 14.3.4', at - m.base);
      if (m.tracer !== null && m.pos > at) m.tracer.leaf(name, at - m.base, m.offset, text);
      return text;
    },
    rest: null,
    put(e, value) {
      if (typeof value !== 'string') unfit(e, `text is wanted, not ${typeof value}`);
      e.pad(countAlign);
      const offset = e.hiddenNumber(0);
      const text = e.hiddenNumber(1) === 1 ? `${value}\0` : value;
      e.count(offset);
      e.count(text.length);
      for (let i = 0; i < text.length; i++) {
        if (wide) e.u16(text.charCodeAt(i));
        else e.u8_(text.charCodeAt(i) & 0xff);
      }
    },
    putRest: null,
    hoist: type.size === null
      ? {
          read(m) {
            m.max = m.count('max_count');
            m.tape?.push(m.max);
          },
          write(e, value) {
            e.pad(countAlign);
            e.count(e.hiddenNumber(typeof value === 'string' ? value.length + 1 : 0));
          },
        }
      : null,
  };
}
