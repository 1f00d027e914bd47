import { evaluateCriteria, parseCriteria } from '../../src/analysis/criteria.js';
import type { CriteriaAttribute } from '../../src/ndr/types.js';
import { E_INVALIDARG, S_OK, type Outcome, type ServedObject, type ServedValue } from '../server/dispatch.js';
import type { Model, UpdateModel } from './model.js';
import { serviceManager, type Services } from './services.js';
import { changeable, failed, fixed, ok, thing, WU_E_INVALID_CRITERIA } from './thing.js';
import { identity, type Catalog } from './updates.js';

/** What all objects of one agent share. */
export interface Agent {
  readonly catalog: Catalog;
  readonly services: Services;
  readonly attributes: readonly CriteriaAttribute[];
}

/** Enumerations of [MS-UAMG] that a client may set, by name; every other value is refused. */
const SELECTIONS = ['ssDefault', 'ssManagedServer', 'ssWindowsUpdate', 'ssOthers'];
const SCOPES = ['searchScopeDefault', 'searchScopeMachineOnly', 'searchScopeCurrentUserOnly', 'searchScopeMachineAndCurrentUser', 'searchScopeMachineAndAllUsers', 'searchScopeAllUsers'];

/** IUpdateSession3 (3.16). */
export function session(agent: Agent): ServedObject {
  let client: ServedValue = null;
  let locale: ServedValue = 0x409;
  return thing({
    interfaces: ['IUpdateSession3', 'IUpdateSession2', 'IUpdateSession'],
    get: { ClientApplicationID: () => client, ReadOnly: false, UserLocale: () => locale },
    put: {
      ClientApplicationID: (value) => {
        client = value;
        return S_OK;
      },
      UserLocale: (value) => {
        if (typeof value !== 'number' || value <= 0 || value > 0xfffff) return E_INVALIDARG;
        locale = value;
        return S_OK;
      },
    },
    methods: {
      CreateUpdateSearcher: () => ok(searcher(agent, () => client)), CreateUpdateServiceManager: () => ok(serviceManager(agent.services)),
      QueryHistory: ({ startIndex, count }) => queryHistory(agent, startIndex, count),
    },
  });
}

/** IUpdateSearcher3 (3.38). */
export function searcher(agent: Agent, sessionClient: () => ServedValue = () => null): ServedObject {
  const state: { [name: string]: ServedValue } = { CanAutomaticallyUpgradeService: false, IncludePotentiallySupersededUpdates: false, ServerSelection: 'ssDefault', Online: true, ServiceID: '00000000-0000-0000-0000-000000000000', IgnoreDownloadPriority: false, SearchScope: 'searchScopeDefault' };
  let client: ServedValue = null;
  const setter = (name: string, valid: (value: ServedValue) => boolean) => (value: ServedValue): number => {
    if (!valid(value)) return E_INVALIDARG;
    state[name] = value;
    return S_OK;
  };
  const flag = (value: ServedValue): boolean => typeof value === 'boolean';
  return thing({
    interfaces: ['IUpdateSearcher3', 'IUpdateSearcher2', 'IUpdateSearcher'],
    get: { ...Object.fromEntries(Object.keys(state).map((name) => [name, () => state[name] ?? null])), ClientApplicationID: () => client ?? sessionClient() },
    put: {
      CanAutomaticallyUpgradeService: setter('CanAutomaticallyUpgradeService', flag), IncludePotentiallySupersededUpdates: setter('IncludePotentiallySupersededUpdates', flag), Online: setter('Online', flag), IgnoreDownloadPriority: setter('IgnoreDownloadPriority', flag),
      ServerSelection: setter('ServerSelection', (value) => SELECTIONS.includes(String(value))), SearchScope: setter('SearchScope', (value) => SCOPES.includes(String(value))),
      ServiceID: setter('ServiceID', (value) => typeof value === 'string' && /^\{?[0-9a-f-]{36}\}?$/i.test(value)),
      ClientApplicationID: (value) => {
        client = value;
        return S_OK;
      },
    },
    methods: {
      EscapeString: ({ unescaped }) => (typeof unescaped === 'string' ? ok(unescaped.replace(/['[\]]/g, '[$&]')) : failed(E_INVALIDARG)),
      QueryHistory: ({ startIndex, count }) => queryHistory(agent, startIndex, count), GetTotalHistoryCount: () => ok(agent.catalog.model.history.length),
      Search: ({ criteria }) => search(agent, typeof criteria === 'string' ? criteria : '', state),
    },
  });
}

/** Search (3.38.4.11): what the criteria find, less what other found updates supersede unless that is wanted. */
function search({ catalog, attributes }: Agent, criteria: string, state: { readonly [name: string]: ServedValue }): Outcome {
  // Without criteria: what is not installed and not hidden.
  const parsed = parseCriteria(criteria === '' ? '( IsInstalled = 0 and IsHidden = 0 )' : criteria, attributes);
  if (!parsed.ok) return failed(WU_E_INVALID_CRITERIA);
  const { model } = catalog;
  const service = state['ServerSelection'] === 'ssOthers' ? String(state['ServiceID']).toLowerCase() : null;
  const found = model.updates.filter((one) => (service === null || one.services.includes(service)) && evaluateCriteria(parsed.tree, (attribute) => valueOf(one, attribute)));
  const superseded = new Set(found.flatMap((one) => one.supersedes));
  const shown = state['IncludePotentiallySupersededUpdates'] === true ? found : found.filter((one) => !superseded.has(one.id));
  return ok(thing({
    interfaces: ['ISearchResult'],
    get: { ResultCode: 'orcSucceeded', RootCategories: () => catalog.roots(shown), Updates: catalog.collection(shown), Warnings: () => fixed('IUpdateExceptionCollection', []) },
  }));
}

function valueOf(update: UpdateModel, attribute: string): string | number | readonly string[] | null {
  const flag = (value: boolean): number => (value ? 1 : 0);
  switch (attribute) {
    case 'Type': return update.type === 'driver' ? 'Driver' : 'Software';
    case 'DeploymentAction': return { install: 'Installation', uninstall: 'Uninstallation', detect: 'Detection' }[update.action];
    case 'IsAssigned': return flag(update.assigned);
    case 'AutoSelectOnWebSites': return flag(update.autoSelect);
    case 'BrowseOnly': return flag(update.browseOnly);
    case 'UpdateID': return update.id;
    case 'RevisionNumber': return update.revision;
    case 'CategoryIDs': return update.categories;
    case 'IsInstalled': return flag(update.installed);
    case 'IsHidden': return flag(update.hidden);
    case 'IsPresent': return flag(update.present);
    case 'RebootRequired': return flag(update.rebootRequired);
    default: return null;
  }
}

/** QueryHistory (3.38.4.10): newest first, from an index. */
function queryHistory({ catalog }: Agent, startIndex: ServedValue | undefined, count: ServedValue | undefined): Outcome {
  if (typeof startIndex !== 'number' || typeof count !== 'number' || startIndex < 0 || count <= 0) return failed(E_INVALIDARG);
  const sorted = catalog.model.history.toSorted((a, b) => (a.date < b.date ? 1 : a.date > b.date ? -1 : 0));
  return ok(fixed('IUpdateHistoryEntryCollection', sorted.slice(startIndex, startIndex + count).map((one) => historyEntry(catalog, one))));
}

function historyEntry(catalog: Catalog, entry: Model['history'][number]): ServedObject {
  const update = catalog.find(entry.update);
  return thing({
    interfaces: ['IUpdateHistoryEntry2', 'IUpdateHistoryEntry'],
    get: {
      Operation: entry.operation === 'installation' ? 'uoInstallation' : 'uoUninstallation', ResultCode: ['orcNotStarted', 'orcInProgress', 'orcSucceeded', 'orcSucceededWithErrors', 'orcFailed', 'orcAborted'][entry.result] ?? 'orcFailed',
      HResult: entry.hresult | 0, Date: entry.date, UpdateIdentity: () => identity(entry.update, entry.revision), Title: entry.title, Description: entry.description, UnmappedResultCode: 0, ClientApplicationID: entry.client,
      ServerSelection: 'ssOthers', ServiceID: entry.service, UninstallationSteps: () => changeable('IStringCollection', [...(update?.uninstallSteps ?? [])], true), UninstallationNotes: update?.uninstallNotes ?? null, SupportUrl: update?.supportUrl ?? null,
      Categories: () => catalog.categoriesOf(update?.categories ?? []),
    },
  });
}
