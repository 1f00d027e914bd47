import { blockOf } from '../bytes/block.js';
import type { Block, Chunk, Direction, Flow, FlowEnd, Gap, Moment, Problem } from '../types.js';
import type { NetLimits } from './limits.js';

/** What the network stages hand on. */
export type NetOutput = Chunk | Gap | FlowEnd | Problem;

/** Where and when a piece of a stream was captured. */
export interface Seen extends Moment {
  readonly number: number;
}

/** Bytes ahead of a hole, in memory of their own. `missing` bytes behind them were cut by the snap length. */
interface Piece extends Moment {
  readonly from: number;
  readonly block: Block;
  readonly start: number;
  readonly end: number;
  readonly missing: number;
  readonly frame: number;
}

/** Bytes kept over all connections; one object shared by all streams. */
export interface Kept {
  bytes: number;
}

/**
 * One direction of a TCP connection (RFC 9293 3.4): sequence numbers to an ordered stream.
 * Where copies overlap, the bytes that came first stay. Offsets count from the first byte seen.
 */
export class Stream {
  /** Next sequence number wanted. */
  next = 0;
  started = false;
  /** Initial sequence number, or -1 when no SYN was seen. */
  initial = -1;
  /** Stream offset that belongs to `next`. */
  offset = 0;
  /** Stream offset at which FIN stands, or -1. */
  finAt = -1;
  /** Bytes that came again. */
  repeated = 0;
  private readonly pieces: Piece[] = [];
  private kept = 0;

  /** Starts the stream at a sequence number. */
  start(sequence: number): void {
    this.next = sequence >>> 0;
    this.started = true;
  }

  get waiting(): boolean {
    return this.pieces.length > 0;
  }

  get finished(): boolean {
    return this.finAt >= 0 && this.offset >= this.finAt;
  }

  /** Stream offset of a sequence number near `next`. */
  offsetOf(sequence: number): number {
    return this.offset + ((sequence - this.next) | 0);
  }

  /** Takes a segment's payload, `start` to `end` of a block, and appends what is in order. */
  segment(
    flow: Flow, direction: Direction, sequence: number, block: Block, start: number, end: number, missing: number, seen: Seen, limits: NetLimits, kept: Kept, out: NetOutput[],
  ): void {
    const distance = (sequence - this.next) | 0;
    if (distance === 0 && this.pieces.length === 0) {
      this.deliver(flow, direction, block, start, end, missing, seen.number, seen, out);
      return;
    }
    if (distance > 0) {
      this.keep(flow, direction, this.offset + distance, block, start, end, missing, seen, limits, kept, out);
      return;
    }
    const known = Math.min(-distance, end - start);
    this.repeated += known;
    if (known === end - start && missing === 0) return;
    if (this.offset + (end - start) - known + missing <= this.offset) return;
    if (this.pieces.length === 0) {
      this.deliver(flow, direction, block, start + known, end, missing, seen.number, seen, out);
      return;
    }
    this.keep(flow, direction, this.offset, block, start + known, end, missing, seen, limits, kept, out);
    this.drain(flow, direction, kept, out);
  }

  /**
   * The other side acknowledged up to `sequence`: a hole below what it has is one the capture never had.
   * Captures misorder a little, so some evidence is waited for.
   */
  acknowledged(flow: Flow, direction: Direction, sequence: number, seen: Seen, kept: Kept, out: NetOutput[]): void {
    const first = this.pieces[0];
    if (first === undefined || this.offset + ((sequence - this.next) | 0) < first.from) return;
    const waitedMs = (seen.timeS - first.timeS) * 1000 + (seen.timeNs - first.timeNs) / 1e6;
    if (this.pieces.length < ACKED_SEGMENTS && waitedMs < ACKED_WAIT_MS) return;
    this.skipHole(flow, direction, kept, out);
  }

  /** Gives up every hole and delivers what is kept behind it. */
  flush(flow: Flow, direction: Direction, kept: Kept, out: NetOutput[]): void {
    while (this.pieces.length > 0) this.skipHole(flow, direction, kept, out);
  }

  private skipHole(flow: Flow, direction: Direction, kept: Kept, out: NetOutput[]): void {
    const first = this.pieces[0];
    if (first === undefined) return;
    this.gap(flow, direction, first.from - this.offset, first.frame, first, out);
    this.drain(flow, direction, kept, out);
  }

  private gap(flow: Flow, direction: Direction, size: number, frame: number, at: Moment, out: NetOutput[]): void {
    if (size <= 0) return;
    out.push({ kind: 'gap', flow, direction, streamOffset: this.offset, size, frame, timeS: at.timeS, timeNs: at.timeNs });
    this.offset += size;
    this.next = (this.next + size) >>> 0;
  }

  private deliver(flow: Flow, direction: Direction, block: Block, start: number, end: number, missing: number, frame: number, at: Moment, out: NetOutput[]): void {
    if (end > start) {
      out.push({ kind: 'chunk', flow, direction, streamOffset: this.offset, block, start, end, frame, timeS: at.timeS, timeNs: at.timeNs });
      this.offset += end - start;
      this.next = (this.next + (end - start)) >>> 0;
    }
    if (missing > 0) this.gap(flow, direction, missing, frame, at, out);
  }

  /** Copies bytes aside, less those already kept: the first copy wins. */
  private keep(
    flow: Flow, direction: Direction, from: number, block: Block, start: number, end: number, missing: number, seen: Seen, limits: NetLimits, kept: Kept, out: NetOutput[],
  ): void {
    let at = from;
    let differs = false;
    const last = from + (end - start);
    let index = 0;
    while (index < this.pieces.length && at < last) {
      const piece = this.pieces[index] as Piece;
      const pieceEnd = piece.from + (piece.end - piece.start);
      if (pieceEnd <= at) {
        index++;
        continue;
      }
      if (piece.from >= last) break;
      if (piece.from > at) {
        this.insert(index, at, block, start + (at - from), start + (piece.from - from), 0, seen, kept);
        index++;
      }
      const same = Math.min(pieceEnd, last);
      for (let i = Math.max(at, piece.from); i < same; i++) {
        if (piece.block.u8[piece.start + (i - piece.from)] !== block.u8[start + (i - from)]) differs = true;
      }
      this.repeated += same - Math.max(at, piece.from);
      at = Math.max(at, pieceEnd);
      index++;
    }
    if (at < last || (missing > 0 && at === last)) this.insert(index, at, block, start + (at - from), end, missing, seen, kept);
    if (differs) {
      out.push({
        kind: 'problem', layer: 'tcp', code: 'tcp-overlap-differs', spec: 'RFC 9293 3.10.7.4',
        message: 'a retransmission holds other bytes than the first copy; the first copy is used', at: { frame: seen.number, flow: flow.id },
      });
    }
    if (this.kept > limits.outOfOrderPerFlow || this.pieces.length > limits.segmentsPerFlow || kept.bytes > limits.outOfOrderTotal) {
      this.skipHole(flow, direction, kept, out);
    }
  }

  private insert(index: number, from: number, block: Block, start: number, end: number, missing: number, seen: Seen, kept: Kept): void {
    const copy = blockOf(block.u8.slice(start, end));
    const piece: Piece = { from, block: copy, start: 0, end: end - start, missing, frame: seen.number, timeS: seen.timeS, timeNs: seen.timeNs };
    if (index === this.pieces.length) this.pieces.push(piece);
    else this.pieces.splice(index, 0, piece);
    this.kept += end - start;
    kept.bytes += end - start;
  }

  /** Delivers the pieces that now follow without a hole. */
  private drain(flow: Flow, direction: Direction, kept: Kept, out: NetOutput[]): void {
    let count = 0;
    for (const piece of this.pieces) {
      if (piece.from > this.offset) break;
      count++;
      const size = piece.end - piece.start;
      this.kept -= size;
      kept.bytes -= size;
      const known = Math.min(this.offset - piece.from, size);
      this.deliver(flow, direction, piece.block, piece.start + known, piece.end, piece.missing, piece.frame, piece, out);
    }
    if (count > 0) this.pieces.splice(0, count);
  }
}

/** Segments behind an acknowledged hole after which it is given up. */
export const ACKED_SEGMENTS = 4;
/** Milliseconds, by frame time, after which an acknowledged hole is given up. */
export const ACKED_WAIT_MS = 500;
