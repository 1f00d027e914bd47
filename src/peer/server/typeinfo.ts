import type { Member } from '../../analysis/classes.js';
import type { Registry } from '../../ndr/codec.js';
import type { Parameter, Type } from '../../ndr/types.js';
import type { Value } from '../../types.js';
import { E_INVALIDARG, E_NOTIMPL, S_OK, type Outcome, type ServedObject, type ServedValue } from './dispatch.js';

const TYPE_E_ELEMENTNOTFOUND = 0x8002802b;
const TYPE_E_BADMODULEKIND = 0x800288bd;
const MEMBERID_NIL = -1;
/** Size of a pointer in the vtables that FUNCDESC.oVft counts in. */
const POINTER = 8;
/** TYPEFLAG_FDUAL, TYPEFLAG_FOLEAUTOMATION, TYPEFLAG_FDISPATCHABLE ([MS-OAUT] 2.2.16). */
const DUAL = 0x1140;
/** The HREFTYPE of what an interface derives from; there is one only. */
const BASE = 1;

/** VARTYPEs ([MS-OAUT] 2.2.7) of what members take and give. */
const VT = {
  empty: 0,
  i2: 2,
  i4: 3,
  r8: 5,
  cy: 6,
  date: 7,
  bstr: 8,
  dispatch: 9,
  error: 10,
  bool: 11,
  variant: 12,
  unknown: 13,
  decimal: 14,
  ui1: 17,
  ui2: 18,
  ui4: 19,
  void: 24,
} as const;
const NIL = '00000000-0000-0000-0000-000000000000';
/** PARAMFLAGS ([MS-OAUT] 2.2.15). */
const PARAMETER = { in: 1, optional: 0x10 } as const;

/**
 * The type information of a dispatch interface ([MS-OAUT] 3.7), from the tables: for clients that read types before
 * they call.
 */
export function typeInfo(registry: Registry, face: string): ServedObject {
  const declared = registry.interfaceByName(face)?.interface;
  const members = servedMembers(registry, face);
  const named = (memid: ServedValue | undefined): readonly Member[] =>
    members.filter((one) => one.method.dispid === memid);
  return {
    served: true,
    interfaces: ['ITypeInfo'],
    call(_, method, __, args): Outcome {
      switch (method) {
        case 'GetTypeAttr':
          return {
            hresult: S_OK,
            out: {
              ppTypeAttr: typeAttr(
                declared?.uuid ?? NIL,
                members.length,
                registry.interfaceByName(face)?.slots.length ?? 0,
                declared?.base == null ? 0 : 1,
              ),
              pReserved: 0,
            },
          };
        case 'GetFuncDesc': {
          const member = typeof args['index'] === 'number' ? members[args['index']] : undefined;
          return member === undefined
            ? { hresult: TYPE_E_ELEMENTNOTFOUND }
            : { hresult: S_OK, out: { ppFuncDesc: funcDesc(member), pReserved: 0 } };
        }
        case 'GetNames': {
          const [member] = named(args['memid']);
          const most = Number(args['cMaxNames'] ?? 0);
          if (member === undefined) return { hresult: TYPE_E_ELEMENTNOTFOUND, out: { rgBstrNames: [], pcNames: 0 } };
          // The right side of an assignment has no name.
          const params = taken(member).slice(0, member.method.member === 'propput' ? -1 : undefined);
          const names = [member.method.name, ...params.map((param) => param.name)].slice(0, most);
          return { hresult: S_OK, out: { rgBstrNames: names, pcNames: names.length } };
        }
        case 'GetDocumentation': {
          const [member] = named(args['memid']);
          if (member === undefined && args['memid'] !== MEMBERID_NIL) return { hresult: TYPE_E_ELEMENTNOTFOUND };
          return {
            hresult: S_OK,
            out: {
              pBstrName: member?.method.name ?? face,
              pBstrDocString: null,
              pdwHelpContext: 0,
              pBstrHelpFile: null,
            },
          };
        }
        case 'GetRefTypeOfImplType':
          return args['index'] === 0 && declared?.base != null
            ? { hresult: S_OK, out: { pRefType: BASE } }
            : { hresult: TYPE_E_ELEMENTNOTFOUND };
        case 'GetImplTypeFlags':
          return args['index'] === 0 && declared?.base != null
            ? { hresult: S_OK, out: { pImplTypeFlags: 0 } }
            : { hresult: TYPE_E_ELEMENTNOTFOUND };
        case 'GetRefTypeInfo':
          return args['hRefType'] === BASE && declared?.base != null
            ? { hresult: S_OK, out: { ppTInfo: typeInfo(registry, declared.base) } }
            : { hresult: E_INVALIDARG };
        case 'GetVarDesc':
          return { hresult: TYPE_E_ELEMENTNOTFOUND };
        case 'GetDllEntry':
          return { hresult: TYPE_E_BADMODULEKIND };
        case 'GetMops':
          return { hresult: S_OK, out: { pBstrMops: null } };
        default:
          return { hresult: E_NOTIMPL };
      }
    },
  };
}

/** Members with a DISPID that are served, those of base interfaces first. */
function servedMembers(registry: Registry, face: string): readonly Member[] {
  return (registry.interfaceByName(face)?.slots ?? []).filter(
    (slot): slot is Member => slot !== null && slot.method.dispid !== null && slot.method.notUsedOnWire !== true,
  );
}

/** Parameters that a late-bound caller gives. */
function taken({ method }: Member): readonly Parameter[] {
  return (method.params ?? []).filter((param) => param.direction !== 'out');
}

/** TYPEATTR ([MS-OAUT] 2.2.44). */
function typeAttr(guid: string, cFuncs: number, slots: number, cImplTypes: number): Value {
  return {
    guid,
    lcid: 0,
    dwReserved1: 0,
    dwReserved2: 0,
    dwReserved3: 0,
    lpstrReserved4: null,
    cbSizeInstance: POINTER,
    typekind: 'TKIND_DISPATCH',
    cFuncs,
    cVars: 0,
    cImplTypes,
    cbSizeVft: slots * POINTER,
    cbAlignment: POINTER,
    wTypeFlags: DUAL,
    wMajorVerNum: 2,
    wMinorVerNum: 0,
    tdescAlias: typeDesc(VT.empty),
    dwReserved5: 0,
    wReserved6: 0,
  };
}

const INVOKE = { method: 1, propget: 2, propput: 4, propputref: 8 } as const;

/** FUNCDESC ([MS-OAUT] 2.2.42). */
function funcDesc(member: Member): Value {
  const { method } = member;
  const params = taken(member);
  const returns = (method.params ?? []).find((param) => param.retval === true);
  return {
    memid: method.dispid ?? MEMBERID_NIL,
    lReserved1: null,
    lprgelemdescParam:
      params.length === 0
        ? null
        : params.map((param) =>
            elemDesc(vartypeOf(param.type), PARAMETER.in | (param.optional === true ? PARAMETER.optional : 0)),
          ),
    funckind: 'FUNC_DISPATCH',
    invkind: INVOKE[method.member],
    callconv: 'CC_STDCALL',
    cParams: params.length,
    cParamsOpt: params.filter((param) => param.optional === true).length,
    oVft: method.opnum * POINTER,
    cReserved2: 0,
    elemdescFunc: elemDesc(returns === undefined ? VT.void : vartypeOf(returns.type), 0),
    wFuncFlags: 0,
  };
}

function elemDesc(vartype: number, wParamFlags: number): Value {
  return { tdesc: typeDesc(vartype), paramdesc: { pparamdescex: null, wParamFlags } };
}

function typeDesc(vartype: number): Value {
  return { _tdUnion: { none: null }, vt: vartype };
}

const WELL_KNOWN: Readonly<Record<string, number>> = {
  bstr: VT.bstr,
  variant_bool: VT.bool,
  date: VT.date,
  currency: VT.cy,
  decimal: VT.decimal,
  hresult: VT.error,
};
const BASE_TYPES: Readonly<Record<string, number>> = {
  i16: VT.i2,
  u16: VT.ui2,
  i32: VT.i4,
  u32: VT.ui4,
  u8: VT.ui1,
  f64: VT.r8,
};

/** The VARTYPE that automation has for a type: enumerations are their numbers, interfaces IDispatch. */
function vartypeOf(type: Type): number {
  switch (type.kind) {
    case 'pointer':
      return vartypeOf(type.to);
    case 'interface':
      return type.interface === null || type.interface === 'IUnknown' ? VT.unknown : VT.dispatch;
    case 'enum':
      return VT.i4;
    case 'base':
      return BASE_TYPES[type.base] ?? VT.i4;
    case 'well-known':
      return WELL_KNOWN[type.name] ?? VT.variant;
    default:
      return VT.variant;
  }
}
