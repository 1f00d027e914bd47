import { clamped, toCall } from './cursor.js';
import { exported, formatOf } from './exporting.js';
import { COMMANDS, type CommandName } from './keys.js';
import { openPrompt } from './prompt.js';
import { askTarget, replayTo } from './replaying.js';
import { filtered, sorted } from './selecting.js';
import { showTitled } from './showing.js';
import type { Source } from './source.js';
import { COLUMNS, type Column, type State } from './state.js';
import { say, still, type Step } from './transition.js';
import { SORT_KEYS, type SortKey } from './view.js';

type Run = (state: State, argument: string, source: Source) => Step;

/** What each command does with what it was given. */
const RUNS: Readonly<Record<CommandName, Run>> = {
  filter: (state, argument, source) => {
    const wrong = argument === '' ? null : source.wrong(argument);
    return wrong === null
      ? filtered(state, argument === '' ? null : argument)
      : still({ ...state, prompt: { ...openPrompt('filter', argument), error: wrong } });
  },
  all: (state) => filtered(state, null),
  frame: (state, argument) =>
    /^\d+$/.test(argument)
      ? { state, effects: [{ kind: 'search', text: `frame ${argument}`, from: -1, forward: true }] }
      : say(state, ':frame takes a number', true),
  columns,
  sort: (state, argument) =>
    SORT_KEYS.includes(argument as SortKey)
      ? sorted(state, argument as SortKey)
      : say(state, `:sort takes one of ${SORT_KEYS.join(', ')}`, true),
  capture: (state, argument) => exported(state, 'capture', argument),
  ndjson: (state, argument) => exported(state, 'ndjson', argument),
  record: (state, argument) => exported(state, 'recording', argument),
  write: (state, argument) => exported(state, formatOf(argument), argument),
  replay: (state, argument) => (state.replaying === null ? replayTo(state, argument) : askTarget(state)),
  stop: (state) => ({ state, effects: [{ kind: 'stop' }] }),
  help: (state, _, source) => showTitled(state, 'help', source),
  quit: (state) => ({ state, effects: [{ kind: 'quit' }] }),
};

/** Carries out a command line: a number goes to a call, a name may be cut where it stays the only one. */
export function command(state: State, text: string, source: Source): Step {
  if (/^\d+$/.test(text)) return toNumber(state, Number(text), source);
  const [name = '', ...rest] = text.split(' ');
  if (text === '') return still(state);
  const fitting = COMMANDS.filter((one) => one.name.startsWith(name));
  const chosen = COMMANDS.find((one) => one.name === name) ?? (fitting.length === 1 ? fitting[0] : undefined);
  return chosen === undefined
    ? say(state, `no command ${name}: ${COMMANDS.map((one) => one.name).join(', ')}`, true)
    : RUNS[chosen.name](state, rest.join(' ').trim(), source);
}

function toNumber(state: State, number: number, source: Source): Step {
  return number < 1 || number > source.count
    ? say(state, `there is no call ${number}: ${source.count} so far`, true)
    : clamped(toCall({ ...state, follow: false }, number - 1, source), source);
}

function columns(state: State, text: string, source: Source): Step {
  if (text === '') return showTitled(state, 'columns', source);
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  const unknown = names.find((name) => !COLUMNS.includes(name as Column));
  if (unknown !== undefined || names.length === 0)
    return say(state, `:columns takes names out of ${COLUMNS.join(', ')}`, true);
  const shown = [...new Set(names as Column[])];
  return { state: { ...state, shown, sideways: 0 }, effects: [{ kind: 'keep-columns', columns: shown }] };
}
