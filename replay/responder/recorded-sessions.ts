import { spanOf } from '../../src/bytes/block.js';
import { Roles } from '../../src/analysis/roles.js';
import { DISPID_NEWENUM } from '../../src/dcom/automation.js';
import { readActivation } from '../../src/dcom/activation-properties.js';
import { referencesIn } from '../../src/dcom/references.js';
import { readQuery, readQueryResults } from '../../src/dcom/remunknown.js';
import { basesOf, derives, type Registry } from '../../src/ndr/codec.js';
import type { MethodRole } from '../../src/ndr/types.js';
import type { Fields } from '../../src/ndr/value.js';
import type { Value } from '../../src/types.js';
import type { Session } from '../compare/session.js';
import { Timeline } from '../compare/timeline.js';
import { firstAbove, recordsOf, type Records } from '../recording/kept.js';
import { contextKey, type ContextRecord, type RecordedCall, type RecordingRecord } from '../recording/records.js';

/** What followed one activation of a recording: everything that was called on its object and on what came of that. */
export interface RecordedActivation {
  /** From 0, in the order in which they were made. */
  readonly number: number;
  readonly clsid: string;
  /** Number of the object that was made; null where the activation was refused. */
  readonly root: number | null;
  readonly hresult: number;
}

/** What a call returned. */
export interface Returned {
  readonly out: Fields;
  readonly hresult: number;
}

/** A member that was called on an object of the recording. */
export interface RecordedMember {
  /** From 0, in the order of the recording. */
  readonly position: number;
  readonly call: RecordedCall;
}

/** Calls of one member on one object, in their order: fetched when they are looked into. */
export class MemberCalls {
  private readonly timeline: Timeline;
  private readonly positions: number[] = [];

  constructor(timeline: Timeline) {
    this.timeline = timeline;
  }

  get length(): number {
    return this.positions.length;
  }

  push(position: number): void {
    this.positions.push(position);
  }

  at(index: number): RecordedMember {
    const position = this.positions[index] ?? -1;
    return { position, call: this.timeline.at(position).call };
  }

  /** The first that fits behind a position, or the last before it; `fits` is asked by the index in this list. */
  next(behind: number, fits: (index: number) => boolean): RecordedMember | null {
    const from = firstAbove(this.positions, behind);
    for (let index = from; index < this.length; index++) if (fits(index)) return this.at(index);
    for (let index = from - 1; index >= 0; index--) if (fits(index)) return this.at(index);
    return null;
  }
}

/** Stands for the names of what makes an enumerator; no member is called so. */
export const ENUMERATED = 'makes an enumerator';

const ACTIVATIONS: readonly MethodRole[] = ['activate', 'get-class-object'];

/** The activations of a recording, and the members called on each object, as a stand-in has to know them. */
export class RecordedSessions {
  readonly activations: RecordedActivation[] = [];
  private readonly registry: Registry;
  private readonly session: Session;
  private readonly roles: Roles;
  private readonly activationOf = new Map<number, RecordedActivation>();
  private readonly timeline: Timeline;
  /** By object and name. */
  private readonly members = new Map<string, MemberCalls>();
  private readonly interfaces = new Map<number, Set<string>>();
  private readonly refused = new Map<number, Set<string>>();
  private readonly queries = new Map<string, number>();
  private readonly contexts: ReadonlyMap<string, ContextRecord>;
  /** CLSID of the class object behind an object number. */
  private readonly factories = new Map<number, string>();

  constructor(records: readonly RecordingRecord[] | Records | Timeline, registry: Registry) {
    this.registry = registry;
    this.timeline = records instanceof Timeline ? records : new Timeline(recordsOf(records), registry);
    this.session = this.timeline.session;
    this.roles = new Roles(registry);
    this.contexts = this.timeline.contexts;
    for (const { object, interface: name, label } of this.session.handedOut)
      for (const one of [label.replace(/#\d+$/, ''), name]) if (one !== null) this.note(object, one);
    for (let position = 0; position < this.timeline.length; position++)
      this.take(this.timeline.at(position).call, position);
  }

  /** Numbers of the objects behind the references in a value, in their order. */
  objectsIn(value: Value): readonly number[] {
    const found: number[] = [];
    referencesIn(value, '', ({ ipid }) => {
      const object = this.session.object(ipid);
      if (object !== null) found.push(object);
    });
    return found;
  }

  /** The HRESULT that a query for these interfaces of an object came to; null where there was none. */
  queryResult(objects: Iterable<number>, iids: readonly string[]): number | null {
    for (const object of objects) {
      const found = this.queries.get(`${object} ${iids.join(' ')}`);
      if (found !== undefined) return found;
    }
    return null;
  }

  /**
   * What a call returned, by its bytes, where they are there: they are what a client of the recorded server got.
   */
  returned(call: RecordedCall): Returned {
    const typed = { out: call.out, hresult: (call.hresult ?? 0) >>> 0 };
    const context = this.contexts.get(contextKey(call.connection, call.contextId));
    const { request, response } = call;
    const opnum = (call.via === null ? call.opnum : call.via.opnum) ?? -1;
    if (context === undefined || request === null || response === null || response.sealed) return typed;
    const { littleEndian } = response.drep;
    const syntax = context.transfer;
    const codec = this.registry.method(context.abstract.uuid, opnum, { littleEndian, syntax });
    const given = this.registry
      .method(context.abstract.uuid, opnum, { littleEndian: request.drep.littleEndian, syntax })
      ?.request.decode(spanOf(request.bytes)).value;
    const read = codec?.response.decode(spanOf(response.bytes), given);
    if (read === undefined || read.problems.length > 0) return typed;
    if (call.via !== null) return lateResult(call, read.value, typed);
    return { out: read.value, hresult: typeof read.result === 'number' ? read.result >>> 0 : typed.hresult };
  }

  /** Number of the object behind an IPID, or null. */
  object(ipid: string): number | null {
    return this.session.object(ipid);
  }

  /** Calls of a member of an object, in their order; {@link ENUMERATED} of those that make enumerators. */
  membersOf(object: number, name: string): MemberCalls | null {
    return this.members.get(`${object} ${name}`) ?? null;
  }

  /**
   * Interfaces of an object, the most derived first: those it was seen with, and the later versions of them, which only
   * a query that was refused denies.
   */
  interfacesOf(object: number): readonly string[] {
    const all = new Set<string>();
    for (const name of this.interfaces.get(object) ?? []) {
      all.add(name);
      for (const { interface: other } of this.registry.interfaces)
        if (isLater(other.name, name) && derives(this.registry, other.name, name)) all.add(other.name);
    }
    const denied = this.refused.get(object);
    const depth = (name: string): number => basesOf(this.registry, name).length;
    return [...all]
      .filter((name) => denied?.has(name) !== true)
      .toSorted((one, other) => depth(other) - depth(one) || (one < other ? -1 : 1));
  }

  private take(call: RecordedCall, position: number): void {
    const role = call.via === null ? this.roles.at(call.iid, call.opnum) : null;
    if (role !== null && ACTIVATIONS.includes(role)) this.activated(call, role);
    else if (role === 'query-interface' || role === 'query-interface2') this.queried(call);
    const object = call.object === null ? null : this.session.object(call.object.ipid);
    if (object === null) return;
    const factory = this.factories.get(object);
    if (role === 'create-instance' && factory !== undefined) this.made(factory, call);
    this.keep(object, call, position);
  }

  /** Keeps a call of a member of an object that an activation gave, and what it handed out. */
  private keep(object: number, call: RecordedCall, position: number): void {
    const activation = this.activationOf.get(object);
    if (activation === undefined || call.method === null) return;
    if (call.interface !== null) this.note(object, call.interface);
    this.listed(object, call.method, position);
    if (call.dispid === DISPID_NEWENUM || call.method === '_NewEnum') this.listed(object, ENUMERATED, position);
    for (const one of this.objectsIn(call.out)) if (!this.activationOf.has(one)) this.activationOf.set(one, activation);
  }

  private listed(object: number, name: string, position: number): void {
    const key = `${object} ${name}`;
    const list = this.members.get(key) ?? new MemberCalls(this.timeline);
    this.members.set(key, list);
    list.push(position);
  }

  private activated(call: RecordedCall, role: MethodRole): void {
    const clsid = readActivation(call.in)?.clsid ?? null;
    if (clsid === null) return;
    const [object] = this.objectsIn(call.out);
    if (role === 'get-class-object') {
      if (object !== undefined) this.factories.set(object, clsid);
      return;
    }
    this.made(clsid, call);
  }

  private made(clsid: string, call: RecordedCall): void {
    const [root = null] = this.objectsIn(call.out);
    if (root === null && (call.hresult ?? 0) >>> 31 === 0) return;
    const activation = { number: this.activations.length, clsid, root, hresult: (call.hresult ?? 0) >>> 0 };
    this.activations.push(activation);
    if (root !== null) this.activationOf.set(root, activation);
  }

  private queried(call: RecordedCall): void {
    const query = readQuery(call.in);
    const object = query === null ? null : this.session.object(query.ipid);
    if (query === null || object === null) return;
    if (call.hresult !== null) this.queries.set(`${object} ${query.iids.join(' ')}`, call.hresult >>> 0);
    for (const [at, { reference }] of readQueryResults(call.out).entries()) {
      const name = this.registry.interfaceByUuid(query.iids[at] ?? '')?.interface.name;
      if (name === undefined) continue;
      if (reference !== null) this.note(object, name);
      else this.refused.set(object, (this.refused.get(object) ?? new Set()).add(name));
    }
  }

  private note(object: number, name: string): void {
    if (this.registry.interfaceByName(name) === null || COMMON.includes(name)) return;
    this.interfaces.set(object, (this.interfaces.get(object) ?? new Set()).add(name));
  }
}

/** Interfaces that every object has, and that say nothing of it. */
const COMMON: readonly string[] = ['IUnknown', 'IDispatch', 'IRemUnknown', 'IRemUnknown2'];

/** `IUpdate2` is a later version of `IUpdate`. */
function isLater(name: string, than: string): boolean {
  return name !== than && name.replace(/\d+$/, '') === than.replace(/\d+$/, '');
}

/** What a late-bound call returned, where its result is the only thing it gave. */
function lateResult(call: RecordedCall, response: Fields, typed: Returned): Returned {
  const [name, ...more] = Object.keys(call.out);
  const result = response['pVarResult'];
  const only = name !== undefined && more.length === 0 && result !== undefined;
  return only ? { ...typed, out: { [name]: result } } : typed;
}
