import { DISPID_PROPERTYPUT, isVariantType, resolved, type Types } from '../dcom/automation.js';
import { fragment, jsonText } from '../bytes/json.js';
import { INTEGERS, VARTYPES, VT } from '../ndr/automation.js';
import type { ResultForm } from '../ndr/invoke.js';
import { DISP_E_EXCEPTION, DISP_E_PARAMNOTFOUND, DISP_E_TYPEMISMATCH } from '../dcom/hresults.js';
import type { Value } from '../types.js';
import type { Method, Parameter, Type, WellKnownType } from '../ndr/types.js';
import { asList, newRecord, recordOf, type Fields } from '../ndr/value.js';

/** One argument of an Invoke: what was sent and, by reference, what came back. */
interface Argument {
  readonly given: Value;
  readonly returned: Value | undefined;
}

/** An EXCEPINFO that says something ([MS-OAUT] 2.2.34). */
export interface Exception {
  readonly code: number;
  readonly source: string | null;
  readonly description: string | null;
}

/** An IDispatch::Invoke, taken apart ([MS-OAUT] 3.1.4.4). */
export interface Invocation {
  readonly dispid: number;
  readonly flags: number;
  /** In the order of the declaration: DISPPARAMS holds them last first. */
  readonly positional: readonly Argument[];
  readonly named: readonly { readonly dispid: number; readonly argument: Argument }[];
  /** Null: the answer has none. */
  readonly result: Value;
  readonly exception: Exception | null;
  /** Position in rgvarg of the argument that the server refused, or null. */
  readonly refused: number | null;
  readonly hresult: number | null;
  /** Name of the HRESULT that hid `hresult`, or null. */
  readonly wrapped: string | null;
}

/** Reads an Invoke from its decoded stubs; null when the request says no DISPID. */
export function readInvocation(request: Fields, response: Fields | null, hresult: number | null): Invocation | null {
  const dispid = request['dispIdMember'];
  const flags = request['dwFlags'];
  if (typeof dispid !== 'number' || typeof flags !== 'number') return null;
  const params = recordOf(request['pDispParams']);
  const sent = asList(params?.['rgvarg']);
  const names = asList(params?.['rgdispidNamedArgs']);
  const references = asList(request['rgVarRefIdx']);
  const referred = asList(request['rgVarRef']);
  const returned = asList(response?.['rgVarRef']);
  const arguments_ = sent.map((given): Argument => ({ given, returned: undefined }));
  for (const [at, index] of references.entries()) {
    if (typeof index === 'number' && index < arguments_.length)
      arguments_[index] = { given: referred[at] ?? null, returned: returned[at] };
  }
  const named = names
    .slice(0, arguments_.length)
    .flatMap((name, at) => (typeof name === 'number' ? [{ dispid: name, argument: arguments_[at] as Argument }] : []));
  const unwrapped = unwrap(response, hresult);
  return {
    dispid,
    flags: flags & 0xffff,
    positional: arguments_.slice(named.length).toReversed(),
    named,
    result: response?.['pVarResult'] ?? null,
    ...unwrapped,
  };
}

function unwrap(
  response: Fields | null,
  hresult: number | null,
): Pick<Invocation, 'exception' | 'refused' | 'hresult' | 'wrapped'> {
  const info = recordOf(response?.['pExcepInfo']);
  const exception = hresult === DISP_E_EXCEPTION && info !== null ? exceptionOf(info) : null;
  const refused = hresult === DISP_E_TYPEMISMATCH || hresult === DISP_E_PARAMNOTFOUND ? response?.['pArgErr'] : null;
  const code = exception !== null && exception.code !== 0 ? exception.code : hresult;
  return {
    exception,
    refused: typeof refused === 'number' ? refused : null,
    hresult: code,
    wrapped: code === hresult ? null : 'DISP_E_EXCEPTION',
  };
}

function exceptionOf(info: Fields): Exception {
  const { scode, wCode, bstrSource, bstrDescription } = info;
  const short = typeof wCode === 'number' ? wCode : 0;
  const code = typeof scode === 'number' && scode !== 0 ? scode : short;
  return { code: code >>> 0, source: text(bstrSource), description: text(bstrDescription) };
}

/** Arguments and results under the names of the declaration, as an early-bound call would show them. */
export interface Bound {
  readonly in: Fields;
  readonly out: Fields;
  /** Name of the argument that the server refused, or null. */
  readonly refused: string | null;
}

/**
 * Ties an Invoke to a member; `method` null: nobody knows its declaration, `names` are those of its parameters as far
 * as type information told.
 */
export function bindArguments(
  invocation: Invocation,
  method: Method | null,
  names: readonly string[],
  types: Types,
): Bound {
  const params = method?.params ?? null;
  const slots = (params ?? []).filter((param) => param.retval !== true);
  const given = newRecord();
  const out = newRecord();
  const own = new OwnNames();
  const place = (wanted: string, param: Parameter | undefined, argument: Argument): void => {
    const name = own.name(wanted);
    if (!isMissing(argument.given) && param?.direction !== 'out')
      given[name] = typed(argument.given, param?.type ?? null, types);
    if (argument.returned !== undefined) out[name] = typed(argument.returned, param?.type ?? null, types);
  };
  const nameAt = (index: number): string => slots[index]?.name ?? names[index] ?? `arg${index + 1}`;
  for (const [index, argument] of invocation.positional.entries()) place(nameAt(index), slots[index], argument);
  for (const { dispid, argument } of invocation.named) {
    if (dispid === DISPID_PROPERTYPUT) place(slots.at(-1)?.name ?? 'value', slots.at(-1), argument);
    else place(dispid >= 0 ? nameAt(dispid) : `named${dispid}`, slots[dispid], argument);
  }
  const returns = params?.find((param) => param.retval === true);
  const { result } = invocation;
  if (result !== null && (returns !== undefined || !isEmpty(result))) {
    if (!isEmpty(result) || isVariant(returns?.type ?? null))
      out[own.name(returns?.name ?? 'retval')] = typed(result, returns?.type ?? null, types);
  }
  return { in: given, out, refused: refusedName(invocation, nameAt) };
}

/**
 * Names of the arguments of one call. Those that came over the wire may be alike: the second is `name#2`, so that none
 * hides another.
 */
class OwnNames {
  private readonly taken = new Set<string>();
  private readonly counts = new Map<string, number>();

  name(wanted: string): string {
    let count = this.counts.get(wanted) ?? 0;
    let name = wanted;
    do {
      count++;
      name = count === 1 ? wanted : `${wanted}#${count}`;
    } while (this.taken.has(name));
    this.counts.set(wanted, count);
    this.taken.add(name);
    return name;
  }
}

function refusedName({ refused, positional, named }: Invocation, nameAt: (index: number) => string): string | null {
  if (refused === null) return null;
  const name = named[refused];
  if (name !== undefined) return name.dispid === DISPID_PROPERTYPUT ? 'value' : nameAt(name.dispid);
  const index = positional.length + named.length - 1 - refused;
  return index >= 0 && index < positional.length ? nameAt(index) : null;
}

/** Whether a VARIANT can be the value of a type, as automation would send it; null when that says nothing. */
export function fits(variant: Value, type: Type | null): boolean | null {
  const held = recordOf(variant);
  if (held === null || type === null || held['byref'] === true) return null;
  const vt = held['vt'];
  if (typeof vt !== 'string') return null;
  const expected = vtOf(type);
  if (expected === null) return null;
  return expected.includes(vt);
}

/** How the result of a member, as a VARIANT, shows; null where its declaration does not tell. */
export function resultForm(method: Method, types: Types): ResultForm | null {
  const returns = method.params?.find((param) => param.retval === true);
  if (returns === undefined) return NOTHING_RETURNED;
  const plain = resolved(returns.type, types);
  const vts = plain === null || isVariant(returns.type) ? null : vtOf(plain);
  if (plain === null || vts === null) return null;
  return {
    name: returns.name,
    vts: vts.map((vt) => VT[vt as keyof typeof VT]),
    key: fragment(`{${jsonText(returns.name)}:`),
    // Of two names of a number the first counts.
    names:
      plain.kind === 'enum'
        ? new Map(
            Object.entries(plain.members)
              .toReversed()
              .map(([name, value]) => [value, name]),
          )
        : null,
  };
}

const NOTHING_RETURNED: ResultForm = { name: 'retval', vts: [], key: fragment('{"retval":'), names: null };

/** VARTYPEs that hold a type; null for a type that says nothing. */
function vtOf(type: Type): readonly string[] | null {
  switch (type.kind) {
    case 'pointer':
      return vtOf(type.to);
    case 'interface':
      return ['VT_DISPATCH', 'VT_UNKNOWN'];
    case 'enum':
      return INTEGERS;
    case 'base':
      return type.base === 'f32' || type.base === 'f64' ? ['VT_R4', 'VT_R8'] : INTEGERS;
    case 'well-known':
      return wellKnown(type);
    default:
      return null;
  }
}

/** A result may be sent as the number that it is. */
function wellKnown({ name }: WellKnownType): readonly string[] | null {
  const vt = VARTYPES[name];
  if (vt === undefined) return null;
  return name === 'hresult' ? [vt, 'VT_I4'] : [vt];
}

/**
 * The value of a VARIANT as its declared type shows it; a VARIANT of another type stays what it is, so that nothing is
 * hidden.
 */
function typed(variant: Value, type: Type | null, types: Types): Value {
  const held = recordOf(variant);
  if (held === null || type === null || held['dims'] !== undefined) return variant;
  const plain = resolved(type, types);
  if (plain === null) return variant;
  const value = held['value'] ?? null;
  if (fits(variant, plain) !== true && !(held['byref'] === true && value !== null && typeof value !== 'object'))
    return variant;
  return plain.kind === 'enum' && typeof value === 'number' ? (nameOf(plain.members, value) ?? value) : value;
}

function isVariant(type: Type | null): boolean {
  return (
    type !== null &&
    (isVariantType(type) || (type.kind === 'pointer' && isVariant(type.to)) || type.kind === 'transformed')
  );
}

function nameOf(members: Readonly<Record<string, number>>, value: number): string | null {
  return Object.keys(members).find((name) => members[name] === value) ?? null;
}

function isEmpty(variant: Value): boolean {
  return recordOf(variant)?.['vt'] === 'VT_EMPTY';
}

/** An optional argument that was left out travels as VT_ERROR DISP_E_PARAMNOTFOUND. */
function isMissing(variant: Value): boolean {
  const held = recordOf(variant);
  return held !== null && held['vt'] === 'VT_ERROR' && Number(held['value']) >>> 0 === DISP_E_PARAMNOTFOUND;
}

function text(value: Value | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
