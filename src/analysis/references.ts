import { publicReferences } from '../dcom/references.js';
import type { Fields } from '../ndr/value.js';
import type { Entry } from './knowledge.js';

/** Which way a reference travels: `out` of a server, `in` with a client, or `home` to the server that gave it. */
export type Way = 'out' | 'in' | 'home';

/** Counts a reference, and tells in its value what it refers to. */
export function noteReference(reference: Fields, entry: Entry, way: Way): void {
  countReferences(entry, reference, way);
  // The value was made by this decode and is not shared yet.
  const shown = reference as { interface: string | null; label: string };
  shown.interface = entry.interface;
  shown.label = entry.object.label;
}

/** Counts the public references of an OBJREF ([MS-DCOM] 2.2.18.2). */
export function countReferences(entry: Entry, reference: Fields, way: Way): void {
  const references = publicReferences(reference);
  if (references === 0) return;
  if (way === 'home') {
    entry.references = Math.max(0, entry.references - references);
    return;
  }
  entry.references += references;
  if (way === 'out') entry.object.releasedBy = null;
}
