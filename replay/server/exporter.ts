import { spanOf } from '../../src/bytes/block.js';
import type { Fields, Registry, ResolvedInterface } from '../../src/ndr/codec.js';
import type { Method, Type } from '../../src/ndr/types.js';
import type { Value } from '../../src/types.js';
import type { Answer, ServedRequest } from './association.js';
import { Automation } from './automation.js';
import { E_ACCESSDENIED, E_INVALIDARG, E_NOINTERFACE, E_NOTIMPL, isEnumerator, isServed, REGDB_E_CLASSNOTREG, RPC_E_DISCONNECTED, S_FALSE, S_OK, type Outcome, type ServedClass, type ServedObject, type ServedValue } from './dispatch.js';
import { enumerate } from './enumerator.js';

/** Named bounds of a server; docs/limits.md. */
export const SERVER_LIMITS = { objects: 100_000, pingSets: 4096, pingMembers: 100_000 } as const;

export interface ExporterOptions {
  readonly registry: Registry;
  readonly classes: readonly ServedClass[];
  /** Names and addresses that OBJREFs give for the server, without port. */
  readonly addresses: readonly string[];
  /** Port of the objects. */
  readonly port: number;
  /** Randomness for identifiers. */
  readonly random: (size: number) => Uint8Array;
  /** Opnums as slots, or as [MS-UAMG] prints them. */
  readonly numbering: 'wire' | 'printed';
  /** Least auth_level of calls on objects and activations; 1 for any. */
  readonly minLevel: number;
}

/** An object with its identity on the wire. */
interface Exported {
  readonly object: ServedObject;
  readonly oid: string;
  /** IPID by IID. */
  readonly ipids: Map<string, string>;
  references: number;
}

interface Facet {
  readonly exported: Exported;
  readonly iid: string;
  /** Name of the interface. */
  readonly name: string;
}

const LITTLE = { littleEndian: true, syntax: 'ndr20' } as const;
const BIG = { littleEndian: false, syntax: 'ndr20' } as const;
const NIL = '00000000-0000-0000-0000-000000000000';
const IID_IUNKNOWN = '00000000-0000-0000-c000-000000000046';
const IID_IDISPATCH = '00020400-0000-0000-c000-000000000046';
const PUBLIC_REFS = 5;
const NCA_OP_RNG = 0x1c010002;
const NCA_UNK_IF = 0x1c010003;
const RPC_X_BAD_STUB_DATA = 0x6f7;
const ERROR_INVALID_SET = 0x80070057;

/** An object exporter with its object resolver and activator ([MS-DCOM] 3.1): requests in, answers out; no socket. */
export class Exporter {
  private readonly options: ExporterOptions;
  private readonly registry: Registry;
  private readonly automation: Automation;
  private readonly oxid: string;
  private readonly ipidRemUnknown: string;
  private readonly byIpid = new Map<string, Facet>();
  private readonly byOid = new Map<string, Exported>();
  private readonly byObject = new Map<ServedObject, Exported>();
  private readonly pingSets = new Map<string, Set<string>>();

  constructor(options: ExporterOptions) {
    this.options = options;
    this.registry = options.registry;
    this.automation = new Automation(options.registry);
    this.oxid = this.id64();
    this.ipidRemUnknown = this.guid();
  }

  /** Objects that are exported now. */
  get size(): number {
    return this.byOid.size;
  }

  serves(uuid: string): boolean {
    return this.registry.interfaceByUuid(uuid) !== null;
  }

  /** Answers a request. */
  dispatch(request: ServedRequest): Answer {
    const resolved = this.registry.interfaceByUuid(request.abstract.uuid);
    if (resolved === null) return { fault: NCA_UNK_IF };
    const slot = resolved.slots[this.slotOf(resolved, request.opnum)];
    const encoding = request.littleEndian ? LITTLE : BIG;
    const codec = slot == null ? null : this.registry.method(resolved.interface.uuid, slot.method.opnum, encoding);
    if (slot == null || slot.method.notUsedOnWire === true || codec === null) return { fault: NCA_OP_RNG };
    const { value, problems } = codec.request.decode(spanOf(request.stub));
    if (problems.some((problem) => problem.code !== 'ndr-trailing')) return { fault: RPC_X_BAD_STUB_DATA };
    const outcome = this.perform(request, resolved, slot.method, slot.owner.name, value);
    if (outcome.drop === true) return 'drop';
    if (outcome.fault !== undefined) return { fault: outcome.fault };
    const filled: { [name: string]: Value } = {};
    for (const param of slot.method.params ?? []) {
      if (param.direction === 'in') continue;
      filled[param.name] = this.wire(outcome.out?.[param.name], param.type, value, param.name);
    }
    const header = resolved.interface.orpc || filled['orpcthat'] !== undefined ? { orpcthat: { flags: 0, extensions: null } } : {};
    return { stub: codec.response.encode({ ...filled, ...header, return: outcome.hresult }, { request: value }) };
  }

  private perform(request: ServedRequest, resolved: ResolvedInterface, method: Method, owner: string, value: Fields): Outcome {
    switch (owner) {
      case 'IObjectExporter': return this.resolver(method.name, value);
      case 'IRemoteSCMActivator': return request.authLevel < this.options.minLevel ? { hresult: E_ACCESSDENIED } : this.activate(method.name, value, request.authLevel);
      case 'ept': return this.endpoint(method.name, value);
      case 'IRemUnknown': case 'IRemUnknown2': return this.remUnknown(method.name, value);
      default: break;
    }
    if (request.authLevel < this.options.minLevel) return { hresult: 0, fault: 5 };
    const facet = request.object === null ? undefined : this.byIpid.get(request.object);
    if (facet === undefined) return { hresult: 0, fault: RPC_E_DISCONNECTED };
    const { object } = facet.exported;
    if (owner === 'IDispatch') return this.automation.call(object, method.name, this.given(value));
    if (!object.interfaces.some((name) => this.derives(name, resolved.interface.name))) return { hresult: E_NOINTERFACE };
    return object.call(owner, method.name, method.member, this.given(value));
  }

  /** Slot of an opnum on the wire: a server written from the printed numbers expects those. */
  private slotOf(resolved: ResolvedInterface, opnum: number): number {
    if (this.options.numbering === 'wire') return opnum;
    const at = resolved.slots.findIndex((slot) => slot !== null && slot.owner.spec === 'MS-UAMG' && slot.method.printedOpnum === opnum);
    return at < 0 ? opnum : at;
  }

  /** Arguments with references to our own objects resolved. */
  private given(value: Fields): { readonly [name: string]: ServedValue } {
    const resolve = (item: Value): ServedValue => {
      if (item === null || typeof item !== 'object' || Array.isArray(item) || item instanceof Uint8Array) return item;
      const bag = item as Fields;
      if (typeof bag['ipid'] === 'string' && typeof bag['oxid'] === 'string') return this.byIpid.get(bag['ipid'])?.exported.object ?? null;
      if ('vt' in bag && typeof bag['value'] === 'object' && bag['value'] !== null) return { ...bag, value: resolve(bag['value']) } as unknown as Value;
      return item;
    };
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, name === 'pDispParams' || name === 'rgVarRef' ? (this.variants(item, resolve) as ServedValue) : resolve(item)]));
  }

  private variants(item: Value, resolve: (value: Value) => ServedValue): unknown {
    if (Array.isArray(item)) return item.map((one) => resolve(one as Value));
    if (item === null || typeof item !== 'object' || item instanceof Uint8Array) return item;
    const bag = item as Fields;
    return Array.isArray(bag['rgvarg']) ? { ...bag, rgvarg: (bag['rgvarg'] as readonly Value[]).map(resolve) } : bag;
  }

  // --- activation ([MS-DCOM] 3.1.2.5.2)

  private activate(name: string, value: Fields, authLevel: number): Outcome {
    const properties = list(bag(bag(value['pActProperties'])['activation'])['properties']).map((one) => bag(bag(one)['value']));
    const info = properties.find((one) => typeof one['classId'] === 'string');
    const clsid = info?.['classId'];
    const iids = list(info?.['pIID']).filter((iid): iid is string => typeof iid === 'string');
    const served = this.options.classes.find((one) => one.clsid === clsid);
    if (served === undefined) return { hresult: REGDB_E_CLASSNOTREG };
    if (this.byOid.size >= SERVER_LIMITS.objects) return { hresult: 0x8007000e };
    const object: ServedObject = name === 'RemoteGetClassObject' ? factoryOf(served) : served.create();
    const results = iids.map((iid) => this.reference(object, iid));
    if (results.length === 0 || results.every((one) => one === null)) return { hresult: E_NOINTERFACE };
    const comVersion = { MajorVersion: 5, MinorVersion: 7 };
    const outClsid = '00000339-0000-0000-c000-000000000046';
    return {
      hresult: S_OK,
      out: {
        ppActProperties: {
          iid: '000001a3-0000-0000-c000-000000000046', kind: 'custom', clsid: outClsid, cbExtension: 0,
          activation: {
            dwReserved: 0, destCtx: 2,
            properties: [
              { clsid: outClsid, value: { cIfs: iids.length, piid: iids, phresults: results.map((one) => (one === null ? E_NOINTERFACE : 0)), ppIntfData: results } },
              {
                clsid: '000001b6-0000-0000-c000-000000000046',
                value: { pdwReserved: null, remoteReply: { Oxid: this.oxid, pdsaOxidBindings: this.bindings(true), ipidRemUnknown: this.ipidRemUnknown, authnHint: Math.max(this.options.minLevel, authLevel), serverVersion: comVersion } },
              },
            ],
          },
        },
      },
    };
  }

  // --- object resolver ([MS-DCOM] 3.1.2.5.1)

  private resolver(name: string, value: Fields): Outcome {
    switch (name) {
      case 'ServerAlive': return { hresult: S_OK };
      case 'ServerAlive2': return { hresult: S_OK, out: { pComVersion: { MajorVersion: 5, MinorVersion: 7 }, ppdsaOrBindings: this.bindings(false), pReserved: 0 } };
      case 'ResolveOxid': case 'ResolveOxid2':
        if (value['pOxid'] !== this.oxid) return { hresult: 0x776 };
        return { hresult: S_OK, out: { ppdsaOxidBindings: this.bindings(true), pipidRemUnknown: this.ipidRemUnknown, pAuthnHint: Math.max(this.options.minLevel, 5), pComVersion: { MajorVersion: 5, MinorVersion: 7 } } };
      case 'SimplePing': return { hresult: this.pingSets.has(String(value['pSetId'])) ? S_OK : ERROR_INVALID_SET };
      case 'ComplexPing': return this.complexPing(value);
      default: return { hresult: E_NOTIMPL };
    }
  }

  private complexPing(value: Fields): Outcome {
    let setId = String(value['pSetId']);
    let set = this.pingSets.get(setId);
    if (/^0x0+$/.test(setId)) {
      if (this.pingSets.size >= SERVER_LIMITS.pingSets) return { hresult: 0x8007000e, out: { pSetId: setId } };
      setId = this.id64();
      set = new Set();
      this.pingSets.set(setId, set);
    }
    if (set === undefined) return { hresult: ERROR_INVALID_SET, out: { pSetId: setId } };
    for (const oid of list(value['AddToSet'])) if (set.size < SERVER_LIMITS.pingMembers) set.add(String(oid));
    for (const oid of list(value['DelFromSet'])) set.delete(String(oid));
    return { hresult: S_OK, out: { pSetId: setId, pPingBackoffFactor: 0 } };
  }

  private endpoint(name: string, value: Fields): Outcome {
    if (name !== 'ept_map') return { hresult: 0, fault: NCA_OP_RNG };
    const floors = list(bag(value['map_tower'])['floors']).map((floor) => bag(floor));
    const made = floors.map((floor) => (typeof floor['port'] === 'number' ? { ...floor, port: this.options.port } : floor));
    return { hresult: S_OK, out: { entry_handle: value['entry_handle'] ?? null, num_towers: 1, ITowers: [{ floors: made } as unknown as Value], status: 0 } };
  }

  // --- IRemUnknown ([MS-DCOM] 3.1.1.5.6)

  private remUnknown(name: string, value: Fields): Outcome {
    if (name === 'RemQueryInterface') {
      const facet = this.byIpid.get(String(value['ripid']));
      if (facet === undefined) return { hresult: 0x80010113, out: { ppQIResults: null } };
      const results = list(value['iids']).map((iid) => {
        const std = this.std(facet.exported.object, String(iid), Number(value['cRefs'] ?? PUBLIC_REFS));
        return std === null ? { hResult: E_NOINTERFACE, std: { flags: 0, cPublicRefs: 0, oxid: ZERO64, oid: ZERO64, ipid: NIL } } : { hResult: S_OK, std };
      });
      const failed = results.filter((one) => one.hResult !== S_OK).length;
      return { hresult: failed === 0 ? S_OK : failed === results.length ? E_NOINTERFACE : S_FALSE, out: { ppQIResults: results } };
    }
    if (name === 'RemQueryInterface2') {
      const facet = this.byIpid.get(String(value['ripid']));
      const references = list(value['iids']).map((iid) => (facet === undefined ? null : this.reference(facet.exported.object, String(iid))));
      return { hresult: S_OK, out: { phr: references.map((one) => (one === null ? E_NOINTERFACE : S_OK)), ppMIF: references } };
    }
    const references = list(value['InterfaceRefs']).map((one) => bag(one));
    if (name === 'RemAddRef') {
      const results = references.map((one) => {
        const facet = this.byIpid.get(String(one['ipid']));
        if (facet === undefined) return 0x80010113;
        facet.exported.references += Number(one['cPublicRefs'] ?? 0);
        return S_OK;
      });
      return { hresult: S_OK, out: { pResults: results } };
    }
    for (const one of references) this.release(String(one['ipid']), Number(one['cPublicRefs'] ?? 0));
    return { hresult: S_OK };
  }

  private release(ipid: string, count: number): void {
    const exported = this.byIpid.get(ipid)?.exported;
    if (exported === undefined) return;
    exported.references -= count;
    if (exported.references > 0) return;
    for (const one of exported.ipids.values()) this.byIpid.delete(one);
    this.byOid.delete(exported.oid);
    this.byObject.delete(exported.object);
  }

  // --- identities

  /** A reference to an interface of an object ([MS-DCOM] 2.2.18.4), or null where it has none. */
  private reference(object: ServedObject, iid: string): Value {
    const std = this.std(object, iid, PUBLIC_REFS);
    return std === null ? null : { iid, kind: 'standard', ...std, bindings: this.bindings(true) };
  }

  private std(object: ServedObject, iid: string, count: number): { readonly flags: number; readonly cPublicRefs: number; readonly oxid: string; readonly oid: string; readonly ipid: string } | null {
    const name = this.interfaceFor(object, iid);
    if (name === null) return null;
    let exported = this.byObject.get(object);
    if (exported === undefined) {
      exported = { object, oid: this.id64(), ipids: new Map(), references: 0 };
      this.byObject.set(object, exported);
      this.byOid.set(exported.oid, exported);
    }
    let ipid = exported.ipids.get(iid);
    if (ipid === undefined) {
      ipid = this.guid();
      exported.ipids.set(iid, ipid);
      this.byIpid.set(ipid, { exported, iid, name });
    }
    exported.references += count;
    return { flags: 0, cPublicRefs: count, oxid: this.oxid, oid: exported.oid, ipid };
  }

  private interfaceFor(object: ServedObject, iid: string): string | null {
    if (iid === IID_IUNKNOWN) return 'IUnknown';
    const resolved = this.registry.interfaceByUuid(iid);
    if (resolved === null) return null;
    const { name } = resolved.interface;
    return object.interfaces.some((one) => this.derives(one, name)) ? name : null;
  }

  private derives(name: string, base: string): boolean {
    for (let at: string | null = name, depth = 0; at !== null && depth < 16; depth++) {
      if (at === base) return true;
      at = this.registry.interfaceByName(at)?.interface.base ?? null;
    }
    return false;
  }

  /** A result as its type has it on the wire. */
  private wire(value: ServedValue | undefined, type: Type, request: Fields, name: string): Value {
    if (isEnumerator(value)) return this.wire(enumerate(value), type, request, name);
    if (isServed(value)) {
      const declared = type.kind === 'interface' ? type.interface : type.kind === 'pointer' && type.to.kind === 'interface' ? type.to.interface : null;
      const asked = typeof request['riid'] === 'string' && request['riid'] !== NIL ? request['riid'] : null;
      const iid = asked ?? (declared === null || declared === 'IUnknown' ? (value.interfaces.includes('IEnumVARIANT') ? this.registry.interfaceByName('IEnumVARIANT')?.interface.uuid : IID_IDISPATCH) : this.registry.interfaceByName(declared)?.interface.uuid);
      return this.reference(value, iid ?? IID_IDISPATCH);
    }
    if (value === undefined) return blank(type, request);
    return this.inside(value as Value);
  }

  /** Objects inside VARIANTs and arrays become references. */
  private inside(value: ServedValue): Value {
    if (isEnumerator(value)) return this.inside(enumerate(value));
    if (isServed(value)) return this.reference(value, value.interfaces.includes('IEnumVARIANT') ? (this.registry.interfaceByName('IEnumVARIANT')?.interface.uuid ?? IID_IUNKNOWN) : IID_IDISPATCH);
    if (Array.isArray(value)) return (value as readonly ServedValue[]).map((one) => this.inside(one));
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value as Value;
    return Object.fromEntries(Object.entries(value as { readonly [name: string]: ServedValue }).map(([key, one]) => [key, this.inside(one)]));
  }

  private bindings(withPort: boolean): Value {
    return {
      stringBindings: this.options.addresses.map((address) => ({ towerId: 7, networkAddr: withPort ? `${address}[${this.options.port}]` : address })),
      securityBindings: [{ authnSvc: 10, princName: '' }, { authnSvc: 9, princName: '' }],
    };
  }

  private id64(): string {
    return `0x${hex(this.options.random(8))}`;
  }

  private guid(): string {
    const text = hex(this.options.random(16));
    return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
  }
}

const ZERO64 = '0x0000000000000000';

/** The class object of a class: IClassFactory::CreateInstance makes its objects. */
function factoryOf(served: ServedClass): ServedObject {
  return {
    served: true, interfaces: ['IClassFactory'],
    call: (_, member) => (member === 'CreateInstance' ? { hresult: S_OK, out: { ppvObject: served.create() } } : member === 'LockServer' ? { hresult: S_OK } : { hresult: E_INVALIDARG }),
  };
}

/** What a result is when a call gives none: null, zero, or as many empty elements as were asked for. */
function blank(type: Type, request: Fields): Value {
  switch (type.kind) {
    case 'pointer': return type.pointer === 'ref' ? blank(type.to, request) : null;
    case 'base': return type.base === 'u64' || type.base === 'i64' ? 0n : 0;
    case 'enum': return Object.values(type.members)[0] ?? 0;
    case 'flags': return 0;
    case 'array': return type.of.kind === 'base' && type.of.base === 'u8' ? new Uint8Array(0) : [];
    case 'well-known': return type.name === 'bstr' ? null : type.name === 'variant_bool' ? false : type.name === 'guid' ? NIL : type.name === 'date' ? '1899-12-30T00:00:00' : type.name === 'decimal' || type.name === 'currency' ? '0' : type.name === 'hex64' ? ZERO64 : 0;
    case 'named': return type.name === 'VARIANT' ? { vt: 'VT_EMPTY', value: null } : type.name === 'EXCEPINFO' ? NO_EXCEPTION : type.name === 'ORPCTHAT' ? { flags: 0, extensions: null } : null;
    default: return null;
  }
}

export const NO_EXCEPTION: Value = { wCode: 0, wReserved: 0, bstrSource: null, bstrDescription: null, bstrHelpFile: null, dwHelpContext: 0, pvReserved: 0, pfnDeferredFillIn: 0, scode: 0 };

function bag(value: Value | undefined): Fields {
  return value === null || value === undefined || typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array ? {} : (value as Fields);
}

function list(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? (value as readonly Value[]) : [];
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
