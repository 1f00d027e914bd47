import {
  E_INVALIDARG,
  E_OUTOFMEMORY,
  isServed,
  type Outcome,
  type ServedObject,
  type ServedValue,
} from '../../src/peer/server/dispatch.js';
import { WU_E_INVALIDINDEX, WU_E_NOT_SUPPORTED } from './errors.js';
import { failed, isText, ok, served } from './described-object.js';

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
  return served({
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
}

const STRINGS: Changing = { name: 'IStringCollection', takes: isText };
const UPDATES: Changing = {
  name: 'IUpdateCollection',
  takes: (value) => isServed(value) && value.interfaces.includes('IUpdate'),
};

/** IStringCollection (3.18). */
export function stringCollection(items: readonly string[], readOnly: boolean): ServedObject {
  return changeable(STRINGS, [...items], readOnly);
}

/** IUpdateCollection (3.22). */
export function updateCollection(items: readonly Item[], readOnly: boolean): ServedObject {
  return changeable(UPDATES, [...items], readOnly);
}

function changeable(kind: Changing, items: Item[], readOnly: boolean): ServedObject {
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
    if (value !== undefined && !kind.takes(value)) return failed(E_INVALIDARG);
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
  return served({
    interfaces: [kind.name],
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
      Copy: () => ok(changeable(kind, [...items], false)),
      Insert: ({ index, value }) =>
        change(value ?? null, (one) =>
          // At the end, too: 3.18.4.9 says so of texts; of updates 3.22.4.8 says both (docs/wire-notes.md).
          placed(index, items.length + 1, (place) => splice(place, 0, one)),
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
