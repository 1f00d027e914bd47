import type { Value } from '../types.js';
import { asList, asRecord, isRecord } from '../ndr/value.js';

/** CLSIDs of activation properties ([MS-DCOM] 1.9). */
const INSTANTIATION = '000001ab-0000-0000-c000-000000000046';
const CONTEXT = '000001a5-0000-0000-c000-000000000046';
const LOCATION = '000001a4-0000-0000-c000-000000000046';
const REQUEST = '000001aa-0000-0000-c000-000000000046';
const PROPERTIES_IN = '00000338-0000-0000-c000-000000000046';
const IID_PROPERTIES_IN = '000001a2-0000-0000-c000-000000000046';
/** CLSCTX_LOCAL_SERVER and CLSCTX_REMOTE_SERVER ([MS-DCOM] 2.2.22.2.1). */
const CLSCTX = 0x14;
/** RPC_C_IMP_LEVEL_IMPERSONATE. */
const IMPERSONATE = 3;
/** Protocol sequence of TCP ([C706] appendix I). */
export const NCACN_IP_TCP = 7;

/** A COMVERSION ([MS-DCOM] 2.2.11). */
export interface ComVersion {
  readonly MajorVersion: number;
  readonly MinorVersion: number;
}

/** The version that this client speaks. */
export const COM_VERSION: ComVersion = Object.freeze({ MajorVersion: 5, MinorVersion: 7 });

/** What an activation handed out ([MS-DCOM] 3.2.4.1.1.2). */
export interface Activated {
  readonly oxid: string;
  readonly ipidRemUnknown: string;
  /** Least authentication level that the server wants calls at. */
  readonly authnHint: number;
  readonly version: ComVersion | null;
  readonly bindings: Value;
  /** One for each IID that was requested: its HRESULT and its OBJREF, or null. */
  readonly results: readonly { readonly iid: string; readonly hresult: number; readonly reference: Value }[];
}

/** The activation properties of a request for these interfaces of a class ([MS-DCOM] 2.2.22.2). */
export function activationRequest(clsid: string, iids: readonly string[]): Value {
  return {
    iid: IID_PROPERTIES_IN,
    kind: 'custom',
    clsid: PROPERTIES_IN,
    cbExtension: 0,
    activation: {
      dwReserved: 0,
      destCtx: 2,
      properties: [
        {
          clsid: INSTANTIATION,
          value: {
            classId: clsid,
            classCtx: CLSCTX,
            actvflags: 0,
            fIsSurrogate: 0,
            cIID: iids.length,
            instFlag: 0,
            pIID: [...iids],
            thisSize: 0x58,
            clientCOMVersion: { ...COM_VERSION },
          },
        },
        {
          clsid: CONTEXT,
          value: {
            clientOK: 0,
            bReserved1: 0,
            dwReserved1: 0,
            dwReserved2: 0,
            pIFDClientCtx: null,
            pIFDPrototypeCtx: null,
          },
        },
        { clsid: LOCATION, value: { machineName: null, processId: 0, apartmentId: 0, contextId: 0 } },
        {
          clsid: REQUEST,
          value: {
            pdwReserved: null,
            remoteRequest: { ClientImpLevel: IMPERSONATE, cRequestedProtseqs: 1, pRequestedProtseqs: [NCACN_IP_TCP] },
          },
        },
      ],
    },
  };
}

/** Reads the activation properties of an answer; null when they hold no reference and no way to the object. */
export function activationAnswer(properties: Value): Activated | null {
  const found = asList(asRecord(asRecord(properties)['activation'])['properties']).map((one) =>
    asRecord(asRecord(one)['value']),
  );
  const out = found.find((one) => 'ppIntfData' in one);
  const reply = found.find((one) => 'remoteReply' in one)?.['remoteReply'];
  if (out === undefined || !isRecord(reply)) return null;
  const { Oxid: oxid, ipidRemUnknown, authnHint, pdsaOxidBindings, serverVersion } = reply;
  if (typeof oxid !== 'string' || typeof ipidRemUnknown !== 'string') return null;
  const [hresults, references] = [asList(out['phresults']), asList(out['ppIntfData'])];
  return {
    oxid,
    ipidRemUnknown,
    authnHint: Number(authnHint ?? 0),
    bindings: pdsaOxidBindings ?? null,
    version: comVersion(serverVersion),
    results: asList(out['piid']).map((iid, at) => ({
      iid: String(iid),
      hresult: Number(hresults[at] ?? 0) >>> 0,
      reference: references[at] ?? null,
    })),
  };
}

export function comVersion(value: Value | undefined): ComVersion | null {
  return isRecord(value)
    ? { MajorVersion: Number(value['MajorVersion']), MinorVersion: Number(value['MinorVersion']) }
    : null;
}

/**
 * The version for calls of a server: its own where that is the lower one of the same major version ([MS-DCOM]
 * 3.2.4.1.1.2).
 */
export function commonVersion(server: ComVersion | null): ComVersion {
  return server !== null &&
    server.MajorVersion === COM_VERSION.MajorVersion &&
    server.MinorVersion < COM_VERSION.MinorVersion
    ? server
    : COM_VERSION;
}

/**
 * Where an object listens by its bindings: the port of the first TCP binding, one for `host` before others; null when
 * none has a port.
 */
export function portOf(bindings: Value, host: string): number | null {
  const tcp = asList(asRecord(bindings)['stringBindings']).flatMap((binding) => {
    const one = asRecord(binding);
    if (one['towerId'] !== NCACN_IP_TCP) return [];
    const match = /^(.*)\[(\d{1,5})\]$/.exec(String(one['networkAddr']));
    const port = Number(match?.[2] ?? 0);
    return match === null || port < 1 || port > 65_535 ? [] : [{ address: match[1] ?? '', port }];
  });
  return (tcp.find((one) => one.address.toLowerCase() === host.toLowerCase()) ?? tcp[0])?.port ?? null;
}
