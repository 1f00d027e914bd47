import { blockOf } from '../../src/bytes/block.js';
import { encodeAlterContextResp, encodeBindAck, encodeBindNak, encodeFault, encodeResponseFragments, type AuthPart } from '../../src/rpc/encode.js';
import { fragLengthAt, headerAt, FOUND, HEADER_BYTES, PFC } from '../../src/rpc/header.js';
import { decodePdu, type BindPdu, type Pdu, type RequestPdu } from '../../src/rpc/pdu.js';
import { NDR20, NULL_SYNTAX, RESULT, transferOf, featuresOf } from '../../src/rpc/syntax.js';
import { protectPdu, unprotectPdu, type HandshakeSide, type SecurityContext } from '../../src/security/index.js';
import type { SyntaxId } from '../../src/types.js';

/** A whole request as the server's interfaces see it. */
export interface ServedRequest {
  readonly abstract: SyntaxId;
  readonly opnum: number;
  readonly object: string | null;
  readonly stub: Uint8Array;
  readonly littleEndian: boolean;
  /** auth_level the request came at; 1 without security ([MS-RPCE] 2.2.1.1.8). */
  readonly authLevel: number;
  /** Who called, or null. */
  readonly principal: string | null;
}

export type Answer = { readonly stub: Uint8Array } | { readonly fault: number } | 'drop';

export interface AssociationOptions {
  /** Whether the server has an interface. */
  readonly serves: (abstract: SyntaxId) => boolean;
  readonly dispatch: (request: ServedRequest) => Answer;
  /** The server's side of a logon; null: the server takes none. */
  readonly acceptor: () => HandshakeSide | null;
  readonly assocGroup: number;
  /** Port as bind_ack's secondary address has it. */
  readonly port: number;
}

/** Named bounds of one connection; docs/limits.md. */
export const ASSOCIATION_LIMITS = { pduBytes: 65_535, requestBytes: 16 * 1024 * 1024, contexts: 256, securityContexts: 16, pendingCalls: 64 } as const;

const LEVEL_NONE = 1;
const LEVEL_CALL = 3;
const ACCESS_DENIED = 5;
const NCA_UNK_IF = 0x1c010003;
const NCA_PROTO_ERROR = 0x1c01000b;
const SEC_PKG_ERROR = 0x721;
const MAX_FRAGMENT = 5840;
const SERVER_XMIT = 5840;

interface Logon {
  readonly side: HandshakeSide;
  readonly type: number;
  readonly level: number;
  context: SecurityContext | null;
}

interface Partial {
  readonly first: RequestPdu;
  readonly parts: Uint8Array[];
  bytes: number;
}

/** The server's end of one connection ([C706] 12.6, [MS-RPCE] 3.3.3): bytes in, bytes out; no socket. `closed` says that it wants the connection ended. */
export class ServerAssociation {
  private readonly options: AssociationOptions;
  private held: Uint8Array = new Uint8Array(0);
  private readonly contexts = new Map<number, SyntaxId>();
  private readonly logons = new Map<number, Logon>();
  private readonly pending = new Map<number, Partial>();
  private headerSigning = false;
  private maxFragment = MAX_FRAGMENT;
  closed = false;

  constructor(options: AssociationOptions) {
    this.options = options;
  }

  /** Takes bytes from the client; returns what is to be sent. */
  push(bytes: Uint8Array): Uint8Array[] {
    const out: Uint8Array[] = [];
    const all = this.held.length === 0 ? bytes : joined([this.held, bytes]);
    let at = 0;
    while (!this.closed && all.length - at >= HEADER_BYTES) {
      if (headerAt(all, at) !== FOUND.pdu) {
        this.closed = true;
        break;
      }
      const length = fragLengthAt(all, at);
      if (length < HEADER_BYTES) {
        this.closed = true;
        break;
      }
      if (all.length - at < length) break;
      // Opened in place: the client's memory is not ours.
      this.pdu(all.slice(at, at + length), out);
      at += length;
    }
    this.held = this.closed ? new Uint8Array(0) : all.slice(at);
    return out;
  }

  private pdu(bytes: Uint8Array, out: Uint8Array[]): void {
    const { pdu } = decodePdu({ block: blockOf(bytes), start: 0, end: bytes.length });
    switch (pdu?.kind) {
      case 'bind': this.bind(pdu, out, false); break;
      case 'alter_context': this.bind(pdu, out, true); break;
      case 'auth3': this.auth3(pdu); break;
      case 'request': this.request(pdu, bytes, out); break;
      case 'orphaned': case 'co_cancel': this.pending.delete(pdu.callId); break;
      default: this.closed = true;
    }
  }

  private bind(pdu: BindPdu, out: Uint8Array[], alter: boolean): void {
    if (pdu.damage !== null) {
      out.push(encodeBindNak({ callId: pdu.callId, reason: 0 }));
      return;
    }
    let token: Uint8Array | null = null;
    if (pdu.auth !== null) {
      const step = this.logOn(pdu, pdu.auth.type, pdu.auth.level, pdu.auth.contextId);
      if (step === 'refused') {
        if (alter) out.push(encodeFault({ callId: pdu.callId, contextId: 0, status: ACCESS_DENIED }));
        else out.push(encodeBindNak({ callId: pdu.callId, reason: 8 }));
        return;
      }
      token = step;
    }
    if ((pdu.flags & PFC.headerSign) !== 0) this.headerSigning = true;
    if (!alter && pdu.maxRecv >= 1432) this.maxFragment = Math.min(MAX_FRAGMENT, pdu.maxRecv);
    const results = pdu.contexts.slice(0, ASSOCIATION_LIMITS.contexts).map(({ id, abstract, transfers }) => {
      const features = transfers.map(featuresOf).find((bits) => bits >= 0);
      if (features !== undefined) return { result: RESULT.negotiateAck, reason: 0, syntax: NULL_SYNTAX };
      if (!this.options.serves(abstract)) return { result: RESULT.providerRejection, reason: 1, syntax: NULL_SYNTAX };
      if (!transfers.some((syntax) => transferOf(syntax) === 'ndr20')) return { result: RESULT.providerRejection, reason: 2, syntax: NULL_SYNTAX };
      if (this.contexts.size >= ASSOCIATION_LIMITS.contexts && !this.contexts.has(id)) return { result: RESULT.providerRejection, reason: 3, syntax: NULL_SYNTAX };
      this.contexts.set(id, abstract);
      return { result: RESULT.acceptance, reason: 0, syntax: NDR20 };
    });
    const auth: AuthPart | null = pdu.auth === null || token === null ? null : { type: pdu.auth.type, level: pdu.auth.level, contextId: pdu.auth.contextId, token, align: 4 };
    const fields = {
      callId: pdu.callId, flags: PFC.first | PFC.last | (pdu.flags & PFC.headerSign), results, maxXmit: SERVER_XMIT, maxRecv: SERVER_XMIT, assocGroup: this.options.assocGroup,
      secondaryAddress: alter ? '' : String(this.options.port), auth,
    };
    out.push(alter ? encodeAlterContextResp(fields) : encodeBindAck(fields));
  }

  private logOn(pdu: Pdu, type: number, level: number, contextId: number): Uint8Array | null | 'refused' {
    let logon = this.logons.get(contextId);
    if (logon === undefined) {
      const side = type === 9 || type === 10 ? this.options.acceptor() : null;
      if (side === null || this.logons.size >= ASSOCIATION_LIMITS.securityContexts) return 'refused';
      logon = { side, type, level, context: null };
      this.logons.set(contextId, logon);
    }
    const span = pdu.auth?.token;
    const step = logon.side.step(span === undefined ? null : span.block.u8.slice(span.start, span.end));
    logon.context = logon.side.context;
    return step.failed === null ? step.token : 'refused';
  }

  private auth3(pdu: Pdu): void {
    // Nobody answers an auth3: a logon that failed shows at the first request ([MS-RPCE] 3.3.1.5.4).
    if (pdu.auth !== null) this.logOn(pdu, pdu.auth.type, pdu.auth.level, pdu.auth.contextId);
  }

  private request(pdu: RequestPdu, bytes: Uint8Array, out: Uint8Array[]): void {
    const fault = (status: number): void => void out.push(encodeFault({ callId: pdu.callId, contextId: pdu.contextId, status }));
    let logon: Logon | null = null;
    if (pdu.auth !== null) {
      logon = this.logons.get(pdu.auth.contextId) ?? null;
      if (logon?.context == null) return fault(ACCESS_DENIED);
      if (pdu.auth.level >= LEVEL_CALL && !unprotectPdu(bytes, logon.context.fromClient, this.headerSigning)) return fault(SEC_PKG_ERROR);
    } else {
      // Connect level protects no PDU.
      const [only] = this.logons.values();
      if (only !== undefined && only.level >= LEVEL_CALL) return fault(ACCESS_DENIED);
      logon = only ?? null;
    }
    const body = bytes.slice(pdu.stub.start, pdu.stub.end);
    const first = (pdu.flags & PFC.first) !== 0;
    const whole = first && (pdu.flags & PFC.last) !== 0;
    let stub: Uint8Array = body;
    let head = pdu;
    if (!whole) {
      const known = this.pending.get(pdu.callId);
      if (first === (known !== undefined) || (known === undefined && this.pending.size >= ASSOCIATION_LIMITS.pendingCalls)) return fault(NCA_PROTO_ERROR);
      const partial = known ?? { first: pdu, parts: [], bytes: 0 };
      partial.bytes += body.length;
      if (partial.bytes > ASSOCIATION_LIMITS.requestBytes) {
        this.pending.delete(pdu.callId);
        return fault(NCA_PROTO_ERROR);
      }
      partial.parts.push(body);
      if (known === undefined) this.pending.set(pdu.callId, partial);
      if ((pdu.flags & PFC.last) === 0) return;
      this.pending.delete(pdu.callId);
      stub = joined(partial.parts);
      head = partial.first;
    }
    const abstract = this.contexts.get(head.contextId);
    if (abstract === undefined) return fault(NCA_UNK_IF);
    const answer = this.options.dispatch({
      abstract, opnum: head.opnum, object: head.object, stub, littleEndian: head.drep.littleEndian, authLevel: pdu.auth?.level ?? logon?.level ?? LEVEL_NONE, principal: logon?.context?.principal ?? null,
    });
    if (answer === 'drop') this.closed = true;
    else this.answer(head, answer, logon, pdu.auth === null ? null : pdu.auth, out);
  }

  private answer(pdu: RequestPdu, answer: Exclude<Answer, 'drop'>, logon: Logon | null, trailer: RequestPdu['auth'], out: Uint8Array[]): void {
    const context = logon?.context ?? null;
    const auth = trailer === null || context === null || trailer.level < LEVEL_CALL ? null : { type: trailer.type, level: trailer.level, contextId: trailer.contextId, token: new Uint8Array(context.fromServer.tokenLength) };
    const { callId, contextId } = pdu;
    if ('fault' in answer) {
      out.push(encodeFault({ callId, contextId, status: answer.fault }));
      return;
    }
    for (const part of encodeResponseFragments({ callId, contextId, stub: answer.stub, auth }, this.maxFragment)) {
      if (auth !== null && context !== null) protectPdu(part, context.fromServer, this.headerSigning);
      out.push(part);
    }
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
