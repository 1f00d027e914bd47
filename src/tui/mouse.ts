import { clampTo, move, placedAt, rowBytes, selected, clamped, sizeOf, toByte, toRow } from './cursor.js';
import { layout, paneAt } from './layout.js';
import { currentRows } from './detail.js';
import type { Pane } from './pane.js';
import { paneOf, TABS } from './panes/table.js';
import { show } from './showing.js';
import type { Source } from './source.js';
import { placeOf, type Event, type State } from './state.js';
import { still, type Step } from './transition.js';

/** Lines that one turn of the wheel moves. */
const WHEEL = 3;

type Mouse = Extract<Event, { kind: 'mouse' }>;

/** Picks rows, bytes, panes and tabs; the wheel scrolls. */
export function mouse(state: State, event: Mouse, source: Source): Step {
  const { column, row, action } = event;
  if (state.prompt !== null) return still(state);
  if (row === 0 && action === 'press') return pickTab(state, column, source);
  const hit = paneAt(layout(state), column, row);
  if (hit === null) return still(state);
  const focused: State = { ...state, focus: hit.pane, message: null };
  if (action !== 'press') return move(focused, action === 'down' ? WHEEL : -WHEEL, source);
  if (hit.pane === 'detail') {
    const length = currentRows({ state, source }).length;
    return clamped(toRow(focused, clampTo(state.detail.top + hit.row, length), source), source);
  }
  return hit.pane === 'bytes' ? pickByte(focused, hit.column, hit.row, source) : pickRow(focused, hit.row, source);
}

function pickTab(state: State, column: number, source: Source): Step {
  let at = 0;
  for (const [index, pane] of TABS.entries()) {
    at += tabText(pane, index, state.columns).length;
    if (column < at) return show({ ...state, message: null }, pane, source);
  }
  return still(state);
}

/** From this width on tabs have room around them. */
const ROOMY = 90;

/** A tab as it stands in the first line. */
export function tabText({ title, tab }: Pane, index: number, columns: number): string {
  return ` ${index + 1} ${tab ?? title}${columns >= ROOMY ? ' ' : ''}`;
}

function pickByte(state: State, column: number, row: number, source: Source): Step {
  const perRow = rowBytes(state);
  const size = sizeOf(state, state.bytes.side, source);
  const digits = Math.max(4, (size - 1).toString(16).length);
  const within = column - digits - 2;
  const byte = Math.floor((within - (within >= 24 ? 1 : 0)) / 3);
  if (byte < 0 || byte >= perRow) return clamped(state, source);
  return clamped(toByte(state, clampTo((state.bytes.top + row) * perRow + byte, size), source), source);
}

function pickRow(state: State, row: number, source: Source): Step {
  const pane = paneOf(state.upper);
  const area = layout(state).upper;
  const model = { state, source };
  if (pane.scrolls === true || area === null) return clamped(state, source);
  const place = placeOf(state, pane.cursor);
  const head = area.height - pane.height(model, area.height);
  const listed = row < head ? null : place.top + row - head;
  const cursor = pane.rowAt === undefined ? listed : pane.rowAt(model, area, row);
  if (cursor === null || cursor >= pane.length(model)) return clamped(state, source);
  return clamped(selected(placedAt(state, pane.cursor, { ...place, cursor }), source), source);
}
