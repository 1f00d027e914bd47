import { bytesOf } from '../../src/bytes/block.js';
import type { Call, Stub, Value } from '../../src/types.js';
import type { RecordedCall, RecordedStub, RecordingRecord, SessionRecord } from './records.js';
import { referencesIn } from '../../src/dcom/references.js';

/** Members that hand a secret over: what they were given is left out of recordings. */
const SECRET = /password|credential|passphrase|secret/i;
const NOTHING = new Uint8Array(0);

/**
 * Turns the calls of a session into records: connections, contexts and references when a call first uses them, then the
 * call.
 */
export class Recorder {
  private readonly put: (record: RecordingRecord) => void;
  private readonly owned: boolean;
  private readonly connections = new Map<string, number>();
  private readonly contexts = new Set<string>();
  private readonly references = new Set<string>();
  private readonly objects = new Map<string, number>();
  private readonly labels = new Map<number, string>();
  private calls = 0;

  /** @param owned the stubs of calls are in memory of their own already: records share it */
  constructor(session: Omit<SessionRecord, 'kind'>, put: (record: RecordingRecord) => void, owned = false) {
    this.put = put;
    this.owned = owned;
    put({ kind: 'session', ...session });
  }

  call(call: Call): RecordedCall {
    const connection = this.connection(call);
    this.context(call, connection);
    const id = ++this.calls;
    if (call.object !== null)
      this.reference({ iid: call.iid ?? '', interface: call.interface, ...call.object }, null, '');
    for (const side of ['in', 'out'] as const) {
      referencesIn(call[side], side, (found, path) => this.reference(found, side === 'out' ? id : null, path));
    }
    const record = recordedCall(call, id, connection, this.owned);
    this.put(record);
    return record;
  }

  /** No more calls will come. `half`: in words, that half of the conversation is missing; null where it is not. */
  end(half: string | null = null): void {
    this.put({ kind: 'end', calls: this.calls, ...(half === null ? {} : { half }) });
  }

  private connection(call: Call): number {
    const key = `${call.flow}/${call.exchange.direction}`;
    const known = this.connections.get(key);
    if (known !== undefined) return known;
    const id = this.connections.size + 1;
    this.connections.set(key, id);
    const { pipe } = call.exchange.flow;
    this.put({
      kind: 'connection',
      id,
      client: plainEndpoint(call.client),
      server: plainEndpoint(call.server),
      ...(pipe === undefined ? {} : { pipe: pipe.name }),
    });
    return id;
  }

  private context(call: Call, connection: number): void {
    const { context } = call.exchange;
    const key = `${connection}/${call.contextId}/${context?.abstract.uuid}`;
    if (context === null || this.contexts.has(key)) return;
    this.contexts.add(key);
    const { uuid, major, minor } = context.abstract;
    this.put({
      kind: 'context',
      connection,
      id: call.contextId,
      abstract: { uuid, major, minor },
      transfer: context.transfer,
    });
  }

  private reference(
    found: {
      readonly iid?: string;
      readonly ipid: string;
      readonly oid: string | null;
      readonly oxid: string | null;
      readonly label?: Value;
      readonly interface?: Value;
    },
    call: number | null,
    path: string,
  ): void {
    if (this.references.has(found.ipid)) return;
    this.references.add(found.ipid);
    const identity = found.oxid !== null && found.oid !== null ? found.oxid + found.oid : found.ipid;
    const object = this.objects.get(identity) ?? this.objects.size + 1;
    this.objects.set(identity, object);
    if (typeof found.label === 'string') this.labels.set(object, found.label);
    this.put({
      kind: 'reference',
      id: this.references.size,
      object,
      label: this.labels.get(object) ?? `object#${object}`,
      interface: typeof found.interface === 'string' ? found.interface : null,
      iid: found.iid ?? '',
      ipid: found.ipid,
      oid: found.oid,
      oxid: found.oxid,
      made: { call, path },
    });
  }
}

function plainEndpoint({ address, port }: { readonly address: string; readonly port: number }): {
  readonly address: string;
  readonly port: number;
} {
  return { address, port };
}

/** A call as it is recorded. */
function recordedCall(call: Call, id: number, connection: number, owned = false): RecordedCall {
  const { exchange } = call;
  const withheld = call.method !== null && SECRET.test(call.method) && Object.keys(call.in).length > 0;
  return {
    kind: 'call',
    id,
    connection,
    contextId: call.contextId,
    callId: call.callId,
    time: call.time === null ? null : { timeS: call.time.timeS, timeNs: call.time.timeNs },
    latencyNs: call.latencyNs,
    interface: call.interface,
    iid: call.iid,
    method: call.method,
    member: call.member,
    opnum: call.opnum,
    wireOpnum: exchange.opnum,
    binding: call.binding,
    dispid: call.dispid,
    via: call.via,
    object: call.object === null ? null : { ipid: call.object.ipid, label: call.object.label },
    causality: call.causality,
    decoded: call.decoded,
    in: withheld ? {} : call.in,
    out: call.out,
    hresult: call.hresult,
    wrapped: call.wrapped,
    exception:
      call.exception === null ? null : { source: call.exception.source, description: call.exception.description },
    refused: call.refused,
    fault: call.fault === null ? null : { status: call.fault.status, didNotExecute: call.fault.didNotExecute },
    outcome: call.outcome,
    auth: { type: call.auth.type, level: call.auth.level },
    withheld,
    request: withheld ? null : stubOf(exchange.request, owned),
    response: stubOf(exchange.response, owned),
  };
}

function stubOf(stub: Stub | null, owned: boolean): RecordedStub | null {
  if (stub === null) return null;
  const { drep, complete, sealed } = stub;
  return {
    drep: { littleEndian: drep.littleEndian, ebcdic: drep.ebcdic, float: drep.float },
    complete,
    sealed,
    bytes: sealed ? NOTHING : ownBytes(stub, owned),
  };
}

function ownBytes(stub: Stub, owned: boolean): Uint8Array {
  return owned ? bytesOf(stub) : bytesOf(stub).slice();
}
