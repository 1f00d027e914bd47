import { grouped } from '../../../bytes/decimal.js';
import type { Severity } from '../../../types.js';
import { durationText } from '../../time.js';
import type { ResultName } from '../data.js';
import { failedCell, type Failures } from '../../failures.js';
import { resultText } from '../words.js';
import { html, type Markup, type Part } from './markup.js';

export interface Column {
  readonly title: string;
  /** `number` stands to the right, `wide` gets room for sentences, `code` is monospaced, `drawing` cannot be sorted. */
  readonly kind?: 'number' | 'wide' | 'code' | 'drawing';
}

/** A cell with the value it sorts by, where its text would sort wrongly. */
export interface Sorted {
  readonly show: Part;
  readonly by: number | string;
}

export interface TableOptions {
  /** Says what the table holds; no two in a page are the same. */
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly id?: string;
  /** False: the caption is for screen readers only, because the heading above says the same. */
  readonly shown?: boolean;
  /**
   * What opens below each row, over its whole width. Such rows are cards on a narrow screen, with the heads beside their
   * values.
   */
  readonly rest?: readonly Part[];
}

/** Rows from which a table gets a box to filter it. */
const MANY = 8;

/** A table that scrolls by itself where it is wider than the page; the first cell of a row is its heading. */
export function* table(
  { caption, columns, id, shown = false, rest }: TableOptions,
  rows: readonly (readonly (Part | Sorted)[])[],
): Generator<Markup> {
  const cards = rest !== undefined;
  if (rows.length > (cards ? 1 : MANY)) yield filterBox(caption);
  yield html`<div class="scroll${cards ? ' cards' : null}" role="region" tabindex="0" aria-label="${caption}"><table${id === undefined ? null : html` id="${id}"`}><caption${shown ? null : html` class="hidden"`}>${caption}</caption><thead><tr>`;
  for (const column of columns) yield html`<th scope="col"${classOf(column)}>${column.title}</th>`;
  yield html`</tr></thead>`;
  if (!cards) yield html`<tbody>`;
  for (const [at, row] of rows.entries()) {
    const cells = row.map((cell, place) => cellMarkup(cell, columns[place], place === 0, cards));
    if (cards)
      yield html`<tbody><tr>${cells}</tr><tr class="rest"><td colspan="${columns.length}">${rest[at] ?? null}</td></tr></tbody>`;
    else yield html`<tr>${cells}</tr>`;
  }
  if (!cards) yield html`</tbody>`;
  yield html`</table></div>`;
}

/** A box that filters what follows it; it shows once the script is there. */
export function filterBox(what: string): Markup {
  return html`<p class="filter" hidden><label>Filter <input type="search" autocomplete="off" spellcheck="false" aria-label="Filter: ${what}"></label> <output></output></p>`;
}

const CLASSES: Readonly<Record<string, Markup>> = {
  number: html` class="n"`,
  wide: html` class="w"`,
  code: html` class="k"`,
  drawing: html` class="g"`,
};

function classOf(column: Column | undefined): Markup | null {
  return column?.kind === undefined ? null : (CLASSES[column.kind] ?? null);
}

function cellMarkup(cell: Part | Sorted, column: Column | undefined, heading: boolean, card: boolean): Markup {
  const sorted = typeof cell === 'object' && cell !== null && 'by' in cell;
  const part = sorted ? cell.show : cell;
  const by = sorted ? html` data-v="${cell.by}"` : null;
  const head = card && column !== undefined ? html` data-h="${column.title}"` : null;
  return heading
    ? html`<th scope="row"${classOf(column)}${by}${head}>${part}</th>`
    : html`<td${classOf(column)}${by}${head}>${part}</td>`;
}

const SEVERITIES: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

export function badge(severity: Severity): Markup {
  return html`<span class="badge ${severity}">${SEVERITIES[severity]}</span>`;
}

/** A count with separators. */
export function number(value: number): string {
  return grouped(value);
}

/** A count that sorts as one. */
export function counted(value: number): Sorted {
  return { show: number(value), by: value };
}

/** A count of what went wrong: marked unless it is none. */
export function wrong(value: number): Sorted {
  return { show: value === 0 ? '0' : html`<b class="bad">${number(value)}</b>`, by: value };
}

/** Failures among calls of some of which nobody saw the end. */
export function failures(one: Failures): Sorted {
  return one.unknown === 0 ? wrong(one.failed ?? 0) : { show: failedCell(one), by: one.failed ?? -1 };
}

/** A duration in words that sorts by its nanoseconds; a dash for none. */
export function duration(ns: number | null): Sorted {
  return ns === null ? { show: '–', by: -1 } : { show: durationText(ns), by: ns };
}

/** A moment: its date and time to the millisecond, the whole of it for machines. */
export function moment(iso: string | null): Part {
  return iso === null
    ? '–'
    : html`<time datetime="${iso}">${iso.slice(0, 10)} <span class="time">${iso.slice(11, 23)}</span></time>`;
}

/** The time of a day, where the day stands nearby. */
export function clock(iso: string | null): Part {
  return iso === null ? '–' : html`<time class="time" datetime="${iso}">${iso.slice(11, 23)}</time>`;
}

/** A result by its name, with what it means below it. */
export function resultMarkup(result: ResultName): Markup {
  const why = result.cause ?? result.meaning;
  return html`<b class="bad">${resultText(result)}</b> <code>${result.value}</code>${why === null ? null : html` <span class="why">${why}</span>`}`;
}

/** Frame numbers, the first of many. */
export function frames(list: readonly number[]): string {
  return list.length === 0 ? '–' : `${list.slice(0, 4).join(', ')}${list.length > 4 ? ', …' : ''}`;
}

/** `92 more calls are only in the figures`, or nothing. */
export function left(count: number, sentence: (text: string) => string): Markup | null {
  return count === 0 ? null : html`<p class="left">${sentence(number(count))}</p>`;
}

/** Start of a section with its heading. */
export function section(id: string, title: string): Markup {
  return html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>`;
}

export const SECTION_END = html`</section>`;
