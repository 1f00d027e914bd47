import type { ValueTransform } from '../../src/ndr/codec.js';
import { VT } from '../../src/ndr/automation.js';
import { FADF, SF } from './constants.js';

type Wire = Parameters<ValueTransform['decode']>[0];
type Note = (message: string) => void;

/** Numbers that are shown as text, as src/ndr/text.ts writes them: the tables take them as an argument. */
export interface NumberTexts {
  readonly dateText: (value: number) => string | null;
  readonly dateValue: (text: string) => number | null;
  readonly scaledText: (value: bigint, scale: number) => string;
  readonly scaledValue: (text: string) => { readonly value: bigint; readonly scale: number } | null;
}

/** Bytes of one element of a type, as cbElements has it ([MS-OAUT] 2.2.8); 4 for pointers. */
export function elementSize(vt: number): number {
  switch (vt) {
    case VT.VT_I1:
    case VT.VT_UI1:
      return 1;
    case VT.VT_I2:
    case VT.VT_UI2:
    case VT.VT_BOOL:
      return 2;
    case VT.VT_I8:
    case VT.VT_UI8:
    case VT.VT_R8:
    case VT.VT_CY:
    case VT.VT_DATE:
      return 8;
    case VT.VT_VARIANT:
      return 16;
    default:
      return 4;
  }
}

/** Type of the elements where the array does not name it. */
export function kindOf(sf: number, features: number): number {
  if (sf === SF.SF_HAVEIID) return (features & FADF.DISPATCH) !== 0 ? VT.VT_DISPATCH : VT.VT_UNKNOWN;
  return sf === SF.SF_I1 ? VT.VT_UI1 : sf;
}

/** The SF_TYPE that holds elements of a type ([MS-OAUT] 2.2.30.10). */
export function sfOf(vt: number): number {
  switch (vt) {
    case VT.VT_BSTR:
      return SF.SF_BSTR;
    case VT.VT_UNKNOWN:
      return SF.SF_UNKNOWN;
    case VT.VT_DISPATCH:
      return SF.SF_DISPATCH;
    case VT.VT_VARIANT:
      return SF.SF_VARIANT;
    case VT.VT_RECORD:
      return SF.SF_RECORD;
    default: {
      const size = elementSize(vt);
      return BY_SIZE.get(size) ?? SF.SF_I4;
    }
  }
}

/** Kinds of elements without pointers by their size in bytes; all others have 4. */
const BY_SIZE: ReadonlyMap<number, number> = new Map([
  [1, SF.SF_I1],
  [2, SF.SF_I2],
  [8, SF.SF_I8],
]);

/** VARIANT_BOOL ([MS-OAUT] 2.2.27) by its wire value; any other stays the number it is. */
const BOOLEANS: ReadonlyMap<Wire, boolean> = new Map([
  [0, false],
  [0xffff, true],
]);

const scratch = new DataView(new ArrayBuffer(8));

type Integer = number | bigint;

/** An integer of the wire: an array may be sent as strings, or objects, whatever type it says that it has. */
function isInteger(item: Wire): item is Integer {
  return typeof item === 'number' || typeof item === 'bigint';
}

/** Elements that are integers on the wire; any others stay what they are. */
function integersAs(list: readonly Wire[], shown: (item: Integer) => Wire): Wire {
  return list.map((item) => (isInteger(item) ? shown(item) : item));
}

function float32(item: Integer): number {
  scratch.setUint32(0, Number(item));
  return scratch.getFloat32(0);
}

function float64(item: Integer): number {
  scratch.setBigUint64(0, BigInt.asUintN(64, BigInt(item)));
  return scratch.getFloat64(0);
}

/**
 * Elements as their type has them; the wire knows only integers of 1, 2, 4 and 8 bytes. VT_UI1 stays bytes, VT_CY and
 * VT_DATE become text as in a VARIANT of their own.
 */
export function elementsIn(vt: number, raw: Wire, texts: NumberTexts, note: Note): Wire {
  if (raw instanceof Uint8Array) return vt === VT.VT_I1 ? Array.from(raw, (byte) => (byte << 24) >> 24) : raw;
  if (!Array.isArray(raw)) return raw;
  const list = raw as readonly Wire[];
  switch (vt) {
    case VT.VT_I2:
      return integersAs(list, (item) => (Number(item) << 16) >> 16);
    case VT.VT_BOOL:
      return list.map((item) => {
        const truth = BOOLEANS.get(item);
        if (truth === undefined)
          note(`SAFEARRAY of VT_BOOL holds ${String(item)}, which is neither VARIANT_TRUE nor VARIANT_FALSE`);
        return truth ?? item;
      });
    case VT.VT_I4:
    case VT.VT_INT:
      return integersAs(list, (item) => Number(item) | 0);
    case VT.VT_R4:
      return integersAs(list, float32);
    case VT.VT_I8:
      return list.map((item) => (typeof item === 'bigint' ? BigInt.asIntN(64, item) : item));
    case VT.VT_R8:
      return integersAs(list, float64);
    case VT.VT_CY:
      return list.map((item) => (typeof item === 'bigint' ? texts.scaledText(BigInt.asIntN(64, item), 4) : item));
    case VT.VT_DATE:
      return integersAs(list, (item) => {
        const value = float64(item);
        const text = texts.dateText(value);
        if (text !== null) return text;
        note(`SAFEARRAY of VT_DATE holds ${value}, which is outside the years 100 to 9999`);
        return { date: Number.isFinite(value) ? value : String(value) };
      });
    default:
      return raw;
  }
}

/**
 * The reverse of {@link elementsIn}; what is no element of the type goes on as it is, and is refused where it is
 * written.
 */
export function elementsOut(vt: number, sf: number, value: Wire, texts: NumberTexts): Wire {
  if (!Array.isArray(value)) return value;
  const list = value as readonly Wire[];
  if (sf === SF.SF_I1) return Uint8Array.from(list, (item) => Number(item) & 0xff);
  switch (vt) {
    case VT.VT_I2:
      return numbersAs(list, (item) => item & 0xffff);
    case VT.VT_BOOL:
      return list.map((item) => (typeof item === 'boolean' ? Number(item) * 0xffff : item));
    case VT.VT_I4:
    case VT.VT_INT:
      return numbersAs(list, (item) => item >>> 0);
    case VT.VT_R4:
      return numbersAs(list, (item) => {
        scratch.setFloat32(0, item);
        return scratch.getUint32(0);
      });
    case VT.VT_R8:
      return numbersAs(list, bitsOf);
    case VT.VT_CY:
      return list.map((item) => {
        const parsed = typeof item === 'string' ? texts.scaledValue(item) : null;
        return parsed === null || parsed.scale > 4 ? item : parsed.value * 10n ** BigInt(4 - parsed.scale);
      });
    case VT.VT_DATE:
      return list.map((item) => {
        const date = typeof item === 'string' ? texts.dateValue(item) : dateOf(item);
        return date === null ? item : bitsOf(date);
      });
    default:
      return value;
  }
}

/** Elements that are shown as numbers; any others stay what they are. */
function numbersAs(list: readonly Wire[], wire: (item: number) => Wire): Wire {
  return list.map((item) => (typeof item === 'number' ? wire(item) : item));
}

function bitsOf(value: number): bigint {
  scratch.setFloat64(0, value);
  return scratch.getBigUint64(0);
}

function dateOf(item: Wire): number | null {
  if (typeof item === 'number') return item;
  const raw = item === null || typeof item !== 'object' ? null : (item as { readonly [name: string]: Wire })['date'];
  return typeof raw === 'number' || typeof raw === 'string' ? Number(raw) : null;
}
