import { E_OUTOFMEMORY } from '../../src/peer/server/dispatch.js';
import type { ServiceModel } from './model.js';

/** Services registered at once. */
export const MAX_SERVICES = 1000;
const GUID = /^\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$/i;

/** The record of a registration (UpdateServiceRegistrationState, [MS-UAMG] 2.2.13), with the service it is of. */
export interface Registration {
  readonly state: 'usrsNotRegistered' | 'usrsRegistrationPending' | 'usrsRegistered';
  /** The service waits to be registered with automatic updates, too. */
  readonly pendingWithAU: boolean;
  readonly service: ServiceModel;
}

/**
 * The services of an agent, shared by all its managers (3.44.1): state of the machine, kept until the server stops.
 * What it hands out never changes (3.40.1): a change makes new records.
 */
export class Services {
  private registered: readonly ServiceModel[];
  /** Services that a search for their authorization file online finds. */
  private readonly elsewhere: readonly ServiceModel[];
  private readonly registrations = new Map<string, Registration>();
  private scanPackages = 0;

  constructor(services: readonly ServiceModel[]) {
    this.registered = services.filter((one) => one.registered);
    this.elsewhere = services.filter((one) => !one.registered);
    for (const service of this.registered) this.note({ state: 'usrsRegistered', pendingWithAU: false, service });
  }

  /** Services that are registered now: the same list until that changes. */
  get list(): readonly ServiceModel[] {
    return this.registered;
  }

  find(id: unknown): ServiceModel | undefined {
    const key = keyOf(id);
    return key === null ? undefined : this.registered.find((one) => one.id.toLowerCase() === key);
  }

  registration(id: unknown): Registration | undefined {
    return this.registrations.get(keyOf(id) ?? '');
  }

  /** Registrations that wait until the agent reaches a service. */
  get pending(): readonly Registration[] {
    return [...this.registrations.values()].filter((one) => one.state === 'usrsRegistrationPending');
  }

  /** What is known of a service before it is registered: what the model has of it, or its id alone. */
  lookUp(id: string): ServiceModel {
    const key = keyOf(id) ?? id;
    const known = this.find(id) ?? this.elsewhere.find((one) => one.id.toLowerCase() === key);
    return known ?? { ...BLANK, id: key, name: key };
  }

  /** Registers a service, unless it is; an HRESULT where that cannot be. */
  add(service: ServiceModel): ServiceModel | number {
    const found = this.find(service.id);
    if (found !== undefined) return found;
    if (this.registered.length >= MAX_SERVICES) return E_OUTOFMEMORY;
    const added = { ...service, registered: true };
    if (!this.note({ state: 'usrsRegistered', pendingWithAU: false, service: added })) return E_OUTOFMEMORY;
    this.registered = [...this.registered, added];
    return added;
  }

  /** Adds a service over a scan package (3.44.4.4), under an id that none had before; an HRESULT where it cannot. */
  addScanPackage(name: string): ServiceModel | number {
    let id: string;
    do id = `00000000-0000-4000-8000-${(++this.scanPackages).toString(16).padStart(12, '0')}`;
    while (this.registrations.has(id));
    return this.add({ ...BLANK, id, name, scanPackage: true, canRegisterWithAU: false });
  }

  remove(id: unknown): boolean {
    const service = this.find(id);
    if (service === undefined) return false;
    this.registered = this.registered.filter((one) => one !== service);
    this.note({ state: 'usrsNotRegistered', pendingWithAU: false, service });
    return true;
  }

  /** Automatic updates know one service at a time (ServiceRegisteredWithAU of 3.44.1). */
  registerWithAU(service: ServiceModel): void {
    this.registered = this.registered.map((one) => {
      const registeredWithAU = one.id === service.id;
      return one.registeredWithAU === registeredWithAU ? one : { ...one, registeredWithAU };
    });
  }

  /** The registration is to be completed when the agent reaches a service; false where too many are kept. */
  wait(service: ServiceModel, pendingWithAU: boolean): boolean {
    return this.note({ state: 'usrsRegistrationPending', pendingWithAU, service });
  }

  private note(registration: Registration): boolean {
    const key = keyOf(registration.service.id) ?? registration.service.id;
    if (this.registrations.size >= MAX_SERVICES * 2 && !this.registrations.has(key)) {
      const gone = [...this.registrations].find(([, { state }]) => state === 'usrsNotRegistered')?.[0];
      if (gone === undefined) return false;
      this.registrations.delete(gone);
    }
    this.registrations.set(key, registration);
    return true;
  }
}

/** An id as it is compared: in lower case, without braces; null for what is none. */
export function keyOf(id: unknown): string | null {
  return typeof id === 'string' && GUID.test(id) ? id.toLowerCase().replace(/[{}]/g, '') : null;
}

/** A service of which nothing else is known. */
const BLANK: Omit<ServiceModel, 'id' | 'name'> = {
  registered: false,
  managed: false,
  registeredWithAU: false,
  canRegisterWithAU: true,
  defaultAU: false,
  scanPackage: false,
  offersWindowsUpdates: false,
  issued: '2026-01-01T00:00:00',
  expires: '2035-01-01T00:00:00',
  url: '',
  redirects: [],
  prefix: '',
  certificate: '',
};
