import { fitLine, span, type Line } from '../line.js';
import type { Area } from '../layout.js';
import type { Model } from '../model.js';
import type { MemberFigures } from '../source.js';
import { fit } from '../width.js';
import { countText, durationText } from '../words.js';

const BARS = ' ▁▂▃▄▅▆▇█';

/** `▁▃█`: each number by its part of the largest. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  return values.map((value) => BARS[value === 0 ? 0 : Math.max(1, Math.round((value / most) * 8))]).join('');
}

/** Calls over time, results, and every member with its errors and latencies. */
export function statisticsPane(model: Model, area: Area): Line[] {
  const { state, source } = model;
  const { calls, failed, members, results, rate, partS } = source.statistics();
  const lines: Line[] = [
    fitLine([span(`  ${countText(calls)} calls, `), span(`${countText(failed)} failed`, failed > 0 ? 'bad' : 'plain'), span(`, ${members.length} members`)], area.width),
    fitLine([span('  over time  ', 'dim'), span(sparkline(rate), 'name'), span(`  each ${durationText(partS * 1e9)}, at most ${countText(Math.max(0, ...rate))} calls`, 'dim')], area.width),
    fitLine([span('  results    ', 'dim'), ...results.slice(0, 8).flatMap(({ name, count, bad }) => [span(name, bad ? 'bad' : 'good'), span(` ${countText(count)}   `)])], area.width),
    [],
  ];
  const histogram = area.width >= 110;
  const name = Math.max(16, area.width - 2 - 8 * 6 - (histogram ? 22 : 0));
  lines.push(fitLine([span(`  ${fit('member', name)}${['calls', 'errors', 'p50', 'p90', 'p99', 'max'].map((head) => fit(head, 8, 'right')).join('')}${histogram ? '  1µs …      10s' : ''}`, 'dim')], area.width));
  const { cursor, top } = state.places.statistics;
  for (const [at, member] of members.slice(top, top + area.height - lines.length).entries()) lines.push(fitLine(memberLine(member, name, histogram), area.width, top + at === cursor ? 'cursor' : null));
  return lines;
}

/** Lines above the list of members. */
export const STATISTICS_HEAD = 5;

function memberLine(member: MemberFigures, name: number, histogram: boolean): Line {
  return [
    span(`  ${fit(member.name, name)}`, 'name'), span(fit(countText(member.count), 8, 'right')), span(fit(countText(member.errors), 8, 'right'), member.errors > 0 ? 'bad' : 'plain'),
    span(time(member.p50) + time(member.p90) + time(member.p99) + time(member.max)), ...(histogram ? [span(`  ${sparkline(member.histogram)}`, 'value')] : []),
  ];
}

function time(ns: number | null): string {
  return fit(ns === null ? '-' : durationText(ns), 8, 'right');
}
