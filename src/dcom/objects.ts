import type { Endpoint, Moment, Value } from '../types.js';

/** A marshaled reference: STDOBJREF ([MS-DCOM] 2.2.18.2) with the IID it was marshaled for. */
export interface Pointer {
  readonly ipid: string;
  readonly oid: string;
  readonly oxid: string;
  readonly iid: string;
}

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

/** One interface of an object: an IPID ([MS-DCOM] 1.1). `K` is what the analysis knows of objects. */
export interface Facet<K> {
  readonly ipid: string;
  readonly iid: string;
  readonly interface: string | null;
  readonly object: DcomObject<K>;
  readonly madeBy: number | null;
  readonly frame: number;
  references: number;
  calls: number;
  /** `calls` when it was last spared from being forgotten. */
  spared: number;
  /** The same IPID at another server; chance makes none, a capture of two servers behind one address translation may. */
  other: Facet<K> | null;
}

/** An object of an exporter, by its OXID and OID. */
export interface DcomObject<K> {
  label: string;
  formerLabel: string | null;
  provisional: boolean;
  /** Null while no reference to it was captured, only calls on it. */
  oid: string | null;
  oxid: string | null;
  server: Endpoint;
  readonly madeBy: number | null;
  readonly parent: string | null;
  facets: Facet<K>[];
  calls: number;
  firstSeen: Moment | null;
  /** Time of the last call on it, in numbers of its own: a young object kept by an old one at every call would cost the collector more than the call. */
  lastSeenS: number;
  lastSeenNs: number;
  pings: number;
  lastPing: Moment | null;
  releasedBy: number | null;
  leaked: boolean;
  knowledge: K | null;
}

/**
 * The objects of a capture by the rules of [MS-DCOM] 3.1.1.1 and 3.2.1: IPIDs, and the OIDs and OXIDs behind them, with the
 * references handed out. Bounded: past `limit` IPIDs the one learnt first that is no longer called is forgotten, and counted.
 */
export class ObjectTable<K> {
  private readonly byIpid = new Map<string, Facet<K>>();
  private readonly byIdentity = new Map<string, DcomObject<K>>();
  private readonly byResolver = new Map<string, DcomObject<K>>();
  private readonly counts = new Map<string, number>();
  private readonly limit: number;
  /** IPIDs forgotten because of the limit. */
  forgotten = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The interface behind an IPID; where several servers use it, the one at `address`. */
  find(ipid: string, address: string): Facet<K> | null {
    const first = this.byIpid.get(ipid);
    if (first === undefined) return null;
    if (first.other === null) return first;
    for (let facet: Facet<K> | null = first; facet !== null; facet = facet.other) if (facet.object.server.address === address) return facet;
    return first;
  }

  /** The interface that a reference names, where just this reference was learnt before; null otherwise. */
  same(pointer: Pointer): Facet<K> | null {
    const facet = this.byIpid.get(pointer.ipid);
    if (facet === undefined) return null;
    const { object, iid } = facet;
    return object.oid === pointer.oid && object.oxid === pointer.oxid && iid === pointer.iid ? facet : null;
  }

  /** The object with an OID at the object resolver of an address: pings name no OXID. */
  byOid(address: string, oid: string): DcomObject<K> | null {
    return this.byResolver.get(address + oid) ?? null;
  }

  /** Every object that is remembered, in the order in which they were learnt. */
  all(): IterableIterator<DcomObject<K>> {
    return this.byIdentity.values();
  }

  get size(): number {
    return this.byIdentity.size;
  }

  /**
   * Takes note of a reference: the same OXID and OID are the same object. `reused` hears of an IPID that its server gives to another
   * object: it was restarted, or hands IPIDs out again.
   */
  learn(pointer: Pointer, origin: Origin, reused?: (before: Facet<K>) => void): Facet<K> {
    const known = this.byIpid.get(pointer.ipid);
    for (let facet = known ?? null; facet !== null; facet = facet.other) {
      if (facet.object.oid === pointer.oid && facet.object.oxid === pointer.oxid && facet.iid === pointer.iid) return facet;
    }
    if (known !== undefined && known.object.oid === null && known.object.server.address === origin.server.address) this.identify(known, pointer);
    const object = this.objectOf(pointer, origin);
    const facet: Facet<K> = {
      ipid: pointer.ipid, iid: pointer.iid, interface: origin.name, object, madeBy: origin.call, frame: origin.frame, references: 0, calls: 0, spared: 0, other: null,
    };
    attach(object, facet);
    if (known === undefined) {
      if (this.byIpid.size >= this.limit) this.forgetFirst();
    } else if (known.object.server.address === origin.server.address) {
      if (known.object !== object) reused?.(known);
    } else {
      facet.other = known;
      known.other = null;
    }
    this.byIpid.set(pointer.ipid, facet);
    return facet;
  }

  /** An IPID without an OID: an exporter's own, or one that calls go to without anyone having handed it out in the capture. */
  meet(ipid: string, iid: string, oxid: string | null, origin: Origin): Facet<K> {
    const object = this.make(null, oxid, origin);
    const facet: Facet<K> = { ipid, iid, interface: origin.name, object, madeBy: null, frame: origin.frame, references: 0, calls: 0, spared: 0, other: this.byIpid.get(ipid) ?? null };
    attach(object, facet);
    if (this.byIpid.size >= this.limit) this.forgetFirst();
    this.byIpid.set(ipid, facet);
    this.byIdentity.set(ipid, object);
    return facet;
  }

  /** Gives an object whose name was provisional the name of its class. */
  rename(object: DcomObject<K>, shown: string): void {
    if (!object.provisional) return;
    object.formerLabel = object.label;
    object.label = this.label(shown);
    object.provisional = false;
  }

  /** A reference names the object that so far was known by its calls alone. */
  private identify({ object, ipid }: Facet<K>, pointer: Pointer): void {
    const identity = pointer.oxid + pointer.oid;
    if (this.byIdentity.has(identity)) return;
    this.byIdentity.delete(ipid);
    object.oid = pointer.oid;
    object.oxid = pointer.oxid;
    this.byIdentity.set(identity, object);
    this.byResolver.set(object.server.address + pointer.oid, object);
  }

  private objectOf(pointer: Pointer, origin: Origin): DcomObject<K> {
    const identity = pointer.oxid + pointer.oid;
    let object = this.byIdentity.get(identity);
    if (object === undefined) {
      object = this.make(pointer.oid, pointer.oxid, origin);
      this.byIdentity.set(identity, object);
      this.byResolver.set(origin.server.address + pointer.oid, object);
    } else if (!origin.provisional) {
      this.rename(object, origin.shown);
    }
    return object;
  }

  private make(oid: string | null, oxid: string | null, origin: Origin): DcomObject<K> {
    return {
      label: this.label(origin.shown), formerLabel: null, provisional: origin.provisional, oid, oxid, server: origin.server, madeBy: origin.call, parent: origin.parent, facets: [],
      calls: 0, firstSeen: origin.time, lastSeenS: origin.time?.timeS ?? -1, lastSeenNs: origin.time?.timeNs ?? 0, pings: 0, lastPing: null, releasedBy: null, leaked: false, knowledge: null,
    };
  }

  private label(shown: string): string {
    const number = (this.counts.get(shown) ?? 0) + 1;
    if (number > 1 || this.counts.size < this.limit) this.counts.set(shown, number);
    return `${shown}#${number}`;
  }

  /** An interface called since it was last spared is spared again: what lives as long as its server is not forgotten for what comes and goes. */
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
    const { object } = facet;
    const at = object.facets.indexOf(facet);
    if (at >= 0) object.facets.splice(at, 1);
    if (object.facets.length > 0) return;
    this.byIdentity.delete(object.oxid === null || object.oid === null ? ipid : object.oxid + object.oid);
    if (object.oid !== null) this.byResolver.delete(object.server.address + object.oid);
  }
}

/** Interfaces spared in a row before the next is forgotten all the same. */
const MAX_SPARED = 8;

/** Most objects have one interface, and a list that grows takes room for sixteen more. */
function attach<K>(object: DcomObject<K>, facet: Facet<K>): void {
  if (object.facets.length === 0) object.facets = [facet];
  else object.facets.push(facet);
  if (object.facets.length > MAX_FACETS) object.facets.shift();
}

/** Interfaces remembered of one object; past it the one learnt first leaves its list (calls on it still find it). */
export const MAX_FACETS = 256;

/** A decoded OBJREF that names an IPID (standard, handler or extended), or null. */
export function asPointer(value: Value): Pointer | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) return null;
  const { iid, ipid, oid, oxid } = value as { readonly [name: string]: Value };
  if (typeof iid !== 'string' || typeof ipid !== 'string' || typeof oid !== 'string' || typeof oxid !== 'string') return null;
  return { iid, ipid, oid, oxid };
}
