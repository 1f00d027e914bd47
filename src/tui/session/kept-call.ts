import { argumentsOf, causalityAt, resultsOf, type OrdinaryReading } from '../../analysis/ordinary.js';
import { nanosecondsBetween } from '../../analysis/exchange-facts.js';
import type { Auth, Call, Endpoint, Exchange, Fields, Moment, ObjectReference, Problem, Stub } from '../../types.js';
import type { Auths, Head, Seat } from './shared.js';

/** A method with its codec, in a context. */
export interface OrdinaryHead extends OrdinaryReading {
  readonly head: Head;
}

/** What seldom is there of a call. */
export interface OrdinaryRest {
  /** Results with references in them, which say what objects these are called by; null: they stand in the stub. */
  readonly out: Fields | null;
  readonly problems: readonly Problem[];
  readonly callbacks: readonly number[];
  readonly request: Stub['verification'];
  readonly response: Stub['verification'];
}

interface Parts {
  readonly id: number;
  readonly callId: number;
  readonly reading: OrdinaryHead;
  readonly seat: Seat;
  readonly object: ObjectReference;
  readonly auths: Auths;
  readonly requestTime: Moment | null;
  readonly responseTime: Moment | null;
  readonly hresult: number | null;
  readonly rest: OrdinaryRest;
}

/** What of a call is read when it is asked for. */
interface Stubs {
  readonly ipid: string | null;
  /** Where the causality stands in the request; -1: there is none. */
  readonly causality: number;
  readonly request: Stub;
  readonly response: Stub;
}

/** An ordinary call as it was kept: a filter that asks for its method reads no stub, and decodes nothing. */
export class KeptCall implements Call {
  readonly kind: 'call';
  readonly id: number;
  readonly callId: number;
  readonly hresult: number | null;
  private readonly parts: Parts;
  private readonly read: () => Stubs;
  private found: Stubs | null;
  private whole: Exchange | null;
  private asked: Fields | null;
  private answered: Fields | null;

  constructor(parts: Parts, stubs: () => Stubs) {
    this.kind = 'call';
    this.id = parts.id;
    this.callId = parts.callId;
    this.hresult = parts.hresult;
    this.parts = parts;
    this.read = stubs;
    this.found = null;
    this.whole = null;
    this.asked = null;
    this.answered = parts.rest.out;
  }

  private get stubs(): Stubs {
    return (this.found ??= this.read());
  }

  private get head(): Head {
    return this.parts.reading.head;
  }

  get exchange(): Exchange {
    return (this.whole ??= this.exchanged());
  }

  private exchanged(): Exchange {
    const { head, stubs, callId } = this;
    const { seat, auths, requestTime, responseTime } = this.parts;
    return {
      kind: 'exchange',
      flow: seat.flow,
      direction: seat.direction,
      callId,
      contextId: head.contextId,
      opnum: head.sent,
      object: stubs.ipid,
      context: head.context,
      ...(head.transfer === null ? {} : { transfer: head.transfer }),
      request: stubs.request,
      response: stubs.response,
      fault: null,
      outcome: head.outcome,
      requestTime,
      responseTime,
      requestAuth: auths[1],
      responseAuth: auths[2],
      problems: NONE,
    };
  }

  get in(): Fields {
    return (this.asked ??= argumentsOf(this.parts.reading, this.stubs));
  }

  get out(): Fields {
    return (this.answered ??= resultsOf(this.parts.reading, this.stubs, () => this.in));
  }

  get time(): Moment | null {
    return this.parts.requestTime ?? this.parts.responseTime;
  }

  get latencyNs(): number | null {
    return nanosecondsBetween(this.parts.requestTime, this.parts.responseTime);
  }

  get client(): Endpoint {
    return this.parts.seat.client;
  }

  get server(): Endpoint {
    return this.parts.seat.server;
  }

  get flow(): number {
    return this.parts.seat.flow.id;
  }

  get contextId(): number {
    return this.head.contextId;
  }

  get interface(): string | null {
    return this.head.interface;
  }

  get iid(): string | null {
    return this.head.iid;
  }

  get method(): string | null {
    return this.head.method;
  }

  get member(): Call['member'] {
    return this.head.member;
  }

  get opnum(): number | null {
    return this.head.opnum;
  }

  get printedOpnum(): number | null {
    return this.head.printedOpnum;
  }

  get section(): string | null {
    return this.head.section;
  }

  get spec(): string | null {
    return this.head.spec;
  }

  get binding(): Call['binding'] {
    return this.head.binding;
  }

  get dispid(): number | null {
    return this.head.dispid;
  }

  get via(): Call['via'] {
    return this.head.via;
  }

  get certainty(): Call['certainty'] {
    return this.head.certainty;
  }

  get because(): string | null {
    return this.head.because;
  }

  get decoded(): boolean {
    return this.head.decoded;
  }

  get wrapped(): string | null {
    return this.head.wrapped;
  }

  get refused(): string | null {
    return this.head.refused;
  }

  get outcome(): Call['outcome'] {
    return this.head.outcome;
  }

  get object(): ObjectReference {
    return this.parts.object;
  }

  get causality(): string | null {
    return causalityAt(this.stubs.request, this.stubs.causality);
  }

  get exception(): null {
    return null;
  }

  get callbacks(): readonly number[] {
    return this.parts.rest.callbacks;
  }

  get group(): number | null {
    return this.parts.seat.group;
  }

  get fault(): null {
    return null;
  }

  get auth(): Auth {
    return this.parts.auths[0];
  }

  get requestFrames(): readonly number[] {
    return this.stubs.request.frames;
  }

  get responseFrames(): readonly number[] {
    return this.stubs.response.frames;
  }

  get problems(): readonly Problem[] {
    return this.parts.rest.problems;
  }
}

const NONE: readonly never[] = Object.freeze([]);
