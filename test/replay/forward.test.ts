import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knowledge } from '../../src/io/knowledge.js';
import { loadModel, serve as serveModel } from '../../src/io/serve/agent.js';
import { serveRecording } from '../../src/io/serve/recording.js';
import { ntHash } from '../../src/security/crypto.js';
import {
  differences,
  record,
  replay,
  serve,
  type Client,
  type RecordingRecord,
  type RemoteObject,
} from '../../src/index.js';
import { agent as recordedAgent, clientOf, object } from '../peer/client/support.js';
import { ROOT } from '../support/shared.js';

const { registry } = knowledge();
const whole = await record(join(ROOT, 'captures/sessions/impacket-privacy.pcapng'), undefined, {
  secrets: { passwords: [{ user: 'alice', password: 'secret' }] },
});
const model = loadModel(join(ROOT, 'captures/models/sample.yaml'));
const users = new Map([['alice', { hash: ntHash('secret') }]]);
const identity = { user: 'alice', domain: '', password: 'secret', hash: null };
const account = { user: 'alice', password: 'secret' };

/** The recording up to the first call of a member. */
function until(method: string): readonly RecordingRecord[] {
  const first = whole.find((one) => one.kind === 'call' && one.method === method);
  return whole.filter(
    (one) =>
      one.kind !== 'end' &&
      (one.kind !== 'call' || one.id < (first?.kind === 'call' ? first.id : 0)) &&
      (one.kind !== 'reference' || (one.made.call ?? 0) < (first?.kind === 'call' ? first.id : 0)),
  );
}

async function withAgent<T>(use: (target: string, port: number) => Promise<T>): Promise<T> {
  const agent = await serveModel({
    registry,
    model,
    host: '127.0.0.1',
    port: 0,
    objectPort: 0,
    names: [],
    users,
    minLevel: 5,
    capture: null,
  });
  try {
    return await use(`127.0.0.1:${agent.port}`, agent.port);
  } finally {
    await agent.close();
  }
}

const firstUpdate = async (client: Client): Promise<RemoteObject> => {
  const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
  const updates = object(await object(await searcher.call('Search', 'IsInstalled=0')).get('Updates'));
  return object(await updates.get('Item', 0));
};

/** A session of our own client: the same client is answered from the recording as long as it does the same. */
const own = await (async () => {
  const folder = mkdtempSync(join(tmpdir(), 'uamgscope-forward-'));
  const capture = join(folder, 'search.pcapng');
  const recorded = await recordedAgent({ capture });
  const client = clientOf(recorded.port);
  await firstUpdate(client);
  await client.close();
  await recorded.close();
  const records = await record(capture, undefined, { secrets: { passwords: [account] } });
  rmSync(folder, { recursive: true });
  return records;
})();

describe('serve with the fallback forward', () => {
  it.each(['CreateUpdateSearcher', 'Search', 'Updates', 'Title'])(
    'answers from the recording up to %s and from a real server after it, and the whole is recorded',
    async (method) => {
      const records: RecordingRecord[] = [];
      await withAgent(async (forward) => {
        const standin = await serve(until(method), { ...account, forward, record: (one) => records.push(one) });
        const result = await replay(whole, { target: `127.0.0.1:${standin.port}`, ...account });
        await standin.close();
        expect(differences(result)).toEqual([]);
        expect(result.counts.same).toBe(143);
      });
      const again = await withAgent((target) => replay(records, { target, ...account }));
      expect(differences(again)).toEqual([]);
      expect(again.counts.same).toBe(143);
    },
  );

  it('puts on the real object what was put on the recorded one', async () => {
    const records: RecordingRecord[] = [];
    await withAgent(async (forward) => {
      // The puts are played from the recording; the gets behind them are asked of the real server.
      const standin = await serve(
        until('Search').filter((one) => one.kind !== 'call' || one.member !== 'propget'),
        { ...account, forward, record: (one) => records.push(one) },
      );
      const result = await replay(whole, { target: `127.0.0.1:${standin.port}`, ...account });
      await standin.close();
      expect(differences(result)).toEqual([]);
    });
    expect(
      records.flatMap((one) =>
        one.kind === 'call' && one.method === 'ServerSelection' && one.member === 'propget' ? [one.out['retval']] : [],
      ),
    ).toEqual(['ssWindowsUpdate']);
  });

  it('gives each client a session of its own with the real server', async () => {
    await withAgent(async (forward) => {
      const standin = await serve(own, { ...account, forward });
      const clients = [clientOf(standin.port), clientOf(standin.port)];
      const sessions = await Promise.all(clients.map((client) => client.activate('UpdateSession')));
      // What is put is not in the recording: the real server has it.
      await Promise.all(sessions.map((one, at) => one.put('ClientApplicationID', `client ${at}`)));
      const searchers = await Promise.all(sessions.map(async (one) => object(await one.call('CreateUpdateSearcher'))));
      await searchers[0]?.put('Online', false);
      expect(await Promise.all(sessions.map((one) => one.get('ClientApplicationID')))).toEqual([
        'client 0',
        'client 1',
      ]);
      expect(await Promise.all(searchers.map((one) => one.get('Online')))).toEqual([false, true]);
      expect(await Promise.all(searchers.map((one) => one.get('ClientApplicationID')))).toEqual([
        'client 0',
        'client 1',
      ]);
      await Promise.all(clients.map((client) => client.close()));
      await standin.close();
    });
  });

  it('hands an object of one activation to an object of another', async () => {
    await withAgent(async (_, port) => {
      const forwarded: string[] = [];
      const standin = await serveRecording({
        records: own,
        registry,
        host: '127.0.0.1',
        port: 0,
        users,
        fallback: 'forward',
        forward: { host: '127.0.0.1', port, identity },
        missed: (what) => forwarded.push(what),
      });
      const client = clientOf(standin.port);
      const update = await firstUpdate(client);
      expect(forwarded).toEqual([]);
      // The real server has neither the update nor, before it is activated, the collection.
      const basket = await client.activate('UpdateCollection');
      expect(await basket.call('Add', update)).toBe(0);
      expect(await object(await basket.get('Item', 0)).get('Title')).toBe(await update.get('Title'));
      expect(forwarded).toEqual([
        'IRemoteSCMActivator::RemoteCreateInstance',
        'IUpdateCollection::Add',
        'IUpdateCollection::Item',
        'IObjectExporter::ResolveOxid2',
        'IUpdate::Title',
        'IUpdate::Title',
      ]);
      await client.close();
      await standin.close();
    });
  });

  it('answers with a fault, and says why, while nobody listens there', async () => {
    const gone = await withAgent((_, port) => Promise.resolve(port));
    const missed: string[] = [];
    const standin = await serveRecording({
      records: until('Search'),
      registry,
      host: '127.0.0.1',
      port: 0,
      users,
      fallback: 'forward',
      forward: { host: '127.0.0.1', port: gone, identity },
      missed: (_, answered, failed) => missed.push(`${answered}: ${failed}`),
    });
    const result = await replay(whole, { target: `127.0.0.1:${standin.port}`, ...account });
    await standin.close();
    expect(result.results.find((one) => one.status === 'different')?.differences[0]).toMatchObject({
      kind: 'fault',
      actual: 0x1c01_0001,
    });
    expect(result.counts.skipped).toBeGreaterThan(100);
    expect(missed[0]).toMatch(
      /^forwarded: the real server made no IUpdateSearcher#1: nothing listens at 127.0.0.1 port \d+$/,
    );
  });
});
