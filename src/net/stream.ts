import { blockOf } from '../bytes/block.js';
import type { Block, Direction, Flow, Moment, Problem } from '../types.js';
import type { NetOutput, Seen, Shared } from './shared.js';

/** Bytes ahead of a hole, in memory of their own. `missing` bytes behind them were cut by the snap length. */
interface Piece extends Moment {
  readonly from: number;
  readonly block: Block;
  /** Bytes in the block. */
  readonly size: number;
  readonly missing: number;
  readonly frame: number;
}

/** Segments behind an acknowledged hole after which it is given up. */
export const ACKED_SEGMENTS = 4;
/** Milliseconds, by frame time, after which an acknowledged hole is given up. */
export const ACKED_WAIT_MS = 500;

/**
 * One direction of a TCP connection (RFC 9293 3.4): sequence numbers to an ordered stream.
 * Where copies overlap, the bytes that came first stay; copies are compared while the first one waits behind a hole,
 * and after it was
 * delivered as long as it is among the segments delivered last. Offsets count from the first byte seen.
 */
export class Stream {
  readonly flow: Flow;
  readonly direction: Direction;
  private readonly shared: Shared;
  /**
   * Next sequence number wanted, as a signed 32-bit number: differences are taken modulo 2^32, and small integers cost
   * no memory.
   */
  next = 0;
  started = false;
  /** Initial sequence number, or -1 when no SYN was seen. */
  initial = -1;
  /** Stream offset that belongs to `next`. */
  offset = 0;
  /** Stream offset at which FIN stands, or -1. */
  finAt = -1;
  /** Stream offset up to which the other side has acknowledged bytes that were not seen, or 0. */
  private ackedTo = 0;
  /** The offset at which such an acknowledgement was first met, and when. */
  private stalledAt = -1;
  private stalledS = 0;
  private stalledNs = 0;
  private readonly pieces: Piece[] = [];
  private kept = 0;
  private limitTold = false;

  constructor(flow: Flow, direction: Direction, shared: Shared) {
    this.flow = flow;
    this.direction = direction;
    this.shared = shared;
  }

  /** Starts the stream at a sequence number. */
  start(sequence: number): void {
    this.next = sequence | 0;
    this.started = true;
  }

  get finished(): boolean {
    return this.finAt >= 0 && this.offset >= this.finAt;
  }

  /** Stream offset of a sequence number near `next`. */
  offsetOf(sequence: number): number {
    return this.offset + ((sequence - this.next) | 0);
  }

  /**
   * Takes a segment's payload, `start` to `end` of a block and `missing` bytes more that were cut, and appends what is
   * in order.
   */
  segment(
    sequence: number,
    block: Block,
    start: number,
    end: number,
    missing: number,
    seen: Seen,
    out: NetOutput[],
  ): void {
    const distance = (sequence - this.next) | 0;
    if (distance >= 0) {
      if (distance === 0 && this.pieces.length === 0) this.deliver(block, start, end, missing, seen.number, seen, out);
      else this.keep(this.offset + distance, block, start, end, missing, seen, out);
      return;
    }
    const known = Math.min(-distance, end - start);
    const early = Math.min(known, Math.max(0, -(this.offset + distance)));
    this.shared.counts.early += early;
    this.shared.counts.repeated += known - early;
    // A keep-alive may carry one byte of garbage (RFC 9293 3.8.4).
    if (end - start > 1 && this.shared.recent.differs(this, this.offset + distance, block, start, known))
      out.push(this.overlap(seen));
    const left = missing - Math.max(0, -distance - (end - start));
    if (start + known === end && left <= 0) return;
    if (this.pieces.length === 0) this.deliver(block, start + known, end, left, seen.number, seen, out);
    else this.keep(this.offset, block, start + known, end, left, seen, out);
  }

  /**
   * The other side acknowledged a sequence number: bytes below it that were not seen are ones the capture never had.
   * Captures misorder a little, so some evidence is waited for.
   */
  acknowledged(sequence: number, seen: Seen, out: NetOutput[]): void {
    const ahead = (sequence - this.next) | 0;
    if (ahead <= 0 || !this.started || (ahead === 1 && this.finished)) return;
    this.ackedAhead(this.offset + ahead, seen, out);
  }

  /**
   * Gives up every hole and delivers what is kept behind it; then what FIN or acknowledgements tell to be missing at
   * the end.
   */
  flush(seen: Seen, out: NetOutput[]): void {
    while (this.pieces.length > 0) this.skipHole(out);
    const tail = this.tail(this.ackedTo);
    if (tail <= this.shared.limits.believedDistance) this.gap(tail, seen.number, seen, out);
  }

  private ackedAhead(reach: number, seen: Seen, out: NetOutput[]): void {
    const first = this.pieces[0];
    if (first !== undefined && reach >= first.from) {
      if (this.pieces.length >= ACKED_SEGMENTS || waitedMs(first.timeS, first.timeNs, seen) >= ACKED_WAIT_MS)
        this.skipHole(out);
      return;
    }
    // Nothing that follows was seen; a number out of the blue must not move the stream.
    if (reach - this.offset > this.shared.limits.believedDistance) return;
    if (reach > this.ackedTo) this.ackedTo = reach;
    if (this.stalledAt !== this.offset) {
      this.stalledAt = this.offset;
      this.stalledS = seen.timeS;
      this.stalledNs = seen.timeNs;
    } else if (waitedMs(this.stalledS, this.stalledNs, seen) >= ACKED_WAIT_MS) {
      this.gap(this.tail(reach), seen.number, seen, out);
    }
  }

  /**
   * Bytes known to be missing at the end. A single one that was acknowledged is taken for a FIN that was not captured.
   */
  private tail(reach: number): number {
    if (this.finAt >= 0) return this.finAt - this.offset;
    return reach - this.offset === 1 ? 0 : reach - this.offset;
  }

  private skipHole(out: NetOutput[]): void {
    const first = this.pieces[0];
    if (first === undefined) return;
    this.gap(first.from - this.offset, first.frame, first, out);
    this.drain(out);
  }

  private gap(size: number, frame: number, at: Moment, out: NetOutput[]): void {
    if (size <= 0) return;
    this.shared.counts.gaps++;
    this.shared.counts.gapBytes += size;
    out.push({
      kind: 'gap',
      flow: this.flow,
      direction: this.direction,
      streamOffset: this.offset,
      size,
      frame,
      timeS: at.timeS,
      timeNs: at.timeNs,
    });
    this.offset += size;
    this.next = (this.next + size) | 0;
  }

  private deliver(
    block: Block,
    start: number,
    end: number,
    missing: number,
    frame: number,
    at: Moment,
    out: NetOutput[],
  ): void {
    if (end > start) {
      out.push({
        kind: 'chunk',
        flow: this.flow,
        direction: this.direction,
        streamOffset: this.offset,
        block,
        start,
        end,
        frame,
        timeS: at.timeS,
        timeNs: at.timeNs,
      });
      this.shared.recent.note(this, this.offset, block, start, end);
      this.offset += end - start;
      this.next = (this.next + (end - start)) | 0;
    }
    if (missing > 0) this.gap(missing, frame, at, out);
  }

  /** Copies bytes aside, less those already kept, and delivers what is no longer behind a hole. */
  private keep(
    from: number,
    block: Block,
    start: number,
    end: number,
    missing: number,
    seen: Seen,
    out: NetOutput[],
  ): void {
    const differs = this.insertAll(from, block, start, end, missing, seen);
    if (differs) out.push(this.overlap(seen));
    this.drain(out);
    this.enforce(seen, out);
  }

  private overlap(seen: Seen): Problem {
    return {
      kind: 'problem',
      layer: 'tcp',
      code: 'tcp-overlap-differs',
      spec: 'RFC 9293 3.10.7.4',
      message: 'a retransmission holds other bytes than the first copy; the first copy is used',
      at: { frame: seen.number, flow: this.flow.id },
    };
  }

  /** True when a copy differs from the bytes kept. */
  private insertAll(from: number, block: Block, start: number, end: number, missing: number, seen: Seen): boolean {
    const { pieces } = this;
    const last = from + (end - start);
    let differs = false;
    let at = from;
    let index = pieces.length;
    // Most come behind all others: looked for from the end.
    while (index > 0 && pieceEnd(pieces[index - 1] as Piece) > from) index--;
    for (; index < pieces.length && at < last; index++) {
      const piece = pieces[index] as Piece;
      if (piece.from >= last) break;
      if (piece.from > at) {
        this.insert(index++, at, block, start + (at - from), start + (piece.from - from), 0, seen);
        at = piece.from;
      }
      const same = Math.min(pieceEnd(piece), last);
      for (let i = at; i < same; i++)
        if (piece.block.u8[i - piece.from] !== block.u8[start + (i - from)]) differs = true;
      this.shared.counts.repeated += same - at;
      at = same;
    }
    // A packet of which nothing but headers was captured marks where it stood, once.
    const marks = start === end && missing > 0 && pieces[index]?.from !== from && pieces[index - 1]?.from !== from;
    if (at < last || marks) this.insert(index, at, block, start + (at - from), end, missing, seen);
    return differs;
  }

  private insert(
    index: number,
    from: number,
    block: Block,
    start: number,
    end: number,
    missing: number,
    seen: Seen,
  ): void {
    const piece: Piece = {
      from,
      block: blockOf(block.u8.slice(start, end)),
      size: end - start,
      missing,
      frame: seen.number,
      timeS: seen.timeS,
      timeNs: seen.timeNs,
    };
    if (index === this.pieces.length) this.pieces.push(piece);
    else this.pieces.splice(index, 0, piece);
    this.kept += piece.size;
    this.shared.bytes += piece.size;
    this.shared.segments++;
  }

  /** Gives up holes until what is kept is within the limits again. */
  private enforce(seen: Seen, out: NetOutput[]): void {
    const { shared } = this;
    const { limits } = shared;
    while (
      this.pieces.length > 0 &&
      (this.kept > limits.outOfOrderPerFlow ||
        this.pieces.length > limits.segmentsPerFlow ||
        shared.bytes > limits.outOfOrderTotal ||
        shared.segments > limits.segmentsTotal)
    ) {
      if (!this.limitTold) {
        this.limitTold = true;
        out.push({
          kind: 'problem',
          layer: 'tcp',
          code: 'tcp-out-of-order-limit',
          spec: null,
          at: { frame: seen.number, flow: this.flow.id },
          message: `${this.kept} bytes in ${this.pieces.length} segments wait behind a hole, ${shared.bytes} in ${shared.segments} over all connections; holes of this stream are given up from here on whenever that is too much`,
        });
      }
      this.skipHole(out);
    }
  }

  /** Delivers the pieces that now follow without a hole. */
  private drain(out: NetOutput[]): void {
    const { pieces } = this;
    let count = 0;
    for (let piece = pieces[0]; piece !== undefined && piece.from <= this.offset; piece = pieces[count]) {
      count++;
      this.kept -= piece.size;
      this.shared.bytes -= piece.size;
      this.shared.segments--;
      const behind = this.offset - piece.from;
      const known = Math.min(behind, piece.size);
      // Bytes cut here may have come with another segment.
      const room = (pieces[count]?.from ?? Infinity) - pieceEnd(piece);
      const missing = Math.min(piece.missing, room) - Math.max(0, behind - piece.size);
      this.deliver(piece.block, known, piece.size, missing, piece.frame, piece, out);
    }
    if (count > 0) pieces.splice(0, count);
  }
}

function pieceEnd(piece: Piece): number {
  return piece.from + piece.size;
}

function waitedMs(sinceS: number, sinceNs: number, now: Moment): number {
  return (now.timeS - sinceS) * 1000 + (now.timeNs - sinceNs) / 1e6;
}
