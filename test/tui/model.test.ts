import { describe, expect, it } from 'vitest';
import { BINDINGS } from '../../src/tui/keys.js';
import { PANES } from '../../src/tui/panes/table.js';
import { lineWidth, plainText } from '../../src/tui/line.js';
import { columnsFor } from '../../src/tui/panes/calls.js';
import { noticeText } from '../../src/tui/panes/findings.js';
import { render } from '../../src/tui/render.js';
import { DEFAULT_COLUMNS } from '../../src/tui/state.js';
import { shippedCaptures } from '../support/captures.js';
import { basename } from 'node:path';
import { Player, sessionOf } from './support.js';

const SIZES = [
  [80, 24],
  [100, 30],
  [160, 50],
] as const;

function player(columns = 80, rows = 24, capture = 'wua-session.pcapng'): Player {
  return new Player(sessionOf(capture), columns, rows);
}

describe('screens', () => {
  it('say when the first calls left to keep memory bounded', () => {
    const session = sessionOf('wua-session.pcapng');
    expect(new Player(session, 160).screen()).not.toContain(' left ');
    Object.defineProperty(session, 'gone', { get: () => 1280 });
    expect(new Player(session, 160).screen().split('\n')[0]).toContain('60 calls  the first 1,280 left  all read');
  });

  it('say what a property is set to as a programmer would', () => {
    const screen = player(160, 40).screen();
    expect(screen).toContain('IUpdateSearcher.Online = true ');
    expect(screen).toContain('IUpdateSession3.UserLocale = 1033 ');
  });

  it.each(SIZES)('fill %i×%i exactly, in every pane, whatever key was pressed', (columns, rows) => {
    for (const path of shippedCaptures()) {
      const one = player(columns, rows, basename(path));
      for (const keys of [
        [],
        ['G'],
        ['enter', 'j', 'j', 'tab', 'l', 'l'],
        ['z'],
        ['z', '2', 'G'],
        ['3'],
        ['4'],
        ['5', 'j', 'G'],
        ['6', 'j'],
        ['1', 'U', 't', '?'],
        ['escape', 'space', 'space', 'd'],
        ['escape', 'f', 'type:failed', 'enter'],
      ]) {
        one.press(...keys);
        const lines = render({ state: one.state, source: one.session });
        expect(lines.length, keys.join()).toBe(rows);
        expect(
          lines.map(lineWidth).filter((width) => width !== columns),
          `${keys.join()}\n${lines.map(plainText).join('\n')}`,
        ).toEqual([]);
      }
    }
  });

  it('shows a call with its arguments, its fields and its bytes', () => {
    const screen = player(120, 40)
      .press(...Array.from({ length: 8 }, () => 'j'))
      .screen();
    expect(screen).toMatch(
      /✗ 12:00:02\.761 IUpdateSearcher#1 +IUpdateSearcher::Search\(criteria="IsInstaled=0"\) +WU_E_INVALID_CRITERIA/,
    );
    expect(screen).toContain('result     0x80240032 WU_E_INVALID_CRITERIA');
    expect(screen).toContain('meaning    the search criteria cannot be understood');
    expect(screen).toMatch(/what to do Check names, operators, quotes and brackets: .*\n {11}\S/);
    expect(screen).toContain('▾ request');
    expect(screen).toContain('request byte 0x0 of');
    expect(screen).toContain(' 9/60');
  });

  it('says so when the terminal is too small, and comes back', () => {
    const one = player();
    expect(one.send({ kind: 'resize', columns: 30, rows: 5 }).screen()).toContain('too small');
    expect(one.send({ kind: 'resize', columns: 80, rows: 24 }).screen()).toContain('1/60');
  });

  it('says what is wrong with an empty and with a damaged capture', () => {
    const empty = new Player(sessionOf(new Uint8Array(0)), 80, 24);
    expect(empty.screen()).toContain('no calls: the capture holds no DCE-RPC');
    expect(empty.press('5').screen()).toContain('the input is empty');
    expect(player(100, 30, 'wua-damaged.pcap').press('5').screen()).toMatch(/! (tcp|capture|rpc): /);
  });
});

describe('keys', () => {
  it('stand in the tables once each, and in the help', () => {
    const keys = [...BINDINGS, ...PANES].flatMap((binding) => binding.keys);
    expect(new Set(keys).size).toBe(keys.length);
    const help = player(100, 120).press('?').screen();
    for (const { help: text } of [...BINDINGS, ...PANES]) expect(help).toContain(text.slice(0, 70));
  });

  it('filter with completion and history, and tell what is wrong with an expression', () => {
    const one = player();
    one.press('f', 'type:meth', 'tab');
    expect(one.state.prompt?.text).toBe('method ');
    one.press('type:== "Titl', 'tab', 'enter');
    expect(one.state.filter).toBe('method == "Title"');
    expect(one.screen()).toContain('1/4  filter: method == "Title"');
    one.press('f', 'C-u', 'type:mehtod == 1', 'enter');
    expect(one.screen()).toContain('did you mean method?');
    one.press('escape', 'c');
    expect(one.screen()).toContain('/60');
    expect(one.press('f', 'up', 'up').state.prompt?.text).toBe('method == "Title"');
  });

  it('search on from the other end, once', () => {
    const one = player().press('G', '/', 'type:IsInstaled', 'enter');
    expect(one.state.call).toBe(8);
    expect(one.screen()).toContain('found on the other side of the end');
    // The only one: going on comes back to it.
    expect(one.press('n').state.call).toBe(8);
    expect(one.press('N').state.call).toBe(8);
    expect(one.press('g', 'N').state.call).toBe(8);
    expect(one.press('g', '/', 'type:nowhere', 'enter').screen()).toContain('not found: nowhere');
  });

  it('search forth and back, and stay where nothing is found', () => {
    const one = player().press('/', 'type:IsInstaled', 'enter');
    expect(one.state.call).toBe(8);
    one.press('/', 'type:title', 'enter');
    const first = one.state.call;
    one.press('n');
    expect(one.state.call).toBeGreaterThan(first);
    one.press('N');
    expect(one.state.call).toBe(first);
    one.press('/', 'type:nowhere at all', 'enter');
    expect(one.screen()).toContain('not found: nowhere at all');
    expect(one.state.call).toBe(first);
  });

  it('go to failed calls, numbers, frames and remembered places', () => {
    const one = player().press(']');
    expect(one.state.call).toBe(8);
    one.press('m', 'a', ']');
    expect(one.state.call).toBe(56);
    one.press("'", 'a');
    expect(one.state.call).toBe(8);
    one.press(':', 'type:17', 'enter');
    expect(one.state.call).toBe(16);
    one.press(':', 'type:frame 112', 'enter');
    expect(one.session.call(one.state.call)?.responseFrames).toContain(112);
    expect(one.press(':', 'type:1000', 'enter').screen()).toContain('there is no call 1000');
  });

  it('sort by latency, the slowest first, and go back to the order of the capture', () => {
    const one = player().press('S', 'g');
    expect(one.session.call(one.state.call)?.method).toBe('Search');
    one.press('S', 'S', 'S', 'g');
    expect(one.state.call).toBe(0);
  });

  it('compare two marked calls', () => {
    const one = player(100, 40).press(':', 'type:14', 'enter', 'space', ':', 'type:25', 'enter', 'space', 'd');
    expect(one.screen()).toMatch(/≠ out\.retval +"2026-11 Cumulative.*│ "Windows 用/);
    expect(one.press('escape').state.upper).toBe('calls');
  });

  it('write commands and selections', () => {
    const one = player().press('space', 'x', 'n', 'enter');
    expect(one.effects.at(-1)).toEqual({ kind: 'export', format: 'ndjson', path: 'selection.ndjson', calls: [0] });
    one.press('x', 'p', 'type:wsus; reboot', 'enter');
    expect(one.effects.at(-1)).toMatchObject({
      kind: 'copy',
      text: expect.stringContaining("uamgscope replay wua-session.uamgrec --target 'wsus; reboot'"),
    });
    one.press('q');
    expect(one.effects.at(-1)).toEqual({ kind: 'quit' });
  });

  it('go from an object, a member and a finding to the calls', () => {
    const one = player(100, 30).press('2', 'j', 'enter');
    expect(one.state.filter).toBe('object.label == "IUpdateSearcher#1"');
    one.press('c', '4', 'enter');
    expect(one.state.filter).toMatch(/^interface == ".+" && method == ".+"$/);
    one.press('c', '5', 'enter');
    // The first finding: call 3 is the first of a connection without protection.
    expect(one.state.call).toBe(2);
  });
});

describe('the list of calls', () => {
  it.each([
    [60, ['call', 'hresult', 'latency'], '(+time +object)'],
    [50, ['call', 'hresult'], '(+time +object +latency)'],
    [80, ['time', 'call', 'hresult', 'latency'], '(+object)'],
    [120, ['time', 'object', 'call', 'hresult', 'latency'], ''],
    [200, ['time', 'object', 'call', 'hresult', 'latency'], ''],
  ])('at %i columns says what it has no room for', (width, columns, sign) => {
    const { laid, left } = columnsFor(DEFAULT_COLUMNS, width);
    expect(laid.map(({ column }) => column)).toEqual(columns);
    expect([...columns, ...left].toSorted()).toEqual([...DEFAULT_COLUMNS].toSorted());
    expect(laid.reduce((sum, one) => sum + one.width + 1, 2)).toBe(width);
    const [, heading] = player(width, 24).rows();
    expect(heading).toContain(`call${sign === '' ? '' : ` ${sign}`}`);
  });

  it('gives what is left to member, arguments and result', () => {
    const wide = columnsFor(DEFAULT_COLUMNS, 200).laid.find(({ column }) => column === 'call')?.width ?? 0;
    expect(wide).toBeGreaterThan(120);
    expect(player(200, 40).press(']').screen()).toContain(
      `IUpdateSearcher::Search(criteria="IsInstalled=0 and IsHidden=0") → ISearchResult#1`,
    );
  });

  it('says that columns lie to the left', () => {
    expect(player(80, 24).press('l').rows()[1]).toMatch(/^‹ call \(\+time|^‹ object|^‹ /);
  });

  it('paints a failed call as failed, member and result', () => {
    const one = player(120, 30).press(']');
    const line = render({ state: one.state, source: one.session }).find((row) => plainText(row).startsWith('✗'));
    const bad = line?.filter(({ paint }) => paint === 'bad').map(({ text }) => text.trim());
    expect(bad).toEqual(['✗', 'IUpdateSearcher::Search', 'WU_E_INVALID_CRITERIA']);
  });

  it('folds look-ups and upkeep with one key, says how many, and unfolds them', () => {
    const one = player(120, 30, 'wua-late-bound.pcapng');
    const all = one.session.view.length;
    one.press('U');
    const { length, folded } = one.session.view;
    expect(length + folded).toBe(all);
    expect(folded).toBeGreaterThan(10);
    expect(one.screen()).toContain(`${folded} of upkeep folded`);
    expect(one.screen()).not.toContain('GetIDsOfNames');
    one.press('f', 'type:failed', 'enter');
    expect(one.session.view.length).toBeLessThan(length);
    expect(one.press('c', 'U').session.view.length).toBe(all);
  });

  it('counts times from a call, and back', () => {
    const one = player(120, 30).press(']', 't', 'j');
    expect(one.screen()).toMatch(/ {6}0 ns|\+0 ns/);
    expect(one.screen()).toContain('times from call 9');
    expect(one.press('k', 't').screen()).toContain('12:00:02.761');
  });
});

describe('detail and bytes', () => {
  it('follow the selection in every pane', () => {
    const one = player(120, 40).press('5', 'j');
    expect(one.state.call).toBe(8);
    expect(one.screen()).toContain('── detail of the finding, call 9 ─');
    one.press('2', 'G', 'g', 'j');
    expect(one.state.call).toBe(4);
    expect(one.screen()).toMatch(/object {5}IUpdateSearcher#1/);
    one.press('6', 'j');
    expect(one.session.call(one.state.call)?.flow).toBe(2);
    expect(one.press('3', 'G').state.call).toBe(59);
  });

  it('have the title of an update on its object', () => {
    const one = player(120, 40).press('f', 'type:object.label == "IUpdate#1"', 'enter', 'G');
    expect(one.screen()).toMatch(/titled {5}2026-11 Cumulative Update for Windows Server 2025/);
    expect(one.press('2').screen()).toMatch(/IUpdate#1 \(2026-11 Cumulative Update/);
  });
});

describe('findings', () => {
  it('wrap, the current one whole, whatever the width', () => {
    for (const width of [80, 120, 200]) {
      const one = player(width, 24).press('5');
      for (const notice of one.session.notices) {
        const shown = one
          .rows()
          .map((row) => row.split('│')[0]?.trim() ?? '')
          .join(' ');
        for (const word of noticeText(notice).split(' ')) expect(shown).toContain(word);
        one.press('j');
      }
    }
  });

  it('are picked by the mouse where they are several lines', () => {
    const one = player(80, 24).press('5');
    one.send({ kind: 'mouse', column: 10, row: 7, action: 'press' });
    expect(one.state.call).toBe(8);
  });
});

describe('bytes and fields', () => {
  it('pick one another: a field its bytes, a byte its field, unfolding what hides it', () => {
    const one = player(160, 50).press(':', 'type:14', 'enter', 'enter', 'G');
    expect(one.state.bytes.side).toBe('response');
    const { offset } = one.state.bytes;
    one.press('tab', 'g');
    expect(one.state.bytes.offset).toBe(0);
    // The first byte belongs to the folded ORPCTHAT.
    expect(one.state.folded.has('response/orpcthat')).toBe(false);
    expect(one.rows().find((row) => row.includes('ORPC_FLAGS'))).toBeDefined();
    for (let at = 0; at < offset; at++) one.press('l');
    expect(one.state.bytes.offset).toBe(offset);
    expect(one.press('escape').screen()).toContain('HRESULT');
  });

  it('name the frame of every byte of a stub in fragments', () => {
    const one = player(160, 50, 'wua-session.pcapng');
    for (let index = 0; index < one.session.count; index++) {
      const call = one.session.call(index);
      const stub = call?.exchange.response;
      if (call == null || stub == null || stub.end - stub.start === 0) continue;
      one.press(':', `type:${index + 1}`, 'enter');
      if (one.state.bytes.side === 'request') one.press('b');
      one.press('tab', 'tab', 'G');
      expect(one.screen()).toContain(`frame ${stub.frames.at(-1)}`);
      one.press('tab');
    }
  });
});

describe('the mouse', () => {
  it('picks rows, panes and tabs, and the wheel scrolls', () => {
    const one = player(100, 30);
    one.send({ kind: 'mouse', column: 20, row: 5, action: 'press' });
    expect(one.state.call).toBe(3);
    one.send({ kind: 'mouse', column: 20, row: 5, action: 'down' });
    expect(one.state.call).toBe(6);
    one.send({ kind: 'mouse', column: 5, row: 20, action: 'press' });
    expect(one.state.focus).toBe('detail');
    one.send({ kind: 'mouse', column: 12, row: 0, action: 'press' });
    expect(one.state.upper).toBe('objects');
  });
});

describe('what comes while one looks', () => {
  it('waits while paused, and is followed when asked', () => {
    const one = player();
    const { session } = one;
    one.press('F');
    expect(one.state.call).toBe(59);
    one.press('p');
    expect(session.view.length).toBe(60);
    expect(one.screen()).toContain('following  paused');
    one.press('p', 'k');
    expect(one.state.follow).toBe(false);
  });
});
