import type { Line, Paint, Under } from './line.js';

/** How many colours a terminal has; `none` for NO_COLOR, where bold, reverse and underline carry the meaning. */
export type Colours = 256 | 16 | 'none';

type Look = Readonly<Record<Paint, string>>;

const LOOKS: Readonly<Record<Colours, Look>> = {
  256: {
    plain: '',
    bad: '38;5;203',
    warn: '38;5;214',
    good: '38;5;114',
    dim: '38;5;245',
    name: '38;5;80',
    value: '38;5;183',
    title: '1',
    key: '1;38;5;222',
    tab: '38;5;250;48;5;237',
    'tab-on': '1;38;5;16;48;5;80',
    border: '38;5;240',
    'border-on': '1;38;5;80',
  },
  16: {
    plain: '',
    bad: '31',
    warn: '33',
    good: '32',
    dim: '90',
    name: '36',
    value: '35',
    title: '1',
    key: '1;33',
    tab: '7',
    'tab-on': '1;30;46',
    border: '90',
    'border-on': '1;36',
  },
  none: {
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
};

type Below = Readonly<Record<Exclude<Under, null>, string>>;

const BELOW: Readonly<Record<Colours, Below>> = {
  256: { cursor: '48;5;24', 'cursor-off': '48;5;236', field: '48;5;58', byte: '7', marked: '48;5;53' },
  16: { cursor: '7', 'cursor-off': '4', field: '43;30', byte: '7', marked: '45' },
  none: { cursor: '7', 'cursor-off': '4', field: '4', byte: '7', marked: '4' },
};

/** A line with the control sequences of its looks (ECMA-48 SGR); it ends in the terminal's own look. */
export function paint(of: Line, colours: Colours): string {
  const look = LOOKS[colours];
  const below = BELOW[colours];
  let text = '';
  for (const one of of) {
    const codes = [look[one.paint], one.under === null ? '' : below[one.under]].filter((code) => code !== '').join(';');
    text += codes === '' ? one.text : `\u001b[${codes}m${one.text}\u001b[0m`;
  }
  return text;
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
