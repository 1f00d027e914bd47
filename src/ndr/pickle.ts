import type { Value } from '../types.js';
import type { Encoding } from './codec.js';
import { Encoder } from './encoder.js';
import { Decoder } from './decoder.js';
import { readWhole, writeWhole, type Node } from './node.js';
import type { PickleEntry } from './tape.js';
import type { Tracer } from './tracer.js';

const NDR20_LITTLE: Encoding = { littleEndian: true, syntax: 'ndr20' };
const NDR20_BIG: Encoding = { littleEndian: false, syntax: 'ndr20' };
const FILLER = 0xcccc_cccc;
const COMMON = 8;
const LITTLE = 0x10;
const BIG = 0;
const NO_BYTES = new Uint8Array(0);

/**
 * Type serialisation version 1 ([MS-RPCE] 2.2.6): common header, for constructed types a private header, then NDR20
 * whose alignment counts from behind the headers, filled up to a multiple of eight. `inner` has the type compiled for
 * either byte order.
 */
export function pickleNode(inner: (littleEndian: boolean) => Node, primitive: boolean): Node {
  const headers = primitive ? COMMON : 2 * COMMON;
  return {
    type: 'pickle',
    align: 1,
    least: headers,
    rest: null,
    putRest: null,
    hoist: null,
    flat(d) {
      const from = d.offset;
      if (!d.need(headers)) return null;
      const { view, pos, tracer } = d;
      const order = view.getUint8(pos + 1);
      const little = order !== BIG;
      const headerLength = view.getUint16(pos + 2, true);
      if (!isCommonHeader(view.getUint8(pos), order, headerLength)) {
        d.problem(
          'ndr-bad-pickle',
          `type serialisation header has version ${view.getUint8(pos)}, byte order ${order} and length ${headerLength}`,
          '[MS-RPCE] 2.2.6.1',
          from,
        );
      }
      let size = primitive ? d.remaining - headers : view.getUint32(pos + COMMON, little);
      const length = size;
      if (size > d.remaining - headers) {
        d.problem(
          'ndr-bad-pickle',
          `serialised type claims ${length} bytes and ${d.remaining - headers} are left`,
          '[MS-RPCE] 2.2.6.2',
          from + COMMON,
        );
        size = d.remaining - headers;
      }
      const open = tracer === null ? null : tracer.open('type serialisation version 1', from, '[MS-RPCE] 2.2.6');
      if (tracer !== null) traceHeaders(tracer, d, { little, primitive, length });
      const entry: PickleEntry | null =
        d.tape === null ? null : { kind: 'pickle', header: d.u8.slice(pos, pos + headers), length, tail: NO_BYTES };
      if (entry !== null) d.tape?.push(entry);
      d.pos += headers;
      const value = readInside(d, inner(little), { little, size, entry, primitive });
      // What is cut off here is missing from the stub too.
      if (length > size && d.failedAt < 0) {
        d.explained = true;
        d.fail(length - size);
      }
      if (tracer !== null && open !== null) {
        open.value = value;
        tracer.close(d.offset);
      }
      return value;
    },
    put(e, value: Value) {
      const taped = e.taped('pickle');
      const order = taped?.header[1] ?? LITTLE;
      const encoding = order === BIG ? NDR20_BIG : NDR20_LITTLE;
      const sub = e.nested(encoding);
      writeWhole(inner(order !== BIG), sub, value);
      e.absorb(sub);
      // The headers hold as long as the value is as long as it was.
      if (taped !== null && taped.length === sub.length + taped.tail.length) {
        sub.bytes(taped.tail);
        e.bytes(taped.header);
      } else {
        sub.fill(-sub.length & 7);
        const header = new Encoder(encoding, null, null);
        header.bytes(Uint8Array.of(1, order, COMMON, 0));
        header.u32(FILLER);
        if (!primitive) {
          header.u32(sub.length);
          header.u32(0);
        }
        e.bytes(header.finish());
      }
      e.bytes(sub.finish());
    },
  };
}

interface Inside {
  readonly little: boolean;
  /** Bytes of the serialised value. */
  readonly size: number;
  readonly entry: PickleEntry | null;
  /** Serialised without its length, as a primitive type is. */
  readonly primitive: boolean;
}

function traceHeaders(
  tracer: Tracer,
  { view, pos, offset: from }: Decoder,
  { little, primitive, length }: { readonly little: boolean; readonly primitive: boolean; readonly length: number },
): void {
  tracer.hidden('Version', 'byte', from, from + 1, view.getUint8(pos));
  tracer.hidden('Endianness', 'byte', from + 1, from + 2, view.getUint8(pos + 1));
  tracer.hidden('CommonHeaderLength', 'USHORT', from + 2, from + 4, view.getUint16(pos + 2, true));
  tracer.hidden('Filler', 'ULONG', from + 4, from + 8, view.getUint32(pos + 4, true));
  if (primitive) return;
  tracer.hidden('ObjectBufferLength', 'ULONG', from + 8, from + 12, length);
  tracer.hidden('Filler', 'ULONG', from + 12, from + 16, view.getUint32(pos + 12, little));
}

/** The common header is little-endian always; some write its length in the order of what follows. */
function isCommonHeader(version: number, order: number, length: number): boolean {
  if (version !== 1 || (order !== LITTLE && order !== BIG)) return false;
  return length === COMMON || (order === BIG && length === COMMON << 8);
}

/** Tells of what went wrong inside, at places of the stub around it. */
function passOn(sub: Decoder, d: Decoder, from: number, size: number): void {
  for (const { code, message, spec, at } of sub.problems ?? [])
    d.note(code, message, spec, from + (at.stub ?? 0), at.path ?? null);
  if (!sub.failed || sub.explained) return;
  d.note(
    'ndr-truncated',
    `serialised type ends after ${size} bytes, before its value does`,
    '[MS-RPCE] 2.2.6',
    from + sub.failedAt,
    sub.failedPath,
  );
}

/** Reads the serialised value in a decoder of its own, whose offsets count from behind the headers. */
function readInside(d: Decoder, node: Node, { little, size, entry, primitive }: Inside): Value {
  const { tracer } = d;
  const from = d.offset;
  const sub = new Decoder(
    { block: { u8: d.u8, view: d.view }, start: d.pos, end: d.pos + size },
    little ? NDR20_LITTLE : NDR20_BIG,
  );
  sub.depth = d.depth;
  sub.elements = d.elements;
  sub.tape = d.tape;
  sub.opened = d.opened;
  const inside = tracer === null ? null : tracer.nested('value');
  sub.tracer = inside;
  const value = sub.enter() ? readWhole(node, sub) : null;
  d.elements = sub.elements;
  passOn(sub, d, from, size);
  if (tracer !== null && inside !== null) tracer.adoptShifted(inside, from);
  const used = primitive && !sub.failed ? Math.min(size, (sub.offset + 7) & ~7) : size;
  if (entry !== null) {
    if (primitive) entry.length = used;
    entry.tail = d.u8.slice(d.pos + sub.offset, d.pos + used);
  }
  tracer?.padding(from + sub.offset, from + used);
  d.pos += used;
  if (!sub.failed) return value;
  if (primitive) {
    d.explained = true;
    d.fail(sub.wanted);
  }
  return value !== null && typeof value === 'object' ? value : null;
}
