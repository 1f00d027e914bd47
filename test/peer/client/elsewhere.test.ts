import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networkWorld } from '../../../src/io/world.js';
import type { Serving } from '../../../src/io/serve/agent.js';
import { serve } from '../../../src/io/serve/agent.js';
import type { World } from '../../../src/peer/world.js';
import { ALICE, agent, clientOf, errorOf, object, rawServer, registry, sample } from './support.js';
import { ntHash } from '../../../src/security/index.js';

describe('a server whose bindings name other hosts', () => {
  let server: Serving;
  beforeAll(async () => {
    // Where an attacker would like the client, and its credentials, to go.
    server = await serve({
      registry,
      model: sample,
      host: '127.0.0.1',
      port: 0,
      objectPort: 0,
      names: ['192.0.2.66', 'attacker.example'],
      users: new Map([['alice', { hash: ntHash('secret') }]]),
      minLevel: 5,
      capture: null,
    });
  });
  afterAll(() => server.close());

  it('is called where it was dialled, and nowhere else', async () => {
    const real = networkWorld('127.0.0.1', ALICE);
    const dialled: number[] = [];
    const world: World = {
      ...real,
      // A world knows ports of the host that was named, and no other host.
      dial: (port, events) => {
        dialled.push(port);
        return real.dial(port, events);
      },
    };
    const client = clientOf(server.port, { world });
    try {
      const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
      expect(await searcher.get('Online')).toBe(true);
    } finally {
      await client.close();
    }
    expect(new Set(dialled)).toEqual(new Set([server.port, server.objectPort]));
  });
});

describe('a server that makes its client wait', () => {
  const silences: readonly (readonly [string, (bytes: Buffer) => Buffer | null])[] = [
    ['never answers', () => null],
    ['answers the beginning of a header, and no more', () => Buffer.from([5, 0, 12, 3, 0x10])],
    [
      'answers a fragment that is never followed by another',
      () => Buffer.from([5, 0, 12, 0, 0x10, 0, 0, 0, 0xff, 0xff, 0, 0]),
    ],
  ];
  it.each(silences)('%s: the wait has a deadline', async (_, answer) => {
    const silent = await rawServer((socket) => {
      socket.on('data', (bytes) => {
        const given = answer(bytes);
        if (given !== null) socket.write(given);
      });
    });
    const client = clientOf(silent.port, { timeoutMs: 300 });
    try {
      const waits = [client.activate('UpdateSession'), client.alive(), client.map('IUpdateSearcher')];
      const causes = await Promise.all(waits.map(async (one) => (await errorOf(one)).message));
      expect(causes.every((one) => /within 300 ms/.test(String(one)))).toBe(true);
    } finally {
      await client.close();
      await silent.close();
    }
  });

  it('is left all the same: giving objects back has a deadline of its own', async () => {
    const server = await agent({ open: true, minLevel: 1 });
    let deaf = false;
    const real = networkWorld('127.0.0.1', null);
    const world: World = {
      ...real,
      dial: (port, events) => {
        const line = real.dial(port, events);
        return { close: () => line.close(), send: (bytes) => (deaf ? undefined : line.send(bytes)) };
      },
    };
    const client = clientOf(server.port, { identity: null, level: 'none', world, timeoutMs: 60_000 });
    await client.activate('UpdateSession');
    deaf = true;
    // RELEASE_MS, not the minute that calls may take: otherwise the test runs out of time.
    await client.close();
    await server.close();
    expect(client.held).toEqual([]);
  });
});
