import {
  activationAnswer,
  activationRequest,
  commonVersion,
  comVersion,
  portOf,
  type Activated,
  type ComVersion,
} from './activation.js';
import { isBag } from './arguments.js';
import { ClientError, failed } from './error.js';
import { Members, type Slot } from './members.js';
import { MAX_TOWERS, towerOf, towerPort } from './towers.js';
import type { World } from '../world.js';
import { GUID_NULL, guidBytes } from '../../bytes/guid.js';
import type { Fields, Registry } from '../../ndr/codec.js';
import type { AuthLevel, Problem, Value } from '../../types.js';
import { RemoteObject, type Reference } from './object.js';
import { Wire, type Answered } from './wire.js';

/** How a client is to work. */
export interface ClientOptions {
  readonly registry: Registry;
  readonly world: World;
  /** Name or address of the server, and the port of its object resolver (135 on Windows). */
  readonly host: string;
  readonly port: number;
  /** How calls are protected; raised to what the server asks for at activation, unless it is `none`. */
  readonly level: AuthLevel;
  /** Calls by opnum on the interfaces of the tables, or all by name through IDispatch. */
  readonly binding: 'early' | 'late';
  readonly timeoutMs?: number;
  readonly numbering?: 'wire' | 'printed';
  readonly onProblem?: (call: string, problem: Problem) => void;
}

/** Milliseconds a call may take unless told. */
export const DEFAULT_TIMEOUT_MS = 30_000;
/** Milliseconds between two pings of what is held ([MS-DCOM] 3.2.1, pingPeriod). */
export const PING_MS = 120_000;
/** References given back in one RemRelease. */
export const MAX_RELEASED = 256;
/** Milliseconds that giving objects back may take: a server that does not answer keeps nobody from leaving. */
export const RELEASE_MS = 2000;
/** Objects held at once; a server that hands out more is not believed. */
export const MAX_HELD = 200_000;
/** Public references asked for at once. */
const REFERENCES = 5;
/** Authentication levels by number ([MS-RPCE] 2.2.1.1.8). */
const LEVELS: readonly AuthLevel[] = ['default', 'none', 'connect', 'call', 'packet', 'integrity', 'privacy'];
const SORF_NOPING = 0x1000;
const NO_SET = '0x0000000000000000';

/** An object exporter of the server. */
interface Exporter {
  readonly oxid: string;
  readonly ipidRemUnknown: string;
  readonly port: number;
  readonly level: AuthLevel;
  readonly version: ComVersion;
}

/**
 * A DCOM client of one server: activates classes, calls their objects, keeps them alive and gives them back. Objects
 * are looked for
 * at the host that was dialled, at the port their bindings name: a server cannot send the client, and its credentials,
 * elsewhere.
 */
export class Client {
  readonly options: ClientOptions;
  readonly members: Members;
  private readonly wire: Wire;
  private readonly exporters = new Map<string, Promise<Exporter>>();
  private readonly objects = new Map<string, RemoteObject>();
  private readonly endpoints = new Map<string, number>();
  private pingSet = { id: NO_SET, sequence: 0, members: new Set<string>() };
  private pinging: (() => void) | null = null;

  constructor(options: ClientOptions) {
    const { registry, world, timeoutMs = DEFAULT_TIMEOUT_MS, numbering = 'wire', onProblem } = options;
    this.options = options;
    this.members = new Members(registry);
    this.wire = new Wire({ registry, world, timeoutMs, numbering, ...(onProblem === undefined ? {} : { onProblem }) });
  }

  /** Objects that are held now. */
  get held(): readonly RemoteObject[] {
    return [...this.objects.values()];
  }

  /** Asks the object resolver whether it is there (ServerAlive2): its DCOM version and bindings. @throws ClientError */
  async alive(): Promise<{ readonly major: number; readonly minor: number; readonly bindings: Value }> {
    const { value } = await this.resolver('ServerAlive2', {});
    const version = isBag(value['pComVersion']) ? value['pComVersion'] : {};
    return {
      major: Number(version['MajorVersion'] ?? 0),
      minor: Number(version['MinorVersion'] ?? 0),
      bindings: value['ppdsaOrBindings'] ?? null,
    };
  }

  /**
   * Makes an object of a class (RemoteCreateInstance): a name of the tables, or a CLSID. `interfaces`, by name or IID,
   * are asked for
   * at once and the first one that the object has is taken; unless told, the default interface of the class and what it
   * derives
   * from, or IDispatch for late binding. @throws ClientError
   */
  async activate(className: string, interfaces?: readonly string[]): Promise<RemoteObject> {
    const { clsid, face } = this.classNamed(className);
    const wanted =
      interfaces ?? (this.options.binding === 'late' || face === null ? ['IDispatch'] : this.members.chain(face));
    return this.activated(
      'RemoteCreateInstance',
      clsid,
      wanted.map((one) => this.iid(one)),
    );
  }

  /**
   * The class object of a class (RemoteGetClassObject): call `CreateInstance` of it, or {@link createInstance}. @throws
   * ClientError
   */
  async classObject(className: string): Promise<RemoteObject> {
    return this.activated('RemoteGetClassObject', this.classNamed(className).clsid, [this.iid('IClassFactory')]);
  }

  /** Makes an object of a class through its class object, which is given back. @throws ClientError */
  async createInstance(className: string, interfaceName?: string): Promise<RemoteObject> {
    const { face } = this.classNamed(className);
    const factory = await this.classObject(className);
    const wanted = interfaceName ?? (this.options.binding === 'late' || face === null ? 'IDispatch' : face);
    const made = await factory.call('CreateInstance', this.iid(wanted)).finally(() => factory.release());
    if (!(made instanceof RemoteObject))
      throw new ClientError('malformed', 'IClassFactory::CreateInstance handed out no object', {
        call: 'IClassFactory::CreateInstance',
      });
    return made;
  }

  /** Keeps what is held alive, now; by itself the client does so every {@link PING_MS}. @throws ClientError */
  async ping(): Promise<void> {
    const due = new Set(
      this.held.filter((one) => (one.reference.flags & SORF_NOPING) === 0).map((one) => one.reference.oid),
    );
    const { members } = this.pingSet;
    const [added, gone] = [[...due].filter((oid) => !members.has(oid)), [...members].filter((oid) => !due.has(oid))];
    if (added.length === 0 && gone.length === 0) {
      if (this.pingSet.id === NO_SET) return;
      const { result } = await this.resolver('SimplePing', { pSetId: this.pingSet.id });
      if (result === 0) return;
      // The server forgot the set: another is made of all that is held.
      this.pingSet = { id: NO_SET, sequence: 0, members: new Set() };
      if (due.size > 0) await this.ping();
      return;
    }
    const sequence = (this.pingSet.sequence + 1) & 0xffff;
    const { value, result } = await this.resolver('ComplexPing', {
      pSetId: this.pingSet.id,
      SequenceNum: sequence,
      cAddToSet: added.length,
      cDelFromSet: gone.length,
      AddToSet: added.length === 0 ? null : added,
      DelFromSet: gone.length === 0 ? null : gone,
    });
    if (result !== 0) throw failed('IObjectExporter::ComplexPing', result);
    this.pingSet = { id: String(value['pSetId']), sequence, members: due };
  }

  /** Gives objects back (RemRelease). What the server says to it changes nothing. */
  async release(objects: readonly RemoteObject[]): Promise<void> {
    const byOxid = new Map<string, RemoteObject[]>();
    for (const one of objects) {
      if (this.objects.get(one.ipid) !== one) continue;
      this.objects.delete(one.ipid);
      byOxid.set(one.reference.oxid, [...(byOxid.get(one.reference.oxid) ?? []), one]);
    }
    for (const [oxid, all] of byOxid) {
      for (let at = 0; at < all.length; at += MAX_RELEASED) {
        const refs = all
          .slice(at, at + MAX_RELEASED)
          .map((one) => ({ ipid: one.ipid, cPublicRefs: one.references, cPrivateRefs: 0 }));
        await this.remUnknown(
          oxid,
          'RemRelease',
          { cInterfaceRefs: refs.length, InterfaceRefs: refs },
          RELEASE_MS,
        ).catch(ignored);
      }
    }
  }

  /** Gives everything back and ends all connections. Never throws. */
  async close(): Promise<void> {
    this.pinging?.();
    this.pinging = null;
    await this.release(this.held);
    this.wire.close();
  }

  /**
   * A call of an interface that is no object's: an RPC service, on `port` or where the endpoint mapper says. Values by
   * the names of
   * its parameters; the return value is not judged. @throws ClientError
   */
  async rpc(interfaceName: string, method: string, params: Fields, port?: number): Promise<Answered> {
    const slot = this.slot(interfaceName, method);
    return this.wire.call({ port: port ?? (await this.map(interfaceName)), level: this.options.level }, slot, params);
  }

  /**
   * The TCP port of an RPC interface, asked of the endpoint mapper once (ept_map; [C706] appendix O). @throws
   * ClientError
   */
  async map(interfaceName: string): Promise<number> {
    const known = this.endpoints.get(interfaceName);
    if (known !== undefined) return known;
    const face = this.options.registry.interfaceByName(interfaceName)?.interface;
    if (face === undefined)
      throw new ClientError('usage', `${interfaceName} is no interface that is known: describe it with --idl`);
    const { value } = await this.wire.call({ port: this.options.port, level: 'none' }, this.slot('ept', 'ept_map'), {
      obj: null,
      map_tower: towerOf(face),
      entry_handle: null,
      max_towers: MAX_TOWERS,
    });
    const port = towerPort(value['ITowers'] ?? null);
    if (port === null)
      throw new ClientError('refused', `the endpoint mapper knows no TCP port of ${interfaceName}`, {
        call: 'ept::ept_map',
        ...(typeof value['status'] === 'number' ? { status: value['status'] } : {}),
      });
    this.endpoints.set(interfaceName, port);
    return port;
  }

  // --- what objects use

  /** Makes a call on an object; the return value is not judged. @throws ClientError */
  async invoke(reference: Reference, slot: Slot, params: Fields): Promise<Answered> {
    return this.wire.call(await this.exporter(reference.oxid), slot, params, reference.ipid);
  }

  /** Asks an object for interfaces (RemQueryInterface): those that it has. @throws ClientError */
  async queryInterface(object: RemoteObject, iids: readonly string[]): Promise<readonly RemoteObject[]> {
    const { oxid } = object.reference;
    const { value, result } = await this.remUnknown(oxid, 'RemQueryInterface', {
      ripid: object.ipid,
      cRefs: REFERENCES,
      cIids: iids.length,
      iids: [...iids],
    });
    const results = Array.isArray(value['ppQIResults']) ? (value['ppQIResults'] as readonly Value[]) : [];
    const found = await Promise.all(
      results.slice(0, iids.length).map(async (one, at) => {
        const std = isBag(one) && Number(one['hResult']) >>> 31 === 0 ? one['std'] : null;
        return isBag(std) && std['ipid'] !== GUID_NULL
          ? this.adopt({ ...std, kind: 'standard', iid: iids[at] ?? '' })
          : null;
      }),
    );
    const objects = found.filter((one) => one instanceof RemoteObject);
    if (objects.length === 0 && result >>> 31 === 1 && result !== E_NOINTERFACE)
      throw failed('IRemUnknown::RemQueryInterface', result);
    return objects;
  }

  /** Values of an answer with the references in them as objects that are held from now on. */
  async adopt(value: Value | Fields): Promise<RemoteValue> {
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
    if (Array.isArray(value)) return Promise.all((value as readonly Value[]).map((one) => this.adopt(one)));
    const bag = value as Fields;
    const { ipid, oxid, oid, iid } = bag;
    if (typeof ipid !== 'string' || typeof oxid !== 'string' || typeof oid !== 'string') return bag;
    const known = this.objects.get(ipid);
    if (known === undefined && this.objects.size >= MAX_HELD)
      throw new ClientError('malformed', `the server hands out more than ${MAX_HELD} objects`);
    const references = Number(bag['cPublicRefs'] ?? 0);
    const object =
      known ??
      new RemoteObject(this, {
        iid: String(iid),
        ipid,
        oxid,
        oid,
        flags: Number(bag['flags'] ?? 0),
        bindings: bag['bindings'] ?? null,
      });
    object.references += references;
    this.objects.set(ipid, object);
    if (object.references === 0) await this.addReferences(object, REFERENCES);
    this.keepAlive();
    return object;
  }

  /** The OBJREF of an object that is handed to the server: one of its references goes with it ([MS-DCOM] 3.2.4.3). */
  async handOver(object: RemoteObject): Promise<Value> {
    if (object.references < 2) await this.addReferences(object, REFERENCES);
    object.references--;
    const { iid, ipid, oxid, oid, flags, bindings } = object.reference;
    return {
      iid,
      kind: 'standard',
      flags: flags & SORF_NOPING,
      cPublicRefs: 1,
      oxid,
      oid,
      ipid,
      bindings: bindings ?? { stringBindings: [], securityBindings: [] },
    };
  }

  /** IID of an interface by its name, or an IID itself. @throws ClientError */
  iid(nameOrIid: string): string {
    if (guidBytes(nameOrIid, true) !== null) return nameOrIid.replace(/[{}]/g, '').toLowerCase();
    const face = this.options.registry.interfaces.find(
      (one) => one.interface.name.toLowerCase() === nameOrIid.toLowerCase(),
    );
    if (face === undefined)
      throw new ClientError(
        'usage',
        `${nameOrIid} is no interface that is known: give its IID, or describe it with --idl`,
      );
    return face.interface.uuid;
  }

  // --- inside

  private async activated(
    method: 'RemoteCreateInstance' | 'RemoteGetClassObject',
    clsid: string,
    iids: readonly string[],
  ): Promise<RemoteObject> {
    const { port, level } = this.options;
    const title = `IRemoteSCMActivator::${method}`;
    const { value, result } = await this.wire.call({ port, level }, this.slot('IRemoteSCMActivator', method), {
      ...(method === 'RemoteCreateInstance' ? { pUnkOuter: null } : {}),
      pActProperties: activationRequest(clsid, iids),
    });
    if (result >>> 31 === 1) throw failed(title, result);
    const answer = activationAnswer(value['ppActProperties'] ?? null);
    if (answer === null)
      throw new ClientError('malformed', `${title} was answered without a reference to an object`, { call: title });
    this.exporters.set(answer.oxid, Promise.resolve(this.exporterOf(answer)));
    const adopted = await Promise.all(
      answer.results.map(({ hresult, reference }) => (hresult >>> 31 === 1 ? null : this.adopt(reference))),
    );
    const objects = adopted.filter((one) => one instanceof RemoteObject);
    // In the order that was asked for: a server may answer in another.
    const found = iids.map((iid) => objects.find((one) => one.reference.iid === iid)).find((one) => one !== undefined);
    if (found === undefined) throw failed(title, answer.results[0]?.hresult ?? E_NOINTERFACE);
    found.beside(objects);
    return found;
  }

  private exporterOf({ oxid, ipidRemUnknown, bindings, authnHint, version }: Activated): Exporter {
    const { host, level } = this.options;
    const port = portOf(bindings, host);
    if (port === null) throw new ClientError('malformed', 'the server named no TCP port for its objects');
    const wanted = Math.max(LEVELS.indexOf(level), Math.min(authnHint, LEVELS.length - 1));
    return {
      oxid,
      ipidRemUnknown,
      port,
      level: level === 'none' ? level : (LEVELS[wanted] ?? level),
      version: commonVersion(version),
    };
  }

  private exporter(oxid: string): Promise<Exporter> {
    let known = this.exporters.get(oxid);
    if (known === undefined) {
      known = this.resolve(oxid);
      this.exporters.set(oxid, known);
      known.catch(() => this.exporters.delete(oxid));
    }
    return known;
  }

  /** Asks the object resolver where an exporter listens (ResolveOxid2). */
  private async resolve(oxid: string): Promise<Exporter> {
    const { value, result } = await this.resolver('ResolveOxid2', {
      pOxid: oxid,
      cRequestedProtseqs: 1,
      arRequestedProtseqs: [7],
    });
    if (result !== 0) throw failed('IObjectExporter::ResolveOxid2', result);
    return this.exporterOf({
      oxid,
      ipidRemUnknown: String(value['pipidRemUnknown']),
      authnHint: Number(value['pAuthnHint'] ?? 0),
      bindings: value['ppdsaOxidBindings'] ?? null,
      version: comVersion(value['pComVersion']),
      results: [],
    });
  }

  private async addReferences(object: RemoteObject, count: number): Promise<void> {
    const { result } = await this.remUnknown(object.reference.oxid, 'RemAddRef', {
      cInterfaceRefs: 1,
      InterfaceRefs: [{ ipid: object.ipid, cPublicRefs: count, cPrivateRefs: 0 }],
    });
    if (result !== 0) throw failed('IRemUnknown::RemAddRef', result);
    object.references += count;
  }

  private async remUnknown(oxid: string, method: string, params: Fields, mostMs?: number): Promise<Answered> {
    const exporter = await this.exporter(oxid);
    return this.wire.call(exporter, this.slot('IRemUnknown', method), params, exporter.ipidRemUnknown, mostMs);
  }

  private resolver(method: string, params: Fields): Promise<Answered> {
    const { port, level } = this.options;
    return this.wire.call({ port, level }, this.slot('IObjectExporter', method), params);
  }

  private slot(face: string, method: string): Slot {
    const slot = this.members.find(face, method, 'call');
    if (slot === null) throw new ClientError('usage', `the tables lack ${face}::${method}`);
    return slot;
  }

  private classNamed(nameOrClsid: string): { readonly clsid: string; readonly face: string | null } {
    const wanted = nameOrClsid.replace(/[{}]/g, '').toLowerCase();
    const known = this.options.registry.specifications
      .flatMap((one) => one.classes)
      .find((one) => one.clsid === wanted || one.name.toLowerCase() === wanted.replace(/^clsid_/, ''));
    if (known !== undefined) return { clsid: known.clsid, face: known.interface };
    if (guidBytes(wanted, true) === null)
      throw new ClientError('usage', `${nameOrClsid} is no class that is known: give its CLSID`);
    return { clsid: wanted, face: null };
  }

  private keepAlive(): void {
    if (this.pinging !== null) return;
    this.pinging = this.options.world.after(PING_MS, () => {
      this.pinging = null;
      // A ping that fails shows in the calls that follow.
      this.ping().catch(ignored);
      if (this.objects.size > 0) this.keepAlive();
    });
  }
}

/** A value of a call: what the tables' codecs show, with references as objects. */
export type RemoteValue = Value | RemoteObject | readonly RemoteValue[] | { readonly [name: string]: RemoteValue };

const E_NOINTERFACE = 0x8000_4002;

function ignored(): void {
  // Nothing hangs on it.
}
