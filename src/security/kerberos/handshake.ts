import type { HandshakeFacts, Opening } from '../facts.js';
import { decrypt, etypeName, type Key } from './etypes.js';
import type { KeytabEntry } from './keytab.js';
import { md5 } from '../crypto.js';
import type { Secrets, SessionKey } from '../secrets.js';
import {
  isGranting,
  isPart,
  readClient,
  readSubkey,
  type ApReq,
  type ApRep,
  type EncTicketPart,
  type Ticket,
} from './messages.js';
import { kerberosContext } from './protector.js';
import { fittingKeys, openTicket, type TicketStore } from './tickets.js';

/** Key usages of RFC 4120 7.5.1. */
const AUTHENTICATOR = 11;
const AP_REP = 12;

/** AP-REQ, AP-REP and, in the DCE style, a third leg of which nothing more is needed. */
export class KerberosExchange {
  private readonly secrets: Secrets;
  private readonly tickets: TicketStore;
  private sessionKey: Key | null = null;
  private principal = '';
  private opened: SessionKey | null = null;
  facts: HandshakeFacts | null = null;
  openings: readonly Opening[] = [];

  constructor(secrets: Secrets, tickets: TicketStore) {
    this.secrets = secrets;
    this.tickets = tickets;
  }

  push(message: ApReq | ApRep): void {
    if (message.kind === 'ap-req') this.request(message);
    else this.reply(message);
  }

  private request(message: ApReq): void {
    const { cipher } = message.ticket.data;
    const fitting = fittingKeys(this.secrets.keytab, message.ticket);
    const inside = openTicket(fitting, message.ticket);
    this.openings = [];
    const key = inside?.key ?? this.secrets.loggedTicket(cipher) ?? this.tickets.keyOf(cipher);
    const plain = key === null ? null : decrypt(key, AUTHENTICATOR, message.authenticator.cipher);
    const client = plain !== null && isPart(plain, 'authenticator') ? readClient(plain) : null;
    this.principal = client === null ? '' : `${client.name}@${client.realm}`;
    this.facts = this.factsOf(message.ticket, inside, client, {
      keyed: key !== null,
      refused: inside === null && fitting.some(isService),
    });
    if (key === null || plain === null || client === null) return;
    this.sessionKey = key;
    this.opened = { mechanism: 'kerberos', session: md5(cipher), key: key.value, etype: key.etype };
    // Until the server answers with a subkey of its own.
    this.open(readSubkey(plain, 'authenticator') ?? key, false);
  }

  private factsOf(
    ticket: Ticket,
    inside: EncTicketPart | null,
    client: { readonly name: string; readonly realm: string } | null,
    { keyed, refused }: { readonly keyed: boolean; readonly refused: boolean },
  ): HandshakeFacts {
    return {
      mechanism: 'kerberos',
      user: client?.name ?? '',
      domain: client?.realm ?? ticket.realm,
      workstation: '',
      principal: this.principal,
      target: ticket.service,
      flags: 0,
      time: null,
      version: null,
      ticket: {
        etype: etypeName(ticket.data.etype),
        realm: ticket.realm,
        authTime: inside?.authTime ?? null,
        endTime: inside?.endTime ?? null,
      },
      secret: secretOf(client !== null, refused),
      challenged: true,
      closed: keyed || !this.secrets.forKerberos ? null : (this.tickets.reasonOf(ticket.data.cipher) ?? UNSEEN),
      mic: null,
    };
  }

  private reply(message: ApRep): void {
    const { sessionKey } = this;
    if (sessionKey === null) return;
    const plain = decrypt(sessionKey, AP_REP, message.data.cipher);
    if (plain === null || !isPart(plain, 'ap-rep')) return;
    const subkey = readSubkey(plain, 'ap-rep');
    if (subkey !== null) this.open(subkey, true);
  }

  private open(key: Key, acceptorSubkey: boolean): void {
    if (this.opened === null) return;
    const context = kerberosContext(key, acceptorSubkey, this.principal);
    this.openings = [{ context, sessionKey: this.opened, contextKey: key.value }];
  }
}

/** Whether a key is a service's, whose names go by one account: `host/dc1`, `DC1$`. Those of users open AS exchanges. */
function isService({ principal }: KeytabEntry): boolean {
  return (principal.includes('/') && !isGranting(principal)) || principal.endsWith('$');
}

/** Nobody saw the ticket given out. */
const UNSEEN = { why: 'unseen', client: '', frame: 0 } as const;

function secretOf(proved: boolean, refused: boolean): HandshakeFacts['secret'] {
  if (proved) return 'proved';
  return refused ? 'refused' : 'unknown';
}
