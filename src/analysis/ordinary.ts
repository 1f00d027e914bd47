import { guidAt } from '../bytes/guid.js';
import { fragment, type JsonBytes } from '../bytes/json.js';
import { referenceTo } from '../dcom/objects.js';
import type { Types } from '../dcom/automation.js';
import { NO_PROBLEMS, type Codec, type Decoded, type MethodCodec, type Registry, type Told } from '../ndr/codec.js';
import { trailingProblem } from '../ndr/compile.js';
import { PlainInvoke } from '../ndr/invoke.js';
import { NO_FIELDS, type Fields } from '../ndr/value.js';
import type {
  Auth,
  Call,
  Endpoint,
  Exchange,
  Finding,
  Moment,
  ObjectReference,
  Problem,
  Stub,
  Value,
} from '../types.js';
import type { Callbacks } from './callbacks.js';
import type { Decoder } from './decode.js';
import { authOf, framesOf, nanosecondsBetween, placed } from './exchange-facts.js';
import { typesOf, type Interfaces, type Naming, type Plan } from './interfaces.js';
import type { Entry } from './knowledge.js';
import { plainResults, type LateBinder, type LatePlan } from './late.js';
import type { Place } from './locate.js';
import type { RuledShare } from './share.js';
import type { Track } from './track.js';

/** Bytes of text of the calls of one packet: past it further ones are decoded instead. */
export const MAX_PENDING_TEXT = 4 * 1024 * 1024;

/**
 * The ordinary call: early bound, or late bound without arguments; request and response whole and clean but for bytes
 * behind their last parameter, by an interface and a method of the tables, with nothing inferred. Its arguments are JSON already; as values they are decoded when somebody looks.
 */
export class OrdinaryCall implements Call {
  readonly kind: 'call';
  readonly id: number;
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly object: ObjectReference;
  readonly group: number | null;
  readonly auth: Auth;
  hresult: number | null;
  callbacks: readonly number[];
  /** Where the causality stands in the request's block; -1: there is none. */
  causalityAt: number;
  /** What it returned, where that is known without decoding. */
  retval: Value | undefined;
  /** Memory in which its arguments stand as JSON, until the next packet is pushed. */
  readonly memory: JsonBytes;
  inStart: number;
  inEnd: number;
  /** Equal to `inEnd` where the results are values. */
  outEnd: number;
  /** False: another reader writes it, and neither stub was looked at; what it returned is not known. */
  read: boolean;
  readonly codec: MethodCodec;
  private asked: Fields | null;
  private answered: Fields | null;
  /** Bytes behind the last parameter of the request, and of the response. */
  private behindIn = 0;
  private behindOut = 0;
  private told: readonly Problem[] = NO_PROBLEMS;
  /** The member that is meant, of a late-bound one; null otherwise. */
  late: LatePlan | null = null;
  /** Why it is that member. */
  because: string | null = null;

  // oxlint-disable-next-line max-params -- once a call on the hot path: an object for each would be made for nothing
  constructor(
    id: number,
    exchange: Exchange,
    plan: Plan,
    codec: MethodCodec,
    object: ObjectReference,
    group: number | null,
    memory: JsonBytes,
    answered: Fields | null,
  ) {
    this.kind = 'call';
    this.id = id;
    this.exchange = exchange;
    this.plan = plan;
    this.object = object;
    this.group = group;
    this.auth = authOf(exchange);
    this.hresult = null;
    this.callbacks = NONE;
    this.causalityAt = -1;
    this.retval = undefined;
    this.memory = memory;
    this.inStart = 0;
    this.inEnd = 0;
    this.outEnd = 0;
    this.read = true;
    this.codec = codec;
    this.asked = null;
    this.answered = answered;
  }

  get in(): Fields {
    return (this.asked ??= argumentsOf(this, this.exchange));
  }

  get out(): Fields {
    return (this.answered ??= resultsOf(this, this.exchange, () => this.in));
  }

  private get naming(): Naming {
    return this.late === null ? this.plan.naming : this.late.naming;
  }

  get time(): Moment | null {
    return this.exchange.requestTime ?? this.exchange.responseTime;
  }

  get latencyNs(): number | null {
    return nanosecondsBetween(this.exchange.requestTime, this.exchange.responseTime);
  }

  get client(): Endpoint {
    const { flow, direction } = this.exchange;
    return direction === 0 ? flow.a : flow.b;
  }

  get server(): Endpoint {
    const { flow, direction } = this.exchange;
    return direction === 0 ? flow.b : flow.a;
  }

  get flow(): number {
    return this.exchange.flow.id;
  }

  get callId(): number {
    return this.exchange.callId;
  }

  get contextId(): number {
    return this.exchange.contextId;
  }

  get interface(): string | null {
    return this.naming.interface;
  }

  get iid(): string | null {
    return this.naming.iid;
  }

  get method(): string | null {
    return this.naming.method;
  }

  get member(): Call['member'] {
    return this.naming.member;
  }

  get opnum(): number | null {
    return this.naming.opnum;
  }

  get printedOpnum(): number | null {
    return this.naming.printedOpnum;
  }

  get section(): string | null {
    return this.naming.section;
  }

  get spec(): string | null {
    return this.naming.spec;
  }

  get binding(): Call['binding'] {
    return this.late === null ? 'early' : 'late';
  }

  get dispid(): number | null {
    return this.late === null ? (this.plan.slot.method.dispid ?? null) : this.late.dispid;
  }

  get via(): Call['via'] {
    return this.late === null ? null : this.late.via;
  }

  get certainty(): Call['certainty'] {
    return this.late === null ? 'known' : this.late.certainty;
  }

  get causality(): string | null {
    return causalityAt(this.exchange.request, this.causalityAt);
  }

  get decoded(): true {
    return true;
  }

  get wrapped(): null {
    return null;
  }

  get exception(): null {
    return null;
  }

  get refused(): null {
    return null;
  }

  get fault(): null {
    return null;
  }

  get requestFrames(): readonly number[] {
    return framesOf(this.exchange.request);
  }

  get responseFrames(): readonly number[] {
    return framesOf(this.exchange.response);
  }

  get problems(): readonly Problem[] {
    if (this.behindIn + this.behindOut > 0 && this.told.length === 0) {
      const { request, response } = this.exchange;
      this.told = [
        ...trailing(this.exchange, request, this.behindIn),
        ...trailing(this.exchange, response, this.behindOut),
      ];
    }
    return this.told;
  }

  /** So many bytes stand behind the last parameter of the request, and of the response. */
  trails(request: number, response: number): void {
    this.behindIn = request;
    this.behindOut = response;
  }

  get outcome(): 'answered' {
    return 'answered';
  }
}

interface OrdinaryOptions {
  readonly interfaces: Interfaces;
  readonly decoder: Decoder;
  readonly track: Track;
  readonly callbacks: Callbacks;
  readonly late: LateBinder;
  readonly memory: JsonBytes;
  /** Problems kept of one call. */
  readonly problems: number;
  /** Null: no other reader follows the same calls. */
  readonly share: RuledShare | null;
}

/**
 * Makes ordinary calls in one step where their values are wanted as JSON only; every other call is left to the steps
 * that know what to do with it, and nothing is noted of it here.
 */
export class OrdinaryCalls {
  private readonly options: OrdinaryOptions;
  private readonly told: Told = { result: null, causality: -1, retval: undefined, trailing: 0 };
  private readonly invoke = new PlainInvoke();
  /** Whether rules learn here from calls of a method that others write. */
  private readonly judged = new Map<Plan, boolean>();

  constructor(options: OrdinaryOptions) {
    this.options = options;
  }

  /** The call, or null where it is not ordinary; its plan alone where no other reader looks into it either. */
  make(exchange: Exchange, id: number, place: Place, findings: Finding[]): OrdinaryCall | Plan | null {
    const { known, entry } = place;
    const { request, response, opnum } = exchange;
    if (known === null || entry === null || opnum === null || request === null || response === null) return null;
    if (exchange.context?.transfer !== 'ndr20' || exchange.fault !== null || exchange.problems.length > 0) return null;
    if (exchange.outcome !== 'answered' || !isPlain(request) || !isPlain(response)) return null;
    const plan = this.options.interfaces.plan(known, opnum);
    if (plan === null || plan.slot.method.notUsedOnWire === true) return null;
    if (plan.traced && plan.role !== 'invoke') return null;
    const taken = this.options.decoder.taken(known, opnum, place.server);
    const codec = taken === null ? null : this.options.interfaces.littleEndian(known, opnum, plan);
    if (codec === null) return null;
    const found = { place, plan, entry, codec, fitting: taken === 'fitting' };
    const { share } = this.options;
    // What an Invoke means can change what is known of its object: every reader looks into it.
    if (plan.role === 'invoke') return this.invoked(exchange, id, found, findings);
    if (share === null || !this.passes(place, plan)) return this.read(exchange, id, found, findings);
    return share.owns(id) || this.isJudged(share, plan)
      ? (this.read(exchange, id, found, findings) ?? plan)
      : this.passed(exchange, id, found, findings);
  }

  /** Whether who follows need not look into a call: it hands out no objects, and no callbacks are looked for. */
  private passes({ link }: Place, plan: Plan): boolean {
    return plan.responsePointers.length === 0 && (link === null || link.pair.reverse === null);
  }

  private isJudged(share: RuledShare, plan: Plan): boolean {
    let judged = this.judged.get(plan);
    if (judged === undefined) {
      const { iid, opnum } = plan.naming;
      judged = iid !== null && opnum !== null && share.judges(iid, opnum);
      this.judged.set(plan, judged);
    }
    return judged;
  }

  /** A call that another reader looks into. */
  private passed(
    exchange: Exchange,
    id: number,
    { place, plan, entry, codec }: Found,
    findings: Finding[],
  ): OrdinaryCall {
    this.options.track.ordinary(exchange, id, { place, plan, entry, response: null }, findings);
    const group = place.link === null ? null : place.link.group;
    const call = new OrdinaryCall(id, exchange, plan, codec, referenceTo(entry), group, this.options.memory, null);
    call.read = false;
    return call;
  }

  private read(exchange: Exchange, id: number, found: Found, findings: Finding[]): OrdinaryCall | null {
    const { track, memory } = this.options;
    const { request, response } = exchange;
    const { place, plan, entry, codec } = found;
    const { told } = this;
    const inStart = memory.at;
    if (codec.request.text === null || inStart > MAX_PENDING_TEXT) return null;
    if (request === null || response === null || !codec.request.text(request, memory, told)) return null;
    const inEnd = memory.at;
    const { causality: causalityAt, trailing: behindIn } = told;
    const decoded = plan.responsePointers.length > 0 ? codec.response.read(response) : null;
    const whole =
      decoded === null ? codec.response.text?.(response, memory, told) === true : isWhole(decoded, response, told);
    const behindOut = told.trailing;
    const clean = behindIn + behindOut === 0;
    if (
      !whole ||
      (!clean && this.options.problems < MOST_PROBLEMS) ||
      (found.fitting && !this.isTaken(exchange, found, clean, decoded))
    ) {
      memory.at = inStart;
      return null;
    }
    track.ordinary(exchange, id, { place, plan, entry, response: decoded }, findings);
    const group = place.link === null ? null : place.link.group;
    const answered = decoded === null ? null : decoded.value;
    const call = new OrdinaryCall(id, exchange, plan, codec, referenceTo(entry), group, memory, answered);
    if (plan.slot.method.returns?.kind === 'well-known') call.hresult = told.result;
    call.causalityAt = causalityAt;
    call.retval = told.retval;
    call.inStart = inStart;
    call.inEnd = inEnd;
    call.outEnd = memory.at;
    if (!clean) call.trails(behindIn, behindOut);
    this.callsBack(call, place);
    return call;
  }

  private callsBack(call: OrdinaryCall, { link, server, time }: Place): void {
    if (link !== null && link.pair.reverse !== null)
      call.callbacks = this.options.callbacks.of(call.id, call.causality, link.pair, server.port, time);
  }

  /** An Invoke without arguments, of a member that the class of its object declares. */
  private invoked(exchange: Exchange, id: number, found: Found, findings: Finding[]): OrdinaryCall | null {
    const { track, memory, late } = this.options;
    const { request, response } = exchange;
    const { place, plan, entry, codec } = found;
    const { invoke } = this;
    if (request === null || response === null || memory.at > MAX_PENDING_TEXT || !invoke.request(request)) return null;
    const { causality, dispid, flags, trailing: behindIn } = invoke;
    const meant = late.plain(entry.object, dispid, flags, plan);
    if (meant === null) return null;
    const inStart = memory.at;
    memory.raw(EMPTY);
    const inEnd = memory.at;
    const { form } = meant.plan;
    const whole = invoke.response(response, form, memory);
    const behindOut = invoke.trailing;
    const clean = behindIn + behindOut === 0;
    const limited = !clean && this.options.problems < MOST_PROBLEMS;
    if (!whole || limited || (found.fitting && !clean && !this.isTaken(exchange, found, clean, null))) {
      memory.at = inStart;
      return null;
    }
    track.ordinary(exchange, id, { place, plan, entry, response: null }, findings);
    const group = place.link === null ? null : place.link.group;
    const call = new OrdinaryCall(id, exchange, plan, codec, referenceTo(entry), group, memory, null);
    call.late = meant.plan;
    call.because = meant.because;
    call.hresult = 0;
    call.causalityAt = causality;
    if (form.name === 'retval') call.retval = invoke.result;
    call.inStart = inStart;
    call.inEnd = inEnd;
    call.outEnd = memory.at;
    if (!clean) call.trails(behindIn, behindOut);
    this.callsBack(call, place);
    return call;
  }

  /** Whether a call that could be of the other numbering is what its slot has. */
  private isTaken(exchange: Exchange, { place, plan }: Found, clean: boolean, decoded: Decoded | null): boolean {
    const { decoder } = this.options;
    if (clean) return decoder.plausible(this.told.result, decoded, plan);
    return place.known !== null && !decoder.otherFits(place.known, exchange);
  }
}

/** Whether a response was read to its last parameter without a problem before. */
function isWhole({ problems, result, value, end }: Decoded, response: Stub, told: Told): boolean {
  told.result = typeof result === 'number' ? result : null;
  told.retval = value['retval'];
  told.trailing = problems.length === 0 ? 0 : response.end - response.start - end;
  return problems.length === 0 || (problems.length === 1 && problems[0]?.code === 'ndr-trailing');
}

function trailing(exchange: Exchange, stub: Stub | null, behind: number): readonly Problem[] {
  if (stub === null || behind === 0) return NO_PROBLEMS;
  const size = stub.end - stub.start;
  return [placed(trailingProblem(size - behind, size), exchange, stub)];
}

/** What is known of an exchange that may be ordinary. */
interface Found {
  readonly place: Place;
  readonly plan: Plan;
  readonly entry: Entry;
  readonly codec: MethodCodec;
  /** It has to be plausible to be taken for its slot. */
  readonly fitting: boolean;
}

/** What a call returned; of an ordinary one without decoding it, where that is known. */
export function returnedBy(call: Call): Value | undefined {
  return call instanceof OrdinaryCall && call.retval !== undefined ? call.retval : call.out['retval'];
}

/** What reads the stubs of an ordinary call: the codec of its method and, late bound, the member that was meant. */
export interface OrdinaryReading {
  readonly codec: MethodCodec;
  readonly late: Pick<LatePlan, 'out'> | null;
}

/** What tells how the stubs of an ordinary call are read. */
export type OrdinaryNaming = Pick<Call, 'iid' | 'opnum' | 'via' | 'dispid'> & {
  readonly sent: number | null;
};

/** Finds what reads the stubs of ordinary calls of another run; null where no table has it. */
export class OrdinaryReadings {
  private readonly registry: Registry;
  private readonly types: Types;

  constructor(registry: Registry) {
    this.registry = registry;
    this.types = typesOf(registry);
  }

  of({ iid, opnum, via, dispid, sent }: OrdinaryNaming): OrdinaryReading | null {
    const { registry } = this;
    const uuid = via === null ? iid : (registry.interfaceByName(via.interface)?.interface.uuid ?? null);
    if (uuid === null || sent === null) return null;
    const codec = registry.method(uuid, sent, { littleEndian: true, syntax: 'ndr20' });
    if (codec === null) return null;
    if (via === null) return { codec, late: null };
    const method = registry.interfaceByUuid(iid ?? '')?.slots[opnum ?? -1]?.method;
    if (method === undefined || dispid === null) return null;
    return { codec, late: { out: plainResults(method, dispid, this.types) } };
  }
}

/** The arguments in the request of an ordinary call, as values. */
export function argumentsOf({ codec, late }: OrdinaryReading, { request }: Pick<Exchange, 'request'>): Fields {
  return late === null ? valueOf(codec.request, request) : NO_FIELDS;
}

/** The results in its response, as values. */
export function resultsOf(
  { codec, late }: OrdinaryReading,
  { response }: Pick<Exchange, 'response'>,
  sent: () => Fields,
): Fields {
  if (late === null) return valueOf(codec.response, response, sent());
  return late.out(valueOf(codec.response, response)['pVarResult'] ?? null);
}

function valueOf(codec: Codec, stub: Stub | null, request?: Fields): Fields {
  return stub === null ? NO_FIELDS : codec.decode(stub, request).value;
}

/** The causality of a request, where it stands in its block; null below 0. */
export function causalityAt(request: Stub | null, at: number): string | null {
  return request === null || at < 0 ? null : guidAt(request.block.view, at, true);
}

const NONE: readonly number[] = Object.freeze([]);

const EMPTY = fragment('{}');
/** Problems that an ordinary call can have: bytes behind its request, and behind its response. */
const MOST_PROBLEMS = 2;

/** Whole, in clear, and in the representation that nearly all peers have. */
function isPlain({ sealed, complete, drep }: Stub): boolean {
  return !sealed && complete && drep.littleEndian && drep.float === 'ieee' && !drep.ebcdic;
}
