import { basesOf, type Registry, type ResolvedInterface } from '../ndr/codec.js';
import type { Interface, MemberKind, Method, Parameter } from '../ndr/types.js';

/** A member that can be called early bound: its slot, and the interface whose vtable has it. */
export interface Slot {
  readonly resolved: ResolvedInterface;
  readonly method: Method;
  readonly owner: Interface;
}

/** What a name is to be used as: first choice first. */
export const KINDS = {
  call: ['method', 'propget'],
  get: ['propget', 'method'],
  put: ['propput', 'propputref'],
} as const satisfies Readonly<Record<string, readonly MemberKind[]>>;

/** How a member is used. */
export type Use = keyof typeof KINDS;

/** The members of the tables by name, for early-bound calls. Names ignore case, as automation does. */
export class Members {
  private readonly registry: Registry;
  private readonly descendants = new Map<string, string[]>();

  constructor(registry: Registry) {
    this.registry = registry;
    for (const { interface: own } of registry.interfaces) {
      for (const base of basesOf(registry, own.name).slice(1))
        this.descendants.set(base, [...(this.descendants.get(base) ?? []), own.name]);
    }
  }

  /** The member of an interface, inherited ones included; null when it has none that can be used so. */
  find(interfaceName: string, name: string, use: Use): Slot | null {
    const resolved = this.registry.interfaceByName(interfaceName);
    if (resolved === null) return null;
    const named = resolved.slots
      .filter((slot) => slot !== null)
      .filter((slot) => slot.method.name.toLowerCase() === name.toLowerCase());
    for (const kind of KINDS[use]) {
      const slot = named.find((one) => one.method.member === kind);
      if (slot !== undefined) return { resolved, ...slot };
    }
    return null;
  }

  /** Interfaces derived from this one that have the member where it does not; the least derived ones first. */
  derivedWith(interfaceName: string, name: string, use: Use): readonly string[] {
    return (this.descendants.get(interfaceName) ?? [])
      .filter((one) => this.find(one, name, use) !== null)
      .toSorted((a, b) => this.depth(a) - this.depth(b) || (a < b ? -1 : 1));
  }

  /** An interface and what it derives from down to IDispatch, most derived first; IUnknown left out. */
  chain(interfaceName: string): readonly string[] {
    const known = this.registry.interfaceByName(interfaceName);
    return known === null ? [] : basesOf(this.registry, known.interface.name).filter((name) => name !== 'IUnknown');
  }

  /** Names of all members that an interface or one derived from it has, for suggestions. */
  names(interfaceName: string): readonly string[] {
    const all = [interfaceName, ...(this.descendants.get(interfaceName) ?? [])];
    return [
      ...new Set(
        all.flatMap((one) =>
          (this.registry.interfaceByName(one)?.slots ?? []).flatMap((slot) =>
            slot === null || slot.method.notUsedOnWire === true ? [] : [slot.method.name],
          ),
        ),
      ),
    ];
  }

  private depth(interfaceName: string): number {
    return this.chain(interfaceName).length;
  }
}

/** Parameters that a caller gives, in the order of the declaration. */
export function givenParameters(method: Method): readonly Parameter[] {
  return (method.params ?? []).filter((param) => param.direction !== 'out');
}

/** `IUpdateSearcher::Search`. */
export function titleOf({ owner, method }: { readonly owner: Interface; readonly method: Method }): string {
  return `${owner.name}::${method.name}`;
}
