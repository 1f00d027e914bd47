import { blockOf } from '../bytes/block.js';
import type { Block } from '../types.js';
import { detect, DETECT_BYTES, type Detected, MAGIC_BYTES } from './detect.js';
import type { CaptureInfo } from './info.js';
import { ANOTHER, damage, LOST, type CaptureOutput, type RecordParser } from './parser.js';
import { onlyZeros, PcapParser } from './pcap.js';
import { PcapngParser } from './pcapng.js';

export type { CaptureOutput } from './parser.js';

/** Bytes that are gathered at least, in search of the next record behind damage, before they are looked at again. */
const SEARCH_STEP = 256 * 1024;

const NOTHING = new Uint8Array(0);

/**
 * Bytes of one capture file, in any splits, to frames: zero-copy where a record lies whole within a block; one that
 * lies across blocks is put together in a block of its own. What comes out does not depend on the splits. Damage that
 * hides where the next record begins costs what lies before the next one that shows itself, with one problem that names
 * the offset and what was passed over; another capture behind the first is read on.
 */
export class CaptureReader {
  private parser: RecordParser | null = null;
  /**
   * A record begun: its first `held` bytes, in memory that grows as they come, never to a length that is only claimed.
   */
  private carry: Uint8Array = NOTHING;
  private held = 0;
  /** Bytes the carry has to hold before it is worth another look. */
  private wanted = MAGIC_BYTES;
  /** Offset in the input of the first byte of the carry, or, with an empty carry, of the next byte pushed. */
  private offset = 0;
  private stopped = false;
  /** Where the damage lies behind which the next record is looked for; -1: none is. */
  private lostAt = -1;

  /** Number of the first frame less one. */
  private readonly framesBefore: number;

  constructor(options: { readonly framesBefore?: number } = {}) {
    this.framesBefore = options.framesBefore ?? 0;
  }

  /** True once damage or an unknown format ended the reading. */
  get done(): boolean {
    return this.stopped;
  }

  /** What the file says of itself so far; null before its format is known. */
  get info(): CaptureInfo | null {
    return this.parser?.info ?? null;
  }

  /** Reads bytes `start` to `end` of a block and appends frames and problems to `out`. */
  push(block: Block, start: number, end: number, out: CaptureOutput[]): void {
    let at = start;
    while (this.held > 0 && at < end) {
      const take = Math.min(this.wanted - this.held, end - at);
      this.keep(block.u8, at, at + take);
      at += take;
      if (this.held < this.wanted) continue;
      this.look(out, false);
      // What is left lies in this block whole: it is read there, and not put together word by word.
      if (this.held <= at - start) {
        at -= this.held;
        this.held = 0;
        this.carry = NOTHING;
      }
    }
    if (at < end) this.consume(block, at, end, out, false);
  }

  /** The input is over: a record begun and not finished is reported, in one problem. */
  end(out: CaptureOutput[]): void {
    if (this.stopped) return;
    if (this.held > 0 && (this.parser === null ? this.held >= MAGIC_BYTES : this.lostAt >= 0)) this.look(out, true);
    if (this.stopped) return;
    this.stopped = true;
    const { held, offset } = this;
    if (this.lostAt >= 0) {
      this.tellSkipped(offset + held, 'none that is whole follows', out);
      return;
    }
    if (this.parser?.inZeros === true && onlyZeros(this.carry, 0, held)) return;
    if (held > 0 && this.parser !== null) {
      out.push(
        damage(
          'capture-truncated',
          `the input ends in the middle of a record: ${held} of ${this.wanted} bytes are there; every packet before it was read`,
          offset,
        ),
      );
    } else if (held > 0) {
      out.push(damage('capture-truncated', `the input ends after ${held} bytes, before any capture header`, offset));
    } else if (this.parser === null) {
      out.push(damage('capture-empty', 'the input is empty: it holds no capture at all', offset));
    }
  }

  /** Tries the carry. What it holds goes on to frames, or stays, with more wanted. */
  private look(out: CaptureOutput[], last: boolean): void {
    const { carry, held } = this;
    // Frames become spans of this memory, so nothing is written to it again.
    this.carry = NOTHING;
    this.held = 0;
    this.consume(blockOf(carry.subarray(0, held)), 0, held, out, last);
  }

  private keep(u8: Uint8Array, from: number, to: number): void {
    const need = this.held + to - from;
    if (need > this.carry.length) {
      const grown = new Uint8Array(Math.min(Math.max(need, this.carry.length * 2), Math.max(need, this.wanted)));
      grown.set(this.carry.subarray(0, this.held));
      this.carry = grown;
    }
    this.carry.set(u8.subarray(from, to), this.held);
    this.held = need;
  }

  private consume(block: Block, start: number, end: number, out: CaptureOutput[], last: boolean): void {
    if (this.stopped) return;
    if (this.parser === null) {
      this.parser = this.choose(block, start, end, out, last);
      if (this.parser === null) return;
    }
    let at = start;
    while (at < end) {
      if (this.lostAt >= 0) {
        at = this.find(this.parser, { block, at, end }, out, last);
        if (this.lostAt >= 0) return;
      }
      const used: number = this.parser.records(block, at, end, this.offset, out);
      if (used === ANOTHER) {
        out.push(damage('capture-joined', 'another capture begins here; it is read on', this.offset));
        const next = this.choose(block, at, end, out, last);
        if (next === null) return;
        this.parser = next;
      } else if (used === LOST) this.lostAt = this.offset;
      else if (used < 0) {
        this.hold(block, at, end, -used);
        return;
      } else {
        at += used;
        this.offset += used;
      }
    }
  }

  /** Looks for the next record behind damage; where it begins, or `end` with what may be one kept. */
  private find(
    parser: RecordParser,
    { block, at, end }: { readonly block: Block; readonly at: number; readonly end: number },
    out: CaptureOutput[],
    last: boolean,
  ): number {
    // The first byte of the record that is none is passed over in any case.
    const from = this.offset === this.lostAt ? at + 1 : at;
    const found = from < end ? parser.search(block, from, end, last) : ~end;
    const place = Math.min(found < 0 ? ~found : found, end);
    this.offset += place - at;
    if (found >= 0 && place < end) {
      this.tellSkipped(this.offset, 'the next that is whole is read', out);
      this.lostAt = -1;
      return place;
    }
    if (place < end) this.hold(block, place, end, end - place + SEARCH_STEP);
    return end;
  }

  private tellSkipped(until: number, then: string, out: CaptureOutput[]): void {
    if (this.parser === null) return;
    const { code, message } = this.parser.trouble;
    out.push(damage(code, `${message}; ${until - this.lostAt} bytes are passed over, ${then}`, this.lostAt));
  }

  private choose(block: Block, start: number, end: number, out: CaptureOutput[], last: boolean): RecordParser | null {
    const seen = end - start;
    const found: Detected | null =
      seen < MAGIC_BYTES ? null : detect(block.u8.subarray(start, Math.min(end, start + DETECT_BYTES)));
    if (found === null || (found.kind === 'refused' && seen < DETECT_BYTES && !last)) {
      this.hold(block, start, end, seen < MAGIC_BYTES ? MAGIC_BYTES : DETECT_BYTES);
      return null;
    }
    if (found.kind === 'refused') {
      this.stopped = true;
      out.push(damage('capture-unsupported', `this is ${found.what}; ${found.advice}`, this.offset));
      return null;
    }
    const before = this.parser?.frames ?? this.framesBefore;
    return found.kind === 'pcap' ? new PcapParser(found, before) : new PcapngParser(before);
  }

  private hold(block: Block, at: number, end: number, wanted: number): void {
    this.wanted = wanted;
    this.carry = NOTHING;
    this.held = 0;
    this.keep(block.u8, at, end);
  }
}
