import { expect, it } from 'vitest';
import { commonVersion } from '../../../src/dcom/version.js';
import { ServerLink } from '../../../src/peer/link/server.js';
import type { World } from '../../../src/peer/world.js';
import { Client } from '../../../src/peer/client/client.js';
import type { Drep, Value } from '../../../src/types.js';
import { registry } from './support.js';

/** A world whose only server answers every call with these values, in big-endian stubs; no socket. */
function bigEndian(answers: Readonly<Record<string, Value>>): World {
  const drep: Drep = { littleEndian: false, ebcdic: false, float: 'ieee' };
  return {
    dial(_, events) {
      const server = new ServerLink({
        send: (bytes) => queueMicrotask(() => events.data(bytes)),
        close: (reason) => events.closed(reason),
        serves: () => ['ndr20', 'ndr64'],
        accept: null,
        port: '135',
        assocGroup: 1,
        handle: (call, answer) =>
          answer({
            kind: 'response',
            drep,
            stub:
              registry
                .method(call.abstract.uuid, call.opnum, { littleEndian: false, syntax: 'ndr20' })
                ?.response.encode(answers) ?? new Uint8Array(0),
          }),
      });
      return { send: (bytes) => queueMicrotask(() => server.push(bytes)), close: () => undefined };
    },
    now: () => ({ timeS: 0, timeNs: 0 }),
    after: () => () => undefined,
    auth: () => null,
    guid: () => '00000000-0000-0000-0000-000000000001',
  };
}

it('reads answers in the byte order that they came in', async () => {
  const bindings = { stringBindings: [{ towerId: 7, networkAddr: 'big' }], securityBindings: [] };
  const client = new Client({
    registry,
    world: bigEndian({
      pComVersion: { MajorVersion: 5, MinorVersion: 6 },
      ppdsaOrBindings: bindings,
      pReserved: 0,
      return: 0,
    }),
    host: 'big',
    port: 135,
    level: 'none',
    binding: 'early',
  });
  expect(await client.alive()).toEqual({ major: 5, minor: 6, bindings });
  await client.close();
});

it('speaks the lower version of DCOM', () => {
  const [own, lower, higher] = [7, 6, 9].map(
    (MinorVersion) => commonVersion({ MajorVersion: 5, MinorVersion }).MinorVersion,
  );
  expect([own, lower, higher, commonVersion(null).MinorVersion]).toEqual([7, 6, 7, 7]);
});
