import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { criteriaAttributes } from '../../../dissectors/uamg/criteria.js';
import { updateAgent } from '../../../replay/agent/agent.js';
import { readModel } from '../../../replay/agent/model.js';
import {
  isEnumerator,
  isServed,
  type Caller,
  type Outcome,
  type ServedObject,
  type ServedValue,
} from '../../../src/peer/server/dispatch.js';
import { loadModel } from '../../../src/io/serve/agent.js';
import { ROOT } from '../../support/shared.js';
import { servedMisfit } from './declared.js';
import { CLASSES, full, IDS, registry } from '../../peer/server/support.js';

const sample = loadModel(join(ROOT, 'captures/models/sample.yaml'));
const SESSION = CLASSES.session;
const NOBODY: Caller = { principal: null };

function create(clsid: string, model = sample): ServedObject {
  const found = updateAgent({ model, attributes: criteriaAttributes }).classes.find((one) => one.clsid === clsid);
  if (found === undefined) throw new Error(clsid);
  return object(found.create(NOBODY));
}

function call(
  object: ServedObject,
  member: string,
  args: { readonly [name: string]: ServedValue } = {},
  kind: 'method' | 'propget' | 'propput' = 'method',
): Outcome {
  return object.call(object.interfaces[0] ?? '', member, kind, args, NOBODY);
}

function get(object: ServedObject, member: string, args: { readonly [name: string]: ServedValue } = {}): ServedValue {
  const { hresult, out } = call(object, member, args, 'propget');
  expect(hresult, member).toBe(0);
  return out?.['retval'] ?? null;
}

function object(value: ServedValue | number): ServedObject {
  if (!isServed(value)) throw new Error('no object');
  return value;
}

function search(
  criteria: string,
  prepare: (searcher: ServedObject) => void = () => undefined,
  model = sample,
): readonly string[] {
  const searcher = object(call(create(SESSION, model), 'CreateUpdateSearcher').out?.['retval'] ?? null);
  prepare(searcher);
  const { hresult, out } = call(searcher, 'Search', { criteria });
  if (hresult !== 0) return [`0x${(hresult >>> 0).toString(16)}`];
  const updates = object(get(object(out?.['retval'] ?? null), 'Updates'));
  return Array.from({ length: Number(get(updates, 'Count')) }, (_, index) =>
    String(get(object(get(object(call(updates, 'Item', { index }).out?.['retval'] ?? null), 'Identity')), 'UpdateID')),
  );
}

describe('the simulated update agent', () => {
  it('answers every member of every interface of the specification that has one, with values its table can encode', () => {
    const session = create(SESSION);
    const seen = new Map<string, ServedObject>();
    const visit = (one: ServedObject, depth: number): void => {
      const [iface = ''] = one.interfaces;
      if (seen.has(iface) || depth > 12) return;
      seen.set(iface, one);
      const resolved = registry.interfaceByName(iface);
      for (const slot of resolved?.slots ?? []) {
        if (slot === null || slot.method.notUsedOnWire === true || slot.owner.spec !== 'MS-UAMG') continue;
        const { method } = slot;
        const asked = (method.params ?? []).filter((param) => param.retval !== true);
        if (method.member === 'propget' && asked.length === 0) {
          const { hresult, out } = one.call(slot.owner.name, method.name, 'propget', {}, NOBODY);
          expect([`${iface}.${method.name}`, hresult]).toEqual([`${iface}.${method.name}`, 0]);
          expect([`${iface}.${method.name}`, servedMisfit(slot.owner.name, method, out)]).toEqual([
            `${iface}.${method.name}`,
            null,
          ]);
          const value = out?.['retval'] ?? null;
          if (isServed(value)) visit(value, depth + 1);
          if (isEnumerator(value)) expect(Array.isArray(value.enumerates)).toBe(true);
        } else if (method.name === 'Item' && method.member === 'propget') {
          const { hresult, out } = one.call(slot.owner.name, 'Item', 'propget', { index: 0 }, NOBODY);
          expect([0, 0x80240007]).toContain(hresult);
          const value = out?.['retval'] ?? null;
          if (isServed(value)) visit(value, depth + 1);
        }
      }
    };
    for (const clsid of [
      SESSION,
      'f8d253d9-89a4-4daa-87b6-1168369f0b21',
      'c2e88c2f-6f5b-4aaa-894b-55c847ad3a2d',
      'bfe18e9c-6d87-4450-b37c-e02f0b373803',
    ])
      visit(create(clsid), 0);
    const searcher = object(call(session, 'CreateUpdateSearcher').out?.['retval'] ?? null);
    visit(searcher, 0);
    visit(object(call(searcher, 'Search', { criteria: "Type='Software'" }).out?.['retval'] ?? null), 0);
    visit(object(call(searcher, 'Search', { criteria: "Type='Driver'" }).out?.['retval'] ?? null), 0);
    const driver = object(
      call(
        object(get(object(call(searcher, 'Search', { criteria: "Type='Driver'" }).out?.['retval'] ?? null), 'Updates')),
        'Item',
        { index: 0 },
      ).out?.['retval'] ?? null,
    );
    visit(driver, 0);
    visit(object(call(session, 'QueryHistory', { startIndex: 0, count: 5 }).out?.['retval'] ?? null), 0);
    visit(
      object(
        call(create('f8d253d9-89a4-4daa-87b6-1168369f0b21'), 'QueryServiceRegistration', {
          serviceID: '9482f4b4-e343-43b6-b170-9a65bc822c77',
        }).out?.['retval'] ?? null,
      ),
      0,
    );
    expect([...seen.keys()].toSorted()).toEqual([
      'IAutomaticUpdates2',
      'IAutomaticUpdatesResults',
      'ICategory',
      'ICategoryCollection',
      'IInstallationBehavior',
      'ISearchResult',
      'IStringCollection',
      'IUpdate5',
      'IUpdateCollection',
      'IUpdateDownloadContentCollection',
      'IUpdateExceptionCollection',
      'IUpdateHistoryEntry2',
      'IUpdateHistoryEntryCollection',
      'IUpdateIdentity',
      'IUpdateSearcher3',
      'IUpdateService2',
      'IUpdateServiceCollection',
      'IUpdateServiceManager2',
      'IUpdateServiceRegistration',
      'IUpdateSession3',
      'IWindowsDriverUpdate5',
      'IWindowsDriverUpdateEntry',
      'IWindowsDriverUpdateEntryCollection',
      'IWindowsUpdateAgentInfo',
    ]);
  });

  it('searches by the whole grammar, hides what is superseded unless asked, and refuses what the grammar does', () => {
    const all = sample.updates.filter((one) => !one.installed);
    const superseded = new Set(all.flatMap((one) => one.supersedes));
    expect(search('IsInstalled=0')).toEqual(all.filter((one) => !superseded.has(one.id)).map((one) => one.id));
    expect(
      search('IsInstalled=0', (searcher) =>
        expect(call(searcher, 'IncludePotentiallySupersededUpdates', { value: true }, 'propput').hresult).toBe(0),
      ),
    ).toEqual(all.map((one) => one.id));
    expect(search("Type='Driver' and IsInstalled=1")).toEqual(
      sample.updates.filter((one) => one.type === 'driver' && one.installed).map((one) => one.id),
    );
    expect(search(`UpdateID='${all[0]?.id}'`)).toEqual([all[0]?.id]);
    expect(search('IsInstaled=0')).toEqual(['0x80240032']);
    expect(search("(IsInstalled=0 and IsHidden=1) or (Type='Driver')").length).toBeGreaterThan(2);
  });

  it('searches where and for whom the searcher is set to, and only what is to be installed unless criteria name the action', () => {
    const put =
      (name: string, value: ServedValue) =>
      (searcher: ServedObject): void =>
        expect(call(searcher, name, { value }, 'propput').hresult).toBe(0);
    const titles = (criteria: string, ...settings: readonly ((searcher: ServedObject) => void)[]): readonly string[] =>
      search(
        criteria,
        (searcher) => {
          for (const set of settings) set(searcher);
        },
        full,
      ).map((id) => full.updates.find((one) => one.id === id)?.title ?? id);
    const all = put('IncludePotentiallySupersededUpdates', true);
    expect(titles('IsInstalled=0', all)).toEqual(['Cumulative Update', 'Older update', 'Contoso - Net - 12.4']);
    expect(titles('IsInstalled=0', all, put('SearchScope', 'searchScopeCurrentUserOnly'))).toEqual(['For each user']);
    expect(titles('IsInstalled=0', all, put('SearchScope', 'searchScopeMachineAndAllUsers'))).toHaveLength(4);
    expect(titles('IsInstalled=0', all, put('ServerSelection', 'ssWindowsUpdate'))).toEqual([
      'Cumulative Update',
      'Contoso - Net - 12.4',
    ]);
    expect(titles('IsInstalled=0', all, put('ServerSelection', 'ssManagedServer'))).toHaveLength(3);
    expect(
      titles(
        'IsInstalled=0',
        put('ServerSelection', 'ssOthers'),
        put('ServiceID', '11111111-2222-3333-4444-555555555555'),
      ),
    ).toEqual(['0x80240042']);
    expect(
      titles('IsInstalled=0', put('ServerSelection', 'ssOthers'), put('ServiceID', IDS.managed), all),
    ).toHaveLength(3);
    expect(search('IsInstalled=0', put('ServerSelection', 'ssManagedServer'), { ...full, services: [] })).toEqual([
      '0x80240001',
    ]);
    expect(titles('IsInstalled=1')).toEqual([]);
    expect(titles("DeploymentAction='Uninstallation'")).toEqual(['To be removed']);
    expect(titles('')).toEqual(['Cumulative Update', 'Contoso - Net - 12.4']);
  });

  it('counts download priority in when updates supersede one another, unless told not to', () => {
    const model = readModel({
      ...full,
      updates: full.updates.map((one) => ({ ...one, priority: one.id === IDS.superseded ? 'extra-high' : 'normal' })),
    });
    const found = (ignore: boolean): boolean =>
      search(
        'IsInstalled=0',
        (searcher) => expect(call(searcher, 'IgnoreDownloadPriority', { value: ignore }, 'propput').hresult).toBe(0),
        model,
      ).includes(IDS.superseded);
    expect([found(false), found(true)]).toEqual([true, false]);
  });

  it('speaks the language of the session that a searcher was made in', () => {
    const session = create(SESSION, full);
    const title = (): ServedValue => {
      const result = object(
        call(object(call(session, 'CreateUpdateSearcher').out?.['retval'] ?? null), 'Search', {
          criteria: `UpdateID='${IDS.software}'`,
        }).out?.['retval'] ?? null,
      );
      return get(object(call(object(get(result, 'Updates')), 'Item', { index: 0 }).out?.['retval'] ?? null), 'Title');
    };
    const before = title();
    expect(call(session, 'UserLocale', { lcid: 0x411 }, 'propput').hresult).toBe(0);
    expect([before, title()]).toEqual(['Cumulative Update', '累積更新プログラム']);
  });

  it('tells of trouble on the way to a server, and of none to who stays offline', () => {
    const result = (online: boolean): readonly ServedValue[] => {
      const searcher = object(call(create(SESSION, full), 'CreateUpdateSearcher').out?.['retval'] ?? null);
      call(searcher, 'Online', { value: online }, 'propput');
      const found = object(call(searcher, 'Search', { criteria: 'IsInstalled=0' }).out?.['retval'] ?? null);
      return [get(found, 'ResultCode'), get(object(get(found, 'Warnings')), 'Count')];
    };
    expect([result(true), result(false)]).toEqual([
      ['orcSucceededWithErrors', 1],
      ['orcSucceeded', 0],
    ]);
  });

  it('registers services: at once, later, with automatic updates, one of them and only the one that is allowed', () => {
    const manager = create(CLASSES.manager, full);
    const service = '7971f918-a847-4430-9279-4a52d1efe18d';
    const state = (id = service): ServedValue => {
      const { hresult, out } = call(manager, 'QueryServiceRegistration', { serviceID: id });
      return hresult === 0 ? get(object(out?.['retval'] ?? null), 'RegistrationState') : `0x${hresult.toString(16)}`;
    };
    const withAU = (): readonly ServedValue[] => {
      const services = object(get(manager, 'Services'));
      return Array.from({ length: Number(get(services, 'Count')) }, (_, index) =>
        object(call(services, 'Item', { index }).out?.['retval'] ?? null),
      )
        .filter((one) => get(one, 'IsRegisteredWithAU') === true)
        .map((one) => get(one, 'ServiceID'));
    };
    expect([state(IDS.windows), state(), withAU()]).toEqual(['usrsRegistered', '0x80240003', [IDS.windows]]);
    const pending = object(
      call(manager, 'AddService2', { serviceID: service, flags: 5, authorizationCabPath: '' }).out?.['retval'] ?? null,
    );
    expect([
      get(pending, 'RegistrationState'),
      get(pending, 'IsPendingRegistrationWithAU'),
      get(object(get(pending, 'Service')), 'ServiceID'),
      state(),
    ]).toEqual(['usrsRegistrationPending', true, service, 'usrsRegistrationPending']);
    expect(
      call(manager, 'SetOption', { optionName: 'AllowedServiceID', optionValue: { vt: 'VT_BSTR', value: IDS.windows } })
        .hresult,
    ).toBe(0);
    expect(call(manager, 'AddService2', { serviceID: service, flags: 6, authorizationCabPath: '' }).hresult).toBe(
      0x80070005,
    );
    expect(
      call(manager, 'SetOption', { optionName: 'AllowedServiceID', optionValue: { vt: 'VT_BSTR', value: '' } }).hresult,
    ).toBe(0);
    // What was refused left nothing behind, and what only waits is not registered yet (3.44.4.2).
    expect([call(manager, 'RegisterServiceWithAU', { serviceID: service }).hresult, withAU(), state()]).toEqual([
      0x80240003,
      [IDS.windows],
      'usrsRegistrationPending',
    ]);
    expect([
      call(manager, 'AddService2', { serviceID: service, flags: 6, authorizationCabPath: '' }).hresult,
      withAU(),
      state(),
    ]).toEqual([0, [service], 'usrsRegistered']);
    expect([
      call(manager, 'RemoveService', { serviceID: `{${service.toUpperCase()}}` }).hresult,
      state(),
      withAU(),
    ]).toEqual([0, 'usrsNotRegistered', []]);
  });

  it('keeps collections to their rules: indexes, read-only ones, copies', () => {
    const strings = create('72c97d74-7c3b-40ae-b77d-abdb22eba6fb');
    expect(call(strings, 'Add', { value: 'a' }).out?.['retval']).toBe(0);
    expect(call(strings, 'Insert', { index: 0, value: 'b' }).hresult).toBe(0);
    expect(call(strings, 'Item', { index: 1 }).out?.['retval']).toBe('a');
    expect(call(strings, 'Item', { index: 2 }).hresult).toBe(0x80240007);
    expect(call(strings, 'Item', { index: -1 }).hresult).toBe(0x80240007);
    expect(call(strings, 'Item', { index: 1, value: 'c' }, 'propput').hresult).toBe(0);
    const copy = object(call(strings, 'Copy').out?.['retval'] ?? null);
    expect(call(strings, 'Clear').hresult).toBe(0);
    expect([get(strings, 'Count'), get(copy, 'Count')]).toEqual([0, 2]);
    const searcher = object(call(create(SESSION), 'CreateUpdateSearcher').out?.['retval'] ?? null);
    const updates = object(
      get(object(call(searcher, 'Search', { criteria: 'IsInstalled=0' }).out?.['retval'] ?? null), 'Updates'),
    );
    const kb = object(get(object(call(updates, 'Item', { index: 0 }).out?.['retval'] ?? null), 'KBArticleIDs'));
    expect(get(kb, 'ReadOnly')).toBe(true);
    expect(call(kb, 'Add', { value: 'x' }).hresult).toBe(0x80240037);
  });

  it('refuses driver interfaces of software, values out of range, and unknown services', () => {
    const searcher = object(call(create(SESSION), 'CreateUpdateSearcher').out?.['retval'] ?? null);
    expect(call(searcher, 'ServerSelection', { value: 7 }, 'propput').hresult).toBe(0x80070057);
    expect(call(searcher, 'QueryHistory', { startIndex: -1, count: 3 }).hresult).toBe(0x80070057);
    const software = object(
      call(
        object(
          get(object(call(searcher, 'Search', { criteria: "Type='Software'" }).out?.['retval'] ?? null), 'Updates'),
        ),
        'Item',
        { index: 0 },
      ).out?.['retval'] ?? null,
    );
    expect(software.interfaces.some((iface) => iface.startsWith('IWindowsDriver'))).toBe(false);
    const manager = create('f8d253d9-89a4-4daa-87b6-1168369f0b21');
    expect(call(manager, 'RemoveService', { serviceID: '11111111-2222-3333-4444-555555555555' }).hresult).toBe(
      0x80240003,
    );
    expect(call(manager, 'AddService2', { serviceID: 'nonsense' }).hresult).toBe(0x80070057);
  });

  it('names the path of what is wrong in a model', () => {
    expect(() => readModel({ updates: [{ id: 'x', title: 'y' }] })).toThrow(/updates\.0\.id: a GUID is wanted/);
    expect(() => readModel({ colour: 'red' })).toThrow(/colour|key/i);
    expect(() =>
      readModel({
        categories: [
          { id: IDS.root, name: 'a' },
          { id: IDS.root.toUpperCase(), name: 'b' },
        ],
      }),
    ).toThrow(/categories\.1\.id: .* is there already/);
    expect(() => readModel({ faults: [{ member: 'Search' }] })).toThrow(/faults\.0\.member/);
  });
});
