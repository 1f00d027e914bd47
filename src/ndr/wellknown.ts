import { GUID_NULL, guidAt, guidBytes } from '../bytes/guid.js';
import { hex64Of } from '../bytes/hex.js';
import type { JsonBytes } from '../bytes/json.js';
import type { Value } from '../types.js';
import type { Encoder } from './encoder.js';
import type { Decoder } from './decoder.js';
import { putValue } from './json.js';
import { MAX_ELEMENTS } from './limits.js';
import { leaf, type Node } from './node.js';
import { readReferent } from './pointers.js';
import { asBigint, asInteger, unfit } from './scalars.js';
import { utf16Text } from './strings.js';
import type { BlobEntry } from './tape.js';
import { dateText, dateValue, filetimeText, filetimeValue, scaledText, scaledValue } from './text.js';
import type { WellKnownType } from './types.js';
import { asRecord, isRecord } from './value.js';

type StatusName = (value: number) => string | null;

/** The types automation and DCOM use everywhere, read without going through descriptors. */
export function wellKnownNode(type: WellKnownType, ndr64: boolean, statusName: StatusName): Node {
  switch (type.name) {
    case 'guid':
      return leaf('GUID', 16, 4, readGuid, putGuid, null, textGuid);
    case 'hresult':
      return leaf(
        'HRESULT',
        4,
        4,
        (d) => d.u32(),
        (e, v) => e.u32(asInteger(e, v, 32)),
        (v) => (typeof v === 'number' ? statusName(v) : null),
      );
    case 'error_status':
      return leaf(
        'error_status_t',
        4,
        4,
        (d) => d.u32(),
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
      return leaf('CURRENCY', 8, 8, (d) => scaledText(BigInt.asIntN(64, d.u64()), 4), putCurrency);
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

function readGuid(d: Decoder): Value {
  if (!d.need(16)) return GUID_NULL;
  const text = guidAt(d.view, d.pos, d.littleEndian);
  d.pos += 16;
  return text;
}

function putGuid(e: Encoder, value: Value): void {
  const bytes = typeof value === 'string' ? guidBytes(value, e.littleEndian) : null;
  if (bytes === null) unfit(e, `a GUID is wanted, not ${String(value)}`);
  e.bytes(bytes);
}

function textGuid(d: Decoder, out: JsonBytes): undefined {
  if (!d.need(16)) return;
  out.byte(QUOTE);
  out.guid(d.u8, d.pos, d.littleEndian);
  out.byte(QUOTE);
  d.pos += 16;
}

/** A BSTR in its usual form; any other is left to {@link readBlob}. */
function textBstr(d: Decoder, out: JsonBytes): Value | undefined {
  const id = readReferent(d, 'BSTR');
  if (id !== 0 && d.littleEndian && !d.ndr64) {
    d.pad(4);
    const at = d.pos;
    const left = d.end - at - 12;
    const max = left < 0 ? 0 : d.view.getUint32(at, true);
    if (
      left >= max * 2 &&
      max <= MAX_ELEMENTS &&
      d.view.getUint32(at + 4, true) === max * 2 &&
      d.view.getUint32(at + 8, true) === max
    ) {
      d.pos = at + 12 + max * 2;
      if (!out.quotedUnits(d.view, at + 12, max, true)) out.quoted(utf16Text(d.view, at + 12, max, true));
      return undefined;
    }
  }
  const value = readBlob(d, id);
  putValue(out, value);
  return value;
}

function readVariantBool(d: Decoder): Value {
  const raw = d.u16();
  if (raw === 0) return false;
  if (raw === 0xffff) return true;
  d.problem(
    'ndr-bad-boolean',
    `VARIANT_BOOL holds ${raw}, which is neither VARIANT_TRUE nor VARIANT_FALSE`,
    '[MS-OAUT] 2.2.27',
    d.offset - 2,
  );
  return raw;
}

function readDate(d: Decoder): Value {
  if (!d.need(8)) return null;
  const raw = d.view.getFloat64(d.pos, d.littleEndian);
  if (d.tape !== null) d.tape.push({ kind: 'bits', bits: d.view.getBigUint64(d.pos, d.littleEndian) });
  d.pos += 8;
  const text = dateText(raw);
  if (text !== null) return text;
  d.problem('ndr-bad-value', `DATE ${raw} is outside the years 100 to 9999`, '[MS-OAUT] 2.2.25', d.offset - 8);
  return { date: Number.isFinite(raw) ? raw : String(raw) };
}

const bitsOf = new DataView(new ArrayBuffer(8));

/** The text has milliseconds only: the tape's bits count while they have that text. */
function putDate(e: Encoder, value: Value): void {
  const taped = e.taped('bits');
  const raw = dateOf(value);
  if (raw === null) unfit(e, `a date is wanted, not ${String(value)}`);
  if (taped !== null) {
    bitsOf.setBigUint64(0, taped.bits);
    const known = bitsOf.getFloat64(0);
    if (typeof value === 'string' ? dateText(known) === value : Object.is(known, raw)) return e.u64(taped.bits);
  }
  e.f64(raw);
}

/** A DATE as its double: of a text, of a number, or of the record that stands for one outside the years shown. */
function dateOf(value: Value): number | null {
  if (typeof value === 'string') return dateValue(value);
  if (typeof value === 'number') return value;
  const raw = asRecord(value)['date'];
  return typeof raw === 'number' || typeof raw === 'string' ? Number(raw) : null;
}

function putCurrency(e: Encoder, value: Value): void {
  const parsed = typeof value === 'string' ? scaledValue(value) : null;
  if (parsed === null || parsed.scale > 4)
    unfit(e, `a decimal text with up to four places is wanted, not ${String(value)}`);
  e.u64(parsed.value * 10n ** BigInt(4 - parsed.scale));
}

/** [MS-OAUT] 2.2.26: reserved, scale and sign, high 32 bits, low 64 bits. */
function readDecimal(d: Decoder): Value {
  if (!d.need(16)) return null;
  const reserved = d.u16();
  const scale = d.u8_();
  const sign = d.u8_();
  const high = d.u32();
  const low = d.u64();
  d.tape?.push({ kind: 'decimal', reserved, sign });
  const value = (BigInt(high) << 64n) | low;
  if (scale > 28 || (sign !== 0 && sign !== 0x80)) {
    d.problem('ndr-bad-value', `DECIMAL with scale ${scale} and sign ${sign}`, '[MS-OAUT] 2.2.26', d.offset - 16);
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
  } else if (isRecord(value)) {
    scale = asInteger(e, value['scale'] ?? 0, 8);
    sign = asInteger(e, value['sign'] ?? 0, 8);
    whole = asBigint(e, value['value'] ?? 0);
  } else unfit(e, `a decimal text is wanted, not ${String(value)}`);
  if (whole >= 1n << 96n) unfit(e, 'a DECIMAL has at most 96 bits');
  e.u16(taped?.reserved ?? 0);
  e.u8_(scale);
  e.u8_(sign);
  e.u32(Number((whole >> 64n) & 0xffff_ffffn));
  e.u64(whole & 0xffff_ffff_ffff_ffffn);
}

function readFiletime(d: Decoder): Value {
  const low = d.u32();
  const high = d.u32();
  const ticks = (BigInt(high) << 32n) | BigInt(low);
  return filetimeText(ticks) ?? ticks;
}

function putFiletime(e: Encoder, value: Value): void {
  const ticks = typeof value === 'string' ? filetimeValue(value) : asBigint(e, value);
  if (ticks === null) unfit(e, `a time is wanted, not ${String(value)}`);
  e.u32(Number(ticks & 0xffff_ffffn));
  e.u32(Number((ticks >> 32n) & 0xffff_ffffn));
}

function readHex64(d: Decoder): Value {
  const first = d.u32();
  const second = d.u32();
  return d.littleEndian ? hex64Of(second, first) : hex64Of(first, second);
}

function readHandle(d: Decoder): Value {
  if (!d.need(20)) return null;
  const attributes = d.u32();
  const uuid = guidAt(d.view, d.pos, d.littleEndian);
  d.pos += 16;
  return { attributes, uuid };
}

function putHandle(e: Encoder, value: Value): void {
  const { attributes, uuid } = asRecord(value);
  e.u32(asInteger(e, attributes ?? 0, 32));
  putGuid(e, uuid ?? GUID_NULL);
}

const QUOTE = 0x22;
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
    flat: (d) => readReferent(d, 'BSTR'),
    rest: readBlob,
    text: textBstr,
    put(e, value) {
      // Null as a null pointer is not what the specification has; the tape keeps it.
      return e.referentId(value === null && e.ahead('referent')?.id === 0);
    },
    putRest: putBlob,
  };
}

function readBlob(d: Decoder, id: Value): Value {
  if (id === 0 || d.failedAt >= 0) return null;
  const { tracer } = d;
  d.pad(d.ndr64 ? 8 : 4);
  const node = tracer === null ? null : tracer.open('FLAGGED_WORD_BLOB', d.offset, '[MS-OAUT] 2.2.23.1');
  const label = d.littleEndian;
  if (!label) d.littleEndian = blobIsLittle(d);
  const entry: BlobEntry | null =
    d.tape === null ? null : { kind: 'blob', max: 0, cBytes: 0, clSize: 0, little: d.littleEndian };
  if (entry !== null) d.tape?.push(entry);
  const max = d.count('max_count');
  const sizeFrom = d.offset;
  const bytes = d.u32();
  const size = d.u32();
  if (tracer !== null && d.failedAt < 0) {
    tracer.hidden('cBytes', 'ULONG', sizeFrom, sizeFrom + 4, bytes);
    tracer.hidden('clSize', 'ULONG', sizeFrom + 4, sizeFrom + 8, size);
  }
  let value: string | null = null;
  if (max !== size)
    d.problem('ndr-bad-conformance', `BSTR has max_count ${max} and clSize ${size}`, '[MS-OAUT] 2.2.23.1', sizeFrom);
  if (d.room(max, 2)) {
    const at = d.pos;
    d.pos += max * 2;
    if (bytes !== NULL_BYTES || max !== 0) {
      value = utf16Text(d.view, at, max, d.littleEndian);
      if (bytes !== max * 2 && bytes !== max * 2 - 1)
        d.problem('ndr-bad-string', `BSTR of ${bytes} bytes in ${max} words`, '[MS-OAUT] 2.2.23.1', sizeFrom);
    }
    if (tracer !== null) {
      tracer.name = 'asData';
      if (max > 0) tracer.leaf('USHORT[]', at - d.base, d.offset, value);
    }
    if (entry !== null) {
      entry.max = max;
      entry.cBytes = bytes;
      entry.clSize = size;
    }
  }
  d.littleEndian = label;
  if (tracer !== null && node !== null) {
    node.value = value;
    tracer.close(d.offset);
  }
  return value;
}

/**
 * The blob is little-endian whatever the data representation says ([MS-OAUT] 2.2.23.1), which generic NDR libraries do
 * not know:
 * in a big-endian stub the order is the one in which the counts agree, little-endian where both or neither do.
 */
function blobIsLittle(d: Decoder): boolean {
  const width = d.ndr64 ? 8 : 4;
  const at = d.pos;
  const left = d.end - at - width - 8;
  if (left < 0) return true;
  const agree = (little: boolean): boolean => {
    const max = d.view.getUint32(at + (d.ndr64 && !little ? 4 : 0), little);
    const bytes = d.view.getUint32(at + width, little);
    return (
      d.view.getUint32(at + width + 4, little) === max &&
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
  const cBytes = value === null ? NULL_BYTES : units * 2;
  e.u32(same ? taped.cBytes : cBytes);
  e.u32(same ? taped.clSize : units);
  if (value !== null) for (let i = 0; i < units; i++) e.u16(value.charCodeAt(i));
  e.littleEndian = label;
}
