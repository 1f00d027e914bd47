import type { Span, Value } from '../types.js';
import type { ObjrefTransform, ValueTransform } from './codec.js';
import type { Encoder } from './encoder.js';
import type { Machine } from './machine.js';
import { readWhole, writeWhole, type Node } from './node.js';
import { unfit } from './scalars.js';
import type { PointerType } from './types.js';

/** Reads a referent id; null pointers are 0. */
function readId(m: Machine, ndr64: boolean, type: string): number {
  m.pad(ndr64 ? 8 : 4);
  const from = m.offset;
  const id = ndr64 ? Number(m.u64()) : m.u32();
  m.tape?.push(id);
  if (m.tracer !== null) m.tracer.hidden(`${m.tracer.name} (pointer)`, type, from, m.offset, id);
  return id;
}

/**
 * Pointers inside constructed types and in parameters ([C706] 14.3.10–12). `pointee` is asked for when first needed, so that
 * types may be recursive.
 */
export function pointerNode(type: PointerType, ndr64: boolean, pointee: () => Node): Node {
  const align = ndr64 ? 8 : 4;
  const label = `${type.pointer} pointer`;
  const isFull = type.pointer === 'full';
  const isRef = type.pointer === 'ref';
  return {
    type: label, align, least: align, hoist: null,
    flat: (m) => readId(m, ndr64, label),
    rest(m, id) {
      if (id === 0) {
        if (isRef) m.problem('ndr-bad-value', 'a reference pointer is null', '[C706] 14.3.10');
        return null;
      }
      if (m.failed) return null;
      if (isFull) {
        const known = m.full?.get(id as number);
        if (known !== undefined) return known;
      }
      if (!m.enter()) return null;
      const { scope } = m;
      const value = readWhole(pointee(), m);
      m.scope = scope;
      m.leave();
      if (isFull) (m.full ??= new Map()).set(id as number, value);
      return value;
    },
    put(e, value) {
      e.pad(align);
      if (isFull && value !== null && typeof value === 'object' && e.full?.has(value)) {
        e.hidden();
        e.pointer(e.full.get(value) ?? 0);
        return;
      }
      const taped = e.hidden();
      let id = 0;
      // A taped null reference pointer is an error of the original; it is kept.
      if (value !== null) id = typeof taped === 'number' && taped !== 0 ? taped : e.nextReferent();
      else if (isRef && taped !== 0) unfit(e, 'a reference pointer cannot be null');
      e.pointer(id);
      if (isFull && value !== null && typeof value === 'object') (e.full ??= new Map()).set(value, id);
    },
    putRest(e, value) {
      if (value === null) return;
      if (isFull && typeof value === 'object') {
        if (e.fullWritten.has(value)) return;
        e.fullWritten.add(value);
      }
      const { scope } = e;
      writeWhole(pointee(), e, value);
      e.scope = scope;
    },
  };
}

/** A top-level reference pointer has no bytes of its own ([C706] 14.3.12.1). */
export function topRefNode(pointee: Node): Node {
  return {
    ...pointee,
    hoist: null,
    flat: (m) => readWhole(pointee, m),
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
    type: label, align, least: align, hoist: null,
    flat: (m) => readId(m, ndr64, label),
    rest(m, id) {
      if (id === 0 || m.failed) return null;
      return readInterfacePointer(m, objref());
    },
    put(e, value) {
      e.pad(align);
      const taped = e.hidden();
      e.pointer(value === null ? 0 : typeof taped === 'number' && taped !== 0 ? taped : e.nextReferent());
    },
    putRest(e, value) {
      if (value === null) return;
      const taped = e.chosen(value);
      const bytes = taped instanceof Uint8Array ? taped : value instanceof Uint8Array ? value : objref().encode(value);
      e.count(bytes.length);
      e.u32(bytes.length);
      e.bytes(bytes);
    },
  };
}

/** MInterfacePointer: ulCntData, then as many bytes, conformant. */
export function readInterfacePointer(m: Machine, objref: ObjrefTransform): Value {
  const { tracer } = m;
  const node = tracer === null ? null : tracer.open('MInterfacePointer', m.offset, '[MS-DCOM] 2.2.14');
  const max = m.count('max_count');
  const sizeAt = m.offset;
  const size = m.u32();
  tracer?.hidden('ulCntData', 'ULONG', sizeAt, m.offset, size);
  if (size !== max) m.problem('ndr-bad-conformance', `MInterfacePointer has max_count ${max} and ulCntData ${size}`, '[MS-DCOM] 2.2.14', sizeAt);
  let value: Value = null;
  if (m.room(max, 1)) {
    const from = m.offset;
    const span: Span = { block: { u8: m.u8, view: m.view }, start: m.pos, end: m.pos + max };
    m.pos += max;
    if (m.enter()) {
      value = objref.decode(span, (code, message, at) => m.problem(code, message, '[MS-DCOM] 2.2.18', from + at));
      tracer?.adopt(shift(objref.trace(span), from));
    }
    m.leave();
    m.shown?.set(value, m.u8.slice(span.start, span.end));
  }
  if (tracer !== null && node !== null) {
    node.value = value;
    tracer.close(m.offset);
  }
  return value;
}

type TraceNodes = ReturnType<ObjrefTransform['trace']>;

function shift(nodes: TraceNodes, by: number): TraceNodes {
  return nodes.map((node) => ({ ...node, start: node.start + by, end: node.end + by, children: shift(node.children, by) }));
}

/** Presents the value of a wire type through a transform; the tape keeps the wire value. */
export function transformedNode(inner: Node, transform: ValueTransform): Node {
  const show = (m: Machine, wire: Value): Value => {
    if (m.failed) return wire;
    const at = m.offset;
    const value = transform.decode(wire, (code, message) => m.problem(code, message, null, at));
    m.shown?.set(value, wire);
    return value;
  };
  const pick = (e: Encoder, value: Value): Value => {
    const taped = e.chosen(value);
    return taped === undefined ? transform.encode(value) : taped;
  };
  return {
    ...inner,
    flat: inner.rest === null ? (m) => show(m, inner.flat(m)) : inner.flat,
    rest: inner.rest === null ? null : (m, flat) => show(m, (inner.rest as NonNullable<Node['rest']>)(m, flat)),
    put: (e, value) => inner.put(e, pick(e, value)),
    putRest: inner.putRest === null ? null : (e, value) => (inner.putRest as NonNullable<Node['putRest']>)(e, pick(e, value)),
    hoist: inner.hoist === null ? null : { read: inner.hoist.read, write: (e, value) => (inner.hoist as NonNullable<Node['hoist']>).write(e, pick(e, value)) },
  };
}
