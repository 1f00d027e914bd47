import { askTarget, completed, filtered, replayOver, searching, sorted, typed } from './given.js';
import { actionOf, type Action } from './keys.js';
import { layout, paneAt } from './layout.js';
import { currentCall, currentRows } from './model.js';
import {
  back,
  clampTo,
  fold,
  followed,
  heightOf,
  helped,
  lengthOf,
  move,
  nextFailed,
  nextFocus,
  NONE,
  OVER,
  placeName,
  rowBytes,
  say,
  selected,
  settled,
  shown,
  sideways,
  sizeOf,
  toByte,
  toCall,
  toRow,
  type Step,
} from './moves.js';
import { comparedCalls } from './panes/diff.js';
import { objectRows } from './panes/objects.js';
import { statisticsHead } from './panes/statistics.js';
import { openPrompt } from './prompt.js';
import type { Source } from './source.js';
import { UPPERS, type Event, type State } from './state.js';
import { SORT_KEYS } from './view.js';
import { objectText } from './words.js';

/** The state after an event, and what it asks of the world. Pure: the source is only read. */
export function reduce(state: State, event: Event, source: Source): Step {
  switch (event.kind) {
    case 'resize':
      return settled({ ...state, columns: event.columns, rows: event.rows }, source);
    case 'changed':
      return settled(followed(state, source), source);
    case 'said':
      return { state: { ...state, message: { text: event.text, bad: event.bad } }, effects: NONE };
    case 'found':
      return event.index === null
        ? say(state, `not found: ${event.text}`, true)
        : settled(
            toCall(
              { ...state, message: event.wrapped ? { text: 'found on the other side of the end', bad: false } : null },
              event.index,
              source,
            ),
            source,
          );
    case 'replayed':
      return replayOver({ ...state, replaying: null }, event.result, source);
    case 'mouse':
      return mouse(state, event, source);
    case 'key':
      return key(state, event.key, event.text, source);
  }
}

function key(state: State, name: string, text: string, source: Source): Step {
  if (state.prompt !== null) return typed(state, name, text, source);
  if (state.pending !== null) return completed({ ...state, pending: null, message: null }, state.pending, name, source);
  const action = actionOf(name);
  if (action === null) return { state: { ...state, message: null }, effects: NONE };
  return act({ ...state, message: null }, action, source);
}

function act(state: State, action: Action, source: Source): Step {
  switch (action) {
    case 'down':
      return move(state, 1, source);
    case 'up':
      return move(state, -1, source);
    case 'page-down':
      return move(state, heightOf(state, source) - 1, source);
    case 'page-up':
      return move(state, 1 - heightOf(state, source), source);
    case 'half-down':
      return move(state, heightOf(state, source) >> 1, source);
    case 'half-up':
      return move(state, -(heightOf(state, source) >> 1), source);
    case 'top':
      return move(state, -Infinity, source);
    case 'bottom':
      return move(state, Infinity, source);
    case 'left':
    case 'right':
      return sideways(state, action === 'left' ? -1 : 1, source);
    case 'enter':
      return enter(state, source);
    case 'back':
      return settled(back(state), source);
    case 'next-pane':
    case 'previous-pane':
      return settled({ ...state, focus: nextFocus(state.focus, action === 'next-pane' ? 1 : 2) }, source);
    case 'zoom':
      return settled({ ...state, zoom: !state.zoom }, source);
    case 'calls':
    case 'objects':
    case 'ladder':
    case 'statistics':
    case 'findings':
      return settled({ ...state, upper: action, focus: 'upper', zoom: false }, source);
    case 'help':
      return helped(state, source);
    case 'filter':
      return { state: { ...state, prompt: openPrompt('filter', state.filter ?? '') }, effects: NONE };
    case 'clear-filter':
      return filtered(state, null);
    case 'filter-object': {
      const label = objectUnder(state, source);
      return label === null
        ? say(state, 'this call is on no object', true)
        : filtered(state, `object.label == ${JSON.stringify(label)}`);
    }
    case 'search':
      return { state: { ...state, prompt: openPrompt('search') }, effects: NONE };
    case 'next-found':
    case 'previous-found':
      return state.search === null
        ? say(state, 'nothing was searched for yet: / searches', true)
        : { state, effects: [searching(state, state.search, action === 'next-found')] };
    case 'next-failed':
    case 'previous-failed':
      return nextFailed(state, action === 'next-failed' ? 1 : -1, source);
    case 'command':
      return { state: { ...state, prompt: openPrompt('command') }, effects: NONE };
    case 'mark':
      return mark(state, source);
    case 'clear-marks':
      return { state: { ...state, marked: new Set() }, effects: NONE };
    case 'set-mark':
      return { state: { ...state, pending: 'm' }, effects: NONE };
    case 'go-mark':
      return { state: { ...state, pending: "'" }, effects: NONE };
    case 'diff':
      if (comparedCalls({ state }) === null)
        return say(state, 'mark two calls with space, or mark one and stand on another', true);
      return shown(state, 'diff', source);
    case 'follow':
      return settled(followed({ ...state, follow: !state.follow }, source), source);
    case 'pause':
      return { state: { ...state, paused: !state.paused }, effects: [{ kind: 'pause', on: !state.paused }] };
    case 'sort':
      return sorted(state, SORT_KEYS[(SORT_KEYS.indexOf(state.sort) + 1) % SORT_KEYS.length] ?? 'none');
    case 'fold':
      return fold(state, null, source);
    case 'fold-all':
      return settled(
        { ...state, folded: state.folded.size === 0 ? new Set(['request/orpcthis', 'response/orpcthat']) : new Set() },
        source,
      );
    case 'side':
      return settled(
        { ...state, bytes: { side: state.bytes.side === 'request' ? 'response' : 'request', offset: 0, top: 0 } },
        source,
      );
    case 'wire': {
      const call = currentCall({ state, source });
      const opened = call !== null && source.wire(call, state.bytes.side) !== null;
      if (!state.wire && !opened)
        return say(state, `the ${state.bytes.side} was not opened: there is but one way to show it`, true);
      return { state: { ...state, wire: !state.wire }, effects: NONE };
    }
    case 'export':
      return { state: { ...state, pending: 'x' }, effects: NONE };
    case 'replay':
      return askTarget(state);
    case 'replayed':
      return shown(state, 'replay', source);
    case 'copy':
      return { state: { ...state, pending: 'y' }, effects: NONE };
    case 'stop': {
      if (state.replaying !== null) return { state, effects: [{ kind: 'stop-replay' }] };
      const { state: how } = source.reading;
      return { state, effects: [how === 'reading' || how === 'waiting' ? { kind: 'stop' } : { kind: 'quit' }] };
    }
    case 'redraw':
      return { state, effects: NONE };
    case 'quit':
      return OVER.includes(state.upper) ? settled(back(state), source) : { state, effects: [{ kind: 'quit' }] };
  }
}

function enter(state: State, source: Source): Step {
  if (state.focus === 'detail') {
    const row = currentRows({ state, source })[state.detail.cursor];
    return row?.foldable === true
      ? fold(state, null, source)
      : settled({ ...state, focus: row?.side === null || row === undefined ? 'detail' : 'bytes' }, source);
  }
  if (state.focus === 'bytes') return settled({ ...state, focus: 'detail' }, source);
  switch (state.upper) {
    case 'calls':
    case 'ladder':
      return settled({ ...state, focus: 'detail' }, source);
    case 'objects': {
      const label = objectUnder(state, source);
      return label === null
        ? { state, effects: NONE }
        : filtered({ ...state, upper: 'calls' }, `object.label == ${JSON.stringify(label)}`);
    }
    case 'statistics': {
      const member = source.statistics().members[state.places.statistics.cursor];
      const parts = member === undefined ? null : /^(.*?)(?:::|\.)([^.:]+)$/.exec(member.name);
      if (parts === null) return { state, effects: NONE };
      return filtered(
        { ...state, upper: 'calls' },
        `interface == ${JSON.stringify(parts[1])} && method == ${JSON.stringify(parts[2])}`,
      );
    }
    case 'findings': {
      const notice = source.notices[state.places.findings.cursor];
      const call = notice?.kind === 'finding' ? notice.call : null;
      return call === null
        ? say(state, 'this belongs to no call', true)
        : settled(toCall({ ...state, upper: 'calls' }, call - 1, source), source);
    }
    case 'replay': {
      const call = state.replayed?.rows[state.places.replay.cursor]?.call ?? null;
      return call === null
        ? { state, effects: NONE }
        : settled(toCall({ ...state, upper: 'calls', follow: false }, call, source), source);
    }
    case 'help':
    case 'diff':
      return settled(back(state), source);
  }
}

function objectUnder(state: State, source: Source): string | null {
  if (state.upper === 'objects' && state.focus === 'upper')
    return objectRows(source.objects())[state.places.objects.cursor]?.record.label ?? null;
  const call = currentCall({ state, source });
  return call === null || call.object === null || call.object.label === null ? null : objectText(call);
}

function mark(state: State, source: Source): Step {
  const marked = new Set(state.marked);
  if (state.call < 0) return { state, effects: NONE };
  if (!marked.delete(state.call)) marked.add(state.call);
  return move({ ...state, marked, focus: 'upper' }, 1, source);
}

const WHEEL = 3;

function mouse(state: State, { column, row, action }: Extract<Event, { kind: 'mouse' }>, source: Source): Step {
  if (state.prompt !== null) return { state, effects: NONE };
  if (row === 0 && action === 'press') {
    let at = 0;
    for (const [index, upper] of UPPERS.entries()) {
      at += ` ${index + 1} ${upper} `.length;
      if (column < at) return act({ ...state, message: null }, upper as Action, source);
    }
    return { state, effects: NONE };
  }
  const hit = paneAt(layout(state), column, row);
  if (hit === null) return { state, effects: NONE };
  const focused: State = { ...state, focus: hit.pane, message: null };
  if (action !== 'press') return move(focused, action === 'down' ? WHEEL : -WHEEL, source);
  if (hit.pane === 'detail')
    return settled(
      toRow(focused, clampTo(state.detail.top + hit.row, currentRows({ state, source }).length), source),
      source,
    );
  if (hit.pane === 'bytes') {
    const perRow = rowBytes(state);
    const digits = Math.max(4, (sizeOf(state, state.bytes.side, source) - 1).toString(16).length);
    const within = hit.column - digits - 2;
    const byte = Math.floor((within - (within >= 24 ? 1 : 0)) / 3);
    return byte < 0 || byte >= perRow
      ? settled(focused, source)
      : settled(
          toByte(
            focused,
            clampTo((state.bytes.top + hit.row) * perRow + byte, sizeOf(state, state.bytes.side, source)),
            source,
          ),
          source,
        );
  }
  if (state.upper === 'help' || state.upper === 'ladder') return settled(focused, source);
  const name = placeName(state.upper);
  const head = state.upper === 'statistics' ? statisticsHead(source, layout(state).upper?.height ?? 0) : 1;
  const at = state.places[name].top + hit.row - head;
  if (hit.row < head || at >= lengthOf(state, state.upper, source)) return settled(focused, source);
  return settled(
    selected({ ...focused, places: { ...state.places, [name]: { ...state.places[name], cursor: at } } }, source),
    source,
  );
}
