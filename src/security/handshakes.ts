import { KerberosExchange } from './kerberos/handshake.js';
import { readKerberos } from './kerberos/messages.js';
import { NtlmExchange } from './ntlm/exchange.js';
import { isNtlm, readNtlm } from './ntlm/messages.js';
import type { SearchBudget } from './ntlm/watcher.js';
import type { HandshakeFacts, Opening } from './facts.js';
import type { TicketStore } from './kerberos/tickets.js';
import type { Secrets } from './secrets.js';
import { readSpnego } from './spnego/token.js';

/**
 * The legs of one security context, client and server side, as they go by; gives what opens it once it is established
 * and a secret fits.
 */
export class Handshake {
  private readonly kerberos: KerberosExchange;
  private readonly ntlm: NtlmExchange;
  /** MechTypeList of SPNEGO as the client sent it. */
  private offered: Uint8Array | null = null;
  facts: HandshakeFacts | null = null;
  /** What opens the context: one that is proved, several that may; empty where no secret fits. */
  openings: readonly Opening[] = [];

  constructor(secrets: Secrets, budget: SearchBudget, tickets: TicketStore) {
    this.kerberos = new KerberosExchange(secrets, tickets);
    this.ntlm = new NtlmExchange(secrets, budget);
  }

  /**
   * Takes the token of a bind, alter_context, auth3 or, with `answer`, of a server's answer; false when it is none of a
   * handshake. None of its bytes are kept.
   */
  push(token: Uint8Array, answer: boolean): boolean {
    const spnego = isNtlm(token) ? null : readSpnego(token);
    const known = this.inner(spnego?.token ?? token) || spnego !== null;
    this.offered = spnego?.list ?? this.offered;
    if (spnego?.mic != null) this.passMic(spnego.mic, answer);
    return known;
  }

  private inner(token: Uint8Array): boolean {
    const ntlm = readNtlm(token);
    if (ntlm !== null) {
      this.ntlm.push(ntlm, token);
      this.facts = this.ntlm.facts;
      this.openings = this.ntlm.openings;
      return true;
    }
    const kerberos = readKerberos(token);
    if (kerberos === null) return false;
    this.kerberos.push(kerberos);
    this.facts = this.kerberos.facts;
    this.openings = this.kerberos.openings;
    return true;
  }

  /** A mechListMIC is the first signature of a session: of several that may open it, those stay that it bears out. */
  private passMic(mic: Uint8Array, answer: boolean): void {
    const holding = this.openings.filter(({ context }) =>
      (answer ? context.fromServer : context.fromClient).passMic(this.offered, mic),
    );
    if (this.openings.length > 1 && holding.length > 0) this.openings = holding;
  }
}
