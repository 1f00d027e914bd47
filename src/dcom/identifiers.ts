import { GUID_NULL } from '../bytes/guid.js';
import { HEX64_NULL } from '../bytes/hex.js';
import { isRecord, mapValue, walkValue, type Fields } from '../ndr/value.js';
import type { Value } from '../types.js';

/**
 * Fields that hold identifiers a server made ([MS-DCOM] 2.2.18.2, 3.1.1.5.6, 3.1.2.5.1): IPIDs, OIDs, OXIDs, SETIDs.
 * IIDs and CLSIDs are the same everywhere, and a text that looks like one is a text.
 */
const FIELDS: ReadonlySet<string> = new Set([
  'ipid',
  'oid',
  'oxid',
  'Oxid',
  'ripid',
  'pOxid',
  'pipidRemUnknown',
  'ipidRemUnknown',
  'pSetId',
  'AddToSet',
  'DelFromSet',
]);
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HEX64 = /^0x[0-9a-f]{16}$/;

/** Whether a value in a field of this name is an identifier that a server made. */
export function isIdentifier(value: Value, name: string): value is string {
  if (typeof value !== 'string' || !FIELDS.has(name)) return false;
  return value.length === 36 ? value !== GUID_NULL && GUID.test(value) : value !== HEX64_NULL && HEX64.test(value);
}

/** Every identifier in a value, those of context handles ([C706] 14.3.8) too. */
export function identifiersIn(value: Value, found: (id: string) => void): void {
  walkValue(value, (one, name) => {
    if (isIdentifier(one, name)) found(one);
    else if (isContextHandle(one) && one['uuid'] !== GUID_NULL) found(String(one['uuid']));
  });
}

/** The value with every identifier as `change` says. */
export function mapIdentifiers(value: Value, change: (id: string) => string): Value {
  return mapValue(value, (one, name) => {
    if (isIdentifier(one, name)) return change(one);
    return isContextHandle(one) ? { ...one, uuid: change(String(one['uuid'])) } : undefined;
  });
}

/** Whether a value is a context handle: its UUID is an identifier too. */
export function isContextHandle(value: Value): value is Fields {
  return isRecord(value) && typeof value['uuid'] === 'string' && typeof value['attributes'] === 'number';
}
