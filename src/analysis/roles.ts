import type { ResolvedInterface } from '../ndr/codec.js';
import type { MethodRole, Specification } from '../ndr/types.js';

/** The roles that tables give to methods, and which interface plays them. */
export class Roles {
  private readonly byName = new Map<string, MethodRole>();

  constructor(specifications: readonly Specification[]) {
    for (const { roles } of specifications)
      for (const [name, role] of Object.entries(roles ?? {})) this.byName.set(name, role);
  }

  /** Role of a slot, by the interface that declares its method. */
  of(slot: ResolvedInterface['slots'][number] | undefined): MethodRole | null {
    return slot === null || slot === undefined
      ? null
      : (this.byName.get(`${slot.owner.name}::${slot.method.name}`) ?? null);
  }

  /** Names of the interfaces that declare a method of this role. */
  players(role: MethodRole): readonly string[] {
    return [...this.byName].filter(([, one]) => one === role).map(([name]) => name.slice(0, name.indexOf('::')));
  }
}
