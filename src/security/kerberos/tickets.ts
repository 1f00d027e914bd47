import { toHex } from '../../bytes/hex.js';
import { md5 } from '../crypto.js';
import { decrypt, type Key } from './etypes.js';
import type { Credential } from './kdc.js';
import type { KeytabEntry } from './keytab.js';
import { readEncTicket, type EncTicketPart, type Ticket } from './messages.js';

/** Key usage of what a service opens (RFC 4120 7.5.1). */
const TICKET = 2;

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

/** What is known of a ticket whose key is not. */
export interface ClosedTicket {
  readonly why: Closed;
  /** Whose it is, as `name@REALM`. */
  readonly client: string;
  /** Frame of the exchange that stayed closed: that of the granting ticket, where it was asked with one. */
  readonly frame: number;
}

/** Keys of a keytab that may be a ticket's service's, likeliest first. */
export function fittingKeys(keytab: readonly KeytabEntry[], { service, data }: Ticket): readonly KeytabEntry[] {
  const rank = (one: KeytabEntry): number =>
    (data.kvno !== null && one.kvno === data.kvno ? 1 : 0) +
    (one.principal.toLowerCase() === service.toLowerCase() ? 2 : 0);
  return keytab.filter((one) => one.key.etype === data.etype).toSorted((a, b) => rank(b) - rank(a));
}

/** What a ticket holds, by the first of some keys that opens it; null where none does. */
export function openTicket(keys: readonly KeytabEntry[], { data }: Ticket): EncTicketPart | null {
  for (const { key } of keys) {
    const plain = decrypt(key, TICKET, data.cipher);
    const inside = plain === null ? null : readEncTicket(plain);
    if (inside !== null) return inside;
  }
  return null;
}

/** Session keys of tickets, by the tickets themselves: from credential caches, and from exchanges with KDCs. */
export class TicketStore {
  private readonly keys = new Map<string, Key>();
  private readonly closed = new Map<string, ClosedTicket>();

  constructor(credentials: readonly Credential[]) {
    for (const { ticket, key } of credentials) this.open(ticket.data.cipher, key);
  }

  open(cipher: Uint8Array, key: Key): void {
    const id = toHex(md5(cipher));
    this.closed.delete(id);
    if (this.keys.size < MAX_TICKETS) this.keys.set(id, key);
  }

  close(cipher: Uint8Array, reason: ClosedTicket): void {
    if (this.closed.size < MAX_TICKETS) this.closed.set(toHex(md5(cipher)), reason);
  }

  keyOf(cipher: Uint8Array): Key | null {
    return this.keys.size === 0 ? null : (this.keys.get(toHex(md5(cipher))) ?? null);
  }

  /** Why the key of a ticket that was given out is not known; null where nobody saw it given out. */
  reasonOf(cipher: Uint8Array): ClosedTicket | null {
    return this.closed.get(toHex(md5(cipher))) ?? null;
  }
}
