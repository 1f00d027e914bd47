import { describe, expect, it } from 'vitest';
import type { Fields } from '../../../src/ndr/codec.js';
import type { Value } from '../../../src/types.js';
import { CLASSES, full, IDS, Peer, referenceIn, type Came, type Reference } from '../../peer/server/support.js';

const E_INVALIDARG = 0x80070057;
const NEW_SERVICE = '7971f918-a847-4430-9279-4a52d1efe18d';

const get = (peer: Peer, iface: string, name: string, object: Reference, args: Fields = {}): Value =>
  peer.call(iface, name, object, args, 'propget').out['retval'] ?? null;
const sub = (peer: Peer, iface: string, name: string, object: Reference, args: Fields = {}): Reference =>
  referenceIn(get(peer, iface, name, object, args));
const made = (peer: Peer, iface: string, name: string, object: Reference, args: Fields = {}): Reference =>
  referenceIn(peer.call(iface, name, object, args).out['retval']);

/** OID of an object in a result: tells objects apart. */
const oid = (value: Value): unknown => (value as { readonly oid?: unknown } | null)?.oid ?? null;

function found(peer: Peer, criteria: string): { readonly result: Reference; readonly updates: readonly Reference[] } {
  const session = peer.activate(CLASSES.session, 'IUpdateSession3');
  const searcher = made(peer, 'IUpdateSession', 'CreateUpdateSearcher', session);
  const result = made(peer, 'IUpdateSearcher', 'Search', searcher, { criteria });
  const updates = sub(peer, 'ISearchResult', 'Updates', result);
  const count = Number(get(peer, 'IUpdateCollection', 'Count', updates));
  return {
    result,
    updates: Array.from({ length: count }, (_, index) => sub(peer, 'IUpdateCollection', 'Item', updates, { index })),
  };
}

const first = (list: readonly Reference[]): Reference => {
  const [one] = list;
  if (one === undefined) throw new Error('nothing was found');
  return one;
};

describe('properties that hold an object', () => {
  it('give the same one at each get, of updates, results, categories and sessions', () => {
    const peer = new Peer();
    const { result, updates } = found(peer, "Type='Software'");
    const update = first(updates);
    const automatic = peer.activate(CLASSES.automatic, 'IAutomaticUpdates2');
    const category = sub(peer, 'ICategoryCollection', 'Item', sub(peer, 'IUpdate', 'Categories', update), { index: 0 });
    const manager = peer.activate(CLASSES.manager, 'IUpdateServiceManager');
    const read: readonly (readonly [string, string, Reference])[] = [
      ['IAutomaticUpdates2', 'Results', automatic],
      ['ISearchResult', 'RootCategories', result],
      ['ISearchResult', 'Updates', result],
      ['ISearchResult', 'Warnings', result],
      ['IUpdate', 'Categories', update],
      ['IUpdate', 'Identity', update],
      ['IUpdate', 'KBArticleIDs', update],
      ['IUpdate', 'BundledUpdates', update],
      ['IUpdate', 'InstallationBehavior', update],
      ['IUpdate', 'Image', update],
      ['IUpdate', 'DownloadContents', update],
      ['ICategory', 'Children', category],
      ['ICategory', 'Parent', category],
      ['ICategory', 'Updates', category],
      ['IUpdateServiceManager', 'Services', manager],
    ];
    for (const [iface, name, object] of read) {
      const [once, again] = [oid(get(peer, iface, name, object)), oid(get(peer, iface, name, object))];
      expect([name, typeof once, again], name).toEqual([name, 'string', once]);
    }
  });

  it('but an enumerator is a new one each time (3.22.4.3)', () => {
    const peer = new Peer();
    const updates = sub(peer, 'ISearchResult', 'Updates', found(peer, "Type='Software'").result);
    expect(oid(get(peer, 'IUpdateCollection', '_NewEnum', updates))).not.toBe(
      oid(get(peer, 'IUpdateCollection', '_NewEnum', updates)),
    );
  });
});

describe('GetInfo', () => {
  it('compares its identifiers without case (3.52.4.1), and no others pass', () => {
    const peer = new Peer();
    const info = peer.activate(CLASSES.info, 'IWindowsUpdateAgentInfo');
    const told = (value: string): readonly [number, Value] => {
      const { hresult, out } = peer.call('IWindowsUpdateAgentInfo', 'GetInfo', info, {
        varInfoIdentifier: { vt: 'VT_BSTR', value },
      });
      return [hresult, out['retval'] ?? null];
    };
    for (const name of ['ApiMajorVersion', 'APIMAJORVERSION', 'apimajorversion'])
      expect(told(name)).toEqual([0, { vt: 'VT_I4', value: 8 }]);
    expect(told('productversionSTRING')).toEqual([0, { vt: 'VT_BSTR', value: '10.0.26100.1' }]);
    expect(told('ApiMajorVersio')[0]).toBe(E_INVALIDARG);
    expect(told('constructor')[0]).toBe(E_INVALIDARG);
  });
});

describe('a driver', () => {
  it('can be queried for both chains (3.21.4), and each vtable has its own DISPIDs', () => {
    const peer = new Peer();
    const driver = first(found(peer, "Type='Driver'").updates);
    for (const iface of ['IUpdate2', 'IUpdate3', 'IUpdate4', 'IUpdate5', 'IWindowsDriverUpdate5'])
      expect(peer.query(driver, iface), iface).not.toBeNull();
    const invoke = (iface: string, dispIdMember: number): Came => {
      const object = peer.query(driver, iface);
      if (object === null) throw new Error(iface);
      return peer.call(iface, 'Invoke', object, {
        dispIdMember,
        riid: '00000000-0000-0000-0000-000000000000',
        lcid: 0,
        dwFlags: 2,
        cVarRef: 0,
        rgVarRefIdx: [],
        rgVarRef: [],
        pDispParams: { rgvarg: [], rgdispidNamedArgs: [], cArgs: 0, cNamedArgs: 0 },
      });
    };
    // 0x60030001 is DriverClass of IWindowsDriverUpdate, and RebootRequired of IUpdate2.
    expect(invoke('IWindowsDriverUpdate', 0x60030001).out['pVarResult']).toEqual({ vt: 'VT_BSTR', value: 'Net' });
    expect(invoke('IUpdate2', 0x60030001).out['pVarResult']).toEqual({ vt: 'VT_BOOL', value: true });
    expect(invoke('IDispatch', 0x60030001).out['pVarResult']).toEqual({ vt: 'VT_BSTR', value: 'Net' });
  });

  it('is none where the update is software', () => {
    const peer = new Peer();
    const update = first(found(peer, "Type='Software'").updates);
    expect(peer.query(update, 'IWindowsDriverUpdate')).toBeNull();
    expect(peer.query(update, 'IUpdate5')).not.toBeNull();
  });
});

describe('the updates of a category', () => {
  it('are those that the search found (3.6.1)', () => {
    const peer = new Peer();
    const ids = (criteria: string): readonly Value[] => {
      const { result } = found(peer, criteria);
      const roots = sub(peer, 'ISearchResult', 'RootCategories', result);
      const root = sub(peer, 'ICategoryCollection', 'Item', roots, { index: 0 });
      const child = sub(peer, 'ICategoryCollection', 'Item', sub(peer, 'ICategory', 'Children', root), { index: 0 });
      const updates = sub(peer, 'ICategory', 'Updates', child);
      return Array.from({ length: Number(get(peer, 'IUpdateCollection', 'Count', updates)) }, (_, index) =>
        get(
          peer,
          'IUpdateIdentity',
          'UpdateID',
          sub(peer, 'IUpdate', 'Identity', sub(peer, 'IUpdateCollection', 'Item', updates, { index })),
        ),
      );
    };
    expect(ids("Type='Software'")).toEqual([IDS.software]);
    expect(ids("Type='Driver'")).toEqual([IDS.driver]);
    expect(ids("Type='Driver' or Type='Software'")).toEqual([IDS.software, IDS.driver]);
  });
});

describe('services', () => {
  const manager = (peer: Peer): Reference => peer.activate(CLASSES.manager, 'IUpdateServiceManager2');
  const names = (peer: Peer, object: Reference): readonly Value[] => {
    const services = sub(peer, 'IUpdateServiceManager', 'Services', object);
    return Array.from({ length: Number(get(peer, 'IUpdateServiceCollection', 'Count', services)) }, (_, index) =>
      get(peer, 'IUpdateService', 'Name', sub(peer, 'IUpdateServiceCollection', 'Item', services, { index })),
    );
  };
  const addScan = (peer: Peer, object: Reference, serviceName: string, flags = 1): Came =>
    peer.call('IUpdateServiceManager', 'AddScanPackageService', object, {
      serviceName,
      scanFileLocation: 'C:\\wsusscn2.cab',
      flags,
    });

  it('of scan packages come back as the result (3.44.4.4), each with an id of its own', () => {
    const peer = new Peer();
    const object = manager(peer);
    const id = (came: Came): Value => get(peer, 'IUpdateService', 'ServiceID', referenceIn(came.out['ppService']));
    const a = id(addScan(peer, object, 'A'));
    addScan(peer, object, 'B');
    expect(peer.call('IUpdateServiceManager', 'RemoveService', object, { serviceID: a }).hresult).toBe(0);
    const c = id(addScan(peer, object, 'C'));
    expect(c).not.toBe(a);
    expect(names(peer, object)).toEqual(['Windows Update', 'Contoso WSUS', 'B', 'C']);
  });

  it('of scan packages go with their reference unless they are nonvolatile (2.2.14)', () => {
    const peer = new Peer();
    const object = manager(peer);
    const volatile = referenceIn(addScan(peer, object, 'volatile', 0).out['ppService']);
    const kept = referenceIn(addScan(peer, object, 'kept', 1).out['ppService']);
    expect(names(peer, object).slice(2)).toEqual(['volatile', 'kept']);
    for (const { ipid } of [volatile, kept])
      peer.raw('IRemUnknown', 5, null, {
        cInterfaceRefs: 1,
        InterfaceRefs: [{ ipid, cPublicRefs: 99, cPrivateRefs: 0 }],
      });
    expect(names(peer, object).slice(2)).toEqual(['kept']);
    expect(addScan(peer, object, 'other', 2).hresult).toBe(E_INVALIDARG);
  });

  it('never change once they were handed out (3.40.1, 3.42.1)', () => {
    const peer = new Peer();
    const object = manager(peer);
    const before = sub(peer, 'IUpdateServiceManager', 'Services', object);
    const windows = sub(peer, 'IUpdateServiceCollection', 'Item', before, { index: 0 });
    const registered = peer.call('IUpdateServiceManager2', 'AddService2', object, {
      serviceID: NEW_SERVICE,
      flags: 6,
      authorizationCabPath: null,
    });
    expect(registered.hresult).toBe(0);
    expect([
      get(peer, 'IUpdateService', 'IsRegisteredWithAU', windows),
      get(peer, 'IUpdateServiceCollection', 'Count', before),
    ]).toEqual([true, 2]);
    const after = sub(peer, 'IUpdateServiceManager', 'Services', object);
    const windowsNow = sub(peer, 'IUpdateServiceCollection', 'Item', after, { index: 0 });
    expect([
      get(peer, 'IUpdateService', 'IsRegisteredWithAU', windowsNow),
      get(peer, 'IUpdateServiceCollection', 'Count', after),
    ]).toEqual([false, 3]);
  });

  it('that are refused leave nothing behind (3.44.5.4)', () => {
    const peer = new Peer();
    const object = manager(peer);
    peer.call('IUpdateServiceManager', 'SetOption', object, {
      optionName: 'AllowedServiceID',
      optionValue: { vt: 'VT_BSTR', value: IDS.windows },
    });
    const { hresult } = peer.call('IUpdateServiceManager2', 'AddService2', object, {
      serviceID: NEW_SERVICE,
      flags: 6,
      authorizationCabPath: null,
    });
    expect(hresult).toBe(0x80070005);
    expect(names(peer, object)).toEqual(full.services.map((one) => one.name));
    expect(
      peer.call('IUpdateServiceManager2', 'QueryServiceRegistration', object, { serviceID: NEW_SERVICE }).hresult,
    ).toBe(0x80240003);
  });
});

describe('an update collection', () => {
  it('grows at its end, and no further (3.22.4.8)', () => {
    const peer = new Peer();
    const update = get(
      peer,
      'IUpdateCollection',
      'Item',
      sub(peer, 'ISearchResult', 'Updates', found(peer, "Type='Software'").result),
      { index: 0 },
    );
    const collection = peer.activate(CLASSES.updates, 'IUpdateCollection');
    const insert = (index: number): number =>
      peer.call('IUpdateCollection', 'Insert', collection, { index, value: update }).hresult;
    expect([insert(0), insert(1), insert(3), insert(-1)]).toEqual([0, 0, 0x80240007, 0x80240007]);
    expect(get(peer, 'IUpdateCollection', 'Count', collection)).toBe(2);
  });
});
