import type { Method } from '../../ndr/types.js';
import type { Call } from '../../types.js';

/** What a message may name. */
export type Words = Readonly<Record<string, string | number>>;

/**
 * Takes from a call at a method, named as in rules, what later calls are held to. Of those with one `key` one is
 * enough.
 */
export interface Learner {
  readonly at: string;
  readonly key?: string;
  readonly learn: (call: Call) => void;
}

/** A check made ready. */
export interface Check {
  /**
   * Words for the message where the call breaks the rule; null where it does not, or where that cannot be known. `owner`
   * names the interface that declares the method.
   */
  readonly test: (call: Call, method: Method, owner: string) => Words | null;
  /** False: the method has nothing that the check looks at. */
  readonly concerns: (method: Method, owner: string) => boolean;
  readonly learners: readonly Learner[];
  /**
   * What testing a call changes for those that follow: absent: nothing; `flow`: what is kept of its connection, by what
   * is known without its stubs; `values`: what is kept of what it holds.
   */
  readonly keeps?: 'flow' | 'values';
}
