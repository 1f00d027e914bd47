import {
  chainOf,
  type Codec,
  type Encoding,
  type MethodCodec,
  type Registry,
  type ResolvedInterface,
  type Transforms,
  type UuidNames,
} from '../ndr/codec.js';
import { Compiler } from '../ndr/compile.js';
import type { Interface, Specification, Type } from '../ndr/types.js';

type NamedType = Specification['types'][number];

/** What {@link makeRegistry} needs besides the tables. */
interface RegistryOptions {
  /**
   * Value and OBJREF transforms; made with a look-up of types, because some of them decode what the tables describe.
   */
  readonly transforms: (type: (type: Type | string, encoding: Encoding) => Codec) => Transforms;
  /** Name of a 32-bit status for traces. */
  readonly nameOfStatus?: (value: number) => string | null;
  /** Names beyond the tables; none where it is left out. */
  readonly names?: UuidNames;
}

const NO_NAMES: UuidNames = { interface: () => null, class: () => null };

interface Entry {
  readonly resolved: ResolvedInterface;
  /** Codecs by opnum, one list per {@link encodingIndex}; undefined until first use, null when there are none. */
  readonly codecs: (MethodCodec | null | undefined)[][];
}

const HEADERS = {
  orpcthis: { kind: 'named', name: 'ORPCTHIS' },
  orpcthat: { kind: 'named', name: 'ORPCTHAT' },
} as const;

/** Makes the tables ready: slots inherited, names resolved, codecs compiled when first asked for. */
export function makeRegistry(specifications: readonly Specification[], options: RegistryOptions): Registry {
  const types = new Map<string, NamedType>();
  const declared = new Map<string, Interface>();
  for (const specification of specifications) {
    for (const type of specification.types) types.set(type.name, type);
    for (const declaration of specification.interfaces)
      if (!declared.has(declaration.name)) declared.set(declaration.name, declaration);
  }

  const byUuid = new Map<string, Entry>();
  const byName = new Map<string, Entry>();
  for (const declaration of declared.values()) {
    const entry: Entry = {
      resolved: { interface: declaration, slots: slotsOf(declaration, declared) },
      codecs: [[], [], [], []],
    };
    byUuid.set(declaration.uuid, entry);
    byName.set(declaration.name, entry);
  }

  const names = options.nameOfStatus;
  const compilers: (Compiler | undefined)[] = [];
  function compiler(encoding: Encoding): Compiler {
    return (compilers[encodingIndex(encoding)] ??= new Compiler({
      encoding,
      types,
      transforms: () => transforms,
      ...(names === undefined ? {} : { nameOfStatus: names }),
    }));
  }

  const typeCodecs = new Map<Type | string, (Codec | undefined)[]>();
  function typeCodec(type: Type | string, encoding: Encoding): Codec {
    let list = typeCodecs.get(type);
    if (list === undefined) typeCodecs.set(type, (list = []));
    return (list[encodingIndex(encoding)] ??= compiler(encoding).type(
      typeof type === 'string' ? { kind: 'named', name: type } : type,
    ));
  }
  const transforms = options.transforms(typeCodec);

  function compileSlot(entry: Entry, opnum: number, encoding: Encoding): MethodCodec | null {
    const method = entry.resolved.slots[opnum]?.method;
    if (method == null || method.params === null) return null;
    return compiler(encoding).method(method, entry.resolved.interface.orpc ? HEADERS : null);
  }

  return {
    specifications,
    interfaces: [...byUuid.values()].map((entry) => entry.resolved),
    interfaceByUuid: (uuid) => byUuid.get(uuid)?.resolved ?? null,
    interfaceByName: (name) => byName.get(name)?.resolved ?? null,
    method(uuid, opnum, encoding) {
      const entry = byUuid.get(uuid);
      if (entry === undefined) return null;
      const list = entry.codecs[encodingIndex(encoding)] ?? [];
      const known = list[opnum];
      if (known !== undefined) return known;
      return (list[opnum] = compileSlot(entry, opnum, encoding));
    },
    type: typeCodec,
    names: options.names ?? NO_NAMES,
  };
}

/** 0 to 3: one for each byte order and transfer syntax. */
export function encodingIndex(encoding: Encoding): number {
  return (encoding.littleEndian ? 0 : 1) + (encoding.syntax === 'ndr64' ? 2 : 0);
}

function slotsOf(declaration: Interface, declared: ReadonlyMap<string, Interface>): ResolvedInterface['slots'] {
  const slots: ResolvedInterface['slots'][number][] = [];
  const chain = chainOf(declaration.name, (name) => declared.get(name)?.base);
  for (const name of chain.toReversed()) {
    const owner = declared.get(name);
    if (owner === undefined) continue;
    for (const method of owner.methods) {
      while (slots.length < method.opnum) slots.push(null);
      slots[method.opnum] = { method, owner };
    }
  }
  return slots;
}
