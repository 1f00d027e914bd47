import type {
  ArrayType,
  BaseName,
  BaseType,
  EnumType,
  Field,
  FlagsType,
  InterfacePointerType,
  NamedReference,
  Parameter,
  PickleType,
  PointerType,
  SizeExpression,
  StringType,
  StructType,
  TransformedType,
  Type,
  UnionArm,
  UnionType,
  UnsupportedType,
  WellKnownType,
} from './types.js';

/** Short constructors, so that a table reads like its IDL. */

function base(name: BaseName, alias?: string, show?: 'hex' | 'dec'): BaseType {
  return {
    kind: 'base',
    base: name,
    ...(alias === undefined ? {} : { alias }),
    ...(show === undefined ? {} : { show }),
  };
}

export const u8 = base('u8');
export const i8 = base('i8');
export const u16 = base('u16');
export const i16 = base('i16');
export const u32 = base('u32');
export const i32 = base('i32');
export const u64 = base('u64');
export const i64 = base('i64');
export const f32 = base('f32');
export const f64 = base('f64');
export const char = base('char');
export const wchar = base('wchar');
export const boolean = base('boolean');
export const uint3264 = base('uint3264');
export const hex32 = base('u32', undefined, 'hex');

/** A base type under its typedef's name. */
export function alias(name: string, of: BaseType): BaseType {
  return { ...of, alias: name };
}

function wellKnown(name: WellKnownType['name']): WellKnownType {
  return { kind: 'well-known', name };
}

export const guid = wellKnown('guid');
export const hresult = wellKnown('hresult');
export const errorStatus = wellKnown('error_status');
export const bstr = wellKnown('bstr');
export const variantBool = wellKnown('variant_bool');
export const date = wellKnown('date');
export const currency = wellKnown('currency');
export const decimal = wellKnown('decimal');
export const filetime = wellKnown('filetime');
export const hex64 = wellKnown('hex64');
export const contextHandle = wellKnown('context_handle');

export function ref(to: Type): PointerType {
  return { kind: 'pointer', pointer: 'ref', to };
}

export function unique(to: Type): PointerType {
  return { kind: 'pointer', pointer: 'unique', to };
}

export function full(to: Type): PointerType {
  return { kind: 'pointer', pointer: 'full', to };
}

/** `[size_is(sizeIs)] of[]` */
export function conformant(of: Type, sizeIs: SizeExpression): ArrayType {
  return { kind: 'array', of, size: null, sizeIs, lengthIs: null };
}

/** `[size_is(sizeIs), length_is(lengthIs)] of[]` */
export function conformantVarying(of: Type, sizeIs: SizeExpression, lengthIs: SizeExpression): ArrayType {
  return { kind: 'array', of, size: null, sizeIs, lengthIs };
}

/** `of[size]` */
export function fixed(of: Type, size: number): ArrayType {
  return { kind: 'array', of, size, sizeIs: null, lengthIs: null };
}

/** `[length_is(lengthIs)] of[size]` */
export function varying(of: Type, size: number, lengthIs: SizeExpression): ArrayType {
  return { kind: 'array', of, size, sizeIs: null, lengthIs };
}

/** `[string] wchar_t[]` */
export const wstring: StringType = { kind: 'string', unit: 'wchar', size: null };
/** `[string] char[]` */
export const cstring: StringType = { kind: 'string', unit: 'char', size: null };

export function field(name: string, type: Type, note?: string): Field {
  return note === undefined ? { name, type } : { name, type, note };
}

/** A structure that is marshalled with NDR whatever the call's transfer syntax is. */
export function ndrOnly(of: StructType): StructType {
  return { ...of, syntax: 'ndr20' };
}

/** A structure that is little-endian whatever the call is. */
export function littleEndian(of: StructType): StructType {
  return { ...of, order: 'little' };
}

export function struct(name: string, section: string | null, fields: readonly Field[]): StructType {
  return { kind: 'struct', name, section, fields };
}

export function enum16(name: string, section: string | null, members: Readonly<Record<string, number>>): EnumType {
  return { kind: 'enum', name, wire: 'enum16', members, section };
}

export function v1Enum(name: string, section: string | null, members: Readonly<Record<string, number>>): EnumType {
  return { kind: 'enum', name, wire: 'v1_enum', members, section };
}

export function flags(
  name: string,
  section: string | null,
  of: FlagsType['base'],
  bits: Readonly<Record<string, number>>,
): FlagsType {
  return { kind: 'flags', name, base: of, bits, section };
}

export function arm(cases: readonly number[], name: string, type: Type | null): UnionArm {
  return { cases, name, type };
}

// oxlint-disable-next-line max-params -- a row of a table: its columns are its parameters
export function union(
  name: string,
  section: string | null,
  switchType: BaseType | EnumType,
  switchIs: SizeExpression | null,
  arms: readonly UnionArm[],
  otherwise?: { readonly name: string; readonly type: Type | null },
): UnionType {
  return {
    kind: 'union',
    name,
    section,
    switchType,
    switchIs,
    arms,
    ...(otherwise === undefined ? {} : { default: otherwise }),
  };
}

/** An interface pointer of a declared interface. */
export function itf(name: string | null, iidIs: SizeExpression | null = null): InterfacePointerType {
  return { kind: 'interface', interface: name, iidIs };
}

export function pickle(of: Type): PickleType {
  return { kind: 'pickle', of };
}

export function transformed(transform: string, of: Type): TransformedType {
  return { kind: 'transformed', transform, of };
}

export function named(name: string): NamedReference {
  return { kind: 'named', name };
}

export function unsupported(what: string): UnsupportedType {
  return { kind: 'unsupported', what };
}

export function input(name: string, type: Type): Parameter {
  return { name, direction: 'in', type };
}

export function output(name: string, type: Type): Parameter {
  return { name, direction: 'out', type };
}

export function inout(name: string, type: Type): Parameter {
  return { name, direction: 'inout', type };
}

export function retval(name: string, type: Type): Parameter {
  return { name, direction: 'out', type, retval: true };
}
