import { GUID_NULL } from '../../src/bytes/guid.js';
import { isRecord, walkPaths } from '../../src/ndr/value.js';
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

/**
 * Whether a value is a marshaled reference ([MS-DCOM] 2.2.18.2 as decoded); one of zeros, as a refused query has, is
 * none.
 */
export function isReference(value: Value): value is Value & Reference {
  if (!isRecord(value)) return false;
  const { ipid, oid, oxid } = value;
  return typeof ipid === 'string' && ipid !== GUID_NULL && typeof oid === 'string' && typeof oxid === 'string';
}

/** Every reference inside a value, with its path from `path` on: `out.retval`, `in.list[2].value`. */
export function referencesIn(value: Value, path: string, found: (reference: Reference, path: string) => void): void {
  const visit = (one: Value, at: string): boolean => {
    if (!isReference(one)) return true;
    found(one, at);
    return false;
  };
  walkPaths(value, visit, path);
}
