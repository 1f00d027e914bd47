import { VT } from '../../src/ndr/automation.js';

/** SF_TYPE, [MS-OAUT] 2.2.8: what the elements of a SAFEARRAY are. */
export const SF = {
  SF_ERROR: 10,
  SF_I1: 16,
  SF_I2: 2,
  SF_I4: 3,
  SF_I8: 20,
  SF_BSTR: 8,
  SF_UNKNOWN: 13,
  SF_DISPATCH: 9,
  SF_VARIANT: 12,
  SF_RECORD: 36,
  SF_HAVEIID: 0x800d,
} as const;

/** fFeatures bits of a SAFEARRAY, [MS-OAUT] 2.2.9. */
export const FADF = {
  HAVEIID: 0x40,
  HAVEVARTYPE: 0x80,
  BSTR: 0x100,
  UNKNOWN: 0x200,
  DISPATCH: 0x400,
  VARIANT: 0x800,
  RECORD: 0x20,
} as const;

const NAMES = new Map<number, string>(Object.entries(VT).map(([name, value]) => [value, name]));

/** Name of a type constant without VT_ARRAY and VT_BYREF, e.g. `VT_BSTR`, or `VT_0x99`. */
export function vtName(vt: number): string {
  const bare = vt & ~(VT.VT_ARRAY | VT.VT_BYREF);
  return NAMES.get(bare) ?? `VT_0x${bare.toString(16)}`;
}

/** Type constant of a name that {@link vtName} gives, or null. */
export function vtCode(name: unknown): number | null {
  if (typeof name !== 'string') return null;
  const known = (VT as Readonly<Record<string, number>>)[name];
  if (known !== undefined) return known;
  return /^VT_0x[0-9a-f]{1,4}$/.test(name) ? Number(name.slice(3)) : null;
}
