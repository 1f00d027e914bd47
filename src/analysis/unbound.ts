import type { Registry } from '../ndr/codec.js';
import type { Exchange } from '../types.js';
import type { Classes } from './classes.js';
import { Contexts, type ContextBelief } from './contexts.js';
import type { Interfaces } from './interfaces.js';
import type { Entry } from './knowledge.js';
import { contextOfObject, contextOfOthers, onlyDispatchInterface, onlyServersInterface } from './reasons.js';

/** What contexts are guessed with. */
export interface UnboundOptions {
  readonly registry: Registry;
  readonly interfaces: Interfaces;
  readonly classes: Classes;
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

  constructor(options: UnboundOptions) {
    this.options = options;
    this.contexts = new Contexts(options.limit);
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
    const guessed = this.guess(exchange);
    if (guessed !== null) this.contexts.believe(exchange, guessed);
    return guessed;
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
    const fits = (uuid: string): boolean => {
      const known = interfaces.of(uuid);
      return known !== null && interfaces.read(known, exchange, opnum)?.clean === true;
    };
    const fitting = everyServers.flatMap((name) => {
      const resolved = registry.interfaceByName(name);
      const params = resolved?.slots[opnum]?.method.params ?? [];
      if (resolved === null || !params.some((param) => param.direction === 'in')) return [];
      return fits(resolved.interface.uuid) ? [resolved.interface] : [];
    });
    const [only, ...others] = fitting;
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
