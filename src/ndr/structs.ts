import { fragment, jsonText, keyOf, type JsonBytes } from '../bytes/json.js';
import type { Value } from '../types.js';
import { EncodeError } from './codec.js';
import type { Encoder } from './encoder.js';
import { parseSize, type Size } from './expression.js';
import type { Decoder } from './decoder.js';
import type { Node } from './node.js';
import { isTextable } from './pointers.js';
import type { Type } from './types.js';
import { isRecord, ownField, recordClass, recordFrom, type Fields, type OpenFields } from './value.js';

/** A member of a structure or a parameter, compiled. */
export interface Member {
  readonly name: string;
  readonly node: Node;
}

/** Counts that follow from other members: `cIids` from the array that says `size_is(cIids)`. */
export type Derived = ReadonlyMap<string, (record: Fields) => number | null>;

/** Finds, for each member some array's size refers to, how to work it out from that array. */
export function derivedCounts(members: readonly { readonly name: string; readonly type: Type }[]): Derived {
  const derived = new Map<string, (record: Fields) => number | null>();
  for (const { name, type } of members) {
    const array = arrayBehind(type);
    if (array === null) continue;
    for (const text of [array.lengthIs, array.sizeIs]) {
      if (text === null) continue;
      const size = parseSize(text);
      if (size.field === '' || derived.has(size.field)) continue;
      derived.set(size.field, (record) => {
        const value = ownField(record, name);
        if (value === null || value === undefined) return 0;
        if (!Array.isArray(value) && typeof value !== 'string' && !(value instanceof Uint8Array)) return null;
        return size.inverse(value.length);
      });
    }
  }
  return derived;
}

/** A count that is read after the array whose size it is. */
export interface LateCount {
  readonly array: string;
  readonly size: Size;
}

/** Arrays whose size stands behind them: it is compared when both were read. */
export function lateCounts(members: readonly { readonly name: string; readonly type: Type }[]): readonly LateCount[] {
  return members.flatMap(({ name, type }, at) => {
    const array = arrayBehind(type);
    // Texts have a terminator that is not shown.
    if (array === null || array.sizeIs === null || array.lengthIs !== null || array.text === true) return [];
    const size = parseSize(array.sizeIs);
    return members.findIndex((one) => one.name === size.field) > at ? [{ array: name, size }] : [];
  });
}

function arrayBehind(type: Type): Extract<Type, { kind: 'array' }> | null {
  if (type.kind === 'array') return type;
  return type.kind === 'pointer' ? arrayBehind(type.to) : null;
}

/** The member's value; a count left out is worked out from its array. */
function memberValue(e: Encoder, record: Fields, name: string, derived: Derived): Value {
  const value = ownField(record, name);
  if (value !== undefined) return value;
  const count = derived.get(name)?.(record) ?? null;
  if (count !== null) return count;
  throw new EncodeError([...e.path, name].join('.'), 'no value is given');
}

/** The given members with counts filled in, so that size expressions find them. */
export function completed(e: Encoder, value: Value, members: readonly Member[], derived: Derived): Fields {
  if (!isRecord(value)) throw new EncodeError(e.path.join('.') || 'value', 'a structure is wanted');
  if (members.every(({ name }) => ownField(value, name) !== undefined)) return value;
  return recordFrom(members.map(({ name }) => [name, memberValue(e, value, name, derived)]));
}

/** What the writing of a structure hands to the writing of its referents. */
interface Carried {
  readonly record: Fields;
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

  const Shape = recordClass();

  function flat(d: Decoder): Value {
    const record = new Shape();
    if (!d.enter()) return record;
    d.pad(align);
    const { tracer, scope } = d;
    const open = tracer === null ? null : tracer.open(name, d.offset, section);
    d.scope = record;
    const { max, counts } = d;
    for (const member of members) {
      if (tracer !== null) tracer.name = member.name;
      d.max = max;
      d.counts = counts;
      const value = member.node.flat(d);
      if (d.failed && partial(value)) break;
      record[member.name] = value;
      if (d.failed) break;
    }
    if (gapped) d.pad(align);
    d.scope = scope;
    d.leave();
    if (tracer !== null && open !== null) {
      open.value = record;
      if (pointing.length > 0) d.opened?.set(record, open);
      tracer.close(d.offset);
    }
    return record;
  }

  function rest(d: Decoder, value: Value): Value {
    const record = value as OpenFields;
    const { tracer, scope } = d;
    const open = tracer === null ? undefined : d.opened?.get(record);
    if (tracer !== null && open !== undefined) tracer.reopen(open);
    d.depth++;
    for (const { name: field, node } of pointing) {
      const id = record[field];
      if (id === undefined) break;
      if (d.failed) {
        // What its pointers point to was not reached: their ids are no values.
        delete record[field];
        continue;
      }
      if (tracer !== null) tracer.name = field;
      d.scope = record;
      record[field] = (node.rest as NonNullable<Node['rest']>)(d, id);
    }
    d.depth--;
    d.scope = scope;
    if (tracer !== null && open !== undefined) tracer.resume();
    return record;
  }

  const names = members.map((member) => member.name);
  // What has a place of its own in JSON, as a reference does, is written by its values.
  const plain = new Set(names).size === names.length && !(names.includes('ipid') && names.includes('iid'));
  const texts =
    plain && members.length > 0 && pointing.length === 0 && hoist === null && !gapped
      ? members.map((member, i) => ({
          key: i === 0 ? fragment('{' + jsonText(member.name) + ':') : keyOf(member.name).next,
          text: member.node.text,
        }))
      : [];

  function text(d: Decoder, out: JsonBytes): undefined {
    d.pad(align);
    for (const one of texts) {
      out.raw(one.key);
      one.text?.(d, out);
    }
    out.byte(0x7d);
  }

  return {
    type: name,
    align,
    least,
    flat,
    ...(texts.length > 0 && texts.every((one) => one.text !== undefined) ? { text } : {}),
    textable: () => members.every(({ node }) => isTextable(node)),
    rest: pointing.length === 0 ? null : rest,
    put(e, value) {
      e.pad(align);
      const { scope, counts } = e;
      const record = completed(e, value, members, derived);
      e.scope = record;
      const carried = members.map(({ name: field, node }) => {
        e.path.push(field);
        e.counts = counts;
        const carry = node.put(e, record[field] as Value);
        e.path.pop();
        return carry;
      });
      if (gapped) e.pad(align);
      e.scope = scope;
      return { record, carried } satisfies Carried;
    },
    putRest:
      pointing.length === 0
        ? null
        : (e, _, held) => {
            const { scope } = e;
            const { record, carried } = held as Carried;
            for (const [i, { name: field, node }] of members.entries()) {
              if (node.putRest === null) continue;
              e.scope = record;
              e.path.push(field);
              node.putRest(e, record[field] as Value, carried[i]);
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
              const record = completed(e, value, members, derived);
              const { scope } = e;
              e.scope = record;
              hoist.write(e, record[last.name] as Value);
              e.scope = scope;
            },
          },
  };
}

/** A scalar read past the end is no value; a structure or list holds what was read before. */
function partial(value: Value): boolean {
  return value === null || typeof value !== 'object';
}
