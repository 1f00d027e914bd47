import { describe, expect, it, vi } from 'vitest';
import { NO_SET, type ComplexPing } from '../../../src/dcom/ping.js';
import type { ServedObject } from '../../../src/peer/server/dispatch.js';
import { ExportTable, type TableLimits } from '../../../src/peer/server/export-table.js';

const LIMITS: TableLimits = { objects: 10, weight: 100, pingSets: 4, pingMembers: 3 };
const IID = '00020400-0000-0000-c000-000000000046';

function setUp(limits: TableLimits = LIMITS): {
  readonly table: ExportTable;
  readonly clock: { ms: number };
  readonly hand: (owner: string, weight?: () => number) => { readonly oid: string; readonly ipid: string };
} {
  const clock = { ms: 1000 };
  let seed = 0;
  const table = new ExportTable({
    now: () => clock.ms,
    random: (size) => Uint8Array.from({ length: size }, (_, at) => (at === 0 ? ++seed : at)),
    ping: { periodMs: 100, count: 3 },
    limits,
  });
  const object = (weight?: () => number): ServedObject => ({
    served: true,
    interfaces: ['IDispatch'],
    call: () => ({ hresult: 0 }),
    ...(weight === undefined ? {} : { weight }),
  });
  return {
    table,
    clock,
    hand: (owner, weight) => table.hand({ object: object(weight), iid: IID, name: 'IDispatch', count: 5, owner }),
  };
}

/** A ComplexPing; the id of its set, or null. */
function ping(table: ExportTable, change: Partial<ComplexPing>, owner = 'a'): string | null {
  return table.complexPing({ ...PING, ...change }, owner).setId;
}

const PING: ComplexPing = { kind: 'complex', setId: NO_SET, sequence: 1, add: [], remove: [] };

describe('the objects of an exporter', () => {
  it('go with their last reference', () => {
    const { table, hand } = setUp();
    const { ipid } = hand('a');
    expect([table.addReferences(ipid, 2), table.addReferences('nobody', 1)]).toEqual([true, false]);
    table.release(ipid, 6);
    expect(table.find(ipid)?.exported.references).toBe(1);
    table.release(ipid, 1);
    expect([table.find(ipid), table.size]).toEqual([undefined, 0]);
    table.release(ipid, 1);
  });

  it('go when no ping named them for the period times the count, pinged ones later', () => {
    const { table, clock, hand } = setUp();
    const [kept, lost] = [hand('a'), hand('a')];
    const set = ping(table, { add: [kept.oid, 'of another server'] }) ?? '';
    clock.ms += 300;
    expect([table.simplePing(set), table.collect()]).toEqual([true, 0]);
    clock.ms += 1;
    expect([table.collect(), table.find(lost.ipid), table.find(kept.ipid) !== undefined]).toEqual([1, undefined, true]);
    clock.ms += 300;
    expect([table.collect(), table.size, table.sets, table.simplePing(set)]).toEqual([1, 0, 0, false]);
  });

  it('that leave a ping set are kept by it no longer', () => {
    const { table, clock, hand } = setUp();
    const { oid } = hand('a');
    const set = ping(table, { add: [oid] }) ?? '';
    expect(ping(table, { setId: set, remove: [oid] })).toBe(set);
    expect(ping(table, { setId: '0x0000000000000063' })).toBeNull();
    clock.ms += 301;
    table.simplePing(set);
    expect(table.collect()).toBe(1);
  });

  it('come into ping sets, and nothing else does', () => {
    const { table, hand } = setUp();
    const oids = Array.from({ length: 5 }, () => hand('a').oid);
    const invented = Array.from({ length: 50 }, (_, at) => `0x${at}`);
    const { setId, unknown } = table.complexPing({ ...PING, add: [...invented, ...oids] }, 'b');
    // Of a set that is new, what is unknown is left out without a word ([MS-DCOM] 3.1.2.5.1.3).
    expect([unknown, table.pinged]).toEqual([false, LIMITS.pingMembers]);
    const second = table.complexPing({ ...PING, setId: setId ?? '', sequence: 2, add: ['0x99'] }, 'b');
    expect([second.setId, second.unknown]).toEqual([setId, true]);
    // One that comes late changes nothing.
    table.complexPing({ ...PING, setId: setId ?? '', sequence: 1, remove: oids }, 'b');
    expect(table.pinged).toBe(LIMITS.pingMembers);
    table.complexPing({ ...PING, setId: setId ?? '', sequence: 2, remove: oids }, 'b');
    expect(table.pinged).toBe(0);
  });

  it('of a client that takes all it can go, oldest first, and those of nobody else', () => {
    const { table, hand } = setUp();
    const own = hand('b');
    const flood = Array.from({ length: 50 }, () => hand('a').ipid);
    expect(table.size).toBe(LIMITS.objects);
    expect(table.find(own.ipid)).toBeDefined();
    expect(flood.map((ipid) => table.find(ipid) !== undefined)).toEqual(flood.map((_, at) => at >= 41));
  });

  it('that grow past the limit of weight go too', () => {
    const { table, hand } = setUp();
    const own = hand('b');
    let weight = 1;
    const { ipid } = hand('a', () => weight);
    weight = 98;
    const { exported } = table.find(ipid) ?? {};
    if (exported === undefined) throw new Error('it is not there');
    table.weigh(exported);
    expect(table.size).toBe(2);
    weight = 1000;
    table.weigh(exported);
    table.weigh(exported);
    expect([table.find(ipid), table.find(own.ipid) !== undefined, table.size]).toEqual([undefined, true, 1]);
  });

  it('are pinged in a bounded number of sets: the owner of most loses the one pinged longest ago', () => {
    const { table, clock } = setUp();
    const make = (owner: string): string => {
      clock.ms++;
      return ping(table, {}, owner) ?? '';
    };
    const own = make('b');
    const sets = Array.from({ length: 5 }, () => make('a'));
    expect([table.sets, table.simplePing(own), ...sets.map((set) => table.simplePing(set))]).toEqual([
      4,
      true,
      false,
      false,
      true,
      true,
      true,
    ]);
  });
});

it('finds the oldest object of a greedy client without another walk over those that went before', () => {
  let made = 0;
  const table = new ExportTable({
    random: (size) => Uint8Array.from({ length: size }, (_, at) => (at < 3 ? ++made >> (8 * at) : at) & 255),
    now: () => 0,
    limits: { objects: 100, weight: 1e6, pingSets: 10, pingMembers: 100 },
  });
  let walks = 0;
  const values = [vi.spyOn(Set.prototype, Symbol.iterator), vi.spyOn(Set.prototype, 'values')];
  try {
    const released: number[] = [];
    for (let at = 0; at < 2000; at++)
      table.hand({
        object: { served: true, interfaces: ['IX'], call: () => ({ hresult: 0 }), released: () => released.push(at) },
        iid: '11111111-2222-3333-4444-555555555555',
        name: 'IX',
        count: 1,
        owner: 'greedy',
      });
    walks = values.reduce((sum, one) => sum + one.mock.calls.length, 0);
    expect(released).toEqual(Array.from({ length: 1900 }, (_, at) => at));
  } finally {
    for (const one of values) one.mockRestore();
  }
  expect(walks).toBeLessThan(20);
});
