import { guidBytes } from '../bytes/guid.js';
import { Sink } from '../bytes/sink.js';
import { EncodeError } from '../ndr/codec.js';
import { asRecord, isRecord, type Fields } from '../ndr/value.js';
import type { Value } from '../types.js';
import { encodeActivation } from './activation.js';
import { entriesOf } from './bindings.js';
import type { ObjrefOptions } from './objref-layout.js';
import { EXTENDED_SIGNATURE, OBJREF, OBJREF_SIGNATURE } from './names.js';

const FORMS: ReadonlyMap<string, number> = new Map(Object.entries(OBJREF));

/** The bytes of what `makeObjref` shows. @throws EncodeError when it is not that */
export function encodeObjref(value: Value, options: ObjrefOptions): Uint8Array {
  if (!isRecord(value)) throw new EncodeError('objref', 'an OBJREF is wanted');
  const shown = value;
  const kind = shown['kind'];
  const raw = shown['bytes'];
  if (kind === undefined && raw instanceof Uint8Array) return raw;
  const s = new Sink();
  s.u32(OBJREF_SIGNATURE);
  s.u32(FORMS.get(String(kind)) ?? number(shown, 'flags', 0));
  guid(s, shown, 'iid');
  if (raw instanceof Uint8Array) s.bytes(raw);
  else if (kind === 'custom') putCustom(s, shown, options);
  else putStandard(s, shown);
  return s.finish();
}

function putCustom(s: Sink, shown: Fields, options: ObjrefOptions): void {
  guid(s, shown, 'clsid');
  s.u32(number(shown, 'cbExtension', 0));
  const data = customData(shown, options);
  // Senders put the size here; nobody reads it ([MS-DCOM] 2.2.18.6).
  s.u32(number(shown, 'reserved', data.length));
  s.bytes(data);
}

function customData(shown: Fields, options: ObjrefOptions): Uint8Array {
  if (shown['activation'] !== undefined) return encodeActivation(shown['activation'], options);
  const codec = shown['object'] === undefined ? null : (options.custom?.(String(shown['clsid'])) ?? null);
  if (codec !== null) return codec.encode({ value: shown['object'] ?? null });
  const data = shown['pObjectData'];
  if (!(data instanceof Uint8Array)) throw new EncodeError('objref.pObjectData', 'bytes are wanted');
  return data;
}

function putStandard(s: Sink, shown: Fields): void {
  const { kind, Data: data, rest } = shown;
  s.u32(number(shown, 'flags', 0));
  s.u32(number(shown, 'cPublicRefs', 0));
  s.u64(wide(shown, 'oxid'));
  s.u64(wide(shown, 'oid'));
  guid(s, shown, 'ipid');
  if (kind === 'handler') guid(s, shown, 'clsid');
  if (kind === 'extended') s.u32(EXTENDED_SIGNATURE);
  // Null where the original ended before them.
  if (shown['bindings'] !== null) {
    const { units, security } = entriesOf(asRecord(shown['bindings']));
    if (units.length > 0xffff) throw new EncodeError('objref.bindings', `${units.length} entries are more than 65,535`);
    s.u16(units.length);
    s.u16(security);
    for (const unit of units) s.u16(unit);
  }
  if (kind === 'extended' && data instanceof Uint8Array) {
    s.u32(number(shown, 'nElms', 1));
    s.u32(EXTENDED_SIGNATURE);
    guid(s, shown, 'dataID');
    s.u32(number(shown, 'cbSize', data.length));
    s.u32((data.length + 7) & ~7);
    s.bytes(data);
    s.fill(-data.length & 7);
  }
  if (rest instanceof Uint8Array) s.bytes(rest);
}

function guid(s: Sink, shown: Fields, field: string): void {
  const text = shown[field];
  const bytes = typeof text === 'string' ? guidBytes(text, true) : null;
  if (bytes === null) throw new EncodeError(`objref.${field}`, `a GUID is wanted, not ${String(text)}`);
  s.bytes(bytes);
}

function number(shown: Fields, field: string, otherwise: number): number {
  const value = shown[field] ?? otherwise;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
    throw new EncodeError(`objref.${field}`, `a 32-bit number is wanted, not ${String(value)}`);
  return value;
}

function wide(shown: Fields, field: string): bigint {
  const value = shown[field];
  if (typeof value === 'bigint') return value;
  if (typeof value !== 'string' || !/^0x[0-9a-f]{1,16}$/i.test(value))
    throw new EncodeError(`objref.${field}`, `0x and up to sixteen hex digits are wanted, not ${String(value)}`);
  return BigInt(value);
}
