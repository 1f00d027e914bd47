import { Cursor } from '../bytes/cursor.js';
import { Sink } from '../bytes/sink.js';
import { EncodeError, type Codec } from '../ndr/codec.js';
import type { Problem, Span, Value } from '../types.js';

export const IN_CLSID = '00000338-0000-0000-c000-000000000046';
export const OUT_CLSID = '00000339-0000-0000-c000-000000000046';

/** Properties read from one blob ([MS-DCOM] 2.2.28.1 says at most 10). */
export const MAX_PROPERTIES = 64;
/** Activation blobs inside activation blobs. */
export const MAX_NESTING = 4;

export interface ActivationCodecs {
  readonly property: (clsid: string) => Codec | null;
  readonly header: () => Codec;
}

type Bag = { readonly [name: string]: Value };
type Note = (code: Problem['code'], message: string, offset: number) => void;

let nesting = 0;

/** An activation properties BLOB ([MS-DCOM] 2.2.22): dwSize, dwReserved, CustomHeader, then the properties it lists, told apart by CLSID. */
export function decodeActivation(blob: Span, codecs: ActivationCodecs, note: Note): Value {
  const c = Cursor.over(blob);
  const size = c.u32();
  const reserved = c.u32();
  if (c.failed || nesting >= MAX_NESTING) {
    note('dcom-bad-activation', c.failed ? 'activation blob is too short for its size fields' : `activation blobs nest deeper than ${MAX_NESTING}`, 0);
    return { bytes: blob.block.u8.slice(blob.start, blob.end) };
  }
  nesting++;
  try {
    const header = codecs.header().decode({ block: blob.block, start: c.pos, end: blob.end });
    const head = header.value['value'];
    if (head === null || typeof head !== 'object' || Array.isArray(head)) {
      note('dcom-bad-activation', 'activation blob has no readable CustomHeader', 8);
      return { dwSize: size, dwReserved: reserved, bytes: blob.block.u8.slice(c.pos, blob.end) };
    }
    const fields = head as Bag;
    const headerSize = typeof fields['headerSize'] === 'number' ? fields['headerSize'] : header.end;
    const clsids = Array.isArray(fields['pclsid']) ? (fields['pclsid'] as readonly Value[]) : [];
    const sizes = Array.isArray(fields['pSizes']) ? (fields['pSizes'] as readonly Value[]) : [];
    const properties: Value[] = [];
    let at = blob.start + 8 + headerSize;
    for (let i = 0; i < clsids.length && i < MAX_PROPERTIES; i++) {
      const clsid = String(clsids[i]);
      const length = Number(sizes[i] ?? 0);
      const end = at + length;
      if (end > blob.end) {
        note('dcom-bad-activation', `property ${clsid} claims ${length} bytes and ${Math.max(0, blob.end - at)} are left`, at - blob.start);
        break;
      }
      properties.push(property(clsid, { block: blob.block, start: at, end }, codecs, note, at - blob.start));
      at = end;
    }
    return { dwSize: size, dwReserved: reserved, destCtx: fields['destCtx'] ?? 0, properties };
  } finally {
    nesting--;
  }
}

function property(clsid: string, span: Span, codecs: ActivationCodecs, note: Note, at: number): Value {
  const codec = codecs.property(clsid);
  if (codec === null) return { clsid, bytes: span.block.u8.slice(span.start, span.end) };
  const { value, problems } = codec.decode(span);
  // Properties are filled up to eight bytes, with zeros or 0xfa.
  for (const problem of problems) if (problem.code !== 'ndr-trailing') note(problem.code, `activation property ${clsid}: ${problem.message}`, at + (problem.at.stub ?? 0));
  return { clsid, value: value['value'] ?? null };
}

/** The bytes of a blob; sizes are worked out. */
export function encodeActivation(value: Value, codecs: ActivationCodecs): Uint8Array {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) throw new EncodeError('activation', 'activation properties are wanted');
  const bag = value as Bag;
  const list = Array.isArray(bag['properties']) ? (bag['properties'] as readonly Bag[]) : [];
  const bodies = list.map((item) => {
    const clsid = String(item['clsid']);
    if (item['bytes'] instanceof Uint8Array) return { clsid, bytes: item['bytes'] };
    const codec = codecs.property(clsid);
    if (codec === null) throw new EncodeError('activation', `no property has CLSID ${clsid}`);
    const sink = new Sink();
    sink.bytes(codec.encode({ value: item['value'] ?? null }));
    sink.align(8);
    return { clsid, bytes: sink.finish() };
  });
  const header = (headerSize: number): Uint8Array => {
    const total = bodies.reduce((sum, body) => sum + body.bytes.length, headerSize);
    const sizes = bodies.map((body) => body.bytes.length);
    return codecs.header().encode({
      value: {
        totalSize: total, headerSize, dwReserved: 0, destCtx: bag['destCtx'] ?? 2, cIfs: bodies.length, classInfoClsid: '00000000-0000-0000-0000-000000000000',
        pclsid: bodies.map((body) => body.clsid), pSizes: sizes, pdwReserved: null,
      },
    });
  };
  const measured = header(0).length;
  const head = header(measured);
  const sink = new Sink();
  sink.u32(bodies.reduce((sum, body) => sum + body.bytes.length, head.length));
  sink.u32(Number(bag['dwReserved'] ?? 0));
  sink.bytes(head);
  for (const { bytes } of bodies) sink.bytes(bytes);
  return sink.finish();
}

