import type { SecurityContext } from '../context.js';
import { decrypt, etypeName, type Key } from './etypes.js';
import type { KeytabEntry } from './keytab.js';
import { md5 } from '../crypto.js';
import type { Secrets, SessionKey } from '../secrets.js';
import {
  isPart,
  readClient,
  readEncTicket,
  readSubkey,
  type ApReq,
  type ApRep,
  type EncTicketPart,
} from './messages.js';
import { kerberosContext } from './protector.js';

/** What an AP exchange showed. */
export interface KerberosFacts {
  readonly service: string;
  readonly realm: string;
  readonly ticketEtype: string;
  /** Null: the ticket is for a key nobody gave. */
  readonly ticket: EncTicketPart | null;
  /** A key of the keytab has the ticket's encryption type, and does not open it. */
  readonly refused: boolean;
  /** Who the client says it is, once its authenticator opened. */
  readonly client: { readonly name: string; readonly realm: string } | null;
}

/** Key usages of RFC 4120 7.5.1. */
const TICKET = 2;
const AUTHENTICATOR = 11;
const AP_REP = 12;

/** AP-REQ, AP-REP and, in the DCE style, a third leg of which nothing more is needed. */
export class KerberosExchange {
  private readonly secrets: Secrets;
  private sessionKey: Key | null = null;
  private principal = '';
  facts: KerberosFacts | null = null;
  context: SecurityContext | null = null;

  /** Key of the session that was opened, for a key log. */
  opened: SessionKey | null = null;

  constructor(secrets: Secrets) {
    this.secrets = secrets;
  }

  request(message: ApReq): void {
    const { ticket, authenticator } = message;
    const { etype, kvno, cipher } = ticket.data;
    const fitting = this.secrets.keytab.filter((one) => one.key.etype === etype).toSorted((a, b) => rank(b) - rank(a));
    let inside: EncTicketPart | null = null;
    for (const { key } of fitting) {
      const plain = decrypt(key, TICKET, cipher);
      inside = plain === null ? null : readEncTicket(plain);
      if (inside !== null) break;
    }
    this.facts = {
      service: ticket.service,
      realm: ticket.realm,
      ticketEtype: etypeName(etype),
      ticket: inside,
      refused: inside === null && fitting.length > 0,
      client: null,
    };
    this.context = null;
    const session = md5(cipher);
    const logged = inside === null ? this.secrets.keyOf('kerberos', session) : null;
    const key = inside?.key ?? (logged === null ? null : { etype: logged.etype, value: logged.key });
    if (key === null) return;
    const plain = decrypt(key, AUTHENTICATOR, authenticator.cipher);
    if (plain === null || !isPart(plain, 'authenticator')) return;
    const client = readClient(plain);
    this.principal = `${client.name}@${client.realm}`;
    this.facts = { ...this.facts, client };
    this.sessionKey = key;
    this.opened = { mechanism: 'kerberos', session, key: key.value, etype: key.etype };
    // Until the server answers with a subkey of its own.
    this.context = kerberosContext(readSubkey(plain, 'authenticator') ?? key, false, this.principal);

    function rank(one: KeytabEntry): number {
      return (
        (kvno !== null && one.kvno === kvno ? 1 : 0) +
        (one.principal.toLowerCase() === ticket.service.toLowerCase() ? 2 : 0)
      );
    }
  }

  reply(message: ApRep): void {
    const { sessionKey } = this;
    if (sessionKey === null) return;
    const plain = decrypt(sessionKey, AP_REP, message.data.cipher);
    if (plain === null || !isPart(plain, 'ap-rep')) return;
    const subkey = readSubkey(plain, 'ap-rep');
    if (subkey !== null) this.context = kerberosContext(subkey, true, this.principal);
  }
}
