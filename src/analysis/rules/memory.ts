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
  /** Goes on where it was: from the front of the map all that were forgotten would be passed again each time. */
  private readonly oldest = this.owners.keys();

  constructor(limit: number = RULE_LIMITS.facts) {
    this.limit = limit;
  }

  get size(): number {
    return this.facts;
  }

  /** How many anything is remembered of. */
  get owned(): number {
    return this.owners.size;
  }

  get(owner: string, rule: string): Value | undefined {
    const own = this.owners.get(owner);
    if (own === undefined) return undefined;
    const at = placeOf(own, rule);
    return at < 0 ? undefined : own[at + 1];
  }

  set(owner: string, rule: string, value: Value): void {
    const own = this.owners.get(owner);
    const at = own === undefined ? -1 : placeOf(own, rule);
    if (own !== undefined && at >= 0) {
      own[at + 1] = value;
      return;
    }
    // What is pushed to an empty list takes room for 16 more.
    if (own === undefined) this.owners.set(owner, [rule, value]);
    else own.push(rule, value);
    this.facts++;
    if (this.facts > this.limit) this.forgetOldest();
  }

  forget(owner: string, rule: string): void {
    const own = this.owners.get(owner);
    const at = own === undefined ? -1 : placeOf(own, rule);
    if (own === undefined || at < 0) return;
    if (own.length === 2) this.owners.delete(owner);
    else own.splice(at, 2);
    this.facts--;
  }

  private forgetOldest(): void {
    while (this.facts > this.limit) {
      const { value: owner } = this.oldest.next();
      if (owner === undefined) return;
      this.facts -= (this.owners.get(owner)?.length ?? 0) / 2;
      this.owners.delete(owner);
    }
  }
}

function placeOf(own: Facts, rule: string): number {
  for (let i = 0; i < own.length; i += 2) if (own[i] === rule) return i;
  return -1;
}
