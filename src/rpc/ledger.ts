import type {
  Auth,
  BindRecord,
  Direction,
  Exchange,
  ExchangeOutcome,
  Fault,
  Flow,
  Moment,
  PresentationContext,
  Problem,
  ProblemCode,
  ShutdownRecord,
  Stub,
  TransferSyntax,
} from '../types.js';
import { blockOf } from '../bytes/block.js';
import type { RpcLimits } from './limits.js';
import type { PduProtection } from './protection.js';
import { detachStub, type Opened, type StubBuilder } from './stub.js';

/** What the observer hands on. */
export type RpcOutput = Exchange | BindRecord | ShutdownRecord | Problem;

/** Totals of a run; bytes and connections that are no RPC are in none of them. */
export interface RpcCounts {
  pdus: number;
  /** Connections found to be RPC. */
  associations: number;
  exchanges: number;
  binds: number;
  /** Bytes passed over in search of a header. */
  skippedBytes: number;
  /** Segments of connections that carry RPC over HTTP, which is not read. */
  overHttp: number;
}

const NOTHING = blockOf(new Uint8Array(0));

export const NO_PROBLEMS: readonly Problem[] = Object.freeze([]);

/** An answer that was delivered before its request. */
interface LateAnswer {
  stub: Stub;
  readonly fault: Fault | null;
  readonly time: Moment;
  /** Frame of its last byte. */
  readonly frame: number;
  loose: boolean;
}

/** A call whose answer is awaited, or whose fragments are not all there. */
export class PendingCall {
  readonly calls: PendingOwner;
  readonly direction: Direction;
  readonly callId: number;
  readonly sequence: number;
  contextId = 0;
  opnum: number | null = null;
  object: string | null = null;
  context: PresentationContext | null = null;
  /** Of a context that is not known: what its server accepted, or null. */
  transfer: TransferSyntax | null = null;
  request: Stub | null = null;
  requestParts: StubBuilder | null = null;
  responseParts: StubBuilder | null = null;
  requestTime: Moment | null = null;
  requestAuth: Auth | null = null;
  responseAuth: Auth | null = null;
  answer: LateAnswer | null = null;
  /** The request lies in memory the reader will reuse or let go. */
  loose = false;
  /** Bytes of its own counted in the ledger. */
  held = 0;
  cancelled = false;
  orphaned = false;
  problems: Problem[] | null = null;
  previous: PendingCall | null = null;
  next: PendingCall | null = null;

  constructor(calls: PendingOwner, direction: Direction, callId: number, sequence: number) {
    this.calls = calls;
    this.direction = direction;
    this.callId = callId;
    this.sequence = sequence;
  }
}

/** The table a pending call is in. */
export interface PendingOwner {
  readonly flow: Flow;
  remove(call: PendingCall): void;
}

/** What the connections of one observer share: bounds, totals, the output, and all pending calls by age. */
export class Ledger {
  readonly limits: RpcLimits;
  readonly protection: PduProtection | null;
  readonly counts: RpcCounts = { pdus: 0, associations: 0, exchanges: 0, binds: 0, skippedBytes: 0, overHttp: 0 };
  /** The caller's list during a push. */
  out: RpcOutput[] = [];
  readonly opened: Opened = { block: NOTHING, start: 0, end: 0, sealed: false, auth: null, own: false };
  private bytes = 0;
  private pending = 0;
  private sequence = 0;
  private head: PendingCall | null = null;
  private tail: PendingCall | null = null;
  /** The oldest call that may be loose: none before it is. */
  private firstLoose: PendingCall | null = null;

  constructor(limits: RpcLimits, protection: PduProtection | null) {
    this.limits = limits;
    this.protection = protection;
  }

  /** What the limits bound. */
  get load(): { readonly heldBytes: number; readonly pendingCalls: number } {
    return { heldBytes: this.bytes, pendingCalls: this.pending };
  }

  /** Counts `bytes` more (or fewer); false, and nothing counted, where the bound forbids it. */
  hold(bytes: number): boolean {
    if (bytes > 0 && this.bytes + bytes > this.limits.heldBytes) return false;
    this.bytes += bytes;
    return true;
  }

  /** Counts bytes for a call, giving up older calls to make room. */
  holdFor(call: PendingCall, bytes: number): boolean {
    while (!this.hold(bytes)) {
      const oldest = this.head === call ? call.next : this.head;
      if (oldest === null) return false;
      this.evict(oldest, `unfinished calls hold ${this.limits.heldBytes} bytes; this oldest one is given up`);
    }
    call.held += bytes;
    return true;
  }

  open(calls: PendingOwner, direction: Direction, callId: number): PendingCall {
    if (this.pending >= this.limits.pendingTotal && this.head !== null)
      this.evict(this.head, `${this.limits.pendingTotal} calls wait for their answer; this oldest one is given up`);
    const call = new PendingCall(calls, direction, callId, this.sequence++);
    call.previous = this.tail;
    if (this.tail === null) this.head = call;
    else this.tail.next = call;
    this.tail = call;
    if (this.firstLoose === null) this.firstLoose = call;
    this.pending++;
    return call;
  }

  /** Ends a call: takes it off its table and hands its exchange on. */
  close(
    call: PendingCall,
    outcome: ExchangeOutcome,
    response: Stub | null,
    fault: Fault | null,
    responseTime: Moment | null,
  ): void {
    call.calls.remove(call);
    const { previous, next } = call;
    if (previous === null) this.head = next;
    else previous.next = next;
    if (next === null) this.tail = previous;
    else next.previous = previous;
    if (this.firstLoose === call) this.firstLoose = next;
    // A dead call in old memory that still named the next one would keep it, its stub and the reader's block alive, and
    // so on from call to call.
    call.previous = null;
    call.next = null;
    this.pending--;
    this.bytes -= call.held;
    this.counts.exchanges++;
    const exchange: Exchange = {
      kind: 'exchange',
      flow: call.calls.flow,
      direction: call.direction,
      callId: call.callId,
      contextId: call.contextId,
      opnum: call.opnum,
      object: call.object,
      context: call.context,
      request: call.request,
      response,
      fault,
      outcome,
      requestTime: call.requestTime,
      responseTime,
      requestAuth: call.requestAuth,
      responseAuth: call.responseAuth,
      problems: call.problems ?? NO_PROBLEMS,
    };
    this.out.push(call.transfer === null ? exchange : { ...exchange, transfer: call.transfer });
  }

  /** Gives up a call for a limit's sake. */
  evict(call: PendingCall, message: string): void {
    note(call, 'rpc-pending-limit', message, null, 0);
    giveUp(this, call);
  }

  /**
   * Copies the requests that still lie in the reader's memory; only those that came since the last time are visited.
   */
  settle(): void {
    for (let call = this.firstLoose; call !== null; call = call.next) {
      if (call.loose && call.request !== null) {
        call.request = this.detach(call, call.request);
        call.loose = false;
      }
      const { answer } = call;
      if (answer?.loose === true) {
        answer.stub = this.detach(call, answer.stub);
        answer.loose = false;
      }
    }
    this.firstLoose = null;
    this.opened.block = NOTHING;
  }

  private detach(call: PendingCall, stub: Stub): Stub {
    const copy = detachStub(stub);
    // Counted without a look at the bound: the bytes are in memory either way, and the next call that wants more finds
    // out.
    this.bytes += copy.end;
    call.held += copy.end;
    return copy;
  }
}

/** Ends a call that gets no (further) answer, with what there is of it. */
export function giveUp(ledger: Ledger, call: PendingCall): void {
  if (call.requestParts !== null) {
    call.requestParts.incomplete = true;
    call.request = call.requestParts.finish(null);
    call.requestParts = null;
  }
  const { answer, responseParts: parts } = call;
  if (answer !== null) {
    ledger.close(call, outcomeOf(call, answer.fault), answer.stub, answer.fault, answer.time);
    return;
  }
  if (parts !== null) {
    parts.incomplete = true;
    note(call, 'rpc-fragment-lost', 'the last fragment of the response did not come', '[C706] 12.6.3.1', 0);
    ledger.close(call, outcomeOf(call, null), parts.finish(null), null, null);
    return;
  }
  ledger.close(call, unansweredOutcome(call), null, null, null);
}

/** What a call that was answered came to. */
function outcomeOf({ opnum }: PendingCall, fault: Fault | null): ExchangeOutcome {
  if (opnum === null) return 'response-only';
  return fault === null ? 'answered' : 'faulted';
}

function unansweredOutcome({ orphaned, cancelled }: PendingCall): ExchangeOutcome {
  if (orphaned) return 'orphaned';
  return cancelled ? 'cancelled' : 'unanswered';
}

/** Adds a problem to a call. */
export function note(call: PendingCall, code: ProblemCode, message: string, spec: string | null, frame: number): void {
  const at = frame > 0 ? { flow: call.calls.flow.id, frame } : { flow: call.calls.flow.id };
  (call.problems ??= []).push({ kind: 'problem', layer: 'rpc', code, message, spec, at });
}
