import { expect, it } from 'vitest';
import { planOf } from '../../replay/player/plan.js';
import { Forwarder } from '../../replay/responder/forwarder.js';
import { Budget } from '../../src/peer/budget.js';
import type { World } from '../../src/peer/world.js';
import { LITTLE_ENDIAN } from '../../src/rpc/header.js';
import { recordingOf, registry } from './support.js';

/** A real server that never answers. */
const silent: World = {
  dial: () => ({ send: () => undefined, close: () => undefined }),
  now: () => ({ timeS: 0, timeNs: 0 }),
  after: () => () => undefined,
  auth: () => null,
  guid: () => '00000000-0000-0000-0000-000000000000',
};

it('what forwarders keep is one budget: the one with most forwards no more, and the others do', async () => {
  const plan = planOf(await recordingOf('wua-session.pcapng'), registry);
  const budget = new Budget({ bytes: 100_000 });
  const [greedy, modest] = [1, 2].map(
    () => new Forwarder({ plan, registry, host: '192.0.2.1', port: 135, deadlineMs: 1000, budget }, silent),
  ) as [Forwarder, Forwarder];
  const faults = { greedy: [] as (number | null)[], modest: [] as (number | null)[] };
  const forward = (forwarder: Forwarder, heard: (number | null)[]): void =>
    forwarder.forward(
      {
        abstract: { uuid: '11111111-2222-3333-4444-555555555555', major: 0, minor: 0 },
        transfer: 'ndr20',
        contextId: 0,
        callId: 1,
        opnum: 3,
        object: null,
        stub: new Uint8Array(1000),
        drep: LITTLE_ENDIAN,
        auth: null,
        principal: null,
      },
      { recordedId: (id) => id, recorded: (value) => value, shown: (value) => value },
      (answer) => heard.push(answer.kind === 'fault' ? answer.status : null),
    );
  forward(modest, faults.modest);
  for (let count = 0; count < 40; count++) forward(greedy, faults.greedy);
  forward(modest, faults.modest);
  expect(faults.greedy.length).toBeGreaterThan(15);
  expect(new Set(faults.greedy)).toEqual(new Set([0x1c01_0014]));
  expect(faults.modest).toEqual([]);
  greedy.end();
  modest.end();
  expect(budget.used).toBe(0);
});
