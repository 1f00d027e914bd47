import type { Block, Span } from '../types.js';

/** Wraps memory in a {@link Block}; the one place where a DataView is made. */
export function blockOf(u8: Uint8Array): Block {
  return { u8, view: new DataView(u8.buffer, u8.byteOffset, u8.byteLength) };
}

/** The span of a whole array. */
export function spanOf(u8: Uint8Array): Span {
  return { block: blockOf(u8), start: 0, end: u8.length };
}

/** The bytes of a span, sharing its memory. */
export function bytesOf(span: Span): Uint8Array {
  return span.block.u8.subarray(span.start, span.end);
}

/** A copy of the span in memory of its own, so that its block can be freed. */
export function detach(span: Span): Span {
  return spanOf(span.block.u8.slice(span.start, span.end));
}

/** The same memory as a plain array: what the system hands out as a Buffer slices without copying. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
