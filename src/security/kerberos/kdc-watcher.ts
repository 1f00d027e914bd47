import { derField, derList } from '../der.js';
import type { Direction } from '../../types.js';
import type { Secrets } from '../secrets.js';
import { fieldsOf, integerOf } from './asn1.js';
import { decrypt, type Key } from './etypes.js';
import { strengthened } from './fast.js';
import { readEncKdcPart, readKdcReply, type KdcReply } from './kdc.js';
import { readKerberos, readSubkey } from './messages.js';
import type { Closed, TicketStore } from './tickets.js';

/** Longest message of a KDC that is read, and connections to KDCs followed at once; docs/limits.md. */
export const MAX_KDC_MESSAGE = 128 * 1024;
export const MAX_KDC_FLOWS = 4096;

/** Key usages of RFC 4120 7.5.1. */
const USAGE = { asReply: 3, tgsAuthenticator: 7, tgsReply: 8, tgsReplySubkey: 9 } as const;
/** Some KDCs use that of TGS-REPs for AS-REPs of RC4 (RFC 4120 3.1.5 leaves no doubt, practice does). */
const AS_USAGES: readonly number[] = [USAGE.asReply, USAGE.tgsReply];
const PA_TGS_REQ = 1;
const PA_PKINIT = 17;
const PA_FAST = 136;
const TGS_REQ = 12;
const AS_REP = 0x6b;
const TGS_REP = 0x6d;
const TGS_REQUEST = 0x6c;

/** What a request for a service's ticket was made with. */
interface ServiceRequest {
  readonly sessionKey: Key | null;
  readonly subkey: Key | null;
  readonly armored: boolean;
}

interface KdcFlow {
  /** Bytes of each direction that make no whole message yet; null: it is none of Kerberos. */
  readonly held: [Uint8Array | null, Uint8Array | null];
  request: ServiceRequest | null;
}

/** Exchanges with KDCs that go by: opens with users' secrets what the tickets in them carry. */
export class KdcWatcher {
  private readonly secrets: Secrets;
  private readonly tickets: TicketStore;
  private readonly flows = new Map<number, KdcFlow>();

  constructor(secrets: Secrets, tickets: TicketStore) {
    this.secrets = secrets;
    this.tickets = tickets;
  }

  /** Bytes of a TCP connection to a KDC: messages with their lengths in front (RFC 4120 7.2.2). */
  push(flow: number, direction: Direction, bytes: Uint8Array, frame: number): void {
    const known = this.flow(flow);
    const held = known.held[direction];
    if (held === null) return;
    let all = new Uint8Array(held.length + bytes.length);
    all.set(held);
    all.set(bytes, held.length);
    while (all.length >= 4) {
      const size = new DataView(all.buffer, all.byteOffset, 4).getUint32(0);
      if (size > MAX_KDC_MESSAGE) {
        known.held[direction] = null;
        return;
      }
      if (all.length < 4 + size) break;
      this.message(known, all.slice(4, 4 + size), frame);
      all = all.slice(4 + size);
    }
    known.held[direction] = all;
  }

  /** A datagram to a KDC or from one: one message (RFC 4120 7.2.1). */
  datagram(flow: number, bytes: Uint8Array, frame: number): void {
    if (bytes.length <= MAX_KDC_MESSAGE) this.message(this.flow(flow), bytes.slice(), frame);
  }

  end(flow: number): void {
    this.flows.delete(flow);
  }

  /** What is known of a flow. Nothing tells the end of datagrams: with too many flows the oldest is forgotten. */
  private flow(id: number): KdcFlow {
    const known = this.flows.get(id);
    if (known !== undefined) return known;
    const [oldest] = this.flows.keys();
    if (this.flows.size >= MAX_KDC_FLOWS && oldest !== undefined) this.flows.delete(oldest);
    const made: KdcFlow = { held: [new Uint8Array(0), new Uint8Array(0)], request: null };
    this.flows.set(id, made);
    return made;
  }

  private message(flow: KdcFlow, bytes: Uint8Array, frame: number): void {
    if (bytes[0] === TGS_REQUEST) flow.request = this.serviceRequest(bytes);
    const reply = bytes[0] === AS_REP || bytes[0] === TGS_REP ? readKdcReply(bytes) : null;
    if (reply === null) return;
    const key = reply.kind === 'as' ? this.ofUser(reply) : this.ofService(reply, flow.request);
    const { cipher } = reply.ticket.data;
    if (typeof key === 'string') this.tickets.close(cipher, key, `${reply.client}@${reply.clientRealm}`, frame);
    else this.tickets.open(cipher, key);
  }

  /** The key in an AS-REP, by a secret of its user. */
  private ofUser({ client, clientRealm, data, salts, padata }: KdcReply): Key | Closed {
    if (padata.includes(PA_PKINIT)) return 'pkinit';
    const info = salts.find((one) => one.etype === data.etype) ?? { etype: data.etype, salt: null, params: null };
    const keys = this.secrets.userKeys(client, clientRealm, info);
    for (const key of keys)
      for (const usage of AS_USAGES) {
        const plain = decrypt(key, usage, data.cipher);
        const part = plain === null ? null : readEncKdcPart(plain);
        if (part !== null) return part.key;
      }
    if (padata.includes(PA_FAST)) return 'fast';
    return keys.length === 0 ? 'no-secret' : 'refused';
  }

  /** The key in a TGS-REP, by that of the granting ticket it was asked with. */
  private ofService({ data, armored: armor }: KdcReply, request: ServiceRequest | null): Key | Closed {
    const { sessionKey = null, subkey = null, armored = false } = request ?? {};
    const opens = sessionKey !== null && subkey !== null && armor !== null;
    for (const [key, usage] of [
      [opens ? strengthened(sessionKey, subkey, armor) : null, USAGE.tgsReplySubkey],
      [subkey, USAGE.tgsReplySubkey],
      [sessionKey, USAGE.tgsReply],
    ] as const) {
      const plain = key === null ? null : decrypt(key, usage, data.cipher);
      const part = plain === null ? null : readEncKdcPart(plain);
      if (part !== null) return part.key;
    }
    return armored && sessionKey !== null ? 'fast' : 'no-granting';
  }

  private serviceRequest(bytes: Uint8Array): ServiceRequest {
    const fields = fieldsOf(bytes, TGS_REQ);
    const padata = fields === null ? null : derField(fields, 0xa3);
    const nothing = { sessionKey: null, subkey: null, armored: false };
    if (padata === null) return nothing;
    const all = derList(padata.content).map((one) => ({
      type: integerOf(derField(one.content, 0xa1)),
      value: derField(one.content, 0xa2)?.content ?? new Uint8Array(0),
    }));
    const armored = all.some((one) => one.type === PA_FAST);
    const request = readKerberos(all.find((one) => one.type === PA_TGS_REQ)?.value ?? new Uint8Array(0));
    if (request?.kind !== 'ap-req') return { ...nothing, armored };
    const sessionKey =
      this.tickets.keyOf(request.ticket.data.cipher) ?? this.secrets.loggedTicket(request.ticket.data.cipher);
    const plain =
      sessionKey === null ? null : decrypt(sessionKey, USAGE.tgsAuthenticator, request.authenticator.cipher);
    return { sessionKey, subkey: plain === null ? null : readSubkey(plain, 'authenticator'), armored };
  }
}
