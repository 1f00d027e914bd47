import { evaluateCriteria, parseCriteria } from '../../src/analysis/criteria.js';
import type { Outcome, ServedObject } from '../../src/peer/server/dispatch.js';
import type { Model, UpdateModel } from './model.js';
import type { Agent } from './session.js';
import { failed, fixed, ok, thing, WU_E_INVALID_CRITERIA, WU_E_NO_SERVICE, WU_E_UNKNOWN_SERVICE } from './thing.js';
import { View } from './updates.js';

/** Enumerations of [MS-UAMG] 2.2.11 and 2.2.12 that a client may set, by name; every other value is refused. */
export const SELECTIONS = ['ssDefault', 'ssManagedServer', 'ssWindowsUpdate', 'ssOthers'];
export const SCOPES = [
  'searchScopeDefault',
  'searchScopeMachineOnly',
  'searchScopeCurrentUserOnly',
  'searchScopeMachineAndCurrentUser',
  'searchScopeMachineAndAllUsers',
  'searchScopeAllUsers',
];

/** What of a searcher decides on a search. */
export interface SearchState {
  readonly IncludePotentiallySupersededUpdates: boolean;
  readonly IgnoreDownloadPriority: boolean;
  readonly Online: boolean;
  readonly ServerSelection: string;
  readonly ServiceID: string | null;
  readonly SearchScope: string;
}

/** Without criteria: what is not installed and not hidden. */
const DEFAULT_CRITERIA = '( IsInstalled = 0 and IsHidden = 0 )';
const CONTEXTS = { general: 'uecGeneral', driver: 'uecWindowsDriver', installer: 'uecWindowsInstaller' } as const;
const PRIORITIES = ['low', 'normal', 'high', 'extra-high'];

/**
 * Search (3.38.4.11): what the criteria find of the chosen server and scope, less what other found updates supersede
 * unless that is wanted.
 */
export function search(agent: Agent, locale: number, criteria: string, state: SearchState): Outcome {
  const parsed = parseCriteria(criteria === '' ? DEFAULT_CRITERIA : criteria, agent.attributes);
  if (!parsed.ok) return failed(WU_E_INVALID_CRITERIA);
  const services = servers(agent, state);
  if (typeof services === 'number') return failed(services);
  const { model } = agent.index;
  const anyAction = parsed.tree.some((group) => group.some((one) => one.attribute === 'DeploymentAction'));
  const found = model.updates.filter(
    (one) =>
      offered(one, services) &&
      inScope(one, state.SearchScope) &&
      (anyAction || one.action === 'install') &&
      evaluateCriteria(parsed.tree, (attribute) => valueOf(one, attribute)),
  );
  const shown = state.IncludePotentiallySupersededUpdates ? found : unsuperseded(found, state.IgnoreDownloadPriority);
  const view = new View(agent.index, locale);
  // Whoever stays offline meets no trouble on the way.
  const warnings = state.Online ? model.warnings : [];
  return ok(
    thing({
      interfaces: ['ISearchResult'],
      get: {
        ResultCode: warnings.length === 0 ? 'orcSucceeded' : 'orcSucceededWithErrors',
        RootCategories: () => view.roots(shown),
        Updates: view.collection(shown, false),
        Warnings: () => fixed('IUpdateExceptionCollection', warnings.length, (index) => exception(warnings[index])),
      },
      weight: () => 1 + shown.length,
    }),
  );
}

/** IUpdateException (3.28). */
function exception(warning: Model['warnings'][number] | undefined): ServedObject {
  return thing({
    interfaces: ['IUpdateException'],
    get: {
      Message: warning?.message ?? null,
      HResult: (warning?.hresult ?? 0) | 0,
      Context: CONTEXTS[warning?.context ?? 'general'],
    },
  });
}

/** Ids of the services that are asked, null for all; an HRESULT where there is none such. */
function servers({ services }: Agent, { ServerSelection, ServiceID }: SearchState): readonly string[] | null | number {
  switch (ServerSelection) {
    case 'ssManagedServer': {
      const managed = services.list.filter((one) => one.managed).map((one) => one.id.toLowerCase());
      return managed.length === 0 ? WU_E_NO_SERVICE : managed;
    }
    case 'ssWindowsUpdate': {
      const open = services.list
        .filter((one) => !one.managed && one.offersWindowsUpdates)
        .map((one) => one.id.toLowerCase());
      return open.length === 0 ? WU_E_NO_SERVICE : open;
    }
    case 'ssOthers': {
      const service = services.find(ServiceID);
      return service === undefined ? WU_E_UNKNOWN_SERVICE : [service.id.toLowerCase()];
    }
    default:
      return null;
  }
}

/** An update that names no service is offered by all. */
function offered({ services }: UpdateModel, asked: readonly string[] | null): boolean {
  return asked === null || services.length === 0 || services.some((id) => asked.includes(id.toLowerCase()));
}

function inScope({ perUser }: UpdateModel, scope: string): boolean {
  switch (scope) {
    case 'searchScopeDefault':
    case 'searchScopeMachineOnly':
      return !perUser;
    case 'searchScopeCurrentUserOnly':
    case 'searchScopeAllUsers':
      return perUser;
    default:
      return true;
  }
}

/** An update of higher download priority is not superseded by one of lower, unless priorities are to be ignored. */
function unsuperseded(found: readonly UpdateModel[], ignorePriority: boolean): readonly UpdateModel[] {
  const by = new Map<string, number>();
  for (const one of found)
    for (const id of one.supersedes)
      by.set(id.toLowerCase(), Math.max(by.get(id.toLowerCase()) ?? 0, PRIORITIES.indexOf(one.priority)));
  return found.filter((one) => {
    const priority = by.get(one.id.toLowerCase());
    return priority === undefined || (!ignorePriority && priority < PRIORITIES.indexOf(one.priority));
  });
}

function valueOf(update: UpdateModel, attribute: string): string | number | readonly string[] | null {
  switch (attribute) {
    case 'Type':
      return update.type === 'driver' ? 'Driver' : 'Software';
    case 'DeploymentAction':
      return { install: 'Installation', uninstall: 'Uninstallation', detect: 'Detection' }[update.action];
    case 'IsAssigned':
      return Number(update.assigned);
    case 'AutoSelectOnWebSites':
      return Number(update.autoSelect);
    case 'BrowseOnly':
      return Number(update.browseOnly);
    case 'UpdateID':
      return update.id;
    case 'RevisionNumber':
      return update.revision;
    case 'CategoryIDs':
      return update.categories;
    case 'IsInstalled':
      return Number(update.installed);
    case 'IsHidden':
      return Number(update.hidden);
    case 'IsPresent':
      return Number(update.present);
    case 'RebootRequired':
      return Number(update.rebootRequired);
    default:
      return null;
  }
}
