import { bytesPerRow, layout } from './layout.js';
import { fieldsAt, rowAt } from './fields.js';
import { currentCall, currentRows, placed, stubOf } from './model.js';
import { diffRows } from './panes/diff.js';
import { helpLines } from './panes/help.js';
import { objectRows } from './panes/objects.js';
import { statisticsHead } from './panes/statistics.js';
import type { ReplayRow } from './replayed.js';
import type { Source } from './source.js';
import type { Effect, Focus, Place, Side, State, Upper } from './state.js';

/** What an event comes to. */
export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** Nothing is asked of the world. */
export const NONE: readonly Effect[] = [];

/** A word in the last line. */
export function say(state: State, text: string, bad = false): Step {
  return { state: { ...state, message: { text, bad } }, effects: NONE };
}

const START: Place = { cursor: 0, top: 0 };
const FOCUSES: readonly Focus[] = ['upper', 'detail', 'bytes'];

/** The pane that the keys go to next, `by` panes on. */
export function nextFocus(focus: Focus, by: number): Focus {
  return FOCUSES[(FOCUSES.indexOf(focus) + by) % FOCUSES.length] ?? 'upper';
}

/** Panes that lie over the others until one goes back. */
export const OVER: readonly Upper[] = ['help', 'diff', 'replay'];

function beforeOf(state: State): Upper {
  return OVER.includes(state.upper) ? state.before : state.upper;
}

/** A pane over the others, from its beginning. */
export function shown(state: State, upper: 'diff' | 'replay', source: Source): Step {
  return settled(
    {
      ...state,
      before: beforeOf(state),
      upper,
      focus: 'upper',
      zoom: false,
      places: { ...state.places, [upper]: START },
    },
    source,
  );
}

/** The help over the other panes, or away. */
export function helped(state: State, source: Source): Step {
  return settled(
    state.upper === 'help' ? back(state) : { ...state, before: beforeOf(state), upper: 'help', focus: 'upper' },
    source,
  );
}

/** One step back: to the pane below, the parts of the screen together, the list, the calls. */
export function back(state: State): State {
  if (OVER.includes(state.upper)) return { ...state, upper: state.before };
  if (state.zoom) return { ...state, zoom: false };
  if (state.focus === 'bytes') return { ...state, focus: 'detail' };
  if (state.focus === 'detail') return { ...state, focus: 'upper' };
  return state.upper === 'calls' ? state : { ...state, upper: 'calls' };
}

/** Rows of the list in an upper pane. */
export function lengthOf(state: State, upper: Upper, source: Source): number {
  switch (upper) {
    case 'calls':
    case 'ladder':
      return source.view.length;
    case 'objects':
      return objectRows(source.objects()).length;
    case 'statistics':
      return source.statistics().members.length;
    case 'findings':
      return source.notices.length;
    case 'diff':
      return diffRows({ state, source }).length;
    case 'replay':
      return state.replayed?.rows.length ?? 0;
    case 'help':
      return helpLines().length;
  }
}

/** Rows that the pane with the focus shows at once. */
export function heightOf(state: State, source: Source): number {
  const area = layout(state)[state.focus];
  if (area === null) return 10;
  if (state.focus === 'detail') return area.height;
  if (state.focus === 'bytes') return area.height - 1;
  return Math.max(
    1,
    state.upper === 'help'
      ? area.height
      : state.upper === 'statistics'
        ? area.height - statisticsHead(source, area.height)
        : area.height - 1,
  );
}

/** Ladder and calls share a cursor. */
export function placeName(upper: Upper): Upper {
  return upper === 'ladder' ? 'calls' : upper;
}

/** The cursor of the pane with the focus, `by` lines on. */
export function move(state: State, by: number, source: Source): Step {
  if (state.focus === 'bytes') return moveByte(state, by * rowBytes(state), source);
  if (state.focus === 'detail')
    return settled(
      toRow(state, clampTo(state.detail.cursor + by, currentRows({ state, source }).length), source),
      source,
    );
  const name = placeName(state.upper);
  const place = state.places[name];
  const length = lengthOf(state, state.upper, source);
  if (state.upper === 'help') {
    const top = clampTo(place.top + by, Math.max(1, length - heightOf(state, source) + 1));
    return { state: { ...state, places: { ...state.places, help: { cursor: top, top } } }, effects: NONE };
  }
  const cursor = clampTo(place.cursor + by, length);
  const follow = name === 'calls' ? state.follow && cursor === length - 1 : state.follow;
  return settled(
    selected({ ...state, follow, places: { ...state.places, [name]: { ...place, cursor } } }, source),
    source,
  );
}

/** The place nearest to `at` in a list of this length. */
export function clampTo(at: number, length: number): number {
  return Math.max(0, Math.min(at, length - 1));
}

/** The call of the row under the cursor becomes the current one. */
export function selected(state: State, source: Source): State {
  if (state.upper !== 'calls' && state.upper !== 'ladder') return state;
  const index = source.view.at(state.places.calls.cursor);
  return index < 0 || index === state.call ? state : withCall(state, index, source);
}

/** Another call in detail and bytes: the cursor stays on the field of the same name where the call has one. */
function withCall(state: State, index: number, source: Source): State {
  const id = currentRows({ state, source })[state.detail.cursor]?.id;
  const next: State = { ...state, call: index };
  const rows = currentRows({ state: next, source });
  const same = id === undefined ? 0 : rows.findIndex((row) => row.id === id);
  return toRow(next, Math.max(0, same), source);
}

/** The list on a call. */
export function toCall(state: State, index: number, source: Source): State {
  const row = source.view.rowOf(index);
  const upper = state.upper === 'ladder' ? 'ladder' : 'calls';
  return selected(
    { ...state, upper, places: { ...state.places, calls: { ...state.places.calls, cursor: row } } },
    source,
  );
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
  return settled(
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
  if (state.upper !== 'calls') return { state, effects: NONE };
  return { state: { ...state, sideways: clampTo(state.sideways + by, state.shown.length) }, effects: NONE };
}

/** Folds or unfolds the row; folding a leaf folds what it stands in. `shut` null changes what is. */
export function fold(state: State, shut: boolean | null, source: Source): Step {
  const rows = currentRows({ state, source });
  const row = rows[state.detail.cursor];
  if (row === undefined) return { state, effects: NONE };
  if ((!row.foldable || row.folded) && shut === true) {
    const parent = rows.slice(0, state.detail.cursor).findLastIndex((one) => one.depth < row.depth && one.foldable);
    return parent < 0 ? { state, effects: NONE } : settled(toRow(state, parent, source), source);
  }
  if (!row.foldable) return { state, effects: NONE };
  const folded = new Set(state.folded);
  if (shut ?? !row.folded) folded.add(row.id);
  else folded.delete(row.id);
  return settled({ ...state, folded }, source);
}

/**
 * The next call that failed, by the flags of the rows: no call is fetched. In a comparison, the next call that differs.
 */
export function nextFailed(state: State, by: 1 | -1, source: Source): Step {
  if (state.upper === 'replay') return nextDifferent(state, by, source);
  const { view } = source;
  for (let row = state.places.calls.cursor + by; row >= 0 && row < view.length; row += by) {
    if (source.failed(view.at(row))) return settled(toCall({ ...state, follow: false }, view.at(row), source), source);
  }
  return say(state, by > 0 ? 'no failed call after this one' : 'no failed call before this one', true);
}

function differs({ kind, status }: ReplayRow): boolean {
  return kind === 'call' && status !== 'same';
}

function nextDifferent(state: State, by: 1 | -1, source: Source): Step {
  const rows = state.replayed?.rows ?? [];
  const { cursor } = state.places.replay;
  const after = rows.slice(cursor + 1).findIndex(differs);
  const next = by < 0 ? rows.slice(0, cursor).findLastIndex(differs) : after < 0 ? after : cursor + 1 + after;
  if (next < 0) return say(state, by > 0 ? 'nothing differs after this' : 'nothing differs before this', true);
  return settled({ ...state, places: { ...state.places, replay: { ...state.places.replay, cursor: next } } }, source);
}

/** On the newest call, where it is followed. */
export function followed(state: State, source: Source): State {
  if (!state.follow || state.paused) return state;
  return selected(
    {
      ...state,
      places: { ...state.places, calls: { ...state.places.calls, cursor: Math.max(0, source.view.length - 1) } },
    },
    source,
  );
}

/** Every cursor inside its list and its pane, and a call to show where there is one. */
export function settled(given: State, source: Source): Step {
  let state = given;
  const calls = source.view.length;
  if (calls > 0 && (state.upper === 'calls' || state.upper === 'ladder')) {
    const cursor = clampTo(state.places.calls.cursor, calls);
    if (cursor !== state.places.calls.cursor)
      state = { ...state, places: { ...state.places, calls: { ...state.places.calls, cursor } } };
    state = selected(state, source);
  }
  const shown = layout(state);
  const upper = shown.upper;
  if (upper !== null && state.upper !== 'help') {
    const name = placeName(state.upper);
    const height =
      state.upper === 'statistics' ? upper.height - statisticsHead(source, upper.height) : upper.height - 1;
    const place = placed(state.places[name], lengthOf(state, state.upper, source), Math.max(1, height));
    state = { ...state, places: { ...state.places, [name]: place } };
  }
  const rows = currentRows({ state, source }).length;
  state = { ...state, detail: placed(state.detail, rows, shown.detail?.height ?? 1) };
  if (shown.bytes !== null) {
    const perRow = bytesPerRow(shown.bytes.width);
    const size = sizeOf(state, state.bytes.side, source);
    const { top } = placed(
      { cursor: Math.floor(clampTo(state.bytes.offset, size) / perRow), top: state.bytes.top },
      Math.ceil(size / perRow),
      Math.max(1, shown.bytes.height - 1),
    );
    state = { ...state, bytes: { ...state.bytes, offset: clampTo(state.bytes.offset, size), top } };
  }
  return { state, effects: NONE };
}
