import { command } from './commands.js';
import { exported, formatOf } from './exporting.js';
import { remember, type } from './prompt.js';
import { copyReplay, replayTo, signedIn } from './replaying.js';
import { wrongQuery } from './query.js';
import { searchFor } from './searching.js';
import { filtered } from './selecting.js';
import type { Source } from './source.js';
import type { PromptKind, State } from './state.js';
import { still, type Step } from './transition.js';

/** A key was typed into the prompt; what `enter` gives is taken by kind. */
export function typed(state: State, name: string, text: string, source: Source): Step {
  const { prompt } = state;
  if (prompt === null) return still(state);
  const result = type(prompt, name, text, state.history[prompt.kind], source.words);
  if (result.kind === 'typing') return still({ ...state, prompt: result.prompt });
  if (result.kind === 'dropped') return still({ ...state, prompt: null, signingIn: null });
  // A secret is neither remembered nor trimmed.
  if (prompt.kind === 'secret') return signedIn(state, result.text);
  if (prompt.kind === 'unlock') return unlocked({ ...state, prompt: null }, result.text);
  const history = remember(state, prompt.kind, result.text);
  const line = result.text.trim();
  const wrong = line === '' ? null : wrongLine(prompt.kind, result.text, source);
  if (wrong !== null) return still({ ...state, history, prompt: { ...prompt, error: wrong } });
  return LINES[prompt.kind]({ ...state, history, prompt: null }, line, source);
}

/** What is wrong with a line, or null. */
function wrongLine(kind: PromptKind, text: string, source: Source): string | null {
  if (kind === 'filter') return source.wrong(text);
  return kind === 'search' ? wrongQuery(text.trim()) : null;
}

/** What a line comes to, by the prompt it was typed into. */
const LINES: Readonly<
  Record<Exclude<PromptKind, 'secret' | 'unlock'>, (state: State, line: string, source: Source) => Step>
> = {
  filter: (state, line) => filtered(state, line === '' ? null : line),
  search: (state, line, source) =>
    line === '' ? still(state) : searchFor({ ...state, search: line, follow: false }, line, true, source),
  command,
  export: (state, line) => exported(state, formatOf(line), line),
  note: noted,
  target: replayTo,
  'copy-target': copyReplay,
};

/** A note on the current call; an empty one is taken away. */
function noted(state: State, line: string): Step {
  const notes = new Map(state.notes);
  if (line === '') notes.delete(state.call);
  else notes.set(state.call, line);
  return still({ ...state, notes });
}

function unlocked(state: State, secret: string): Step {
  return secret === '' ? still(state) : { state, effects: [{ kind: 'unlock', secret }] };
}
