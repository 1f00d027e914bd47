import type { IpidEntry, ObjectTable } from './objects.js';

/**
 * Look-ups over one connection: most calls go to the object called last, or to the one last handed out, and neither is
 * looked up again while the table stands as it did.
 */
export class Lookup<K> {
  private readonly table: ObjectTable<K>;
  private last: IpidEntry<K> | null = null;
  private given: IpidEntry<K> | null = null;
  private version = -1;

  constructor(table: ObjectTable<K>) {
    this.table = table;
  }

  /** As {@link ObjectTable.find}. */
  find(ipid: string, address: string): IpidEntry<K> | null {
    const { last, given, table } = this;
    if (this.version !== table.version) {
      this.given = null;
      this.version = table.version;
    } else if (last !== null && last.ipid === ipid) {
      return last;
    } else if (given !== null && given.ipid === ipid) {
      return (this.last = given);
    }
    return (this.last = table.find(ipid, address));
  }

  /** A reference was handed out over the connection: it is likely to be called next. */
  handedOut(entry: IpidEntry<K>): void {
    if (entry.other === null) this.given = entry;
  }
}
