import type { Value } from '../../types.js';
import { RULE_LIMITS } from './limits.js';

/** What is remembered of one owner: names of facts, each followed by its value. Few have more than two. */
type Facts = (string | Value)[];

/**
 * What rules remember, by whom it is about (an object, a connection) and by rule. Whoever was heard of first is
 * forgotten first, so that it stays bounded.
 */
export class Memory {
  /** Connections of which something was told, of each check that tells it once. */
  readonly told: Set<number>[] = [];
  private readonly owners = new Map<string, Facts>();
  private readonly limit: number;
  private facts = 0;

  constructor(limit: number = RULE_LIMITS.facts) {
    this.limit = limit;
  }

  get size(): number {
    return this.facts;
  }

  get(owner: string, rule: string): Value | undefined {
    const own = this.owners.get(owner);
    if (own === undefined) return undefined;
    const at = placeOf(own, rule);
    return at < 0 ? undefined : own[at + 1];
  }

  set(owner: string, rule: string, value: Value): void {
    let own = this.owners.get(owner);
    if (own === undefined) this.owners.set(owner, (own = []));
    const at = placeOf(own, rule);
    if (at >= 0) {
      own[at + 1] = value;
      return;
    }
    own.push(rule, value);
    this.facts++;
    if (this.facts > this.limit) this.forgetOldest();
  }

  forget(owner: string, rule: string): void {
    const own = this.owners.get(owner);
    const at = own === undefined ? -1 : placeOf(own, rule);
    if (own === undefined || at < 0) return;
    own.splice(at, 2);
    this.facts--;
  }

  private forgetOldest(): void {
    for (const [owner, { length }] of this.owners) {
      this.owners.delete(owner);
      this.facts -= length / 2;
      if (this.facts <= this.limit) return;
    }
  }
}

function placeOf(own: Facts, rule: string): number {
  for (let i = 0; i < own.length; i += 2) if (own[i] === rule) return i;
  return -1;
}
