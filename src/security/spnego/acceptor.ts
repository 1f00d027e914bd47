import type { SecurityContext } from '../context.js';
import { DONE, failure, GOING_ON, SEC_E, type HandshakeSide, type Step } from '../mechanism.js';
import { isNtlm } from '../ntlm/messages.js';
import { mechanismOf, readSpnego, writeResponse, type Spnego } from './token.js';

/** negState (RFC 4178 4.2.2). */
const STATE = { completed: 0, incomplete: 1, reject: 2, requestMic: 3 } as const;

/** The mechanisms a server has; null: not this one. */
export interface Mechanisms {
  readonly ntlm: HandshakeSide | null;
  readonly kerberos: HandshakeSide | null;
}

/** The server's side of SPNEGO (RFC 4178, [MS-SPNG]) around its mechanisms; what is not wrapped goes to one bare. */
export class SpnegoAcceptor implements HandshakeSide {
  private readonly mechanisms: Mechanisms;
  private chosen: { readonly side: HandshakeSide; readonly oid: Uint8Array; readonly preferred: boolean } | null = null;
  private list: Uint8Array | null = null;
  private accepted: SecurityContext | null = null;

  constructor(mechanisms: Mechanisms) {
    this.mechanisms = mechanisms;
  }

  get context(): SecurityContext | null {
    return this.accepted;
  }

  step(token: Uint8Array | null): Step {
    const wrapped = token === null || isNtlm(token) ? null : readSpnego(token);
    if (token === null) return failure(SEC_E.invalidToken, 'the client sent no token');
    if (wrapped === null) return this.bare(token);
    if (wrapped.kind === 'response') return this.wrapped(wrapped);
    this.list = wrapped.list;
    const at = wrapped.mechanisms.findIndex((one) => one !== 'other' && this.mechanisms[one] !== null);
    const oid = wrapped.oids[at];
    const side = oid === undefined ? null : this.sideOf(oid);
    if (oid === undefined || side === null)
      return failure(SEC_E.invalidToken, 'the client offers no mechanism but ones that this server does not have');
    this.chosen = { side, oid, preferred: at === 0 || wrapped.mechanisms[0] === wrapped.mechanisms[at] };
    // The client prefers another mechanism: it has to begin again with ours, and to sign the list in the end.
    if (!this.chosen.preferred || wrapped.token === null)
      return { token: writeResponse({ state: STATE.requestMic, mechanism: oid }), ...GOING_ON };
    return this.wrapped(wrapped);
  }

  private sideOf(oid: Uint8Array): HandshakeSide | null {
    const mechanism = mechanismOf(oid);
    return mechanism === 'other' ? null : this.mechanisms[mechanism];
  }

  private bare(token: Uint8Array): Step {
    const side = isNtlm(token) ? this.mechanisms.ntlm : this.mechanisms.kerberos;
    if (side === null) return failure(SEC_E.invalidToken, 'the client uses a mechanism that this server does not have');
    const step = side.step(token);
    this.accepted = step.failed === null ? side.context : null;
    return step;
  }

  private wrapped({ token, mic }: Spnego): Step {
    if (this.chosen === null) return failure(SEC_E.invalidToken, 'the client begins in the middle of a negotiation');
    const { side, oid, preferred } = this.chosen;
    const { token: made, done, failed } = side.step(token);
    if (failed !== null) {
      const reject = made === null ? null : writeResponse({ state: STATE.reject, mechanism: oid, token: made });
      return failure(failed.status, failed.message, reject);
    }
    if (!done) return { token: writeResponse({ state: STATE.incomplete, mechanism: oid, token: made }), ...GOING_ON };
    const { context } = side;
    if (mic === null ? !preferred : context?.fromClient.passMic(this.list, mic) === false)
      return failure(
        SEC_E.messageAltered,
        'the mechListMIC of the client does not hold: the list of mechanisms was changed on the way',
      );
    this.accepted = context;
    const own = mic === null || this.list === null ? null : (context?.fromServer.mic(this.list) ?? null);
    const named = made === null ? {} : { mechanism: oid };
    return { token: writeResponse({ state: STATE.completed, ...named, token: made, mic: own }), ...DONE };
  }
}
