import { blockOf } from '../../bytes/block.js';
import type { Call, Drep, Exchange, Fields, Moment, ObjectReference, Stub, StubPiece } from '../../types.js';
import {
  headPart,
  RECENT,
  recents,
  sameContext,
  Shared,
  sized,
  type Auths,
  type Head,
  type Recent,
  type Ref,
  type Seat,
  type SharedParts,
} from './shared.js';

type Rare = Pick<Call, 'exception' | 'fault' | 'problems' | 'callbacks'> & { readonly exchange: Exchange['problems'] };
type PackedTime = readonly [seconds: number, nanoseconds: number] | null;
type PackedStub = readonly [
  bytes: Uint8Array,
  drep: Ref<Drep>,
  frames: number | readonly number[],
  pieces: readonly StubPiece[] | null,
  fragments: number,
  complete: boolean,
  sealed: boolean,
  verification: Stub['verification'],
];
export type PackedCall = readonly [
  id: number,
  callId: number,
  head: Ref<Head>,
  seat: Ref<Seat>,
  object: Ref<ObjectReference> | null,
  ipid: Ref<string> | null,
  auths: Ref<Auths>,
  causality: Ref<string> | null,
  requestTime: PackedTime,
  responseTime: PackedTime,
  latencyNs: number | null,
  hresult: number | null,
  inputs: Fields,
  outputs: Fields,
  request: PackedStub | null,
  response: PackedStub | null,
  rare: Rare | null,
];

/**
 * Calls to short tuples and back: what repeats from call to call (the method, the connection, the object, identifiers)
 * is kept once and
 * referred to by number. Packing the objects as they are took four times as long.
 */
export class CallPacking {
  private readonly heads: Shared<Head>;
  private readonly recentHeads: (Recent<Head> | undefined)[] = recents();
  private readonly shared: SharedParts;

  /** `heads`: of another run, by their numbers. */
  constructor(shared: SharedParts, heads?: Head[]) {
    this.shared = shared;
    this.heads = new Shared(heads);
  }

  /** What calls of a method have in common, by number. */
  get methods(): Head[] {
    return this.heads.parts;
  }

  pack(call: Call): PackedCall {
    const { exchange: e } = call;
    const { object } = call;
    const head = this.headOf(call);
    const seat = this.shared.seatOf(call);
    const rare =
      call.exception === null &&
      call.fault === null &&
      call.problems.length === 0 &&
      call.callbacks.length === 0 &&
      e.problems.length === 0
        ? null
        : {
            exception: call.exception,
            fault: call.fault,
            problems: call.problems,
            callbacks: call.callbacks,
            exchange: e.problems,
          };
    return [
      call.id,
      call.callId,
      head,
      seat,
      object === null ? null : this.shared.objectOf(object),
      e.object === null ? null : this.shared.texts.put(e.object, e.object),
      this.shared.authsOf(call),
      call.causality === null ? null : this.shared.texts.put(call.causality, call.causality),
      packedTime(e.requestTime),
      packedTime(e.responseTime),
      call.latencyNs,
      call.hresult,
      call.in,
      call.out,
      this.stub(e.request),
      this.stub(e.response),
      rare,
    ];
  }

  /** What was put lately is known without its key, which takes longer to make than all else. */
  private headOf(call: Call): Ref<Head> {
    const { exchange: e, via } = call;
    const place = ((call.opnum ?? 0) * 31 + call.contextId) & (RECENT - 1);
    const recent = this.recentHeads[place];
    if (recent !== undefined && isOf(recent.part, call)) return recent.ref;
    const headKey = `${call.iid} ${call.opnum} ${e.opnum} ${call.contextId} ${contextKey(e.context)} ${e.transfer ?? ''} ${sized(call.interface)} ${sized(call.method)} ${call.member} ${call.printedOpnum} ${call.spec} ${call.section} ${call.dispid} ${call.binding} ${via === null ? '' : `${sized(via.interface)} ${sized(via.method)} ${via.opnum}`} ${call.certainty} ${call.decoded} ${sized(call.wrapped)} ${sized(call.refused)} ${call.outcome} ${call.because}`;
    const part = headPart(call);
    const ref = this.heads.put(headKey, part);
    if (typeof ref === 'number') this.recentHeads[place] = { part, ref };
    return ref;
  }

  unpack([
    id,
    callId,
    headRef,
    seatRef,
    objectRef,
    ipid,
    authsRef,
    causality,
    requestAt,
    responseAt,
    latencyNs,
    hresult,
    inputs,
    outputs,
    packedRequest,
    packedResponse,
    rare,
  ]: PackedCall): Call {
    const { sent, context, transfer, ...head } = this.heads.get(headRef);
    const { flow, direction, client, server, group } = this.shared.seats.get(seatRef);
    const [auth, requestAuth, responseAuth] = this.shared.auths.get(authsRef);
    const [requestTime, responseTime] = [moment(requestAt), moment(responseAt)];
    const [request, response] = [this.stubOf(packedRequest), this.stubOf(packedResponse)];
    const { exception = null, fault = null, problems = NONE, callbacks = NONE, exchange: found = NONE } = rare ?? {};
    const { outcome, contextId } = head;
    return {
      kind: 'call',
      id,
      time: requestTime ?? responseTime,
      latencyNs,
      client,
      server,
      flow: flow.id,
      callId,
      ...head,
      object: objectRef === null ? null : this.shared.objects.get(objectRef),
      causality: causality === null ? null : this.shared.texts.get(causality),
      in: inputs,
      out: outputs,
      hresult,
      exception,
      callbacks,
      group,
      fault,
      auth,
      requestFrames: request?.frames ?? NONE,
      responseFrames: response?.frames ?? NONE,
      problems,
      exchange: {
        kind: 'exchange',
        flow,
        direction,
        callId,
        contextId,
        opnum: sent,
        object: ipid === null ? null : this.shared.texts.get(ipid),
        context,
        ...(transfer === null ? {} : { transfer }),
        request,
        response,
        fault,
        outcome,
        requestTime,
        responseTime,
        requestAuth,
        responseAuth,
        problems: found,
      },
    };
  }

  private stub(of: Stub | null): PackedStub | null {
    if (of === null) return null;
    const { drep, frames, pieces } = of;
    const [only] = frames;
    // Nearly every stub lies in one frame.
    const simple =
      only !== undefined &&
      frames.length === 1 &&
      (of.end === of.start
        ? pieces.length === 0
        : pieces.length === 1 && pieces[0]?.from === 0 && pieces[0].frame === only);
    return [
      of.block.u8.subarray(of.start, of.end),
      this.shared.drepOf(drep),
      simple ? only : frames,
      simple ? null : pieces,
      of.fragments,
      of.complete,
      of.sealed,
      of.verification,
    ];
  }

  private stubOf(packed: PackedStub | null): Stub | null {
    if (packed === null) return null;
    const [bytes, drep, frames, pieces, fragments, complete, sealed, verification] = packed;
    return {
      block: blockOf(bytes),
      start: 0,
      end: bytes.length,
      drep: this.shared.dreps.get(drep),
      frames: typeof frames === 'number' ? [frames] : frames,
      pieces: pieces ?? (bytes.length === 0 || typeof frames !== 'number' ? [] : [{ from: 0, frame: frames }]),
      fragments,
      complete,
      sealed,
      verification,
    };
  }
}

const NONE: readonly never[] = Object.freeze([]);
function isOf(head: Head, call: Call): boolean {
  const { exchange: e } = call;
  return (
    head.method === call.method &&
    head.iid === call.iid &&
    head.opnum === call.opnum &&
    head.sent === e.opnum &&
    sameContext(head.context, e.context) &&
    head.transfer === (e.transfer ?? null) &&
    head.because === call.because &&
    head.outcome === call.outcome &&
    head.contextId === call.contextId &&
    isNamedAs(head, call)
  );
}

/** What seldom differs where the method is the same. */
function isNamedAs(head: Head, call: Call): boolean {
  return (
    head.interface === call.interface &&
    head.member === call.member &&
    head.printedOpnum === call.printedOpnum &&
    head.section === call.section &&
    head.spec === call.spec &&
    head.binding === call.binding &&
    head.dispid === call.dispid &&
    head.via === call.via &&
    head.certainty === call.certainty &&
    head.decoded === call.decoded &&
    head.wrapped === call.wrapped &&
    head.refused === call.refused
  );
}

function contextKey(context: Exchange['context']): string {
  return context === null
    ? ''
    : `${context.id} ${context.transfer} ${context.abstract.uuid} ${context.abstract.major} ${context.abstract.minor}`;
}

function packedTime(time: Moment | null): PackedTime {
  return time === null ? null : [time.timeS, time.timeNs];
}

function moment(packed: PackedTime): Moment | null {
  return packed === null ? null : { timeS: packed[0], timeNs: packed[1] };
}
