import { copied } from './copying.js';
import { clamped, toCall } from './cursor.js';
import { openPrompt } from './prompt.js';
import type { Source } from './source.js';
import type { Pending, State } from './state.js';
import { say, still, type Step } from './transition.js';

/** The second key of a pair; `escape` means none. */
export function completed(state: State, first: Pending, name: string, source: Source): Step {
  return name === 'escape' ? still(state) : SECOND[first](state, name, source);
}

const SECOND: Readonly<Record<Pending, (state: State, name: string, source: Source) => Step>> = {
  m: (state, name) => {
    if (!/^[a-zA-Z]$/.test(name)) return say(state, 'a place is remembered as a letter', true);
    if (state.call < 0) return still(state);
    return say({ ...state, marks: new Map(state.marks).set(name, state.call) }, `this call is '${name}`);
  },
  "'": (state, name, source) => {
    const index = state.marks.get(name);
    return index === undefined
      ? say(state, `no place is remembered as ${name}`, true)
      : clamped(toCall({ ...state, follow: false }, index, source), source);
  },
  x: (state, name) => {
    if (name === 'p') return still({ ...state, prompt: openPrompt('copy-target') });
    const ending = { c: 'pcapng', n: 'ndjson', r: 'uamgrec' }[name];
    return ending === undefined
      ? say(state, 'c, n, r or p', true)
      : still({ ...state, prompt: openPrompt('export', `selection.${ending}`) });
  },
  y: copied,
};
