/** Names and numbers of [MS-DCOM], each once: what the mechanism has to know by heart. */

/** Interfaces ([MS-DCOM] 1.9, [MS-OAUT] 1.9). */
export const IID = {
  IUnknown: '00000000-0000-0000-c000-000000000046',
  IClassFactory: '00000001-0000-0000-c000-000000000046',
  IRemUnknown: '00000131-0000-0000-c000-000000000046',
  IRemUnknown2: '00000143-0000-0000-c000-000000000046',
  IActivationPropertiesIn: '000001a2-0000-0000-c000-000000000046',
  IActivationPropertiesOut: '000001a3-0000-0000-c000-000000000046',
  IDispatch: '00020400-0000-0000-c000-000000000046',
} as const;

/** Unmarshalers of activation properties, and the properties in them ([MS-DCOM] 1.9). */
export const CLSID = {
  ActivationPropertiesIn: '00000338-0000-0000-c000-000000000046',
  ActivationPropertiesOut: '00000339-0000-0000-c000-000000000046',
  ServerLocationInfo: '000001a4-0000-0000-c000-000000000046',
  ActivationContextInfo: '000001a5-0000-0000-c000-000000000046',
  SecurityInfo: '000001a6-0000-0000-c000-000000000046',
  ScmRequestInfo: '000001aa-0000-0000-c000-000000000046',
  InstantiationInfo: '000001ab-0000-0000-c000-000000000046',
  InstanceInfo: '000001ad-0000-0000-c000-000000000046',
  ScmReplyInfo: '000001b6-0000-0000-c000-000000000046',
  SpecialSystemProperties: '000001b9-0000-0000-c000-000000000046',
} as const;

/** Slots of IRemUnknown and IRemUnknown2 ([MS-DCOM] 3.1.1.5.6, 3.1.1.5.7). */
export const REM_UNKNOWN = { queryInterface: 3, addRef: 4, release: 5, queryInterface2: 6 } as const;

/** Forms of an OBJREF: its flags ([MS-DCOM] 2.2.18.1). */
export const OBJREF = { standard: 1, handler: 2, custom: 4, extended: 8 } as const;
/** `MEOW`, the first four bytes of an OBJREF. */
export const OBJREF_SIGNATURE = 0x574f454d;
/** Of an OBJREF_EXTENDED, twice ([MS-DCOM] 2.2.18.7). */
export const EXTENDED_SIGNATURE = 0x4e535956;
/** STDOBJREF flag: the object wants no pings ([MS-DCOM] 2.2.18.2). */
export const SORF_NOPING = 0x1000;

/** Tower identifier of TCP ([MS-DCOM] 2.2.19.3, [C706] appendix I). */
export const NCACN_IP_TCP = 7;
/** CLSCTX_LOCAL_SERVER and CLSCTX_REMOTE_SERVER ([MS-DCOM] 2.2.22.2.1). */
export const CLSCTX_SERVER = 0x14;
/** Mode of a RemoteActivation that wants the class object ([MS-DCOM] 3.1.2.5.2.3.1). */
export const MODE_GET_CLASS_OBJECT = 0xffff_ffff;
/** RPC_C_IMP_LEVEL_IMPERSONATE ([MS-RPCE] 2.2.1.1.9). */
export const IMPERSONATE = 3;
/** MSHCTX_DIFFERENTMACHINE: who marshals and who unmarshals are not on one machine ([MS-DCOM] 2.2.20). */
export const DIFFERENT_MACHINE = 2;

/** Public references that a query asks for, as clients of Windows do ([MS-DCOM] 3.2.4.4.3). */
export const QUERIED_REFERENCES = 5;
/** How often a client pings what it holds, in ms, and how many pings may fail to come ([MS-DCOM] 3.1.1.6.1, 3.2.6.1). */
export const PING_PERIOD_MS = 120_000;
export const PINGS_MISSED = 3;
/** Objects added to, or taken out of, a set by one ping: they are counted in 16 bits ([MS-DCOM] 3.1.2.5.1.3). */
export const MAX_PING_CHANGES = 0xffff;
