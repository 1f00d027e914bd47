import type { Endpoint, Exchange, Finding, Moment, ObjectRecord } from '../types.js';
import { referencesTo, type ObjectTable } from '../dcom/objects.js';
import { readActivation } from '../dcom/activation-properties.js';
import { NO_SET, readComplexPing, readSetId } from '../dcom/ping.js';
import { PingSets } from '../dcom/ping-sets.js';
import { asPointer, pointersIn, type Pointer } from '../dcom/references.js';
import { readAddResults, readCounts, readQuery, readQueryResults } from '../dcom/remunknown.js';
import { readExporter } from '../dcom/resolver.js';
import type { Registry } from '../ndr/codec.js';
import type { Method, MethodRole } from '../ndr/types.js';
import { asList, type Fields } from '../ndr/value.js';
import { interfaceOf, returnedInterface, type Classes } from './classes.js';
import { DISPID_NEWENUM } from '../dcom/automation.js';
import type { Invocation } from './dispparams.js';
import { lifetimeFindings, objectFinding, type ObjectFinding } from './findings.js';
import { classKnown, knowledgeOf, type Entry, type Knowledge, type TrackedObject } from './knowledge.js';
import type { LateBinder, LateCall } from './late.js';
import type { AnalysisLimits } from './limits.js';
import { objectRecord } from './object-records.js';
import { Peers, type Link } from './peers.js';
import { activatedAs, elementOf, returnedBy } from './reasons.js';
import { countReferences, noteReference, type Way } from './references.js';
import type { Roles } from './roles.js';
import { TypeInformation } from './type-information.js';

/** A call as far as the life of objects is concerned. */
interface TrackedCall {
  readonly id: number;
  readonly role: MethodRole | null;
  readonly method: Method | null;
  readonly request: Fields;
  readonly response: Fields;
  readonly succeeded: boolean;
  readonly exchange: Exchange;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly time: Moment | null;
  readonly entry: Entry | null;
  readonly late: Invoked | null;
}

/** An Invoke, and the member it means. */
export interface Invoked {
  readonly call: LateCall;
  readonly invocation: Invocation;
}

/** What objects are followed with. */
interface TrackerOptions {
  readonly registry: Registry;
  readonly objects: ObjectTable<Knowledge>;
  readonly classes: Classes;
  readonly late: LateBinder;
  readonly roles: Roles;
  readonly limits: AnalysisLimits;
}

/**
 * Follows the objects of a session: who made them, what they are, who holds references to them, who keeps them alive
 * ([MS-DCOM] 3.1.1.5, 3.2). What is wrong with their use comes out as findings.
 */
export class Tracker {
  private readonly registry: Registry;
  private readonly objects: ObjectTable<Knowledge>;
  private readonly classes: Classes;
  private readonly late: LateBinder;
  private readonly pings: PingSets;
  private readonly types: TypeInformation;
  /** Interfaces that every object has: a reference to one says nothing about its class. */
  private readonly plain: ReadonlySet<string>;
  private readonly remUnknown: { readonly name: string; readonly uuid: string } | null;
  readonly peers: Peers;
  /** The release of an object after which a call on it was reported: once is enough. */
  private readonly misuseReported = new WeakMap<TrackedObject, number>();

  constructor(options: TrackerOptions) {
    const { registry, objects, classes, late, roles, limits } = options;
    this.registry = registry;
    this.objects = objects;
    this.classes = classes;
    this.late = late;
    this.peers = new Peers(objects);
    this.pings = new PingSets({ sets: limits.pingSets, members: limits.pingMembers });
    this.types = new TypeInformation(options);
    const roots = registry.interfaces
      .filter((one) => one.interface.orpc && one.interface.base === null)
      .map((one) => one.interface.name);
    this.plain = new Set([...roots, ...roles.players('invoke')]);
    const [name] = roles.players('release');
    const found = name === undefined ? null : registry.interfaceByName(name);
    this.remUnknown = found === null ? null : { name: found.interface.name, uuid: found.interface.uuid };
  }

  /** A call went to an interface. */
  called(
    entry: Entry,
    { server, time }: Pick<TrackedCall, 'server' | 'time'>,
    id: number,
    exchange: Exchange,
    out: Finding[],
  ): void {
    const { object } = entry;
    // An activation is answered by the object resolver: only calls show where the object itself listens.
    if (object.server !== server && object.server.address === server.address) object.server = server;
    entry.calls++;
    object.calls++;
    if (time !== null) {
      object.lastSeenS = time.timeS;
      object.lastSeenNs = time.timeNs;
    }
    if (object.releasedBy !== null) this.misused(object, object.releasedBy, id, exchange, out);
  }

  /** References that a client sends along: to objects of its own, or the server's own coming home. */
  requested(call: TrackedCall, holding: readonly string[], out: Finding[]): void {
    this.learn(call, holding, false, out);
  }

  /**
   * A response may hand out objects, tell their classes, or count their references. `holding`: names of what in it can
   * hold references.
   */
  responded(call: TrackedCall, holding: readonly string[], out: Finding[]): void {
    const learnt = holding.length > 0 ? this.learn(call, holding, true, out) : NONE;
    const { role, entry, request, response, server } = call;
    switch (role) {
      case 'activate':
      case 'get-class-object':
      case 'resolve-oxid':
        this.exporter(call);
        break;
      case 'query-interface':
        this.queried(call, out);
        break;
      case 'add-ref':
        this.added(call);
        break;
      case 'release':
        this.released(call, out);
        break;
      case 'ping':
        this.pinged(call, this.pings.pinged(server.address, readSetId(request) ?? NO_SET));
        break;
      case 'complex-ping':
        this.changed(call);
        break;
      case 'ids-of-names':
        if (entry !== null)
          this.late.learnNames(entry.object, asList(request['rgszNames']), asList(response['rgDispId']), frameOf(call));
        break;
      case 'type-info':
      case 'class-info':
        for (const one of learnt) this.types.describes(one.object, entry?.object ?? null);
        break;
      case 'type-attr':
      case 'names':
      case 'documentation':
        if (entry !== null) this.types.learn({ role, request, response, frame: frameOf(call) }, entry.object);
        break;
      default:
        break;
    }
  }

  /**
   * Takes note of the commonest response that hands out objects: a single reference, or none, to an object whose class
   * is known. False where there is more to it, and nothing was noted.
   */
  again(response: Fields, holding: readonly string[], link: Link | null): boolean {
    const reference = holding.length === 1 ? response[holding[0] as string] : undefined;
    if (reference === null) return true;
    const pointer = reference === undefined ? null : asPointer(reference);
    const entry = pointer === null ? null : this.objects.same(pointer);
    if (entry === null || !classKnown(entry.object)) return false;
    noteReference(reference as Fields, entry, 'out');
    link?.objects.handedOut(entry);
    return true;
  }

  /** What became of every object that is remembered; `ended`: no more calls will come. */
  records(ended: boolean): ObjectRecord[] {
    const records: ObjectRecord[] = [];
    for (const object of this.objects.all()) {
      if (ended) this.ended(object);
      records.push(objectRecord(object, this.plain));
    }
    return records;
  }

  /** What only the end of the capture shows: leaks, and objects that nobody kept alive. */
  end(out: Finding[]): void {
    for (const object of this.objects.all()) this.ended(object);
    lifetimeFindings(this.objects.all(), this.objects.forgotten, out);
  }

  /** No more calls will come on an object: references to it leaked where their client has gone. */
  private ended(object: TrackedObject): void {
    object.leaked =
      referencesTo(object) > 0 && this.peers.gone(object.knowledge?.client ?? null, object.server.address);
  }

  /** A call on an object that nobody held any more: said once for a release. */
  private misused(object: TrackedObject, releasedBy: number, id: number, exchange: Exchange, out: Finding[]): void {
    if (this.misuseReported.get(object) === releasedBy) return;
    this.misuseReported.set(object, releasedBy);
    out.push(
      objectFinding(
        {
          rule: 'use-after-release',
          severity: 'warning',
          message: `${object.label} was called after its last reference was released in call ${releasedBy}`,
          spec: '[MS-DCOM] 3.2.4.4.2',
        },
        id,
        object,
        exchange,
      ),
    );
  }

  /** Takes note of the references in a call; `response`: a server hands them out. */
  private learn(call: TrackedCall, holding: readonly string[], response: boolean, out: Finding[]): readonly Entry[] {
    const learnt: Entry[] = [];
    const met = (reference: Fields): void => {
      const pointer = asPointer(reference);
      if (pointer === null) return;
      // A reference handed out again tells nothing new of an object whose class is known.
      const again = this.objects.same(pointer);
      const known = again !== null && classKnown(again.object);
      const entry = known ? again : this.take(call, pointer, response ? this.handedOut(call) : handedIn(call), out);
      noteReference(reference, entry, wayOf(entry, call, response));
      learnt.push(entry);
      if (response && !known) this.cameFrom(call, entry.object);
    };
    const fields = response ? call.response : call.request;
    for (const name of holding) pointersIn(fields[name], met);
    return learnt;
  }

  /** What a response tells of the objects it hands out. */
  private handedOut(call: TrackedCall): Handing {
    const declared = call.late?.call.method ?? call.method;
    return {
      owner: call.server,
      expected: declared === null ? null : (returnedInterface(declared) ?? onlyInterface(declared)),
      clsid: this.classFor(call),
    };
  }

  private take(call: TrackedCall, pointer: Pointer, { owner, expected, clsid }: Handing, out: Finding[]): Entry {
    const frame = frameOf(call);
    const { registry } = this;
    const name = registry.interfaceByUuid(pointer.iid)?.interface.name ?? null;
    const plain = name === null || this.plain.has(name);
    const made = clsid === null ? null : this.classes.byClsid(clsid);
    const likely = expected !== null && !this.plain.has(expected) ? expected : null;
    const believed = plain ? (made?.interface ?? likely) : name;
    const entry = this.objects.learn(
      pointer,
      {
        name,
        shown: believed ?? name ?? registry.names.interface(pointer.iid, null)?.name ?? `{${pointer.iid}}`,
        provisional: believed === null || !this.classes.has(believed),
        server: owner,
        time: call.time,
        frame,
        call: call.id,
        parent: call.entry?.object.label ?? null,
      },
      (before) => out.push(reused(call, before)),
    );
    const own = knowledgeOf(entry.object);
    own.client ??= call.client.address;
    if (clsid !== null) own.clsid ??= clsid;
    if (made?.interface != null)
      this.late.learnClass(entry.object, {
        interface: made.interface,
        certainty: 'known',
        because: activatedAs(made.name, frame),
      });
    if (!plain) this.late.learnClass(entry.object, { interface: name, certainty: 'known', because: entry });
    return entry;
  }

  /** CLSID of the objects in a response: of an activation, or of the class object that made them. */
  private classFor(call: TrackedCall): string | null {
    if (call.role === 'activate') return activatedClass(call.request);
    return call.role === 'create-instance' ? (call.entry?.object.knowledge?.makes ?? null) : null;
  }

  private cameFrom(call: TrackedCall, child: TrackedObject): void {
    const { late, method, entry, role } = call;
    if (role === 'get-class-object') {
      knowledgeOf(child).makes ??= activatedClass(call.request);
      return;
    }
    if (entry === null) return;
    const parent = entry.object;
    if (late !== null && child !== parent) this.late.returned(parent, late.invocation, late.call, child);
    if (role === 'next' || role === 'clone') {
      const { elements } = knowledgeOf(parent);
      if (elements !== null && role === 'clone') knowledgeOf(child).elements = elements;
      else if (elements !== null) this.late.learnClass(child, { ...elements, certainty: 'inferred' });
      return;
    }
    const member = late?.call.method ?? method;
    const dispid = late === null ? member?.dispid : late.invocation.dispid;
    if (dispid === DISPID_NEWENUM && child !== parent) this.enumerates(parent, child);
    else if (member !== null && late === null) {
      const declared = returnedInterface(member);
      if (declared !== null && !this.plain.has(declared))
        this.late.learnClass(child, {
          interface: declared,
          certainty: 'inferred',
          because: returnedBy(`${member.name} of ${parent.label}`),
        });
    }
  }

  /** A collection gave an enumerator: it hands out what the collection's default member does. */
  private enumerates(collection: TrackedObject, enumerator: TrackedObject): void {
    for (const holder of knowledgeOf(collection).interfaces) {
      const item = this.classes.byDispid(holder, 0).find((one) => returnedInterface(one.method) !== null);
      const element = item === undefined ? null : returnedInterface(item.method);
      if (element === null) continue;
      knowledgeOf(enumerator).elements = {
        interface: element,
        because: elementOf({ collection: collection.label, holder, element }),
      };
      return;
    }
  }

  /** An activation or an OXID resolution tells the IPID of the exporter's IRemUnknown ([MS-DCOM] 3.2.1). */
  private exporter(call: TrackedCall): void {
    const { server } = call;
    const found = this.remUnknown === null ? null : readExporter(call.response, call.request);
    if (found === null || this.remUnknown === null) return;
    if (this.objects.find(found.ipidRemUnknown, server.address) !== null) return;
    const { name, uuid } = this.remUnknown;
    this.objects.meet(found.ipidRemUnknown, uuid, found.oxid, {
      name,
      shown: name,
      provisional: false,
      server,
      time: call.time,
      frame: frameOf(call),
      call: call.id,
      parent: null,
    });
  }

  /**
   * RemQueryInterface answers with STDOBJREFs, which name no IID: the request does, in the same order ([MS-DCOM]
   * 3.1.1.5.6.1.1).
   */
  private queried(call: TrackedCall, out: Finding[]): void {
    const query = readQuery(call.request);
    const parent = query === null ? null : this.objects.find(query.ipid, call.server.address);
    const handing: Handing = { owner: parent?.object.server ?? call.server, expected: null, clsid: null };
    for (const [index, { hresult, reference }] of readQueryResults(call.response).entries()) {
      const iid = query?.iids[index];
      if (iid === undefined || reference === null || hresult !== 0) continue;
      const pointer = asPointer({ ...reference, iid });
      if (pointer === null) continue;
      const entry = this.take({ ...call, entry: parent }, pointer, handing, out);
      countReferences(entry, reference, 'out');
      Object.assign(reference, { interface: entry.interface, iid, label: entry.object.label });
    }
  }

  private added(call: TrackedCall): void {
    const results = readAddResults(call.response);
    for (const [index, { entry, count }] of this.counted(call).entries()) {
      if (entry === null || (results[index] ?? 0) !== 0) continue;
      entry.references += count;
      entry.object.releasedBy = null;
    }
  }

  private released(call: TrackedCall, out: Finding[]): void {
    if (!call.succeeded) return;
    for (const { entry, count } of this.counted(call)) {
      if (entry === null) continue;
      const { object } = entry;
      if (count > entry.references && object.madeBy !== null && entry.madeBy !== null)
        out.push(objectFinding(releasedTwice(entry, count), call.id, object, call.exchange));
      entry.references = Math.max(0, entry.references - count);
      if (referencesTo(object) === 0) object.releasedBy = call.id;
    }
  }

  /** REMINTERFACEREFs of a request ([MS-DCOM] 2.2.23). */
  private counted(call: TrackedCall): { readonly entry: Entry | null; readonly count: number }[] {
    return readCounts(call.request).map(({ ipid, references }) => ({
      entry: this.objects.find(ipid, call.server.address),
      count: references,
    }));
  }

  private changed(call: TrackedCall): void {
    if (!call.succeeded) return;
    const { request, response, server } = call;
    const { setId, add, remove } = readComplexPing(request);
    const members = this.pings.change(server.address, readSetId(response) ?? setId, add, remove);
    this.pinged(call, members);
  }

  private pinged({ server, time, succeeded }: TrackedCall, oids: ReadonlySet<string>): void {
    if (!succeeded) return;
    for (const oid of oids) {
      const object = this.objects.byOid(server.address, oid);
      if (object === null) continue;
      object.pings++;
      object.lastPing = time;
    }
  }
}

/** Who has the objects of references, and what is declared of them. */
interface Handing {
  readonly owner: Endpoint;
  /** Interface that the member is declared to return. */
  readonly expected: string | null;
  readonly clsid: string | null;
}

const NONE: readonly Entry[] = Object.freeze([]);

function handedIn({ client }: TrackedCall): Handing {
  return { owner: client, expected: null, clsid: null };
}

function wayOf(entry: Entry, { server }: TrackedCall, response: boolean): Way {
  if (response) return 'out';
  return entry.object.server.address === server.address ? 'home' : 'in';
}

function reused({ id, exchange }: TrackedCall, before: Entry): Finding {
  const { object } = before;
  return objectFinding(
    {
      rule: 'ipid-reused',
      severity: 'info',
      message: `IPID ${before.ipid} was ${before.interface ?? before.iid} of ${object.label} and is handed out anew: the server was restarted, or gives IPIDs out again`,
      spec: '[MS-DCOM] 3.1.1.1',
    },
    id,
    object,
    exchange,
  );
}

function releasedTwice(entry: Entry, count: number): ObjectFinding {
  return {
    rule: 'double-release',
    severity: 'warning',
    message: `RemRelease gives back ${count} references to ${entry.interface ?? entry.iid} of ${entry.object.label}, of which ${entry.references} were held`,
    spec: '[MS-DCOM] 3.1.1.5.6.1.3',
  };
}

function frameOf({ exchange }: TrackedCall): number {
  return (exchange.response ?? exchange.request)?.frames[0] ?? 0;
}

/** Interface of the only out parameter that is declared to be one, or null. */
function onlyInterface(method: Method): string | null {
  const names = (method.params ?? [])
    .filter((param) => param.direction !== 'in')
    .flatMap((param) => interfaceOf(param.type) ?? []);
  return names.length === 1 ? (names[0] ?? null) : null;
}

/**
 * CLSID that an activation asks for: a parameter of RemoteActivation, or in InstantiationInfoData ([MS-DCOM]
 * 2.2.22.2.1).
 */
export function activatedClass(request: Fields): string | null {
  return readActivation(request)?.clsid ?? null;
}
