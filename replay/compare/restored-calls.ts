import { SessionObjects } from './session-objects.js';
import type { RecordedCall, RecordedStub, RecordingRecord } from '../recording/records.js';
import { SessionJoiner } from '../recording/sessions.js';
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
  const restorer = new Restorer(registry);
  const calls = records.flatMap((record) => restorer.take(record) ?? []);
  return { calls, objects: restorer.objects() };
}

/** Objects of a recording that are told of at most: the first of them. */
export const MAX_RESTORED_OBJECTS = 262_144;

/** What is known of the call that made an object. */
type Maker = Pick<ObjectRecord, 'server' | 'madeBy' | 'parent' | 'firstSeen'>;

/** Turns records back into calls one by one, in memory that grows with the objects alone. */
export class Restorer {
  private readonly registry: Registry;
  private readonly joiner = new SessionJoiner();
  private readonly session: SessionObjects;
  private readonly flows = new Map<number, Flow>();
  private readonly contexts = new Map<string, PresentationContext>();
  private readonly makers = new Map<number, Maker | null>();
  private readonly calls = new Map<number, number>();
  /** References that are told of, and those beyond the bound, which are not. */
  private told = 0;
  private left = 0;

  constructor(registry: Registry) {
    this.registry = registry;
    this.session = new SessionObjects(registry);
  }

  /** References that are too many to be told of. */
  get forgotten(): number {
    return this.left;
  }

  /** Takes the next record; the call it is, or null. */
  take(given: RecordingRecord): Call | null {
    const record = this.joiner.join(given);
    const full = this.told >= MAX_RESTORED_OBJECTS;
    if (record.kind === 'reference' && full) this.left++;
    else this.session.take(record);
    if (record.kind === 'reference' && !full) this.told++;
    switch (record.kind) {
      case 'connection':
        this.flows.set(record.id, {
          id: record.id,
          a: record.client,
          b: record.server,
          opened: 'syn',
          ...(record.pipe === undefined ? {} : { pipe: { name: record.pipe, over: record.id } }),
        });
        return null;
      case 'context':
        this.contexts.set(`${record.connection}/${record.id}`, {
          id: record.id,
          abstract: record.abstract,
          transfer: record.transfer,
        });
        return null;
      case 'reference': {
        const { call } = record.made;
        if (call !== null && !full && !this.makers.has(call)) this.makers.set(call, null);
        return null;
      }
      case 'call':
        return this.call(record);
      default:
        return null;
    }
  }

  /** The objects of the references so far, in the order in which they were handed out. */
  objects(): readonly ObjectRecord[] {
    return objectsOf(this.session, this.makers, this.calls);
  }

  private call(record: RecordedCall): Call {
    const { connection: id } = record;
    const flow = this.flows.get(id) ?? { id, a: NOWHERE, b: NOWHERE, opened: 'midstream' };
    const context = this.contexts.get(`${id}/${record.contextId}`) ?? null;
    const call = callOf(record, flow, context, this.session, this.registry);
    if (this.makers.has(call.id))
      this.makers.set(call.id, {
        server: call.server,
        madeBy: call.id,
        parent: call.object?.label ?? null,
        firstSeen: call.time,
      });
    const object = call.object === null ? null : this.session.object(call.object.ipid);
    if (object !== null) this.calls.set(object, (this.calls.get(object) ?? 0) + 1);
    return call;
  }
}

function callOf(
  record: RecordedCall,
  flow: Flow,
  context: PresentationContext | null,
  session: SessionObjects,
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
function objectsOf(
  session: SessionObjects,
  makers: ReadonlyMap<number, Maker | null>,
  calls: ReadonlyMap<number, number>,
): readonly ObjectRecord[] {
  const leaked = new Set(session.leaked);
  const made = new Map<number, ObjectRecord & { readonly interfaces: ObjectRecord['interfaces'][number][] }>();
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
    const by = maker === null ? null : (makers.get(maker) ?? null);
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
        madeBy: by?.madeBy ?? null,
        parent: by?.parent ?? null,
        interfaces: [],
        references: 0,
        calls: calls.get(object) ?? 0,
        firstSeen: by?.firstSeen ?? null,
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
      madeBy: by?.madeBy ?? null,
      calls: 0,
    });
  }
  return [...made.values()];
}

/** What is said of a protected call of a recording: nothing of it can be verified again. */
function protectedVerdict(sealed: boolean): Auth['verdict'] {
  return sealed ? 'sealed' : 'unverified';
}
