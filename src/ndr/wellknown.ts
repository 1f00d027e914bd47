import { GUID_NULL, guidAt, guidBytes } from '../bytes/guid.js';
import { hex64Of } from '../bytes/hex.js';
import type { Value } from '../types.js';
import type { Encoder } from './encoder.js';
import type { Machine } from './machine.js';
import { leaf, type Node } from './node.js';
import { asBigint, asNumber, unfit } from './scalars.js';
import { utf16Text } from './strings.js';
import { dateText, dateValue, filetimeText, filetimeValue, scaledText, scaledValue } from './text.js';
import type { WellKnownType } from './types.js';

type StatusName = (value: number) => string | null;

/** The types automation and DCOM use everywhere, read without going through descriptors. */
export function wellKnownNode(type: WellKnownType, ndr64: boolean, statusName: StatusName): Node {
  switch (type.name) {
    case 'guid':
      return leaf('GUID', 16, 4, readGuid, putGuid);
    case 'hresult':
      return leaf('HRESULT', 4, 4, (m) => m.u32(), (e, v) => e.u32(asNumber(e, v)), (v) => (typeof v === 'number' ? statusName(v) : null));
    case 'error_status':
      return leaf('error_status_t', 4, 4, (m) => m.u32(), (e, v) => e.u32(asNumber(e, v)), (v) => (typeof v === 'number' ? statusName(v) : null));
    case 'bstr':
      return bstrNode(ndr64);
    case 'variant_bool':
      return leaf('VARIANT_BOOL', 2, 2, readVariantBool, (e, v) => e.u16(v === true ? 0xffff : asNumber(e, v)));
    case 'date':
      return leaf('DATE', 8, 8, readDate, putDate);
    case 'currency':
      return leaf('CURRENCY', 8, 8, (m) => scaledText(BigInt.asIntN(64, m.u64()), 4), putCurrency);
    case 'decimal':
      return leaf('DECIMAL', 16, 8, readDecimal, putDecimal);
    case 'filetime':
      return leaf('FILETIME', 8, 4, readFiletime, putFiletime);
    case 'hex64':
      return leaf('hyper', 8, 8, readHex64, (e, v) => e.u64(asBigint(e, v)));
    case 'context_handle':
      return leaf('context_handle', 20, 4, readHandle, putHandle);
  }
}

function readGuid(m: Machine): Value {
  if (!m.need(16)) return GUID_NULL;
  const text = guidAt(m.view, m.pos, m.littleEndian);
  m.pos += 16;
  return text;
}

function putGuid(e: Encoder, value: Value): void {
  const bytes = typeof value === 'string' ? guidBytes(value, e.littleEndian) : null;
  if (bytes === null) unfit(e, `a GUID is wanted, not ${String(value)}`);
  e.bytes(bytes);
}

function readVariantBool(m: Machine): Value {
  const raw = m.u16();
  if (raw === 0) return false;
  if (raw === 0xffff) return true;
  m.problem('ndr-bad-boolean', `VARIANT_BOOL holds ${raw}, which is neither VARIANT_TRUE nor VARIANT_FALSE`, '[MS-OAUT] 2.2.27', m.offset - 2);
  return raw;
}

function readDate(m: Machine): Value {
  if (!m.need(8)) return null;
  const raw = m.view.getFloat64(m.pos, m.littleEndian);
  const bits = m.tape === null ? 0n : m.view.getBigUint64(m.pos, m.littleEndian);
  m.pos += 8;
  m.tape?.push(bits);
  const text = dateText(raw);
  if (text !== null) return text;
  m.problem('ndr-bad-value', `DATE ${raw} is outside the years 100 to 9999`, '[MS-OAUT] 2.2.25', m.offset - 8);
  return { date: Number.isFinite(raw) ? raw : String(raw) };
}

function putDate(e: Encoder, value: Value): void {
  const entry = e.hidden();
  if (typeof entry === 'bigint') {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, entry);
    const raw = view.getFloat64(0);
    // The tape keeps the bits a text cannot: it counts while the text is still that of its bits.
    if (typeof value !== 'string' || dateText(raw) === value) return e.u64(entry);
  }
  const raw = typeof value === 'string' ? dateValue(value) : typeof value === 'number' ? value : dateOf(value);
  if (raw === null) unfit(e, `a date is wanted, not ${String(value)}`);
  e.f64(raw);
}

function dateOf(value: Value): number | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  const raw = (value as { readonly [name: string]: Value })['date'];
  return typeof raw === 'number' || typeof raw === 'string' ? Number(raw) : null;
}

function putCurrency(e: Encoder, value: Value): void {
  const parsed = typeof value === 'string' ? scaledValue(value) : null;
  if (parsed === null || parsed.scale > 4) unfit(e, `a decimal text with up to four places is wanted, not ${String(value)}`);
  e.u64(parsed.value * 10n ** BigInt(4 - parsed.scale));
}

/** [MS-OAUT] 2.2.26: reserved, scale and sign, high 32 bits, low 64 bits. */
function readDecimal(m: Machine): Value {
  if (!m.need(16)) return null;
  const reserved = m.u16();
  const scale = m.u8_();
  const sign = m.u8_();
  const high = m.u32();
  const low = m.u64();
  m.tape?.push(reserved, sign);
  const value = (BigInt(high) << 64n) | low;
  if (scale > 28 || (sign !== 0 && sign !== 0x80)) {
    m.problem('ndr-bad-value', `DECIMAL with scale ${scale} and sign ${sign}`, '[MS-OAUT] 2.2.26', m.offset - 16);
    return { scale, sign, value };
  }
  const text = scaledText(value, scale);
  return sign === 0x80 ? `-${text}` : text;
}

function putDecimal(e: Encoder, value: Value): void {
  const reserved = e.hiddenNumber(0);
  const taped = e.hidden();
  let scale = 0;
  let sign = 0;
  let whole = 0n;
  if (typeof value === 'string') {
    const parsed = scaledValue(value);
    if (parsed === null || parsed.scale > 28) unfit(e, `a decimal text with up to 28 places is wanted, not ${value}`);
    scale = parsed.scale;
    whole = parsed.value < 0n ? -parsed.value : parsed.value;
    sign = value.startsWith('-') ? 0x80 : 0;
  } else if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    const bag = value as { readonly [name: string]: Value };
    scale = asNumber(e, bag['scale'] ?? 0);
    sign = typeof taped === 'number' ? taped : asNumber(e, bag['sign'] ?? 0);
    whole = asBigint(e, bag['value'] ?? 0);
  } else unfit(e, `a decimal text is wanted, not ${String(value)}`);
  e.u16(reserved);
  e.u8_(scale);
  e.u8_(sign);
  e.u32(Number((whole >> 64n) & 0xffff_ffffn));
  e.u64(whole & 0xffff_ffff_ffff_ffffn);
}

function readFiletime(m: Machine): Value {
  const low = m.u32();
  const high = m.u32();
  const ticks = (BigInt(high) << 32n) | BigInt(low);
  return filetimeText(ticks) ?? ticks;
}

function putFiletime(e: Encoder, value: Value): void {
  const ticks = typeof value === 'string' ? filetimeValue(value) : asBigint(e, value);
  if (ticks === null) unfit(e, `a time is wanted, not ${String(value)}`);
  e.u32(Number(ticks & 0xffff_ffffn));
  e.u32(Number((ticks >> 32n) & 0xffff_ffffn));
}

function readHex64(m: Machine): Value {
  const first = m.u32();
  const second = m.u32();
  return m.littleEndian ? hex64Of(second, first) : hex64Of(first, second);
}

function readHandle(m: Machine): Value {
  if (!m.need(20)) return null;
  const attributes = m.u32();
  const uuid = guidAt(m.view, m.pos, m.littleEndian);
  m.pos += 16;
  return { attributes, uuid };
}

function putHandle(e: Encoder, value: Value): void {
  const bag = (value ?? {}) as { readonly [name: string]: Value };
  e.u32(asNumber(e, bag['attributes'] ?? 0));
  putGuid(e, bag['uuid'] ?? GUID_NULL);
}

const NULL_BYTES = 0xffff_ffff;

/** BSTR ([MS-OAUT] 2.2.23): a unique pointer to FLAGGED_WORD_BLOB. A null one points to a blob of cBytes 0xffffffff. */
function bstrNode(ndr64: boolean): Node {
  const align = ndr64 ? 8 : 4;
  return {
    type: 'BSTR', align, least: align, hoist: null,
    flat(m) {
      m.pad(align);
      const from = m.offset;
      const id = ndr64 ? Number(m.u64()) : m.u32();
      m.tape?.push(id);
      m.tracer?.hidden(`${m.tracer.name} (pointer)`, 'BSTR', from, m.offset, id);
      return id;
    },
    rest: readBlob,
    put(e, value) {
      e.pad(align);
      const taped = e.hidden();
      // A pointer that was null stays null; a null value is a pointer to an empty blob otherwise.
      if (taped === 0 && value === null) {
        if (ndr64) e.u64(0n);
        else e.u32(0);
        return;
      }
      const id = typeof taped === 'number' && taped !== 0 ? taped : e.nextReferent();
      e.pointer(id);
    },
    putRest: putBlob,
  };
}

function readBlob(m: Machine, id: Value): Value {
  // Tells an encode whether a null value was a null pointer or a pointer to an empty blob.
  m.tape?.push(id === 0 ? 0 : 1);
  if (id === 0 || m.failed) return null;
  const { tracer } = m;
  const node = tracer === null ? null : tracer.open('FLAGGED_WORD_BLOB', m.offset, '[MS-OAUT] 2.2.23.1');
  const max = m.count('max_count');
  const sizeFrom = m.offset;
  if (m.ndr64) m.pad(4);
  const bytes = m.u32();
  const size = m.u32();
  if (tracer !== null) {
    tracer.hidden('cBytes', 'ULONG', sizeFrom, sizeFrom + 4, bytes);
    tracer.hidden('clSize', 'ULONG', sizeFrom + 4, sizeFrom + 8, size);
  }
  let value: string | null = null;
  if (max !== size) m.problem('ndr-bad-conformance', `BSTR has max_count ${max} and clSize ${size}`, '[MS-OAUT] 2.2.23.1');
  if (m.room(max, 2)) {
    const at = m.pos;
    m.pos += max * 2;
    if (bytes !== NULL_BYTES || max !== 0) {
      value = utf16Text(m.view, at, max, m.littleEndian);
      if (bytes !== max * 2 && !(bytes === max * 2 - 1)) m.problem('ndr-bad-string', `BSTR of ${bytes} bytes in ${max} words`, '[MS-OAUT] 2.2.23.1', sizeFrom);
    }
    if (tracer !== null && max > 0) {
      tracer.name = 'asData';
      tracer.leaf('USHORT[]', at - m.base, m.offset, value);
    }
    m.tape?.push(bytes, size);
  }
  if (tracer !== null && node !== null) {
    node.value = value;
    tracer.close(m.offset);
  }
  return value;
}

function putBlob(e: Encoder, value: Value): void {
  const pointed = e.hidden();
  if (value === null) {
    if (pointed === 0) return;
    e.pad(e.ndr64 ? 8 : 4);
    const bytes = e.hiddenNumber(NULL_BYTES);
    const size = e.hiddenNumber(0);
    e.count(0);
    e.u32(bytes);
    e.u32(size);
    return;
  }
  if (typeof value !== 'string') unfit(e, `a string or null is wanted, not ${typeof value}`);
  const units = value.length;
  e.pad(e.ndr64 ? 8 : 4);
  const taped = e.hidden();
  const size = e.hidden();
  e.count(units);
  e.u32(typeof taped === 'number' && (taped === units * 2 || taped === units * 2 - 1 || size !== units) ? taped : units * 2);
  e.u32(typeof size === 'number' ? size : units);
  for (let i = 0; i < units; i++) e.u16(value.charCodeAt(i));
}
