import type { Method, Specification, Type } from '../ndr/types.js';

type Types = ReadonlyMap<string, Specification['types'][number]>;

/**
 * The parameters of a method's response that can hold an interface pointer. Most methods have none (a property getter
 * returns a string or a number), and their values need no search.
 */
export function responsePointers(method: Method, types: Types): readonly string[] {
  return (method.params ?? [])
    .filter((param) => param.direction !== 'in' && holdsPointer(param.type, types, new Set()))
    .map((param) => param.name);
}

/** The same of its request: a client that hands in objects, its own or the server's. */
export function requestPointers(method: Method, types: Types): readonly string[] {
  return (method.params ?? [])
    .filter((param) => param.direction !== 'out' && holdsPointer(param.type, types, new Set()))
    .map((param) => param.name);
}

type AnyType = Type | Specification['types'][number];

function holdsPointer(type: AnyType, types: Types, seen: Set<string>): boolean {
  switch (type.kind) {
    case 'interface':
      return true;
    case 'pointer':
      return holdsPointer(type.to, types, seen);
    case 'array':
    case 'pickle':
    case 'transformed':
      return holdsPointer(type.of, types, seen);
    case 'typedef':
      return holdsPointer(type.type, types, seen);
    case 'struct':
      // RemQueryInterface answers with STDOBJREFs outside any interface pointer.
      return type.name === 'STDOBJREF' || type.fields.some((field) => holdsPointer(field.type, types, seen));
    case 'union':
      return [...type.arms, ...(type.default === undefined ? [] : [type.default])].some(
        (arm) => arm.type !== null && holdsPointer(arm.type, types, seen),
      );
    case 'named':
      return namedHoldsPointer(type.name, types, seen);
    // Base types, enumerations, texts: they hold nothing else.
    default:
      return false;
  }
}

function namedHoldsPointer(name: string, types: Types, seen: Set<string>): boolean {
  if (seen.has(name)) return false;
  seen.add(name);
  const target = types.get(name);
  return target !== undefined && holdsPointer(target, types, seen);
}
