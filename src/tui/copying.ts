import { toHex } from '../bytes/hex.js';
import { signature } from '../output/text.js';
import type { Call } from '../types.js';
import type { DetailRow } from './detail-rows.js';
import { currentRows } from './detail.js';
import { currentCall, shownBytes } from './model.js';
import type { Source } from './source.js';
import type { State } from './state.js';
import { say, still, type Step } from './transition.js';

/** Copies what the second key of `y` names. */
export function copied(state: State, name: string, source: Source): Step {
  const call = currentCall({ state, source });
  if (call === null) return say(state, 'there is no call to copy', true);
  const copy = Object.hasOwn(COPIES, name) ? COPIES[name] : undefined;
  return copy === undefined ? say(state, 'y, v, b, h or f', true) : copy(state, call, source);
}

type Copy = (state: State, call: Call, source: Source) => Step;

const COPIES: Readonly<Record<string, Copy>> = {
  y: (state, call, { names }) => take(state, signature(call, { width: 4096, names }), 'the call'),
  v: (state, _, source) => {
    const row = rowOf(state, source);
    return row === undefined ? still(state) : take(state, row.value, 'the value');
  },
  b: (state, _, source) => {
    const side = rowOf(state, source)?.side ?? state.bytes.side;
    const stub = shownBytes({ state, source }, side);
    if (stub === null) return say(state, 'there are no bytes', true);
    return take(state, toHex(stub.bytes, 0, stub.bytes.length), `all bytes of the ${side}`);
  },
  h: (state, _, source) => {
    const row = rowOf(state, source);
    const stub = row === undefined || row.side === null ? null : shownBytes({ state, source }, row.side);
    if (stub === null || row === undefined) return say(state, 'this row has no bytes', true);
    return take(state, toHex(stub.bytes, row.start, row.end), 'the bytes of the field');
  },
  f: (state, call) => take(state, memberFilter(call.interface, call.method), 'a filter for the member'),
};

function rowOf(state: State, source: Source): DetailRow | undefined {
  return currentRows({ state, source })[state.detail.cursor];
}

function take(state: State, text: string, what: string): Step {
  return { state, effects: [{ kind: 'copy', text, what }] };
}

/** The expression that holds for calls of a member. */
function memberFilter(name: string | null, method: string | null): string {
  return `interface == ${JSON.stringify(name)} && method == ${JSON.stringify(method)}`;
}
