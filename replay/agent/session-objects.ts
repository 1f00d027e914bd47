import {
  E_INVALIDARG,
  S_OK,
  type Caller,
  type ServedObject,
  type ServedValue,
} from '../../src/peer/server/dispatch.js';
import { interfacesOf, type AgentContext } from './context.js';
import { WU_E_NOT_SUPPORTED } from './errors.js';
import { queryHistory } from './history-objects.js';
import { search, SCOPES, SELECTIONS, type SearchState } from './search.js';
import { failed, isText, ok, served, setter } from './described-object.js';
import { serviceManager } from './service-objects.js';

/** Largest LCID ([MS-LCID] 2): sort order and language. */
const MAX_LCID = 0xfffff;

/** IUpdateSession3 ([MS-UAMG] 3.16). */
export function session(agent: AgentContext, maker: Caller): ServedObject {
  const { readOnlySessions } = agent.model;
  const { history } = agent.state.now;
  let client: ServedValue = '';
  let locale = agent.users.localeOf(maker);
  const writable =
    (set: (value: ServedValue) => number) =>
    (value: ServedValue): number =>
      readOnlySessions ? WU_E_NOT_SUPPORTED : set(value);
  return served({
    interfaces: interfacesOf(agent, 'IUpdateSession3', 'IUpdateSession2', 'IUpdateSession'),
    get: { ClientApplicationID: () => client, ReadOnly: readOnlySessions, UserLocale: () => locale },
    put: {
      ClientApplicationID: writable(setter((value) => (client = value), isText)),
      UserLocale: writable(
        setter(
          (value) => (locale = Number(value)),
          (value) => typeof value === 'number' && value > 0 && value <= MAX_LCID,
        ),
      ),
    },
    methods: {
      // The searcher takes over what the session has at that time (3.16.4.4).
      CreateUpdateSearcher: () => ok(searcher(agent, locale, client)),
      CreateUpdateServiceManager: () => ok(serviceManager(agent)),
      QueryHistory: (args) => queryHistory(agent, history, locale, args),
    },
  });
}

/** IUpdateSearcher3 (3.38). */
export function searcher(agent: AgentContext, locale: number, client: ServedValue = ''): ServedObject {
  const { history } = agent.state.now;
  // As 3.38.3 has them.
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
  ): ((value: ServedValue) => number) =>
    setter(
      (value) => (state[name] = value === true),
      (value) => typeof value === 'boolean',
    );
  const one = (name: 'ServerSelection' | 'SearchScope', names: readonly string[]): ((value: ServedValue) => number) =>
    setter(
      (value) => (state[name] = String(value)),
      (value) => names.includes(String(value)),
    );
  return served({
    interfaces: interfacesOf(agent, 'IUpdateSearcher3', 'IUpdateSearcher2', 'IUpdateSearcher'),
    get: Object.fromEntries(Object.keys(state).map((name) => [name, () => state[name as keyof typeof state]])),
    put: {
      CanAutomaticallyUpgradeService: flag('CanAutomaticallyUpgradeService'),
      IncludePotentiallySupersededUpdates: flag('IncludePotentiallySupersededUpdates'),
      Online: flag('Online'),
      IgnoreDownloadPriority: flag('IgnoreDownloadPriority'),
      ServerSelection: one('ServerSelection', SELECTIONS),
      SearchScope: one('SearchScope', SCOPES),
      ClientApplicationID: setter((value) => (state.ClientApplicationID = value), isText),
      ServiceID: (value) => {
        if (!isText(value)) return E_INVALIDARG;
        state.ServiceID = value;
        return S_OK;
      },
    },
    methods: {
      EscapeString: ({ unescaped }) =>
        typeof unescaped === 'string' ? ok(unescaped.replace(/['[\]]/g, '[$&]')) : failed(E_INVALIDARG),
      QueryHistory: (args) => queryHistory(agent, history, locale, { ...args, criteria: null }),
      GetTotalHistoryCount: () => ok(history.length),
      Search: ({ criteria }, caller) =>
        search(agent, { criteria: typeof criteria === 'string' ? criteria : '', locale, state, caller }),
    },
  });
}
