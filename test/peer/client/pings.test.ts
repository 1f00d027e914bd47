import { expect, it } from 'vitest';
import { spanOf } from '../../../src/bytes/block.js';
import type { Fields } from '../../../src/ndr/value.js';
import { Client } from '../../../src/peer/client/client.js';
import type { ClientError } from '../../../src/peer/client/error.js';
import { ServerLink } from '../../../src/peer/link/server.js';
import { PING_PERIOD_MS } from '../../../src/dcom/names.js';
import type { World } from '../../../src/peer/world.js';
import { registry } from './support.js';

const NDR = { littleEndian: true, syntax: 'ndr20' } as const;
const SET = '0x00000000000000aa';

/** A client with no socket, whose object resolver answers pings with `status`, and what it was sent. */
function pinging(status: () => number): {
  readonly client: Client;
  readonly pings: Fields[];
  readonly failed: ClientError[];
  readonly period: () => void;
} {
  const pings: Fields[] = [];
  const failed: ClientError[] = [];
  const periods: (() => void)[] = [];
  const world: World = {
    dial(_, events) {
      const server = new ServerLink({
        send: (bytes) => queueMicrotask(() => events.data(bytes)),
        close: (reason) => events.closed(reason),
        serves: () => ['ndr20', 'ndr64'],
        accept: null,
        port: '135',
        assocGroup: 1,
        handle: (call, answer) => {
          const codec = registry.method(call.abstract.uuid, call.opnum, NDR);
          if (codec === null) throw new Error('the tables have pings');
          pings.push({ method: codec.method.name, ...codec.request.decode(spanOf(call.stub)).value });
          const stub = codec.response.encode({ pSetId: SET, pPingBackoffFactor: 0, return: status() });
          answer({ kind: 'response', drep: call.drep, stub });
        },
      });
      return { send: (bytes) => queueMicrotask(() => server.push(bytes)), close: () => undefined };
    },
    now: () => ({ timeS: 0, timeNs: 0 }),
    after: (ms, run) => {
      if (ms === PING_PERIOD_MS) periods.push(run);
      return () => undefined;
    },
    auth: () => null,
    guid: () => '00000000-0000-0000-0000-000000000001',
  };
  const client = new Client({
    registry,
    world,
    host: 'h',
    port: 135,
    level: 'none',
    binding: 'early',
    onPingFailed: (error) => failed.push(error),
  });
  return { client, pings, failed, period: () => periods.shift()?.() };
}

async function hold(client: Client, objects: number): Promise<void> {
  const hex = (at: number): string => at.toString(16).padStart(12, '0');
  for (let at = 1; at <= objects; at++)
    await client.adopt({
      iid: '00020400-0000-0000-c000-000000000046',
      ipid: `00000000-0000-4000-8000-${hex(at)}`,
      oxid: '0x0000000000000001',
      oid: `0x0000${hex(at)}`,
      flags: 0,
      cPublicRefs: 1,
    });
}

it('pings more objects than one ping can name', async () => {
  const { client, pings } = pinging(() => 0);
  await hold(client, 0x1_0005);
  await client.ping();
  expect(pings.map(({ method, cAddToSet, pSetId }) => [method, cAddToSet, pSetId])).toEqual([
    ['ComplexPing', 0xffff, '0x0000000000000000'],
    ['ComplexPing', 6, SET],
  ]);
  await client.ping();
  expect(pings.at(-1)).toEqual({ method: 'SimplePing', pSetId: SET });
});

it('tells a ping that failed by itself, and goes on', async () => {
  let status = 5;
  const { client, pings, failed, period } = pinging(() => status);
  await hold(client, 1);
  period();
  await expect.poll(() => failed.length).toBe(1);
  expect(failed[0]).toMatchObject({ kind: 'denied', call: 'IObjectExporter::ComplexPing', status: 5 });
  status = 0;
  period();
  await expect.poll(() => pings.length).toBe(2);
  await client.ping();
  expect([pings.length, failed.length]).toEqual([3, 1]);
});
