import { spanOf } from '../../bytes/block.js';
import { transfersOf } from '../../dcom/transfer.js';
import { EncodeError, type MethodCodec, type Registry, type ResolvedInterface } from '../../ndr/codec.js';
import type { Interface, Method } from '../../ndr/types.js';
import { newRecord, type Fields } from '../../ndr/value.js';
import type { Problem, SyntaxId, TransferSyntax } from '../../types.js';
import { Activator, type ActivatorOptions } from './activator.js';
import { Automation, type MemberCall } from './automation.js';
import {
  E_ACCESSDENIED,
  E_NOINTERFACE,
  RPC_E_DISCONNECTED,
  S_OK,
  type Answer,
  type Injector,
  type Outcome,
  type ServedObject,
  type ServedRequest,
} from './dispatch.js';
import { ERROR_ACCESS_DENIED, NCA_FAULT_UNSPEC, NCA_OP_RNG, NCA_UNK_IF, RPC_X_BAD_STUB_DATA } from './faults.js';
import { manage, mapEndpoint } from './management.js';
import { References, type ReferenceOptions } from './references.js';
import { callRemUnknown } from './rem-unknown.js';
import { ObjectResolver } from './resolver.js';
import { argumentsOf, Results } from './values.js';

export interface ExporterOptions extends ReferenceOptions, ActivatorOptions {
  /** Opnums as slots, or as the specifications print them. */
  readonly numbering: 'wire' | 'printed';
  /** Name that errors of late-bound calls carry as their source; none where it is left out. */
  readonly source?: string;
  /** Decides before members whether they do something else. */
  readonly inject?: Injector;
}

/**
 * Bytes behind the parameters, padding that is not zero, and values that the members themselves refuse with an HRESULT.
 */
const BEARABLE: readonly Problem['code'][] = [
  'ndr-trailing',
  'ndr-pad-not-zero',
  'ndr-bad-enum',
  'ndr-bad-boolean',
  'ndr-bad-value',
  'dcom-bad-variant',
];
/** Interfaces that answer whoever calls, and activation, which refuses with an HRESULT. */
const OPEN: readonly string[] = ['IObjectExporter', 'ept', 'mgmt'];
const ACTIVATION: readonly string[] = ['IRemoteSCMActivator', 'IActivation'];

/** What a request is for. */
interface Target {
  readonly resolved: ResolvedInterface;
  readonly method: Method;
  /** The interface that declares the method. */
  readonly owner: Interface;
  readonly codec: MethodCodec;
}

/**
 * An object exporter with its object resolver and activator ([MS-DCOM] 3.1): requests in, answers out; no socket, no
 * clock of its own.
 */
export class Exporter {
  private readonly options: ExporterOptions;
  private readonly registry: Registry;
  private readonly references: References;
  private readonly resolver: ObjectResolver;
  private readonly activator: Activator;
  private readonly automation: Automation;
  private readonly results: Results;

  constructor(options: ExporterOptions) {
    this.options = options;
    this.registry = options.registry;
    this.references = new References(options);
    this.resolver = new ObjectResolver(this.references, options.minLevel);
    this.activator = new Activator(options, this.references);
    this.automation = new Automation(options.registry, options.source ?? null, (call) => this.member(call));
    this.results = new Results(options.registry, this.references);
  }

  /** Objects that are exported now. */
  get size(): number {
    return this.references.table.size;
  }

  /** Objects in ping sets. */
  get pinged(): number {
    return this.references.table.pinged;
  }

  /**
   * Lets go the objects that nobody pinged in time; how many that were. To be called every ping period or more often.
   */
  collect(): number {
    return this.references.table.collect();
  }

  /** The object behind an IPID, or null. */
  objectOf(ipid: string): ServedObject | null {
    return this.references.table.find(ipid)?.exported.object ?? null;
  }

  /** Transfer syntaxes that an interface is served in, the preferred one first; none: it is not served. */
  serves({ uuid }: SyntaxId): readonly TransferSyntax[] {
    const resolved = this.registry.interfaceByUuid(uuid);
    return resolved === null ? [] : transfersOf(resolved.interface);
  }

  /** Answers a request. */
  dispatch(request: ServedRequest): Answer {
    const target = this.targetOf(request);
    if (typeof target === 'number') return { kind: 'fault', status: target, delayMs: 0 };
    const refused = this.refusal(target, request);
    if (refused !== null) return this.answer(target, newRecord(), refused, request);
    const { value, problems } = target.codec.request.decode(spanOf(request.stub));
    if (problems.some((problem) => !BEARABLE.includes(problem.code)))
      return { kind: 'fault', status: RPC_X_BAD_STUB_DATA, delayMs: 0 };
    return this.answer(target, value, this.perform(target, value, request), request);
  }

  /** What a request is for, or the status of the fault that answers it. */
  private targetOf({ abstract, opnum, littleEndian, syntax }: ServedRequest): Target | number {
    const resolved = this.registry.interfaceByUuid(abstract.uuid);
    if (resolved === null) return NCA_UNK_IF;
    const slot = resolved.slots[this.slotOf(resolved, opnum)];
    if (slot == null || slot.method.notUsedOnWire === true) return NCA_OP_RNG;
    const { method, owner } = slot;
    const codec = this.registry.method(resolved.interface.uuid, method.opnum, { littleEndian, syntax });
    return codec === null ? NCA_OP_RNG : { resolved, method, owner, codec };
  }

  /** Who may not call is refused before anything of the request is read. */
  private refusal({ owner }: Target, { authLevel }: ServedRequest): Outcome | null {
    if (authLevel >= this.options.minLevel || OPEN.includes(owner.name)) return null;
    return ACTIVATION.includes(owner.name) ? { hresult: E_ACCESSDENIED } : { hresult: 0, fault: ERROR_ACCESS_DENIED };
  }

  private answer({ resolved, method, codec }: Target, value: Fields, outcome: Outcome, request: ServedRequest): Answer {
    const delayMs = outcome.delayMs ?? 0;
    if (outcome.drop === true) return { kind: 'drop', delayMs };
    if (outcome.fault !== undefined) return { kind: 'fault', status: outcome.fault, delayMs };
    const filled = newRecord();
    for (const param of method.params ?? []) {
      if (param.direction === 'in') continue;
      filled[param.name] = this.results.wire(outcome.out?.[param.name], param.type, value, request.owner);
    }
    if (resolved.interface.orpc || filled['orpcthat'] !== undefined)
      filled['orpcthat'] = { flags: 0, extensions: null };
    filled['return'] = outcome.hresult;
    try {
      return { kind: 'response', stub: codec.response.encode(filled, { request: value }), delayMs };
    } catch (error) {
      // An answer that its table cannot hold costs its caller the call, and nobody the server.
      if (error instanceof EncodeError) return { kind: 'fault', status: NCA_FAULT_UNSPEC, delayMs };
      throw error;
    }
  }

  private perform(target: Target, value: Fields, request: ServedRequest): Outcome {
    const { name } = target.method;
    const owner = target.owner.name;
    switch (owner) {
      case 'ept':
        return mapEndpoint(name, value, this.options.port);
      case 'mgmt':
        return manage(name, this.registry);
      case 'IObjectExporter':
        return this.upon(owner, name, () => this.resolver.call(name, value, request.owner));
      case 'IRemoteSCMActivator':
        return this.upon(owner, name, () => this.activator.call(name, value, request));
      case 'IActivation':
        return this.upon(owner, name, () => this.activator.remoteActivation(value, request));
      case 'IRemUnknown':
      case 'IRemUnknown2':
        return this.upon(owner, name, () => callRemUnknown(name, value, this.references, request.owner));
      default:
        return this.onObject(target, value, request);
    }
  }

  private onObject({ resolved, method, owner }: Target, value: Fields, caller: ServedRequest): Outcome {
    const { table } = this.references;
    const entry = caller.object === null ? undefined : table.find(caller.object);
    if (entry === undefined) return { hresult: 0, fault: RPC_E_DISCONNECTED };
    const { object } = entry.exported;
    const args = argumentsOf(value, this.references);
    let outcome: Outcome = { hresult: E_NOINTERFACE };
    if (owner.name === 'IDispatch') {
      const interfaceName = resolved.interface.name;
      outcome = this.automation.call({ object, interfaceName, method: method.name, args, caller });
    } else if (this.references.has(object, resolved.interface.name)) {
      const { name: member, member: kind } = method;
      outcome = this.member({ object, interfaceName: owner.name, member, kind, args, caller });
    }
    table.weigh(entry.exported);
    return outcome;
  }

  private member({ object, interfaceName, member, kind, args, caller }: MemberCall): Outcome {
    return this.upon(interfaceName, member, () => object.call(interfaceName, member, kind, args, caller));
  }

  /** Does the work of a member, unless the server was told to do something else; late, if it was told to. */
  private upon(interfaceName: string, member: string, work: () => Outcome): Outcome {
    const injected = this.options.inject?.(interfaceName, member) ?? null;
    if (injected?.hresult !== undefined || injected?.fault !== undefined || injected?.drop === true)
      return { hresult: S_OK, ...injected };
    const outcome = work();
    return injected === null ? outcome : { ...outcome, ...injected };
  }

  /**
   * Slot of an opnum on the wire; -1 for one that a server written from the numbers its specification prints does not
   * have. What another specification declares keeps its numbers.
   */
  private slotOf({ interface: { spec }, slots }: ResolvedInterface, opnum: number): number {
    if (this.options.numbering === 'wire') return opnum;
    const there = slots[opnum] ?? null;
    if (there !== null && there.owner.spec !== spec) return opnum;
    return slots.findIndex(
      (slot) =>
        slot !== null &&
        slot.owner.spec === spec &&
        slot.method.printedOpnum === opnum &&
        slot.method.notUsedOnWire !== true,
    );
  }
}
