/**
 * What a terminal would act on: C0 and C1 controls (ESC, CR and line feeds among them), line and paragraph separators,
 * marks and overrides that turn the direction of text, the byte order mark, lone surrogates.
 */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' };

/** A text from the network made safe to print: what {@link UNSAFE} finds is written as `\n`, `\x1b`, `\u202e`. */
export function escapeTerminal(text: string): string {
  return text.replace(UNSAFE, escapeOne);
}

/** The same for a message of several lines: its line feeds stay. */
export function escapeLines(text: string): string {
  return text.split('\n').map(escapeTerminal).join('\n');
}

/**
 * The same, with `mark` deciding how each unit that is not safe is shown; it gets the unit and how a terminal would
 * show it.
 */
export function markUnsafe(text: string, mark: (unit: string, written: string) => string): string {
  return text.replace(UNSAFE, (unit) => mark(unit, escapeOne(unit)));
}

function escapeOne(unit: string): string {
  const short = SHORT[unit];
  if (short !== undefined) return short;
  const code = unit.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** At most `width` characters, the last one `…` where something was cut; never between the halves of a pair. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const last = text.charCodeAt(width - 2);
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? width - 2 : width - 1)}…`;
}

/** A text in quotes, cut and safe to print; a quote or a backslash in it has a backslash before it. */
export function quoted(text: string, width: number): string {
  return `"${escapeTerminal(cut(text, width).replace(/["\\]/g, '\\$&'))}"`;
}
