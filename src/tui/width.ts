import { eastAsianWidth } from 'get-east-asian-width';

/** Marks that stand on the character before them. */
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const ASCII = /^[\u0020-\u007e]*$/;
/** Marks drawn on one character; further ones are left out, so that no text grows out of its line. */
const MAX_MARKS = 3;

/** Columns that a code point takes (Unicode Standard Annex 11; the ambiguous ones take one): 0, 1 or 2. */
export function widthOf(code: number): 0 | 1 | 2 {
  if (code < 0x300) return 1;
  return ZERO.test(String.fromCodePoint(code)) ? 0 : eastAsianWidth(code);
}

/** Columns that a text takes. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const unit of text) width += widthOf(unit.codePointAt(0) ?? 0);
  return width;
}

/** At most `width` columns of a text; never half of a wide character. */
export function clip(text: string, width: number): string {
  if (width <= 0) return '';
  if (ASCII.test(text)) return text.length <= width ? text : text.slice(0, width);
  let taken = '';
  let used = 0;
  let marks = 0;
  for (const unit of text) {
    const wide = widthOf(unit.codePointAt(0) ?? 0);
    if (wide === 0 && ++marks > MAX_MARKS) continue;
    if (wide > 0) marks = 0;
    if (used + wide > width) break;
    taken += unit;
    used += wide;
  }
  return taken;
}

/** A text in exactly `width` columns: cut with `…`, or filled with spaces at its end. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  if (width <= 0) return '';
  const has = textWidth(text);
  if (has > width) {
    const cut = clip(text, width - 1);
    return `${cut}…${' '.repeat(width - 1 - textWidth(cut))}`;
  }
  const clean = clip(text, width);
  const space = ' '.repeat(width - textWidth(clean));
  return align === 'left' ? clean + space : space + clean;
}
