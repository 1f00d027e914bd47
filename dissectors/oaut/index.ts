import {
  bstr,
  conformant,
  conformantVarying,
  guid,
  hresult,
  i32,
  inout,
  input,
  itf,
  named,
  output,
  u16,
  u32,
  unique,
  wstring,
} from '../../src/ndr/describe.js';
import type { Parameter, Specification, StructType, Type } from '../../src/ndr/types.js';
import { dcomInterface, method, notOnWire } from '../table.js';
import { dispatchFlags, implTypeFlags, memberId, oautTypes, recordInfo, typeFlags } from './types.js';

export { DISPATCH, DISPID, MEMBERID, VT } from '../../src/ndr/automation.js';
export { FADF, SF, vtCode, vtName } from './constants.js';
export type { NumberTexts } from './elements.js';
export { makeSafearray } from './safearray.js';
export { makeVariant } from './variant.js';

/** What an OBJREF_CUSTOM holds, by the CLSID of its unmarshaler; plain little-endian NDR. */
export const customObjects: Readonly<Record<string, StructType>> = {
  '0000002f-0000-0000-c000-000000000046': recordInfo,
};

const SPEC = 'MS-OAUT';
const variant = named('VARIANT');
const out = (name: string, type: Type): Parameter => output(name, type);
const index = input('index', u32);
const memid = input('memid', memberId);
const customGuid = input('guid', guid);
const customValue = out('pVarVal', variant);

function m(opnum: number, name: string, section: string, ...params: readonly Parameter[]): ReturnType<typeof method> {
  return method(opnum, name, section, params, hresult);
}

const documentation = [
  out('pBstrName', bstr),
  out('pBstrDocString', bstr),
  out('pdwHelpContext', u32),
  out('pBstrHelpFile', bstr),
];
const documentation2 = [
  input('lcid', u32),
  input('refPtrFlags', u32),
  out('pbstrHelpString', bstr),
  out('pdwHelpStringContext', u32),
  out('pbstrHelpStringDll', bstr),
];

/** [MS-OAUT]: automation types, late binding, enumeration and type information. */
export const oaut: Specification = {
  name: SPEC,
  title: 'OLE Automation Protocol',
  types: oautTypes,
  upkeep: [
    'IDispatch::GetTypeInfoCount',
    'IDispatch::GetTypeInfo',
    'IDispatch::GetIDsOfNames',
    'ITypeInfo',
    'ITypeInfo2',
    'ITypeLib',
    'ITypeLib2',
    'ITypeComp',
  ],
  classes: [
    { clsid: '0000002f-0000-0000-c000-000000000046', name: 'RecordInfo', spec: SPEC, section: '1.9', interface: null },
  ],
  errors: [],
  roles: {
    'IDispatch::GetTypeInfo': 'type-info',
    'IDispatch::GetIDsOfNames': 'ids-of-names',
    'IDispatch::Invoke': 'invoke',
    'IEnumVARIANT::Next': 'next',
    'IEnumVARIANT::Clone': 'clone',
    'IProvideClassInfo::GetClassInfo': 'class-info',
    'ITypeInfo::GetTypeAttr': 'type-attr',
    'ITypeInfo::GetFuncDesc': 'func-desc',
    'ITypeInfo::GetNames': 'names',
    'ITypeInfo::GetDocumentation': 'documentation',
  },
  infrastructure: ['IDispatch', 'IEnumVARIANT', 'ITypeInfo2', 'ITypeLib2'],
  interfaces: [
    dcomInterface(SPEC, 'IDispatch', '00020400-0000-0000-c000-000000000046', 'IUnknown', '3.1.4', [
      m(3, 'GetTypeInfoCount', '3.1.4.1', out('pctinfo', u32)),
      m(4, 'GetTypeInfo', '3.1.4.2', input('iTInfo', u32), input('lcid', u32), out('ppTInfo', itf('ITypeInfo'))),
      m(
        5,
        'GetIDsOfNames',
        '3.1.4.3',
        input('riid', guid),
        input('rgszNames', conformant(unique(wstring), 'cNames')),
        input('cNames', u32),
        input('lcid', u32),
        out('rgDispId', conformant(i32, 'cNames')),
      ),
      m(
        6,
        'Invoke',
        '3.1.4.4',
        input('dispIdMember', i32),
        input('riid', guid),
        input('lcid', u32),
        input('dwFlags', dispatchFlags),
        input('pDispParams', named('DISPPARAMS')),
        out('pVarResult', variant),
        out('pExcepInfo', named('EXCEPINFO')),
        out('pArgErr', u32),
        input('cVarRef', u32),
        input('rgVarRefIdx', conformant(u32, 'cVarRef')),
        inout('rgVarRef', conformant(variant, 'cVarRef')),
      ),
    ]),
    dcomInterface(SPEC, 'IEnumVARIANT', '00020404-0000-0000-c000-000000000046', 'IUnknown', '3.3.4', [
      m(
        3,
        'Next',
        '3.3.4.1',
        input('celt', u32),
        out('rgVar', conformantVarying(variant, 'celt', '*pCeltFetched')),
        out('pCeltFetched', u32),
      ),
      m(4, 'Skip', '3.3.4.2', input('celt', u32)),
      m(5, 'Reset', '3.3.4.3'),
      m(6, 'Clone', '3.3.4.4', out('ppEnum', itf('IEnumVARIANT'))),
    ]),
    dcomInterface(SPEC, 'ITypeComp', '00020403-0000-0000-c000-000000000046', 'IUnknown', '3.5.4', [
      m(
        3,
        'Bind',
        '3.5.4.1',
        input('szName', wstring),
        input('lHashVal', u32),
        input('wFlags', u16),
        out('ppTInfo', itf('ITypeInfo')),
        out('pDescKind', named('DESCKIND')),
        out('ppFuncDesc', unique(named('FUNCDESC'))),
        out('ppVarDesc', unique(named('VARDESC'))),
        out('ppTypeComp', itf('ITypeComp')),
        out('pReserved', u32),
      ),
      m(4, 'BindType', '3.5.4.2', input('szName', wstring), input('lHashVal', u32), out('ppTInfo', itf('ITypeInfo'))),
    ]),
    dcomInterface(SPEC, 'ITypeInfo', '00020401-0000-0000-c000-000000000046', 'IUnknown', '3.7.4', [
      m(3, 'GetTypeAttr', '3.7.4.1', out('ppTypeAttr', unique(named('TYPEATTR'))), out('pReserved', u32)),
      m(4, 'GetTypeComp', '3.7.4.2', out('ppTComp', itf('ITypeComp'))),
      m(5, 'GetFuncDesc', '3.7.4.3', index, out('ppFuncDesc', unique(named('FUNCDESC'))), out('pReserved', u32)),
      m(6, 'GetVarDesc', '3.7.4.4', index, out('ppVarDesc', unique(named('VARDESC'))), out('pReserved', u32)),
      m(
        7,
        'GetNames',
        '3.7.4.5',
        memid,
        out('rgBstrNames', conformantVarying(bstr, 'cMaxNames', '*pcNames')),
        input('cMaxNames', u32),
        out('pcNames', u32),
      ),
      m(8, 'GetRefTypeOfImplType', '3.7.4.6', index, out('pRefType', u32)),
      m(9, 'GetImplTypeFlags', '3.7.4.7', index, out('pImplTypeFlags', implTypeFlags)),
      notOnWire(10, 'GetIDsOfNames'),
      notOnWire(11, 'Invoke'),
      m(12, 'GetDocumentation', '3.7.4.8', memid, input('refPtrFlags', u32), ...documentation),
      m(
        13,
        'GetDllEntry',
        '3.7.4.9',
        memid,
        input('invKind', named('INVOKEKIND')),
        input('refPtrFlags', u32),
        out('pBstrDllName', bstr),
        out('pBstrName', bstr),
        out('pwOrdinal', u16),
      ),
      m(14, 'GetRefTypeInfo', '3.7.4.10', input('hRefType', u32), out('ppTInfo', itf('ITypeInfo'))),
      notOnWire(15, 'AddressOfMember'),
      m(16, 'CreateInstance', '3.7.4.11', input('riid', guid), out('ppvObj', itf(null, 'riid'))),
      m(17, 'GetMops', '3.7.4.12', memid, out('pBstrMops', bstr)),
      m(18, 'GetContainingTypeLib', '3.7.4.13', out('ppTLib', itf('ITypeLib')), out('pIndex', u32)),
      notOnWire(19, 'ReleaseTypeAttr'),
      notOnWire(20, 'ReleaseFuncDesc'),
      notOnWire(21, 'ReleaseVarDesc'),
    ]),
    dcomInterface(SPEC, 'ITypeInfo2', '00020412-0000-0000-c000-000000000046', 'ITypeInfo', '3.9.4', [
      m(22, 'GetTypeKind', '3.9.4.1', out('pTypeKind', named('TYPEKIND'))),
      m(23, 'GetTypeFlags', '3.9.4.2', out('pTypeFlags', typeFlags)),
      m(24, 'GetFuncIndexOfMemId', '3.9.4.3', memid, input('invKind', named('INVOKEKIND')), out('pFuncIndex', u32)),
      m(25, 'GetVarIndexOfMemId', '3.9.4.4', memid, out('pVarIndex', u32)),
      m(26, 'GetCustData', '3.9.4.5', customGuid, customValue),
      m(27, 'GetFuncCustData', '3.9.4.6', index, customGuid, customValue),
      m(28, 'GetParamCustData', '3.9.4.7', input('indexFunc', u32), input('indexParam', u32), customGuid, customValue),
      m(29, 'GetVarCustData', '3.9.4.8', index, customGuid, customValue),
      m(30, 'GetImplTypeCustData', '3.9.4.9', index, customGuid, customValue),
      m(31, 'GetDocumentation2', '3.9.4.10', memid, ...documentation2),
      m(32, 'GetAllCustData', '3.9.4.11', out('pCustData', named('CUSTDATA'))),
      m(33, 'GetAllFuncCustData', '3.9.4.12', index, out('pCustData', named('CUSTDATA'))),
      m(
        34,
        'GetAllParamCustData',
        '3.9.4.13',
        input('indexFunc', u32),
        input('indexParam', u32),
        out('pCustData', named('CUSTDATA')),
      ),
      m(35, 'GetAllVarCustData', '3.9.4.14', index, out('pCustData', named('CUSTDATA'))),
      m(36, 'GetAllImplTypeCustData', '3.9.4.15', index, out('pCustData', named('CUSTDATA'))),
    ]),
    dcomInterface(SPEC, 'ITypeLib', '00020402-0000-0000-c000-000000000046', 'IUnknown', '3.11.4', [
      m(3, 'GetTypeInfoCount', '3.11.4.1', out('pcTInfo', u32)),
      m(4, 'GetTypeInfo', '3.11.4.2', index, out('ppTInfo', itf('ITypeInfo'))),
      m(5, 'GetTypeInfoType', '3.11.4.3', index, out('pTKind', named('TYPEKIND'))),
      m(6, 'GetTypeInfoOfGuid', '3.11.4.4', customGuid, out('ppTInfo', itf('ITypeInfo'))),
      m(7, 'GetLibAttr', '3.11.4.5', out('ppTLibAttr', unique(named('TLIBATTR'))), out('pReserved', u32)),
      m(8, 'GetTypeComp', '3.11.4.6', out('ppTComp', itf('ITypeComp'))),
      m(9, 'GetDocumentation', '3.11.4.7', input('index', i32), input('refPtrFlags', u32), ...documentation),
      m(
        10,
        'IsName',
        '3.11.4.8',
        input('szNameBuf', wstring),
        input('lHashVal', u32),
        out('pfName', i32),
        out('pBstrNameInLibrary', bstr),
      ),
      m(
        11,
        'FindName',
        '3.11.4.9',
        input('szNameBuf', wstring),
        input('lHashVal', u32),
        out('ppTInfo', conformantVarying(itf('ITypeInfo'), '*pcFound', '*pcFound')),
        out('rgMemId', conformantVarying(memberId, '*pcFound', '*pcFound')),
        inout('pcFound', u16),
        out('pBstrNameInLibrary', bstr),
      ),
      notOnWire(12, 'ReleaseTLibAttr'),
    ]),
    dcomInterface(SPEC, 'ITypeLib2', '00020411-0000-0000-c000-000000000046', 'ITypeLib', '3.13.4', [
      m(13, 'GetCustData', '3.13.4.1', customGuid, customValue),
      m(14, 'GetLibStatistics', '3.13.4.2', out('pcUniqueNames', u32), out('pcchUniqueNames', u32)),
      m(15, 'GetDocumentation2', '3.13.4.3', input('index', i32), ...documentation2),
      m(16, 'GetAllCustData', '3.13.4.4', out('pCustData', named('CUSTDATA'))),
    ]),
    // Local: its IID stands in the OBJREF that describes a record.
    dcomInterface(SPEC, 'IRecordInfo', '0000002f-0000-0000-c000-000000000046', 'IUnknown', '1.9', []),
    // Events of COM: a client hands the server a sink, and the server calls it. ocidl.idl of the SDK has them.
    dcomInterface('SDK', 'IConnectionPointContainer', 'b196b284-bab4-101a-b69c-00aa00341d07', 'IUnknown', null, [
      method(3, 'EnumConnectionPoints', null, [out('ppEnum', itf('IUnknown'))], hresult),
      method(4, 'FindConnectionPoint', null, [input('riid', guid), out('ppCP', itf('IConnectionPoint'))], hresult),
    ]),
    dcomInterface('SDK', 'IConnectionPoint', 'b196b286-bab4-101a-b69c-00aa00341d07', 'IUnknown', null, [
      method(3, 'GetConnectionInterface', null, [out('pIID', guid)], hresult),
      method(4, 'GetConnectionPointContainer', null, [out('ppCPC', itf('IConnectionPointContainer'))], hresult),
      method(5, 'Advise', null, [input('pUnkSink', itf('IUnknown')), out('pdwCookie', u32)], hresult),
      method(6, 'Unadvise', null, [input('dwCookie', u32)], hresult),
      method(7, 'EnumConnections', null, [out('ppEnum', itf('IUnknown'))], hresult),
    ]),
    dcomInterface('SDK', 'IProvideClassInfo', 'b196b283-bab4-101a-b69c-00aa00341d07', 'IUnknown', null, [
      method(3, 'GetClassInfo', null, [out('ppTI', itf('ITypeInfo'))], hresult),
    ]),
    dcomInterface('SDK', 'IErrorInfo', '1cf2b120-547d-101b-8e65-08002b2bd119', 'IUnknown', null, [
      method(3, 'GetGUID', null, [out('pGUID', guid)], hresult),
      method(4, 'GetSource', null, [out('pBstrSource', bstr)], hresult),
      method(5, 'GetDescription', null, [out('pBstrDescription', bstr)], hresult),
      method(6, 'GetHelpFile', null, [out('pBstrHelpFile', bstr)], hresult),
      method(7, 'GetHelpContext', null, [out('pdwHelpContext', u32)], hresult),
    ]),
    dcomInterface('SDK', 'ISupportErrorInfo', 'df0b3d60-548f-101b-8e65-08002b2bd119', 'IUnknown', null, [
      method(3, 'InterfaceSupportsErrorInfo', null, [input('riid', guid)], hresult),
    ]),
  ],
};
