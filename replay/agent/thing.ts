import {
  DISP_E_MEMBERNOTFOUND,
  E_INVALIDARG,
  E_OUTOFMEMORY,
  S_OK,
  isServed,
  type Outcome,
  type ServedObject,
  type ServedValue,
} from '../../src/peer/server/dispatch.js';

export const WU_E_INVALIDINDEX = 0x80240007;
export const WU_E_NOT_SUPPORTED = 0x80240037;
export const WU_E_INVALID_CRITERIA = 0x80240032;
export const WU_E_NO_SERVICE = 0x80240001;
export const WU_E_UNKNOWN_SERVICE = 0x80240042;
export const WU_E_UNKNOWN_ID = 0x80240003;

type Getter = ServedValue | (() => ServedValue);
type Arguments = { readonly [name: string]: ServedValue };

/** How an object answers: its properties, what may be put, its methods. */
export interface Members {
  readonly get?: { readonly [name: string]: Getter };
  /** Returns an HRESULT; 0 when the value was taken. */
  readonly put?: { readonly [name: string]: (value: ServedValue, args: Arguments) => number };
  readonly methods?: { readonly [name: string]: (args: Arguments) => Outcome };
  readonly weight?: () => number;
}

export interface Thing extends Members {
  readonly interfaces: readonly string[];
}

/** An object from a description of its members. */
export function thing({ interfaces, ...members }: Thing): ServedObject {
  return lazily(interfaces, () => members);
}

/** The same, described when it is called first: most objects of a search never are. */
export function lazily(interfaces: readonly string[], describe: () => Members): ServedObject {
  let described: Members | null = null;
  return {
    served: true,
    interfaces,
    call(_, member, kind, args) {
      const { get = {}, put = {}, methods = {} } = (described ??= describe());
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
    weight: () => described?.weight?.() ?? 1,
  };
}

/** An object whose properties are read from a subject by a table that all of its kind share. */
export function tabled<Subject, Context>(
  interfaces: readonly string[],
  table: { readonly [name: string]: (subject: Subject, context: Context) => ServedValue },
  subject: Subject,
  context: Context,
): ServedObject {
  return {
    served: true,
    interfaces,
    call(_, member, kind) {
      const read = kind === 'propget' ? table[member] : undefined;
      return read === undefined
        ? { hresult: DISP_E_MEMBERNOTFOUND }
        : { hresult: S_OK, out: { retval: read(subject, context) } };
    },
  };
}

export function ok(retval?: ServedValue): Outcome {
  return retval === undefined ? { hresult: S_OK } : { hresult: S_OK, out: { retval } };
}

export function failed(hresult: number): Outcome {
  return { hresult };
}

/** A property that a client may set: takes what is valid, refuses the rest ([MS-UAMG] 3.38.4.2 and its like). */
export function setter(
  set: (value: ServedValue) => void,
  valid: (value: ServedValue) => boolean,
): (value: ServedValue) => number {
  return (value) => {
    if (!valid(value)) return E_INVALIDARG;
    set(value);
    return S_OK;
  };
}

/** Characters of a text that a client may leave with an object. */
const MAX_TEXT = 65_536;

export function isText(value: ServedValue | undefined): value is string | null {
  return value === null || (typeof value === 'string' && value.length <= MAX_TEXT);
}

/**
 * A collection that nobody changes (3.8, 3.26, …): Item, Count, _NewEnum. An item is made when it is asked for, and
 * then kept.
 */
export function fixed(name: string, count: number, make: (index: number) => ServedValue): ServedObject {
  const made = new Map<number, ServedValue>();
  const item = (index: number): ServedValue => {
    let one = made.get(index);
    if (one === undefined) made.set(index, (one = make(index)));
    return one;
  };
  return thing({
    interfaces: [name],
    get: { Count: count, _NewEnum: () => ({ enumerates: Array.from({ length: count }, (_, index) => item(index)) }) },
    methods: {
      Item: ({ index }) =>
        typeof index === 'number' && index >= 0 && index < count ? ok(item(index)) : failed(WU_E_INVALIDINDEX),
    },
    weight: () => 1 + made.size,
  });
}

/** Items of one collection, and characters of all its texts, at most. */
export const COLLECTION_LIMITS = { items: 100_000, text: 1_048_576 } as const;
/** Characters that weigh as much as an item. */
const TEXT_WEIGHT = 64;

/** An item of a collection, or how to make it when it is asked for. */
export type Item = ServedValue | (() => ServedValue);

interface Changing {
  readonly name: 'IStringCollection' | 'IUpdateCollection';
  /** What a client may put in. */
  readonly takes: (value: ServedValue) => boolean;
  /** An IUpdateCollection refuses insertion at its end (3.22.4.8), an IStringCollection allows it (3.18.4.9). */
  readonly insertsAtEnd: boolean;
}

const STRINGS: Changing = { name: 'IStringCollection', takes: isText, insertsAtEnd: true };
const UPDATES: Changing = {
  name: 'IUpdateCollection',
  takes: (value) => isServed(value) && value.interfaces.includes('IUpdate'),
  insertsAtEnd: false,
};

/** IStringCollection (3.18). */
export function stringCollection(items: readonly string[], readOnly: boolean): ServedObject {
  return changeable(STRINGS, [...items], readOnly);
}

/** IUpdateCollection (3.22). */
export function updateCollection(items: readonly Item[], readOnly: boolean): ServedObject {
  return changeable(UPDATES, [...items], readOnly);
}

function changeable(rules: Changing, items: Item[], readOnly: boolean): ServedObject {
  let text = items.reduce<number>((sum, item) => sum + lengthOf(item), 0);
  const read = (index: number): ServedValue => {
    const item = items[index] ?? null;
    if (typeof item !== 'function') return item;
    const made = item();
    items[index] = made;
    return made;
  };
  const at = (index: ServedValue | undefined, end = items.length): number | null =>
    typeof index === 'number' && index >= 0 && index < end ? index : null;
  const splice = (index: number, remove: number, ...added: readonly ServedValue[]): void => {
    for (const item of items.splice(index, remove, ...added)) text -= lengthOf(item);
    for (const item of added) text += lengthOf(item);
  };
  /** A change, unless the collection is read-only or the value is none of its kind. */
  const change = (value: ServedValue | undefined, work: (value: ServedValue) => Outcome): Outcome => {
    if (readOnly) return failed(WU_E_NOT_SUPPORTED);
    if (value !== undefined && !rules.takes(value)) return failed(E_INVALIDARG);
    const grows = value === undefined ? 0 : lengthOf(value);
    return items.length >= COLLECTION_LIMITS.items || text + grows > COLLECTION_LIMITS.text
      ? failed(E_OUTOFMEMORY)
      : work(value ?? null);
  };
  const placed = (index: ServedValue | undefined, end: number, work: (place: number) => void): Outcome => {
    const place = at(index, end);
    if (place === null) return failed(WU_E_INVALIDINDEX);
    work(place);
    return ok();
  };
  return thing({
    interfaces: [rules.name],
    get: {
      Count: () => items.length,
      ReadOnly: readOnly,
      _NewEnum: () => ({ enumerates: items.map((_, index) => read(index)) }),
    },
    put: {
      Item: (value, { index }) =>
        change(value, (one) => placed(index, items.length, (place) => splice(place, 1, one))).hresult,
    },
    methods: {
      Item: ({ index }) => (at(index) === null ? failed(WU_E_INVALIDINDEX) : ok(read(at(index) ?? 0))),
      Add: ({ value }) =>
        change(value ?? null, (one) => {
          splice(items.length, 0, one);
          return ok(items.length - 1);
        }),
      Clear: () => {
        if (readOnly) return failed(WU_E_NOT_SUPPORTED);
        splice(0, items.length);
        return ok();
      },
      Copy: () => ok(changeable(rules, [...items], false)),
      Insert: ({ index, value }) =>
        change(value ?? null, (one) =>
          placed(index, items.length + (rules.insertsAtEnd ? 1 : 0), (place) => splice(place, 0, one)),
        ),
      RemoveAt: ({ index }) =>
        readOnly ? failed(WU_E_NOT_SUPPORTED) : placed(index, items.length, (place) => splice(place, 1)),
    },
    weight: () => 1 + items.length + Math.ceil(text / TEXT_WEIGHT),
  });
}

function lengthOf(item: Item): number {
  return typeof item === 'string' ? item.length : 0;
}
