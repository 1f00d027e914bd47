import type { Call, Endpoint, Value } from '../types.js';

/** What an expression asks of the world: names of numbers, and what counts as a failure. */
export interface Facts {
  hresult(value: number): string | null;
  status(value: number): string | null;
  failed(call: Call): boolean;
  /** Names like `name` when no code has it; null when one has, or nobody can tell. */
  misspelt?(name: string): readonly string[] | null;
  /** Expressions that `@name` stands for. */
  readonly named?: Readonly<Record<string, string>>;
}

/**
 * What a field may be compared with: `hresult` and `status` are numbers that also have names, `time` an ISO 8601 text,
 * `duration` nanoseconds.
 */
export type FieldKind = 'plain' | 'hresult' | 'status' | 'time' | 'duration' | 'nanoseconds';

/** A field of a call as the where language names it. */
export interface FieldInfo {
  readonly kind: FieldKind;
  readonly get: (call: Call, facts: Facts) => Value | undefined;
  readonly fields?: Readonly<Record<string, FieldInfo>>;
  /** Names below this one are those of the call's parameters. */
  readonly free?: true;
  readonly note: string;
}

/** The fields of a call by name: the keys of the call record, and a few short forms. */
export const FIELDS: Readonly<Record<string, FieldInfo>> = {
  id: plain('number of the call', (call) => call.id),
  time: {
    kind: 'time',
    get: (call) => (call.time === null ? null : isoTime(call.time.timeS, call.time.timeNs)),
    note: 'when the request was sent, UTC',
  },
  latency: { kind: 'duration', get: (call) => call.latencyNs, note: 'from request to answer; takes a unit: 100ms' },
  latencyNs: { kind: 'nanoseconds', get: (call) => call.latencyNs, note: 'the same in nanoseconds' },
  client: endpoint('who called', (call) => call.client),
  server: endpoint('who was called', (call) => call.server),
  flow: plain('number of the connection', (call) => call.flow),
  transport: plain(
    'the named pipe it went over, e.g. "ncacn_np:\\\\pipe\\\\samr"; null without one',
    ({ exchange: { flow } }) => {
      if (flow.pipe === undefined) return null;
      return flow.pipe.name === null ? 'ncacn_np' : `ncacn_np:${flow.pipe.name}`;
    },
  ),
  callId: plain('call id of the RPC header', (call) => call.callId),
  contextId: plain('presentation context', (call) => call.contextId),
  interface: plain('name of the interface', (call) => call.interface),
  iid: plain('UUID of the interface', (call) => call.iid),
  method: plain('name of the method', (call) => call.method),
  member: plain('method, propget, propput or propputref', (call) => call.member),
  opnum: plain('slot on the wire', (call) => call.opnum),
  printedOpnum: plain('opnum as the specification prints it', (call) => call.printedOpnum),
  section: plain('section that describes the method, e.g. "3.38.4.11"', (call) => call.section),
  spec: plain('specification, e.g. "MS-UAMG"', (call) => call.spec),
  binding: plain('early, or late through IDispatch::Invoke', (call) => call.binding),
  dispid: plain('DISPID of the member', (call) => call.dispid),
  via: {
    kind: 'plain',
    get: (call) => call.via?.method ?? null,
    note: 'what carried a late-bound call',
    fields: {
      interface: plain('its interface', (call) => call.via?.interface ?? null),
      method: plain('its method', (call) => call.via?.method ?? null),
      opnum: plain('its opnum', (call) => call.via?.opnum ?? null),
    },
  },
  certainty: plain('known, inferred, guessed or unknown', (call) => call.certainty),
  because: plain('why it is not known', (call) => call.because),
  object: {
    kind: 'plain',
    get: (call) => call.object?.label ?? call.object?.ipid ?? null,
    note: 'label of the object, or its IPID',
    fields: {
      ipid: plain('IPID', (call) => call.object?.ipid ?? null),
      oid: plain('OID', (call) => call.object?.oid ?? null),
      oxid: plain('OXID', (call) => call.object?.oxid ?? null),
      label: plain('label, e.g. "IUpdate#3"', (call) => call.object?.label ?? null),
    },
  },
  causality: plain('causality id of ORPCTHIS', (call) => call.causality),
  in: { kind: 'plain', get: (call) => call.in, free: true, note: 'parameters of the request by name: in.criteria' },
  out: {
    kind: 'plain',
    get: (call) => call.out,
    free: true,
    note: 'parameters of the answer by name: out.retval.label',
  },
  hresult: {
    kind: 'hresult',
    get: (call) => call.hresult,
    note: 'result, by number or name: hresult == "WU_E_INVALIDINDEX"',
    fields: {
      value: { kind: 'hresult', get: (call) => call.hresult, note: 'the number' },
      name: plain('the name', (call, facts) => (call.hresult === null ? null : facts.hresult(call.hresult))),
      wrapped: plain('name of the HRESULT that hid it', (call) => call.wrapped),
    },
  },
  wrapped: plain('name of the HRESULT that hid the result', (call) => call.wrapped),
  exception: {
    kind: 'plain',
    get: (call) => call.exception?.description ?? null,
    note: 'what an EXCEPINFO said',
    fields: {
      source: plain('who raised it', (call) => call.exception?.source ?? null),
      description: plain('in words', (call) => call.exception?.description ?? null),
    },
  },
  refused: plain('name of the argument that the server refused', (call) => call.refused),
  group: plain('association group of the connection', (call) => call.group),
  fault: {
    kind: 'status',
    get: (call) => call.fault?.status ?? null,
    note: 'status of a fault, by number or name',
    fields: {
      status: { kind: 'status', get: (call) => call.fault?.status ?? null, note: 'the number' },
      name: plain('the name', (call, facts) => (call.fault === null ? null : facts.status(call.fault.status))),
    },
  },
  auth: {
    kind: 'plain',
    get: (call) => call.auth.type,
    note: 'authentication',
    fields: {
      type: plain('none, ntlm, kerberos, ...', (call) => call.auth.type),
      level: plain('none, connect, integrity, privacy, ...', (call) => call.auth.level),
      verdict: plain('none, unverified, good, bad, sealed or opened', (call) => call.auth.verdict),
    },
  },
  frames: {
    kind: 'plain',
    get: (call) => [...call.requestFrames, ...call.responseFrames],
    note: 'frames of the call',
    fields: {
      request: plain('frames of the request', (call) => call.requestFrames),
      response: plain('frames of the answer', (call) => call.responseFrames),
    },
  },
  frame: plain('any frame of the call', (call) => [...call.requestFrames, ...call.responseFrames]),
  problems: {
    kind: 'plain',
    get: (call) => call.problems.map((problem) => problem.code),
    note: 'codes of what is wrong with it',
    fields: {
      code: plain('codes', (call) => call.problems.map((problem) => problem.code)),
      layer: plain('layers', (call) => call.problems.map((problem) => problem.layer)),
      message: plain('messages', (call) => call.problems.map((problem) => problem.message)),
      count: plain('how many', (call) => call.problems.length),
    },
  },
  outcome: plain('answered, faulted, unanswered, cancelled, orphaned, maybe or response-only', (call) => call.outcome),
  failed: plain('true when it came to a fault or an error', (call, facts) => facts.failed(call)),
};

function plain(note: string, get: FieldInfo['get']): FieldInfo {
  return { kind: 'plain', get, note };
}

function endpoint(note: string, of: (call: Call) => Endpoint): FieldInfo {
  return {
    kind: 'plain',
    note,
    get: (call) => {
      const { address, port } = of(call);
      return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    },
    fields: {
      address: plain('its address', (call) => of(call).address),
      port: plain('its port', (call) => of(call).port),
    },
  };
}

/** Without the final Z, so that a prefix of the text sorts before the text. */
function isoTime(seconds: number, nanoseconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return '';
  return `${date.toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}`;
}
