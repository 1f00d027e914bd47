import { BASE_VARTYPES, INTEGERS_32, VARTYPES } from '../../ndr/automation.js';
import type { Type } from '../../ndr/types.js';
import type { Value } from '../../types.js';
import { isEnumerator, isServed, type ServedValue } from './dispatch.js';

/** A VARIANT as the tables show it, with objects of the server in it. */
export type Variant = { readonly vt: string; readonly value: ServedValue };

const EMPTY: Variant = { vt: 'VT_EMPTY', value: null };
const OBJECTS = ['VT_DISPATCH', 'VT_UNKNOWN'];
const NOTHING = ['VT_EMPTY', 'VT_NULL'];
const DECIMAL = /^-?\d+$/;

/** An argument as its parameter wants it, as VariantChangeType would make it; undefined where it cannot. */
export function coerced(variant: Variant, type: Type): ServedValue | undefined {
  const { vt, value } = variant;
  // A script may pass any argument as a reference to a VARIANT.
  if (vt === 'VT_VARIANT' && value !== null && typeof value === 'object' && 'vt' in value)
    return coerced(value as unknown as Variant, type);
  switch (type.kind) {
    case 'pointer':
      return coerced(variant, type.to);
    case 'interface':
      return objectOf(variant);
    case 'enum':
      return memberOf(variant, type.members);
    case 'base':
      return numberOf(variant);
    case 'well-known':
      if (type.name === 'bstr') return textOf(variant);
      return type.name === 'variant_bool' ? flagOf(variant) : value;
    case 'named':
      return type.name === 'VARIANT' ? ({ vt, value } as unknown as Value) : value;
    default:
      return value;
  }
}

function objectOf({ vt, value }: Variant): ServedValue | undefined {
  if (OBJECTS.includes(vt)) return value;
  return NOTHING.includes(vt) ? null : undefined;
}

/** A member of an enumeration by its name; the number where it has none. */
function memberOf(variant: Variant, members: Readonly<Record<string, number>>): ServedValue | undefined {
  const number = integerOf(variant);
  if (number === undefined) return undefined;
  return Object.keys(members).find((name) => members[name] === number) ?? number;
}

function numberOf(variant: Variant): number | undefined {
  const { vt, value } = variant;
  if (vt === 'VT_R8' || vt === 'VT_R4') return Math.trunc(Number(value));
  if (vt === 'VT_BOOL') return value === true ? -1 : 0;
  return integerOf(variant);
}

/** An integer, or a text of one. */
function integerOf({ vt, value }: Variant): number | undefined {
  if (INTEGERS_32.includes(vt)) return Math.trunc(Number(value));
  return vt === 'VT_BSTR' && DECIMAL.test(String(value)) ? Number(value) : undefined;
}

function textOf({ vt, value }: Variant): ServedValue | undefined {
  if (vt === 'VT_BSTR' || NOTHING.includes(vt)) return value ?? null;
  return INTEGERS_32.includes(vt) ? String(value) : undefined;
}

function flagOf({ vt, value }: Variant): ServedValue | undefined {
  if (vt === 'VT_BOOL') return value;
  return INTEGERS_32.includes(vt) ? Number(value) !== 0 : undefined;
}

/** Whether a type is IUnknown, of which automation says no more than that. */
function isUnknown(type: Type): boolean {
  return type.kind === 'pointer' ? isUnknown(type.to) : type.kind === 'interface' && type.interface === 'IUnknown';
}

/** A result as the VARIANT that automation makes of its declared type. */
export function resultOf(value: ServedValue | undefined, type: Type): Variant {
  if (isEnumerator(value)) return { vt: 'VT_UNKNOWN', value };
  if (isServed(value)) return { vt: isUnknown(type) ? 'VT_UNKNOWN' : 'VT_DISPATCH', value };
  switch (type.kind) {
    case 'pointer':
      return resultOf(value, type.to);
    case 'interface':
      return { vt: 'VT_DISPATCH', value: null };
    case 'enum':
      return enumResult(value, type.members);
    case 'base':
      return { vt: BASE_VARTYPES[type.base] ?? 'VT_I4', value: value ?? 0 };
    case 'well-known':
      return { vt: VARTYPES[type.name] ?? 'VT_EMPTY', value: value ?? null };
    case 'named':
      return (value as unknown as Variant | undefined) ?? EMPTY;
    default:
      return EMPTY;
  }
}

function enumResult(value: ServedValue | undefined, members: Readonly<Record<string, number>>): Variant {
  return { vt: 'VT_I4', value: typeof value === 'string' ? (members[value] ?? 0) : (value ?? 0) };
}
