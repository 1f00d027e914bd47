import { describe, expect, it } from 'vitest';
import { CLASSES, Peer, referenceIn, registry, type Reference } from './support.js';

const TYPE_E_ELEMENTNOTFOUND = 0x8002802b;

function typeInfoOf(peer: Peer, object: Reference): Reference {
  expect(peer.call('IDispatch', 'GetTypeInfoCount', object).out).toEqual({ pctinfo: 1 });
  return referenceIn(peer.call('IDispatch', 'GetTypeInfo', object, { iTInfo: 0, lcid: 0x409 }).out['ppTInfo']);
}

describe("the type information of the agent's objects", () => {
  it.each([
    ['session', 'IUpdateSession3'],
    ['searcher', 'IUpdateSearcher3'],
    ['manager', 'IUpdateServiceManager2'],
    ['strings', 'IStringCollection'],
    ['updates', 'IUpdateCollection'],
    ['info', 'IWindowsUpdateAgentInfo'],
    ['automatic', 'IAutomaticUpdates2'],
  ] as const)('of a %s is that of %s: every member with its DISPID, kind, slot and names', (name, iface) => {
    const peer = new Peer();
    const info = typeInfoOf(peer, peer.activate(CLASSES[name], iface));
    const ask = (method: string, params: { readonly [name: string]: number } = {}): ReturnType<Peer['call']> =>
      peer.call('ITypeInfo', method, info, params);
    const resolved = registry.interfaceByName(iface);
    const served = (resolved?.slots ?? []).flatMap((slot) =>
      slot?.owner.spec === 'MS-UAMG' && slot.method.notUsedOnWire !== true ? [slot.method] : [],
    );
    expect(ask('GetTypeAttr').out['ppTypeAttr']).toMatchObject({
      guid: resolved?.interface.uuid,
      typekind: 'TKIND_DISPATCH',
      cFuncs: served.length,
      cVars: 0,
      cImplTypes: 1,
    });
    const kinds = { 1: 'method', 2: 'propget', 4: 'propput' } as const;
    const told = served.map((_, index) => {
      const { memid, invkind, oVft, cParams, lprgelemdescParam } = ask('GetFuncDesc', { index }).out['ppFuncDesc'] as {
        readonly memid: number;
        readonly invkind: 1 | 2 | 4;
        readonly oVft: number;
        readonly cParams: number;
        readonly lprgelemdescParam: readonly unknown[] | null;
      };
      expect(lprgelemdescParam?.length ?? 0).toBe(cParams);
      const names = ask('GetNames', { memid, cMaxNames: 8 }).out;
      expect(ask('GetDocumentation', { memid, refPtrFlags: 1 }).out['pBstrName']).toBe(
        (names['rgBstrNames'] as readonly string[])[0],
      );
      return [memid, kinds[invkind], oVft / 8, (names['rgBstrNames'] as readonly string[])[0], cParams];
    });
    expect(told).toEqual(
      served.map((method) => [
        method.dispid,
        method.member,
        method.opnum,
        method.name,
        (method.params ?? []).filter((param) => param.direction !== 'out').length,
      ]),
    );
    expect(ask('GetDocumentation', { memid: -1, refPtrFlags: 1 }).out['pBstrName']).toBe(iface);
    expect([
      ask('GetFuncDesc', { index: served.length }).hresult,
      ask('GetNames', { memid: 7, cMaxNames: 1 }).hresult,
      ask('GetVarDesc', { index: 0 }).hresult,
    ]).toEqual([TYPE_E_ELEMENTNOTFOUND, TYPE_E_ELEMENTNOTFOUND, TYPE_E_ELEMENTNOTFOUND]);
  });

  it('leads down to IDispatch through what an interface derives from', () => {
    const peer = new Peer();
    let info = typeInfoOf(peer, peer.activate(CLASSES.session, 'IUpdateSession3'));
    const names: unknown[] = [];
    for (let depth = 0; depth < 8; depth++) {
      names.push(peer.call('ITypeInfo', 'GetDocumentation', info, { memid: -1, refPtrFlags: 1 }).out['pBstrName']);
      const { hresult, out } = peer.call('ITypeInfo', 'GetRefTypeOfImplType', info, { index: 0 });
      if (hresult !== 0) break;
      info = referenceIn(
        peer.call('ITypeInfo', 'GetRefTypeInfo', info, { hRefType: Number(out['pRefType']) }).out['ppTInfo'],
      );
    }
    expect(names).toEqual(['IUpdateSession3', 'IUpdateSession2', 'IUpdateSession', 'IDispatch', 'IUnknown']);
    expect(
      peer.call('IDispatch', 'GetTypeInfo', peer.activate(CLASSES.info, 'IWindowsUpdateAgentInfo'), {
        iTInfo: 1,
        lcid: 0,
      }).hresult,
    ).toBe(0x8002000b);
  });
});
