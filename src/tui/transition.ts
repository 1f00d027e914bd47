import type { Effect, State } from './state.js';

/** What an event comes to. */
export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** Nothing is asked of the world. */
export const NONE: readonly Effect[] = [];

/** Another state, and nothing asked of the world. */
export function still(state: State): Step {
  return { state, effects: NONE };
}

/** A word in the last line. */
export function say(state: State, text: string, bad = false): Step {
  return still({ ...state, message: { text, bad } });
}
