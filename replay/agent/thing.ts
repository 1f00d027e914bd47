import { DISP_E_MEMBERNOTFOUND, S_OK, type Outcome, type ServedObject, type ServedValue } from '../server/dispatch.js';

export const WU_E_INVALIDINDEX = 0x80240007;
export const WU_E_NOT_SUPPORTED = 0x80240037;
export const WU_E_INVALID_CRITERIA = 0x80240032;
export const WU_E_NO_SERVICE = 0x80240001;
export const WU_E_LEGACYSERVER = 0x8024002b;
export const WU_E_UNKNOWN_ID = 0x80240003;
export const E_POINTER = 0x80004003;

type Getter = ServedValue | (() => ServedValue);
type Arguments = { readonly [name: string]: ServedValue };

/** How an object answers: its properties, what may be put, its methods. */
export interface Thing {
  readonly interfaces: readonly string[];
  readonly get?: { readonly [name: string]: Getter };
  /** Returns an HRESULT; 0 when the value was taken. */
  readonly put?: { readonly [name: string]: (value: ServedValue, args: Arguments) => number };
  readonly methods?: { readonly [name: string]: (args: Arguments) => Outcome };
}

/** An object from a description of its members. */
export function thing({ interfaces, get = {}, put = {}, methods = {} }: Thing): ServedObject {
  return {
    served: true, interfaces,
    call(_, member, kind, args) {
      if (kind === 'propput' || kind === 'propputref') {
        const name = Object.keys(args).at(-1) ?? '';
        return { hresult: put[member]?.(args[name] ?? null, args) ?? DISP_E_MEMBERNOTFOUND };
      }
      const method = methods[member];
      if (method !== undefined) return method(args);
      if (!(member in get)) return { hresult: DISP_E_MEMBERNOTFOUND };
      const value = get[member];
      return { hresult: S_OK, out: { retval: typeof value === 'function' ? value() : (value as ServedValue) } };
    },
  };
}

export function ok(retval?: ServedValue): Outcome {
  return retval === undefined ? { hresult: S_OK } : { hresult: S_OK, out: { retval } };
}

export function failed(hresult: number): Outcome {
  return { hresult };
}

/** A collection that nobody changes ([MS-UAMG] 3.24, 3.30, …): Item, Count, _NewEnum. */
export function fixed(name: string, items: readonly ServedValue[]): ServedObject {
  return thing({
    interfaces: [name], get: { Count: items.length, _NewEnum: () => ({ enumerates: items }) },
    methods: { Item: ({ index }) => (typeof index === 'number' && index >= 0 && index < items.length ? ok(items[index]) : failed(WU_E_INVALIDINDEX)) },
  });
}

/** Items of one collection at most. */
const MAX_ITEMS = 100_000;

/** IStringCollection (3.18) and IUpdateCollection (3.22): the client may change them unless they are read-only. */
export function changeable(name: string, items: ServedValue[], readOnly: boolean): ServedObject {
  const at = (index: ServedValue | undefined): number | null => (typeof index === 'number' && index >= 0 && index < items.length ? index : null);
  const change = (work: () => Outcome): Outcome => (readOnly ? failed(WU_E_NOT_SUPPORTED) : work());
  return thing({
    interfaces: [name], get: { Count: () => items.length, ReadOnly: readOnly, _NewEnum: () => ({ enumerates: [...items] }) },
    put: {
      Item: (value, { index }) => {
        if (readOnly) return WU_E_NOT_SUPPORTED;
        const place = at(index);
        if (place === null) return WU_E_INVALIDINDEX;
        items[place] = value;
        return S_OK;
      },
    },
    methods: {
      Item: ({ index }) => (at(index) === null ? failed(WU_E_INVALIDINDEX) : ok(items[at(index) ?? 0])),
      Add: ({ value }) => change(() => (items.length >= MAX_ITEMS ? failed(WU_E_NOT_SUPPORTED) : ok(items.push(value ?? null) - 1))),
      Clear: () => change(() => {
        items.length = 0;
        return ok();
      }),
      Copy: () => ok(changeable(name, [...items], false)),
      Insert: ({ index, value }) => change(() => {
        if (typeof index !== 'number' || index < 0 || index > items.length) return failed(WU_E_INVALIDINDEX);
        items.splice(index, 0, value ?? null);
        return ok();
      }),
      RemoveAt: ({ index }) => change(() => {
        const place = at(index);
        if (place === null) return failed(WU_E_INVALIDINDEX);
        items.splice(place, 1);
        return ok();
      }),
    },
  });
}
