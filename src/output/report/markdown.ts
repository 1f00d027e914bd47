import { grouped } from '../../bytes/decimal.js';
import { cut, escapeTerminal } from '../escape.js';
import { durationText } from '../time.js';
import type { ComparisonReport, EventReport, Report, SessionReport, StepReport, TableReport } from './data.js';
import { sourceText } from './quality.js';
import { failedCell, failedText } from '../failures.js';
import { bytesText, countText, findingPlace, objectsText, resultText } from './words.js';

/** Rows of one table, lines of one list: Markdown is for reading and pasting; HTML and JSON have all. */
const MAX_ROWS = 200;
const MAX_CELL = 200;

/**
 * The report as Markdown (CommonMark with tables). Whatever came from the network is text: markup in it shows as it is.
 */
export function* reportMarkdown(report: Report): Generator<string> {
  yield `# ${md(report.title)}`;
  yield '';
  yield* front(report);
  if (report.comparison !== null) yield* comparison(report.comparison);
  yield* refused(report);
  yield* glance(report);
  for (const topic of report.topics)
    if (topic.name !== 'settings') yield* section(topic.title, list(topic.events, eventLine, topic.lost));
  for (const one of report.tables) yield* section(`${one.title} (${one.rows.length + one.lost})`, table(one));
  for (const one of report.sessions)
    yield* section(`Session ${one.id}: ${md(one.client)} with ${md(one.server)}`, session(one));
  yield* figures(report);
  yield* section('Objects', [objectsLine(report)]);
  yield* section('Security', security(report));
  yield* section(
    'Findings',
    list(
      report.findings,
      (group) =>
        `**${group.severity}** \`${group.rule}\`${group.spec === null ? '' : ` ${md(group.spec)}`}, ${countText(group.count, 'time')}: ${md(group.findings[0]?.message ?? '')}${group.findings[0] === undefined ? '' : md(findingPlace(group.findings[0]))}`,
      0,
      'None.',
    ),
  );
  if (report.totals.sealed > 0)
    yield* list(
      [report.totals],
      ({ sealed, calls }) =>
        `${grouped(sealed)} of ${countText(calls, 'call')} ${sealed === 1 ? 'is' : 'are'} sealed: whether they keep the rules about values is not known.`,
      0,
    );
  if (report.problems.length > 0)
    yield* section(
      'Problems of the input',
      list(
        report.problems,
        (group) => `\`${group.code}\`, ${countText(group.count, 'time')}: ${md(group.problems[0]?.message ?? '')}`,
        0,
      ),
    );
  yield `*Made by ${md(report.tool)}.*`;
  yield '';
}

function* section(title: string, lines: Iterable<string>): Generator<string> {
  yield `## ${title}`;
  yield '';
  yield* lines;
  yield '';
}

/** The verdict, the figures that are asked for, and what to do. */
function* front({ overview: { verdict, tiles, advice }, comparison: compared }: Report): Generator<string> {
  yield `**${md(verdict.text)}**`;
  yield '';
  yield* rows(
    tiles.map((one) => one.title),
    [tiles.map((one) => (one.detail === '' ? one.value : `${one.value} (${one.detail})`))],
  );
  yield '';
  if (advice.length > 0)
    yield* section(
      compared === null ? 'What to do' : 'What differs',
      advice.map(
        ({ what, why, link }, at) =>
          `${at + 1}. **${md(what)}**${why === '' ? '' : ` ${md(why)}`}${link?.kind === 'call' ? ` (call ${link.id})` : ''}`,
      ),
    );
}

function* refused({ connections, connectionsLost }: Report): Generator<string> {
  if (connections.length === 0) return;
  yield* section(
    'Connections that never became calls',
    list(
      connections,
      (one) => `\`${one.rule}\`: ${md(one.message)}. ${md(one.cause)}. ${md(one.advice)}.`,
      connectionsLost,
    ),
  );
}

function* glance({ totals, objects, sources, attention, quality, conversations }: Report): Generator<string> {
  yield `${countText(totals.calls, 'call')}, ${failedText(totals)}, ${grouped(totals.unanswered)} unanswered, on ${objectsText(totals.objects, objects.unidentified)}${totals.first === null ? '' : `, from ${totals.first} to ${totals.last ?? '?'}${totals.durationNs === null ? '' : ` (${durationText(totals.durationNs)})`}`}.`;
  yield '';
  for (const source of sources)
    yield `- ${md(sourceText(source))}${source.notes.length === 0 ? '' : ` (${md(source.notes.join('; '))})`}`;
  yield '';
  if (quality.length > 0)
    yield* section(
      'Capture quality',
      list(quality, ({ severity, text }) => `**${severity}** ${md(text)}`, 0),
    );
  if (attention.length > 0)
    yield* section(
      'Look at these first',
      attention.map(
        ({ severity, title, text, link }, at) =>
          `${at + 1}. **${severity}** ${md(title)}. ${md(text)}${link.kind === 'call' ? ` (call ${link.id})` : ''}`,
      ),
    );
  yield* section(
    'Who talked to whom',
    rows(
      ['Client', 'Server', 'Ports', 'Calls', 'Failed', 'Arguments', 'Users'],
      conversations
        .slice(0, MAX_ROWS)
        .map((one) => [
          one.client,
          one.server,
          one.ports.join(', '),
          String(one.calls),
          failedCell(one),
          bytesText(one.bytes),
          one.users.join(', '),
        ]),
    ),
  );
}

function criteriaText({ problem, words }: NonNullable<EventReport['criteria']>): string {
  return problem === null ? `, meaning ${md(words)}` : `, which can not be read: ${md(problem)}`;
}

function eventLine(event: EventReport): string {
  const { criteria, options, result, failure, ended } = event;
  const explained = criteria === null ? '' : criteriaText(criteria);
  const set = options
    .filter((one) => one.how === 'set' || one.how === 'read')
    .map((one) => `${one.name}: ${md(one.text)}`);
  const known = result.map((one) => `${one.title} ${md(one.text)}`);
  const outcome =
    failure === null
      ? (ended === 'unknown' ? ['**result not captured**', ...known] : known).join('; ')
      : `**failed**: ${md(resultText(failure))}${failure.cause === null ? '' : ` (${md(failure.cause)})`}`;
  return `call ${event.call}: ${md(event.text)}${explained}${set.length === 0 ? '' : ` [${set.join('; ')}]`}${outcome === '' ? '' : ` → ${outcome}`}${event.latencyNs === null ? '' : `, ${durationText(event.latencyNs)}`}`;
}

function* table({ columns, rows: all, lost, noun, counted }: TableReport): Generator<string> {
  yield* rows(
    columns.map((column) => column.title),
    all
      .slice(0, MAX_ROWS)
      .map((row) =>
        row.cells.map((cell) =>
          cell === null ? '' : `${cell.before.length === 0 ? '' : `${cell.before.join(' → ')} → `}${cell.text}`,
        ),
      ),
  );
  const left = lost + Math.max(0, all.length - MAX_ROWS);
  if (left > 0) yield `\n${countText(left, `more ${noun[0]}`, `more ${noun[1]}`)}.`;
  if (counted > 0) yield `\n${countText(counted, `more ${noun[0]}`, `more ${noun[1]}`)} of which too little was read.`;
}

function* session({
  calls,
  failed,
  sealed,
  unknown,
  upkeep,
  users,
  first,
  durationNs,
  events,
  steps,
  stepsLost,
}: SessionReport): Generator<string> {
  yield `${countText(calls, 'call')}, ${failedText({ calls, failed, sealed, unknown })}, ${upkeep} that only look names up or keep references${users.length === 0 ? '' : `, as ${md(users.join(', '))}`}${first === null ? '' : `, from ${first}`}${durationNs === null ? '' : ` for ${durationText(durationNs)}`}; ${eventsText(events.length, sealed)}.`;
  yield '';
  yield* list(steps.slice(0, MAX_ROWS), stepLine, stepsLost + Math.max(0, steps.length - MAX_ROWS));
}

/** What a session is about, as far as it can be read. */
function eventsText(events: number, sealed: number): string {
  if (sealed === 0) return countText(events, 'event');
  return events === 0 ? 'what they were about is sealed' : `${countText(events, 'event')} of those that can be read`;
}

function stepLine({ call, last, calls, failed, folded, text, latencyNs }: StepReport): string {
  const waited = latencyNs === null ? '' : `, ${durationText(latencyNs)}`;
  if (!folded) return `call ${call}: ${md(text)}${(failed ?? 0) > 0 ? ' **failed**' : ''}${waited}`;
  const failures = (failed ?? 0) > 0 ? `, ${failed} failed` : '';
  return `calls ${call}–${last}: ${md(text)} (${countText(calls, 'call')}${failures})${waited}`;
}

function* figures({ members, results, calls, slowest, latency, totals }: Report): Generator<string> {
  yield* section(
    'Results',
    rows(
      ['Result', 'Calls', 'First', 'Most often', 'Cause'],
      results
        .slice(0, MAX_ROWS)
        .map((one) => [
          resultText(one),
          String(one.count),
          `call ${one.call}`,
          one.members[0]?.name ?? '',
          one.bad ? (one.cause ?? one.meaning ?? '') : '',
        ]),
    ),
  );
  yield* section(
    'Members',
    rows(
      ['Member', 'Calls', 'Failed', 'Late bound', 'p50', 'p90', 'p99', 'Longest'],
      [
        ...members
          .slice(0, MAX_ROWS)
          .map((one) => [
            one.name,
            String(one.count),
            failedCell({ ...one, calls: one.count }),
            lateCell(one.late, one.sealed),
            ns(one.p50),
            ns(one.p90),
            ns(one.p99),
            ns(one.max),
          ]),
        [
          'all',
          String(members.reduce((sum, one) => sum + one.count, 0)),
          failedCell({
            calls: members.reduce((sum, one) => sum + one.count, 0),
            failed: members.reduce((sum, one) => sum + (one.failed ?? 0), 0),
            sealed: members.reduce((sum, one) => sum + one.sealed, 0),
            unknown: members.reduce((sum, one) => sum + one.unknown, 0),
          }),
          lateCell(
            members.reduce((sum, one) => sum + one.late, 0),
            totals.sealed,
          ),
          ns(latency.p50),
          ns(latency.p90),
          ns(latency.p99),
          ns(latency.max),
        ],
      ],
    ),
  );
  const byId = new Map(calls.map((call) => [call.id, call]));
  yield* section(
    'Slowest calls',
    list(
      slowest.flatMap((id) => byId.get(id) ?? []),
      (call) => `call ${call.id}: ${md(call.text)}: ${ns(call.latencyNs)}`,
      0,
      'None.',
    ),
  );
  yield* section(
    'Failed calls',
    list(
      calls.filter((call) => call.failed === true),
      (call) => `call ${call.id}: ${md(call.text)}: ${md(call.outcome)}`,
      0,
      totals.unknown === 0 ? 'None.' : `It is not known how ${countText(totals.unknown, 'call')} ended.`,
    ),
  );
}

/** Calls through IDispatch::Invoke; what sealed ones called is not known. */
function lateCell(late: number, sealed: number): string {
  return late === 0 && sealed > 0 ? 'unknown' : String(late);
}

function ns(value: number | null): string {
  return value === null ? '' : durationText(value);
}

function objectsLine({ objects }: Report): string {
  const what = objectsText(objects.total, objects.unidentified);
  if (objects.unidentified > 0 && objects.unidentified === objects.total)
    return `${what}: what they are, and what became of them, is not to be read in the capture.`;
  return `${what}: ${objects.released} released, ${objects.leaked} leaked, ${objects.pinged} pinged.`;
}

function* security({ security: { uses, logons, weak } }: Report): Generator<string> {
  yield* list(weak, ({ severity, text }) => `**${severity}** ${md(text)}`, 0, '');
  if (weak.length > 0) yield '';
  yield* rows(
    ['Mechanism', 'Level', 'Verdict', 'User', 'Calls'],
    uses.slice(0, MAX_ROWS).map((use) => [use.mechanism, use.level, use.verdict, use.user ?? '', String(use.calls)]),
  );
  yield '';
  yield* list(
    logons.slice(0, MAX_ROWS),
    (one) =>
      `${md(one.who)} with ${md(one.how)}${one.workstation === '' ? '' : ` from ${md(one.workstation)}`}, frame ${one.frame}`,
    0,
    '',
  );
}

function* comparison({
  before,
  after,
  same,
  counts,
  lacks,
  sealed,
  tables,
  results,
  latency,
  calls,
  callsLost,
}: ComparisonReport): Generator<string> {
  yield* section(`Compared with ${md(before)}`, [
    same ? nothingText(sealed) : `What changed from ${md(before)} to ${md(after)}:`,
    '',
    ...rows(
      ['', 'Before', 'After'],
      counts.map((one) => [one.title, String(one.before ?? 'unknown'), String(one.after ?? 'unknown')]),
    ),
  ]);
  if (lacks.length > 0)
    yield* section(
      `What ${md(before)} does not tell`,
      list(lacks, ({ severity, text }) => `**${severity}** ${md(text)}`, 0),
    );
  for (const { title, noun, rows: changes, same: alike } of tables) {
    if (changes.length > 0)
      yield* section(`Changes: ${title}`, [
        ...list(
          changes,
          (row) =>
            `**${row.change}** ${md(row.name)}${row.cells.length === 0 ? '' : `: ${row.cells.map((cell) => `${cell.title} ${md(cell.before ?? 'not read')} → ${md(cell.after ?? 'not read')}`).join('; ')}`}`,
          0,
        ),
        '',
        `${countText(alike, noun[0], noun[1])} alike.`,
      ]);
  }
  if (results.length > 0)
    yield* section(
      'Changes: results',
      rows(
        ['Result', 'Before', 'After'],
        results.map((one) => [one.name, String(one.before), String(one.after)]),
      ),
    );
  if (latency.length > 0)
    yield* section(
      'Changes: latency (median)',
      rows(
        ['Member', 'Before', 'After', 'Calls'],
        latency.map((one) => [one.member, durationText(one.before), durationText(one.after), String(one.count)]),
      ),
    );
  if (calls.length > 0)
    yield* section(
      'Changes: calls',
      list(
        calls.slice(0, MAX_ROWS),
        (one) =>
          `**${one.status}** ${md(one.title)} (${one.before ?? '-'}/${one.after ?? '-'})${one.differences.map(({ place, before: was, after: is }) => `; ${md(place)}: ${md(was)} → ${md(is)}`).join('')}`,
        callsLost + Math.max(0, calls.length - MAX_ROWS),
      ),
    );
}

function nothingText(sealed: number): string {
  if (sealed === 0) return 'Nothing differs.';
  return `Nothing that can be read differs; ${countText(sealed, 'call')} sealed and not compared.`;
}

function* list<T>(items: readonly T[], line: (item: T) => string, lost: number, none = ''): Generator<string> {
  if (items.length === 0 && none !== '') yield none;
  for (const item of items) yield `- ${line(item)}`;
  if (lost > 0) yield `- … ${grouped(lost)} more`;
}

function* rows(head: readonly string[], body: readonly (readonly string[])[]): Generator<string> {
  yield `| ${head.join(' | ')} |`;
  yield `|${head.map(() => '---').join('|')}|`;
  for (const cells of body) yield `| ${cells.map((cell) => md(cut(cell, MAX_CELL))).join(' | ')} |`;
}

/**
 * Text that stays text in Markdown: its punctuation is escaped, so that nothing becomes markup, a link or a mention;
 * controls are written out.
 */
function md(text: string): string {
  return escapeTerminal(text)
    .replace(/[\\`*_{}[\]<>#|~&!$@]|:(?=\/\/)|(?<=\bwww)\./gi, '\\$&')
    .replace(/^(\s*)([-+=])/, '$1\\$2')
    .replace(/^(\s*\d+)([.)])(?=\s)/, '$1\\$2');
}
