import { blockOf } from '../bytes/block.js';
import { hex32 } from '../bytes/hex.js';
import type { Block, Frame, Problem, ProblemCode } from '../types.js';
import { detect, DETECT_BYTES } from './detect.js';
import { MAX_RECORD } from './limits.js';
import { PcapParser } from './pcap.js';
import { PcapngParser } from './pcapng.js';

export type CaptureOutput = Frame | Problem;

/**
 * What a format does with a record: parses the one at `at`, appends what it holds, and returns its length;
 * or minus the bytes it needs in all when `end - at` are too few; or `STOP` after damage it cannot pass.
 */
export interface RecordParser {
  readonly format: string;
  record(block: Block, at: number, end: number, offset: number, out: CaptureOutput[]): number;
}

/** Returned by a {@link RecordParser} that gave up. */
export const STOP = 0;

/**
 * Bytes of one capture file, in any splits, to frames: zero-copy where a record lies whole within a block.
 * The first damage that hides where the next record begins ends the reading, with one problem that names the offset.
 */
export class CaptureReader {
  private parser: RecordParser | null = null;
  private carry: Uint8Array = new Uint8Array(0);
  /** Bytes the carry has to hold before it is worth another look. */
  private wanted = DETECT_BYTES;
  /** Offset in the input of the first byte of the carry, or, with an empty carry, of the next byte pushed. */
  private offset = 0;
  private stopped = false;

  /** Number of the first frame less one. */
  private readonly frameBase: number;

  constructor(options: { readonly framesBefore?: number } = {}) {
    this.frameBase = options.framesBefore ?? 0;
  }

  /** True once damage or an unknown format ended the reading. */
  get done(): boolean {
    return this.stopped;
  }

  /** 'pcap', 'pcapng', or null before enough was seen. */
  get format(): string | null {
    return this.parser?.format ?? null;
  }

  /** Reads bytes `start` to `end` of a block and appends frames and problems to `out`. */
  push(block: Block, start: number, end: number, out: CaptureOutput[]): void {
    if (this.stopped || start >= end) return;
    if (this.carry.length === 0 && (this.parser !== null || end - start >= DETECT_BYTES)) {
      this.consume(block, start, end, out);
      return;
    }
    // Fill the carry to a whole record, then go on in the block itself.
    let at = start;
    while (!this.stopped && this.carry.length > 0) {
      const take = Math.min(this.wanted - this.carry.length, end - at);
      this.carry = joined(this.carry, block.u8.subarray(at, at + take));
      at += take;
      if (this.carry.length < this.wanted) return;
      const whole = blockOf(this.carry);
      this.carry = new Uint8Array(0);
      this.consume(whole, 0, whole.u8.length, out);
    }
    if (this.stopped || at >= end) return;
    if (this.parser === null && end - at < DETECT_BYTES) {
      this.carry = block.u8.slice(at, end);
      this.wanted = DETECT_BYTES;
      return;
    }
    this.consume(block, at, end, out);
  }

  /** The input is over: a record begun and not finished is reported. */
  end(out: CaptureOutput[]): void {
    if (this.stopped) return;
    const rest = this.carry;
    if (this.parser === null) {
      this.stopped = true;
      if (rest.length === 0) {
        this.problem(out, 'capture-empty', 'the input is empty: it holds no capture at all');
        return;
      }
      if (rest.length < 4) {
        this.problem(out, 'capture-truncated', `the input ends after ${rest.length} bytes, before any capture header`);
        return;
      }
      this.stopped = false;
      this.carry = new Uint8Array(0);
      this.consume(blockOf(rest), 0, rest.length, out, true);
      if (this.stopped) return;
    }
    if (this.carry.length > 0) {
      const need = this.wanted;
      this.problem(out, 'capture-truncated', `the input ends in the middle of a record: ${this.carry.length} of ${need} bytes are there; every packet before it was read`);
    }
    this.stopped = true;
  }

  private consume(block: Block, start: number, end: number, out: CaptureOutput[], last = false): void {
    let at = start;
    if (this.parser === null) {
      if (end - at < DETECT_BYTES && !last) {
        this.carry = block.u8.slice(at, end);
        this.wanted = DETECT_BYTES;
        return;
      }
      const found = detect(block.u8.subarray(at, end));
      if (found.kind === 'refused') {
        this.stopped = true;
        this.problem(out, 'capture-unsupported', `this is ${found.what}; ${found.advice}`);
        return;
      }
      this.parser = found.kind === 'pcap' ? new PcapParser(found, this.frameBase) : new PcapngParser(this.frameBase);
    }
    const parser = this.parser;
    while (at < end) {
      const used = parser.record(block, at, end, this.offset, out);
      if (used > 0) {
        at += used;
        this.offset += used;
        continue;
      }
      if (used === STOP) {
        this.stopped = true;
        return;
      }
      const need = -used;
      if (need > MAX_RECORD + 64) {
        this.stopped = true;
        this.problem(out, 'capture-bad-length', `a record claims ${need} bytes (${hex32(need)}), more than the ${MAX_RECORD} that are believed; reading stops here`);
        return;
      }
      this.carry = block.u8.slice(at, end);
      this.wanted = need;
      return;
    }
  }

  private problem(out: CaptureOutput[], code: ProblemCode, message: string): void {
    out.push({ kind: 'problem', layer: 'capture', code, message: `${message} (offset ${this.offset})`, spec: null, at: { offset: this.offset } });
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
