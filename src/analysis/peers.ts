import { Lookup } from '../dcom/lookup.js';
import type { ObjectTable } from '../dcom/objects.js';
import type { Flow, FlowEnd } from '../types.js';
import type { Knowledge } from './knowledge.js';
import type { Tally } from './numbering.js';

/** A client and a server, by address. */
export interface Pair {
  readonly client: string;
  readonly server: string;
  /** Connections open between them. */
  open: number;
  /** All connections they had were closed. */
  closed: boolean;
  /** The same two the other way round: a server that calls its client back. */
  reverse: Pair | null;
}

/** A connection: who calls whom over it, and its association group ([C706] 12.6.3.1) where its bind was captured. */
export interface Link {
  readonly pair: Pair;
  readonly group: number | null;
  /** The objects that its calls go to. */
  readonly objects: Lookup<Knowledge>;
  /** The numbering of its latest calls. */
  readonly numbers: Tally;
}

/**
 * Which clients have a connection to which servers: references leak when a client goes without releasing them, and
 * callbacks go the other way.
 */
export class Peers {
  private readonly objects: ObjectTable<Knowledge>;
  /** By client, then by server. */
  private readonly pairs = new Map<string, Map<string, Pair>>();
  private known = 0;
  private readonly links = new Map<number, Link>();
  private readonly groups = new Map<number, number>();
  private readonly halves = new Set<number>();
  private lastFlow = -1;
  private last: Link | null = null;

  constructor(objects: ObjectTable<Knowledge>) {
    this.objects = objects;
  }

  /** A bind was accepted. */
  bound(flow: Flow, group: number): void {
    if (!this.groups.has(flow.id) && this.groups.size < MAX_LINKS) this.groups.set(flow.id, group);
  }

  /** A connection carries a call from `client` to `server`; null past the limit. */
  used(flow: Flow, client: string, server: string): Link | null {
    if (flow.id === this.lastFlow && this.last !== null && this.last.pair.client === client) return this.last;
    let link = this.links.get(flow.id) ?? null;
    if (link === null || link.pair.client !== client) {
      const pair = this.pair(client, server);
      if (pair === null || this.links.size >= MAX_LINKS) return null;
      const first = link === null;
      link = {
        pair,
        group: this.groups.get(flow.id) ?? null,
        objects: new Lookup(this.objects),
        numbers: { calls: 0, odd: 0 },
      };
      if (first) {
        this.links.set(flow.id, link);
        pair.open++;
        pair.closed = false;
      }
    }
    this.lastFlow = flow.id;
    return (this.last = link);
  }

  /** A connection ended; the end of the input ends none. */
  ended({ flow, direction, reason }: FlowEnd): void {
    const link = this.links.get(flow.id);
    if (reason === 'end-of-input') return;
    if (direction !== null && !this.halves.has(flow.id)) {
      if (link !== undefined) this.halves.add(flow.id);
      return;
    }
    this.groups.delete(flow.id);
    this.links.delete(flow.id);
    this.halves.delete(flow.id);
    if (flow.id === this.lastFlow) this.lastFlow = -1;
    if (link === undefined) return;
    link.pair.open--;
    link.pair.closed = link.pair.open === 0;
  }

  /** Whether a client had connections to a server and all of them were closed. */
  gone(client: string | null, server: string): boolean {
    return client !== null && this.pairs.get(client)?.get(server)?.closed === true;
  }

  private pair(client: string, server: string): Pair | null {
    const known = this.pairs.get(client)?.get(server);
    if (known !== undefined) return known;
    if (this.known >= MAX_LINKS) return null;
    this.known++;
    const pair: Pair = { client, server, open: 0, closed: false, reverse: null };
    const servers = this.pairs.get(client);
    if (servers === undefined) this.pairs.set(client, new Map([[server, pair]]));
    else servers.set(server, pair);
    const reverse = this.pairs.get(server)?.get(client);
    if (reverse !== undefined) {
      pair.reverse = reverse;
      reverse.reverse = pair;
    }
    return pair;
  }
}

/** Connections and pairs of peers remembered. */
const MAX_LINKS = 65_536;
