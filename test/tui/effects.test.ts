import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { App, type AppOptions } from '../../src/cli/tui/app.js';
import { exported } from '../../src/cli/tui/export.js';
import { UsageError } from '../../src/io/streams.js';
import { packageRoot } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { sessionOf, tables } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-effects-'));
afterAll(() => rmSync(folder, { recursive: true }));
const CAPTURE = join(packageRoot(), 'captures', 'wua-session.pcapng');

/** An analyzer over a shipped capture, on a display that notes what it is told to do. */
function analyzer(options: Partial<AppOptions> = {}): { readonly app: App; readonly done: string[] } {
  const done: string[] = [];
  const app = new App({
    session: sessionOf('wua-session.pcapng'),
    now: () => 0,
    exported: async () => 'exported',
    replayed: async () => {
      throw new UsageError('nothing to replay');
    },
    stop: () => done.push('stop'),
    ...options,
  });
  app.attach({
    size: { columns: 100, rows: 30 },
    draw: () => done.push('draw'),
    invalidate: () => done.push('invalidate'),
    copy: (text) => done.push(`copy ${text}`),
    suspend: () => done.push('suspend'),
  } as Parameters<App['attach']>[0]);
  return { app, done };
}

const textOf = (key: string): string => (key === 'space' ? ' ' : key.length === 1 ? key : '');

function press(app: App, ...keys: readonly string[]): void {
  for (const key of keys) app.dispatch({ kind: 'key', key, text: textOf(key) });
}

function line(app: App, text: string): void {
  press(app, ':', ...[...text].map((unit) => (unit === ' ' ? 'space' : unit)));
  press(app, 'enter');
}

const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });

/** What stands in the last line once that is said. */
async function said(app: App): Promise<string> {
  for (let turns = 0; turns < 10_000 && app.state.message === null; turns++) await settled();
  return app.state.message?.text ?? '';
}

describe('what the analyzer does beyond its model', () => {
  it('draws when something changed, once for all that came together', async () => {
    const { app, done } = analyzer();
    press(app, 'j', 'j', 'k', 'C-l');
    await settled();
    expect(done.filter((one) => one === 'draw').length).toBeLessThanOrEqual(2);
    expect(done).toContain('invalidate');
  });

  it('copies, suspends and stops where it is told to, and leaves', async () => {
    const { app, done } = analyzer();
    press(app, 'y', 'y');
    expect(done.some((one) => one.startsWith('copy '))).toBe(true);
    expect(app.state.message?.text).toBe('copied: the call');
    press(app, 'C-z');
    expect(done).toContain('suspend');
    app.dispatch({ kind: 'key', key: 'f', text: 'f' });
    press(app, 'escape');
    line(app, 'stop');
    expect([done.includes('stop'), app.session.reading.state]).toEqual([true, 'stopped']);
    line(app, 'quit');
    await app.left;
    expect(app.over).toBe(true);
  });

  it('filters, sorts, folds, freezes and searches at once where little is to be done', () => {
    const { app } = analyzer();
    const all = app.session.view.length;
    line(app, 'filter failed');
    expect(app.session.view.length).toBeLessThan(all);
    line(app, 'all');
    line(app, 'sort latency');
    expect([app.session.view.length, app.state.sort]).toEqual([all, 'latency']);
    line(app, 'frame 40');
    expect(app.state.message?.bad ?? false).toBe(false);
  });

  it('keeps columns and marks, and says why it cannot', async () => {
    const kept = analyzer({ keepColumns: async (columns) => `kept ${columns.join()}` });
    line(kept.app, 'columns id,call');
    expect(await said(kept.app)).toBe('kept id,call');
    const refusing = analyzer({
      keepColumns: () => Promise.reject(new UsageError('the file is not ours')),
    });
    line(refusing.app, 'columns id');
    expect(await said(refusing.app)).toBe('the file is not ours');
    expect(refusing.app.state.message?.bad).toBe(true);
  });

  it('exports what is shown: calls as NDJSON, packets, a recording; and says why not', async () => {
    const streams = testStreams();
    const { app } = analyzer({
      exported: exported({ path: CAPTURE, unkept: '', secrets: () => ({}) }, tables(), streams),
    });
    for (const [command, name] of [
      ['ndjson', 'calls.ndjson'],
      ['capture', 'packets.pcapng'],
      ['record', 'calls.uamgrec'],
    ] as const) {
      app.state = { ...app.state, message: null };
      line(app, `${command} ${join(folder, name)}`);
      expect(await said(app)).toContain(name);
      expect(app.state.message?.bad).toBe(false);
      expect(existsSync(join(folder, name))).toBe(true);
    }
    expect(readFileSync(join(folder, 'calls.ndjson'), 'utf8').trim().split('\n')).toHaveLength(app.session.view.length);
    app.state = { ...app.state, message: null };
    line(app, `ndjson ${join(folder, 'none', 'calls.ndjson')}`);
    await said(app);
    expect(app.state.message?.bad).toBe(true);
  });

  it('has no packets to export where none were kept, and none of no call', async () => {
    const { app } = analyzer({
      exported: exported({ path: null, unkept: 'packets were not kept', secrets: () => ({}) }, tables(), testStreams()),
    });
    line(app, `capture ${join(folder, 'x.pcapng')}`);
    expect(await said(app)).toBe('packets were not kept');
    const none = analyzer({
      exported: exported({ path: CAPTURE, unkept: '', secrets: () => ({}) }, tables(), testStreams()),
    });
    line(none.app, 'filter id == 0');
    none.app.state = { ...none.app.state, message: null };
    line(none.app, `capture ${join(folder, 'x.pcapng')}`);
    expect(await said(none.app)).toBe('nothing written: no call is selected');
  });

  it('says what a replay came to nothing for, and takes another session in place of its own', async () => {
    const { app } = analyzer();
    line(app, 'replay 127.0.0.1:1');
    expect(await said(app)).toBe('nothing to replay');
    expect(app.state.replaying).toBeNull();
    app.abandon();
    expect([app.takeAbandoned(), app.takeAbandoned()]).toEqual([true, false]);
    const another = sessionOf('wua-late-bound.pcapng');
    app.replace(another);
    expect(app.session).toBe(another);
    expect(app.lines().length).toBeGreaterThan(10);
  });

  it('says what reading failed of', async () => {
    const { app } = analyzer();
    await app.feed({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new UsageError('the file is gone')) }),
    });
    expect([app.state.message?.text, app.session.reading.state]).toEqual(['the file is gone', 'failed']);
  });
});
