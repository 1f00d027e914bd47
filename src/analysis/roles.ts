import type { Registry, ResolvedInterface } from '../ndr/codec.js';
import type { MethodRole } from '../ndr/types.js';

/** Roles of methods that look names and types up for late binding. */
export const LOOKUP_ROLES: readonly MethodRole[] = [
  'type-info',
  'class-info',
  'ids-of-names',
  'type-attr',
  'func-desc',
  'names',
  'documentation',
];
/** Roles of methods that keep objects alive, and let them go: they differ from run to run. */
export const UPKEEP_ROLES: readonly MethodRole[] = ['ping', 'complex-ping', 'add-ref', 'release'];

/** The roles that tables give to methods, and which interface plays them. */
export class Roles {
  private readonly registry: Registry;
  private readonly byName = new Map<string, MethodRole>();

  constructor(registry: Registry) {
    this.registry = registry;
    for (const { roles } of registry.specifications)
      for (const [name, role] of Object.entries(roles ?? {})) this.byName.set(name, role);
  }

  /** Role of a slot, by the interface that declares its method. */
  of(slot: ResolvedInterface['slots'][number] | undefined): MethodRole | null {
    return slot === null || slot === undefined
      ? null
      : (this.byName.get(`${slot.owner.name}::${slot.method.name}`) ?? null);
  }

  /** Role of the method with a number of an interface, by its UUID. */
  at(uuid: string | null, opnum: number | null): MethodRole | null {
    return uuid === null || opnum === null ? null : this.of(this.registry.interfaceByUuid(uuid)?.slots[opnum]);
  }

  /** Names of the interfaces that declare a method of this role. */
  players(role: MethodRole): readonly string[] {
    return [...this.byName].filter(([, one]) => one === role).map(([name]) => name.slice(0, name.indexOf('::')));
  }
}
