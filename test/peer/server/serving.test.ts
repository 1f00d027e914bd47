import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { readModel } from '../../../replay/agent/model.js';
import type { Client } from '../../../src/peer/client/client.js';
import type { Serving } from '../../../src/io/serve/agent.js';
import { agent, clientOf, errorOf, object, sample } from '../client/support.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function up(changes: object = {}, minLevel = 5): Promise<Serving> {
  const serving = await agent({ model: readModel({ ...sample, ...changes }), minLevel });
  open.push(serving);
  return serving;
}

function client({ port }: Serving, more: Parameters<typeof clientOf>[1] = {}): Client {
  const made = clientOf(port, more);
  open.push(made);
  return made;
}

function raw(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket)).on('error', reject);
  });
}

describe('the server of the agent', () => {
  it('holds an answer back for as long as the model says, and nobody else waits', async () => {
    const serving = await up({ faults: [{ member: 'IUpdateSearcher::Search', delay: 400, times: 1 }] });
    const [slow, quick] = await Promise.all(
      [client(serving), client(serving)].map(async (one) =>
        object(await (await one.activate('UpdateSession')).call('CreateUpdateSearcher')),
      ),
    );
    const order: string[] = [];
    const began = performance.now();
    const waiting = slow?.call('Search', 'IsInstalled=0').then(() => order.push('slow'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await quick?.call('Search', 'IsInstalled=0').then(() => order.push('quick'));
    await waiting;
    expect(order).toEqual(['quick', 'slow']);
    expect(performance.now() - began).toBeGreaterThan(390);
  });

  it.each(['integrity', 'privacy'] as const)('takes requests and gives answers in fragments at %s', async (level) => {
    const strings = await client(await up(), { level }).activate('StringCollection');
    const text = Array.from({ length: 30_000 }, (_, at) => String.fromCharCode(0x3042 + (at % 80))).join('');
    await strings.call('Add', text);
    expect(await strings.get('Item', 0)).toBe(text);
    // More than is taken in fragments costs the connection.
    expect((await errorOf(strings.call('Add', 'x'.repeat(600_000)))).kind).toBe('lost');
  });

  it('refuses whom it does not know, and serves who comes after', async () => {
    const serving = await up();
    expect(
      (
        await errorOf(
          client(serving, { identity: { user: 'alice', domain: '', password: 'guess', hash: null } }).activate(
            'UpdateSession',
          ),
        )
      ).kind,
    ).toBe('denied');
    expect(await (await client(serving).activate('UpdateSession')).get('ReadOnly')).toBe(false);
  });

  it('drops a connection where the model says so, and takes the next one', async () => {
    const serving = await up({ faults: [{ member: 'IUpdateSession::ClientApplicationID', drop: true, times: 1 }] });
    const session = await client(serving).activate('UpdateSession');
    expect((await errorOf(session.get('ClientApplicationID'))).kind).toBe('lost');
    expect(await (await client(serving).activate('UpdateSession')).get('ClientApplicationID')).toBe('');
  });

  it('injects an HRESULT and an RPC fault, early and late bound, into activation too', async () => {
    const serving = await up({
      faults: [
        { member: 'IUpdateSearcher.Online', hresult: 0x8024_402c },
        { member: 'IUpdateSearcher::ServiceID', fault: 1722 },
        { member: 'IRemoteSCMActivator::RemoteCreateInstance', hresult: 0x8000_4005, times: 1 },
        { member: 'IObjectExporter::ServerAlive2', delay: 100 },
      ],
    });
    expect((await errorOf(client(serving).activate('UpdateSession'))).status).toBe(0x8000_4005);
    const began = performance.now();
    expect((await client(serving).alive()).major).toBe(5);
    expect(performance.now() - began).toBeGreaterThan(95);
    for (const binding of ['early', 'late'] as const) {
      const searcher = object(
        await (await client(serving, { binding }).activate('UpdateSession')).call('CreateUpdateSearcher'),
      );
      expect((await errorOf(searcher.get('Online'))).status).toBe(0x8024_402c);
      expect(await errorOf(searcher.get('ServiceID'))).toMatchObject({ status: 1722 });
      expect(await searcher.get('SearchScope')).not.toBeUndefined();
    }
  });

  it('refuses activations and calls below the level it is set to', async () => {
    const serving = await up({}, 6);
    expect((await errorOf(client(serving, { level: 'integrity' }).activate('UpdateSession'))).status).toBe(0x8007_0005);
    expect(await (await client(serving, { level: 'privacy' }).activate('UpdateSession')).get('ReadOnly')).toBe(false);
    expect((await client(serving, { identity: null }).alive()).major).toBe(5);
  });

  it('collects what nobody pings, and keeps what is pinged', async () => {
    // Pinged a hundred times as often as it has to be: a busy machine may let many of them wait.
    const serving = await up({ ping: { period: 1, count: 2 } });
    const [leaves, stays] = [client(serving), client(serving)];
    await leaves.activate('UpdateSession');
    const session = await stays.activate('UpdateSession');
    const timer = setInterval(() => void stays.ping().catch(() => undefined), 20);
    try {
      await expect.poll(() => serving.exporter.size, { timeout: 25_000, interval: 20 }).toBe(1);
      expect(await session.get('ReadOnly')).toBe(false);
    } finally {
      clearInterval(timer);
    }
  });

  it('outlives clients that send no RPC, stop in the middle of a PDU, or vanish, and serves others meanwhile', async () => {
    const serving = await up();
    const junk = await raw(serving.port);
    const closed = new Promise((resolve) => junk.once('close', resolve));
    junk.write('GET / HTTP/1.1\r\n\r\n');
    await closed;
    const stalled = await raw(serving.objectPort);
    stalled.write(Uint8Array.from([5, 0, 0, 3, 0x10, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0, 0]));
    (await raw(serving.port)).resetAndDestroy();
    const session = await client(serving).activate('UpdateSession');
    expect(await session.get('ReadOnly')).toBe(false);
    stalled.destroy();
  });
});
