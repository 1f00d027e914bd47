import { Eldest } from '../bytes/eldest.js';
import type { Moment } from '../types.js';
import type { Pair } from './peers.js';

interface Callback {
  readonly id: number;
  readonly pair: Pair;
  readonly port: number;
  readonly time: Moment | null;
}

/** Calls kept for one causality. */
const PER_CAUSALITY = 16;
const NONE: readonly number[] = Object.freeze([]);

/**
 * Chains calls that a server makes back to its client to the call that caused them: they carry its causality id
 * ([MS-DCOM] 2.2.13.3), go the other way, and end before it. Bounded by `limit` causalities, the oldest forgotten
 * first.
 */
export class Callbacks {
  private readonly waiting = new Map<string, Callback[]>();
  private readonly eldest = new Eldest(() => this.waiting.keys());
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  /**
   * Takes note of a finished call; returns the ids of the calls it caused. Free while no two peers call one another.
   */
  of(id: number, causality: string | null, pair: Pair | null, port: number, time: Moment | null): readonly number[] {
    if (causality === null || pair === null || pair.reverse === null) return NONE;
    const pending = this.waiting.get(causality) ?? [];
    const caused = pending
      .filter((one) => one.pair === pair.reverse && (one.pair !== pair || one.port !== port) && !before(one.time, time))
      .map((one) => one.id);
    const kept = pending.filter((one) => !caused.includes(one.id)).slice(1 - PER_CAUSALITY);
    kept.push({ id, pair, port, time });
    if (!this.waiting.has(causality) && this.waiting.size >= this.limit) {
      const first = this.eldest.take();
      if (first !== null) this.waiting.delete(first);
    }
    this.waiting.set(causality, kept);
    return caused.length === 0 ? NONE : caused;
  }
}

function before(one: Moment | null, other: Moment | null): boolean {
  return (
    one !== null &&
    other !== null &&
    (one.timeS < other.timeS || (one.timeS === other.timeS && one.timeNs < other.timeNs))
  );
}
