import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { serveRecording, type ServeOptions } from '../../src/io/serve/recording.js';
import { record } from '../../src/index.js';
import type { Client } from '../../src/peer/client/client.js';
import { resultOf } from '../../src/peer/server/variants.js';
import { agent, clientOf, errorOf, object, registry, sample } from '../peer/client/support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-standin-'));
afterAll(() => rmSync(folder, { recursive: true }));
let captures = 0;

type Work = (client: Client) => Promise<unknown>;

/** What clients do with the agent, one after another, as a recording. */
async function recorded(binding: 'early' | 'late', ...works: readonly Work[]): Promise<readonly RecordingRecord[]> {
  const capture = join(folder, `${++captures}.pcapng`);
  const server = await agent({ capture });
  for (const work of works) {
    const client = clientOf(server.port, { binding });
    await work(client);
    await client.close();
  }
  await server.close();
  return record(capture, undefined, { secrets: { passwords: [{ user: 'alice', password: 'secret' }] } });
}

/** Clients of a stand-in for it; what it missed. */
async function standingIn<T>(
  records: readonly RecordingRecord[],
  use: (client: (binding: 'early' | 'late') => Client) => Promise<T>,
  more: Partial<ServeOptions> = {},
): Promise<readonly [T, readonly string[]]> {
  const missed: string[] = [];
  const server = await serveRecording({
    records,
    registry,
    host: '127.0.0.1',
    port: 0,
    users: new Map(),
    fallback: 'error',
    missed: (what) => missed.push(what),
    ...more,
  });
  const clients: Client[] = [];
  try {
    const got = await use((binding) => {
      const client = clientOf(server.port, { binding, identity: null, level: 'none' });
      clients.push(client);
      return client;
    });
    return [got, missed];
  } finally {
    for (const client of clients) await client.close();
    await server.close();
  }
}

const SERVICE = '7971f918-a847-4430-9279-4a52d1efe18d';

async function settings(client: Client): Promise<readonly unknown[]> {
  const session = await client.activate('UpdateSession');
  await session.put('ClientApplicationID', 'd2a3b9ad-3f3a-4d4c-9f0e-0a1b2c3d4e5f');
  const searcher = object(await session.call('CreateUpdateSearcher'));
  await searcher.put('ServiceID', SERVICE);
  return [await session.get('ClientApplicationID'), await searcher.get('ServiceID')];
}

function found(criteria: string): Work {
  return async (client) => {
    const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
    const updates = object(await object(await searcher.call('Search', criteria)).get('Updates'));
    const titles = [];
    for (const one of (await updates.items()).slice(0, 3)) titles.push(await object(one).get('Title'));
    return [await updates.count(), titles];
  };
}

describe('the stand-in', () => {
  it.each(['early', 'late'] as const)('tells texts as they were, whatever they look like (%s)', async (binding) => {
    const records = await recorded(binding, settings);
    const [told] = await standingIn(records, (client) => settings(client(binding)));
    expect(told).toEqual(['d2a3b9ad-3f3a-4d4c-9f0e-0a1b2c3d4e5f', SERVICE]);
  });

  it('serves each client the recorded session whose calls it makes', async () => {
    const [none, some] = [found('IsInstalled=0'), found('IsInstalled=1')];
    const records = await recorded('early', none, some);
    const [told, missed] = await standingIn(records, async (client) => [
      await some(client('early')),
      await none(client('early')),
      await Promise.all([some(client('late')), none(client('late')), some(client('early'))]),
    ]);
    const server = await agent();
    const real = clientOf(server.port);
    const [of1, of0] = [await some(real), await none(real)];
    await real.close();
    await server.close();
    expect(told).toEqual([of1, of0, [of1, of0, of1]]);
    expect((of0 as readonly unknown[])[0]).not.toBe((of1 as readonly unknown[])[0]);
    expect(missed).toEqual([]);
  });

  it('keeps the state of clients apart', async () => {
    const both: Work = async (client) => {
      const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
      const before = await searcher.get('Online');
      await searcher.put('Online', false);
      return [before, await searcher.get('Online')];
    };
    const [told] = await standingIn(await recorded('early', both), async (client) => {
      const [a, b] = [client('early'), client('late')];
      const one = object(await (await a.activate('UpdateSession')).call('CreateUpdateSearcher'));
      const first = await one.get('Online');
      await one.put('Online', false);
      const other = object(await (await b.activate('UpdateSession')).call('CreateUpdateSearcher'));
      return [first, await other.get('Online'), await one.get('Online')];
    });
    expect(told).toEqual([true, true, false]);
  });

  it.each([
    ['early', 'late'],
    ['late', 'early'],
  ] as const)('answers a recording made %s to a client that is %s', async (recordedAs, askedAs) => {
    const work: Work = async (client) => [await found('IsInstalled=0 and IsHidden=0')(client), await settings(client)];
    const records = await recorded(recordedAs, work);
    const [told, missed] = await standingIn(records, (client) => work(client(askedAs)));
    const [same] = await standingIn(records, (client) => work(client(recordedAs)));
    expect(told).toEqual(same);
    expect(missed).toEqual([]);
  });

  it('knows criteria by what they ask for, and names in any case', async () => {
    const records = await recorded('late', found("IsInstalled=0 and Type='Software'"));
    const [told, missed] = await standingIn(records, async (client) => [
      await found("IsInstalled=0 and Type='Software'")(client('late')),
      await found("( Type = 'Software'   AND isinstalled = 0 )")(client('late')),
    ]);
    expect((told as readonly unknown[])[1]).toEqual((told as readonly unknown[])[0]);
    expect(missed).toEqual([]);
  });

  it('refuses what was never recorded by name, and tells of it; or the nearest call, or an agent answers', async () => {
    const records = await recorded('early', found('IsInstalled=0'));
    const asked: Work = async (client) => {
      const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
      return object(await object(await searcher.call('Search', 'IsInstalled=1')).get('Updates')).count();
    };
    const [error, missed] = await standingIn(records, (client) => errorOf(asked(client('early'))));
    expect([error.kind, error.status]).toEqual(['failed', 0x8007_0490]);
    expect(missed).toEqual(['IUpdateSearcher::Search("IsInstalled=1")']);
    const [late] = await standingIn(records, (client) => errorOf(asked(client('late'))));
    expect(late.status).toBe(0x8007_0490);
    const [nearest] = await standingIn(records, (client) => asked(client('late')), { fallback: 'nearest' });
    const [model] = await standingIn(records, (client) => asked(client('late')), { fallback: 'model', model: sample });
    const server = await agent();
    const real = clientOf(server.port);
    expect([nearest === model, model]).toEqual([false, await asked(real)]);
    await real.close();
    await server.close();
  });

  it('enumerates a collection of which elements were asked for one by one, and the other way round', async () => {
    const records = await recorded('late', found('IsInstalled=0'));
    const [told] = await standingIn(records, async (client) => {
      const searcher = object(await (await client('late').activate('UpdateSession')).call('CreateUpdateSearcher'));
      const updates = object(await object(await searcher.call('Search', 'IsInstalled=0')).get('Updates'));
      const each = object(await updates.get('_NewEnum'));
      return [each.interface, await updates.count()];
    });
    expect((told as readonly unknown[])[1]).toBeGreaterThan(3);
  });
});

describe('a stand-in, whatever the binding,', () => {
  const basket = async (client: Client): Promise<readonly unknown[]> => {
    const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
    const found = object(await object(await searcher.call('Search', 'IsInstalled=0')).get('Updates'));
    const update = object(await found.get('Item', 0));
    const collection = await client.activate('UpdateCollection');
    return [await collection.call('Add', update), await object(await collection.get('Item', 0)).get('Title')];
  };

  it('knows an object of one activation among the arguments of another', async () => {
    for (const binding of ['early', 'late'] as const) {
      const records = await recorded(binding, basket);
      for (const other of ['early', 'late'] as const) {
        const [came, missed] = await standingIn(records, (client) => basket(client(other)));
        expect([came, missed]).toEqual([[0, expect.stringContaining('KB')], []]);
      }
    }
  });

  it('takes a text that is null for an empty one', async () => {
    const all =
      (text: string | null): Work =>
      async (client) => {
        const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
        return object(await object(await searcher.call('Search', text)).get('Updates')).get('Count');
      };
    for (const [text, other] of [
      ['', null],
      [null, ''],
    ] as const) {
      const records = await recorded('early', all(text));
      const [count, missed] = await standingIn(records, (client) => all(other)(client('early')));
      expect([Number(count) > 0, missed]).toEqual([true, []]);
    }
  });

  it('says of an enumerator that it is IUnknown, as the agent does', () => {
    const type = registry
      .interfaceByName('IUpdateCollection')
      ?.interface.methods.find((one) => one.name === '_NewEnum')
      ?.params?.find((one) => one.retval === true)?.type;
    if (type === undefined) throw new Error('there is no such member');
    const served = { served: true, interfaces: ['IEnumVARIANT'], call: () => ({ hresult: 0 }) } as const;
    expect(resultOf(served, type).vt).toBe('VT_UNKNOWN');
    expect(resultOf(served, { kind: 'interface', interface: 'IUpdate', iidIs: null }).vt).toBe('VT_DISPATCH');
  });
});
