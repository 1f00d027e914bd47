import type { LatencyFigures, StatisticsFigures } from '../analysis/statistics.js';
import { hex32 } from '../bytes/hex.js';
import { escapeTerminal } from './escape.js';
import { failedOrNull, failedText } from './failures.js';
import { jsonText } from './json.js';
import type { Names } from './names.js';
import { resultName } from './text.js';
import { durationText, IsoClock } from './time.js';

/** Figures of calls as lines for people: in all, by result, by member. */
export function* statisticsText(figures: StatisticsFigures, names: Names): Generator<string> {
  const { calls, unanswered, members, results, latency } = figures;
  yield `${calls} calls, ${failedText(figures)}, ${unanswered} unanswered`;
  yield `latency${latencyText(latency)}`;
  yield '';
  yield `${'calls'.padStart(9)}  result`;
  for (const { kind, value, count, bad, members: by } of results) {
    const who = by.map(({ name, count: times }) => `${name} ${times}`).join(', ');
    yield escapeTerminal(`${String(count).padStart(9)}  ${endName(kind, value, names)}${bad ? `  (${who})` : ''}`);
  }
  yield '';
  yield `${'calls'.padStart(9)}${'failed'.padStart(8)}${['p50', 'p90', 'p99', 'max'].map((head) => head.padStart(9)).join('')}  member`;
  for (const member of members) {
    const { name, count, failed, unknown, p50, p90, p99, max } = member;
    const bad = failedOrNull({ calls: count, failed, unknown }) ?? '?';
    const times = [p50, p90, p99, max].map((ns) => (ns === null ? '-' : durationText(ns)).padStart(9)).join('');
    yield escapeTerminal(`${String(count).padStart(9)}${String(bad).padStart(8)}${times}  ${name}`);
  }
}

function latencyText({ answered, p50, p90, p99, max }: LatencyFigures): string {
  const parts = Object.entries({ p50, p90, p99, max }).map(
    ([name, ns]) => ` ${name} ${ns === null ? '-' : durationText(ns)}`,
  );
  return `${parts.join(',')} of ${answered} answered`;
}

function endName(kind: 'hresult' | 'fault', value: number, names: Names): string {
  return kind === 'fault' ? `fault ${names.status(value) ?? hex32(value)}` : resultName(value, names);
}

/** The same as one JSON object: `{"kind":"statistics", …}`, durations in nanoseconds. */
export function statisticsJson(figures: StatisticsFigures, names: Names): string {
  const clock = new IsoClock();
  const { calls, unanswered, sealed, unknown, latency, members, results, first, last } = figures;
  return jsonText({
    kind: 'statistics',
    calls,
    failed: failedOrNull(figures),
    unanswered,
    sealed,
    unknown,
    first: first === null ? null : clock.text(first),
    last: last === null ? null : clock.text(last),
    latencyNs: nanoseconds(latency),
    results: results.map(({ kind, value, count, bad, members: by }) => ({
      kind,
      value: hex32(value),
      name: endName(kind, value, names).replace(/^fault /, ''),
      count,
      bad,
      members: by,
    })),
    members: members.map((member) => ({
      name: member.name,
      section: member.section,
      calls: member.count,
      failed: failedOrNull({ calls: member.count, failed: member.failed, unknown: member.unknown }),
      unknown: member.unknown,
      late: member.late,
      latencyNs: nanoseconds(member),
    })),
  });
}

function nanoseconds({ answered, p50, p90, p99, max }: LatencyFigures) {
  return { answered, p50: whole(p50), p90: whole(p90), p99: whole(p99), max: whole(max) };
}

function whole(ns: number | null): number | null {
  return ns === null ? null : Math.round(ns);
}
