import { Roles } from '../../src/analysis/roles.js';
import { publicReferences, referencesIn, wantsPings } from '../../src/dcom/references.js';
import { readCounts } from '../../src/dcom/remunknown.js';
import type { Registry } from '../../src/ndr/codec.js';
import type { RecordedCall, RecordingRecord, ReferenceRecord } from '../recording/records.js';

/** What is known of the objects of a session, while its records are taken in their order. */
export class SessionObjects {
  private readonly roles: Roles;
  private readonly references = new Map<string, ReferenceRecord>();
  /** References that are held by object: handed out and added, less released ([MS-DCOM] 3.1.1.5.6). */
  private readonly counts = new Map<number, number>();
  /** OIDs whose references say that they want no pings. */
  private readonly silent = new Set<string>();

  constructor(registry: Registry) {
    this.roles = new Roles(registry);
  }

  take(record: RecordingRecord): void {
    if (record.kind === 'reference' && !this.references.has(record.ipid)) this.references.set(record.ipid, record);
    if (record.kind === 'call') this.call(record);
  }

  /** Number of the object behind an IPID, or null. */
  object(ipid: string): number | null {
    return this.references.get(ipid)?.object ?? null;
  }

  reference(ipid: string): ReferenceRecord | null {
    return this.references.get(ipid) ?? null;
  }

  /** References in the order in which they were first handed out. */
  get handedOut(): readonly ReferenceRecord[] {
    return [...this.references.values()];
  }

  /** Labels of objects to which references are held by now. */
  get leaked(): readonly string[] {
    const labels = new Map([...this.references.values()].map((one) => [one.object, one.label]));
    return [...this.held].map((object) => labels.get(object) ?? `object#${object}`);
  }

  /**
   * OIDs of the objects to which references are held by now, but for those whose references say that they want no
   * pings: their flags ([MS-DCOM] 2.2.18.2).
   */
  get pinged(): readonly string[] {
    const held = new Set(this.held);
    const oids = [...this.references.values()].flatMap(({ object, oid }) =>
      oid !== null && held.has(object) && !this.silent.has(oid) ? [oid] : [],
    );
    return [...new Set(oids)];
  }

  private get held(): readonly number[] {
    return [...this.counts].flatMap(([object, references]) => (references > 0 ? [object] : []));
  }

  private call(call: RecordedCall): void {
    referencesIn(call.out, '', (one) => {
      this.count(one.ipid, publicReferences(one));
      if (!wantsPings(one)) this.silent.add(one.oid);
    });
    if (call.via !== null || call.hresult !== 0) return;
    const role = this.roles.at(call.iid, call.opnum);
    if (role !== 'release' && role !== 'add-ref') return;
    for (const { ipid, references } of readCounts(call.in))
      this.count(ipid, role === 'release' ? -references : references);
  }

  private count(ipid: string, by: number): void {
    const object = this.object(ipid);
    if (object !== null) this.counts.set(object, Math.max(0, (this.counts.get(object) ?? 0) + by));
  }
}
