import {
  alias,
  arm,
  bstr,
  conformant,
  currency,
  date,
  decimal,
  f32,
  f64,
  field,
  flags,
  guid,
  hresult,
  i16,
  i32,
  i64,
  i8,
  itf,
  named,
  struct,
  transformed,
  u16,
  u32,
  u64,
  u8,
  uint3264,
  union,
  unique,
  littleEndian,
  v1Enum,
  variantBool,
  wstring,
} from '../../src/ndr/describe.js';
import type { Specification, Type, UnionArm } from '../../src/ndr/types.js';
import { DISPATCH, VT } from '../../src/ndr/automation.js';
import { SF } from './constants.js';

const varType = alias('VARTYPE', u16);
export const memberId = alias('MEMBERID', i32);
const hrefType = alias('HREFTYPE', u32);

/** Types that stand in a VARIANT by value as by reference. */
const scalars: readonly (readonly [keyof typeof VT, Type])[] = [
  ['VT_I8', i64],
  ['VT_I4', i32],
  ['VT_UI1', u8],
  ['VT_I2', i16],
  ['VT_R4', f32],
  ['VT_R8', f64],
  ['VT_BOOL', variantBool],
  ['VT_ERROR', hresult],
  ['VT_CY', currency],
  ['VT_DATE', date],
  ['VT_BSTR', bstr],
  ['VT_UNKNOWN', itf('IUnknown')],
  ['VT_DISPATCH', itf('IDispatch')],
  ['VT_I1', i8],
  ['VT_UI2', u16],
  ['VT_UI4', u32],
  ['VT_UI8', u64],
  ['VT_INT', i32],
  ['VT_UINT', u32],
  ['VT_DECIMAL', decimal],
];

const variantArms: readonly UnionArm[] = [
  ...scalars.map(([name, type]) => arm([VT[name]], name, type)),
  ...scalars.map(([name, type]) => arm([VT[name] | VT.VT_BYREF], `${name}|VT_BYREF`, unique(type))),
  arm([VT.VT_VARIANT | VT.VT_BYREF], 'VT_VARIANT|VT_BYREF', unique(named('VARIANT'))),
  arm([VT.VT_RECORD, VT.VT_RECORD | VT.VT_BYREF], 'VT_RECORD', unique(named('wireBRECORDStr'))),
  arm([VT.VT_ARRAY], 'VT_ARRAY', unique(named('SAFEARRAY'))),
  arm([VT.VT_ARRAY | VT.VT_BYREF], 'VT_ARRAY|VT_BYREF', unique(unique(named('SAFEARRAY')))),
  arm([VT.VT_EMPTY, VT.VT_NULL], 'VT_EMPTY', null),
];

/**
 * [MS-OAUT] 2.2.29.1. The union's discriminant is `vt`, except that every array has the one of VT_ARRAY: the element
 * type stays in `vt` only.
 */
const wireVariant = littleEndian(
  struct('_wireVARIANT', '2.2.29.1', [
    field('clSize', u32, 'in quad words; senders get it wrong'),
    field('rpcReserved', u32),
    field('vt', varType),
    field('wReserved1', u16),
    field('wReserved2', u16),
    field('wReserved3', u16),
    field('_varUnion', union('_varUnion', '2.2.29.1', u32, null, variantArms)),
  ]),
);

const wireRecord = littleEndian(
  struct('wireBRECORDStr', '2.2.28.2.1', [
    field('fFlags', u32),
    field('clSize', u32),
    field('pRecInfo', itf(null)),
    field('pRecord', unique(conformant(u8, 'clSize'))),
  ]),
);

function sized(name: string, section: string, of: Type): ReturnType<typeof struct> {
  return struct(name, section, [field('clSize', u32), field('pData', unique(conformant(of, 'clSize')))]);
}

function listed(name: string, section: string, member: string, of: Type): ReturnType<typeof struct> {
  // A reference pointer inside a structure has an id like any other.
  return struct(name, section, [
    field('Size', u32),
    field(member, { kind: 'pointer', pointer: 'ref', to: conformant(of, 'Size') }),
  ]);
}

const haveIid = struct('SAFEARR_HAVEIID', '2.2.30.7', [
  field('Size', u32),
  field('apUnknown', { kind: 'pointer', pointer: 'ref', to: conformant(itf(null), 'Size') }),
  field('iid', guid),
]);

const arrayUnion = union('SAFEARRAYUNION', '2.2.30.9', u32, null, [
  arm([SF.SF_BSTR], 'BstrStr', listed('SAFEARR_BSTR', '2.2.30.2', 'aBstr', bstr)),
  arm([SF.SF_UNKNOWN], 'UnknownStr', listed('SAFEARR_UNKNOWN', '2.2.30.3', 'apUnknown', itf('IUnknown'))),
  arm([SF.SF_DISPATCH], 'DispatchStr', listed('SAFEARR_DISPATCH', '2.2.30.4', 'apDispatch', itf('IDispatch'))),
  arm([SF.SF_VARIANT], 'VariantStr', listed('SAFEARR_VARIANT', '2.2.30.5', 'aVariant', named('VARIANT'))),
  arm([SF.SF_RECORD], 'RecordStr', listed('SAFEARR_BRECORD', '2.2.30.6', 'aRecord', unique(named('wireBRECORDStr')))),
  arm([SF.SF_HAVEIID], 'HaveIidStr', haveIid),
  arm([SF.SF_I1], 'ByteStr', sized('BYTE_SIZEDARR', '2.2.30.8.1', u8)),
  arm([SF.SF_I2], 'WordStr', sized('WORD_SIZEDARR', '2.2.30.8.2', u16)),
  arm([SF.SF_I4], 'LongStr', sized('DWORD_SIZEDARR', '2.2.30.8.3', u32)),
  arm([SF.SF_I8], 'HyperStr', sized('HYPER_SIZEDARR', '2.2.30.8.4', u64)),
]);

const featureBits = {
  FADF_AUTO: 1,
  FADF_STATIC: 2,
  FADF_EMBEDDED: 4,
  FADF_FIXEDSIZE: 0x10,
  FADF_RECORD: 0x20,
  FADF_HAVEIID: 0x40,
  FADF_HAVEVARTYPE: 0x80,
  FADF_BSTR: 0x100,
  FADF_UNKNOWN: 0x200,
  FADF_DISPATCH: 0x400,
  FADF_VARIANT: 0x800,
};

const bound = struct('SAFEARRAYBOUND', '2.2.30.1', [field('cElements', u32), field('lLbound', i32)]);

const wireSafearray = littleEndian(
  struct('wireSAFEARRAY', '2.2.30.10', [
    field('cDims', u16),
    field('fFeatures', flags('ADVFEATUREFLAGS', '2.2.9', 'u16', featureBits)),
    field('cbElements', u32),
    field('cLocks', u32),
    field('uArrayStructs', arrayUnion),
    field('rgsabound', conformant(bound, 'cDims'), 'last dimension first'),
  ]),
);

const typeKind = v1Enum('TYPEKIND', '2.2.17', {
  TKIND_ENUM: 0,
  TKIND_RECORD: 1,
  TKIND_MODULE: 2,
  TKIND_INTERFACE: 3,
  TKIND_DISPATCH: 4,
  TKIND_COCLASS: 5,
  TKIND_ALIAS: 6,
  TKIND_UNION: 7,
});
const funcKind = v1Enum('FUNCKIND', '2.2.12', { FUNC_PUREVIRTUAL: 1, FUNC_STATIC: 3, FUNC_DISPATCH: 4 });
const callConv = v1Enum('CALLCONV', '2.2.10', { CC_CDECL: 1, CC_PASCAL: 2, CC_STDCALL: 4 });
const varKind = v1Enum('VARKIND', '2.2.19', { VAR_PERINSTANCE: 0, VAR_STATIC: 1, VAR_CONST: 2, VAR_DISPATCH: 3 });
const sysKind = v1Enum('SYSKIND', '2.2.21', { SYS_WIN16: 0, SYS_WIN32: 1, SYS_MAC: 2, SYS_WIN64: 3 });
const descKind = v1Enum('DESCKIND', '2.2.22', {
  DESCKIND_NONE: 0,
  DESCKIND_FUNCDESC: 1,
  DESCKIND_VARDESC: 2,
  DESCKIND_TYPECOMP: 3,
  DESCKIND_IMPLICITAPPOBJ: 4,
});
const invokeKind = flags('INVOKEKIND', '2.2.14', 'u32', {
  INVOKE_FUNC: 1,
  INVOKE_PROPERTYGET: 2,
  INVOKE_PROPERTYPUT: 4,
  INVOKE_PROPERTYPUTREF: 8,
});

const funcFlags = flags('FUNCFLAGS', '2.2.11', 'u16', {
  FUNCFLAG_FRESTRICTED: 1,
  FUNCFLAG_FSOURCE: 2,
  FUNCFLAG_FBINDABLE: 4,
  FUNCFLAG_FREQUESTEDIT: 8,
  FUNCFLAG_FDISPLAYBIND: 0x10,
  FUNCFLAG_FDEFAULTBIND: 0x20,
  FUNCFLAG_FHIDDEN: 0x40,
  FUNCFLAG_FUSESGETLASTERROR: 0x80,
  FUNCFLAG_FDEFAULTCOLLELEM: 0x100,
  FUNCFLAG_FUIDEFAULT: 0x200,
  FUNCFLAG_FNONBROWSABLE: 0x400,
  FUNCFLAG_FREPLACEABLE: 0x800,
  FUNCFLAG_FIMMEDIATEBIND: 0x1000,
});
export const implTypeFlags = flags('IMPLTYPEFLAGS', '2.2.13', 'u32', {
  IMPLTYPEFLAG_FDEFAULT: 1,
  IMPLTYPEFLAG_FSOURCE: 2,
  IMPLTYPEFLAG_FRESTRICTED: 4,
  IMPLTYPEFLAG_FDEFAULTVTABLE: 8,
});
const paramFlags = flags('PARAMFLAGS', '2.2.15', 'u16', {
  PARAMFLAG_FIN: 1,
  PARAMFLAG_FOUT: 2,
  PARAMFLAG_FLCID: 4,
  PARAMFLAG_FRETVAL: 8,
  PARAMFLAG_FOPT: 0x10,
  PARAMFLAG_FHASDEFAULT: 0x20,
  PARAMFLAG_FHASCUSTDATA: 0x40,
});
const typeFlagBits = {
  TYPEFLAG_FAPPOBJECT: 1,
  TYPEFLAG_FCANCREATE: 2,
  TYPEFLAG_FLICENSED: 4,
  TYPEFLAG_FPREDECLID: 8,
  TYPEFLAG_FHIDDEN: 0x10,
  TYPEFLAG_FCONTROL: 0x20,
  TYPEFLAG_FDUAL: 0x40,
  TYPEFLAG_FNONEXTENSIBLE: 0x80,
  TYPEFLAG_FOLEAUTOMATION: 0x100,
  TYPEFLAG_FRESTRICTED: 0x200,
  TYPEFLAG_FAGGREGATABLE: 0x400,
  TYPEFLAG_FREPLACEABLE: 0x800,
  TYPEFLAG_FDISPATCHABLE: 0x1000,
  TYPEFLAG_FPROXY: 0x4000,
};
const typeFlags16 = flags('TYPEFLAGS', '2.2.16', 'u16', typeFlagBits);
export const typeFlags = flags('TYPEFLAGS', '2.2.16', 'u32', typeFlagBits);
const varFlags = flags('VARFLAGS', '2.2.18', 'u16', {
  VARFLAG_FREADONLY: 1,
  VARFLAG_FSOURCE: 2,
  VARFLAG_FBINDABLE: 4,
  VARFLAG_FREQUESTEDIT: 8,
  VARFLAG_FDISPLAYBIND: 0x10,
  VARFLAG_FDEFAULTBIND: 0x20,
  VARFLAG_FHIDDEN: 0x40,
  VARFLAG_FRESTRICTED: 0x80,
  VARFLAG_FDEFAULTCOLLELEM: 0x100,
  VARFLAG_FUIDEFAULT: 0x200,
  VARFLAG_FNONBROWSABLE: 0x400,
  VARFLAG_FREPLACEABLE: 0x800,
  VARFLAG_FIMMEDIATEBIND: 0x1000,
});
const libFlags = flags('LIBFLAGS', '2.2.20', 'u16', {
  LIBFLAG_FRESTRICTED: 1,
  LIBFLAG_FCONTROL: 2,
  LIBFLAG_FHIDDEN: 4,
  LIBFLAG_FHASDISKIMAGE: 8,
});
export const dispatchFlags = flags('DISPATCH', '3.1.4.4', 'u32', DISPATCH);

const typeDesc = struct('TYPEDESC', '2.2.37', [
  field(
    '_tdUnion',
    union(
      '_tdUnion',
      '2.2.37',
      varType,
      'vt',
      [
        arm([VT.VT_PTR, VT.VT_SAFEARRAY], 'lptdesc', unique(named('TYPEDESC'))),
        arm([VT.VT_CARRAY], 'lpadesc', unique(named('ARRAYDESC'))),
        arm([VT.VT_USERDEFINED], 'hreftype', hrefType),
      ],
      { name: 'none', type: null },
    ),
  ),
  field('vt', varType),
]);
const arrayDesc = struct('ARRAYDESC', '2.2.38', [
  field('tdescElem', named('TYPEDESC')),
  field('cDims', u16),
  field('rgbounds', conformant(bound, 'cDims')),
]);
const paramDescEx = struct('PARAMDESCEX', '2.2.39', [field('cBytes', u32), field('varDefaultValue', named('VARIANT'))]);
const paramDesc = struct('PARAMDESC', '2.2.40', [
  field('pparamdescex', unique(paramDescEx)),
  field('wParamFlags', paramFlags),
]);
const elemDesc = struct('ELEMDESC', '2.2.41', [field('tdesc', typeDesc), field('paramdesc', paramDesc)]);
const funcDesc = struct('FUNCDESC', '2.2.42', [
  field('memid', memberId),
  field('lReserved1', unique(conformant(i32, 'cReserved2'))),
  field('lprgelemdescParam', unique(conformant(elemDesc, 'cParams'))),
  field('funckind', funcKind),
  field('invkind', invokeKind),
  field('callconv', callConv),
  field('cParams', i16),
  field('cParamsOpt', i16),
  field('oVft', i16, 'offset in the vtable'),
  field('cReserved2', i16),
  field('elemdescFunc', elemDesc),
  field('wFuncFlags', funcFlags),
]);
const varDesc = struct('VARDESC', '2.2.43', [
  field('memid', memberId),
  field('lpstrReserved', unique(wstring)),
  field(
    '_vdUnion',
    union('_vdUnion', '2.2.43', varKind, 'varkind', [
      arm([0, 3, 1], 'oInst', u32),
      arm([2], 'lpvarValue', unique(named('VARIANT'))),
    ]),
  ),
  field('elemdescVar', elemDesc),
  field('wVarFlags', varFlags),
  field('varkind', varKind),
]);
const typeAttr = struct('TYPEATTR', '2.2.44', [
  field('guid', guid),
  field('lcid', u32),
  field('dwReserved1', u32),
  field('dwReserved2', u32),
  field('dwReserved3', u32),
  field('lpstrReserved4', unique(wstring)),
  field('cbSizeInstance', u32),
  field('typekind', typeKind),
  field('cFuncs', u16),
  field('cVars', u16),
  field('cImplTypes', u16),
  field('cbSizeVft', u16),
  field('cbAlignment', u16),
  field('wTypeFlags', typeFlags16),
  field('wMajorVerNum', u16),
  field('wMinorVerNum', u16),
  field('tdescAlias', typeDesc),
  field('dwReserved5', u32),
  field('wReserved6', u16),
]);
const libAttr = struct('TLIBATTR', '2.2.45', [
  field('guid', guid),
  field('lcid', u32),
  field('syskind', sysKind),
  field('wMajorVerNum', u16),
  field('wMinorVerNum', u16),
  field('wLibFlags', libFlags),
]);
const custDataItem = struct('CUSTDATAITEM', '2.2.46', [field('guid', guid), field('varValue', named('VARIANT'))]);
const custData = struct('CUSTDATA', '2.2.47', [
  field('cCustData', u32),
  field('prgCustData', unique(conformant(custDataItem, 'cCustData'))),
]);

/** [MS-OAUT] 2.2.31: what the OBJREF of a record's description holds; little-endian always. */
export const recordInfo = struct('RecordInfo', '2.2.31', [
  field('libraryGuid', guid),
  field('verMajor', u32),
  field('recGuid', guid),
  field('verMinor', u32),
  field('Lcid', u32),
]);

const dispParams = struct('DISPPARAMS', '2.2.33', [
  field('rgvarg', unique(conformant(named('VARIANT'), 'cArgs')), 'last argument first'),
  field('rgdispidNamedArgs', unique(conformant(alias('DISPID', i32), 'cNamedArgs'))),
  field('cArgs', u32),
  field('cNamedArgs', u32),
]);
const excepInfo = struct('EXCEPINFO', '2.2.34', [
  field('wCode', u16),
  field('wReserved', u16),
  field('bstrSource', bstr),
  field('bstrDescription', bstr),
  field('bstrHelpFile', bstr),
  field('dwHelpContext', u32),
  field('pvReserved', uint3264),
  field('pfnDeferredFillIn', uint3264),
  field('scode', hresult),
]);

export const oautTypes: Specification['types'] = [
  wireVariant,
  wireRecord,
  wireSafearray,
  bound,
  typeKind,
  descKind,
  invokeKind,
  typeDesc,
  arrayDesc,
  elemDesc,
  funcDesc,
  varDesc,
  typeAttr,
  libAttr,
  custDataItem,
  custData,
  dispParams,
  excepInfo,
  recordInfo,
  paramDesc,
  paramDescEx,
  { kind: 'typedef', name: 'VARIANT', type: transformed('variant', unique(wireVariant)) },
  { kind: 'typedef', name: 'SAFEARRAY', type: transformed('safearray', unique(wireSafearray)) },
];
