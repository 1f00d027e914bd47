import { entriesOf, referencesTo } from '../dcom/objects.js';
import type { Moment, ObjectRecord } from '../types.js';
import { knowledgeOf, reasonOf, type TrackedObject } from './knowledge.js';

/** What became of an object; `plain`: interfaces that every object has and that say nothing of its class. */
export function objectRecord(object: TrackedObject, plain: ReadonlySet<string>): ObjectRecord {
  const entries = entriesOf(object);
  const known = knowledgeOf(object);
  const { interfaces, certainty, title } = known;
  const telling = entries.find((entry) => entry.interface !== null && !plain.has(entry.interface));
  return {
    kind: 'object',
    label: object.label,
    formerLabel: object.formerLabel,
    class: interfaces[0] ?? title ?? telling?.interface ?? null,
    certainty,
    because: reasonOf(known),
    oid: object.oid,
    oxid: object.oxid,
    server: object.server,
    madeBy: object.madeBy,
    parent: object.parent,
    interfaces: entries.map(({ ipid, iid, interface: name, references, madeBy, calls }) => ({
      ipid,
      iid,
      interface: name,
      references,
      madeBy,
      calls,
    })),
    references: referencesTo(object),
    calls: object.calls,
    firstSeen: momentOf(object.firstSeenS, object.firstSeenNs),
    lastSeen: momentOf(object.lastSeenS, object.lastSeenNs),
    pings: object.pings,
    lastPing: object.lastPing,
    releasedBy: object.releasedBy,
    leaked: object.leaked,
  };
}

function momentOf(timeS: number, timeNs: number): Moment | null {
  return timeS < 0 ? null : { timeS, timeNs };
}
