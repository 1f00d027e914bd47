import { asList, asRecord, isRecord, type Fields } from '../ndr/value.js';
import type { Value } from '../types.js';
import type { OwnExporter } from './exporters.js';
import {
  CLSCTX_SERVER,
  CLSID,
  DIFFERENT_MACHINE,
  IID,
  IMPERSONATE,
  MODE_GET_CLASS_OBJECT,
  NCACN_IP_TCP,
} from './names.js';
import { COM_VERSION } from './version.js';
import {
  numberOf,
  read,
  textOf,
  type ActivationContextInfo,
  type InstantiationInfo,
  type LocationInfo,
  type PropsOutInfo,
  type RemoteActivationRequest,
  type RemoteActivationResponse,
  type RemoteCreateInstanceRequest,
  type RemoteCreateInstanceResponse,
  type ScmReplyInfo,
  type ScmRequestInfo,
} from './wire.js';

/**
 * Activations ([MS-DCOM] 3.1.2.5.2.3): what they ask for and what they hand out, whether in the activation properties
 * (2.2.22) of IRemoteSCMActivator or in the parameters of IActivation::RemoteActivation.
 */

/** What an activation asks for. */
export interface Activation {
  /** Null where it is not there to be read. */
  readonly clsid: string | null;
  readonly iids: readonly string[];
  /** An IActivation::RemoteActivation that wants the class object; IRemoteSCMActivator has a method for it. */
  readonly classObject: boolean;
}

/** What became of one interface that was asked for; `reference` is its OBJREF, or null. */
export interface ActivationResult {
  readonly iid: string;
  readonly hresult: number;
  readonly reference: Value;
}

/** thisSize of InstantiationInfoData, which nobody reads ([MS-DCOM] 2.2.22.2.1). */
const INSTANTIATION_SIZE = 0x58;

/** What a request asks for; null where it is no activation. */
export function readActivation(request: Fields): Activation | null {
  const { Clsid, Mode, pIIDs } = read<RemoteActivationRequest>(request);
  if (typeof Clsid === 'string')
    return { clsid: Clsid, iids: texts(pIIDs), classObject: Mode === MODE_GET_CLASS_OBJECT };
  const { pActProperties } = read<RemoteCreateInstanceRequest>(request);
  if (pActProperties === undefined) return null;
  const infos = propertiesOf(pActProperties).map((one) => read<InstantiationInfo>(one));
  const info = infos.find((one) => typeof one.classId === 'string');
  return { clsid: textOf(info?.classId), iids: texts(info?.pIID), classObject: false };
}

/** The parameters of RemoteCreateInstance (`create`) or RemoteGetClassObject. */
export function writeActivation(clsid: string, iids: readonly string[], create: boolean): Fields {
  const pActProperties = writeActivationProperties(clsid, iids);
  return create ? ({ pUnkOuter: null, pActProperties } satisfies RemoteCreateInstanceRequest) : { pActProperties };
}

/** The activation properties of a request for these interfaces of a class ([MS-DCOM] 2.2.22.2). */
function writeActivationProperties(clsid: string, iids: readonly string[]): Value {
  const instantiation: InstantiationInfo = {
    classId: clsid,
    classCtx: CLSCTX_SERVER,
    actvflags: 0,
    fIsSurrogate: 0,
    cIID: iids.length,
    instFlag: 0,
    pIID: [...iids],
    thisSize: INSTANTIATION_SIZE,
    clientCOMVersion: COM_VERSION,
  };
  const context: ActivationContextInfo = {
    clientOK: 0,
    bReserved1: 0,
    dwReserved1: 0,
    dwReserved2: 0,
    pIFDClientCtx: null,
    pIFDPrototypeCtx: null,
  };
  const location: LocationInfo = { machineName: null, processId: 0, apartmentId: 0, contextId: 0 };
  const request: ScmRequestInfo = {
    pdwReserved: null,
    remoteRequest: { ClientImpLevel: IMPERSONATE, cRequestedProtseqs: 1, pRequestedProtseqs: [NCACN_IP_TCP] },
  };
  return custom(IID.IActivationPropertiesIn, CLSID.ActivationPropertiesIn, [
    { clsid: CLSID.InstantiationInfo, value: instantiation },
    { clsid: CLSID.ActivationContextInfo, value: context },
    { clsid: CLSID.ServerLocationInfo, value: location },
    { clsid: CLSID.ScmRequestInfo, value: request },
  ]);
}

/** The answer of RemoteCreateInstance and RemoteGetClassObject. */
export function writeActivated(exporter: OwnExporter, results: readonly ActivationResult[]): Fields {
  const out: PropsOutInfo = {
    cIfs: results.length,
    piid: results.map((one) => one.iid),
    phresults: results.map((one) => one.hresult),
    ppIntfData: results.map((one) => one.reference),
  };
  const reply: ScmReplyInfo = {
    pdwReserved: null,
    remoteReply: {
      Oxid: exporter.oxid,
      pdsaOxidBindings: exporter.bindings,
      ipidRemUnknown: exporter.ipidRemUnknown,
      authnHint: exporter.authnHint,
      serverVersion: exporter.version,
    },
  };
  return {
    ppActProperties: custom(IID.IActivationPropertiesOut, CLSID.ActivationPropertiesOut, [
      { clsid: CLSID.ActivationPropertiesOut, value: out },
      { clsid: CLSID.ScmReplyInfo, value: reply },
    ]),
  } satisfies RemoteCreateInstanceResponse;
}

/** The answer of RemoteActivation. `hresult` is that of the activation. */
export function writeRemoteActivated(
  exporter: OwnExporter,
  hresult: number,
  results: readonly ActivationResult[],
): Fields {
  return {
    pOxid: exporter.oxid,
    ppdsaOxidBindings: exporter.bindings,
    pipidRemUnknown: exporter.ipidRemUnknown,
    pAuthnHint: exporter.authnHint,
    pServerVersion: exporter.version,
    phr: hresult,
    ppInterfaceData: results.map((one) => one.reference),
    pResults: results.map((one) => one.hresult),
  } satisfies RemoteActivationResponse;
}

/**
 * What an answer says of the interfaces that were asked for; null where it is no activation's. RemoteActivation answers
 * in the order of its request, whose IIDs are `iids`.
 */
export function readActivated(response: Fields, iids: readonly string[] = []): readonly ActivationResult[] | null {
  const { ppInterfaceData, pResults } = read<RemoteActivationResponse>(response);
  if (ppInterfaceData !== undefined) return results(iids, asList(pResults), asList(ppInterfaceData));
  const found = propertiesOf(read<RemoteCreateInstanceResponse>(response).ppActProperties).map((one) =>
    read<PropsOutInfo>(one),
  );
  const out = found.find((one) => one.ppIntfData !== undefined);
  return out === undefined ? null : results(asList(out.piid), asList(out.phresults), asList(out.ppIntfData));
}

function results(
  iids: readonly Value[],
  hresults: readonly Value[],
  references: readonly Value[],
): readonly ActivationResult[] {
  return iids.map((iid, at) => ({
    iid: String(iid),
    hresult: numberOf(hresults[at], 0) >>> 0,
    reference: references[at] ?? null,
  }));
}

/** The customREMOTE_REPLY_SCM_INFO of an answer: what it tells of the exporter; null where it has none. */
export function activationReply(response: Fields): Fields | null {
  for (const property of propertiesOf(read<RemoteCreateInstanceResponse>(response).ppActProperties)) {
    const { remoteReply } = read<ScmReplyInfo>(property);
    if (isRecord(remoteReply)) return remoteReply;
  }
  return null;
}

/** The values of activation properties, as the OBJREF around them shows them. */
function propertiesOf(objref: Value | undefined): readonly Fields[] {
  return asList(asRecord(asRecord(objref)['activation'])['properties']).map((one) => asRecord(asRecord(one)['value']));
}

/** The OBJREF_CUSTOM that activation properties travel in ([MS-DCOM] 2.2.18.6, 2.2.22). */
function custom(iid: string, clsid: string, properties: readonly Value[]): Value {
  return {
    iid,
    kind: 'custom',
    clsid,
    cbExtension: 0,
    activation: { dwReserved: 0, destCtx: DIFFERENT_MACHINE, properties },
  };
}

function texts(value: Value | undefined): readonly string[] {
  return asList(value).filter((one): one is string => typeof one === 'string');
}
