import type { Block, Span } from '../types.js';

/**
 * A bounded reader with sticky failure: a read past the end returns 0, moves nothing, and sets `failedAt`.
 * Readers check `failed` after a field and stop; so damage costs no exception and what was read before it stays.
 * Offsets of the public API are relative to the span the cursor was opened on.
 */
export class Cursor {
  u8: Uint8Array;
  view: DataView;
  /** Absolute position of offset 0 in the block. */
  base: number;
  /** Absolute position of the next byte. */
  pos: number;
  /** Absolute end. */
  end: number;
  littleEndian: boolean;
  /** Relative offset of the first read that did not fit, or -1. */
  failedAt = -1;
  /** Bytes that read wanted. */
  wanted = 0;

  constructor(block: Block, start: number, end: number, littleEndian = true) {
    this.u8 = block.u8;
    this.view = block.view;
    this.base = start;
    this.pos = start;
    this.end = end;
    this.littleEndian = littleEndian;
  }

  static over(span: Span, littleEndian = true): Cursor {
    return new Cursor(span.block, span.start, span.end, littleEndian);
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.pos - this.base;
  }

  get remaining(): number {
    return this.end - this.pos;
  }

  get failed(): boolean {
    return this.failedAt >= 0;
  }

  /** Records the failure; only the first one counts. */
  fail(wanted: number): 0 {
    if (this.failedAt < 0) {
      this.failedAt = this.pos - this.base;
      this.wanted = wanted;
    }
    this.end = this.pos;
    return 0;
  }

  /** True when `count` bytes are left; records the failure otherwise. */
  need(count: number): boolean {
    if (count >= 0 && this.end - this.pos >= count) return true;
    this.fail(count);
    return false;
  }

  /** Skips to the next multiple of `size` (a power of two) relative to the start of the span. */
  align(size: number): void {
    const over = (this.pos - this.base) & (size - 1);
    if (over !== 0) this.skip(size - over);
  }

  skip(count: number): void {
    if (this.end - this.pos < count) this.fail(count);
    else this.pos += count;
  }

  u8_(): number {
    if (this.pos >= this.end) return this.fail(1);
    return this.u8[this.pos++] as number;
  }

  u16(): number {
    const at = this.pos;
    if (this.end - at < 2) return this.fail(2);
    this.pos = at + 2;
    return this.view.getUint16(at, this.littleEndian);
  }

  u32(): number {
    const at = this.pos;
    if (this.end - at < 4) return this.fail(4);
    this.pos = at + 4;
    return this.view.getUint32(at, this.littleEndian);
  }

  i32(): number {
    const at = this.pos;
    if (this.end - at < 4) return this.fail(4);
    this.pos = at + 4;
    return this.view.getInt32(at, this.littleEndian);
  }

  u64(): bigint {
    const at = this.pos;
    if (this.end - at < 8) {
      this.fail(8);
      return 0n;
    }
    this.pos = at + 8;
    return this.view.getBigUint64(at, this.littleEndian);
  }

  /** `count` bytes, sharing memory; empty after a failure. */
  bytes(count: number): Uint8Array {
    if (!this.need(count)) return EMPTY;
    const at = this.pos;
    this.pos = at + count;
    return this.u8.subarray(at, at + count);
  }
}

const EMPTY = new Uint8Array(0);
