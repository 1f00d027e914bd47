import type { Call } from '../types.js';

/**
 * Whether a call came to nothing: a fault, an HRESULT with its severity bit set, or, where no object was called
 * (plain RPC returns an error_status_t), any status but 0. An unanswered call is not known to have failed.
 */
export function failed(call: Call): boolean {
  if (call.fault !== null) return true;
  if (call.hresult === null || call.hresult === 0) return false;
  return call.hresult >>> 31 === 1 || (call.object === null && call.causality === null);
}
