import type { Endpoint, Moment, ObjectReference } from '../types.js';
import { Eldest } from '../bytes/eldest.js';
import type { Pointer } from './references.js';

/** Where and when a reference was handed out. */
export interface Origin {
  /** Name of the interface, or null when no table has it. */
  readonly name: string | null;
  /** Name the object is to be called by: its class where that is known, the interface otherwise. */
  readonly shown: string;
  /** `shown` is but the interface of a reference that every object has: a better name may come. */
  readonly provisional: boolean;
  readonly server: Endpoint;
  readonly time: Moment | null;
  readonly frame: number;
  /** Id of the call that handed it out, and label of the object that call was made on. */
  readonly call: number | null;
  readonly parent: string | null;
}

/**
 * One interface of an object, by its IPID ([MS-DCOM] 3.1.1.1). `K` is what the analysis knows of objects. What every
 * call touches comes first: it shares a cache line.
 */
export interface IpidEntry<K> {
  readonly object: DcomObject<K>;
  readonly ipid: string;
  calls: number;
  /**
   * What {@link referenceTo} gave last. Here and not in a map beside: it is read once a call, and a look-up by IPID would
   * cost more than what it spares.
   */
  reference: ObjectReference | null;
  /**
   * The same IPID at another server; chance makes none, a capture of two servers behind one address translation may.
   */
  other: IpidEntry<K> | null;
  readonly iid: string;
  references: number;
  readonly interface: string | null;
  readonly madeBy: number | null;
  readonly frame: number;
}

/** What a call record says of the object behind an interface: the same as last time, unless the object was renamed. */
export function referenceTo<K>(entry: IpidEntry<K>): ObjectReference {
  const { reference, object } = entry;
  if (reference !== null && reference.label === object.label && reference.oid === object.oid) return reference;
  return (entry.reference = { ipid: entry.ipid, oid: object.oid, oxid: object.oxid, label: object.label });
}

/** An object of an exporter, by its OXID and OID. As in its entries, what every call touches comes first. */
export interface DcomObject<K> {
  releasedBy: number | null;
  server: Endpoint;
  calls: number;
  /**
   * Times of the last call on it and of the first sight of it, in numbers of its own (-1: none): a young object kept by
   * an old one at every call would cost the collector more than the call.
   */
  lastSeenS: number;
  lastSeenNs: number;
  label: string;
  /** Null while no reference to it was captured, only calls on it. */
  oid: string | null;
  oxid: string | null;
  knowledge: K | null;
  /** Its interface that was learnt first, and the others: most objects have one, and need no list. */
  entry: IpidEntry<K> | null;
  more: IpidEntry<K>[] | null;
  formerLabel: string | null;
  provisional: boolean;
  readonly madeBy: number | null;
  readonly parent: string | null;
  firstSeenS: number;
  firstSeenNs: number;
  pings: number;
  lastPing: Moment | null;
  leaked: boolean;
}

/** Objects by OID, of one exporter or one object resolver. */
type ByOid<K> = Map<string, DcomObject<K>>;

/**
 * The objects of a capture by the rules of [MS-DCOM] 3.1.1.1 and 3.2.1: IPIDs, and the OIDs and OXIDs behind them, with
 * the references handed out. Bounded: past `limit` IPIDs the one learnt first that is no longer called is forgotten,
 * and counted.
 */
export class ObjectTable<K> {
  private readonly byIpid = new Map<string, IpidEntry<K>>();
  private readonly eldestIpid = new Eldest(() => this.byIpid.entries());
  private readonly objects = new Set<DcomObject<K>>();
  private readonly eldestObject = new Eldest(() => this.objects.values());
  /** By OXID, and by the address of the object resolver: pings name no OXID. */
  private readonly exporters = new Map<string, ByOid<K>>();
  private readonly resolvers = new Map<string, ByOid<K>>();
  private readonly counts = new Map<string, number>();
  /** Calls that an IPID had when it was last spared from being forgotten; of those that ever were. */
  private readonly spared = new Map<string, number>();
  private readonly limit: number;
  /** IPIDs forgotten because of the limit. */
  forgotten = 0;
  /** Changes whenever `find` may give another answer than before for an IPID it found. */
  version = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The interface behind an IPID; where several servers use it, the one at `address`. */
  find(ipid: string, address: string): IpidEntry<K> | null {
    const first = this.byIpid.get(ipid);
    if (first === undefined) return null;
    if (first.other === null) return first;
    for (let entry: IpidEntry<K> | null = first; entry !== null; entry = entry.other)
      if (entry.object.server.address === address) return entry;
    return first;
  }

  /** The interface that a reference names, where just this reference was learnt before; null otherwise. */
  same(pointer: Pointer): IpidEntry<K> | null {
    const entry = this.byIpid.get(pointer.ipid);
    if (entry === undefined) return null;
    const { object, iid } = entry;
    return object.oid === pointer.oid && object.oxid === pointer.oxid && iid === pointer.iid ? entry : null;
  }

  /** The object with an OID at the object resolver of an address. */
  byOid(address: string, oid: string): DcomObject<K> | null {
    return this.resolvers.get(address)?.get(oid) ?? null;
  }

  /** Every object that is remembered, in the order in which they were learnt. */
  all(): IterableIterator<DcomObject<K>> {
    return this.objects.values();
  }

  get size(): number {
    return this.objects.size;
  }

  /**
   * Takes note of a reference: the same OXID and OID are the same object. `reused` hears of an IPID that its server
   * gives to another object: it was restarted, or hands IPIDs out again.
   */
  learn(pointer: Pointer, origin: Origin, reused?: (before: IpidEntry<K>) => void): IpidEntry<K> {
    const known = this.byIpid.get(pointer.ipid);
    for (let entry = known ?? null; entry !== null; entry = entry.other) {
      if (entry.object.oid === pointer.oid && entry.object.oxid === pointer.oxid && entry.iid === pointer.iid)
        return entry;
    }
    if (known !== undefined && known.object.oid === null && known.object.server.address === origin.server.address)
      this.identify(known, pointer);
    const object = this.objectOf(pointer, origin);
    const entry = makeEntry(pointer.ipid, pointer.iid, object, origin, origin.call);
    if (known === undefined) {
      if (this.byIpid.size >= this.limit) this.forgetFirst();
      this.put(pointer.ipid, entry);
      return entry;
    }
    this.version++;
    if (known.object.server.address === origin.server.address) {
      if (known.object !== object) reused?.(known);
    } else {
      entry.other = known;
      known.other = null;
    }
    this.put(pointer.ipid, entry);
    return entry;
  }

  /**
   * An IPID without an OID: an exporter's own, or one that calls go to without anyone having handed it out in the
   * capture.
   */
  meet(ipid: string, iid: string, oxid: string | null, origin: Origin): IpidEntry<K> {
    const entry = makeEntry(ipid, iid, this.make(null, oxid, origin), origin, null);
    entry.other = this.byIpid.get(ipid) ?? null;
    if (entry.other !== null) this.version++;
    if (this.byIpid.size >= this.limit) this.forgetFirst();
    this.put(ipid, entry);
    return entry;
  }

  /** The first entry of an IPID is this one from now on. */
  private put(ipid: string, entry: IpidEntry<K>): void {
    this.spared.delete(ipid);
    this.byIpid.set(ipid, entry);
  }

  /** Gives an object whose name was provisional the name of its class. */
  rename(object: DcomObject<K>, shown: string): void {
    if (!object.provisional) return;
    object.formerLabel = object.label;
    object.label = this.label(shown);
    object.provisional = false;
  }

  /** A reference names the object that so far was known by its calls alone. */
  private identify({ object }: IpidEntry<K>, { oid, oxid }: Pointer): void {
    if (this.exporters.get(oxid)?.has(oid) === true) return;
    object.oid = oid;
    object.oxid = oxid;
    enter(this.exporters, oxid, oid, object);
    enter(this.resolvers, object.server.address, oid, object);
  }

  private objectOf({ oid, oxid }: Pointer, origin: Origin): DcomObject<K> {
    const known = this.exporters.get(oxid)?.get(oid);
    if (known !== undefined) {
      if (!origin.provisional) this.rename(known, origin.shown);
      return known;
    }
    const object = this.make(oid, oxid, origin);
    enter(this.exporters, oxid, oid, object);
    enter(this.resolvers, origin.server.address, oid, object);
    return object;
  }

  private make(oid: string | null, oxid: string | null, origin: Origin): DcomObject<K> {
    const object: DcomObject<K> = {
      releasedBy: null,
      server: origin.server,
      calls: 0,
      lastSeenS: origin.time?.timeS ?? -1,
      lastSeenNs: origin.time?.timeNs ?? 0,
      label: this.label(origin.shown),
      oid,
      oxid,
      knowledge: null,
      entry: null,
      more: null,
      formerLabel: null,
      provisional: origin.provisional,
      madeBy: origin.call,
      parent: origin.parent,
      firstSeenS: origin.time?.timeS ?? -1,
      firstSeenNs: origin.time?.timeNs ?? 0,
      pings: 0,
      lastPing: null,
      leaked: false,
    };
    if (this.objects.size >= 2 * this.limit) this.forgetEldest();
    this.objects.add(object);
    return object;
  }

  private label(shown: string): string {
    const number = (this.counts.get(shown) ?? 0) + 1;
    if (number > 1 || this.counts.size < this.limit) this.counts.set(shown, number);
    return `${shown}#${number}`;
  }

  /**
   * An interface called since it was last spared is spared again: what lives as long as its server is not forgotten for
   * what comes and goes.
   */
  private forgetFirst(): void {
    let first = this.eldestIpid.take();
    for (let spared = 0; first !== null && spared < MAX_SPARED; spared++) {
      const [ipid, entry] = first;
      if (entry.calls === (this.spared.get(ipid) ?? 0) || entry.object.releasedBy !== null) break;
      this.spared.set(ipid, entry.calls);
      this.byIpid.delete(ipid);
      this.byIpid.set(ipid, entry);
      first = this.eldestIpid.take();
    }
    if (first === null) return;
    const [ipid, entry] = first;
    this.byIpid.delete(ipid);
    this.spared.delete(ipid);
    this.forgotten++;
    this.version++;
    const { object } = entry;
    detach(object, entry);
    if (object.entry === null) this.drop(object);
  }

  /**
   * Objects outnumber the IPIDs that find them where a server gives its IPIDs out again and again: as many are kept
   * that no IPID finds any more.
   */
  private forgetEldest(): void {
    const eldest = this.eldestObject.take();
    if (eldest === null) return;
    this.version++;
    for (const entry of entriesOf(eldest)) {
      if (this.byIpid.get(entry.ipid) === entry) {
        this.byIpid.delete(entry.ipid);
        this.spared.delete(entry.ipid);
      }
      this.forgotten++;
    }
    this.drop(eldest);
  }

  private drop(object: DcomObject<K>): void {
    this.objects.delete(object);
    if (object.oid === null) return;
    if (object.oxid !== null) leave(this.exporters, object.oxid, object.oid, object);
    leave(this.resolvers, object.server.address, object.oid, object);
  }
}

function enter<K>(tables: Map<string, ByOid<K>>, key: string, oid: string, object: DcomObject<K>): void {
  const table = tables.get(key);
  if (table === undefined) tables.set(key, new Map([[oid, object]]));
  else table.set(oid, object);
}

function leave<K>(tables: Map<string, ByOid<K>>, key: string, oid: string, object: DcomObject<K>): void {
  const table = tables.get(key);
  if (table === undefined || table.get(oid) !== object) return;
  table.delete(oid);
  if (table.size === 0) tables.delete(key);
}

function makeEntry<K>(
  ipid: string,
  iid: string,
  object: DcomObject<K>,
  origin: Origin,
  madeBy: number | null,
): IpidEntry<K> {
  const entry: IpidEntry<K> = {
    object,
    ipid,
    calls: 0,
    reference: null,
    other: null,
    iid,
    references: 0,
    interface: origin.name,
    madeBy,
    frame: origin.frame,
  };
  attach(object, entry);
  return entry;
}

/** Interfaces spared in a row before the next is forgotten all the same. */
const MAX_SPARED = 8;

/** The interfaces of an object, in the order in which they were learnt. */
export function entriesOf<K>({ entry, more }: DcomObject<K>): readonly IpidEntry<K>[] {
  if (entry === null) return [];
  return more === null ? [entry] : [entry, ...more];
}

/** Public references held to an object, whatever the interface. */
export function referencesTo<K>({ entry, more }: DcomObject<K>): number {
  let sum = entry?.references ?? 0;
  if (more !== null) for (const one of more) sum += one.references;
  return sum;
}

function attach<K>(object: DcomObject<K>, entry: IpidEntry<K>): void {
  if (object.entry === null) object.entry = entry;
  else if (object.more === null) object.more = [entry];
  else object.more.push(entry);
  if (object.more !== null && object.more.length >= MAX_ENTRIES) object.entry = object.more.shift() ?? null;
}

function detach<K>(object: DcomObject<K>, entry: IpidEntry<K>): void {
  const left = entriesOf(object).filter((one) => one !== entry);
  object.entry = left[0] ?? null;
  object.more = left.length > 1 ? left.slice(1) : null;
}

/** Interfaces remembered of one object; past it the one learnt first leaves its list (calls on it still find it). */
export const MAX_ENTRIES = 256;
