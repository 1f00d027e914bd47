import type { ValueTransform } from '../ndr/codec.js';
import type { Value } from '../types.js';

type Bag = { readonly [name: string]: Value };

/** The entries of a DUALSTRINGARRAY and where its security bindings begin. */
export interface DualString {
  readonly units: readonly number[];
  readonly security: number;
}

/** The bindings in a DUALSTRINGARRAY ([MS-DCOM] 2.2.19), or null when writing them again would not give the same entries. */
export function bindingsOf({ units, security }: DualString): Bag | null {
  const stringBindings: Value[] = [];
  const securityBindings: Value[] = [];
  let at = 0;
  const text = (): string => {
    let found = '';
    while (at < units.length && units[at] !== 0) found += String.fromCharCode(units[at++] as number);
    at++;
    return found;
  };
  while (at < security && at < units.length && units[at] !== 0) stringBindings.push({ towerId: units[at++] as number, networkAddr: text() });
  at = security;
  while (at < units.length && units[at] !== 0) {
    const authnSvc = units[at++] as number;
    at++;
    securityBindings.push({ authnSvc, princName: text() });
  }
  const shown = { stringBindings, securityBindings };
  const again = entriesOf(shown);
  return again.security === security && again.units.length === units.length && again.units.every((unit, i) => unit === units[i]) ? shown : null;
}

/** The entries of what {@link bindingsOf} shows, or of the raw form. */
export function entriesOf(shown: Bag): DualString {
  if (Array.isArray(shown['aStringArray'])) return { units: shown['aStringArray'] as number[], security: Number(shown['wSecurityOffset'] ?? 0) };
  const units: number[] = [];
  const put = (value: Value | undefined): void => {
    if (typeof value === 'string') for (let i = 0; i < value.length; i++) units.push(value.charCodeAt(i));
    units.push(0);
  };
  const items = (value: Value | undefined): readonly Bag[] => (Array.isArray(value) ? (value as readonly Bag[]) : []);
  for (const binding of items(shown['stringBindings'])) {
    units.push(Number(binding['towerId']));
    put(binding['networkAddr']);
  }
  units.push(0);
  // An empty list is two zeros, so that the smallest array has four entries ([MS-DCOM] 2.2.19.1).
  if (units.length === 1) units.push(0);
  const security = units.length;
  for (const binding of items(shown['securityBindings'])) {
    units.push(Number(binding['authnSvc']), 0xffff);
    put(binding['princName']);
  }
  units.push(0);
  if (units.length === security + 1) units.push(0);
  return { units, security };
}

/** The NDR form of a DUALSTRINGARRAY as its bindings; raw where it is not laid out as the specification has it. */
export const dualStringTransform: ValueTransform = {
  decode(wire, problem) {
    const bag = wire as Bag;
    const units = bag['aStringArray'];
    const security = bag['wSecurityOffset'];
    if (!Array.isArray(units) || typeof security !== 'number') return wire;
    if (security > units.length) problem('dcom-bad-dualstring', `security bindings begin at entry ${security} of ${units.length}`);
    return bindingsOf({ units: units as readonly number[], security }) ?? wire;
  },
  encode(shown) {
    const { units, security } = entriesOf(shown as Bag);
    return { wNumEntries: units.length, wSecurityOffset: security, aStringArray: units };
  },
};
