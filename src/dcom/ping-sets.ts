/**
 * Ping sets of object resolvers ([MS-DCOM] 3.1.2.1, 3.2.1): which OIDs a client keeps alive, by SETID. Bounded by
 * `sets` and `members`; what does not fit is counted and not followed.
 */
export class PingSets {
  private readonly sets = new Map<string, Set<string>>();
  private members = 0;
  private readonly limits: { readonly sets: number; readonly members: number };
  /** Sets and members that did not fit. */
  dropped = 0;

  constructor(limits: { readonly sets: number; readonly members: number }) {
    this.limits = limits;
  }

  /** A ComplexPing was answered: the set's members by now. `resolver` is the address of the object resolver. */
  change(resolver: string, setId: string, added: readonly string[], deleted: readonly string[]): ReadonlySet<string> {
    const key = resolver + setId;
    let set = this.sets.get(key);
    if (set === undefined) {
      set = new Set();
      if (this.sets.size < this.limits.sets) this.sets.set(key, set);
      else this.dropped++;
    }
    for (const oid of added) {
      if (set.has(oid)) continue;
      if (this.members >= this.limits.members) {
        this.dropped++;
        continue;
      }
      set.add(oid);
      this.members++;
    }
    for (const oid of deleted) if (set.delete(oid)) this.members--;
    return set;
  }

  /** The OIDs a SimplePing keeps alive; empty for a set made before the capture began. */
  pinged(resolver: string, setId: string): ReadonlySet<string> {
    return this.sets.get(resolver + setId) ?? EMPTY;
  }
}

const EMPTY: ReadonlySet<string> = new Set();
