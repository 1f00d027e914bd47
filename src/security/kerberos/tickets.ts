import { toHex } from '../../bytes/hex.js';
import { md5 } from '../crypto.js';
import type { Credential } from './kdc.js';
import type { Key } from './etypes.js';

/** Tickets whose keys are known, or whose making was seen; docs/limits.md. */
export const MAX_TICKETS = 65_536;

/** Why the key of a ticket that a KDC gave out is not known. */
export type Closed =
  /** Its user's secret was not given. */
  | 'no-secret'
  /** The secrets given for its user do not open it. */
  | 'refused'
  /** The granting ticket's own key is not known. */
  | 'no-granting'
  /** Its user logged on with a certificate: no password is behind its key (RFC 4556). */
  | 'pkinit'
  /** Its exchange is armored (RFC 6113): the user's key alone does not open it. */
  | 'fast';

/** Session keys of tickets, by the tickets themselves: from credential caches, and from exchanges with KDCs. */
export class TicketStore {
  private readonly keys = new Map<string, Key>();
  private readonly closed = new Map<
    string,
    { readonly why: Closed; readonly client: string; readonly frame: number }
  >();

  constructor(credentials: readonly Credential[]) {
    for (const { ticket, key } of credentials) this.open(ticket.data.cipher, key);
  }

  open(cipher: Uint8Array, key: Key): void {
    const id = toHex(md5(cipher));
    this.closed.delete(id);
    if (this.keys.size < MAX_TICKETS) this.keys.set(id, key);
  }

  close(cipher: Uint8Array, why: Closed, client: string, frame: number): void {
    if (this.closed.size < MAX_TICKETS) this.closed.set(toHex(md5(cipher)), { why, client, frame });
  }

  keyOf(cipher: Uint8Array): Key | null {
    return this.keys.get(toHex(md5(cipher))) ?? null;
  }

  /** Why the key of a ticket that was given out is not known; null where nobody saw it given out. */
  reasonOf(cipher: Uint8Array): { readonly why: Closed; readonly client: string; readonly frame: number } | null {
    return this.closed.get(toHex(md5(cipher))) ?? null;
  }
}
