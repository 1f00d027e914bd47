import { asRecord } from '../ndr/value.js';
import type { Value } from '../types.js';

/**
 * The structures and parameters of [MS-DCOM] that views read and write, by the names the tables give their fields;
 * test/dcom/wire.test.ts holds them to the tables. `hex64` identifiers are `0x` and sixteen digits, GUIDs lower case.
 */

/** COMVERSION (2.2.11). */
export type ComVersion = {
  readonly MajorVersion: number;
  readonly MinorVersion: number;
};

/** STDOBJREF (2.2.18.2). */
export type StdObjref = {
  readonly flags: number;
  readonly cPublicRefs: number;
  readonly oxid: string;
  readonly oid: string;
  readonly ipid: string;
};

/** REMQIRESULT (2.2.24). */
export type RemQiResult = {
  readonly hResult: number;
  readonly std: StdObjref;
};

/** REMINTERFACEREF (2.2.23). */
export type RemInterfaceRef = {
  readonly ipid: string;
  readonly cPublicRefs: number;
  readonly cPrivateRefs: number;
};

/** RemQueryInterface (3.1.1.5.6.1.1). */
export type RemQueryInterfaceRequest = {
  readonly ripid: string;
  readonly cRefs: number;
  readonly cIids: number;
  readonly iids: readonly string[];
};

export type RemQueryInterfaceResponse = {
  readonly ppQIResults: readonly RemQiResult[] | null;
};

export type RemQueryInterface2Response = {
  readonly phr: readonly number[];
  readonly ppMIF: readonly Value[];
};

/** RemAddRef and RemRelease (3.1.1.5.6.1.2, 3.1.1.5.6.1.3). */
export type RemCountRequest = {
  readonly cInterfaceRefs: number;
  readonly InterfaceRefs: readonly RemInterfaceRef[];
};

export type RemAddRefResponse = {
  readonly pResults: readonly number[];
};

/** SimplePing (3.1.2.5.1.2). */
export type SimplePingRequest = {
  readonly pSetId: string;
};

/** ComplexPing (3.1.2.5.1.3). */
export type ComplexPingRequest = {
  readonly pSetId: string;
  readonly SequenceNum: number;
  readonly cAddToSet: number;
  readonly cDelFromSet: number;
  readonly AddToSet: readonly string[] | null;
  readonly DelFromSet: readonly string[] | null;
};

export type ComplexPingResponse = {
  readonly pSetId: string;
  readonly pPingBackoffFactor: number;
};

/** ResolveOxid and ResolveOxid2 (3.1.2.5.1.1, 3.1.2.5.1.5). */
export type ResolveOxidRequest = {
  readonly pOxid: string;
  readonly cRequestedProtseqs: number;
  readonly arRequestedProtseqs: readonly number[];
};

export type ResolveOxid2Response = {
  readonly ppdsaOxidBindings: Value;
  readonly pipidRemUnknown: string;
  readonly pAuthnHint: number;
  readonly pComVersion: ComVersion;
};

/** ServerAlive2 (3.1.2.5.1.6). */
export type ServerAlive2Response = {
  readonly pComVersion: ComVersion;
  readonly ppdsaOrBindings: Value;
  readonly pReserved: number;
};

/** RemoteActivation (3.1.2.5.2.3.1). */
export type RemoteActivationRequest = {
  readonly Clsid: string;
  readonly pwszObjectName: string | null;
  readonly pObjectStorage: Value;
  readonly ClientImpLevel: number;
  readonly Mode: number;
  readonly Interfaces: number;
  readonly pIIDs: readonly string[] | null;
  readonly cRequestedProtseqs: number;
  readonly aRequestedProtseqs: readonly number[];
};

export type RemoteActivationResponse = {
  readonly pOxid: string;
  readonly ppdsaOxidBindings: Value;
  readonly pipidRemUnknown: string;
  readonly pAuthnHint: number;
  readonly pServerVersion: ComVersion;
  readonly phr: number;
  readonly ppInterfaceData: readonly Value[];
  readonly pResults: readonly number[];
};

/** RemoteCreateInstance (3.1.2.5.2.3.3); RemoteGetClassObject has no pUnkOuter. */
export type RemoteCreateInstanceRequest = {
  readonly pUnkOuter: Value;
  readonly pActProperties: Value;
};

export type RemoteCreateInstanceResponse = {
  readonly ppActProperties: Value;
};

/** InstantiationInfoData (2.2.22.2.1). */
export type InstantiationInfo = {
  readonly classId: string;
  readonly classCtx: number;
  readonly actvflags: number;
  readonly fIsSurrogate: number;
  readonly cIID: number;
  readonly instFlag: number;
  readonly pIID: readonly string[] | null;
  readonly thisSize: number;
  readonly clientCOMVersion: ComVersion;
};

/** ScmRequestInfoData (2.2.22.2.4). */
export type ScmRequestInfo = {
  readonly pdwReserved: number | null;
  readonly remoteRequest: {
    readonly ClientImpLevel: number;
    readonly cRequestedProtseqs: number;
    readonly pRequestedProtseqs: readonly number[] | null;
  } | null;
};

/** ActivationContextInfoData (2.2.22.2.5). */
export type ActivationContextInfo = {
  readonly clientOK: number;
  readonly bReserved1: number;
  readonly dwReserved1: number;
  readonly dwReserved2: number;
  readonly pIFDClientCtx: Value;
  readonly pIFDPrototypeCtx: Value;
};

/** LocationInfoData (2.2.22.2.6). */
export type LocationInfo = {
  readonly machineName: string | null;
  readonly processId: number;
  readonly apartmentId: number;
  readonly contextId: number;
};

/** customREMOTE_REPLY_SCM_INFO (2.2.22.2.8.1). */
export type RemoteReply = {
  readonly Oxid: string;
  readonly pdsaOxidBindings: Value;
  readonly ipidRemUnknown: string;
  readonly authnHint: number;
  readonly serverVersion: ComVersion;
};

/** ScmReplyInfoData (2.2.22.2.8). */
export type ScmReplyInfo = {
  readonly pdwReserved: number | null;
  readonly remoteReply: RemoteReply | null;
};

/** PropsOutInfo (2.2.22.2.9). */
export type PropsOutInfo = {
  readonly cIfs: number;
  readonly piid: readonly string[] | null;
  readonly phresults: readonly number[] | null;
  readonly ppIntfData: readonly Value[] | null;
};

/** What stands where a structure is due: each of its fields may be missing, or be anything. */
export type Read<Structure> = { readonly [Name in keyof Structure]?: Value };

/** The fields of a structure as far as they are there: none where the value is no record. */
export function read<Structure>(value: Value | undefined): Read<Structure> {
  return asRecord(value) as Read<Structure>;
}

export function textOf(value: Value | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

export function numberOf(value: Value | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
