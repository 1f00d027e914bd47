import type { ValueTransform } from '../../src/ndr/codec.js';
import { FADF, SF, VT } from './constants.js';

type Wire = Parameters<ValueTransform['decode']>[0];

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

const scratch = new DataView(new ArrayBuffer(8));

/** Elements as their type has them: the wire knows only 1, 2, 4 and 8 byte integers. */
export function elementsIn(vt: number, raw: Wire): Wire {
  if (raw instanceof Uint8Array) return vt === VT.VT_I1 ? Array.from(raw, (byte) => (byte << 24) >> 24) : raw;
  if (!Array.isArray(raw)) return raw;
  const list = raw as readonly Wire[];
  switch (vt) {
    case VT.VT_I2:
      return list.map((item) => (Number(item) << 16) >> 16);
    case VT.VT_BOOL:
      return list.map((item) => (item === 0 ? false : item === 0xffff ? true : item));
    case VT.VT_I4:
    case VT.VT_INT:
      return list.map((item) => Number(item) | 0);
    case VT.VT_R4:
      return list.map((item) => {
        scratch.setUint32(0, Number(item));
        const value = scratch.getFloat32(0);
        return Number.isNaN(value) ? item : value;
      });
    case VT.VT_I8:
      return list.map((item) => (typeof item === 'bigint' ? BigInt.asIntN(64, item) : item));
    case VT.VT_R8:
    case VT.VT_DATE:
      return list.map((item) => {
        scratch.setBigUint64(0, BigInt(item as bigint));
        const value = scratch.getFloat64(0);
        return Number.isNaN(value) ? item : value;
      });
    default:
      return raw;
  }
}

/** The reverse of {@link elementsIn}. */
export function elementsOut(vt: number, sf: number, value: Wire): Wire {
  if (!Array.isArray(value)) return value;
  const list = value as readonly Wire[];
  if (sf === SF.SF_I1) return Uint8Array.from(list, (item) => Number(item) & 0xff);
  switch (vt) {
    case VT.VT_I2:
      return list.map((item) => Number(item) & 0xffff);
    case VT.VT_BOOL:
      return list.map((item) => (item === true ? 0xffff : item === false ? 0 : item));
    case VT.VT_I4:
    case VT.VT_INT:
      return list.map((item) => Number(item) >>> 0);
    case VT.VT_R4:
      return list.map((item) => {
        scratch.setFloat32(0, Number(item));
        return scratch.getUint32(0);
      });
    case VT.VT_R8:
    case VT.VT_DATE:
      return list.map((item) => {
        if (typeof item === 'bigint') return item;
        scratch.setFloat64(0, Number(item));
        return scratch.getBigUint64(0);
      });
    default:
      return value;
  }
}
