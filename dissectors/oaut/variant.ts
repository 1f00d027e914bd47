import type { ValueTransform } from '../../src/ndr/codec.js';
import { VT } from '../../src/ndr/automation.js';
import { FADF, vtCode, vtName } from './constants.js';
import { elementsIn, elementsOut, sfOf, type NumberTexts } from './elements.js';
import { recordOf, type Fields } from '../../src/ndr/value.js';

type Wire = Parameters<ValueTransform['decode']>[0];

/**
 * VARIANT ([MS-OAUT] 2.2.29) as `{ vt, value }`, with `byref: true` when by reference. An array has what its SAFEARRAY
 * shows, `dims` among it (an array that is missing has no dims and the value null); its `vt` is that of the elements,
 * and `elementVt` what the SAFEARRAY says where that differs.
 */
export function makeVariant(texts: NumberTexts): ValueTransform {
  return {
    decode(wire, problem) {
      const held = recordOf(wire);
      if (held === null) return wire;
      const vt = Number(held['vt'] ?? 0);
      const name = vtName(vt);
      const byref = (vt & VT.VT_BYREF) !== 0 ? { byref: true } : {};
      const union = recordOf(held['_varUnion']);
      if (union === null) return { vt: name, value: null, ...byref };
      const isArray = (vt & VT.VT_ARRAY) !== 0;
      const tag = Number(union['tag'] ?? vt);
      const due = isArray ? vt & (VT.VT_ARRAY | VT.VT_BYREF) : vt;
      if (tag !== due)
        problem('dcom-bad-variant', `VARIANT of type 0x${vt.toString(16)} has the arm of 0x${tag.toString(16)}`);
      const arm = Object.keys(union).find((key) => key !== 'tag');
      const value = arm === undefined ? null : (union[arm] ?? null);
      if (!isArray) return { vt: name, value, ...byref };
      const array = recordOf(value);
      return array === null
        ? { vt: name, dims: [], value: null, ...byref }
        : { ...arrayIn(array, name, problem), ...byref };
    },
    encode(shown) {
      const held = recordOf(shown);
      if (held === null) return null;
      const bare = vtCode(held['vt']) ?? VT.VT_EMPTY;
      const isArray = held['dims'] !== undefined;
      const byref = held['byref'] === true ? VT.VT_BYREF : 0;
      const vt = bare | (isArray ? VT.VT_ARRAY : 0) | byref;
      const tag = isArray ? VT.VT_ARRAY | byref : vt;
      const value = isArray ? arrayOut(held) : (held['value'] ?? null);
      return {
        clSize: clSizeOf(vt),
        rpcReserved: 0,
        vt,
        wReserved1: 0,
        wReserved2: 0,
        wReserved3: 0,
        _varUnion: { tag, [armName(bare, isArray, byref !== 0)]: value },
      };
    },
  };

  /** An array in a VARIANT whose type is `name`: it may leave its own type out, or contradict. */
  function arrayIn(array: Fields, name: string, problem: (code: 'dcom-bad-variant', message: string) => void): Fields {
    const own = array['vt'];
    if (own === name) return array;
    const wanted = vtCode(name) ?? VT.VT_EMPTY;
    const said = vtCode(own) ?? VT.VT_EMPTY;
    const sf = Number(array['sf']);
    if ((Number(array['features']) & FADF.HAVEVARTYPE) !== 0 || sfOf(wanted) !== sf) {
      problem('dcom-bad-variant', `VARIANT of ${name} elements holds a SAFEARRAY of ${String(own)}`);
      return { ...array, vt: name, elementVt: own ?? null };
    }
    const raw = elementsOut(said, sf, array['value'] ?? null, texts);
    return {
      ...array,
      vt: name,
      value: elementsIn(wanted, raw, texts, (message) => problem('dcom-bad-variant', message)),
    };
  }
}

function arrayOut(held: Fields): Wire {
  if (held['value'] === null || held['value'] === undefined)
    return Array.isArray(held['dims']) && held['dims'].length > 0 ? held : null;
  return held['elementVt'] === undefined ? held : { ...held, vt: held['elementVt'] };
}

function armName(bare: number, isArray: boolean, byref: boolean): string {
  if (isArray) return byref ? 'VT_ARRAY|VT_BYREF' : 'VT_ARRAY';
  if (bare === VT.VT_EMPTY || bare === VT.VT_NULL) return 'VT_EMPTY';
  if (bare === VT.VT_RECORD) return 'VT_RECORD';
  return byref ? `${vtName(bare)}|VT_BYREF` : vtName(bare);
}

const WIDE: readonly number[] = [VT.VT_I8, VT.VT_UI8, VT.VT_R8, VT.VT_CY, VT.VT_DATE];

/** clSize of the wire form in quad words: header and the larger of arm and pointer. Receivers ignore it. */
function clSizeOf(vt: number): number {
  if (vt === VT.VT_DECIMAL) return 5;
  return (vt & (VT.VT_ARRAY | VT.VT_BYREF)) !== 0 || WIDE.includes(vt) ? 4 : 3;
}
