import type { MemberStatistics, ResultStatistics } from '../../analysis/statistics.js';
import { failedOrNull, failedText } from '../../output/failures.js';
import { fitLine, span, type Line, type Span } from '../line.js';
import type { Area } from '../area.js';
import type { Model } from '../model.js';
import type { Pane } from '../pane.js';
import { placeOf } from '../state.js';
import type { Source } from '../source.js';
import { fit } from '../width.js';
import { countText, durationText, endedText } from '../words.js';

const BARS = ' ▁▂▃▄▅▆▇█';

/** `▁▃█`: each number by its part of the largest. */
function sparkline(values: readonly number[], most = Math.max(1, ...values)): string {
  return values.map((value) => BARS[value === 0 ? 0 : Math.max(1, Math.round((value / most) * 8))]).join('');
}

/** Failures over time; `?` where nobody saw how a call ended and none is known to have failed. */
function failedLine(failures: readonly number[], unknowns: readonly number[], most: number): string {
  return [...sparkline(failures, most)].map((bar, at) => (bar === ' ' && (unknowns[at] ?? 0) > 0 ? '?' : bar)).join('');
}

/** Calls over time, results, and every member with its errors and latencies. */
export const statisticsPane: Pane = {
  title: 'statistics',
  tab: 'stats',
  keys: ['4', 's'],
  help: 'statistics',
  kind: 'tab',
  whole: true,
  cursor: 'statistics',
  length: ({ source }) => source.statistics().members.length,
  height: ({ source }, height) => height - headHeight(source, height),
  enter({ state, source }) {
    const member = source.statistics().members[placeOf(state, 'statistics').cursor];
    const [, name, method] = /^(.*?)(?:::|\.)([^.:]+)$/.exec(member?.name ?? '') ?? [];
    return name === undefined || method === undefined
      ? { kind: 'nothing' }
      : {
          kind: 'filter',
          expression: `interface == ${JSON.stringify(name)} && method == ${JSON.stringify(method)}`,
        };
  },
  text: ({ source }, row) => source.statistics().members[row]?.name ?? '',
  draw,
};

function draw(model: Model, area: Area): Line[] {
  const { state, source } = model;
  const figures = source.statistics();
  const { calls, failed, unknown, unanswered, members, results, rate, failures, unknowns, partS } = figures;
  const most = Math.max(1, ...rate);
  const facts: Span[] = [
    span(`  ${countText(calls)} calls, `),
    span(failedText(figures), toneOf(failed, unknown)),
    ...(unanswered > 0 ? [span(`, ${countText(unanswered)} unanswered`, 'warn')] : []),
    span(`, ${members.length} members${results.length === 0 && unknown > 0 ? '' : `, ${results.length} results`}`),
  ];
  // What failed is looked for.
  const listed = results.toSorted((a, b) => Number(b.bad) - Number(a.bad)).slice(0, resultsShown(source, area.height));
  const lines: Line[] = [
    fitLine(facts, area.width),
    fitLine(
      [
        span('  over time  ', 'dim'),
        span(sparkline(rate, most), 'name'),
        span(`  each ${durationText(partS * 1e9)}, at most ${countText(Math.max(0, ...rate))} calls`, 'dim'),
      ],
      area.width,
    ),
    fitLine([span('  failed     ', 'dim'), span(failedLine(failures, unknowns, most), 'bad')], area.width),
    fitLine([span(`  ${fit('result', RESULT)}${fit('calls', 8, 'right')}  by`, 'dim')], area.width),
    ...listed.map((one) => fitLine(resultLine(one, source), area.width)),
    [],
  ];
  const histogram = area.width >= 110;
  const name = Math.max(16, area.width - 2 - 8 * 6 - (histogram ? 22 : 0));
  lines.push(
    fitLine(
      [
        span(
          `  ${fit('member', name)}${['calls', 'errors', 'p50', 'p90', 'p99', 'max'].map((head) => fit(head, 8, 'right')).join('')}${histogram ? '  1µs …      10s' : ''}`,
          'dim',
        ),
      ],
      area.width,
    ),
  );
  const { cursor, top } = placeOf(state, 'statistics');
  for (const [at, member] of members.slice(top, top + Math.max(1, area.height - lines.length)).entries())
    lines.push(fitLine(memberLine(member, name, histogram), area.width, top + at === cursor ? 'cursor' : null));
  return lines;
}

/** Lines above the list of members, in a pane of this height. */
function headHeight(source: Source, height: number): number {
  return 6 + resultsShown(source, height);
}

/** A quarter of the pane is for results. */
function resultsShown(source: Source, height: number): number {
  return Math.min(source.statistics().results.length, Math.max(1, Math.floor(height / 4)));
}

const RESULT = 40;

function resultLine({ kind, value, count, bad, members }: ResultStatistics, { names }: Source): Line {
  const by = members.map(({ name, count: times }) => `${name} ${countText(times)}`).join(', ');
  return [
    span(`  ${fit(endedText(kind, value, names), RESULT)}`, bad ? 'bad' : 'good'),
    span(fit(countText(count), 8, 'right')),
    span(`  ${by}`, 'dim'),
  ];
}

/** Of calls whose end nobody saw nobody knows whether they failed. */
function memberFailed({ count, failed, unknown }: MemberStatistics): string {
  const known = failedOrNull({ calls: count, failed, unknown });
  return known === null ? '?' : countText(known);
}

function toneOf(failed: number, unknown: number): Span['paint'] {
  if (failed > 0) return 'bad';
  return unknown > 0 ? 'warn' : 'plain';
}

function memberLine(member: MemberStatistics, name: number, histogram: boolean): Line {
  return [
    span(`  ${fit(member.name, name)}`, 'name'),
    span(fit(countText(member.count), 8, 'right')),
    span(fit(memberFailed(member), 8, 'right'), member.failed > 0 ? 'bad' : 'plain'),
    span(time(member.p50) + time(member.p90) + time(member.p99) + time(member.max)),
    ...(histogram ? [span(`  ${sparkline(member.histogram)}`, 'value')] : []),
  ];
}

function time(ns: number | null): string {
  return fit(ns === null ? '-' : durationText(ns), 8, 'right');
}
