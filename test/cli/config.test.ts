import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { run } from '../../src/cli/cli.js';
import { configPath } from '../../src/cli/config-path.js';
import { keepColumns, readConfig } from '../../src/cli/config.js';
import { boundTo } from '../../src/tui/keymap.js';
import { BINDINGS } from '../../src/tui/keys.js';
import { packageRoot } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { Player, sessionOf, tables } from '../tui/support.js';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'uamgscope-config-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const env = () => ({ XDG_CONFIG_HOME: home });

function write(text: string): string {
  const path = configPath(env());
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

async function typed(...words: readonly string[]) {
  const streams = testStreams({ env: env() });
  const status = await run(words, streams, async () => tables());
  return { status, out: streams.out(), err: streams.err() };
}

describe('the configuration', () => {
  it('lies where the desktop says', () => {
    expect(configPath({ XDG_CONFIG_HOME: '/x' })).toBe('/x/uamgscope/config.yaml');
    expect(configPath({ HOME: '/home/a', XDG_CONFIG_HOME: '' })).toBe('/home/a/.config/uamgscope/config.yaml');
  });

  it('is printed as it is in force, and reads back as the same', async () => {
    const { status, out } = await typed('tui', '--print-config');
    expect(status).toBe(0);
    expect(parse(out)).toMatchObject({
      theme: 'auto',
      columns: ['time', 'object', 'call', 'hresult', 'latency'],
      where: {},
    });
    expect(Object.keys((parse(out) as { keys: object }).keys)).toEqual(
      expect.arrayContaining(BINDINGS.map(({ action }) => action)),
    );
    write(out);
    expect((await typed('tui', '--print-config')).out).toBe(out);
  });

  it('changes keys, and leaves the others', () => {
    write('theme: light\nkeys: {down: J, findings: [w, f9]}\n');
    const { theme, keys } = readConfig(env());
    expect(theme).toBe('light');
    expect(boundTo('J', keys)).toEqual({ action: 'down' });
    expect(boundTo('j', keys)).toBe(null);
    expect(boundTo('w', keys)).toMatchObject({ pane: { title: 'findings' } });
    expect(boundTo('5', keys)).toBe(null);
    expect(boundTo('k', keys)).toEqual({ action: 'up' });
    const player = new Player(sessionOf('wua-session.pcapng'), 100, 130);
    player.state = { ...player.state, keys };
    expect(player.press('w').state.upper).toBe('findings');
    expect(player.press('?').screen()).toMatch(/ J +one line down/);
  });

  it.each([
    ['theme: pink', 'theme: Invalid option'],
    ['columns: [tyme]', 'columns.0'],
    ['columns: []', 'columns'],
    ['keys: {doun: j}', 'keys.doun: there is no such action, did you mean down?'],
    ['keys: {down: 3}', 'keys.down'],
    ['where: {"a b": failed}', 'a name is letters, digits and _'],
    ['colour: red', 'Unrecognized key'],
    ['theme: [', 'at line 1'],
  ])('%s is refused with its place', async (text, why) => {
    const path = write(text);
    const { status, err } = await typed('tui', '--print-config');
    expect(status).toBe(2);
    expect(err).toContain(path);
    expect(err).toContain(why);
  });

  it('names expressions for filters and --where', async () => {
    write('where:\n  slow: latency > 1s\n  odd: "@slow || failed"\n  round: "@round"\n  broken: mehtod == 1\n');
    const sample = join(packageRoot(), 'captures', 'wua-session.pcapng');
    const count = async (where: string): Promise<number> =>
      (await typed('decode', sample, '--where', where)).out.trimEnd().split('\n').length;
    expect(await count('@odd && interface == "IUpdateSearcher"')).toBe(3);
    expect(await count('@slow')).toBe(1);
    expect((await typed('decode', sample, '--where', '@slaw')).err).toContain('no expression is named @slaw');
    expect((await typed('decode', sample, '--where', '@slaw')).err).toContain('did you mean @slow?');
    expect((await typed('decode', sample, '--where', '@round')).err).toContain('nested more than');
    expect((await typed('decode', sample, '--where', '@broken')).err).toContain('@broken: unknown field "mehtod"');
    expect((await typed('decode', sample, '--where', 'method == @slow')).err).toContain(
      '@slow is a condition, no value',
    );
  });

  it('keeps columns, and the comments and settings around them', () => {
    const path = write('# mine\ntheme: dark # at night\nwhere:\n  slow: latency > 1s\n');
    keepColumns(path, ['id', 'call']);
    expect(readFileSync(path, 'utf8')).toBe(
      '# mine\ntheme: dark # at night\nwhere:\n  slow: latency > 1s\ncolumns: [ id, call ]\n',
    );
    keepColumns(path, ['call']);
    expect(readConfig(env()).columns).toEqual(['call']);
    rmSync(path);
    keepColumns(path, ['call', 'time']);
    expect(readConfig(env()).columns).toEqual(['call', 'time']);
  });
});

describe('columns', () => {
  it('are chosen and moved in a pane of their own, and kept', () => {
    const one = new Player(sessionOf('wua-session.pcapng'), 120, 30).press('C');
    expect(
      one
        .rows()
        .slice(2, 8)
        .map((row) => row.slice(2, 16).trim()),
    ).toEqual(['✓ time', '✓ object', '✓ call', '✓ hresult', '✓ latency', 'id']);
    one.press('l');
    expect(one.effects.at(-1)).toEqual({
      kind: 'keep-columns',
      columns: ['object', 'time', 'call', 'hresult', 'latency'],
    });
    one.press('G', 'space', 'h');
    expect(one.state.shown).toEqual(['object', 'time', 'call', 'hresult', 'frames', 'latency']);
    one.press('g', 'space', 'escape');
    expect(one.state.shown).toEqual(['time', 'call', 'hresult', 'frames', 'latency']);
    expect(one.rows()[1]).toMatch(/time +call .*HRESULT +frames +latency/);
    const { effects } = one;
    const kept = effects.length;
    one.press('C', 'g', 'h', 'G', 'l');
    expect(effects.length).toBe(kept);
    for (let at = 0; at < 20; at++) one.press('g', 'space');
    expect(one.state.shown.length).toBeGreaterThan(0);
  });

  it('are chosen by a command, too', () => {
    const one = new Player(sessionOf('wua-session.pcapng'), 120, 30).press(':', 'type:columns id,call', 'enter');
    expect(one.effects.at(-1)).toEqual({ kind: 'keep-columns', columns: ['id', 'call'] });
    expect(one.press(':', 'type:columns', 'enter').state.upper).toBe('columns');
  });
});
