import { E_NOINTERFACE } from '../../dcom/hresults.js';
import { readActivated, writeActivation } from '../../dcom/activation-properties.js';
import { PING_PERIOD_MS, QUERIED_REFERENCES, SORF_NOPING } from '../../dcom/names.js';
import { pingMethod, readSetId, writePing, type Ping } from '../../dcom/ping.js';
import { isReference, publicReferences, referenceFlags, standardReference, wantsPings } from '../../dcom/references.js';
import { readAlive, writeResolve } from '../../dcom/resolver.js';
import { commonVersion } from '../../dcom/version.js';
import { placeAt, portThere } from '../channel.js';
import { exporterIn, Exporters, levelFor, type Exporter } from '../exporters.js';
import { Members, type Slot } from '../members.js';
import { PingSet, type PingAnswer } from '../ping-set.js';
import {
  addReferences,
  queryInterfaces,
  releaseReferences,
  type CallRemUnknown,
  type QueryAnswer,
} from '../rem-unknown.js';
import type { TypedAnswer } from '../typed-calls.js';
import type { World } from '../world.js';
import { guidBytes } from '../../bytes/guid.js';
import type { Registry } from '../../ndr/codec.js';
import { asRecord, type Fields } from '../../ndr/value.js';
import type { AuthLevel, Problem, Value } from '../../types.js';
import { ClientCalls, errorFor, type Returned, type Route } from './calls.js';
import { ClientError, failed } from './error.js';
import { RemoteObject, type ObjectOwner, type HeldReference, type RemoteValue } from './object.js';
import { MAX_TOWERS, towerOf, towerPort } from './towers.js';

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
  /**
   * Objects are looked for at the host that their bindings name, if none of these is at the host that was dialled. The
   * credentials go there too.
   */
  readonly followBindings?: boolean;
  /** Hears of a ping that failed by itself: the server may let go what is held, unless the next one succeeds. */
  readonly onPingFailed?: (error: ClientError) => void;
}

/** Milliseconds a call may take unless told. */
export const DEFAULT_TIMEOUT_MS = 30_000;
/** Milliseconds that giving objects back may take: a server that does not answer keeps nobody from leaving. */
export const RELEASE_MS = 2000;
/** Objects held at once; a server that hands out more is not believed. */
export const MAX_HELD = 200_000;

/**
 * A DCOM client of one server: activates classes, calls their objects, keeps them alive and gives them back. Objects
 * are looked for at the host that was dialled, at the port their bindings name: a server cannot send the client, and
 * its credentials, elsewhere unless {@link ClientOptions.followBindings} says so.
 */
export class Client implements ObjectOwner {
  readonly options: ClientOptions;
  readonly members: Members;
  private readonly calls: ClientCalls;
  private readonly exporters = new Exporters();
  /** Exporters that the object resolver is being asked for, by OXID. */
  private readonly resolving = new Map<string, Promise<Exporter>>();
  private readonly objects = new Map<string, RemoteObject>();
  private readonly endpoints = new Map<string, number>();
  private readonly pings = new PingSet();
  private pinging: (() => void) | null = null;

  constructor(options: ClientOptions) {
    const { registry, world, timeoutMs = DEFAULT_TIMEOUT_MS, numbering = 'wire', onProblem } = options;
    this.options = options;
    this.members = new Members(registry);
    this.calls = new ClientCalls({
      registry,
      world,
      timeoutMs,
      numbering,
      ...(onProblem === undefined ? {} : { onProblem }),
    });
  }

  get registry(): Registry {
    return this.options.registry;
  }

  /** Objects that are held now. */
  get held(): readonly RemoteObject[] {
    return [...this.objects.values()];
  }

  /** Asks the object resolver whether it is there (ServerAlive2): its DCOM version and bindings. @throws ClientError */
  async alive(): Promise<{ readonly major: number; readonly minor: number; readonly bindings: Value }> {
    const { value } = await this.resolver('ServerAlive2', {});
    const { version, bindings } = readAlive(value);
    return { major: version?.MajorVersion ?? 0, minor: version?.MinorVersion ?? 0, bindings };
  }

  /**
   * Makes an object of a class (RemoteCreateInstance): a name of the tables, or a CLSID. `interfaces`, by name or IID,
   * are asked for at once and the first one that the object has is taken; unless told, the default interface of the
   * class and what it derives from, or IDispatch for late binding. @throws ClientError
   */
  async activate(className: string, interfaces?: readonly string[]): Promise<RemoteObject> {
    const { clsid, defaultInterface } = this.classNamed(className);
    const late = this.options.binding === 'late' || defaultInterface === null;
    const wanted = interfaces ?? (late ? ['IDispatch'] : this.members.chain(defaultInterface));
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
    const { defaultInterface } = this.classNamed(className);
    const factory = await this.classObject(className);
    const late = this.options.binding === 'late' || defaultInterface === null;
    const wanted = interfaceName ?? (late ? 'IDispatch' : defaultInterface);
    const made = await factory.call('CreateInstance', this.iid(wanted)).finally(() => factory.release());
    if (!(made instanceof RemoteObject))
      throw new ClientError('malformed', 'IClassFactory::CreateInstance handed out no object', {
        call: 'IClassFactory::CreateInstance',
      });
    return made;
  }

  /**
   * Keeps what is held alive, now; by itself the client does so every {@link PING_PERIOD_MS}. @throws ClientError
   */
  async ping(): Promise<void> {
    const held = this.held.filter((one) => wantsPings(one.reference)).map((one) => one.reference.oid);
    const error = await new Promise<ClientError | null>((resolve) => {
      this.pings.round<ClientError>(
        held,
        (ping, answered) => {
          this.sendPing(ping).then(answered, (thrown: unknown) =>
            answered({ failed: clientError(thrown), status: null }),
          );
        },
        resolve,
      );
    });
    if (error !== null) throw error;
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
      const exporter = await this.exporter(oxid).catch(() => null);
      if (exporter === null) continue;
      await new Promise<void>((resolve) => releaseReferences(this.remUnknown(RELEASE_MS), exporter, all, resolve));
    }
  }

  /** Gives everything back and ends all connections. Never throws. */
  async close(): Promise<void> {
    this.pinging?.();
    this.pinging = null;
    await this.release(this.held);
    this.calls.close();
  }

  /**
   * A call of an interface that is no object's: an RPC service, on `port` or where the endpoint mapper says. Values by
   * the names of its parameters; the return value is not judged. @throws ClientError
   */
  async rpc(interfaceName: string, method: string, params: Fields, port?: number): Promise<Returned> {
    const slot = this.slot(interfaceName, method);
    return this.calls.call(
      { place: portThere(port ?? (await this.map(interfaceName))), level: this.options.level },
      slot,
      params,
    );
  }

  /**
   * The TCP port of an RPC interface, asked of the endpoint mapper once (ept_map; [C706] appendix O). @throws
   * ClientError
   */
  async map(interfaceName: string): Promise<number> {
    const mapped = this.endpoints.get(interfaceName);
    if (mapped !== undefined) return mapped;
    const known = this.options.registry.interfaceByName(interfaceName)?.interface;
    if (known === undefined)
      throw new ClientError('usage', `${interfaceName} is no interface that is known: describe it with --idl`);
    const { value } = await this.calls.call(
      { place: portThere(this.options.port), level: 'none' },
      this.slot('ept', 'ept_map'),
      { obj: null, map_tower: towerOf(known), entry_handle: null, max_towers: MAX_TOWERS },
    );
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
  async invoke(reference: HeldReference, slot: Slot, params: Fields): Promise<Returned> {
    return this.calls.call(this.routeTo(await this.exporter(reference.oxid)), slot, params, reference.ipid);
  }

  /** Asks an object for interfaces (RemQueryInterface): those that it has. @throws ClientError */
  async queryInterface(object: RemoteObject, iids: readonly string[]): Promise<readonly RemoteObject[]> {
    const exporter = await this.exporter(object.reference.oxid);
    const answer = await new Promise<QueryAnswer>((resolve) =>
      queryInterfaces(this.remUnknown(), exporter, object.ipid, iids, resolve),
    );
    if (answer.kind === 'refused') throw failed(QUERY_TITLE, answer.result);
    if (answer.kind !== 'found') throw errorFor(QUERY_TITLE, answer);
    const found = await Promise.all(
      answer.references.map((one, at) =>
        one === null ? null : this.adopt({ ...one, kind: 'standard', iid: iids[at] ?? '' }),
      ),
    );
    return found.filter((one) => one instanceof RemoteObject);
  }

  /** Values of an answer with the references in them as objects that are held from now on. */
  async adopt(value: Value | Fields): Promise<RemoteValue> {
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
    if (Array.isArray(value)) return Promise.all((value as readonly Value[]).map((one) => this.adopt(one)));
    if (!isReference(value)) return value as Fields;
    const { ipid, oxid, oid, iid } = value;
    const known = this.objects.get(ipid);
    if (known === undefined && this.objects.size >= MAX_HELD)
      throw new ClientError('malformed', `the server hands out more than ${MAX_HELD} objects`);
    const references = publicReferences(value);
    const object =
      known ??
      new RemoteObject(this, {
        iid: String(iid),
        ipid,
        oxid,
        oid,
        flags: referenceFlags(value),
        bindings: asRecord(value)['bindings'] ?? null,
      });
    object.references += references;
    this.objects.set(ipid, object);
    if (object.references === 0) await this.addReferences(object);
    this.keepAlive();
    return object;
  }

  /** The OBJREF of an object that is handed to the server: one of its references goes with it ([MS-DCOM] 3.2.4.3). */
  async handOver(object: RemoteObject): Promise<Value> {
    if (object.references < 2) await this.addReferences(object);
    object.references--;
    const { iid, ipid, oxid, oid, flags, bindings } = object.reference;
    return standardReference(iid, { flags: flags & SORF_NOPING, cPublicRefs: 1, oxid, oid, ipid }, bindings);
  }

  /** IID of an interface by its name, or an IID itself. @throws ClientError */
  iid(nameOrIid: string): string {
    if (guidBytes(nameOrIid, true) !== null) return nameOrIid.replace(/[{}]/g, '').toLowerCase();
    const known = this.options.registry.interfaces.find(
      (one) => one.interface.name.toLowerCase() === nameOrIid.toLowerCase(),
    );
    if (known === undefined)
      throw new ClientError(
        'usage',
        `${nameOrIid} is no interface that is known: give its IID, or describe it with --idl`,
      );
    return known.interface.uuid;
  }

  // --- inside

  private async activated(
    method: 'RemoteCreateInstance' | 'RemoteGetClassObject',
    clsid: string,
    iids: readonly string[],
  ): Promise<RemoteObject> {
    const { port, level } = this.options;
    const title = `IRemoteSCMActivator::${method}`;
    const slot = this.slot('IRemoteSCMActivator', method);
    const params = writeActivation(clsid, iids, method === 'RemoteCreateInstance');
    const { value, result } = await this.calls.call({ place: portThere(port), level }, slot, params);
    if (result >>> 31 === 1) throw failed(title, result);
    const [exporter, activated] = [exporterIn(params, value, this.options.host), readActivated(value)];
    if (exporter === null || activated === null)
      throw new ClientError('malformed', `${title} was answered without a reference to an object`, { call: title });
    this.exporters.learn(this.usable(exporter));
    const adopted = await Promise.all(
      activated.map(({ hresult, reference }) => (hresult >>> 31 === 1 ? null : this.adopt(reference))),
    );
    const objects = adopted.filter((one) => one instanceof RemoteObject);
    // In the order that was asked for: a server may answer in another.
    const found = iids.map((iid) => objects.find((one) => one.reference.iid === iid)).find((one) => one !== undefined);
    if (found === undefined) throw failed(title, activated[0]?.hresult ?? E_NOINTERFACE);
    found.beside(objects);
    return found;
  }

  /** An exporter that names a port. @throws ClientError */
  private usable(exporter: Exporter): Exporter {
    if (exporter.port === null) throw new ClientError('malformed', 'the server named no TCP port for its objects');
    return exporter;
  }

  private routeTo(exporter: Exporter): Route {
    const { port, elsewhere } = exporter;
    return {
      place: placeAt({ port: port ?? 0, elsewhere }, this.options.followBindings === true),
      level: levelFor(this.options.level, exporter),
      version: commonVersion(exporter.version),
    };
  }

  private exporter(oxid: string): Promise<Exporter> {
    const known = this.exporters.get(oxid);
    if (known !== null) return Promise.resolve(known);
    let asked = this.resolving.get(oxid);
    if (asked === undefined) {
      asked = this.resolve(oxid).finally(() => this.resolving.delete(oxid));
      this.resolving.set(oxid, asked);
    }
    return asked;
  }

  /** Asks the object resolver where an exporter listens (ResolveOxid2). */
  private async resolve(oxid: string): Promise<Exporter> {
    const request = writeResolve(oxid);
    const { value, result } = await this.resolver('ResolveOxid2', request);
    if (result !== 0) throw failed('IObjectExporter::ResolveOxid2', result);
    const exporter = exporterIn(request, value, this.options.host);
    if (exporter === null) throw new ClientError('malformed', 'the answer to ResolveOxid2 names no exporter');
    this.usable(exporter);
    this.exporters.learn(exporter);
    return exporter;
  }

  private async addReferences(object: RemoteObject): Promise<void> {
    const exporter = await this.exporter(object.reference.oxid);
    const answer = await new Promise<TypedAnswer>((resolve) =>
      addReferences(this.remUnknown(), exporter, object.ipid, resolve),
    );
    const { result } = this.calls.returned('IRemUnknown::RemAddRef', answer);
    if (result !== 0) throw failed('IRemUnknown::RemAddRef', result);
    object.references += QUERIED_REFERENCES;
  }

  private remUnknown(mostMs?: number): CallRemUnknown {
    return (exporter, method, params, done) => {
      this.calls
        .answer(this.routeTo(exporter), this.slot('IRemUnknown', method), params, exporter.ipidRemUnknown, mostMs)
        .then(done, (thrown: unknown) =>
          done({ kind: 'failed', cause: 'usage', message: clientError(thrown).message }),
        );
    };
  }

  private async sendPing(ping: Ping): Promise<PingAnswer<ClientError>> {
    const method = pingMethod(ping);
    const { value, result } = await this.resolver(method, writePing(ping));
    if (result !== 0) return { failed: failed(`IObjectExporter::${method}`, result), status: result };
    return { setId: readSetId(value) ?? ping.setId };
  }

  private resolver(method: string, params: Fields): Promise<Returned> {
    const { port, level } = this.options;
    return this.calls.call({ place: portThere(port), level }, this.slot('IObjectExporter', method), params);
  }

  private slot(interfaceName: string, method: string): Slot {
    const slot = this.members.find(interfaceName, method, 'call');
    if (slot === null) throw new ClientError('usage', `the tables lack ${interfaceName}::${method}`);
    return slot;
  }

  private classNamed(nameOrClsid: string): { readonly clsid: string; readonly defaultInterface: string | null } {
    const wanted = nameOrClsid.replace(/[{}]/g, '').toLowerCase();
    const known = this.options.registry.specifications
      .flatMap((one) => one.classes)
      .find((one) => one.clsid === wanted || one.name.toLowerCase() === wanted.replace(/^clsid_/, ''));
    if (known !== undefined) return { clsid: known.clsid, defaultInterface: known.interface };
    if (guidBytes(wanted, true) === null)
      throw new ClientError('usage', `${nameOrClsid} is no class that is known: give its CLSID`);
    return { clsid: wanted, defaultInterface: null };
  }

  private keepAlive(): void {
    if (this.pinging !== null) return;
    this.pinging = this.options.world.after(PING_PERIOD_MS, () => {
      this.pinging = null;
      this.ping().catch((error: unknown) => this.options.onPingFailed?.(clientError(error)));
      if (this.objects.size > 0) this.keepAlive();
    });
  }
}

const QUERY_TITLE = 'IRemUnknown::RemQueryInterface';

/** An error of the client as it is; whatever else was thrown is a mistake of ours and goes on. */
function clientError(thrown: unknown): ClientError {
  if (thrown instanceof ClientError) return thrown;
  throw thrown;
}
