import { activatedClass } from '../../analysis/tracker.js';
import { failed } from '../../analysis/failed.js';
import { hex32, toHex } from '../../bytes/hex.js';
import type { Call, Stub, Value } from '../../types.js';
import { JsonBytes } from '../../bytes/json.js';
import { putFields } from '../../ndr/json.js';
import { jsonText } from '../json.js';
import { transportText } from '../names.js';
import { problemJson } from '../ndjson.js';
import type { Names } from '../names.js';
import type { Cell, Column } from './column.js';
import { ConnectionIds } from './community-id.js';
import { int, long, microseconds, nanoseconds, type Row } from './rows.js';

type CallRow = Row<Call>;
type CallColumn = Column<CallRow>;

/** The columns of calls; `names` has those of codes. What repeats from call to call is remembered. */
export function callColumns(names: Names): readonly CallColumn[] {
  const ids = new ConnectionIds();
  const codes = new Codes();
  return [
    ...identity(),
    ...connection(ids),
    ...member(),
    ...subject(),
    ...parameters(),
    ...result(names, codes),
    ...protection(),
    ...origin(),
  ];
}

function text(name: string, is: string, get: (call: Call) => string | null): CallColumn {
  return { name, kind: 'text', is, get: ({ of }) => get(of) };
}

function json(name: string, is: string, get: (call: Call) => string | null): CallColumn {
  return { name, kind: 'json', is, get: ({ of }) => get(of) };
}

function identity(): readonly CallColumn[] {
  return [
    {
      name: 'id',
      kind: 'long',
      is: 'number of the call in its chain',
      required: true,
      bounds: true,
      rising: true,
      get: idOf,
    },
    {
      name: 'chain',
      kind: 'text',
      is: 'chain of captures: ids, flows and labels are unique within one',
      required: true,
      get: ({ chain }) => chain,
    },
    {
      name: 'time',
      kind: 'time',
      is: 'when the request was captured',
      bounds: true,
      rising: true,
      get: ({ of: { time } }) => (time === null ? null : microseconds(time)),
    },
    {
      name: 'time_ns',
      kind: 'long',
      is: 'the same in nanoseconds since 1970',
      rising: true,
      get: ({ of: { time } }) => (time === null ? null : nanoseconds(time)),
    },
    { name: 'latency_ns', kind: 'long', is: 'from request to response', get: ({ of }) => long(of.latencyNs) },
  ];
}

function idOf({ of }: CallRow): Cell {
  return BigInt(of.id);
}

function connection(ids: ConnectionIds): readonly CallColumn[] {
  return [
    { ...text('client', 'address of the client', ({ client }) => client.address), bounds: true },
    { name: 'client_port', kind: 'int', is: 'its port', get: ({ of }) => of.client.port },
    { ...text('server', 'address of the server', ({ server }) => server.address), bounds: true },
    { name: 'server_port', kind: 'int', is: 'its port', get: ({ of }) => of.server.port },
    text('community_id', 'the connection as Zeek, Suricata and Arkime name it', (call) => ids.of(call)),
    text('transport', 'ncacn_np and the pipe, of calls over SMB', ({ exchange }) => transportText(exchange.flow)),
    { name: 'flow', kind: 'long', is: 'number of the connection in its chain', get: ({ of }) => BigInt(of.flow) },
    { name: 'call_id', kind: 'long', is: 'call_id of the PDUs', get: ({ of }) => long(of.callId) },
    { name: 'context_id', kind: 'int', is: 'p_cont_id of the PDUs', get: ({ of }) => int(of.contextId) },
    { name: 'assoc_group', kind: 'long', is: 'association group of the connection', get: ({ of }) => long(of.group) },
  ];
}

function member(): readonly CallColumn[] {
  return [
    {
      ...text('interface', 'the interface meant; late bound the one that has the member', (call) => call.interface),
      bounds: true,
    },
    text('iid', 'its IID', ({ iid }) => iid),
    { ...text('method', 'name of the member', ({ method }) => method), bounds: true },
    text('member', 'method, propget, propput, propputref', ({ member: kind }) => kind),
    { name: 'opnum', kind: 'int', is: 'number of the slot', get: ({ of }) => int(of.opnum) },
    {
      name: 'printed_opnum',
      kind: 'int',
      is: 'the number that the specification prints',
      get: ({ of }) => int(of.printedOpnum),
    },
    text('section', 'where the specification describes it', ({ section, spec }) =>
      section === null || spec === null ? section : `[${spec}] ${section}`,
    ),
    text('binding', 'early, or late: through IDispatch::Invoke', ({ binding }) => binding),
    { name: 'dispid', kind: 'long', is: 'of a late-bound call', get: ({ of }) => long(of.dispid) },
    json('via', 'of a late-bound call: what was on the wire', ({ via }) =>
      via === null ? null : jsonText({ interface: via.interface, method: via.method, opnum: via.opnum }),
    ),
    text('certainty', 'that interface and method are these', ({ certainty }) => certainty),
    text('because', 'why it is not known', ({ because }) => because),
  ];
}

function subject(): readonly CallColumn[] {
  return [
    text('object', 'label of the object called', ({ object }) => object?.label ?? null),
    text('ipid', 'its IPID', ({ object }) => object?.ipid ?? null),
    text('oid', 'its OID', ({ object }) => object?.oid ?? null),
    text('oxid', 'its OXID', ({ object }) => object?.oxid ?? null),
    text('causality', 'causality id of ORPCTHIS', ({ causality }) => causality),
    text('clsid', 'class that an activation asks for', classOf),
  ];
}

/** The class that an activation asks for. */
export function classOf({ method, in: request }: Call): string | null {
  return method !== null && method.startsWith('Remote') ? activatedClass(request) : null;
}

function parameters(): readonly CallColumn[] {
  const texts = new FieldsText();
  return [
    json('arguments', 'arguments by name: in of NDJSON', (call) => texts.of(call.in)),
    json('results', 'results by name: out of NDJSON', (call) => texts.of(call.out)),
    text('criteria', 'criteria of a search', (call) => plain(call.in['criteria'])),
    text('value', 'what a property is put to', (call) => plain(call.in['value'])),
    text('retval', 'what the member returned; of an object its label', (call) => plain(call.out['retval'])),
    text('stub_request', 'arguments in hexadecimal, where they were not decoded', (call) =>
      undecoded(call) ? stub(call.exchange.request) : null,
    ),
    text('stub_response', 'results in hexadecimal, where they were not decoded', (call) =>
      undecoded(call) ? stub(call.exchange.response) : null,
    ),
  ];
}

/** A value as text where it is one value; a VARIANT is what it holds, an object its label. */
export function plain(value: Value | undefined): string | null {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'object':
      if (value instanceof Uint8Array) return toHex(value);
      return value === null || Array.isArray(value) ? null : ofFields(value as Fields);
    default:
      return null;
  }
}

type Fields = { readonly [name: string]: Value };

function ofFields(fields: Fields): string | null {
  if (typeof fields['label'] === 'string') return fields['label'];
  return 'vt' in fields ? plain(fields['value']) : null;
}

function undecoded({ method, decoded, auth }: Call): boolean {
  return method === null || (!decoded && auth.verdict !== 'sealed');
}

function stub(of: Stub | null): string | null {
  return of === null ? null : toHex(of.block.u8, of.start, of.end);
}

function result(names: Names, codes: Codes): readonly CallColumn[] {
  return [
    {
      ...text('hresult', 'as 0x80240007', ({ hresult }) => (hresult === null ? null : codes.text(hresult))),
      bounds: true,
    },
    text('hresult_name', 'its name', ({ hresult }) => (hresult === null ? null : names.hresult(hresult >>> 0))),
    text('wrapped', 'DISP_E_EXCEPTION where hresult is the scode of an EXCEPINFO', ({ wrapped }) => wrapped),
    text('fault', 'status of a fault PDU', ({ fault }) => (fault === null ? null : codes.text(fault.status))),
    text('fault_name', 'its name', ({ fault }) => (fault === null ? null : names.status(fault.status))),
    {
      name: 'failed',
      kind: 'bool',
      is: 'a fault, or a result that is a failure',
      required: true,
      get: ({ of }) => failed(of),
    },
    text('outcome', 'answered, faulted, cancelled, orphaned, unanswered, maybe, response-only', (call) => call.outcome),
    text('exception_source', 'of an EXCEPINFO', ({ exception }) => exception?.source ?? null),
    text('exception_description', 'of an EXCEPINFO', ({ exception }) => exception?.description ?? null),
    text('refused', 'name of the argument that the server refused', ({ refused }) => refused),
  ];
}

function protection(): readonly CallColumn[] {
  return [
    text('auth_type', 'none, ntlm, kerberos…', ({ auth }) => auth.type),
    text('auth_level', 'none, connect, integrity, privacy…', ({ auth }) => auth.level),
    text('auth_verdict', 'none, unverified, good, bad, sealed, opened', ({ auth }) => auth.verdict),
    text('auth_user', 'who the client is', ({ auth }) => auth.user ?? null),
  ];
}

function origin(): readonly CallColumn[] {
  return [
    { name: 'file', kind: 'text', is: 'capture that holds its first frame', get: ({ place }) => place?.file ?? null },
    {
      name: 'frame',
      kind: 'long',
      is: 'that frame in that file, from 1',
      rising: true,
      get: ({ place }) => long(place?.frame),
    },
    frameColumn('request_frame', 'first frame of the request, counted over the whole chain', (call) =>
      call.requestFrames.at(0),
    ),
    frameColumn('response_frame', 'first frame of the response, counted over the whole chain', (call) =>
      call.responseFrames.at(0),
    ),
    json('frames', 'all frames of request and response, where one of them has several', (call) =>
      call.requestFrames.length > 1 || call.responseFrames.length > 1
        ? jsonText({ request: call.requestFrames, response: call.responseFrames })
        : null,
    ),
    json('callbacks', 'ids of calls that the server made back', ({ callbacks }) =>
      callbacks.length === 0 ? null : `[${callbacks.join(',')}]`,
    ),
    json('problems', 'damage in this call', ({ problems }) =>
      problems.length === 0 ? null : `[${problems.map(problemJson).join(',')}]`,
    ),
  ];
}

function frameColumn(name: string, is: string, get: (call: Call) => number | undefined): CallColumn {
  return { name, kind: 'long', is, rising: true, get: ({ of }) => long(get(of)) };
}

/** Fields as JSON text, through one buffer. */
export class FieldsText {
  private readonly out = new JsonBytes();

  of(fields: Fields): string {
    this.out.at = 0;
    putFields(this.out, fields);
    return this.out.text();
  }
}

/** Codes as text, each made once. */
export class Codes {
  private readonly known = new Map<number, string>();

  text(value: number): string {
    const before = this.known.get(value);
    if (before !== undefined) return before;
    const made = hex32(value);
    if (this.known.size < 4096) this.known.set(value, made);
    return made;
  }
}
