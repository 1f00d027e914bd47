import { spanOf } from '../../bytes/block.js';
import { EncodeError, type Fields, type Registry, type ResolvedInterface } from '../../ndr/codec.js';
import type { Method, Type } from '../../ndr/types.js';
import type { Problem, Value } from '../../types.js';
import { Automation, type MemberCall } from './automation.js';
import {
  E_ACCESSDENIED,
  E_INVALIDARG,
  E_NOINTERFACE,
  E_NOTIMPL,
  isEnumerator,
  isServed,
  REGDB_E_CLASSNOTREG,
  RPC_E_DISCONNECTED,
  S_FALSE,
  S_OK,
  type Answer,
  type Injector,
  type Outcome,
  type ServedClass,
  type ServedObject,
  type ServedRequest,
  type ServedValue,
} from './dispatch.js';
import { enumerate } from './enumerator.js';
import { ObjectTable, type TableOptions } from './table.js';

export interface ExporterOptions extends TableOptions {
  readonly registry: Registry;
  readonly classes: readonly ServedClass[];
  /** Names and addresses that OBJREFs give for the server, without port. */
  readonly addresses: readonly string[];
  /** Port of the objects. */
  readonly port: number;
  /** Opnums as slots, or as [MS-UAMG] prints them. */
  readonly numbering: 'wire' | 'printed';
  /** Least auth_level of calls on objects and activations; 1 for any. */
  readonly minLevel: number;
  /** Decides before members whether they do something else. */
  readonly inject?: Injector;
}

const NIL = '00000000-0000-0000-0000-000000000000';
const IID_IUNKNOWN = '00000000-0000-0000-c000-000000000046';
const IID_IDISPATCH = '00020400-0000-0000-c000-000000000046';
const PUBLIC_REFS = 5;
const NCA_OP_RNG = 0x1c010002;
const NCA_UNK_IF = 0x1c010003;
const NCA_FAULT_UNSPEC = 0x1c000012;
const RPC_X_BAD_STUB_DATA = 0x6f7;
/**
 * Bytes behind the parameters, padding that is not zero, and values that the members themselves refuse with an HRESULT
 * ([MS-UAMG] 3.38.4.2).
 */
const BEARABLE: readonly Problem['code'][] = [
  'ndr-trailing',
  'ndr-pad-not-zero',
  'ndr-bad-enum',
  'ndr-bad-boolean',
  'ndr-bad-value',
  'dcom-bad-variant',
];
const ERROR_INVALID_SET = 0x80070057;
const ERROR_ACCESS_DENIED = 5;
const RPC_E_INVALID_IPID = 0x80010113;

/**
 * An object exporter with its object resolver and activator ([MS-DCOM] 3.1): requests in, answers out; no socket, no
 * clock of its own.
 */
export class Exporter {
  private readonly options: ExporterOptions;
  private readonly registry: Registry;
  private readonly automation: Automation;
  private readonly table: ObjectTable;
  private readonly oxid: string;
  private readonly ipidRemUnknown: string;

  constructor(options: ExporterOptions) {
    this.options = options;
    this.registry = options.registry;
    this.automation = new Automation(options.registry, (call) => this.member(call));
    this.table = new ObjectTable(options);
    this.oxid = this.table.id64();
    this.ipidRemUnknown = this.table.guid();
  }

  /** Objects that are exported now. */
  get size(): number {
    return this.table.size;
  }

  /**
   * Lets go the objects that nobody pinged in time; how many that were. To be called every ping period or more often.
   */
  collect(): number {
    return this.table.collect();
  }

  serves(uuid: string): boolean {
    return this.registry.interfaceByUuid(uuid) !== null;
  }

  /** Answers a request. */
  dispatch(request: ServedRequest): Answer {
    const resolved = this.registry.interfaceByUuid(request.abstract.uuid);
    if (resolved === null) return { kind: 'fault', status: NCA_UNK_IF, delayMs: 0 };
    const slot = resolved.slots[this.slotOf(resolved, request.opnum)];
    const codec =
      slot == null
        ? null
        : this.registry.method(resolved.interface.uuid, slot.method.opnum, {
            littleEndian: request.littleEndian,
            syntax: request.syntax,
          });
    if (slot == null || slot.method.notUsedOnWire === true || codec === null)
      return { kind: 'fault', status: NCA_OP_RNG, delayMs: 0 };
    const { value, problems } = codec.request.decode(spanOf(request.stub));
    if (problems.some((problem) => !BEARABLE.includes(problem.code)))
      return { kind: 'fault', status: RPC_X_BAD_STUB_DATA, delayMs: 0 };
    const outcome = this.perform(request, resolved, slot.method, slot.owner.name, value);
    const delayMs = outcome.delayMs ?? 0;
    if (outcome.drop === true) return { kind: 'drop', delayMs };
    if (outcome.fault !== undefined) return { kind: 'fault', status: outcome.fault, delayMs };
    const filled: { [name: string]: Value } = {};
    for (const param of slot.method.params ?? []) {
      if (param.direction === 'in') continue;
      filled[param.name] = this.wire(outcome.out?.[param.name], param.type, value, request.owner);
    }
    const header =
      resolved.interface.orpc || filled['orpcthat'] !== undefined ? { orpcthat: { flags: 0, extensions: null } } : {};
    try {
      return {
        kind: 'response',
        stub: codec.response.encode({ ...filled, ...header, return: outcome.hresult }, { request: value }),
        delayMs,
      };
    } catch (error) {
      // An answer that its table cannot hold costs its caller the call, and nobody the server.
      if (error instanceof EncodeError) return { kind: 'fault', status: NCA_FAULT_UNSPEC, delayMs };
      throw error;
    }
  }

  private perform(
    request: ServedRequest,
    resolved: ResolvedInterface,
    method: Method,
    owner: string,
    value: Fields,
  ): Outcome {
    switch (owner) {
      case 'IObjectExporter':
        return this.upon(owner, method.name, () => this.resolver(method.name, value, request.owner));
      case 'IRemoteSCMActivator':
        return request.authLevel < this.options.minLevel
          ? { hresult: E_ACCESSDENIED }
          : this.upon(owner, method.name, () => this.activate(method.name, value, request));
      case 'ept':
        return this.endpoint(method.name, value);
      case 'mgmt':
        return this.management(method.name);
      default:
        break;
    }
    if (request.authLevel < this.options.minLevel) return { hresult: 0, fault: ERROR_ACCESS_DENIED };
    if (owner === 'IRemUnknown' || owner === 'IRemUnknown2')
      return this.upon(owner, method.name, () => this.remUnknown(method.name, value, request.owner));
    const facet = request.object === null ? undefined : this.table.find(request.object);
    if (facet === undefined) return { hresult: 0, fault: RPC_E_DISCONNECTED };
    const { object } = facet.exported;
    const outcome = this.called(request, resolved, method, owner, { object, args: this.given(value) });
    this.table.weigh(facet.exported);
    return outcome;
  }

  private called(
    caller: ServedRequest,
    resolved: ResolvedInterface,
    { name, member }: Method,
    owner: string,
    { object, args }: Pick<MemberCall, 'object' | 'args'>,
  ): Outcome {
    if (owner === 'IDispatch')
      return this.automation.call({ object, interfaceName: resolved.interface.name, method: name, args, caller });
    return object.interfaces.some((one) => this.derives(one, resolved.interface.name))
      ? this.member({ object, interfaceName: owner, member: name, kind: member, args, caller })
      : { hresult: E_NOINTERFACE };
  }

  private member({ object, interfaceName, member, kind, args, caller }: MemberCall): Outcome {
    return this.upon(interfaceName, member, () => object.call(interfaceName, member, kind, args, caller));
  }

  /** Does the work of a member, unless the server was told to do something else; late, if it was told to. */
  private upon(face: string, member: string, work: () => Outcome): Outcome {
    const injected = this.options.inject?.(face, member) ?? null;
    if (injected?.hresult !== undefined || injected?.fault !== undefined || injected?.drop === true)
      return { hresult: S_OK, ...injected };
    const outcome = work();
    return injected === null ? outcome : { ...outcome, ...injected };
  }

  /** Slot of an opnum on the wire; -1 for one that a server written from the printed numbers does not have. */
  private slotOf(resolved: ResolvedInterface, opnum: number): number {
    if (
      this.options.numbering === 'wire' ||
      resolved.interface.spec !== 'MS-UAMG' ||
      (resolved.slots[opnum] ?? null)?.owner.spec === 'MS-OAUT'
    )
      return opnum;
    return resolved.slots.findIndex(
      (slot) =>
        slot !== null &&
        slot.owner.spec === 'MS-UAMG' &&
        slot.method.printedOpnum === opnum &&
        slot.method.notUsedOnWire !== true,
    );
  }

  /** Arguments with references to our own objects resolved. */
  private given(value: Fields): { readonly [name: string]: ServedValue } {
    const resolve = (item: Value): ServedValue => {
      if (item === null || typeof item !== 'object' || Array.isArray(item) || item instanceof Uint8Array) return item;
      const bag = item as Fields;
      if (typeof bag['ipid'] === 'string' && typeof bag['oxid'] === 'string') {
        const object = this.table.find(bag['ipid'])?.exported.object ?? null;
        // The references that came with it are the client's no more (3.1.1.5.3).
        this.table.take(bag['ipid'], Number(bag['cPublicRefs'] ?? 0));
        return object;
      }
      if ('vt' in bag && typeof bag['value'] === 'object' && bag['value'] !== null)
        return { ...bag, value: resolve(bag['value']) } as unknown as Value;
      return item;
    };
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name,
        name === 'pDispParams' || name === 'rgVarRef' ? (this.variants(item, resolve) as ServedValue) : resolve(item),
      ]),
    );
  }

  private variants(item: Value, resolve: (value: Value) => ServedValue): unknown {
    if (Array.isArray(item)) return item.map((one) => resolve(one as Value));
    if (item === null || typeof item !== 'object' || item instanceof Uint8Array) return item;
    const bag = item as Fields;
    return Array.isArray(bag['rgvarg']) ? { ...bag, rgvarg: (bag['rgvarg'] as readonly Value[]).map(resolve) } : bag;
  }

  // --- activation ([MS-DCOM] 3.1.2.5.2)

  private activate(name: string, value: Fields, caller: ServedRequest): Outcome {
    const { authLevel, owner } = caller;
    const properties = list(bag(bag(value['pActProperties'])['activation'])['properties']).map((one) =>
      bag(bag(one)['value']),
    );
    const info = properties.find((one) => typeof one['classId'] === 'string');
    const clsid = info?.['classId'];
    const iids = list(info?.['pIID']).filter((iid): iid is string => typeof iid === 'string');
    const served = this.options.classes.find((one) => one.clsid === clsid);
    if (served === undefined) return { hresult: REGDB_E_CLASSNOTREG };
    const object = name === 'RemoteGetClassObject' ? factoryOf(served) : served.create(caller);
    if (typeof object === 'number') return { hresult: object };
    const results = iids.map((iid) => this.reference(object, iid, owner));
    if (results.every((one) => one === null)) return { hresult: E_NOINTERFACE };
    const comVersion = { MajorVersion: 5, MinorVersion: 7 };
    const outClsid = '00000339-0000-0000-c000-000000000046';
    return {
      hresult: S_OK,
      out: {
        ppActProperties: {
          iid: '000001a3-0000-0000-c000-000000000046',
          kind: 'custom',
          clsid: outClsid,
          cbExtension: 0,
          activation: {
            dwReserved: 0,
            destCtx: 2,
            properties: [
              {
                clsid: outClsid,
                value: {
                  cIfs: iids.length,
                  piid: iids,
                  phresults: results.map((one) => (one === null ? E_NOINTERFACE : 0)),
                  ppIntfData: results,
                },
              },
              {
                clsid: '000001b6-0000-0000-c000-000000000046',
                value: {
                  pdwReserved: null,
                  remoteReply: {
                    Oxid: this.oxid,
                    pdsaOxidBindings: this.bindings(true),
                    ipidRemUnknown: this.ipidRemUnknown,
                    authnHint: Math.max(this.options.minLevel, authLevel),
                    serverVersion: comVersion,
                  },
                },
              },
            ],
          },
        },
      },
    };
  }

  // --- object resolver ([MS-DCOM] 3.1.2.5.1)

  private resolver(name: string, value: Fields, owner: string): Outcome {
    switch (name) {
      case 'ServerAlive':
        return { hresult: S_OK };
      case 'ServerAlive2':
        return {
          hresult: S_OK,
          out: {
            pComVersion: { MajorVersion: 5, MinorVersion: 7 },
            ppdsaOrBindings: this.bindings(false),
            pReserved: 0,
          },
        };
      case 'ResolveOxid':
      case 'ResolveOxid2':
        if (value['pOxid'] !== this.oxid) return { hresult: 0x776 };
        return {
          hresult: S_OK,
          out: {
            ppdsaOxidBindings: this.bindings(true),
            pipidRemUnknown: this.ipidRemUnknown,
            pAuthnHint: Math.max(this.options.minLevel, 5),
            pComVersion: { MajorVersion: 5, MinorVersion: 7 },
          },
        };
      case 'SimplePing':
        return { hresult: this.table.simplePing(String(value['pSetId'])) ? S_OK : ERROR_INVALID_SET };
      case 'ComplexPing':
        return this.complexPing(value, owner);
      default:
        return { hresult: E_NOTIMPL };
    }
  }

  private complexPing(value: Fields, owner: string): Outcome {
    const setId = String(value['pSetId']);
    const id = this.table.complexPing(
      setId,
      list(value['AddToSet']).map(String),
      list(value['DelFromSet']).map(String),
      owner,
    );
    return id === null
      ? { hresult: ERROR_INVALID_SET, out: { pSetId: setId } }
      : { hresult: S_OK, out: { pSetId: id, pPingBackoffFactor: 0 } };
  }

  private endpoint(name: string, value: Fields): Outcome {
    if (name !== 'ept_map') return { hresult: 0, fault: NCA_OP_RNG };
    const floors = list(bag(value['map_tower'])['floors']).map((floor) => bag(floor));
    const made = floors.map((floor) =>
      typeof floor['port'] === 'number' ? Object.assign({}, floor, { port: this.options.port }) : floor,
    );
    return {
      hresult: S_OK,
      out: {
        entry_handle: value['entry_handle'] ?? null,
        num_towers: 1,
        ITowers: [{ floors: made } as unknown as Value],
        status: 0,
      },
    };
  }

  /** What every RPC server tells of itself ([C706] appendix Q); to end it is nobody's right. */
  private management(name: string): Outcome {
    switch (name) {
      case 'rpc__mgmt_is_server_listening':
        return { hresult: 1, out: { status: S_OK } };
      case 'rpc__mgmt_inq_if_ids': {
        const found = RPC_INTERFACES.flatMap((one) => this.registry.interfaceByName(one)?.interface ?? []).map(
          ({ uuid, version }) => ({ uuid, vers_major: version.major, vers_minor: version.minor }),
        );
        return { hresult: S_OK, out: { if_id_vector: { count: found.length, if_id: found }, status: S_OK } };
      }
      case 'rpc__mgmt_stop_server_listening':
        return { hresult: S_OK, out: { status: ERROR_ACCESS_DENIED } };
      default:
        return { hresult: S_OK, fault: NCA_OP_RNG };
    }
  }

  // --- IRemUnknown ([MS-DCOM] 3.1.1.5.6)

  private remUnknown(name: string, value: Fields, owner: string): Outcome {
    if (name === 'RemQueryInterface') {
      const facet = this.table.find(String(value['ripid']));
      if (facet === undefined) return { hresult: RPC_E_INVALID_IPID, out: { ppQIResults: null } };
      const results = list(value['iids']).map((iid) => {
        const std = this.std(facet.exported.object, String(iid), Number(value['cRefs'] ?? PUBLIC_REFS), owner);
        return std === null
          ? { hResult: E_NOINTERFACE, std: { flags: 0, cPublicRefs: 0, oxid: ZERO64, oid: ZERO64, ipid: NIL } }
          : { hResult: S_OK, std };
      });
      const failed = results.filter((one) => one.hResult !== S_OK).length;
      return {
        hresult: failed === 0 ? S_OK : failed === results.length ? E_NOINTERFACE : S_FALSE,
        out: { ppQIResults: results },
      };
    }
    if (name === 'RemQueryInterface2') {
      const facet = this.table.find(String(value['ripid']));
      const references = list(value['iids']).map((iid) =>
        facet === undefined ? null : this.reference(facet.exported.object, String(iid), owner),
      );
      return {
        hresult: S_OK,
        out: { phr: references.map((one) => (one === null ? E_NOINTERFACE : S_OK)), ppMIF: references },
      };
    }
    const references = list(value['InterfaceRefs']).map((one) => bag(one));
    if (name === 'RemAddRef') {
      const results = references.map((one) =>
        this.table.addReferences(String(one['ipid']), Number(one['cPublicRefs'] ?? 0)) ? S_OK : RPC_E_INVALID_IPID,
      );
      return { hresult: S_OK, out: { pResults: results } };
    }
    for (const one of references) this.table.release(String(one['ipid']), Number(one['cPublicRefs'] ?? 0));
    return { hresult: S_OK };
  }

  // --- identities

  /** A reference to an interface of an object ([MS-DCOM] 2.2.18.4), or null where it has none. */
  private reference(object: ServedObject, iid: string, owner: string): Value {
    const std = this.std(object, iid, PUBLIC_REFS, owner);
    return std === null ? null : { iid, kind: 'standard', ...std, bindings: this.bindings(true) };
  }

  private std(
    object: ServedObject,
    iid: string,
    count: number,
    owner: string,
  ): {
    readonly flags: number;
    readonly cPublicRefs: number;
    readonly oxid: string;
    readonly oid: string;
    readonly ipid: string;
  } | null {
    const name = this.interfaceFor(object, iid);
    return name === null
      ? null
      : { flags: 0, cPublicRefs: count, oxid: this.oxid, ...this.table.hand(object, iid, name, count, owner) };
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
  private wire(value: ServedValue | undefined, type: Type, request: Fields, owner: string): Value {
    if (isEnumerator(value)) return this.wire(enumerate(value), type, request, owner);
    if (isServed(value)) {
      const declared =
        type.kind === 'interface'
          ? type.interface
          : type.kind === 'pointer' && type.to.kind === 'interface'
            ? type.to.interface
            : null;
      const asked = typeof request['riid'] === 'string' && request['riid'] !== NIL ? request['riid'] : null;
      const iid =
        asked ??
        (declared === null || declared === 'IUnknown'
          ? value.interfaces.includes('IEnumVARIANT')
            ? this.registry.interfaceByName('IEnumVARIANT')?.interface.uuid
            : IID_IDISPATCH
          : this.registry.interfaceByName(declared)?.interface.uuid);
      return this.reference(value, iid ?? IID_IDISPATCH, owner);
    }
    if (value === undefined) return this.blank(type);
    return this.inside(value as Value, owner);
  }

  /** Objects inside VARIANTs and arrays become references. */
  private inside(value: ServedValue, owner: string): Value {
    if (isEnumerator(value)) return this.inside(enumerate(value), owner);
    if (isServed(value))
      return this.reference(
        value,
        value.interfaces.includes('IEnumVARIANT')
          ? (this.registry.interfaceByName('IEnumVARIANT')?.interface.uuid ?? IID_IUNKNOWN)
          : IID_IDISPATCH,
        owner,
      );
    if (Array.isArray(value)) return (value as readonly ServedValue[]).map((one) => this.inside(one, owner));
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value as Value;
    return Object.fromEntries(
      Object.entries(value as { readonly [name: string]: ServedValue }).map(([key, one]) => [
        key,
        this.inside(one, owner),
      ]),
    );
  }

  /** What a result is when a call gives none: null, zero, or nothing in each field. */
  private blank(type: Type): Value {
    switch (type.kind) {
      case 'pointer':
        return type.pointer === 'ref' ? this.blank(type.to) : null;
      case 'base':
        return type.base === 'u64' || type.base === 'i64' ? 0n : 0;
      case 'enum':
        return Object.values(type.members)[0] ?? 0;
      case 'flags':
        return 0;
      case 'array':
        return type.of.kind === 'base' && type.of.base === 'u8' ? new Uint8Array(0) : [];
      case 'well-known':
        return type.name === 'bstr'
          ? null
          : type.name === 'variant_bool'
            ? false
            : type.name === 'guid'
              ? NIL
              : type.name === 'date'
                ? '1899-12-30T00:00:00'
                : type.name === 'decimal' || type.name === 'currency'
                  ? '0'
                  : type.name === 'hex64'
                    ? ZERO64
                    : 0;
      case 'struct':
        return Object.fromEntries(type.fields.map((field) => [field.name, this.blank(field.type)]));
      case 'named':
        return this.blankNamed(type.name);
      default:
        return null;
    }
  }

  private blankNamed(name: string): Value {
    if (name === 'VARIANT') return { vt: 'VT_EMPTY', value: null };
    if (name === 'EXCEPINFO') return NO_EXCEPTION;
    const type = this.registry.specifications.flatMap((one) => one.types).find((one) => one.name === name);
    return type === undefined ? null : this.blank(type.kind === 'typedef' ? type.type : type);
  }

  private bindings(withPort: boolean): Value {
    return {
      stringBindings: this.options.addresses.map((address) => ({
        towerId: 7,
        networkAddr: withPort ? `${address}[${this.options.port}]` : address,
      })),
      securityBindings: [
        { authnSvc: 10, princName: '' },
        { authnSvc: 9, princName: '' },
      ],
    };
  }
}

/** Interfaces that are no object's. */
const RPC_INTERFACES: readonly string[] = ['IObjectExporter', 'IRemoteSCMActivator', 'ept', 'mgmt'];
const ZERO64 = '0x0000000000000000';

/** The class object of a class: IClassFactory::CreateInstance makes its objects. */
function factoryOf(served: ServedClass): ServedObject {
  return {
    served: true,
    interfaces: ['IClassFactory'],
    call(_, member, __, ___, caller) {
      if (member === 'LockServer') return { hresult: S_OK };
      if (member !== 'CreateInstance') return { hresult: E_INVALIDARG };
      const made = served.create(caller);
      return typeof made === 'number' ? { hresult: made } : { hresult: S_OK, out: { ppvObject: made } };
    },
  };
}

export const NO_EXCEPTION: Value = {
  wCode: 0,
  wReserved: 0,
  bstrSource: null,
  bstrDescription: null,
  bstrHelpFile: null,
  dwHelpContext: 0,
  pvReserved: 0,
  pfnDeferredFillIn: 0,
  scode: 0,
};

function bag(value: Value | undefined): Fields {
  return value === null ||
    value === undefined ||
    typeof value !== 'object' ||
    Array.isArray(value) ||
    value instanceof Uint8Array
    ? {}
    : (value as Fields);
}

function list(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? (value as readonly Value[]) : [];
}
