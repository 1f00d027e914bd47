import {
  E_ACCESSDENIED,
  E_INVALIDARG,
  S_OK,
  isServed,
  type Arguments,
  type Caller,
  type Outcome,
  type ServedObject,
  type ServedValue,
} from '../../src/peer/server/dispatch.js';

type Getter = ServedValue | (() => ServedValue);

/** How an object answers: its properties, what may be put, its methods. */
export interface Members {
  /** A property that is an object is made once: each get gives the same ([MS-UAMG] 3.20.1 and its like). */
  readonly get?: { readonly [name: string]: Getter };
  /** Returns an HRESULT; 0 when the value was taken. */
  readonly put?: { readonly [name: string]: (value: ServedValue, args: Arguments, caller: Caller) => number };
  readonly methods?: { readonly [name: string]: (args: Arguments, caller: Caller) => Outcome };
  readonly weight?: () => number;
}

interface Described extends Members {
  readonly interfaces: readonly string[];
  readonly released?: () => void;
}

/** An object from a description of its members. */
export function served({ interfaces, released, ...members }: Described): ServedObject {
  const object = lazily(interfaces, () => members);
  return released === undefined ? object : { ...object, released };
}

/**
 * What a member comes to that no object has: one that is reserved for local use. Early bound it is not on the wire;
 * late bound Windows refuses it to remote callers, says Microsoft's reference of each.
 */
const LOCAL_ONLY: Outcome = { hresult: E_ACCESSDENIED };

/** The same, described when it is called first: most objects of a search never are. */
export function lazily(interfaces: readonly string[], describe: () => Members): ServedObject {
  let described: Members | null = null;
  const held = new Held();
  return {
    served: true,
    interfaces,
    call(_, member, kind, args, caller) {
      const { get = {}, put = {}, methods = {} } = (described ??= describe());
      if (kind === 'propput' || kind === 'propputref') {
        const value = args[Object.keys(args).at(-1) ?? ''] ?? null;
        const take = put[member];
        return take === undefined ? LOCAL_ONLY : { hresult: take(value, args, caller) };
      }
      const method = methods[member];
      if (method !== undefined) return method(args, caller);
      const getter = get[member];
      if (getter === undefined) return LOCAL_ONLY;
      return ok(held.read(member, () => (typeof getter === 'function' ? getter() : getter)));
    },
    weight: () => (described?.weight?.() ?? 1) + held.size,
  };
}

/**
 * An object whose properties are read from a source by a table that all of its kind share. Nothing below it may change,
 * as nobody could tell an object that was let go from the one that is made after it.
 */
export function tabled<Source, Context>(
  interfaces: readonly string[],
  table: { readonly [name: string]: (source: Source, context: Context) => ServedValue },
  source: Source,
  context: Context,
): ServedObject {
  let parts: WeakRef<Map<string, ServedObject>> | null = null;
  return {
    served: true,
    interfaces,
    call(_, member, kind) {
      const read = kind === 'propget' ? table[member] : undefined;
      if (read === undefined) return LOCAL_ONLY;
      const known = parts?.deref();
      const part = known?.get(member);
      if (part !== undefined) return ok(part);
      const value = read(source, context);
      if (!isServed(value)) return ok(value);
      const all = known ?? new Map<string, ServedObject>();
      if (known === undefined) parts = new WeakRef(all);
      all.set(member, value);
      PARTS.set(value, all);
      return ok(value);
    },
  };
}

/**
 * The properties of one object, alive while anybody holds one of them: a client that reads an update and lets go what it
 * read leaves nothing behind.
 */
const PARTS = new WeakMap<ServedObject, Map<string, ServedObject>>();

/** The objects that properties hold, each made when it is read first; values that are no objects are read anew. */
class Held {
  /** Most objects of a search are never read: what has nothing takes no room. */
  private objects: Map<string, ServedObject> | null = null;

  get size(): number {
    return this.objects?.size ?? 0;
  }

  read(member: string, make: () => ServedValue): ServedValue {
    const known = this.objects?.get(member);
    if (known !== undefined) return known;
    const value = make();
    if (isServed(value)) (this.objects ??= new Map()).set(member, value);
    return value;
  }
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
