import { blockOf } from '../../src/bytes/block.js';
import type { GuardedPdu } from '../../src/security/observer.js';
import type { Flow } from '../../src/types.js';

/** The connection of all PDUs here. */
export const flow: Flow = {
  id: 1,
  a: { address: '192.0.2.1', port: 49_700 },
  b: { address: '192.0.2.2', port: 135 },
  opened: 'syn',
};
export const AUTH3 = 16;
const REQUEST = 0;

/** A PDU as an observer is given it; a request at packet privacy unless `fields` say otherwise. */
export function guarded(bytes: Uint8Array, fields: Partial<GuardedPdu>): GuardedPdu {
  return {
    block: blockOf(bytes),
    start: 0,
    end: bytes.length,
    flow,
    direction: 0,
    frame: 1,
    ptype: REQUEST,
    flags: 3,
    callId: 1,
    bodyStart: 24,
    trailerStart: bytes.length - 24,
    tokenStart: bytes.length - 16,
    authLevel: 6,
    padLength: 0,
    authContextId: 1,
    headerSigning: true,
    ...fields,
  };
}
