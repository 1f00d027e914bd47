import type { CriteriaAttribute } from '../../src/ndr/types.js';
import { E_INVALIDARG, type ServedClass, type ServedObject, type ServedValue } from '../../src/peer/server/dispatch.js';
import type { Model } from './model.js';
import { searcher, session, type Agent } from './session.js';
import { serviceManager, Services } from './services.js';
import { failed, ok, stringCollection, thing, updateCollection } from './thing.js';
import { Index } from './updates.js';

/** The classes of [MS-UAMG] 1.9 over a model: what a machine with an update agent can be asked to make. */
export function agentClasses(model: Model, attributes: readonly CriteriaAttribute[]): readonly ServedClass[] {
  const agent: Agent = { index: new Index(model), services: new Services(model.services), attributes };
  return [
    { clsid: '4cb43d7f-7eee-4906-8698-60da1c38f2fe', create: () => session(agent) },
    { clsid: 'b699e5e8-67ff-4177-88b0-3684a3388bfb', create: () => searcher(agent) },
    { clsid: 'f8d253d9-89a4-4daa-87b6-1168369f0b21', create: () => serviceManager(agent.services) },
    { clsid: '72c97d74-7c3b-40ae-b77d-abdb22eba6fb', create: () => stringCollection([], false) },
    { clsid: '13639463-00db-4646-803d-528026140d88', create: () => updateCollection([], false) },
    { clsid: 'c2e88c2f-6f5b-4aaa-894b-55c847ad3a2d', create: () => agentInfo(model) },
    { clsid: 'bfe18e9c-6d87-4450-b37c-e02f0b373803', create: () => automaticUpdates(model) },
  ];
}

/** IWindowsUpdateAgentInfo (3.52). */
function agentInfo({ agent }: Model): ServedObject {
  const known: { readonly [name: string]: { readonly vt: string; readonly value: number | string } } = {
    ApiMajorVersion: { vt: 'VT_I4', value: agent.major },
    ApiMinorVersion: { vt: 'VT_I4', value: agent.minor },
    ProductVersionString: { vt: 'VT_BSTR', value: agent.product },
  };
  return thing({
    interfaces: ['IWindowsUpdateAgentInfo'],
    methods: {
      GetInfo: ({ varInfoIdentifier }) => {
        const asked =
          (varInfoIdentifier as { readonly vt?: string; readonly value?: unknown } | null | undefined) ?? {};
        const name = String(asked.value);
        const found = asked.vt === 'VT_BSTR' && Object.hasOwn(known, name) ? known[name] : undefined;
        return found === undefined ? failed(E_INVALIDARG) : ok(found);
      },
    },
  });
}

/** IAutomaticUpdates2 (3.4). */
function automaticUpdates(model: Model): ServedObject {
  return thing({
    interfaces: ['IAutomaticUpdates2', 'IAutomaticUpdates'],
    get: {
      Results: () =>
        thing({
          interfaces: ['IAutomaticUpdatesResults'],
          get: {
            LastSearchSuccessDate: date(model.lastSearch),
            LastInstallationSuccessDate: date(model.lastInstallation),
          },
        }),
    },
    methods: { DetectNow: () => ok() },
  });
}

function date(value: string | null): ServedValue {
  return value === null ? { vt: 'VT_EMPTY', value: null } : { vt: 'VT_DATE', value };
}
