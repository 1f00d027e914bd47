import { hex32 } from '../bytes/hex.js';
import type { Value } from '../types.js';
import { EncodeError } from './codec.js';
import type { Encoder } from './encoder.js';
import type { Decoder } from './decoder.js';
import { leaf, type Node } from './node.js';
import type { BaseName, BaseType, EnumType, FlagsType } from './types.js';

/** An encode error that names the field being written. */
export function unfit(e: Encoder, message: string): never {
  throw new EncodeError(e.path.join('.') || 'value', message);
}

function asNumber(e: Encoder, value: Value): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  return unfit(e, `a number is wanted, not ${typeof value}`);
}

/** An integer that fits `bits` bits, signed or unsigned: senders of HRESULTs and flags write them either way. */
export function asInteger(e: Encoder, value: Value, bits: 8 | 16 | 32): number {
  const number = asNumber(e, value);
  const most = 2 ** bits;
  return Number.isInteger(number) && number < most && number >= -most / 2
    ? number
    : unfit(e, `an integer of ${bits} bits is wanted, not ${number}`);
}

/** An integer that fits 64 bits, signed or unsigned. */
export function asBigint(e: Encoder, value: Value): bigint {
  const integer = bigintOf(value);
  if (integer === null || integer >= 1n << 64n || integer < -(1n << 63n))
    return unfit(e, `an integer of 64 bits is wanted, not ${String(value)}`);
  return integer;
}

function bigintOf(value: Value): bigint | null {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : null;
  return typeof value === 'string' && /^(-?\d+|0x[0-9a-fA-F]+)$/.test(value) ? BigInt(value) : null;
}

const NAMES: Readonly<Record<BaseName, string>> = {
  u8: 'byte',
  i8: 'small',
  u16: 'USHORT',
  i16: 'SHORT',
  u32: 'ULONG',
  i32: 'LONG',
  u64: 'ULONGLONG',
  i64: 'LONGLONG',
  f32: 'FLOAT',
  f64: 'DOUBLE',
  char: 'char',
  wchar: 'WCHAR',
  boolean: 'boolean',
  uint3264: 'unsigned __int3264',
  int3264: '__int3264',
};

function readI64(d: Decoder): bigint {
  return BigInt.asIntN(64, d.u64());
}

function readF64(d: Decoder): number {
  if (!d.need(8)) return 0;
  const value = d.view.getFloat64(d.pos, d.littleEndian);
  if (d.tape !== null && Number.isNaN(value))
    d.tape.push({ kind: 'bits', bits: d.view.getBigUint64(d.pos, d.littleEndian) });
  d.pos += 8;
  return value;
}

function putF64(e: Encoder, value: Value): void {
  const number = asFloat(e, value);
  if (Number.isNaN(number)) e.u64(e.taped('bits')?.bits ?? 0x7ff8_0000_0000_0000n);
  else e.f64(number);
}

function readF32(d: Decoder): number {
  if (!d.need(4)) return 0;
  const value = d.view.getFloat32(d.pos, d.littleEndian);
  if (d.tape !== null && Number.isNaN(value))
    d.tape.push({ kind: 'bits', bits: BigInt(d.view.getUint32(d.pos, d.littleEndian)) });
  d.pos += 4;
  return value;
}

function putF32(e: Encoder, value: Value): void {
  const number = asFloat(e, value);
  if (Number.isNaN(number)) e.u32(Number((e.taped('bits')?.bits ?? 0x7fc0_0000n) & 0xffff_ffffn));
  else e.f32(number);
}

/** Numbers JSON cannot write come as text. */
function asFloat(e: Encoder, value: Value): number {
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value);
  return asNumber(e, value);
}

function character(e: Encoder, value: Value): number {
  return typeof value === 'string' ? value.charCodeAt(0) || 0 : asInteger(e, value, 16);
}

/** [C706] 14.2 primitives. */
export function baseNode(type: BaseType, ndr64: boolean): Node {
  const name = type.alias ?? NAMES[type.base];
  const meaning =
    type.show === 'hex' ? (value: Value): string | null => (typeof value === 'number' ? hex32(value) : null) : null;
  switch (type.base) {
    case 'u8':
      return leaf(
        name,
        1,
        1,
        (d) => d.u8_(),
        (e, v) => e.u8_(asInteger(e, v, 8)),
        meaning,
      );
    case 'i8':
      return leaf(
        name,
        1,
        1,
        (d) => (d.u8_() << 24) >> 24,
        (e, v) => e.u8_(asInteger(e, v, 8) & 0xff),
        meaning,
      );
    case 'u16':
      return leaf(
        name,
        2,
        2,
        (d) => d.u16(),
        (e, v) => e.u16(asInteger(e, v, 16)),
        meaning,
      );
    case 'i16':
      return leaf(
        name,
        2,
        2,
        (d) => (d.u16() << 16) >> 16,
        (e, v) => e.u16(asInteger(e, v, 16)),
        meaning,
      );
    case 'u32':
      return leaf(
        name,
        4,
        4,
        (d) => d.u32(),
        (e, v) => e.u32(asInteger(e, v, 32)),
        meaning,
      );
    case 'i32':
      return leaf(
        name,
        4,
        4,
        (d) => d.i32(),
        (e, v) => e.i32(asInteger(e, v, 32)),
        meaning,
      );
    case 'u64':
      return leaf(
        name,
        8,
        8,
        (d) => d.u64(),
        (e, v) => e.u64(asBigint(e, v)),
        meaning,
      );
    case 'i64':
      return leaf(name, 8, 8, readI64, (e, v) => e.u64(asBigint(e, v)), meaning);
    case 'uint3264':
      return ndr64
        ? leaf(
            name,
            8,
            8,
            (d) => d.u64(),
            (e, v) => e.u64(asBigint(e, v)),
          )
        : leaf(
            name,
            4,
            4,
            (d) => d.u32(),
            (e, v) => e.u32(asInteger(e, v, 32)),
          );
    case 'int3264':
      return ndr64
        ? leaf(name, 8, 8, readI64, (e, v) => e.u64(asBigint(e, v)))
        : leaf(
            name,
            4,
            4,
            (d) => d.i32(),
            (e, v) => e.i32(asInteger(e, v, 32)),
          );
    case 'f32':
      return leaf(name, 4, 4, readF32, putF32);
    case 'f64':
      return leaf(name, 8, 8, readF64, putF64);
    case 'char':
      return leaf(
        name,
        1,
        1,
        (d) => String.fromCharCode(d.u8_()),
        (e, v) => e.u8_(character(e, v) & 0xff),
      );
    case 'wchar':
      return leaf(
        name,
        2,
        2,
        (d) => String.fromCharCode(d.u16()),
        (e, v) => e.u16(character(e, v)),
      );
    case 'boolean':
      return leaf(
        name,
        1,
        1,
        (d) => {
          const raw = d.u8_();
          if (raw > 1) d.problem('ndr-bad-boolean', `boolean holds ${raw}`, '[C706] 14.2.4', d.offset - 1);
          return raw > 1 ? raw : raw === 1;
        },
        (e, v) => e.u8_(asInteger(e, v, 8)),
      );
  }
}

/** Enumerations: by name where the number has one, else the number with a problem. */
export function enumNode(type: EnumType, ndr64: boolean): Node {
  const byName = new Map(Object.entries(type.members));
  const byValue = new Map([...byName].map(([name, value]) => [value, name]));
  const wide = type.wire === 'v1_enum' || ndr64;
  const size = wide ? 4 : 2;
  return leaf(
    type.name,
    size,
    size,
    (d) => {
      const raw = wide ? d.i32() : d.u16();
      const name = byValue.get(raw);
      if (name !== undefined) return name;
      if (!d.failed)
        d.problem('ndr-bad-enum', `${type.name} has no member with value ${raw}`, type.section, d.offset - size);
      return raw;
    },
    (e, value) => {
      const raw =
        typeof value === 'string'
          ? (byName.get(value) ?? unfit(e, `${type.name} has no member ${value}`))
          : asInteger(e, value, wide ? 32 : 16);
      if (wide) e.i32(raw);
      else e.u16(raw);
    },
    (value) => (typeof value === 'string' ? String(byName.get(value)) : null),
  );
}

/** Bit fields: a number whose meaning is the names of its bits. */
export function flagsNode(type: FlagsType): Node {
  const bits = Object.entries(type.bits);
  const meaning = (value: Value): string | null => {
    if (typeof value !== 'number') return null;
    const set = bits.filter(([, bit]) => (bit === 0 ? value === 0 : (value & bit) === bit)).map(([name]) => name);
    return set.length === 0 ? hex32(value) : set.join(' | ');
  };
  switch (type.base) {
    case 'u8':
      return leaf(
        type.name,
        1,
        1,
        (d) => d.u8_(),
        (e, v) => e.u8_(asInteger(e, v, 8)),
        meaning,
      );
    case 'u16':
      return leaf(
        type.name,
        2,
        2,
        (d) => d.u16(),
        (e, v) => e.u16(asInteger(e, v, 16)),
        meaning,
      );
    case 'u32':
      return leaf(
        type.name,
        4,
        4,
        (d) => d.u32(),
        (e, v) => e.u32(asInteger(e, v, 32)),
        meaning,
      );
  }
}
