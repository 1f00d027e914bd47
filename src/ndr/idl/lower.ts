import type { EnumType, Field, Specification, Type, UnionArm } from '../types.js';
import type { Attribute, Declaration, Document, EnumNode, Expression, StructNode, TypeNode, UnionNode } from './ast.js';
import { IDL_LIMITS, IdlError, type Place } from './error.js';
import { evaluate, sizeText } from './expressions.js';
import { whole } from './parser.js';

/** What the tables know and IDL may name. */
export interface Known {
  /** Types that are what they are here, whatever a file says. */
  readonly types: Readonly<Record<string, Type>>;
  readonly constants: Readonly<Record<string, number>>;
  /** Names of interfaces, with the slots each has. */
  readonly slots: (iface: string) => number | null;
}

type NamedType = Specification['types'][number];
/** What tells the arms of a union apart. */
type SwitchType = Extract<Type, { kind: 'base' | 'enum' }>;

/** A pointer or array around a type, as declarators and typedefs lay them, outermost first. */
type Layer =
  | { readonly kind: 'pointer'; readonly pointer: 'ref' | 'unique' | 'full' | null; readonly isString: boolean }
  | { readonly kind: 'array'; readonly bound: Expression | null; readonly isString: boolean };

/** What stands behind all layers. */
type Core =
  | { readonly kind: 'type'; readonly type: Type }
  | { readonly kind: 'interface'; readonly name: string | null }
  | { readonly kind: 'union'; readonly node: UnionNode; readonly attributes: readonly Attribute[] }
  | { readonly kind: 'void' }
  | { readonly kind: 'handle' }
  | { readonly kind: 'context' }
  | { readonly kind: 'safearray' };

interface Flat {
  readonly layers: Layer[];
  core: Core;
}

/** What attributes say of one layer: how many there are, how many of them are sent, and the unit of a string. */
interface Counts {
  readonly size: Expression | null;
  readonly length: Expression | null;
  readonly text: 'char' | 'wchar' | null;
}

/** Where a declaration stands: names of its neighbours, for discriminants, and what an unmarked pointer is. */
interface Scope {
  readonly position: 'param' | 'field' | 'result';
  readonly pointerDefault: 'ref' | 'unique' | 'full';
  readonly neighbours: readonly Declaration[];
}

const POINTERS: Readonly<Record<string, 'ref' | 'unique' | 'full'>> = { ref: 'ref', unique: 'unique', ptr: 'full' };
/** A length that no field holds: the array varies, and its counts on the wire decide. */
const UNKNOWN_LENGTH = '_';

/**
 * Turns declarations into descriptors. Structures and unions are made once, under a name with their file, so that they
 * may refer to each other.
 */
export class Lowering {
  readonly types: NamedType[] = [];
  private readonly document: Document;
  private readonly known: Known;
  /** Imports that no folder had: what an unknown name may have come from. */
  private readonly missing: readonly string[];
  private readonly interfaces: ReadonlySet<string>;
  private readonly named = new Map<StructNode | UnionNode, Map<string, string>>();
  private readonly enums = new Map<EnumNode, EnumType>();
  private readonly names = new Set<string>();

  constructor(document: Document, known: Known, missing: readonly string[]) {
    this.document = document;
    this.known = known;
    this.missing = missing;
    this.interfaces = new Set([...document.forward, ...document.interfaces.map((iface) => iface.name)]);
  }

  /** A parameter, field or result; null for a binding handle and for void, which have no bytes. @throws IdlError */
  type(declaration: Declaration, scope: Scope): Type | null {
    const { attributes } = declaration;
    const flat = this.flatten(declaration);
    const { layers } = flat;
    let { core } = flat;
    if (core.kind === 'handle') return null;
    const context = has(attributes, 'context_handle');
    if (core.kind === 'context' || (context && core.kind === 'void'))
      core = { kind: 'type', type: { kind: 'well-known', name: 'context_handle' } };
    if (context && flat.core.kind === 'void') layers.pop();
    if (has(attributes, 'ignore') && layers[0]?.kind === 'pointer') return { kind: 'base', base: 'uint3264' };
    if (core.kind === 'void' && layers.length === 0) return null;
    return this.layered(this.coreType(core, layers, declaration, scope), layers, declaration, scope);
  }

  /** A core within its pointers and arrays, the innermost first. */
  private layered(core: Type, layers: readonly Layer[], { attributes, declarator }: Declaration, scope: Scope): Type {
    const { place } = declarator;
    const sizes = dimensions(attributes, ['size_is', 'max_is']);
    const lengths = dimensions(attributes, ['length_is', 'last_is']);
    const firsts = dimensions(attributes, ['first_is']);
    const isString = has(attributes, 'string');
    const kind = pointerKind(attributes);
    let type = core;
    for (const [i, layer] of [...layers.entries()].toReversed()) {
      const innermost = i === layers.length - 1;
      const text = innermost && (isString || layer.isString) ? unitOf(type) : null;
      const counts: Counts = { size: sizes[i] ?? null, length: lengths[i] ?? firsts[i] ?? null, text };
      const parameter = i === 0 && scope.position === 'param';
      if (layer.kind === 'array') {
        type = this.element(type, layer.bound, counts, place, scope);
        // A parameter written as an array is a pointer to C, and may be a unique one.
        if (parameter && kind !== undefined && kind !== 'ref') type = { kind: 'pointer', pointer: kind, to: type };
        continue;
      }
      const own = (i === 0 ? kind : undefined) ?? layer.pointer ?? (parameter ? 'ref' : defaultPointer(scope));
      const to = isPlain(counts) ? type : this.element(type, null, counts, place, scope);
      // A reference pointer that is a parameter has no bytes: it is the thing itself.
      type = parameter && own === 'ref' ? to : { kind: 'pointer', pointer: own, to };
    }
    return type;
  }

  /** What an array layer, or a pointer with counts, holds: a string, or elements. */
  private element(type: Type, bound: Expression | null, counts: Counts, place: Place, scope: Scope): Type {
    const { text, size } = counts;
    if (text === null) return this.array(type, bound, counts, place, scope);
    return { kind: 'string', unit: text, size: bound === null ? null : this.fixedSize(bound, size, place) };
  }

  /** The number of a constant, or null. */
  constant(expression: Expression): bigint | null {
    return evaluate(expression, this.constantNamed);
  }

  private readonly constantNamed = (name: string): Expression | null => {
    const own = this.document.constants.get(name);
    if (own !== undefined) return own;
    const value = Object.hasOwn(this.known.constants, name) ? this.known.constants[name] : undefined;
    return value === undefined
      ? null
      : { kind: 'number', value: BigInt(value), place: { file: '', line: 1, column: 1 } };
  };

  /** Constants as a size sees them: a parameter or field of the same name comes first. */
  private constantBeside({ neighbours }: Scope): (name: string) => Expression | null {
    return (name) => (neighbours.some((one) => one.declarator.name === name) ? null : this.constantNamed(name));
  }

  /** Lays the declarator's pointers and arrays before those of the typedefs behind it. */
  private flatten(declaration: Declaration): Flat {
    const layers: Layer[] = [];
    let at: Declaration = declaration;
    for (let count = 0; ; count++) {
      if (count > IDL_LIMITS.depth || layers.length > IDL_LIMITS.depth)
        throw new IdlError(
          `the type of ${declaration.declarator.name} goes through more than ${IDL_LIMITS.depth} typedefs, pointers and arrays, or never ends`,
          declaration.declarator.place,
        );
      const { declarator, attributes, type } = at;
      const behind = count > 0;
      layers.push(...layersOf(at, behind));
      if (behind && has(attributes, 'context_handle')) {
        layers.length -= declarator.pointers;
        return { layers, core: { kind: 'context' } };
      }
      const next = (behind ? wireType(attributes) : null) ?? type;
      if (next !== type) layers.length -= declarator.pointers;
      const core = this.coreOf(next, at);
      if (core !== null) return { layers, core };
      const typedef = next.kind === 'name' ? this.document.typedefs.get(next.name) : undefined;
      if (typedef === undefined) throw this.unknown(next.kind === 'name' ? next.name : next.kind, next.place);
      at = typedef;
    }
  }

  /** What a type node is, or null where it is a typedef to go through. */
  private coreOf(node: TypeNode, at: Declaration): Core | null {
    switch (node.kind) {
      case 'safearray':
        return { kind: 'type', type: { kind: 'pointer', pointer: 'unique', to: { kind: 'named', name: 'SAFEARRAY' } } };
      case 'pipe':
        return { kind: 'type', type: { kind: 'unsupported', what: 'pipe' } };
      case 'struct':
        return { kind: 'type', type: this.struct(node, at) };
      case 'enum':
        return { kind: 'type', type: this.enum(node, at) };
      case 'union': {
        const whole = this.defined(node);
        if (whole.discriminant !== null)
          return { kind: 'type', type: this.encapsulated(whole, whole.discriminant, at) };
        return { kind: 'union', node: whole, attributes: at.attributes };
      }
      case 'name':
        return this.coreNamed(node.name, at);
    }
  }

  private coreNamed(name: string, at: Declaration): Core | null {
    if (name === 'SAFEARRAY') return { kind: 'safearray' };
    const known = Object.hasOwn(this.known.types, name) ? this.known.types[name] : undefined;
    if (known?.kind === 'interface') return { kind: 'interface', name: known.interface };
    if (known !== undefined) return { kind: 'type', type: known };
    if (name === 'void') return { kind: 'void' };
    if (name === 'handle_t') return { kind: 'handle' };
    if (this.interfaces.has(name)) return { kind: 'interface', name };
    if (this.document.typedefs.has(name)) return null;
    for (const kind of ['struct', 'union', 'enum'] as const) {
      const tagged = this.document.tags.get(`${kind} ${name}`);
      if (tagged !== undefined) return this.coreOf(tagged, at);
    }
    return this.known.slots(name) === null ? null : { kind: 'interface', name };
  }

  /** The type itself; takes the layer of an interface pointer off `layers`. */
  private coreType(core: Core, layers: Layer[], declaration: Declaration, scope: Scope): Type {
    switch (core.kind) {
      case 'type':
        return core.type;
      case 'safearray':
        // SAFEARRAY* is a pointer to a pointer on the wire, as SAFEARRAY(T) is; some files make the one the other by a
        // macro.
        if (layers.at(-1)?.kind === 'pointer') layers.pop();
        return { kind: 'pointer', pointer: 'unique', to: { kind: 'named', name: 'SAFEARRAY' } };
      case 'interface':
      case 'void':
        return this.interfaceType(core.kind === 'void' ? null : core.name, layers, declaration);
      case 'union':
        return this.unionType(core, declaration, scope);
      case 'handle':
      case 'context':
        throw new Error('handles have no core');
    }
  }

  /** A pointer to an interface; `name` null: to void, whose interface iid_is tells. */
  private interfaceType(name: string | null, layers: Layer[], { attributes, declarator }: Declaration): Type {
    const iid = attributes.find((one) => one.name === 'iid_is');
    if (layers.at(-1)?.kind !== 'pointer')
      throw new IdlError(
        `${declarator.name} is ${name === null ? 'void' : 'an interface'}, and not a pointer`,
        declarator.place,
      );
    if (name === null && iid === undefined) return { kind: 'unsupported', what: 'void*' };
    layers.pop();
    const iidIs = iid?.args[0] === undefined ? null : sizeText(whole(iid.args[0], iid), this.constantNamed);
    return { kind: 'interface', interface: iid === undefined ? name : null, iidIs };
  }

  private unionType(
    core: Core & { readonly kind: 'union' },
    { attributes, declarator }: Declaration,
    scope: Scope,
  ): Type {
    const chosen = attributes.find((one) => one.name === 'switch_is');
    if (chosen?.args[0] === undefined)
      throw new IdlError(
        `${declarator.name} is a union: switch_is has to say what tells its arms apart`,
        declarator.place,
      );
    return this.union(
      core.node,
      [...attributes, ...core.attributes, ...core.node.attributes],
      whole(chosen.args[0], chosen),
      scope,
      declarator.name,
    );
  }

  private array(of: Type, bound: Expression | null, { size, length }: Counts, place: Place, scope: Scope): Type {
    const fixed = this.fixedSize(bound, size, place);
    if (fixed === null && of.kind === 'array' && of.size === null)
      return { kind: 'unsupported', what: 'conformant array of more than one dimension' };
    const sizeIs = fixed !== null || size === null ? null : sizeText(size, this.constantBeside(scope));
    const lengthIs = length === null ? null : (sizeText(length, this.constantBeside(scope)) ?? UNKNOWN_LENGTH);
    const text = of.kind === 'base' && (of.base === 'wchar' || of.base === 'char') ? { text: true } : {};
    return { kind: 'array', of, size: fixed, sizeIs, lengthIs, ...text };
  }

  private fixedSize(bound: Expression | null, size: Expression | null, place: Place): number | null {
    if (bound === null || size !== null) return null;
    const value = this.constant(bound);
    if (value === null || value < 0n || value > 0xffff_ffffn)
      throw new IdlError(
        value === null ? 'the bound of an array is no constant' : `${value} is no bound of an array`,
        place,
      );
    return Number(value);
  }

  private defined<T extends StructNode | UnionNode | EnumNode>(node: T): T {
    const members = node.kind === 'union' ? node.arms : node.members;
    if (members !== null) return node;
    const found = this.document.tags.get(`${node.kind} ${node.tag}`);
    if (found === undefined) throw this.unknown(`${node.kind} ${node.tag}`, node.place);
    return found as T;
  }

  private struct(node: StructNode, at: Declaration): Type {
    const whole = this.defined(node);
    return this.once(
      whole,
      '',
      whole.tag ?? at.declarator.name,
      (shown) => {
        const neighbours = whole.members ?? [];
        const fields = neighbours.flatMap((member): readonly Field[] => {
          const type = this.type(member, { position: 'field', pointerDefault: 'unique', neighbours });
          return type === null ? [] : [{ name: member.declarator.name, type }];
        });
        return { kind: 'struct', name: shown, section: null, fields };
      },
      this.typedefName(whole),
    );
  }

  private encapsulated(node: UnionNode, discriminant: NonNullable<UnionNode['discriminant']>, at: Declaration): Type {
    return this.once(
      node,
      '',
      node.tag ?? at.declarator.name,
      (shown) => this.unionOf(node, shown, this.discriminantType(discriminant.type, node.place), null),
      this.typedefName(node),
    );
  }

  private union(
    node: UnionNode,
    attributes: readonly Attribute[],
    chosen: Expression,
    scope: Scope,
    name: string,
  ): Type {
    const switchIs = sizeText(chosen, this.constantBeside(scope)) ?? UNKNOWN_LENGTH;
    const written = attributes.find((one) => one.name === 'switch_type');
    const words = written?.args[0]?.map((token) => token.text).join(' ');
    const neighbour = scope.neighbours.find((one) => one.declarator.name === switchIs.replace(/^\*|[-+*/&].*$/g, ''));
    const type: TypeNode =
      words !== undefined && written !== undefined
        ? { kind: 'name', name: words.replace(/^(?:enum|struct) /, '').replace(/ int$/, ''), place: written.place }
        : (neighbour?.type ?? { kind: 'name', name: 'long', place: node.place });
    const key = `${switchIs} ${type.kind === 'name' ? type.name : type.kind}`;
    return this.once(
      node,
      key,
      node.tag ?? name,
      (shown) => this.unionOf(node, shown, this.discriminantType(type, node.place), switchIs),
      this.typedefName(node),
    );
  }

  private caseValue(one: Expression, switchType: SwitchType): number {
    const value = this.constant(one);
    if (value === null) throw new IdlError('a case is no constant', one.place);
    return switchType.kind === 'enum' || switchType.base.startsWith('i')
      ? Number(BigInt.asIntN(32, value))
      : Number(BigInt.asUintN(32, value));
  }

  private armType(member: Declaration, place: Place): Type | null {
    const type = this.type(member, { position: 'field', pointerDefault: 'unique', neighbours: [] });
    if (type !== null && this.isConformant(type))
      throw new IdlError(
        `arm ${member.declarator.name} has no size of its own: an arm can point to an array without bounds, not hold it`,
        place,
      );
    return type;
  }

  private unionOf(node: UnionNode, name: string, switchType: SwitchType, switchIs: string | null): NamedType {
    const arms: UnionArm[] = [];
    let otherwise: { name: string; type: Type | null } | undefined;
    const names = new Set<string>();
    for (const { cases, isDefault, member, place } of node.arms ?? []) {
      // A union of C, in files that serve both: harmless until something on the wire holds it.
      if (cases.length === 0 && !isDefault)
        throw new IdlError(`a case, or default, is missing before an arm of ${name}`, place);
      const values = cases.map((one) => this.caseValue(one, switchType));
      const type = member === null ? null : this.armType(member, place);
      let own = member?.declarator.name ?? (isDefault ? 'default' : `case_${values[0] ?? 0}`);
      while (names.has(own) || own === 'tag') own += '_';
      names.add(own);
      if (isDefault) otherwise = { name: own, type };
      if (values.length > 0 && !isDefault) arms.push({ cases: values, name: own, type });
    }
    return {
      kind: 'union',
      name,
      section: null,
      switchType,
      switchIs,
      arms,
      ...(otherwise === undefined ? {} : { default: otherwise }),
    };
  }

  private discriminantType(node: TypeNode, place: Place): SwitchType {
    const { layers, core } = this.flatten({
      attributes: [],
      type: node,
      declarator: { name: 'switch', pointers: 0, bounds: [], place },
    });
    const type = core.kind === 'type' && layers.length === 0 ? core.type : null;
    if (type?.kind === 'base' || type?.kind === 'enum') return type;
    throw new IdlError('a union is told apart by an integer, a character, a boolean or an enumeration', place);
  }

  private enum(node: EnumNode, at: Declaration): EnumType {
    const whole = this.defined(node);
    let made = this.enums.get(whole);
    if (made === undefined) {
      const isV1 = [...whole.attributes, ...node.attributes].some((one) => one.name === 'v1_enum');
      const members = (whole.members ?? []).map(({ name, value }) => {
        const number = value?.kind === 'number' ? value.value : 0n;
        return [name, Number(isV1 ? BigInt.asIntN(32, number) : BigInt.asUintN(16, number))] as const;
      });
      made = {
        kind: 'enum',
        name: this.typedefName(whole) ?? whole.tag ?? at.declarator.name,
        wire: isV1 ? 'v1_enum' : 'enum16',
        members: Object.fromEntries(members),
        section: null,
      };
      this.enums.set(whole, made);
    }
    return made;
  }

  /** Makes types of the enumerations that a typedef of `file` names, used or not. */
  enumerations(file: string): void {
    for (const [name, declaration] of this.document.typedefs) {
      const { type, declarator } = declaration;
      if (
        type.kind !== 'enum' ||
        declarator.pointers > 0 ||
        declarator.bounds.length > 0 ||
        declarator.place.file !== file
      )
        continue;
      this.types.push({ kind: 'typedef', name: `${file}#${name}`, type: this.enum(type, declaration) });
    }
  }

  /** The typedef that names a structure directly: `X` of `typedef struct tagX { } X;`. */
  private typedefName(node: StructNode | UnionNode | EnumNode): string | null {
    return (this.typedefNames ??= this.directTypedefs()).get(node) ?? null;
  }

  private typedefNames: Map<StructNode | UnionNode | EnumNode, string> | null = null;

  private directTypedefs(): Map<StructNode | UnionNode | EnumNode, string> {
    const found = new Map<StructNode | UnionNode | EnumNode, string>();
    for (const [name, { type, declarator }] of this.document.typedefs) {
      if (
        declarator.pointers > 0 ||
        declarator.bounds.length > 0 ||
        (type.kind !== 'struct' && type.kind !== 'union' && type.kind !== 'enum')
      )
        continue;
      const members = type.kind === 'union' ? type.arms : type.members;
      const target = members === null ? this.document.tags.get(`${type.kind} ${type.tag}`) : type;
      if (target !== undefined && !found.has(target)) found.set(target, name);
    }
    return found;
  }

  /** Makes a named type once for each key, and refers to it by a name that no table has. */
  private once(
    node: StructNode | UnionNode,
    key: string,
    tag: string,
    make: (shown: string) => NamedType,
    typedef: string | null,
  ): Type {
    let made = this.named.get(node);
    if (made === undefined) this.named.set(node, (made = new Map()));
    const known = made.get(key);
    if (known !== undefined) return { kind: 'named', name: known };
    const shown = typedef ?? tag;
    let name = `${node.place.file}#${shown}${key === '' ? '' : `(${key})`}`;
    while (this.names.has(name)) name += "'";
    this.names.add(name);
    made.set(key, name);
    this.depth++;
    if (this.depth > IDL_LIMITS.depth * 4)
      throw new IdlError(`types refer to one another more than ${IDL_LIMITS.depth * 4} deep`, node.place);
    const type = make(shown) as Type;
    this.depth--;
    this.types.push({ kind: 'typedef', name, type });
    this.byName.set(name, { type, place: node.place });
    return { kind: 'named', name };
  }

  private depth = 0;
  private readonly byName = new Map<string, { readonly type: Type; readonly place: Place }>();

  private isConformant(type: Type): boolean {
    switch (type.kind) {
      case 'array':
      case 'string':
        return type.size === null;
      case 'struct': {
        const last = type.fields.at(-1);
        return last !== undefined && this.isConformant(last.type);
      }
      case 'named': {
        const own = this.byName.get(type.name);
        return own !== undefined && this.isConformant(own.type);
      }
      default:
        return false;
    }
  }

  /**
   * Refuses structures that hold themselves, nest too deep, or have an array without bounds that is not their last
   * field. @throws IdlError
   */
  check(): void {
    const depths = new Map<string, number | null>();
    const depthOf = (type: Type): number => {
      switch (type.kind) {
        case 'array':
          return depthOf(type.of) + 1;
        case 'struct':
          return Math.max(0, ...type.fields.map((field) => depthOf(field.type))) + 1;
        case 'union':
          return (
            Math.max(
              0,
              ...[...type.arms, ...(type.default === undefined ? [] : [type.default])].map((one) =>
                one.type === null ? 0 : depthOf(one.type),
              ),
            ) + 1
          );
        case 'named': {
          const own = this.byName.get(type.name);
          if (own === undefined) return 0;
          const known = depths.get(type.name);
          if (known === null)
            throw new IdlError(
              `${type.name.split('#')[1] ?? type.name} holds itself: only a pointer may lead back`,
              own.place,
            );
          if (known !== undefined) return known;
          depths.set(type.name, null);
          const depth = depthOf(own.type);
          if (depth > IDL_LIMITS.depth)
            throw new IdlError(
              `${type.name.split('#')[1] ?? type.name} holds types nested deeper than ${IDL_LIMITS.depth}`,
              own.place,
            );
          depths.set(type.name, depth);
          return depth;
        }
        default:
          return 0;
      }
    };
    for (const [name, { type, place }] of this.byName) {
      depthOf({ kind: 'named', name });
      if (type.kind !== 'struct') continue;
      const early = type.fields.slice(0, -1).find((field) => this.isConformant(field.type));
      if (early !== undefined)
        throw new IdlError(
          `${early.name} of ${type.name} is an array without bounds: only the last field may be one`,
          place,
        );
    }
  }

  private unknown(name: string, place: Place): IdlError {
    const missing =
      this.missing.length === 0
        ? ''
        : `; it may be in ${this.missing.slice(0, 4).join(', ')}, which was not found: give its folder with --idl-path`;
    return new IdlError(`no type is named ${name}${missing}`, place);
  }
}

/**
 * `size_is(a, , b)`: an expression or null for each dimension. max_is and last_is name the last index, so one more is
 * meant.
 */
function dimensions(attributes: readonly Attribute[], names: readonly string[]): readonly (Expression | null)[] {
  const found = attributes.find((one) => names.includes(one.name));
  if (found === undefined) return [];
  return found.args.map((arg): Expression | null => {
    if (arg.length === 0) return null;
    const expression = whole(arg, found);
    const { place } = expression;
    return found.name === 'max_is' || found.name === 'last_is'
      ? { kind: 'binary', sign: '+', left: expression, right: { kind: 'number', value: 1n, place }, place }
      : expression;
  });
}

function unitOf(type: Type): 'char' | 'wchar' | null {
  if (type.kind !== 'base') return null;
  if (type.base === 'wchar' || type.base === 'u16') return 'wchar';
  return ['char', 'u8', 'i8'].includes(type.base) ? 'char' : null;
}

function pointerKind(attributes: Declaration['attributes']): 'ref' | 'unique' | 'full' | undefined {
  return attributes.map((one) => POINTERS[one.name]).find((one) => one !== undefined);
}

/** The pointers and arrays that a declarator says itself; `behind`: it is that of a typedef, with attributes of its own. */
function layersOf({ declarator, attributes }: Declaration, behind: boolean): readonly Layer[] {
  const isString = behind && has(attributes, 'string');
  const kind = behind ? pointerKind(attributes) : undefined;
  return [
    ...declarator.bounds.map((bound): Layer => ({ kind: 'array', bound, isString })),
    ...Array.from(
      { length: declarator.pointers },
      (_, i): Layer => ({ kind: 'pointer', pointer: i === 0 ? (kind ?? null) : null, isString }),
    ),
  ];
}

/** The type that goes over the wire in place of a typedef's own. */
function wireType(attributes: Declaration['attributes']): TypeNode | null {
  const wire = attributes.find((one) => one.name === 'wire_marshal' || one.name === 'transmit_as');
  const name = wire?.args[0]?.map((token) => token.text).join(' ');
  return wire === undefined || name === undefined
    ? null
    : { kind: 'name', name: name.replace(/[ *]+$/, ''), place: wire.place };
}

function isPlain({ text, size, length }: Counts): boolean {
  return text === null && size === null && length === null;
}

function has(attributes: Declaration['attributes'], name: string): boolean {
  return attributes.some((one) => one.name === name);
}

/** The pointer that is meant where none is written; a result is never a reference pointer. */
function defaultPointer({ pointerDefault, position }: Scope): 'ref' | 'unique' | 'full' {
  return pointerDefault === 'ref' && position === 'result' ? 'unique' : pointerDefault;
}
