import type { Registry } from '../../src/ndr/codec.js';
import type { RecordedCall } from '../recording/records.js';

/** Which recorded calls change the server beyond the object they are called on, by the tables. */
export class ServerChanges {
  private readonly registry: Registry;
  private readonly known: ReadonlyMap<string, string>;

  constructor(registry: Registry) {
    this.registry = registry;
    this.known = new Map(registry.specifications.flatMap((one) => Object.entries(one.changes ?? {})));
  }

  /** What a call changes, in words; null where it changes nothing that is known. */
  of({ iid, opnum, member }: RecordedCall): string | null {
    const slot = this.registry.interfaceByUuid(iid ?? '')?.slots[opnum ?? -1];
    if (slot == null) return null;
    const name = `${slot.owner.name}::${slot.method.name}`;
    const put = member === 'propput' || member === 'propputref';
    return this.known.get(put ? `put ${name}` : name) ?? null;
  }
}
