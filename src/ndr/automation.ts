import type { BaseType, MemberKind, WellKnownType } from './types.js';

/** Names and numbers of automation ([MS-OAUT]), each once: tables and what makes traffic both need them. */

/** VARIANT type constants, [MS-OAUT] 2.2.7. */
export const VT = {
  VT_EMPTY: 0,
  VT_NULL: 1,
  VT_I2: 2,
  VT_I4: 3,
  VT_R4: 4,
  VT_R8: 5,
  VT_CY: 6,
  VT_DATE: 7,
  VT_BSTR: 8,
  VT_DISPATCH: 9,
  VT_ERROR: 10,
  VT_BOOL: 11,
  VT_VARIANT: 12,
  VT_UNKNOWN: 13,
  VT_DECIMAL: 14,
  VT_I1: 16,
  VT_UI1: 17,
  VT_UI2: 18,
  VT_UI4: 19,
  VT_I8: 20,
  VT_UI8: 21,
  VT_INT: 22,
  VT_UINT: 23,
  VT_VOID: 24,
  VT_HRESULT: 25,
  VT_PTR: 26,
  VT_SAFEARRAY: 27,
  VT_CARRAY: 28,
  VT_USERDEFINED: 29,
  VT_LPSTR: 30,
  VT_LPWSTR: 31,
  VT_RECORD: 36,
  VT_INT_PTR: 37,
  VT_UINT_PTR: 38,
  VT_ARRAY: 0x2000,
  VT_BYREF: 0x4000,
} as const;

/** The VARTYPE that automation has for a base type. */
export const BASE_VARTYPES: Readonly<Partial<Record<BaseType['base'], keyof typeof VT>>> = {
  i8: 'VT_I1',
  u8: 'VT_UI1',
  i16: 'VT_I2',
  u16: 'VT_UI2',
  i32: 'VT_I4',
  u32: 'VT_UI4',
  i64: 'VT_I8',
  u64: 'VT_UI8',
  f32: 'VT_R4',
  f64: 'VT_R8',
  int3264: 'VT_I4',
  uint3264: 'VT_UI4',
};

/** The VARTYPE that automation has for a well-known type. */
export const VARTYPES: Readonly<Partial<Record<WellKnownType['name'], keyof typeof VT>>> = {
  bstr: 'VT_BSTR',
  variant_bool: 'VT_BOOL',
  date: 'VT_DATE',
  currency: 'VT_CY',
  decimal: 'VT_DECIMAL',
  hresult: 'VT_ERROR',
};

/** VARTYPEs of integers of up to 32 bits. */
export const INTEGERS_32: readonly string[] = [
  'VT_I4',
  'VT_INT',
  'VT_UI4',
  'VT_UINT',
  'VT_I2',
  'VT_UI2',
  'VT_I1',
  'VT_UI1',
];

/** VARTYPEs of integers. */
export const INTEGERS: readonly string[] = [...INTEGERS_32, 'VT_I8', 'VT_UI8'];

/** DISPIDs with one meaning everywhere, [MS-OAUT] 2.2.32.1. */
export const DISPID = { DISPID_VALUE: 0, DISPID_UNKNOWN: -1, DISPID_PROPERTYPUT: -3, DISPID_NEWENUM: -4 } as const;

/** MEMBERIDs with one meaning everywhere, [MS-OAUT] 2.2.35.1. */
export const MEMBERID = { MEMBERID_NIL: -1, MEMBERID_DEFAULTINST: -2 } as const;

/** dwFlags of Invoke, [MS-OAUT] 3.1.4.4. */
export const DISPATCH = {
  DISPATCH_METHOD: 1,
  DISPATCH_PROPERTYGET: 2,
  DISPATCH_PROPERTYPUT: 4,
  DISPATCH_PROPERTYPUTREF: 8,
  DISPATCH_zeroVarResult: 0x20000,
  DISPATCH_zeroExcepInfo: 0x40000,
  DISPATCH_zeroArgErr: 0x80000,
} as const;

/** INVOKEKIND by kind of member, [MS-OAUT] 2.2.14: the same numbers as dwFlags of Invoke. */
export const INVOKEKIND: Readonly<Record<MemberKind, number>> = {
  method: DISPATCH.DISPATCH_METHOD,
  propget: DISPATCH.DISPATCH_PROPERTYGET,
  propput: DISPATCH.DISPATCH_PROPERTYPUT,
  propputref: DISPATCH.DISPATCH_PROPERTYPUTREF,
};
