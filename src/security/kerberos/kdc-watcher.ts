import { derField } from '../der.js';
import type { Direction } from '../../types.js';
import type { Secrets } from '../secrets.js';
import { fieldsOf } from './asn1.js';
import { decrypt, type Key } from './etypes.js';
import { armorIn, armorOf, openFast, strengthened, type FastReply } from './fast.js';
import { readEncKdcPart, readKdcReply, readPaData, saltsIn, type KdcReply, type PaData } from './kdc.js';
import { isGranting, readKerberos, readSubkey, type Ticket } from './messages.js';
import { fittingKeys, openTicket, type Closed, type ClosedTicket, type TicketStore } from './tickets.js';

/** Longest message of a KDC that is read, and connections to KDCs followed at once; docs/limits.md. */
export const MAX_KDC_MESSAGE = 128 * 1024;
export const MAX_KDC_FLOWS = 4096;
/** Bytes of messages in the making that all of them may hold. */
export const MAX_KDC_HELD = 16 * 1024 * 1024;

/** Key usages of RFC 4120 7.5.1. */
const USAGE = { asReply: 3, tgsAuthenticator: 7, tgsReply: 8, tgsReplySubkey: 9, authenticator: 11 } as const;
/** Some KDCs use that of TGS-REPs for AS-REPs of RC4 (RFC 4120 3.1.5 leaves no doubt, practice does). */
const AS_USAGES: readonly number[] = [USAGE.asReply, USAGE.tgsReply];
const PA_TGS_REQ = 1;
const PA_PKINIT = 17;
const PA_FAST = 136;
const AS_REQ = 10;
const TGS_REQ = 12;
const AS_REP = 0x6b;
const TGS_REP = 0x6d;
const AS_REQUEST = 0x6a;
const TGS_REQUEST = 0x6c;

/** What a request for a ticket was made with. */
interface TicketRequest {
  /** Of the granting ticket; null in an AS-REQ, and where it is not known. */
  readonly sessionKey: Key | null;
  /** Of the authenticator of a TGS-REQ. */
  readonly subkey: Key | null;
  readonly armored: boolean;
  /** The key of its armor; null where it has none, or what made it is not known. */
  readonly armor: Key | null;
  /** Why the key of the granting ticket is not known, where that is known. */
  readonly closed: ClosedTicket | null;
}

const NOTHING: TicketRequest = { sessionKey: null, subkey: null, armored: false, armor: null, closed: null };

/** A message that is not whole yet: the first `size` bytes of a buffer that has room for more. */
interface Begun {
  bytes: Uint8Array;
  size: number;
}

interface KdcFlow {
  /** Of each direction; null: it is none of Kerberos. */
  readonly held: [Begun | null, Begun | null];
  request: TicketRequest | null;
}

const NO_BYTES = new Uint8Array(0);

/** Exchanges with KDCs that go by: opens with users' secrets what the tickets in them carry. */
export class KdcWatcher {
  private readonly secrets: Secrets;
  private readonly tickets: TicketStore;
  private readonly flows = new Map<number, KdcFlow>();
  private held = 0;

  constructor(secrets: Secrets, tickets: TicketStore) {
    this.secrets = secrets;
    this.tickets = tickets;
  }

  /** Bytes of a TCP connection to a KDC: messages with their lengths in front (RFC 4120 7.2.2). */
  push(flow: number, direction: Direction, bytes: Uint8Array, frame: number): void {
    const known = this.flow(flow);
    const begun = known.held[direction];
    if (begun === null) return;
    const all = begun.size === 0 ? bytes : this.added(begun, bytes);
    let at = 0;
    while (all.length - at >= 4) {
      const size = new DataView(all.buffer, all.byteOffset + at, 4).getUint32(0);
      if (size > MAX_KDC_MESSAGE) {
        this.hold(begun, NO_BYTES);
        known.held[direction] = null;
        return;
      }
      if (all.length - at < 4 + size) break;
      this.message(known, all.slice(at + 4, at + 4 + size), frame);
      at += 4 + size;
    }
    if (at > 0 || begun.size === 0) this.hold(begun, all.subarray(at));
    this.makeRoom(flow);
  }

  /** A beginning with more behind it, in the same buffer while there is room: each byte is copied a few times at most. */
  private added(begun: Begun, bytes: Uint8Array): Uint8Array {
    const size = begun.size + bytes.length;
    if (size > begun.bytes.length) {
      const larger = new Uint8Array(Math.max(size, begun.bytes.length * 2));
      larger.set(begun.bytes.subarray(0, begun.size));
      this.held += larger.length - begun.bytes.length;
      begun.bytes = larger;
    }
    begun.bytes.set(bytes, begun.size);
    begun.size = size;
    return begun.bytes.subarray(0, size);
  }

  private hold(begun: Begun, bytes: Uint8Array): void {
    this.held += bytes.length - begun.bytes.length;
    begun.bytes = bytes.slice();
    begun.size = bytes.length;
  }

  /** Past what may be held the connections seen first are forgotten. */
  private makeRoom(spared: number): void {
    if (this.held <= MAX_KDC_HELD) return;
    for (const id of this.flows.keys()) {
      if (id !== spared) this.end(id);
      if (this.held <= MAX_KDC_HELD) return;
    }
  }

  /** A datagram to a KDC or from one: one message (RFC 4120 7.2.1). */
  datagram(flow: number, bytes: Uint8Array, frame: number): void {
    if (bytes.length <= MAX_KDC_MESSAGE) this.message(this.flow(flow), bytes.slice(), frame);
  }

  end(flow: number): void {
    for (const one of this.flows.get(flow)?.held ?? []) this.held -= one?.bytes.length ?? 0;
    this.flows.delete(flow);
  }

  /** What it holds. */
  get load(): { readonly flows: number; readonly bytes: number } {
    return { flows: this.flows.size, bytes: this.held };
  }

  /** What is known of a flow. Nothing tells the end of datagrams: with too many flows the oldest is forgotten. */
  private flow(id: number): KdcFlow {
    const known = this.flows.get(id);
    if (known !== undefined) return known;
    if (this.flows.size >= MAX_KDC_FLOWS) {
      const [oldest] = this.flows.keys();
      if (oldest !== undefined) this.end(oldest);
    }
    const made: KdcFlow = {
      held: [
        { bytes: NO_BYTES, size: 0 },
        { bytes: NO_BYTES, size: 0 },
      ],
      request: null,
    };
    this.flows.set(id, made);
    return made;
  }

  private message(flow: KdcFlow, bytes: Uint8Array, frame: number): void {
    if (bytes[0] === AS_REQUEST) flow.request = this.userRequest(bytes);
    if (bytes[0] === TGS_REQUEST) flow.request = this.serviceRequest(bytes);
    const reply = bytes[0] === AS_REP || bytes[0] === TGS_REP ? readKdcReply(bytes) : null;
    if (reply === null) return;
    const request = flow.request ?? NOTHING;
    const key = reply.kind === 'as' ? this.ofUser(reply, request) : ofService(reply, request);
    const { cipher } = reply.ticket.data;
    if (typeof key !== 'string') this.tickets.open(cipher, key);
    // A ticket that another one was asked with stays closed for what closes that.
    else if (key === 'no-granting' && request.closed !== null) this.tickets.close(cipher, request.closed);
    else this.tickets.close(cipher, { why: key, client: `${reply.client}@${reply.clientRealm}`, frame });
  }

  /** The key in an AS-REP, by a secret of its user. */
  private ofUser(reply: KdcReply, request: TicketRequest): Key | Closed {
    const { client, clientRealm, data } = reply;
    const fast = fastOf(reply, request.armor);
    const inner = fast === null ? [] : readPaData(fast.padata);
    if ([...reply.padata, ...inner.map((one) => one.type)].includes(PA_PKINIT)) return 'pkinit';
    const info = [...saltsIn(inner), ...reply.salts].find((one) => one.etype === data.etype);
    const keys = this.secrets.userKeys(client, clientRealm, info ?? { etype: data.etype, salt: null, params: null });
    for (const own of keys) {
      const key = fast === null ? own : strengthened(fast, own);
      for (const usage of AS_USAGES) {
        const found = keyIn(reply, key, usage);
        if (found !== null) return found;
      }
    }
    if (reply.armored !== null && fast === null) return 'fast';
    return keys.length === 0 ? 'no-secret' : 'refused';
  }

  private userRequest(bytes: Uint8Array): TicketRequest {
    const fast = paDataOf(bytes, AS_REQ).find((one) => one.type === PA_FAST);
    if (fast === undefined) return NOTHING;
    const { sessionKey, subkey } = this.keysOf(armorIn(fast.value), USAGE.authenticator);
    const armor = sessionKey === null || subkey === null ? null : armorOf(sessionKey, subkey);
    return { ...NOTHING, armored: true, armor };
  }

  private serviceRequest(bytes: Uint8Array): TicketRequest {
    const padata = paDataOf(bytes, TGS_REQ);
    const own = padata.find((one) => one.type === PA_TGS_REQ);
    const { sessionKey, subkey, closed } = this.keysOf(own?.value ?? null, USAGE.tgsAuthenticator);
    const armor = sessionKey === null || subkey === null ? null : armorOf(sessionKey, subkey);
    return { sessionKey, subkey, armored: padata.some((one) => one.type === PA_FAST), armor, closed };
  }

  /** The keys of an AP-REQ to a KDC: of its ticket, and inside its authenticator. */
  private keysOf(bytes: Uint8Array | null, usage: number): Pick<TicketRequest, 'sessionKey' | 'subkey' | 'closed'> {
    const request = bytes === null ? null : readKerberos(bytes);
    if (request?.kind !== 'ap-req') return NOTHING;
    const { ticket, authenticator } = request;
    const { cipher } = ticket.data;
    const sessionKey = this.tickets.keyOf(cipher) ?? this.secrets.loggedTicket(cipher) ?? this.granted(ticket);
    const plain = sessionKey === null ? null : decrypt(sessionKey, usage, authenticator.cipher);
    const subkey = plain === null ? null : readSubkey(plain, 'authenticator');
    return { sessionKey, subkey, closed: this.tickets.reasonOf(cipher) };
  }

  /** The session key of a granting ticket, by a key of the KDC's own. */
  private granted(ticket: Ticket): Key | null {
    if (!isGranting(ticket.service)) return null;
    const keys = fittingKeys(this.secrets.keytab, ticket).filter((one) => isGranting(one.principal));
    return openTicket(keys, ticket)?.key ?? null;
  }
}

/** The PA-DATA of a request. */
function paDataOf(bytes: Uint8Array, number: number): readonly PaData[] {
  const fields = fieldsOf(bytes, number);
  return readPaData((fields === null ? null : derField(fields, 0xa3))?.content ?? new Uint8Array(0));
}

/** What an armored reply holds; null where it is not armored, or the armor's key is not known. */
function fastOf({ armored }: KdcReply, armor: Key | null): FastReply | null {
  return armor === null || armored === null ? null : openFast(armor, armored);
}

/** The key of the ticket in a reply that a key opens; null where it does not. */
function keyIn({ data }: KdcReply, key: Key | null, usage: number): Key | null {
  const plain = key === null ? null : decrypt(key, usage, data.cipher);
  return (plain === null ? null : readEncKdcPart(plain))?.key ?? null;
}

/** The key in a TGS-REP, by that of the granting ticket it was asked with. */
function ofService(reply: KdcReply, { sessionKey, subkey, armored, armor }: TicketRequest): Key | Closed {
  const fast = fastOf(reply, armor);
  const found =
    keyIn(reply, fast === null || subkey === null ? null : strengthened(fast, subkey), USAGE.tgsReplySubkey) ??
    keyIn(reply, subkey, USAGE.tgsReplySubkey) ??
    keyIn(reply, sessionKey, USAGE.tgsReply);
  if (found !== null) return found;
  return armored && sessionKey !== null ? 'fast' : 'no-granting';
}
