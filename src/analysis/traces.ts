import type { Call, Stub } from '../types.js';
import type { Registry, Trace } from '../ndr/codec.js';
import { encodingOf } from './interfaces.js';

/** The traces of both stubs of a call; null where a stub is missing, sealed, or of an unknown method. */
export interface CallTraces {
  readonly request: Trace | null;
  readonly response: Trace | null;
}

/** Decodes a call's stubs again, with the byte range of every field. A late-bound call is traced as what carried it. */
export function traceCall(call: Call, registry: Registry): CallTraces {
  const { exchange } = call;
  const { uuid, opnum } = carrierOf(call, registry);
  if (uuid === null || opnum === null) return { request: null, response: null };
  const { request, response } = exchange;
  const codecOf = (stub: Stub) => registry.method(uuid, opnum, encodingOf(stub, exchange));
  const sent = readable(request) ? codecOf(request)?.request.decode(request).value : undefined;
  return {
    request: readable(request) ? (codecOf(request)?.request.trace(request) ?? null) : null,
    response:
      exchange.fault === null && readable(response)
        ? (codecOf(response)?.response.trace(response, sent) ?? null)
        : null,
  };
}

/** The interface and opnum whose codecs read the stubs of a call: its own, or, late bound, those of what carried it. */
export function carrierOf(
  call: Call,
  registry: Registry,
): { readonly uuid: string | null; readonly opnum: number | null } {
  const { via, iid, opnum } = call;
  return via === null
    ? { uuid: iid, opnum }
    : { uuid: registry.interfaceByName(via.interface)?.interface.uuid ?? null, opnum: via.opnum };
}

function readable(stub: Stub | null): stub is Stub {
  return stub !== null && !stub.sealed;
}
