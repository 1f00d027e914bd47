import type { Cell, Column } from './column.js';

/** The first line of a table as CSV. */
export function csvHead(columns: readonly Pick<Column<never>, 'name'>[]): string {
  return `${columns.map(({ name }) => name).join(',')}\n`;
}

/**
 * Rows as CSV (RFC 4180) for databases, from the cells of each column: what is null is empty, an empty text is `""`, and
 * every other text is as it is. For spreadsheets there is `decode --format csv`.
 */
export function csvRows(kinds: readonly Column<never>['kind'][], cells: readonly (readonly Cell[])[]): string {
  const count = cells[0]?.length ?? 0;
  let text = '';
  for (let row = 0; row < count; row++) {
    for (let at = 0; at < kinds.length; at++)
      text += (at === 0 ? '' : ',') + cell(cells[at]?.[row] ?? null, kinds[at] === 'time');
    text += '\n';
  }
  return text;
}

function cell(value: Cell, isTime: boolean): string {
  if (value === null) return '';
  if (isTime && (typeof value === 'number' || typeof value === 'bigint')) return time(BigInt(value));
  if (typeof value !== 'string') return String(value);
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** Microseconds since 1970 as `2026-11-20T12:00:00.000480Z`. */
function time(value: bigint): string {
  const micros = String(value % 1_000_000n).padStart(6, '0');
  return `${new Date(Number(value / 1_000_000n) * 1000).toISOString().slice(0, 19)}.${micros}Z`;
}
