import { guidAt } from '../bytes/guid.js';
import type {
  Auth,
  Direction,
  Fault,
  Fields,
  Flow,
  Moment,
  Stub,
  SyntaxId,
  Value,
  VerificationTrailer,
} from '../types.js';
import { graver } from './auth.js';
import type { Contexts } from './contexts.js';
import { PFC, PTYPE } from './header.js';
import { giveUp, note, type Ledger, type PendingCall } from './ledger.js';
import { StubBuilder, wholeStub, type Opened } from './stub.js';
import { NULL_SYNTAX, transferOf } from './syntax.js';
import { CallTable } from './table.js';
import { findVerification } from './verification.js';
import type { PduView } from './view.js';

const WHOLE = PFC.first | PFC.last;

/**
 * The calls of one connection, both ways: fragments joined, answers paired by call id ([C706] 12.6.3.5), never by
 * context.
 */
export class Calls {
  readonly flow: Flow;
  private readonly ledger: Ledger;
  private readonly contexts: Contexts;
  /** Pending calls by call id, for each direction of the request. */
  private readonly pending: readonly [CallTable, CallTable] = [new CallTable(), new CallTable()];
  /** Rises with every loss in a direction: fragments from before and after one do not fit together. */
  private readonly epochs: [number, number] = [0, 0];
  /** Call id that was answered before its request was whole, for each direction of the request; -1: none. */
  private readonly early: [number, number] = [-1, -1];
  /** Answers that came before their requests, oldest first. */
  private readonly late: PendingCall[] = [];
  /** Requests were seen in that direction. */
  private readonly requested: [boolean, boolean] = [false, false];

  constructor(flow: Flow, ledger: Ledger, contexts: Contexts) {
    this.flow = flow;
    this.ledger = ledger;
    this.contexts = contexts;
  }

  /** Whether a call waits for an answer of that id from that side. */
  waits(direction: Direction, callId: number): boolean {
    return this.pending[direction === 0 ? 1 : 0].get(callId) !== null;
  }

  remove(call: PendingCall): void {
    if (!this.pending[call.direction].remove(call) && call.answer !== null)
      this.late.splice(this.late.indexOf(call), 1);
  }

  request(pdu: PduView, direction: Direction, opened: Opened): void {
    this.requested[direction] = true;
    if (this.late.length > 0) this.catchUp(pdu, direction);
    const first = (pdu.flags & PFC.first) !== 0;
    let call = this.pending[direction].get(pdu.callId);
    if (call !== null && call.opnum === null && call.answer !== null) this.describe(call, pdu, direction);
    else if (call !== null && first) {
      this.superseded(call, pdu);
      call = null;
    } else if (call !== null && call.requestParts === null && call.request !== null) {
      note(
        call,
        'rpc-fragment-order',
        `a further fragment (frame ${pdu.frame}) came after the last one of the request; it is left out`,
        '[C706] 12.6.3.1',
        pdu.frame,
      );
      return;
    }
    if (call === null) {
      if (!first && this.early[direction] === pdu.callId) return;
      call = this.open(pdu, direction);
      if (!first)
        note(
          call,
          'rpc-fragment-lost',
          'the first fragment of the request was not captured: its stub is left out',
          '[C706] 12.6.3.1',
          pdu.frame,
        );
    }
    if (pdu.cut)
      note(
        call,
        'rpc-pdu-truncated',
        `the request PDU is cut after ${pdu.end - pdu.start} of ${pdu.fragLength} bytes`,
        null,
        pdu.frame,
      );
    else if (pdu.short)
      note(
        call,
        'rpc-malformed',
        `frag_length ${pdu.fragLength} is too short for a request`,
        '[C706] 12.6.4.9',
        pdu.frame,
      );
    if ((pdu.flags & WHOLE) === WHOLE) {
      const base = opened.start;
      const verification = opened.sealed || pdu.cut ? null : findVerification(opened.block, base, opened.end, base);
      call.request = wholeStub(pdu, opened.block, base, opened.end, opened.sealed, verification);
      call.requestAuth = opened.auth;
      call.loose = !opened.own;
      if (verification !== null) this.verify(call, pdu, verification);
    } else {
      call.requestAuth = this.sameAuth(call, call.requestAuth, opened.auth, pdu);
      const parts = (call.requestParts ??= this.builder(pdu, direction, !first));
      this.append(call, parts, pdu, direction, opened);
      if ((pdu.flags & PFC.last) === 0) return;
      call.request = parts.finish(findVerification);
      call.requestParts = null;
      if (call.request.verification !== null) this.verify(call, pdu, call.request.verification);
    }
    if (call.answer !== null) giveUp(this.ledger, call);
    else if ((pdu.flags & PFC.maybe) !== 0) this.ledger.close(call, 'maybe', null, null, null);
  }

  response(pdu: PduView, direction: Direction, opened: Opened): void {
    const call = this.callAnsweredBy(pdu, direction);
    if (pdu.cut)
      note(
        call,
        'rpc-pdu-truncated',
        `the response PDU is cut after ${pdu.end - pdu.start} of ${pdu.fragLength} bytes`,
        null,
        pdu.frame,
      );
    else if (pdu.short)
      note(
        call,
        'rpc-malformed',
        `frag_length ${pdu.fragLength} is too short for a response`,
        '[C706] 12.6.4.10',
        pdu.frame,
      );
    if ((pdu.flags & WHOLE) === WHOLE && call.responseParts === null) {
      call.responseAuth = opened.auth;
      this.complete(
        call,
        pdu,
        wholeStub(pdu, opened.block, opened.start, opened.end, opened.sealed, null),
        null,
        opened,
      );
      return;
    }
    const first = (pdu.flags & PFC.first) !== 0;
    if (first && call.responseParts !== null) {
      note(
        call,
        'rpc-fragment-order',
        'a first fragment came while the response was not complete: what came before is left out',
        '[C706] 12.6.3.1',
        pdu.frame,
      );
      call.responseParts = null;
    }
    call.responseAuth = this.sameAuth(call, call.responseAuth, opened.auth, pdu);
    let parts = call.responseParts;
    if (parts === null) {
      parts = call.responseParts = this.builder(pdu, direction, !first);
      if (!first)
        note(
          call,
          'rpc-fragment-lost',
          'the first fragment of the response was not captured: its stub is left out',
          '[C706] 12.6.3.1',
          pdu.frame,
        );
    }
    this.append(call, parts, pdu, direction, opened);
    if ((pdu.flags & PFC.last) === 0) return;
    call.responseParts = null;
    this.complete(call, pdu, parts.finish(null), null, null);
  }

  /**
   * A fault ends its call whatever came before; its stub, if any, is extended error information and kept ([MS-RPCE]
   * 2.2.2.8).
   */
  fault(pdu: PduView, direction: Direction, opened: Opened, fault: Fault): void {
    const call = this.callAnsweredBy(pdu, direction);
    if (pdu.cut && pdu.end - pdu.start < 28)
      note(
        call,
        'rpc-pdu-truncated',
        `the fault PDU is cut after ${pdu.end - pdu.start} bytes, before its status`,
        null,
        pdu.frame,
      );
    call.responseParts = null;
    call.responseAuth = opened.auth;
    const stub = wholeStub(pdu, opened.block, opened.start, opened.end, opened.sealed, null);
    this.complete(call, pdu, stub, fault, opened);
  }

  /** co_cancel: the client wants the call to end soon; orphaned: it no longer listens. Either may cross an answer. */
  abandon(pdu: PduView, direction: Direction, orphaned: boolean): void {
    const call = this.pending[direction].get(pdu.callId);
    if (call === null) return;
    if (orphaned) call.orphaned = true;
    else call.cancelled = true;
  }

  lost(direction: Direction): void {
    this.epochs[direction]++;
  }

  /** Nothing more comes in `direction`: calls of the other side that wait for it are given up. */
  ended(direction: Direction): void {
    for (const call of this.pending[direction === 0 ? 1 : 0].all()) giveUp(this.ledger, call);
  }

  end(): void {
    const [a, b] = this.pending;
    const all = [...this.late, ...a.all(), ...b.all()];
    if (all.length > Math.max(a.size, b.size)) all.sort((x, y) => x.sequence - y.sequence);
    for (const call of all) giveUp(this.ledger, call);
  }

  private open(pdu: PduView, direction: Direction): PendingCall {
    const call = this.create(direction, pdu.callId);
    this.describe(call, pdu, direction);
    return call;
  }

  /** Fills in what the header of a request says. */
  private describe(call: PendingCall, pdu: PduView, direction: Direction): void {
    const { view } = pdu.block;
    const at = pdu.start;
    call.requestTime = moment(pdu.firstS, pdu.firstNs);
    if (pdu.end - at < 24) return;
    call.contextId = view.getUint16(at + 20, pdu.littleEndian);
    call.opnum = view.getUint16(at + 22, pdu.littleEndian);
    if ((pdu.flags & PFC.object) !== 0 && pdu.end - at >= 40) call.object = guidAt(view, at + 24, pdu.littleEndian);
    const context = this.contexts.find(direction, call.contextId);
    if (typeof context !== 'string') call.context = context;
    else if (context === 'unknown') call.transfer = this.contexts.transferOf(direction);
    if (context === 'rejected') {
      note(
        call,
        'rpc-context-rejected',
        `the request names presentation context ${call.contextId}, which the server rejected`,
        '[MS-RPCE] 3.3.1.5.6',
        pdu.frame,
      );
    } else if (
      context === 'unknown' &&
      this.contexts.proposals > 0 &&
      this.flow.opened === 'syn' &&
      this.epochs[0] + this.epochs[1] === 0
    ) {
      // From the first byte on every bind was seen: the client made the id up.
      note(
        call,
        'rpc-unknown-context',
        `the request names presentation context ${call.contextId}, which was never negotiated`,
        '[C706] 12.6.3.1',
        pdu.frame,
      );
    }
  }

  private create(direction: Direction, callId: number): PendingCall {
    const { ledger } = this;
    const table = this.pending[direction];
    if (table.size >= ledger.limits.pendingCalls) {
      const oldest = table.oldest();
      if (oldest !== null)
        ledger.evict(
          oldest,
          `${ledger.limits.pendingCalls} calls of this connection wait for their answer; this oldest one is given up`,
        );
    }
    const call = ledger.open(this, direction, callId);
    table.add(call);
    return call;
  }

  /** The call an answer belongs to; one without a request where that was not captured. */
  private callAnsweredBy(pdu: PduView, direction: Direction): PendingCall {
    const client: Direction = direction === 0 ? 1 : 0;
    const known = this.pending[client].get(pdu.callId);
    if (known !== null) {
      if (known.requestParts !== null) {
        // The server answers early, or the rest of the request was not captured.
        known.requestParts.incomplete = true;
        known.request = known.requestParts.finish(null);
        known.requestParts = null;
        this.early[client] = pdu.callId;
      }
      return known;
    }
    const call = this.create(client, pdu.callId);
    if (pdu.end - pdu.start >= 24) {
      call.contextId = pdu.block.view.getUint16(pdu.start + 20, pdu.littleEndian);
      const context = this.contexts.find(client, call.contextId);
      if (typeof context !== 'string') call.context = context;
      else if (context === 'unknown') call.transfer = this.contexts.transferOf(client);
    }
    // Where the capture begins in the middle of a connection, its first answers have no request in it.
    if (this.flow.opened === 'syn' || this.requested[client]) {
      note(
        call,
        'rpc-orphan-response',
        `no request with call id ${pdu.callId} waits for this ${pdu.ptype === PTYPE.fault ? 'fault' : 'response'}`,
        '[C706] 12.6.3.5',
        pdu.frame,
      );
    }
    return call;
  }

  /** A request uses the id of a call that is still pending. */
  private superseded(call: PendingCall, pdu: PduView): void {
    // After a loss the answer may have been in it.
    if (call.opnum !== null && !call.orphaned && !call.cancelled && this.epochs[0] + this.epochs[1] === 0) {
      note(
        call,
        'rpc-duplicate-call-id',
        `call id ${pdu.callId} was used again (frame ${pdu.frame}) before this call was answered`,
        '[C706] 12.6.3.5',
        pdu.frame,
      );
    }
    giveUp(this.ledger, call);
  }

  private builder(pdu: PduView, direction: Direction, headless: boolean): StubBuilder {
    const parts = new StubBuilder(pdu.drep, this.epochs[direction]);
    parts.incomplete = headless;
    return parts;
  }

  private append(call: PendingCall, parts: StubBuilder, pdu: PduView, direction: Direction, opened: Opened): void {
    const { limits } = this.ledger;
    if (!parts.incomplete && parts.epoch !== this.epochs[direction]) {
      parts.incomplete = true;
      note(
        call,
        'rpc-fragment-lost',
        `bytes are missing after ${parts.length} bytes of stub; what follows is left out`,
        '[C706] 12.6.3.1',
        pdu.frame,
      );
    }
    const count = opened.end - opened.start;
    if (
      !parts.incomplete &&
      (parts.length + count > limits.stubBytes ||
        parts.fragments >= limits.fragments ||
        !this.ledger.holdFor(call, parts.growth(count)))
    ) {
      parts.incomplete = true;
      note(
        call,
        'rpc-fragment-limit',
        `the stub passes a limit after ${parts.length} bytes in ${parts.fragments} fragments; the rest is left out`,
        null,
        pdu.frame,
      );
    }
    // Frames are kept for every fragment, which the limit on fragments has to bound as well.
    if (parts.fragments < limits.fragments) parts.add(pdu, opened.block, opened.start, opened.end, opened.sealed);
  }

  /** All fragments of a call are protected alike ([MS-RPCE] 2.2.2.11). */
  private sameAuth(call: PendingCall, before: Auth | null, now: Auth | null, pdu: PduView): Auth | null {
    if (before === null || before === now) return now;
    if (now === null || now.type !== before.type || now.level !== before.level || now.contextId !== before.contextId) {
      note(
        call,
        'rpc-bad-auth-trailer',
        'fragments of one call differ in authentication type, level or context',
        '[MS-RPCE] 2.2.2.11',
        pdu.frame,
      );
    }
    return graver(before, now);
  }

  /**
   * Ends a call with its answer; one without a request is kept for a while. `opened` null: the stub has memory of its
   * own.
   */
  private complete(call: PendingCall, pdu: PduView, stub: Stub, fault: Fault | null, opened: Opened | null): void {
    const time = moment(pdu.timeS, pdu.timeNs);
    if (call.opnum !== null) {
      this.ledger.close(call, fault === null ? 'answered' : 'faulted', stub, fault, time);
      return;
    }
    // A capture that begins midstream, or has one direction only, gives answers without requests: those are not waited
    // for.
    if (this.flow.opened !== 'syn' && !this.requested[call.direction]) {
      this.ledger.close(call, 'response-only', stub, fault, time);
      return;
    }
    // A hole holds back what is behind it in its own direction only: a request captured earlier may still be delivered.
    this.pending[call.direction].remove(call);
    call.answer = { stub, fault, time, frame: pdu.frame, loose: opened !== null && !opened.own };
    this.late.push(call);
    const [oldest] = this.late;
    if (this.late.length > this.ledger.limits.lateRequests && oldest !== undefined) giveUp(this.ledger, oldest);
  }

  /** A request came: takes the answer that waits for it, and gives up those that it proves to be orphans. */
  private catchUp(pdu: PduView, direction: Direction): void {
    const frame = pdu.pieceFrame?.[0] ?? pdu.frame;
    for (let i = 0; i < this.late.length; ) {
      const call = this.late[i] as PendingCall;
      if (call.direction === direction && call.answer !== null && call.answer.frame < frame) giveUp(this.ledger, call);
      else if (
        call.direction !== direction ||
        call.callId !== pdu.callId ||
        this.pending[direction].get(call.callId) !== null
      )
        i++;
      else {
        this.late.splice(i, 1);
        this.pending[direction].add(call);
        call.problems = call.problems?.filter((problem) => problem.code !== 'rpc-orphan-response') ?? null;
        if (call.problems?.length === 0) call.problems = null;
      }
    }
  }

  /**
   * What the client says of its request behind the stub has to agree with the header ([MS-RPCE] 2.2.2.13.3,
   * 2.2.2.13.4).
   */
  private verify(call: PendingCall, pdu: PduView, trailer: VerificationTrailer): void {
    for (const { command, fields, mustProcess, type } of trailer.commands) {
      if (command === 'header2') {
        if (
          fields['ptype'] !== PTYPE.request ||
          fields['callId'] !== call.callId ||
          fields['contextId'] !== call.contextId ||
          fields['opnum'] !== call.opnum
        ) {
          note(
            call,
            'rpc-bad-verification-trailer',
            'the verification trailer names another call than the PDU header: the header was changed on the way',
            '[MS-RPCE] 2.2.2.13.3',
            pdu.frame,
          );
        }
      } else if (command === 'pcontext') {
        this.verifyContext(call, pdu, fields);
      } else if (command === 'unknown' && mustProcess) {
        note(
          call,
          'rpc-bad-verification-trailer',
          `the verification trailer holds command ${type}, which must be understood and is not`,
          '[MS-RPCE] 2.2.2.13',
          pdu.frame,
        );
      }
    }
  }

  private verifyContext(call: PendingCall, pdu: PduView, fields: Fields): void {
    const abstract = syntaxOf(fields['interface']);
    const transfer = transferOf(syntaxOf(fields['transfer']));
    const { context } = call;
    if (context === null) {
      // A capture that begins after the bind: the client itself says what the context is.
      if (transfer === null || call.problems?.some((problem) => problem.code === 'rpc-context-rejected') === true)
        return;
      call.context = { id: call.contextId, abstract, transfer };
      call.transfer = null;
      this.contexts.learn(call.direction, call.context);
    } else if (context.abstract.uuid !== abstract.uuid || context.transfer !== transfer) {
      note(
        call,
        'rpc-bad-verification-trailer',
        `the verification trailer says interface ${abstract.uuid}, context ${call.contextId} was negotiated for ${context.abstract.uuid}`,
        '[MS-RPCE] 2.2.2.13.4',
        pdu.frame,
      );
    }
  }
}

function syntaxOf(value: Value | undefined): SyntaxId {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return NULL_SYNTAX;
  const { uuid, major, minor } = value as Fields;
  return typeof uuid === 'string' && typeof major === 'number' && typeof minor === 'number'
    ? { uuid, major, minor }
    : NULL_SYNTAX;
}

function moment(timeS: number, timeNs: number): Moment {
  return { timeS, timeNs };
}
