import { describe, expect, it } from 'vitest';
import { Exporters, exporterIn, levelFor, type Exporter } from '../../src/peer/exporters.js';
import { towerOf, towerPort } from '../../src/peer/client/towers.js';

const exporter = (oxid: string, ipidRemUnknown: string): Exporter => ({
  oxid,
  ipidRemUnknown,
  authnHint: 4,
  version: null as never,
  port: 49152,
  elsewhere: null,
});

describe('object exporters of a server', () => {
  it('are found by OXID and by IRemUnknown, the one learnt last first', () => {
    const all = new Exporters();
    expect([all.last, all.get('0x1'), all.withRemUnknown('a')]).toEqual([null, null, null]);
    for (const [oxid, ipid] of [
      ['0x1', 'a'],
      ['0x2', 'b'],
      ['0x1', 'c'],
    ] as const)
      all.learn(exporter(oxid, ipid));
    expect(all.last?.oxid).toBe('0x1');
    expect(all.get('0x1')?.ipidRemUnknown).toBe('c');
    expect([all.withRemUnknown('b')?.oxid, all.withRemUnknown('a')]).toEqual(['0x2', null]);
    expect(all.get(null)).toBeNull();
  });

  it('raise the level of calls to their hint, but of none that nobody signs', () => {
    expect(levelFor('none', { authnHint: 6 })).toBe('none');
    expect(levelFor('connect', { authnHint: 6 })).toBe('privacy');
    expect(levelFor('privacy', { authnHint: 2 })).toBe('privacy');
    expect(levelFor('integrity', { authnHint: 99 })).toBe('privacy');
  });

  it('are in no answer that tells of none', () => {
    expect(exporterIn({}, {}, 'server')).toBeNull();
  });
});

describe('towers', () => {
  it('name an interface over TCP and NDR, the port and address open', () => {
    const tower = towerOf({ uuid: '00000000-0000-0000-0000-000000000001', version: { major: 1, minor: 2 } });
    expect(tower).toMatchObject({
      floors: [{ version: '1.2' }, {}, {}, { protocol: 'tcp', port: 0 }, { address: '0.0.0.0' }],
    });
  });

  it('give the first port of TCP', () => {
    const floors = (port: number) => ({ floors: [{ protocol: 'ncacn' }, { protocol: 'tcp', port }] });
    expect(towerPort([floors(0), floors(49152), floors(49153)])).toBe(49152);
    expect([towerPort([]), towerPort(null), towerPort([{ floors: null }])]).toEqual([null, null, null]);
  });
});
