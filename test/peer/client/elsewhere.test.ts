import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { networkWorld } from '../../../src/io/world.js';
import type { Serving } from '../../../src/io/serve/agent.js';
import { serve } from '../../../src/io/serve/agent.js';
import { run } from '../../../src/cli/cli.js';
import type { World } from '../../../src/peer/world.js';
import { testStreams } from '../../support/streams.js';
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

/** Somebody who listens at another address of the loopback, and hands what comes there on. */
async function listener(port: number): Promise<{ readonly met: () => number; readonly close: () => Promise<void> }> {
  let met = 0;
  const server = createServer((socket) => {
    met++;
    const on = connect(port, '127.0.0.1');
    for (const one of [socket, on]) one.on('error', () => undefined);
    socket.pipe(on);
    on.pipe(socket);
  });
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.2', resolve));
  return { met: () => met, close: () => new Promise((resolve) => void server.close(() => resolve())) };
}

describe('a server whose bindings name a host where somebody listens', () => {
  let server: Serving;
  let other: Awaited<ReturnType<typeof listener>>;
  beforeAll(async () => {
    server = await serve({
      registry,
      model: sample,
      host: '127.0.0.1',
      port: 0,
      objectPort: 0,
      names: ['127.0.0.2'],
      users: new Map(),
      minLevel: 1,
      capture: null,
    });
    other = await listener(server.objectPort);
  });
  afterAll(async () => {
    await other.close();
    await server.close();
  });

  /** How often somebody went there for the sake of a piece of work. */
  async function metBy(work: () => Promise<unknown>): Promise<number> {
    const before = other.met();
    await work();
    return other.met() - before;
  }

  async function online(followBindings: boolean): Promise<void> {
    const client = clientOf(server.port, { identity: null, level: 'none', followBindings });
    try {
      const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
      expect(await searcher.get('Online')).toBe(true);
    } finally {
      await client.close();
    }
  }

  it('sends a client there only if it follows bindings', async () => {
    expect(await metBy(() => online(false))).toBe(0);
    expect(await metBy(() => online(true))).toBe(1);
  });

  const target = (): readonly string[] => ['--target', `127.0.0.1:${server.port}`];

  it('sends call, replay and test there only with --follow-bindings', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'uamgscope-'));
    const capture = join(folder, 'one.pcapng');
    const session = join(folder, 'one.uamgrec');
    const commands: readonly (readonly string[])[] = [
      ['call', 'CreateUpdateSearcher().Online', ...target(), '--capture', capture, '--force'],
      ['replay', session, ...target(), '--allow-changes'],
      ['test', folder, ...target(), '--allow-changes'],
    ];
    try {
      for (const command of commands)
        for (const [more, times] of [
          [[], 0],
          [['--follow-bindings'], 1],
        ] as const) {
          let said = '';
          expect(
            await metBy(async () => {
              const streams = testStreams();
              said = `${await run([...command, ...more], streams)} ${streams.out()} ${streams.err()}`;
            }),
            `${command.join(' ')} ${more.join(' ')}: ${said}`,
          ).toBe(times);
          expect(said).toMatch(/^0/);
          if (command[0] === 'call' && times === 0)
            await run(['record', capture, '-o', session, '--force'], testStreams());
        }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is named where nobody answers at the host that was dialled', async () => {
    const world = networkWorld('127.0.0.1', null);
    const client = clientOf(server.port, {
      identity: null,
      level: 'none',
      // Nobody listens at the first port of all.
      world: { ...world, dial: (port, events) => world.dial(port === server.port ? port : 1, events) },
    });
    try {
      const root = await client.activate('UpdateSession');
      expect((await errorOf(root.call('CreateUpdateSearcher'))).message).toMatch(
        /nothing listens.*bindings name 127\.0\.0\.2.*--follow-bindings/,
      );
    } finally {
      await client.close();
    }
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
