import type { Auth, Drep, SyntaxId, TransferSyntax } from '../../types.js';
import {
  encodeAlterContextResp,
  encodeBindAck,
  encodeBindNak,
  encodeFault,
  encodeResponseFragments,
  type AuthPart,
  type FaultFields,
} from '../../rpc/encode.js';
import { PFC } from '../../rpc/header.js';
import type { NegotiationResult, ProposedContext } from '../../rpc/bind.js';
import type { BindPdu, Pdu, RequestPdu, SecTrailer } from '../../rpc/pdu.js';
import { FEATURE, featuresOf, NULL_SYNTAX, NDR20, NDR64, RESULT, transferOf } from '../../rpc/syntax.js';
import { findVerification } from '../../rpc/verification.js';
import { blockOf } from '../../bytes/block.js';
import { authLevelName, authTypeName, LEVEL } from '../../rpc/auth.js';
import type { HandshakeSide } from '../../security/mechanism.js';
import { protectPdu } from '../../security/pdu.js';
import { COSTS, type Share } from '../budget.js';
import { Gatherer, openStub, PduBuffer, type GatherLimits, type Received } from './pdus.js';

/** A call that came. */
export interface ServedCall {
  readonly abstract: SyntaxId;
  readonly transfer: TransferSyntax;
  readonly contextId: number;
  readonly callId: number;
  readonly opnum: number;
  readonly object: string | null;
  readonly stub: Uint8Array;
  readonly drep: Drep;
  /** How it was protected; null: not at all. */
  readonly auth: Auth | null;
  /** Who signed in, as `DOMAIN\user`; null: nobody. */
  readonly principal: string | null;
}

/** What is answered. */
export type ServedAnswer =
  | { readonly kind: 'response'; readonly stub: Uint8Array; readonly drep: Drep }
  | { readonly kind: 'fault'; readonly status: number };

export interface ServerLinkOptions {
  readonly send: (bytes: Uint8Array) => void;
  /** The bytes make no sense, or the peer is not let in: the connection is to be closed. */
  readonly close: (reason: string) => void;
  /** Transfer syntaxes that an interface is served in, the preferred one first; none: it is not served. */
  readonly serves: (abstract: SyntaxId) => readonly TransferSyntax[];
  readonly handle: (call: ServedCall, answer: (answer: ServedAnswer) => void) => void;
  /** Begins a handshake with a client that authenticates; null, and for a type it does not know: not. */
  readonly accept: ((authType: number, level: number) => HandshakeSide | null) | null;
  /** Port as text, for the secondary address of a bind_ack. */
  readonly port: string;
  readonly assocGroup: number;
  /** Hands on calls without a user too, on connections that never authenticated: the handler refuses what it wants. */
  readonly anonymous?: boolean;
  readonly limits?: GatherLimits;
  /** What the connection may hold, of what all of them may. */
  readonly share?: Share;
}

const FRAGMENT = 5840;
const ACCESS_DENIED = 5;
const NCA_PROTO_ERROR = 0x1c01_000b;
const UNKNOWN_IF = 0x1c01_0003;
/** provider_reject_reason of a bind_nak: authentication_type_not_recognized ([MS-RPCE] 2.2.2.5). */
const UNKNOWN_AUTHENTICATION = 8;
/** Presentation contexts, and security contexts, of one connection. */
const MAX_CONTEXTS = 1024;

/** The server's side of one connection. Pure, as {@link ClientLink} is. */
export class ServerLink {
  private readonly options: ServerLinkOptions;
  private readonly buffer = new PduBuffer();
  private readonly gatherer: Gatherer;
  private readonly contexts = new Map<number, { readonly abstract: SyntaxId; readonly transfer: TransferSyntax }>();
  /**
   * Security contexts by their id: a client may sign in anew for every presentation context ([MS-RPCE] 3.3.1.5.2.2).
   */
  private readonly security = new Map<number, Security>();
  private headerSigning = false;
  private maxFragment = FRAGMENT;
  private over = false;
  /** What of the share is this link's. */
  private charged = 0;

  constructor(options: ServerLinkOptions) {
    this.options = options;
    this.gatherer = new Gatherer(options.limits);
  }

  /** Bytes came from the client. */
  push(bytes: Uint8Array): void {
    if (this.over) return;
    const received = this.buffer.push(bytes);
    if (received === null) this.close('the client sent bytes that are no RPC PDU');
    else for (const one of received) if (!this.over) this.take(one);
    this.charge();
  }

  /** Tells what is held now. */
  private charge(): void {
    const held =
      this.buffer.waiting + this.gatherer.room + this.contexts.size * COSTS.context + this.security.size * COSTS.logon;
    const by = held - this.charged;
    this.charged = held;
    if (by !== 0) this.options.share?.take(by);
  }

  private close(reason: string): void {
    this.over = true;
    this.options.close(reason);
  }

  private take(received: Received): void {
    const { pdu } = received;
    if (pdu.kind === 'bind' || pdu.kind === 'alter_context') this.negotiate(pdu);
    else if (pdu.kind === 'auth3') {
      const security = pdu.auth === null ? undefined : this.security.get(pdu.auth.contextId);
      if (security !== undefined) this.step(security, tokenOf(pdu));
    } else if (pdu.kind === 'request') this.request(received);
    else if (pdu.kind === 'orphaned' || pdu.kind === 'co_cancel') this.gatherer.drop(pdu.callId);
  }

  private negotiate(pdu: BindPdu): void {
    const { callId, drep } = pdu;
    if (pdu.damage !== null) {
      this.options.send(encodeBindNak({ callId, reason: 0, drep }));
      return;
    }
    const given = tokenOf(pdu);
    const security = given === null || pdu.auth === null ? null : this.securityOf(pdu.auth);
    if (given !== null && security === null) {
      this.unacceptable(pdu);
      return;
    }
    const results = this.resultsOf(pdu.contexts);
    const token = security === null ? null : this.step(security, given);
    if (token === null && security?.denied === true && pdu.kind === 'alter_context') {
      this.options.send(encodeFault({ callId, contextId: 0, status: ACCESS_DENIED, drep }));
      return;
    }
    const auth = token === null || security === null ? null : partOf(security, token, 4);
    const answer = {
      callId,
      results,
      drep,
      auth,
      assocGroup: pdu.assocGroup === 0 ? this.options.assocGroup : pdu.assocGroup,
    };
    if (pdu.kind === 'alter_context') {
      // As Windows does; some clients (go-msrpc) take the last answer for what holds.
      const agreed = this.headerSigning ? pdu.flags & PFC.headerSign : 0;
      this.options.send(encodeAlterContextResp({ ...answer, flags: PFC.first | PFC.last | agreed }));
      return;
    }
    this.headerSigning = (pdu.flags & PFC.headerSign) !== 0;
    this.maxFragment = Math.max(256, Math.min(pdu.maxRecv === 0 ? FRAGMENT : pdu.maxRecv, FRAGMENT));
    this.options.send(
      encodeBindAck({
        ...answer,
        secondaryAddress: this.options.port,
        flags: PFC.first | PFC.last | (pdu.flags & (PFC.headerSign | PFC.concMpx)),
      }),
    );
  }

  /**
   * The result of each proposal. A client may propose an interface more than once, each time in another transfer
   * syntax: the one that the server prefers is accepted, and no other.
   */
  private resultsOf(proposals: readonly ProposedContext[]): readonly NegotiationResult[] {
    const chosen = new Map<string, TransferSyntax>();
    for (const { abstract, transfers } of proposals) {
      const served = this.options.serves(abstract);
      const best = served.find((one) => transfers.some((proposed) => transferOf(proposed) === one));
      const known = chosen.get(keyOf(abstract));
      if (best !== undefined && (known === undefined || served.indexOf(best) < served.indexOf(known)))
        chosen.set(keyOf(abstract), best);
    }
    return proposals.map(({ id, abstract, transfers }) => {
      const [proposed] = transfers;
      const features = proposed === undefined ? -1 : featuresOf(proposed);
      if (features >= 0)
        return { result: RESULT.negotiateAck, reason: features & FEATURE.keepConnectionOnOrphan, syntax: NULL_SYNTAX };
      if (this.contexts.size >= MAX_CONTEXTS) return rejected(REJECTION.localLimit);
      if (this.options.serves(abstract).length === 0) return rejected(REJECTION.abstractSyntax);
      const transfer = chosen.get(keyOf(abstract));
      if (transfer === undefined || !transfers.some((one) => transferOf(one) === transfer))
        return rejected(REJECTION.transferSyntaxes);
      // The next proposal of the interface in the same syntax is one too many.
      chosen.delete(keyOf(abstract));
      this.contexts.set(id, { abstract, transfer });
      return { result: RESULT.acceptance, reason: 0, syntax: transfer === 'ndr64' ? NDR64 : NDR20 };
    });
  }

  /** A client wants to authenticate in a way, or at a level, that there is none of ([MS-RPCE] 2.2.2.5). */
  private unacceptable({ kind, callId, drep }: BindPdu): void {
    if (kind === 'bind') this.options.send(encodeBindNak({ callId, reason: UNKNOWN_AUTHENTICATION, drep }));
    else this.options.send(encodeFault({ callId, contextId: 0, status: ACCESS_DENIED, drep }));
  }

  /**
   * The security context of an id, begun where it is new; null when nobody can sign in so, or too many did. One that is
   * begun keeps its type and level.
   */
  private securityOf({ contextId, type, level }: SecTrailer): Security | null {
    const known = this.security.get(contextId);
    if (known !== undefined) return known.type === type && known.level === level ? known : null;
    if (level < LEVEL.connect || level > LEVEL.privacy || this.security.size >= MAX_CONTEXTS) return null;
    const handshake = this.options.accept?.(type, level) ?? null;
    if (handshake === null) return null;
    const made: Security = { contextId, type, level, handshake, denied: false };
    this.security.set(contextId, made);
    return made;
  }

  private step(security: Security, token: Uint8Array | null): Uint8Array | null {
    if (token === null || security.denied || security.handshake.context !== null) return null;
    const step = security.handshake.step(token);
    if (step.failed !== null) security.denied = true;
    return step.token;
  }

  private request(received: Received): void {
    const { pdu } = received;
    if (pdu.kind !== 'request') return;
    const { callId, contextId, drep } = pdu;
    const [first] = this.security.values();
    const security = pdu.auth === null ? (first ?? null) : (this.security.get(pdu.auth.contextId) ?? null);
    const guard = security !== null && isGuarded(security) && security.handshake.context !== null ? security : null;
    const fault = (status: number): void => this.fault({ callId, contextId, status, drep }, guard);
    const refused = this.refusalOf(pdu, security);
    if (refused !== null) {
      fault(ACCESS_DENIED);
      if (guard !== null) this.close(refused);
      return;
    }
    const stub = openStub(received, guard?.handshake.context?.fromClient ?? null, this.headerSigning);
    if (stub === null) {
      this.close('the signature of a request does not hold');
      return;
    }
    if (this.options.accept === null || security?.handshake.context != null) this.options.share?.trust();
    const whole = this.gatherer.add(callId, pdu.flags, stub);
    if (whole === 'too-much') this.close('a request is larger than is read');
    if (whole === null || whole === 'too-much') return;
    const known = this.contexts.get(contextId);
    if (known === undefined) {
      fault(this.contexts.size === 0 ? NCA_PROTO_ERROR : UNKNOWN_IF);
      return;
    }
    const trailer = findVerification(blockOf(whole), 0, whole.length, 0);
    const call: ServedCall = {
      ...known,
      contextId,
      callId,
      opnum: pdu.opnum,
      object: pdu.object,
      stub: trailer === null ? whole : whole.subarray(0, trailer.offset),
      drep,
      ...signedIn(security),
    };
    this.options.handle(call, (answer) => {
      if (this.over) return;
      if (answer.kind === 'fault') fault(answer.status);
      else this.respond(call, answer.stub, answer.drep, guard);
    });
  }

  /**
   * Why a request is not taken; null: it is. Where users are known, one without a user is refused; so is one that should
   * carry a signature and does not, or that says another level than its session's.
   */
  private refusalOf({ auth }: RequestPdu, security: Security | null): string | null {
    const anonymous = this.options.anonymous === true && this.security.size === 0;
    const context = security?.handshake.context ?? null;
    if (this.options.accept !== null && context === null && !anonymous) return 'nobody signed in';
    if (security === null) return null;
    if (auth === null) return isGuarded(security) ? 'a request of a protected session carries no signature' : null;
    return auth.level === security.level
      ? null
      : `a request says authentication level ${auth.level}, and its session has ${security.level}`;
  }

  private respond({ callId, contextId }: ServedCall, stub: Uint8Array, drep: Drep, guard: Security | null): void {
    const auth = roomOf(guard);
    for (const pdu of encodeResponseFragments({ callId, contextId, stub, drep, auth }, this.maxFragment))
      this.send(pdu, guard);
  }

  /** A fault is protected as its session's other answers are: nobody on the way can make one up. */
  private fault(fields: FaultFields, guard: Security | null): void {
    this.send(encodeFault({ ...fields, auth: roomOf(guard) }), guard);
  }

  private send(pdu: Uint8Array, guard: Security | null): void {
    const protector = guard?.handshake.context?.fromServer ?? null;
    if (protector !== null) protectPdu(pdu, protector, this.headerSigning);
    this.options.send(pdu);
  }
}

function partOf({ type, level, contextId }: Security, token: Uint8Array, align: number): AuthPart {
  return { type, level, contextId, token, align };
}

/** Whether every PDU of a session carries a token. */
function isGuarded({ level }: Security): boolean {
  return level > LEVEL.connect;
}

/** A trailer with room for a token; null for a session that protects nothing. */
function roomOf(guard: Security | null): AuthPart | null {
  const length = guard?.handshake.context?.fromServer.tokenLength(guard.level === LEVEL.privacy) ?? 0;
  return guard === null || length === 0 ? null : partOf(guard, new Uint8Array(length), 16);
}

/** p_provider_reason_t ([C706] 12.6.3.1). */
const REJECTION = { abstractSyntax: 1, transferSyntaxes: 2, localLimit: 3 } as const;

function rejected(reason: number): NegotiationResult {
  return { result: RESULT.providerRejection, reason, syntax: NULL_SYNTAX };
}

function keyOf({ uuid, major, minor }: SyntaxId): string {
  return `${uuid} ${major}.${minor}`;
}

/** How a call is protected, and who makes it. */
function signedIn(security: Security | null): Pick<ServedCall, 'auth' | 'principal'> {
  if (security === null) return { auth: null, principal: null };
  const { type, level, contextId, handshake } = security;
  return {
    auth: { type: authTypeName(type), level: authLevelName(level), verdict: verdictOf(level), contextId },
    principal: handshake.context?.principal ?? null,
  };
}

/** What was verified of a call that came through. */
function verdictOf(level: number): Auth['verdict'] {
  if (level === LEVEL.privacy) return 'opened';
  return level > LEVEL.connect ? 'good' : 'none';
}

interface Security {
  readonly contextId: number;
  readonly type: number;
  readonly level: number;
  readonly handshake: HandshakeSide;
  denied: boolean;
}

function tokenOf({ auth }: Pdu): Uint8Array | null {
  return auth === null ? null : auth.token.block.u8.slice(auth.token.start, auth.token.end);
}
