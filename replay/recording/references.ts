import { GUID_NULL } from '../../src/bytes/guid.js';
import type { Value } from '../../src/types.js';

/** A reference to an object inside a value. */
export interface Reference {
  /** Missing from a bare STDOBJREF, as RemQueryInterface answers with. */
  readonly iid?: string;
  readonly ipid: string;
  readonly oid: string;
  readonly oxid: string;
  readonly label?: Value;
  readonly interface?: Value;
}

/** Values nest no deeper than the decoder lets them. */
const MAX_DEPTH = 96;

/**
 * Whether a value is a marshaled reference ([MS-DCOM] 2.2.18.2 as decoded); one of zeros, as a refused query has, is
 * none.
 */
export function isReference(value: Value): value is Value & Reference {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
  const { ipid, oid, oxid } = value as { readonly [name: string]: Value };
  return typeof ipid === 'string' && ipid !== GUID_NULL && typeof oid === 'string' && typeof oxid === 'string';
}

/** Every reference inside a value, with its path from `path` on: `out.retval`, `in.list[2].value`. */
export function referencesIn(
  value: Value,
  path: string,
  found: (reference: Reference, path: string) => void,
  depth = 0,
): void {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array || depth > MAX_DEPTH) return;
  if (isReference(value)) {
    found(value, path);
    return;
  }
  if (Array.isArray(value)) {
    for (const [at, item] of (value as readonly Value[]).entries())
      referencesIn(item, `${path}[${at}]`, found, depth + 1);
    return;
  }
  const bag = value as { readonly [name: string]: Value };
  for (const name in bag) referencesIn(bag[name] as Value, path === '' ? name : `${path}.${name}`, found, depth + 1);
}
