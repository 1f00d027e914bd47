import { GUID_NULL } from '../bytes/guid.js';
import type { Fields } from '../ndr/value.js';
import type { Value } from '../types.js';
import { activationReply } from './activation-properties.js';
import type { ExporterInfo, OwnExporter } from './exporters.js';
import { NCACN_IP_TCP } from './names.js';
import { COM_VERSION, readVersion, type ComVersion } from './version.js';
import {
  numberOf,
  read,
  textOf,
  type RemoteActivationResponse,
  type RemoteReply,
  type ResolveOxid2Response,
  type ResolveOxidRequest,
  type ServerAlive2Response,
} from './wire.js';

/** Object exporters as answers tell of them ([MS-DCOM] 3.1.2.5.1, 3.1.2.5.2.3), and the calls that ask for them. */

/** The request of ResolveOxid and ResolveOxid2. */
export function writeResolve(oxid: string): Fields {
  return {
    pOxid: oxid,
    cRequestedProtseqs: 1,
    arRequestedProtseqs: [NCACN_IP_TCP],
  } satisfies ResolveOxidRequest;
}

/** The OXID that a request of ResolveOxid or ResolveOxid2 asks for. */
export function readResolve(request: Fields): string | null {
  return textOf(read<ResolveOxidRequest>(request).pOxid);
}

/** The answer to ResolveOxid and ResolveOxid2. */
export function writeResolved({ bindings, ipidRemUnknown, authnHint, version }: OwnExporter): Fields {
  return {
    ppdsaOxidBindings: bindings,
    pipidRemUnknown: ipidRemUnknown,
    pAuthnHint: authnHint,
    pComVersion: version,
  } satisfies ResolveOxid2Response;
}

/** The answer to ServerAlive2. */
export function writeAlive(bindings: Value): Fields {
  return { pComVersion: COM_VERSION, ppdsaOrBindings: bindings, pReserved: 0 } satisfies ServerAlive2Response;
}

export function readAlive(response: Fields): { readonly version: ComVersion | null; readonly bindings: Value } {
  const { pComVersion, ppdsaOrBindings } = read<ServerAlive2Response>(response);
  return { version: readVersion(pComVersion), bindings: ppdsaOrBindings ?? null };
}

/**
 * The exporter that an answer tells of, of an activation or of an object resolver; null where it tells of none.
 * `request` is asked for the OXID that ResolveOxid was called for.
 */
export function readExporter(response: Fields, request: Fields | null): ExporterInfo | null {
  const activated = activationReply(response);
  if (activated !== null) return fromReply(activated);
  const { pOxid, pipidRemUnknown, ppdsaOxidBindings, pAuthnHint, pServerVersion, pComVersion } = read<
    RemoteActivationResponse & ResolveOxid2Response
  >(response);
  const ipid = textOf(pipidRemUnknown);
  if (ipid === null || ipid === GUID_NULL) return null;
  return {
    oxid: textOf(pOxid) ?? (request === null ? null : readResolve(request)),
    ipidRemUnknown: ipid,
    bindings: ppdsaOxidBindings ?? null,
    authnHint: numberOf(pAuthnHint, 0),
    version: readVersion(pServerVersion ?? pComVersion),
  };
}

function fromReply(reply: Fields): ExporterInfo | null {
  const { Oxid, ipidRemUnknown, pdsaOxidBindings, authnHint, serverVersion } = read<RemoteReply>(reply);
  const ipid = textOf(ipidRemUnknown);
  if (ipid === null || ipid === GUID_NULL) return null;
  return {
    oxid: textOf(Oxid),
    ipidRemUnknown: ipid,
    bindings: pdsaOxidBindings ?? null,
    authnHint: numberOf(authnHint, 0),
    version: readVersion(serverVersion),
  };
}
