import { openPrompt } from './prompt.js';
import type { Replayed } from './replayed.js';
import { markedCalls } from './selecting.js';
import { showTitled } from './showing.js';
import type { Source } from './source.js';
import type { State } from './state.js';
import { say, still, type Step } from './transition.js';
import { targetOf, type ReplayTarget } from './target.js';

/** Asks where to replay to, unless a replay is under way. */
export function askTarget(state: State): Step {
  if (state.replaying !== null) return say(state, `a replay to ${state.replaying} is under way: C-c stops it`, true);
  return state.call < 0
    ? say(state, 'there is no call to replay', true)
    : still({ ...state, prompt: openPrompt('target', state.history.target.at(-1) ?? '') });
}

/** To a target; whoever signs in there is asked for a password first. */
export function replayTo(state: State, text: string): Step {
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
    : still({ ...state, signingIn: target, prompt: openPrompt('secret') });
}

/** The password of whoever signs in was typed. */
export function signedIn(state: State, secret: string): Step {
  return state.signingIn === null ? still(state) : replaying({ ...state, prompt: null }, state.signingIn, secret);
}

function replaying(state: State, target: ReplayTarget, secret: string): Step {
  const calls = markedCalls(state);
  return {
    state: { ...state, signingIn: null, replaying: target.host },
    effects: [{ kind: 'replay', target, secret, of: calls?.[0] ?? state.call, calls }],
  };
}

/** A replay is over: its comparison is shown. */
export function replayOver(state: State, result: Replayed | null, source: Source): Step {
  if (result === null) return still(state);
  const { before } = state;
  const below: State = state.upper === 'replay' ? { ...state, upper: before } : state;
  return showTitled({ ...below, replayed: result, message: null }, 'replay', source);
}

/** Copies the commands that record this capture and replay it. */
export function copyReplay(state: State, target: string, source: Source): Step {
  const rec = `${source.title.replace(/^.*\//, '').replace(/\.[^.]*$/, '')}.uamgrec`;
  const text = `uamgscope record ${word(source.title)} -o ${word(rec)} && uamgscope replay ${word(rec)} --target ${target === '' ? 'HOST' : word(target)}`;
  return { state, effects: [{ kind: 'copy', text, what: text }] };
}

/** The shell's way to write a text as one word. */
function word(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
