import type { Call, Exchange, ObjectReference, Problem, Value } from '../types.js';
import { referenceTo } from '../dcom/objects.js';
import { NO_PROBLEMS, type Registry, type UuidNames } from '../ndr/codec.js';
import { recordOf } from '../ndr/value.js';
import type { Callbacks } from './callbacks.js';
import type { Decoding } from './decode.js';
import { authOf, framesOf, nanosecondsBetween, placed } from './exchange-facts.js';
import { encodingOf, readable, type Naming } from './interfaces.js';
import type { Certainty, Entry } from './knowledge.js';
import type { LateCall } from './late.js';
import type { Place } from './locate.js';
import { bindNotCaptured, eitherNumber, printedNumber } from './reasons.js';
import type { Invoked } from './tracker.js';

/** What the steps before found out of an exchange. */
export interface Found {
  readonly place: Place;
  readonly decoding: Decoding;
  readonly late: Invoked | null;
}

interface RecordOptions {
  readonly registry: Registry;
  readonly callbacks: Callbacks;
  /** Problems kept of one call. */
  readonly problems: number;
}

/** The last step of making a call: puts together what its record says. */
export class CallRecorder {
  private readonly options: RecordOptions;

  constructor(options: RecordOptions) {
    this.options = options;
  }

  record(exchange: Exchange, id: number, found: Found): Call {
    const { place, decoding, late: invoked } = found;
    const { link } = place;
    const { plan, reading } = decoding;
    const late = invoked?.call ?? null;
    const bound = late?.bound ?? null;
    const naming = namingOf(place, decoding, late, this.options.registry.names);
    const causality = causalityOf(this.header(exchange, found));
    const { certainty, because } = certaintyOf(exchange, found);
    return {
      kind: 'call',
      id,
      time: place.time,
      latencyNs: nanosecondsBetween(exchange.requestTime, exchange.responseTime),
      client: place.client,
      server: place.server,
      flow: exchange.flow.id,
      callId: exchange.callId,
      contextId: exchange.contextId,
      interface: naming.interface,
      iid: naming.iid,
      method: naming.method,
      member: naming.member,
      opnum: naming.opnum,
      printedOpnum: naming.printedOpnum,
      section: naming.section,
      spec: naming.spec,
      binding: late === null ? 'early' : 'late',
      dispid: invoked === null ? (plan?.slot.method.dispid ?? null) : invoked.invocation.dispid,
      via: late === null || plan === null ? null : plan.carrier,
      certainty,
      because,
      object: objectOf(exchange, place.entry),
      causality,
      decoded: reading !== null && (reading.request !== null || reading.response !== null),
      in: bound === null ? decoding.request : bound.in,
      out: bound === null ? decoding.response : bound.out,
      hresult: late === null ? decoding.result : late.hresult,
      wrapped: late === null ? null : late.wrapped,
      exception: late === null ? null : late.exception,
      refused: bound === null ? null : bound.refused,
      callbacks: this.options.callbacks.of(id, causality, link?.pair ?? null, place.server.port, place.time),
      group: link === null ? null : link.group,
      fault: exchange.fault,
      auth: authOf(exchange),
      requestFrames: framesOf(exchange.request),
      responseFrames: framesOf(exchange.response),
      problems: this.problems(exchange, found),
      outcome: exchange.outcome,
      exchange,
    };
  }

  /** ORPCTHIS of the request; of a call whose method is unknown too: the causality is still worth having. */
  private header(exchange: Exchange, { place, decoding }: Found): Value {
    const { reading } = decoding;
    if (reading !== null) return reading.request?.header ?? reading.request?.value['orpcthis'] ?? null;
    const orpc = place.known === null ? exchange.object !== null : place.known.resolved.interface.orpc;
    const stub = exchange.request;
    if (!orpc || stub === null || !readable(stub)) return null;
    const decoded = this.options.registry.type('ORPCTHIS', encodingOf(stub, exchange)).decode(stub);
    return decoded.problems.some((problem) => problem.code !== 'ndr-trailing')
      ? null
      : (decoded.value['value'] ?? null);
  }

  private problems(exchange: Exchange, { place, decoding }: Found): readonly Problem[] {
    const own = ownProblem(exchange, place, decoding);
    const inRequest = decoding.reading?.request?.problems ?? NO_PROBLEMS;
    const inResponse = decoding.reading?.response?.problems ?? NO_PROBLEMS;
    if (own === null && exchange.problems.length + inRequest.length + inResponse.length === 0) return NO_PROBLEMS;
    const all = [...exchange.problems];
    if (own !== null) all.push(own);
    for (const problem of inRequest) all.push(placed(problem, exchange, exchange.request));
    for (const problem of inResponse) all.push(placed(problem, exchange, exchange.response));
    return all.length <= this.options.problems ? all : all.slice(0, this.options.problems);
  }
}

/** The member that was called: by the table of its interface, or, late bound, the one that was meant. */
function namingOf({ known, uuid }: Place, { plan, opnum }: Decoding, late: LateCall | null, names: UuidNames): Naming {
  if (late !== null && late.name !== null) {
    const { method } = late;
    return {
      interface: late.interface ?? plan?.naming.interface ?? null,
      iid: late.iid ?? uuid,
      method: late.name,
      member: late.member,
      opnum: method?.opnum ?? null,
      printedOpnum: method?.printedOpnum ?? null,
      section: method?.section ?? null,
      spec: late.spec,
    };
  }
  if (plan !== null) return plan.naming;
  const bare: Naming = { ...UNNAMED, interface: known?.resolved.interface.name ?? null, iid: uuid, opnum };
  const seen = known === null && uuid !== null ? names.interface(uuid, opnum) : null;
  if (seen === null) return bare;
  const { name, method, spec } = seen;
  return { ...bare, interface: name, method, member: method === null ? null : 'method', spec };
}

const UNNAMED: Naming = {
  interface: null,
  iid: null,
  method: null,
  member: null,
  opnum: null,
  printedOpnum: null,
  section: null,
  spec: null,
};

interface Certain {
  readonly certainty: Call['certainty'];
  readonly because: string | null;
}

const KNOWN: Certain = Object.freeze({ certainty: 'known', because: null });
const RANK: Readonly<Record<Certainty, number>> = { guessed: 1, inferred: 2, known: 3 };

/** How certain it is that the call is what its record says, and why. */
function certaintyOf(exchange: Exchange, { place, decoding, late: invoked }: Found): Certain {
  const { belief } = place;
  const { reading, plan, number, judgement } = decoding;
  if (exchange.context === null && belief === null)
    return { certainty: 'unknown', because: bindNotCaptured(exchange.contextId) };
  const late = invoked?.call ?? null;
  if (late === null && belief === null && number === 'slot') return KNOWN;
  const either = number === 'either' && plan !== null;
  if (late !== null || belief !== null) {
    const certainty = weakest(late?.certainty ?? 'known', belief?.certainty ?? 'known');
    return { certainty: either ? 'guessed' : certainty, because: becauseOf(late, belief?.because ?? null) };
  }
  if (either) return { certainty: 'guessed', because: eitherNumber(exchange.opnum, plan.slot.method.name) };
  if (reading === null || judgement === null || exchange.opnum === null) return KNOWN;
  return {
    certainty: 'inferred',
    because: printedNumber(exchange.opnum, reading.plan.slot.method.name, judgement),
  };
}

function weakest(one: Certainty, other: Certainty): Certainty {
  return RANK[one] < RANK[other] ? one : other;
}

function becauseOf(late: LateCall | null, belief: string | null): string | null {
  if (late === null) return belief;
  return belief === null ? late.because : `${late.because}; ${belief}`;
}

function objectOf(exchange: Exchange, entry: Entry | null): ObjectReference | null {
  if (entry !== null) return referenceTo(entry);
  return exchange.object === null ? null : { ipid: exchange.object, oid: null, oxid: null, label: null };
}

function causalityOf(header: Value): string | null {
  const cid = recordOf(header)?.['cid'];
  return typeof cid === 'string' ? cid : null;
}

/** What is to be said of the number that was called. An interface that no table has is no problem of a call. */
function ownProblem(exchange: Exchange, { known }: Place, { plan }: Decoding): Problem | null {
  if (plan === null)
    return known === null || exchange.opnum === null
      ? null
      : problem(
          exchange,
          'unknown-opnum',
          `${known.resolved.interface.name} has no opnum ${exchange.opnum} (it has ${known.resolved.slots.length} slots)`,
        );
  const { method, owner } = plan.slot;
  return method.notUsedOnWire === true
    ? problem(
        exchange,
        'not-used-on-wire',
        `${owner.name}::${method.name} (opnum ${method.opnum}) is not for remote use: a client must not send it`,
      )
    : null;
}

function problem(exchange: Exchange, code: Problem['code'], message: string): Problem {
  const frame = (exchange.request ?? exchange.response)?.frames[0];
  return {
    kind: 'problem',
    layer: 'analysis',
    code,
    message,
    spec: null,
    at: { flow: exchange.flow.id, ...(frame === undefined ? {} : { frame }) },
  };
}
