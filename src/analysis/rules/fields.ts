import type { Call, ObjectReference, Value } from '../../types.js';
import { pointersIn } from '../../dcom/references.js';
import { recordOf, type Fields } from '../../ndr/value.js';
import { OrdinaryCall } from '../ordinary.js';
import { RULE_LIMITS } from './limits.js';

/** The value at `in.a.b` or `out.a.b`; undefined where there is none. */
export function at(call: Call, path: string): Value | undefined {
  if (call instanceof OrdinaryCall && call.retval !== undefined && path === 'out.retval') return call.retval;
  let names = PATHS.get(path);
  if (names === undefined) PATHS.set(path, (names = path.split('.')));
  let value: Value | undefined = names[0] === 'in' ? call.in : call.out;
  for (let i = 1; i < names.length; i++) {
    const record: Fields | null = recordOf(value);
    const name = names[i] as string;
    if (record === null || !Object.hasOwn(record, name)) return undefined;
    value = record[name];
  }
  return value;
}

/** The parts of the paths that rules have. */
const PATHS = new Map<string, readonly string[]>();

/** A text, as such or in a VARIANT. */
export function textOf(value: Value | undefined): string | null {
  if (typeof value === 'string') return value;
  const held = recordOf(value)?.['value'];
  return typeof held === 'string' ? held : null;
}

/** Type of a VARIANT as rules write it; null for what is none. */
export function vtOf(value: Value | undefined): string | null {
  const record = recordOf(value);
  const vt = record?.['vt'];
  if (record === null || typeof vt !== 'string') return null;
  return `${record['dims'] === undefined ? '' : 'VT_ARRAY|'}${vt}${record['byref'] === true ? '|VT_BYREF' : ''}`;
}

export function serverKey({ server }: Call): string {
  return `${server.address}:${server.port}`;
}

/** What a call is made on, with the server it goes to and the key of both. */
interface Keyed {
  readonly address: string;
  readonly port: number;
  readonly key: string;
  readonly ipidKey: string;
}

/** The same text again needs no putting together and no hashing: kept as long as calls share the reference. */
const keys = new WeakMap<ObjectReference, Keyed>();

/**
 * Tells the object of a call from all others: by its OID, so that its interfaces share what is known, or by the IPID.
 */
export function objectKey(call: Call): string {
  return call.object === null ? `${serverKey(call)} ` : keyed(call, call.object).key;
}

/** Tells the interface of an object that is called from all others: by its IPID, as RemQueryInterface names it. */
export function ipidKey(call: Call, object: ObjectReference): string {
  return keyed(call, object).ipidKey;
}

function keyed(call: Call, object: ObjectReference): Keyed {
  const { address, port } = call.server;
  const known = keys.get(object);
  if (known !== undefined && known.port === port && known.address === address) return known;
  const made = {
    address,
    port,
    key: `${serverKey(call)} ${object.oid ?? object.ipid}`,
    ipidKey: `${serverKey(call)} ${object.ipid}`,
  };
  keys.set(object, made);
  return made;
}

/** Key of an object wherever it was told of: an activation names it on another port than its calls come to. */
export function homeKey({ server }: Call, oid: string): string {
  return `${server.address} ${oid}`;
}

/** Keys of the objects that a result holds, by their OIDs. */
export function madeKeys(call: Call, value: Value | undefined): readonly string[] {
  const made: string[] = [];
  pointersIn(value, ({ oid, ipid }) => {
    const id = oid ?? ipid;
    if (typeof id === 'string' && made.length < RULE_LIMITS.made) made.push(`${serverKey(call)} ${id}`);
  });
  return made;
}

/** A value in a message. */
export function shown(value: Value): string {
  const text = typeof value === 'string' ? value : String(value);
  return text.length > RULE_LIMITS.shown ? `${text.slice(0, RULE_LIMITS.shown)}…` : text;
}
