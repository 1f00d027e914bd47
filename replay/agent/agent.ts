import type { CriteriaAttribute } from '../../src/ndr/types.js';
import {
  E_ACCESSDENIED,
  E_INVALIDARG,
  type Caller,
  type Injector,
  type ServedClass,
  type ServedObject,
  type ServedValue,
} from '../../src/peer/server/dispatch.js';
import { stringCollection, updateCollection } from './collections.js';
import { indexing, interfacesOf, type AgentContext } from './context.js';
import type { Model } from './model.js';
import { profileOf } from './profiles.js';
import type { Scenario } from './scenario.js';
import { failed, ok, served } from './described-object.js';
import { serviceManager } from './service-objects.js';
import { searcher, session } from './session-objects.js';
import { AgentState } from './state.js';
import { Users } from './users.js';

/** What an update agent is made from. */
interface AgentOptions {
  readonly model: Model;
  /** What search criteria may ask for. */
  readonly attributes: readonly CriteriaAttribute[];
  /** The time in ms since 1970, UTC. Left out, it stands still. */
  readonly clock?: () => number;
  readonly scenario?: Scenario | null;
  /** Kerberos realms whose users are known by their names alone. */
  readonly realms?: readonly string[];
}

/** An update agent over a model, for a server of src/peer/server. */
export interface UpdateAgent {
  /** The classes of [MS-UAMG] 1.9: what a machine with an update agent can be asked to make. */
  readonly classes: readonly ServedClass[];
  /** What the model and the scenario let members do instead of their work. */
  readonly inject: Injector;
  /** Lets happen what is due by the clock, and tells what happened since it was asked last, a line each. */
  news(): readonly string[];
}

/** What errors of late-bound calls name as their source. */
export const ERROR_SOURCE = 'Microsoft.Update';

export function updateAgent({
  model,
  attributes,
  clock = () => 0,
  scenario = null,
  realms = [],
}: AgentOptions): UpdateAgent {
  const state = new AgentState(model, clock, scenario);
  const agent: AgentContext = {
    model,
    state,
    attributes,
    users: new Users(model, realms),
    profile: profileOf(model.profile),
    indexOf: indexing(model),
  };
  const made: readonly (readonly [clsid: string, make: (caller: Caller) => ServedObject])[] = [
    ['4cb43d7f-7eee-4906-8698-60da1c38f2fe', (caller) => session(agent, caller)],
    ['b699e5e8-67ff-4177-88b0-3684a3388bfb', (caller) => searcher(agent, agent.users.localeOf(caller))],
    ['f8d253d9-89a4-4daa-87b6-1168369f0b21', () => serviceManager(agent)],
    ['72c97d74-7c3b-40ae-b77d-abdb22eba6fb', () => stringCollection([], false)],
    ['13639463-00db-4646-803d-528026140d88', () => updateCollection([], false)],
    ['c2e88c2f-6f5b-4aaa-894b-55c847ad3a2d', () => agentInfo(agent)],
    ['bfe18e9c-6d87-4450-b37c-e02f0b373803', () => automaticUpdates(agent)],
  ];
  return {
    classes: made.map(([clsid, make]) => ({
      clsid,
      create: (caller) => (agent.users.roleOf(caller) === 'none' ? E_ACCESSDENIED : make(caller)),
    })),
    inject(interfaceName, member) {
      state.advance();
      return state.faults.inject(interfaceName, member);
    },
    news: () => state.news,
  };
}

/** IWindowsUpdateAgentInfo (3.52): identifiers are compared without regard to case. */
function agentInfo({ model: { agent }, profile }: AgentContext): ServedObject {
  const known = new Map<string, ServedValue>([
    ['apimajorversion', { vt: 'VT_I4', value: agent.major ?? profile.major }],
    ['apiminorversion', { vt: 'VT_I4', value: agent.minor ?? profile.minor }],
    ['productversionstring', { vt: 'VT_BSTR', value: agent.product ?? profile.product }],
  ]);
  return served({
    interfaces: ['IWindowsUpdateAgentInfo'],
    methods: {
      GetInfo: ({ varInfoIdentifier }) => {
        const { vt, value } = (varInfoIdentifier ?? {}) as { readonly vt?: string; readonly value?: unknown };
        const found = vt === 'VT_BSTR' ? known.get(String(value).toLowerCase()) : undefined;
        return found === undefined ? failed(E_INVALIDARG) : ok(found);
      },
    },
  });
}

/** IAutomaticUpdates2 (3.4): its results are those of when it was made. */
function automaticUpdates(agent: AgentContext): ServedObject {
  const { lastSearch, lastInstallation } = agent.state.now;
  return served({
    interfaces: interfacesOf(agent, 'IAutomaticUpdates2', 'IAutomaticUpdates'),
    get: {
      Results: () =>
        served({
          interfaces: ['IAutomaticUpdatesResults'],
          get: {
            LastSearchSuccessDate: date(lastSearch),
            LastInstallationSuccessDate: date(lastInstallation),
          },
        }),
    },
    methods: {
      DetectNow: () => {
        agent.state.detect();
        return ok();
      },
    },
  });
}

function date(value: string | null): ServedValue {
  return value === null ? { vt: 'VT_EMPTY', value: null } : { vt: 'VT_DATE', value };
}
