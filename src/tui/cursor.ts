import { bytesPerRow } from './area.js';
import { fieldsAt, rowAt } from './detail-rows.js';
import { layout } from './layout.js';
import { currentRows } from './detail.js';
import { currentCall, placed, stubOf } from './model.js';
import { paneOf } from './panes/table.js';
import type { Source } from './source.js';
import { placeOf, type Place, type Side, type State } from './state.js';
import { say, still, type Step } from './transition.js';

/** The place nearest to `at` in a list of this length. */
export function clampTo(at: number, length: number): number {
  return Math.max(0, Math.min(at, length - 1));
}

/** The state with another place in the list of the pane with this title. */
export function placedAt(state: State, title: string, place: Place): State {
  return { ...state, places: { ...state.places, [title]: place } };
}

/** Rows that the pane with the focus shows at once. */
export function heightOf(state: State, source: Source): number {
  const area = layout(state)[state.focus];
  if (area === null) return 10;
  if (state.focus === 'detail') return area.height;
  if (state.focus === 'bytes') return area.height - 1;
  return Math.max(1, paneOf(state.upper).height({ state, source }, area.height));
}

/** The cursor of the pane with the focus, `by` lines on. */
export function move(state: State, by: number, source: Source): Step {
  if (state.focus === 'bytes') return moveByte(state, by * rowBytes(state), source);
  if (state.focus === 'detail')
    return clamped(
      toRow(state, clampTo(state.detail.cursor + by, currentRows({ state, source }).length), source),
      source,
    );
  const pane = paneOf(state.upper);
  const place = placeOf(state, pane.cursor);
  const length = pane.length({ state, source });
  if (pane.scrolls === true) {
    const top = clampTo(place.top + by, Math.max(1, length - heightOf(state, source) + 1));
    return still(placedAt(state, pane.cursor, { cursor: top, top }));
  }
  const cursor = clampTo(place.cursor + by, length);
  const follow = pane.cursor === 'calls' ? state.follow && cursor === length - 1 : state.follow;
  return clamped(selected(placedAt({ ...state, follow }, pane.cursor, { ...place, cursor }), source), source);
}

/** The call of the row under the cursor becomes the current one. */
export function selected(state: State, source: Source): State {
  if (paneOf(state.upper).cursor !== 'calls') return state;
  const index = source.view.at(placeOf(state, 'calls').cursor);
  return index < 0 || index === state.call ? state : withCall(state, index, source);
}

/** Another call in detail and bytes: the cursor stays on the field of the same name where the call has one. */
function withCall(state: State, index: number, source: Source): State {
  if (index < 0) return { ...state, call: -1, detail: { cursor: 0, top: 0 } };
  const id = currentRows({ state, source })[state.detail.cursor]?.id;
  const next: State = { ...state, call: index };
  const rows = currentRows({ state: next, source });
  const same = id === undefined ? 0 : rows.findIndex((row) => row.id === id);
  return toRow(next, Math.max(0, same), source);
}

/** The list on a call. */
export function toCall(state: State, index: number, source: Source): State {
  const cursor = source.view.rowOf(index);
  const upper = paneOf(state.upper).cursor === 'calls' ? state.upper : 'calls';
  return selected(placedAt({ ...state, upper }, 'calls', { ...placeOf(state, 'calls'), cursor }), source);
}

/** The cursor of the detail pane on a row; its bytes are shown. */
export function toRow(state: State, cursor: number, source: Source): State {
  const row = currentRows({ state, source })[cursor];
  const next = { ...state, detail: { ...state.detail, cursor } };
  if (row === undefined || row.side === null)
    return {
      ...next,
      bytes: { ...state.bytes, offset: clampTo(state.bytes.offset, sizeOf(next, state.bytes.side, source)) },
    };
  return { ...next, bytes: { ...state.bytes, side: row.side, offset: row.start } };
}

/** Bytes of one stub of the current call. */
export function sizeOf(state: State, side: Side, source: Source): number {
  const stub = stubOf(currentCall({ state, source }), side);
  return stub === null ? 0 : stub.end - stub.start;
}

/** Bytes in a row of the bytes pane. */
export function rowBytes(state: State): number {
  return bytesPerRow(layout(state).bytes?.width ?? state.columns);
}

/** Moves the cursor in the bytes; the field that owns the byte is unfolded and becomes the current row. */
function moveByte(state: State, by: number, source: Source): Step {
  return clamped(
    toByte(state, clampTo(state.bytes.offset + by, sizeOf(state, state.bytes.side, source)), source),
    source,
  );
}

/** The cursor on a byte, and on the field that owns it. */
export function toByte(state: State, offset: number, source: Source): State {
  const { side } = state.bytes;
  const call = currentCall({ state, source });
  const root = call === null ? null : source.traces(call)[side]?.root;
  let next: State = { ...state, bytes: { ...state.bytes, offset } };
  if (root == null) return next;
  const around = fieldsAt(side, root, offset).slice(0, -1);
  if (around.some((id) => next.folded.has(id)))
    next = { ...next, folded: new Set([...next.folded].filter((id) => !around.includes(id))) };
  const row = rowAt(currentRows({ state: next, source }), side, offset);
  return row < 0 ? next : { ...next, detail: { ...next.detail, cursor: row } };
}

/** Left and right, by pane. */
export function sideways(state: State, by: number, source: Source): Step {
  if (state.focus === 'bytes') return moveByte(state, by, source);
  if (state.focus === 'detail') return fold(state, by < 0, source);
  if (state.upper !== 'calls') return still(state);
  return still({ ...state, sideways: clampTo(state.sideways + by, state.shown.length) });
}

/** Folds or unfolds the row; folding a leaf folds what it stands in. `shut` null changes what is. */
export function fold(state: State, shut: boolean | null, source: Source): Step {
  const rows = currentRows({ state, source });
  const row = rows[state.detail.cursor];
  if (row === undefined) return still(state);
  if ((!row.foldable || row.folded) && shut === true) {
    const parent = rows.slice(0, state.detail.cursor).findLastIndex((one) => one.depth < row.depth && one.foldable);
    return parent < 0 ? still(state) : clamped(toRow(state, parent, source), source);
  }
  if (!row.foldable) return still(state);
  const folded = new Set(state.folded);
  if (shut ?? !row.folded) folded.add(row.id);
  else folded.delete(row.id);
  return clamped({ ...state, folded }, source);
}

/**
 * The next call that failed, by the flags of the rows: no call is fetched; or whatever the pane shown goes to instead.
 */
export function nextFailed(state: State, by: 1 | -1, source: Source): Step {
  const pane = paneOf(state.upper);
  if (pane.next !== undefined) {
    const cursor = pane.next({ state, source }, by);
    if (cursor === null) return say(state, by > 0 ? 'nothing differs after this' : 'nothing differs before this', true);
    return clamped(placedAt(state, pane.cursor, { ...placeOf(state, pane.cursor), cursor }), source);
  }
  const { view } = source;
  for (let row = placeOf(state, 'calls').cursor + by; row >= 0 && row < view.length; row += by) {
    if (source.failed(view.at(row))) return clamped(toCall({ ...state, follow: false }, view.at(row), source), source);
  }
  return say(state, by > 0 ? 'no failed call after this one' : 'no failed call before this one', true);
}

/** On the newest call, where it is followed. */
export function followed(state: State, source: Source): State {
  if (!state.follow || state.paused) return state;
  const cursor = Math.max(0, source.view.length - 1);
  return selected(placedAt(state, 'calls', { ...placeOf(state, 'calls'), cursor }), source);
}

/** Every cursor inside its list and its pane, and a call to show where there is one. */
export function clamped(before: State, source: Source): Step {
  const wide: State = { ...before, detailWidth: layout(before).detail?.width ?? before.columns };
  const led = callFollowed(upperPlaced(callShown(wide, source), source), source);
  return still(bytesPlaced(detailPlaced(led, source), source));
}

/** Detail and bytes show the call that the current row of the pane leads to. */
function callFollowed(state: State, source: Source): State {
  const index = paneOf(state.upper).follows?.({ state, source }) ?? null;
  return index === null || index === state.call ? state : withCall(state, index, source);
}

function callShown(state: State, source: Source): State {
  const calls = source.view.length;
  if (calls === 0 || paneOf(state.upper).cursor !== 'calls') return state;
  const place = placeOf(state, 'calls');
  const cursor = clampTo(place.cursor, calls);
  return selected(cursor === place.cursor ? state : placedAt(state, 'calls', { ...place, cursor }), source);
}

function upperPlaced(state: State, source: Source): State {
  const { upper } = layout(state);
  const pane = paneOf(state.upper);
  if (upper === null || pane.scrolls === true) return state;
  const model = { state, source };
  const height = Math.max(1, pane.height(model, upper.height));
  return placedAt(state, pane.cursor, placed(placeOf(state, pane.cursor), pane.length(model), height));
}

function detailPlaced(state: State, source: Source): State {
  const rows = currentRows({ state, source }).length;
  return { ...state, detail: placed(state.detail, rows, layout(state).detail?.height ?? 1) };
}

function bytesPlaced(state: State, source: Source): State {
  const area = layout(state).bytes;
  if (area === null) return state;
  const perRow = bytesPerRow(area.width);
  const size = sizeOf(state, state.bytes.side, source);
  const offset = clampTo(state.bytes.offset, size);
  const { top } = placed(
    { cursor: Math.floor(offset / perRow), top: state.bytes.top },
    Math.ceil(size / perRow),
    Math.max(1, area.height - 1),
  );
  return { ...state, bytes: { ...state.bytes, offset, top } };
}
