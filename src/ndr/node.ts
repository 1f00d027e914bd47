import type { Value } from '../types.js';
import type { Encoder } from './encoder.js';
import type { Machine } from './machine.js';

/**
 * A type compiled for one encoding. Reading goes in two steps, as pointers are laid out ([C706] 14.3.12.3): `flat`
 * reads the
 * type's own bytes, in which a pointer is only an id; `rest` then reads what its pointers point to and returns the full
 * value.
 * Writing goes the same way: what `put` returns is given to `putRest`.
 */
export interface Node {
  readonly type: string;
  /** Alignment, in bytes. */
  readonly align: number;
  /** Least size on the wire: bounds arrays before anything is allocated. */
  readonly least: number;
  /** Whether null is a value of this type. Asked for late, as pointers compile late. */
  readonly nullable?: () => boolean;
  readonly flat: (m: Machine) => Value;
  readonly rest: ((m: Machine, value: Value) => Value) | null;
  readonly put: (e: Encoder, value: Value) => unknown;
  readonly putRest: ((e: Encoder, value: Value, carried: unknown) => void) | null;
  /** Set for types that begin with a max count, which stands ahead of the structure they end. */
  readonly hoist: { readonly read: (m: Machine) => void; readonly write: (e: Encoder, value: Value) => void } | null;
}

/** Reads a value with everything it points to. */
export function readWhole(node: Node, m: Machine): Value {
  if (node.hoist !== null) node.hoist.read(m);
  const value = node.flat(m);
  return node.rest === null ? value : node.rest(m, value);
}

/** Writes a value with everything it points to. */
export function writeWhole(node: Node, e: Encoder, value: Value): void {
  if (node.hoist !== null) node.hoist.write(e, value);
  const carried = node.put(e, value);
  if (node.putRest !== null) node.putRest(e, value, carried);
}

/** A leaf type: no pointers, no counts. */
export function leaf(
  type: string,
  size: number,
  align: number,
  read: (m: Machine) => Value,
  put: (e: Encoder, value: Value) => void,
  meaning: ((value: Value) => string | null) | null = null,
): Node {
  return {
    type,
    align,
    least: size,
    flat(m) {
      if (align > 1) m.pad(align);
      const { tracer } = m;
      if (tracer === null) return read(m);
      const from = m.offset;
      const value = read(m);
      if (m.failedAt < 0) tracer.leaf(type, from, m.offset, value, meaning === null ? null : meaning(value));
      return value;
    },
    rest: null,
    put(e, value) {
      if (align > 1) e.pad(align);
      put(e, value);
    },
    putRest: null,
    hoist: null,
  };
}
