import { createHash } from 'node:crypto';
import { toHex } from '../../bytes/hex.js';
import { derField } from '../der.js';
import type { SecurityContext } from '../context.js';
import { DONE, failure, GOING_ON, SEC_E, type HandshakeSide, type Random, type Step } from '../mechanism.js';
import { fieldsOf, integerOf, textOf, timeOf } from './asn1.js';
import { kerberosErrorWords, writeKrbError } from './errors.js';
import { decrypt, isKnown, type Key } from './etypes.js';
import { GSS, GSS_CHECKSUM, replyOf } from './initiator.js';
import type { KeytabEntry } from './keytab.js';
import { randomKey } from './keys.js';
import {
  framed,
  isFramed,
  name,
  readEncTicket,
  readKerberos,
  readKey,
  type ApReq,
  type EncTicketPart,
} from './messages.js';
import { kerberosContext } from './protector.js';

/** By how much clocks may differ (RFC 4120 3.2.3), in ms. */
export const MAX_SKEW_MS = 5 * 60 * 1000;
/** Authenticators remembered at once; past it the oldest go. docs/limits.md */
export const MAX_REPLAYS = 65_536;

/** Key usages of RFC 4120 7.5.1. */
const TICKET = 2;
const AUTHENTICATOR = 11;
const AP_REP = 12;
/** Codes of RFC 4120 7.5.9. */
const ERROR = {
  etype: 14,
  integrity: 31,
  expired: 32,
  notYet: 33,
  repeat: 34,
  notUs: 35,
  badMatch: 36,
  skew: 37,
  keyVersion: 44,
  noKey: 45,
  checksum: 50,
  policy: 12,
} as const;

/** Authenticators that were taken, for as long as their time is believed (RFC 4120 3.2.3). One for a server. */
export class ReplayCache {
  private readonly seen = new Map<string, number>();

  /** False for one that was taken before. */
  take(cipher: Uint8Array, nowMs: number): boolean {
    for (const [known, at] of this.seen) {
      if (nowMs - at <= 2 * MAX_SKEW_MS && this.seen.size < MAX_REPLAYS) break;
      this.seen.delete(known);
    }
    const id = toHex(createHash('sha256').update(cipher).digest());
    if (this.seen.has(id)) return false;
    this.seen.set(id, nowMs);
    return true;
  }
}

export interface KerberosAcceptorOptions {
  readonly keytab: readonly KeytabEntry[];
  readonly replays: ReplayCache;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether a client may sign in: `alice@CONTOSO.TEST`. */
  readonly allows: (principal: string) => boolean;
}

/** The server's side: a ticket for a key of the keytab, proved fresh by its authenticator (RFC 4120 3.2.3). */
export class KerberosAcceptor implements HandshakeSide {
  private readonly options: KerberosAcceptorOptions;
  private pending: { readonly key: Key; readonly number: number; readonly context: SecurityContext } | null = null;
  context: SecurityContext | null = null;

  constructor(options: KerberosAcceptorOptions) {
    this.options = options;
  }

  step(token: Uint8Array | null): Step {
    const message = token === null ? null : readKerberos(token);
    if (message === null || token === null) return failure(SEC_E.invalidToken, 'the token is no Kerberos message');
    if (message.kind === 'ap-rep') return this.third(message.data.cipher);
    return this.request(message, isFramed(token));
  }

  private request(message: ApReq, wrapped: boolean): Step {
    const { ticket, authenticator } = message;
    const now = this.options.now();
    const refuse = (code: number): Step => {
      const error = writeKrbError(code, now, ticket.realm, ticket.service.split('/'));
      const why = `the ticket for ${ticket.service} is refused: ${kerberosErrorWords(code)}`;
      return failure(SEC_E.logonDenied, why, wrapped ? framed(0x0300, error) : error);
    };
    const inside = this.opened(message);
    if (typeof inside === 'number') return refuse(inside);
    const plain = decrypt(inside.key, AUTHENTICATOR, authenticator.cipher);
    const fields = plain === null ? null : fieldsOf(plain, 2);
    if (fields === null) return refuse(ERROR.integrity);
    const client = { name: name(derField(fields, 0xa2)), realm: textOf(derField(fields, 0xa1)) };
    if (client.name !== inside.client || client.realm !== inside.realm) return refuse(ERROR.badMatch);
    const [ctime, cusec] = [timeOf(textOf(derField(fields, 0xa5))), integerOf(derField(fields, 0xa4)) ?? 0];
    const code = this.timely(inside, ctime, now);
    if (code !== null || ctime === null) return refuse(code ?? ERROR.skew);
    if (!this.options.replays.take(authenticator.cipher, now)) return refuse(ERROR.repeat);
    const flags = gssFlags(fields);
    if (flags === null) return refuse(ERROR.checksum);
    const principal = `${client.name}@${client.realm}`;
    if (!this.options.allows(principal)) return refuse(ERROR.policy);
    return this.accepted(inside, { fields, principal, dceStyle: (flags & GSS.dceStyle) !== 0, wrapped, ctime, cusec });
  }

  private accepted(
    { key }: EncTicketPart,
    client: {
      readonly fields: Uint8Array;
      readonly principal: string;
      readonly dceStyle: boolean;
      readonly wrapped: boolean;
      readonly ctime: number;
      readonly cusec: number;
    },
  ): Step {
    const { random } = this.options;
    const theirs = readKey(derField(client.fields, 0xa6));
    const clientNumber = (integerOf(derField(client.fields, 0xa7)) ?? 0) >>> 0;
    const subkey = randomKey((theirs ?? key).etype, random);
    const bytes = random(4);
    const number = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) & 0x3fff_ffff;
    const context = kerberosContext(subkey, true, client.principal, { random, clientNumber, serverNumber: number });
    const reply = replyOf(key, { time: client.ctime + client.cusec / 1000, subkey, number }, random);
    // In the DCE style nothing is framed, though some clients (impacket) frame their request.
    if (client.dceStyle) {
      this.pending = { key, number, context };
      return { token: reply, ...GOING_ON };
    }
    this.context = context;
    return { token: client.wrapped ? framed(0x0200, reply) : reply, ...DONE };
  }

  /** The ticket's inside, or the code of what is wrong with it. */
  private opened({ ticket }: ApReq): EncTicketPart | number {
    const { etype, kvno, cipher } = ticket.data;
    if (!isKnown(etype)) return ERROR.etype;
    const { keytab } = this.options;
    const ofService = keytab.filter((one) => one.principal.toLowerCase() === ticket.service.toLowerCase());
    if (ofService.length === 0) return ERROR.notUs;
    const fitting = ofService.filter((one) => one.key.etype === etype);
    if (fitting.length === 0) return ERROR.noKey;
    const versions = fitting.filter((one) => kvno === null || one.kvno === kvno);
    for (const { key } of versions.length === 0 ? fitting : versions) {
      const plain = decrypt(key, TICKET, cipher);
      const inside = plain === null ? null : readEncTicket(plain);
      if (inside !== null) return inside;
    }
    return versions.length === 0 ? ERROR.keyVersion : ERROR.integrity;
  }

  private timely({ authTime, startTime, endTime }: EncTicketPart, ctime: number | null, now: number): number | null {
    if (ctime === null || Math.abs(ctime - now) > MAX_SKEW_MS) return ERROR.skew;
    const begins = timeOf(startTime ?? authTime ?? '');
    const ends = timeOf(endTime ?? '');
    if (begins !== null && begins - now > MAX_SKEW_MS) return ERROR.notYet;
    return ends === null || now - ends > MAX_SKEW_MS ? ERROR.expired : null;
  }

  /** The third leg of the DCE style: the client read our number, so it has the key. */
  private third(cipher: Uint8Array): Step {
    const { pending } = this;
    const plain = pending === null ? null : decrypt(pending.key, AP_REP, cipher);
    const fields = plain === null ? null : fieldsOf(plain, 27);
    const number = fields === null ? null : integerOf(derField(fields, 0xa3));
    if (pending === null || number === null || number >>> 0 !== pending.number)
      return failure(SEC_E.invalidToken, 'the third leg of the client does not answer the second');
    this.context = pending.context;
    return { token: null, ...DONE };
  }
}

/** Flags of GSS-API in the authenticator's checksum; null where it is of another kind. */
function gssFlags(fields: Uint8Array): number | null {
  const sum = derField(fields, 0xa3);
  const type = sum === null ? null : integerOf(derField(sum.content, 0xa0));
  const value = sum === null ? null : derField(sum.content, 0xa1);
  if (type !== GSS_CHECKSUM || value === null || value.content.length < 24) return null;
  return new DataView(value.content.buffer, value.content.byteOffset).getUint32(20, true);
}
