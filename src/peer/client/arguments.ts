import { isVariantType, resolved, type Types } from '../../dcom/automation.js';
import type { Registry } from '../../ndr/codec.js';
import { isRecord } from '../../ndr/value.js';
import type { Type } from '../../ndr/types.js';
import type { Value } from '../../types.js';

/**
 * An argument as the codec of its declared type takes it: a plain value for a VARIANT gets its type tag, an
 * enumeration's number its name.
 */
export function argumentFor(value: Value, type: Type, registry: Registry): Value {
  if (isVariantType(type)) return asVariant(value);
  const plain = resolved(type, typesOf(registry));
  if (plain?.kind === 'enum' && typeof value === 'number')
    return Object.keys(plain.members).find((name) => plain.members[name] === value) ?? value;
  if (plain?.kind === 'enum' && typeof value === 'string')
    return Object.keys(plain.members).find((name) => name.toLowerCase() === value.toLowerCase()) ?? value;
  if (
    plain?.kind === 'well-known' &&
    (plain.name === 'decimal' || plain.name === 'currency') &&
    typeof value === 'number'
  )
    return String(value);
  return value;
}

/**
 * A value as the VARIANT that a script would send: VT_BSTR, VT_BOOL, VT_I4 or VT_R8, VT_NULL, VT_DISPATCH. One that is
 * tagged already stays.
 */
export function asVariant(value: Value): Value {
  if (isRecord(value)) return 'vt' in value ? value : { vt: 'VT_DISPATCH', value };
  switch (typeof value) {
    case 'string':
      return { vt: 'VT_BSTR', value };
    case 'boolean':
      return { vt: 'VT_BOOL', value };
    case 'number':
      return Number.isInteger(value) && value >= -0x8000_0000 && value <= 0x7fff_ffff
        ? { vt: 'VT_I4', value }
        : { vt: 'VT_R8', value };
    case 'bigint':
      return { vt: 'VT_I8', value };
    default:
      return { vt: 'VT_NULL', value: null };
  }
}

/** What a VARIANT holds; what is none stays. An array is the list of its elements. */
export function fromVariant(value: Value): Value {
  if (!isRecord(value) || typeof value['vt'] !== 'string') return value;
  return value['value'] ?? null;
}

/** Number of an enumeration's member, of whatever enumeration of the tables; null when none has it. */
export function enumNumber(name: string, registry: Registry): number | null {
  const wanted = name.toLowerCase();
  for (const type of registry.specifications.flatMap((one) => one.types)) {
    if (type.kind !== 'enum') continue;
    const found = Object.entries(type.members).find(([member]) => member.toLowerCase() === wanted);
    if (found !== undefined) return found[1];
  }
  return null;
}

/** Types of the tables by name. */
function typesOf(registry: Registry): Pick<Types, 'get'> {
  return { get: (name) => registry.specifications.flatMap((one) => one.types).find((one) => one.name === name) };
}
