import { GUID_NULL } from '../bytes/guid.js';
import { HEX64_NULL } from '../bytes/hex.js';
import { isRecord, walkPaths, walkRecords, type Fields } from '../ndr/value.js';
import type { Value } from '../types.js';
import { SORF_NOPING } from './names.js';
import { numberOf, type Read, type StdObjref } from './wire.js';

/**
 * A decoded reference to an object ([MS-DCOM] 2.2.18): an OBJREF around a STDOBJREF, or a bare STDOBJREF as
 * RemQueryInterface answers with, which names no IID. The analyzer adds what it knows: `interface` and `label`.
 */
export interface Reference {
  readonly iid?: string;
  readonly ipid: string;
  readonly oid: string;
  readonly oxid: string;
  readonly label?: Value;
  readonly interface?: Value;
}

/** A reference that says for which interface it was marshaled. */
export interface Pointer extends Reference {
  readonly iid: string;
}

/** Whether a value is a reference; one of zeros, as a refused query has, is none. */
export function isReference(value: Value | undefined): value is Value & Reference {
  if (!isRecord(value)) return false;
  const { ipid, oid, oxid } = value;
  return typeof ipid === 'string' && ipid !== GUID_NULL && typeof oid === 'string' && typeof oxid === 'string';
}

/** A decoded OBJREF that names an IPID (standard, handler or extended), or null. */
export function asPointer(value: Value): Pointer | null {
  if (!isRecord(value)) return null;
  const { iid, ipid, oid, oxid } = value;
  return typeof iid !== 'string' || typeof ipid !== 'string' || typeof oid !== 'string' || typeof oxid !== 'string'
    ? null
    : (value as unknown as Pointer);
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

/** Every record inside a value that names an IPID and an IID; what stands inside one is no further reference. */
export function pointersIn(value: Value | undefined, found: (pointer: Fields) => void): void {
  walkRecords(value, (record) => {
    if (typeof record['ipid'] !== 'string' || typeof record['iid'] !== 'string') return true;
    // A reference holds bindings and no further references.
    found(record);
    return false;
  });
}

/** Public references that come with a reference. Asked of every reference that is handed out: nothing is checked twice. */
export function publicReferences(reference: Fields | Reference): number {
  return numberOf((reference as Read<StdObjref>).cPublicRefs, 0);
}

/** Flags of a reference's STDOBJREF ([MS-DCOM] 2.2.18.2). */
export function referenceFlags(reference: Fields | Reference): number {
  return numberOf((reference as Read<StdObjref>).flags, 0);
}

/** Whether the object of a reference is to be pinged: its flags. */
export function wantsPings(reference: Fields | Reference): boolean {
  return (referenceFlags(reference) & SORF_NOPING) === 0;
}

/** An OBJREF_STANDARD ([MS-DCOM] 2.2.18.4) as it is encoded. `bindings` null: the two empty lists. */
export function standardReference(iid: string, std: StdObjref, bindings: Value): Fields {
  return {
    iid,
    kind: 'standard',
    ...std,
    bindings: bindings ?? { stringBindings: [], securityBindings: [] },
  };
}

/** The STDOBJREF of a query that was refused. */
export const NO_OBJECT: StdObjref = Object.freeze({
  flags: 0,
  cPublicRefs: 0,
  oxid: HEX64_NULL,
  oid: HEX64_NULL,
  ipid: GUID_NULL,
});
