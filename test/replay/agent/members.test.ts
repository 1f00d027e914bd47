import { describe, expect, it } from 'vitest';
import { DISP_E_EXCEPTION, E_ACCESSDENIED } from '../../../src/peer/server/dispatch.js';
import type { Fields, ResolvedInterface } from '../../../src/ndr/codec.js';
import type { Method } from '../../../src/ndr/types.js';
import type { Value } from '../../../src/types.js';
import { decodedMisfit, variantResultMisfit } from './declared.js';
import {
  CLASSES,
  full,
  IDS,
  Peer,
  referenceIn,
  registry,
  type Came,
  type Reference,
} from '../../peer/server/support.js';

const NCA_OP_RNG = 0x1c010002;
const E_INVALIDARG = 0x80070057;
const WU_E_INVALIDINDEX = 0x80240007;
const NEW_SERVICE = '7971f918-a847-4430-9279-4a52d1efe18d';

/** A call of a member and what it has to come to: its HRESULT, and what it returns where that is told. */
interface Trial {
  readonly args?: Fields;
  readonly hresult?: number;
  readonly returns?: unknown;
}

interface Objects {
  readonly [iface: string]: Reference;
}

const member = (
  peer: Peer,
  iface: string,
  name: string,
  object: Reference,
  args: Fields = {},
  kind = 'method',
): Reference =>
  referenceIn(
    peer.call(iface, name, object, args, kind).out['retval'] ??
      peer.call(iface, name, object, args, kind).out['ppService'],
  );
const get = (peer: Peer, iface: string, name: string, object: Reference): Reference =>
  member(peer, iface, name, object, {}, 'propget');
const item = (peer: Peer, iface: string, object: Reference): Reference =>
  member(peer, iface, 'Item', object, { index: 0 }, 'propget');

/** One object for every interface, each found on the way a client has to take. */
function objectsOf(peer: Peer): Objects {
  const session = peer.activate(CLASSES.session, 'IUpdateSession3');
  const searcher = member(peer, 'IUpdateSession3', 'CreateUpdateSearcher', session);
  const result = member(peer, 'IUpdateSearcher', 'Search', searcher, { criteria: "Type='Software'" });
  const updates = get(peer, 'ISearchResult', 'Updates', result);
  const update = item(peer, 'IUpdateCollection', updates);
  const driver = item(
    peer,
    'IUpdateCollection',
    get(
      peer,
      'ISearchResult',
      'Updates',
      member(peer, 'IUpdateSearcher', 'Search', searcher, { criteria: "Type='Driver'" }),
    ),
  );
  const categories = get(peer, 'ISearchResult', 'RootCategories', result);
  const contents = get(peer, 'IUpdate', 'DownloadContents', update);
  const history = member(peer, 'IUpdateSearcher', 'QueryHistory', searcher, { startIndex: 0, count: 10 });
  const manager = peer.activate(CLASSES.manager, 'IUpdateServiceManager2');
  const services = get(peer, 'IUpdateServiceManager', 'Services', manager);
  const warnings = get(peer, 'ISearchResult', 'Warnings', result);
  const category = item(peer, 'ICategoryCollection', categories);
  const driver4 = peer.query(driver, 'IWindowsDriverUpdate4') ?? driver;
  const entries = get(peer, 'IWindowsDriverUpdate4', 'WindowsDriverUpdateEntries', driver4);
  const automatic = peer.activate(CLASSES.automatic, 'IAutomaticUpdates2');
  const bases: Objects = {
    IUpdateSession: session,
    IUpdateSearcher: searcher,
    ISearchResult: result,
    IUpdateCollection: peer.activate(CLASSES.updates, 'IUpdateCollection'),
    IUpdate: update,
    ICategoryCollection: categories,
    ICategory: category,
    IImageInformation: get(peer, 'ICategory', 'Image', category),
    IInstallationBehavior: get(peer, 'IUpdate', 'InstallationBehavior', update),
    IUpdateIdentity: get(peer, 'IUpdate', 'Identity', update),
    IUpdateDownloadContentCollection: contents,
    IUpdateDownloadContent: item(peer, 'IUpdateDownloadContentCollection', contents),
    IStringCollection: peer.activate(CLASSES.strings, 'IStringCollection'),
    IUpdateExceptionCollection: warnings,
    IUpdateException: item(peer, 'IUpdateExceptionCollection', warnings),
    IUpdateHistoryEntryCollection: history,
    IUpdateHistoryEntry: item(peer, 'IUpdateHistoryEntryCollection', history),
    IUpdateServiceManager: manager,
    IUpdateServiceCollection: services,
    IUpdateService: item(peer, 'IUpdateServiceCollection', services),
    IUpdateServiceRegistration: member(peer, 'IUpdateServiceManager2', 'QueryServiceRegistration', manager, {
      serviceID: IDS.windows,
    }),
    IWindowsDriverUpdate: driver,
    IWindowsDriverUpdateEntryCollection: entries,
    IWindowsDriverUpdateEntry: item(peer, 'IWindowsDriverUpdateEntryCollection', entries),
    IWindowsUpdateAgentInfo: peer.activate(CLASSES.info, 'IWindowsUpdateAgentInfo'),
    IAutomaticUpdates: automatic,
    IAutomaticUpdatesResults: get(peer, 'IAutomaticUpdates2', 'Results', automatic),
  };
  const all: { [iface: string]: Reference } = {};
  for (const {
    interface: { name },
  } of INTERFACES) {
    let at = name;
    while (bases[at] === undefined) at = registry.interfaceByName(at)?.interface.base ?? '';
    const found = peer.query(bases[at] as Reference, name);
    if (found === null) throw new Error(`no object has ${name}`);
    all[name] = found;
  }
  return all;
}

const INTERFACES: readonly ResolvedInterface[] = registry.interfaces.filter((one) => one.interface.spec === 'MS-UAMG');

/** An update of the server, as an argument. */
function update(peer: Peer, objects: Objects): Value {
  const updates = get(peer, 'ISearchResult', 'Updates', objects['ISearchResult'] as Reference);
  return peer.call('IUpdateCollection', 'Item', updates, { index: 0 }, 'propget').out['retval'] ?? null;
}

/**
 * Members that take arguments or change something, in the order they are called in; every other one is a property that
 * is read.
 */
function trials(anUpdate: Value): Readonly<Record<string, readonly Trial[]>> {
  const index = [
    { args: { index: 0 } },
    { args: { index: 99 }, hresult: WU_E_INVALIDINDEX },
    { args: { index: -1 }, hresult: WU_E_INVALIDINDEX },
  ];
  const flag = [{ args: { value: true } }, { args: { value: 2 }, hresult: E_INVALIDARG }];
  const text = [{ args: { value: 'Contoso' } }];
  return {
    'ICategoryCollection::Item propget': index,
    'IUpdateDownloadContentCollection::Item propget': index,
    'IWindowsDriverUpdateEntryCollection::Item propget': index,
    'IUpdateExceptionCollection::Item propget': index,
    'IUpdateHistoryEntryCollection::Item propget': index,
    'IUpdateServiceCollection::Item propget': index,
    'IStringCollection::Add method': [
      { args: { value: 'one' }, returns: 0 },
      { args: { value: 'two' }, returns: 1 },
      { args: { value: 'x'.repeat(65_537) }, hresult: E_INVALIDARG },
    ],
    'IStringCollection::Item propget': [
      { args: { index: 1 }, returns: 'two' },
      { args: { index: 2 }, hresult: WU_E_INVALIDINDEX },
    ],
    'IStringCollection::Item propput': [
      { args: { index: 0, value: 'ONE' } },
      { args: { index: 7, value: '' }, hresult: WU_E_INVALIDINDEX },
    ],
    'IStringCollection::Copy method': [{}],
    'IStringCollection::Insert method': [
      { args: { index: 2, value: 'end' } },
      { args: { index: 9, value: '' }, hresult: WU_E_INVALIDINDEX },
    ],
    'IStringCollection::RemoveAt method': [{ args: { index: 0 } }, { args: { index: 9 }, hresult: WU_E_INVALIDINDEX }],
    'IStringCollection::Clear method': [{}],
    'IUpdateCollection::Add method': [
      { args: { value: anUpdate }, returns: 0 },
      { args: { value: null }, hresult: E_INVALIDARG },
    ],
    'IUpdateCollection::Item propget': index,
    'IUpdateCollection::Item propput': [
      { args: { index: 0, value: anUpdate } },
      { args: { index: 5, value: anUpdate }, hresult: WU_E_INVALIDINDEX },
    ],
    'IUpdateCollection::Insert method': [
      { args: { index: 0, value: anUpdate } },
      // At the end is allowed: docs/wire-notes.md.
      { args: { index: 2, value: anUpdate } },
      { args: { index: 4, value: anUpdate }, hresult: WU_E_INVALIDINDEX },
    ],
    'IUpdateCollection::RemoveAt method': [{ args: { index: 0 } }, { args: { index: 9 }, hresult: WU_E_INVALIDINDEX }],
    'IUpdateCollection::Clear method': [{}],
    'IWindowsUpdateAgentInfo::GetInfo method': [
      { args: { varInfoIdentifier: { vt: 'VT_BSTR', value: 'apimajorVERSION' } }, returns: { vt: 'VT_I4', value: 8 } },
      { args: { varInfoIdentifier: { vt: 'VT_BSTR', value: '__proto__' } }, hresult: E_INVALIDARG },
      { args: { varInfoIdentifier: { vt: 'VT_I4', value: 1 } }, hresult: E_INVALIDARG },
    ],
    'IAutomaticUpdates::DetectNow method': [{}],
    'IUpdateSearcher::CanAutomaticallyUpgradeService propput': flag,
    'IUpdateSearcher::ClientApplicationID propput': text,
    'IUpdateSearcher::IncludePotentiallySupersededUpdates propput': flag,
    'IUpdateSearcher::Online propput': flag,
    'IUpdateSearcher2::IgnoreDownloadPriority propput': flag,
    'IUpdateSearcher::ServerSelection propput': [
      { args: { value: 'ssManagedServer' } },
      { args: { value: 9 }, hresult: E_INVALIDARG },
    ],
    'IUpdateSearcher::ServiceID propput': [{ args: { value: IDS.windows } }],
    'IUpdateSearcher3::SearchScope propput': [
      { args: { value: 'searchScopeAllUsers' } },
      { args: { value: 6 }, hresult: E_INVALIDARG },
    ],
    'IUpdateSearcher::EscapeString method': [{ args: { unescaped: "a'[b]" }, returns: "a['][[]b[]]" }],
    'IUpdateSearcher::QueryHistory method': [
      { args: { startIndex: 1, count: 5 } },
      { args: { startIndex: 3, count: 1 }, hresult: E_INVALIDARG },
      { args: { startIndex: -1, count: 1 }, hresult: E_INVALIDARG },
    ],
    'IUpdateSearcher::Search method': [
      { args: { criteria: 'IsInstalled=0' } },
      { args: { criteria: null } },
      { args: { criteria: 'IsInstalled=2' }, hresult: 0x80240032 },
    ],
    'IUpdateSearcher::GetTotalHistoryCount method': [{ returns: full.history.length }],
    'IUpdateSession::ClientApplicationID propput': text,
    'IUpdateSession::CreateUpdateSearcher method': [{}],
    'IUpdateSession2::UserLocale propput': [{ args: { lcid: 1041 } }, { args: { lcid: 0 }, hresult: E_INVALIDARG }],
    'IUpdateSession3::CreateUpdateServiceManager method': [{}],
    'IUpdateSession3::QueryHistory method': [
      { args: { criteria: `UpdateID='${IDS.software}'`, startIndex: 1, count: 1 } },
      { args: { criteria: `UpdateID='${IDS.software}'`, startIndex: 2, count: 1 }, hresult: E_INVALIDARG },
      { args: { criteria: 'anything', startIndex: 0, count: 1 }, hresult: E_INVALIDARG },
    ],
    'IUpdateServiceManager::RegisterServiceWithAU method': [
      { args: { serviceID: IDS.windows } },
      { args: { serviceID: NEW_SERVICE }, hresult: 0x80240003 },
      { args: { serviceID: IDS.managed }, hresult: 0x80240001 },
    ],
    'IUpdateServiceManager::RemoveService method': [{ args: { serviceID: NEW_SERVICE }, hresult: 0x80240003 }],
    'IUpdateServiceManager::AddScanPackageService method': [
      { args: { serviceName: 'offline', scanFileLocation: 'C:\\wsusscn2.cab', flags: 1 } },
      { args: { serviceName: 'offline', scanFileLocation: '', flags: 0 }, hresult: E_INVALIDARG },
    ],
    'IUpdateServiceManager::SetOption method': [
      { args: { optionName: 'AllowWarningUI', optionValue: { vt: 'VT_BOOL', value: false } } },
      { args: { optionName: 'AllowWarningUI', optionValue: { vt: 'VT_BSTR', value: 'no' } }, hresult: E_INVALIDARG },
      { args: { optionName: 'Else', optionValue: { vt: 'VT_BOOL', value: true } }, hresult: E_INVALIDARG },
    ],
    'IUpdateServiceManager2::ClientApplicationID propput': text,
    'IUpdateServiceManager2::QueryServiceRegistration method': [
      { args: { serviceID: IDS.windows } },
      { args: { serviceID: NEW_SERVICE }, hresult: 0x80240003 },
    ],
    'IUpdateServiceManager2::AddService2 method': [
      { args: { serviceID: NEW_SERVICE, flags: 1, authorizationCabPath: null } },
      { args: { serviceID: NEW_SERVICE, flags: 2, authorizationCabPath: '' } },
      { args: { serviceID: NEW_SERVICE, flags: 8, authorizationCabPath: '' }, hresult: E_INVALIDARG },
      { args: { serviceID: 'nonsense', flags: 0, authorizationCabPath: '' }, hresult: E_INVALIDARG },
    ],
  };
}

/** Collections have to be filled before they are read and emptied. */
const ORDER = ['Add', 'Item', 'Insert'];
const LAST = ['Clear'];

interface Slot {
  readonly iface: string;
  readonly opnum: number;
  readonly name: string;
  readonly kind: string;
  readonly hidden: boolean;
  readonly dispid: number | null;
  readonly method: Method;
  readonly params: readonly string[];
  readonly retval: string | null;
}

const SLOTS: readonly Slot[] = INTERFACES.flatMap(({ interface: iface }) =>
  iface.methods
    .map((method): Slot => {
      const params = method.params ?? [];
      return {
        iface: iface.name,
        opnum: method.opnum,
        name: method.name,
        kind: method.member,
        hidden: method.notUsedOnWire === true,
        dispid: method.dispid,
        method,
        params: params.filter((one) => one.direction !== 'out').map((one) => one.name),
        retval: params.find((one) => one.retval === true)?.name ?? null,
      };
    })
    .toSorted((a, b) => rank(a.name) - rank(b.name)),
);

function rank(name: string): number {
  return ORDER.includes(name) ? ORDER.indexOf(name) : LAST.includes(name) ? 99 : 50;
}

/** What Invoke gives for a member: its EXCEPINFO's code where it says that one is set. */
function invoked(peer: Peer, object: Reference, slot: Slot, args: Fields): Came {
  const flags = slot.kind === 'method' ? 1 : slot.kind === 'propget' ? 2 : 4;
  const values = slot.params.map((name) => variantOf(args[name] ?? null, name));
  const named = slot.kind === 'propput' ? [-3] : [];
  const { hresult, fault, out } = peer.call('IDispatch', 'Invoke', object, {
    dispIdMember: slot.dispid ?? 0,
    riid: '00000000-0000-0000-0000-000000000000',
    lcid: 0x409,
    dwFlags: flags,
    cVarRef: 0,
    rgVarRefIdx: [],
    rgVarRef: [],
    pDispParams: {
      rgvarg: values.toReversed(),
      rgdispidNamedArgs: named,
      cArgs: values.length,
      cNamedArgs: named.length,
    },
  });
  const { scode } = (out['pExcepInfo'] ?? {}) as { readonly scode?: number | string };
  return { fault, hresult: hresult === DISP_E_EXCEPTION ? Number(scode) >>> 0 : hresult, out };
}

const NUMBERS: Readonly<Record<string, number>> = { ssManagedServer: 1, searchScopeAllUsers: 5 };

function variantOf(value: Value, name: string): Value {
  if (value !== null && typeof value === 'object' && 'vt' in value) return value;
  if (value !== null && typeof value === 'object') return { vt: 'VT_DISPATCH', value };
  if (typeof value === 'string' && NUMBERS[value] !== undefined) return { vt: 'VT_I4', value: NUMBERS[value] ?? 0 };
  return typeof value === 'number'
    ? { vt: 'VT_I4', value }
    : typeof value === 'boolean'
      ? { vt: 'VT_BOOL', value }
      : value === null && name === 'value'
        ? { vt: 'VT_NULL', value: null }
        : { vt: 'VT_BSTR', value };
}

/** Late bound, a number that is no VARIANT_BOOL is converted to one. */
const onlyEarly = (slot: Slot, { args }: Trial): boolean => slot.kind === 'propput' && args?.['value'] === 2;

describe('every method of [MS-UAMG]', () => {
  it('is one of 213, and 20 slots are reserved', () => {
    expect([
      INTERFACES.length,
      SLOTS.filter((one) => !one.hidden).length,
      SLOTS.filter((one) => one.hidden).length,
    ]).toEqual([44, 213, 20]);
  });

  it.each(['early', 'late'] as const)('answers %s bound as the specification says', (binding) => {
    const peer = new Peer();
    const objects = objectsOf(peer);
    const known = trials(update(peer, objects));
    const wrong: unknown[] = [];
    let called = 0;
    const asked = new Set<string>();
    for (const slot of SLOTS) {
      const object = objects[slot.iface] as Reference;
      const key = `${slot.iface}::${slot.name} ${slot.kind}`;
      if (slot.hidden) {
        const { fault, hresult } =
          binding === 'early'
            ? peer.raw(slot.iface, slot.opnum, object.ipid, {})
            : invoked(peer, object, { ...slot, params: [] }, {});
        // Late bound Windows knows them, and refuses what Microsoft's reference says is not for remote callers.
        const due = slot.name === 'Copy' ? 0 : E_ACCESSDENIED;
        if (binding === 'early' ? fault !== NCA_OP_RNG : hresult !== due)
          wrong.push([key, 'is reserved', fault, hresult]);
        continue;
      }
      for (const trial of known[key] ?? [{}]) {
        if (binding === 'late' && onlyEarly(slot, trial)) continue;
        const came =
          binding === 'early'
            ? peer.raw(slot.iface, slot.opnum, object.ipid, trial.args ?? {})
            : invoked(peer, object, slot, trial.args ?? {});
        called++;
        if (came.fault !== null || came.hresult !== (trial.hresult ?? 0))
          wrong.push([key, trial.args, came.fault, came.hresult.toString(16)]);
        if (came.hresult === 0) {
          const misfit =
            binding === 'early'
              ? decodedMisfit(slot.iface, slot.method, came.out)
              : variantResultMisfit(slot.iface, slot.method, came.out['pVarResult']);
          if (misfit !== null) wrong.push([key, misfit]);
        }
        if ('returns' in trial)
          expect(
            binding === 'early' ? came.out[slot.retval ?? ''] : comparable(came.out['pVarResult'], trial.returns),
            key,
          ).toEqual(trial.returns);
      }
      asked.add(key);
    }
    expect(wrong).toEqual([]);
    expect(asked.size).toBe(213);
    expect(called).toBeGreaterThan(binding === 'early' ? 260 : 255);
    expect(Object.keys(known).filter((key) => !asked.has(key))).toEqual([]);
  });

  it('is found by its name, the reserved ones too', () => {
    const peer = new Peer();
    const objects = objectsOf(peer);
    const wrong: unknown[] = [];
    for (const slot of SLOTS) {
      const { hresult, out } = peer.call('IDispatch', 'GetIDsOfNames', objects[slot.iface] as Reference, {
        riid: '00000000-0000-0000-0000-000000000000',
        rgszNames: [slot.name.toUpperCase()],
        cNames: 1,
        lcid: 0,
      });
      const [id] = out['rgDispId'] as readonly number[];
      if (hresult !== 0 || id !== slot.dispid) wrong.push([slot.iface, slot.name, hresult, id]);
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    { littleEndian: false, syntax: 'ndr20' },
    { littleEndian: true, syntax: 'ndr64' },
  ] as const)('reads and answers $syntax, little-endian: $littleEndian', (encoding) => {
    const peer = new Peer(full, { encoding });
    expect(Object.keys(objectsOf(peer))).toHaveLength(44);
  });

  it('has the numbers that the specification prints where the model says so', () => {
    const peer = new Peer({ ...full, numbering: 'printed' });
    const session = peer.activate(CLASSES.session, 'IUpdateSession');
    expect(peer.raw('IUpdateSession', 7, session.ipid, {}).fault).toBe(NCA_OP_RNG);
    // Printed 8 and 9 are the accessors of ClientApplicationID; what 14 is called is reserved in IUpdateSession and
    // UserLocale in IUpdateSession2.
    const stub =
      registry.method(session.iid, 7, { littleEndian: true, syntax: 'ndr20' })?.request.encode({
        orpcthis: {
          version: { MajorVersion: 5, MinorVersion: 7 },
          flags: 0,
          reserved1: 0,
          cid: '00000000-0000-0000-0000-000000000001',
          extensions: null,
        },
      }) ?? new Uint8Array(0);
    const answer = (uuid: string, opnum: number): string =>
      peer.exporter.dispatch({
        abstract: { uuid, major: 0, minor: 0 },
        opnum,
        object: session.ipid,
        stub,
        littleEndian: true,
        syntax: 'ndr20',
        authLevel: 5,
        owner: 'here',
        principal: null,
      }).kind;
    expect([answer(session.iid, 8), answer(session.iid, 14)]).toEqual(['response', 'fault']);
    expect(answer(registry.interfaceByName('IUpdateSession2')?.interface.uuid ?? '', 14)).toBe('response');
  });
});

/** A VARIANT as what it stands for. */
function comparable(variant: Value | undefined, like: unknown): unknown {
  const held = variant as { readonly vt: string; readonly value: unknown } | null | undefined;
  return typeof like === 'object' ? held : held?.value;
}
