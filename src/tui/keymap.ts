import { BINDINGS, type Action } from './keys.js';
import type { Pane } from './pane.js';
import { PANES } from './panes/table.js';

/** Keys that were given to actions and panes, by their names, instead of those that they have. */
type KeyOverrides = Readonly<Record<string, readonly string[]>>;

/** What a key does: an action, or showing a pane. */
export type Bound = { readonly action: Action } | { readonly pane: Pane };

const maps = new WeakMap<KeyOverrides, ReadonlyMap<string, Bound>>();

/** What a key does; null for keys that do nothing. Keys that were given win over those that others have. */
export function boundTo(key: string, overrides: KeyOverrides): Bound | null {
  let map = maps.get(overrides);
  if (map === undefined) {
    map = mapOf(overrides);
    maps.set(overrides, map);
  }
  return map.get(key) ?? null;
}

function mapOf(overrides: KeyOverrides): ReadonlyMap<string, Bound> {
  const all: readonly (readonly [name: string, keys: readonly string[], bound: Bound])[] = [
    ...BINDINGS.map(({ action, keys }) => [action, keys, { action }] as const),
    ...PANES.map((pane) => [pane.title, pane.keys, { pane }] as const),
  ];
  const map = new Map<string, Bound>();
  for (const [name, keys, bound] of all)
    if (!Object.hasOwn(overrides, name)) for (const key of keys) map.set(key, bound);
  for (const [name, , bound] of all) for (const key of overrides[name] ?? []) map.set(key, bound);
  return map;
}
