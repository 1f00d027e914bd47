import { expect } from 'vitest';
import { isServed, type Outcome, type ServedObject, type ServedValue } from '../../../src/peer/server/dispatch.js';

type Arguments = { readonly [name: string]: ServedValue };
type Kind = 'method' | 'propget' | 'propput';

/** Calls members of the agent's objects as a user of CONTOSO, or as nobody where null. */
export function caller(
  user: string | null,
): (object: ServedObject, member: string, args?: Arguments, kind?: Kind) => Outcome {
  const principal = user === null ? null : `CONTOSO\\${user}`;
  return (one, member, args = {}, kind = 'method') =>
    one.call(one.interfaces[0] ?? '', member, kind, args, { principal });
}

/** A property, which has to be there. */
export function get(one: ServedObject, member: string, args: Arguments = {}): ServedValue {
  const { hresult, out } = caller(null)(one, member, args, 'propget');
  expect(hresult, member).toBe(0);
  return out?.['retval'] ?? null;
}

/** A value that has to be an object. */
export function object(value: ServedValue | number | undefined): ServedObject {
  if (value === undefined || typeof value === 'number' || !isServed(value)) throw new Error('no object');
  return value;
}
