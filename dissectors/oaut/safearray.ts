import { recordOf, type Fields } from '../../src/ndr/value.js';
import type { ValueTransform } from '../../src/ndr/codec.js';
import { VT } from '../../src/ndr/automation.js';
import { FADF, SF, vtCode, vtName } from './constants.js';
import { elementsIn, elementSize, elementsOut, kindOf, sfOf, type NumberTexts } from './elements.js';

type Wire = Parameters<ValueTransform['decode']>[0];
/** The IID of elements whose sender did not say: IUnknown's. */
const IID_IUNKNOWN = '00000000-0000-0000-c000-000000000046';

/** Arm of SAFEARRAYUNION and its member by SF_TYPE. */
const ARMS: Readonly<Record<number, readonly [arm: string, member: string]>> = {
  [SF.SF_BSTR]: ['BstrStr', 'aBstr'],
  [SF.SF_UNKNOWN]: ['UnknownStr', 'apUnknown'],
  [SF.SF_DISPATCH]: ['DispatchStr', 'apDispatch'],
  [SF.SF_VARIANT]: ['VariantStr', 'aVariant'],
  [SF.SF_RECORD]: ['RecordStr', 'aRecord'],
  [SF.SF_HAVEIID]: ['HaveIidStr', 'apUnknown'],
  [SF.SF_I1]: ['ByteStr', 'pData'],
  [SF.SF_I2]: ['WordStr', 'pData'],
  [SF.SF_I4]: ['LongStr', 'pData'],
  [SF.SF_I8]: ['HyperStr', 'pData'],
};

/**
 * SAFEARRAY ([MS-OAUT] 2.2.30) as `{ vt, features, elementSize, locks, sf, dims, value }`: `dims` (`{ count, lower }`)
 * first dimension first, which the wire has last; `value` flat, in the order of the wire. Only `vt`, `dims` and `value`
 * are needed to write one.
 */
export function makeSafearray(texts: NumberTexts): ValueTransform {
  return {
    decode(wire, problem) {
      const held = recordOf(wire);
      if (held === null) return wire;
      const note = (message: string): void => problem('dcom-bad-variant', message);
      const union = recordOf(held['uArrayStructs']);
      const features = Number(held['fFeatures'] ?? 0);
      const cLocks = Number(held['cLocks'] ?? 0);
      const sf = Number(union?.['tag'] ?? 0);
      const vt = (features & FADF.HAVEVARTYPE) !== 0 ? cLocks >>> 16 : kindOf(sf, features);
      const dims = list(held['rgsabound'])
        .toReversed()
        .map((bound) => ({ count: bound['cElements'] ?? 0, lower: bound['lLbound'] ?? 0 }));
      const [armName = '', member = ''] = ARMS[sf] ?? [];
      const content = recordOf(union?.[armName]);
      const raw = content?.[member] ?? null;
      if (union !== null && sf !== sfOf(vt) && sf !== SF.SF_HAVEIID)
        note(`SAFEARRAY of ${vtName(vt)} is sent as SF_TYPE 0x${sf.toString(16)}`);
      if (dims.length === 0) note('SAFEARRAY has no dimension');
      const value = raw === null ? null : elementsIn(vt, raw, texts, note);
      const due = dims.reduce((all, dim) => all * Number(dim.count), 1);
      const length = lengthOf(value);
      if (value !== null && due !== length) note(`SAFEARRAY with bounds for ${due} elements holds ${length}`);
      const iid = content?.['iid'];
      return {
        vt: vtName(vt),
        features,
        elementSize: held['cbElements'] ?? 0,
        locks: (features & FADF.HAVEVARTYPE) !== 0 ? cLocks & 0xffff : cLocks,
        sf,
        dims,
        value,
        ...(iid === undefined ? {} : { elementIid: iid }),
      };
    },
    encode(shown) {
      const held = recordOf(shown);
      if (held === null) return null;
      const vt = vtCode(held['vt']) ?? VT.VT_EMPTY;
      const sf = typeof held['sf'] === 'number' ? held['sf'] : sfOf(vt);
      const features = typeof held['features'] === 'number' ? held['features'] : featuresOf(vt);
      const value = held['value'] ?? null;
      const rgsabound = list(held['dims'])
        .toReversed()
        .map((dim) => ({ cElements: dim['count'] ?? 0, lLbound: dim['lower'] ?? 0 }));
      const [arm, member] = ARMS[sf] ?? ['LongStr', 'pData'];
      const elements = value === null ? null : elementsOut(vt, sf, value, texts);
      const content = { [member === 'pData' ? 'clSize' : 'Size']: lengthOf(value), [member]: elements };
      const locks = Number(held['locks'] ?? 0);
      return {
        cDims: rgsabound.length,
        fFeatures: features,
        cbElements: held['elementSize'] ?? elementSize(vt),
        cLocks: (features & FADF.HAVEVARTYPE) !== 0 ? ((vt << 16) | (locks & 0xffff)) >>> 0 : locks,
        uArrayStructs: {
          tag: sf,
          [arm]: sf === SF.SF_HAVEIID ? { ...content, iid: held['elementIid'] ?? IID_IUNKNOWN } : content,
        },
        rgsabound,
      };
    },
  };
}

function list(value: Wire | undefined): readonly Fields[] {
  return Array.isArray(value) ? (value as readonly Fields[]) : [];
}

function lengthOf(value: Wire): number {
  return Array.isArray(value) || value instanceof Uint8Array ? value.length : 0;
}

/** fFeatures of an array whose sender did not say ([MS-OAUT] 2.2.30.10). */
function featuresOf(vt: number): number {
  switch (vt) {
    case VT.VT_BSTR:
      return FADF.HAVEVARTYPE | FADF.BSTR;
    case VT.VT_UNKNOWN:
      return FADF.HAVEVARTYPE | FADF.UNKNOWN;
    case VT.VT_DISPATCH:
      return FADF.HAVEVARTYPE | FADF.DISPATCH;
    case VT.VT_VARIANT:
      return FADF.HAVEVARTYPE | FADF.VARIANT;
    case VT.VT_RECORD:
      return FADF.RECORD;
    default:
      return FADF.HAVEVARTYPE;
  }
}
