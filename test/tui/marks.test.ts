import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as breath } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { App } from '../../src/cli/tui/app.js';
import { exported } from '../../src/cli/tui/export.js';
import { marksKeeper, readMarks, writeMarks } from '../../src/cli/tui/marks-file.js';
import { UsageError } from '../../src/io/streams.js';
import { packageRoot } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { Player, sessionOf, tables } from './support.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uamgscope-marks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const SAMPLE = 'wua-session.pcapng';
const type = (text: string): string => `type:${text}`;

function appOf(options: Partial<ConstructorParameters<typeof App>[0]> = {}): App {
  return new App({
    session: sessionOf(SAMPLE),
    now: () => 0,
    exported: async () => '',
    replayed: async () => {
      throw new Error('nothing to replay');
    },
    stop: () => undefined,
    ...options,
  });
}

function press(app: App, ...keys: readonly string[]): void {
  for (const key of keys) {
    if (!key.startsWith('type:')) app.dispatch({ kind: 'key', key, text: '' });
    else for (const unit of key.slice(5)) app.dispatch({ kind: 'key', key: unit, text: unit });
  }
}

describe('notes', () => {
  it('stand on their call, in the list and in its detail, until they are emptied', () => {
    const one = new Player(sessionOf(SAMPLE), 100, 30).press(']', 'a', type('typo in the script'), 'enter');
    expect(one.rows().find((row) => row.startsWith('✎'))).toContain('IUpdateSearcher::Search');
    expect(one.screen()).toMatch(/note {7}typo in the script/);
    expect(one.screen()).toContain('1 noted');
    one.press('a', 'C-u', 'enter');
    expect(one.state.notes.size).toBe(0);
    expect(one.screen()).not.toContain('✎');
  });
});

describe('places and notes', () => {
  it('are kept beside the capture as they are made, and are there the next time', async () => {
    const path = join(folder, 'x.pcapng.marks.yaml');
    const keep = marksKeeper(path);
    const app = appOf({ keepMarks: async (state) => keep(state) });
    press(app, ']', 'm', 'p');
    await breath();
    expect(app.state.message?.text).toBe(`places and notes are kept in ${path}`);
    press(app, 'space', 'm', 'q', 'a', type('note: "quoted", # not a comment'), 'enter');
    expect(readFileSync(path, 'utf8')).toMatch(/^# Places and notes of x\.pcapng; docs\/tui\.md\n/);
    const { marks, notes } = readMarks(path);
    expect([...marks]).toEqual([
      ['p', 8],
      ['q', 9],
    ]);
    expect([...notes]).toEqual([[9, 'note: "quoted", # not a comment']]);
    // What is selected says what to do now, not the next time.
    expect(readFileSync(path, 'utf8')).not.toContain('marked');
    press(app, 'a', 'C-u', 'enter');
    await breath();
    expect(readMarks(path).notes.size).toBe(0);
    writeMarks(path, { marks: new Map(), notes: new Map() });
    expect(existsSync(path)).toBe(false);
  });

  it.each(['calls: [', 'calls: 3', 'calls: [{call: 0}]', 'calls: [{call: 1, place: "ab"}]', 'x: 1'])(
    'in a file that says %j are refused with its name',
    (text) => {
      const path = join(folder, 'bad.marks.yaml');
      writeFileSync(path, text);
      expect(() => readMarks(path)).toThrow(UsageError);
      expect(() => readMarks(path)).toThrow(path);
    },
  );

  it('say so where they cannot be kept', async () => {
    const app = appOf({
      keepMarks: async () => {
        throw new UsageError('cannot write there');
      },
    });
    press(app, 'j', 'm', 'a');
    await breath();
    expect(app.state.message).toEqual({ text: 'cannot write there', bad: true });
    expect(app.state.marks.size).toBe(1);
  });

  it('complain once where the folder cannot be written', () => {
    const keep = marksKeeper(join(folder, 'no-such-folder', 'x.marks.yaml'));
    const marks = { marks: new Map([['a', 1]]), notes: new Map() };
    expect(() => keep(marks)).toThrow('there is no such directory');
    expect(keep(marks)).toBe(null);
  });

  it('are comments on the packets that are exported', async () => {
    const capture = join(folder, SAMPLE);
    copyFileSync(join(packageRoot(), 'captures', SAMPLE), capture);
    const app = appOf();
    press(app, ']', 'a', type('typo'), 'enter', 'space');
    const out = join(folder, 'out.pcapng');
    const text = await exported(
      { path: capture, unkept: '', secrets: () => ({}) },
      tables(),
      testStreams(),
    )({ kind: 'export', format: 'capture', path: out, calls: [8] }, app);
    expect(text).toMatch(/packets written to/);
    const written = readFileSync(out, 'latin1');
    expect(written).toContain('call 9: IUpdateSearcher#1 IUpdateSearcher::Search(criteria="IsInstaled=0")');
    expect(written).toContain('note: typo');
    expect(written).toContain('call 9: WU_E_INVALID_CRITERIA after 1.28 ms');
  });
});

describe('a secret entered while looking', () => {
  it('is shown by its length only, is in no history, and is given on', () => {
    const one = new Player(sessionOf('wua-sealed.pcapng'), 100, 30).press('K', type('alice:hunter2'));
    expect(one.screen()).toContain('user:password that opens this traffic: *************');
    one.press('enter');
    expect(one.effects.at(-1)).toEqual({ kind: 'unlock', secret: 'alice:hunter2' });
    expect(JSON.stringify(one.state.history)).not.toContain('hunter2');
  });

  it('lets the app read anew, or says why not', async () => {
    let heard = '';
    const app = appOf({ unlock: async (secret, opened) => (opened.abandon(), (heard = secret), 'read anew') });
    press(app, 'K', type('a:b'), 'enter');
    await breath();
    expect(heard).toBe('a:b');
    expect(app.state.message?.text).toBe('read anew');
    expect([app.takeAbandoned(), app.takeAbandoned()]).toEqual([true, false]);
    const none = appOf();
    press(none, 'K', type('a:b'), 'enter');
    await breath();
    expect(none.state.message?.text).toBe('no secret can be entered here');
  });
});
