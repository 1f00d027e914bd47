import type { Area } from './area.js';
import { paneOf } from './panes/table.js';
import type { Focus, State } from './state.js';

/** Areas of the panes; null for what is not shown. Row 0 is the title, the last row the status. */
interface Layout {
  readonly upper: Area | null;
  readonly detail: Area | null;
  readonly bytes: Area | null;
  /** Row of the line between the parts, or null. */
  readonly divider: number | null;
}

/** Smallest screen that is laid out; on a smaller one a word says so. */
export const MIN_COLUMNS = 40;
export const MIN_ROWS = 10;
/** From this width on, detail and bytes stand beside one another; and from the second on with 16 bytes a row. */
const BESIDE = 100;
const WIDE = 140;

/** Lays the screen out. */
export function layout(state: Pick<State, 'columns' | 'rows' | 'zoom' | 'focus' | 'upper'>): Layout {
  const { columns, rows, zoom, focus, upper } = state;
  const whole: Area = { column: 0, row: 1, width: columns, height: rows - 2 };
  if (paneOf(upper).whole) return { upper: whole, detail: null, bytes: null, divider: null };
  if (zoom) return { upper: null, detail: null, bytes: null, divider: null, [focus]: whole };
  const upperHeight = Math.max(3, Math.floor((rows - 3) * (rows >= 40 ? 0.55 : 0.48)));
  const top: Area = { ...whole, height: upperHeight };
  const row = 1 + upperHeight + 1;
  const height = rows - 1 - row;
  const divider = row - 1;
  if (columns < BESIDE) {
    const lower: Area = { column: 0, row, width: columns, height };
    return focus === 'bytes'
      ? { upper: top, detail: null, bytes: lower, divider }
      : { upper: top, detail: lower, bytes: null, divider };
  }
  const bytesWidth = columns >= WIDE ? 74 : 41;
  const detailWidth = columns - bytesWidth - 1;
  return {
    upper: top,
    detail: { column: 0, row, width: detailWidth, height },
    bytes: { column: detailWidth + 1, row, width: bytesWidth, height },
    divider,
  };
}

/** The pane at a place on the screen. */
export function paneAt(
  shown: Layout,
  column: number,
  row: number,
): { readonly pane: Focus; readonly row: number; readonly column: number } | null {
  for (const pane of ['upper', 'detail', 'bytes'] as const) {
    const area = shown[pane];
    if (
      area !== null &&
      column >= area.column &&
      column < area.column + area.width &&
      row >= area.row &&
      row < area.row + area.height
    )
      return { pane, row: row - area.row, column: column - area.column };
  }
  return null;
}
