import { describe, expect, it } from 'vitest';
import { plain, valueLine } from '../../src/cli/call/show.js';
import { RemoteObject } from '../../src/peer/client/object.js';

const reference = { iid: 'i', ipid: 'p', oxid: '0x1', oid: '0x2', flags: 0, bindings: null };

/** An object whose collection holds so many; null: it is none. */
function object(count: number | null): RemoteObject {
  const made = new RemoteObject({ registry: { interfaceByUuid: () => null } } as never, reference);
  return Object.assign(made, { count: () => Promise.resolve(count) });
}

describe('values of a call', () => {
  it('are a line each: texts as they are, objects by what they are', async () => {
    expect(await valueLine('a\u001b[31m')).toBe('a\\x1b[31m');
    expect([await valueLine(12), await valueLine(null), await valueLine(true)]).toEqual(['12', 'null', 'true']);
    expect(await valueLine(object(null))).toBe('i {p}');
    expect(await valueLine(object(3))).toBe('i {p} Count=3');
    expect(await valueLine([1, 'a'])).toBe('[1,"a"]');
  });

  it('are JSON: large integers and bytes as text, objects by their identifiers, whatever is inside', async () => {
    const value = { big: 2n ** 60n, odd: Number.NaN, bytes: Uint8Array.of(1, 255), none: null, list: [object(2)] };
    expect(await plain(value as never)).toEqual({
      big: '1152921504606846976',
      odd: 'NaN',
      bytes: '01ff',
      none: null,
      list: [{ interface: 'i', iid: 'i', ipid: 'p', oid: '0x2', oxid: '0x1', count: 2 }],
    });
    expect(await plain(object(null))).not.toHaveProperty('count');
  });
});
