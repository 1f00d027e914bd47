import { placedAt, selected, clamped, toByte, toRow } from './cursor.js';
import { currentRows } from './detail.js';
import { plainText } from './line.js';
import { shownBytes } from './model.js';
import { paneOf } from './panes/table.js';
import { queryOf, type Query } from './query.js';
import type { Source } from './source.js';
import { placeOf, type State } from './state.js';
import { say, type Step } from './transition.js';

/** Looks for something in the pane that has the keys, from where its cursor stands. */
export function searchFor(state: State, text: string, forward: boolean, source: Source): Step {
  const query = queryOf(text);
  if (state.focus === 'bytes') return inBytes(state, query, forward, source);
  if (state.focus === 'detail') return inDetail(state, query, forward, source);
  const pane = paneOf(state.upper);
  const { text: words } = pane;
  if (words === undefined)
    return { state, effects: [{ kind: 'search', text, from: placeOf(state, 'calls').cursor, forward }] };
  const model = { state, source };
  const place = placeOf(state, pane.cursor);
  const hit = around(place.cursor, pane.length(model), forward, (row) => query.inText(words(model, row)));
  if (hit === null) return say(state, `not found: ${text}`, true);
  const cursor = hit.at;
  const top = pane.scrolls === true ? cursor : place.top;
  return clamped(selected(placedAt(noted(state, hit.wrapped), pane.cursor, { cursor, top }), source), source);
}

function inDetail(state: State, query: Query, forward: boolean, source: Source): Step {
  const rows = currentRows({ state, source });
  const hit = around(state.detail.cursor, rows.length, forward, (at) => {
    const row = rows[at];
    return row !== undefined && (query.inText(plainText(row.line)) || query.inText(row.value));
  });
  if (hit === null) return say(state, `not found in the detail: ${query.text}`, true);
  return clamped(toRow(noted(state, hit.wrapped), hit.at, source), source);
}

function inBytes(state: State, query: Query, forward: boolean, source: Source): Step {
  const { side, offset } = state.bytes;
  const shown = shownBytes({ state, source }, side);
  const places = shown === null ? [] : placesOf(query, shown.bytes);
  const after = forward ? places.find((at) => at > offset) : places.findLast((at) => at < offset);
  const found = after ?? (forward ? places[0] : places.at(-1));
  if (found === undefined) return say(state, `not found in the bytes of the ${side}: ${query.text}`, true);
  return clamped(toByte(noted(state, after === undefined), found, source), source);
}

/** Places of one stub at which a search stops. */
const MAX_PLACES = 10_000;

function placesOf(query: Query, bytes: Uint8Array): readonly number[] {
  const places: number[] = [];
  for (let at = query.inBytes(bytes, 0); at >= 0 && places.length < MAX_PLACES; at = query.inBytes(bytes, at + 1))
    places.push(at);
  return places;
}

/** The next row that fits, past the end from the other one; null where none does. */
function around(
  from: number,
  length: number,
  forward: boolean,
  fits: (row: number) => boolean,
): { readonly at: number; readonly wrapped: boolean } | null {
  const by = forward ? 1 : -1;
  for (let step = 1; step <= length; step++) {
    const beyond = from + by * step;
    const at = ((beyond % length) + length) % length;
    if (fits(at)) return { at, wrapped: at !== beyond };
  }
  return null;
}

function noted(state: State, wrapped: boolean): State {
  return { ...state, message: wrapped ? { text: 'found on the other side of the end', bad: false } : null };
}
