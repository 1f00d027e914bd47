import type { JsonBytes } from '../bytes/json.js';
import type { Span, Value } from '../types.js';
import type { ObjrefTransform, ValueTransform } from './codec.js';
import type { Encoder } from './encoder.js';
import type { Decoder } from './decoder.js';
import { NULL } from './json.js';
import { readWhole, writeWhole, type Node } from './node.js';
import { unfit } from './scalars.js';
import type { ObjrefEntry, ShownEntry } from './tape.js';
import type { PointerType } from './types.js';
import { sameValue } from './value.js';

const NO_BYTES = new Uint8Array(0);

/** Reads a referent id; null pointers are 0. */
export function readReferent(d: Decoder, type: string, ref = false): number | bigint {
  d.pad(d.ndr64 ? 8 : 4);
  const from = d.offset;
  const id = d.ndr64 ? wideId(d) : d.u32();
  if (d.tape !== null) d.tape.push({ kind: 'referent', id, ref });
  if (d.tracer !== null && d.failedAt < 0) d.tracer.hidden(`${d.tracer.name} (pointer)`, type, from, d.offset, id);
  return id;
}

function wideId(d: Decoder): number | bigint {
  if (!d.need(8)) return 0;
  const first = d.u32();
  const second = d.u32();
  const high = d.littleEndian ? second : first;
  const low = d.littleEndian ? first : second;
  return high < 0x20_0000 ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low);
}

/** What the writing of a full pointer's id tells the writing of its referent: the referent stands elsewhere already. */
const ALIAS = Symbol('alias');

/**
 * Pointers inside constructed types and in parameters ([C706] 14.3.10–12). `pointee` is asked for when first needed, so
 * that types may be recursive.
 */
export function pointerNode(type: PointerType, ndr64: boolean, pointee: () => Node): Node {
  const align = ndr64 ? 8 : 4;
  const label = `${type.pointer} pointer`;
  const isFull = type.pointer === 'full';
  const isRef = type.pointer === 'ref';

  function rest(d: Decoder, held: Value): Value {
    const id = held as number | bigint;
    if (id === 0) {
      if (isRef) d.problem('ndr-bad-value', 'a reference pointer is null', '[C706] 14.3.10');
      return null;
    }
    if (d.failedAt >= 0) return null;
    const node = pointee();
    if (isFull) {
      const known = d.full?.get(id);
      if (known !== undefined && known.node === node) return known.value;
    }
    if (!d.enter()) return null;
    const { scope } = d;
    const value = readWhole(node, d);
    d.scope = scope;
    d.leave();
    if (isFull && d.failedAt < 0) (d.full ??= new Map()).set(id, { node, value });
    return value;
  }

  /** The same structure behind two full pointers is written once; so is what the tape says was one. */
  function putFull(e: Encoder, value: Value): unknown {
    e.pad(align);
    const node = pointee();
    const id = fullId(e, value, node);
    e.pointer(id);
    if (id === 0) return 0;
    const known = e.full.get(id);
    if (known !== undefined && known.node === node && Object.is(known.value, value)) return ALIAS;
    e.full.set(id, { node, value });
    return id;
  }

  function text(d: Decoder, out: JsonBytes): Value | undefined {
    const id = readReferent(d, label, isRef);
    if (id === 0) {
      if (isRef) d.problem('ndr-bad-value', 'a reference pointer is null', '[C706] 14.3.10');
      out.raw(NULL);
      return null;
    }
    return d.failedAt >= 0 ? undefined : pointee().text?.(d, out);
  }

  return {
    type: label,
    align,
    least: align,
    hoist: null,
    text,
    textable: () => !isFull && isTextable(pointee()),
    nullable: () => !isRef || pointee().nullable?.() === true,
    flat: (d) => readReferent(d, label, isRef),
    rest,
    put(e, value) {
      if (isFull) return putFull(e, value);
      if (value !== null) return e.referentId(false);
      // A null reference pointer is an error of the original that the tape keeps; otherwise the null is that of the
      // referent.
      if (!isRef) return e.referentId(true, pointee().nullable?.() === true);
      const taped = e.ahead('referent');
      const wasNull = taped !== null && taped.ref && taped.id === 0;
      if (!wasNull && pointee().nullable?.() !== true) unfit(e, 'a reference pointer cannot be null');
      return e.referentId(wasNull);
    },
    putRest(e, value, id) {
      if (id === 0 || id === ALIAS) return;
      const { scope } = e;
      writeWhole(pointee(), e, value);
      e.scope = scope;
    },
  };
}

/**
 * The id of a full pointer: the taped one unless it belongs to another value, that of the same structure, or a new one.
 */
function fullId(e: Encoder, value: Value, node: Node): number | bigint {
  const taped = e.taped('referent');
  if (value === null && (taped === null || taped.id === 0 || node.nullable?.() !== true)) return 0;
  if (taped !== null && taped.id !== 0) {
    const known = e.full.get(taped.id);
    if (known === undefined || known.node !== node || Object.is(known.value, value)) return taped.id;
  }
  if (value !== null && typeof value === 'object') {
    for (const [id, known] of e.full) if (known.node === node && known.value === value) return id;
  }
  return e.nextReferent();
}

/** Whether a value can be read as text. */
export function isTextable(node: Node): boolean {
  return node.text !== undefined && node.textable?.() !== false;
}

/** A top-level reference pointer has no bytes of its own ([C706] 14.3.12.1). */
export function topRefNode(pointee: Node): Node {
  return {
    ...pointee,
    hoist: null,
    flat: (d) => readWhole(pointee, d),
    rest: null,
    put: (e, value) => writeWhole(pointee, e, value),
    putRest: null,
  };
}

/** Interface pointers: unique pointer to MInterfacePointer ([MS-DCOM] 2.2.14), whose bytes are an OBJREF. */
export function interfaceNode(name: string | null, ndr64: boolean, objref: () => ObjrefTransform): Node {
  const align = ndr64 ? 8 : 4;
  const label = `${name ?? 'IUnknown'}*`;
  return {
    type: label,
    align,
    least: align,
    nullable: () => true,
    hoist: null,
    flat: (d) => readReferent(d, label),
    rest(d, id) {
      if (id === 0 || d.failed) return null;
      return readInterfacePointer(d, objref());
    },
    put: (e, value) => e.referentId(value === null),
    putRest(e, value, id) {
      if (id === 0) return;
      e.pad(align);
      const taped = e.taped('objref');
      const same = taped !== null && sameValue(taped.shown, value);
      const encoded = (): Uint8Array => (value instanceof Uint8Array ? value : objref().encode(value));
      const bytes = same ? taped.bytes : encoded();
      e.count(bytes.length);
      e.u32(same ? taped.size : bytes.length);
      e.bytes(bytes);
    },
  };
}

/** MInterfacePointer: ulCntData, then as many bytes, conformant. */
function readInterfacePointer(d: Decoder, objref: ObjrefTransform): Value {
  const { tracer } = d;
  d.pad(d.ndr64 ? 8 : 4);
  const node = tracer === null ? null : tracer.open('MInterfacePointer', d.offset, '[MS-DCOM] 2.2.14');
  const entry: ObjrefEntry | null = d.tape === null ? null : { kind: 'objref', shown: null, bytes: NO_BYTES, size: 0 };
  if (entry !== null) d.tape?.push(entry);
  const max = d.count('max_count');
  const sizeAt = d.offset;
  const size = d.u32();
  if (tracer !== null && d.failedAt < 0) tracer.hidden('ulCntData', 'ULONG', sizeAt, d.offset, size);
  if (size !== max)
    d.problem(
      'ndr-bad-conformance',
      `MInterfacePointer has max_count ${max} and ulCntData ${size}`,
      '[MS-DCOM] 2.2.14',
      sizeAt,
    );
  let value: Value = null;
  if (d.room(max, 1)) {
    const from = d.offset;
    const span: Span = { block: { u8: d.u8, view: d.view }, start: d.pos, end: d.pos + max };
    if (d.enter()) {
      d.pos += max;
      value = objref.decode(
        span,
        (code, message, at) => d.problem(code, message, '[MS-DCOM] 2.2.18', from + at),
        d.depth,
      );
      tracer?.adopt(shift(objref.trace(span, d.depth), from));
    }
    d.leave();
    if (entry !== null) {
      entry.shown = value;
      entry.bytes = d.u8.slice(span.start, span.end);
      entry.size = size;
    }
  }
  if (tracer !== null && node !== null) {
    node.value = value;
    tracer.close(d.offset);
  }
  return value;
}

type TraceNodes = ReturnType<ObjrefTransform['trace']>;

function shift(nodes: TraceNodes, by: number): TraceNodes {
  return nodes.map((node) => ({
    ...node,
    start: node.start + by,
    end: node.end + by,
    children: shift(node.children, by),
  }));
}

/** While recording, what `flat` hands to `rest`: the value and the entry that is waiting for it. */
interface Waiting {
  readonly entry: ShownEntry;
  readonly flat: Value;
}

/** An entry for what a transform is about to be given; null unless recording. */
function waiting(d: Decoder): ShownEntry | null {
  if (d.tape === null) return null;
  const entry: ShownEntry = { kind: 'shown', wire: null, shown: null };
  d.tape.push(entry);
  return entry;
}

/** Presents the value of a wire type through a transform; the tape keeps the wire value. */
export function transformedNode(inner: Node, transform: ValueTransform): Node {
  const { hoist, rest, putRest } = inner;
  const nullable = (): boolean => inner.nullable?.() === true && transform.decode(null, () => undefined) === null;

  function show(d: Decoder, wire: Value, entry: ShownEntry | null): Value {
    if (d.failedAt >= 0) return wire;
    const at = d.offset;
    const shown = transform.decode(wire, (code, message) => d.problem(code, message, null, at));
    if (entry !== null) {
      entry.wire = wire;
      entry.shown = shown;
    }
    return shown;
  }

  const wireOf = (value: Value, taped: ShownEntry | null): Value =>
    taped !== null && sameValue(taped.shown, value) ? taped.wire : transform.encode(value);

  return {
    type: inner.type,
    align: inner.align,
    least: inner.least,
    nullable,
    flat(d) {
      const entry = waiting(d);
      const flat = inner.flat(d);
      if (rest === null) return show(d, flat, entry);
      return entry === null || d.failedAt >= 0 ? flat : ({ entry, flat } satisfies Waiting as unknown as Value);
    },
    rest:
      rest === null
        ? null
        : (d, held) => {
            if (d.tape === null || d.failedAt >= 0) return show(d, rest(d, held), null);
            const { entry, flat } = held as unknown as Waiting;
            return show(d, rest(d, flat), entry);
          },
    put(e, value) {
      const wire = wireOf(value, e.taped('shown'));
      return { wire, carried: inner.put(e, wire) };
    },
    putRest:
      putRest === null
        ? null
        : (e, _, held) => {
            const { wire, carried } = held as { readonly wire: Value; readonly carried: unknown };
            putRest(e, wire, carried);
          },
    // The count comes before the entry of what it counts.
    hoist:
      hoist === null
        ? null
        : { read: hoist.read, write: (e, value) => hoist.write(e, wireOf(value, e.ahead('shown'))) },
  };
}
