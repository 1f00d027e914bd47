import type { Line, Paint, Under } from './line.js';

/** How many colours a terminal has; `none` for NO_COLOR, where bold, reverse and underline carry the meaning. */
export type Colours = 256 | 16 | 'none';
/** What its background is like. */
export type Theme = 'dark' | 'light';

/** How everything is painted. */
export interface Palette {
  readonly colours: Colours;
  readonly theme: Theme;
}

type Look = Readonly<Record<Paint, string>>;
type Below = Readonly<Record<Exclude<Under, null>, string>>;

/** Parameters of SGR by what a text means, and by what lies under it; what lies under may set the colour of the text. */
interface Looks {
  readonly text: Look;
  readonly under: Below;
}

const NONE: Looks = {
  text: {
    plain: '',
    bad: '1',
    warn: '1',
    good: '',
    dim: '',
    name: '',
    value: '',
    title: '1',
    key: '1',
    tab: '',
    'tab-on': '1;7',
    border: '',
    'border-on': '1',
  },
  under: { cursor: '7', 'cursor-off': '4', field: '4', byte: '7', marked: '4' },
};

/**
 * Every pair of colours has a contrast of 4.5 at least on the backgrounds that a theme is for, and what is bad, doubtful
 * and good differs for eyes that see no red, no green or no blue: orange, yellow and blue. test/tui/palette.test.ts
 * computes both.
 */
const LOOKS: Readonly<Record<Theme, Readonly<Record<Colours, Looks>>>> = {
  dark: {
    256: {
      text: {
        plain: '',
        bad: '38;5;209',
        warn: '38;5;228',
        good: '38;5;111',
        dim: '38;5;249',
        name: '38;5;80',
        value: '38;5;183',
        title: '1',
        key: '1;38;5;222',
        tab: '38;5;252;48;5;237',
        'tab-on': '1;38;5;16;48;5;80',
        border: '38;5;248',
        'border-on': '1;38;5;80',
      },
      under: {
        cursor: '48;5;18',
        'cursor-off': '48;5;236',
        field: '38;5;231;48;5;58',
        byte: '38;5;16;48;5;231',
        marked: '48;5;53',
      },
    },
    16: {
      text: {
        plain: '',
        bad: '91',
        warn: '93',
        good: '96',
        dim: '37',
        name: '92',
        value: '95',
        title: '1',
        key: '1;93',
        tab: '7',
        'tab-on': '1;30;46',
        border: '37',
        'border-on': '1;96',
      },
      under: { cursor: '7', 'cursor-off': '4', field: '30;47', byte: '7', marked: '30;46' },
    },
    none: NONE,
  },
  light: {
    256: {
      text: {
        plain: '',
        bad: '38;5;124',
        warn: '38;5;90',
        good: '38;5;21',
        dim: '38;5;239',
        name: '38;5;23',
        value: '38;5;22',
        title: '1',
        key: '1;38;5;90',
        tab: '38;5;235;48;5;252',
        'tab-on': '1;38;5;231;48;5;24',
        border: '38;5;240',
        'border-on': '1;38;5;24',
      },
      under: {
        cursor: '48;5;159',
        'cursor-off': '48;5;254',
        field: '38;5;16;48;5;229',
        byte: '38;5;231;48;5;16',
        marked: '48;5;225',
      },
    },
    16: {
      text: {
        plain: '',
        bad: '31',
        warn: '35',
        good: '',
        dim: '',
        name: '34',
        value: '',
        title: '1',
        key: '1;34',
        tab: '7',
        'tab-on': '1;30;46',
        border: '',
        'border-on': '1;34',
      },
      under: { cursor: '7', 'cursor-off': '4', field: '30;103', byte: '7', marked: '30;106' },
    },
    none: NONE,
  },
};

/** Parameters of SGR (ECMA-48) for a text that means this, above that. */
export function looksOf(paint: Paint, under: Under, { colours, theme }: Palette): string {
  const { text, under: below } = LOOKS[theme][colours];
  // Tabs have a ground of their own.
  if (paint === 'tab' || paint === 'tab-on') return text[paint];
  return [text[paint], under === null ? '' : below[under]].filter((codes) => codes !== '').join(';');
}

/** A line with the control sequences of its looks; it ends in the terminal's own look. */
export function paint(of: Line, palette: Palette): string {
  let text = '';
  for (const one of of) {
    const codes = looksOf(one.paint, one.under, palette);
    text += codes === '' ? one.text : `\u001b[${codes}m${one.text}\u001b[0m`;
  }
  return text;
}

/** The theme for a background, as a terminal says it: `rgb:ffff/ffff/ffff` (XParseColor); null where it says none. */
export function themeFor(colour: string): Theme | null {
  const parts = /^rgba?:([\da-f]{1,4})\/([\da-f]{1,4})\/([\da-f]{1,4})/i.exec(colour);
  if (parts === null) return null;
  const [red = 0, green = 0, blue = 0] = parts
    .slice(1)
    .map((part) => Number.parseInt(part, 16) / (16 ** part.length - 1));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 ? 'light' : 'dark';
}

/** The theme that COLORFGBG (`15;0`: colours of text and background) tells of; null where it tells none. */
export function themeOf(env: Readonly<Record<string, string | undefined>>): Theme | null {
  const background = /;(\d+)$/.exec(env['COLORFGBG'] ?? '')?.[1];
  if (background === undefined) return null;
  return background === '7' || background === '15' ? 'light' : 'dark';
}

/** Colours of a terminal by its environment (https://no-color.org, COLORTERM, TERM). */
export function coloursOf(env: Readonly<Record<string, string | undefined>>): Colours {
  if ((env['NO_COLOR'] ?? '') !== '') return 'none';
  const term = env['TERM'] ?? '';
  if (term === 'dumb' || /^vt(100|102|220)$|mono/.test(term)) return 'none';
  return /256|truecolor|direct/.test(term) || /truecolor|24bit/.test(env['COLORTERM'] ?? '') ? 256 : 16;
}

const PLAIN_FORMS: Readonly<Record<string, string>> = {
  '─': '-',
  '│': '|',
  '├': '|',
  '└': '`',
  '┬': '+',
  '┼': '+',
  '→': '>',
  '←': '<',
  '▶': '>',
  '◀': '<',
  '▾': 'v',
  '▸': '>',
  '…': '~',
  '✗': 'x',
  '●': '*',
  '·': '.',
  '█': '#',
  '▏': '|',
  '▁': '_',
  '▂': '_',
  '▃': '-',
  '▄': '-',
  '▅': '=',
  '▆': '=',
  '▇': '#',
  '✓': '+',
  '‹': '<',
  '✎': '#',
  '§': 'S',
  '↑': '^',
  '↓': 'v',
  '×': 'x',
  '◆': '*',
  '╌': '-',
  µ: 'u',
  '┊': ':',
};

/**
 * A text for a terminal that has no UTF-8: drawing characters by the nearest ASCII one, others by `?`, in as many
 * columns.
 */
export function asciiOnly(text: string, widthOf: (code: number) => number): string {
  let plain = '';
  for (const unit of text)
    plain += unit <= '\u007f' ? unit : (PLAIN_FORMS[unit] ?? '?'.repeat(widthOf(unit.codePointAt(0) ?? 0)));
  return plain;
}
