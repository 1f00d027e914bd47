import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModel } from '../../../replay/agent/model.js';
import { RELEASE_MS, type Client } from '../../../src/peer/client/client.js';
import { networkWorld } from '../../../src/io/world.js';
import type { Serving } from '../../../src/io/serve/agent.js';
import { read } from '../../security/captures.js';
import { agent, ALICE, clientOf, errorOf, object, rawServer, sample } from './support.js';

const SESSION = '4cb43d7f-7eee-4906-8698-60da1c38f2fe';
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-client-'));
afterAll(() => rmSync(folder, { recursive: true }));

let server: Serving;
beforeAll(async () => {
  server = await agent({ minLevel: 2 });
});
afterAll(() => server.close());

/** Runs something with a client of the agent, which holds nothing afterwards. */
async function using<T>(client: Client, work: (client: Client) => Promise<T>): Promise<T> {
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

const visible = sample.updates.filter(
  (one) => !one.installed && !sample.updates.some((other) => !other.installed && other.supersedes.includes(one.id)),
);

describe('client', () => {
  const ways = (['early', 'late'] as const).flatMap((binding) =>
    (['connect', 'packet', 'integrity', 'privacy'] as const).flatMap((level) =>
      [false, true].map((spnego) => [binding, level, spnego] as const),
    ),
  );
  it.each(ways)('searches %s bound at %s (SPNEGO: %s), and gives everything back', async (binding, level, spnego) => {
    const before = server.exporter.size;
    const told = await using(
      clientOf(server.port, { binding, level, identity: { ...ALICE, spnego } }),
      async (client) => {
        const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
        await searcher.put('Online', false);
        await searcher.put('ServerSelection', 2);
        const updates = object(await object(await searcher.call('Search', 'IsInstalled=0')).get('Updates'));
        const first = object((await updates.items())[0] ?? null);
        await client.ping();
        await client.ping();
        return [
          searcher.late,
          await searcher.get('Online'),
          await updates.count(),
          await first.get('Title'),
          await first.get('RebootRequired'),
          await first.get('LastDeploymentChangeTime'),
        ];
      },
    );
    expect(told).toEqual([
      binding === 'late',
      false,
      visible.length,
      visible[0]?.title,
      visible[0]?.rebootRequired,
      visible[0]?.changed,
    ]);
    expect(server.exporter.size).toBe(before);
  });

  it('activates through the class object too, by name or CLSID', async () => {
    await using(clientOf(server.port), async (client) => {
      const made = await client.createInstance('UpdateSession');
      expect([made.interface, await made.get('ReadOnly')]).toEqual(['IUpdateSession3', false]);
      expect((await client.createInstance(`{${SESSION.toUpperCase()}}`, 'IUpdateSession')).interface).toBe(
        'IUpdateSession',
      );
      expect((await client.activate(SESSION)).interface).toBe('IUpdateSession3');
      expect((await client.alive()).major).toBe(5);
    });
  });

  it('queries interfaces: by itself where a member stands in a derived one, and when asked; the same interface is the same object', async () => {
    await using(clientOf(server.port), async (client) => {
      const searcher = object(
        await (await client.activate('UpdateSession', ['IUpdateSession'])).call('CreateUpdateSearcher'),
      );
      expect(searcher.interface).toBe('IUpdateSearcher');
      const items = await object(await object(await searcher.call('Search', "Type='Driver'")).get('Updates')).items();
      const driver = object(items[0] ?? null);
      expect([driver.interface, typeof (await driver.get('DriverModel'))]).toEqual(['IUpdate', 'string']);
      const third = await searcher.as('IUpdateSearcher3');
      expect([third.interface, await third.get('SearchScope'), await searcher.as('iupdatesearcher3')]).toEqual([
        'IUpdateSearcher3',
        'searchScopeDefault',
        third,
      ]);
      const software = object(
        (await object(await object(await searcher.call('Search', "Type='Software'")).get('Updates')).items())[0] ??
          null,
      );
      const error = await errorOf(software.get('DriverModel'));
      expect([error.kind, error.status]).toEqual(['failed', 0x8000_4002]);
      expect((await errorOf(software.as('IWindowsDriverUpdate'))).status).toBe(0x8000_4002);
    });
  });

  it('hands objects over to the server, one reference with each, and the server counts them', async () => {
    const before = server.exporter.size;
    await using(clientOf(server.port), async (client) => {
      const collection = await client.activate('UpdateCollection');
      const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
      const update = object(
        (await object(await object(await searcher.call('Search', 'IsInstalled=0')).get('Updates')).items())[1] ?? null,
      );
      const held = update.references;
      for (let at = 0; at < held + 2; at++) expect(await collection.call('Add', update)).toBe(at);
      expect(update.references).toBeGreaterThan(0);
      expect([await collection.get('Count'), await object(await collection.get('Item', 0)).get('Title')]).toEqual([
        held + 2,
        visible[1]?.title,
      ]);
    });
    expect(server.exporter.size).toBe(before);
  });

  it('resolves an exporter that it does not know, and takes references where an OBJREF brings none', async () => {
    const before = server.exporter.size;
    await using(clientOf(server.port), async (giver) => {
      const { flags, ...reference } = (await giver.activate('UpdateSession')).reference;
      await using(clientOf(server.port), async (taker) => {
        const session = object(await taker.adopt({ ...reference, flags, kind: 'standard', cPublicRefs: 0 }));
        expect([session.interface, session.references, await session.get('ReadOnly')]).toEqual([
          'IUpdateSession3',
          5,
          false,
        ]);
        expect(
          await errorOf(
            taker.adopt({
              ...reference,
              ipid: '11111111-2222-3333-4444-555555555555',
              oxid: '0x0000000000000001',
              cPublicRefs: 0,
            }),
          ),
        ).toMatchObject({ kind: 'failed', call: 'IObjectExporter::ResolveOxid2' });
      });
    });
    expect(server.exporter.size).toBe(before);
  });

  it('calls a server that counts opnums as they are printed', async () => {
    const own = await agent({ model: readModel({ numbering: 'printed' }) });
    await using(clientOf(own.port, { numbering: 'printed' }), async (client) => {
      const session = await client.activate('UpdateSession');
      const searcher = object(await session.call('CreateUpdateSearcher'));
      await searcher.put('Online', false);
      expect([await searcher.get('Online'), await session.get('UserLocale')]).toEqual([false, expect.any(Number)]);
    });
    await own.close();
  });

  it('leaves a server that does not answer any more within the time for giving back', async () => {
    const world = networkWorld('127.0.0.1', ALICE);
    let deaf = false;
    let passedS = 0;
    const waits: number[] = [];
    const client = clientOf(server.port, {
      timeoutMs: 60_000,
      world: {
        ...world,
        dial: (port, events) => {
          const line = world.dial(port, events);
          return { send: (bytes) => (deaf ? undefined : line.send(bytes)), close: () => line.close() };
        },
        now: () => ({ ...world.now(), timeS: world.now().timeS + passedS }),
        // Where nobody answers, time passes at once.
        after: (ms, run) => {
          if (!deaf) return world.after(ms, run);
          waits.push(ms);
          return world.after(0, () => {
            passedS += ms / 1000;
            run();
          });
        },
      },
    });
    await client.activate('UpdateSession');
    deaf = true;
    await client.close();
    expect(waits).toEqual([RELEASE_MS]);
  });

  it('is decoded call by call, every signature good, no problem', async () => {
    const capture = join(folder, 'calls.pcapng');
    const own = await agent({ capture });
    try {
      await using(clientOf(own.port, { level: 'privacy' }), async (client) => {
        const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
        await searcher.call('Search', 'IsInstalled=0');
        await client.ping();
      });
    } finally {
      await own.close();
    }
    const { calls } = await read(capture, { passwords: [{ user: 'alice', password: 'secret' }] });
    expect(calls.map((call) => call.method)).toEqual([
      'RemoteCreateInstance',
      'CreateUpdateSearcher',
      'Search',
      'ComplexPing',
      'RemRelease',
    ]);
    expect(new Set(calls.map((call) => call.auth.verdict))).toEqual(new Set(['opened']));
    expect(calls.flatMap((call) => call.problems)).toEqual([]);
  });
});

describe('errors of the client', () => {
  it('tell a port where nobody listens, and a server that goes away', async () => {
    const gone = await rawServer(() => undefined);
    await gone.close();
    await using(clientOf(gone.port), async (client) =>
      expect(await errorOf(client.alive())).toMatchObject({
        kind: 'refused',
        message: expect.stringContaining('nothing listens') as string,
      }),
    );
    const rude = await rawServer((socket) => void socket.once('data', () => socket.destroy()));
    await using(clientOf(rude.port), async (client) => expect((await errorOf(client.alive())).kind).toBe('lost'));
    await rude.close();
  });

  it('tell a server that says nothing, and one that speaks another protocol', async () => {
    const silent = await rawServer(() => undefined);
    await using(clientOf(silent.port, { timeoutMs: 50 }), async (client) =>
      expect(await errorOf(client.alive())).toMatchObject({ kind: 'timed-out', call: 'IObjectExporter::ServerAlive2' }),
    );
    await silent.close();
    const http = await rawServer(
      (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
    );
    await using(clientOf(http.port), async (client) => expect((await errorOf(client.alive())).kind).toBe('malformed'));
    await http.close();
  });

  it('tell refused credentials, a level below what is wanted, and no credentials', async () => {
    const own = await agent({ minLevel: 5 });
    const kind = (client: Client): Promise<string> =>
      using(client, async (one) => (await errorOf(one.activate('UpdateSession'))).kind);
    expect(await kind(clientOf(own.port, { identity: { ...ALICE, password: 'wrong' } }))).toBe('denied');
    expect(await kind(clientOf(own.port, { identity: { ...ALICE, password: 'wrong', spnego: true } }))).toBe('denied');
    expect(await kind(clientOf(own.port, { identity: { ...ALICE, user: 'bob' }, level: 'privacy' }))).toBe('denied');
    expect(await kind(clientOf(own.port, { level: 'connect' }))).toBe('denied');
    expect(await kind(clientOf(own.port, { level: 'none' }))).toBe('denied');
    await own.close();
    const open = await agent({ open: true, minLevel: 1 });
    expect(await kind(clientOf(open.port))).toBe('denied');
    await using(clientOf(open.port, { level: 'none' }), async (client) =>
      expect((await client.activate('UpdateSession')).interface).toBe('IUpdateSession3'),
    );
    await open.close();
  });

  it('tell HRESULTs and faults with the member they came of, early and late bound', async () => {
    const model = readModel({
      updates: [],
      faults: [
        { member: 'IUpdateSearcher::GetTotalHistoryCount', fault: 0x1c00001b },
        { member: 'IUpdateSearcher::EscapeString', drop: true, times: 2 },
      ],
    });
    const own = await agent({ model });
    for (const binding of ['early', 'late'] as const) {
      await using(clientOf(own.port, { binding }), async (client) => {
        const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
        expect(await errorOf(searcher.call('Search', 'IsInstaled=0'))).toMatchObject({
          kind: 'failed',
          status: 0x8024_0032,
          exception: binding === 'late' ? { source: 'Microsoft.Update' } : null,
        });
        expect(await errorOf(searcher.call('GetTotalHistoryCount'))).toMatchObject({
          kind: 'faulted',
          status: 0x1c00_001b,
        });
        expect((await errorOf(searcher.call('EscapeString', 'x'))).kind).toBe('lost');
        // Another connection is opened for the next call.
        expect(await searcher.get('Online')).toBe(true);
      });
    }
    await own.close();
  });

  it('tell what cannot be called at all before anything is sent', async () => {
    await using(clientOf(server.port), async (client) => {
      const session = await client.activate('UpdateSession');
      const searcher = object(await session.call('CreateUpdateSearcher'));
      const message = async (work: Promise<unknown>): Promise<string> => {
        const { kind, message: text } = await errorOf(work);
        expect(kind).toBe('usage');
        return text;
      };
      expect(await message(searcher.call('Serch', 'x'))).toContain('is it Search?');
      expect(await message(searcher.call('Search'))).toContain('takes 1 (criteria), not 0');
      expect(await message(searcher.call('Search', 5))).toContain('criteria');
      expect(await message(searcher.put('ServerSelection', 'ssNowhere'))).toContain('value');
      expect(await message(searcher.call('BeginSearch'))).toContain('not served remotely');
      expect(await message(client.activate('UpdateSesion'))).toContain('no class');
      expect(await message(searcher.as('IUpdateSercher'))).toContain('no interface');
      await client.close();
      expect(await message(session.get('ReadOnly'))).toContain('closed');
    });
  });
});
