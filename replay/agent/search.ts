import { evaluateCriteria, parseCriteria, type CriteriaTree } from '../../src/analysis/criteria.js';
import { E_ACCESSDENIED, type Caller, type Outcome, type ServedObject } from '../../src/peer/server/dispatch.js';
import { fixed } from './collections.js';
import { viewOf, type AgentContext } from './context.js';
import { WU_E_INVALID_CRITERIA, WU_E_NO_CONNECTION, WU_E_NO_SERVICE, WU_E_UNKNOWN_SERVICE } from './errors.js';
import type { FaultModel, UpdateModel, WarningModel } from './model.js';
import { failed, ok, served } from './described-object.js';
import { localized, type Index } from './update-objects.js';

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

/** A search as it is asked for. */
interface SearchRequest {
  readonly criteria: string;
  /** LCID of the texts that are found. */
  readonly locale: number;
  readonly state: SearchState;
  readonly caller: Caller;
}

/** Without criteria: what is not installed and not hidden. */
const DEFAULT_CRITERIA = '( IsInstalled = 0 and IsHidden = 0 )';
const CONTEXTS = { general: 'uecGeneral', driver: 'uecWindowsDriver', installer: 'uecWindowsInstaller' } as const;
const PRIORITIES = ['low', 'normal', 'high', 'extra-high'];
const RESULTS = {
  'not-started': 'orcNotStarted',
  'in-progress': 'orcInProgress',
  'with-errors': 'orcSucceededWithErrors',
  failed: 'orcFailed',
  aborted: 'orcAborted',
} as const;
/** Results of a search that found something. */
const FINDS: readonly (FaultModel['result'] | null)[] = [null, 'with-errors'];

/** Only administrators may ask for a language that the machine does not have (Microsoft's reference). */
function speaks(languages: readonly number[], locale: number): boolean {
  return languages.length === 0 || languages.includes(locale);
}

/**
 * Search (3.38.4.11): what the criteria find of the chosen server and scope, less what other found updates supersede
 * unless that is wanted.
 */
export function search(agent: AgentContext, request: SearchRequest): Outcome {
  const { criteria, locale, state, caller } = request;
  const { model, users } = agent;
  const parsed = parseCriteria(criteria === '' ? DEFAULT_CRITERIA : criteria, agent.attributes);
  if (!parsed.ok) return failed(WU_E_INVALID_CRITERIA);
  const mayAsk = users.roleOf(caller) === 'administrator' || speaks(model.languages, locale);
  if (!mayAsk) return failed(E_ACCESSDENIED);
  const services = servers(agent, state);
  if (typeof services === 'number') return failed(services);
  if (state.Online) {
    if (agent.state.now.network === 'down') return failed(WU_E_NO_CONNECTION);
    agent.state.contact();
  }
  const { offered, known } = agent.state.now;
  const updates = state.Online ? offered : known;
  const isCallers = (names: readonly string[]): boolean => users.isAmong(caller, names);
  const index = agent.indexOf(updates);
  const result = agent.state.faults.result('IUpdateSearcher::Search') ?? null;
  const isFound = (one: UpdateModel): boolean =>
    isOffered(one, services) && inScope(one, state.SearchScope, isCallers) && meets(one, parsed.tree, index);
  const found = FINDS.includes(result) ? [...updates.values()].filter(isFound) : [];
  const shown = state.IncludePotentiallySupersededUpdates ? found : unsuperseded(found, state.IgnoreDownloadPriority);
  const view = viewOf(agent, updates, locale, shown);
  // Whoever stays offline meets no trouble on the way.
  const warnings = state.Online ? model.warnings : [];
  const troubled = warnings.length === 0 ? 'orcSucceeded' : 'orcSucceededWithErrors';
  return ok(
    served({
      interfaces: ['ISearchResult'],
      get: {
        ResultCode: result === null ? troubled : RESULTS[result],
        RootCategories: () => view.roots(shown),
        Updates: () => view.collection(shown, false),
        Warnings: () =>
          fixed('IUpdateExceptionCollection', warnings.length, (at) => exception(warnings[at] as WarningModel, locale)),
      },
      weight: () => 1 + shown.length,
    }),
  );
}

/** IUpdateException (3.28). */
function exception({ message, hresult, context, localized: words }: WarningModel, locale: number): ServedObject {
  return served({
    interfaces: ['IUpdateException'],
    get: {
      Message: localized(words, locale)?.message ?? message,
      HResult: hresult | 0,
      Context: CONTEXTS[context],
    },
  });
}

/**
 * Whether an update meets criteria; where they do not name the action, only what is to be installed does. An update
 * that inherits its action (2.2.4) is deployed for all that it bundles.
 */
function meets(update: UpdateModel, tree: CriteriaTree, index: Index): boolean {
  const actions = index.actionsOf(update);
  const named = tree.some((group) => group.some((one) => one.attribute === 'DeploymentAction'));
  if (!named) return actions.has('install') && evaluateCriteria(tree, (attribute) => valueOf(update, attribute));
  return [...actions].some((action) =>
    evaluateCriteria(tree, (attribute) =>
      attribute === 'DeploymentAction' ? ACTION_NAMES[action] : valueOf(update, attribute),
    ),
  );
}

const ACTION_NAMES = { install: 'Installation', uninstall: 'Uninstallation', detect: 'Detection' } as const;

/** Ids of the services that are asked, null for all; an HRESULT where there is none such. */
function servers(
  { state: { services } }: AgentContext,
  { ServerSelection, ServiceID }: SearchState,
): readonly string[] | null | number {
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
function isOffered({ services }: UpdateModel, asked: readonly string[] | null): boolean {
  return asked === null || services.length === 0 || services.some((id) => asked.includes(id.toLowerCase()));
}

/** Updates of the machine, and of users: of the caller, or of all (2.2.12). */
function inScope(update: UpdateModel, scope: string, isOf: (users: readonly string[]) => boolean): boolean {
  const { perUser, users } = update;
  const isCallers = users.length === 0 || isOf(users);
  switch (scope) {
    case 'searchScopeCurrentUserOnly':
      return perUser && isCallers;
    case 'searchScopeMachineAndCurrentUser':
      return !perUser || isCallers;
    case 'searchScopeMachineAndAllUsers':
      return true;
    case 'searchScopeAllUsers':
      return perUser;
    default:
      return !perUser;
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
