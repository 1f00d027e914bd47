import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClientError } from '../../../src/peer/client/error.js';
import { networkWorld } from '../../../src/io/world.js';
import type { Serving } from '../../../src/io/serve/agent.js';
import { agent, clientOf, object } from './support.js';

let server: Serving;
beforeAll(async () => {
  server = await agent({ open: true, minLevel: 1 });
});
afterAll(() => server.close());

type Change = (bytes: Uint8Array, chunk: number) => Uint8Array;

const same: Change = (bytes) => bytes;

interface Flip {
  readonly chunk: number;
  readonly at: number;
  readonly value: number;
}

const flips = fc.array(
  fc.record({ chunk: fc.nat({ max: 9 }), at: fc.nat({ max: 400 }), value: fc.integer({ min: 0, max: 255 }) }),
  { minLength: 1, maxLength: 4 },
);

function flipping(all: readonly Flip[]): Change {
  return (bytes, chunk) => {
    const copy = bytes.slice();
    for (const flip of all) if (flip.chunk === chunk && flip.at < copy.length) copy[flip.at] = flip.value;
    return copy;
  };
}

/** A session through a line that changes what comes of the server, or goes there; what its calls came to. */
async function session(
  binding: 'early' | 'late',
  come: Change,
  go: Change,
  patienceMs: number,
): Promise<readonly unknown[]> {
  const world = networkWorld('127.0.0.1', null);
  let [chunks, sent] = [0, 0];
  const client = clientOf(server.port, {
    identity: null,
    level: 'none',
    binding,
    world: {
      ...world,
      dial: (port, events) => {
        const line = world.dial(port === server.port || port === server.objectPort ? port : 1, {
          ...events,
          data: (bytes) => events.data(come(bytes, chunks++)),
        });
        return { send: (bytes) => line.send(go(bytes, sent++)), close: () => line.close() };
      },
    },
    // Nobody waits long here: an answer that lost its length never ends.
    timeoutMs: patienceMs,
  });
  const came: unknown[] = [];
  try {
    const searcher = object(await (await client.activate('UpdateSession')).call('CreateUpdateSearcher'));
    came.push(await searcher.get('Online'));
    const updates = object(await object(await searcher.call('Search', 'IsInstalled=0')).get('Updates'));
    came.push(await updates.get('Count'), await object(await updates.get('Item', 0)).get('Title'), await client.ping());
  } catch (error) {
    came.push(error);
  } finally {
    await client.close();
  }
  return came;
}

describe('a client of a server that lies', () => {
  it('is the session it should be when nothing is changed', async () => {
    expect((await session('early', same, same, 20_000)).some((one) => one instanceof Error)).toBe(false);
  });

  it('ends in an error of its own kind, or a value, whatever bytes are changed', async () => {
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('early' as const, 'late' as const), flips, async (binding, all) => {
        const came = await session(binding, flipping(all), same, 50);
        const error = came.find((one) => one instanceof Error);
        if (error === undefined) return;
        changed++;
        // What object() of this test throws for a value in the place of an object.
        if (!(error instanceof ClientError)) expect(String(error)).toMatch(/^Error: no object/);
      }),
      { numRuns: 60 },
    );
    expect(changed).toBeGreaterThan(5);
  });

  it('is an honest client to a server that others lied to', async () => {
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('early' as const, 'late' as const), flips, async (binding, all) => {
        if ((await session(binding, same, flipping(all), 50)).some((one) => one instanceof Error)) refused++;
      }),
      { numRuns: 60 },
    );
    expect(refused).toBeGreaterThan(5);
    expect((await session('late', same, same, 20_000)).some((one) => one instanceof Error)).toBe(false);
  });

  it('does not go to another port than one, however the bindings read', async () => {
    const dialled: number[] = [];
    const world = networkWorld('127.0.0.1', null);
    const client = clientOf(server.port, {
      identity: null,
      level: 'none',
      world: { ...world, dial: (port, events) => (dialled.push(port), world.dial(port, events)) },
    });
    await client.activate('UpdateSession');
    await client.close();
    expect(dialled).toEqual([server.port, server.objectPort]);
  });
});
