import { readActivation } from '../dcom/activation-properties.js';
import type { Registry } from '../ndr/codec.js';
import type { Method, MethodRole, Parameter } from '../ndr/types.js';
import { NO_FIELDS, type Fields } from '../ndr/value.js';
import type { Exchange } from '../types.js';
import { interfaceOf, type Classes } from './classes.js';
import { Contexts, type ContextBelief } from './contexts.js';
import type { Interfaces, Reading } from './interfaces.js';
import type { Entry } from './knowledge.js';
import type { Roles } from './roles.js';
import {
  activationOf,
  contextOfObject,
  contextOfOthers,
  onlyDispatchInterface,
  onlyServersInterface,
} from './reasons.js';

/** What contexts are guessed with. */
interface UnboundOptions {
  readonly registry: Registry;
  readonly interfaces: Interfaces;
  readonly classes: Classes;
  readonly roles: Roles;
  /** Contexts remembered. */
  readonly limit: number;
  /** Names of interfaces that every server has. */
  readonly everyServers: readonly string[];
}

/** The interfaces of contexts that nobody saw negotiated: the capture began after their bind. */
export class UnboundContexts {
  private readonly options: UnboundOptions;
  private readonly contexts: Contexts;
  /** UUIDs of the dispatch interfaces of the tables. */
  private readonly dispatch: readonly string[];
  /** Names of the interfaces that activate. */
  private readonly activators: readonly string[];

  constructor(options: UnboundOptions) {
    this.options = options;
    this.contexts = new Contexts(options.limit);
    this.activators = [
      ...new Set([...options.roles.players('activate'), ...options.roles.players('get-class-object')]),
    ];
    this.dispatch = options.registry.interfaces
      .filter((one) => one.interface.orpc && options.classes.has(one.interface.name))
      .map((one) => one.interface.uuid);
  }

  /** What the context of a call is believed to be for; null where nothing tells. */
  believed(exchange: Exchange, entry: Entry | null): ContextBelief | null {
    if (entry !== null && entry.madeBy !== null) {
      const belief: ContextBelief = { uuid: entry.iid, certainty: 'inferred', because: contextOfObject(entry) };
      this.contexts.believe(exchange, { ...belief, because: contextOfOthers(entry) });
      return belief;
    }
    const told = this.contexts.of(exchange);
    if (told !== null) return told;
    const guessed = this.activation(exchange) ?? this.guess(exchange);
    if (guessed !== null) this.contexts.believe(exchange, guessed);
    return guessed;
  }

  /** A call on no object whose request reads to the last byte as an activation, with a class in it. */
  private activation(exchange: Exchange): ContextBelief | null {
    const { registry, interfaces } = this.options;
    const { request, opnum } = exchange;
    if (exchange.object !== null || opnum === null || request === null) return null;
    for (const name of this.activators) {
      const resolved = registry.interfaceByName(name);
      const known = resolved === null ? null : interfaces.of(resolved.interface.uuid);
      const reading = known === null ? null : interfaces.read(known, exchange, opnum);
      if (reading === null || !isActivation(reading.plan.role) || (reading.request?.problems.length ?? 1) > 0) continue;
      const clsid = readActivation(reading.request?.value ?? NO_FIELDS)?.clsid ?? null;
      if (clsid === null) continue;
      const member = `${name}::${reading.plan.slot.method.name}`;
      return { uuid: reading.plan.naming.iid ?? '', certainty: 'inferred', because: activationOf(member, clsid) };
    }
    return null;
  }

  /**
   * An ORPC call: the interface that every server has whose method of that number is the only one to read both stubs
   * to the last byte (empty parameter lists prove nothing and do not count), or the only dispatch interface that reads
   * several different calls of the context so.
   */
  private guess(exchange: Exchange): ContextBelief | null {
    const { registry, interfaces, classes, everyServers } = this.options;
    const { request, response, opnum } = exchange;
    if (exchange.object === null || opnum === null || request === null || response === null || exchange.fault !== null)
      return null;
    // Interfaces inherit most of their methods: each method reads the stubs once.
    const tried = new Map<Method, boolean>();
    const fits = (uuid: string): boolean => {
      const known = interfaces.of(uuid);
      const method = known?.resolved.slots[opnum]?.method;
      if (known == null || method === undefined) return false;
      let fit = tried.get(method);
      if (fit === undefined) tried.set(method, (fit = fitting(interfaces.read(known, exchange, opnum))));
      return fit;
    };
    const answers = (uuid: string): boolean => {
      const known = interfaces.of(uuid);
      const reading = known === null ? null : interfaces.read(known, exchange, opnum);
      return reading !== null && !contradicted(reading);
    };
    const served = everyServers.flatMap((name) => {
      const resolved = registry.interfaceByName(name);
      const params = resolved?.slots[opnum]?.method.params ?? [];
      if (resolved === null || !params.some((param) => param.direction === 'in')) return [];
      const { uuid } = resolved.interface;
      return fits(uuid) && answers(uuid) ? [resolved.interface] : [];
    });
    const [only, ...others] = served;
    if (only !== undefined)
      return others.length > 0
        ? null
        : { uuid: only.uuid, certainty: 'guessed', because: onlyServersInterface(only.name) };
    const left = this.contexts.narrow(exchange, this.dispatch, fits);
    if (left === null || left.length === 0) return null;
    const names = left.flatMap((uuid) => registry.interfaceByUuid(uuid)?.interface.name ?? []);
    const base = names.find((name) => names.every((other) => classes.derives(other, name)));
    const uuid = base === undefined ? null : classes.uuid(base);
    return base === undefined || uuid === null
      ? null
      : { uuid, certainty: 'guessed', because: onlyDispatchInterface(base) };
  }
}

/** Whether both stubs were read to the last byte. Of sealed ones nothing is read, and nothing is no proof. */
function fitting(reading: Reading | null): boolean {
  return reading !== null && reading.clean && reading.request !== null && reading.response !== null;
}

function isActivation(role: MethodRole | null): boolean {
  return role === 'activate' || role === 'get-class-object';
}

/**
 * Whether the answer speaks against a reading, though every byte of it was read: success without the object that the
 * method is there to give, or a result that no HRESULT is.
 */
function contradicted({ response, plan }: Reading): boolean {
  if (response === null || typeof response.result !== 'number') return false;
  const { result } = response;
  if (result >>> 31 === 1) return false;
  if (result !== 0 && result !== 1) return true;
  return result === 0 && plan.slot.method.params?.some((one) => isMissing(one, response.value)) === true;
}

/** Whether an interface that a method gives is null. */
function isMissing({ name, type, direction }: Parameter, response: Fields): boolean {
  return direction !== 'in' && interfaceOf(type) !== null && response[name] === null;
}
