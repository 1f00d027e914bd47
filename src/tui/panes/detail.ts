import type { Area } from '../area.js';
import { fitLine, span, type Line } from '../line.js';
import { currentRows } from '../detail.js';
import { cursorIn, type Model } from '../model.js';

/** Facts and fields of the current call. */
export function detailPane(model: Model, area: Area): Line[] {
  const { state } = model;
  const rows = currentRows(model);
  if (rows.length === 0) return [[span('  no call', 'dim')]];
  const { cursor, top } = state.detail;
  return rows
    .slice(top, top + area.height)
    .map((row, at) => fitLine(row.line, area.width, top + at === cursor ? cursorIn(state, 'detail') : null));
}
