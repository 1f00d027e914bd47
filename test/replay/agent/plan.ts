import { CLASSES, IDS } from '../../peer/server/support.js';

/** An argument: a number, a flag, a text, a member of an enumeration by its number, an object by its name, a VARIANT. */
export type Argument =
  | number
  | boolean
  | string
  | null
  | { readonly enum: number }
  | { readonly object: string }
  | { readonly vt: 'VT_BSTR' | 'VT_BOOL'; readonly value: string | boolean };

/**
 * What has to come: a number (of an enumeration too), a flag, a text, a date as models write it (`@2026-…`), a size in
 * digits (`#123`), a VARIANT, or an object of an interface that steps behind call by its name (`IUpdate as update`).
 */
export type Result =
  | number
  | boolean
  | string
  | null
  | { readonly vt: string; readonly value: unknown }
  | { readonly object: string; readonly as: string };

/** A call that shows a section of [MS-UAMG] chapter 3. */
export interface Step {
  readonly section: string;
  /** Name of the object it is made on. */
  readonly on: string;
  readonly interface: string;
  readonly member: string;
  readonly kind: 'propget' | 'propput' | 'method';
  readonly args: readonly Argument[];
  /** undefined: nothing is returned. */
  readonly result: Result | undefined;
  /** HRESULT it has to come to. */
  readonly hresult: number;
}

/** Objects that clients make by class. */
export const ACTIVATED: Readonly<Record<string, { readonly clsid: string; readonly interface: string }>> = {
  session: { clsid: CLASSES.session, interface: 'IUpdateSession3' },
  info: { clsid: CLASSES.info, interface: 'IWindowsUpdateAgentInfo' },
  automatic: { clsid: CLASSES.automatic, interface: 'IAutomaticUpdates2' },
  strings: { clsid: CLASSES.strings, interface: 'IStringCollection' },
  collection: { clsid: CLASSES.updates, interface: 'IUpdateCollection' },
};

const E_INVALIDARG = 0x80070057;
const WU_E_INVALIDINDEX = 0x80240007;
const WU_E_NOT_SUPPORTED = 0x80240037;
const WU_E_UNKNOWN_ID = 0x80240003;
const WU_E_INVALID_CRITERIA = 0x80240032;
export const NEW_SERVICE = '7971f918-a847-4430-9279-4a52d1efe18d';

const date = (text: string): Result => `@${text}`;
const size = (digits: string): Result => `#${digits}`;
const made = (object: string, as: string): Result => ({ object, as });

type Row = readonly [section: string, member: string, result?: Result | undefined, ...args: readonly Argument[]];

/** Steps on one object: `Title` gets, `put Online` puts, `do Search` calls; `HRESULT` as result of a row that fails. */
function on(object: string, of: string, ...rows: readonly Row[]): readonly Step[] {
  return rows.map(([section, text, result, ...args]): Step => {
    const [, word, member = ''] = /^(?:(put|do) )?(\w+)$/.exec(text) ?? [];
    const kinds = { put: 'propput', do: 'method' } as const;
    const kind = word === 'put' || word === 'do' ? kinds[word] : 'propget';
    const failure = typeof result === 'object' && result !== null && 'vt' in result && result.vt === 'HRESULT';
    return {
      section,
      on: object,
      interface: of,
      member,
      kind,
      args,
      result: failure || kind === 'propput' ? undefined : result,
      hresult: failure ? Number((result as { readonly value: unknown }).value) : 0,
    };
  });
}

const fails = (hresult: number): Result => ({ vt: 'HRESULT', value: hresult });
const index = (section: string, member = 'Item', kind: '' | 'do ' = ''): readonly Row[] => [
  [section, `${kind}${member}`, fails(WU_E_INVALIDINDEX), -1],
  [section, `${kind}${member}`, fails(WU_E_INVALIDINDEX), 99],
];

/**
 * A client's way through all of chapter 3 over the model `full` of test/peer/server/support.ts: every member of every
 * interface, with the value it has to give.
 */
export const PLAN: readonly Step[] = [
  // 3.16, the session; 3.16.3: empty and of the default locale before anything is put.
  ...on(
    'session',
    'IUpdateSession',
    ['3.16.4.1', 'ClientApplicationID', ''],
    ['3.16.4.2', 'put ClientApplicationID', undefined, 'Contoso'],
    ['3.16.4.1', 'ClientApplicationID', 'Contoso'],
    ['3.16.4.3', 'ReadOnly', false],
  ),
  ...on(
    'session',
    'IUpdateSession2',
    ['3.16.5.1', 'UserLocale', 0x409],
    ['3.16.5.2', 'put UserLocale', undefined, 0x407],
    ['3.16.5.1', 'UserLocale', 0x407],
    ['3.16.5.2', 'put UserLocale', fails(E_INVALIDARG), 0],
  ),
  ...on('session', 'IUpdateSession', ['3.16.4.4', 'do CreateUpdateSearcher', made('IUpdateSearcher', 'searcher')]),
  ...on(
    'session',
    'IUpdateSession3',
    ['3.16.6.1', 'do CreateUpdateServiceManager', made('IUpdateServiceManager2', 'manager')],
    ['3.16.6.2', 'do QueryHistory', made('IUpdateHistoryEntryCollection', 'ofOne'), `UpdateID='${IDS.software}'`, 0, 9],
    ['3.16.6.2', 'do QueryHistory', made('IUpdateHistoryEntryCollection', 'ofAll'), '', 1, 1],
    ['3.16.6.2', 'do QueryHistory', fails(E_INVALIDARG), '', -1, 1],
    ['3.16.6.2', 'do QueryHistory', fails(E_INVALIDARG), '', 3, 1],
    ['3.16.6.2', 'do QueryHistory', fails(E_INVALIDARG), `UpdateID='${IDS.software}'`, 2, 1],
  ),
  ...on('ofOne', 'IUpdateHistoryEntryCollection', ['3.34.4.3', 'Count', 2]),
  ...on('ofAll', 'IUpdateHistoryEntryCollection', ['3.34.4.3', 'Count', 1]),

  // 3.38, the searcher: 3.38.3 first, then what is put is got back.
  ...on(
    'searcher',
    'IUpdateSearcher',
    ['3.38.4.1', 'CanAutomaticallyUpgradeService', false],
    ['3.38.4.2', 'put CanAutomaticallyUpgradeService', undefined, true],
    ['3.38.4.1', 'CanAutomaticallyUpgradeService', true],
    ['3.38.4.3', 'ClientApplicationID', 'Contoso'],
    ['3.38.4.4', 'put ClientApplicationID', undefined, 'Auditor'],
    ['3.38.4.3', 'ClientApplicationID', 'Auditor'],
    ['3.38.4.5', 'IncludePotentiallySupersededUpdates', false],
    ['3.38.4.6', 'put IncludePotentiallySupersededUpdates', undefined, true],
    ['3.38.4.5', 'IncludePotentiallySupersededUpdates', true],
    ['3.38.4.6', 'put IncludePotentiallySupersededUpdates', undefined, false],
    ['3.38.4.7', 'ServerSelection', 0],
    ['3.38.4.8', 'put ServerSelection', undefined, { enum: 3 }],
    ['3.38.4.7', 'ServerSelection', 3],
    ['3.38.4.15', 'ServiceID', null],
    ['3.38.4.16', 'put ServiceID', undefined, IDS.windows],
    ['3.38.4.15', 'ServiceID', IDS.windows],
    ['3.38.4.12', 'Online', true],
    ['3.38.4.13', 'put Online', undefined, false],
    ['3.38.4.12', 'Online', false],
    ['3.38.4.13', 'put Online', undefined, true],
    ['3.38.4.14', 'do GetTotalHistoryCount', 3],
    ['3.38.4.9', 'do EscapeString', "it[']s [[]here[]]", "it's [here]"],
    ['3.38.4.10', 'do QueryHistory', made('IUpdateHistoryEntryCollection', 'history'), 0, 10],
    ['3.38.4.10', 'do QueryHistory', fails(E_INVALIDARG), 3, 1],
    ['3.38.4.10', 'do QueryHistory', fails(E_INVALIDARG), -1, 1],
    ['3.38.4.11', 'do Search', made('ISearchResult', 'result'), "Type='Software'"],
    ['3.38.4.11', 'do Search', made('ISearchResult', 'drivers'), "Type='Driver'"],
    ['3.38.4.11', 'do Search', made('ISearchResult', 'byDefault'), ''],
    ['3.38.4.11', 'do Search', fails(WU_E_INVALID_CRITERIA), 'IsInstalled=2'],
    ['3.38.4.11', 'do Search', fails(WU_E_INVALID_CRITERIA), '(IsInstalled=0'],
  ),
  ...on(
    'searcher',
    'IUpdateSearcher2',
    ['3.38.5.1', 'IgnoreDownloadPriority', false],
    ['3.38.5.2', 'put IgnoreDownloadPriority', undefined, true],
    ['3.38.5.1', 'IgnoreDownloadPriority', true],
  ),
  ...on(
    'searcher',
    'IUpdateSearcher3',
    ['3.38.6.1', 'SearchScope', 0],
    ['3.38.6.2', 'put SearchScope', undefined, { enum: 4 }],
    ['3.38.6.1', 'SearchScope', 4],
  ),

  // 3.14, results, and what they lead to.
  ...on(
    'result',
    'ISearchResult',
    ['3.14.4.1', 'ResultCode', 3],
    ['3.14.4.2', 'RootCategories', made('ICategoryCollection', 'roots')],
    ['3.14.4.3', 'Updates', made('IUpdateCollection', 'updates')],
    ['3.14.4.4', 'Warnings', made('IUpdateExceptionCollection', 'warnings')],
  ),
  ...on('drivers', 'ISearchResult', ['3.14.4.3', 'Updates', made('IUpdateCollection', 'driverUpdates')]),
  ...on('byDefault', 'ISearchResult', ['3.14.4.3', 'Updates', made('IUpdateCollection', 'defaultUpdates')]),
  ...on('defaultUpdates', 'IUpdateCollection', ['3.22.4.4', 'Count', 2]),
  ...on(
    'warnings',
    'IUpdateExceptionCollection',
    ['3.30.4.3', 'Count', 1],
    ['3.30.4.1', 'Item', made('IUpdateException', 'warning'), 0],
    ...index('3.30.4.1'),
    ['3.30.4.2', '_NewEnum', made('IUnknown', 'warningsEach')],
  ),
  ...on(
    'warning',
    'IUpdateException',
    ['3.28.4.1', 'Message', 'one driver could not be looked at'],
    ['3.28.4.2', 'HResult', -2145124351],
    ['3.28.4.3', 'Context', 2],
  ),

  // 3.6, 3.8, 3.10: categories and images.
  ...on(
    'roots',
    'ICategoryCollection',
    ['3.8.4.3', 'Count', 1],
    ['3.8.4.1', 'Item', made('ICategory', 'root'), 0],
    ...index('3.8.4.1'),
    ['3.8.4.2', '_NewEnum', made('IUnknown', 'rootsEach')],
  ),
  ...on(
    'root',
    'ICategory',
    ['3.6.4.1', 'Name', 'Windows'],
    ['3.6.4.2', 'CategoryID', IDS.root],
    ['3.6.4.3', 'Children', made('ICategoryCollection', 'children')],
    ['3.6.4.4', 'Description', ''],
    ['3.6.4.5', 'Image', made('IImageInformation', 'image')],
    ['3.6.4.6', 'Order', 0],
    ['3.6.4.7', 'Parent', null],
    ['3.6.4.8', 'Type', 'ProductFamily'],
  ),
  ...on('children', 'ICategoryCollection', ['3.8.4.1', 'Item', made('ICategory', 'child'), 0]),
  ...on(
    'child',
    'ICategory',
    ['3.6.4.4', 'Description', 'the server'],
    ['3.6.4.5', 'Image', null],
    ['3.6.4.7', 'Parent', made('ICategory', 'parent')],
    ['3.6.4.8', 'Type', 'Product'],
    ['3.6.4.9', 'Updates', made('IUpdateCollection', 'ofChild')],
  ),
  ...on('parent', 'ICategory', ['3.6.4.2', 'CategoryID', IDS.root]),
  ...on('ofChild', 'IUpdateCollection', ['3.22.4.4', 'Count', 1], ['3.22.4.5', 'ReadOnly', true]),
  ...on(
    'image',
    'IImageInformation',
    ['3.10.4.1', 'AltText', 'a window'],
    ['3.10.4.2', 'Height', 32],
    ['3.10.4.3', 'Source', 'https://img.example/w.png'],
    ['3.10.4.4', 'Width', 48],
  ),

  // 3.20, an update of the search.
  ...on(
    'updates',
    'IUpdateCollection',
    ['3.22.4.4', 'Count', 1],
    ['3.22.4.5', 'ReadOnly', false],
    ['3.22.4.1', 'Item', made('IUpdate', 'update'), 0],
    ...index('3.22.4.1'),
    ['3.22.4.3', '_NewEnum', made('IUnknown', 'updatesEach')],
  ),
  ...on(
    'update',
    'IUpdate',
    ['3.20.4.1', 'Title', 'Cumulative Update'],
    ['3.20.4.2', 'AutoSelectOnWebSites', false],
    ['3.20.4.3', 'BundledUpdates', made('IUpdateCollection', 'bundle')],
    ['3.20.4.4', 'CanRequireSource', false],
    ['3.20.4.5', 'Categories', made('ICategoryCollection', 'ofUpdate')],
    ['3.20.4.6', 'Deadline', { vt: 'VT_DATE', value: '2026-12-01T00:00:00' }],
    ['3.20.4.7', 'DeltaCompressedContentAvailable', false],
    ['3.20.4.8', 'DeltaCompressedContentPreferred', true],
    ['3.20.4.9', 'Description', 'resolves issues'],
    ['3.20.4.10', 'EulaAccepted', false],
    ['3.20.4.11', 'EulaText', 'terms'],
    ['3.20.4.12', 'HandlerID', 'http://schemas.example/cbs'],
    ['3.20.4.13', 'Identity', made('IUpdateIdentity', 'identity')],
    ['3.20.4.14', 'Image', made('IImageInformation', 'ofTheUpdate')],
    ['3.20.4.15', 'InstallationBehavior', made('IInstallationBehavior', 'installation')],
    ['3.20.4.16', 'IsBeta', false],
    ['3.20.4.17', 'IsDownloaded', false],
    ['3.20.4.18', 'IsHidden', false],
    ['3.20.4.19', 'IsInstalled', false],
    ['3.20.4.20', 'IsMandatory', false],
    ['3.20.4.21', 'IsUninstallable', true],
    ['3.20.4.22', 'Languages', made('IStringCollection', 'languages')],
    ['3.20.4.23', 'LastDeploymentChangeTime', date('2026-11-10T18:00:00')],
    ['3.20.4.24', 'MaxDownloadSize', size('18446744073709551615')],
    ['3.20.4.25', 'MinDownloadSize', size('1')],
    ['3.20.4.26', 'MoreInfoUrls', made('IStringCollection', 'urls')],
    ['3.20.4.27', 'MsrcSeverity', 'Critical'],
    ['3.20.4.28', 'RecommendedCpuSpeed', 1000],
    ['3.20.4.29', 'RecommendedHardDiskSpace', 20],
    ['3.20.4.30', 'RecommendedMemory', 512],
    ['3.20.4.31', 'ReleaseNotes', 'what is new'],
    ['3.20.4.32', 'SecurityBulletinIDs', made('IStringCollection', 'bulletins')],
    ['3.20.4.33', 'SupersededUpdateIDs', made('IStringCollection', 'superseded')],
    ['3.20.4.34', 'SupportUrl', 'https://support.example/'],
    ['3.20.4.35', 'Type', 1],
    ['3.20.4.36', 'UninstallationNotes', 'takes a while'],
    ['3.20.4.37', 'UninstallationBehavior', made('IInstallationBehavior', 'uninstallation')],
    ['3.20.4.38', 'UninstallationSteps', made('IStringCollection', 'steps')],
    ['3.20.4.39', 'KBArticleIDs', made('IStringCollection', 'articles')],
    ['3.20.4.40', 'DeploymentAction', 1],
    ['3.20.4.41', 'DownloadPriority', 3],
    ['3.20.4.42', 'DownloadContents', made('IUpdateDownloadContentCollection', 'contents')],
  ),
  ...on(
    'update',
    'IUpdate2',
    ['3.20.5.1', 'RebootRequired', false],
    ['3.20.5.2', 'IsPresent', true],
    ['3.20.5.3', 'CveIDs', made('IStringCollection', 'cves')],
  ),
  ...on('update', 'IUpdate3', ['3.20.6.1', 'BrowseOnly', false]),
  ...on('update', 'IUpdate4', ['3.20.7.1', 'PerUser', false]),
  ...on('update', 'IUpdate5', ['3.20.8.1', 'AutoSelection', 3], ['3.20.8.2', 'AutoDownload', 1]),
  ...on('bundle', 'IUpdateCollection', ['3.22.4.4', 'Count', 1], ['3.22.4.1', 'Item', made('IUpdate', 'bundled'), 0]),
  ...on('bundled', 'IUpdate4', ['3.20.7.1', 'PerUser', true]),
  ...on(
    'bundled',
    'IUpdate',
    ['3.20.4.6', 'Deadline', { vt: 'VT_EMPTY', value: null }],
    ['3.20.4.10', 'EulaAccepted', true],
    ['3.20.4.37', 'UninstallationBehavior', null],
  ),
  ...on('ofUpdate', 'ICategoryCollection', ['3.8.4.3', 'Count', 1]),
  ...on(
    'ofTheUpdate',
    'IImageInformation',
    ['3.10.4.1', 'AltText', null],
    ['3.10.4.3', 'Source', 'https://img.example/u.png'],
  ),
  ...on('identity', 'IUpdateIdentity', ['3.36.4.1', 'RevisionNumber', 200], ['3.36.4.2', 'UpdateID', IDS.software]),
  ...on(
    'installation',
    'IInstallationBehavior',
    ['3.12.4.1', 'CanRequestUserInput', true],
    ['3.12.4.2', 'Impact', 2],
    ['3.12.4.3', 'RebootBehavior', 2],
    ['3.12.4.4', 'RequiresNetworkConnectivity', true],
  ),
  ...on('uninstallation', 'IInstallationBehavior', ['3.12.4.3', 'RebootBehavior', 1]),
  ...on(
    'contents',
    'IUpdateDownloadContentCollection',
    ['3.26.4.3', 'Count', 2],
    ['3.26.4.1', 'Item', made('IUpdateDownloadContent', 'content'), 1],
    ...index('3.26.4.1'),
    ['3.26.4.2', '_NewEnum', made('IUnknown', 'contentsEach')],
  ),
  ...on('content', 'IUpdateDownloadContent', ['3.24.4.1', 'DownloadUrl', 'https://dl.example/1.psf']),
  ...on('content', 'IUpdateDownloadContent2', ['3.24.5.1', 'IsDeltaCompressedContent', true]),
  ...on(
    'articles',
    'IStringCollection',
    ['3.18.4.1', 'Item', '5070000', 0],
    ['3.18.4.5', 'ReadOnly', true],
    ['3.18.4.6', 'do Add', fails(WU_E_NOT_SUPPORTED), 'x'],
  ),
  ...on('cves', 'IStringCollection', ['3.18.4.1', 'Item', 'CVE-2026-1', 0]),
  ...on('superseded', 'IStringCollection', ['3.18.4.1', 'Item', IDS.superseded, 0]),

  // A driver: 3.20.9 to 3.20.13, 3.48, 3.50.
  ...on('driverUpdates', 'IUpdateCollection', ['3.22.4.1', 'Item', made('IUpdate', 'driver'), 0]),
  ...on(
    'driver',
    'IWindowsDriverUpdate',
    ['3.20.9.1', 'DriverClass', 'Net'],
    ['3.20.9.2', 'DriverHardwareID', 'PCI\\VEN_8086'],
    ['3.20.9.3', 'DriverManufacturer', 'Contoso Ltd.'],
    ['3.20.9.4', 'DriverModel', 'Gigabit'],
    ['3.20.9.5', 'DriverProvider', 'Contoso'],
    ['3.20.9.6', 'DriverVerDate', date('2026-03-01T00:00:00')],
    ['3.20.9.7', 'DeviceProblemNumber', 28],
    ['3.20.9.8', 'DeviceStatus', 6],
  ),
  ...on(
    'driver',
    'IWindowsDriverUpdate2',
    ['3.20.10.1', 'RebootRequired', true],
    ['3.20.10.2', 'IsPresent', true],
    ['3.20.10.3', 'CveIDs', made('IStringCollection', 'driverCves')],
  ),
  ...on('driver', 'IWindowsDriverUpdate3', ['3.20.11.1', 'BrowseOnly', false]),
  ...on(
    'driver',
    'IWindowsDriverUpdate4',
    ['3.20.12.1', 'WindowsDriverUpdateEntries', made('IWindowsDriverUpdateEntryCollection', 'entries')],
    ['3.20.12.2', 'PerUser', false],
  ),
  ...on('driver', 'IWindowsDriverUpdate5', ['3.20.13.1', 'AutoSelection', 0], ['3.20.13.2', 'AutoDownload', 0]),
  ...on('driverCves', 'IStringCollection', ['3.18.4.4', 'Count', 0]),
  ...on(
    'entries',
    'IWindowsDriverUpdateEntryCollection',
    ['3.50.4.3', 'Count', 2],
    ['3.50.4.1', 'Item', made('IWindowsDriverUpdateEntry', 'entry'), 1],
    ...index('3.50.4.1'),
    ['3.50.4.2', '_NewEnum', made('IUnknown', 'entriesEach')],
  ),
  ...on(
    'entry',
    'IWindowsDriverUpdateEntry',
    ['3.48.4.1', 'DriverClass', 'Net'],
    ['3.48.4.2', 'DriverHardwareID', 'PCI\\VEN_8087'],
    ['3.48.4.3', 'DriverManufacturer', null],
    ['3.48.4.4', 'DriverModel', ''],
    ['3.48.4.5', 'DriverProvider', ''],
    ['3.48.4.6', 'DriverVerDate', date('2025-01-01T00:00:00')],
    ['3.48.4.7', 'DeviceProblemNumber', 0],
    ['3.48.4.8', 'DeviceStatus', 0],
  ),

  // 3.32, 3.34: the history, latest first.
  ...on(
    'history',
    'IUpdateHistoryEntryCollection',
    ['3.34.4.3', 'Count', 3],
    ['3.34.4.1', 'Item', made('IUpdateHistoryEntry', 'past'), 1],
    ['3.34.4.1', 'Item', made('IUpdateHistoryEntry', 'older'), 2],
    ...index('3.34.4.1'),
    ['3.34.4.2', '_NewEnum', made('IUnknown', 'historyEach')],
  ),
  ...on(
    'past',
    'IUpdateHistoryEntry',
    ['3.32.4.1', 'Operation', 1],
    ['3.32.4.2', 'ResultCode', 4],
    ['3.32.4.3', 'HResult', -2145124329],
    ['3.32.4.4', 'Date', date('2026-11-10T04:00:00')],
    ['3.32.4.5', 'UpdateIdentity', made('IUpdateIdentity', 'ofPast')],
    ['3.32.4.6', 'Title', 'Cumulative Update'],
    ['3.32.4.7', 'Description', ''],
    ['3.32.4.8', 'UnmappedResultCode', 0],
    ['3.32.4.9', 'ClientApplicationID', 'Contoso'],
    ['3.32.4.10', 'ServerSelection', 3],
    ['3.32.4.11', 'ServiceID', '00000000-0000-0000-0000-000000000000'],
    ['3.32.4.12', 'UninstallationSteps', made('IStringCollection', 'pastSteps')],
    ['3.32.4.13', 'UninstallationNotes', 'takes a while'],
    ['3.32.4.14', 'SupportUrl', 'https://support.example/'],
  ),
  ...on('past', 'IUpdateHistoryEntry2', ['3.32.5.1', 'Categories', made('ICategoryCollection', 'pastCategories')]),
  ...on('older', 'IUpdateHistoryEntry', ['3.32.4.1', 'Operation', 2], ['3.32.4.10', 'ServerSelection', 1]),
  ...on('ofPast', 'IUpdateIdentity', ['3.36.4.2', 'UpdateID', IDS.software]),
  ...on('pastSteps', 'IStringCollection', ['3.18.4.1', 'Item', 'open Settings', 0]),
  ...on('pastCategories', 'ICategoryCollection', ['3.8.4.3', 'Count', 1]),

  // 3.40 to 3.46: services.
  ...on(
    'manager',
    'IUpdateServiceManager2',
    ['3.44.5.1', 'ClientApplicationID', ''],
    ['3.44.5.2', 'put ClientApplicationID', undefined, 'Contoso'],
    ['3.44.5.1', 'ClientApplicationID', 'Contoso'],
    ['3.44.5.3', 'do QueryServiceRegistration', made('IUpdateServiceRegistration', 'record'), IDS.windows],
    ['3.44.5.3', 'do QueryServiceRegistration', fails(WU_E_UNKNOWN_ID), NEW_SERVICE],
  ),
  ...on('manager', 'IUpdateServiceManager', ['3.44.4.1', 'Services', made('IUpdateServiceCollection', 'services')]),
  ...on(
    'services',
    'IUpdateServiceCollection',
    ['3.42.4.3', 'Count', 2],
    ['3.42.4.1', 'Item', made('IUpdateService', 'service'), 0],
    ...index('3.42.4.1'),
    ['3.42.4.2', '_NewEnum', made('IUnknown', 'servicesEach')],
  ),
  ...on(
    'service',
    'IUpdateService',
    ['3.40.4.1', 'Name', 'Windows Update'],
    ['3.40.4.2', 'ContentValidationCert', { vt: 'VT_ARRAY|VT_UI1', value: [0xc0, 0xff, 0xee] }],
    ['3.40.4.3', 'ExpirationDate', date('2035-01-01T00:00:00')],
    ['3.40.4.4', 'IsManaged', false],
    ['3.40.4.5', 'IsRegisteredWithAU', true],
    ['3.40.4.6', 'IssueDate', date('2020-01-01T00:00:00')],
    ['3.40.4.7', 'OffersWindowsUpdates', true],
    ['3.40.4.8', 'RedirectUrls', made('IStringCollection', 'redirects')],
    ['3.40.4.9', 'ServiceID', IDS.windows],
    ['3.40.4.10', 'IsScanPackageService', false],
    ['3.40.4.11', 'CanRegisterWithAU', true],
    ['3.40.4.12', 'ServiceUrl', ''],
    ['3.40.4.13', 'SetupPrefix', ''],
  ),
  ...on('service', 'IUpdateService2', ['3.40.5.1', 'IsDefaultAUService', true]),
  ...on('redirects', 'IStringCollection', ['3.18.4.1', 'Item', 'https://r.example/', 0]),
  ...on(
    'record',
    'IUpdateServiceRegistration',
    ['3.46.4.1', 'RegistrationState', 3],
    ['3.46.4.2', 'ServiceID', IDS.windows],
    ['3.46.4.3', 'IsPendingRegistrationWithAU', false],
    ['3.46.4.4', 'Service', made('IUpdateService2', 'ofRecord')],
  ),
  ...on('ofRecord', 'IUpdateService', ['3.40.4.9', 'ServiceID', IDS.windows]),
  ...on(
    'manager',
    'IUpdateServiceManager2',
    ['3.44.5.4', 'do AddService2', made('IUpdateServiceRegistration', 'waiting'), NEW_SERVICE, 5, ''],
    ['3.44.5.4', 'do AddService2', fails(E_INVALIDARG), NEW_SERVICE, 8, ''],
  ),
  ...on(
    'waiting',
    'IUpdateServiceRegistration',
    ['3.46.4.1', 'RegistrationState', 2],
    ['3.46.4.3', 'IsPendingRegistrationWithAU', true],
  ),
  ...on(
    'manager',
    'IUpdateServiceManager',
    ['3.44.4.5', 'do SetOption', undefined, 'AllowedServiceID', { vt: 'VT_BSTR', value: IDS.windows }],
    ['3.44.4.5', 'do SetOption', undefined, 'AllowWarningUI', { vt: 'VT_BOOL', value: false }],
    ['3.44.4.5', 'do SetOption', fails(E_INVALIDARG), 'AllowWarningUI', { vt: 'VT_BSTR', value: 'no' }],
    ['3.44.4.2', 'do RegisterServiceWithAU', undefined, IDS.windows],
    ['3.44.4.2', 'do RegisterServiceWithAU', fails(0x80070005), IDS.managed],
    ['3.44.4.4', 'do AddScanPackageService', made('IUpdateService', 'scan'), 'offline', 'C:\\wsusscn2.cab', 1],
    ['3.44.4.4', 'do AddScanPackageService', fails(E_INVALIDARG), 'offline', 'C:\\wsusscn2.cab', 2],
    ['3.44.4.3', 'do RemoveService', undefined, IDS.managed],
    ['3.44.4.3', 'do RemoveService', fails(WU_E_UNKNOWN_ID), IDS.managed],
  ),
  ...on('scan', 'IUpdateService', ['3.40.4.10', 'IsScanPackageService', true], ['3.40.4.1', 'Name', 'offline']),

  // 3.52, 3.4, 3.2: what the agent is, and what it did.
  ...on(
    'info',
    'IWindowsUpdateAgentInfo',
    ['3.52.4.1', 'do GetInfo', { vt: 'VT_I4', value: 8 }, { vt: 'VT_BSTR', value: 'apimajorversion' }],
    ['3.52.4.1', 'do GetInfo', { vt: 'VT_I4', value: 0 }, { vt: 'VT_BSTR', value: 'ApiMinorVersion' }],
    [
      '3.52.4.1',
      'do GetInfo',
      { vt: 'VT_BSTR', value: '10.0.26100.1' },
      { vt: 'VT_BSTR', value: 'ProductVersionString' },
    ],
    ['3.52.4.1', 'do GetInfo', fails(E_INVALIDARG), { vt: 'VT_BSTR', value: 'Else' }],
  ),
  ...on('automatic', 'IAutomaticUpdates2', ['3.4.5.1', 'Results', made('IAutomaticUpdatesResults', 'results')]),
  ...on(
    'results',
    'IAutomaticUpdatesResults',
    ['3.2.4.1', 'LastSearchSuccessDate', { vt: 'VT_DATE', value: '2026-11-19T03:12:00' }],
    ['3.2.4.2', 'LastInstallationSuccessDate', { vt: 'VT_DATE', value: '2026-11-12T04:00:00' }],
  ),
  ...on('automatic', 'IAutomaticUpdates', ['3.4.4.1', 'do DetectNow']),

  // 3.18, 3.22: collections that clients fill.
  ...on(
    'strings',
    'IStringCollection',
    ['3.18.4.5', 'ReadOnly', false],
    ['3.18.4.6', 'do Add', 0, 'one'],
    ['3.18.4.6', 'do Add', 1, 'two'],
    ['3.18.4.9', 'do Insert', undefined, 2, 'end'],
    ['3.18.4.9', 'do Insert', fails(WU_E_INVALIDINDEX), 4, 'past'],
    ['3.18.4.2', 'put Item', undefined, 0, 'ONE'],
    ['3.18.4.2', 'put Item', fails(WU_E_INVALIDINDEX), 3, 'past'],
    ['3.18.4.1', 'Item', 'ONE', 0],
    ...index('3.18.4.1'),
    ['3.18.4.10', 'do RemoveAt', undefined, 1],
    ['3.18.4.10', 'do RemoveAt', fails(WU_E_INVALIDINDEX), 2],
    ['3.18.4.4', 'Count', 2],
    ['3.18.4.3', '_NewEnum', made('IUnknown', 'stringsEach')],
    ['3.18.4.8', 'do Copy', made('IStringCollection', 'copy')],
    ['3.18.4.7', 'do Clear'],
    ['3.18.4.4', 'Count', 0],
  ),
  ...on(
    'copy',
    'IStringCollection',
    ['3.18.4.4', 'Count', 2],
    ['3.18.4.1', 'Item', 'end', 1],
    ['3.18.4.5', 'ReadOnly', false],
  ),
  ...on(
    'collection',
    'IUpdateCollection',
    ['3.22.4.6', 'do Add', 0, { object: 'update' }],
    ['3.22.4.8', 'do Insert', undefined, 0, { object: 'driver' }],
    ['3.22.4.8', 'do Insert', undefined, 2, { object: 'driver' }],
    ['3.22.4.8', 'do Insert', fails(WU_E_INVALIDINDEX), 4, { object: 'driver' }],
    ['3.22.4.2', 'put Item', undefined, 0, { object: 'update' }],
    ['3.22.4.2', 'put Item', fails(WU_E_INVALIDINDEX), 3, { object: 'update' }],
    ['3.22.4.1', 'Item', made('IUpdate', 'first'), 0],
    ['3.22.4.9', 'do RemoveAt', undefined, 2],
    ['3.22.4.9', 'do RemoveAt', fails(WU_E_INVALIDINDEX), 2],
    ['3.22.4.4', 'Count', 2],
    ['3.22.4.7', 'do Clear'],
    ['3.22.4.4', 'Count', 0],
  ),
  ...on('first', 'IUpdate', ['3.20.4.1', 'Title', 'Cumulative Update']),
  ...on(
    'bundle',
    'IUpdateCollection',
    ['3.22.4.5', 'ReadOnly', true],
    ['3.22.4.7', 'do Clear', fails(WU_E_NOT_SUPPORTED)],
    ['3.22.4.6', 'do Add', fails(WU_E_NOT_SUPPORTED), { object: 'update' }],
  ),
];

/** The same objects in a session of another language (3.6.3, 3.10.3, 3.14.3, 3.20.3, 3.28.3, 3.38.3): texts are in it. */
export const JAPANESE: readonly Step[] = [
  ...on('session', 'IUpdateSession2', ['3.16.5.2', 'put UserLocale', undefined, 0x411]),
  ...on('session', 'IUpdateSession', ['3.16.4.4', 'do CreateUpdateSearcher', made('IUpdateSearcher', 'searcher')]),
  // What a searcher has it keeps (3.38.1).
  ...on('session', 'IUpdateSession2', ['3.16.5.2', 'put UserLocale', undefined, 0x409]),
  ...on('searcher', 'IUpdateSearcher', ['3.38.4.11', 'do Search', made('ISearchResult', 'result'), "Type='Software'"]),
  ...on(
    'result',
    'ISearchResult',
    ['3.14.4.3', 'Updates', made('IUpdateCollection', 'updates')],
    ['3.14.4.2', 'RootCategories', made('ICategoryCollection', 'roots')],
    ['3.14.4.4', 'Warnings', made('IUpdateExceptionCollection', 'warnings')],
  ),
  ...on('updates', 'IUpdateCollection', ['3.22.4.1', 'Item', made('IUpdate', 'update'), 0]),
  ...on(
    'update',
    'IUpdate',
    ['3.20.4.1', 'Title', '累積更新プログラム'],
    ['3.20.4.9', 'Description', '問題を解決します'],
    ['3.20.4.11', 'EulaText', '使用許諾'],
    ['3.20.4.14', 'Image', made('IImageInformation', 'image')],
    ['3.20.4.26', 'MoreInfoUrls', made('IStringCollection', 'urls')],
    ['3.20.4.31', 'ReleaseNotes', '新機能'],
    ['3.20.4.34', 'SupportUrl', 'https://support.example/ja'],
    ['3.20.4.36', 'UninstallationNotes', '時間がかかります'],
    ['3.20.4.38', 'UninstallationSteps', made('IStringCollection', 'steps')],
  ),
  ...on(
    'image',
    'IImageInformation',
    ['3.10.4.1', 'AltText', '更新'],
    ['3.10.4.3', 'Source', 'https://img.example/u.png'],
  ),
  ...on('urls', 'IStringCollection', ['3.18.4.1', 'Item', 'https://info.example/ja', 0]),
  ...on('steps', 'IStringCollection', ['3.18.4.1', 'Item', '設定を開く', 0]),
  ...on('roots', 'ICategoryCollection', ['3.8.4.1', 'Item', made('ICategory', 'root'), 0]),
  ...on(
    'root',
    'ICategory',
    ['3.6.4.1', 'Name', 'ウィンドウズ'],
    ['3.6.4.4', 'Description', '製品'],
    ['3.6.4.5', 'Image', made('IImageInformation', 'ofRoot')],
  ),
  ...on('ofRoot', 'IImageInformation', ['3.10.4.1', 'AltText', '窓']),
  ...on('warnings', 'IUpdateExceptionCollection', ['3.30.4.1', 'Item', made('IUpdateException', 'warning'), 0]),
  // There is Japanese as such, and none of Japan.
  ...on('warning', 'IUpdateException', ['3.28.4.1', 'Message', 'ドライバーを確認できません']),
];
