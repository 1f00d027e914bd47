import { styleText } from 'node:util';

/** What the outputs paint, by meaning. */
export interface Style {
  readonly bad: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly good: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly name: (text: string) => string;
  readonly value: (text: string) => string;
}

type Format = Parameters<typeof styleText>[0];

function painter(format: Format): (text: string) => string {
  // Whether to paint was decided by the caller; the text may go to a file or a stream of a test.
  const [before = '', after = ''] = styleText(format, '\u0001', { validateStream: false }).split('\u0001');
  return (text) => before + text + after;
}

function same(text: string): string {
  return text;
}

export const PLAIN: Style = { bad: same, warn: same, good: same, dim: same, name: same, value: same };

export const COLOURED: Style = {
  bad: painter('red'),
  warn: painter('yellow'),
  good: painter('green'),
  dim: painter('gray'),
  name: painter('cyan'),
  value: painter('magenta'),
};
