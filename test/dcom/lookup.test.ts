import { describe, expect, it } from 'vitest';
import { Lookup } from '../../src/dcom/lookup.js';
import { ObjectTable, type Origin } from '../../src/dcom/objects.js';
import type { Pointer } from '../../src/dcom/references.js';

const origin: Origin = {
  name: 'IUpdate',
  shown: 'IUpdate',
  provisional: false,
  server: { address: '192.0.2.9', port: 135 },
  time: null,
  frame: 1,
  call: 1,
  parent: null,
};

function pointer(object: number): Pointer {
  return { ipid: `ipid-${object}`, oid: `oid-${object}`, oxid: 'oxid', iid: 'iid' };
}

describe('look-ups of a connection', () => {
  it('give what the table gives, whatever it learnt in between', () => {
    const table = new ObjectTable<null>(100);
    const lookup = new Lookup(table);
    const one = table.learn(pointer(1), origin);
    const other = table.learn(pointer(2), origin);
    expect(lookup.find('ipid-1', '192.0.2.9')).toBe(one);
    lookup.handedOut(other);
    expect(lookup.find('ipid-2', '192.0.2.9')).toBe(other);
    expect(lookup.find('ipid-1', '192.0.2.9')).toBe(one);
    expect(lookup.find('ipid-3', '192.0.2.9')).toBeNull();
    // The server gives the IPID to another object: what was found before is no longer right.
    expect(lookup.find('ipid-1', '192.0.2.9')).toBe(one);
    const anew = table.learn({ ...pointer(1), oid: 'oid-4' }, origin);
    expect(lookup.find('ipid-1', '192.0.2.9')).toBe(anew);
  });

  it('do not keep what two servers share', () => {
    const table = new ObjectTable<null>(100);
    const lookup = new Lookup(table);
    const here = table.learn(pointer(1), origin);
    const there = table.learn(
      { ...pointer(1), oxid: 'oxid-2' },
      { ...origin, server: { address: '192.0.2.10', port: 1 } },
    );
    lookup.handedOut(there);
    expect(lookup.find('ipid-1', '192.0.2.9')).toBe(here);
  });

  it('spare what is called from being forgotten, and a new holder of its IPID does not inherit that', () => {
    const table = new ObjectTable<null>(2);
    const called = table.learn(pointer(1), origin);
    called.calls = 3;
    table.learn(pointer(2), origin);
    table.learn(pointer(3), origin);
    expect([1, 2, 3].map((at) => table.find(`ipid-${at}`, '192.0.2.9') !== null)).toEqual([true, false, true]);
    // Handed out anew and never called: it goes first.
    table.learn({ ...pointer(1), oid: 'oid-9' }, origin);
    table.learn(pointer(4), origin);
    table.learn(pointer(5), origin);
    expect(table.find('ipid-1', '192.0.2.9')).toBeNull();
  });
});
