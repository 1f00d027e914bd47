import { command } from './commands.js';
import { exported, formatOf } from './exporting.js';
import { remember, type } from './prompt.js';
import { copyReplay, replayTo, signedIn } from './replaying.js';
import { filtered, searching } from './selecting.js';
import type { Source } from './source.js';
import type { PromptKind, State } from './state.js';
import { still, type Step } from './step.js';

/** A key was typed into the prompt; what `enter` gives is taken by kind. */
export function typed(state: State, name: string, text: string, source: Source): Step {
  const { prompt } = state;
  if (prompt === null) return still(state);
  const result = type(prompt, name, text, state.history[prompt.kind], source.words);
  if (result.kind === 'typing') return still({ ...state, prompt: result.prompt });
  if (result.kind === 'dropped') return still({ ...state, prompt: null, signingIn: null });
  // A secret is neither remembered nor trimmed.
  if (prompt.kind === 'secret') return signedIn(state, result.text);
  const history = remember(state, prompt.kind, result.text);
  const line = result.text.trim();
  const wrong = prompt.kind === 'filter' && line !== '' ? source.wrong(result.text) : null;
  if (wrong !== null) return still({ ...state, history, prompt: { ...prompt, error: wrong } });
  return LINES[prompt.kind]({ ...state, history, prompt: null }, line, source);
}

/** What a line comes to, by the prompt it was typed into. */
const LINES: Readonly<Record<Exclude<PromptKind, 'secret'>, (state: State, line: string, source: Source) => Step>> = {
  filter: (state, line) => filtered(state, line === '' ? null : line),
  search: (state, line) =>
    line === ''
      ? still(state)
      : { state: { ...state, search: line, follow: false }, effects: [searching(state, line, true)] },
  command,
  export: (state, line) => exported(state, formatOf(line), line),
  target: replayTo,
  'copy-target': copyReplay,
};
