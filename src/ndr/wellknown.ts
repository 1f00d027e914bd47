import { GUID_NULL, guidAt, guidBytes } from '../bytes/guid.js';
import { hex64Of } from '../bytes/hex.js';
import type { Value } from '../types.js';
import type { Encoder } from './encoder.js';
import type { Machine } from './machine.js';
import { leaf, type Node } from './node.js';
import { readReferent } from './pointers.js';
import { asBigint, asInteger, unfit } from './scalars.js';
import { utf16Text } from './strings.js';
import type { BlobEntry } from './tape.js';
import { dateText, dateValue, filetimeText, filetimeValue, scaledText, scaledValue } from './text.js';
import type { WellKnownType } from './types.js';

type StatusName = (value: number) => string | null;

/** The types automation and DCOM use everywhere, read without going through descriptors. */
export function wellKnownNode(type: WellKnownType, ndr64: boolean, statusName: StatusName): Node {
  switch (type.name) {
    case 'guid':
      return leaf('GUID', 16, 4, readGuid, putGuid);
    case 'hresult':
      return leaf(
        'HRESULT',
        4,
        4,
        (m) => m.u32(),
        (e, v) => e.u32(asInteger(e, v, 32)),
        (v) => (typeof v === 'number' ? statusName(v) : null),
      );
    case 'error_status':
      return leaf(
        'error_status_t',
        4,
        4,
        (m) => m.u32(),
        (e, v) => e.u32(asInteger(e, v, 32)),
        (v) => (typeof v === 'number' ? statusName(v) : null),
      );
    case 'bstr':
      return bstrNode(ndr64);
    case 'variant_bool':
      return leaf('VARIANT_BOOL', 2, 2, readVariantBool, (e, v) => e.u16(v === true ? 0xffff : asInteger(e, v, 16)));
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
  m.problem(
    'ndr-bad-boolean',
    `VARIANT_BOOL holds ${raw}, which is neither VARIANT_TRUE nor VARIANT_FALSE`,
    '[MS-OAUT] 2.2.27',
    m.offset - 2,
  );
  return raw;
}

function readDate(m: Machine): Value {
  if (!m.need(8)) return null;
  const raw = m.view.getFloat64(m.pos, m.littleEndian);
  if (m.tape !== null) m.tape.push({ kind: 'bits', bits: m.view.getBigUint64(m.pos, m.littleEndian) });
  m.pos += 8;
  const text = dateText(raw);
  if (text !== null) return text;
  m.problem('ndr-bad-value', `DATE ${raw} is outside the years 100 to 9999`, '[MS-OAUT] 2.2.25', m.offset - 8);
  return { date: Number.isFinite(raw) ? raw : String(raw) };
}

const bitsOf = new DataView(new ArrayBuffer(8));

/** The text has milliseconds only: the tape's bits count while they have that text. */
function putDate(e: Encoder, value: Value): void {
  const taped = e.taped('bits');
  const raw = typeof value === 'string' ? dateValue(value) : typeof value === 'number' ? value : dateOf(value);
  if (raw === null) unfit(e, `a date is wanted, not ${String(value)}`);
  if (taped !== null) {
    bitsOf.setBigUint64(0, taped.bits);
    const known = bitsOf.getFloat64(0);
    if (typeof value === 'string' ? dateText(known) === value : Object.is(known, raw)) return e.u64(taped.bits);
  }
  e.f64(raw);
}

function dateOf(value: Value): number | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  const raw = (value as { readonly [name: string]: Value })['date'];
  return typeof raw === 'number' || typeof raw === 'string' ? Number(raw) : null;
}

function putCurrency(e: Encoder, value: Value): void {
  const parsed = typeof value === 'string' ? scaledValue(value) : null;
  if (parsed === null || parsed.scale > 4)
    unfit(e, `a decimal text with up to four places is wanted, not ${String(value)}`);
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
  m.tape?.push({ kind: 'decimal', reserved, sign });
  const value = (BigInt(high) << 64n) | low;
  if (scale > 28 || (sign !== 0 && sign !== 0x80)) {
    m.problem('ndr-bad-value', `DECIMAL with scale ${scale} and sign ${sign}`, '[MS-OAUT] 2.2.26', m.offset - 16);
    return { scale, sign, value };
  }
  const text = scaledText(value, scale);
  return sign === 0x80 ? `-${text}` : text;
}

function putDecimal(e: Encoder, value: Value): void {
  const taped = e.taped('decimal');
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
    scale = asInteger(e, bag['scale'] ?? 0, 8);
    sign = asInteger(e, bag['sign'] ?? 0, 8);
    whole = asBigint(e, bag['value'] ?? 0);
  } else unfit(e, `a decimal text is wanted, not ${String(value)}`);
  if (whole >= 1n << 96n) unfit(e, 'a DECIMAL has at most 96 bits');
  e.u16(taped?.reserved ?? 0);
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
  e.u32(asInteger(e, bag['attributes'] ?? 0, 32));
  putGuid(e, bag['uuid'] ?? GUID_NULL);
}

const NULL_BYTES = 0xffff_ffff;

/** BSTR ([MS-OAUT] 2.2.23): a unique pointer to FLAGGED_WORD_BLOB. A null one points to a blob of cBytes 0xffffffff. */
function bstrNode(ndr64: boolean): Node {
  const align = ndr64 ? 8 : 4;
  return {
    type: 'BSTR',
    align,
    least: align,
    nullable: () => true,
    hoist: null,
    flat: (m) => readReferent(m, 'BSTR'),
    rest: readBlob,
    put(e, value) {
      // Null as a null pointer is not what the specification has; the tape keeps it.
      return e.referentId(value === null && e.ahead('referent')?.id === 0);
    },
    putRest: putBlob,
  };
}

function readBlob(m: Machine, id: Value): Value {
  if (id === 0 || m.failedAt >= 0) return null;
  const { tracer } = m;
  m.pad(m.ndr64 ? 8 : 4);
  const node = tracer === null ? null : tracer.open('FLAGGED_WORD_BLOB', m.offset, '[MS-OAUT] 2.2.23.1');
  const label = m.littleEndian;
  if (!label) m.littleEndian = blobIsLittle(m);
  const entry: BlobEntry | null =
    m.tape === null ? null : { kind: 'blob', max: 0, cBytes: 0, clSize: 0, little: m.littleEndian };
  if (entry !== null) m.tape?.push(entry);
  const max = m.count('max_count');
  const sizeFrom = m.offset;
  const bytes = m.u32();
  const size = m.u32();
  if (tracer !== null && m.failedAt < 0) {
    tracer.hidden('cBytes', 'ULONG', sizeFrom, sizeFrom + 4, bytes);
    tracer.hidden('clSize', 'ULONG', sizeFrom + 4, sizeFrom + 8, size);
  }
  let value: string | null = null;
  if (max !== size)
    m.problem('ndr-bad-conformance', `BSTR has max_count ${max} and clSize ${size}`, '[MS-OAUT] 2.2.23.1', sizeFrom);
  if (m.room(max, 2)) {
    const at = m.pos;
    m.pos += max * 2;
    if (bytes !== NULL_BYTES || max !== 0) {
      value = utf16Text(m.view, at, max, m.littleEndian);
      if (bytes !== max * 2 && bytes !== max * 2 - 1)
        m.problem('ndr-bad-string', `BSTR of ${bytes} bytes in ${max} words`, '[MS-OAUT] 2.2.23.1', sizeFrom);
    }
    if (tracer !== null) {
      tracer.name = 'asData';
      if (max > 0) tracer.leaf('USHORT[]', at - m.base, m.offset, value);
    }
    if (entry !== null) {
      entry.max = max;
      entry.cBytes = bytes;
      entry.clSize = size;
    }
  }
  m.littleEndian = label;
  if (tracer !== null && node !== null) {
    node.value = value;
    tracer.close(m.offset);
  }
  return value;
}

/**
 * The blob is little-endian whatever the data representation says ([MS-OAUT] 2.2.23.1), which generic NDR libraries do
 * not know:
 * in a big-endian stub the order is the one in which the counts agree, little-endian where both or neither do.
 */
function blobIsLittle(m: Machine): boolean {
  const width = m.ndr64 ? 8 : 4;
  const at = m.pos;
  const left = m.end - at - width - 8;
  if (left < 0) return true;
  const agree = (little: boolean): boolean => {
    const max = m.view.getUint32(at + (m.ndr64 && !little ? 4 : 0), little);
    const bytes = m.view.getUint32(at + width, little);
    return (
      m.view.getUint32(at + width + 4, little) === max &&
      max * 2 <= left &&
      (bytes === max * 2 || bytes === max * 2 - 1 || bytes === NULL_BYTES)
    );
  };
  return agree(true) || !agree(false);
}

function putBlob(e: Encoder, value: Value, id: unknown): void {
  if (id === 0) return;
  if (value !== null && typeof value !== 'string') unfit(e, `text or null is wanted, not ${typeof value}`);
  e.pad(e.ndr64 ? 8 : 4);
  const taped = e.taped('blob');
  const units = value === null ? 0 : value.length;
  // Of a text of other length, or of one that was null, nothing of the original holds.
  const same =
    taped !== null && taped.max === units && (value === null) === (taped.cBytes === NULL_BYTES && taped.max === 0);
  const label = e.littleEndian;
  e.littleEndian = taped?.little ?? true;
  e.count(units);
  e.u32(same ? taped.cBytes : value === null ? NULL_BYTES : units * 2);
  e.u32(same ? taped.clSize : units);
  if (value !== null) for (let i = 0; i < units; i++) e.u16(value.charCodeAt(i));
  e.littleEndian = label;
}
