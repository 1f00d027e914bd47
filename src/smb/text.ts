import type { Block } from '../types.js';
import { MAX_PIPE_NAME } from './limits.js';

/** Text in UTF-16 little-endian up to `to` or its zero, cut to {@link MAX_PIPE_NAME} units. */
export function utf16At({ view }: Block, from: number, to: number): string {
  let text = '';
  for (let at = from; at + 2 <= to && text.length < MAX_PIPE_NAME; at += 2) {
    const unit = view.getUint16(at, true);
    if (unit === 0) break;
    text += String.fromCharCode(unit);
  }
  return text;
}

/** Text of one byte a character up to `to` or its zero, cut to {@link MAX_PIPE_NAME} of them. */
export function latinAt({ u8 }: Block, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to && text.length < MAX_PIPE_NAME; at++) {
    const byte = u8[at] as number;
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}
