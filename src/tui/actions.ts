import { fold, followed, heightOf, move, nextFailed, clamped, sideways, toCall } from './cursor.js';
import type { Action } from './keys.js';
import { currentRows } from './detail.js';
import { currentCall } from './model.js';
import { objectUnder } from './panes/objects.js';
import { paneOf } from './panes/table.js';
import type { Intent } from './pane.js';
import { openPrompt } from './prompt.js';
import { askTarget } from './replaying.js';
import { searchFor } from './searching.js';
import { filtered, sorted } from './selecting.js';
import { back, isOver } from './showing.js';
import type { Source } from './source.js';
import { FOLDED, type Focus, type Pending, type PromptKind, type State } from './state.js';
import { say, still, type Step } from './transition.js';
import { SORT_KEYS } from './view.js';

type Act = (state: State, source: Source) => Step;

/** What each action does. */
const ACTS: Readonly<Record<Action, Act>> = {
  down: (state, source) => move(state, 1, source),
  up: (state, source) => move(state, -1, source),
  'page-down': (state, source) => move(state, heightOf(state, source) - 1, source),
  'page-up': (state, source) => move(state, 1 - heightOf(state, source), source),
  'half-down': (state, source) => move(state, heightOf(state, source) >> 1, source),
  'half-up': (state, source) => move(state, -(heightOf(state, source) >> 1), source),
  top: (state, source) => move(state, -Infinity, source),
  bottom: (state, source) => move(state, Infinity, source),
  left: (state, source) => shifted(state, -1, source),
  right: (state, source) => shifted(state, 1, source),
  enter,
  back: (state, source) => clamped(back(state), source),
  'next-pane': (state, source) => clamped({ ...state, focus: nextFocus(state.focus, 1) }, source),
  'previous-pane': (state, source) => clamped({ ...state, focus: nextFocus(state.focus, 2) }, source),
  zoom: (state, source) => clamped({ ...state, zoom: !state.zoom }, source),
  filter: (state) => still({ ...state, prompt: openPrompt('filter', state.filter ?? '') }),
  'clear-filter': (state) => filtered(state, null),
  'filter-object': (state, source) => {
    const label = objectUnder({ state, source });
    return label === null
      ? say(state, 'this call is on no object', true)
      : filtered(state, `object.label == ${JSON.stringify(label)}`);
  },
  search: prompting('search'),
  'next-found': (state, source) => searchedOn(state, true, source),
  'previous-found': (state, source) => searchedOn(state, false, source),
  'next-failed': (state, source) => nextFailed(state, 1, source),
  'previous-failed': (state, source) => nextFailed(state, -1, source),
  command: prompting('command'),
  mark,
  'clear-marks': (state) => still({ ...state, marked: new Set() }),
  note: (state) =>
    state.call < 0
      ? say(state, 'there is no call to write a note on', true)
      : still({ ...state, prompt: openPrompt('note', state.notes.get(state.call) ?? '') }),
  'set-mark': waiting('m'),
  'go-mark': waiting("'"),
  follow: (state, source) => clamped(followed({ ...state, follow: !state.follow }, source), source),
  pause: (state) => ({ state: { ...state, paused: !state.paused }, effects: [{ kind: 'pause', on: !state.paused }] }),
  sort: (state) => sorted(state, SORT_KEYS[(SORT_KEYS.indexOf(state.sort) + 1) % SORT_KEYS.length] ?? 'none'),
  'fold-upkeep': (state) => ({
    state: { ...state, quiet: !state.quiet },
    effects: [{ kind: 'fold-upkeep', on: !state.quiet }],
  }),
  reference: (state) => {
    if (state.call < 0) return still(state);
    return state.reference === state.call
      ? say({ ...state, reference: null }, 'times of day')
      : say({ ...state, reference: state.call }, `times are counted from call ${state.call + 1}`);
  },
  fold: (state, source) => fold(state, null, source),
  'fold-all': (state, source) => clamped({ ...state, folded: new Set(state.folded.size === 0 ? FOLDED : []) }, source),
  side: (state, source) => {
    const side = state.bytes.side === 'request' ? 'response' : 'request';
    return clamped({ ...state, bytes: { side, offset: 0, top: 0 } }, source);
  },
  wire,
  export: waiting('x'),
  unlock: prompting('unlock'),
  replay: askTarget,
  copy: waiting('y'),
  stop: (state, source) => {
    if (state.replaying !== null) return { state, effects: [{ kind: 'stop-replay' }] };
    const { state: how } = source.reading;
    return { state, effects: [{ kind: how === 'reading' || how === 'waiting' ? 'stop' : 'quit' }] };
  },
  redraw: still,
  suspend: (state) => ({ state, effects: [{ kind: 'suspend' }] }),
  quit: (state, source) =>
    isOver(state.upper) ? clamped(back(state), source) : { state, effects: [{ kind: 'quit' }] },
};

/** Carries out an action. */
export function act(state: State, action: Action, source: Source): Step {
  return ACTS[action](state, source);
}

/** Actions that a count repeats, in one move where that is the same. */
const REPEATED: ReadonlySet<Action> = new Set<Action>([
  'down',
  'up',
  'left',
  'right',
  'page-down',
  'page-up',
  'half-down',
  'half-up',
  'next-failed',
  'previous-failed',
  'mark',
]);
/** Times that one key is carried out at most. */
const MAX_COUNT = 10_000;

/** Carries out an action so many times; `G` and `g` with a count go to that line. Others take no count. */
export function actTimes(state: State, action: Action, count: number, source: Source): Step {
  if (action === 'down' || action === 'up') return move(state, action === 'down' ? count : -count, source);
  if (action === 'top' || action === 'bottom') return move(move(state, -Infinity, source).state, count - 1, source);
  if (!REPEATED.has(action)) return act(state, action, source);
  let step = act(state, action, source);
  for (let at = 1; at < Math.min(count, MAX_COUNT) && step.effects.length === 0; at++) {
    const next = act(step.state, action, source);
    if (next.state.message?.bad === true) break;
    step = next;
  }
  return step;
}

const FOCUSES: readonly Focus[] = ['upper', 'detail', 'bytes'];

/** The pane that the keys go to next, `by` panes on. */
function nextFocus(focus: Focus, by: number): Focus {
  return FOCUSES[(FOCUSES.indexOf(focus) + by) % FOCUSES.length] ?? 'upper';
}

function prompting(kind: PromptKind): Act {
  return (state) => still({ ...state, prompt: openPrompt(kind) });
}

function waiting(pending: Pending): Act {
  return (state) => still({ ...state, pending });
}

function searchedOn(state: State, forward: boolean, source: Source): Step {
  return state.search === null
    ? say(state, 'nothing was searched for yet: / searches', true)
    : searchFor(state, state.search, forward, source);
}

function enter(state: State, source: Source): Step {
  if (state.focus === 'bytes') return clamped({ ...state, focus: 'detail' }, source);
  if (state.focus === 'upper') return intended(state, paneOf(state.upper).enter({ state, source }), source);
  const row = currentRows({ state, source })[state.detail.cursor];
  if (row?.foldable === true) return fold(state, null, source);
  return clamped({ ...state, focus: row === undefined || row.side === null ? 'detail' : 'bytes' }, source);
}

function intended(state: State, intent: Intent, source: Source): Step {
  switch (intent.kind) {
    case 'filter':
      return filtered({ ...state, upper: 'calls' }, intent.expression);
    case 'call':
      return clamped(toCall({ ...state, upper: 'calls', follow: false }, intent.index, source), source);
    case 'detail':
      return clamped({ ...state, focus: 'detail' }, source);
    case 'back':
      return clamped(back(state), source);
    case 'say':
      return say(state, intent.text, true);
    case 'nothing':
      return still(state);
  }
}

function shifted(state: State, by: 1 | -1, source: Source): Step {
  const { shift } = paneOf(state.upper);
  return shift === undefined ? sideways(state, by, source) : changedColumns(state, shift(state, by));
}

/** Columns that were chosen or moved, and are to be kept. */
function changedColumns(before: State, state: State): Step {
  return before.shown === state.shown
    ? still(state)
    : { state, effects: [{ kind: 'keep-columns', columns: state.shown }] };
}

function mark(state: State, source: Source): Step {
  const { toggle } = paneOf(state.upper);
  if (toggle !== undefined) return changedColumns(state, toggle(state));
  if (state.call < 0) return still(state);
  const marked = new Set(state.marked);
  if (!marked.delete(state.call)) marked.add(state.call);
  return move({ ...state, marked, focus: 'upper' }, 1, source);
}

function wire(state: State, source: Source): Step {
  const call = currentCall({ state, source });
  const opened = call !== null && source.wire(call, state.bytes.side) !== null;
  if (!state.wire && !opened)
    return say(state, `the ${state.bytes.side} was not opened: there is but one way to show it`, true);
  return still({ ...state, wire: !state.wire });
}
