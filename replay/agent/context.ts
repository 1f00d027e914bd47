import type { CriteriaAttribute } from '../../src/ndr/types.js';
import type { Model, UpdateModel } from './model.js';
import { offered, type Profile } from './profiles.js';
import type { AgentState, Snapshot } from './state.js';
import { Index, View } from './update-objects.js';
import type { Users } from './users.js';

/** What all objects of one agent share. */
export interface AgentContext {
  readonly model: Model;
  readonly state: AgentState;
  readonly users: Users;
  readonly profile: Profile;
  /** What search criteria may ask for. */
  readonly attributes: readonly CriteriaAttribute[];
  readonly indexOf: (updates: Snapshot['offered']) => Index;
}

/** Indexes over the updates of a moment: made once for each, since those never change. */
export function indexing({ categories }: Model): AgentContext['indexOf'] {
  const made = new WeakMap<Snapshot['offered'], Index>();
  return (updates) => {
    let index = made.get(updates);
    if (index === undefined) made.set(updates, (index = new Index(updates, categories)));
    return index;
  };
}

/** The interfaces of a chain that the agent has. */
export function interfacesOf({ profile }: AgentContext, ...chain: readonly string[]): readonly string[] {
  return offered(profile, chain);
}

/** What a search or a history shows of updates, in a locale. */
export function viewOf(
  { profile, indexOf }: AgentContext,
  updates: Snapshot['offered'],
  locale: number,
  found: readonly UpdateModel[] = [],
): View {
  return new View({ index: indexOf(updates), profile, locale, found });
}
