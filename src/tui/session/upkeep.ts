import type { Registry } from '../../ndr/codec.js';
import type { Call } from '../../types.js';

/** Tells calls that only look names up, or keep references and connections alive, as the tables name them. */
export function upkeepOf(registry: Registry): (call: Call) => boolean {
  const names = new Set(registry.specifications.flatMap(({ upkeep }) => upkeep ?? []));
  return ({ interface: name, method }) =>
    name !== null && (names.has(name) || (method !== null && names.has(`${name}::${method}`)));
}
