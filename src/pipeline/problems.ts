import { REFUSALS } from '../analysis/refusals.js';
import type { Finding } from '../types.js';

/** Rules whose findings tell what the input does not show, whatever is done with its calls. */
const OF_INPUT: readonly string[] = [
  'sealed-calls',
  'sealed-sessions',
  'secret-unused',
  'wrong-password',
  'wrong-key',
  'one-direction',
  'not-looked-into',
  // Why calls that were meant to be made are not there.
  ...Object.keys(REFUSALS),
];

/** Whether a finding is about the input: commands that show no findings tell it all the same. */
export function isOfInput({ rule }: Pick<Finding, 'rule'>): boolean {
  return OF_INPUT.includes(rule);
}
