import { DISPATCH } from '../ndr/automation.js';
import { basesOf, type Registry } from '../ndr/codec.js';
import type { Interface, MemberKind, Method, Type } from '../ndr/types.js';

/** A member of a dispatch interface, and the interface that declares it. */
export interface Member {
  readonly method: Method;
  readonly owner: Interface;
}

interface DispatchInterface {
  readonly name: string;
  /** The name in a list, which the objects of this class share. */
  readonly alone: readonly string[];
  readonly uuid: string;
  /** Itself and what it derives from, most derived first. */
  readonly chain: readonly string[];
  /**
   * Members by DISPID, inherited ones included. DISPIDs restart at every level of inheritance, so they do not collide
   * within a chain.
   */
  readonly byDispid: ReadonlyMap<number, readonly Member[]>;
  /** Members by name in lower case: automation names ignore case ([MS-OAUT] 3.1.4.3). */
  readonly byName: ReadonlyMap<string, readonly Member[]>;
}

const MADE = new WeakMap<Registry, Classes>();

/** The dispatch interfaces of tables, made once for each of them: every analyzer and every server looks at the same. */
export function classesOf(registry: Registry): Classes {
  const known = MADE.get(registry);
  if (known !== undefined) return known;
  const made = new Classes(registry);
  MADE.set(registry, made);
  return made;
}

/** The dispatch interfaces of the tables, by what late-bound calls show of them: DISPIDs and names. */
export class Classes {
  private readonly interfaces = new Map<string, DispatchInterface>();
  private readonly derived = new Map<string, string[]>();
  private readonly classes = new Map<string, { readonly name: string; readonly interface: string | null }>();

  constructor(registry: Registry) {
    for (const { interface: declaration, slots } of registry.interfaces) {
      const members = slots.filter((slot): slot is Member => slot !== null && slot.method.dispid !== null);
      if (members.length === 0) continue;
      const chain = basesOf(registry, declaration.name).filter((name) => registry.interfaceByName(name) !== null);
      this.interfaces.set(declaration.name, {
        name: declaration.name,
        alone: [declaration.name],
        uuid: declaration.uuid,
        chain,
        byDispid: group(members, (one) => one.method.dispid ?? 0),
        byName: group(members, (one) => one.method.name.toLowerCase()),
      });
    }
    for (const { name, chain } of this.interfaces.values())
      for (const base of chain.slice(1)) this.derived.set(base, [...(this.derived.get(base) ?? []), name]);
    for (const specification of registry.specifications)
      for (const one of specification.classes)
        this.classes.set(one.clsid, { name: one.name, interface: one.interface });
  }

  /** Whether late-bound calls can be made on an interface of this name. */
  has(name: string): boolean {
    return this.interfaces.has(name);
  }

  /** A list of just this name: the same one every time. */
  alone(name: string): readonly string[] {
    return this.interfaces.get(name)?.alone ?? [name];
  }

  uuid(name: string): string | null {
    return this.interfaces.get(name)?.uuid ?? null;
  }

  /** A class by its CLSID: its name and, where known, its default interface. */
  byClsid(clsid: string): { readonly name: string; readonly interface: string | null } | null {
    return this.classes.get(clsid) ?? null;
  }

  /** Whether `name` is `base` or derives from it. */
  derives(name: string, base: string): boolean {
    return this.interfaces.get(name)?.chain.includes(base) ?? name === base;
  }

  /** Whether one of the two derives from the other. */
  related(one: string, other: string): boolean {
    return this.derives(one, other) || this.derives(other, one);
  }

  /** Interfaces that derive from this one. */
  descendants(name: string): readonly string[] {
    return this.derived.get(name) ?? [];
  }

  byDispid(name: string, dispid: number): readonly Member[] {
    return this.interfaces.get(name)?.byDispid.get(dispid) ?? NONE;
  }

  byName(name: string, member: string): readonly Member[] {
    return this.interfaces.get(name)?.byName.get(member.toLowerCase()) ?? NONE;
  }

  /** Interfaces that hold all that is known of an object; of a chain of them the least derived one. */
  fitting(holds: (name: string) => boolean): readonly string[] {
    const all = [...this.interfaces.keys()].filter(holds);
    return all.filter((name) => !all.some((other) => other !== name && this.derives(name, other)));
  }
}

const NONE: readonly Member[] = Object.freeze([]);

function group<Key>(members: readonly Member[], keyOf: (member: Member) => Key): ReadonlyMap<Key, readonly Member[]> {
  const map = new Map<Key, Member[]>();
  for (const member of members) {
    const key = keyOf(member);
    const list = map.get(key);
    if (list === undefined) map.set(key, [member]);
    else list.push(member);
  }
  return map;
}

/** Kinds of members that an Invoke with these dwFlags can mean, likeliest first ([MS-OAUT] 3.1.4.4). */
export function kindsOf(flags: number): readonly MemberKind[] {
  const put = (flags & DISPATCH.DISPATCH_PROPERTYPUT) !== 0;
  const putref = (flags & DISPATCH.DISPATCH_PROPERTYPUTREF) !== 0;
  if (putref && !put) return ['propputref', 'propput'];
  if (put) return putref ? ['propput', 'propputref'] : ['propput'];
  return (flags & DISPATCH.DISPATCH_PROPERTYGET) !== 0 ? ['propget', 'method'] : ['method', 'propget'];
}

/** Interface that a method's result is declared to be, or null. */
export function returnedInterface(method: Method): string | null {
  const result = (method.params ?? []).find((param) => param.retval === true);
  return result === undefined ? null : interfaceOf(result.type);
}

export function interfaceOf(type: Type): string | null {
  if (type.kind === 'interface') return type.interface;
  return type.kind === 'pointer' ? interfaceOf(type.to) : null;
}
