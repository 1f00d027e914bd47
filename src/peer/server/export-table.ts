import { HEX64_NULL } from '../../bytes/hex.js';
import { PINGS_MISSED, PING_PERIOD_MS } from '../../dcom/names.js';
import { Eldest } from '../../bytes/eldest.js';
import type { ComplexPing } from '../../dcom/ping.js';
import type { ServedObject } from './dispatch.js';

/** Named bounds of a server's memory; docs/limits.md. */
export interface TableLimits {
  /** Objects exported at once. */
  readonly objects: number;
  /** Weight of all of them: an object weighs what it says, 1 where it says nothing. */
  readonly weight: number;
  readonly pingSets: number;
  /** Objects in all ping sets together. */
  readonly pingMembers: number;
}

export const SERVER_LIMITS: TableLimits = { objects: 100_000, weight: 4_000_000, pingSets: 4096, pingMembers: 400_000 };

/** An object that no ping has named for `periodMs` times `count` is let go ([MS-DCOM] 3.1.1.6.1). */
interface PingTimes {
  readonly periodMs: number;
  readonly count: number;
}

export const PING: PingTimes = { periodMs: PING_PERIOD_MS, count: PINGS_MISSED };

/** An object with its identity on the wire. */
export interface Exported {
  readonly object: ServedObject;
  readonly oid: string;
  /** Who was handed it first; who takes too much loses what is its own. */
  readonly owner: string;
  /** IPID by IID. */
  readonly ipids: Map<string, string>;
  references: number;
  weight: number;
  /** When it was handed out or pinged last, in ms. */
  pinged: number;
}

/** An IPID entry: one interface of an exported object ([MS-DCOM] 3.1.1.1). */
export interface IpidEntry {
  readonly exported: Exported;
  readonly iid: string;
  /** Name of the interface. */
  readonly name: string;
}

export interface TableOptions {
  /** Randomness for identifiers: who does not know an IPID cannot call it. */
  readonly random: (size: number) => Uint8Array;
  /** Time in ms, from any start. */
  readonly now: () => number;
  readonly ping?: PingTimes;
  readonly limits?: TableLimits;
}

/** What is handed out: `count` references to the interface `iid`, called `name`, of an object. */
export interface Handed {
  readonly object: ServedObject;
  readonly iid: string;
  readonly name: string;
  readonly count: number;
  /** Who is handed it. */
  readonly owner: string;
}

interface PingSet {
  readonly owner: string;
  readonly members: Set<string>;
  /** Sequence number of the newest ping that changed it. */
  sequence: number;
  pinged: number;
}

interface Owner {
  weight: number;
  /** Oldest first. */
  readonly objects: Set<Exported>;
  readonly oldest: Eldest<Exported>;
}

/**
 * The objects of an exporter: identities, references, pings ([MS-DCOM] 3.1.1.1, 3.1.1.6). Past a limit the owner with
 * the most loses its
 * oldest objects, so that a client that takes all it can get disturbs nobody else.
 */
export class ExportTable {
  private readonly options: TableOptions;
  private readonly limits: TableLimits;
  private readonly ping: PingTimes;
  private readonly byIpid = new Map<string, IpidEntry>();
  private readonly byOid = new Map<string, Exported>();
  private readonly byObject = new Map<ServedObject, Exported>();
  private readonly owners = new Map<string, Owner>();
  private readonly pingSets = new Map<string, PingSet>();
  private weight = 0;
  /** Members of all ping sets. */
  private pingMembers = 0;

  constructor(options: TableOptions) {
    this.options = options;
    this.limits = options.limits ?? SERVER_LIMITS;
    this.ping = options.ping ?? PING;
  }

  /** Objects that are exported now. */
  get size(): number {
    return this.byOid.size;
  }

  /** Ping sets that are kept now. */
  get sets(): number {
    return this.pingSets.size;
  }

  /** Members of all ping sets. */
  get pinged(): number {
    return this.pingMembers;
  }

  find(ipid: string): IpidEntry | undefined {
    return this.byIpid.get(ipid);
  }

  /** Hands out an interface of an object with references. */
  hand({ object, iid, name, count, owner }: Handed): { readonly oid: string; readonly ipid: string } {
    let exported = this.byObject.get(object);
    if (exported === undefined) {
      exported = { object, oid: this.id64(), owner, ipids: new Map(), references: 0, weight: 0, pinged: 0 };
      this.byObject.set(object, exported);
      this.byOid.set(exported.oid, exported);
      this.ownerOf(owner).objects.add(exported);
    }
    let ipid = exported.ipids.get(iid);
    if (ipid === undefined) {
      ipid = this.guid();
      exported.ipids.set(iid, ipid);
      this.byIpid.set(ipid, { exported, iid, name });
    }
    exported.references += count;
    exported.pinged = this.options.now();
    this.weigh(exported);
    return { oid: exported.oid, ipid };
  }

  /** An object may have grown or shrunk: past the limits, objects go. */
  weigh(exported: Exported): void {
    if (!this.byOid.has(exported.oid)) return;
    const weight = exported.object.weight?.() ?? 1;
    this.weight += weight - exported.weight;
    this.ownerOf(exported.owner).weight += weight - exported.weight;
    exported.weight = weight;
    while (this.byOid.size > this.limits.objects || this.weight > this.limits.weight) {
      const oldest = this.greediest()?.oldest.take() ?? null;
      if (oldest === null) return;
      this.drop(oldest);
    }
  }

  addReferences(ipid: string, count: number): boolean {
    const exported = this.byIpid.get(ipid)?.exported;
    if (exported === undefined) return false;
    exported.references += count;
    return true;
  }

  /**
   * References came back with an OBJREF. One is left: a client may not hand over its last, and one that does goes on
   * using the object all the same.
   */
  take(ipid: string, count: number): void {
    const exported = this.byIpid.get(ipid)?.exported;
    if (exported !== undefined) exported.references = Math.max(1, exported.references - count);
  }

  /** An object without references goes. */
  release(ipid: string, count: number): void {
    const exported = this.byIpid.get(ipid)?.exported;
    if (exported === undefined) return;
    exported.references -= count;
    if (exported.references <= 0) this.drop(exported);
  }

  /** A ping of a set that is kept; false when there is none. */
  simplePing(setId: string): boolean {
    const set = this.pingSets.get(setId);
    if (set === undefined) return false;
    set.pinged = this.options.now();
    return true;
  }

  /**
   * Changes a ping set, or makes one for the id 0 ([MS-DCOM] 3.1.2.5.1.3); its id, or null where there is none of that
   * id. Only objects that are exported come into a set: `unknown` says that one was not, or that sets hold all they may.
   */
  complexPing(ping: ComplexPing, owner: string): { readonly setId: string | null; readonly unknown: boolean } {
    const made = ping.setId === HEX64_NULL;
    const setId = made ? this.id64() : ping.setId;
    const set = made ? this.newSet(setId, owner) : this.pingSets.get(setId);
    if (set === undefined) return { setId: null, unknown: false };
    // A ping that came late changes nothing.
    if (set.sequence > ping.sequence) return { setId, unknown: false };
    set.pinged = this.options.now();
    set.sequence = ping.sequence;
    let unknown = false;
    for (const oid of ping.add) {
      if (set.members.has(oid)) continue;
      if (!this.byOid.has(oid) || this.pingMembers >= this.limits.pingMembers) unknown = true;
      else {
        set.members.add(oid);
        this.pingMembers++;
      }
    }
    for (const oid of ping.remove) if (set.members.delete(oid)) this.pingMembers--;
    // Of a set that is new, unknown objects are left out without a word.
    return { setId, unknown: unknown && !made };
  }

  private newSet(setId: string, owner: string): PingSet {
    if (this.pingSets.size >= this.limits.pingSets) this.dropSet();
    const set: PingSet = { owner, members: new Set(), sequence: 0, pinged: 0 };
    this.pingSets.set(setId, set);
    return set;
  }

  private forgetSet(setId: string): void {
    this.pingMembers -= this.pingSets.get(setId)?.members.size ?? 0;
    this.pingSets.delete(setId);
  }

  /** Lets go what was not pinged in time; how many objects that were. */
  collect(): number {
    const since = this.options.now() - this.ping.periodMs * this.ping.count;
    for (const [id, set] of this.pingSets) {
      for (const oid of set.members) {
        const exported = this.byOid.get(oid);
        if (exported === undefined) {
          set.members.delete(oid);
          this.pingMembers--;
        } else if (exported.pinged < set.pinged) exported.pinged = set.pinged;
      }
      if (set.pinged < since) this.forgetSet(id);
    }
    const gone = [...this.byOid.values()].filter((one) => one.pinged < since);
    for (const one of gone) this.drop(one);
    return gone.length;
  }

  id64(): string {
    return `0x${hex(this.options.random(8))}`;
  }

  guid(): string {
    const text = hex(this.options.random(16));
    return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
  }

  private drop(exported: Exported): void {
    for (const ipid of exported.ipids.values()) this.byIpid.delete(ipid);
    this.byOid.delete(exported.oid);
    this.byObject.delete(exported.object);
    this.weight -= exported.weight;
    const owner = this.ownerOf(exported.owner);
    owner.weight -= exported.weight;
    owner.objects.delete(exported);
    if (owner.objects.size === 0) this.owners.delete(exported.owner);
    exported.object.released?.();
  }

  /** The set pinged longest ago, of the owner who has most. */
  private dropSet(): void {
    const counts = new Map<string, number>();
    for (const { owner } of this.pingSets.values()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    const [most] = [...counts].toSorted((a, b) => b[1] - a[1])[0] ?? [];
    let oldest: readonly [string, PingSet] | null = null;
    for (const entry of this.pingSets)
      if (entry[1].owner === most && (oldest === null || entry[1].pinged < oldest[1].pinged)) oldest = entry;
    if (oldest !== null) this.forgetSet(oldest[0]);
  }

  private ownerOf(name: string): Owner {
    let owner = this.owners.get(name);
    if (owner === undefined) {
      const objects = new Set<Exported>();
      owner = { weight: 0, objects, oldest: new Eldest(() => objects.values()) };
      this.owners.set(name, owner);
    }
    return owner;
  }

  private greediest(): Owner | null {
    let most: Owner | null = null;
    for (const owner of this.owners.values()) if (most === null || owner.weight > most.weight) most = owner;
    return most;
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
