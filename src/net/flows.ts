import type { Direction, Endpoint, Flow } from '../types.js';
import { ipv4Text, ipv6Text } from './address.js';
import { ANY_PATH, type Seen } from './packet.js';
import { Pair } from './stream-pair.js';
import type { Shared } from './net-state.js';
import { Stream } from './stream.js';
import type { Waiter } from './waiting-queue.js';

/** Where the addresses of a packet stand, one after the other, and its ports. */
export interface Ends {
  readonly version: number;
  readonly ip: DataView;
  readonly addresses: number;
  readonly sourcePort: number;
  readonly targetPort: number;
  /** What the packet came through; {@link ANY_PATH} where that is not asked. */
  readonly path: number;
  readonly sequence: number;
  readonly ack: number;
}

/** A reset that was captured before bytes that its sender had received. */
export interface Reset extends Seen {
  /** The stream of its sender, and the other one. */
  readonly stream: Stream;
  readonly other: Stream;
  readonly ack: number;
}

/**
 * A connection in the table. Addresses are kept as words (IPv4 uses the first); `a` sent the packet that entered it.
 */
export interface Connection extends Waiter {
  readonly version: number;
  readonly a0: number;
  readonly a1: number;
  readonly a2: number;
  readonly a3: number;
  readonly aPort: number;
  readonly b0: number;
  readonly b1: number;
  readonly b2: number;
  readonly b3: number;
  readonly bPort: number;
  readonly hash: number;
  readonly a: Endpoint;
  readonly b: Endpoint;
  flow: Flow;
  /** From `a` to `b`, and back; which direction of the flow that is, the stream says. */
  pair: Pair;
  /** The connection between the same ports before this one: copies of its packets may still come. */
  former: Pair | null;
  reset: Reset | null;
  /** True once ended: only a new SYN, or data from elsewhere in the sequence space, brings it back. */
  closed: boolean;
  /** The direction whose FIN came first, or null. */
  closer: Direction | null;
  lastS: number;
  /** What packets from `a` came through, and those from `b`. */
  aPath: number;
  bPath: number;
  next: Connection | null;
}

/** Slots at the start; doubled as connections come. A power of two. */
const FIRST_SLOTS = 256;

/** Connections by addresses and ports, both directions under one key; no text is made to look one up. */
export class FlowTable {
  private slots: (Connection | null)[] = Array.from({ length: FIRST_SLOTS }, () => null);
  private readonly shared: Shared;
  private last: Connection | null = null;
  /** Whether the packet of the last `find` or `add` goes the way its connection was entered. */
  forward = true;
  size = 0;

  constructor(shared: Shared) {
    this.shared = shared;
  }

  /** The connection of a packet; sets `forward`. */
  find(ends: Ends): Connection | null {
    const { last } = this;
    if (last !== null && this.matches(last, ends) && ends.path === (this.forward ? last.aPath : last.bPath))
      return last;
    const hash = flowHash(ends);
    const { path } = ends;
    let best: Connection | null = null;
    let bestFit: number = FIT.none;
    for (let found = this.slots[hash & (this.slots.length - 1)] ?? null; found !== null; found = found.next) {
      if (found.hash !== hash || !this.matches(found, ends)) continue;
      if (path === (this.forward ? found.aPath : found.bPath)) return (this.last = found);
      const fit = fitOf(found, ends, this.forward);
      if (fit <= bestFit) continue;
      best = found;
      bestFit = fit;
    }
    if (best === null) return null;
    this.matches(best, ends);
    // A direction is known by the first path that it was seen on; copies come on others.
    if (this.forward && best.aPath === ANY_PATH) best.aPath = path;
    else if (!this.forward && best.bPath === ANY_PATH) best.bPath = path;
    return (this.last = best);
  }

  /** The connection silent longest of a full slot, where the packet's connection would go; null while there is room. */
  crowded(ends: Ends): Connection | null {
    let oldest: Connection | null = null;
    let count = 0;
    for (let one = this.slots[flowHash(ends) & (this.slots.length - 1)] ?? null; one !== null; one = one.next) {
      count++;
      if (oldest === null || byAge(one, oldest) < 0) oldest = one;
    }
    return count >= this.shared.limits.flowsPerSlot ? oldest : null;
  }

  /**
   * Enters a connection whose first packet goes from its `a` to its `b`; when it answers a SYN, `b` opened the flow.
   */
  add(ends: Ends, timeS: number, opened: Flow['opened']): Connection {
    const { version, ip, addresses: at, sourcePort, targetPort } = ends;
    const size = version === 4 ? 4 : 16;
    const word = (i: number): number =>
      version === 4 && i % 4 !== 0 ? 0 : ip.getInt32(at + (i >= 4 ? size : 0) + (i % 4) * 4);
    const text = (from: number): string => (version === 4 ? ipv4Text(ip.getUint32(from)) : ipv6Text(ip, from));
    const a: Endpoint = { address: text(at), port: sourcePort };
    const b: Endpoint = { address: text(at + size), port: targetPort };
    const { flow, pair } = this.pair(a, b, opened !== 'syn-ack', opened);
    const connection: Connection = {
      version,
      a0: word(0),
      a1: word(1),
      a2: word(2),
      a3: word(3),
      aPort: sourcePort,
      b0: word(4),
      b1: word(5),
      b2: word(6),
      b3: word(7),
      bPort: targetPort,
      hash: flowHash(ends),
      a,
      b,
      flow,
      pair,
      former: null,
      reset: null,
      waiting: false,
      closed: false,
      closer: null,
      lastS: timeS,
      aPath: ends.path,
      bPath: ANY_PATH,
      next: null,
    };
    if (this.size >= this.slots.length) this.grow();
    this.size++;
    this.link(connection);
    this.forward = true;
    return (this.last = connection);
  }

  /** Another connection between the same ports: a new flow, with new streams. */
  renew(connection: Connection, opener: 'a' | 'b', opened: Flow['opened']): void {
    const { flow, pair } = this.pair(connection.a, connection.b, opener === 'a', opened);
    connection.former = connection.pair;
    connection.flow = flow;
    connection.pair = pair;
    connection.reset = null;
    connection.closed = false;
    connection.closer = null;
  }

  remove(connection: Connection): void {
    const slot = connection.hash & (this.slots.length - 1);
    const head = this.slots[slot] ?? null;
    if (head === connection) this.slots[slot] = connection.next;
    else for (let at = head; at !== null; at = at.next) if (at.next === connection) at.next = connection.next;
    if (this.last === connection) this.last = null;
    this.size--;
  }

  /** All, in the order of their flows. */
  all(): Connection[] {
    return this.list().toSorted((x, y) => x.flow.id - y.flow.id);
  }

  /** A sixteenth of them, closed ones and those silent longest: sorting is paid once for many. */
  oldest(): Connection[] {
    return this.list()
      .toSorted(byAge)
      .slice(0, Math.max(1, this.shared.limits.flows >>> 4));
  }

  clear(): void {
    this.slots = Array.from({ length: FIRST_SLOTS }, () => null);
    this.last = null;
    this.size = 0;
  }

  private list(): Connection[] {
    const all: Connection[] = [];
    for (const head of this.slots) for (let at = head; at !== null; at = at.next) all.push(at);
    return all;
  }

  private pair(
    a: Endpoint,
    b: Endpoint,
    aOpened: boolean,
    opened: Flow['opened'],
  ): { readonly flow: Flow; readonly pair: Pair } {
    const flow: Flow = { id: ++this.shared.counts.flows, a: aOpened ? a : b, b: aOpened ? b : a, opened };
    const way: Direction = aOpened ? 0 : 1;
    const pair = new Pair(new Stream(flow, way, this.shared), new Stream(flow, way === 0 ? 1 : 0, this.shared));
    return { flow, pair };
  }

  private link(connection: Connection): void {
    const slot = connection.hash & (this.slots.length - 1);
    connection.next = this.slots[slot] ?? null;
    this.slots[slot] = connection;
  }

  private grow(): void {
    const all = this.list();
    this.slots = Array.from({ length: this.slots.length * 2 }, () => null);
    for (const connection of all) this.link(connection);
  }

  private matches(c: Connection, { version, ip, addresses: at, sourcePort, targetPort }: Ends): boolean {
    if (c.version !== version) return false;
    const to = version === 4 ? at + 4 : at + 16;
    const source = ip.getInt32(at);
    const target = ip.getInt32(to);
    if (c.aPort === sourcePort && c.bPort === targetPort && c.a0 === source && c.b0 === target) {
      if (version === 4 || (sameTail(c.a1, c.a2, c.a3, ip, at) && sameTail(c.b1, c.b2, c.b3, ip, to))) {
        this.forward = true;
        return true;
      }
    }
    if (c.aPort !== targetPort || c.bPort !== sourcePort || c.a0 !== target || c.b0 !== source) return false;
    if (version !== 4 && !(sameTail(c.a1, c.a2, c.a3, ip, to) && sameTail(c.b1, c.b2, c.b3, ip, at))) return false;
    this.forward = false;
    return true;
  }
}

/** How well a packet on another path than its direction was seen on fits a connection with its addresses and ports. */
const FIT = { none: 0, acknowledges: 1, continues: 2, answers: 3 } as const;

function fitOf({ pair, aPath, bPath }: Connection, { path, sequence, ack }: Ends, forward: boolean): number {
  if (path === ANY_PATH) return FIT.answers;
  const known = forward ? aPath : bPath;
  const stream = forward ? pair.forward : pair.backward;
  const other = forward ? pair.backward : pair.forward;
  if (known === ANY_PATH) {
    if (path === (forward ? bPath : aPath)) return FIT.answers;
    return other.covers(ack) ? FIT.acknowledges : FIT.none;
  }
  // A copy on its way through another network, or one that changed its way.
  return stream.started && stream.covers(sequence) ? FIT.continues : FIT.none;
}

/** A 32-bit hash that is the same for both directions: each end is mixed for itself, and the sum of both again. */
export function flowHash({ version, ip, addresses: at, sourcePort, targetPort }: Ends): number {
  let a: number;
  let b: number;
  if (version === 4) {
    a = mix(ip.getInt32(at), sourcePort);
    b = mix(ip.getInt32(at + 4), targetPort);
  } else {
    a = mix(ip.getInt32(at + 12), mix(ip.getInt32(at + 8), mix(ip.getInt32(at + 4), mix(ip.getInt32(at), sourcePort))));
    b = mix(
      ip.getInt32(at + 28),
      mix(ip.getInt32(at + 24), mix(ip.getInt32(at + 20), mix(ip.getInt32(at + 16), targetPort))),
    );
  }
  const sum = (a + b) | 0;
  return mix(sum >>> 16, sum);
}

function mix(word: number, into: number): number {
  const mixed = Math.imul(word ^ Math.imul(into ^ (into >>> 15), 0x2c1b3c6d), 0x297a2d39);
  return mixed ^ (mixed >>> 15);
}

function sameTail(w1: number, w2: number, w3: number, ip: DataView, at: number): boolean {
  return w1 === ip.getInt32(at + 4) && w2 === ip.getInt32(at + 8) && w3 === ip.getInt32(at + 12);
}

/** Closed ones first, then by silence. */
function byAge(x: Connection, y: Connection): number {
  if (x.closed !== y.closed) return x.closed ? -1 : 1;
  return x.lastS - y.lastS || x.flow.id - y.flow.id;
}
