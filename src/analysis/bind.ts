import type { Decoding } from './decode.js';
import { readInvocation } from './dispparams.js';
import type { LateBinder } from './late.js';
import type { Place } from './locate.js';
import type { Invoked } from './tracker.js';

/** The third step of making a call: the member that an IDispatch::Invoke means; null for every other call. */
export function bind({ entry }: Place, decoding: Decoding, late: LateBinder): Invoked | null {
  const { reading, plan, request, response, result } = decoding;
  if (plan?.role !== 'invoke' || reading === null) return null;
  const invocation = readInvocation(request, reading.response === null ? null : response, result);
  return invocation === null ? null : { invocation, call: late.bind(entry?.object ?? null, invocation) };
}
