import type { Sink } from '../io/sink.js';
import { csvCell } from '../output/csv.js';
import { cut, escapeTerminal } from '../output/escape.js';
import { jsonText } from '../output/json.js';

/** Rows of a table that are laid out; more are counted. docs/limits.md */
export const MAX_TABLE_ROWS = 1000;
/** Characters of a cell of such a table. */
const CELL_WIDTH = 60;

/** A result as it comes. */
export interface Rows {
  readonly names: readonly string[];
  /** Whether a column is of numbers. */
  readonly numbers: readonly boolean[];
  readonly chunks: AsyncIterable<readonly (readonly unknown[])[]>;
}

export const ROW_FORMATS = ['table', 'csv', 'json'] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

/** Prints a result. Resolves to a word on what is not shown, or null. */
export async function printRows(rows: Rows, format: RowFormat, out: Sink): Promise<string | null> {
  if (format === 'table') return printTable(rows, out);
  const { names } = rows;
  if (format === 'csv') out.line(names.map((name) => csvCell(name, ',')).join(','));
  for await (const chunk of rows.chunks) {
    for (const row of chunk)
      out.line(
        format === 'csv'
          ? row.map((value) => csvCell(plain(value), ',')).join(',')
          : jsonText(Object.fromEntries(names.map((name, at) => [name, row[at] ?? null]))),
      );
    await out.ready();
    if (out.closed) break;
  }
  return null;
}

async function printTable({ names, numbers, chunks }: Rows, out: Sink): Promise<string | null> {
  // Its package is looked for and loaded in no time that another command should take.
  const { fit, textWidth } = await import('../tui/width.js');
  const shown: string[][] = [];
  let count = 0;
  for await (const chunk of chunks) {
    for (const row of chunk) {
      if (count++ < MAX_TABLE_ROWS) shown.push(row.map((value) => cut(escapeTerminal(plain(value)), CELL_WIDTH)));
    }
    if (count > MAX_TABLE_ROWS) break;
  }
  const heads = names.map((name) => cut(escapeTerminal(name), CELL_WIDTH));
  const widths = heads.map((head, at) => Math.max(textWidth(head), ...shown.map((row) => textWidth(row[at] ?? ''))));
  const line = (cells: readonly string[], isHead: boolean): string =>
    cells
      .map((cell, at) => fit(cell, widths[at] ?? 0, !isHead && numbers[at] === true ? 'right' : 'left'))
      .join('  ')
      .trimEnd();
  out.line(line(heads, true));
  out.line(widths.map((width) => '-'.repeat(width)).join('  '));
  for (const row of shown) out.line(line(row, false));
  return count > MAX_TABLE_ROWS ? `the first ${MAX_TABLE_ROWS} rows; --format csv or json gives all` : null;
}

/** A value as text; null is empty. */
function plain(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? jsonText(value) : String(value);
}
