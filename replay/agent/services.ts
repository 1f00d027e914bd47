import {
  E_ACCESSDENIED,
  E_INVALIDARG,
  E_OUTOFMEMORY,
  type Outcome,
  type ServedObject,
  type ServedValue,
} from '../../src/peer/server/dispatch.js';
import type { ServiceModel } from './model.js';
import {
  failed,
  fixed,
  isText,
  ok,
  setter,
  stringCollection,
  thing,
  WU_E_NO_SERVICE,
  WU_E_UNKNOWN_ID,
} from './thing.js';

/** Services registered at once. */
export const MAX_SERVICES = 1000;
const GUID = /^\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$/i;

/** AddServiceFlag ([MS-UAMG] 2.2.15). */
const FLAG = { pending: 1, online: 2, register: 4 } as const;

/** UpdateServiceRegistrationState (2.2.13), and whether the service waits to be registered with automatic updates. */
interface Registration {
  readonly state: 'usrsNotRegistered' | 'usrsRegistrationPending' | 'usrsRegistered';
  readonly pendingWithAU: boolean;
}

type Known = { -readonly [name in keyof ServiceModel]: ServiceModel[name] };

/** The services of an agent, shared by all its managers (3.44.1): state of the machine, kept until the server stops. */
export class Services {
  readonly list: Known[];
  private readonly registrations = new Map<string, Registration>();

  constructor(services: readonly ServiceModel[]) {
    this.list = services.map((one) => ({ ...one }));
    for (const { id } of services)
      this.registrations.set(id.toLowerCase(), { state: 'usrsRegistered', pendingWithAU: false });
  }

  find(id: unknown): Known | undefined {
    const key = keyOf(id);
    return key === null ? undefined : this.list.find((one) => one.id.toLowerCase() === key);
  }

  registration(id: string): Registration | undefined {
    return this.registrations.get(keyOf(id) ?? '');
  }

  /** Adds a service unless it is there; an HRESULT where that cannot be. */
  add(id: string, name: string, scanPackage: boolean): Known | number {
    const found = this.find(id);
    if (found !== undefined) return found;
    if (this.list.length >= MAX_SERVICES) return E_OUTOFMEMORY;
    const made: Known = {
      id: keyOf(id) ?? id,
      name,
      managed: false,
      registeredWithAU: false,
      canRegisterWithAU: !scanPackage,
      defaultAU: false,
      scanPackage,
      offersWindowsUpdates: false,
      issued: '2026-01-01T00:00:00',
      expires: '2035-01-01T00:00:00',
      url: '',
      redirects: [],
      prefix: '',
      certificate: '',
    };
    this.list.push(made);
    this.note(made.id, { state: 'usrsRegistered', pendingWithAU: false });
    return made;
  }

  remove(id: unknown): boolean {
    const found = this.find(id);
    if (found === undefined) return false;
    this.list.splice(this.list.indexOf(found), 1);
    this.note(found.id, { state: 'usrsNotRegistered', pendingWithAU: false });
    return true;
  }

  /** Automatic updates know one service at a time (ServiceRegisteredWithAU of 3.44.1). */
  registerWithAU(service: Known): void {
    for (const one of this.list) one.registeredWithAU = one === service;
  }

  note(id: string, registration: Registration): boolean {
    const key = keyOf(id) ?? id;
    if (this.registrations.size >= MAX_SERVICES * 2 && !this.registrations.has(key)) return false;
    this.registrations.set(key, registration);
    return true;
  }
}

function keyOf(id: unknown): string | null {
  return typeof id === 'string' && GUID.test(id) ? id.toLowerCase().replace(/[{}]/g, '') : null;
}

/** IUpdateServiceManager2 (3.44). */
export function serviceManager(services: Services): ServedObject {
  let client: ServedValue = '';
  /** The only service that may be registered with automatic updates, or null (3.44.1). */
  let allowed: string | null = null;
  const register = (id: ServedValue | undefined): Outcome => {
    const found = services.find(id);
    if (found === undefined) return failed(WU_E_UNKNOWN_ID);
    if (allowed !== null && services.find(allowed) !== found) return failed(E_ACCESSDENIED);
    if (!found.canRegisterWithAU) return failed(WU_E_NO_SERVICE);
    services.registerWithAU(found);
    return ok();
  };
  return thing({
    interfaces: ['IUpdateServiceManager2', 'IUpdateServiceManager'],
    get: { Services: () => collection(services), ClientApplicationID: () => client },
    put: { ClientApplicationID: setter((value) => (client = value), isText) },
    methods: {
      RegisterServiceWithAU: ({ serviceID }) => register(serviceID),
      RemoveService: ({ serviceID }) => (services.remove(serviceID) ? ok() : failed(WU_E_UNKNOWN_ID)),
      AddScanPackageService: ({ serviceName, scanFileLocation }) => {
        if (
          !isText(serviceName) ||
          serviceName === null ||
          typeof scanFileLocation !== 'string' ||
          scanFileLocation === ''
        )
          return failed(E_INVALIDARG);
        const added = services.add(
          `00000000-0000-4000-8000-${(services.list.length + 1).toString(16).padStart(12, '0')}`,
          serviceName,
          true,
        );
        return typeof added === 'number' ? failed(added) : ok(serviceOf(added));
      },
      SetOption: ({ optionName, optionValue }) => {
        const { vt, value } = (optionValue ?? {}) as { readonly vt?: string; readonly value?: unknown };
        if (
          optionName === 'AllowedServiceID' &&
          vt === 'VT_BSTR' &&
          (value === null || value === '' || keyOf(value) !== null)
        ) {
          allowed = value === null || value === '' ? null : String(value);
          return ok();
        }
        return optionName === 'AllowWarningUI' && vt === 'VT_BOOL' && typeof value === 'boolean'
          ? ok()
          : failed(E_INVALIDARG);
      },
      QueryServiceRegistration: ({ serviceID }) => {
        const found = typeof serviceID === 'string' ? services.registration(serviceID) : undefined;
        return found === undefined || typeof serviceID !== 'string'
          ? failed(WU_E_UNKNOWN_ID)
          : ok(registrationOf(services, serviceID, found));
      },
      AddService2: ({ serviceID, flags, authorizationCabPath }) => {
        if (
          typeof serviceID !== 'string' ||
          keyOf(serviceID) === null ||
          typeof flags !== 'number' ||
          (flags & ~(FLAG.pending | FLAG.online | FLAG.register)) !== 0
        )
          return failed(E_INVALIDARG);
        // Who gives no file and does not allow to look for it now waits for it.
        if (
          services.find(serviceID) === undefined &&
          (flags & (FLAG.pending | FLAG.online)) === FLAG.pending &&
          (authorizationCabPath === null || authorizationCabPath === '')
        ) {
          const waits: Registration = {
            state: 'usrsRegistrationPending',
            pendingWithAU: (flags & FLAG.register) !== 0,
          };
          return services.note(serviceID, waits)
            ? ok(registrationOf(services, serviceID, waits))
            : failed(E_OUTOFMEMORY);
        }
        const added = services.add(serviceID, serviceID, false);
        if (typeof added === 'number') return failed(added);
        const registered = (flags & FLAG.register) === 0 ? ok() : register(serviceID);
        return registered.hresult === 0
          ? ok(registrationOf(services, serviceID, { state: 'usrsRegistered', pendingWithAU: false }))
          : registered;
      },
    },
  });
}

function collection({ list }: Services): ServedObject {
  const shown = [...list];
  return fixed('IUpdateServiceCollection', shown.length, (index) => serviceOf(shown[index] as Known));
}

/** IUpdateService2 (3.40). */
function serviceOf(service: Known): ServedObject {
  return thing({
    interfaces: ['IUpdateService2', 'IUpdateService'],
    get: {
      Name: service.name,
      ContentValidationCert: bytes(service.certificate),
      ExpirationDate: service.expires,
      IsManaged: service.managed,
      IsRegisteredWithAU: () => service.registeredWithAU,
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
  });
}

/** A VARIANT of bytes. */
function bytes(hex: string): ServedValue {
  const value = (hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  return { vt: 'VT_UI1', dims: [{ count: value.length, lower: 0 }], value };
}

/** IUpdateServiceRegistration (3.46): what had become of a registration when it was asked for. */
function registrationOf(services: Services, id: string, { state, pendingWithAU }: Registration): ServedObject {
  const found = services.find(id);
  return thing({
    interfaces: ['IUpdateServiceRegistration'],
    get: {
      RegistrationState: state,
      ServiceID: id,
      IsPendingRegistrationWithAU: pendingWithAU,
      Service: () => (found === undefined ? null : serviceOf(found)),
    },
  });
}
