import type { Value } from '../types.js';

/** What is known of one interface pointer: an IPID, and the object behind it. */
export interface ObjectRecord {
  readonly ipid: string;
  readonly oid: string;
  readonly oxid: string;
  /** IID the IPID was handed out for. */
  readonly iid: string;
  /** Name of that interface, or null. */
  readonly interface: string | null;
  /** Name of the object: the interface it was first seen as and a number, e.g. `IUpdateSearcher#2`. */
  readonly label: string;
  /** Frame whose reply handed it out. */
  readonly frame: number;
}

/**
 * The IPIDs of a capture, per exporter, with the identity of the objects behind them ([MS-DCOM] 3.2.1).
 * Bounded: past `limit` IPIDs the one learnt first is forgotten.
 */
export class ObjectTable {
  private readonly byIpid = new Map<string, ObjectRecord>();
  private readonly labels = new Map<string, string>();
  private readonly counts = new Map<string, number>();
  private readonly limit: number;
  /** IPIDs forgotten because of the limit. */
  forgotten = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  find(ipid: string): ObjectRecord | null {
    return this.byIpid.get(ipid) ?? null;
  }

  /** Takes note of an interface pointer; the same OID keeps its label, an IPID handed out anew is replaced. */
  learn(pointer: { readonly ipid: string; readonly oid: string; readonly oxid: string; readonly iid: string }, name: string | null, frame: number): ObjectRecord {
    const known = this.byIpid.get(pointer.ipid);
    if (known !== undefined && known.oid === pointer.oid && known.oxid === pointer.oxid && known.iid === pointer.iid) return known;
    const identity = pointer.oxid + pointer.oid;
    let label = this.labels.get(identity);
    if (label === undefined) {
      const shown = name ?? `{${pointer.iid}}`;
      const number = (this.counts.get(shown) ?? 0) + 1;
      this.counts.set(shown, number);
      label = `${shown}#${number}`;
      if (this.labels.size >= this.limit) forgetFirst(this.labels);
      this.labels.set(identity, label);
    }
    const record: ObjectRecord = { ipid: pointer.ipid, oid: pointer.oid, oxid: pointer.oxid, iid: pointer.iid, interface: name, label, frame };
    if (known === undefined && this.byIpid.size >= this.limit) {
      forgetFirst(this.byIpid);
      this.forgotten++;
    }
    this.byIpid.set(pointer.ipid, record);
    return record;
  }
}

function forgetFirst(map: Map<string, unknown>): void {
  const first = map.keys().next();
  if (first.done !== true) map.delete(first.value);
}

/** A decoded OBJREF that names an IPID (standard, handler or extended), or null. */
export function asPointer(value: Value): { readonly iid: string; readonly ipid: string; readonly oid: string; readonly oxid: string } | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) return null;
  const { iid, ipid, oid, oxid } = value as { readonly [name: string]: Value };
  if (typeof iid !== 'string' || typeof ipid !== 'string' || typeof oid !== 'string' || typeof oxid !== 'string') return null;
  return { iid, ipid, oid, oxid };
}
