import { referencesTo } from '../dcom/objects.js';
import type { Finding } from '../types.js';
import type { Subject } from './knowledge.js';

/** A client pings every 120 s; after three periods without one a server may drop the object ([MS-DCOM] 3.1.2.2). */
const PING_TIMEOUT_S = 360;
/** Labels named in one finding. */
const NAMED = 8;

/** Findings on the lives of objects that only the end of a capture shows. */
export function lifeFindings(objects: Iterable<Subject>, forgotten: number): Finding[] {
  const findings: Finding[] = [];
  const leaked: Subject[] = [];
  const unpinged: Subject[] = [];
  for (const one of objects) {
    if (one.leaked) leaked.push(one);
    if (
      one.pings === 0 &&
      one.oid !== null &&
      one.firstSeenS >= 0 &&
      one.lastSeenS - one.firstSeenS > PING_TIMEOUT_S &&
      referencesTo(one) > 0
    )
      unpinged.push(one);
  }
  if (leaked.length > 0) {
    findings.push(
      finding(
        'leaked-references',
        'info',
        `${leaked.length} object${leaked.length === 1 ? '' : 's'} still had references when the client's last connection closed: ${labels(leaked)}; the server keeps them until their pings run out`,
        '[MS-DCOM] 3.2.4.4.2',
        leaked,
      ),
    );
  }
  if (unpinged.length > 0) {
    findings.push(
      finding(
        'not-pinged',
        'warning',
        `${unpinged.length} object${unpinged.length === 1 ? ' was' : 's were'} used for more than ${PING_TIMEOUT_S / 60} minutes and never pinged: ${labels(unpinged)}; a server may drop them at any time`,
        '[MS-DCOM] 3.1.2.2',
        unpinged,
      ),
    );
  }
  if (forgotten > 0) {
    findings.push({
      kind: 'finding',
      rule: 'objects-forgotten',
      severity: 'warning',
      message: `${forgotten} interface pointers were forgotten to keep memory bounded; late calls on them have no name`,
      spec: null,
      call: null,
      object: null,
      frames: [],
    });
  }
  return findings;
}

function finding(
  rule: string,
  severity: Finding['severity'],
  message: string,
  spec: string,
  objects: readonly Subject[],
): Finding {
  return {
    kind: 'finding',
    rule,
    severity,
    message,
    spec,
    call: objects[0]?.madeBy ?? null,
    object: objects[0]?.label ?? null,
    frames: [],
  };
}

function labels(objects: readonly Subject[]): string {
  const named = objects
    .slice(0, NAMED)
    .map((one) => one.label)
    .join(', ');
  return objects.length > NAMED ? `${named}, …` : named;
}
