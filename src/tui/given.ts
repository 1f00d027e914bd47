import { toHex } from '../bytes/hex.js';
import { signature } from '../output/text.js';
import type { DetailRow } from './fields.js';
import { COMMANDS } from './keys.js';
import { currentCall, currentRows, shownBytes } from './model.js';
import { helped, NONE, say, settled, shown, toCall, type Step } from './moves.js';
import { openPrompt, remember, type } from './prompt.js';
import { targetOf, type Replayed } from './replayed.js';
import type { Source } from './source.js';
import {
  COLUMNS,
  type Column,
  type Effect,
  type ExportFormat,
  type PromptKind,
  type ReplayTarget,
  type State,
} from './state.js';
import { SORT_KEYS, type SortKey } from './view.js';

/** Only calls for which the expression holds; null: all. */
export function filtered(state: State, expression: string | null): Step {
  return {
    state: { ...state, filter: expression, message: null, sideways: 0 },
    effects: [{ kind: 'filter', expression }],
  };
}

/** The calls in another order. */
export function sorted(state: State, sort: SortKey): Step {
  return {
    state: {
      ...state,
      sort,
      message: { text: sort === 'none' ? 'in the order of the capture' : `sorted by ${sort}`, bad: false },
    },
    effects: [{ kind: 'sort', key: sort }],
  };
}

/** A search from the current row. */
export function searching(state: State, text: string, forward: boolean): Effect {
  return { kind: 'search', text, from: state.places.calls.cursor, forward };
}

/** A line was typed on, or given. */
export function typed(state: State, name: string, text: string, source: Source): Step {
  const { prompt } = state;
  if (prompt === null) return { state, effects: NONE };
  const result = type(prompt, name, text, state.history[prompt.kind], source.words);
  if (result.kind === 'typing') return { state: { ...state, prompt: result.prompt }, effects: NONE };
  if (result.kind === 'dropped') return { state: { ...state, prompt: null, asked: null }, effects: NONE };
  if (prompt.kind === 'secret')
    return state.asked === null
      ? { state, effects: NONE }
      : replaying({ ...state, prompt: null }, state.asked, result.text);
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
      return text === ''
        ? { state, effects: NONE }
        : { state: { ...state, search: text, follow: false }, effects: [searching(state, text, true)] };
    case 'command':
      return command(state, text, source);
    case 'export':
      return exported(
        state,
        text.endsWith('.ndjson') ? 'ndjson' : text.endsWith('.uamgrec') ? 'recording' : 'capture',
        text,
      );
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

/** Asks where to replay to, unless a replay is under way. */
export function askTarget(state: State): Step {
  if (state.replaying !== null) return say(state, `a replay to ${state.replaying} is under way: C-c stops it`, true);
  return state.call < 0
    ? say(state, 'there is no call to replay', true)
    : { state: { ...state, prompt: openPrompt('target', state.history.target.at(-1) ?? '') }, effects: NONE };
}

/** To a target; whoever signs in there is asked for a password first. */
function replay(state: State, text: string): Step {
  const target = targetOf(text);
  if (target === null)
    return say(
      state,
      text === '' ? 'nothing replayed: no target was named' : `${text} is no target: host, host:port or user@host are`,
      true,
    );
  if (state.call < 0) return say(state, 'there is no call to replay', true);
  return target.user === null
    ? replaying(state, target, '')
    : { state: { ...state, asked: target, prompt: openPrompt('secret') }, effects: NONE };
}

function replaying(state: State, target: ReplayTarget, secret: string): Step {
  const calls = state.marked.size === 0 ? null : [...state.marked].toSorted((a, b) => a - b);
  return {
    state: { ...state, asked: null, replaying: target.host },
    effects: [{ kind: 'replay', target, secret, of: calls?.[0] ?? state.call, calls }],
  };
}

/** A replay is over: its comparison is shown. */
export function replayOver(state: State, result: Replayed | null, source: Source): Step {
  return result === null
    ? { state, effects: NONE }
    : shown({ ...state, replayed: result, message: null }, 'replay', source);
}

function replayCommand(state: State, target: string, source: Source): Step {
  const rec = `${source.title.replace(/^.*\//, '').replace(/\.[^.]*$/, '')}.uamgrec`;
  const text = `uamgscope record ${word(source.title)} -o ${word(rec)} && uamgscope replay ${word(rec)} --target ${target === '' ? 'HOST' : word(target)}`;
  return { state, effects: [{ kind: 'copy', text, what: text }] };
}

function command(state: State, text: string, source: Source): Step {
  if (/^\d+$/.test(text)) {
    const index = Number(text) - 1;
    return index < 0 || index >= source.count
      ? say(state, `there is no call ${text}: ${source.count} so far`, true)
      : settled(toCall({ ...state, follow: false }, index, source), source);
  }
  const [name = '', ...rest] = text.split(' ');
  const argument = rest.join(' ').trim();
  const fitting = COMMANDS.filter((one) => one.name.startsWith(name));
  const chosen = COMMANDS.find((one) => one.name === name) ?? (fitting.length === 1 ? fitting[0] : undefined);
  switch (name === '' ? undefined : chosen?.name) {
    case 'filter': {
      const wrong = argument === '' ? null : source.wrong(argument);
      return wrong === null
        ? filtered(state, argument === '' ? null : argument)
        : { state: { ...state, prompt: { ...openPrompt('filter', argument), error: wrong } }, effects: NONE };
    }
    case 'all':
      return filtered(state, null);
    case 'frame':
      return /^\d+$/.test(argument)
        ? { state, effects: [{ kind: 'search', text: `frame ${argument}`, from: -1, forward: true }] }
        : say(state, ':frame takes a number', true);
    case 'columns':
      return columns(state, argument);
    case 'sort':
      return SORT_KEYS.includes(argument as SortKey)
        ? sorted(state, argument as SortKey)
        : say(state, `:sort takes one of ${SORT_KEYS.join(', ')}`, true);
    case 'capture':
      return exported(state, 'capture', argument);
    case 'ndjson':
      return exported(state, 'ndjson', argument);
    case 'record':
      return exported(state, 'recording', argument);
    case 'replay':
      return state.replaying === null ? replay(state, argument) : askTarget(state);
    case 'stop':
      return { state, effects: [{ kind: 'stop' }] };
    case 'help':
      return helped(state, source);
    case 'quit':
      return { state, effects: [{ kind: 'quit' }] };
    default:
      return text === ''
        ? { state, effects: NONE }
        : say(state, `no command ${name}: ${COMMANDS.map((one) => one.name).join(', ')}`, true);
  }
}

function columns(state: State, text: string): Step {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  const unknown = names.find((name) => !COLUMNS.includes(name as Column));
  if (unknown !== undefined || names.length === 0)
    return say(state, `:columns takes names out of ${COLUMNS.join(', ')}`, true);
  return { state: { ...state, shown: [...new Set(names as Column[])], sideways: 0 }, effects: NONE };
}

/** The second key of a pair. */
export function completed(state: State, first: NonNullable<State['pending']>, name: string, source: Source): Step {
  if (name === 'escape') return { state, effects: NONE };
  switch (first) {
    case 'm':
      if (!/^[a-zA-Z]$/.test(name)) return say(state, 'a place is remembered as a letter', true);
      return state.call < 0
        ? { state, effects: NONE }
        : say({ ...state, marks: new Map(state.marks).set(name, state.call) }, `this call is '${name}`);
    case "'": {
      const index = state.marks.get(name);
      return index === undefined
        ? say(state, `no place is remembered as ${name}`, true)
        : settled(toCall({ ...state, follow: false }, index, source), source);
    }
    case 'x': {
      if (name === 'p') return { state: { ...state, prompt: openPrompt('copy-target') }, effects: NONE };
      const ending = { c: 'pcapng', n: 'ndjson', r: 'uamgrec' }[name];
      return ending === undefined
        ? say(state, 'c, n, r or p', true)
        : { state: { ...state, prompt: openPrompt('export', `selection.${ending}`) }, effects: NONE };
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
      return stub === null
        ? say(state, 'there are no bytes', true)
        : copy(toHex(stub.bytes, 0, stub.bytes.length), `all bytes of the ${side}`);
    case 'h':
      return stub === null || row === undefined || row.side === null
        ? say(state, 'this row has no bytes', true)
        : copy(toHex(stub.bytes, row.start, row.end), 'the bytes of the field');
    case 'f':
      return copy(
        `interface == ${JSON.stringify(call.interface)} && method == ${JSON.stringify(call.method)}`,
        'a filter for the member',
      );
    default:
      return say(state, 'y, v, b, h or f', true);
  }
}
