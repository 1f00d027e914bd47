import type { Fields } from '../../../src/ndr/codec.js';
import type { Method, Type } from '../../../src/ndr/types.js';
import type { Value } from '../../../src/types.js';
import { DISP_E_EXCEPTION } from '../../../src/peer/server/dispatch.js';
import { referenceIn, registry, type Peer, type Reference } from '../../peer/server/support.js';
import { ACTIVATED, type Argument, type Result, type Step } from './plan.js';

/** What a step came to. */
export interface Came {
  readonly hresult: number;
  readonly result: unknown;
}

export type Binding = 'early' | 'late';

/** The method of a step, as the tables have it. */
export function methodOf({ interface: name, member, kind }: Step): Method {
  const found = registry
    .interfaceByName(name)
    ?.interface.methods.find((one) => one.name === member && one.member === kind);
  if (found === undefined) throw new Error(`${name} has no ${kind} ${member}`);
  return found;
}

/** A client without a socket that goes through steps, early or late bound. */
export class Walker {
  private readonly peer: Peer;
  private readonly binding: Binding;
  /** Interface pointers as the wire has them, by the names of their objects. */
  private readonly objects = new Map<string, Value>();

  constructor(peer: Peer, binding: Binding) {
    this.peer = peer;
    this.binding = binding;
  }

  take(step: Step): Came {
    const came = this.call(step);
    const { result } = step;
    if (typeof result !== 'object' || result === null || !('as' in result) || came.hresult !== 0) return came;
    // An object is told by the interface that was declared; which steps behind it use shows the rest.
    this.objects.set(result.as, came.result as Value);
    return { ...came, result: { object: came.result === null ? null : result.object, as: result.as } };
  }

  /** What a property gives: its value, or which object it is. */
  identity(step: Step): unknown {
    const { result } = this.call(step);
    const { oid } = (result ?? {}) as { readonly oid?: unknown };
    return oid ?? result;
  }

  private call(step: Step): Came {
    const method = methodOf(step);
    const object = this.object(step.on);
    return this.binding === 'early' ? this.early(step, method, object) : this.late(step, method, object);
  }

  private object(name: string): Reference {
    const known = this.objects.get(name);
    if (known !== undefined) return referenceIn(known);
    const activated = ACTIVATED[name];
    if (activated === undefined) throw new Error(`no object ${name}`);
    const made = this.peer.activate(activated.clsid, this.binding === 'early' ? activated.interface : 'IDispatch');
    this.objects.set(name, made as unknown as Value);
    return made;
  }

  private early(step: Step, method: Method, on: Reference): Came {
    const object = this.peer.query(on, step.interface);
    if (object === null) throw new Error(`${step.on} is no ${step.interface}`);
    const params = (method.params ?? []).filter((one) => one.direction !== 'out');
    const args: Fields = Object.fromEntries(
      params.map(({ name, type }, at) => [name, this.early1(step.args[at] ?? null, type)]),
    );
    const { fault, hresult, out } = this.peer.raw(step.interface, method.opnum, object.ipid, args);
    if (fault !== null) throw new Error(`${step.interface}::${step.member}: fault 0x${fault.toString(16)}`);
    const returns = (method.params ?? []).find((one) => one.retval === true);
    return { hresult, result: returns === undefined ? undefined : plain(out[returns.name] ?? null, returns.type) };
  }

  private early1(argument: Argument, type: Type): Value {
    if (typeof argument !== 'object' || argument === null) return argument;
    if ('object' in argument) return this.objects.get(argument.object) ?? null;
    if ('enum' in argument) {
      const members = type.kind === 'enum' ? type.members : {};
      return Object.keys(members).find((one) => members[one] === argument.enum) ?? argument.enum;
    }
    return argument as unknown as Value;
  }

  private late(step: Step, method: Method, on: Reference): Came {
    const object = this.peer.query(on, 'IDispatch');
    if (object === null) throw new Error(`${step.on} is no IDispatch`);
    const nil = '00000000-0000-0000-0000-000000000000';
    const ids = this.peer.call('IDispatch', 'GetIDsOfNames', object, {
      riid: nil,
      rgszNames: [step.member],
      cNames: 1,
      lcid: 0x409,
    });
    const [dispIdMember = -1] = ids.out['rgDispId'] as readonly number[];
    const named = step.kind === 'propput' ? [-3] : [];
    const params = (method.params ?? []).filter((one) => one.direction !== 'out');
    const { hresult, fault, out } = this.peer.call('IDispatch', 'Invoke', object, {
      dispIdMember,
      riid: nil,
      lcid: 0x409,
      dwFlags: { method: 1, propget: 2, propput: 4 }[step.kind],
      cVarRef: 0,
      rgVarRefIdx: [],
      rgVarRef: [],
      pDispParams: {
        rgvarg: params.map(({ type }, at) => this.variant(step.args[at] ?? null, type)).toReversed(),
        rgdispidNamedArgs: named,
        cArgs: params.length,
        cNamedArgs: named.length,
      },
    });
    if (fault !== null) throw new Error(`${step.interface}::${step.member}: fault 0x${fault.toString(16)}`);
    const { scode } = (out['pExcepInfo'] ?? {}) as { readonly scode?: number };
    const returns = (method.params ?? []).find((one) => one.retval === true);
    const held = (out['pVarResult'] ?? null) as Value;
    return {
      hresult: hresult === DISP_E_EXCEPTION ? Number(scode) >>> 0 : hresult,
      result: returns === undefined ? undefined : lateValue(held, returns.type),
    };
  }

  private variant(argument: Argument, type: Type): Value {
    if (argument === null) return { vt: 'VT_NULL', value: null };
    if (typeof argument === 'boolean') return { vt: 'VT_BOOL', value: argument };
    if (typeof argument === 'string') return { vt: 'VT_BSTR', value: argument };
    if (typeof argument === 'number')
      return { vt: type.kind === 'base' && type.base === 'u32' ? 'VT_UI4' : 'VT_I4', value: argument };
    if ('enum' in argument) return { vt: 'VT_I4', value: argument.enum };
    if ('object' in argument) return { vt: 'VT_DISPATCH', value: this.objects.get(argument.object) ?? null };
    return { ...argument };
  }
}

/** A value as steps write it: enumerations by their number, dates and sizes marked. */
function plain(value: Value, type: Type): unknown {
  if (type.kind === 'pointer') return plain(value, type.to);
  if (type.kind === 'enum') return typeof value === 'string' ? type.members[value] : value;
  if (type.kind === 'well-known' && type.name === 'date') return `@${String(value)}`;
  if (type.kind === 'well-known' && type.name === 'decimal') return `#${String(value)}`;
  if (type.kind === 'named') return variantOf(value);
  return value;
}

/** A VARIANT as steps write it. */
function variantOf(value: Value): unknown {
  const { vt, dims, value: held } = value as { readonly vt: string; readonly dims?: unknown; readonly value: Value };
  return dims === undefined ? { vt, value: held } : { vt: `VT_ARRAY|${vt}`, value: [...(held as readonly Value[])] };
}

/** What a late-bound call gives, as the early-bound one would. */
function lateValue(held: Value, type: Type): unknown {
  const { value = null } = (held ?? {}) as { readonly value?: Value };
  return plain(type.kind === 'named' ? held : value, type);
}

/** What a step wants, beside what came. */
export function wanted({ result, hresult }: Step): Came {
  return { hresult, result: hresult === 0 ? result : undefined };
}

/** The same without a result where the call failed: nothing is said of it then. */
export function settled(came: Came): Came {
  return came.hresult === 0 ? came : { ...came, result: undefined };
}

export type { Result };
