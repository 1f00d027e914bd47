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

/** SF_TYPE, [MS-OAUT] 2.2.8: what the elements of a SAFEARRAY are. */
export const SF = {
  SF_ERROR: 10,
  SF_I1: 16,
  SF_I2: 2,
  SF_I4: 3,
  SF_I8: 20,
  SF_BSTR: 8,
  SF_UNKNOWN: 13,
  SF_DISPATCH: 9,
  SF_VARIANT: 12,
  SF_RECORD: 36,
  SF_HAVEIID: 0x800d,
} as const;

/** fFeatures bits of a SAFEARRAY, [MS-OAUT] 2.2.9. */
export const FADF = {
  HAVEIID: 0x40,
  HAVEVARTYPE: 0x80,
  BSTR: 0x100,
  UNKNOWN: 0x200,
  DISPATCH: 0x400,
  VARIANT: 0x800,
  RECORD: 0x20,
} as const;

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

const NAMES = new Map<number, string>(Object.entries(VT).map(([name, value]) => [value, name]));

/** Name of a type constant without VT_ARRAY and VT_BYREF, e.g. `VT_BSTR`, or `VT_0x99`. */
export function vtName(vt: number): string {
  const bare = vt & ~(VT.VT_ARRAY | VT.VT_BYREF);
  return NAMES.get(bare) ?? `VT_0x${bare.toString(16)}`;
}

/** Type constant of a name that {@link vtName} gives, or null. */
export function vtCode(name: unknown): number | null {
  if (typeof name !== 'string') return null;
  const known = (VT as Readonly<Record<string, number>>)[name];
  if (known !== undefined) return known;
  return /^VT_0x[0-9a-f]{1,4}$/.test(name) ? Number(name.slice(3)) : null;
}
