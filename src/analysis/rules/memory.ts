import type { Value } from '../../types.js';
import { RULE_LIMITS } from './limits.js';

/** What rules remember of objects and connections. What was learnt first is forgotten first, so that it stays bounded. */
export class Memory {
  private readonly facts = new Map<string, Value>();
  private readonly limit: number;

  constructor(limit: number = RULE_LIMITS.facts) {
    this.limit = limit;
  }

  get size(): number {
    return this.facts.size;
  }

  get(key: string): Value | undefined {
    return this.facts.get(key);
  }

  set(key: string, value: Value): void {
    // Anew at the end, so that it counts as the latest.
    this.facts.delete(key);
    this.facts.set(key, value);
    if (this.facts.size <= this.limit) return;
    for (const oldest of this.facts.keys()) {
      this.facts.delete(oldest);
      return;
    }
  }

  forget(key: string): void {
    this.facts.delete(key);
  }
}
