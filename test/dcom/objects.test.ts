import { describe, expect, it } from 'vitest';
import { entriesOf, ObjectTable, referenceTo, type Origin } from '../../src/dcom/objects.js';
import type { Pointer } from '../../src/dcom/references.js';

const server = { address: '192.0.2.9', port: 49_668 };
const origin: Origin = {
  name: 'IUpdate',
  shown: 'IUpdate',
  provisional: false,
  server,
  time: { timeS: 1_790_000_000, timeNs: 0 },
  frame: 1,
  call: 1,
  parent: null,
};

function pointer(ipid: number, oid: number, oxid = 1): Pointer {
  return { ipid: `ipid-${ipid}`, oid: `oid-${oid}`, oxid: `oxid-${oxid}`, iid: 'iid' };
}

describe('the table of objects', () => {
  it('knows an object again by its OXID and OID, whatever the interface', () => {
    const table = new ObjectTable<string>(10);
    const first = table.learn(pointer(1, 1), origin);
    expect(table.learn(pointer(1, 1), origin)).toBe(first);
    expect(table.learn(pointer(2, 1), origin).object).toBe(first.object);
    expect(table.learn(pointer(3, 1, 2), origin).object).not.toBe(first.object);
    expect(entriesOf(first.object).map((one) => one.ipid)).toEqual(['ipid-1', 'ipid-2']);
    expect(table.byOid(server.address, 'oid-1')?.oxid).toBe('oxid-2');
  });

  it('stays bounded when a server gives one IPID to ever new objects', () => {
    const table = new ObjectTable<string>(10);
    let reused = 0;
    for (let i = 0; i < 1000; i++) table.learn(pointer(1, i), origin, () => reused++);
    expect(reused).toBe(999);
    expect(table.size).toBeLessThanOrEqual(20);
    expect(table.forgotten).toBeGreaterThanOrEqual(980);
    expect(table.find('ipid-1', server.address)?.object.oid).toBe('oid-999');
    expect(table.byOid(server.address, 'oid-0')).toBeNull();
  });

  it('forgets object by object when all its room is taken, and what went is found no more', () => {
    const table = new ObjectTable<string>(10);
    for (let i = 0; i < 100; i++) table.learn(pointer(i, i), origin);
    expect([table.size, table.forgotten]).toEqual([10, 90]);
    expect(table.find('ipid-89', server.address)).toBeNull();
    expect(table.byOid(server.address, 'oid-89')).toBeNull();
    expect([...table.all()].map((one) => one.oid)).toEqual(Array.from({ length: 10 }, (_, i) => `oid-${90 + i}`));
  });

  it('tells whether what was found before would be found again', () => {
    const table = new ObjectTable<string>(2);
    table.learn(pointer(1, 1), origin);
    const { version } = table;
    table.learn(pointer(1, 1), origin);
    table.learn(pointer(2, 2), origin);
    expect(table.version).toBe(version);
    for (const change of [
      () => table.learn(pointer(1, 3), origin),
      () => table.learn(pointer(3, 4), origin),
      () => table.meet('ipid-2', 'iid', null, origin),
    ]) {
      const before = table.version;
      change();
      expect(table.version).not.toBe(before);
    }
  });

  it('shares what records say of an object until it has another name', () => {
    const table = new ObjectTable<string>(10);
    const entry = table.learn(pointer(1, 1), { ...origin, shown: 'IUnknown', provisional: true });
    const shown = referenceTo(entry);
    expect(referenceTo(entry)).toBe(shown);
    table.rename(entry.object, 'IUpdate');
    expect(referenceTo(entry)).toEqual({ ipid: 'ipid-1', oid: 'oid-1', oxid: 'oxid-1', label: 'IUpdate#1' });
    expect(shown.label).toBe('IUnknown#1');
  });
});
