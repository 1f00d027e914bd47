import type { Endpoint, Moment, ObjectReference } from '../types.js';
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
 * One interface of an object: an IPID ([MS-DCOM] 1.1). `K` is what the analysis knows of objects. What every call
 * touches comes first: it shares a cache line.
 */
export interface Facet<K> {
  readonly object: DcomObject<K>;
  readonly ipid: string;
  calls: number;
  /**
   * What the records of calls on it share, true as long as the object has had no more names than then; `referenceTo`
   * sees to it.
   */
  shown: ObjectReference | null;
  shownNames: number;
  /**
   * The same IPID at another server; chance makes none, a capture of two servers behind one address translation may.
   */
  other: Facet<K> | null;
  readonly iid: string;
  references: number;
  readonly interface: string | null;
  readonly madeBy: number | null;
  readonly frame: number;
  /** `calls` when it was last spared from being forgotten. */
  spared: number;
  /** That it was handed out, in words, once somebody asked. */
  told: string | null;
}

/**
 * What a call record says of the object behind an interface: made anew only when the object was renamed or identified.
 */
export function referenceTo<K>(facet: Facet<K>): ObjectReference {
  const { shown, object } = facet;
  if (shown !== null && facet.shownNames === object.names) return shown;
  facet.shownNames = object.names;
  return (facet.shown = { ipid: facet.ipid, oid: object.oid, oxid: object.oxid, label: object.label });
}

/** An object of an exporter, by its OXID and OID. As in a facet, what every call touches comes first. */
export interface DcomObject<K> {
  /** Names and identities it has had so far. */
  names: number;
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
  /** Its class is known: a reference to it that is handed out again tells nothing new. */
  settled: boolean;
  knowledge: K | null;
  /** Its interface that was learnt first, and the others: most objects have one, and need no list. */
  facet: Facet<K> | null;
  more: Facet<K>[] | null;
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
 * the
 * references handed out. Bounded: past `limit` IPIDs the one learnt first that is no longer called is forgotten, and
 * counted.
 */
export class ObjectTable<K> {
  private readonly byIpid = new Map<string, Facet<K>>();
  private readonly objects = new Set<DcomObject<K>>();
  /** By OXID, and by the address of the object resolver: pings name no OXID. */
  private readonly exporters = new Map<string, ByOid<K>>();
  private readonly resolvers = new Map<string, ByOid<K>>();
  private readonly counts = new Map<string, number>();
  private readonly limit: number;
  /** IPIDs forgotten because of the limit. */
  forgotten = 0;
  /** Changes whenever `find` may give another answer than before for an IPID it found. */
  version = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The interface behind an IPID; where several servers use it, the one at `address`. */
  find(ipid: string, address: string): Facet<K> | null {
    const first = this.byIpid.get(ipid);
    if (first === undefined) return null;
    if (first.other === null) return first;
    for (let facet: Facet<K> | null = first; facet !== null; facet = facet.other)
      if (facet.object.server.address === address) return facet;
    return first;
  }

  /** The interface that a reference names, where just this reference was learnt before; null otherwise. */
  same(pointer: Pointer): Facet<K> | null {
    const facet = this.byIpid.get(pointer.ipid);
    if (facet === undefined) return null;
    const { object, iid } = facet;
    return object.oid === pointer.oid && object.oxid === pointer.oxid && iid === pointer.iid ? facet : null;
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
   * gives to another
   * object: it was restarted, or hands IPIDs out again.
   */
  learn(pointer: Pointer, origin: Origin, reused?: (before: Facet<K>) => void): Facet<K> {
    const known = this.byIpid.get(pointer.ipid);
    for (let facet = known ?? null; facet !== null; facet = facet.other) {
      if (facet.object.oid === pointer.oid && facet.object.oxid === pointer.oxid && facet.iid === pointer.iid)
        return facet;
    }
    if (known !== undefined && known.object.oid === null && known.object.server.address === origin.server.address)
      this.identify(known, pointer);
    const object = this.objectOf(pointer, origin);
    const facet = makeFacet(pointer.ipid, pointer.iid, object, origin, origin.call);
    if (known === undefined) {
      if (this.byIpid.size >= this.limit) this.forgetFirst();
      this.byIpid.set(pointer.ipid, facet);
      return facet;
    }
    this.version++;
    if (known.object.server.address === origin.server.address) {
      if (known.object !== object) reused?.(known);
    } else {
      facet.other = known;
      known.other = null;
    }
    this.byIpid.set(pointer.ipid, facet);
    return facet;
  }

  /**
   * An IPID without an OID: an exporter's own, or one that calls go to without anyone having handed it out in the
   * capture.
   */
  meet(ipid: string, iid: string, oxid: string | null, origin: Origin): Facet<K> {
    const facet = makeFacet(ipid, iid, this.make(null, oxid, origin), origin, null);
    facet.other = this.byIpid.get(ipid) ?? null;
    if (facet.other !== null) this.version++;
    if (this.byIpid.size >= this.limit) this.forgetFirst();
    this.byIpid.set(ipid, facet);
    return facet;
  }

  /** Gives an object whose name was provisional the name of its class. */
  rename(object: DcomObject<K>, shown: string): void {
    if (!object.provisional) return;
    object.formerLabel = object.label;
    object.label = this.label(shown);
    object.names++;
    object.provisional = false;
  }

  /** A reference names the object that so far was known by its calls alone. */
  private identify({ object }: Facet<K>, { oid, oxid }: Pointer): void {
    if (this.exporters.get(oxid)?.has(oid) === true) return;
    object.oid = oid;
    object.oxid = oxid;
    object.names++;
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
      names: 1,
      releasedBy: null,
      server: origin.server,
      calls: 0,
      lastSeenS: origin.time?.timeS ?? -1,
      lastSeenNs: origin.time?.timeNs ?? 0,
      label: this.label(origin.shown),
      oid,
      oxid,
      settled: false,
      knowledge: null,
      facet: null,
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
    let first = this.byIpid.entries().next();
    for (let spared = 0; first.done !== true && spared < MAX_SPARED; spared++) {
      const [ipid, facet] = first.value;
      if (facet.calls === facet.spared || facet.object.releasedBy !== null) break;
      facet.spared = facet.calls;
      this.byIpid.delete(ipid);
      this.byIpid.set(ipid, facet);
      first = this.byIpid.entries().next();
    }
    if (first.done === true) return;
    const [ipid, facet] = first.value;
    this.byIpid.delete(ipid);
    this.forgotten++;
    this.version++;
    const { object } = facet;
    detach(object, facet);
    if (object.facet === null) this.drop(object);
  }

  /**
   * Objects outnumber the IPIDs that find them where a server gives its IPIDs out again and again: as many are kept
   * that no IPID finds any more.
   */
  private forgetEldest(): void {
    const [eldest] = this.objects;
    if (eldest === undefined) return;
    this.version++;
    for (const facet of facetsOf(eldest)) {
      if (this.byIpid.get(facet.ipid) === facet) this.byIpid.delete(facet.ipid);
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

function makeFacet<K>(
  ipid: string,
  iid: string,
  object: DcomObject<K>,
  origin: Origin,
  madeBy: number | null,
): Facet<K> {
  const facet: Facet<K> = {
    object,
    ipid,
    calls: 0,
    shown: null,
    shownNames: 0,
    other: null,
    iid,
    references: 0,
    interface: origin.name,
    madeBy,
    frame: origin.frame,
    spared: 0,
    told: null,
  };
  attach(object, facet);
  return facet;
}

/** Interfaces spared in a row before the next is forgotten all the same. */
const MAX_SPARED = 8;

/** The interfaces of an object, in the order in which they were learnt. */
export function facetsOf<K>({ facet, more }: DcomObject<K>): readonly Facet<K>[] {
  return facet === null ? [] : more === null ? [facet] : [facet, ...more];
}

/** Public references held to an object, whatever the interface. */
export function referencesTo<K>({ facet, more }: DcomObject<K>): number {
  let sum = facet?.references ?? 0;
  if (more !== null) for (const one of more) sum += one.references;
  return sum;
}

function attach<K>(object: DcomObject<K>, facet: Facet<K>): void {
  if (object.facet === null) object.facet = facet;
  else if (object.more === null) object.more = [facet];
  else object.more.push(facet);
  if (object.more !== null && object.more.length >= MAX_FACETS) object.facet = object.more.shift() ?? null;
}

function detach<K>(object: DcomObject<K>, facet: Facet<K>): void {
  const left = facetsOf(object).filter((one) => one !== facet);
  object.facet = left[0] ?? null;
  object.more = left.length > 1 ? left.slice(1) : null;
}

/** Interfaces remembered of one object; past it the one learnt first leaves its list (calls on it still find it). */
export const MAX_FACETS = 256;
