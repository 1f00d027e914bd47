import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BINDINGS } from '../../src/tui/keys.js';
import type { Line, Paint, Under } from '../../src/tui/line.js';
import { PANES } from '../../src/tui/panes/table.js';
import { render } from '../../src/tui/render.js';
import { textWidth } from '../../src/tui/width.js';
import { packageRoot } from '../support/shared.js';
import { Player, sessionOf } from './support.js';

// `npx tsx test/tui/screens.ts` writes the screens of docs/tui.md and docs/tui.svg; docs.test.ts holds them to the
// program.

interface Shot {
  readonly capture: string;
  readonly columns: number;
  readonly rows: number;
  readonly keys: readonly string[];
}

const TO_FAILED = [']', 'tab', 'j', 'j'];

/** The screens of the docs by name: what is opened, and which keys are pressed. */
export const SHOTS: Readonly<Record<string, Shot>> = {
  calls: {
    capture: 'wua-session.pcapng',
    columns: 120,
    rows: 30,
    keys: [...Array.from({ length: 7 }, () => 'j'), 'enter', 'G', 'k'],
  },
  small: { capture: 'wua-session.pcapng', columns: 80, rows: 24, keys: TO_FAILED },
  objects: { capture: 'wua-session.pcapng', columns: 120, rows: 30, keys: ['2', 'j', 'j'] },
  ladder: {
    capture: 'wua-session.pcapng',
    columns: 120,
    rows: 30,
    keys: [...Array.from({ length: 8 }, () => 'j'), '3'],
  },
  statistics: { capture: 'wua-session.pcapng', columns: 120, rows: 26, keys: ['4'] },
  diff: {
    capture: 'wua-session.pcapng',
    columns: 120,
    rows: 16,
    keys: [':', 'type:14', 'enter', 'space', ':', 'type:25', 'enter', 'space', 'd'],
  },
  findings: { capture: 'wua-session.pcapng', columns: 100, rows: 24, keys: ['5', 'j'] },
  flows: { capture: 'wua-session.pcapng', columns: 120, rows: 16, keys: ['6', 'j'] },
  wrong: { capture: 'wua-session.pcapng', columns: 80, rows: 24, keys: ['f', 'type:mehtod == "Search"', 'enter'] },
};

export function play({ capture, columns, rows, keys }: Shot): Player {
  return new Player(sessionOf(capture), columns, rows).press(...keys);
}

/** Every key, as the help has them. */
function keyTable(): string {
  const name = (key: string): string => `\`${key === '|' ? '\\|' : key}\``;
  const rows = [...new Set(BINDINGS.map(({ group }) => group))].flatMap((group) => [
    `| **${group}** | |`,
    ...[...BINDINGS.filter((one) => one.group === group), ...(group === 'panes' ? PANES : [])].map(
      ({ keys, help }) => `| ${keys.map(name).join(' ')} | ${help} |`,
    ),
  ]);
  return ['| key | does |', '|---|---|', ...rows].join('\n');
}

/** The docs with the table of keys in its place. */
export function withKeys(text: string): string {
  return text.replace(
    /(<!-- keys -->\n)[\s\S]*?(<!-- end of keys -->)/,
    (_, head: string, tail: string) => `${head}${keyTable()}\n${tail}`,
  );
}

/** The docs with every screen in its place: between ```text <name> and the end of the block. */
export function withScreens(text: string): string {
  return text.replace(
    /(<!-- screen: (\w+) -->\n```text\n)[\s\S]*?(```)/g,
    (whole, head: string, name: string, tail: string) => {
      const shot = SHOTS[name];
      return shot === undefined ? whole : `${head}${play(shot).screen()}\n${tail}`;
    },
  );
}

const CELL = { width: 8.4, height: 18 };
const INK: Readonly<Record<Paint, string>> = {
  plain: '#d0d4dc',
  bad: '#ff6e6e',
  warn: '#ffb454',
  good: '#87d787',
  dim: '#8a8f98',
  name: '#5fd7d7',
  value: '#d7afff',
  title: '#ffffff',
  key: '#ffd787',
  tab: '#bcbcbc',
  'tab-on': '#0b0f14',
  border: '#555b66',
  'border-on': '#5fd7d7',
};
const GROUND: Readonly<Record<Exclude<Under, null>, string>> = {
  cursor: '#1f4a73',
  'cursor-off': '#2b2f36',
  field: '#5a5a1e',
  byte: '#d0d4dc',
  marked: '#4a2352',
};

/** A screen as a picture. */
export function picture(lines: readonly Line[], columns: number): string {
  const parts: string[] = [];
  for (const [row, line] of lines.entries()) {
    let column = 0;
    for (const one of line) {
      const width = textWidth(one.text);
      const [x, y] = [column * CELL.width, row * CELL.height];
      const ground =
        one.paint === 'tab-on'
          ? '#5fd7d7'
          : one.paint === 'tab'
            ? '#2b2f36'
            : one.under === null
              ? null
              : GROUND[one.under];
      if (ground !== null)
        parts.push(
          `<rect x="${x.toFixed(1)}" y="${y}" width="${(width * CELL.width).toFixed(1)}" height="${CELL.height}" fill="${ground}"/>`,
        );
      if (one.text.trim() !== '') {
        const ink = one.under === 'byte' ? '#0b0f14' : INK[one.paint];
        const bold = one.paint === 'title' || one.paint === 'tab-on' ? ' font-weight="bold"' : '';
        parts.push(
          `<text x="${x.toFixed(1)}" y="${y + 13}" textLength="${(width * CELL.width).toFixed(1)}" fill="${ink}"${bold}>${escapeXml(one.text)}</text>`,
        );
      }
      column += width;
    }
  }
  const [width, height] = [columns * CELL.width + 16, lines.length * CELL.height + 16];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="The terminal analyzer: calls above, a call's fields and bytes below"><rect width="100%" height="100%" rx="6" fill="#0f1318"/><g transform="translate(8 8)" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve" lengthAdjust="spacingAndGlyphs">${parts.join('\n')}</g></svg>\n`;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** The picture of the README. */
export function readmePicture(): string {
  const player = play({
    capture: 'wua-session.pcapng',
    columns: 150,
    rows: 36,
    keys: [...Array.from({ length: 8 }, () => 'j'), 'enter', 'G', 'k', 'k'],
  });
  return picture(render({ state: player.state, source: player.session }), 150);
}

export const DOC = join(packageRoot(), 'docs', 'tui.md');
export const PICTURE = join(packageRoot(), 'docs', 'tui.svg');

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(DOC, withKeys(withScreens(readFileSync(DOC, 'utf8'))));
  writeFileSync(PICTURE, readmePicture());
}
