import { expect, it } from 'vitest';
import { agent, clientOf, object, registry } from '../client/support.js';
import { CLASSES, full, Peer } from './support.js';

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
    const stubs = [
      new Uint8Array(0),
      new Uint8Array(96),
      new Uint8Array(1024),
      Uint8Array.of(5, 0, 7, 0, ...new Uint8Array(508)),
      new Uint8Array(64).fill(0xff),
      noise,
    ];
    const kinds = new Map<string, number>();
    for (const { interface: iface, slots } of registry.interfaces) {
      for (let opnum = 0; opnum <= slots.length; opnum++) {
        for (const stub of stubs) {
          for (const [at, ipid] of objects.entries()) {
            const answer = server.exporter.dispatch({
              abstract: { uuid: iface.uuid, ...iface.version },
              opnum,
              object: ipid,
              stub,
              littleEndian: at % 2 === 0,
              syntax: at % 3 === 0 ? 'ndr64' : 'ndr20',
              authLevel: 6,
              owner: 'test',
              principal: null,
            });
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

it('answers requests of its members with bytes changed, cut off and put in, and what it exports stays in bounds', () => {
  const limits = { objects: 500, weight: 2000, pingSets: 8, pingMembers: 16 };
  const peer = new Peer(full, { limits, minLevel: 1 });
  const session = peer.activate(CLASSES.session, 'IUpdateSession3');
  const objects = [
    session,
    peer.activate(CLASSES.searcher, 'IUpdateSearcher3'),
    peer.activate(CLASSES.manager, 'IUpdateServiceManager2'),
    peer.activate(CLASSES.strings, 'IStringCollection'),
    peer.activate(CLASSES.updates, 'IUpdateCollection'),
  ];
  let state = 11;
  const random = (below: number): number => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return (state >>> 0) % below;
  };
  const orpcthis = {
    version: { MajorVersion: 5, MinorVersion: 7 },
    flags: 0,
    reserved1: 0,
    cid: '00000000-0000-0000-0000-000000000001',
    extensions: null,
  };
  const arguments_ = [
    { criteria: 'IsInstalled=0', startIndex: 0, count: 3 },
    { value: 'text', index: 0, lcid: 1033 },
    { unescaped: "a'b" },
    {
      serviceID: '7971f918-a847-4430-9279-4a52d1efe18d',
      flags: 7,
      authorizationCabPath: '',
      serviceName: 'x',
      scanFileLocation: 'y',
      optionName: 'AllowedServiceID',
      optionValue: { vt: 'VT_BSTR', value: null },
    },
  ];
  const seen = new Set<string>();
  for (const { iid, ipid } of objects) {
    for (const [opnum, slot] of (registry.interfaceByUuid(iid)?.slots ?? []).entries()) {
      const codec =
        slot === null || slot.method.params === null
          ? null
          : registry.method(iid, opnum, { littleEndian: true, syntax: 'ndr20' });
      if (codec === null) continue;
      const valid = arguments_.flatMap((given) => {
        try {
          return [codec.request.encode({ ...given, orpcthis })];
        } catch {
          return [];
        }
      });
      for (const stub of valid) {
        for (let turn = 0; turn < 60; turn++) {
          const changed = stub.slice(0, turn % 3 === 0 ? random(stub.length + 1) : stub.length);
          for (let hit = 0; hit <= turn % 4 && changed.length > 0; hit++)
            changed[random(changed.length)] = turn % 5 === 0 ? 0xff : random(256);
          const bytes = turn % 7 === 0 ? Uint8Array.of(...changed, ...changed) : changed;
          seen.add(
            peer.exporter.dispatch({
              abstract: { uuid: iid, major: 0, minor: 0 },
              opnum,
              object: ipid,
              stub: bytes,
              littleEndian: turn % 11 !== 0,
              syntax: 'ndr20',
              authLevel: 6,
              owner: `of ${turn % 3}`,
              principal: null,
            }).kind,
          );
          expect(peer.exporter.size).toBeLessThanOrEqual(limits.objects);
        }
      }
    }
  }
  expect(seen).toEqual(new Set(['response', 'fault']));
});
