import { E_INVALIDARG, S_OK, type ServedObject, type ServedValue } from '../server/dispatch.js';
import type { Model } from './model.js';
import { changeable, failed, fixed, ok, thing, WU_E_NO_SERVICE, WU_E_UNKNOWN_ID } from './thing.js';

type ServiceModel = Model['services'][number];

/** The services of an agent, shared by all its managers (3.44). */
export class Services {
  readonly list: ServiceModel[];

  constructor(services: readonly ServiceModel[]) {
    this.list = services.map((one) => ({ ...one }));
  }

  find(id: unknown): ServiceModel | undefined {
    return this.list.find((one) => typeof id === 'string' && one.id.toLowerCase() === id.toLowerCase().replace(/[{}]/g, ''));
  }
}

/** Services registered at once. */
const MAX_SERVICES = 1000;
const GUID = /^\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$/i;

/** IUpdateService2 (3.42). */
function serviceOf(service: ServiceModel): ServedObject {
  return thing({
    interfaces: ['IUpdateService2', 'IUpdateService'],
    get: {
      Name: service.name, ContentValidationCert: bytes(service.certificate), ExpirationDate: service.expires, IsManaged: service.managed, IsRegisteredWithAU: () => service.registeredWithAU, IssueDate: service.issued,
      OffersWindowsUpdates: service.offersWindowsUpdates, RedirectUrls: () => changeable('IStringCollection', [...service.redirects], true), ServiceID: service.id, IsScanPackageService: false, CanRegisterWithAU: service.canRegisterWithAU,
      ServiceUrl: service.url, SetupPrefix: service.prefix, IsDefaultAUService: service.defaultAU,
    },
  });
}

/** A VARIANT of bytes. */
function bytes(hex: string): ServedValue {
  const value = (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  return { vt: 'VT_UI1', dims: [{ count: value.length, lower: 0 }], value };
}

/** IUpdateServiceRegistration (3.46): what became of a registration. */
function registration(services: Services, id: string): ServedObject {
  const found = services.find(id);
  return thing({
    interfaces: ['IUpdateServiceRegistration'],
    get: { RegistrationState: found === undefined ? 'usrsNotRegistered' : 'usrsRegistered', ServiceID: id, IsPendingRegistrationWithAU: false, Service: () => (found === undefined ? null : serviceOf(found)) },
  });
}

/** IUpdateServiceManager2 (3.44). */
export function serviceManager(services: Services): ServedObject {
  let client: unknown = null;
  const add = (id: unknown, name: string): number => {
    if (typeof id !== 'string' || !GUID.test(id)) return E_INVALIDARG;
    if (services.find(id) === undefined) {
      if (services.list.length >= MAX_SERVICES) return 0x8007000e;
      services.list.push({ id: id.replace(/[{}]/g, '').toLowerCase(), name, managed: false, registeredWithAU: false, canRegisterWithAU: true, defaultAU: false, offersWindowsUpdates: false, issued: '2026-01-01T00:00:00', expires: '2035-01-01T00:00:00', url: '', redirects: [], prefix: '', certificate: '' });
    }
    return S_OK;
  };
  return thing({
    interfaces: ['IUpdateServiceManager2', 'IUpdateServiceManager'],
    get: { Services: () => fixed('IUpdateServiceCollection', services.list.map(serviceOf)), ClientApplicationID: () => client as string | null },
    put: {
      ClientApplicationID: (value) => {
        client = value;
        return S_OK;
      },
    },
    methods: {
      RegisterServiceWithAU: ({ serviceID }) => {
        const found = services.find(serviceID);
        if (found === undefined) return failed(WU_E_UNKNOWN_ID);
        if (!found.canRegisterWithAU) return failed(WU_E_NO_SERVICE);
        found.registeredWithAU = true;
        return ok();
      },
      RemoveService: ({ serviceID }) => {
        const at = services.list.findIndex((one) => one === services.find(serviceID));
        if (at < 0) return failed(WU_E_UNKNOWN_ID);
        services.list.splice(at, 1);
        return ok();
      },
      AddScanPackageService: ({ serviceName, scanFileLocation }) => {
        if (typeof serviceName !== 'string' || typeof scanFileLocation !== 'string' || scanFileLocation === '') return failed(E_INVALIDARG);
        const id = `00000000-0000-4000-8000-${(services.list.length + 1).toString(16).padStart(12, '0')}`;
        const added = add(id, serviceName);
        const made = services.find(id);
        return added !== S_OK || made === undefined ? failed(added) : ok(serviceOf(made));
      },
      SetOption: ({ optionName, optionValue }) => {
        const held = optionValue as { readonly vt?: string } | null | undefined;
        return (optionName === 'AllowedServiceID' && held?.vt === 'VT_BSTR') || (optionName === 'AllowWarningUI' && held?.vt === 'VT_BOOL') ? ok() : failed(E_INVALIDARG);
      },
      QueryServiceRegistration: ({ serviceID }) => (typeof serviceID === 'string' && GUID.test(serviceID) ? ok(registration(services, serviceID)) : failed(E_INVALIDARG)),
      AddService2: ({ serviceID }) => {
        const added = add(serviceID, String(serviceID));
        return added === S_OK ? ok(registration(services, String(serviceID))) : failed(added);
      },
    },
  });
}
