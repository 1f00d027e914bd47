import { LITTLE_ENDIAN } from '../../rpc/header.js';
import { MAX_PDU } from '../../rpc/limits.js';
import type { AuthLevel, Drep, SyntaxId, TransferSyntax } from '../../types.js';
import {
  encodeAlterContext,
  encodeAuth3,
  encodeBare,
  encodeBind,
  encodeRequestFragments,
  type AuthPart,
} from '../../rpc/encode.js';
import { nakReasonName } from '../../rpc/bind.js';
import { RESULT, NDR20, NDR64 } from '../../rpc/syntax.js';
import { PFC } from '../../rpc/header.js';
import { LEVEL } from '../../rpc/auth.js';
import type { BindAckPdu, Pdu } from '../../rpc/pdu.js';
import type { HandshakeSide } from '../../security/mechanism.js';
import { protectPdu } from '../../security/pdu.js';
import type { Share } from '../budget.js';
import { Gatherer, openStub, PduBuffer, type Received } from './pdus.js';

/** How a client proves who it is. */
export interface ClientAuth {
  /** auth_type ([MS-RPCE] 2.2.1.1.7). */
  readonly type: number;
  readonly level: AuthLevel;
  readonly handshake: HandshakeSide;
  /** Faults without a signature are believed although the session has signatures: some servers (Samba) sign none. */
  readonly unsignedFaults?: boolean;
}

/** A call to be made. */
export interface LinkCall {
  readonly abstract: SyntaxId;
  readonly transfer: TransferSyntax;
  readonly opnum: number;
  readonly object: string | null;
  readonly stub: Uint8Array;
  readonly drep: Drep;
}

/**
 * Why a call got no answer: `refused`: nobody listens, or the server takes no such bind or interface; `denied`: it
 * refused the credentials; `lost`: the connection ended; `malformed`: the server broke the protocol; `timed-out`:
 * nothing came in time.
 */
export type LinkFailure = 'refused' | 'denied' | 'lost' | 'malformed' | 'timed-out';

/** Bytes of a token that fit into a PDU beside its header, one context and the trailer. */
const MAX_LEG = MAX_PDU - 512;

/** What became of a call. */
export type LinkAnswer =
  | {
      readonly kind: 'response';
      readonly stub: Uint8Array;
      readonly drep: Drep;
      readonly contextId: number;
      readonly callId: number;
    }
  /** `unproved`: the server has answered nothing yet that shows that it took the credentials. */
  | {
      readonly kind: 'fault';
      readonly status: number;
      readonly didNotExecute: boolean;
      readonly contextId: number;
      readonly callId: number;
      readonly unproved: boolean;
    }
  | { readonly kind: 'failed'; readonly cause: LinkFailure; readonly message: string };

const FRAGMENT = 5840;
/** ERROR_ACCESS_DENIED and RPC_S_SEC_PKG_ERROR. */
const DENIED: readonly number[] = [5, 0x721];
/** provider_reject_reason of a bind_nak that means the credentials ([MS-RPCE] 2.2.2.5). */
const NAK_OF_CREDENTIALS: readonly number[] = [8, 9];
/** p_provider_reason_t ([C706] 12.6.3.1) in words. */
const REJECTIONS: readonly string[] = [
  'without a reason',
  'it does not serve the interface',
  'it takes none of the transfer syntaxes',
  'it has no room for another',
];

interface Waiting {
  readonly call: LinkCall;
  readonly done: (answer: LinkAnswer) => void;
}

interface Context {
  readonly id: number;
  state: 'proposed' | 'accepted' | 'refused';
  /** Why it was refused. */
  refusal: { readonly cause: LinkFailure; readonly message: string } | null;
}

/**
 * The client's side of one connection: binds, authenticates, negotiates contexts as calls need them, sends calls and
 * hands their answers out. Pure: bytes go to `send` and come by {@link push}; no clock, no socket.
 */
export class ClientLink {
  private readonly send: (bytes: Uint8Array) => void;
  private readonly auth: ClientAuth | null;
  private readonly buffer = new PduBuffer();
  private readonly gatherer = new Gatherer();
  private readonly contexts = new Map<string, Context>();
  private readonly pending = new Map<number, Waiting & { readonly contextId: number }>();
  private waiting: Waiting[] = [];
  private state: 'new' | 'binding' | 'ready' | 'altering' | 'dead' = 'new';
  private proposed: string | null = null;
  /** Call id of the bind or alter_context that has no answer yet. */
  private negotiating = 0;
  private callId = 1;
  private maxFragment = FRAGMENT;
  private headerSigning = false;
  private proved = false;
  private over: { readonly cause: LinkFailure; readonly message: string } = { cause: 'lost', message: '' };

  /** What the connection may hold, of what all of them may. */
  private readonly share: Share | null;
  /** What of the share is this link's. */
  private charged = 0;

  constructor(send: (bytes: Uint8Array) => void, auth: ClientAuth | null, share: Share | null = null) {
    this.send = send;
    this.auth = auth;
    this.share = share;
  }

  /** Calls that have no answer yet. */
  get outstanding(): number {
    return this.pending.size + this.waiting.length;
  }

  /** Why the connection is over; null while it is not. */
  get failure(): LinkFailure | null {
    return this.state === 'dead' ? this.over.cause : null;
  }

  /** Makes a call; the function it returns gives it up: its answer is not waited for any more. */
  call(call: LinkCall, done: (answer: LinkAnswer) => void): () => void {
    if (this.state === 'dead') {
      done({ kind: 'failed', ...this.over });
      return () => undefined;
    }
    const waiting = { call, done };
    this.waiting.push(waiting);
    this.proceed();
    return () => this.abandon(done);
  }

  /** Bytes came from the server. */
  push(bytes: Uint8Array): void {
    if (this.state === 'dead') return;
    const received = this.buffer.push(bytes);
    if (received === null) {
      this.close('the server sent bytes that are no RPC PDU', 'malformed');
      return;
    }
    for (const one of received) this.take(one);
    this.charge();
  }

  /** Tells what is held now. */
  private charge(): void {
    const held = this.buffer.waiting + this.gatherer.room;
    const by = held - this.charged;
    this.charged = held;
    if (by !== 0) this.share?.take(by);
  }

  /** The connection is over: all calls without an answer fail. */
  close(message: string, cause: LinkFailure = 'lost'): void {
    if (this.state === 'dead') return;
    this.state = 'dead';
    this.over = { cause, message };
    const open = [...this.pending.values(), ...this.waiting];
    this.pending.clear();
    this.waiting = [];
    for (const { done } of open) done({ kind: 'failed', cause, message });
  }

  private abandon(done: Waiting['done']): void {
    this.waiting = this.waiting.filter((one) => one.done !== done);
    for (const [callId, one] of this.pending) {
      if (one.done !== done) continue;
      this.pending.delete(callId);
      if (this.state !== 'dead') this.send(encodeBare('orphaned', { callId, drep: LITTLE_ENDIAN }));
    }
  }

  private proceed(): void {
    if (this.state !== 'new' && this.state !== 'ready') return;
    while (this.waiting.length > 0) {
      const [next] = this.waiting;
      if (next === undefined) return;
      const key = keyOf(next.call);
      const context = this.contexts.get(key);
      if (context === undefined) {
        this.propose(key, next.call);
        return;
      }
      if (context.state === 'proposed') return;
      this.waiting.shift();
      if (context.refusal !== null) next.done({ kind: 'failed', ...context.refusal });
      else this.request(next, context.id);
    }
  }

  private propose(key: string, { abstract, transfer }: LinkCall): void {
    const id = this.contexts.size;
    this.contexts.set(key, { id, state: 'proposed', refusal: null });
    this.proposed = key;
    const first = this.state === 'new';
    this.state = first ? 'binding' : 'altering';
    this.negotiating = ++this.callId;
    const proposal = { id, abstract, transfers: [transfer === 'ndr64' ? NDR64 : NDR20] };
    if (!first) {
      this.send(encodeAlterContext({ callId: this.negotiating, contexts: [proposal], drep: LITTLE_ENDIAN }));
      return;
    }
    const token = this.auth?.handshake.step(null).token ?? null;
    if (token !== null && this.isTooLong(token)) return;
    this.send(
      encodeBind({
        callId: this.negotiating,
        contexts: [proposal],
        drep: LITTLE_ENDIAN,
        auth: token === null ? null : this.part(token),
        flags: PFC.first | PFC.last | PFC.concMpx | (this.auth === null ? 0 : PFC.headerSign),
      }),
    );
  }

  /** A ticket or target information can be longer than any PDU, if whoever made it is not what it should be. */
  private isTooLong(token: Uint8Array): boolean {
    if (token.length <= MAX_LEG) return false;
    this.close(
      `the token of the logon has ${token.length} bytes, and the ${MAX_LEG} that fit into a PDU are fewer`,
      'malformed',
    );
    return true;
  }

  private part(token: Uint8Array): AuthPart | null {
    return this.auth === null
      ? null
      : { type: this.auth.type, level: levelOf(this.auth), contextId: 1, token, align: 4 };
  }

  private request(waiting: Waiting, contextId: number): void {
    const { call } = waiting;
    const callId = ++this.callId;
    this.pending.set(callId, { ...waiting, contextId });
    const protector = this.protects() ? (this.auth?.handshake.context?.fromClient ?? null) : null;
    const auth =
      protector === null ? null : this.part(new Uint8Array(protector.tokenLength(this.level === LEVEL.privacy)));
    const fields = {
      callId,
      contextId,
      opnum: call.opnum,
      object: call.object,
      stub: call.stub,
      drep: call.drep,
      auth: auth === null ? null : { ...auth, align: 16 },
    };
    for (const pdu of encodeRequestFragments(fields, this.maxFragment)) {
      if (protector !== null) protectPdu(pdu, protector, this.headerSigning);
      this.send(pdu);
    }
  }

  private get level(): number {
    return this.auth === null ? LEVEL.none : levelOf(this.auth);
  }

  /** Above connect level every PDU carries a token. */
  private protects(): boolean {
    return this.level > LEVEL.connect;
  }

  private take(received: Received): void {
    const { pdu } = received;
    switch (pdu.kind) {
      case 'bind_ack':
      case 'alter_context_resp':
        if (this.state === 'binding' || this.state === 'altering') this.negotiated(pdu);
        return;
      case 'bind_nak':
        if (NAK_OF_CREDENTIALS.includes(pdu.reason))
          this.close(
            `the server refused the credentials, or does not know the way of authenticating (bind_nak: ${nakReasonName(pdu.reason)})`,
            'denied',
          );
        else this.close(`the server refused the bind (${nakReasonName(pdu.reason)})`, 'refused');
        return;
      case 'fault':
        if (pdu.callId === this.negotiating && (this.state === 'binding' || this.state === 'altering'))
          this.unnegotiated(pdu.status);
        else this.answer(received);
        return;
      case 'response':
        this.answer(received);
        return;
      case 'shutdown':
        if (this.pending.size === 0) this.close('the server asked to close the connection');
        return;
      default:
    }
  }

  /** A bind or alter_context was answered: what became of the context, and the next leg of the handshake. */
  private negotiated(pdu: BindAckPdu): void {
    if (pdu.kind === 'bind_ack') {
      this.maxFragment = Math.max(256, Math.min(pdu.maxRecv === 0 ? FRAGMENT : pdu.maxRecv, FRAGMENT));
      this.headerSigning = (pdu.flags & PFC.headerSign) !== 0;
    }
    const [result] = pdu.results;
    const context = this.proposed === null ? undefined : this.contexts.get(this.proposed);
    if (this.proposed !== null && context !== undefined) {
      if (result?.result === RESULT.acceptance) context.state = 'accepted';
      else
        refuse(
          context,
          'refused',
          `the server refused the presentation context of interface ${this.proposed.slice(0, 36)}: ${REJECTIONS[result?.reason ?? 0] ?? `reason ${result?.reason}`}`,
        );
      this.proposed = null;
    }
    if (!this.authenticate(tokenOf(pdu), pdu.kind === 'bind_ack')) return;
    this.state = 'ready';
    this.proceed();
  }

  /** A fault came in the place of a bind_ack or alter_context_resp ([MS-RPCE] 3.3.1.5.4). */
  private unnegotiated(status: number): void {
    const message = `the server answered the negotiation of a context with a fault (status 0x${status.toString(16).padStart(8, '0')})`;
    const context = this.proposed === null ? undefined : this.contexts.get(this.proposed);
    // With no context asked for, it was a leg of the handshake.
    const cause = DENIED.includes(status) || context === undefined ? 'denied' : 'refused';
    this.proposed = null;
    if (context === undefined || this.state === 'binding') {
      this.close(message, cause);
      return;
    }
    refuse(context, cause, message);
    this.state = 'ready';
    this.proceed();
  }

  /** Goes on with the handshake; false while a leg is under way. */
  private authenticate(token: Uint8Array | null, first: boolean): boolean {
    const { auth } = this;
    if (auth === null || (!first && auth.handshake.context !== null && token === null)) return true;
    if (token === null) {
      this.close('the server did not answer the authentication: it wants none, or another mechanism', 'denied');
      return false;
    }
    const step = auth.handshake.step(token);
    if (step.failed !== null) {
      this.close(step.failed.message, 'denied');
      return false;
    }
    if (step.token !== null && this.isTooLong(step.token)) return false;
    const part = step.token === null ? null : this.part(step.token);
    if (part === null) return true;
    if (step.done) {
      this.send(encodeAuth3({ callId: this.callId, auth: part, drep: LITTLE_ENDIAN }));
      return true;
    }
    // SPNEGO: the last legs go in alter_context, which must name a context again ([MS-RPCE] 3.3.1.5.2).
    const [known] = this.contexts;
    if (known === undefined) return false;
    const [uuid = '', version = '', transfer = ''] = known[0].split('/');
    const [major = 0, minor = 0] = version.split('.').map(Number);
    this.state = 'altering';
    this.negotiating = ++this.callId;
    this.send(
      encodeAlterContext({
        callId: this.negotiating,
        contexts: [
          { id: known[1].id, abstract: { uuid, major, minor }, transfers: [transfer === 'ndr64' ? NDR64 : NDR20] },
        ],
        drep: LITTLE_ENDIAN,
        auth: part,
      }),
    );
    return false;
  }

  private answer(received: Received): void {
    const { pdu } = received;
    if (pdu.kind !== 'response' && pdu.kind !== 'fault') return;
    // A server that refuses the credentials cannot sign its fault; one that took them has to.
    const believed = !this.proved || this.auth?.unsignedFaults === true;
    const unsigned = pdu.kind === 'fault' && pdu.auth === null && believed;
    // An answer that nobody waits for any more is opened too: sequence numbers count it.
    const protector = this.protects() && !unsigned ? (this.auth?.handshake.context?.fromServer ?? null) : null;
    if (protector !== null && pdu.auth?.level !== this.level) {
      this.close(
        pdu.auth === null
          ? `${pdu.kind === 'fault' ? `a fault (status 0x${pdu.status.toString(16).padStart(8, '0')})` : 'an answer'} carries no signature: the server signs none, or it was made up on the way`
          : `an answer says authentication level ${pdu.auth.level}, and the session has ${this.level}`,
        'malformed',
      );
      return;
    }
    const stub = openStub(received, protector, this.headerSigning);
    if (stub === null) {
      this.close('the signature of an answer does not hold', 'malformed');
      return;
    }
    if (!unsigned) this.proved = true;
    const waiting = this.pending.get(pdu.callId);
    if (waiting === undefined) return;
    const { contextId } = waiting;
    const finish = (answer: LinkAnswer): void => {
      this.pending.delete(pdu.callId);
      waiting.done(answer);
    };
    if (pdu.kind === 'fault') {
      finish({
        kind: 'fault',
        status: pdu.status,
        didNotExecute: (pdu.flags & PFC.didNotExecute) !== 0,
        contextId,
        callId: pdu.callId,
        unproved: this.auth !== null && !this.proved,
      });
      return;
    }
    const whole = this.gatherer.add(pdu.callId, pdu.flags, stub);
    if (whole === 'too-much') this.close('an answer is larger than is read', 'malformed');
    else if (whole !== null) finish({ kind: 'response', stub: whole, drep: pdu.drep, contextId, callId: pdu.callId });
  }
}

/** auth_level of what a client sends ([MS-RPCE] 2.2.1.1.8); what is left open is packet integrity. */
function levelOf({ level }: ClientAuth): number {
  return level === 'unknown' || level === 'default' ? LEVEL.integrity : LEVEL[level];
}

function tokenOf({ auth }: Pdu): Uint8Array | null {
  return auth === null ? null : auth.token.block.u8.slice(auth.token.start, auth.token.end);
}

function refuse(context: Context, cause: LinkFailure, message: string): void {
  context.state = 'refused';
  context.refusal = { cause, message };
}

function keyOf({ abstract, transfer }: LinkCall): string {
  return `${abstract.uuid}/${abstract.major}.${abstract.minor}/${transfer}`;
}
