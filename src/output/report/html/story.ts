import { cut } from '../../escape.js';
import type { CellReport, EventReport, Report, RowReport, TableReport } from '../data.js';
import { countText } from '../words.js';
import { tableId, topicId, type Links } from './links.js';
import { html, joined, type Markup, type Part } from './markup.js';
import {
  clock,
  duration,
  left,
  moment,
  number,
  resultMarkup,
  section,
  SECTION_END,
  table,
  type Column,
  type Sorted,
} from './cells.js';

/** Columns of a table in the page; what more was read of a row opens below it. */
const COLUMNS = 8;
/** Values of a column that are offered to filter by. */
const CHOICES = 12;
/** Characters shown of one cell. */
const CELL = 400;

/** What was searched and what came back: events by topic, and the things rebuilt from property calls. */
export function* story({ topics, tables, totals }: Report, links: Links): Generator<Markup> {
  yield section('story', 'What happened');
  const seen = topics.length + tables.length > 0;
  const rest = html`<a href="#sessions">Sessions</a> and <a href="#calls">calls</a> tell what was.`;
  if (totals.sealed > 0)
    yield html`<p>${countText(totals.sealed, 'call')} ${totals.sealed === 1 ? 'is' : 'are'} sealed: what they asked for and got is not known${seen ? ' and not told here' : null}. ${rest}</p>`;
  else if (!seen) yield html`<p>No searches, no updates and nothing else that would make a story was seen. ${rest}</p>`;
  for (const { name, title, events, lost } of topics) {
    yield html`<h3 id="${topicId(name)}">${title}</h3>`;
    if (events.every((event) => event.setting !== null)) yield* settings(events, title, links);
    else for (const event of events) yield eventMarkup(event, links);
    if (lost > 0) yield left(lost, (count) => `${count} more are only in the figures.`) ?? html``;
  }
  for (const one of tables) yield* things(one, links);
  yield SECTION_END;
}

/** One event: the sentence, then what it means, what was in force, and what came of it. */
function eventMarkup(event: EventReport, links: Links): Markup {
  const { text, session, call, time, criteria, options, result, failure, ended, latencyNs } = event;
  const facts: (readonly [name: string, value: Part])[] = [];
  if (criteria !== null)
    facts.push([
      'means',
      criteria.problem === null ? criteria.words : html`<b class="bad">can not be read</b>: ${criteria.problem}`,
    ]);
  if (failure !== null) facts.push(['failed', resultMarkup(failure)]);
  else if (ended === 'unknown') facts.push(['result', 'not captured: whether it failed is not known']);
  for (const { title, text: value } of result) facts.push([title.toLowerCase(), value]);
  const set = options.filter((option) => option.how === 'set' || option.how === 'read');
  const unknown = options.filter((option) => option.how === 'unknown');
  const unset = options.filter((option) => option.how === 'default');
  return html`<article class="event${failure === null ? null : ' failed'}"><p class="what">${text}</p><p class="where">${links.call(call)}, ${clock(time)}, <a href="#session-${session}">session ${session}</a>${latencyNs === null ? null : [', answered after ', shown(duration(latencyNs))]}</p>${
    facts.length === 0 ? null : html`<dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`
  }${
    set.length === 0
      ? null
      : html`<p class="options"><b>Options in force:</b></p><dl>${set.map(({ name, text: value, how, call: by }) => html`<dt>${name}</dt><dd>${value} <span class="why">(${how}${by === null ? null : [' by ', links.call(by)]})</span></dd>`)}</dl>`
  }${
    unknown.length === 0
      ? null
      : html`<p class="options">Not known, because it may have been set unseen: ${unknown.map((option) => option.name).join(', ')}.</p>`
  }${
    unset.length === 0
      ? null
      : html`<details class="print"><summary>${unset.length === 1 ? '1 option' : `${unset.length} options`} left alone</summary><dl>${unset.map(({ name, text: value }) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></details>`
  }</article>`;
}

function shown({ show }: Sorted): Part {
  return show;
}

/** What became of a property that was put and did not fail. */
const SET: Readonly<Record<EventReport['ended'], string>> = {
  succeeded: 'set',
  failed: 'failed',
  unknown: 'not known',
};

function* settings(events: readonly EventReport[], title: string, links: Links): Generator<Markup> {
  yield* table(
    {
      caption: title,
      columns: [
        { title: 'Property' },
        { title: 'Value', kind: 'wide' },
        { title: 'Object' },
        { title: 'Call', kind: 'number' },
        { title: 'Time (UTC)' },
        { title: 'Session', kind: 'number' },
        { title: 'Result' },
      ],
    },
    events.map(({ setting, object, call, time, session, failure, ended }) => [
      setting?.name ?? '',
      setting?.text ?? '',
      object ?? '–',
      { show: links.call(call), by: call },
      moment(time),
      { show: html`<a href="#session-${session}">${session}</a>`, by: session },
      failure === null ? SET[ended] : resultMarkup(failure),
    ]),
  );
}

/** A table of things, e.g. updates: the foremost columns, and the rest of each row opens in its last cell. */
function* things(one: TableReport, links: Links): Generator<Markup> {
  const { name, title, noun, columns, rows, lost, counted } = one;
  yield html`<h3 id="${tableId(name)}">${title} <span class="count">${number(rows.length + lost)}</span></h3>`;
  const places = columns.map((column, at) => Object.assign({ at }, column));
  const foremost = places.filter((column) => column.foremost).slice(0, COLUMNS);
  const others = places.filter((column) => !foremost.includes(column));
  const heads = foremost.map(
    ({ title: head, show }): Column => (show === 'bytes' ? { title: head, kind: 'number' } : { title: head }),
  );
  yield choices(one);
  yield* table(
    { caption: title, columns: heads, rest: rows.map((row) => more(row, others, links)) },
    rows.map((row) => foremost.map(({ show, at }) => cell(row.cells[at] ?? null, show))),
  );
  yield left(lost, (count) => `${count} more ${lost === 1 ? noun[0] : noun[1]} are not shown.`) ?? html``;
  if (counted > 0)
    yield html`<p class="left">Of ${countText(counted, `more ${noun[0]}`, `more ${noun[1]}`)} too little was read to make a row.</p>`;
}

/** Values offered to filter a table by; the script shows them. */
function choices({ title, columns, rows }: TableReport): Markup {
  const offered = columns.flatMap(({ title: head, filter }, at) => {
    const values = [...new Set(rows.map((row) => row.cells[at]?.text ?? ''))].filter((text) => text !== '').toSorted();
    return filter && values.length > 1 && values.length <= CHOICES ? [{ head, values }] : [];
  });
  if (offered.length === 0) return html``;
  return html`<p class="choices" hidden>${offered.map(({ head, values }) => html`<label>${head} <select data-column="${head}" aria-label="${title}: ${head}"><option value="">all</option>${values.map((text) => html`<option>${text}</option>`)}</select></label>`)}</p>`;
}

function cell(read: CellReport | null, show: TableReport['columns'][number]['show']): Part | Sorted {
  if (read === null) return html`<span class="unread" title="nobody read it">·</span>`;
  const earlier = read.before.map((text) => html`<del>${cut(text, CELL)}</del> → `);
  const part: Part = [earlier, read.text === '' ? html`<span class="why">(empty)</span>` : cut(read.text, CELL)];
  const number =
    show === 'bytes' && (typeof read.value === 'string' || typeof read.value === 'number')
      ? Number(read.value)
      : Number.NaN;
  return Number.isFinite(number) ? { show: part, by: number } : part;
}

function more(row: RowReport, others: readonly Placed[], links: Links): Part {
  const read = others.flatMap(({ title, show, at }) => {
    const value = row.cells[at] ?? null;
    return value === null ? [] : [{ title, value, show }];
  });
  const by = html`<div><dt>read by</dt><dd>${links.call(row.call)}${row.objects.length === 0 ? null : html` <span class="why">${cut(row.objects.join(', '), 80)}</span>`}</dd></div>`;
  return html`<details class="print"><summary>${read.length === 0 ? 'where it was read' : `${countText(read.length, 'more property', 'more properties')}`}</summary><dl>${joined(
    read.map(({ title, value, show }) => {
      const part = cell(value, show);
      return html`<div><dt>${title}</dt><dd>${typeof part === 'object' && part !== null && 'by' in part ? part.show : part}</dd></div>`;
    }),
  )}${by}</dl></details>`;
}

/** A column with its place in the rows. */
type Placed = TableReport['columns'][number] & { readonly at: number };
