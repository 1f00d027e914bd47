import type { Lineage, Rule } from '../../src/ndr/types.js';
import { criteriaAttributes } from './criteria.js';
import { addServiceFlag, updateServiceOption } from './types.js';

const ITEMS = [
  'IStringCollection',
  'IUpdateCollection',
  'ICategoryCollection',
  'IUpdateExceptionCollection',
  'IUpdateDownloadContentCollection',
  'IUpdateHistoryEntryCollection',
  'IUpdateServiceCollection',
  'IWindowsDriverUpdateEntryCollection',
];
const LISTS = ['IStringCollection', 'IUpdateCollection'];
const HISTORY = ['IUpdateSearcher::QueryHistory', 'IUpdateSession3::QueryHistory'];
const DRIVERS = [
  'IWindowsDriverUpdate',
  'IWindowsDriverUpdate2',
  'IWindowsDriverUpdate3',
  'IWindowsDriverUpdate4',
  'IWindowsDriverUpdate5',
];
/** A date of a VARIANT, or nothing where there is none. */
const DATE = ['VT_EMPTY', 'VT_DATE'];
/** What GetInfo tells, and the type it has. */
const INFO = { ApiMajorVersion: 'VT_I4', ApiMinorVersion: 'VT_I4', ProductVersionString: 'VT_BSTR' };
const OPTIONS = { AllowedServiceID: 'VT_BSTR', AllowWarningUI: 'VT_BOOL' };

const WU_E_INVALIDINDEX = 0x80240007;
const WU_E_NOT_SUPPORTED = 0x80240037;
const UPDATE_SESSION = '4cb43d7f-7eee-4906-8698-60da1c38f2fe';
/** Largest LCID ([MS-LCID] 2). */
const MAX_LCID = 0xfffff;
const MAX_LONG = 0x7fffffff;

/** What a search was asked for, down to the updates that it found and their identities. */
const FOUND: Lineage = {
  from: 'IUpdateSearcher::Search',
  field: 'in.criteria',
  by: [
    'ISearchResult::Updates',
    'get IUpdateCollection::Item',
    'IUpdateCollection::_NewEnum',
    'IEnumVARIANT::Next',
    'IUpdate::Identity',
  ],
  elements: ['get IUpdateCollection::Item', 'IEnumVARIANT::Next'],
  // What a client puts in was not found by this search.
  changes: ['put IUpdateCollection::Item', 'IUpdateCollection::Add', 'IUpdateCollection::Insert'],
};

/** What a history was asked for, down to the identities of its entries. */
const ENTRIES: Lineage = {
  from: 'IUpdateSession3::QueryHistory',
  field: 'in.criteria',
  by: [
    'IUpdateHistoryEntryCollection::Item',
    'IUpdateHistoryEntryCollection::_NewEnum',
    'IEnumVARIANT::Next',
    'IUpdateHistoryEntry::UpdateIdentity',
  ],
  elements: ['IUpdateHistoryEntryCollection::Item', 'IEnumVARIANT::Next'],
  changes: [],
};

/** Attributes of criteria by the properties that tell them; categories would take more than one. */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  'IUpdate::Type': 'Type',
  'IUpdate::DeploymentAction': 'DeploymentAction',
  'IUpdate::AutoSelectOnWebSites': 'AutoSelectOnWebSites',
  'IUpdate::IsInstalled': 'IsInstalled',
  'IUpdate::IsHidden': 'IsHidden',
  'IUpdate2::IsPresent': 'IsPresent',
  'IUpdate2::RebootRequired': 'RebootRequired',
  'IUpdate3::BrowseOnly': 'BrowseOnly',
  'IWindowsDriverUpdate2::IsPresent': 'IsPresent',
  'IWindowsDriverUpdate2::RebootRequired': 'RebootRequired',
  'IWindowsDriverUpdate3::BrowseOnly': 'BrowseOnly',
  'IUpdateIdentity::UpdateID': 'UpdateID',
  'IUpdateIdentity::RevisionNumber': 'RevisionNumber',
};
/** Values of criteria by the members of enumerations; daNone inherits one that is not known (2.2.4). */
const CRITERIA_VALUES: Readonly<Record<string, string | null>> = {
  utSoftware: 'Software',
  utDriver: 'Driver',
  daNone: null,
  daInstallation: 'Installation',
  daUninstallation: 'Uninstallation',
  daDetection: 'Detection',
};

/** Properties of a searcher with what 3.38.3 begins them with; ClientApplicationID is its session's (docs/wire-notes.md). */
const SEARCHER: readonly (readonly [property: string, values: readonly (string | boolean | null)[]])[] = [
  ['IUpdateSearcher::CanAutomaticallyUpgradeService', [false]],
  ['IUpdateSearcher::IncludePotentiallySupersededUpdates', [false]],
  ['IUpdateSearcher::ServerSelection', ['ssDefault']],
  ['IUpdateSearcher::ServiceID', [null, '']],
  ['IUpdateSearcher::Online', [true]],
  ['IUpdateSearcher2::IgnoreDownloadPriority', [false]],
  ['IUpdateSearcher3::SearchScope', ['searchScopeDefault']],
];
/** Properties that keep what is put. */
const KEPT: readonly string[] = [
  ...SEARCHER.map(([property]) => property),
  'IUpdateSearcher::ClientApplicationID',
  'IUpdateSession::ClientApplicationID',
  'IUpdateSession2::UserLocale',
  'IUpdateServiceManager2::ClientApplicationID',
];
/** Changes of a list of strings that say which index they mean. */
const PLACED = ['put IStringCollection::Item', 'IStringCollection::RemoveAt'];
const STRING_CHANGES = [...PLACED, 'IStringCollection::Insert', 'IStringCollection::Add', 'IStringCollection::Clear'];
const STRING_COUNT = { counts: 'IStringCollection::Count', changes: changesOf('IStringCollection') } as const;
const READ_ONLY_STRINGS = {
  kind: 'after',
  learns: 'IStringCollection::ReadOnly',
  field: 'out.retval',
  values: [true],
} as const;

/** Changes of a collection, after which its count is not known. */
function changesOf(interfaceName: string): readonly string[] {
  return LISTS.includes(interfaceName)
    ? ['Add', 'Clear', 'Insert', 'RemoveAt'].map((name) => `${interfaceName}::${name}`)
    : [];
}

/** Indexes into collections: the client's mistake, and the server's where it lets it pass. */
function indexRules(interfaceName: string): readonly Rule[] {
  const isList = LISTS.includes(interfaceName);
  const check = {
    kind: 'index',
    field: 'in.index',
    counts: `${interfaceName}::Count`,
    changes: changesOf(interfaceName),
  } as const;
  const places = [
    { on: [`${interfaceName}::Item`, ...(isList ? [`${interfaceName}::RemoveAt`] : [])], check },
    // At its end a collection can grow.
    ...(isList ? [{ on: [`${interfaceName}::Insert`], check: { ...check, atEnd: true } }] : []),
  ];
  return places.flatMap((place): readonly Rule[] => [
    {
      name: 'index-out-of-range',
      severity: 'warning',
      section: null,
      message: 'index {value} is outside the collection: {why}',
      ...place,
    },
    {
      name: 'index-accepted',
      severity: 'error',
      section: null,
      when: 'succeeded',
      message: '{method} succeeded for index {value}, though {why}: it must fail',
      ...place,
    },
  ]);
}

/**
 * The rules of [MS-UAMG] that calls can be held to; docs/rules.md has every MUST of sections 2 and 3 and what becomes
 * of it.
 */
export const uamgRules: readonly Rule[] = [
  {
    name: 'bad-enum',
    severity: 'error',
    section: null,
    on: ['*'],
    check: { kind: 'enum', side: 'in' },
    message: '{field} is {value}, which is no {type}',
  },
  {
    name: 'bad-enum',
    severity: 'error',
    section: null,
    on: ['*'],
    when: 'succeeded',
    check: { kind: 'enum', side: 'out' },
    message: '{field} is {value}, which is no {type}',
  },
  {
    name: 'bad-boolean',
    severity: 'error',
    section: null,
    on: ['*'],
    check: { kind: 'boolean', side: 'in' },
    message: '{field} is {value}: neither VARIANT_TRUE (65535) nor VARIANT_FALSE (0)',
  },
  {
    name: 'bad-boolean',
    severity: 'error',
    section: null,
    on: ['*'],
    when: 'succeeded',
    check: { kind: 'boolean', side: 'out' },
    message: '{field} is {value}: neither VARIANT_TRUE (65535) nor VARIANT_FALSE (0)',
  },
  {
    name: 'bad-boolean-accepted',
    severity: 'error',
    section: null,
    on: ['*'],
    when: 'succeeded',
    check: { kind: 'boolean', side: 'in' },
    message: '{method} succeeded for {value}, which is no VARIANT_BOOL: it must fail',
  },

  // Searches.
  {
    name: 'criteria-grammar',
    severity: 'warning',
    section: null,
    on: ['IUpdateSearcher::Search'],
    check: { kind: 'criteria', field: 'in.criteria', attributes: criteriaAttributes, why: 'grammar' },
    message: 'the criteria "{value}" break the grammar in column {column}: {why}',
  },
  {
    name: 'criteria-unsupported',
    severity: 'warning',
    section: null,
    on: ['IUpdateSearcher::Search'],
    check: { kind: 'criteria', field: 'in.criteria', attributes: criteriaAttributes, why: 'unsupported' },
    message: 'the criteria "{value}" ask in column {column} for what no server need support: {why}',
  },
  {
    name: 'criteria-accepted',
    severity: 'error',
    section: null,
    on: ['IUpdateSearcher::Search'],
    when: 'succeeded',
    check: { kind: 'criteria', field: 'in.criteria', attributes: criteriaAttributes, why: 'grammar' },
    message: '{method} succeeded for criteria that the grammar refuses in column {column}: it must fail',
  },
  {
    name: 'escape',
    severity: 'error',
    section: null,
    on: ['IUpdateSearcher::EscapeString'],
    when: 'succeeded',
    check: { kind: 'escape', from: 'in.unescaped', to: 'out.retval' },
    message: 'the escaped string is "{value}" and has to be "{allowed}"',
  },
  {
    name: 'failed-search-used',
    severity: 'warning',
    section: '3.14.4.1',
    on: ['ISearchResult::Updates', 'ISearchResult::RootCategories'],
    check: {
      kind: 'after',
      learns: 'ISearchResult::ResultCode',
      field: 'out.retval',
      values: ['orcNotStarted', 'orcInProgress', 'orcFailed', 'orcAborted'],
    },
    message: '{method} is read though ResultCode said {value}: what it holds is no result',
  },

  // History.
  ...HISTORY.flatMap((on): readonly Rule[] => {
    const check = {
      kind: 'index',
      field: 'in.startIndex',
      counts: on === HISTORY[0] ? 'IUpdateSearcher::GetTotalHistoryCount' : '',
      changes: [],
    } as const;
    return [
      {
        name: 'history-out-of-range',
        severity: 'warning',
        section: null,
        on: [on],
        check,
        message: 'startIndex {value} is outside the history: {why}',
      },
      {
        name: 'history-accepted',
        severity: 'error',
        section: null,
        on: [on],
        when: 'succeeded',
        check,
        message: '{method} succeeded for startIndex {value}, though {why}: it must fail',
      },
      {
        name: 'history-count',
        severity: 'error',
        section: on === HISTORY[0] ? '3.38.4.10' : '3.16.6.2',
        on: ['IUpdateHistoryEntryCollection::Count'],
        when: 'succeeded',
        check: { kind: 'at-most', makes: on, field: 'in.count' },
        message: 'the history has {value} entries where at most {count} were asked for',
      },
    ];
  }),
  {
    name: 'history-order',
    severity: 'error',
    section: '3.38.4.10',
    on: ['IUpdateHistoryEntry::Date'],
    when: 'succeeded',
    check: { kind: 'descending', items: 'IUpdateHistoryEntryCollection::Item' },
    message: 'the entry at {count} is of {value}, after {why}: the history is sorted by date, latest first',
  },
  {
    name: 'history-criteria',
    severity: 'warning',
    section: null,
    on: ['IUpdateSession3::QueryHistory'],
    check: { kind: 'pattern', field: 'in.criteria', pattern: "^UpdateID='[^']*'$" },
    message: 'the criteria "{value}" are neither empty nor UpdateID=\'<id>\'',
  },

  // Values that depend on others.
  {
    name: 'bad-vt',
    severity: 'error',
    section: null,
    when: 'succeeded',
    check: { kind: 'vt', field: 'out.retval', allowed: DATE },
    message: '{field} is a {value} and has to be {allowed}',
    on: [
      'IAutomaticUpdatesResults::LastSearchSuccessDate',
      'IAutomaticUpdatesResults::LastInstallationSuccessDate',
      'IUpdate::Deadline',
    ],
  },
  {
    name: 'bad-vt',
    severity: 'error',
    section: null,
    when: 'succeeded',
    on: ['IUpdateService::ContentValidationCert'],
    check: { kind: 'vt', field: 'out.retval', allowed: ['VT_ARRAY|VT_UI1'] },
    message: '{field} is a {value} and has to be {allowed}',
  },
  {
    name: 'getinfo-identifier',
    severity: 'warning',
    section: null,
    on: ['IWindowsUpdateAgentInfo::GetInfo'],
    check: { kind: 'vt', field: 'in.varInfoIdentifier', allowed: ['VT_BSTR'] },
    message: '{field} is a {value} and has to be {allowed}',
  },
  {
    name: 'getinfo-identifier',
    severity: 'warning',
    section: null,
    on: ['IWindowsUpdateAgentInfo::GetInfo'],
    check: { kind: 'one-of', field: 'in.varInfoIdentifier.value', values: Object.keys(INFO), ignoreCase: true },
    message: 'GetInfo knows nothing called "{value}"; there are {allowed}',
  },
  {
    name: 'bad-vt',
    severity: 'error',
    section: null,
    when: 'succeeded',
    on: ['IWindowsUpdateAgentInfo::GetInfo'],
    check: { kind: 'vt-by', key: 'in.varInfoIdentifier', field: 'out.retval', vts: INFO },
    message: '{field} is a {value} and has to be {allowed} for {key}',
  },
  {
    name: 'setoption-name',
    severity: 'warning',
    section: null,
    on: ['IUpdateServiceManager::SetOption'],
    check: { kind: 'one-of', field: 'in.optionName', values: Object.keys(OPTIONS) },
    message: 'no option is called "{value}"; there are {allowed}',
  },
  {
    name: 'setoption-vt',
    severity: 'error',
    section: null,
    on: ['IUpdateServiceManager::SetOption'],
    check: { kind: 'vt-by', key: 'in.optionName', field: 'in.optionValue', vts: OPTIONS },
    message: '{field} is a {value} and has to be {allowed} for {key}',
  },
  {
    name: 'category-type',
    severity: 'error',
    section: null,
    when: 'succeeded',
    on: ['ICategory::Type'],
    message: 'the category type "{value}" is none of {allowed}',
    check: {
      kind: 'one-of',
      field: 'out.retval',
      values: ['Company', 'ProductFamily', 'Product', 'UpdateClassification'],
    },
  },
  {
    name: 'null-result',
    severity: 'error',
    section: null,
    when: 'succeeded',
    check: { kind: 'not-null', field: 'out.retval' },
    message: '{method} returned a null reference; where there is nothing it has to be empty, and not null',
    on: [
      'IAutomaticUpdates2::Results',
      'IUpdate::MoreInfoUrls',
      'IUpdate::SecurityBulletinIDs',
      'IUpdate::SupersededUpdateIDs',
      'IUpdate::UninstallationSteps',
      'IUpdate::KBArticleIDs',
      'IUpdate2::CveIDs',
      'IWindowsDriverUpdate2::CveIDs',
      'IUpdateHistoryEntry::UninstallationSteps',
      'IUpdateService::RedirectUrls',
      ...HISTORY,
    ],
  },

  {
    name: 'eula-accepted',
    severity: 'error',
    section: '3.20.4.10',
    when: 'succeeded',
    on: ['IUpdate::EulaText'],
    check: { kind: 'after', learns: 'IUpdate::EulaAccepted', field: 'out.retval', values: [false], result: 'nothing' },
    message: 'the update has no license terms, and yet EulaAccepted said {value}: without terms it has to be true',
  },
  {
    name: 'uninstallation-behavior',
    severity: 'error',
    section: '3.20.4.37',
    when: 'succeeded',
    on: ['IUpdate::UninstallationBehavior'],
    check: {
      kind: 'after',
      learns: 'IUpdate::IsUninstallable',
      field: 'out.retval',
      values: [false],
      result: 'something',
    },
    message: '{method} returned an object though IsUninstallable said {value}: it has to be null',
  },

  // Collections.
  ...ITEMS.flatMap(indexRules),
  {
    name: 'read-only-changed',
    severity: 'error',
    section: null,
    when: 'succeeded',
    on: [
      'put IUpdateCollection::Item',
      'IUpdateCollection::Add',
      'IUpdateCollection::Clear',
      'IUpdateCollection::Insert',
      'IUpdateCollection::RemoveAt',
    ],
    check: { kind: 'after', learns: 'IUpdateCollection::ReadOnly', field: 'out.retval', values: [true] },
    message: '{method} succeeded on a collection that says it is read-only: it must fail',
  },

  {
    name: 'read-only-accepted',
    severity: 'warning',
    section: null,
    when: 'succeeded',
    on: STRING_CHANGES,
    check: READ_ONLY_STRINGS,
    message: '{method} succeeded on a collection that says it is read-only: it should fail with WU_E_NOT_SUPPORTED',
  },
  {
    name: 'read-only-code',
    severity: 'info',
    section: null,
    when: 'failed',
    hresults: { except: [WU_E_NOT_SUPPORTED] },
    on: STRING_CHANGES,
    check: READ_ONLY_STRINGS,
    message: '{method} failed on a read-only collection with another code than WU_E_NOT_SUPPORTED (0x80240037)',
  },
  ...[
    { on: PLACED, check: { kind: 'index', field: 'in.index', ...STRING_COUNT } as const },
    {
      on: ['IStringCollection::Insert'],
      check: { kind: 'index', field: 'in.index', ...STRING_COUNT, atEnd: true } as const,
    },
  ].flatMap((place): readonly Rule[] => [
    {
      name: 'index-code',
      severity: 'info',
      section: null,
      when: 'failed',
      // A read-only collection may say that first.
      hresults: { except: [WU_E_INVALIDINDEX, WU_E_NOT_SUPPORTED] },
      message: '{method} failed for index {value} ({why}) with another code than WU_E_INVALIDINDEX (0x80240007)',
      ...place,
    },
  ]),
  {
    name: 'insert-at-end',
    severity: 'error',
    section: '3.18.4.9',
    when: 'failed',
    hresults: { only: [WU_E_INVALIDINDEX] },
    on: ['IStringCollection::Insert'],
    check: { kind: 'at-end', field: 'in.index', ...STRING_COUNT },
    message: '{method} refused index {value}, which is the end of the collection: insertion there has to be allowed',
  },

  // What was found, against what was asked for.
  {
    name: 'found-outside-criteria',
    severity: 'error',
    section: '3.14.4.3',
    when: 'succeeded',
    on: Object.keys(ATTRIBUTES),
    check: {
      kind: 'criteria-met',
      lineage: FOUND,
      attributes: criteriaAttributes,
      properties: ATTRIBUTES,
      names: CRITERIA_VALUES,
    },
    message: 'the update was found by "{value}", which it does not meet: {why}',
  },
  {
    name: 'found-action',
    severity: 'error',
    section: '3.38.4.11',
    when: 'succeeded',
    on: ['IUpdate::DeploymentAction'],
    check: {
      kind: 'criteria-met',
      lineage: FOUND,
      attributes: criteriaAttributes,
      properties: ATTRIBUTES,
      names: CRITERIA_VALUES,
      implied: { attribute: 'DeploymentAction', value: 'Installation' },
    },
    message:
      'the update was found by "{value}", which names no DeploymentAction, and is not deployed for installation: {why}',
  },
  {
    name: 'history-of-other',
    severity: 'error',
    section: '3.16.6.2',
    when: 'succeeded',
    on: ['IUpdateIdentity::UpdateID'],
    check: { kind: 'asked-for', lineage: ENTRIES, pattern: "^UpdateID='([^']*)'$" },
    message: 'the history was asked for {allowed}, and has an entry of {value}',
  },

  // Properties: defaults, and what was put.
  {
    name: 'client-id-unset',
    severity: 'error',
    section: '3.16.4.1',
    when: 'succeeded',
    on: ['get IUpdateSession::ClientApplicationID'],
    check: {
      kind: 'default',
      makes: [],
      classes: [UPDATE_SESSION],
      put: 'put IUpdateSession::ClientApplicationID',
      values: [null, ''],
    },
    message: '{method} is "{value}" though nothing was put: it has to be null or empty',
  },
  ...SEARCHER.map(
    ([property, values]): Rule => ({
      name: 'searcher-default',
      severity: 'warning',
      section: '3.38.3',
      when: 'succeeded',
      on: [`get ${property}`],
      check: {
        kind: 'default',
        makes: ['IUpdateSession::CreateUpdateSearcher'],
        classes: [],
        put: `put ${property}`,
        values,
      },
      message: '{method} is {value} though nothing was put: it should begin as {allowed}',
    }),
  ),
  ...KEPT.map(
    (property): Rule => ({
      name: 'not-kept',
      severity: 'warning',
      section: null,
      when: 'succeeded',
      on: [`get ${property}`],
      check: {
        kind: 'read-back',
        put: `put ${property}`,
        field: property.endsWith('UserLocale') ? 'in.lcid' : 'in.value',
      },
      message: '{method} is {value} after {allowed} was put',
    }),
  ),

  // Values that are none of theirs.
  {
    name: 'unknown-flags',
    severity: 'warning',
    section: '2.2.15',
    on: ['IUpdateServiceManager2::AddService2'],
    check: { kind: 'flags', field: 'in.flags', type: 'AddServiceFlag', members: addServiceFlag.members },
    message: '{field} is {value}, of which {why} is no {type}',
  },
  {
    name: 'unknown-flags',
    severity: 'warning',
    section: '2.2.14',
    on: ['IUpdateServiceManager::AddScanPackageService'],
    check: { kind: 'flags', field: 'in.flags', type: 'UpdateServiceOption', members: updateServiceOption.members },
    message: '{field} is {value}, of which {why} is no {type}',
  },
  {
    name: 'out-of-range',
    severity: 'warning',
    section: null,
    on: HISTORY,
    check: { kind: 'range', field: 'in.count', least: 0, most: MAX_LONG },
    message: '{field} is {value}: a number of entries is {allowed}',
  },
  {
    name: 'out-of-range',
    severity: 'warning',
    section: null,
    on: ['put IUpdateSession2::UserLocale'],
    check: { kind: 'range', field: 'in.lcid', least: 1, most: MAX_LCID },
    message: '{field} is {value}, which is no LCID: those are {allowed}',
  },
  {
    name: 'msrc-severity',
    severity: 'info',
    section: null,
    when: 'succeeded',
    on: ['IUpdate::MsrcSeverity'],
    check: { kind: 'one-of', field: 'out.retval', values: ['Critical', 'Important', 'Moderate', 'Low', ''] },
    message: 'the severity "{value}" is none of {allowed}',
  },
  {
    name: 'service-id-form',
    severity: 'info',
    section: '3.32.1',
    when: 'succeeded',
    on: ['IUpdateHistoryEntry::ServiceID'],
    check: { kind: 'pattern', field: 'out.retval', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' },
    message: 'the service "{value}" is not written as a UUID',
  },

  // Where instances come from.
  {
    name: 'direct-activation',
    severity: 'warning',
    section: '3.39.4',
    on: ['IRemoteSCMActivator::RemoteCreateInstance', 'IActivation::RemoteActivation'],
    check: {
      kind: 'activation',
      classes: { 'b699e5e8-67ff-4177-88b0-3684a3388bfb': 'IUpdateSession::CreateUpdateSearcher' },
    },
    message: 'an UpdateSearcher is activated by its class: a client has to get it from {allowed}',
  },
  {
    name: 'direct-activation',
    severity: 'warning',
    section: '3.45.4',
    on: ['IRemoteSCMActivator::RemoteCreateInstance', 'IActivation::RemoteActivation'],
    check: {
      kind: 'activation',
      classes: { 'f8d253d9-89a4-4daa-87b6-1168369f0b21': 'IUpdateSession3::CreateUpdateServiceManager' },
    },
    message: 'an UpdateServiceManager is activated by its class: a client has to get it from {allowed}',
  },

  // The chain of interfaces (1.7).
  {
    name: 'driver-interface',
    severity: 'error',
    section: '3.20',
    on: ['IRemUnknown::RemQueryInterface', 'IRemUnknown2::RemQueryInterface2'],
    check: {
      kind: 'query-interface',
      learns: 'IUpdate::Type',
      field: 'out.retval',
      values: ['utSoftware'],
      interfaces: DRIVERS,
    },
    message:
      'the server gave {value} of an update whose Type is {why}: asking for it must fail where the update is no driver',
  },
];
