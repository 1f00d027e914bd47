import type { SecurityContext } from '../context.js';
import { DONE, failure, GOING_ON, SEC_E, type HandshakeSide, type Step } from '../mechanism.js';
import { OID, readSpnego, writeResponse, type Spnego } from './token.js';

/** negState (RFC 4178 4.2.2). */
const STATE = { completed: 0, incomplete: 1, requestMic: 3 } as const;

/** The server's side of SPNEGO (RFC 4178, [MS-SPNG]) around a mechanism; what is not wrapped goes to it bare. */
export class SpnegoAcceptor implements HandshakeSide {
  private readonly mechanism: HandshakeSide;
  private list: Uint8Array | null = null;
  private accepted: SecurityContext | null = null;

  constructor(mechanism: HandshakeSide) {
    this.mechanism = mechanism;
  }

  get context(): SecurityContext | null {
    return this.accepted;
  }

  step(token: Uint8Array | null): Step {
    const wrapped = token === null ? null : readSpnego(token);
    if (wrapped === null) {
      const step = this.mechanism.step(token);
      this.accepted = step.failed === null ? this.mechanism.context : null;
      return step;
    }
    this.list ??= wrapped.list;
    if (wrapped.kind === 'init' && wrapped.mechanisms[0] !== 'ntlm') {
      // The client prefers another mechanism: it has to begin again with ours.
      if (!wrapped.mechanisms.includes('ntlm'))
        return failure(SEC_E.invalidToken, 'the client offers no mechanism but ones that this server does not have');
      return { token: writeResponse({ state: STATE.requestMic, mechanism: OID.ntlm }), ...GOING_ON };
    }
    return this.wrapped(wrapped);
  }

  private wrapped({ token, mic }: Spnego): Step {
    const { token: made, done, failed } = this.mechanism.step(token);
    if (failed !== null) return failure(failed.status, failed.message);
    if (!done)
      return { token: writeResponse({ state: STATE.incomplete, mechanism: OID.ntlm, token: made }), ...GOING_ON };
    const { context } = this.mechanism;
    if (mic !== null && context?.fromClient.passMic(this.list, mic) === false)
      return failure(
        SEC_E.messageAltered,
        'the mechListMIC of the client does not hold: the list of mechanisms was changed on the way',
      );
    this.accepted = context;
    const own = mic === null || this.list === null ? null : (context?.fromServer.mic(this.list) ?? null);
    return { token: writeResponse({ state: STATE.completed, mic: own }), ...DONE };
  }
}
