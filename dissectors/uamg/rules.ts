import type { Rule } from '../../src/ndr/types.js';
import { criteriaAttributes } from './criteria.js';

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

/** Changes of a collection, after which its count is not known. */
function changesOf(face: string): readonly string[] {
  return LISTS.includes(face) ? ['Add', 'Clear', 'Insert', 'RemoveAt'].map((name) => `${face}::${name}`) : [];
}

/** Indexes into collections: the client's mistake, and the server's where it lets it pass. */
function indexRules(face: string): readonly Rule[] {
  const isList = LISTS.includes(face);
  const check = { kind: 'index', field: 'in.index', counts: `${face}::Count`, changes: changesOf(face) } as const;
  const places = [
    { on: [`${face}::Item`, ...(isList ? [`${face}::RemoveAt`] : [])], check },
    // At its end a collection can grow.
    ...(isList ? [{ on: [`${face}::Insert`], check: { ...check, atEnd: true } }] : []),
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
