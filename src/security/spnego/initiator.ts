import type { SecurityContext } from '../context.js';
import { DONE, failure, GOING_ON, SEC_E, type HandshakeSide, type Step } from '../mechanism.js';
import { mechList, OID, readSpnego, writeInit, writeResponse, type Spnego } from './token.js';

const REJECT = 2;

/** The client's side of SPNEGO (RFC 4178, [MS-SPNG]) around a mechanism. */
export class SpnegoInitiator implements HandshakeSide {
  private readonly mechanism: HandshakeSide;
  private readonly list = mechList([OID.ntlm]);
  /** The mechanism said its last; the server has a last word to say. */
  private finished = false;

  constructor(mechanism: HandshakeSide) {
    this.mechanism = mechanism;
  }

  get context(): SecurityContext | null {
    return this.mechanism.context;
  }

  step(token: Uint8Array | null): Step {
    if (token === null || token.length === 0) {
      const first = this.mechanism.step(null).token ?? new Uint8Array(0);
      return { token: writeInit([OID.ntlm], first), ...GOING_ON };
    }
    const response = readSpnego(token);
    if (response?.state === REJECT) return failure(SEC_E.logonDenied, 'the server refused the logon');
    return this.finished ? this.last(response) : this.next(response?.token ?? token);
  }

  private next(token: Uint8Array): Step {
    const { token: made, done, failed } = this.mechanism.step(token);
    if (failed !== null) return failure(failed.status, failed.message);
    this.finished = done;
    const mic = done ? (this.context?.fromClient.mic(this.list) ?? null) : null;
    return { token: writeResponse({ token: made, mic }), ...GOING_ON };
  }

  /** The last word of SPNEGO: accepted, perhaps with a mechListMIC of the server's. */
  private last(response: Spnego | null): Step {
    if (response?.mic != null && this.context?.fromServer.passMic(this.list, response.mic) === false)
      return failure(SEC_E.messageAltered, 'the mechListMIC of the server does not hold');
    return { token: null, ...DONE };
  }
}
