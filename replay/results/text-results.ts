import type { CallResult } from '../compare/calls.js';
import type { CompareResult } from '../compare/compare.js';
import type { Difference } from '../compare/values.js';
import { callTitle } from '../recording/text.js';
import { hex32 } from '../../src/bytes/hex.js';
import { escapeTerminal } from '../../src/output/escape.js';
import { valueJson } from '../../src/output/json.js';
import type { Names } from '../../src/output/names.js';
import type { Style } from '../../src/output/style.js';
import { durationText } from '../../src/output/time.js';
import { valueText } from '../../src/output/values.js';
import type { Value } from '../../src/types.js';

/** How results are told: what is expected is the left side of a diff, what is actual the right one. */
export interface Telling {
  readonly names: Names;
  readonly style: Style;
  /** Words for the two sides. */
  readonly sides: readonly [expected: string, actual: string];
}

/** Differences of one call that are shown on the console. */
const MAX_SHOWN = 50;

/** The differences as lines for people, and a summary. */
export function* resultLines(result: CompareResult, telling: Telling): Generator<string> {
  const { style, sides } = telling;
  for (let at = 0; at < result.results.length; at++) {
    const one = result.results[at] as CallResult;
    yield* callLines(one, telling);
    const alike = skippedAlike(result.results, at);
    if (alike < FOLDED) continue;
    at += alike;
    yield style.warn(
      `? ${result.results[at - alike + 1]?.expected?.call.id} to ${result.results[at]?.expected?.call.id}, ${alike} calls, were not made for the same reason`,
    );
  }
  for (const { member, percentile, expectedNs, actualNs, allowedNs } of result.latency) {
    yield style.bad(
      `~ ${escapeTerminal(member)} is slower: ${percentile === 100 ? 'the longest call' : `p${percentile}`} took ${durationText(actualNs)}, ${durationText(expectedNs)} in ${sides[0]}, ${durationText(allowedNs)} allowed`,
    );
  }
  const { expected, actual } = result.leaks;
  if (actual.length > expected.length)
    yield style.bad(
      `~ ${actual.length} objects are still referenced in ${sides[1]}, ${expected.length} in ${sides[0]}: ${escapeTerminal(actual.slice(0, 8).join(', '))}${actual.length > 8 ? ', …' : ''}`,
    );
  for (const rule of result.unusedRules)
    yield style.warn(`rule ${rule.number} (${escapeTerminal(rule.paths.join(', '))}) was never needed`);
  yield verdictLine(result);
}

/** So many calls that were skipped for the same reason, one behind another, are told in one line. */
const FOLDED = 3;

/** How many calls behind this one were skipped for its reason. */
function skippedAlike(results: readonly CallResult[], at: number): number {
  const { status, cause } = results[at] as CallResult;
  if (status !== 'skipped') return 0;
  let end = at + 1;
  while (results[end]?.status === 'skipped' && results[end]?.cause === cause) end++;
  return end - at - 1;
}

/** Members named by the verdict; further ones are counted. */
const MAX_NAMED = 5;

/**
 * One line for the log of a build: `143 calls: 141 alike, 2 differ (IUpdate.Title, IUpdateSearcher::Search HRESULT),
 * 0 skipped`.
 */
export function verdictLine({ results, counts, latency, leaks }: CompareResult): string {
  const { same, different, missing, extra, skipped } = counts;
  const differing = [...new Set(results.flatMap(whatDiffers))];
  const named = differing.slice(0, MAX_NAMED).join(', ');
  const more = differing.length > MAX_NAMED ? `, and ${differing.length - MAX_NAMED} more` : '';
  const parts = [
    `${same} alike${sealedText({ results })}`,
    `${different} ${different === 1 ? 'differs' : 'differ'}${named === '' ? '' : ` (${escapeTerminal(named)}${more})`}`,
    ...(missing > 0 ? [`${missing} missing`] : []),
    ...(extra > 0 ? [`${extra} new`] : []),
    `${skipped} skipped`,
    ...(latency.length > 0 ? [`${latency.length} slower`] : []),
    ...(leaks.actual.length > leaks.expected.length
      ? [`${leaks.actual.length - leaks.expected.length} references more are held in the end`]
      : []),
  ];
  const calls = same + different + missing + extra + skipped;
  return `${calls} ${calls === 1 ? 'call' : 'calls'}: ${parts.join(', ')}`;
}

/** `IUpdate.Title`, `IUpdateSearcher::Search HRESULT`. */
function whatDiffers({ status, expected, differences }: CallResult): readonly string[] {
  if (status !== 'different' || expected === null) return [];
  const { interface: name, iid, method, wireOpnum, member } = expected.call;
  const dot = member === 'method' || member === null ? '::' : '.';
  const title = `${name ?? iid ?? '?'}${dot}${method ?? `opnum ${wireOpnum ?? '?'}`}`;
  return differences.map(({ kind }) => (kind === 'value' ? title : `${title} ${KIND_WORDS[kind]}`));
}

const KIND_WORDS: Readonly<Record<Exclude<Difference['kind'], 'value'>, string>> = {
  identity: 'object',
  hresult: 'HRESULT',
  fault: 'fault',
  outcome: 'outcome',
};

/** ` (143 of them sealed: what they say was not compared)`, or nothing. */
function sealedText({ results }: Pick<CompareResult, 'results'>): string {
  const sealed = results.filter(
    ({ status, expected, actual }) =>
      status === 'same' && (expected?.call.response?.sealed === true || actual?.call.response?.sealed === true),
  ).length;
  return sealed === 0 ? '' : ` (${sealed} of them sealed: what they say was not compared)`;
}

/** `57 calls alike, 1 differs, 2 missing`. */
export function summaryLine({ counts, results }: CompareResult): string {
  const parts = [`${counts.same} calls alike${sealedText({ results })}`];
  if (counts.different > 0) parts.push(`${counts.different} ${counts.different === 1 ? 'differs' : 'differ'}`);
  if (counts.missing > 0) parts.push(`${counts.missing} missing`);
  if (counts.extra > 0) parts.push(`${counts.extra} new`);
  if (counts.skipped > 0) parts.push(`${counts.skipped} skipped`);
  return parts.join(', ');
}

function* callLines(result: CallResult, { names, style }: Telling): Generator<string> {
  const { status, expected, actual, differences, cause } = result;
  const shown = expected ?? actual;
  if (status === 'same' || shown === null) return;
  const title = escapeTerminal(callTitle(shown.call));
  if (status === 'missing') yield style.bad(`- ${shown.call.id} ${title}`);
  else if (status === 'extra') yield style.good(`+ ${shown.call.id} ${title}`);
  else if (status === 'skipped')
    yield style.warn(`? ${shown.call.id} ${title} was not made: ${escapeTerminal(cause ?? 'no reason is known')}`);
  else {
    yield `${style.warn('~')} ${shown.call.id}${actual === null || actual.call.id === shown.call.id ? '' : `/${actual.call.id}`} ${title}`;
    for (const one of differences.slice(0, MAX_SHOWN)) {
      yield `    ${style.name(escapeTerminal(one.place))}${one.message === null ? '' : ` ${style.dim(escapeTerminal(one.message))}`}`;
      yield style.bad(`      - ${differenceText(one, one.expected, names)}`);
      yield style.good(`      + ${differenceText(one, one.actual, names)}`);
    }
    if (differences.length > MAX_SHOWN) yield `    ${differences.length - MAX_SHOWN} more differences`;
  }
}

/** One side of a difference in words: results by their names. */
export function differenceText({ kind }: Difference, value: Value, names: Names): string {
  if (typeof value !== 'number' || (kind !== 'hresult' && kind !== 'fault'))
    return valueText(value, { width: 400, names: null });
  const name = kind === 'hresult' ? names.hresult(value >>> 0) : names.status(value);
  return name === null ? hex32(value) : `${name} (${hex32(value)})`;
}

/**
 * The results as NDJSON: one object a call that is not alike, or, `all`, every call; then what belongs to no call, and
 * a summary.
 */
export function* resultNdjson(result: CompareResult, all: boolean): Generator<string> {
  for (const one of result.results) {
    if (one.status === 'same' && !all) continue;
    const line = callJson(one);
    if (line !== null) yield line;
  }
  for (const one of result.latency) yield valueJson({ kind: 'latency', ...one });
  const { leaks, counts, unusedRules, same } = result;
  const { same: alike, different, missing, extra, skipped } = counts;
  yield valueJson({
    kind: 'summary',
    same,
    alike,
    different,
    missing,
    extra,
    skipped,
    slower: result.latency.length,
    leaked: { expected: leaks.expected, actual: leaks.actual },
    unusedRules: unusedRules.map(({ number, paths }) => ({ rule: number, paths })),
  });
}

function callJson({ status, expected, actual, differences, cause }: CallResult): string | null {
  const one = expected ?? actual;
  if (one === null) return null;
  const { call } = one;
  return valueJson({
    kind: 'result',
    status,
    id: { expected: expected?.call.id ?? null, actual: actual?.call.id ?? null },
    interface: call.interface,
    method: call.method,
    member: one.member,
    place: one.place,
    object: call.object?.label ?? null,
    latencyNs: { expected: expected?.call.latencyNs ?? null, actual: actual?.call.latencyNs ?? null },
    cause,
    differences: differences.map((difference) => ({
      kind: difference.kind,
      path: difference.place,
      member: difference.member,
      expected: difference.expected,
      actual: difference.actual,
      message: difference.message,
    })),
  });
}

/** The results as one JSON document. */
export function* resultJson(result: CompareResult): Generator<string> {
  yield '{"results":[';
  let last: string | null = null;
  let first = true;
  for (const line of resultNdjson(result, false)) {
    if (last !== null) {
      yield `${first ? '' : ','}${last}`;
      first = false;
    }
    last = line;
  }
  yield `],"summary":${last ?? 'null'}}`;
}
