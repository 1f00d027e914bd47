import type { JsonBytes } from '../bytes/json.js';
import type { Value } from '../types.js';
import type { Encoder } from './encoder.js';
import type { Decoder } from './decoder.js';
import { putValue } from './json.js';

/**
 * A type compiled for one encoding. Reading goes in two steps, as pointers are laid out ([C706] 14.3.12.3): `flat`
 * reads the type's own bytes, in which a pointer is only an id; `rest` then reads what its pointers point to and
 * returns the full value. Writing goes the same way: what `put` returns is given to `putRest`.
 */
export interface Node {
  readonly type: string;
  /** Alignment, in bytes. */
  readonly align: number;
  /** Least size on the wire: bounds arrays before anything is allocated. */
  readonly least: number;
  /** Whether null is a value of this type. Asked for late, as pointers compile late. */
  readonly nullable?: (() => boolean) | undefined;
  readonly flat: (d: Decoder) => Value;
  readonly rest: ((d: Decoder, value: Value) => Value) | null;
  /**
   * Reads a value with everything it points to and appends it as JSON; absent where that takes more than one walk.
   * Returns the value, or undefined where none was made. What is wrong shows in the decoder.
   */
  readonly text?: ((d: Decoder, out: JsonBytes) => Value | undefined) | undefined;
  /** Whether `text` can be used, where that shows late. */
  readonly textable?: (() => boolean) | undefined;
  readonly put: (e: Encoder, value: Value) => unknown;
  readonly putRest: ((e: Encoder, value: Value, carried: unknown) => void) | null;
  /** Set for types that begin with a max count, which stands ahead of the structure they end. */
  readonly hoist: { readonly read: (d: Decoder) => void; readonly write: (e: Encoder, value: Value) => void } | null;
}

/**
 * A node in the one layout that all have: a decoder asks nodes of every kind in turn, and what it reads of an object of
 * one layout costs a tenth of what it costs where there are a dozen.
 */
export class CompiledNode implements Node {
  readonly type: string;
  readonly align: number;
  readonly least: number;
  readonly flat: Node['flat'];
  readonly rest: Node['rest'];
  readonly hoist: Node['hoist'];
  readonly put: Node['put'];
  readonly putRest: Node['putRest'];
  readonly text: Node['text'];
  readonly textable: Node['textable'];
  readonly nullable: Node['nullable'];

  constructor(node: Node) {
    this.type = node.type;
    this.align = node.align;
    this.least = node.least;
    this.flat = node.flat;
    this.rest = node.rest;
    this.hoist = node.hoist;
    this.put = node.put;
    this.putRest = node.putRest;
    this.text = node.text;
    this.textable = node.textable;
    this.nullable = node.nullable;
  }
}

/** Reads a value with everything it points to. */
export function readWhole(node: Node, d: Decoder): Value {
  if (node.hoist !== null) node.hoist.read(d);
  const value = node.flat(d);
  return node.rest === null ? value : node.rest(d, value);
}

/** Writes a value with everything it points to. */
export function writeWhole(node: Node, e: Encoder, value: Value): void {
  if (node.hoist !== null) node.hoist.write(e, value);
  const carried = node.put(e, value);
  if (node.putRest !== null) node.putRest(e, value, carried);
}

/** A leaf type: no pointers, no counts. */
// oxlint-disable-next-line max-params -- a row of scalars.ts: type, size, alignment, read, write, meaning, text
export function leaf(
  type: string,
  size: number,
  align: number,
  read: (d: Decoder) => Value,
  put: (e: Encoder, value: Value) => void,
  meaning: ((value: Value) => string | null) | null = null,
  text: (d: Decoder, out: JsonBytes) => Value | undefined = (d, out) => {
    const value = read(d);
    putValue(out, value);
    return value;
  },
): Node {
  return {
    type,
    align,
    least: size,
    flat(d) {
      if (align > 1) d.pad(align);
      const { tracer } = d;
      if (tracer === null) return read(d);
      const from = d.offset;
      const value = read(d);
      if (d.failedAt < 0) tracer.leaf(type, from, d.offset, value, meaning === null ? null : meaning(value));
      return value;
    },
    rest: null,
    text(d, out) {
      if (align > 1) d.pad(align);
      return text(d, out);
    },
    put(e, value) {
      if (align > 1) e.pad(align);
      put(e, value);
    },
    putRest: null,
    hoist: null,
  };
}
