import { blockOf } from '../../bytes/block.js';
import type {
  Auth,
  Call,
  Drep,
  Endpoint,
  Exchange,
  Fields,
  Moment,
  ObjectReference,
  Stub,
  StubPiece,
  TransferSyntax,
} from '../../types.js';

/** Shared parts of each kind that are kept once; those met later are packed with each call. */
export const MAX_SHARED = 65_536;

type Head = Pick<
  Call,
  | 'contextId'
  | 'interface'
  | 'iid'
  | 'method'
  | 'member'
  | 'opnum'
  | 'printedOpnum'
  | 'section'
  | 'spec'
  | 'binding'
  | 'dispid'
  | 'via'
  | 'certainty'
  | 'because'
  | 'decoded'
  | 'wrapped'
  | 'refused'
  | 'outcome'
> & {
  readonly sent: number | null;
  readonly context: Exchange['context'];
  readonly transfer: TransferSyntax | null;
};
type Seat = Pick<Exchange, 'flow' | 'direction'> & {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly group: number | null;
};
type Auths = readonly [own: Auth, request: Auth | null, response: Auth | null];
type Rare = Pick<Call, 'exception' | 'fault' | 'problems' | 'callbacks'> & { readonly exchange: Exchange['problems'] };
/** Index in a table, or the part itself. */
type Ref<T> = number | T;
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

/** Parts that many calls share, kept once. */
class Shared<T> {
  private readonly numbers = new Map<string, number>();
  private readonly parts: T[] = [];

  put(key: string, part: T): Ref<T> {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    if (this.parts.length >= MAX_SHARED) return part;
    this.numbers.set(key, this.parts.length);
    return this.parts.push(part) - 1;
  }

  get(ref: Ref<T>): T {
    return typeof ref === 'number' ? (this.parts[ref] as T) : ref;
  }
}

/**
 * Calls to short tuples and back: what repeats from call to call (the method, the connection, the object, identifiers)
 * is kept once and
 * referred to by number. Packing the objects as they are took four times as long.
 */
export class CallPacking {
  private readonly heads = new Shared<Head>();
  private readonly seats = new Shared<Seat>();
  private readonly objects = new Shared<ObjectReference>();
  private readonly auths = new Shared<Auths>();
  private readonly texts = new Shared<string>();
  private readonly dreps = new Shared<Drep>();
  private readonly recentHeads: (Recent<Head> | undefined)[] = recents();
  private readonly recentSeats: (Recent<Seat> | undefined)[] = recents();
  private readonly recentAuths: (Recent<Auths> | undefined)[] = recents();
  private readonly knownObjects = new WeakMap<ObjectReference, number>();

  pack(call: Call): PackedCall {
    const { exchange: e } = call;
    const { object } = call;
    const head = this.headOf(call);
    const seat = this.seatOf(call);
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
      object === null ? null : this.objectOf(object),
      e.object === null ? null : this.texts.put(e.object, e.object),
      this.authsOf(call),
      call.causality === null ? null : this.texts.put(call.causality, call.causality),
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
    const part: Head = {
      contextId: call.contextId,
      interface: call.interface,
      iid: call.iid,
      method: call.method,
      member: call.member,
      opnum: call.opnum,
      printedOpnum: call.printedOpnum,
      section: call.section,
      spec: call.spec,
      binding: call.binding,
      dispid: call.dispid,
      via,
      certainty: call.certainty,
      because: call.because,
      decoded: call.decoded,
      wrapped: call.wrapped,
      refused: call.refused,
      outcome: call.outcome,
      sent: e.opnum,
      context: e.context,
      transfer: e.transfer ?? null,
    };
    const ref = this.heads.put(headKey, part);
    if (typeof ref === 'number') this.recentHeads[place] = { part, ref };
    return ref;
  }

  private seatOf({ exchange: { flow, direction }, group, client, server }: Call): Ref<Seat> {
    const place = flow.id & (RECENT - 1);
    const recent = this.recentSeats[place];
    if (recent !== undefined && recent.part.flow === flow) {
      const { part } = recent;
      if (part.direction === direction && part.group === group && part.client === client && part.server === server)
        return recent.ref;
    }
    const part = { flow, direction, client, server, group };
    const ref = this.seats.put(`${flow.id} ${direction} ${group}`, part);
    if (typeof ref === 'number') this.recentSeats[place] = { part, ref };
    return ref;
  }

  private objectOf(object: ObjectReference): Ref<ObjectReference> {
    const known = this.knownObjects.get(object);
    if (known !== undefined) return known;
    const ref = this.objects.put(`${object.ipid} ${object.oid} ${object.oxid} ${object.label}`, object);
    if (typeof ref === 'number') this.knownObjects.set(object, ref);
    return ref;
  }

  private authsOf({ auth, exchange: { flow, requestAuth, responseAuth } }: Call): Ref<Auths> {
    const place = flow.id & (RECENT - 1);
    const recent = this.recentAuths[place];
    if (recent !== undefined) {
      const [own, request, response] = recent.part;
      if (own === auth && request === requestAuth && response === responseAuth) return recent.ref;
    }
    const part: Auths = [auth, requestAuth, responseAuth];
    const ref = this.auths.put(`${authKey(auth)}|${authKey(requestAuth)}|${authKey(responseAuth)}`, part);
    if (typeof ref === 'number') this.recentAuths[place] = { part, ref };
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
    const { flow, direction, client, server, group } = this.seats.get(seatRef);
    const [auth, requestAuth, responseAuth] = this.auths.get(authsRef);
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
      object: objectRef === null ? null : this.objects.get(objectRef),
      causality: causality === null ? null : this.texts.get(causality),
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
        object: ipid === null ? null : this.texts.get(ipid),
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
      this.dreps.put(`${drep.littleEndian} ${drep.ebcdic} ${drep.float}`, drep),
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
      drep: this.dreps.get(drep),
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
/** Parts of a kind that are known without their keys: a power of two. */
const RECENT = 1024;

interface Recent<T> {
  readonly part: T;
  readonly ref: number;
}

function recents<T>(): (Recent<T> | undefined)[] {
  return Array.from({ length: RECENT }, () => undefined);
}

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

/** The same in all that {@link contextKey} tells: every connection has contexts of its own. */
function sameContext(one: Exchange['context'], other: Exchange['context']): boolean {
  if (one === other || one === null || other === null) return one === other;
  const { abstract: a } = one;
  const { abstract: b } = other;
  return (
    one.id === other.id &&
    one.transfer === other.transfer &&
    a.uuid === b.uuid &&
    a.major === b.major &&
    a.minor === b.minor
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

/** Names that come from the network may hold anything: their length tells where they end. */
function sized(text: string | null): string {
  return text === null ? '' : `${text.length}:${text}`;
}

function contextKey(context: Exchange['context']): string {
  return context === null
    ? ''
    : `${context.id} ${context.transfer} ${context.abstract.uuid} ${context.abstract.major} ${context.abstract.minor}`;
}

function authKey(auth: Auth | null): string {
  return auth === null
    ? ''
    : `${auth.type} ${auth.level} ${auth.verdict} ${auth.contextId} ${sized(auth.user ?? null)} ${auth.user === undefined}`;
}

function packedTime(time: Moment | null): PackedTime {
  return time === null ? null : [time.timeS, time.timeNs];
}

function moment(packed: PackedTime): Moment | null {
  return packed === null ? null : { timeS: packed[0], timeNs: packed[1] };
}
