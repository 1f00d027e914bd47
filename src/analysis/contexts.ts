import type { Exchange } from '../types.js';

/** The interface of a context whose bind was not captured, and why it is believed. */
export interface ContextBelief {
  readonly uuid: string;
  readonly certainty: 'inferred' | 'guessed';
  readonly because: string;
}

interface Candidates {
  /** Interfaces that read every call so far to the last byte. */
  fitting: readonly string[];
  readonly opnums: Set<number>;
  calls: number;
}

/** Calls of one context looked at before its interface is given up. */
const MAX_CALLS = 64;
/** Different methods that have to fit before one interface is believed to be meant. */
const ENOUGH_METHODS = 3;

/** What the contexts of connections that were captured from the middle are for. Bounded by `limit` contexts. */
export class Contexts {
  private readonly beliefs = new Map<string, ContextBelief>();
  private readonly candidates = new Map<string, Candidates>();
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  of({ flow, contextId, direction }: Exchange): ContextBelief | null {
    return this.beliefs.size === 0 ? null : (this.beliefs.get(keyOf(flow.id, contextId, direction)) ?? null);
  }

  /** Calls on the context proved what it is for; a stronger reason replaces a weaker one. */
  believe({ flow, contextId, direction }: Exchange, belief: ContextBelief): void {
    const key = keyOf(flow.id, contextId, direction);
    const known = this.beliefs.get(key);
    if (known !== undefined && (known.certainty === 'inferred' || belief.certainty === 'guessed')) return;
    if (known === undefined && this.beliefs.size >= this.limit) return;
    this.beliefs.set(key, belief);
    this.candidates.delete(key);
  }

  /**
   * Narrows what a context may be for by one more call: `fits` says whether an interface reads both of its stubs to the
   * last byte.
   * Returns the interfaces that are left once enough different methods fitted, and null before.
   */
  narrow(exchange: Exchange, all: readonly string[], fits: (uuid: string) => boolean): readonly string[] | null {
    const key = keyOf(exchange.flow.id, exchange.contextId, exchange.direction);
    let known = this.candidates.get(key);
    if (known === undefined) {
      if (this.candidates.size >= this.limit) return null;
      this.candidates.set(key, (known = { fitting: all, opnums: new Set(), calls: 0 }));
    }
    if (known.calls >= MAX_CALLS || known.fitting.length === 0 || exchange.opnum === null) return null;
    known.calls++;
    known.fitting = known.fitting.filter(fits);
    known.opnums.add(exchange.opnum);
    return known.opnums.size >= ENOUGH_METHODS ? known.fitting : null;
  }
}

function keyOf(flow: number, context: number, direction: number): string {
  return `${flow}/${context}/${direction}`;
}
