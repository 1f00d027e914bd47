import type { Endpoint, Exchange, Finding, Moment, ObjectRecord, Value } from '../types.js';
import { GUID_NULL } from '../bytes/guid.js';
import { facetsOf, referencesTo, type Facet, type ObjectTable } from '../dcom/objects.js';
import { PingSets } from '../dcom/ping-sets.js';
import { asPointer, type Pointer } from '../dcom/references.js';
import type { Fields, Registry } from '../ndr/codec.js';
import type { Method, MethodRole } from '../ndr/types.js';
import { interfaceOf, returnedInterface, type Classes } from './classes.js';
import { bag, DISPID_NEWENUM, list, type Invocation } from './dispparams.js';
import { knowledgeOf, reasonOf, type Knowledge, type LearntType, type Subject } from './knowledge.js';
import type { LateBinder, LateCall } from './late.js';
import type { AnalysisLimits } from './limits.js';
import { pointersIn } from './pointers.js';
import { lifeFindings } from './life.js';
import { Peers, type Link } from './peers.js';
import type { Roles } from './roles.js';

/** An answered call as far as the life of objects is concerned. */
export interface Answer {
  readonly id: number;
  readonly role: MethodRole | null;
  readonly method: Method | null;
  readonly asked: Fields;
  readonly answered: Fields;
  readonly succeeded: boolean;
  readonly exchange: Exchange;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly time: Moment | null;
  readonly facet: Facet<Knowledge> | null;
  readonly late: { readonly call: LateCall; readonly invocation: Invocation } | null;
}

/**
 * Follows the objects of a session: who made them, what they are, who holds references to them, who keeps them alive
 * ([MS-DCOM] 3.1.1.5, 3.2).
 */
export class Tracker {
  private readonly registry: Registry;
  private readonly objects: ObjectTable<Knowledge>;
  private readonly classes: Classes;
  private readonly late: LateBinder;
  private readonly limits: AnalysisLimits;
  private readonly pings: PingSets;
  private readonly types = new Map<string, LearntType>();
  /** Interfaces that every object has: a reference to one says nothing about its class. */
  private readonly plain: ReadonlySet<string>;
  private readonly remUnknown: { readonly name: string; readonly uuid: string } | null;
  readonly peers = new Peers();
  /** Findings since they were last taken. */
  readonly findings: Finding[] = [];

  constructor(
    registry: Registry,
    objects: ObjectTable<Knowledge>,
    classes: Classes,
    late: LateBinder,
    roles: Roles,
    limits: AnalysisLimits,
  ) {
    this.registry = registry;
    this.objects = objects;
    this.classes = classes;
    this.late = late;
    this.limits = limits;
    this.pings = new PingSets({ sets: limits.pingSets, members: limits.pingMembers });
    const roots = registry.interfaces
      .filter((one) => one.interface.orpc && one.interface.base === null)
      .map((one) => one.interface.name);
    this.plain = new Set([...roots, ...roles.players('invoke')]);
    const [name] = roles.players('release');
    const face = name === undefined ? null : registry.interfaceByName(name);
    this.remUnknown = face === null ? null : { name: face.interface.name, uuid: face.interface.uuid };
  }

  /** A call went to an interface. */
  called(facet: Facet<Knowledge>, server: Endpoint, time: Moment | null, id: number, exchange: Exchange): void {
    const { object } = facet;
    // An activation is answered by the object resolver: only calls show where the object itself listens.
    if (object.server !== server && object.server.address === server.address) object.server = server;
    facet.calls++;
    object.calls++;
    if (time !== null) {
      object.lastSeenS = time.timeS;
      object.lastSeenNs = time.timeNs;
    }
    if (object.releasedBy !== null && object.releasedBy >= 0) {
      this.find(
        'use-after-release',
        'warning',
        `${object.label} was called after its last reference was released in call ${object.releasedBy}`,
        '[MS-DCOM] 3.2.4.4.2',
        id,
        object,
        exchange,
      );
      // Said once for an object.
      object.releasedBy = -object.releasedBy;
    }
  }

  /**
   * An answer may hand out objects, tell their classes, or count their references. `holding`: names of what in it can
   * hold references.
   */
  answered(answer: Answer, holding: readonly string[]): void {
    const learnt = holding.length > 0 ? this.learn(answer, answer.answered, holding, answer.server, true) : NONE;
    switch (answer.role) {
      case null:
        break;
      case 'activate':
      case 'get-class-object':
        this.exporter(answer, answer.answered, answer.answered['pOxid']);
        break;
      case 'resolve-oxid':
        this.exporter(answer, answer.answered, answer.asked['pOxid']);
        break;
      case 'query-interface':
        this.queried(answer);
        break;
      case 'add-ref':
        this.added(answer);
        break;
      case 'release':
        this.released(answer);
        break;
      case 'ping':
        this.pinged(answer, this.pings.pinged(answer.server.address, String(answer.asked['pSetId'])));
        break;
      case 'complex-ping':
        this.changed(answer);
        break;
      case 'ids-of-names':
        if (answer.facet !== null)
          this.late.asked(
            answer.facet.object,
            list(answer.asked['rgszNames']),
            list(answer.answered['rgDispId']),
            frameOf(answer),
          );
        break;
      case 'type-info':
      case 'class-info':
        for (const facet of learnt) this.describes(facet.object, answer.facet?.object ?? null);
        break;
      case 'type-attr':
      case 'names':
      case 'documentation':
        if (answer.facet !== null) this.typeTold(answer, answer.facet.object);
        break;
      default:
        break;
    }
  }

  /** References that a client sends along: to objects of its own, or the server's own coming home. */
  asked(answer: Answer, holding: readonly string[]): void {
    this.learn(answer, answer.asked, holding, answer.client, false);
  }

  /** What became of every object that is remembered; `ended`: no more calls will come. */
  records(ended: boolean): ObjectRecord[] {
    const records: ObjectRecord[] = [];
    for (const object of this.objects.all()) {
      if (ended) this.ended(object);
      const facets = facetsOf(object);
      const known = knowledgeOf(object);
      const { faces, certainty, title } = known;
      records.push({
        kind: 'object',
        label: object.label,
        formerLabel: object.formerLabel,
        class:
          faces[0] ??
          title ??
          facets.find((facet) => facet.interface !== null && !this.plain.has(facet.interface))?.interface ??
          null,
        certainty,
        because: reasonOf(known),
        oid: object.oid,
        oxid: object.oxid,
        server: object.server,
        madeBy: object.madeBy,
        parent: object.parent,
        interfaces: facets.map(({ ipid, iid, interface: name, references: held, madeBy, calls }) => ({
          ipid,
          iid,
          interface: name,
          references: held,
          madeBy,
          calls,
        })),
        references: referencesTo(object),
        calls: object.calls,
        firstSeen: moment(object.firstSeenS, object.firstSeenNs),
        lastSeen: moment(object.lastSeenS, object.lastSeenNs),
        pings: object.pings,
        lastPing: object.lastPing,
        releasedBy: object.releasedBy === null ? null : Math.abs(object.releasedBy),
        leaked: object.leaked,
      });
    }
    return records;
  }

  /** What only the end of the capture shows: leaks, and objects that nobody kept alive. */
  end(): void {
    for (const object of this.objects.all()) this.ended(object);
    for (const finding of lifeFindings(this.objects.all(), this.objects.forgotten)) this.findings.push(finding);
  }

  /** No more calls will come on an object: references to it leaked where their client has gone. */
  private ended(object: Subject): void {
    object.leaked =
      referencesTo(object) > 0 && this.peers.gone(object.knowledge?.client ?? null, object.server.address);
  }

  /**
   * Takes note of the commonest answer that hands out objects: a single reference, or none, to an object whose class is
   * known.
   * False where there is more to it, and nothing was noted.
   */
  again(value: Fields, holding: readonly string[], link: Link | null): boolean {
    const reference = holding.length === 1 ? value[holding[0] as string] : undefined;
    if (reference === null) return true;
    const pointer = reference === undefined ? null : asPointer(reference);
    const facet = pointer === null ? null : this.objects.same(pointer);
    if (facet === null || !facet.object.settled) return false;
    note(reference as Fields, facet, 'out');
    if (link !== null && facet.other === null) link.given = facet;
    return true;
  }

  private learn(
    answer: Answer,
    value: Fields,
    holding: readonly string[],
    owner: Endpoint,
    counts: boolean,
  ): readonly Facet<Knowledge>[] {
    const learnt: Facet<Knowledge>[] = [];
    const met = (reference: Fields): void => {
      const pointer = asPointer(reference);
      if (pointer === null) return;
      // A reference handed out again tells nothing new of an object whose class is known.
      const again = this.objects.same(pointer);
      const settled = again !== null && again.object.settled;
      const facet = settled ? again : this.take(answer, pointer, owner, counts);
      note(reference, facet, counts ? 'out' : facet.object.server.address === answer.server.address ? 'home' : 'in');
      learnt.push(facet);
      if (counts && !settled) this.cameFrom(answer, facet.object);
    };
    for (const name of holding) pointersIn(value[name] ?? null, this.limits.valueDepth, met);
    return learnt;
  }

  private take(answer: Answer, pointer: Pointer, server: Endpoint, out: boolean): Facet<Knowledge> {
    const declared = answer.late?.call.method ?? answer.method;
    const expected = !out || declared === null ? null : (returnedInterface(declared) ?? onlyInterface(declared));
    const clsid = out ? this.classFor(answer) : null;
    const name = this.registry.interfaceByUuid(pointer.iid)?.interface.name ?? null;
    const plain = name === null || this.plain.has(name);
    const known = clsid === null ? null : this.classes.byClsid(clsid);
    const believed = plain
      ? (known?.interface ?? (expected !== null && !this.plain.has(expected) ? expected : null))
      : name;
    const facet = this.objects.learn(
      pointer,
      {
        name,
        shown: believed ?? name ?? `{${pointer.iid}}`,
        provisional: believed === null || !this.classes.has(believed),
        server,
        time: answer.time,
        frame: frameOf(answer),
        call: answer.id,
        parent: answer.facet?.object.label ?? null,
      },
      (before) => this.reused(answer, before),
    );
    knowledgeOf(facet.object).client ??= answer.client.address;
    if (clsid !== null) {
      const own = knowledgeOf(facet.object);
      own.clsid ??= clsid;
      if (known?.interface != null)
        this.late.learnClass(
          facet.object,
          known.interface,
          'known',
          `it was activated as ${known.name} in frame ${frameOf(answer)}`,
        );
    }
    if (!plain) this.late.learnClass(facet.object, name, 'known', facet);
    return facet;
  }

  /** CLSID of the objects in an answer: of an activation, or of the class object that made them. */
  private classFor(answer: Answer): string | null {
    if (answer.role === 'activate') return activatedClass(answer.asked);
    return answer.role === 'create-instance' ? (answer.facet?.object.knowledge?.makes ?? null) : null;
  }

  private cameFrom(answer: Answer, child: Subject): void {
    const { late, method, facet, role } = answer;
    if (role === 'get-class-object') {
      knowledgeOf(child).makes ??= activatedClass(answer.asked);
      return;
    }
    if (facet === null) return;
    const parent = facet.object;
    if (late !== null && child !== parent) this.late.returned(parent, late.invocation, late.call, child);
    if (role === 'next' || role === 'clone') {
      const { elements } = knowledgeOf(parent);
      if (elements !== null && role === 'clone') knowledgeOf(child).elements = elements;
      else if (elements !== null) this.late.learnClass(child, elements.interface, 'inferred', elements.because);
      return;
    }
    const member = late?.call.method ?? method;
    const dispid = late === null ? member?.dispid : late.invocation.dispid;
    if (dispid === DISPID_NEWENUM && child !== parent) this.enumerates(parent, child);
    else if (member !== null && late === null) {
      const declared = returnedInterface(member);
      if (declared !== null && !this.plain.has(declared))
        this.late.learnClass(child, declared, 'inferred', `${member.name} of ${parent.label} returns it`);
    }
  }

  /** A collection gave an enumerator: it hands out what the collection's default member does. */
  private enumerates(collection: Subject, enumerator: Subject): void {
    for (const face of knowledgeOf(collection).faces) {
      const item = this.classes.byDispid(face, 0).find((one) => returnedInterface(one.method) !== null);
      const element = item === undefined ? null : returnedInterface(item.method);
      if (element === null) continue;
      knowledgeOf(enumerator).elements = {
        interface: element,
        because: `the enumerator of ${collection.label} returned it, and ${face} holds ${element}`,
      };
      return;
    }
  }

  /** An activation or an OXID resolution tells the IPID of the exporter's IRemUnknown ([MS-DCOM] 3.2.1). */
  private exporter(answer: Answer, value: Fields, oxid: Value | undefined): void {
    const found = this.remUnknown === null ? null : exporterIn(value, this.limits.valueDepth);
    if (found === null || this.remUnknown === null || this.objects.find(found.ipid, answer.server.address) !== null)
      return;
    const { name, uuid } = this.remUnknown;
    this.objects.meet(found.ipid, uuid, found.oxid ?? (typeof oxid === 'string' ? oxid : null), {
      name,
      shown: name,
      provisional: false,
      server: answer.server,
      time: answer.time,
      frame: frameOf(answer),
      call: answer.id,
      parent: null,
    });
  }

  /**
   * RemQueryInterface answers with STDOBJREFs, which name no IID: the request does, in the same order ([MS-DCOM]
   * 3.1.1.5.6.1.1).
   */
  private queried(answer: Answer): void {
    const results = list(answer.answered['ppQIResults']);
    const iids = list(answer.asked['iids']);
    const asked = answer.asked['ripid'];
    const parent = typeof asked === 'string' ? this.objects.find(asked, answer.server.address) : null;
    for (const [index, result] of results.entries()) {
      const iid = iids[index];
      const held = bag(result);
      const std = bag(held?.['std']);
      if (typeof iid !== 'string' || std === null || held?.['hResult'] !== 0) continue;
      const pointer = asPointer({ ...std, iid });
      if (pointer === null) continue;
      const facet = this.take({ ...answer, facet: parent }, pointer, parent?.object.server ?? answer.server, false);
      count(facet, std, 'out');
      Object.assign(std, { interface: facet.interface, iid, label: facet.object.label });
    }
  }

  private added(answer: Answer): void {
    const results = list(answer.answered['pResults']);
    for (const [index, { facet, count }] of this.counted(answer).entries()) {
      if (facet === null || (results[index] ?? 0) !== 0) continue;
      facet.references += count;
      facet.object.releasedBy = null;
    }
  }

  private released(answer: Answer): void {
    if (!answer.succeeded) return;
    for (const { facet, count } of this.counted(answer)) {
      if (facet === null) continue;
      const { object } = facet;
      if (count > facet.references && object.madeBy !== null && facet.madeBy !== null) {
        this.find(
          'double-release',
          'warning',
          `RemRelease gives back ${count} references to ${facet.interface ?? facet.iid} of ${object.label}, of which ${facet.references} were held`,
          '[MS-DCOM] 3.1.1.5.6.1.3',
          answer.id,
          object,
          answer.exchange,
        );
      }
      facet.references = Math.max(0, facet.references - count);
      if (referencesTo(object) === 0) object.releasedBy = answer.id;
    }
  }

  /** REMINTERFACEREFs of a request ([MS-DCOM] 2.2.23). */
  private counted(answer: Answer): { readonly facet: Facet<Knowledge> | null; readonly count: number }[] {
    return list(answer.asked['InterfaceRefs']).map((one) => {
      const reference = bag(one);
      const ipid = reference?.['ipid'];
      return {
        facet: typeof ipid === 'string' ? this.objects.find(ipid, answer.server.address) : null,
        count: Number(reference?.['cPublicRefs'] ?? 0),
      };
    });
  }

  private changed(answer: Answer): void {
    if (!answer.succeeded) return;
    const setId = answer.answered['pSetId'] ?? answer.asked['pSetId'];
    this.pinged(
      answer,
      this.pings.change(
        answer.server.address,
        String(setId),
        strings(answer.asked['AddToSet']),
        strings(answer.asked['DelFromSet']),
      ),
    );
  }

  private pinged({ server, time, succeeded }: Answer, oids: ReadonlySet<string>): void {
    if (!succeeded) return;
    for (const oid of oids) {
      const object = this.objects.byOid(server.address, oid);
      if (object === null) continue;
      object.pings++;
      object.lastPing = time;
    }
  }

  private describes(info: Subject, object: Subject | null): void {
    knowledgeOf(info).describes ??= { object, type: { guid: null, name: null, members: new Map() } };
  }

  private typeTold(answer: Answer, info: Subject): void {
    const known = knowledgeOf(info);
    known.describes ??= { object: null, type: { guid: null, name: null, members: new Map() } };
    const { object } = known.describes;
    let { type } = known.describes;
    const { asked, answered, role } = answer;
    const frame = frameOf(answer);
    if (role === 'type-attr') {
      const guid = bag(answered['ppTypeAttr'])?.['guid'];
      if (typeof guid !== 'string') return;
      type = this.shared(guid, type);
      known.describes = { object, type };
      if (object === null) return;
      const named =
        this.registry.interfaceByUuid(guid)?.interface.name ?? this.classes.byClsid(guid)?.interface ?? null;
      if (named !== null)
        this.late.learnClass(
          object,
          named,
          'known',
          `ITypeInfo::GetTypeAttr described it as ${named} in frame ${frame}`,
        );
    } else if (role === 'names') {
      const [name, ...params] = list(answered['rgBstrNames']).map((one) => (typeof one === 'string' ? one : ''));
      if (name !== undefined && name !== '') this.memberTold(type, asked['memid'], name, params, frame);
    } else {
      const name = answered['pBstrName'];
      if (typeof name !== 'string' || name === '') return;
      if (asked['memid'] !== MEMBERID_NIL) this.memberTold(type, asked['memid'], name, [], frame);
      else type.name = name;
    }
    if (object === null) return;
    const own = knowledgeOf(object);
    if (own.type === null || own.type.members.size <= type.members.size) own.type = type;
    if (type.name !== null && own.faces.length === 0) {
      own.title = type.name;
      this.objects.rename(object, type.name);
    }
  }

  private memberTold(
    type: LearntType,
    memid: Value | undefined,
    name: string,
    params: readonly string[],
    frame: number,
  ): void {
    if (typeof memid !== 'number' || type.members.size >= this.limits.typeMembers) return;
    const before = type.members.get(memid);
    if (before === undefined || before.params.length < params.length)
      type.members.set(memid, { name, params, frame, by: 'ITypeInfo' });
  }

  /** One record for a type, however many objects describe themselves with it. */
  private shared(guid: string, own: LearntType): LearntType {
    const known = this.types.get(guid);
    if (known !== undefined) return known;
    own.guid = guid;
    if (this.types.size < this.limits.types) this.types.set(guid, own);
    return own;
  }

  private reused(answer: Answer, before: Facet<Knowledge>): void {
    const { object } = before;
    this.find(
      'ipid-reused',
      'info',
      `IPID ${before.ipid} was ${before.interface ?? before.iid} of ${object.label} and is handed out anew: the server was restarted, or gives IPIDs out again`,
      '[MS-DCOM] 3.1.1.1',
      answer.id,
      object,
      answer.exchange,
    );
  }

  private find(
    rule: string,
    severity: Finding['severity'],
    message: string,
    spec: string,
    call: number,
    object: Subject,
    exchange: Exchange,
  ): void {
    if (this.findings.length >= this.limits.findings) return;
    this.findings.push({
      kind: 'finding',
      rule,
      severity,
      message,
      spec,
      call,
      object: object.label,
      frames: exchange.request?.frames ?? exchange.response?.frames ?? [],
    });
  }
}

const NONE: readonly Facet<Knowledge>[] = Object.freeze([]);
/** MEMBERID_NIL: the type itself ([MS-OAUT] 2.2.35). */
const MEMBERID_NIL = -1;

/** Counts a reference, and tells in its value what it refers to. */
function note(reference: Fields, facet: Facet<Knowledge>, way: 'out' | 'in' | 'home'): void {
  count(facet, reference, way);
  // The value was made by this decode and is not shared yet.
  const shown = reference as { interface: string | null; label: string };
  shown.interface = facet.interface;
  shown.label = facet.object.label;
}

/**
 * Counts the references of an OBJREF: handed out by a server, handed in by a client, or coming home to the server that
 * gave them.
 */
function count(facet: Facet<Knowledge>, reference: Fields, way: 'out' | 'in' | 'home'): void {
  const references = reference['cPublicRefs'];
  if (typeof references !== 'number' || references === 0) return;
  if (way === 'home') {
    facet.references = Math.max(0, facet.references - references);
    return;
  }
  facet.references += references;
  if (way === 'out') facet.object.releasedBy = null;
}

function moment(timeS: number, timeNs: number): Moment | null {
  return timeS < 0 ? null : { timeS, timeNs };
}

function strings(value: Value | undefined): string[] {
  return list(value).filter((one): one is string => typeof one === 'string');
}

function frameOf({ exchange }: Answer): number {
  return (exchange.response ?? exchange.request)?.frames[0] ?? 0;
}

/** Interface of the only out parameter that is declared to be one, or null. */
function onlyInterface(method: Method): string | null {
  const faces = (method.params ?? [])
    .filter((param) => param.direction !== 'in')
    .flatMap((param) => interfaceOf(param.type) ?? []);
  return faces.length === 1 ? (faces[0] ?? null) : null;
}

/**
 * CLSID that an activation asks for: a parameter of RemoteActivation, or in InstantiationInfoData ([MS-DCOM]
 * 2.2.22.2.1).
 */
export function activatedClass(asked: Fields): string | null {
  const direct = asked['Clsid'];
  if (typeof direct === 'string') return direct;
  for (const property of list(bag(bag(asked['pActProperties'])?.['activation'])?.['properties'])) {
    const clsid = bag(bag(property)?.['value'])?.['classId'];
    if (typeof clsid === 'string') return clsid;
  }
  return null;
}

/** IPID of an exporter's IRemUnknown inside an answer, with the OXID beside it. */
function exporterIn(value: Value, depth: number): { readonly ipid: string; readonly oxid: string | null } | null {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || depth <= 0) return null;
  if (Array.isArray(value)) {
    for (const item of value as readonly Value[]) {
      const found = exporterIn(item, depth - 1);
      if (found !== null) return found;
    }
    return null;
  }
  const held = value as Fields;
  const ipid = held['ipidRemUnknown'] ?? held['pipidRemUnknown'];
  if (typeof ipid === 'string') {
    const oxid = held['Oxid'] ?? held['pOxid'];
    return ipid === GUID_NULL ? null : { ipid, oxid: typeof oxid === 'string' ? oxid : null };
  }
  for (const name in held) {
    const found = exporterIn(held[name] as Value, depth - 1);
    if (found !== null) return found;
  }
  return null;
}
