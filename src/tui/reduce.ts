import { toHex } from '../bytes/hex.js';
import { signature } from '../output/text.js';
import { fieldsAt, rowAt, type DetailRow } from './fields.js';
import { actionOf, COMMANDS, type Action } from './keys.js';
import { bytesPerRow, layout, paneAt } from './layout.js';
import { currentCall, currentRows, placed, shownBytes, stubOf } from './model.js';
import { comparedCalls, diffRows } from './panes/diff.js';
import { helpLines } from './panes/help.js';
import { objectRows } from './panes/objects.js';
import { statisticsHead } from './panes/statistics.js';
import { openPrompt, remember, type } from './prompt.js';
import { targetOf, type Replayed, type ReplayRow } from './replayed.js';
import type { Source } from './source.js';
import { COLUMNS, UPPERS, type Column, type Effect, type Event, type ExportFormat, type Focus, type Place, type PromptKind, type ReplayTarget, type Side, type State, type Upper } from './state.js';
import { SORT_KEYS, type SortKey } from './view.js';
import { objectText } from './words.js';

/** What an event comes to. */
export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

const NONE: readonly Effect[] = [];

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
      return event.index === null ? say(state, `not found: ${event.text}`, true) : settled(toCall({ ...state, message: event.wrapped ? { text: 'found on the other side of the end', bad: false } : null }, event.index, source), source);
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

function say(state: State, text: string, bad = false): Step {
  return { state: { ...state, message: { text, bad } }, effects: NONE };
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
      return settled(state.upper === 'help' ? back(state) : { ...state, before: beforeOf(state), upper: 'help', focus: 'upper' }, source);
    case 'filter':
      return { state: { ...state, prompt: openPrompt('filter', state.filter ?? '') }, effects: NONE };
    case 'clear-filter':
      return filtered(state, null);
    case 'filter-object': {
      const label = objectUnder(state, source);
      return label === null ? say(state, 'this call is on no object', true) : filtered(state, `object.label == ${JSON.stringify(label)}`);
    }
    case 'search':
      return { state: { ...state, prompt: openPrompt('search') }, effects: NONE };
    case 'next-found':
    case 'previous-found':
      return state.search === null ? say(state, 'nothing was searched for yet: / searches', true) : { state, effects: [searching(state, state.search, action === 'next-found')] };
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
      if (comparedCalls({ state }) === null) return say(state, 'mark two calls with space, or mark one and stand on another', true);
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
      return settled({ ...state, folded: state.folded.size === 0 ? new Set(['request/orpcthis', 'response/orpcthat']) : new Set() }, source);
    case 'side':
      return settled({ ...state, bytes: { side: state.bytes.side === 'request' ? 'response' : 'request', offset: 0, top: 0 } }, source);
    case 'wire': {
      const call = currentCall({ state, source });
      const opened = call !== null && source.wire(call, state.bytes.side) !== null;
      if (!state.wire && !opened) return say(state, `the ${state.bytes.side} was not opened: there is but one way to show it`, true);
      return { state: { ...state, wire: !state.wire }, effects: NONE };
    }
    case 'export':
      return { state: { ...state, pending: 'x' }, effects: NONE };
    case 'replay':
      if (state.replaying !== null) return say(state, `a replay to ${state.replaying} is under way: C-c stops it`, true);
      return state.call < 0 ? say(state, 'there is no call to replay', true) : { state: { ...state, prompt: openPrompt('target', state.history.target.at(-1) ?? '') }, effects: NONE };
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

const START: Place = { cursor: 0, top: 0 };
const FOCUSES: readonly Focus[] = ['upper', 'detail', 'bytes'];

function nextFocus(focus: Focus, by: number): Focus {
  return FOCUSES[(FOCUSES.indexOf(focus) + by) % FOCUSES.length] ?? 'upper';
}

/** Panes that lie over the others until one goes back. */
const OVER: readonly Upper[] = ['help', 'diff', 'replay'];

function beforeOf(state: State): Upper {
  return OVER.includes(state.upper) ? state.before : state.upper;
}

/** A pane over the others, from its beginning. */
function shown(state: State, upper: 'diff' | 'replay', source: Source): Step {
  return settled({ ...state, before: beforeOf(state), upper, focus: 'upper', zoom: false, places: { ...state.places, [upper]: START } }, source);
}

function back(state: State): State {
  if (OVER.includes(state.upper)) return { ...state, upper: state.before };
  if (state.zoom) return { ...state, zoom: false };
  if (state.focus === 'bytes') return { ...state, focus: 'detail' };
  if (state.focus === 'detail') return { ...state, focus: 'upper' };
  return state.upper === 'calls' ? state : { ...state, upper: 'calls' };
}

/** Rows of the list in an upper pane. */
function lengthOf(state: State, upper: Upper, source: Source): number {
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
function heightOf(state: State, source: Source): number {
  const area = layout(state)[state.focus];
  if (area === null) return 10;
  if (state.focus === 'detail') return area.height;
  if (state.focus === 'bytes') return area.height - 1;
  return Math.max(1, state.upper === 'help' ? area.height : state.upper === 'statistics' ? area.height - statisticsHead(source, area.height) : area.height - 1);
}

function placeName(upper: Upper): Upper {
  return upper === 'ladder' ? 'calls' : upper;
}

function move(state: State, by: number, source: Source): Step {
  if (state.focus === 'bytes') return moveByte(state, by * rowBytes(state), source);
  if (state.focus === 'detail') return settled(toRow(state, clampTo(state.detail.cursor + by, currentRows({ state, source }).length), source), source);
  const name = placeName(state.upper);
  const place = state.places[name];
  const length = lengthOf(state, state.upper, source);
  if (state.upper === 'help') {
    const top = clampTo(place.top + by, Math.max(1, length - heightOf(state, source) + 1));
    return { state: { ...state, places: { ...state.places, help: { cursor: top, top } } }, effects: NONE };
  }
  const cursor = clampTo(place.cursor + by, length);
  const follow = name === 'calls' ? state.follow && cursor === length - 1 : state.follow;
  return settled(selected({ ...state, follow, places: { ...state.places, [name]: { ...place, cursor } } }, source), source);
}

function clampTo(at: number, length: number): number {
  return Math.max(0, Math.min(at, length - 1));
}

/** The call of the row under the cursor becomes the current one. */
function selected(state: State, source: Source): State {
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

function toCall(state: State, index: number, source: Source): State {
  const row = source.view.rowOf(index);
  const upper = state.upper === 'ladder' ? 'ladder' : 'calls';
  return selected({ ...state, upper, places: { ...state.places, calls: { ...state.places.calls, cursor: row } } }, source);
}

/** The cursor of the detail pane on a row; its bytes are shown. */
function toRow(state: State, cursor: number, source: Source): State {
  const row = currentRows({ state, source })[cursor];
  const next = { ...state, detail: { ...state.detail, cursor } };
  if (row === undefined || row.side === null) return { ...next, bytes: { ...state.bytes, offset: clampTo(state.bytes.offset, sizeOf(next, state.bytes.side, source)) } };
  return { ...next, bytes: { ...state.bytes, side: row.side, offset: row.start } };
}

function sizeOf(state: State, side: Side, source: Source): number {
  const stub = stubOf(currentCall({ state, source }), side);
  return stub === null ? 0 : stub.end - stub.start;
}

function rowBytes(state: State): number {
  return bytesPerRow(layout(state).bytes?.width ?? state.columns);
}

/** Moves the cursor in the bytes; the field that owns the byte is unfolded and becomes the current row. */
function moveByte(state: State, by: number, source: Source): Step {
  return settled(toByte(state, clampTo(state.bytes.offset + by, sizeOf(state, state.bytes.side, source)), source), source);
}

function toByte(state: State, offset: number, source: Source): State {
  const { side } = state.bytes;
  const call = currentCall({ state, source });
  const root = call === null ? null : source.traces(call)[side]?.root;
  let next: State = { ...state, bytes: { ...state.bytes, offset } };
  if (root == null) return next;
  const around = fieldsAt(side, root, offset).slice(0, -1);
  if (around.some((id) => next.folded.has(id))) next = { ...next, folded: new Set([...next.folded].filter((id) => !around.includes(id))) };
  const row = rowAt(currentRows({ state: next, source }), side, offset);
  return row < 0 ? next : { ...next, detail: { ...next.detail, cursor: row } };
}

function sideways(state: State, by: number, source: Source): Step {
  if (state.focus === 'bytes') return moveByte(state, by, source);
  if (state.focus === 'detail') return fold(state, by < 0, source);
  if (state.upper !== 'calls') return { state, effects: NONE };
  return { state: { ...state, sideways: clampTo(state.sideways + by, state.shown.length) }, effects: NONE };
}

/** Folds or unfolds the row; folding a leaf folds what it stands in. `shut` null changes what is. */
function fold(state: State, shut: boolean | null, source: Source): Step {
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

function enter(state: State, source: Source): Step {
  if (state.focus === 'detail') {
    const row = currentRows({ state, source })[state.detail.cursor];
    return row?.foldable === true ? fold(state, null, source) : settled({ ...state, focus: row?.side === null || row === undefined ? 'detail' : 'bytes' }, source);
  }
  if (state.focus === 'bytes') return settled({ ...state, focus: 'detail' }, source);
  switch (state.upper) {
    case 'calls':
    case 'ladder':
      return settled({ ...state, focus: 'detail' }, source);
    case 'objects': {
      const label = objectUnder(state, source);
      return label === null ? { state, effects: NONE } : filtered({ ...state, upper: 'calls' }, `object.label == ${JSON.stringify(label)}`);
    }
    case 'statistics': {
      const member = source.statistics().members[state.places.statistics.cursor];
      const parts = member === undefined ? null : /^(.*?)(?:::|\.)([^.:]+)$/.exec(member.name);
      if (parts === null) return { state, effects: NONE };
      return filtered({ ...state, upper: 'calls' }, `interface == ${JSON.stringify(parts[1])} && method == ${JSON.stringify(parts[2])}`);
    }
    case 'findings': {
      const notice = source.notices[state.places.findings.cursor];
      const call = notice?.kind === 'finding' ? notice.call : null;
      return call === null ? say(state, 'this belongs to no call', true) : settled(toCall({ ...state, upper: 'calls' }, call - 1, source), source);
    }
    case 'replay': {
      const call = state.replayed?.rows[state.places.replay.cursor]?.call ?? null;
      return call === null ? { state, effects: NONE } : settled(toCall({ ...state, upper: 'calls', follow: false }, call, source), source);
    }
    case 'help':
    case 'diff':
      return settled(back(state), source);
  }
}

function objectUnder(state: State, source: Source): string | null {
  if (state.upper === 'objects' && state.focus === 'upper') return objectRows(source.objects())[state.places.objects.cursor]?.record.label ?? null;
  const call = currentCall({ state, source });
  return call === null || call.object === null || call.object.label === null ? null : objectText(call);
}

function mark(state: State, source: Source): Step {
  const marked = new Set(state.marked);
  if (state.call < 0) return { state, effects: NONE };
  if (!marked.delete(state.call)) marked.add(state.call);
  return move({ ...state, marked, focus: 'upper' }, 1, source);
}

/** The next call that failed, by the flags of the rows: no call is fetched. In a comparison, the next call that differs. */
function nextFailed(state: State, by: 1 | -1, source: Source): Step {
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

function filtered(state: State, expression: string | null): Step {
  return { state: { ...state, filter: expression, message: null, sideways: 0 }, effects: [{ kind: 'filter', expression }] };
}

function sorted(state: State, sort: SortKey): Step {
  return { state: { ...state, sort, message: { text: sort === 'none' ? 'in the order of the capture' : `sorted by ${sort}`, bad: false } }, effects: [{ kind: 'sort', key: sort }] };
}

function searching(state: State, text: string, forward: boolean): Effect {
  return { kind: 'search', text, from: state.places.calls.cursor, forward };
}

/** A line was typed on, or given. */
function typed(state: State, name: string, text: string, source: Source): Step {
  const { prompt } = state;
  if (prompt === null) return { state, effects: NONE };
  const result = type(prompt, name, text, state.history[prompt.kind], source.words);
  if (result.kind === 'typing') return { state: { ...state, prompt: result.prompt }, effects: NONE };
  if (result.kind === 'dropped') return { state: { ...state, prompt: null, asked: null }, effects: NONE };
  if (prompt.kind === 'secret') return state.asked === null ? { state, effects: NONE } : replaying({ ...state, prompt: null }, state.asked, result.text);
  const history = remember(state, prompt.kind, result.text);
  const wrong = prompt.kind === 'filter' && result.text.trim() !== '' ? source.wrong(result.text) : null;
  if (wrong !== null) return { state: { ...state, history, prompt: { ...prompt, error: wrong } }, effects: NONE };
  return given({ ...state, history, prompt: null }, prompt.kind, result.text.trim(), source);
}

function given(state: State, kind: PromptKind, text: string, source: Source): Step {
  switch (kind) {
    case 'filter':
      return filtered(state, text === '' ? null : text);
    case 'search':
      return text === '' ? { state, effects: NONE } : { state: { ...state, search: text, follow: false }, effects: [searching(state, text, true)] };
    case 'command':
      return command(state, text, source);
    case 'export':
      return exported(state, text.endsWith('.ndjson') ? 'ndjson' : text.endsWith('.uamgrec') ? 'recording' : 'capture', text);
    case 'target':
      return replay(state, text);
    case 'copy-target':
      return replayCommand(state, text, source);
    case 'secret':
      return { state, effects: NONE };
  }
}

function exported(state: State, format: ExportFormat, path: string): Step {
  if (path === '') return say(state, 'nothing written: no file was named', true);
  const calls = state.marked.size === 0 ? null : [...state.marked].toSorted((a, b) => a - b);
  return { state, effects: [{ kind: 'export', format, path, calls }] };
}

/** The shell's way to write a text as one word. */
function word(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** To a target; whoever signs in there is asked for a password first. */
function replay(state: State, text: string): Step {
  const target = targetOf(text);
  if (target === null) return say(state, text === '' ? 'nothing replayed: no target was named' : `${text} is no target: host, host:port or user@host are`, true);
  if (state.call < 0) return say(state, 'there is no call to replay', true);
  return target.user === null ? replaying(state, target, '') : { state: { ...state, asked: target, prompt: openPrompt('secret') }, effects: NONE };
}

function replaying(state: State, target: ReplayTarget, secret: string): Step {
  const calls = state.marked.size === 0 ? null : [...state.marked].toSorted((a, b) => a - b);
  return { state: { ...state, asked: null, replaying: target.host }, effects: [{ kind: 'replay', target, secret, of: calls?.[0] ?? state.call, calls }] };
}

function replayOver(state: State, result: Replayed | null, source: Source): Step {
  return result === null ? { state, effects: NONE } : shown({ ...state, replayed: result, message: null }, 'replay', source);
}

function replayCommand(state: State, target: string, source: Source): Step {
  const rec = `${source.title.replace(/^.*\//, '').replace(/\.[^.]*$/, '')}.uamgrec`;
  const text = `uamgscope record ${word(source.title)} -o ${word(rec)} && uamgscope replay ${word(rec)} --target ${target === '' ? 'HOST' : word(target)}`;
  return { state, effects: [{ kind: 'copy', text, what: text }] };
}

function command(state: State, text: string, source: Source): Step {
  if (/^\d+$/.test(text)) {
    const index = Number(text) - 1;
    return index < 0 || index >= source.count ? say(state, `there is no call ${text}: ${source.count} so far`, true) : settled(toCall({ ...state, follow: false }, index, source), source);
  }
  const [name = '', ...rest] = text.split(' ');
  const argument = rest.join(' ').trim();
  const fitting = COMMANDS.filter((one) => one.name.startsWith(name));
  const chosen = COMMANDS.find((one) => one.name === name) ?? (fitting.length === 1 ? fitting[0] : undefined);
  switch (name === '' ? undefined : chosen?.name) {
    case 'filter': {
      const wrong = argument === '' ? null : source.wrong(argument);
      return wrong === null ? filtered(state, argument === '' ? null : argument) : { state: { ...state, prompt: { ...openPrompt('filter', argument), error: wrong } }, effects: NONE };
    }
    case 'all':
      return filtered(state, null);
    case 'frame':
      return /^\d+$/.test(argument) ? { state, effects: [{ kind: 'search', text: `frame ${argument}`, from: -1, forward: true }] } : say(state, ':frame takes a number', true);
    case 'columns':
      return columns(state, argument);
    case 'sort':
      return SORT_KEYS.includes(argument as SortKey) ? sorted(state, argument as SortKey) : say(state, `:sort takes one of ${SORT_KEYS.join(', ')}`, true);
    case 'capture':
      return exported(state, 'capture', argument);
    case 'ndjson':
      return exported(state, 'ndjson', argument);
    case 'record':
      return exported(state, 'recording', argument);
    case 'replay':
      if (state.replaying !== null) return act(state, 'replay', source);
      return replay(state, argument);
    case 'stop':
      return { state, effects: [{ kind: 'stop' }] };
    case 'help':
      return act(state, 'help', source);
    case 'quit':
      return { state, effects: [{ kind: 'quit' }] };
    default:
      return text === '' ? { state, effects: NONE } : say(state, `no command ${name}: ${COMMANDS.map((one) => one.name).join(', ')}`, true);
  }
}

function columns(state: State, text: string): Step {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  const unknown = names.find((name) => !COLUMNS.includes(name as Column));
  if (unknown !== undefined || names.length === 0) return say(state, `:columns takes names out of ${COLUMNS.join(', ')}`, true);
  return { state: { ...state, shown: [...new Set(names as Column[])], sideways: 0 }, effects: NONE };
}

/** The second key of a pair. */
function completed(state: State, first: NonNullable<State['pending']>, name: string, source: Source): Step {
  if (name === 'escape') return { state, effects: NONE };
  switch (first) {
    case 'm':
      if (!/^[a-zA-Z]$/.test(name)) return say(state, 'a place is remembered as a letter', true);
      return state.call < 0 ? { state, effects: NONE } : say({ ...state, marks: new Map(state.marks).set(name, state.call) }, `this call is '${name}`);
    case "'": {
      const index = state.marks.get(name);
      return index === undefined ? say(state, `no place is remembered as ${name}`, true) : settled(toCall({ ...state, follow: false }, index, source), source);
    }
    case 'x': {
      if (name === 'p') return { state: { ...state, prompt: openPrompt('copy-target') }, effects: NONE };
      const ending = { c: 'pcapng', n: 'ndjson', r: 'uamgrec' }[name];
      return ending === undefined ? say(state, 'c, n, r or p', true) : { state: { ...state, prompt: openPrompt('export', `selection.${ending}`) }, effects: NONE };
    }
    case 'y':
      return copied(state, name, source);
    case 'g':
      return { state, effects: NONE };
  }
}

function copied(state: State, name: string, source: Source): Step {
  const call = currentCall({ state, source });
  if (call === null) return say(state, 'there is no call to copy', true);
  const row: DetailRow | undefined = currentRows({ state, source })[state.detail.cursor];
  const side = row?.side ?? state.bytes.side;
  const stub = shownBytes({ state, source }, side);
  const copy = (text: string, what: string): Step => ({ state, effects: [{ kind: 'copy', text, what }] });
  switch (name) {
    case 'y':
      return copy(signature(call, { width: 4096, names: source.names }), 'the call');
    case 'v':
      return row === undefined ? { state, effects: NONE } : copy(row.value, 'the value');
    case 'b':
      return stub === null ? say(state, 'there are no bytes', true) : copy(toHex(stub.bytes, 0, stub.bytes.length), `all bytes of the ${side}`);
    case 'h':
      return stub === null || row === undefined || row.side === null ? say(state, 'this row has no bytes', true) : copy(toHex(stub.bytes, row.start, row.end), 'the bytes of the field');
    case 'f':
      return copy(`interface == ${JSON.stringify(call.interface)} && method == ${JSON.stringify(call.method)}`, 'a filter for the member');
    default:
      return say(state, 'y, v, b, h or f', true);
  }
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
  if (hit.pane === 'detail') return settled(toRow(focused, clampTo(state.detail.top + hit.row, currentRows({ state, source }).length), source), source);
  if (hit.pane === 'bytes') {
    const perRow = rowBytes(state);
    const digits = Math.max(4, (sizeOf(state, state.bytes.side, source) - 1).toString(16).length);
    const within = hit.column - digits - 2;
    const byte = Math.floor((within - (within >= 24 ? 1 : 0)) / 3);
    return byte < 0 || byte >= perRow ? settled(focused, source) : settled(toByte(focused, clampTo((state.bytes.top + hit.row) * perRow + byte, sizeOf(state, state.bytes.side, source)), source), source);
  }
  if (state.upper === 'help' || state.upper === 'ladder') return settled(focused, source);
  const name = placeName(state.upper);
  const head = state.upper === 'statistics' ? statisticsHead(source, layout(state).upper?.height ?? 0) : 1;
  const at = state.places[name].top + hit.row - head;
  if (hit.row < head || at >= lengthOf(state, state.upper, source)) return settled(focused, source);
  return settled(selected({ ...focused, places: { ...state.places, [name]: { ...state.places[name], cursor: at } } }, source), source);
}

function followed(state: State, source: Source): State {
  if (!state.follow || state.paused) return state;
  return selected({ ...state, places: { ...state.places, calls: { ...state.places.calls, cursor: Math.max(0, source.view.length - 1) } } }, source);
}

/** Every cursor inside its list and its pane, and a call to show where there is one. */
function settled(given: State, source: Source): Step {
  let state = given;
  const calls = source.view.length;
  if (calls > 0 && (state.upper === 'calls' || state.upper === 'ladder')) {
    const cursor = clampTo(state.places.calls.cursor, calls);
    if (cursor !== state.places.calls.cursor) state = { ...state, places: { ...state.places, calls: { ...state.places.calls, cursor } } };
    state = selected(state, source);
  }
  const shown = layout(state);
  const upper = shown.upper;
  if (upper !== null && state.upper !== 'help') {
    const name = placeName(state.upper);
    const height = state.upper === 'statistics' ? upper.height - statisticsHead(source, upper.height) : upper.height - 1;
    const place = placed(state.places[name], lengthOf(state, state.upper, source), Math.max(1, height));
    state = { ...state, places: { ...state.places, [name]: place } };
  }
  const rows = currentRows({ state, source }).length;
  state = { ...state, detail: placed(state.detail, rows, shown.detail?.height ?? 1) };
  if (shown.bytes !== null) {
    const perRow = bytesPerRow(shown.bytes.width);
    const size = sizeOf(state, state.bytes.side, source);
    const { top } = placed({ cursor: Math.floor(clampTo(state.bytes.offset, size) / perRow), top: state.bytes.top }, Math.ceil(size / perRow), Math.max(1, shown.bytes.height - 1));
    state = { ...state, bytes: { ...state.bytes, offset: clampTo(state.bytes.offset, size), top } };
  }
  return { state, effects: NONE };
}
