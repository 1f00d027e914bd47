import type { ObjectTable } from '../dcom/objects.js';
import type { Endpoint, Exchange, Moment } from '../types.js';
import type { ContextBelief } from './contexts.js';
import type { Interfaces, KnownInterface } from './interfaces.js';
import type { Entry, Knowledge } from './knowledge.js';
import type { LateBinder } from './late.js';
import type { Link, Peers } from './peers.js';
import { callsCaptured } from './reasons.js';
import type { UnboundContexts } from './unbound.js';

/** Where a call went: between whom, and to which interface of which object. */
export interface Place {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly time: Moment | null;
  readonly link: Link | null;
  /** Null where no object was called, or none is followed. */
  readonly entry: Entry | null;
  /** Why the interface is believed, where no bind told it. */
  readonly belief: ContextBelief | null;
  readonly uuid: string | null;
  /** The interface, where a table has it. */
  readonly known: KnownInterface | null;
}

/** What places are found with. */
interface LocatorOptions {
  readonly interfaces: Interfaces;
  readonly peers: Peers;
  readonly contexts: UnboundContexts;
  /** Null: objects are not followed. */
  readonly objects: ObjectTable<Knowledge> | null;
  readonly late: LateBinder;
  /** Names of interfaces that every server has: calls on one say nothing of the class of the object. */
  readonly everyServers: readonly string[];
}

/** The first step of making a call: finds where it went. */
export class Locator {
  private readonly options: LocatorOptions;

  constructor(options: LocatorOptions) {
    this.options = options;
  }

  locate(exchange: Exchange): Place {
    const { interfaces, peers, contexts, objects } = this.options;
    const forth = exchange.direction === 0;
    const client = forth ? exchange.flow.a : exchange.flow.b;
    const server = forth ? exchange.flow.b : exchange.flow.a;
    const link = peers.used(exchange.flow, client.address, server.address);
    let entry: Entry | null = null;
    if (exchange.object !== null && objects !== null)
      entry = (link === null ? objects : link.objects).find(exchange.object, server.address);
    const belief = exchange.context === null ? contexts.believed(exchange, entry) : null;
    const uuid = exchange.context?.abstract.uuid ?? belief?.uuid ?? null;
    const known = uuid === null ? null : interfaces.of(uuid);
    // The object UUID of plain RPC is none of DCOM's ([C706] 2.1.1.1).
    if (known?.resolved.interface.orpc === false) entry = null;
    else if (entry === null && objects !== null && exchange.object !== null && known !== null)
      entry = this.meet(objects, exchange, exchange.object, known, server);
    else if (entry !== null && known !== null && entry.iid !== known.uuid) this.learn(entry, exchange, known);
    return { client, server, time: exchange.requestTime ?? exchange.responseTime, link, entry, belief, uuid, known };
  }

  /** An object whose reference was handed out before the capture began. */
  private meet(
    objects: ObjectTable<Knowledge>,
    exchange: Exchange,
    ipid: string,
    known: KnownInterface,
    server: Endpoint,
  ): Entry {
    const { name, base } = known.resolved.interface;
    const plain = base === null || this.options.everyServers.includes(name);
    const frame = (exchange.request ?? exchange.response)?.frames[0] ?? 0;
    const entry = objects.meet(ipid, known.uuid, null, {
      name,
      shown: name,
      provisional: plain,
      server,
      time: exchange.requestTime,
      frame,
      call: null,
      parent: null,
    });
    this.learn(entry, exchange, known);
    return entry;
  }

  /** The interface that a call names tells the class of its object, unless every object has it. */
  private learn(entry: Entry, exchange: Exchange, { resolved }: KnownInterface): void {
    const { name, base } = resolved.interface;
    if (base === null || this.options.everyServers.includes(name)) return;
    this.options.late.learnClass(entry.object, {
      interface: name,
      certainty: exchange.context === null ? 'guessed' : 'known',
      because: callsCaptured(name, (exchange.request ?? exchange.response)?.frames[0] ?? 0),
    });
  }
}
