import { DISPID_PROPERTYPUT, DISPID_UNKNOWN } from '../../dcom/automation.js';
import { classesOf, type Classes, kindsOf, type Member } from '../../analysis/classes.js';
import type { Registry } from '../../ndr/codec.js';
import type { Parameter, Type } from '../../ndr/types.js';
import type { Value } from '../../types.js';
import {
  DISP_E_BADINDEX,
  DISP_E_BADPARAMCOUNT,
  DISP_E_EXCEPTION,
  DISP_E_MEMBERNOTFOUND,
  DISP_E_PARAMNOTFOUND,
  DISP_E_TYPEMISMATCH,
  DISP_E_UNKNOWNNAME,
  E_NOTIMPL,
  S_OK,
  type Arguments,
  type Caller,
  type MemberKind,
  type Outcome,
  type ServedObject,
  type ServedValue,
} from './dispatch.js';
import { NO_EXCEPTION } from './exception.js';
import { TypeLibraries } from './typelib.js';
import { coerced, resultOf, type Variant } from './variants.js';

/** A call of a member of an object, by name. */
export interface MemberCall {
  readonly object: ServedObject;
  readonly interfaceName: string;
  readonly member: string;
  readonly kind: MemberKind;
  readonly args: Arguments;
  readonly caller: Caller;
}

/** A call of IDispatch: on which object, by the vtable of which of its interfaces, by whom. */
interface AutomationCall {
  readonly object: ServedObject;
  readonly interfaceName: string;
  readonly method: string;
  readonly args: Arguments;
  readonly caller: Caller;
}

/** IDispatch for every object, from the tables ([MS-OAUT] 3.1.4): names to DISPIDs, DISPIDs to members. */
export class Automation {
  private readonly types: TypeLibraries;
  private readonly source: string | null;
  private readonly classes: Classes;
  private readonly member: (call: MemberCall) => Outcome;

  /** `source`: the name that errors carry as theirs, or null. */
  constructor(registry: Registry, source: string | null, member: (call: MemberCall) => Outcome) {
    this.source = source;
    this.types = new TypeLibraries(registry);
    this.classes = classesOf(registry);
    this.member = member;
  }

  call(call: AutomationCall): Outcome {
    const interfaces = interfacesOf(call);
    switch (call.method) {
      case 'GetTypeInfoCount':
        return { hresult: S_OK, out: { pctinfo: 1 } };
      case 'GetTypeInfo':
        return call.args['iTInfo'] === 0
          ? { hresult: S_OK, out: { ppTInfo: this.types.infoOf(interfaces[0] ?? 'IDispatch') } }
          : { hresult: DISP_E_BADINDEX };
      case 'GetIDsOfNames':
        return this.names(interfaces, call.args);
      case 'Invoke':
        return this.invoke(call, interfaces);
      default:
        return { hresult: E_NOTIMPL };
    }
  }

  private names(interfaces: readonly string[], given: Arguments): Outcome {
    const [name, ...params] = (Array.isArray(given['rgszNames']) ? (given['rgszNames'] as readonly Value[]) : []).map(
      String,
    );
    if (name === undefined) return { hresult: DISP_E_UNKNOWNNAME, out: { rgDispId: [] } };
    const member = this.byName(interfaces, name);
    if (member === undefined)
      return { hresult: DISP_E_UNKNOWNNAME, out: { rgDispId: [DISPID_UNKNOWN, ...params.map(() => DISPID_UNKNOWN)] } };
    const known = (member.method.params ?? [])
      .filter((param) => param.retval !== true)
      .map((param) => param.name.toLowerCase());
    const positions = params.map((param) => known.indexOf(param.toLowerCase()));
    return {
      hresult: positions.includes(DISPID_UNKNOWN) ? DISP_E_UNKNOWNNAME : S_OK,
      out: { rgDispId: [member.method.dispid ?? DISPID_UNKNOWN, ...positions] },
    };
  }

  private byName(interfaces: readonly string[], name: string): Member | undefined {
    return interfaces.flatMap((one) => this.classes.byName(one, name))[0];
  }

  private invoke({ object, args: given, caller }: AutomationCall, interfaces: readonly string[]): Outcome {
    const kinds = kindsOf(Number(given['dwFlags'] ?? 0));
    const members = interfaces.flatMap((one) => this.classes.byDispid(one, Number(given['dispIdMember'])));
    const member = kinds
      .map((kind) => members.find((one) => one.method.member === kind))
      .find((one) => one !== undefined);
    if (member === undefined) return failure(DISP_E_MEMBERNOTFOUND);
    const { method, owner } = member;
    const call = { object, interfaceName: owner.name, member: method.name, kind: method.member, caller };
    // What is reserved for local use has no parameters in the tables: the object decides without them.
    if (method.params === null) return this.completed(call, {}, undefined);
    const slots = method.params.filter((param) => param.retval !== true);
    const placed = placedArguments(given['pDispParams'], slots);
    if (placed.failure !== null) return placed.failure;
    return this.completed(
      call,
      placed.args,
      method.params.find((param) => param.retval === true),
    );
  }

  /** Calls the member, and makes of its outcome what Invoke answers. */
  private completed(call: Omit<MemberCall, 'args'>, args: Arguments, returns: Parameter | undefined): Outcome {
    const outcome = this.member({ ...call, args });
    if (outcome.fault !== undefined || outcome.drop === true) return outcome;
    const delay = outcome.delayMs === undefined ? {} : { delayMs: outcome.delayMs };
    if (outcome.hresult >>> 0 === DISP_E_MEMBERNOTFOUND) return { ...delay, ...failure(DISP_E_MEMBERNOTFOUND) };
    if (outcome.hresult >>> 31 === 1)
      return {
        ...delay,
        hresult: DISP_E_EXCEPTION,
        out: { pExcepInfo: { ...NO_EXCEPTION, bstrSource: this.source, scode: outcome.hresult >>> 0 } as Value },
      };
    const value = outcome.out?.[returns?.name ?? 'retval'];
    const result = returns === undefined && value === undefined ? null : resultOf(value, returns?.type ?? NO_TYPE);
    return {
      ...delay,
      hresult: S_OK,
      out: { ...(result === null ? {} : { pVarResult: result as unknown as Value }), rgVarRef: [] },
    };
  }
}

/** What a reserved member returns has no type in the tables. */
const NO_TYPE: Type = { kind: 'interface', interface: null, iidIs: null };

/**
 * The interfaces whose members count: of an object that is called by IDispatch itself those it has, its default one
 * first; a dual interface has its own ([MS-OAUT] 3.1.4.4), since DISPIDs begin anew in each.
 */
function interfacesOf({ object, interfaceName }: AutomationCall): readonly string[] {
  return interfaceName === 'IDispatch' ? object.interfaces : [interfaceName];
}

/** What a caller gave, by parameter and in the order of the declaration; or why it cannot be taken. */
type Placed = { readonly failure: null; readonly args: Arguments } | { readonly failure: Outcome };

/** The arguments of DISPPARAMS, which stand last first, named ones before all others ([MS-OAUT] 3.1.4.4). */
function placedArguments(dispparams: ServedValue | undefined, slots: readonly Parameter[]): Placed {
  const params = dispparams as { readonly [name: string]: unknown } | null;
  const sent = (Array.isArray(params?.['rgvarg']) ? params['rgvarg'] : []) as readonly Variant[];
  const names = (Array.isArray(params?.['rgdispidNamedArgs']) ? params['rgdispidNamedArgs'] : []) as readonly number[];
  if (sent.length > slots.length) return { failure: failure(DISP_E_BADPARAMCOUNT) };
  const args: { [name: string]: ServedValue } = {};
  for (const [at, variant] of sent.entries()) {
    const named = names[at];
    let index = named ?? sent.length - 1 - at;
    if (named === DISPID_PROPERTYPUT) index = slots.length - 1;
    const slot = slots[index];
    if (slot === undefined) return { failure: failure(DISP_E_PARAMNOTFOUND, at) };
    const value = coerced(variant, slot.type);
    if (value === undefined) return { failure: failure(DISP_E_TYPEMISMATCH, at) };
    args[slot.name] = value;
  }
  if (slots.some((slot) => slot.optional !== true && !(slot.name in args)))
    return { failure: failure(DISP_E_PARAMNOTFOUND, 0) };
  // In the order of the declaration: the new value of a property stands last.
  const ordered = slots.flatMap(({ name }) => (args[name] === undefined ? [] : [[name, args[name]] as const]));
  return { failure: null, args: Object.fromEntries(ordered) };
}

function failure(hresult: number, argument = 0): Outcome {
  return { hresult, out: { pArgErr: argument } };
}
