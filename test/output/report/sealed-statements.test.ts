import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { afterAll, describe, expect, it } from 'vitest';
import { PANES } from '../../../src/tui/panes/table.js';
import { shared } from '../../support/shared.js';
import { Player, sessionOf } from '../../tui/support.js';
import { command, reportOf, shipped } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-statements-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Sealed captures that are shipped, and the secret that opens each. */
const SEALED = [
  ['wua-sealed.pcapng', 'alice', 'Pässwörd✓1'],
  ['sessions/impacket-privacy.pcapng', 'alice', 'secret'],
  ['sessions/go-msrpc-privacy.pcapng', 'alice', 'secret'],
] as const;

/** Words that deny something, and counts of nothing. */
const DENIES = /\b(no|none|nothing|nobody|never|not|without|neither|default)\b|(?<![\w.,:])0(?![\w.,:-])/i;
/** What tells of the seal itself, or says that something is not known. */
const UNKNOWN =
  /sealed|unknown|not known|nobody knows|not to be read|\?|nobody was seen to hand out|--password|does not tell|not in this report|can be read/i;

/** What a text says, piece by piece: sentences, and the cells of tables with their columns and rows. */
function statements(text: string): readonly string[] {
  let head: readonly string[] = [];
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('|')) {
      head = [];
      return line.split(/(?<=[.;:])\s+|(?<!\d),\s+/);
    }
    const cells = line.split('|').map((cell) => cell.trim());
    if (head.length === 0) {
      head = cells;
      return [];
    }
    return cells.slice(2).map((cell, at) => `${cells[1] ?? ''}: ${head[at + 2] ?? ''}: ${cell}`);
  });
}

/** The text of a page, every element of it a line and every row of a table a row. */
function pageText(html: string): string {
  return html
    .replace(/<(style|script|svg|pre)\b.*?<\/\1>/gs, '')
    .replace(/<\/t[hd]>(?=<t[hd])/g, ' | ')
    .replace(/<tr[^>]*>/g, '\n| ')
    .replace(/<\/(?:p|li|dd|dt|h\d|summary|tr|article|section|div)>/g, '\n')
    .replace(/<[^>]+>/g, '')
    .replace(/&[a-z]+;|&#\d+;/g, ' ');
}

/** What is denied of the sealed calls, and not of the same calls opened. */
function contradicted(sealed: string, opened: string): readonly string[] {
  const known = new Set(statements(opened));
  return [...new Set(statements(sealed))].filter((one) => DENIES.test(one) && !UNKNOWN.test(one) && !known.has(one));
}

/** The states of the cases of a JUnit report, by name. */
function cases(xml: string): ReadonlyMap<string, string> {
  const parsed = new XMLParser({
    ignoreAttributes: false,
    isArray: (name) => name === 'testsuite' || name === 'testcase',
  }).parse(xml) as {
    readonly testsuites: { readonly testsuite: readonly { readonly testcase: readonly Record<string, unknown>[] }[] };
  };
  return new Map(
    parsed.testsuites.testsuite.flatMap((suite) =>
      suite.testcase.map((one) => {
        const state = 'failure' in one ? 'failed' : 'skipped' in one ? 'skipped' : 'passed';
        return [`${String(one['@_classname'])} ${String(one['@_name'])}`, state] as const;
      }),
    ),
  );
}

describe('calls of which some are sealed', () => {
  const path = shared('captures/kerberos-privacy.pcapng', 'what is said of calls of which some are sealed');

  it.skipIf(path === null)('are not counted as calls that went well', async () => {
    const { overview, totals } = await reportOf(path ?? '');
    expect([totals.calls, totals.failed, totals.sealed, totals.unknown]).toEqual([8, 0, 6, 6]);
    expect(overview.verdict.text).toBe('What 6 of the calls said is sealed, and not known.');
    expect(overview.tiles.find((tile) => tile.name === 'calls')).toMatchObject({
      value: '?',
      detail: 'of 8, 6 sealed',
      tone: 'unknown',
    });
    const { out } = await command('report', path ?? '', '-f', 'markdown');
    expect(out).toContain('8 calls, 0 known to have failed, 6 sealed and unknown, 0 unanswered');
  });
});

describe.each(SEALED)('what is said of sealed %s', (name, user, password) => {
  const file = shipped(name);
  const secret = ['--password', `${user}:${password}`];

  it.each([
    ['Markdown', ['report', '-f', 'markdown'], (text: string) => text],
    ['HTML', ['report', '-f', 'html'], pageText],
    ['figures', ['decode', '--stats', '--quiet'], (text: string) => text],
  ] as const)('as %s denies nothing that the opened calls show', async (_, argv, textOf) => {
    const [first, ...rest] = argv;
    const sealed = textOf((await command(first, file, ...rest)).out);
    const opened = textOf((await command(first, file, ...rest, ...secret)).out);
    expect(sealed.length).toBeGreaterThan(200);
    expect(contradicted(sealed, opened)).toEqual([]);
    expect(sealed).not.toMatch(/(?<![\d,])0 failed/);
  });

  it('as JUnit passes no rule that was not held to the calls', async () => {
    const sealed = cases((await command('report', file, '-f', 'junit')).out);
    const opened = cases((await command('report', file, '-f', 'junit', ...secret)).out);
    const passed = [...sealed].filter(([, state]) => state === 'passed').map(([one]) => one);
    // Once opened, no rule about the seal is left.
    expect(passed.filter((one) => one !== 'rules sealed-calls' && opened.get(one) !== 'passed')).toEqual([]);
    expect([...sealed.values()].filter((state) => state === 'skipped').length).toBeGreaterThan(20);
    expect([...opened.values()].filter((state) => state === 'skipped')).toEqual([]);
  });

  it('compared with itself is not said to be alike', async () => {
    const { out, status } = await command('diff', file, file);
    expect(status).toBe(0);
    expect(out).toMatch(/(\d+) alike \(\1 of them sealed: what they say was not compared\)/);
    const report = await reportOf('--compare', file, file);
    expect(report.overview.verdict).toMatchObject({
      tone: 'unknown',
      text: expect.stringMatching(/^Nothing that can be read differs between .* is sealed, and was not compared\.$/),
    });
  });

  it('as JSON of figures counts no failures that it cannot know', async () => {
    const argv = ['decode', file, '--stats', '--format', 'ndjson'];
    type Figures = { readonly failed: number | null; readonly unknown: number; readonly calls: number };
    const figures = async (...more: readonly string[]): Promise<Figures & { readonly members: readonly Figures[] }> => {
      const lines = (await command(...argv, ...more)).out.trimEnd().split('\n');
      return JSON.parse(lines.find((line) => line.includes('"statistics"')) ?? '{}');
    };
    const sealed = await figures();
    const opened = await figures(...secret);
    expect([sealed.failed, sealed.unknown]).toEqual([null, sealed.calls]);
    expect([opened.failed !== null, opened.unknown]).toEqual([true, 0]);
    expect(sealed.members.filter((one) => one.failed !== null)).toEqual([]);
  });

  it('in the terminal analyzer denies nothing that the opened calls show', () => {
    const shown = (player: Player): string =>
      PANES.filter((pane) => pane.kind === 'tab')
        .flatMap((pane) => player.press(pane.keys[0] ?? '').screen())
        .join('\n')
        // Bytes stand to the right.
        .replaceAll(/│.*/g, '');
    const sealed = shown(new Player(sessionOf(name), 160, 60));
    const opened = shown(new Player(sessionOf(name, undefined, { passwords: [{ user, password }] }), 160, 60));
    expect(contradicted(sealed, opened)).toEqual([]);
    expect(sealed).not.toMatch(/(?<![\d,])0 failed/);
    expect(sealed).toContain('all sealed, so that nobody knows which failed');
  });
});
