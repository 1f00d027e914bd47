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
  | { readonly kind: 'given'; readonly text: string }
  | { readonly kind: 'dropped' };

/** A key typed into the line. `text` is what the key writes, or ''. */
export function type(
  prompt: Prompt,
  key: string,
  text: string,
  history: readonly string[],
  words: Readonly<Record<string, readonly string[]>>,
): Typed {
  const { text: line, at } = prompt;
  const edit = (next: string, to: number): Typed => ({
    kind: 'typing',
    prompt: { ...prompt, text: next.slice(0, MAX_TYPED), at: Math.min(to, MAX_TYPED), offers: [], error: null },
  });
  switch (key) {
    case 'escape':
    case 'C-c':
      return { kind: 'dropped' };
    case 'enter':
      return { kind: 'given', text: line };
    case 'left':
      return edit(line, at - unitBefore(line, at));
    case 'right':
      return edit(line, at + unitAfter(line, at));
    case 'home':
    case 'C-a':
      return edit(line, 0);
    case 'end':
    case 'C-e':
      return edit(line, line.length);
    case 'backspace':
    case 'C-h':
      return at === 0 && line === ''
        ? { kind: 'dropped' }
        : edit(line.slice(0, at - unitBefore(line, at)) + line.slice(at), at - unitBefore(line, at));
    case 'delete':
      return edit(line.slice(0, at) + line.slice(at + unitAfter(line, at)), at);
    case 'C-u':
      return edit(line.slice(at), 0);
    case 'C-k':
      return edit(line.slice(0, at), at);
    case 'C-w': {
      const kept = line.slice(0, at).replace(/\S+\s*$/, '');
      return edit(kept + line.slice(at), kept.length);
    }
    case 'tab': {
      const done = complete(prompt.kind, line.slice(0, at), words);
      return {
        kind: 'typing',
        prompt: { ...prompt, text: done.text + line.slice(at), at: done.text.length, offers: done.offers, error: null },
      };
    }
    case 'up':
    case 'down': {
      const back = Math.max(0, Math.min(history.length, prompt.back + (key === 'up' ? 1 : -1)));
      const own = prompt.back === 0 ? line : prompt.own;
      const shown = back === 0 ? own : (history[history.length - back] ?? '');
      return {
        kind: 'typing',
        prompt: { ...prompt, text: shown, at: shown.length, back, own, offers: [], error: null },
      };
    }
    default:
      return text === ''
        ? { kind: 'typing', prompt }
        : edit(line.slice(0, at) + text + line.slice(at), at + text.length);
  }
}

/** The history with a line added at its end, once. */
export function remember(state: State, kind: PromptKind, text: string): State['history'] {
  if (text.trim() === '') return state.history;
  return { ...state.history, [kind]: [...state.history[kind].filter((one) => one !== text), text].slice(-MAX_HISTORY) };
}

function unitBefore(text: string, at: number): number {
  const code = text.charCodeAt(at - 1);
  return at === 0 ? 0 : code >= 0xdc00 && code <= 0xdfff ? 2 : 1;
}

function unitAfter(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return at >= text.length ? 0 : code >= 0xd800 && code <= 0xdbff ? 2 : 1;
}
