import type { Value } from '../types.js';
import type { Encoding } from './codec.js';
import { Encoder } from './encoder.js';
import { Machine } from './machine.js';
import { readWhole, writeWhole, type Node } from './node.js';

const NDR20_LITTLE: Encoding = { littleEndian: true, syntax: 'ndr20' };
const NDR20_BIG: Encoding = { littleEndian: false, syntax: 'ndr20' };
const FILLER = 0xcccc_cccc;

/**
 * Type serialisation version 1 ([MS-RPCE] 2.2.6): common header, private header, then NDR20 whose alignment counts from
 * behind the headers. The object buffer is filled up to a multiple of eight. `inner` has the type compiled for both byte orders.
 */
export function pickleNode(inner: (littleEndian: boolean) => Node): Node {
  return {
    type: 'pickle', align: 1, least: 16, rest: null, putRest: null, hoist: null,
    flat(m) {
      const { tracer } = m;
      const own = tracer?.name ?? '';
      const from = m.offset;
      if (!m.need(16)) return null;
      const version = m.u8_();
      const order = m.u8_();
      const little = order === 0x10;
      const outer = m.littleEndian;
      m.littleEndian = little;
      const headerLength = m.u16();
      const filler = m.u32();
      const length = m.u32();
      const filler2 = m.u32();
      m.littleEndian = outer;
      if (version !== 1 || headerLength !== 8 || (order !== 0x10 && order !== 0)) {
        m.problem('ndr-bad-pickle', `type serialisation header has version ${version}, byte order ${order} and length ${headerLength}`, '[MS-RPCE] 2.2.6.1', from);
      }
      m.tape?.push(order, filler, length, filler2);
      const open = tracer === null ? null : tracer.open('type serialisation version 1', from, '[MS-RPCE] 2.2.6');
      if (tracer !== null) {
        tracer.hidden('CommonHeader', 'header', from, from + 8, version);
        tracer.hidden('PrivateHeader', 'header', from + 8, from + 16, length);
      }
      let size = length;
      if (size > m.remaining) {
        m.problem('ndr-bad-pickle', `serialised type claims ${length} bytes and ${m.remaining} are left`, '[MS-RPCE] 2.2.6.2', from + 8);
        size = m.remaining;
      }
      const sub = new Machine({ block: { u8: m.u8, view: m.view }, start: m.pos, end: m.pos + size }, little ? NDR20_LITTLE : NDR20_BIG);
      sub.depth = m.depth;
      sub.elements = m.elements;
      sub.tape = m.tape;
      sub.shown = m.shown;
      sub.opened = m.opened;
      if (tracer !== null) tracer.name = 'value';
      const shiftFrom = m.offset;
      const inside = tracer === null ? null : tracer.nested();
      sub.tracer = inside;
      const value = sub.enter() ? readWhole(inner(little), sub) : null;
      m.elements = sub.elements;
      for (const problem of sub.problems ?? []) m.problem(problem.code, problem.message, problem.spec, shiftFrom + (problem.at.stub ?? 0));
      if (sub.failed) m.problem('ndr-truncated', `serialised type ends after ${size} bytes, before its value does`, '[MS-RPCE] 2.2.6', shiftFrom + sub.failedAt);
      const tail = m.u8.slice(m.pos + sub.offset, m.pos + size);
      m.tape?.push(tail);
      if (tracer !== null && inside !== null) {
        tracer.adoptShifted(inside, shiftFrom);
        tracer.padding(shiftFrom + sub.offset, shiftFrom + size);
      }
      m.pos += size;
      if (tracer !== null && open !== null) {
        open.value = value;
        tracer.close(m.offset);
        tracer.name = own;
      }
      return value;
    },
    put(e, value: Value) {
      const order = e.hiddenNumber(0x10);
      const little = order === 0x10;
      const filler = e.hiddenNumber(FILLER);
      const length = e.hiddenNumber(-1);
      const filler2 = e.hiddenNumber(0);
      const sub = e.nested(little ? NDR20_LITTLE : NDR20_BIG);
      writeWhole(inner(little), sub, value);
      e.absorb(sub);
      const tail = e.hidden();
      if (tail instanceof Uint8Array && (length < 0 || sub.length + tail.length === length)) sub.bytes(tail);
      else sub.fill(-sub.length & 7);
      const header = new Encoder(little ? NDR20_LITTLE : NDR20_BIG, null, null);
      header.u8_(1);
      header.u8_(order);
      header.u16(8);
      header.u32(filler);
      header.u32(sub.length);
      header.u32(filler2);
      e.bytes(header.finish());
      e.bytes(sub.finish());
    },
  };
}
