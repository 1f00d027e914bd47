import { html, joined, trusted, type Markup } from './markup.js';

/** Bytes in one line of a dump; the script counts on it. */
export const DUMP_BYTES = 16;

/** Bytes given in hexadecimal as lines of offset, hexadecimal and ASCII. The offset has `width` digits. */
export function hexdump(hex: string, width: number): Markup {
  const lines: Markup[] = [];
  for (let at = 0; at < hex.length; at += 2 * DUMP_BYTES) {
    const pairs = hex.slice(at, at + 2 * DUMP_BYTES).match(/../g) ?? [];
    const letters = pairs.map((pair) => printable(Number.parseInt(pair, 16))).join('');
    lines.push(
      html`${(at / 2).toString(16).padStart(width, '0')}  ${pairs.join(' ').padEnd(3 * DUMP_BYTES - 1)}  ${letters}`,
    );
  }
  return joined(lines, trusted('\n'));
}

function printable(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
}
