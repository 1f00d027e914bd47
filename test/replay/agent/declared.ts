import { isEnumerator, isServed, type ServedValue } from '../../../src/peer/server/dispatch.js';
import type { Method, Type } from '../../../src/ndr/types.js';
import type { Value } from '../../../src/types.js';
import { registry } from '../../peer/server/support.js';

/** What a value is that is of no declared type: words for a test's message; null where it is of its type. */
type Misfit = string | null;

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 80) ?? 'nothing';

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$/;
const VARIANTS: Readonly<Record<string, (value: unknown) => boolean>> = {
  VT_EMPTY: (value) => value === null,
  VT_I4: (value) => Number.isInteger(value),
  VT_BSTR: (value) => value === null || typeof value === 'string',
  VT_BOOL: (value) => typeof value === 'boolean',
  VT_DATE: (value) => typeof value === 'string' && DATE.test(value),
  VT_DECIMAL: (value) => typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value),
  VT_UI1: (value) => Array.isArray(value) || value instanceof Uint8Array,
};

function derives(name: string, base: string): boolean {
  for (let at: string | null = name; at !== null; at = registry.interfaceByName(at)?.interface.base ?? null)
    if (at === base) return true;
  return false;
}

function variantMisfit(value: unknown): Misfit {
  const { vt, value: held } = (value ?? {}) as { readonly vt?: string; readonly value?: unknown };
  return VARIANTS[vt ?? '']?.(held) === true ? null : `${shown(value)} is no VARIANT`;
}

function wellKnownMisfit(name: string, value: unknown): Misfit {
  const fits: Readonly<Record<string, boolean>> = {
    bstr: value === null || typeof value === 'string',
    variant_bool: typeof value === 'boolean',
    date: VARIANTS['VT_DATE']?.(value) === true,
    decimal: VARIANTS['VT_DECIMAL']?.(value) === true,
  };
  return fits[name] === true ? null : `${shown(value)} is no ${name}`;
}

/** What is wrong with a value where its type stands; `reference` judges the values of interface pointers. */
function misfit(type: Type, value: unknown, reference: (declared: string, value: unknown) => Misfit): Misfit {
  switch (type.kind) {
    case 'pointer':
      return misfit(type.to, value, reference);
    case 'interface':
      return reference(type.interface ?? 'IUnknown', value);
    case 'enum':
      return typeof value === 'string' && value in type.members ? null : `${shown(value)} is no ${type.name}`;
    case 'base':
      return Number.isInteger(value) ? null : `${shown(value)} is no ${type.base}`;
    case 'well-known':
      return wellKnownMisfit(type.name, value);
    case 'named':
      return type.name === 'VARIANT' ? variantMisfit(value) : `${type.name} is not looked at`;
    default:
      return `${type.kind} is not looked at`;
  }
}

/** Results that may be null where an object is declared: [MS-UAMG] says so. */
const MAY_BE_NULL = ['ICategory::Image', 'ICategory::Parent', 'IUpdate::Image', 'IUpdate::UninstallationBehavior'];

/** The declared result of a member, and what is wrong with one it gave: a value of the agent, before it is encoded. */
export function servedMisfit(owner: string, method: Method, out: Readonly<Record<string, ServedValue>> = {}): Misfit {
  const declared = (method.params ?? []).filter((param) => param.direction !== 'in');
  const strange = Object.keys(out).filter((name) => !declared.some((param) => param.name === name));
  if (strange.length > 0) return `there is no result ${strange.join(', ')}`;
  const nullable = MAY_BE_NULL.includes(`${owner}::${method.name}`);
  for (const { name, type } of declared) {
    const wrong = misfit(type, out[name], (iface, value) => {
      if (value === null && nullable) return null;
      if (isEnumerator(value as ServedValue)) return iface === 'IUnknown' ? null : `an enumerator is no ${iface}`;
      if (!isServed(value as ServedValue)) return `${shown(value)} is no ${iface}`;
      const { interfaces } = value as { readonly interfaces: readonly string[] };
      return interfaces.some((one) => derives(one, iface)) ? null : `${interfaces.join(', ')} is no ${iface}`;
    });
    if (wrong !== null) return `${name}: ${wrong}`;
  }
  return null;
}

/** The same of what was decoded from the wire: references carry the IID that is declared. */
export function decodedMisfit(owner: string, method: Method, out: Readonly<Record<string, Value>>): Misfit {
  const nullable = MAY_BE_NULL.includes(`${owner}::${method.name}`);
  for (const { name, type, direction } of method.params ?? []) {
    if (direction === 'in') continue;
    const wrong = misfit(type, out[name], (iface, value) => {
      if (value === null) return nullable ? null : `null is no ${iface}`;
      const { iid, ipid } = value as { readonly iid?: unknown; readonly ipid?: unknown };
      return iid === registry.interfaceByName(iface)?.interface.uuid && typeof ipid === 'string'
        ? null
        : `${shown(value)} is no ${iface}`;
    });
    if (wrong !== null) return `${name}: ${wrong}`;
  }
  return null;
}

/** VARTYPE that automation has for a result of a declared type. */
function vartypeOf(type: Type): readonly string[] {
  switch (type.kind) {
    case 'pointer':
      return vartypeOf(type.to);
    case 'interface':
      return type.interface === null || type.interface === 'IUnknown' ? ['VT_UNKNOWN'] : ['VT_DISPATCH'];
    case 'enum':
    case 'base':
      return ['VT_I4', 'VT_UI4'];
    case 'well-known':
      return [`VT_${type.name === 'variant_bool' ? 'BOOL' : type.name.toUpperCase()}`];
    default:
      return Object.keys(VARIANTS);
  }
}

/** The same of the VARIANT that a late-bound call gives. */
export function variantResultMisfit(owner: string, method: Method, variant: Value | undefined): Misfit {
  const returns = (method.params ?? []).find((param) => param.retval === true);
  const { vt = 'none', value } = (variant ?? {}) as { readonly vt?: string; readonly value?: Value };
  if (returns === undefined) return vt === 'VT_EMPTY' || vt === 'none' ? null : `a ${vt} where nothing is returned`;
  if (!vartypeOf(returns.type).includes(vt)) return `${vt} is no ${vartypeOf(returns.type).join(' or ')}`;
  if (vt !== 'VT_DISPATCH' && vt !== 'VT_UNKNOWN')
    return variantMisfit(vt === 'VT_UI4' ? { vt: 'VT_I4', value } : variant);
  const isNull = value === null && !MAY_BE_NULL.includes(`${owner}::${method.name}`);
  return isNull ? 'null where an object is wanted' : null;
}
