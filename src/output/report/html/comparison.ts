import type { CallChange, ComparisonReport, TableChange } from '../data.js';
import { countText } from '../words.js';
import type { Links } from './links.js';
import { html, joined, type Markup, type Part } from './markup.js';
import { badge, counted, duration, left, number, section, SECTION_END, table, type Sorted } from './cells.js';

/** Two captures, or a capture and its replay, side by side. */
export function* comparison(report: ComparisonReport, links: Links): Generator<Markup> {
  const { before, after, same, counts, lacks, sealed, tables, results, latency, calls, callsLost } = report;
  yield section('comparison', 'Comparison');
  yield html`<p>${same ? html`<b class="${sealed > 0 ? null : 'good'}">Nothing${sealed > 0 ? ' that can be read' : null} differs</b> between ${before} and ${after}.${sealed > 0 ? ` ${countText(sealed, 'call')} sealed and not compared.` : null}` : html`What changed from <b>${before}</b> to <b>${after}</b>. The rest of this report is about ${after}.`}</p>`;
  yield* table(
    {
      caption: 'Counts before and after',
      columns: [{ title: 'Count' }, ...SIDES, { title: 'Change', kind: 'number' }],
    },
    counts.map((one) => [one.title, known(one.before), known(one.after), change(one.before, one.after)]),
  );
  if (lacks.length > 0)
    yield html`<h3>What ${before} does not tell</h3><ul>${lacks.map((note) => html`<li class="${note.severity}">${badge(note.severity)} ${note.text}</li>`)}</ul>`;
  for (const one of tables) yield* tableChange(one);
  if (results.length > 0) {
    yield html`<h3>Results</h3>`;
    yield* table(
      {
        caption: 'Results before and after',
        columns: [{ title: 'Result' }, ...SIDES, { title: 'Change', kind: 'number' }],
      },
      results.map((one) => [one.name, counted(one.before), counted(one.after), change(one.before, one.after)]),
    );
  }
  if (latency.length > 0) {
    yield html`<h3>Latency, median</h3>`;
    yield* table(
      {
        caption: 'Latency before and after',
        columns: [
          { title: 'Member' },
          ...SIDES,
          { title: 'Times', kind: 'number' },
          { title: 'Calls', kind: 'number' },
        ],
      },
      latency.map((one) => [
        one.member,
        duration(one.before),
        duration(one.after),
        times(one.before, one.after),
        counted(one.count),
      ]),
    );
  }
  if (calls.length > 0) {
    yield html`<h3>Calls that differ</h3>`;
    yield* table(
      {
        caption: 'Calls that differ',
        columns: [
          { title: 'What' },
          { title: 'Call', kind: 'wide' },
          { title: 'Before', kind: 'number' },
          { title: 'After', kind: 'number' },
          { title: 'Differences', kind: 'wide' },
        ],
      },
      calls.map((one) => [
        one.status,
        one.title,
        one.before === null ? '–' : counted(one.before),
        one.after === null ? '–' : { show: links.call(one.after, String(one.after)), by: one.after },
        differences(one),
      ]),
    );
    yield left(callsLost, (count) => `${count} more calls differ.`) ?? html``;
  }
  yield SECTION_END;
}

const SIDES = [
  { title: 'Before', kind: 'number' },
  { title: 'After', kind: 'number' },
] as const;

function* tableChange({ title, noun, same, rows }: TableChange): Generator<Markup> {
  yield html`<h3>${title}</h3>`;
  if (rows.length > 0) {
    yield* table(
      {
        caption: `Changes: ${title}`,
        columns: [{ title: noun[0] }, { title: 'Change' }, { title: 'What changed', kind: 'wide' }],
      },
      rows.map((row) => [
        row.name,
        html`<b class="${row.change}">${row.change}</b>`,
        row.cells.length === 0
          ? '–'
          : joined(
              row.cells.map(
                (cell) =>
                  html`${cell.title}: <del>${cell.before ?? 'not read'}</del> → <ins>${cell.after ?? 'not read'}</ins>`,
              ),
              html`<br>`,
            ),
      ]),
    );
  }
  yield html`<p class="left">${countText(same, noun[0], noun[1])} alike.</p>`;
}

function differences({ differences: list }: CallChange): Part {
  if (list.length === 0) return '–';
  return joined(
    list.map(
      ({ place, before, after, message }) =>
        html`<code>${place}</code>: <del>${before}</del> → <ins>${after}</ins>${message === null ? null : html` <span class="why">${message}</span>`}`,
    ),
    html`<br>`,
  );
}

function known(value: number | null): Sorted {
  return value === null ? { show: 'unknown', by: -1 } : counted(value);
}

function change(before: number | null, after: number | null): Sorted {
  if (before === null || after === null) return { show: '?', by: 0 };
  const by = after - before;
  return { show: by === 0 ? '=' : `${by > 0 ? '+' : '−'}${number(Math.abs(by))}`, by };
}

function times(before: number, after: number): Sorted {
  if (before <= 0) return { show: '–', by: -1 };
  const by = after / before;
  return { show: `${by >= 10 ? Math.round(by) : by.toFixed(2)}×`, by };
}
