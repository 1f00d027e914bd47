import type { StoryTable } from '../../ndr/types.js';
import { asRecord } from '../../ndr/value.js';
import type { Call, Value } from '../../types.js';
import { STORY_LIMITS } from './limits.js';

/** A value as the story keeps it: VARIANTs unwrapped, references as the objects they mean. */
export type Known = string | number | bigint | boolean | null | StoryObject | readonly Known[];

/** A DCOM object as its calls told of it. */
export class StoryObject {
  label: string;
  /** The object whose call returned it, and the name of the property or method. */
  readonly parent: StoryObject | null;
  readonly via: string;
  /** Call that first told of it. */
  readonly call: number;
  /** The row it is or belongs to, the outermost one: the update, for a category of its categories. */
  row: StoryObject | null;
  /** Name of the property of that row by which it was reached; empty for the row itself. */
  readonly root: string;
  private of: StoryTable | null;
  readonly properties = new Map<string, Property>();
  /** Elements by index, where it is a collection. */
  items: (Known | undefined)[] | null = null;
  /** How many elements an enumerator has handed out. */
  position = 0;
  /** Nobody was seen to hand it out: what was done with it, or with its maker, before its first call is not known. */
  unseen = false;
  /** The table whose rows it holds, where it is a collection of such. */
  holds: StoryTable | null = null;

  constructor(label: string, parent: StoryObject | null, via: string, call: number, table: StoryTable | null) {
    this.label = label;
    this.parent = parent;
    this.via = via;
    this.call = call;
    this.of = table;
    this.row = parent?.row ?? (table === null ? null : this);
    this.root = rootOf(parent, via);
  }

  /** The table it is a row of, or null. */
  get table(): StoryTable | null {
    return this.of;
  }

  /** Its class became known. */
  become(label: string, table: StoryTable | null): void {
    this.label = label;
    if (this.of !== null || table === null) return;
    this.of = table;
    this.row ??= this;
  }

  /** Returns how many more bytes it takes now, reckoned. */
  set(name: string, value: Known, call: number, put: boolean): number {
    const before = this.properties.get(name);
    if (before === undefined && this.properties.size >= STORY_LIMITS.properties) return 0;
    this.properties.set(name, { value, call, put });
    return bytesOf(value) - (before === undefined ? -PROPERTY_BYTES : bytesOf(before.value));
  }

  /** Returns how many more bytes it takes now, reckoned. */
  put(index: number, value: Known): number {
    if (!Number.isInteger(index) || index < 0 || index >= STORY_LIMITS.items) return 0;
    const items = (this.items ??= []);
    const before = items[index];
    items[index] = value;
    if (value instanceof StoryObject && value.table !== null) this.holds = value.table;
    return bytesOf(value) - (before === undefined ? -ITEM_BYTES : bytesOf(before));
  }
}

/** Bytes of an object, a property and an element without their values, as measured; texts have two bytes a letter. */
const OBJECT_BYTES = 500;
const PROPERTY_BYTES = 150;
const ITEM_BYTES = 16;

function bytesOf(value: Known): number {
  if (typeof value === 'string') return value.length * 2;
  return Array.isArray(value) ? value.reduce((sum: number, one: Known) => sum + ITEM_BYTES + bytesOf(one), 0) : 0;
}

/** Name of the property of its row by which an object is reached, when its maker gave it by `via`. */
function rootOf(parent: StoryObject | null, via: string): string {
  if (parent === null || parent.row === null) return '';
  return parent === parent.row ? via : parent.root;
}

/** A property as last seen, and the call that told. */
export interface Property {
  readonly value: Known;
  readonly call: number;
  /** It was set, not read. */
  readonly put: boolean;
}

/** Levels of lists and VARIANTs within a value. */
const MAX_DEPTH = 4;

/** What tells an object from others, and what it is called. */
interface Identity {
  readonly oid: string;
  readonly oxid: string | null;
  readonly label: string | null;
}

/** The objects of one session, by OXID and OID. */
export class StoryObjects {
  private byOid = new Map<string, StoryObject>();
  /** The object last seen behind an IPID: a look-up without a text put together for it. */
  private byIpid = new Map<string, StoryObject>();
  /** In the order in which they were first told of. */
  readonly all: StoryObject[] = [];
  /** What they take, reckoned. */
  bytes = 0;
  private readonly tableOf: (name: string) => StoryTable | null;

  constructor(tableOf: (name: string) => StoryTable | null) {
    this.tableOf = tableOf;
  }

  /** The object a call was made on; null where it has no identity. */
  calledOn(call: Call): StoryObject | null {
    const { object } = call;
    if (object === null) return null;
    const seen = this.byIpid.get(object.ipid);
    if (seen !== undefined && seen.label === object.label) return seen;
    const { oid, oxid, ipid, label } = object;
    const made = this.object({ oid: oid ?? ipid, oxid, label }, null, '', call.id);
    made.unseen = oid === null;
    if (made.table === null && call.interface !== null) made.become(made.label, this.tableOf(call.interface));
    this.byIpid.set(object.ipid, made);
    return made;
  }

  /** Forgets all of them. */
  clear(): void {
    this.byOid = new Map();
    this.all.length = 0;
    this.bytes = 0;
    this.byIpid = new Map();
  }

  /** A decoded value, with the objects it refers to. */
  known(value: Value, owner: StoryObject | null, via: string, call: number, depth = 0): Known {
    if (typeof value === 'string')
      return value.length <= STORY_LIMITS.text ? value : `${value.slice(0, STORY_LIMITS.text)}…`;
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Uint8Array) return `${value.length} bytes`;
    if (depth > MAX_DEPTH) return null;
    if (Array.isArray(value))
      return (value as readonly Value[])
        .slice(0, STORY_LIMITS.items)
        .map((one) => this.known(one, owner, via, call, depth + 1));
    const record = asRecord(value);
    const { iid, oid, oxid, label } = record;
    if (typeof iid === 'string')
      return typeof oid === 'string'
        ? this.object(
            { oid, oxid: typeof oxid === 'string' ? oxid : null, label: typeof label === 'string' ? label : null },
            owner,
            via,
            call,
          )
        : null;
    if (typeof record['vt'] === 'string') return this.known(record['value'] ?? null, owner, via, call, depth + 1);
    return null;
  }

  private object({ oid, oxid, label }: Identity, parent: StoryObject | null, via: string, call: number): StoryObject {
    const key = oxid === null ? oid : oxid + oid;
    const known = this.byOid.get(key);
    const name = label ?? oid;
    if (known !== undefined) {
      if (known.label === name || label === null) return known;
      // Its class became known, unless the server gave the identifier to another object of the same class.
      if (interfaceOf(known.label) !== interfaceOf(name)) {
        known.become(name, this.tableOf(interfaceOf(name)));
        return known;
      }
    }
    const made = new StoryObject(name, parent, via, call, this.tableOf(interfaceOf(name)));
    this.byOid.set(key, made);
    this.all.push(made);
    this.bytes += OBJECT_BYTES;
    return made;
  }
}

/** `IUpdate` of `IUpdate#3`. */
function interfaceOf(label: string): string {
  const at = label.lastIndexOf('#');
  return at < 0 ? label : label.slice(0, at);
}
