import type { CriteriaAttribute } from '../../src/ndr/types.js';
import { E_INVALIDARG, type ServedObject, type ServedValue } from '../../src/peer/server/dispatch.js';
import { queryHistory } from './history.js';
import { search, SCOPES, SELECTIONS, type SearchState } from './search.js';
import { serviceManager, type Services } from './services.js';
import { failed, isText, ok, setter, thing } from './thing.js';
import type { Index } from './updates.js';

/** What all objects of one agent share. */
export interface Agent {
  readonly index: Index;
  readonly services: Services;
  readonly attributes: readonly CriteriaAttribute[];
}

/** Largest LCID ([MS-LCID] 2): sort order and language. */
const MAX_LCID = 0xfffff;

/** IUpdateSession3 (3.16). */
export function session(agent: Agent): ServedObject {
  let client: ServedValue = '';
  let locale = agent.index.model.locale;
  return thing({
    interfaces: ['IUpdateSession3', 'IUpdateSession2', 'IUpdateSession'],
    get: { ClientApplicationID: () => client, ReadOnly: false, UserLocale: () => locale },
    put: {
      ClientApplicationID: setter((value) => (client = value), isText),
      UserLocale: setter(
        (value) => (locale = Number(value)),
        (value) => typeof value === 'number' && value > 0 && value <= MAX_LCID,
      ),
    },
    methods: {
      // The searcher takes over what the session has at that time (3.16.4.4).
      CreateUpdateSearcher: () => ok(searcher(agent, locale, client)),
      CreateUpdateServiceManager: () => ok(serviceManager(agent.services)),
      QueryHistory: ({ criteria, startIndex, count }) =>
        queryHistory(agent.index, locale, startIndex, count, criteria ?? null),
    },
  });
}

/** IUpdateSearcher3 (3.38). */
export function searcher(agent: Agent, locale = agent.index.model.locale, client: ServedValue = ''): ServedObject {
  const state: { -readonly [name in keyof SearchState]: SearchState[name] } & {
    ClientApplicationID: ServedValue;
    CanAutomaticallyUpgradeService: boolean;
  } = {
    CanAutomaticallyUpgradeService: false,
    ClientApplicationID: client,
    IncludePotentiallySupersededUpdates: false,
    ServerSelection: 'ssDefault',
    Online: true,
    ServiceID: null,
    IgnoreDownloadPriority: false,
    SearchScope: 'searchScopeDefault',
  };
  const flag = (
    name:
      | 'CanAutomaticallyUpgradeService'
      | 'IncludePotentiallySupersededUpdates'
      | 'Online'
      | 'IgnoreDownloadPriority',
  ) =>
    setter(
      (value) => (state[name] = value === true),
      (value) => typeof value === 'boolean',
    );
  const one = (name: 'ServerSelection' | 'SearchScope', names: readonly string[]) =>
    setter(
      (value) => (state[name] = String(value)),
      (value) => names.includes(String(value)),
    );
  return thing({
    interfaces: ['IUpdateSearcher3', 'IUpdateSearcher2', 'IUpdateSearcher'],
    get: Object.fromEntries(Object.keys(state).map((name) => [name, () => state[name as keyof typeof state]])),
    put: {
      CanAutomaticallyUpgradeService: flag('CanAutomaticallyUpgradeService'),
      IncludePotentiallySupersededUpdates: flag('IncludePotentiallySupersededUpdates'),
      Online: flag('Online'),
      IgnoreDownloadPriority: flag('IgnoreDownloadPriority'),
      ServerSelection: one('ServerSelection', SELECTIONS),
      SearchScope: one('SearchScope', SCOPES),
      ClientApplicationID: setter((value) => (state.ClientApplicationID = value), isText),
      ServiceID: setter((value) => (state.ServiceID = value as string | null), isText),
    },
    methods: {
      EscapeString: ({ unescaped }) =>
        typeof unescaped === 'string' ? ok(unescaped.replace(/['[\]]/g, '[$&]')) : failed(E_INVALIDARG),
      QueryHistory: ({ startIndex, count }) => queryHistory(agent.index, locale, startIndex, count, null),
      GetTotalHistoryCount: () => ok(agent.index.model.history.length),
      Search: ({ criteria }) => search(agent, locale, typeof criteria === 'string' ? criteria : '', state),
    },
  });
}
