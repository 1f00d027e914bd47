import { DISP_E_UNKNOWNNAME, E_NOINTERFACE } from '../dcom/hresults.js';
import type { Call } from '../types.js';

/**
 * Methods that ask whether something is there, and the results that say it is not: an answer, no failure. By name, for
 * every object has them: QueryInterface ([MS-DCOM] 3.1.1.5.6.1.1) and the look-up of names ([MS-OAUT] 3.1.4.3).
 */
const QUESTIONS: ReadonlyMap<string, number> = new Map([
  ['QueryInterface', E_NOINTERFACE],
  ['RemQueryInterface', E_NOINTERFACE],
  ['RemQueryInterface2', E_NOINTERFACE],
  ['GetIDsOfNames', DISP_E_UNKNOWNNAME],
]);

/** Whether a call asked if something is there, an interface or a name, and was told that it is not. */
export function saidNo(call: Call): boolean {
  return call.hresult !== null && call.method !== null && QUESTIONS.get(call.method) === call.hresult >>> 0;
}

/**
 * Whether a call came to nothing: a fault, an HRESULT with its severity bit set, or, where no object was called
 * (plain RPC returns an error_status_t), any status but 0. An unanswered call is not known to have failed, and a
 * question answered with no is answered.
 */
export function failed(call: Call): boolean {
  if (call.fault !== null) return true;
  if (call.hresult === null || call.hresult === 0 || saidNo(call)) return false;
  return call.hresult >>> 31 === 1 || (call.object === null && call.causality === null);
}

/**
 * Whether nobody saw how a call ended: its result is cipher text, no answer was captured, or the answer was cut before
 * its result. That a call is not known to have failed does not say then that it did not.
 */
export function endUnknown(call: Call): boolean {
  const { fault, hresult, outcome, exchange } = call;
  if (fault !== null) return false;
  if (outcome === 'unanswered') return true;
  const { response } = exchange;
  if (response === null) return false;
  return response.sealed || (!response.complete && hresult === null);
}
