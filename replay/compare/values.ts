import { MAX_VALUE_DEPTH } from '../../src/ndr/limits.js';
import { isRecord, sameValue, type Fields } from '../../src/ndr/value.js';
import type { Value } from '../../src/types.js';
import { isReference, type Reference } from '../../src/dcom/references.js';
import type { Rule, RuleBook } from './rules.js';
import { MAX_REGEX_TEXT } from './rules.js';

/** One field that differs. */
export interface Difference {
  readonly kind: 'value' | 'identity' | 'hresult' | 'fault' | 'outcome';
  /** Path by the member: `IUpdate.Title`. */
  readonly member: string;
  /** Path by the place of its object: `ISearchResult.Updates[3].Title`. */
  readonly place: string;
  readonly expected: Value;
  readonly actual: Value;
  readonly message: string | null;
}

/** What a comparison of values needs to know. */
export interface ValueContext {
  readonly rules: RuleBook;
  /** Whether two references are to the same object, as far as is known; null when not. */
  readonly same: (expected: Reference, actual: Reference) => string | null;
  readonly differ: (difference: Difference) => void;
}

/** Where a value stands: its path by the member, by the place, and how deep in it. */
interface ValuePlace {
  readonly member: string;
  readonly place: string;
  readonly depth: number;
}

/** Differences past this many in one call are left out. */
export const MAX_DIFFERENCES = 1000;
/** Elements of a list that is compared in any order: it costs the square. */
export const MAX_UNORDERED = 2000;

/** Compares two values field by field. */
export function compareValues(
  expected: Value | undefined,
  actual: Value | undefined,
  at: ValuePlace,
  context: ValueContext,
): void {
  // A failed call that was bound late has no results; bound early, it has null ones.
  if (expected == null && actual == null) return;
  const [before, after] = [expected ?? null, actual ?? null];
  const rules = context.rules.of(at.member, at.place);
  if (rules.length > 0 && ruled(rules, before, after, context)) return;
  const differ = (message: string | null = null, kind: Difference['kind'] = 'value'): void =>
    context.differ({ kind, member: at.member, place: at.place, expected: before, actual: after, message });
  if (expected === undefined) differ('not in what was expected');
  else if (actual === undefined) differ('missing');
  else if (isReference(expected) && isReference(actual)) {
    const why = context.same(expected, actual);
    if (why !== null) differ(why, 'identity');
  } else if (Array.isArray(expected) && Array.isArray(actual))
    compareLists(expected as readonly Value[], actual as readonly Value[], at, context);
  else if (isRecord(expected) && isRecord(actual) && at.depth <= MAX_VALUE_DEPTH)
    compareRecords(expected, actual, at, context);
  else if (!sameValue(expected, actual)) differ();
}

function compareRecords(expected: Fields, actual: Fields, at: ValuePlace, context: ValueContext): void {
  for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)]))
    compareValues(
      Object.hasOwn(expected, name) ? expected[name] : undefined,
      Object.hasOwn(actual, name) ? actual[name] : undefined,
      inside(at, `.${name}`),
      context,
    );
}

function inside({ member, place, depth }: ValuePlace, step: string): ValuePlace {
  return { member: member + step, place: place + step, depth: depth + 1 };
}

function compareLists(
  expected: readonly Value[],
  actual: readonly Value[],
  at: ValuePlace,
  context: ValueContext,
): void {
  const { member, place } = at;
  const unordered = context.rules.of(member, place).find((rule) => rule.unordered);
  if (unordered !== undefined && expected.length <= MAX_UNORDERED && actual.length <= MAX_UNORDERED) {
    context.rules.use(unordered);
    compareUnordered(expected, actual, at, context);
    return;
  }
  if (expected.length !== actual.length) {
    context.differ({
      kind: 'value',
      member,
      place,
      expected: expected.length,
      actual: actual.length,
      message: `${expected.length} elements expected, ${actual.length} there`,
    });
  }
  const common = Math.min(expected.length, actual.length);
  for (let index = 0; index < common; index++)
    compareValues(expected[index], actual[index], inside(at, `[${index}]`), context);
}

/** Elements in any order: those that have no equal on the other side differ. */
function compareUnordered(
  expected: readonly Value[],
  actual: readonly Value[],
  at: ValuePlace,
  context: ValueContext,
): void {
  const left = new Set(actual.keys());
  const missing: Value[] = [];
  for (const one of expected) {
    const found = [...left].find((index) => isEqual(one, actual[index], at, context));
    if (found === undefined) missing.push(one);
    else left.delete(found);
  }
  if (missing.length + left.size === 0) return;
  context.differ({
    kind: 'value',
    member: at.member,
    place: at.place,
    expected: missing,
    actual: [...left].map((index) => actual[index] ?? null),
    message: `${missing.length} elements are missing and ${left.size} are new`,
  });
}

function isEqual(expected: Value, actual: Value | undefined, at: ValuePlace, context: ValueContext): boolean {
  let same = true;
  compareValues(expected, actual, inside(at, '[*]'), { ...context, differ: () => (same = false) });
  return same;
}

/** Whether a rule says that two values need not be compared further. */
function ruled(rules: readonly Rule[], expected: Value, actual: Value, { rules: book }: ValueContext): boolean {
  for (const rule of rules) {
    if (!rule.ignore && !allows(rule, expected, actual)) continue;
    if (rule.ignore ? !identical(expected, actual) : true) book.use(rule);
    return true;
  }
  return false;
}

/** For an ignored field only a difference shows that the rule is needed. */
function identical(expected: Value, actual: Value): boolean {
  return expected === null || typeof expected !== 'object' ? Object.is(expected, actual) : false;
}

function allows({ regex, tolerance, timeMs }: Rule, expected: Value, actual: Value): boolean {
  if (regex !== null) return typeof actual === 'string' && actual.length <= MAX_REGEX_TEXT && regex.test(actual);
  if (tolerance !== null) {
    const [before, after] = [numberOf(expected), numberOf(actual)];
    return (
      before !== null &&
      after !== null &&
      Math.abs(after - before) <= (tolerance.percent ? Math.abs(before) * tolerance.value : tolerance.value)
    );
  }
  if (timeMs === null) return false;
  const [before, after] = [timeOf(expected), timeOf(actual)];
  return before !== null && after !== null && Math.abs(after - before) <= timeMs;
}

function numberOf(value: Value): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : null;
}

/** ISO 8601, with or without Z, as DATE and FILETIME are shown. */
function timeOf(value: Value): number | null {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value)) return null;
  const ms = Date.parse(value.endsWith('Z') ? value : `${value}Z`);
  return Number.isNaN(ms) ? null : ms;
}
