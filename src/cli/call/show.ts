import { escapeTerminal } from '../../output/escape.js';
import { jsonText } from '../../output/json.js';
import { toHex } from '../../bytes/hex.js';
import { RemoteObject, type RemoteValue } from '../../peer/client/object.js';

/**
 * A value as a line for people: texts as they are, objects by interface and IPID, collections with how many they hold.
 * @throws ClientError when a collection does not say
 */
export async function valueLine(value: RemoteValue): Promise<string> {
  if (value instanceof RemoteObject) {
    const count = await value.count();
    return `${value.interface} {${value.ipid}}${count === null ? '' : ` Count=${count}`}`;
  }
  if (typeof value === 'string') return escapeTerminal(value);
  return value === null || typeof value !== 'object' ? String(value) : jsonText(await plain(value));
}

/**
 * A value as JSON has it: 64-bit integers as text, bytes in hex, objects with their identifiers and, of collections,
 * `count`. @throws ClientError
 */
export async function plain(value: RemoteValue): Promise<unknown> {
  if (value instanceof RemoteObject) {
    const { iid, ipid, oid, oxid } = value.reference;
    const count = await value.count();
    return { interface: value.interface, iid, ipid, oid, oxid, ...(count === null ? {} : { count }) };
  }
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) {
    const all: unknown[] = [];
    for (const one of value as readonly RemoteValue[]) all.push(await plain(one));
    return all;
  }
  const fields: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(value as { readonly [name: string]: RemoteValue }))
    fields[name] = await plain(one);
  return fields;
}
