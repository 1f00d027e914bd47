import { escapeTerminal } from '../output/escape.js';
import { clip, fit, textWidth } from './width.js';

/** What a piece of text means; the palette says how that looks. */
export type Paint =
  | 'plain'
  | 'bad'
  | 'warn'
  | 'good'
  | 'dim'
  | 'name'
  | 'value'
  | 'title'
  | 'key'
  | 'tab'
  | 'tab-on'
  | 'border'
  | 'border-on';
/**
 * What lies under a text: the cursor's line, the same in a pane without focus, the bytes of the field, a marked call, a
 * found text.
 */
export type Under = 'cursor' | 'cursor-off' | 'field' | 'byte' | 'marked' | null;

/** A piece of text in one look. Its text is safe to print: only {@link span} makes spans. */
export interface Span {
  readonly text: string;
  readonly paint: Paint;
  readonly under: Under;
}

/** One row of the screen, or of a pane. */
export type Line = readonly Span[];

/** A span of any text: whatever a terminal would act on is escaped here, and nowhere is a span made without. */
export function span(text: string, paint: Paint = 'plain', under: Under = null): Span {
  return { text: escapeTerminal(text), paint, under };
}

/** A line of one span. */
export function line(text: string, paint: Paint = 'plain'): Line {
  return [span(text, paint)];
}

/** Columns a line takes. */
export function lineWidth(of: Line): number {
  return of.reduce((sum, one) => sum + textWidth(one.text), 0);
}

/**
 * The line in exactly `width` columns, cut with `…` or filled; `under` lies below the whole line where a span has
 * nothing below it.
 */
export function fitLine(of: Line, width: number, under: Under = null): Line {
  const fitted: Span[] = [];
  let left = width;
  for (const [at, one] of of.entries()) {
    const has = textWidth(one.text);
    const more = at < of.length - 1 && of.slice(at + 1).some((next) => next.text !== '');
    const cuts = has > left || (has === left && more);
    const text = cuts ? fit(`${one.text}${has === left ? ' ' : ''}`, left) : clip(one.text, left);
    if (text !== '') fitted.push({ text, paint: one.paint, under: one.under ?? under });
    left -= textWidth(text);
    if (left <= 0) return fitted;
  }
  if (left > 0) fitted.push({ text: ' '.repeat(left), paint: 'plain', under });
  return fitted;
}

/**
 * A text in lines of at most `width` columns, broken between words where that is possible; at most `most` lines, the last
 * of which ends in `…` where there is more.
 */
export function wrapText(text: string, width: number, most: number): readonly string[] {
  const lines: string[] = [];
  let rest = escapeTerminal(text);
  while (rest !== '' && lines.length < most) {
    const whole = textWidth(rest) <= width;
    if (whole || lines.length === most - 1) {
      lines.push(whole ? rest : fit(rest, width).trimEnd());
      break;
    }
    const taken = clip(rest, Math.max(1, width)) || rest.slice(0, 2);
    const space = rest[taken.length] === ' ' ? taken.length : taken.lastIndexOf(' ');
    // A word that takes most of a line is broken: a gap of that size would say nothing.
    const end = space > taken.length / 2 ? space : taken.length;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

/** The characters of a line, for tests and for copying. */
export function plainText(of: Line): string {
  return of.map((one) => one.text).join('');
}

/** `lines` in a block of exactly `height` rows of `width` columns. */
export function fitBlock(lines: readonly Line[], width: number, height: number): Line[] {
  return Array.from({ length: height }, (_, at) => fitLine(lines[at] ?? [], width));
}

/** Blocks of equal height beside one another, with a line between. */
export function beside(left: readonly Line[], right: readonly Line[]): Line[] {
  return left.map((one, at) => [...one, { text: '│', paint: 'border', under: null }, ...(right[at] ?? [])]);
}
