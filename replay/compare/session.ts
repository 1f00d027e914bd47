import type { Registry } from '../../src/ndr/codec.js';
import { isRecord } from '../../src/ndr/value.js';
import { LOOKUP_ROLES, Roles, UPKEEP_ROLES } from '../../src/analysis/roles.js';
import type { Moment, Value } from '../../src/types.js';
import { isReference } from '../../src/dcom/references.js';
import { SessionJoiner } from '../recording/sessions.js';
import type { CallList } from '../recording/kept.js';
import type { RecordedCall, RecordingRecord, ReferenceRecord } from '../recording/records.js';
import { SessionObjects } from './session-objects.js';

/**
 * What a call is to a comparison: one that means something, one that looks names up for late binding, one that sets the
 * stage, or upkeep that differs from run to run.
 */
type CallSort = 'member' | 'lookup' | 'stage' | 'upkeep';

/** Places are told no deeper than this. */
const MAX_PLACE = 32;

/** Keeps calls elsewhere than in memory: a recording's file has them already. */
export interface CallStore extends CallList {
  /** Takes note of a call that a session has by now; returns its position. */
  keep(call: RecordedCall): number;
}

/** Calls that are kept already, in the order in which a session takes them. */
export class KeptCalls implements CallStore {
  private readonly list: CallList;
  private taken = 0;

  constructor(list: CallList) {
    this.list = list;
  }

  get length(): number {
    return this.list.length;
  }

  keep(): number {
    return this.taken++;
  }

  at(position: number): RecordedCall {
    return this.list.at(position);
  }

  position(id: number): number | undefined {
    return this.list.position(id);
  }
}

/** Whether the names of calls are kept for a comparison of all of them, or worked out when they are looked into. */
type NamesKept = 'names' | 'no names';

/**
 * The calls of a recording, and what is known of its objects. Several sessions are joined: their calls, connections and
 * objects stay apart.
 */
export class Session {
  readonly calls: SessionCall[] = [];
  private readonly objects: SessionObjects;
  private readonly byCall = new Map<number, RecordedCall>();
  private readonly store: CallStore | null;
  private readonly kept: NamesKept;
  private readonly places = new Map<number, string>();
  private readonly stage: ReadonlySet<string>;
  private readonly roles: Roles;

  /** @param store where the calls are kept; in memory where left out */
  constructor(
    records: Iterable<RecordingRecord>,
    registry: Registry,
    store: CallStore | null = null,
    kept: NamesKept = 'names',
  ) {
    this.roles = new Roles(registry);
    this.objects = new SessionObjects(registry);
    this.stage = stageOf(registry);
    this.store = store;
    this.kept = kept;
    const joiner = new SessionJoiner();
    for (const record of records) this.take(joiner.join(record));
  }

  /** Takes one more record, in the order of a recording; returns the call it was. */
  take(record: RecordingRecord): SessionCall | null {
    this.objects.take(record);
    if (record.kind !== 'call') return null;
    const call = this.named(record);
    this.calls.push(call);
    return call;
  }

  private named(record: RecordedCall): SessionCall {
    const { store } = this;
    const sort = this.sortOf(record);
    if (store === null) {
      this.byCall.set(record.id, record);
      return { ...this.namesOf(record, sort), call: record, id: record.id, asked: null };
    }
    const from = { store, position: store.keep(record) };
    return this.kept === 'no names'
      ? new UnnamedCall(this, from, record.id, sort)
      : new StoredCall(from, record.id, {
          ...this.namesOf(record, sort),
          asked: argumentsKey(record, sort, this),
        });
  }

  private namesOf(record: RecordedCall, sort: CallSort): Pick<SessionCall, 'sort' | 'member' | 'place' | 'time'> {
    return { sort, member: memberPath(record), place: this.placeOfCall(record), time: record.time };
  }

  /** Number of the object behind an IPID, or null. */
  object(ipid: string): number | null {
    return this.objects.object(ipid);
  }

  /** References in the order in which they were first handed out. */
  get handedOut(): readonly ReferenceRecord[] {
    return this.objects.handedOut;
  }

  reference(ipid: string): ReferenceRecord | null {
    return this.objects.reference(ipid);
  }

  /** Where an object came from: `ISearchResult.Updates[3]`, or its interface where a method made it. */
  place(ipid: string): string {
    const reference = this.objects.reference(ipid);
    return reference === null ? '?' : this.placeOf(reference, 0);
  }

  /** Labels of objects to which references are held in the end. */
  get leaked(): readonly string[] {
    return this.objects.leaked;
  }

  /** OIDs of the objects to which references are held by now, and whose references want pings. */
  get pinged(): readonly string[] {
    return this.objects.pinged;
  }

  private placeOf(reference: ReferenceRecord, depth: number): string {
    const known = this.places.get(reference.object);
    if (known !== undefined) return known;
    const place = depth > MAX_PLACE ? '…' : this.placeMade(reference, depth);
    if (depth <= MAX_PLACE) this.places.set(reference.object, place);
    return place;
  }

  private placeMade(reference: ReferenceRecord, depth: number): string {
    const own = reference.label.replace(/#\d+$/, '');
    const { call: id, path } = reference.made;
    const call = id === null ? undefined : this.callOf(id);
    const parent = call?.object == null ? null : this.objects.reference(call.object.ipid);
    if (call === undefined || parent === null || call.member !== 'propget' || path !== 'out.retval') return own;
    return this.placeOf(parent, depth + 1) + step(call);
  }

  private callOf(id: number): RecordedCall | undefined {
    if (this.store === null) return this.byCall.get(id);
    const position = this.store.position(id);
    return position === undefined ? undefined : this.store.at(position);
  }

  /** Where a call came from, and what it does there. */
  placeOfCall(call: RecordedCall): string {
    const own = memberPath(call);
    const reference = call.object === null ? null : this.objects.reference(call.object.ipid);
    if (reference === null) return own;
    return this.placeOf(reference, 0) + step(call);
  }

  /** Whether a call sets the stage: activation, object resolution. */
  isStage(call: RecordedCall): boolean {
    return this.sortOf(call) === 'stage';
  }

  private sortOf(call: RecordedCall): CallSort {
    if (call.via !== null) return 'member';
    const role = this.roles.at(call.iid, call.opnum);
    if (role !== null && UPKEEP_ROLES.includes(role)) return 'upkeep';
    if (role !== null && LOOKUP_ROLES.includes(role)) return 'lookup';
    return call.iid !== null && this.stage.has(call.iid) ? 'stage' : 'member';
  }
}

/** A call with its names for a comparison. */
export interface SessionCall {
  readonly call: RecordedCall;
  readonly id: number;
  readonly time: Moment | null;
  readonly sort: CallSort;
  /** `IUpdate.Title`. */
  readonly member: string;
  /** `ISearchResult.Updates[3].Title`. */
  readonly place: string;
  /** Its arguments, as {@link argumentsKey} has them; null: not worked out yet. */
  readonly asked: string | null;
}

/** Where a call is to be fetched. */
interface Fetched {
  readonly store: CallStore;
  readonly position: number;
}

/** A call that is fetched whenever it is looked into. */
class StoredCall implements SessionCall {
  readonly id: number;
  readonly sort: CallSort;
  readonly member: string;
  readonly place: string;
  readonly asked: string | null;
  readonly time: Moment | null;
  private readonly from: Fetched;

  constructor(from: Fetched, id: number, { sort, member, place, time, asked }: Omit<SessionCall, 'call' | 'id'>) {
    this.from = from;
    this.id = id;
    this.sort = sort;
    this.member = member;
    this.place = place;
    this.time = time;
    this.asked = asked;
  }

  get call(): RecordedCall {
    return this.from.store.at(this.from.position);
  }
}

/** The same, with its names worked out when they are looked into. */
class UnnamedCall implements SessionCall {
  readonly id: number;
  readonly sort: CallSort;
  private readonly session: Session;
  private readonly from: Fetched;

  constructor(session: Session, from: Fetched, id: number, sort: CallSort) {
    this.session = session;
    this.from = from;
    this.id = id;
    this.sort = sort;
  }

  get call(): RecordedCall {
    return this.from.store.at(this.from.position);
  }

  get time(): Moment | null {
    return this.call.time;
  }

  get member(): string {
    return memberPath(this.call);
  }

  get place(): string {
    return this.session.placeOfCall(this.call);
  }

  get asked(): null {
    return null;
  }
}

/** The arguments of a call as a text, references by the place of their object; of a long text its checksums. */
export function argumentsKey(call: RecordedCall, sort: CallSort, session: Session): string {
  if (sort === 'stage') return '';
  const text = JSON.stringify(call.in, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    const one = value as Value;
    return isReference(one) ? `&${session.place(one.ipid)}` : value;
  });
  return text.length <= MAX_KEY ? text : `#${text.length} ${digest(text)}`;
}

/** Longer arguments are told apart by checksums: a comparison only pairs by them, and compares what it paired. */
const MAX_KEY = 100;

/** Two FNV-1a sums, of the units in either order. */
export function digest(text: string): string {
  let [one, other] = [0x811c_9dc5, 0x811c_9dc5];
  for (let at = 0, back = text.length - 1; back >= 0; at++, back--) {
    one = Math.imul(one ^ text.charCodeAt(at), 0x0100_0193);
    other = Math.imul(other ^ text.charCodeAt(back), 0x0100_0193);
  }
  return `${one >>> 0} ${other >>> 0}`;
}

/** The interfaces of the specification that has activation: they set the stage for all others. */
function stageOf(registry: Registry): ReadonlySet<string> {
  const stage = registry.specifications.filter((one) =>
    Object.values(one.roles ?? {}).some((role) => role === 'activate' || role === 'resolve-oxid'),
  );
  return new Set(stage.flatMap((one) => one.interfaces.map(({ uuid }) => uuid)));
}

function memberPath(call: RecordedCall): string {
  return `${call.interface ?? call.iid ?? '?'}.${call.method ?? `opnum${call.wireOpnum ?? '?'}`}`;
}

/**
 * The step a call takes from its object: `.Title`, `[3]` for the default member of a collection, `.Item("x")` for
 * others with arguments.
 */
function step(call: RecordedCall): string {
  const name = `.${call.method ?? `opnum${call.wireOpnum ?? '?'}`}`;
  if (call.member !== 'propget') return name;
  const args = Object.values(call.in);
  const [only] = args;
  if (args.length === 0 || only === undefined) return name;
  const shown = args.map(argument).join(', ');
  return call.dispid === 0 && args.length === 1 ? `[${shown}]` : `${name}(${shown})`;
}

function argument(value: Value): string {
  const held = isRecord(value) && 'vt' in value ? (value['value'] ?? null) : value;
  if (typeof held === 'string') return JSON.stringify(held.slice(0, 64));
  return held === null || typeof held !== 'object' ? String(held) : '…';
}
