import type { Problem, ProblemCode } from '../types.js';

/**
 * What a problem says of the input: it is `refused` whole, it is `damage`d, or it is a `remark` on traffic that is as
 * it should be read.
 */
export type Weight = 'refused' | 'damage' | 'remark';

/** Codes of an input that is no capture we read. */
const REFUSED: ReadonlySet<ProblemCode> = new Set<ProblemCode>(['capture-unsupported', 'capture-empty']);

/** Codes that tell of the traffic or of the file's kind, not of damage to either. */
const REMARKS: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'capture-version',
  'capture-zeros',
  'capture-joined',
  'unknown-opnum',
  'not-used-on-wire',
  'rpc-context-rejected',
  'rpc-bind-nak',
  'rpc-named-pipe',
  'rpc-preamble',
]);

/** The one meaning that a problem has for every command. */
export function weightOf({ code, at }: Problem): Weight {
  if (REFUSED.has(code)) return 'refused';
  // Cut off before its first header was whole: as little a capture as a text is.
  if (code === 'capture-truncated' && at?.offset === 0) return 'refused';
  return REMARKS.has(code) ? 'remark' : 'damage';
}

/** Whether a problem means that something of the input is missing or broken. */
export function isDamage(problem: Problem): boolean {
  return weightOf(problem) !== 'remark';
}
