import { hex32 } from '../bytes/hex.js';
import { fragment, JsonBytes, jsonText, quote } from '../bytes/json.js';
import { NULL, putFields, putTextOrNull } from '../ndr/json.js';
import type {
  Auth,
  Call,
  Endpoint,
  Finding,
  Flow,
  ObjectReference,
  Problem,
  RefusedConnection,
  SecurityRecord,
  Stub,
} from '../types.js';
import type { Summary } from '../analysis/analyzer.js';
import type { Plan } from '../analysis/interfaces.js';
import type { LatePlan } from '../analysis/late.js';
import { OrdinaryCall } from '../analysis/ordinary.js';
import { MAX_CACHED_CONTEXTS, MAX_CACHED_FLOWS, MAX_CACHED_INTERFACES, MAX_CACHED_METHODS } from './limits.js';
import { endpointText, transportText, type Names } from './names.js';
import { IsoClock } from './time.js';

/** The part of a record that is the same for every call of a method, with what it was made of. */
interface Head {
  readonly interface: string | null;
  readonly method: string | null;
  readonly member: string | null;
  readonly printedOpnum: number | null;
  readonly section: string | null;
  readonly spec: string | null;
  readonly binding: string;
  readonly dispid: number | null;
  readonly text: Uint8Array;
}

/**
 * Writes records of the contract, one JSON text a line without its line feed; remembers what repeats from call to call.
 */
export class NdjsonWriter {
  private readonly names: Names;
  private readonly clock = new IsoClock();
  private readonly heads = new Map<string, (Head | undefined)[]>();
  /** What is the same for every ordinary call of a method, by context. */
  private readonly plans = new WeakMap<Plan | LatePlan, (Uint8Array | null)[]>();
  /** What is the same for every ordinary call on an object, and for every one that succeeded under a protection. */
  private readonly called = new WeakMap<ObjectReference, Uint8Array>();
  private readonly succeeded = new WeakMap<Auth, Uint8Array>();
  private readonly results = new Map<number, Uint8Array>();
  /** By flow: calls of many connections come mixed. */
  private readonly ends = new Map<
    number,
    { readonly client: Endpoint; readonly server: Endpoint; readonly pipe: Flow['pipe']; readonly text: Uint8Array }
  >();
  /** Calls on an object share its reference while nothing new is known of it. */
  private readonly objects = new WeakMap<ObjectReference, Uint8Array>();
  private readonly auths = new WeakMap<Auth, Uint8Array>();
  /** Where {@link NdjsonWriter.call} writes; made when it is first asked for. */
  private own: JsonBytes | null = null;

  constructor(names: Names) {
    this.names = names;
  }

  /** A call as text: see {@link NdjsonWriter.put}. */
  call(call: Call): string {
    const own = (this.own ??= new JsonBytes());
    own.at = 0;
    this.put(call, own);
    return own.text();
  }

  /** Appends a call, without line feed. */
  put(call: Call, out: JsonBytes): void {
    if (call instanceof OrdinaryCall) {
      this.putOrdinary(call, out);
      return;
    }
    this.putPlace(call, out);
    out.raw(PART.in);
    putFields(out, call.in);
    out.raw(PART.out);
    putFields(out, call.out);
    this.putResult(call, out);
    this.putRest(call, out);
  }

  /**
   * A call whose arguments are JSON already. What is the same for its connection, its method, its object and its
   * protection is one piece each: as many calls into the buffer are saved.
   */
  private putOrdinary(call: OrdinaryCall, out: JsonBytes): void {
    const { exchange, causalityAt, object, auth, group, callbacks } = call;
    const { request, response } = exchange;
    this.putWhen(call, out);
    out.raw(this.endsOf(call));
    out.number(exchange.callId);
    if (call.late !== null) this.putMeant(call, call.late, out);
    else out.raw(this.plans.get(call.plan)?.[exchange.contextId] ?? this.planText(call, call.plan, KNOWN));
    out.raw(this.called.get(object) ?? this.calledText(object));
    if (causalityAt < 0 || request === null) out.raw(PART.noCausality);
    else {
      out.byte(QUOTE);
      out.guid(request.block.u8, causalityAt, true);
      out.raw(PART.quotedIn);
    }
    const { memory, inStart, inEnd, outEnd } = call;
    if (inEnd - inStart === EMPTY_FIELDS) out.raw(PART.emptyIn);
    else {
      out.copy(memory, inStart, inEnd);
      out.raw(PART.out);
    }
    if (outEnd > inEnd) out.copy(memory, inEnd, outEnd);
    else putFields(out, call.out);
    if (call.hresult === 0) out.raw(this.succeeded.get(auth) ?? this.succeededText(auth));
    else {
      out.raw(PART.hresult);
      this.resultOf(call, out);
      out.raw(PART.noFault);
      out.raw(OUTCOME.answered);
      out.raw(this.authOf(auth));
    }
    putFrames(out, request);
    out.raw(PART.response);
    putFrames(out, response);
    out.byte(CLOSE);
    putRelated(out, callbacks, group);
    putProblems(out, call.problems);
  }

  /** The member that a late-bound call means, what carried it, and why it is that one. */
  private putMeant(call: OrdinaryCall, late: LatePlan, out: JsonBytes): void {
    const { via, certainty } = late;
    const known = this.plans.get(late)?.[call.exchange.contextId];
    out.raw(known ?? this.planText(call, late, viaText(via) + ',"certainty":"' + certainty + '","because":'));
    putTextOrNull(out, call.because);
    out.raw(PART.object);
  }

  private planText(call: OrdinaryCall, plan: Plan | LatePlan, rest: string): Uint8Array {
    const { contextId } = call;
    const head = new TextDecoder().decode(this.headOf(call));
    const text = fragment(',"contextId":' + contextId + head + rest);
    const list = this.plans.get(plan) ?? [];
    if (contextId < MAX_CACHED_CONTEXTS) {
      while (list.length < contextId) list.push(null);
      list[contextId] = text;
      this.plans.set(plan, list);
    }
    return text;
  }

  private calledText(object: ObjectReference): Uint8Array {
    const text = fragment(objectText(object) + ',"causality":');
    this.called.set(object, text);
    return text;
  }

  private succeededText(auth: Auth): Uint8Array {
    const own = new JsonBytes(256);
    own.raw(PART.hresult);
    this.putHresult(0, null, own);
    own.raw(PART.noFault);
    own.raw(OUTCOME.answered);
    own.raw(this.authOf(auth));
    const text = fragment(own.text());
    this.succeeded.set(auth, text);
    return text;
  }

  /** What stands before the values. */
  private putPlace(call: Call, out: JsonBytes): void {
    const { via } = call;
    this.putWhen(call, out);
    out.raw(this.endsOf(call));
    out.number(call.callId);
    out.raw(PART.context);
    out.number(call.contextId);
    out.raw(this.headOf(call));
    if (via === null) out.raw(PART.noVia);
    else out.plain(viaText(via));
    out.raw(CERTAINTY[call.certainty]);
    if (call.because !== null) {
      out.raw(PART.because);
      out.quoted(call.because);
    }
    out.raw(PART.object);
    out.raw(this.objectOf(call.object));
    out.raw(PART.causality);
    putTextOrNull(out, call.causality);
  }

  private putWhen({ id, time, latencyNs }: Call, out: JsonBytes): void {
    out.raw(PART.call);
    out.number(id);
    if (time === null) out.raw(PART.noTime);
    else {
      out.raw(this.clock.start(time));
      out.decimal(this.clock.nanoseconds(time), 9);
      out.raw(PART.latency);
    }
    if (latencyNs === null) out.raw(NULL);
    else out.number(latencyNs);
  }

  /** How it ended. */
  private putResult(call: Call, out: JsonBytes): void {
    const { fault } = call;
    out.raw(PART.hresult);
    this.resultOf(call, out);
    if (fault === null) out.raw(PART.noFault);
    else
      out.plain(
        ',"fault":{"status":"' + hex32(fault.status) + '","name":' + quoteOrNull(this.names.status(fault.status)) + '}',
      );
    out.raw(OUTCOME[call.outcome]);
    out.raw(this.authOf(call.auth));
    out.numbers(call.requestFrames);
    out.raw(PART.response);
    out.numbers(call.responseFrames);
    out.byte(CLOSE);
  }

  /** What few calls have, and the problems. */
  private putRest(call: Call, out: JsonBytes): void {
    const { exception, refused, callbacks, group, exchange, problems } = call;
    if (exception !== null) {
      out.raw(PART.exception);
      putTextOrNull(out, exception.source);
      out.raw(PART.description);
      putTextOrNull(out, exception.description);
      out.byte(CLOSE);
    }
    if (refused !== null) {
      out.raw(PART.refused);
      out.quoted(refused);
    }
    putRelated(out, callbacks, group);
    if (call.method === null || (!call.decoded && call.auth.verdict !== 'sealed')) {
      out.raw(PART.stub);
      putStub(out, exchange.request);
      out.raw(PART.response);
      putStub(out, exchange.response);
      out.byte(CLOSE);
    }
    putProblems(out, problems);
  }

  problem(problem: Problem): string {
    return textOf(PART.problem, problem);
  }

  finding(finding: Finding): string {
    const { kind, rule, severity, message, spec, call, object, frames, connection, unread } = finding;
    const text = jsonText({
      kind,
      rule,
      severity,
      message,
      spec,
      call,
      object,
      frames,
      ...(unread === undefined ? {} : { unread }),
    });
    return connection === undefined
      ? text
      : `${text.slice(0, -1)},"connection":${jsonText(connectionJson(connection, this.clock))}}`;
  }

  security(record: SecurityRecord): string {
    return jsonText({ ...record, flags: hex32(record.flags) });
  }

  summary(summary: Summary & { readonly limited?: true }): string {
    const { frames, bytes, flows, pdus, calls, problems, limited } = summary;
    const more = limited === undefined ? {} : { limited };
    return jsonText({ kind: 'summary', frames, bytes, flows, pdus, calls, problems, ...more });
  }

  private endsOf(call: Call): Uint8Array {
    const { client, server } = call;
    const { pipe } = call.exchange.flow;
    const known = this.ends.get(call.flow);
    if (known !== undefined && known.client === client && known.server === server && known.pipe === pipe)
      return known.text;
    const text = fragment(
      ',"client":' +
        quote(endpointText(client)) +
        ',"server":' +
        quote(endpointText(server)) +
        ',"flow":' +
        call.flow +
        (pipe === undefined ? '' : ',"transport":' + quoteOrNull(transportText(call.exchange.flow))) +
        ',"callId":',
    );
    if (this.ends.size >= MAX_CACHED_FLOWS) this.ends.clear();
    this.ends.set(call.flow, { client, server, pipe, text });
    return text;
  }

  private headOf(call: Call): Uint8Array {
    const at = call.opnum ?? -1;
    let list = call.iid === null ? undefined : this.heads.get(call.iid);
    const known = list?.[at];
    if (
      known !== undefined &&
      known.method === call.method &&
      known.interface === call.interface &&
      known.member === call.member &&
      known.printedOpnum === call.printedOpnum &&
      known.section === call.section &&
      known.spec === call.spec &&
      known.binding === call.binding &&
      known.dispid === call.dispid
    )
      return known.text;
    const { interface: iface, method, member, printedOpnum, section, spec, binding, dispid } = call;
    const text = fragment(
      ',"interface":' +
        quoteOrNull(iface) +
        ',"iid":' +
        quoteOrNull(call.iid) +
        ',"method":' +
        quoteOrNull(method) +
        ',"member":' +
        quoteOrNull(member) +
        ',"opnum":' +
        call.opnum +
        ',"printedOpnum":' +
        printedOpnum +
        ',"section":' +
        (section === null ? 'null' : quote(spec === null ? section : '[' + spec + '] ' + section)) +
        ',"binding":"' +
        binding +
        '","dispid":' +
        dispid,
    );
    if (call.iid === null || at < 0 || at >= MAX_CACHED_METHODS) return text;
    if (list === undefined) {
      if (this.heads.size >= MAX_CACHED_INTERFACES) this.heads.clear();
      this.heads.set(call.iid, (list = []));
    }
    list[at] = { interface: iface, method, member, printedOpnum, section, spec, binding, dispid, text };
    return text;
  }

  private objectOf(object: ObjectReference | null): Uint8Array {
    if (object === null) return NULL;
    let text = this.objects.get(object);
    if (text === undefined) {
      text = fragment(objectText(object));
      this.objects.set(object, text);
    }
    return text;
  }

  private authOf(auth: Auth): Uint8Array {
    let text = this.auths.get(auth);
    if (text === undefined) {
      text = fragment(
        ',"auth":{"type":' +
          quote(auth.type) +
          ',"level":"' +
          auth.level +
          '","verdict":"' +
          auth.verdict +
          (auth.user == null ? '"}' : '","user":' + quote(auth.user) + '}') +
          ',"frames":{"request":',
      );
      this.auths.set(auth, text);
    }
    return text;
  }

  private resultOf({ hresult, wrapped }: Call, out: JsonBytes): void {
    this.putHresult(hresult, wrapped, out);
  }

  private putHresult(hresult: number | null, wrapped: string | null, out: JsonBytes): void {
    if (hresult === null) {
      out.raw(NULL);
      return;
    }
    let text = this.results.get(hresult);
    if (text === undefined) {
      text = fragment('{"value":"' + hex32(hresult) + '","name":' + quoteOrNull(this.names.hresult(hresult >>> 0)));
      if (this.results.size < MAX_CACHED_METHODS) this.results.set(hresult, text);
    }
    out.raw(text);
    if (wrapped !== null) {
      out.raw(PART.wrapped);
      out.quoted(wrapped);
    }
    out.byte(CLOSE);
  }
}

function viaText({ interface: name, method, opnum }: NonNullable<Call['via']>): string {
  return ',"via":{"interface":' + quote(name) + ',"method":' + quote(method) + ',"opnum":' + opnum + '}';
}

/** What stands between the method of an early-bound call and its object. */
const KNOWN = ',"via":null,"certainty":"known","object":';
const CLOSE = 0x7d;
/** Bytes of `{}`. */
const EMPTY_FIELDS = 2;
const QUOTE = 0x22;

/** What stands between the fields of a call. */
const PART = {
  call: fragment('{"kind":"call","id":'),
  noTime: fragment(',"time":null,"latencyNs":'),
  latency: fragment('Z","latencyNs":'),
  context: fragment(',"contextId":'),
  noVia: fragment(',"via":null'),
  because: fragment(',"because":'),
  object: fragment(',"object":'),
  causality: fragment(',"causality":'),
  noCausality: fragment('null,"in":'),
  quotedIn: fragment('","in":'),
  emptyIn: fragment('{},"out":'),
  in: fragment(',"in":'),
  out: fragment(',"out":'),
  hresult: fragment(',"hresult":'),
  wrapped: fragment(',"wrapped":'),
  noFault: fragment(',"fault":null'),
  response: fragment(',"response":'),
  exception: fragment(',"exception":{"source":'),
  description: fragment(',"description":'),
  refused: fragment(',"refused":'),
  callbacks: fragment(',"callbacks":'),
  group: fragment(',"group":'),
  stub: fragment(',"stub":{"request":'),
  noProblems: fragment(',"problems":[]}'),
  problems: fragment(',"problems":['),
  problemsEnd: fragment(']}'),
  problem: fragment('{"kind":"problem","layer":"'),
  layer: fragment('{"layer":"'),
  nextLayer: fragment(',{"layer":"'),
  code: fragment('","code":"'),
  message: fragment('","message":'),
  frame: fragment(',"frame":'),
  flow: fragment(',"flow":'),
  spec: fragment(',"spec":'),
  offset: fragment(',"offset":'),
  inStub: fragment(',"stub":'),
  path: fragment(',"path":'),
} as const;

const CERTAINTY: Readonly<Record<Call['certainty'], Uint8Array>> = {
  known: fragment(',"certainty":"known"'),
  inferred: fragment(',"certainty":"inferred"'),
  guessed: fragment(',"certainty":"guessed"'),
  unknown: fragment(',"certainty":"unknown"'),
};

const OUTCOME: Readonly<Record<Call['outcome'], Uint8Array>> = {
  answered: fragment(',"outcome":"answered"'),
  faulted: fragment(',"outcome":"faulted"'),
  cancelled: fragment(',"outcome":"cancelled"'),
  orphaned: fragment(',"outcome":"orphaned"'),
  unanswered: fragment(',"outcome":"unanswered"'),
  maybe: fragment(',"outcome":"maybe"'),
  'response-only': fragment(',"outcome":"response-only"'),
};

function objectText({ ipid, oid, oxid, label }: ObjectReference): string {
  return (
    '{"ipid":' +
    quote(ipid) +
    ',"oid":' +
    quoteOrNull(oid) +
    ',"oxid":' +
    quoteOrNull(oxid) +
    ',"label":' +
    quoteOrNull(label) +
    '}'
  );
}

function quoteOrNull(text: string | null): string {
  return text === null ? 'null' : quote(text);
}

/** The calls back that a call led to, and the association group that ties them. */
function putRelated(out: JsonBytes, callbacks: readonly number[], group: number | null): void {
  if (callbacks.length > 0) {
    out.raw(PART.callbacks);
    out.numbers(callbacks);
  }
  if (group === null) return;
  out.raw(PART.group);
  out.number(group);
}

function putFrames(out: JsonBytes, stub: Stub | null): void {
  out.numbers(stub === null ? NO_FRAMES : stub.frames);
}

const NO_FRAMES: readonly number[] = [];

function putStub(out: JsonBytes, of: Stub | null): void {
  if (of === null) {
    out.raw(NULL);
    return;
  }
  out.byte(QUOTE);
  out.hex(of.block.u8, of.start, of.end);
  out.byte(QUOTE);
}

/** The problems of a call, with which its record ends. */
function putProblems(out: JsonBytes, problems: readonly Problem[]): void {
  if (problems.length === 0) {
    out.raw(PART.noProblems);
    return;
  }
  out.raw(PART.problems);
  for (let i = 0; i < problems.length; i++) {
    out.raw(i === 0 ? PART.layer : PART.nextLayer);
    putProblem(out, problems[i] as Problem);
  }
  out.raw(PART.problemsEnd);
}

/** A problem as it stands in a call, as JSON. */
export function problemJson(problem: Problem): string {
  return textOf(PART.layer, problem);
}

function textOf(start: Uint8Array, problem: Problem): string {
  const out = new JsonBytes(512);
  out.raw(start);
  putProblem(out, problem);
  return out.text();
}

/** A problem from the name of its layer on. */
function putProblem(out: JsonBytes, { layer, code, message, spec, at }: Problem): void {
  const { offset, frame, flow, stub, path } = at;
  out.plain(layer);
  out.raw(PART.code);
  out.plain(code);
  out.raw(PART.message);
  out.quoted(message);
  out.raw(PART.frame);
  putNumber(out, frame);
  out.raw(PART.flow);
  putNumber(out, flow);
  out.raw(PART.spec);
  putTextOrNull(out, spec);
  if (offset !== undefined) {
    out.raw(PART.offset);
    out.number(offset);
  }
  if (stub !== undefined) {
    out.raw(PART.inStub);
    out.number(stub);
  }
  if (path !== undefined) {
    out.raw(PART.path);
    out.quoted(path);
  }
  out.byte(CLOSE);
}

function putNumber(out: JsonBytes, value: number | undefined): void {
  if (value === undefined) out.raw(NULL);
  else out.number(value);
}

/** A refused connection as plain JSON: endpoints and times as in a call. */
export function connectionJson(
  { step, client, server, attempts, time, lastedNs, namedBy, error, cause, advice }: RefusedConnection,
  clock: IsoClock,
): Readonly<Record<string, unknown>> {
  return {
    step,
    client,
    server: endpointText(server),
    attempts,
    time: time === null ? null : clock.text(time),
    lastedNs,
    namedBy,
    error: { value: hex32(error.value), name: error.name },
    cause,
    advice,
  };
}
