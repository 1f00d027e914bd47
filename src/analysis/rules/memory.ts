import type { Value } from '../../types.js';
import { RULE_LIMITS } from './limits.js';

/**
 * What rules remember, by whom it is about (an object, a connection) and by rule. Whoever was heard of first is
 * forgotten first, so that it stays bounded.
 */
export class Memory {
  private readonly owners = new Map<string, Map<string, Value>>();
  private readonly limit: number;
  private facts = 0;

  constructor(limit: number = RULE_LIMITS.facts) {
    this.limit = limit;
  }

  get size(): number {
    return this.facts;
  }

  get(owner: string, rule: string): Value | undefined {
    return this.owners.get(owner)?.get(rule);
  }

  set(owner: string, rule: string, value: Value): void {
    let own = this.owners.get(owner);
    if (own === undefined) this.owners.set(owner, (own = new Map()));
    if (!own.has(rule)) this.facts++;
    own.set(rule, value);
    if (this.facts > this.limit) this.forgetOldest();
  }

  forget(owner: string, rule: string): void {
    if (this.owners.get(owner)?.delete(rule) === true) this.facts--;
  }

  private forgetOldest(): void {
    for (const [owner, { size }] of this.owners) {
      this.owners.delete(owner);
      this.facts -= size;
      if (this.facts <= this.limit) return;
    }
  }
}
