import { isRecord, type OpenFields } from '../../src/ndr/value.js';
import { DISP_E_PARAMNOTFOUND } from '../../src/dcom/hresults.js';
import { spanOf } from '../../src/bytes/block.js';
import { GUID_NULL } from '../../src/bytes/guid.js';
import { DISPID_PROPERTYPUT, isVariantType, resolved, type Types } from '../../src/dcom/automation.js';
import { BASE_VARTYPES, VARTYPES } from '../../src/ndr/automation.js';
import { LOOKUP_ROLES, Roles } from '../../src/analysis/roles.js';
import {
  derives,
  EncodeError,
  type Encoding,
  type Fields,
  type Registry,
  type ResolvedInterface,
} from '../../src/ndr/codec.js';
import type { MemberKind, Parameter, Type, WellKnownType } from '../../src/ndr/types.js';
import type { SyntaxId, Value } from '../../src/types.js';
import type { RecordedCall } from '../recording/records.js';

/**
 * How members of dispatch interfaces are called: as they were recorded, by their slots, or through IDispatch::Invoke.
 */
export type Binding = 'recorded' | 'early' | 'late';

/** A request made in the other binding. */
interface Rebound {
  readonly abstract: SyntaxId;
  readonly opnum: number;
  readonly stub: Uint8Array;
}

/**
 * What is made of a recorded call: the same, a call by slot, an Invoke, or nothing, where only late binding needs it.
 */
export type Form = 'same' | 'early' | 'late' | 'none';

/** dwFlags of an Invoke ([MS-OAUT] 3.1.4.4). */
const FLAGS: Readonly<Record<MemberKind, number>> = { method: 1, propget: 2, propput: 4, propputref: 8 };
/** LOCALE_USER_DEFAULT: late-bound clients that have no wish of their own send it. */
const LCID = 0x400;

/** Turns recorded calls into calls of the other binding, by the tables. */
export class Rebinder {
  private readonly registry: Registry;
  private readonly roles: Roles;
  private readonly types: Types;
  private readonly binding: Binding;

  constructor(registry: Registry, binding: Binding) {
    this.registry = registry;
    this.binding = binding;
    this.roles = new Roles(registry);
    this.types = new Map(registry.specifications.flatMap((one) => one.types.map((type) => [type.name, type] as const)));
  }

  form(call: RecordedCall): Form {
    if (this.binding === 'recorded' || call.object === null) return 'same';
    if (this.binding === 'early') {
      if (call.binding === 'late') return 'early';
      return this.looksUp(call) ? 'none' : 'same';
    }
    if (call.binding === 'late' || call.iid === null) return 'same';
    const slot = this.registry.interfaceByUuid(call.iid)?.slots[call.opnum ?? -1];
    return slot == null || slot.method.dispid === null || this.invoking(call.iid) === null ? 'same' : 'late';
  }

  /** Whether an interface has the members of another: it is that one, or derives from it. */
  derives(iid: string, base: string): boolean {
    const [own, wanted] = [iid, base].map((uuid) => this.registry.interfaceByUuid(uuid)?.interface.name);
    return own !== undefined && wanted !== undefined && derives(this.registry, own, wanted);
  }

  /**
   * A recorded early-bound call as an Invoke, with arguments already translated. `iid`: interface of the live
   * reference that it goes
   * to; Invoke is called on it where it has one, so that the reference and the context agree. A text says why it cannot
   * be made.
   */
  late(call: RecordedCall, given: Fields, header: Value, iid: string, encoding: Encoding): Rebound | string {
    const slot = this.registry.interfaceByUuid(call.iid ?? '')?.slots[call.opnum ?? -1];
    const on = this.invoking(iid) ?? this.invoking(call.iid ?? '');
    if (slot == null || on === null) return 'it is no member of a dispatch interface';
    const { method } = slot;
    if (method.params === null) return `it cannot be bound late: the parameters of ${method.name} are in no table`;
    const slots = method.params.filter((param) => param.retval !== true);
    const unfit = slots.find(
      (param) => param.direction !== 'in' || this.variant(given[param.name] ?? null, param.type) === null,
    );
    if (unfit !== undefined)
      return `it cannot be bound late: ${unfit.name} of ${method.name} fits no VARIANT that is only given`;
    const rgvarg = slots.map((param) => this.variant(given[param.name] ?? null, param.type)).toReversed();
    const named = method.member === 'propput' || method.member === 'propputref' ? [DISPID_PROPERTYPUT] : [];
    return this.encode(on.resolved, on.opnum, encoding, {
      orpcthis: header,
      dispIdMember: method.dispid,
      riid: GUID_NULL,
      lcid: LCID,
      dwFlags: FLAGS[method.member],
      pDispParams: {
        rgvarg: rgvarg.length === 0 ? null : rgvarg,
        rgdispidNamedArgs: named.length === 0 ? null : named,
        cArgs: rgvarg.length,
        cNamedArgs: named.length,
      },
      cVarRef: 0,
      rgVarRefIdx: [],
      rgVarRef: [],
    });
  }

  /**
   * A recorded Invoke as a call of the slot it means, with arguments already translated, on the interface `iid` that
   * has the slot. A text says why it cannot be made.
   */
  early(call: RecordedCall, given: Fields, header: Value, iid: string, encoding: Encoding): Rebound | string {
    const on = this.registry.interfaceByUuid(iid);
    const slot = on?.slots[call.opnum ?? -1];
    if (on === null || slot == null) return NOT_NAMED;
    const { method } = slot;
    if (method.params === null || method.notUsedOnWire === true)
      return `it cannot be bound early: the parameters of ${method.name} are in no table`;
    const fields: OpenFields = {};
    for (const param of method.params) {
      if (param.direction === 'out') continue;
      const value = this.plain(given, param);
      if (value === undefined)
        return `it cannot be bound early: ${method.name} wants ${param.name}, and the recorded Invoke left it out`;
      fields[param.name] = value;
    }
    return this.encode(on, method.opnum, encoding, { orpcthis: header, ...fields });
  }

  /** Why a recorded Invoke cannot be bound early whatever the server has, or null. */
  unbound(call: RecordedCall): string | null {
    return call.iid === null ||
      call.opnum === null ||
      call.method === null ||
      this.registry.interfaceByUuid(call.iid) === null
      ? NOT_NAMED
      : null;
  }

  /** ORPCTHIS of a recorded request. */
  header(context: SyntaxId, opnum: number | null, stub: Uint8Array, encoding: Encoding): Value {
    const codec = opnum === null ? null : this.registry.method(context.uuid, opnum, encoding);
    return codec?.request.decode(spanOf(stub)).header ?? null;
  }

  private encode(
    { interface: { uuid, version } }: ResolvedInterface,
    opnum: number,
    encoding: Encoding,
    value: Fields,
  ): Rebound | string {
    const codec = this.registry.method(uuid, opnum, encoding);
    if (codec === null) return `slot ${opnum} is in no table`;
    try {
      return { abstract: { uuid, ...version }, opnum, stub: codec.request.encode(value) };
    } catch (error) {
      if (error instanceof EncodeError) return `it cannot be bound otherwise: ${error.message}`;
      throw error;
    }
  }

  /** An interface that has IDispatch::Invoke, and its slot. */
  private invoking(iid: string): { readonly resolved: ResolvedInterface; readonly opnum: number } | null {
    const known = this.registry.interfaceByUuid(iid);
    const opnum = known?.slots.findIndex((slot) => this.roles.of(slot) === 'invoke') ?? -1;
    return known === null || opnum < 0 ? null : { resolved: known, opnum };
  }

  private looksUp(call: RecordedCall): boolean {
    const slot = this.registry.interfaceByUuid(call.iid ?? '')?.slots[call.opnum ?? -1];
    return LOOKUP_ROLES.includes(this.roles.of(slot) ?? 'invoke');
  }

  /** The VARIANT that automation makes of a typed argument; null where none holds it. */
  private variant(value: Value, declared: Type): Value {
    if (isVariantType(declared)) return isVariant(value) ? value : { vt: 'VT_EMPTY', value: null };
    const type = resolved(declared, this.types);
    if (type === null) return arrayOf(value);
    switch (type.kind) {
      case 'interface':
        return { vt: type.interface === null || type.interface === 'IUnknown' ? 'VT_UNKNOWN' : 'VT_DISPATCH', value };
      case 'enum':
        return { vt: 'VT_I4', value: typeof value === 'string' ? (type.members[value] ?? 0) : value };
      case 'flags':
        return { vt: 'VT_I4', value };
      case 'base':
        return held(BASE_VARTYPES[type.base], value);
      case 'well-known':
        return held(VARTYPES[type.name], value);
      default:
        return arrayOf(value);
    }
  }

  /** An argument as its parameter wants it; undefined where it was left out and cannot be. */
  private plain(given: Fields, param: Parameter): Value | undefined {
    const value = given[param.name];
    if (isVariantType(param.type)) return value ?? { vt: 'VT_ERROR', value: DISP_E_PARAMNOTFOUND };
    if (value === undefined) return param.type.kind === 'interface' ? null : undefined;
    if (!isVariant(value) || 'dims' in value) return value;
    const content = value['value'] ?? null;
    const type = resolved(param.type, this.types);
    return type === null ? content : asDeclared(content, type);
  }
}

/** What a VARIANT holds as a declared type shows it. */
function asDeclared(content: Value, type: Type): Value {
  if (type.kind === 'well-known') return asWellKnown(content, type.name);
  if (type.kind !== 'enum' && type.kind !== 'base') return content;
  const number = numberOf(content);
  if (type.kind === 'base') return number;
  return Object.keys(type.members).find((name) => type.members[name] === number) ?? number;
}

function asWellKnown(content: Value, name: WellKnownType['name']): Value {
  if (name === 'bstr') return content === null || typeof content === 'string' ? content : String(content);
  return name === 'variant_bool' && typeof content === 'number' ? content !== 0 : content;
}

/** A value in a VARIANT of a type; null where automation has none for it. */
function held(vt: string | undefined, value: Value): Value {
  return vt === undefined ? null : { vt, value };
}

/** A SAFEARRAY, which is a VARIANT already; null for what is none. */
function arrayOf(value: Value): Value {
  return isVariant(value) && 'dims' in (value as Fields) ? value : null;
}

/** A VARIANT_BOOL or a text of digits as the number that a parameter wants; other values as they are. */
function numberOf(content: Value): Value {
  if (typeof content === 'boolean') return content ? -1 : 0;
  return typeof content === 'string' && /^-?\d+$/.test(content) ? Number(content) : content;
}

const NOT_NAMED = 'it cannot be bound early: nobody knows which member its DISPID means';
function isVariant(value: Value | undefined): value is Value & Fields {
  return isRecord(value) && 'vt' in value;
}
