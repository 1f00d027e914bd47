import type { RecordedCall } from '../recording/records.js';
import { CALL_HEADERS } from '../../src/ndr/codec.js';
import type { Fields, Value } from '../../src/types.js';
import { isReference, referencesIn, type Reference } from '../../src/dcom/references.js';
import type { Identities } from './identity.js';
import type { RuleBook } from './rules.js';
import type { Session, SessionCall } from './session.js';
import { compareValues, MAX_DIFFERENCES, type Difference, type ValueContext } from './values.js';

/** What one call came to. */
export interface CallResult {
  readonly status: 'same' | 'different' | 'missing' | 'extra' | 'skipped';
  readonly expected: SessionCall | null;
  readonly actual: SessionCall | null;
  readonly differences: readonly Difference[];
  /** Why it was not made, of a skipped one; null otherwise. */
  readonly cause: string | null;
}

/** The two sessions, the rules, and the objects paired so far. */
export interface Comparison {
  readonly expected: Session;
  readonly actual: Session;
  readonly identities: Identities;
  readonly rules: RuleBook;
}

/**
 * Compares a call with its counterpart. Of calls that set the stage (activation, object resolution) only the outcome
 * and the references count: bindings and versions belong to the machine. `request`: the arguments are compared too.
 */
export function compareCalls(
  expected: SessionCall,
  actual: SessionCall,
  comparison: Comparison,
  request: boolean,
): CallResult {
  const differences: Difference[] = [];
  const context: ValueContext = {
    rules: comparison.rules,
    same: (one, other) => sameObject(one, other, comparison, expected.call.binding === actual.call.binding),
    differ: (difference) => {
      if (differences.length < MAX_DIFFERENCES) differences.push(difference);
    },
  };
  const [before, after] = [expected.call, actual.call];
  if (before.object !== null && after.object !== null) called(expected, actual, comparison, context);
  if (request && expected.sort !== 'stage') compareFields(before.in, after.in, 'in', expected, context);
  if (compareOutcome(expected, actual, context)) {
    if (expected.sort !== 'stage') {
      if (before.decoded && after.decoded) compareFields(before.out, after.out, 'out', expected, context);
      else
        compareValues(
          before.response?.bytes ?? null,
          after.response?.bytes ?? null,
          { member: `${expected.member}.response`, place: `${expected.place}.response`, depth: 0 },
          context,
        );
    } else {
      pairReferences(before.out, after.out, comparison);
    }
  }
  return { status: differences.length === 0 ? 'same' : 'different', expected, actual, differences, cause: null };
}

function compareFields(
  before: Fields,
  after: Fields,
  side: 'in' | 'out',
  { member, place }: SessionCall,
  context: ValueContext,
): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (CALL_HEADERS.includes(name)) continue;
    const returned = name === 'retval' ? '' : `.${name}`;
    const suffix = side === 'in' ? `.in.${name}` : returned;
    compareValues(before[name], after[name], { member: member + suffix, place: place + suffix, depth: 0 }, context);
  }
}

function isAnswered(outcome: string): boolean {
  return outcome === 'answered' || outcome === 'faulted';
}

/** Compares how two calls ended; true when what they returned is worth comparing. */
function compareOutcome(expected: SessionCall, { call: after }: SessionCall, context: ValueContext): boolean {
  const { call: before, member, place } = expected;
  const { differ } = context;
  if (before.fault?.status !== after.fault?.status) {
    differ({
      kind: 'fault',
      member: `${member}.fault`,
      place: `${place}.fault`,
      expected: before.fault?.status ?? null,
      actual: after.fault?.status ?? null,
      message: null,
    });
    return false;
  }
  if (isAnswered(before.outcome) !== isAnswered(after.outcome)) {
    differ({
      kind: 'outcome',
      member: `${member}.outcome`,
      place: `${place}.outcome`,
      expected: before.outcome,
      actual: after.outcome,
      message: null,
    });
    return false;
  }
  return compareResult(expected, after, context);
}

/** Compares two HRESULTs; true when what the calls returned is worth comparing. */
function compareResult(
  { call: before, member, place }: SessionCall,
  after: RecordedCall,
  { rules, differ }: ValueContext,
): boolean {
  const hresult = { kind: 'hresult', member: `${member}.hresult`, place: `${place}.hresult` } as const;
  const rule = rules.of(member, place).find((one) => one.hresult !== null);
  if (rule?.hresult != null && (rule.hresult.from === null || rule.hresult.from === before.hresult)) {
    if (after.hresult === rule.hresult.to) {
      if (before.hresult !== after.hresult) rules.use(rule);
      return before.hresult === after.hresult;
    }
    const message = `rule ${rule.number} expects this result`;
    differ({ ...hresult, expected: rule.hresult.to, actual: after.hresult, message });
    return false;
  }
  if (before.hresult === after.hresult) return after.fault === null;
  const ignored = rules.of(hresult.member, hresult.place).find((one) => one.ignore);
  if (ignored === undefined) differ({ ...hresult, expected: before.hresult, actual: after.hresult, message: null });
  else rules.use(ignored);
  return false;
}

/** The objects that two calls went to are the same object. */
function called(expected: SessionCall, actual: SessionCall, comparison: Comparison, context: ValueContext): void {
  const [one, other] = [expected.call.object, actual.call.object];
  if (one === null || other === null || expected.sort === 'stage') return;
  const [before, after] = [comparison.expected.object(one.ipid), comparison.actual.object(other.ipid)];
  if (before === null || after === null || comparison.identities.same(before, after)) return;
  context.differ({
    kind: 'identity',
    member: `${expected.member}.object`,
    place: `${expected.place}.object`,
    expected: one.label,
    actual: other.label,
    message: `the call went to another object: ${one.label ?? one.ipid} expected, ${other.label ?? other.ipid} called`,
  });
}

/** `interfaces`: the references are to the same interface too; one bound late is always to the dispatch interface. */
function sameObject(
  one: Reference,
  other: Reference,
  { expected, actual, identities }: Comparison,
  interfaces: boolean,
): string | null {
  if (interfaces && one.iid !== other.iid)
    return `a reference to ${String(one.interface ?? one.iid)} was expected, and one to ${String(other.interface ?? other.iid)} came`;
  const [before, after] = [expected.object(one.ipid), actual.object(other.ipid)];
  if (before === null || after === null || identities.same(before, after)) return null;
  return identities.of(before) === null
    ? `a new object was expected (${String(one.label ?? before)}), and one came that was returned before (${String(other.label ?? after)})`
    : `the object returned before was expected (${String(one.label ?? before)}), and another came (${String(other.label ?? after)})`;
}

/** Objects handed out by calls that set the stage are paired in the order in which they stand in the answer. */
function pairReferences(before: Value, after: Value, { expected, actual, identities }: Comparison): void {
  const lists = [before, after].map((value) => {
    const list: Reference[] = [];
    referencesIn(value, '', (found) => list.push(found));
    return list;
  });
  const [ones = [], others = []] = lists;
  for (const [at, one] of ones.entries()) {
    const other = others[at];
    if (other === undefined || !isReference(other as Reference & Value)) return;
    const [a, b] = [expected.object(one.ipid), actual.object(other.ipid)];
    if (a !== null && b !== null) identities.same(a, b);
  }
}
