import {
  boolean,
  bstr,
  char,
  currency,
  date,
  decimal,
  errorStatus,
  f32,
  f64,
  filetime,
  guid,
  hresult,
  i16,
  i32,
  i64,
  i8,
  itf,
  named,
  u16,
  u32,
  u64,
  u8,
  variantBool,
  wchar,
} from '../src/ndr/describe.js';
import type { BaseType, Type } from '../src/ndr/types.js';

const int3264: BaseType = { kind: 'base', base: 'int3264' };
const uint3264: BaseType = { kind: 'base', base: 'uint3264' };

/**
 * Types that stay what they are here though a file loaded with `--idl` may define them: base types of [C706] and
 * [MS-RPCE], and those of [MS-DTYP] and [MS-OAUT] that the tables show in words.
 */
export const predefinedTypes: Readonly<Record<string, Type>> = {
  boolean,
  byte: u8,
  char,
  'signed char': i8,
  'unsigned char': u8,
  small: i8,
  'unsigned small': u8,
  short: i16,
  'unsigned short': u16,
  int: i32,
  'unsigned int': u32,
  long: i32,
  'unsigned long': u32,
  hyper: i64,
  'unsigned hyper': u64,
  __int8: i8,
  __int16: i16,
  __int32: i32,
  __int64: i64,
  'unsigned __int8': u8,
  'unsigned __int16': u16,
  'unsigned __int32': u32,
  'unsigned __int64': u64,
  float: f32,
  double: f64,
  wchar_t: wchar,
  __int3264: int3264,
  'unsigned __int3264': uint3264,
  error_status_t: errorStatus,
  GUID: guid,
  UUID: guid,
  uuid_t: guid,
  IID: guid,
  CLSID: guid,
  HRESULT: hresult,
  SCODE: hresult,
  FILETIME: filetime,
  BSTR: bstr,
  VARIANT_BOOL: variantBool,
  DATE: date,
  CURRENCY: currency,
  CY: currency,
  DECIMAL: decimal,
  VARIANT: named('VARIANT'),
  SAFEARRAY: named('SAFEARRAY'),
  // What a pointer to it leads to is shown as the reference it is.
  MInterfacePointer: itf(null),
  DISPPARAMS: named('DISPPARAMS'),
  EXCEPINFO: named('EXCEPINFO'),
  TYPEATTR: named('TYPEATTR'),
  FUNCDESC: named('FUNCDESC'),
  VARDESC: named('VARDESC'),
};

/**
 * What most files take from [MS-DTYP] and [MS-OAUT] by import, written as they would write it. A file that defines a
 * name itself overrides it here.
 */
export const prelude = `
typedef byte BYTE, BOOLEAN; typedef unsigned char UCHAR, UINT8; typedef char CHAR, CCHAR; typedef small INT8;
typedef short SHORT, INT16; typedef unsigned short USHORT, UINT16, WORD, VARTYPE;
typedef wchar_t WCHAR, OLECHAR, UNICODE;
typedef long LONG, LONG32, INT, INT32, BOOL, DISPID, MEMBERID, NTSTATUS;
typedef unsigned long ULONG, ULONG32, UINT, UINT32, DWORD, DWORD32, LCID, COLORREF, OLE_COLOR, HREFTYPE, NET_API_STATUS, PROPID;
typedef hyper INT64, LONGLONG, LONG64, LARGE_INTEGER; typedef unsigned hyper UINT64, ULONGLONG, ULONG64, DWORD64, DWORDLONG, QWORD, ULARGE_INTEGER;
typedef float FLOAT; typedef double DOUBLE;
typedef __int3264 INT_PTR, LONG_PTR; typedef unsigned __int3264 UINT_PTR, ULONG_PTR, DWORD_PTR, SIZE_T;
typedef void *PVOID, *LPVOID;
typedef [string] wchar_t *LPWSTR, *LPCWSTR, *PWSTR, *PCWSTR, *LPOLESTR, *LPCOLESTR;
typedef [string] char *LPSTR, *LPCSTR, *PSTR, *PCSTR;
typedef BSTR *LPBSTR; typedef VARIANT VARIANTARG, *LPVARIANT;
typedef SAFEARRAY *LPSAFEARRAY, *PSAFEARRAY;
typedef [ref] GUID *REFGUID, *REFIID, *REFCLSID; typedef GUID *LPGUID, *PGUID, *LPCLSID, *LPIID;
typedef DWORD *LPDWORD, *PDWORD; typedef ULONG *PULONG; typedef LONG *PLONG, *LPLONG; typedef BYTE *PBYTE, *LPBYTE; typedef UCHAR *PUCHAR; typedef USHORT *PUSHORT; typedef WORD *PWORD, *LPWORD;
typedef BOOL *PBOOL, *LPBOOL; typedef CHAR *PCHAR; typedef WCHAR *PWCHAR;
typedef unsigned long ACCESS_MASK, SECURITY_INFORMATION;
`;

/** Constants that files use without defining them. */
export const predefinedConstants: Readonly<Record<string, number>> = {
  DISPID_VALUE: 0,
  DISPID_UNKNOWN: -1,
  DISPID_PROPERTYPUT: -3,
  DISPID_NEWENUM: -4,
  DISPID_EVALUATE: -5,
  TRUE: 1,
  FALSE: 0,
  NULL: 0,
};
