import type { Value } from '../types.js';
import { EncodeError } from './codec.js';
import type { Encoder } from './encoder.js';
import { parseSize } from './expression.js';
import type { Machine } from './machine.js';
import type { Node } from './node.js';
import type { Type } from './types.js';

type Bag = { [name: string]: Value };

/** A member of a structure or a parameter, compiled. */
export interface Member {
  readonly name: string;
  readonly node: Node;
}

/** Counts that follow from other members: `cIids` from the array that says `size_is(cIids)`. */
export type Derived = ReadonlyMap<string, (bag: { readonly [name: string]: Value }) => number | null>;

/** Finds, for each member some array's size refers to, how to work it out from that array. */
export function derivedCounts(members: readonly { readonly name: string; readonly type: Type }[]): Derived {
  const derived = new Map<string, (bag: { readonly [name: string]: Value }) => number | null>();
  for (const { name, type } of members) {
    const array = arrayBehind(type);
    if (array === null) continue;
    for (const text of [array.lengthIs, array.sizeIs]) {
      if (text === null) continue;
      const size = parseSize(text);
      if (size.field === '' || derived.has(size.field)) continue;
      derived.set(size.field, (bag) => {
        const value = bag[name];
        if (value === null || value === undefined) return 0;
        if (!Array.isArray(value) && typeof value !== 'string' && !(value instanceof Uint8Array)) return null;
        return size.inverse(value.length);
      });
    }
  }
  return derived;
}

function arrayBehind(type: Type): Extract<Type, { kind: 'array' }> | null {
  if (type.kind === 'array') return type;
  return type.kind === 'pointer' ? arrayBehind(type.to) : null;
}

/** The member's value; a count left out is worked out from its array. */
export function memberValue(
  e: Encoder,
  bag: { readonly [name: string]: Value },
  name: string,
  derived: Derived,
): Value {
  const value = bag[name];
  if (value !== undefined) return value;
  const count = derived.get(name)?.(bag) ?? null;
  if (count !== null) return count;
  throw new EncodeError([...e.path, name].join('.'), 'no value is given');
}

/** The given members with counts filled in, so that size expressions find them. */
export function completed(e: Encoder, value: Value, members: readonly Member[], derived: Derived): Bag {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) {
    throw new EncodeError(e.path.join('.') || 'value', 'a structure is wanted');
  }
  const bag = value as { readonly [name: string]: Value };
  if (members.every(({ name }) => bag[name] !== undefined)) return bag as Bag;
  return Object.fromEntries(members.map(({ name }) => [name, memberValue(e, bag, name, derived)]));
}

/** What the writing of a structure hands to the writing of its referents. */
interface Carried {
  readonly bag: Bag;
  readonly carried: readonly unknown[];
}

/** Structures ([C706] 14.3.6; NDR64: [MS-RPCE] 2.2.5.3.4). */
export function structNode(
  name: string,
  section: string | null,
  members: readonly Member[],
  derived: Derived,
  ndr64: boolean,
): Node {
  const align = members.reduce((most, { node }) => Math.max(most, node.align), 1);
  const last = members[members.length - 1];
  const hoist = last?.node.hoist ?? null;
  const pointing = members.filter(({ node }) => node.rest !== null);
  const least = members.reduce((sum, { node }) => sum + node.least, 0);
  // The trailing gap of NDR64 ends the part of fixed size.
  const gapped = ndr64 && hoist === null && align > 1;

  function flat(m: Machine): Value {
    const bag: Bag = {};
    if (!m.enter()) return bag;
    m.pad(align);
    const { tracer, scope } = m;
    const open = tracer === null ? null : tracer.open(name, m.offset, section);
    m.scope = bag;
    const { max, counts } = m;
    for (const member of members) {
      if (tracer !== null) tracer.name = member.name;
      m.max = max;
      m.counts = counts;
      const value = member.node.flat(m);
      if (m.failed && partial(value)) break;
      bag[member.name] = value;
      if (m.failed) break;
    }
    if (gapped) m.pad(align);
    m.scope = scope;
    m.leave();
    if (tracer !== null && open !== null) {
      open.value = bag;
      if (pointing.length > 0) m.opened?.set(bag, open);
      tracer.close(m.offset);
    }
    return bag;
  }

  function rest(m: Machine, value: Value): Value {
    const bag = value as Bag;
    const { tracer, scope } = m;
    const open = tracer === null ? undefined : m.opened?.get(bag);
    if (tracer !== null && open !== undefined) tracer.reopen(open);
    for (const { name: field, node } of pointing) {
      const id = bag[field];
      if (id === undefined) break;
      if (m.failed) {
        // What its pointers point to was not reached: their ids are no values.
        delete bag[field];
        continue;
      }
      if (tracer !== null) tracer.name = field;
      m.scope = bag;
      bag[field] = (node.rest as NonNullable<Node['rest']>)(m, id);
    }
    m.scope = scope;
    if (tracer !== null && open !== undefined) tracer.resume();
    return bag;
  }

  return {
    type: name,
    align,
    least,
    flat,
    rest: pointing.length === 0 ? null : rest,
    put(e, value) {
      e.pad(align);
      const { scope, counts } = e;
      const bag = completed(e, value, members, derived);
      e.scope = bag;
      const carried = members.map(({ name: field, node }) => {
        e.path.push(field);
        e.counts = counts;
        const carry = node.put(e, bag[field] as Value);
        e.path.pop();
        return carry;
      });
      if (gapped) e.pad(align);
      e.scope = scope;
      return { bag, carried } satisfies Carried;
    },
    putRest:
      pointing.length === 0
        ? null
        : (e, _, held) => {
            const { scope } = e;
            const { bag, carried } = held as Carried;
            for (const [i, { name: field, node }] of members.entries()) {
              if (node.putRest === null) continue;
              e.scope = bag;
              e.path.push(field);
              node.putRest(e, bag[field] as Value, carried[i]);
              e.path.pop();
            }
            e.scope = scope;
          },
    hoist:
      hoist === null || last === undefined
        ? null
        : {
            read: hoist.read,
            write(e, value) {
              const bag = completed(e, value, members, derived);
              const { scope } = e;
              e.scope = bag;
              hoist.write(e, bag[last.name] as Value);
              e.scope = scope;
            },
          },
  };
}

/** A scalar read past the end is no value; a structure or list holds what was read before. */
function partial(value: Value): boolean {
  return value === null || typeof value !== 'object';
}
