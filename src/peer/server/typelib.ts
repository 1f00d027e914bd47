import { INVOKEKIND, MEMBERID } from '../../ndr/automation.js';
import { GUID_NULL } from '../../bytes/guid.js';
import type { Registry } from '../../ndr/codec.js';
import type { Specification, TypeLibrary } from '../../ndr/types.js';
import type { Value } from '../../types.js';
import { E_NOTIMPL, S_OK, type Arguments, type Outcome, type ServedObject, type ServedValue } from './dispatch.js';
import {
  describedAt,
  dispatchType,
  documentation,
  elementOf,
  memberIdAt,
  TYPE_E_ELEMENTNOTFOUND,
  TYPE_KINDS,
  typeInfo,
  type AutomationType,
} from './typeinfo.js';

const IDISPATCH = 'IDispatch';
/** LIBFLAGs, SYSKIND ([MS-OAUT] 2.2.20, 2.2.21). */
const NO_FLAGS = 0;
const NOT_FOUND: Outcome = { hresult: TYPE_E_ELEMENTNOTFOUND };

/**
 * Descriptions of types, and the libraries that they stand in ([MS-OAUT] 3.5, 3.7, 3.11). Whoever asks gets objects of
 * its own, so that no client can release what another holds; what they tell is made from the tables once.
 */
export class TypeLibraries {
  private readonly registry: Registry;
  private readonly types = new Map<string, readonly AutomationType[]>();

  constructor(registry: Registry) {
    this.registry = registry;
  }

  /** The description of a dispatch interface; of one without members where the tables do not have it. */
  infoOf(name: string): ServedObject {
    const specification = this.registry.specifications.find((one) => one.interfaces.some((own) => own.name === name));
    const description = specification?.library;
    if (specification === undefined || description === undefined) return this.loose(name);
    let types = this.types.get(specification.name);
    if (types === undefined) this.types.set(specification.name, (types = typesOf(specification, this.registry)));
    return new Library(description, types, (outside) => this.loose(outside)).infoOf(name) ?? this.loose(name);
  }

  /** The description of a type that stands in no library. */
  private loose(name: string): ServedObject {
    const type = dispatchType(this.registry, name) ?? { ...UNKNOWN, name };
    const info: ServedObject = typeInfo(type, {
      infoOf: (base) => this.infoOf(base),
      library: () => null,
      comp: () => typeComp({ types: [type], infoOf: () => info, isLibrary: false }),
    });
    return info;
  }
}

/** A dispatch interface without members. */
const UNKNOWN = { kind: 'dispatch', guid: GUID_NULL, base: null, members: [], slots: 0 } as const;

/** Types of a library: enumerations, dispatch interfaces, classes. */
function typesOf({ types, interfaces, classes }: Specification, registry: Registry): readonly AutomationType[] {
  return [
    ...types.flatMap((type): readonly AutomationType[] =>
      type.kind === 'enum' ? [{ kind: 'enum', name: type.name, members: Object.entries(type.members) }] : [],
    ),
    ...interfaces.flatMap((one) => dispatchType(registry, one.name) ?? []),
    ...classes.flatMap((one): readonly AutomationType[] =>
      one.interface === null ? [] : [{ kind: 'class', name: one.name, guid: one.clsid, default: one.interface }],
    ),
  ];
}

class Library {
  private readonly description: TypeLibrary;
  private readonly types: readonly AutomationType[];
  private readonly infos = new Map<number, ServedObject>();
  private readonly outside: (name: string) => ServedObject;
  private readonly object: ServedObject;

  constructor(description: TypeLibrary, types: readonly AutomationType[], outside: (name: string) => ServedObject) {
    this.description = description;
    this.types = types;
    this.outside = outside;
    this.object = { served: true, interfaces: ['ITypeLib'], call: (_, method, __, args) => this.call(method, args) };
  }

  infoOf(name: string): ServedObject | null {
    return this.infoAt(this.types.findIndex((one) => one.name === name));
  }

  private infoAt(index: number): ServedObject | null {
    const type = this.types[index];
    if (type === undefined) return null;
    let info = this.infos.get(index);
    if (info === undefined) {
      info = typeInfo(type, {
        infoOf: (name) => this.infoOf(name) ?? (name === IDISPATCH ? this.outside(name) : null),
        library: () => ({ object: this.object, index }),
        comp: () => typeComp({ types: [type], infoOf: () => this.infoAt(index), isLibrary: false }),
      });
      this.infos.set(index, info);
    }
    return info;
  }

  private call(method: string, args: Arguments): Outcome {
    const index = typeof args['index'] === 'number' ? args['index'] : -1;
    const type = this.types[index];
    switch (method) {
      case 'GetTypeInfoCount':
        return { hresult: S_OK, out: { pcTInfo: this.types.length } };
      case 'GetTypeInfo':
        return this.given(this.infoAt(index));
      case 'GetTypeInfoType':
        return type === undefined ? NOT_FOUND : { hresult: S_OK, out: { pTKind: TYPE_KINDS[type.kind] } };
      case 'GetTypeInfoOfGuid':
        return this.given(this.infoAt(this.types.findIndex((one) => one.kind !== 'enum' && one.guid === args['guid'])));
      case 'GetLibAttr':
        return { hresult: S_OK, out: { ppTLibAttr: this.attributes(), pReserved: 0 } };
      case 'GetTypeComp':
        return {
          hresult: S_OK,
          out: { ppTComp: typeComp({ types: this.types, infoOf: (name) => this.infoOf(name), isLibrary: true }) },
        };
      case 'GetDocumentation':
        return this.documented(type, args);
      case 'IsName':
        return this.isName(args['szNameBuf']);
      case 'FindName':
        return this.found(this.named(args['szNameBuf'], Number(args['pcFound'] ?? 0)));
      default:
        return { hresult: E_NOTIMPL };
    }
  }

  /** Of the library itself, which has index -1, or of a type in it. */
  private documented(type: AutomationType | undefined, { index, refPtrFlags }: Arguments): Outcome {
    const { name, documentation: words } = this.description;
    if (index === -1) return { hresult: S_OK, out: documentation(name, refPtrFlags, words) };
    return type === undefined ? NOT_FOUND : { hresult: S_OK, out: documentation(type.name, refPtrFlags) };
  }

  private isName(name: ServedValue | undefined): Outcome {
    const [found] = this.named(name, 1);
    return { hresult: S_OK, out: { pfName: found === undefined ? 0 : 1, pBstrNameInLibrary: found?.name ?? null } };
  }

  private found(all: ReturnType<Library['named']>): Outcome {
    return {
      hresult: S_OK,
      out: {
        ppTInfo: all.map((one) => this.infoAt(one.index)) as never,
        rgMemId: all.map((one) => one.memid),
        pcFound: all.length,
        pBstrNameInLibrary: all[0]?.name ?? null,
      },
    };
  }

  private given(info: ServedObject | null): Outcome {
    return info === null ? NOT_FOUND : { hresult: S_OK, out: { ppTInfo: info } };
  }

  /** TLIBATTR (2.2.45). */
  private attributes(): Value {
    const { guid, version } = this.description;
    return {
      guid,
      lcid: 0,
      syskind: 'SYS_WIN64',
      wMajorVerNum: version.major,
      wMinorVerNum: version.minor,
      wLibFlags: NO_FLAGS,
    };
  }

  /** Types and members of a name, of each type the first, at most so many. */
  private named(
    given: ServedValue | undefined,
    most: number,
  ): readonly { readonly index: number; readonly memid: number; readonly name: string }[] {
    const found: { readonly index: number; readonly memid: number; readonly name: string }[] = [];
    for (const [index, type] of this.types.entries()) {
      if (found.length >= most) break;
      if (isSame(type.name, given)) found.push({ index, memid: MEMBERID.MEMBERID_NIL, name: type.name });
      else {
        const at = placeOf(type, given);
        const memid = at < 0 ? null : memberIdAt(type, at);
        if (memid !== null) found.push({ index, memid, name: elementOf(type, memid)?.[0] ?? '' });
      }
    }
    return found;
  }
}

/** Names match without regard to case (2.2.50.1). */
function isSame(name: string, given: ServedValue | undefined): boolean {
  return typeof given === 'string' && name.toLowerCase() === given.toLowerCase();
}

/** Place of the member of a name, bound for a kind of call, or for all where 0; -1 where there is none. */
function placeOf(type: AutomationType, given: ServedValue | undefined, wFlags = 0): number {
  if (type.kind === 'dispatch')
    return type.members.findIndex(
      ({ method }) => isSame(method.name, given) && (wFlags === 0 || (INVOKEKIND[method.member] & wFlags) !== 0),
    );
  return type.kind === 'enum' ? type.members.findIndex(([name]) => isSame(name, given)) : -1;
}

interface Binding {
  readonly types: readonly AutomationType[];
  readonly infoOf: (name: string) => ServedObject | null;
  /** Of a library, whose types and constants are found; otherwise of one type and its members. */
  readonly isLibrary: boolean;
}

/** An ITypeComp (3.5): binds names to members, constants and types. */
function typeComp({ types, infoOf, isLibrary }: Binding): ServedObject {
  const bind = (name: ServedValue | undefined, wFlags: number): Outcome => {
    const enumeration = isLibrary ? types.find((one) => one.kind === 'enum' && isSame(one.name, name)) : undefined;
    if (enumeration !== undefined) {
      const comp = typeComp({ types: [enumeration], infoOf, isLibrary: false });
      return bound('DESCKIND_TYPECOMP', { ppTInfo: infoOf(enumeration.name), ppTypeComp: comp });
    }
    for (const type of types) {
      // Members of interfaces are not in the scope of their library, constants are.
      if (isLibrary && type.kind !== 'enum') continue;
      const at = placeOf(type, name, wFlags);
      if (at < 0) continue;
      const described = describedAt(type, at);
      return type.kind === 'dispatch'
        ? bound('DESCKIND_FUNCDESC', { ppTInfo: infoOf(type.name), ppFuncDesc: described })
        : bound('DESCKIND_VARDESC', { ppTInfo: infoOf(type.name), ppVarDesc: described });
    }
    return bound('DESCKIND_NONE', {});
  };
  return {
    served: true,
    interfaces: ['ITypeComp'],
    call(_, method, __, args) {
      if (method === 'Bind') return bind(args['szName'], Number(args['wFlags'] ?? 0));
      const found = isLibrary ? types.find((one) => isSame(one.name, args['szName'])) : undefined;
      return { hresult: S_OK, out: { ppTInfo: found === undefined ? null : infoOf(found.name) } };
    },
  };
}

function bound(pDescKind: string, out: Arguments): Outcome {
  return {
    hresult: S_OK,
    out: { ppTInfo: null, ppFuncDesc: null, ppVarDesc: null, ppTypeComp: null, pReserved: 0, pDescKind, ...out },
  };
}
