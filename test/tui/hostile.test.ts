import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitLine, line, lineWidth, plainText, span } from '../../src/tui/line.js';
import { asciiOnly, coloursOf, paint } from '../../src/tui/palette.js';
import { PANES } from '../../src/tui/panes/table.js';
import { render } from '../../src/tui/render.js';
import { Player, sessionOf } from './support.js';
import { clip, fit, textWidth, widthOf } from '../../src/tui/width.js';

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom(
      '\u001b',
      '[',
      '2',
      'J',
      '\u0007',
      '\u009b',
      '\u202e',
      '\u2066',
      'a',
      '用',
      '́',
      '😀',
      '\ud800',
      '\n',
      '\r',
      '\u200d',
    ),
  }),
);
/** What a terminal acts on. */
const ACTIVE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

describe('text from the network', () => {
  it('reaches the terminal with nothing in it that it would act on', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 100 }), (text, width) => {
        const shown = fitLine([span(text), span(text, 'bad')], width);
        expect(plainText(shown)).not.toMatch(ACTIVE);
        // Once what the palette adds is taken away, nothing is left of any control sequence.
        expect(paint(shown, { colours: 256, theme: 'dark' }).replace(/\u001b\[[0-9;]*m/g, '')).not.toMatch(ACTIVE);
        expect(asciiOnly(plainText(shown), widthOf)).toMatch(/^[ -~]*$/);
      }),
      { numRuns: 500 },
    );
  });

  it('never takes more or fewer columns than its place has', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 60 }), (text, width) => {
        expect(lineWidth(fitLine(line(text), width))).toBe(width);
        expect(textWidth(fit(text.replace(/[\ud800-\udfff]/g, ''), width))).toBe(width);
        expect(textWidth(clip(text, width))).toBeLessThanOrEqual(width);
      }),
      { numRuns: 500 },
    );
  });

  it('stacks no more than a few marks on a character', () => {
    expect(clip(`a${'\u0301'.repeat(500)}b`, 10).length).toBeLessThan(10);
  });
});

describe('widths', () => {
  it.each([
    ['a', 1],
    ['é', 1],
    ['用', 2],
    ['ー', 2],
    ['ｱ', 1],
    ['😀', 2],
    ['e\u0301', 1],
    ['한', 2],
    ['│', 1],
    ['…', 1],
  ])('%s takes %i', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });
});

describe('colours', () => {
  it.each([
    [{ TERM: 'xterm-256color' }, 256],
    [{ TERM: 'xterm' }, 16],
    [{ TERM: 'xterm-256color', NO_COLOR: '1' }, 'none'],
    [{ TERM: 'dumb' }, 'none'],
    [{ TERM: 'linux', COLORTERM: 'truecolor' }, 256],
    [{}, 16],
  ] as const)('of %j are %s', (env, colours) => {
    expect(coloursOf(env)).toBe(colours);
  });
});

describe('every pane of the table', () => {
  it.each(PANES.map(({ title, keys }) => [title, keys[0] ?? ''] as const))(
    'fills its part of the screen, whatever its size: %s',
    (title, key) => {
      for (const [columns, rows] of [
        [40, 10],
        [80, 24],
        [123, 37],
        [250, 70],
      ] as const) {
        const one = new Player(sessionOf('wua-late-bound.pcapng'), columns, rows).press('space', 'j', key);
        if (one.state.upper !== title) expect(one.state.message?.bad).toBe(true);
        for (const then of ['j', 'G', 'k', 'enter', 'escape', '/', 'type:x', 'enter']) {
          const lines = render({ state: one.press(then).state, source: one.session });
          expect(lines.length).toBe(rows);
          for (const shown of lines) {
            expect(lineWidth(shown), `${columns}×${rows} after ${then}: ${plainText(shown)}`).toBe(columns);
            expect(plainText(shown)).not.toMatch(ACTIVE);
          }
        }
      }
    },
  );
});
