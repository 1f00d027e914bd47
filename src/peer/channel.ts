import type { Moment } from '../types.js';
import { ClientLink, type ClientAuth, type LinkAnswer, type LinkCall, type LinkFailure } from './link/client.js';
import type { BoundPlace } from '../dcom/bindings.js';
import { Budget, BUDGETS, type Share } from './budget.js';
import type { Line, World } from './world.js';

/** Where a connection goes. */
export interface Place {
  readonly port: number;
  /** Another host than the one that was dialled, where bindings are followed to it. */
  readonly host: string | null;
  /** Another host that bindings name, and that is not gone to. */
  readonly elsewhere: string | null;
}

/** A port of the host that was dialled. */
export function portThere(port: number): Place {
  return { port, host: null, elsewhere: null };
}

/** Where bindings lead: elsewhere only if they are followed. */
export function placeAt({ port, elsewhere }: BoundPlace, follow: boolean): Place {
  return follow ? { port, host: elsewhere, elsewhere: null } : { port, host: null, elsewhere };
}

/** A connection to a server, and its client's side. */
export interface Channel {
  readonly link: ClientLink;
  readonly line: Line;
  /** What it holds of the client's memory. */
  readonly share: Share;
  readonly place: Place;
  /** From 1, in the order in which connections were opened. */
  readonly number: number;
}

/** When a call was made, and when its answer came or it was given up. */
export interface CallTimes {
  readonly requestTime: Moment;
  readonly responseTime: Moment;
}

/** Takes what became of a call; called once. */
type Heard = (answer: LinkAnswer, times: CallTimes) => void;

interface Pending {
  readonly dueMs: number;
  readonly give: (answer: LinkAnswer) => void;
  /** Tells the server that nobody waits any more. */
  abandon: (() => void) | null;
  over: boolean;
}

/** Timers may come a little early. */
const SLACK_MS = 1;
/** What is said where nobody answers at the host that was dialled, and the bindings had named another. */
export function elsewhereWords({ elsewhere }: Place): string {
  return elsewhere === null
    ? ''
    : `; the server's bindings name ${elsewhere}, where nobody goes unless bindings are to be followed (--follow-bindings)`;
}

/** Calls that are over and not yet forgotten, behind one that is not. */
const KEPT = 1024;

/**
 * The connections of a client, opened when a call needs them, and the calls under way on them, each with a deadline.
 * Pure: bytes and time are the world's.
 */
export class Channels {
  private readonly world: World;
  private readonly budget: Budget;
  private readonly open = new Map<string, Channel>();
  /** Calls under way by how long they may take. */
  private readonly queues = new Map<number, DeadlineQueue>();
  private dialled = 0;

  /** `budget`: what all connections may hold; one of its own where it is left out. */
  constructor(world: World, budget = new Budget({ bytes: BUDGETS.clientBytes })) {
    this.world = world;
    this.budget = budget;
  }

  /**
   * The channel of this name, opened where it is not yet, and anew where the connection was lost or refused. One that
   * was denied stays what it is: signing in again and again would lock an account.
   */
  channel(name: string, place: Place, auth: () => ClientAuth | null): Channel {
    const known = this.opened(name);
    if (known !== null) return known;
    let link: ClientLink | null = null;
    const share = this.budget.share((reason) => {
      link?.close(reason, 'malformed');
      line.close();
    });
    const events = {
      data: (bytes: Uint8Array) => link?.push(bytes),
      closed: (reason: string, cause?: LinkFailure) => {
        share.close();
        link?.close(cause === 'refused' ? `${reason}${elsewhereWords(place)}` : reason, cause);
      },
    };
    const { port, host } = place;
    const line = host === null ? this.world.dial(port, events) : this.world.dial(port, events, host);
    link = new ClientLink((bytes) => line.send(bytes), auth(), share);
    const made: Channel = { link, line, share, place, number: ++this.dialled };
    this.open.set(name, made);
    return made;
  }

  /** The channel of this name, if it is of use. */
  opened(name: string): Channel | null {
    const known = this.open.get(name);
    const { failure } = known?.link ?? { failure: null };
    if (known === undefined || (failure !== 'lost' && failure !== 'refused')) return known ?? null;
    known.share.close();
    known.line.close();
    this.open.delete(name);
    return null;
  }

  /** Makes a call; `heard` gets its answer, or that its time is up. */
  call(channel: Channel, call: LinkCall, deadlineMs: number, heard: Heard): void {
    const requestTime = this.world.now();
    const queue = this.queueOf(deadlineMs);
    const pending: Pending = {
      dueMs: milliseconds(requestTime) + deadlineMs,
      over: false,
      abandon: null,
      give: (answer) => {
        if (pending.over) return;
        pending.over = true;
        queue.forget();
        heard(answer, { requestTime, responseTime: this.world.now() });
      },
    };
    queue.add(pending);
    pending.abandon = channel.link.call(call, pending.give);
  }

  /** Ends all connections; calls under way fail. */
  close(reason: string): void {
    for (const queue of this.queues.values()) queue.stop();
    for (const { link, line, share } of this.open.values()) {
      share.close();
      link.close(reason);
      line.close();
    }
    this.open.clear();
  }

  private queueOf(deadlineMs: number): DeadlineQueue {
    const known = this.queues.get(deadlineMs);
    if (known !== undefined) return known;
    const made = new DeadlineQueue(this.world, deadlineMs);
    this.queues.set(deadlineMs, made);
    return made;
  }
}

/** Calls that may take equally long, the oldest first: one timer serves them all. */
class DeadlineQueue {
  private readonly world: World;
  private readonly deadlineMs: number;
  private pending: Pending[] = [];
  private first = 0;
  private timer: (() => void) | null = null;

  constructor(world: World, deadlineMs: number) {
    this.world = world;
    this.deadlineMs = deadlineMs;
  }

  add(one: Pending): void {
    this.pending.push(one);
    this.timer ??= this.world.after(this.deadlineMs, () => this.sweep());
  }

  /** Forgets the oldest calls that are over. */
  forget(): void {
    while (this.pending[this.first]?.over === true) this.first++;
    if (this.first < KEPT && this.first < this.pending.length) return;
    this.pending = this.pending.slice(this.first);
    this.first = 0;
  }

  stop(): void {
    this.timer?.();
    this.timer = null;
  }

  /** Gives up the calls whose time is up. */
  private sweep(): void {
    this.timer = null;
    const nowMs = milliseconds(this.world.now());
    for (const one of this.pending.filter(({ over }) => !over)) {
      if (one.dueMs > nowMs + SLACK_MS) break;
      one.abandon?.();
      one.give({ kind: 'failed', cause: 'timed-out', message: `no answer came within ${this.deadlineMs} ms` });
    }
    this.forget();
    const next = this.pending[this.first];
    if (next !== undefined) this.timer ??= this.world.after(Math.max(SLACK_MS, next.dueMs - nowMs), () => this.sweep());
  }
}

/** A moment as milliseconds. */
export function milliseconds({ timeS, timeNs }: Moment): number {
  return timeS * 1000 + timeNs / 1e6;
}
