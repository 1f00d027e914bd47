import {
  E_INVALIDARG,
  S_FALSE,
  S_OK,
  isServed,
  type Enumerator,
  type Outcome,
  type ServedObject,
  type ServedValue,
} from './dispatch.js';

/** Elements given by one IEnumVARIANT::Next. */
const MAX_NEXT = 4096;

/** An IEnumVARIANT over items ([MS-OAUT] 3.3). */
export function enumerate({ enumerates: items }: Enumerator, from = 0): ServedObject {
  let at = from;
  const next = (count: number): Outcome => {
    const given = items.slice(at, at + Math.min(count, MAX_NEXT));
    at += given.length;
    return {
      hresult: given.length === count ? S_OK : S_FALSE,
      out: { rgVar: given.map((item) => variantOf(item)) as never, pCeltFetched: given.length },
    };
  };
  return {
    served: true,
    interfaces: ['IEnumVARIANT'],
    weight: () => 1 + items.length,
    call(_, member, __, args) {
      switch (member) {
        case 'Next':
          return typeof args['celt'] === 'number' ? next(args['celt']) : { hresult: E_INVALIDARG };
        case 'Skip': {
          const to = at + Number(args['celt'] ?? 0);
          at = Math.min(items.length, to);
          return { hresult: to > items.length ? S_FALSE : S_OK };
        }
        case 'Reset':
          at = 0;
          return { hresult: S_OK };
        case 'Clone':
          return { hresult: S_OK, out: { ppEnum: enumerate({ enumerates: items }, at) } };
        default:
          return { hresult: E_INVALIDARG };
      }
    },
  };
}

/** An item as a VARIANT: objects as VT_DISPATCH, texts as VT_BSTR, numbers as VT_I4. */
export function variantOf(item: ServedValue): { readonly vt: string; readonly value: ServedValue } {
  if (item !== null && typeof item === 'object' && 'vt' in item)
    return item as unknown as { readonly vt: string; readonly value: ServedValue };
  if (isServed(item)) return { vt: 'VT_DISPATCH', value: item };
  if (typeof item === 'number') return { vt: 'VT_I4', value: item };
  return typeof item === 'boolean' ? { vt: 'VT_BOOL', value: item } : { vt: 'VT_BSTR', value: item };
}
