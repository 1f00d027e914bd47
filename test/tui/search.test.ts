import { describe, expect, it } from 'vitest';
import { queryOf, wrongQuery } from '../../src/tui/query.js';
import { Player, sessionOf } from './support.js';

function player(columns = 120, rows = 40, capture = 'wua-session.pcapng'): Player {
  return new Player(sessionOf(capture), columns, rows);
}

const search = (text: string): readonly string[] => ['/', `type:${text}`, 'enter'];

describe('a query', () => {
  it('is words in any case, in bytes as ASCII or UTF-16', () => {
    const { inText, inBytes } = queryOf('IsInst');
    expect([inText('x isinstalled=0'), inText('nothing')]).toEqual([true, false]);
    expect(inBytes(new TextEncoder().encode('..ISINST'), 0)).toBe(2);
    expect(inBytes(new Uint8Array(Buffer.from('.IsInst', 'utf16le')), 0)).toBe(2);
    expect(inBytes(new TextEncoder().encode('isinst'), 1)).toBe(-1);
  });

  it('is a pattern, in any case unless it has capitals, and in linear time', () => {
    expect(queryOf('~search\\(.*=0').inText('Search(criteria="IsInstalled=0")')).toBe(true);
    expect(queryOf('~SEARCH').inText('Search')).toBe(false);
    expect(queryOf('~(a+)+$').inText(`${'a'.repeat(4000)}!`)).toBe(false);
    expect(queryOf('~b+').inBytes(new TextEncoder().encode('aabb'), 0)).toBe(2);
  });

  it('is bytes', () => {
    expect(queryOf('#32 00:24').inBytes(Uint8Array.of(0, 0x32, 0, 0x24, 0x80), 0)).toBe(1);
    expect(queryOf('#3200').inText('3200')).toBe(false);
  });

  it.each([
    ['~(', 'not a regular expression'],
    ['~a(?=b)', 'no look-around'],
    ['#', 'pairs of hexadecimal digits'],
    ['#4', 'pairs of hexadecimal digits'],
    ['#xy', 'pairs of hexadecimal digits'],
  ])('%s is none', (text, why) => {
    expect(wrongQuery(text)).toContain(why);
    expect(
      player(80, 24)
        .press(...search(text))
        .screen(),
    ).toContain(why);
  });
});

describe('searching', () => {
  it('finds values that no column has room for, patterns and bytes in the calls', () => {
    expect(player(80, 24).press(...search('and IsHidden=0')).state.call).toBe(7);
    const failed = player().press(...search('~IsInstaled'));
    expect(failed.state.call).toBe(8);
    // WU_E_INVALID_CRITERIA as it stands in the answer.
    expect(player().press(...search('#32 00 24 80')).state.call).toBe(8);
    expect(
      player()
        .press(...search('#ffeeddccbbaa'))
        .screen(),
    ).toContain('not found: #ffeeddccbbaa');
  });

  it('goes through objects, findings, members, connections and the help', () => {
    const objects = player().press('2', ...search('Windows 用'));
    expect(objects.screen()).toContain('detail of IUpdate#2');
    expect(player().press('5', ...search('index 4')).state.call).toBe(56);
    const members = player().press('4', ...search('KBArticle'));
    expect(members.state.places['statistics']?.cursor).toBeGreaterThan(0);
    expect(
      player()
        .press('6', ...search('49668'))
        .screen(),
    ).toContain('2: 192.0.2.5:49701 → 192.0.2.9:49668');
    expect(
      player(80, 24)
        .press('?', ...search('fold look-ups'))
        .rows()[1],
    ).toContain('U');
    expect(
      player()
        .press('5', ...search('no such finding'))
        .screen(),
    ).toContain('not found: no such finding');
  });

  it('goes through the fields and the bytes of the call shown, on with n, back with N', () => {
    const one = player(160, 40).press(']', 'tab', ...search('pointer'));
    expect(one.screen()).toContain('criteria (pointer)');
    one.press('tab', ...search('Inst'));
    expect(one.state.bytes.offset).toBe(0x34);
    expect(one.press('n').screen()).toContain('found on the other side of the end');
    one.press(...search('#00 00'));
    const first = one.state.bytes.offset;
    const second = one.press('n').state.bytes.offset;
    expect(second).not.toBe(first);
    expect(one.press('N').state.bytes.offset).toBe(first);
    expect(one.press(...search('zzz')).screen()).toContain('not found in the bytes of the request');
  });
});

describe('counts', () => {
  it('repeat a motion that comes right behind them, and leave panes where they were', () => {
    const one = player();
    expect(one.fast('1', '2', 'j').state).toMatchObject({ upper: 'calls', call: 12 });
    expect(one.fast('5', 'k').state).toMatchObject({ upper: 'calls', call: 7 });
    expect(one.fast('3', '0', 'G').state.call).toBe(29);
    expect(one.fast('2', ' ').state.upper).toBe('objects');
    expect(one.press('1', 'g').fast('2', ']').state.call).toBe(56);
    expect(one.press('g').fast('3', 'space').state.marked.size).toBe(3);
    expect(one.press('2', 'g').fast('4', 'j').state.places['objects']?.cursor).toBe(4);
  });

  it('are none where the hand waits: a digit shows its pane', () => {
    expect(player().press('2', 'j').state).toMatchObject({ upper: 'objects', call: 4 });
    expect(player().press('5').state.upper).toBe('findings');
  });

  it('are bounded', () => {
    expect(player().fast(...'9'.repeat(30).split(''), 'j').state.call).toBe(59);
  });
});

describe('commands of vi', () => {
  it('write and quit', () => {
    const one = player().press('space', ':', 'type:w picked.ndjson', 'enter');
    expect(one.effects.at(-1)).toEqual({ kind: 'export', format: 'ndjson', path: 'picked.ndjson', calls: [0] });
    expect(one.press(':', 'type:w a.uamgrec', 'enter').effects.at(-1)).toMatchObject({ format: 'recording' });
    expect(one.press(':', 'type:w', 'enter').screen()).toContain('no file was named');
    expect(one.press(':', 'type:q', 'enter').effects.at(-1)).toEqual({ kind: 'quit' });
  });

  it('go to the shell with ctrl-Z', () => {
    expect(player().press('C-z').effects).toEqual([{ kind: 'suspend' }]);
  });
});
