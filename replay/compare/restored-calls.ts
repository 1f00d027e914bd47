import { Session } from './session.js';
import type { RecordedCall, RecordedStub, RecordingRecord } from '../recording/records.js';
import { joinSessions } from '../recording/sessions.js';
import { spanOf } from '../../src/bytes/block.js';
import type { Registry } from '../../src/ndr/codec.js';
import type { Auth, Call, Endpoint, Exchange, Flow, ObjectRecord, PresentationContext, Stub } from '../../src/types.js';

/**
 * The calls of a recording as decoding gave them, but for what a recording does not keep: frames, verdicts, problems,
 * pings.
 */
interface Restored {
  readonly calls: readonly Call[];
  readonly objects: readonly ObjectRecord[];
}

const NOWHERE: Endpoint = { address: 'unknown', port: 0 };

/** Turns records back into calls and objects. Several sessions are joined. */
export function restored(records: readonly RecordingRecord[], registry: Registry): Restored {
  const session = new Session(records, registry);
  const flows = new Map<number, Flow>();
  const contexts = new Map<string, PresentationContext>();
  const calls: Call[] = [];
  for (const record of joinSessions(records)) {
    if (record.kind === 'connection')
      flows.set(record.id, { id: record.id, a: record.client, b: record.server, opened: 'syn' });
    else if (record.kind === 'context')
      contexts.set(`${record.connection}/${record.id}`, {
        id: record.id,
        abstract: record.abstract,
        transfer: record.transfer,
      });
    else if (record.kind === 'call') {
      const flow = flows.get(record.connection) ?? {
        id: record.connection,
        a: NOWHERE,
        b: NOWHERE,
        opened: 'midstream',
      };
      calls.push(
        callOf(record, flow, contexts.get(`${record.connection}/${record.contextId}`) ?? null, session, registry),
      );
    }
  }
  return { calls, objects: objectsOf(session, calls) };
}

function callOf(
  record: RecordedCall,
  flow: Flow,
  context: PresentationContext | null,
  session: Session,
  registry: Registry,
): Call {
  const { connection: _, wireOpnum, withheld: __, request, response, auth, ...kept } = record;
  const slot =
    record.iid === null || record.opnum === null
      ? null
      : (registry.interfaceByUuid(record.iid)?.slots[record.opnum] ?? null);
  const protection: Auth = {
    type: auth.type,
    level: auth.level,
    verdict: auth.type === 'none' ? 'none' : protectedVerdict(request?.sealed ?? response?.sealed ?? false),
    contextId: 0,
  };
  const reference = record.object === null ? null : session.reference(record.object.ipid);
  const exchange: Exchange = {
    kind: 'exchange',
    flow,
    direction: 0,
    callId: record.callId,
    contextId: record.contextId,
    opnum: wireOpnum,
    object: record.object?.ipid ?? null,
    context,
    request: stubOf(request),
    response: stubOf(response),
    fault: record.fault,
    outcome: record.outcome,
    requestTime: record.time,
    responseTime: null,
    requestAuth: protection,
    responseAuth: protection,
    problems: [],
  };
  return {
    ...kept,
    client: flow.a,
    server: flow.b,
    flow: flow.id,
    printedOpnum: slot?.method.printedOpnum ?? null,
    section: slot?.method.section ?? null,
    spec: slot?.owner.spec ?? null,
    certainty: record.iid === null ? 'unknown' : 'known',
    because: null,
    object:
      record.object === null ? null : { ...record.object, oid: reference?.oid ?? null, oxid: reference?.oxid ?? null },
    callbacks: [],
    group: null,
    auth: protection,
    requestFrames: [],
    responseFrames: [],
    problems: [],
    exchange,
  };
}

function stubOf(stub: RecordedStub | null): Stub | null {
  return stub === null
    ? null
    : {
        ...spanOf(stub.bytes),
        drep: stub.drep,
        frames: [],
        pieces: [],
        fragments: 1,
        complete: stub.complete,
        sealed: stub.sealed,
        verification: null,
      };
}

/** The objects of the recording's references, in the order in which they were handed out. */
function objectsOf(session: Session, calls: readonly Call[]): readonly ObjectRecord[] {
  const byId = new Map(calls.map((call) => [call.id, call]));
  const leaked = new Set(session.leaked);
  const made = new Map<
    number,
    ObjectRecord & { calls: number; readonly interfaces: ObjectRecord['interfaces'][number][] }
  >();
  for (const {
    object,
    label,
    interface: iface,
    iid,
    ipid,
    oid,
    oxid,
    made: { call: maker },
  } of session.handedOut) {
    const by = maker === null ? null : (byId.get(maker) ?? null);
    let one = made.get(object);
    if (one === undefined) {
      one = {
        kind: 'object',
        label,
        formerLabel: null,
        class: label.replace(/#\d+$/, ''),
        certainty: 'known',
        because: null,
        oid,
        oxid,
        server: by?.server ?? NOWHERE,
        madeBy: by?.id ?? null,
        parent: by?.object?.label ?? null,
        interfaces: [],
        references: 0,
        calls: 0,
        firstSeen: by?.time ?? null,
        lastSeen: null,
        pings: 0,
        lastPing: null,
        releasedBy: null,
        leaked: leaked.has(label),
      };
      made.set(object, one);
    }
    one.interfaces.push({
      ipid,
      iid: iid === '' ? null : iid,
      interface: iface,
      references: 0,
      madeBy: by?.id ?? null,
      calls: 0,
    });
  }
  for (const call of calls) {
    const object = call.object === null ? null : session.object(call.object.ipid);
    const one = object === null ? undefined : made.get(object);
    if (one !== undefined) one.calls++;
  }
  return [...made.values()];
}

/** What is said of a protected call of a recording: nothing of it can be verified again. */
function protectedVerdict(sealed: boolean): Auth['verdict'] {
  return sealed ? 'sealed' : 'unverified';
}
