import { describe, expect, it } from 'vitest';
import { placeOf } from '../../src/tui/state.js';
import { Player, sessionOf } from './support.js';

const session = sessionOf('wua-session.pcapng');
const player = (): Player => new Player(session, 120, 40);
const run = (line: string): Player => player().press(':', `type:${line}`, 'enter');

describe('command lines', () => {
  it.each([
    ['all', { kind: 'filter', expression: null }],
    ['filter failed', { kind: 'filter', expression: 'failed' }],
    ['frame 12', { kind: 'search', text: 'frame 12', from: -1, forward: true }],
    ['sort latency', { kind: 'sort', key: 'latency' }],
    ['stop', { kind: 'stop' }],
    ['quit', { kind: 'quit' }],
    ['columns id, call', { kind: 'keep-columns', columns: ['id', 'call'] }],
    ['ndjson calls.ndjson', { kind: 'export', format: 'ndjson', path: 'calls.ndjson' }],
    ['capture calls.pcapng', { kind: 'export', format: 'capture', path: 'calls.pcapng' }],
    ['record calls.uamgrec', { kind: 'export', format: 'recording', path: 'calls.uamgrec' }],
  ])(':%s', (line, effect) => {
    expect(run(line).effects).toContainEqual(expect.objectContaining(effect));
  });

  it.each([
    ['frame x', ':frame takes a number'],
    ['sort sideways', ':sort takes one of'],
    ['columns nothing', ':columns takes names out of'],
    ['99999', 'there is no call 99999'],
    ['0', 'there is no call 0'],
    ['nothing', 'no command nothing'],
  ])(':%s says why not', (line, words) => {
    const { message } = run(line).state;
    expect([message?.bad, message?.text.includes(words)]).toEqual([true, true]);
  });

  it('go to a call by its number, keep a filter that is wrong in its line, and do nothing when empty', () => {
    const fresh = new Player(sessionOf('wua-session.pcapng')).press(':', 'type:5', 'enter');
    expect(placeOf(fresh.state, 'calls').cursor).toBe(4);
    const wrong = run('filter nobody ==');
    expect([wrong.state.prompt?.kind, wrong.state.prompt?.error]).toEqual(['filter', expect.any(String)]);
    expect(run('').effects).toEqual([]);
    expect(run('help').state.upper).toBe('help');
  });
});

describe('copying', () => {
  const copies = (...keys: readonly string[]) => {
    const { effects, state } = player().press(...keys);
    const copy = effects.find((effect) => effect.kind === 'copy');
    return copy === undefined ? { message: state.message } : { text: copy.text, what: copy.what };
  };

  it('takes the call, a filter for its member, its bytes and a value of it', () => {
    expect(copies('y', 'y')).toMatchObject({ text: expect.stringContaining('::'), what: 'the call' });
    expect(copies('y', 'f')).toMatchObject({ text: expect.stringMatching(/^interface == "I\w+" && method == "\w+"$/) });
    expect(copies('y', 'b')).toMatchObject({
      text: expect.stringMatching(/^[0-9a-f]+$/),
      what: expect.stringMatching(/^all bytes/),
    });
    expect(copies('tab', 'y', 'v')).toMatchObject({ what: 'the value' });
  });

  it('says what it cannot take', () => {
    expect(copies('y', 'x')).toMatchObject({ message: { text: 'y, v, b, h or f', bad: true } });
    const empty = new Player(sessionOf(new Uint8Array(24)), 80, 24).press('y', 'y');
    expect(empty.state.message).toMatchObject({ text: 'there is no call to copy', bad: true });
  });
});

describe('the mouse', () => {
  const at = (column: number, row: number, action: 'press' | 'down' | 'up', from = player()): Player =>
    from.send({ kind: 'mouse', column, row, action });

  it('picks tabs, rows and bytes, and scrolls by the wheel', () => {
    const tabs = player();
    const [first] = tabs.rows();
    const second = (first ?? '').indexOf(' 2 ');
    expect(at(second + 1, 0, 'press', tabs).state.upper).not.toBe(player().state.upper);
    const picked = at(4, 6, 'press');
    expect(picked.state.message).toBeNull();
    const scrolled = at(4, 6, 'down');
    const below = scrolled.screen();
    expect(below).not.toBe(player().screen());
    expect(at(4, 6, 'up', scrolled).screen()).not.toBe(below);
    const rows = player().rows().length;
    for (let row = 0; row < rows; row += 3)
      for (const column of [2, 20, 60, 110]) expect(at(column, row, 'press').rows().length).toBe(rows);
  });

  it('does nothing where a line is typed, or where nothing is', () => {
    const typing = player().press(':');
    const before = typing.state;
    expect(at(4, 6, 'press', typing).state).toEqual(before);
    expect(at(119, 0, 'press').state.upper).toBe(player().state.upper);
  });
});
