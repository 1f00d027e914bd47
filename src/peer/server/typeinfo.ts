import { BASE_VARTYPES, INVOKEKIND, MEMBERID, VARTYPES, VT } from '../../ndr/automation.js';
import { GUID_NULL } from '../../bytes/guid.js';
import type { Member } from '../../analysis/classes.js';
import type { Registry, ResolvedInterface } from '../../ndr/codec.js';
import type { Parameter, Type } from '../../ndr/types.js';
import type { Fields, Value } from '../../types.js';
import {
  E_INVALIDARG,
  E_NOTIMPL,
  S_OK,
  type Arguments,
  type Outcome,
  type ServedObject,
  type ServedValue,
} from './dispatch.js';

export const TYPE_E_ELEMENTNOTFOUND = 0x8002802b;
const TYPE_E_CANTLOADLIBRARY = 0x80029c4a;
const TYPE_E_BADMODULEKIND = 0x800288bd;
const { MEMBERID_NIL } = MEMBERID;
/** Size of a pointer in the vtables that FUNCDESC.oVft counts in. */
const POINTER = 8;
const ENUM_SIZE = 4;
/** TYPEFLAGS ([MS-OAUT] 2.2.16): dual, automation-compatible and dispatchable; creatable. */
const TYPE_FLAGS = { dispatch: 0x1140, enum: 0, class: 2 } as const;
const IMPLTYPEFLAG_DEFAULT = 1;

/** PARAMFLAGS ([MS-OAUT] 2.2.15). */
const PARAMETER = { in: 1, optional: 0x10 } as const;

/** HREFTYPE of what a type derives from, or of what a class implements; there is one only. */
const REFERENCE = 1;

/** A type of a type library, as automation describes it. */
export type AutomationType =
  | {
      readonly kind: 'dispatch';
      readonly name: string;
      readonly guid: string;
      readonly base: string | null;
      readonly members: readonly Member[];
      /** Slots of its vtable. */
      readonly slots: number;
    }
  | { readonly kind: 'enum'; readonly name: string; readonly members: readonly (readonly [string, number])[] }
  | { readonly kind: 'class'; readonly name: string; readonly guid: string; readonly default: string };

export const TYPE_KINDS = { dispatch: 'TKIND_DISPATCH', enum: 'TKIND_ENUM', class: 'TKIND_COCLASS' } as const;

/** What a type description leads to. */
interface TypeLinks {
  /** The description of a type by its name, or null. */
  readonly infoOf: (name: string) => ServedObject | null;
  /** The library that it stands in, and where; null for what stands in none. */
  readonly library: () => { readonly object: ServedObject; readonly index: number } | null;
  readonly comp: () => ServedObject;
}

/** A dispatch interface as automation sees it; null for what the tables do not have. */
export function dispatchType(registry: Registry, name: string): AutomationType | null {
  const resolved = registry.interfaceByName(name);
  if (resolved === null) return null;
  const { uuid, base } = resolved.interface;
  const { slots } = resolved;
  return { kind: 'dispatch', name, guid: uuid, base, members: servedMembers(slots), slots: slots.length };
}

/** MEMBERID of a constant: they are counted from here. */
const FIRST_CONSTANT = 0x4000_0000;

/** What `memid` names in a type: its name and those of its parameters, and its description; null where nothing is. */
export function elementOf(type: AutomationType, memid: ServedValue | undefined): readonly string[] | null {
  if (type.kind === 'dispatch') {
    const member = type.members.find((one) => one.method.dispid === memid);
    if (member === undefined) return null;
    // The right side of an assignment has no name.
    const params = taken(member).slice(0, member.method.member === 'propput' ? -1 : undefined);
    return [member.method.name, ...params.map((param) => param.name)];
  }
  const constant = type.kind === 'enum' ? type.members[Number(memid) - FIRST_CONSTANT] : undefined;
  return constant === undefined ? null : [constant[0]];
}

/** A description of a member by its place in a type, and what kind it is. */
export function describedAt(type: AutomationType, index: ServedValue | undefined): Value {
  if (typeof index !== 'number') return null;
  if (type.kind === 'dispatch') {
    const member = type.members[index];
    return member === undefined ? null : funcDesc(member);
  }
  const constant = type.kind === 'enum' ? type.members[index] : undefined;
  return constant === undefined ? null : varDesc(FIRST_CONSTANT + index, constant[1]);
}

/** MEMBERID of the member at a place. */
export function memberIdAt(type: AutomationType, index: number): number {
  if (type.kind === 'dispatch') return type.members[index]?.method.dispid ?? MEMBERID_NIL;
  return FIRST_CONSTANT + index;
}

const NOT_FOUND: Outcome = { hresult: TYPE_E_ELEMENTNOTFOUND };

/**
 * The description of a type ([MS-OAUT] 3.7), from the tables: for clients that read types before they call. It is asked
 * for dispatch interfaces first, and through its library for enumerations and classes.
 */
export function typeInfo(type: AutomationType, links: TypeLinks): ServedObject {
  const parent = parentOf(type);
  const described = (index: ServedValue | undefined, name: 'ppFuncDesc' | 'ppVarDesc', fits: boolean): Outcome => {
    const found = fits ? describedAt(type, index) : null;
    return found === null ? NOT_FOUND : { hresult: S_OK, out: { [name]: found, pReserved: 0 } };
  };
  const implemented = (index: ServedValue | undefined, out: Fields): Outcome =>
    index === 0 && parent !== null ? { hresult: S_OK, out } : NOT_FOUND;
  const referenced = (hRefType: ServedValue | undefined): Outcome => {
    const found = hRefType === REFERENCE && parent !== null ? links.infoOf(parent) : null;
    return found === null ? { hresult: E_INVALIDARG } : { hresult: S_OK, out: { ppTInfo: found } };
  };
  return {
    served: true,
    interfaces: ['ITypeInfo'],
    call(_, method, __, args): Outcome {
      switch (method) {
        case 'GetTypeAttr':
          return { hresult: S_OK, out: { ppTypeAttr: typeAttr(type), pReserved: 0 } };
        case 'GetTypeComp':
          return { hresult: S_OK, out: { ppTComp: links.comp() } };
        case 'GetFuncDesc':
          return described(args['index'], 'ppFuncDesc', type.kind === 'dispatch');
        case 'GetVarDesc':
          return described(args['index'], 'ppVarDesc', type.kind === 'enum');
        case 'GetNames':
          return namesOf(type, args);
        case 'GetDocumentation':
          return documented(type, args);
        case 'GetRefTypeOfImplType':
          return implemented(args['index'], { pRefType: REFERENCE });
        case 'GetImplTypeFlags':
          return implemented(args['index'], { pImplTypeFlags: type.kind === 'class' ? IMPLTYPEFLAG_DEFAULT : 0 });
        case 'GetRefTypeInfo':
          return referenced(args['hRefType']);
        case 'GetContainingTypeLib':
          return containing(links);
        case 'GetDllEntry':
          return { hresult: TYPE_E_BADMODULEKIND };
        case 'GetMops':
          return { hresult: S_OK, out: { pBstrMops: null } };
        default:
          return { hresult: E_NOTIMPL };
      }
    },
  };
}

/** GetNames ([MS-OAUT] 3.7.4.5). */
function namesOf(type: AutomationType, { memid, cMaxNames }: Arguments): Outcome {
  const names = elementOf(type, memid)?.slice(0, Number(cMaxNames ?? 0));
  return names === undefined
    ? { ...NOT_FOUND, out: { rgBstrNames: [], pcNames: 0 } }
    : { hresult: S_OK, out: { rgBstrNames: names, pcNames: names.length } };
}

/** GetDocumentation ([MS-OAUT] 3.7.4.8): of the type itself, or of a member. */
function documented(type: AutomationType, { memid, refPtrFlags }: Arguments): Outcome {
  const name = memid === MEMBERID_NIL ? type.name : elementOf(type, memid)?.[0];
  return name === undefined ? NOT_FOUND : { hresult: S_OK, out: documentation(name, refPtrFlags) };
}

/** GetContainingTypeLib ([MS-OAUT] 3.7.4.13). */
function containing(links: TypeLinks): Outcome {
  const library = links.library();
  return library === null
    ? { hresult: TYPE_E_CANTLOADLIBRARY }
    : { hresult: S_OK, out: { ppTLib: library.object, pIndex: library.index } };
}

/** The type that another derives from, or whose members a class has by default; null where there is none. */
function parentOf(type: AutomationType): string | null {
  if (type.kind === 'dispatch') return type.base;
  return type.kind === 'class' ? type.default : null;
}

/** Which parts of a documentation are wanted ([MS-OAUT] 3.7.4.8, 3.11.4.7). */
const WANTED = { name: 1, docString: 2 } as const;

/** What a documentation tells of a name, as far as it is wanted; there are no help files. */
export function documentation(name: string, wanted: ServedValue | undefined, docString: string | null = null): Fields {
  const flags = Number(wanted ?? 0);
  return {
    pBstrName: (flags & WANTED.name) === 0 ? null : name,
    pBstrDocString: (flags & WANTED.docString) === 0 ? null : docString,
    pdwHelpContext: 0,
    pBstrHelpFile: null,
  };
}

/** Members with a DISPID that are served, those of base interfaces first. */
function servedMembers(slots: ResolvedInterface['slots']): readonly Member[] {
  return slots.filter(
    (slot): slot is Member => slot !== null && slot.method.dispid !== null && slot.method.notUsedOnWire !== true,
  );
}

/** Parameters that a late-bound caller gives. */
function taken({ method }: Member): readonly Parameter[] {
  return (method.params ?? []).filter((param) => param.direction !== 'out');
}

/** TYPEATTR ([MS-OAUT] 2.2.44). */
function typeAttr(type: AutomationType): Value {
  const isDispatch = type.kind === 'dispatch';
  return {
    guid: type.kind === 'enum' ? GUID_NULL : type.guid,
    lcid: 0,
    dwReserved1: 0,
    dwReserved2: 0,
    dwReserved3: 0,
    lpstrReserved4: null,
    cbSizeInstance: type.kind === 'enum' ? ENUM_SIZE : POINTER,
    typekind: TYPE_KINDS[type.kind],
    cFuncs: isDispatch ? type.members.length : 0,
    cVars: type.kind === 'enum' ? type.members.length : 0,
    cImplTypes: parentOf(type) === null ? 0 : 1,
    cbSizeVft: isDispatch ? type.slots * POINTER : 0,
    cbAlignment: type.kind === 'enum' ? ENUM_SIZE : POINTER,
    wTypeFlags: TYPE_FLAGS[type.kind],
    wMajorVerNum: 2,
    wMinorVerNum: 0,
    tdescAlias: typeDesc(VT.VT_EMPTY),
    dwReserved5: 0,
    wReserved6: 0,
  };
}

/** VARDESC of a constant ([MS-OAUT] 2.2.43). */
function varDesc(memid: number, value: number): Value {
  return {
    memid,
    lpstrReserved: null,
    _vdUnion: { lpvarValue: { vt: 'VT_I4', value } },
    elemdescVar: elemDesc(VT.VT_I4, 0),
    wVarFlags: 0,
    varkind: 'VAR_CONST',
  };
}

/** FUNCDESC ([MS-OAUT] 2.2.42). */
function funcDesc(member: Member): Value {
  const { method } = member;
  const params = taken(member);
  const returns = (method.params ?? []).find((param) => param.retval === true);
  return {
    memid: method.dispid ?? MEMBERID_NIL,
    lReserved1: null,
    lprgelemdescParam:
      params.length === 0
        ? null
        : params.map((param) =>
            elemDesc(vartypeOf(param.type), PARAMETER.in | (param.optional === true ? PARAMETER.optional : 0)),
          ),
    funckind: 'FUNC_DISPATCH',
    invkind: INVOKEKIND[method.member],
    callconv: 'CC_STDCALL',
    cParams: params.length,
    cParamsOpt: params.filter((param) => param.optional === true).length,
    oVft: method.opnum * POINTER,
    cReserved2: 0,
    elemdescFunc: elemDesc(returns === undefined ? VT.VT_VOID : vartypeOf(returns.type), 0),
    wFuncFlags: 0,
  };
}

function elemDesc(vartype: number, wParamFlags: number): Value {
  return { tdesc: typeDesc(vartype), paramdesc: { pparamdescex: null, wParamFlags } };
}

function typeDesc(vartype: number): Value {
  return { _tdUnion: { none: null }, vt: vartype };
}

/** The VARTYPE that automation has for a type: enumerations are their numbers, interfaces IDispatch. */
function vartypeOf(type: Type): number {
  switch (type.kind) {
    case 'pointer':
      return vartypeOf(type.to);
    case 'interface':
      return type.interface === null || type.interface === 'IUnknown' ? VT.VT_UNKNOWN : VT.VT_DISPATCH;
    case 'enum':
      return VT.VT_I4;
    case 'base':
      return VT[BASE_VARTYPES[type.base] ?? 'VT_I4'];
    case 'well-known':
      return VT[VARTYPES[type.name] ?? 'VT_VARIANT'];
    default:
      return VT.VT_VARIANT;
  }
}
