import { act, actTimes } from './actions.js';
import { followed, clamped, toCall } from './cursor.js';
import { boundTo } from './keymap.js';
import { mouse } from './mouse.js';
import { completed } from './key-pairs.js';
import { typed } from './prompts.js';
import { replayOver } from './replaying.js';
import { show } from './showing.js';
import type { Source } from './source.js';
import type { Digits, Event, State } from './state.js';
import { say, still, type Step } from './transition.js';

/** The state after an event, and what it asks of the world. Pure: the source is only read. */
export function reduce(state: State, event: Event, source: Source): Step {
  switch (event.kind) {
    case 'resize':
      return clamped({ ...state, columns: event.columns, rows: event.rows }, source);
    case 'changed':
      return clamped(followed(state, source), source);
    case 'said':
      return say(state, event.text, event.bad);
    case 'found':
      return found(state, event, source);
    case 'replayed':
      return replayOver({ ...state, replaying: null }, event.result, source);
    case 'mouse':
      return mouse(state, event, source);
    case 'key':
      return key(state, event, source);
  }
}

function key(state: State, event: Extract<Event, { kind: 'key' }>, source: Source): Step {
  const { key: name, text, quick } = event;
  if (state.prompt !== null) return typed(state, name, text, source);
  const quiet: State = { ...state, message: null, digits: null };
  if (state.pending !== null) return completed({ ...quiet, pending: null }, state.pending, name, source);
  const digits = quick === true ? state.digits : null;
  if (/^\d$/.test(name)) return digit(quiet, digits, name, source);
  const bound = boundTo(name, state.keys);
  if (bound === null) return still(quiet);
  if ('pane' in bound) return show(quiet, bound.pane, source);
  const { action } = bound;
  return digits === null
    ? act(quiet, action, source)
    : actTimes({ ...quiet, ...digits.from }, action, Number(digits.text), source);
}

/** A digit shows its pane at once; the digits are kept, for they are the count of a motion that comes right behind. */
function digit(state: State, before: Digits | null, name: string, source: Source): Step {
  const { upper, before: below, focus, zoom } = state;
  const from = before?.from ?? { upper, before: below, focus, zoom };
  const digits = { text: `${before?.text ?? ''}${name}`.slice(0, MAX_DIGITS), from };
  const bound = boundTo(name, state.keys);
  const step = bound !== null && 'pane' in bound ? show(state, bound.pane, source) : still(state);
  return { ...step, state: { ...step.state, digits } };
}

/** Digits of a count that are believed. */
const MAX_DIGITS = 9;

function found(state: State, event: Extract<Event, { kind: 'found' }>, source: Source): Step {
  if (event.index === null) return say(state, `not found: ${event.text}`, true);
  const message = event.wrapped ? { text: 'found on the other side of the end', bad: false } : null;
  return clamped(toCall({ ...state, message }, event.index, source), source);
}
