import type { SecurityContext } from '../context.js';
import { DONE, failure, GOING_ON, SEC_E, type HandshakeSide, type Step } from '../mechanism.js';
import { mechList, OID, readSpnego, writeInit, writeResponse, type Spnego } from './token.js';

const REJECT = 2;
/** Kerberos is offered under Microsoft's number too, as Windows does ([MS-SPNG] 3.2.5.1). */
const OFFERS = { ntlm: [OID.ntlm], kerberos: [OID.kerberosOld, OID.kerberos] } as const;

/**
 * The client's side of SPNEGO (RFC 4178, [MS-SPNG]) around a mechanism. The list of mechanisms is signed always, as
 * Windows does and Samba wants it.
 */
export class SpnegoInitiator implements HandshakeSide {
  private readonly mechanism: HandshakeSide;
  private readonly offers: readonly Uint8Array[];
  private readonly list: Uint8Array;
  /** The mechanism said its last; the server has a last word to say. */
  private finished = false;

  constructor(mechanism: HandshakeSide, kind: 'ntlm' | 'kerberos' = 'ntlm') {
    this.mechanism = mechanism;
    this.offers = OFFERS[kind];
    this.list = mechList(this.offers);
  }

  get context(): SecurityContext | null {
    return this.mechanism.context;
  }

  step(token: Uint8Array | null): Step {
    if (token === null || token.length === 0) {
      const first = this.mechanism.step(null).token ?? new Uint8Array(0);
      return { token: writeInit(this.offers, first), ...GOING_ON };
    }
    const response = readSpnego(token);
    if (response?.state === REJECT && response.token === null)
      return failure(SEC_E.logonDenied, 'the server refused the logon');
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
