import type { Registry } from '../../ndr/codec.js';
import type { Call } from '../../types.js';

/** Tells calls that only look names up, or keep references and connections alive, as the tables name them. */
export function upkeepOf(registry: Registry): (call: Call) => boolean {
  const names = new Set(registry.specifications.flatMap(({ upkeep }) => upkeep ?? []));
  const known = new Map<string, Map<string | null, boolean>>();
  return ({ interface: name, method, section }) => {
    if (name === null) return false;
    const isUpkeep = (): boolean => names.has(name) || (method !== null && names.has(`${name}::${method}`));
    // Names that no table has may be any.
    if (section === null) return isUpkeep();
    let methods = known.get(name);
    if (methods === undefined) known.set(name, (methods = new Map()));
    let is = methods.get(method);
    if (is === undefined) methods.set(method, (is = isUpkeep()));
    return is;
  };
}
