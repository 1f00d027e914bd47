import { hexByte } from '../../bytes/hex.js';
import { bytesPerRow, type Area } from '../area.js';
import { frameAt } from '../detail-rows.js';
import { fitLine, span, type Line, type Paint, type Span, type Under } from '../line.js';
import { currentRows } from '../detail.js';
import { currentCall, shownBytes, stubOf, type Model } from '../model.js';
import type { Stub } from '../../types.js';

/**
 * The bytes of one stub, those of the field under the cursor marked; the last row says which frame carried the byte.
 */
export function bytesPane(model: Model, area: Area): Line[] {
  const { state } = model;
  const call = currentCall(model);
  const { side, top } = state.bytes;
  const stub = stubOf(call, side);
  if (stub === null) return [[span(call === null ? '' : `  no ${side} was captured`, 'dim')]];
  const size = stub.end - stub.start;
  const shown = shownBytes(model, side);
  if (shown === null) return [];
  if (size === 0) return [[span(`  the ${side} has an empty stub`, 'dim')]];
  const perRow = bytesPerRow(area.width);
  const digits = Math.max(4, (size - 1).toString(16).length);
  const under = marker(model);
  const lines: Line[] = [];
  for (let at = top * perRow; at < size && lines.length < area.height - 1; at += perRow) {
    const address = span(at.toString(16).padStart(digits, '0'), 'dim');
    const bytes = shown.bytes.subarray(at, Math.min(at + perRow, size));
    lines.push(fitLine([address, span('  '), ...bytesLine(bytes, at, perRow, under)], area.width));
  }
  while (lines.length < area.height - 1) lines.push([]);
  lines.push(fitLine([span(carrier(model, stub, shown.cipher), 'dim')], area.width));
  return lines;
}

/** What lies under a byte: the cursor, or the field of the current row. */
function marker(model: Model): (at: number) => Under {
  const { state } = model;
  const { side, offset } = state.bytes;
  const row = currentRows(model)[state.detail.cursor];
  const [from, to] = row !== undefined && row.side === side ? [row.start, row.end] : [-1, -1];
  return (at) => {
    if (at === offset) return state.focus === 'bytes' ? 'byte' : 'field';
    return at >= from && at < to ? 'field' : null;
  };
}

/** Up to `perRow` bytes as hex and as text; `at` is the offset of the first. */
function bytesLine(bytes: Uint8Array, at: number, perRow: number, under: (at: number) => Under): readonly Span[] {
  const hex: Span[] = [];
  const text: Span[] = [];
  for (let i = 0; i < perRow; i++) {
    const byte = bytes[i];
    const own = byte === undefined ? null : under(at + i);
    // The mark goes on between two bytes of the same field.
    const between = under(at + i) !== null && under(at + i) === under(at + i + 1) ? under(at + i) : null;
    hex.push(
      span(byte === undefined ? '  ' : hexByte(byte), 'plain', own),
      span(gapAfter(i, perRow), 'plain', between),
    );
    text.push(span(characterOf(byte), paintOf(byte), own));
  }
  return [...hex, span('  '), ...text];
}

function gapAfter(index: number, perRow: number): string {
  if (index === perRow - 1) return '';
  return index % 8 === 7 ? '  ' : ' ';
}

function characterOf(byte: number | undefined): string {
  if (byte === undefined) return ' ';
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
}

function paintOf(byte: number | undefined): Paint {
  return byte === undefined || byte === 0 ? 'dim' : 'plain';
}

/** Where the byte under the cursor lies, and which frame carried it. */
function carrier({ state }: Model, stub: Stub, cipher: boolean): string {
  const { side, offset } = state.bytes;
  const carried = frameAt(stub, offset);
  return [
    `${side} byte 0x${offset.toString(16)} of ${stub.end - stub.start}`,
    carried === null
      ? 'frame unknown'
      : `frame ${carried.frame} (0x${carried.from.toString(16)}–0x${(carried.to - 1).toString(16)})`,
    ...(cipher ? ['cipher text'] : []),
  ].join(' · ');
}
