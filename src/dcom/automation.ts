import { DISPID } from '../ndr/automation.js';
import type { Specification, Type } from '../ndr/types.js';

/** DISPIDs by name ([MS-OAUT] 2.2.32.1). */
export const { DISPID_VALUE, DISPID_UNKNOWN, DISPID_PROPERTYPUT, DISPID_NEWENUM } = DISPID;

/** Types by name, for members whose parameters name them. */
export type Types = ReadonlyMap<string, Specification['types'][number]>;

/** Typedefs and pointers followed to the type behind a parameter. */
const MAX_TYPEDEFS = 16;

/** The type behind typedefs and pointers; null where a name is in no table. */
export function resolved(type: Type, types: Pick<Types, 'get'>): Type | null {
  let at: Type | null = type;
  for (let depth = 0; at !== null && depth < MAX_TYPEDEFS; depth++) {
    if (at.kind === 'pointer') at = at.to;
    else if (at.kind !== 'named') return at;
    else {
      const target = types.get(at.name);
      if (target === undefined) return null;
      at = target.kind === 'typedef' ? target.type : target;
    }
  }
  return null;
}

/** Whether a parameter is a VARIANT, or points to one. */
export function isVariantType(type: Type): boolean {
  return (type.kind === 'named' && type.name === 'VARIANT') || (type.kind === 'pointer' && isVariantType(type.to));
}
