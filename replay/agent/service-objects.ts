import type { Arguments } from '../../src/peer/server/dispatch.js';
import {
  E_ACCESSDENIED,
  E_INVALIDARG,
  E_OUTOFMEMORY,
  type Caller,
  type Outcome,
  type ServedObject,
  type ServedValue,
} from '../../src/peer/server/dispatch.js';
import { fixed, stringCollection } from './collections.js';
import { interfacesOf, type AgentContext } from './context.js';
import { WU_E_NO_CONNECTION, WU_E_NO_SERVICE, WU_E_UNKNOWN_ID } from './errors.js';
import type { ServiceModel } from './model.js';
import { failed, isText, ok, served, setter } from './described-object.js';
import { keyOf, type Registration } from './services.js';

/** AddServiceFlag ([MS-UAMG] 2.2.15). */
const ADD = { pending: 1, online: 2, registerWithAU: 4 } as const;
/** UpdateServiceOption (2.2.14). */
const NON_VOLATILE = 1;

/** IUpdateServiceManager2 (3.44). */
export function serviceManager(agent: AgentContext): ServedObject {
  const { state } = agent;
  let client: ServedValue = '';
  /** The only service that may be registered with automatic updates, or null (3.44.1). */
  let allowed: string | null = null;
  let shown: { readonly list: readonly ServiceModel[]; readonly object: ServedObject } | null = null;

  /** Why a service cannot be registered with automatic updates; null where it can. */
  const refusal = (service: ServiceModel): number | null => {
    if (allowed !== null && keyOf(allowed) !== service.id.toLowerCase()) return E_ACCESSDENIED;
    return service.canRegisterWithAU ? null : WU_E_NO_SERVICE;
  };
  /** Changes are for administrators (5.1). */
  const change =
    (work: (args: Arguments) => Outcome) =>
    (args: Arguments, caller: Caller): Outcome =>
      agent.users.roleOf(caller) === 'administrator' ? work(args) : failed(E_ACCESSDENIED);

  const setOption = ({ optionName, optionValue }: Arguments): Outcome => {
    const { vt, value } = (optionValue ?? {}) as { readonly vt?: string; readonly value?: unknown };
    const isNone = value === null || value === '';
    if (optionName === 'AllowedServiceID' && vt === 'VT_BSTR' && (isNone || keyOf(value) !== null)) {
      allowed = isNone ? null : String(value);
      return ok();
    }
    return optionName === 'AllowWarningUI' && vt === 'VT_BOOL' && typeof value === 'boolean'
      ? ok()
      : failed(E_INVALIDARG);
  };

  const addScanPackage = ({ serviceName, scanFileLocation, flags = 0 }: Arguments): Outcome => {
    const isNamed = isText(serviceName) && serviceName !== null;
    const isLocated = typeof scanFileLocation === 'string' && scanFileLocation !== '';
    if (!isNamed || !isLocated || typeof flags !== 'number' || (flags & ~NON_VOLATILE) !== 0)
      return failed(E_INVALIDARG);
    const added = state.services.addScanPackage(serviceName);
    if (typeof added === 'number') return failed(added);
    // A volatile one goes with the reference to it (Microsoft's reference of UpdateServiceOption).
    const ends = (flags & NON_VOLATILE) === 0 ? () => void state.services.remove(added.id) : undefined;
    return { hresult: 0, out: { ppService: serviceOf(agent, added, ends) } };
  };

  /** What becomes of a service whose authorization nobody gave; null: it is looked for, and found. */
  const withoutFile = (
    serviceID: string,
    service: ReturnType<typeof state.services.lookUp>,
    flags: number,
  ): Outcome | null => {
    const isOffline = state.now.network === 'down';
    const canWait = (flags & ADD.pending) !== 0;
    // Who does not allow to look for the file now waits for it; who does waits where nobody can be reached.
    if (canWait && (isOffline || (flags & ADD.online) === 0)) {
      const withAU = (flags & ADD.registerWithAU) !== 0;
      return state.services.wait(service, withAU) ? registered(serviceID) : failed(E_OUTOFMEMORY);
    }
    return isOffline ? failed(WU_E_NO_CONNECTION) : null;
  };

  const addService = ({ serviceID, flags, authorizationCabPath = null }: Arguments): Outcome => {
    if (typeof serviceID !== 'string' || keyOf(serviceID) === null || typeof flags !== 'number')
      return failed(E_INVALIDARG);
    if ((flags & ~(ADD.pending | ADD.online | ADD.registerWithAU)) !== 0 || !isText(authorizationCabPath))
      return failed(E_INVALIDARG);
    const service = state.services.lookUp(serviceID);
    const withAU = (flags & ADD.registerWithAU) !== 0;
    // Looked at first: what is refused leaves no service behind.
    const refused = withAU ? refusal(service) : null;
    if (refused !== null) return failed(refused);
    const isKnown = state.services.find(serviceID) !== undefined;
    const hasFile = authorizationCabPath !== null && authorizationCabPath !== '';
    const early = isKnown || hasFile ? null : withoutFile(serviceID, service, flags);
    if (early !== null) return early;
    const added = state.services.add(service);
    if (typeof added === 'number') return failed(added);
    if (withAU) state.services.registerWithAU(added);
    return registered(serviceID);
  };

  const registered = (id: string): Outcome => {
    const record = state.services.registration(id);
    return record === undefined ? failed(WU_E_UNKNOWN_ID) : ok(registrationOf(agent, record));
  };

  return served({
    interfaces: interfacesOf(agent, 'IUpdateServiceManager2', 'IUpdateServiceManager'),
    get: { ClientApplicationID: () => client },
    put: { ClientApplicationID: setter((value) => (client = value), isText) },
    methods: {
      // A property that is the same collection until a service comes or goes: collections never change (3.42.1).
      Services: () => {
        const { list } = state.services;
        if (shown?.list !== list) shown = { list, object: collection(agent, list) };
        return ok(shown.object);
      },
      RegisterServiceWithAU: change(({ serviceID }) => {
        const service = state.services.find(serviceID);
        if (service === undefined) return failed(WU_E_UNKNOWN_ID);
        const refused = refusal(service);
        if (refused !== null) return failed(refused);
        state.services.registerWithAU(service);
        return ok();
      }),
      RemoveService: change(({ serviceID }) => (state.services.remove(serviceID) ? ok() : failed(WU_E_UNKNOWN_ID))),
      AddScanPackageService: change(addScanPackage),
      SetOption: setOption,
      QueryServiceRegistration: ({ serviceID }) =>
        typeof serviceID === 'string' ? registered(serviceID) : failed(E_INVALIDARG),
      AddService2: change(addService),
    },
  });
}

/** IUpdateServiceCollection (3.42). */
function collection(agent: AgentContext, list: readonly ServiceModel[]): ServedObject {
  return fixed('IUpdateServiceCollection', list.length, (index) => serviceOf(agent, list[index] as ServiceModel));
}

/** IUpdateService2 (3.40): as the service was when the object was made. */
function serviceOf(agent: AgentContext, service: ServiceModel, released?: () => void): ServedObject {
  return served({
    interfaces: interfacesOf(agent, 'IUpdateService2', 'IUpdateService'),
    get: {
      Name: service.name,
      ContentValidationCert: bytes(service.certificate),
      ExpirationDate: service.expires,
      IsManaged: service.managed,
      IsRegisteredWithAU: service.registeredWithAU,
      IssueDate: service.issued,
      OffersWindowsUpdates: service.offersWindowsUpdates,
      RedirectUrls: () => stringCollection(service.redirects, true),
      ServiceID: service.id,
      IsScanPackageService: service.scanPackage,
      CanRegisterWithAU: service.canRegisterWithAU,
      ServiceUrl: service.url,
      SetupPrefix: service.prefix,
      IsDefaultAUService: service.defaultAU,
    },
    ...(released === undefined ? {} : { released }),
  });
}

/** A VARIANT of bytes. */
function bytes(hex: string): ServedValue {
  const value = (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  return { vt: 'VT_UI1', dims: [{ count: value.length, lower: 0 }], value };
}

/** IUpdateServiceRegistration (3.46): what had become of a registration when it was asked for. */
function registrationOf(agent: AgentContext, { state, pendingWithAU, service }: Registration): ServedObject {
  const current = agent.state.services.find(service.id) ?? service;
  return served({
    interfaces: ['IUpdateServiceRegistration'],
    get: {
      RegistrationState: state,
      ServiceID: service.id,
      IsPendingRegistrationWithAU: pendingWithAU,
      Service: () => serviceOf(agent, current),
    },
  });
}
