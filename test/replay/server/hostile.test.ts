import { expect, it } from 'vitest';
import { agent, clientOf, object, registry } from '../../client/support.js';

// What ResolveOxid2 of an OXID that nobody has used to do: end the server.
it('answers any bytes for any opnum of any interface, on any object, and goes on', async () => {
  const server = await agent({ open: true, minLevel: 1 });
  const client = clientOf(server.port, { identity: null, level: 'none' });
  try {
    const session = await client.activate('UpdateSession');
    const searcher = object(await session.call('CreateUpdateSearcher'));
    const updates = object(await object(await searcher.call('Search', 'IsInstalled=0')).get('Updates'));
    const identity = object(await object(await updates.get('Item', 0)).get('Identity'));
    const dispatch = await searcher.as('IDispatch');
    const typeInfo = await client.activate('UpdateSession', ['IDispatch']).then((one) => one.as('IDispatch'));
    const objects = [null, ...[session, searcher, updates, identity, dispatch, typeInfo].map((one) => one.ipid)];
    let seed = 7;
    const noise = Uint8Array.from({ length: 256 }, () => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff) >>> 16);
    const stubs = [new Uint8Array(0), new Uint8Array(96), new Uint8Array(1024), Uint8Array.of(5, 0, 7, 0, ...new Uint8Array(508)), new Uint8Array(64).fill(0xff), noise];
    const kinds = new Map<string, number>();
    for (const { interface: face, slots } of registry.interfaces) {
      for (let opnum = 0; opnum <= slots.length; opnum++) {
        for (const stub of stubs) {
          for (const [at, ipid] of objects.entries()) {
            const answer = server.exporter.dispatch({ abstract: { uuid: face.uuid, ...face.version }, opnum, object: ipid, stub, littleEndian: at % 2 === 0, syntax: at % 3 === 0 ? 'ndr64' : 'ndr20', authLevel: 6, owner: 'test' });
            kinds.set(answer.kind, (kinds.get(answer.kind) ?? 0) + 1);
          }
        }
      }
    }
    expect(kinds.get('response')).toBeGreaterThan(100);
    expect(kinds.get('fault')).toBeGreaterThan(100);
    expect(await (await client.activate('UpdateSession')).get('ReadOnly')).toBe(false);
  } finally {
    await client.close();
    await server.close();
  }
});
