import { hex32, toHex } from '../bytes/hex.js';
import type {
  Auth,
  Call,
  Endpoint,
  Finding,
  ObjectReference,
  Problem,
  RefusedConnection,
  SecurityRecord,
  Stub,
} from '../types.js';
import type { Summary } from '../analysis/analyzer.js';
import { fieldsJson, jsonText, quote, quoteOrNull } from './json.js';
import { MAX_CACHED_FLOWS, MAX_CACHED_INTERFACES, MAX_CACHED_METHODS, MAX_CACHED_OBJECTS } from './limits.js';
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
  readonly text: string;
}

/**
 * Writes records of the contract, one JSON text a line without its line feed; remembers what repeats from call to call.
 */
export class NdjsonWriter {
  private readonly names: Names;
  private readonly clock = new IsoClock();
  private readonly heads = new Map<string, (Head | undefined)[]>();
  private readonly results = new Map<number, string>();
  /** By flow: calls of many connections come mixed. */
  private readonly ends = new Map<
    number,
    { readonly client: Endpoint; readonly server: Endpoint; readonly text: string }
  >();
  private readonly objects = new Map<string, { readonly object: ObjectReference; readonly text: string }>();
  private lastAuth: Auth | null = null;
  private auth = '';
  private lastCausality = '';
  private causality = '""';

  constructor(names: Names) {
    this.names = names;
  }

  call(call: Call): string {
    const { via } = call;
    let text =
      '{"kind":"call","id":' +
      call.id +
      ',"time":' +
      (call.time === null ? 'null' : '"' + this.clock.text(call.time) + '"') +
      ',"latencyNs":' +
      (call.latencyNs === null ? 'null' : '' + call.latencyNs) +
      this.endsOf(call) +
      ',"flow":' +
      call.flow +
      (call.exchange.flow.pipe === undefined ? '' : ',"transport":' + quoteOrNull(transportText(call.exchange.flow))) +
      ',"callId":' +
      call.callId +
      ',"contextId":' +
      call.contextId +
      this.headOf(call) +
      ',"via":' +
      (via === null
        ? 'null'
        : '{"interface":' + quote(via.interface) + ',"method":' + quote(via.method) + ',"opnum":' + via.opnum + '}') +
      ',"certainty":"' +
      call.certainty +
      (call.because === null ? '"' : '","because":' + quote(call.because)) +
      ',"object":' +
      this.objectOf(call.object) +
      ',"causality":' +
      (call.causality === null ? 'null' : this.causalityOf(call.causality)) +
      ',"in":' +
      fieldsJson(call.in) +
      ',"out":' +
      fieldsJson(call.out) +
      ',"hresult":' +
      this.resultOf(call) +
      ',"fault":' +
      (call.fault === null
        ? 'null'
        : '{"status":"' +
          hex32(call.fault.status) +
          '","name":' +
          quoteOrNull(this.names.status(call.fault.status)) +
          '}') +
      ',"outcome":"' +
      call.outcome +
      '"' +
      this.authOf(call.auth) +
      ',"frames":{"request":' +
      numbers(call.requestFrames) +
      ',"response":' +
      numbers(call.responseFrames) +
      '}';
    if (call.exception !== null)
      text +=
        ',"exception":{"source":' +
        quoteOrNull(call.exception.source) +
        ',"description":' +
        quoteOrNull(call.exception.description) +
        '}';
    if (call.refused !== null) text += ',"refused":' + quote(call.refused);
    if (call.callbacks.length > 0) text += ',"callbacks":' + numbers(call.callbacks);
    if (call.group !== null) text += ',"group":' + call.group;
    if (call.method === null || (!call.decoded && call.auth.verdict !== 'sealed'))
      text += ',"stub":{"request":' + stub(call.exchange.request) + ',"response":' + stub(call.exchange.response) + '}';
    return (
      text +
      ',"problems":' +
      (call.problems.length === 0
        ? '[]}'
        : '[' + call.problems.map((problem) => '{' + problemFields(problem) + '}').join(',') + ']}')
    );
  }

  problem(problem: Problem): string {
    return '{"kind":"problem",' + problemFields(problem) + '}';
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

  summary(summary: Summary): string {
    const { frames, bytes, flows, pdus, calls, problems } = summary;
    return jsonText({ kind: 'summary', frames, bytes, flows, pdus, calls, problems });
  }

  private endsOf(call: Call): string {
    const { client, server } = call;
    const known = this.ends.get(call.flow);
    if (known !== undefined && known.client === client && known.server === server) return known.text;
    const text = flat(',"client":' + quote(endpointText(client)) + ',"server":' + quote(endpointText(server)));
    if (this.ends.size >= MAX_CACHED_FLOWS) this.ends.clear();
    this.ends.set(call.flow, { client, server, text });
    return text;
  }

  private headOf(call: Call): string {
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
    const text = flat(
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

  private objectOf(object: ObjectReference | null): string {
    if (object === null) return 'null';
    const { ipid, oid, oxid, label } = object;
    const known = this.objects.get(ipid);
    if (known !== undefined && known.object.label === label && known.object.oid === oid && known.object.oxid === oxid)
      return known.text;
    const text = flat(
      '{"ipid":' +
        quote(ipid) +
        ',"oid":' +
        quoteOrNull(oid) +
        ',"oxid":' +
        quoteOrNull(oxid) +
        ',"label":' +
        quoteOrNull(label) +
        '}',
    );
    if (this.objects.size >= MAX_CACHED_OBJECTS) this.objects.clear();
    this.objects.set(ipid, { object, text });
    return text;
  }

  private causalityOf(causality: string): string {
    if (causality !== this.lastCausality) {
      this.lastCausality = causality;
      this.causality = quote(causality);
    }
    return this.causality;
  }

  private authOf(auth: Auth): string {
    const last = this.lastAuth;
    if (
      last === null ||
      auth.type !== last.type ||
      auth.level !== last.level ||
      auth.verdict !== last.verdict ||
      auth.user !== last.user
    ) {
      this.lastAuth = auth;
      this.auth = flat(
        ',"auth":{"type":' +
          quote(auth.type) +
          ',"level":"' +
          auth.level +
          '","verdict":"' +
          auth.verdict +
          (auth.user == null ? '"}' : '","user":' + quote(auth.user) + '}'),
      );
    }
    return this.auth;
  }

  private resultOf(call: Call): string {
    const value = call.hresult;
    if (value === null) return 'null';
    let text = this.results.get(value);
    if (text === undefined) {
      text = '{"value":"' + hex32(value) + '","name":' + quoteOrNull(this.names.hresult(value >>> 0));
      if (this.results.size < MAX_CACHED_METHODS) this.results.set(value, text);
    }
    return call.wrapped === null ? text + '}' : text + ',"wrapped":' + quote(call.wrapped) + '}';
  }
}

function numbers(list: readonly number[]): string {
  return list.length === 1 ? '[' + list[0] + ']' : '[' + list.join(',') + ']';
}

function stub(of: Stub | null): string {
  return of === null ? 'null' : '"' + toHex(of.block.u8, of.start, of.end) + '"';
}

function problemFields(problem: Problem): string {
  const { offset, frame, flow, stub: inStub, path } = problem.at;
  return (
    '"layer":"' +
    problem.layer +
    '","code":"' +
    problem.code +
    '","message":' +
    quote(problem.message) +
    ',"frame":' +
    (frame ?? null) +
    ',"flow":' +
    (flow ?? null) +
    ',"spec":' +
    quoteOrNull(problem.spec) +
    (offset === undefined ? '' : ',"offset":' + offset) +
    (inStub === undefined ? '' : ',"stub":' + inStub) +
    (path === undefined ? '' : ',"path":' + quote(path))
  );
}

/**
 * The same text in one piece: a text put together with `+` is a tree until someone looks at it, and is walked each time
 * it is copied.
 */
function flat(text: string): string {
  return text.charCodeAt(0) >= 0 ? text : '';
}

/** A refused connection as plain JSON: endpoints and times as in a call. */
function connectionJson(
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
