import { describe, expect, it } from 'vitest';
import { complete } from '../../src/tui/complete.js';
import { openPrompt, remember, type } from '../../src/tui/prompt.js';
import { startState, type Prompt } from '../../src/tui/state.js';

const NO_WORDS = {};

/** The line after keys, its cursor as `|`; `entered` and `dropped` end it. */
function typed(text: string, keys: readonly string[], history: readonly string[] = []): string {
  let prompt: Prompt = openPrompt('command', text);
  for (const key of keys) {
    const next = type(prompt, key, key.length === 1 ? key : '', history, NO_WORDS);
    if (next.kind !== 'typing') return next.kind === 'entered' ? `entered ${next.text}` : 'dropped';
    prompt = next.prompt;
  }
  return `${prompt.text.slice(0, prompt.at)}|${prompt.text.slice(prompt.at)}`;
}

describe('the line that is typed', () => {
  it.each([
    ['ab', ['x'], 'abx|'],
    ['ab', ['left', 'x'], 'ax|b'],
    ['ab', ['home', 'right', 'x'], 'ax|b'],
    ['ab', ['C-a', 'x', 'C-e', 'y'], 'xaby|'],
    ['ab', ['left', 'left', 'left', 'x'], 'x|ab'],
    ['ab', ['end', 'right'], 'ab|'],
    ['ab', ['backspace'], 'a|'],
    ['ab', ['left', 'C-h'], '|b'],
    ['ab', ['home', 'delete'], '|b'],
    ['ab', ['left', 'C-u'], '|b'],
    ['ab', ['left', 'C-k'], 'a|'],
    ['filter method == x', ['C-w'], 'filter method == |'],
    ['a😀', ['backspace'], 'a|'],
    ['a😀b', ['home', 'right', 'right', 'x'], 'a😀x|b'],
    ['a😀', ['home', 'right', 'delete'], 'a|'],
    ['ab', ['f5'], 'ab|'],
    ['ab', ['enter'], 'entered ab'],
    ['ab', ['escape'], 'dropped'],
    ['ab', ['C-c'], 'dropped'],
    ['', ['backspace'], 'dropped'],
  ])('%j and %j', (text, keys, wanted) => {
    expect(typed(text, keys)).toBe(wanted);
  });

  it('recalls earlier lines, and keeps its own', () => {
    const history = ['first', 'second'];
    expect(typed('own', ['up'], history)).toBe('second|');
    expect(typed('own', ['up', 'up', 'up'], history)).toBe('first|');
    expect(typed('own', ['up', 'down'], history)).toBe('own|');
  });

  it('remembers a line once, and none that is empty', () => {
    const state = startState(80, 24);
    for (const line of ['a', 'b', 'a', ' ']) Object.assign(state, { history: remember(state, 'command', line) });
    expect(state.history.command).toEqual(['b', 'a']);
  });

  it('holds so many characters and no more', () => {
    const next = type(openPrompt('command', 'x'.repeat(4096)), 'y', 'y', [], NO_WORDS);
    expect(next.kind === 'typing' && next.prompt.text.length).toBe(4096);
  });
});

describe('completion', () => {
  const words = { method: ['Search', 'SearchAsync', 'get_Title'] };

  it.each([
    ['command', 'so', 'sort '],
    ['command', 'sort lat', 'sort latency'],
    ['command', 'sort nothing', 'sort nothing'],
    ['command', 'columns id,ser', 'columns id,server'],
    ['command', 'goto 12', 'goto 12'],
    ['command', 'filter metho', 'filter method '],
    ['filter', 'method == "get', 'method == "get_Title"'],
    ['filter', "method == 'Sea", 'method == "Search'],
    ['filter', 'nobody == "x', 'nobody == "x'],
    ['filter', 'object.lab', 'object.label '],
    ['filter', 'nothing.lab', 'nothing.lab'],
    ['search', 'Sea', 'Sea'],
  ] as const)('%s: %j becomes %j', (kind, text, wanted) => {
    expect(complete(kind, text, words).text).toBe(wanted);
  });

  it('offers what fits where that is more than one', () => {
    expect(complete('filter', 'method == "Sea', words).offers).toEqual(['Search', 'SearchAsync']);
    expect(complete('command', '', words).offers).toContain('filter');
    const next = type(openPrompt('filter', 'method == "Sea'), 'tab', '', [], words);
    expect(next.kind === 'typing' && [next.prompt.text, next.prompt.offers.length]).toEqual(['method == "Search', 2]);
  });
});
