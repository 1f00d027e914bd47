import type { Registry } from '../../src/ndr/codec.js';
import { isRecord } from '../../src/ndr/value.js';
import { LOOKUP_ROLES, Roles, UPKEEP_ROLES } from '../../src/analysis/roles.js';
import type { Value } from '../../src/types.js';
import { publicReferences, referencesIn, wantsPings } from '../../src/dcom/references.js';
import { readCounts } from '../../src/dcom/remunknown.js';
import { joinSessions } from '../recording/sessions.js';
import type { RecordedCall, RecordingRecord, ReferenceRecord } from '../recording/records.js';

/**
 * What a call is to a comparison: one that means something, one that looks names up for late binding, one that sets the
 * stage, or upkeep that differs from run to run.
 */
type CallSort = 'member' | 'lookup' | 'stage' | 'upkeep';

/** Places are told no deeper than this. */
const MAX_PLACE = 32;

/**
 * The calls of a recording, and what is known of its objects. Several sessions are joined: their calls, connections and
 * objects stay apart.
 */
export class Session {
  readonly calls: SessionCall[] = [];
  private readonly references = new Map<string, ReferenceRecord>();
  private readonly byCall = new Map<number, RecordedCall>();
  private readonly places = new Map<number, string>();
  private readonly stage: ReadonlySet<string>;
  private readonly roles: Roles;

  constructor(records: readonly RecordingRecord[], registry: Registry) {
    this.roles = new Roles(registry);
    this.stage = stageOf(registry);
    for (const record of joinSessions(records)) this.take(record);
  }

  /** Takes one more record, in the order of a recording; returns the call it was. */
  take(record: RecordingRecord): SessionCall | null {
    if (record.kind === 'reference' && !this.references.has(record.ipid)) this.references.set(record.ipid, record);
    if (record.kind !== 'call') return null;
    this.byCall.set(record.id, record);
    const call = {
      call: record,
      sort: this.sortOf(record),
      member: memberPath(record),
      place: this.placeOfCall(record),
    };
    this.calls.push(call);
    return call;
  }

  /** Number of the object behind an IPID, or null. */
  object(ipid: string): number | null {
    return this.references.get(ipid)?.object ?? null;
  }

  /** References in the order in which they were first handed out. */
  get handedOut(): readonly ReferenceRecord[] {
    return [...this.references.values()];
  }

  reference(ipid: string): ReferenceRecord | null {
    return this.references.get(ipid) ?? null;
  }

  /** Where an object came from: `ISearchResult.Updates[3]`, or its interface where a method made it. */
  place(ipid: string): string {
    const reference = this.references.get(ipid);
    return reference === undefined ? '?' : this.placeOf(reference, 0);
  }

  /** Labels of objects to which references are held in the end. */
  get leaked(): readonly string[] {
    const labels = new Map([...this.references.values()].map((one) => [one.object, one.label]));
    return [...this.held].map((object) => labels.get(object) ?? `object#${object}`);
  }

  /**
   * OIDs of the objects to which references are held by now, but for those whose references say that they want no
   * pings: their flags ([MS-DCOM] 2.2.18.2).
   */
  get pinged(): readonly string[] {
    const held = this.held;
    const silent = new Set<string>();
    for (const { call } of this.calls)
      referencesIn(call.out, '', (one) => {
        if (!wantsPings(one)) silent.add(one.oid);
      });
    return [
      ...new Set(
        [...this.references.values()].flatMap(({ object, oid }) =>
          oid !== null && held.has(object) && !silent.has(oid) ? [oid] : [],
        ),
      ),
    ];
  }

  /** Objects to which references are held: handed out and added, less released ([MS-DCOM] 3.1.1.5.6). */
  private get held(): ReadonlySet<number> {
    const held = new Map<number, number>();
    const count = (ipid: string, by: number): void => {
      const object = this.object(ipid);
      if (object !== null) held.set(object, Math.max(0, (held.get(object) ?? 0) + by));
    };
    for (const { call, sort } of this.calls) {
      referencesIn(call.out, '', (one) => count(one.ipid, publicReferences(one)));
      if (sort !== 'upkeep' || call.hresult !== 0) continue;
      const role = this.roles.at(call.iid, call.opnum);
      if (role !== 'release' && role !== 'add-ref') continue;
      for (const { ipid, references } of readCounts(call.in))
        count(ipid, role === 'release' ? -references : references);
    }
    return new Set([...held].flatMap(([object, references]) => (references > 0 ? [object] : [])));
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
    const call = id === null ? undefined : this.byCall.get(id);
    const parent = call?.object == null ? undefined : this.references.get(call.object.ipid);
    if (call === undefined || parent === undefined || call.member !== 'propget' || path !== 'out.retval') return own;
    return this.placeOf(parent, depth + 1) + step(call);
  }

  private placeOfCall(call: RecordedCall): string {
    const own = memberPath(call);
    const reference = call.object === null ? undefined : this.references.get(call.object.ipid);
    if (reference === undefined) return own;
    return this.placeOf(reference, 0) + step(call);
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
  readonly sort: CallSort;
  /** `IUpdate.Title`. */
  readonly member: string;
  /** `ISearchResult.Updates[3].Title`. */
  readonly place: string;
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
