import type { MemberReport, Report, ResultReport } from '../data.js';
import { resultText } from '../words.js';
import { latencyChart, latencySpark, shareBar } from './chart.js';
import type { Links } from './links.js';
import { html, joined, type Markup } from './markup.js';
import {
  clock,
  counted,
  duration,
  failures,
  frames,
  moment,
  number,
  section,
  SECTION_END,
  table,
  wrong,
} from './cells.js';

/** Members named for one result. */
const MEMBERS_OF_RESULT = 4;

/** The calls in figures: results with their causes, latency, members, the slowest. */
export function* callFigures(report: Report, links: Links): Generator<Markup> {
  yield section('calls', 'Calls in figures');
  yield html`<h3 id="results">Results</h3>`;
  yield* results(report, links);
  yield html`<h3 id="latency">Latency</h3>`;
  if (report.latency.answered > 0) yield* latencyChart(report.latency);
  else yield html`<p>No call was answered.</p>`;
  yield html`<h3 id="slowest">Slowest calls</h3>`;
  yield* slowest(report, links);
  yield html`<h3 id="members">Members</h3>`;
  yield* members(report.members);
  yield SECTION_END;
}

function* results({ results: list }: Report, links: Links): Generator<Markup> {
  // What went wrong comes first: of a success nobody asks for the cause.
  const sorted = list.toSorted((a, b) => Number(b.bad) - Number(a.bad) || b.count - a.count);
  yield* table(
    {
      caption: 'Results: HRESULTs and faults',
      columns: [
        { title: 'Result' },
        { title: 'Calls', kind: 'number' },
        { title: 'Meaning and cause', kind: 'wide' },
        { title: 'First at' },
        { title: 'Frames' },
        { title: 'Given by' },
      ],
    },
    sorted.map((one) => [
      name(one),
      one.bad ? wrong(one.count) : counted(one.count),
      html`${one.meaning}${one.cause === null || one.cause === one.meaning ? null : html` <span class="why">${one.cause}</span>`}`,
      html`${links.call(one.call)}, ${clock(one.time)}`,
      frames(one.frames),
      givenBy(one),
    ]),
  );
}

function name(result: ResultReport): Markup {
  return html`<span${result.bad ? html` class="bad"` : null}>${resultText(result)}</span> <code>${result.value}</code>`;
}

function givenBy({ members: by }: ResultReport): Markup {
  if (by.length === 0) return html`–`;
  const more = by.length - MEMBERS_OF_RESULT;
  return html`${joined(
    by.slice(0, MEMBERS_OF_RESULT).map((one) => html`${one.name} <span class="why">${number(one.count)}×</span>`),
    ', ',
  )}${more > 0 ? ` and ${more} more` : null}`;
}

function* slowest({ slowest: ids, calls }: Report, links: Links): Generator<Markup> {
  const byId = new Map(calls.map((call) => [call.id, call]));
  const list = ids.flatMap((id) => byId.get(id) ?? []);
  yield* table(
    {
      caption: 'Slowest calls',
      columns: [
        { title: 'Latency', kind: 'number' },
        { title: 'Call' },
        { title: 'What', kind: 'wide' },
        { title: 'Result' },
        { title: 'Time (UTC)' },
      ],
    },
    list.map((call) => [
      duration(call.latencyNs),
      { show: links.call(call.id), by: call.id },
      call.text,
      call.failed === true ? html`<b class="bad">${call.outcome}</b>` : call.outcome,
      moment(call.time),
    ]),
  );
}

function* members(list: readonly MemberReport[]): Generator<Markup> {
  const most = Math.max(1, ...list.map((one) => one.count));
  const late = list.some((one) => one.late > 0);
  yield* table(
    {
      caption: 'Members by calls',
      columns: [
        { title: 'Member' },
        { title: 'Calls', kind: 'number' },
        { title: 'Share', kind: 'drawing' },
        { title: 'Failed', kind: 'number' },
        ...(late ? [{ title: 'Late bound', kind: 'number' } as const] : []),
        { title: 'p50', kind: 'number' },
        { title: 'p90', kind: 'number' },
        { title: 'p99', kind: 'number' },
        { title: 'Longest', kind: 'number' },
        { title: 'Spread, 1 µs to 10 s', kind: 'drawing' },
        { title: 'Section' },
      ],
    },
    list.map((one) => [
      one.name,
      counted(one.count),
      shareBar(one.count, one.failed ?? 0, most),
      failures({ ...one, calls: one.count }),
      ...(late ? [one.late === 0 && one.sealed > 0 ? { show: 'unknown', by: 0 } : counted(one.late)] : []),
      duration(one.p50),
      duration(one.p90),
      duration(one.p99),
      duration(one.max),
      latencySpark(one),
      one.section ?? '–',
    ]),
  );
}
