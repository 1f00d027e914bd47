import { Cursor } from '../bytes/cursor.js';
import { GUID_NULL, guidAt, guidBytes } from '../bytes/guid.js';
import { hex64Of } from '../bytes/hex.js';
import { Sink } from '../bytes/sink.js';
import { EncodeError, type Codec, type ObjrefTransform, type TraceNode } from '../ndr/codec.js';
import type { Problem, Span, Value } from '../types.js';
import { bindingsOf, entriesOf } from './dualstring.js';
import { decodeActivation, encodeActivation, IN_CLSID, OUT_CLSID, type ActivationCodecs } from './activation.js';

const SIGNATURE = 0x574f454d;
const EXTENDED_SIGNATURE = 0x4e535956;
const STANDARD = 1;
const HANDLER = 2;
const CUSTOM = 4;
const EXTENDED = 8;
const STD_SIZE = 40;

type Note = (code: Problem['code'], message: string, offset: number) => void;
type Bag = { [name: string]: Value };

export interface ObjrefOptions {
  /** Codec of the activation property with a CLSID, or null for an unknown one. */
  readonly property: (clsid: string) => Codec | null;
  /** Codec of the CustomHeader in front of the properties. */
  readonly header: () => Codec;
}

/**
 * Reads, explains and writes OBJREFs ([MS-DCOM] 2.2.18): standard, handler, custom and extended. They are little-endian
 * whatever the call is. An OBJREF that carries activation properties is shown with them.
 */
export function makeObjref(options: ObjrefOptions): ObjrefTransform {
  const codecs: ActivationCodecs = options;
  return {
    decode: (bytes, note) => decode(bytes, note, codecs),
    trace: (bytes) => trace(bytes),
    encode: (shown) => encode(shown, codecs),
  };
}

function decode(bytes: Span, note: Note, codecs: ActivationCodecs): Value {
  const c = Cursor.over(bytes);
  const { view } = c;
  const size = bytes.end - bytes.start;
  if (size < 24 || view.getUint32(bytes.start, true) !== SIGNATURE) {
    note('dcom-bad-objref', size < 24 ? `OBJREF of ${size} bytes is too short for its header` : 'OBJREF does not begin with its signature MEOW', 0);
    return { bytes: c.u8.slice(bytes.start, bytes.end) };
  }
  const flags = view.getUint32(bytes.start + 4, true);
  const iid = guidAt(view, bytes.start + 8, true);
  c.pos += 24;
  switch (flags) {
    case STANDARD:
    case HANDLER:
    case EXTENDED: {
      if (!c.need(STD_SIZE)) {
        note('dcom-bad-objref', 'OBJREF ends inside its STDOBJREF', 24);
        return { iid, kind: kindOf(flags), bytes: c.u8.slice(bytes.start + 24, bytes.end) };
      }
      const at = c.pos;
      c.pos += STD_SIZE;
      const clsid = flags === HANDLER ? readGuid(c) : null;
      if (flags === EXTENDED) {
        const signature = c.u32();
        if (signature !== EXTENDED_SIGNATURE) note('dcom-bad-objref', 'OBJREF_EXTENDED has a wrong first signature', c.offset - 4);
      }
      const bindings = readDualString(c, note);
      const shown: Bag = {
        iid, kind: kindOf(flags), flags: view.getUint32(at, true), cPublicRefs: view.getUint32(at + 4, true),
        oxid: hex64Of(view.getUint32(at + 12, true), view.getUint32(at + 8, true)), oid: hex64Of(view.getUint32(at + 20, true), view.getUint32(at + 16, true)),
        ipid: guidAt(view, at + 24, true), bindings,
      };
      if (clsid !== null) shown['clsid'] = clsid;
      if (flags === EXTENDED) readElements(c, shown);
      if (c.failed) note('dcom-bad-objref', 'OBJREF ends before its bindings do', c.failedAt);
      else if (c.remaining > 0) shown['rest'] = c.bytes(c.remaining).slice();
      return shown;
    }
    case CUSTOM: {
      const clsid = readGuid(c);
      const extension = c.u32();
      const reserved = c.u32();
      if (c.failed) note('dcom-bad-objref', 'OBJREF_CUSTOM ends inside its header', c.failedAt);
      const shown: Bag = { iid, kind: 'custom', clsid, cbExtension: extension, reserved };
      const data: Span = { block: bytes.block, start: c.pos, end: bytes.end };
      if (clsid === IN_CLSID || clsid === OUT_CLSID) {
        shown['activation'] = decodeActivation(data, codecs, (code, message, at) => note(code, message, c.offset + at));
      } else shown['pObjectData'] = c.u8.slice(data.start, data.end);
      return shown;
    }
    default:
      note('dcom-bad-objref', `OBJREF has flags 0x${flags.toString(16)}, which name no form`, 4);
      return { iid, kind: 'unknown', flags, bytes: c.u8.slice(c.pos, bytes.end) };
  }
}

function kindOf(flags: number): string {
  return flags === STANDARD ? 'standard' : flags === HANDLER ? 'handler' : 'extended';
}

function readGuid(c: Cursor): string {
  if (!c.need(16)) return GUID_NULL;
  const text = guidAt(c.view, c.pos, true);
  c.pos += 16;
  return text;
}

/** The packed form of DUALSTRINGARRAY; repeated by every OBJREF of an exporter, so the last one is kept. */
let lastBytes: Uint8Array = new Uint8Array(0);
let lastShown: Value = null;

function readDualString(c: Cursor, note: Note): Value {
  const count = c.u16();
  const security = c.u16();
  if (c.failed || !c.need(count * 2)) return null;
  const from = c.pos - 4;
  c.pos += count * 2;
  if (lastBytes.length === 4 + count * 2 && same(lastBytes, c.u8, from)) return lastShown;
  const units = Array.from({ length: count }, (_, i) => c.view.getUint16(from + 4 + i * 2, true));
  const shown = bindingsOf({ units, security }) ?? { wSecurityOffset: security, aStringArray: units };
  if (security > count) note('dcom-bad-dualstring', `security bindings begin at entry ${security} of ${count}`, from - c.base);
  lastBytes = c.u8.slice(from, c.pos);
  lastShown = Object.freeze(shown);
  return lastShown;
}

function same(a: Uint8Array, u8: Uint8Array, at: number): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== u8[at + i]) return false;
  return true;
}

function readElements(c: Cursor, shown: Bag): void {
  shown['nElms'] = c.u32();
  c.skip(4);
  shown['dataID'] = readGuid(c);
  const size = c.u32();
  const rounded = c.u32();
  shown['cbSize'] = size;
  shown['Data'] = c.bytes(rounded).slice();
}

function encode(value: Value, codecs: ActivationCodecs): Uint8Array {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) throw new EncodeError('objref', 'an OBJREF is wanted');
  const shown = value as Bag;
  const s = new Sink();
  const kind = shown['kind'];
  const raw = shown['bytes'];
  if (kind === undefined && raw instanceof Uint8Array) return raw;
  const id = (field: string): void => {
    const text = shown[field];
    const bytes = typeof text === 'string' ? guidBytes(text, true) : null;
    if (bytes === null) throw new EncodeError(`objref.${field}`, `a GUID is wanted, not ${String(text)}`);
    s.bytes(bytes);
  };
  const wide = (field: string): void => s.u64(BigInt(String(shown[field] ?? 0)));
  s.u32(SIGNATURE);
  s.u32(kind === 'standard' ? STANDARD : kind === 'handler' ? HANDLER : kind === 'custom' ? CUSTOM : kind === 'extended' ? EXTENDED : Number(shown['flags'] ?? 0));
  id('iid');
  if (raw instanceof Uint8Array) {
    s.bytes(raw);
    return s.finish();
  }
  if (kind === 'custom') {
    id('clsid');
    s.u32(Number(shown['cbExtension'] ?? 0));
    const data = shown['activation'] === undefined ? shown['pObjectData'] : encodeActivation(shown['activation'], codecs);
    if (!(data instanceof Uint8Array)) throw new EncodeError('objref.pObjectData', 'bytes are wanted');
    s.u32(Number(shown['reserved'] ?? data.length));
    s.bytes(data);
    return s.finish();
  }
  s.u32(Number(shown['flags'] ?? 0));
  s.u32(Number(shown['cPublicRefs'] ?? 0));
  wide('oxid');
  wide('oid');
  id('ipid');
  if (kind === 'handler') id('clsid');
  if (kind === 'extended') s.u32(EXTENDED_SIGNATURE);
  const { units, security } = entriesOf((shown['bindings'] ?? {}) as Bag);
  s.u16(units.length);
  s.u16(security);
  for (const unit of units) s.u16(unit);
  if (kind === 'extended') {
    s.u32(Number(shown['nElms'] ?? 1));
    s.u32(EXTENDED_SIGNATURE);
    id('dataID');
    const data = shown['Data'];
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(0);
    s.u32(Number(shown['cbSize'] ?? bytes.length));
    s.u32(bytes.length);
    s.bytes(bytes);
  }
  if (shown['rest'] instanceof Uint8Array) s.bytes(shown['rest']);
  return s.finish();
}

/** The fields of an OBJREF with their bytes. */
function trace(bytes: Span): readonly TraceNode[] {
  const { view } = bytes.block;
  const size = bytes.end - bytes.start;
  const nodes: TraceNode[] = [];
  let at = 0;
  const add = (name: string, type: string, length: number, value: Value, section = '2.2.18'): void => {
    if (at >= size || length <= 0) return;
    const end = Math.min(size, at + length);
    nodes.push({ name, type, start: at, end, value, meaning: null, section, children: [] });
    at = end;
  };
  const guid = (): Value => (at + 16 <= size ? guidAt(view, bytes.start + at, true) : null);
  const word = (): Value => (at + 4 <= size ? view.getUint32(bytes.start + at, true) : null);
  const wide = (): Value => (at + 8 <= size ? hex64Of(view.getUint32(bytes.start + at + 4, true), view.getUint32(bytes.start + at, true)) : null);
  add('signature', 'ULONG', 4, word());
  const flags = word();
  add('flags', 'ULONG', 4, flags);
  add('iid', 'IID', 16, guid());
  if (flags === CUSTOM) {
    add('clsid', 'CLSID', 16, guid(), '2.2.18.6');
    add('cbExtension', 'ULONG', 4, word(), '2.2.18.6');
    add('reserved', 'ULONG', 4, word(), '2.2.18.6');
    add('pObjectData', 'byte[]', size - at, null, '2.2.18.6');
  } else {
    add('std.flags', 'ULONG', 4, word(), '2.2.18.2');
    add('std.cPublicRefs', 'ULONG', 4, word(), '2.2.18.2');
    add('std.oxid', 'OXID', 8, wide(), '2.2.18.2');
    add('std.oid', 'OID', 8, wide(), '2.2.18.2');
    add('std.ipid', 'IPID', 16, guid(), '2.2.18.2');
    if (flags === HANDLER) add('clsid', 'CLSID', 16, guid(), '2.2.18.5');
    if (flags === EXTENDED) add('Signature1', 'ULONG', 4, word(), '2.2.18.7');
    add('saResAddr', 'DUALSTRINGARRAY', size - at, null, '2.2.19');
  }
  return nodes;
}
