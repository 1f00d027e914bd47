import { hexByte } from '../../bytes/hex.js';
import { frameAt } from '../fields.js';
import { fitLine, span, type Line, type Span, type Under } from '../line.js';
import { bytesPerRow, type Area } from '../layout.js';
import { currentCall, currentRows, shownBytes, stubOf, type Model } from '../model.js';

/**
 * The bytes of one stub, those of the field under the cursor marked; the last row says which frame carried the byte.
 */
export function bytesPane(model: Model, area: Area): Line[] {
  const { state } = model;
  const call = currentCall(model);
  const { side, offset, top } = state.bytes;
  const stub = stubOf(call, side);
  if (stub === null) return [[span(call === null ? '' : `  no ${side} was captured`, 'dim')]];
  const size = stub.end - stub.start;
  const shown = shownBytes(model, side);
  if (shown === null) return [];
  if (size === 0) return [[span(`  the ${side} has an empty stub`, 'dim')]];
  const row = currentRows(model)[state.detail.cursor];
  const [from, to] = row !== undefined && row.side === side ? [row.start, row.end] : [-1, -1];
  const under = (at: number): Under =>
    at === offset ? (state.focus === 'bytes' ? 'byte' : 'field') : at >= from && at < to ? 'field' : null;
  const perRow = bytesPerRow(area.width);
  const digits = Math.max(4, (size - 1).toString(16).length);
  const lines: Line[] = [];
  for (let at = top * perRow; at < size && lines.length < area.height - 1; at += perRow) {
    const hex: Span[] = [];
    const text: Span[] = [];
    for (let i = at; i < at + perRow; i++) {
      const byte = i < size ? shown.bytes[i] : undefined;
      const gap = i === at + perRow - 1 ? '' : (i - at) % 8 === 7 ? '  ' : ' ';
      // The mark goes on between two bytes of the same field.
      const between = under(i) !== null && under(i) === under(i + 1) ? under(i) : null;
      hex.push(
        span(byte === undefined ? '  ' : hexByte(byte), 'plain', byte === undefined ? null : under(i)),
        span(gap, 'plain', between),
      );
      text.push(
        span(
          byte === undefined ? ' ' : byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·',
          byte === undefined || byte === 0 ? 'dim' : 'plain',
          byte === undefined ? null : under(i),
        ),
      );
    }
    lines.push(
      fitLine(
        [span(at.toString(16).padStart(digits, '0'), 'dim'), span('  '), ...hex, span('  '), ...text],
        area.width,
      ),
    );
  }
  while (lines.length < area.height - 1) lines.push([]);
  const carried = frameAt(stub, offset);
  const parts = [
    `${side} byte 0x${offset.toString(16)} of ${size}`,
    carried === null
      ? 'frame unknown'
      : `frame ${carried.frame} (0x${carried.from.toString(16)}–0x${(carried.to - 1).toString(16)})`,
    ...(shown.cipher ? ['cipher text'] : []),
  ];
  lines.push(fitLine([span(parts.join(' · '), 'dim')], area.width));
  return lines;
}
