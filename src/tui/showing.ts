import { placedAt, clamped } from './cursor.js';
import type { Pane } from './pane.js';
import { PANES, paneOf } from './panes/table.js';
import type { Source } from './source.js';
import type { State } from './state.js';
import { say, type Step } from './transition.js';

/** Shows a pane in the upper part of the screen: a tab as it was left, one that lies over the others from its top. */
export function show(state: State, pane: Pane, source: Source): Step {
  if (pane.kind === 'tab') return clamped({ ...state, upper: pane.title, focus: 'upper', zoom: false }, source);
  if (state.upper === pane.title) return clamped(back(state), source);
  const refused = pane.refuses?.({ state, source }) ?? null;
  if (refused !== null) return say(state, refused, true);
  const before = isOver(state.upper) ? state.before : state.upper;
  const over: State = { ...state, before, upper: pane.title, focus: 'upper', zoom: false };
  return clamped(placedAt(over, pane.cursor, { cursor: 0, top: 0 }), source);
}

/** Shows the pane with this title. */
export function showTitled(state: State, title: string, source: Source): Step {
  return show(state, paneOf(title), source);
}

/** Whether the pane with this title lies over the others. */
export function isOver(title: string): boolean {
  return PANES.some((pane) => pane.title === title && pane.kind === 'over');
}

/** One step back: to the pane below, the parts of the screen together, the list, the calls. */
export function back(state: State): State {
  if (isOver(state.upper)) return { ...state, upper: state.before };
  if (state.zoom) return { ...state, zoom: false };
  if (state.focus === 'bytes') return { ...state, focus: 'detail' };
  if (state.focus === 'detail') return { ...state, focus: 'upper' };
  return state.upper === 'calls' ? state : { ...state, upper: 'calls' };
}
