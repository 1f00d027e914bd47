import { detach } from '../bytes/block.js';
import { guidAt } from '../bytes/guid.js';
import type { Auth, BindRecord, Direction, Exchange, ExchangeOutcome, Flow, Moment, PresentationContext, Problem, ProblemCode, Stub } from '../types.js';
import { Assembly, wholeStub, type Held } from './assembly.js';
import { AuthNames, LEVEL_PRIVACY } from './auth.js';
import { contextResults, decodeBind, decodeBindAck, decodeBindNak, type BindBody } from './bind.js';
import type { RpcLimits } from './limits.js';
import { authTrailer, PFC, PTYPE, type AuthTrailer, type Pdu } from './pdu.js';
import { verificationTrailer } from './verification.js';

export type AssociationOutput = Exchange | BindRecord | Problem;

const NO_PROBLEMS: readonly Problem[] = Object.freeze([]);

/** A call whose answer is awaited. */
interface Pending {
  readonly direction: Direction;
  readonly callId: number;
  contextId: number;
  opnum: number | null;
  object: string | null;
  context: PresentationContext | null;
  request: Stub | null;
  requestTime: Moment | null;
  requestAuth: Auth | null;
  requestParts: Assembly | null;
  responseParts: Assembly | null;
  responseAuth: Auth | null;
  cancelled: boolean;
  done: boolean;
  problems: Problem[] | null;
}

/** Shared by the associations of one observer. */
export interface AssociationOptions {
  readonly limits: RpcLimits;
  readonly held: Held;
  /** Calls whose request still lies in the reader's memory. */
  readonly fresh: { readonly done: boolean; request: Stub | null }[];
}

/** The calls and contexts of one connection ([C706] 12.3, [MS-RPCE] 3.3). */
export class Association {
  private readonly flow: Flow;
  private readonly options: AssociationOptions;
  private readonly contexts = new Map<number, PresentationContext | null>();
  private readonly pending: readonly [Pending[], Pending[]] = [[], []];
  private readonly binds: { readonly callId: number; readonly direction: Direction; readonly body: BindBody; readonly pdu: Pdu; readonly auth: Auth | null }[] = [];
  private readonly auths = new AuthNames();

  constructor(flow: Flow, options: AssociationOptions) {
    this.flow = flow;
    this.options = options;
  }

  push(pdu: Pdu, out: AssociationOutput[]): void {
    switch (pdu.type) {
      case PTYPE.request:
        return this.request(pdu, out);
      case PTYPE.response:
      case PTYPE.fault:
        return this.answer(pdu, out);
      case PTYPE.bind:
      case PTYPE.alter_context:
        return this.bind(pdu, out);
      case PTYPE.bind_ack:
      case PTYPE.alter_context_resp:
        return this.bindAck(pdu, out);
      case PTYPE.bind_nak:
        return this.bindNak(pdu, out);
      case PTYPE.co_cancel: {
        const call = this.find(pdu.direction, pdu.callId);
        if (call !== null) call.cancelled = true;
        return;
      }
      case PTYPE.orphaned: {
        const call = this.find(pdu.direction, pdu.callId);
        if (call !== null) this.give(call, 'orphaned', null, null, null, out);
        return;
      }
      default:
        // auth3 and shutdown change nothing that a call depends on.
        return;
    }
  }

  /** The connection is over: calls without an answer are given up, in the order of their requests. */
  end(out: AssociationOutput[]): void {
    for (const bind of this.binds) out.push(bindRecord(bind, 'unanswered', contextResults(bind.body, null), 0));
    this.binds.length = 0;
    for (const list of this.pending) {
      for (const call of [...list]) {
        const parts = call.responseParts;
        if (parts !== null) parts.complete = false;
        this.give(call, call.cancelled ? 'cancelled' : parts === null ? 'unanswered' : 'answered', null, null, null, out);
      }
    }
  }

  private request(pdu: Pdu, out: AssociationOutput[]): void {
    const { view } = pdu.block;
    const little = pdu.drep.littleEndian;
    const hasObject = (pdu.flags & PFC.object) !== 0;
    const stubStart = pdu.start + (hasObject ? 40 : 24);
    if (pdu.end < stubStart) {
      out.push(this.problem(pdu, 'rpc-pdu-truncated', `request PDU of ${pdu.end - pdu.start} bytes is too short for its header`));
      return;
    }
    const trailer = this.trailer(pdu, stubStart, out);
    const stubEnd = trailer === null ? pdu.end : trailer.at - trailer.padLength;
    const auth = trailer === null ? null : this.auths.of(trailer.type, trailer.level, trailer.contextId);
    const sealed = trailer !== null && trailer.level === LEVEL_PRIVACY;
    const first = (pdu.flags & PFC.first) !== 0;
    const last = (pdu.flags & PFC.last) !== 0;
    let call = this.find(pdu.direction, pdu.callId);
    if (first && call !== null) {
      call.problems = [...(call.problems ?? []), this.problem(pdu, 'rpc-duplicate-call-id', `call id ${pdu.callId} was used again before the call was answered`)];
      this.give(call, 'unanswered', null, null, null, out);
      call = null;
    }
    if (call === null) {
      const list = this.pending[pdu.direction];
      if (list.length >= this.options.limits.pendingCalls) {
        const oldest = list[0] as Pending;
        oldest.problems = [...(oldest.problems ?? []), this.problem(pdu, 'rpc-pending-limit', `more than ${this.options.limits.pendingCalls} calls wait for an answer; this oldest one is given up`)];
        this.give(oldest, 'unanswered', null, null, null, out);
      }
      const contextId = view.getUint16(pdu.start + 20, little);
      call = {
        direction: pdu.direction, callId: pdu.callId, contextId, opnum: view.getUint16(pdu.start + 22, little),
        object: hasObject ? guidAt(view, pdu.start + 24, little) : null, context: this.contexts.get(contextId) ?? null,
        request: null, requestTime: { timeS: pdu.timeS, timeNs: pdu.timeNs }, requestAuth: auth, requestParts: null, responseParts: null, responseAuth: null,
        cancelled: false, done: false, problems: null,
      };
      if (call.context === null && this.contexts.has(contextId)) {
        call.problems = [this.problem(pdu, 'rpc-context-rejected', `the call uses presentation context ${contextId}, which the server rejected`)];
      }
      if (!first) call.problems = [...(call.problems ?? []), this.problem(pdu, 'rpc-fragment-lost', 'the first fragment of this request was not captured')];
      list.push(call);
    }
    if (first && last) {
      const verification = sealed || trailer === null ? null : verificationTrailer(pdu.block, stubStart, stubEnd);
      call.request = wholeStub(pdu, stubStart, verification === null ? stubEnd : stubStart + verification.offset, sealed, verification);
      if (pdu.block.u8.length > stubEnd - stubStart + 1024) this.options.fresh.push(call);
    } else {
      const parts = (call.requestParts ??= new Assembly());
      if (!first && parts.length === 0) parts.complete = false;
      this.addPart(call, parts, pdu, stubStart, stubEnd, sealed);
      if (!last) return;
      call.requestParts = null;
      this.options.held.bytes -= parts.length;
      const stub = parts.finish(pdu);
      const verification = stub.sealed || trailer === null ? null : verificationTrailer(stub.block, 0, stub.end);
      call.request = verification === null ? stub : { ...stub, end: verification.offset, verification };
    }
    if (pdu.truncated) call.problems = [...(call.problems ?? []), this.problem(pdu, 'rpc-pdu-truncated', `request is cut after ${pdu.end - pdu.start} of ${pdu.fragLength} bytes`)];
    if ((pdu.flags & PFC.maybe) !== 0) this.give(call, 'maybe', null, null, null, out);
  }

  private answer(pdu: Pdu, out: AssociationOutput[]): void {
    const { view } = pdu.block;
    const little = pdu.drep.littleEndian;
    const isFault = pdu.type === PTYPE.fault;
    const stubStart = pdu.start + (isFault ? 32 : 24);
    const fits = pdu.end >= stubStart;
    if (!fits && !(isFault && pdu.end >= pdu.start + 28)) {
      out.push(this.problem(pdu, 'rpc-pdu-truncated', `${isFault ? 'fault' : 'response'} PDU of ${pdu.end - pdu.start} bytes is too short for its header`));
      return;
    }
    const trailer = fits ? this.trailer(pdu, stubStart, out) : null;
    const auth = trailer === null ? null : this.auths.of(trailer.type, trailer.level, trailer.contextId);
    const towards: Direction = pdu.direction === 0 ? 1 : 0;
    let call = this.find(towards, pdu.callId);
    if (call === null) {
      const contextId = view.getUint16(pdu.start + 20, little);
      call = {
        direction: towards, callId: pdu.callId, contextId, opnum: null, object: null, context: this.contexts.get(contextId) ?? null, request: null, requestTime: null,
        requestAuth: null, requestParts: null, responseParts: null, responseAuth: null, cancelled: false, done: false, problems: null,
      };
      if (this.pending[towards].length < this.options.limits.pendingCalls) this.pending[towards].push(call);
    } else if (call.requestParts !== null) {
      // Answered before the request was whole: its end was lost, or the server faulted it early.
      call.requestParts.complete = false;
      this.options.held.bytes -= call.requestParts.length;
      call.request = call.requestParts.finish(pdu);
      call.requestParts = null;
    }
    call.responseAuth ??= auth;
    if (isFault) {
      const status = view.getUint32(pdu.start + 24, little);
      this.give(call, 'faulted', null, { status, didNotExecute: (pdu.flags & PFC.didNotExecute) !== 0 }, pdu, out);
      return;
    }
    const stubEnd = trailer === null ? pdu.end : trailer.at - trailer.padLength;
    const sealed = trailer !== null && trailer.level === LEVEL_PRIVACY;
    const first = (pdu.flags & PFC.first) !== 0;
    const last = (pdu.flags & PFC.last) !== 0;
    if (pdu.truncated) call.problems = [...(call.problems ?? []), this.problem(pdu, 'rpc-pdu-truncated', `response is cut after ${pdu.end - pdu.start} of ${pdu.fragLength} bytes`)];
    if (first && last && call.responseParts === null) {
      this.give(call, call.requestTime === null ? 'response-only' : 'answered', wholeStub(pdu, stubStart, stubEnd, sealed, null), null, pdu, out);
      return;
    }
    const parts = (call.responseParts ??= new Assembly());
    if (!first && parts.length === 0) {
      parts.complete = false;
      call.problems = [...(call.problems ?? []), this.problem(pdu, 'rpc-fragment-lost', 'the first fragment of this response was not captured')];
    }
    this.addPart(call, parts, pdu, stubStart, stubEnd, sealed);
    if (last) this.give(call, call.requestTime === null ? 'response-only' : 'answered', null, null, pdu, out);
  }

  private addPart(call: Pending, parts: Assembly, pdu: Pdu, start: number, end: number, sealed: boolean): void {
    const { limits, held } = this.options;
    if (parts.length + (end - start) > limits.stubBytes || held.bytes + (end - start) > limits.stubBytesTotal) {
      if (parts.complete) call.problems = [...(call.problems ?? []), this.problem(pdu, 'rpc-fragment-limit', `stub passes ${limits.stubBytes} bytes, or all unfinished stubs ${limits.stubBytesTotal}; the rest is dropped`)];
      parts.complete = false;
      return;
    }
    parts.add(pdu, start, end, sealed);
    held.bytes += end - start;
  }

  private bind(pdu: Pdu, out: AssociationOutput[]): void {
    const body = decodeBind(pdu, this.options.limits.contextsPerBind);
    if (body.lost) out.push(this.problem(pdu, 'rpc-malformed', 'bind lists more presentation contexts than are there or than are kept'));
    if (this.binds.length >= 64) this.binds.shift();
    const trailer = authTrailer(pdu);
    const auth = trailer === null ? null : this.auths.of(trailer.type, trailer.level, trailer.contextId);
    this.binds.push({ callId: pdu.callId, direction: pdu.direction, body, pdu: { ...pdu, block: EMPTY_BLOCK }, auth });
  }

  private bindAck(pdu: Pdu, out: AssociationOutput[]): void {
    const ack = decodeBindAck(pdu, this.options.limits.contextsPerBind);
    if (ack.lost) out.push(this.problem(pdu, 'rpc-malformed', 'answer to a bind lists more results than are there'));
    const index = this.binds.findIndex((bind) => bind.callId === pdu.callId && bind.direction !== pdu.direction);
    const bind = this.binds[index];
    if (bind === undefined) return;
    this.binds.splice(index, 1);
    const results = contextResults(bind.body, ack);
    let features = 0;
    for (const result of results) {
      if (result.result === 'feature-negotiation') {
        features = result.reason ?? 0;
        continue;
      }
      const accepted = result.result === 'accepted' && result.transfer !== null;
      if (!this.contexts.has(result.id) && this.contexts.size >= this.options.limits.contexts) {
        out.push(this.problem(pdu, 'rpc-context-limit', `more than ${this.options.limits.contexts} presentation contexts on one association; this one is not kept`));
        continue;
      }
      // A context id may be proposed once for each transfer syntax; a rejection does not undo the acceptance beside it.
      if (accepted) this.contexts.set(result.id, { id: result.id, abstract: result.abstract, transfer: result.transfer });
      else if (!results.some((other) => other.id === result.id && other.result === 'accepted') && this.contexts.get(result.id) == null) this.contexts.set(result.id, null);
    }
    out.push(bindRecord(bind, 'accepted', results, features));
  }

  private bindNak(pdu: Pdu, out: AssociationOutput[]): void {
    const index = this.binds.findIndex((bind) => bind.callId === pdu.callId && bind.direction !== pdu.direction);
    const bind = this.binds[index];
    out.push(this.problem(pdu, 'rpc-bind-nak', `the server refused the bind (reason ${decodeBindNak(pdu)})`));
    if (bind === undefined) return;
    this.binds.splice(index, 1);
    out.push(bindRecord(bind, 'rejected', contextResults(bind.body, null), 0));
  }

  private find(direction: Direction, callId: number): Pending | null {
    const list = this.pending[direction];
    for (let i = list.length - 1; i >= 0; i--) {
      const call = list[i] as Pending;
      if (call.callId === callId) return call;
    }
    return null;
  }

  /** Hands a call out and forgets it. */
  private give(call: Pending, outcome: ExchangeOutcome, response: Stub | null, fault: Exchange['fault'], pdu: Pdu | null, out: AssociationOutput[]): void {
    call.done = true;
    const list = this.pending[call.direction];
    const index = list.lastIndexOf(call);
    if (index === list.length - 1) list.pop();
    else if (index >= 0) list.splice(index, 1);
    const parts = call.responseParts;
    let answer = response;
    if (parts !== null) {
      this.options.held.bytes -= parts.length;
      answer = parts.finish(pdu ?? { drep: call.request?.drep ?? LITTLE } as Pdu);
    }
    if (call.requestParts !== null) {
      this.options.held.bytes -= call.requestParts.length;
      call.requestParts.complete = false;
      call.request = call.requestParts.finish(pdu ?? { drep: LITTLE } as Pdu);
    }
    out.push({
      kind: 'exchange', flow: this.flow, direction: call.direction, callId: call.callId, contextId: call.contextId, opnum: call.opnum, object: call.object,
      context: call.context, request: call.request, response: answer, fault, outcome, requestTime: call.requestTime,
      responseTime: pdu === null || outcome === 'unanswered' ? null : { timeS: pdu.timeS, timeNs: pdu.timeNs },
      requestAuth: call.requestAuth, responseAuth: call.responseAuth, problems: call.problems ?? NO_PROBLEMS,
    });
  }

  /** The security trailer of a call PDU; one whose lengths do not fit is a problem and counts as none. */
  private trailer(pdu: Pdu, stubStart: number, out: AssociationOutput[]): AuthTrailer | null {
    if (pdu.authLength === 0) return null;
    const trailer = authTrailer(pdu);
    if (trailer === null) return null;
    if (trailer.at - trailer.padLength >= stubStart) return trailer;
    out.push(this.problem(pdu, 'rpc-bad-auth-trailer', `auth_length ${pdu.authLength} and padding ${trailer.padLength} do not fit a PDU of ${pdu.fragLength} bytes`));
    return null;
  }

  private problem(pdu: Pdu, code: ProblemCode, message: string): Problem {
    const frame = pdu.frames[0];
    return { kind: 'problem', layer: 'rpc', code, message, spec: null, at: { flow: this.flow.id, ...(frame === undefined ? {} : { frame }) } };
  }
}

const LITTLE = { littleEndian: true, ebcdic: false, float: 'ieee' } as const;
const EMPTY_BLOCK = { u8: new Uint8Array(0), view: new DataView(new ArrayBuffer(0)) };

function bindRecord(
  bind: { readonly body: BindBody; readonly pdu: Pdu; readonly auth: Auth | null }, outcome: BindRecord['outcome'], contexts: BindRecord['contexts'], features: number,
): BindRecord {
  const { body, pdu, auth } = bind;
  return {
    kind: 'bind', flow: pdu.flow, frame: pdu.frames[0] ?? 0, timeS: pdu.timeS, timeNs: pdu.timeNs, alter: pdu.type === PTYPE.alter_context, outcome, contexts, auth,
    assocGroup: body.assocGroup, maxXmit: body.maxXmit, maxRecv: body.maxRecv, features,
  };
}

/** Copies the stubs of calls still waiting out of the reader's memory. */
export function settleCalls(fresh: AssociationOptions['fresh']): void {
  for (const call of fresh) {
    const { request } = call;
    if (!call.done && request !== null) call.request = { ...request, ...detach(request) };
  }
  fresh.length = 0;
}

