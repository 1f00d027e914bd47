import { Cursor } from '../bytes/cursor.js';
import { GUID_NULL, guidAt } from '../bytes/guid.js';
import { hex64Of } from '../bytes/hex.js';
import type { ObjrefTransform } from '../ndr/codec.js';
import type { OpenFields } from '../ndr/value.js';
import type { Problem, Span, Value } from '../types.js';
import { decodeActivation, fitsInside } from './activation.js';
import { readBindings } from './bindings.js';
import { HEADER_SIZE, isActivation, STD_SIZE, type ObjrefOptions } from './objref-layout.js';
import { BLOB_LEVELS } from './limits.js';
import { EXTENDED_SIGNATURE, OBJREF, OBJREF_SIGNATURE } from './names.js';
import { encodeObjref } from './objwrite.js';
import { traceObjref } from './objtrace.js';

export type { ObjrefOptions } from './objref-layout.js';

type Note = (code: Problem['code'], message: string, offset: number) => void;

/**
 * Reads, explains and writes OBJREFs ([MS-DCOM] 2.2.18): standard, handler, custom and extended. They are little-endian
 * whatever the call is. Shown as `{ iid, kind, … }`: with the STDOBJREF's fields and `bindings`, or, of a custom one,
 * with `clsid` and one of `activation` (its activation properties), `object` (what `custom` has a codec for) and
 * `pObjectData`.
 */
export function makeObjref(options: ObjrefOptions): ObjrefTransform {
  return {
    decode: (bytes, note, depth) => decode(bytes, note, options, depth),
    trace: (bytes, depth) => traceObjref(bytes, options, depth),
    encode: (shown) => encodeObjref(shown, options),
  };
}

function decode(bytes: Span, note: Note, options: ObjrefOptions, depth: number): Value {
  const {
    block: { view, u8 },
    start,
    end,
  } = bytes;
  const size = end - start;
  if (size < HEADER_SIZE || view.getUint32(start, true) !== OBJREF_SIGNATURE) {
    note(
      'dcom-bad-objref',
      size < HEADER_SIZE
        ? `OBJREF of ${size} bytes is too short for its header`
        : 'OBJREF does not begin with its signature MEOW',
      0,
    );
    return { bytes: u8.slice(start, end) };
  }
  const flags = view.getUint32(start + 4, true);
  const iid = guidAt(view, start + 8, true);
  switch (flags) {
    case OBJREF.standard:
    case OBJREF.handler:
    case OBJREF.extended:
      return decodeStandard(bytes, flags, iid, note);
    case OBJREF.custom:
      return decodeCustom(bytes, iid, note, options, depth);
    default:
      note('dcom-bad-objref', `OBJREF has flags 0x${flags.toString(16)}, which name no form`, 4);
      return { iid, kind: 'unknown', flags, bytes: u8.slice(start + HEADER_SIZE, end) };
  }
}

const KINDS: ReadonlyMap<number, string> = new Map(Object.entries(OBJREF).map(([name, form]) => [form, name]));

/** The three forms around a STDOBJREF. */
function decodeStandard(bytes: Span, form: number, iid: string, note: Note): Value {
  const kind = KINDS.get(form) ?? 'unknown';
  const c = new Cursor(bytes.block, bytes.start, bytes.end);
  const { view } = c;
  c.pos += HEADER_SIZE;
  if (!c.need(STD_SIZE)) {
    note('dcom-bad-objref', `OBJREF of ${bytes.end - bytes.start} bytes ends inside its STDOBJREF`, HEADER_SIZE);
    return { iid, kind, bytes: c.u8.slice(bytes.start + HEADER_SIZE, bytes.end) };
  }
  const at = c.pos;
  c.pos += STD_SIZE;
  const clsid = form === OBJREF.handler ? readGuid(c) : null;
  if (form === OBJREF.extended) readSignature(c, 'first', note);
  const oxidLow = view.getUint32(at + 8, true);
  const shown: OpenFields = {
    iid,
    ipid: guidAt(view, at + 24, true),
    oid: hex64Of(view.getUint32(at + 20, true), view.getUint32(at + 16, true)),
    oxid: hex64Of(view.getUint32(at + 12, true), oxidLow),
    kind,
    flags: view.getUint32(at, true),
    cPublicRefs: view.getUint32(at + 4, true),
    bindings: readBindings(c, oxidLow, note),
  };
  if (clsid !== null) shown['clsid'] = clsid;
  if (form === OBJREF.extended && !c.failed) readElements(c, shown, note);
  if (c.failed) {
    note('dcom-bad-objref', `OBJREF of ${bytes.end - bytes.start} bytes ends before its fields do`, c.failedAt);
    if (c.failedAt < bytes.end - bytes.start) shown['rest'] = c.u8.slice(bytes.start + c.failedAt, bytes.end);
  } else if (c.remaining > 0) shown['rest'] = c.u8.slice(c.pos, c.end);
  return shown;
}

function readGuid(c: Cursor): string {
  if (!c.need(16)) return GUID_NULL;
  const text = guidAt(c.view, c.pos, true);
  c.pos += 16;
  return text;
}

function readSignature(c: Cursor, which: string, note: Note): void {
  const signature = c.u32();
  if (!c.failed && signature !== EXTENDED_SIGNATURE)
    note('dcom-bad-objref', `OBJREF_EXTENDED has 0x${signature.toString(16)} as its ${which} signature`, c.offset - 4);
}

/**
 * What follows the bindings of an OBJREF_EXTENDED: one DATAELEMENT, an envoy context, kept as bytes ([MS-DCOM]
 * 2.2.18.7–8).
 */
function readElements(c: Cursor, shown: OpenFields, note: Note): void {
  const nElms = c.u32();
  readSignature(c, 'second', note);
  const dataID = readGuid(c);
  const cbSize = c.u32();
  const cbRounded = c.u32();
  if (c.failed) return;
  if (nElms !== 1) note('dcom-bad-objref', `OBJREF_EXTENDED has ${nElms} elements where one is due`, c.offset - 32);
  if (cbRounded !== ((cbSize + 7) & ~7) >>> 0)
    note('dcom-bad-objref', `DATAELEMENT of ${cbSize} bytes is rounded to ${cbRounded}`, c.offset - 4);
  const room = c.need(cbRounded);
  shown['nElms'] = nElms;
  shown['dataID'] = dataID;
  shown['cbSize'] = cbSize;
  shown['Data'] = room ? c.bytes(cbRounded).slice() : new Uint8Array(0);
}

function decodeCustom(bytes: Span, iid: string, note: Note, options: ObjrefOptions, depth: number): Value {
  const c = new Cursor(bytes.block, bytes.start, bytes.end);
  c.pos += HEADER_SIZE;
  if (!c.need(24)) {
    note('dcom-bad-objref', `OBJREF of ${bytes.end - bytes.start} bytes ends inside its OBJREF_CUSTOM`, HEADER_SIZE);
    return { iid, kind: 'custom', bytes: c.u8.slice(bytes.start + HEADER_SIZE, bytes.end) };
  }
  const clsid = readGuid(c);
  const cbExtension = c.u32();
  const reserved = c.u32();
  const shown: OpenFields = { iid, kind: 'custom', clsid, cbExtension, reserved };
  const from = c.offset;
  const data: Span = { block: bytes.block, start: c.pos, end: bytes.end };
  if (isActivation(clsid)) {
    shown['activation'] = decodeActivation(data, options, (code, message, at) => note(code, message, from + at), depth);
    return shown;
  }
  const object = fitsInside(depth) ? options.custom?.(clsid)?.decode(data, undefined, depth + BLOB_LEVELS) : undefined;
  if (object !== undefined && object.problems.length === 0) shown['object'] = object.value['value'] ?? null;
  else shown['pObjectData'] = c.u8.slice(data.start, data.end);
  return shown;
}
