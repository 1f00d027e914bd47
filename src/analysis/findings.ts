import { referencesTo } from '../dcom/objects.js';
import type { Interface } from '../ndr/types.js';
import type { Exchange, Finding } from '../types.js';
import type { TrackedObject } from './knowledge.js';

/** What is told of one object at one call. */
export interface ObjectFinding {
  readonly rule: string;
  readonly severity: Finding['severity'];
  readonly message: string;
  readonly spec: string;
}

/** A finding on an object that a call shows. */
export function objectFinding(
  { rule, severity, message, spec }: ObjectFinding,
  call: number,
  object: TrackedObject,
  exchange: Exchange,
): Finding {
  return { kind: 'finding', rule, severity, message, spec, call, object: object.label, frames: framesOf(exchange) };
}

/** A finding that calls of an interface to a server carry printed opnums, or mix them with slots. */
export function numberingFinding(
  verdict: 'printed' | 'mixed',
  { name, spec, section }: Interface,
  server: string,
  exchange: Exchange,
): Finding {
  return {
    kind: 'finding',
    rule: verdict === 'printed' ? 'printed-opnums' : 'mixed-opnums',
    severity: 'warning',
    spec: section === null ? null : `[${spec}] ${section}`,
    message:
      verdict === 'printed'
        ? `calls of ${name} to ${server} carry the opnums that the specification prints instead of the slots of the interface: peer and server were written from the text, and no other implementation understands them`
        : `calls of ${name} to ${server} mix slots and printed opnums: each call is read as the one that decodes`,
    call: null,
    object: null,
    frames: framesOf(exchange),
  };
}

function framesOf({ request, response }: Exchange): readonly number[] {
  return request?.frames ?? response?.frames ?? [];
}

/** A client pings every 120 s; after three periods without one a server may drop the object ([MS-DCOM] 3.1.2.2). */
const PING_TIMEOUT_S = 360;
/** Labels named in one finding. */
const NAMED = 8;

/** Findings on the lives of objects that only the end of a capture shows. */
export function lifetimeFindings(objects: Iterable<TrackedObject>, forgotten: number, out: Finding[]): void {
  const leaked: TrackedObject[] = [];
  const unpinged: TrackedObject[] = [];
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
  if (leaked.length > 0)
    out.push(
      lifetimeFinding(
        {
          rule: 'leaked-references',
          severity: 'info',
          message: `${leaked.length} object${leaked.length === 1 ? '' : 's'} still had references when the client's last connection closed: ${labels(leaked)}; the server keeps them until their pings run out`,
          spec: '[MS-DCOM] 3.2.4.4.2',
        },
        leaked,
      ),
    );
  if (unpinged.length > 0)
    out.push(
      lifetimeFinding(
        {
          rule: 'not-pinged',
          severity: 'warning',
          message: `${unpinged.length} object${unpinged.length === 1 ? ' was' : 's were'} used for more than ${PING_TIMEOUT_S / 60} minutes and never pinged: ${labels(unpinged)}; a server may drop them at any time`,
          spec: '[MS-DCOM] 3.1.2.2',
        },
        unpinged,
      ),
    );
  if (forgotten > 0)
    out.push({
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

function lifetimeFinding(found: ObjectFinding, objects: readonly TrackedObject[]): Finding {
  const [first] = objects;
  return { kind: 'finding', ...found, call: first?.madeBy ?? null, object: first?.label ?? null, frames: [] };
}

function labels(objects: readonly TrackedObject[]): string {
  const named = objects
    .slice(0, NAMED)
    .map((one) => one.label)
    .join(', ');
  return objects.length > NAMED ? `${named}, …` : named;
}
