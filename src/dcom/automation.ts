import type { Specification, Type, WellKnownType } from '../ndr/types.js';

/** Names and numbers of automation ([MS-OAUT]), each once. */

/** DISPID of what an object is worth ([MS-OAUT] 2.2.32.1). */
export const DISPID_VALUE = 0;
/** DISPID of a name that is not known. */
export const DISPID_UNKNOWN = -1;
/** DISPID of the value of a property put. */
export const DISPID_PROPERTYPUT = -3;
/** DISPID of a collection's enumerator. */
export const DISPID_NEWENUM = -4;

/** The VARTYPE that automation has for a well-known type ([MS-OAUT] 2.2.7). */
export const VARTYPES: Readonly<Partial<Record<WellKnownType['name'], string>>> = {
  bstr: 'VT_BSTR',
  variant_bool: 'VT_BOOL',
  date: 'VT_DATE',
  currency: 'VT_CY',
  decimal: 'VT_DECIMAL',
  hresult: 'VT_ERROR',
};

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
