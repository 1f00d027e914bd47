import type { ValueTransform } from '../../src/ndr/codec.js';
import { FADF, SF, VT, vtName } from './constants.js';
import { elementsIn, elementsOut, elementSize, kindOf } from './elements.js';

type Wire = Parameters<ValueTransform['decode']>[0];
type Bag = { readonly [name: string]: Wire };

function bag(value: Wire | undefined): Bag | null {
  return value === null || value === undefined || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array ? null : (value as Bag);
}

/** VARIANT ([MS-OAUT] 2.2.29) as `{ vt, value }`; `byref` when by reference, `dims` for arrays. */
export const variantTransform: ValueTransform = {
  decode(wire, problem) {
    const held = bag(wire);
    if (held === null) return wire;
    const vt = Number(held['vt']);
    const union = bag(held['_varUnion']);
    const name = vtName(vt);
    const tag = Number(union?.['tag'] ?? vt);
    const isArray = (vt & VT.VT_ARRAY) !== 0;
    const byref = (vt & VT.VT_BYREF) !== 0;
    const due = isArray ? vt & (VT.VT_ARRAY | VT.VT_BYREF) : vt;
    if (union === null) return { vt: name, value: null };
    if (tag !== due) problem('dcom-bad-variant', `VARIANT of type 0x${vt.toString(16)} has the arm of 0x${tag.toString(16)}`);
    const arm = Object.keys(union).find((key) => key !== 'tag');
    const value = arm === undefined ? null : (union[arm] ?? null);
    const flags = byref ? { byref: true } : {};
    if (isArray) {
      const array = bag(value);
      return array === null ? { vt: name, dims: [], value: null, ...flags } : { ...array, vt: name, ...flags };
    }
    return { vt: name, value, ...flags };
  },
  encode(shown) {
    const held = bag(shown);
    if (held === null) return null;
    const bare = codeOf(held['vt']);
    const isArray = held['dims'] !== undefined;
    const byref = held['byref'] === true ? VT.VT_BYREF : 0;
    const vt = bare | (isArray ? VT.VT_ARRAY : 0) | byref;
    const tag = isArray ? VT.VT_ARRAY | byref : vt;
    const value = held['value'] ?? null;
    return { clSize: clSizeOf(vt), rpcReserved: 0, vt, wReserved1: 0, wReserved2: 0, wReserved3: 0, _varUnion: { tag, ...arm(bare, isArray, byref !== 0, isArray ? held : value) } };
  },
};

function arm(bare: number, isArray: boolean, byref: boolean, value: Wire): Bag {
  if (isArray) return { [byref ? 'VT_ARRAY|VT_BYREF' : 'VT_ARRAY']: bag(value)?.['value'] === null ? null : value };
  if (bare === VT.VT_EMPTY || bare === VT.VT_NULL) return { VT_EMPTY: null };
  if (bare === VT.VT_RECORD) return { VT_RECORD: value };
  return { [byref ? `${vtName(bare)}|VT_BYREF` : vtName(bare)]: value };
}

/** Type constant of a name such as `VT_I4`; VT_EMPTY for what is none. */
export function codeOf(name: Wire | undefined): number {
  if (typeof name !== 'string') return VT.VT_EMPTY;
  const known = (VT as Readonly<Record<string, number>>)[name];
  return known ?? (/^VT_0x[0-9a-f]+$/.test(name) ? Number(name.slice(3)) : VT.VT_EMPTY);
}

/** clSize of the wire form in quad words: header and the larger of arm and pointer. Receivers ignore it. */
function clSizeOf(vt: number): number {
  if (vt === VT.VT_EMPTY || vt === VT.VT_NULL) return 3;
  return vt === VT.VT_DECIMAL ? 5 : (vt & (VT.VT_ARRAY | VT.VT_BYREF)) !== 0 ? 4 : [VT.VT_I8, VT.VT_UI8, VT.VT_R8, VT.VT_CY, VT.VT_DATE].some((wide) => wide === vt) ? 4 : 3;
}

/** SAFEARRAY ([MS-OAUT] 2.2.30) as `{ vt, dims, value }`: `dims` first dimension first, `value` flat in the order of the wire. */
export const safearrayTransform: ValueTransform = {
  decode(wire, problem) {
    const held = bag(wire);
    if (held === null) return wire;
    const union = bag(held['uArrayStructs']);
    const features = Number(held['fFeatures'] ?? 0);
    const locks = Number(held['cLocks'] ?? 0);
    const sf = Number(union?.['tag'] ?? 0);
    const vt = (features & FADF.HAVEVARTYPE) !== 0 ? locks >>> 16 : kindOf(sf, features);
    const bounds = Array.isArray(held['rgsabound']) ? (held['rgsabound'] as readonly Bag[]) : [];
    const dims = bounds.toReversed().map((bound) => ({ count: bound['cElements'] ?? 0, lower: bound['lLbound'] ?? 0 }));
    const armName = union === null ? undefined : Object.keys(union).find((key) => key !== 'tag');
    const content = union === null || armName === undefined ? null : bag(union[armName]);
    const raw = content === null ? null : (content['pData'] ?? content['aBstr'] ?? content['apUnknown'] ?? content['apDispatch'] ?? content['aVariant'] ?? content['aRecord'] ?? null);
    const value = raw === null ? null : elementsIn(vt, raw);
    const product = dims.reduce((all, dim) => all * Number(dim.count), 1);
    const length = Array.isArray(value) || value instanceof Uint8Array ? value.length : 0;
    if (value !== null && product !== length) problem('dcom-bad-variant', `SAFEARRAY with bounds for ${product} elements holds ${length}`);
    const iid = content?.['iid'];
    return { vt: vtName(vt), features, elementSize: held['cbElements'] ?? 0, locks: locks & 0xffff, sf, dims, value, ...(iid === undefined ? {} : { elementIid: iid }) };
  },
  encode(shown) {
    const held = bag(shown);
    if (held === null) return null;
    const vt = codeOf(held['vt']);
    const sf = typeof held['sf'] === 'number' ? held['sf'] : sfOf(vt);
    const value = held['value'] ?? null;
    const features = typeof held['features'] === 'number' ? held['features'] : featuresOf(vt);
    const dims = Array.isArray(held['dims']) ? (held['dims'] as readonly Bag[]) : [];
    const rgsabound = dims.toReversed().map((dim) => ({ cElements: dim['count'] ?? 0, lLbound: dim['lower'] ?? 0 }));
    const locks = Number(held['locks'] ?? 0) | ((features & FADF.HAVEVARTYPE) !== 0 ? vt << 16 : 0);
    const [name, member] = ARMS[sf] ?? ['WordStr', 'pData'];
    const count = Array.isArray(value) || value instanceof Uint8Array ? value.length : 0;
    const content = { [member === 'pData' ? 'clSize' : 'Size']: count, [member]: value === null ? null : elementsOut(vt, sf, value) };
    const withIid = sf === SF.SF_HAVEIID ? { ...content, iid: held['elementIid'] ?? '00000000-0000-0000-c000-000000000046' } : content;
    return {
      cDims: rgsabound.length, fFeatures: features, cbElements: held['elementSize'] ?? elementSize(vt), cLocks: locks >>> 0, uArrayStructs: { tag: sf, [name]: withIid }, rgsabound,
    };
  },
};

const ARMS: Readonly<Record<number, readonly [string, string]>> = {
  [SF.SF_BSTR]: ['BstrStr', 'aBstr'], [SF.SF_UNKNOWN]: ['UnknownStr', 'apUnknown'], [SF.SF_DISPATCH]: ['DispatchStr', 'apDispatch'], [SF.SF_VARIANT]: ['VariantStr', 'aVariant'],
  [SF.SF_RECORD]: ['RecordStr', 'aRecord'], [SF.SF_HAVEIID]: ['HaveIidStr', 'apUnknown'], [SF.SF_I1]: ['ByteStr', 'pData'], [SF.SF_I2]: ['WordStr', 'pData'], [SF.SF_I4]: ['LongStr', 'pData'],
  [SF.SF_I8]: ['HyperStr', 'pData'],
};

/** Kind of element for a type without `sf` of its own ([MS-OAUT] 2.2.30.10). */
function sfOf(vt: number): number {
  switch (vt) {
    case VT.VT_BSTR: return SF.SF_BSTR;
    case VT.VT_UNKNOWN: return SF.SF_UNKNOWN;
    case VT.VT_DISPATCH: return SF.SF_DISPATCH;
    case VT.VT_VARIANT: return SF.SF_VARIANT;
    case VT.VT_RECORD: return SF.SF_RECORD;
    default: {
      const size = elementSize(vt);
      return size === 1 ? SF.SF_I1 : size === 2 ? SF.SF_I2 : size === 8 ? SF.SF_I8 : SF.SF_I4;
    }
  }
}

function featuresOf(vt: number): number {
  switch (vt) {
    case VT.VT_BSTR: return FADF.HAVEVARTYPE | FADF.BSTR;
    case VT.VT_UNKNOWN: return FADF.HAVEVARTYPE | FADF.UNKNOWN;
    case VT.VT_DISPATCH: return FADF.HAVEVARTYPE | FADF.DISPATCH;
    case VT.VT_VARIANT: return FADF.HAVEVARTYPE | FADF.VARIANT;
    case VT.VT_RECORD: return FADF.RECORD;
    default: return FADF.HAVEVARTYPE;
  }
}
