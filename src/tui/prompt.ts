import { complete } from './complete.js';
import type { Prompt, PromptKind, State } from './state.js';

/** Lines of each kind that are remembered. */
const MAX_HISTORY = 100;
/** Longest line that can be typed, in UTF-16 units. */
const MAX_TYPED = 4096;

export function openPrompt(kind: PromptKind, text = ''): Prompt {
  return { kind, text, at: text.length, back: 0, own: text, offers: [], error: null };
}

/** What a key makes of the line: another line, or its end. */
export type Typed =
  | { readonly kind: 'typing'; readonly prompt: Prompt }
  | { readonly kind: 'entered'; readonly text: string }
  | { readonly kind: 'dropped' };

/** A line, and where its cursor stands. */
interface Edited {
  readonly line: string;
  readonly at: number;
}

/** Keys that edit the line. */
const EDITS: Readonly<Record<string, (line: string, at: number) => Edited>> = {
  left: (line, at) => ({ line, at: at - unitBefore(line, at) }),
  right: (line, at) => ({ line, at: at + unitAfter(line, at) }),
  home: (line) => ({ line, at: 0 }),
  'C-a': (line) => ({ line, at: 0 }),
  end: (line) => ({ line, at: line.length }),
  'C-e': (line) => ({ line, at: line.length }),
  backspace: backspaced,
  'C-h': backspaced,
  delete: (line, at) => ({ line: line.slice(0, at) + line.slice(at + unitAfter(line, at)), at }),
  'C-u': (line, at) => ({ line: line.slice(at), at: 0 }),
  'C-k': (line, at) => ({ line: line.slice(0, at), at }),
  'C-w': (line, at) => {
    const kept = line.slice(0, at).replace(/\S+\s*$/, '');
    return { line: kept + line.slice(at), at: kept.length };
  },
};

function backspaced(line: string, at: number): Edited {
  const from = at - unitBefore(line, at);
  return { line: line.slice(0, from) + line.slice(at), at: from };
}

/** A key typed into the line. `text` is what the key writes, or ''. */
export function type(
  prompt: Prompt,
  key: string,
  text: string,
  history: readonly string[],
  words: Readonly<Record<string, readonly string[]>>,
): Typed {
  const { text: line, at } = prompt;
  if (key === 'escape' || key === 'C-c') return { kind: 'dropped' };
  if (key === 'enter') return { kind: 'entered', text: line };
  if (key === 'tab') return completedLine(prompt, words);
  if (key === 'up') return recalled(prompt, 1, history);
  if (key === 'down') return recalled(prompt, -1, history);
  const edit = Object.hasOwn(EDITS, key) ? EDITS[key] : undefined;
  if (edit === backspaced && line === '') return { kind: 'dropped' };
  if (edit !== undefined) return edited(prompt, edit(line, at));
  if (text === '') return { kind: 'typing', prompt };
  return edited(prompt, { line: line.slice(0, at) + text + line.slice(at), at: at + text.length });
}

function edited(prompt: Prompt, { line, at }: Edited): Typed {
  return {
    kind: 'typing',
    prompt: { ...prompt, text: line.slice(0, MAX_TYPED), at: Math.min(at, MAX_TYPED), offers: [], error: null },
  };
}

function completedLine(prompt: Prompt, words: Readonly<Record<string, readonly string[]>>): Typed {
  const { text: line, at } = prompt;
  const { text, offers } = complete(prompt.kind, line.slice(0, at), words);
  return { kind: 'typing', prompt: { ...prompt, text: text + line.slice(at), at: text.length, offers, error: null } };
}

/** An earlier line of the history, `by` further back; the line being typed is kept. */
function recalled(prompt: Prompt, by: 1 | -1, history: readonly string[]): Typed {
  const back = Math.max(0, Math.min(history.length, prompt.back + by));
  const own = prompt.back === 0 ? prompt.text : prompt.own;
  const text = back === 0 ? own : (history[history.length - back] ?? '');
  return { kind: 'typing', prompt: { ...prompt, text, at: text.length, back, own, offers: [], error: null } };
}

/** The history with a line added at its end, once. */
export function remember(state: State, kind: PromptKind, text: string): State['history'] {
  if (text.trim() === '') return state.history;
  return { ...state.history, [kind]: [...state.history[kind].filter((one) => one !== text), text].slice(-MAX_HISTORY) };
}

function unitBefore(text: string, at: number): number {
  const code = text.charCodeAt(at - 1);
  if (at === 0) return 0;
  return code >= 0xdc00 && code <= 0xdfff ? 2 : 1;
}

function unitAfter(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (at >= text.length) return 0;
  return code >= 0xd800 && code <= 0xdbff ? 2 : 1;
}
