import type { HandshakeFacts, Opening } from '../facts.js';
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

/** Key usages of RFC 4120 7.5.1. */
const TICKET = 2;
const AUTHENTICATOR = 11;
const AP_REP = 12;

/** AP-REQ, AP-REP and, in the DCE style, a third leg of which nothing more is needed. */
export class KerberosExchange {
  private readonly secrets: Secrets;
  private sessionKey: Key | null = null;
  private principal = '';
  private opened: SessionKey | null = null;
  facts: HandshakeFacts | null = null;
  openings: readonly Opening[] = [];

  constructor(secrets: Secrets) {
    this.secrets = secrets;
  }

  push(message: ApReq | ApRep): void {
    if (message.kind === 'ap-req') this.request(message);
    else this.reply(message);
  }

  private request({ ticket, authenticator }: ApReq): void {
    const { etype, kvno, cipher } = ticket.data;
    const fitting = this.secrets.keytab.filter((one) => one.key.etype === etype).toSorted((a, b) => rank(b) - rank(a));
    let inside: EncTicketPart | null = null;
    for (const { key } of fitting) {
      const plain = decrypt(key, TICKET, cipher);
      inside = plain === null ? null : readEncTicket(plain);
      if (inside !== null) break;
    }
    this.openings = [];
    const session = md5(cipher);
    const logged = inside === null ? this.secrets.keyOf('kerberos', session) : null;
    const key = inside?.key ?? (logged === null ? null : { etype: logged.etype, value: logged.key });
    const plain = key === null ? null : decrypt(key, AUTHENTICATOR, authenticator.cipher);
    const client = plain !== null && isPart(plain, 'authenticator') ? readClient(plain) : null;
    this.principal = client === null ? '' : `${client.name}@${client.realm}`;
    this.facts = {
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
        etype: etypeName(etype),
        realm: ticket.realm,
        authTime: inside?.authTime ?? null,
        endTime: inside?.endTime ?? null,
      },
      secret: secretOf(client !== null, inside === null && fitting.length > 0),
      challenged: true,
      mic: null,
    };
    if (key === null || plain === null || client === null) return;
    this.sessionKey = key;
    this.opened = { mechanism: 'kerberos', session, key: key.value, etype: key.etype };
    // Until the server answers with a subkey of its own.
    this.open(readSubkey(plain, 'authenticator') ?? key, false);

    function rank(one: KeytabEntry): number {
      return (
        (kvno !== null && one.kvno === kvno ? 1 : 0) +
        (one.principal.toLowerCase() === ticket.service.toLowerCase() ? 2 : 0)
      );
    }
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
    this.openings = [{ context: kerberosContext(key, acceptorSubkey, this.principal), sessionKey: this.opened }];
  }
}

function secretOf(proved: boolean, refused: boolean): HandshakeFacts['secret'] {
  if (proved) return 'proved';
  return refused ? 'refused' : 'unknown';
}
