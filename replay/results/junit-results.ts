import type { CallResult } from '../compare/calls.js';
import type { CompareResult } from '../compare/compare.js';
import { callTitle } from '../recording/text.js';
import type { JunitCase, JunitSuite } from '../../src/output/junit.js';
import type { Names } from '../../src/output/names.js';
import { durationText } from '../../src/output/time.js';
import { differenceText } from './text-results.js';

/** What a test case of a report stands for. */
export type JunitBy = 'call' | 'member';

/**
 * The results of a comparison as a test suite: a case for every call or every member, and one for each member that got
 * slower and for leaks.
 */
export function resultSuite(
  result: CompareResult,
  about: Omit<JunitSuite, 'cases'>,
  names: Names,
  by: JunitBy = 'call',
): JunitSuite {
  const calls = result.results.flatMap((one) => callCase(one, names) ?? []);
  const cases: JunitCase[] = by === 'call' ? calls : byMember(calls);
  for (const { member, percentile, expectedNs, actualNs, allowedNs } of result.latency) {
    const message = `${member} is slower: ${durationText(actualNs)} at p${percentile}, ${durationText(expectedNs)} expected, ${durationText(allowedNs)} allowed`;
    cases.push({
      name: `latency of ${member} at p${percentile}`,
      classname: 'latency',
      timeS: 0,
      failure: { type: 'latency', message, text: message },
      skipped: null,
    });
  }
  const { expected, actual } = result.leaks;
  if (actual.length > expected.length) {
    const message = `${actual.length} objects are still referenced, ${expected.length} expected`;
    cases.push({
      name: 'references given back',
      classname: 'references',
      timeS: 0,
      failure: { type: 'leak', message, text: actual.join('\n') },
      skipped: null,
    });
  }
  return { ...about, cases };
}

type MemberCase = JunitCase & { readonly member: string };

/** One call as a test case; null for what stands for none. */
function callCase(one: CallResult, names: Names): MemberCase | null {
  const call = one.expected ?? one.actual;
  if (call === null) return null;
  return {
    member: call.call.method ?? `opnum ${call.call.wireOpnum ?? '?'}`,
    name: `${call.call.id} ${callTitle(call.call)}`,
    classname: call.call.interface ?? call.call.iid ?? 'unknown',
    timeS: (one.actual?.call.latencyNs ?? 0) / 1e9,
    failure: isFailed(one) ? failureOf(one, names) : null,
    skipped: one.status === 'skipped' ? (one.cause ?? 'not made') : null,
  };
}

function isFailed({ status }: CallResult): boolean {
  return status === 'different' || status === 'missing' || status === 'extra';
}

function failureOf({ status, cause, differences }: CallResult, names: Names): NonNullable<JunitCase['failure']> {
  const [first] = differences;
  const lines = differences.map(
    (difference) =>
      `${difference.place}${difference.message === null ? '' : ` (${difference.message})`}\n  expected ${differenceText(difference, difference.expected, names)}\n  actual   ${differenceText(difference, difference.actual, names)}`,
  );
  return {
    type: first?.kind ?? status,
    message:
      first === undefined
        ? `the call is ${status}`
        : `${first.place}: expected ${differenceText(first, first.expected, names)}, got ${differenceText(first, first.actual, names)}`,
    text: [...(cause === null ? [] : [cause]), ...lines].join('\n'),
  };
}

/** One case for all calls of a member: it fails when one of them does, and is skipped when none of them was made. */
function byMember(calls: readonly MemberCase[]): JunitCase[] {
  const groups = new Map<string, MemberCase[]>();
  for (const one of calls) {
    const key = `${one.classname}.${one.member}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].map((group): JunitCase => {
    const failed = group.filter((one) => one.failure !== null);
    const skipped = group.filter((one) => one.skipped !== null);
    const [first] = failed;
    return {
      name: group[0]?.member ?? '',
      classname: group[0]?.classname ?? '',
      timeS: group.reduce((sum, one) => sum + one.timeS, 0),
      failure:
        first?.failure == null
          ? null
          : {
              type: first.failure.type,
              message:
                failed.length === 1
                  ? first.failure.message
                  : `${failed.length} of ${group.length} calls: ${first.failure.message}`,
              text: failed.map((one) => `${one.name}\n${one.failure?.text ?? ''}`).join('\n'),
            },
      skipped: skipped.length === group.length ? (skipped[0]?.skipped ?? null) : null,
    };
  });
}
