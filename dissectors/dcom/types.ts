import {
  conformant,
  field,
  fixed,
  flags,
  guid,
  hex32,
  hex64,
  hresult,
  i32,
  named,
  ndrOnly,
  pickle,
  struct,
  transformed,
  u16,
  u32,
  u64,
  u8,
  unique,
  wstring,
} from '../../src/ndr/describe.js';
import type { Specification, StructType } from '../../src/ndr/types.js';

/** ORPCTHIS flags, [MS-DCOM] 2.2.13.3: 0 in calls, anything in activations. The name of the bit is that of the SDK. */
const orpcFlags = flags('ORPC_FLAGS', '2.2.13.3', 'u32', {
  ORPCF_LOCAL: 1,
  ORPCF_RESERVED1: 2,
  ORPCF_RESERVED2: 4,
  ORPCF_RESERVED3: 8,
  ORPCF_RESERVED4: 16,
});

const comVersion = struct('COMVERSION', '2.2.11', [field('MajorVersion', u16), field('MinorVersion', u16)]);

/** The data of an extent is rounded up to eight bytes: its wire count is what decides. */
const orpcExtent = struct('ORPC_EXTENT', '2.2.13.1', [
  field('id', guid),
  field('size', u32),
  field('data', { kind: 'array', of: u8, size: null, sizeIs: null, lengthIs: null }),
]);

const orpcExtentArray = struct('ORPC_EXTENT_ARRAY', '2.2.13.2', [
  field('size', u32),
  field('reserved', u32),
  field(
    'extent',
    unique({ kind: 'array', of: unique(named('ORPC_EXTENT')), size: null, sizeIs: null, lengthIs: null }),
  ),
]);

/** DCOM supports the NDR transfer syntax only (2.2): in a call under NDR64 its headers are NDR all the same. */
const orpcThis = ndrOnly(
  struct('ORPCTHIS', '2.2.13.3', [
    field('version', comVersion),
    field('flags', orpcFlags),
    field('reserved1', u32),
    field('cid', guid, 'causality id'),
    field('extensions', unique(named('ORPC_EXTENT_ARRAY'))),
  ]),
);

const orpcThat = ndrOnly(
  struct('ORPCTHAT', '2.2.13.4', [field('flags', orpcFlags), field('extensions', unique(named('ORPC_EXTENT_ARRAY')))]),
);

/** [MS-DCOM] 2.2.22.2.1, note 23: what Windows sends is the CLSCTX of the SDK (wtypesbase.h). */
const classContext = flags('CLSCTX', '2.2.22.2.1', 'u32', {
  CLSCTX_INPROC_SERVER: 0x1,
  CLSCTX_INPROC_HANDLER: 0x2,
  CLSCTX_LOCAL_SERVER: 0x4,
  CLSCTX_REMOTE_SERVER: 0x10,
  CLSCTX_NO_CODE_DOWNLOAD: 0x400,
  CLSCTX_NO_CUSTOM_MARSHAL: 0x1000,
  CLSCTX_ENABLE_CODE_DOWNLOAD: 0x2000,
  CLSCTX_NO_FAILURE_LOG: 0x4000,
  CLSCTX_DISABLE_AAA: 0x8000,
  CLSCTX_ENABLE_AAA: 0x1_0000,
  CLSCTX_FROM_DEFAULT_CONTEXT: 0x2_0000,
  CLSCTX_ACTIVATE_X86_SERVER: 0x4_0000,
  CLSCTX_ACTIVATE_64_BIT_SERVER: 0x8_0000,
  CLSCTX_ENABLE_CLOAKING: 0x10_0000,
});

/** [MS-DCOM] 2.2.22.2.1. */
const activationFlags = flags('ACTVFLAGS', '2.2.22.2.1', 'u32', {
  ACTVFLAGS_DISABLE_AAA: 2,
  ACTVFLAGS_ACTIVATE_32_BIT_SERVER: 4,
  ACTVFLAGS_ACTIVATE_64_BIT_SERVER: 8,
  ACTVFLAGS_NO_FAILURE_LOG: 0x20,
});

/** [MS-DCOM] 2.2.22.2.2; the second name stands in the IDL only. */
const specialFlags = flags('SPD_FLAGS', '2.2.22.2.2', 'u32', {
  SPD_FLAG_USE_CONSOLE_SESSION: 1,
  SPD_FLAG_USE_DEFAULT_AUTHN_LVL: 2,
});

/** NDR form; the transform shows the bindings in it. */
const dualStringArray = struct('DUALSTRINGARRAY', '2.2.19.2', [
  field('wNumEntries', u16),
  field('wSecurityOffset', u16),
  field('aStringArray', conformant(u16, 'wNumEntries')),
]);

export const dualString = transformed('dualstring', dualStringArray);

const stdObjref = struct('STDOBJREF', '2.2.18.3', [
  field('flags', flags('STDOBJREF_FLAGS', '2.2.18.2', 'u32', { SORF_NOPING: 0x1000 })),
  field('cPublicRefs', u32),
  field('oxid', hex64),
  field('oid', hex64),
  field('ipid', guid),
]);

/** An MInterfacePointer written out in a structure. */
export const mInterfacePointer = { kind: 'interface', interface: null, iidIs: null } as const;

const remQiResult = struct('REMQIRESULT', '2.2.24', [field('hResult', hresult), field('std', stdObjref)]);
const remInterfaceRef = struct('REMINTERFACEREF', '2.2.23', [
  field('ipid', guid),
  field('cPublicRefs', u32),
  field('cPrivateRefs', u32),
]);

const customHeader = struct('CustomHeader', '2.2.22.1', [
  field('totalSize', u32),
  field('headerSize', u32),
  field('dwReserved', u32),
  field('destCtx', u32),
  field('cIfs', u32),
  field('classInfoClsid', guid),
  field('pclsid', unique(conformant(guid, 'cIfs'))),
  field('pSizes', unique(conformant(u32, 'cIfs'))),
  field('pdwReserved', unique(u32)),
]);

const instantiationInfo = struct('InstantiationInfoData', '2.2.22.2.1', [
  field('classId', guid, 'CLSID to activate'),
  field('classCtx', classContext),
  field('actvflags', activationFlags),
  field('fIsSurrogate', i32),
  field('cIID', u32),
  field('instFlag', u32),
  field('pIID', unique(conformant(guid, 'cIID'))),
  field('thisSize', u32),
  field('clientCOMVersion', comVersion),
]);

const specialFields = [
  field('dwSessionId', hex32),
  field('fRemoteThisSessionId', i32),
  field('fClientImpersonating', i32),
  field('fPartitionIDPresent', i32),
  field('dwDefaultAuthnLvl', u32),
  field('guidPartition', guid),
  field('dwPRTFlags', hex32),
  field('dwOrigClsctx', hex32),
  field('dwFlags', specialFlags),
];

const specialProperties = struct('SpecialPropertiesData', '2.2.22.2.2', [
  ...specialFields,
  field('Reserved1', u32),
  field('Reserved2', u64),
  field('Reserved3', fixed(u32, 5)),
]);

const specialAlternate = struct('SpecialPropertiesData_Alternate', '2.2.22.2.2', [
  ...specialFields,
  field('Reserved3', fixed(u32, 8)),
]);

const instanceInfo = struct('InstanceInfoData', '2.2.22.2.3', [
  field('fileName', unique(wstring)),
  field('mode', u32),
  field('ifdROT', mInterfacePointer),
  field('ifdStg', mInterfacePointer),
]);

const remoteRequest = struct('customREMOTE_REQUEST_SCM_INFO', '2.2.22.2.4.1', [
  field('ClientImpLevel', u32),
  field('cRequestedProtseqs', u16),
  field('pRequestedProtseqs', unique(conformant(u16, 'cRequestedProtseqs'))),
]);

const scmRequestInfo = struct('ScmRequestInfoData', '2.2.22.2.4', [
  field('pdwReserved', unique(u32)),
  field('remoteRequest', unique(remoteRequest)),
]);

const activationContextInfo = struct('ActivationContextInfoData', '2.2.22.2.5', [
  field('clientOK', i32),
  field('bReserved1', i32),
  field('dwReserved1', u32),
  field('dwReserved2', u32),
  field('pIFDClientCtx', mInterfacePointer),
  field('pIFDPrototypeCtx', mInterfacePointer),
]);

const locationInfo = struct('LocationInfoData', '2.2.22.2.6', [
  field('machineName', unique(wstring)),
  field('processId', u32),
  field('apartmentId', u32),
  field('contextId', u32),
]);

const coServerInfo = struct('COSERVERINFO', '2.2.22.2.7.1', [
  field('dwReserved1', u32),
  field('pwszName', unique(wstring)),
  field('pdwReserved', unique(u32)),
  field('dwReserved2', u32),
]);

const securityInfo = struct('SecurityInfoData', '2.2.22.2.7', [
  field('dwAuthnFlags', u32),
  field('pServerInfo', unique(coServerInfo)),
  field('pdwReserved', unique(u32)),
]);

const remoteReply = struct('customREMOTE_REPLY_SCM_INFO', '2.2.22.2.8.1', [
  field('Oxid', hex64),
  field('pdsaOxidBindings', unique(dualString)),
  field('ipidRemUnknown', guid),
  field('authnHint', u32),
  field('serverVersion', comVersion),
]);

const scmReplyInfo = struct('ScmReplyInfoData', '2.2.22.2.8', [
  field('pdwReserved', unique(u32)),
  field('remoteReply', unique(remoteReply)),
]);

const propsOutInfo = struct('PropsOutInfo', '2.2.22.2.9', [
  field('cIfs', u32),
  field('piid', unique(conformant(guid, 'cIfs'))),
  field('phresults', unique(conformant(hresult, 'cIfs'))),
  field('ppIntfData', unique(conformant(mInterfacePointer, 'cIfs'))),
]);

const errorObject = struct('ErrorObjectData', '2.2.21.2', [
  field('dwVersion', u32),
  field('dwHelpContext', u32),
  field('iid', guid),
  field('pszSource', unique(wstring)),
  field('pszDescription', unique(wstring)),
  field('pszHelpFile', unique(wstring)),
]);

export const dcomTypes: Specification['types'] = [
  comVersion,
  orpcExtent,
  orpcExtentArray,
  orpcThis,
  orpcThat,
  dualStringArray,
  stdObjref,
  remQiResult,
  remInterfaceRef,
  customHeader,
  instantiationInfo,
  specialProperties,
  specialAlternate,
  instanceInfo,
  scmRequestInfo,
  activationContextInfo,
  locationInfo,
  remoteRequest,
  coServerInfo,
  securityInfo,
  remoteReply,
  scmReplyInfo,
  propsOutInfo,
  errorObject,
];

/**
 * Activation properties by CLSID ([MS-DCOM] 1.9, 2.2.22.2); each stands in the blob in type serialisation version 1.
 */
export const activationProperties: Readonly<Record<string, StructType>> = {
  '000001ab-0000-0000-c000-000000000046': instantiationInfo,
  '000001b9-0000-0000-c000-000000000046': specialProperties,
  '000001ad-0000-0000-c000-000000000046': instanceInfo,
  '000001aa-0000-0000-c000-000000000046': scmRequestInfo,
  '000001a5-0000-0000-c000-000000000046': activationContextInfo,
  '000001a4-0000-0000-c000-000000000046': locationInfo,
  '000001a6-0000-0000-c000-000000000046': securityInfo,
  '000001b6-0000-0000-c000-000000000046': scmReplyInfo,
  '00000339-0000-0000-c000-000000000046': propsOutInfo,
};

/** Properties that have two definitions, by CLSID: a server has to accept both. */
export const activationAlternates: Readonly<Record<string, StructType>> = {
  '000001b9-0000-0000-c000-000000000046': specialAlternate,
};

/** The header in front of the properties. */
export const activationHeader = pickle(customHeader);
