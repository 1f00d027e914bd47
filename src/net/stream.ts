import { blockOf } from '../bytes/block.js';
import type { Direction, Flow, Problem } from '../types.js';
import { elapsedMs, type Packet, type Run, type Seen } from './packet.js';
import type { NetOutput, Shared } from './net-state.js';

/** Bytes that wait: for those before them, or for bytes of the other direction that their sender had received. */
export interface Piece extends Run {
  /** Offset in the stream. */
  readonly from: number;
  /** Bytes in the block. */
  readonly size: number;
  /** What its sender had received of the other direction, as a sequence number. */
  readonly ack: number;
  /** Nothing before it is missing in its own direction. */
  readonly inPlace: boolean;
  /** What it waited for in the other direction is given up. */
  free: boolean;
}

/** What is known of where a stream begins. */
export const BEGIN = {
  /** Nothing. */
  unknown: 0,
  /** The other side acknowledged up to there. */
  expected: 1,
  /** A packet of it was seen. */
  seen: 2,
} as const;

/**
 * One direction of a TCP connection (RFC 9293 3.4): sequence numbers to an ordered stream.
 * Where copies overlap, the bytes that came first stay; copies are compared while the first one waits, and after it was
 * delivered as long as it is among the segments delivered last. Offsets count from the first byte seen.
 */
export class Stream {
  readonly flow: Flow;
  readonly direction: Direction;
  private readonly shared: Shared;
  /** Next sequence number wanted. */
  next = 0;
  /** One of {@link BEGIN}. */
  begin: number = BEGIN.unknown;
  /** Nothing of it was captured in all the time it was waited for: the other direction waits for it no longer. */
  absent = false;
  /** Initial sequence number, or -1 when no SYN was seen. */
  initial = -1;
  /** Stream offset that belongs to `next`. */
  offset = 0;
  /** Stream offset at which FIN stands, or -1. */
  finAt = -1;
  /** Stream offset up to which the other side says that it received, as far as that is believed. */
  ackedTo = 0;
  /** The offset at which bytes were first seen to be missing, when, and how many frames came before. */
  private stalledAt = -1;
  private stalledS = 0;
  private stalledNs = 0;
  private stalledFrames = 0;
  /** Stream offset up to which packets without data show that their sender had sent, how many, and since when. */
  private sentTo = 0;
  private sentPackets = 0;
  private sentS = 0;
  private sentNs = 0;
  readonly pieces: Piece[] = [];
  private kept = 0;
  private limitReported = false;

  constructor(flow: Flow, direction: Direction, shared: Shared) {
    this.flow = flow;
    this.direction = direction;
    this.shared = shared;
  }

  /** A packet of this direction was seen. */
  get started(): boolean {
    return this.begin === BEGIN.seen;
  }

  /** Starts the stream at the sequence number of the first packet that was seen of it. */
  start(sequence: number): void {
    const ahead = (sequence - this.next) | 0;
    // Of a connection whose opening was captured, the other side tells where this side began: what lies before its
    // first packet is missing. Elsewhere it may have been on its way when the capture began.
    const whole = this.begin === BEGIN.expected && !this.absent && this.flow.opened !== 'midstream';
    if (!whole || ahead <= 0 || ahead > this.shared.limits.believedDistance) this.restart(sequence);
    this.begin = BEGIN.seen;
    this.absent = false;
  }

  /** Starts the stream at a sequence number whatever was expected. */
  restart(sequence: number): void {
    this.next = sequence | 0;
    this.begin = BEGIN.seen;
    this.absent = false;
    this.ackedTo = 0;
  }

  /** The other side speaks of this stream before anything was seen of it. */
  expect(sequence: number): void {
    this.next = sequence | 0;
    this.begin = BEGIN.expected;
  }

  get finished(): boolean {
    return this.finAt >= 0 && this.offset >= this.finAt;
  }

  /** Stream offset of a sequence number near `next`. */
  offsetOf(sequence: number): number {
    return this.offset + ((sequence - this.next) | 0);
  }

  /** Whether a sequence number is one of this stream's: of what was delivered, or near where it stands. */
  covers(sequence: number): boolean {
    const behind = (this.next - sequence) >>> 0;
    return behind <= this.offset || Math.abs((sequence - this.next) | 0) <= this.shared.limits.believedDistance;
  }

  /** Whether all that the other side acknowledges was delivered, or need not be waited for. */
  reached(ack: number): boolean {
    const ahead = (ack - this.next) | 0;
    if (ahead <= 0 || this.absent || this.begin === BEGIN.unknown) return true;
    return (ahead === 1 && this.finished) || ahead > this.shared.limits.believedDistance;
  }

  /** The first piece waits for bytes before it in its own direction. */
  get holed(): boolean {
    const [first] = this.pieces;
    return first !== undefined && first.from > this.offset;
  }

  /** Something is waited for: a hole, the other direction, or bytes that are known to have been sent. */
  get stalled(): boolean {
    return this.pieces.length > 0 || (this.begin === BEGIN.seen && this.ackedTo > this.offset && !this.atEnd());
  }

  /** The other side acknowledged a sequence number ahead of where the stream stands. */
  acknowledged(ack: number, seen: Seen): boolean {
    const ahead = (ack - this.next) | 0;
    // Nobody may have sent that much: a number out of the blue must not move the stream.
    if (ahead <= 0 || (ahead === 1 && this.finished) || ahead > this.shared.limits.believedDistance) return false;
    const to = this.offset + ahead;
    if (to > this.ackedTo) this.ackedTo = to;
    if (this.stalledAt !== this.offset) {
      this.stalledAt = this.offset;
      this.stalledS = seen.timeS;
      this.stalledNs = seen.timeNs;
      this.stalledFrames = this.shared.counts.frames;
    }
    return true;
  }

  /** A packet without data shows that its sender had sent everything before a sequence number. */
  sentUpTo(sequence: number, seen: Seen): boolean {
    const ahead = (sequence - this.next) | 0;
    if (ahead <= 0 || ahead > this.shared.limits.believedDistance) return false;
    if (this.sentTo <= this.offset) {
      this.sentPackets = 0;
      this.sentS = seen.timeS;
      this.sentNs = seen.timeNs;
    }
    this.sentPackets++;
    this.sentTo = Math.max(this.sentTo, this.offset + ahead);
    return true;
  }

  /**
   * How many of the next bytes were never captured; 0 while they may still come. The other side has to have received
   * them (else they are sent again), and then either their own side has gone on, and captures misorder one direction
   * only a little; or they have been waited for long, for the other side may have been captured by another clock.
   * `quiet`: no packet came for so long that none of before can be on its way.
   */
  lost(now: Seen, quiet: boolean): number {
    const [first] = this.pieces;
    if (this.ackedTo <= this.offset || (first !== undefined && first.from <= this.offset)) return 0;
    const until = first?.from ?? (this.finAt >= 0 ? Math.min(this.sentTo, this.finAt) : this.sentTo);
    if (until > this.offset && this.ackedTo >= until)
      return quiet || this.overtaken(first, now) ? until - this.offset : 0;
    if (this.stalledAt !== this.offset) return 0;
    const { limits, counts } = this.shared;
    const long =
      elapsedMs(this.stalledS, this.stalledNs, now) >= limits.orderWaitMs &&
      counts.frames - this.stalledFrames >= limits.orderWaitFrames;
    return long || quiet ? Math.min(this.unseen(), until > this.offset ? until - this.offset : Infinity) : 0;
  }

  /** Bytes known to be missing at the end, from FIN or acknowledgements. */
  tail(): number {
    return this.finAt >= 0 ? this.finAt - this.offset : this.unseen();
  }

  /** Bytes that the other side received. A single one is taken for a FIN that was not captured. */
  private unseen(): number {
    const unseen = this.ackedTo - this.offset;
    return unseen === 1 ? 0 : Math.max(0, Math.min(unseen, this.finAt >= 0 ? this.finAt - this.offset : Infinity));
  }

  /** Packets behind a hole are so many, or so old, that it is none of order. */
  private overtaken(first: Piece | undefined, now: Seen): boolean {
    const { limits } = this.shared;
    if (first === undefined)
      return this.sentPackets >= limits.ackedSegments || elapsedMs(this.sentS, this.sentNs, now) >= limits.ackedWaitMs;
    return (
      this.pieces.length >= limits.ackedSegments || elapsedMs(first.timeS, first.timeNs, now) >= limits.ackedWaitMs
    );
  }

  /** Gives bytes up that were never captured. */
  gap(size: number, seen: Seen, out: NetOutput[]): void {
    if (size <= 0) return;
    this.shared.counts.gaps++;
    this.shared.counts.gapBytes += size;
    out.push({
      kind: 'gap',
      flow: this.flow,
      direction: this.direction,
      streamOffset: this.offset,
      size,
      frame: seen.frame,
      timeS: seen.timeS,
      timeNs: seen.timeNs,
    });
    this.offset += size;
    this.next = (this.next + size) | 0;
  }

  /** Gives up the bytes that the sender of a piece of the other direction had received; false where there are none. */
  giveUpTo(piece: Piece, out: NetOutput[]): boolean {
    if (this.begin !== BEGIN.seen) {
      this.absent = true;
      return true;
    }
    const until = Math.min(this.offsetOf(piece.ack), this.pieces[0]?.from ?? Infinity);
    const size = this.finAt >= 0 ? Math.min(until, this.finAt) - this.offset : until - this.offset;
    // A single byte may be a FIN that was not captured.
    if (size <= 1) return false;
    this.gap(size, piece, out);
    return true;
  }

  /** Gives up what is known to be missing at the end. */
  flushTail(seen: Seen, out: NetOutput[]): void {
    const tail = this.tail();
    if (this.begin === BEGIN.seen && tail <= this.shared.limits.believedDistance) this.gap(tail, seen, out);
  }

  /** Hands bytes on that are next; what was cut behind them is a gap. */
  deliver(run: Run, start: number, missing: number, out: NetOutput[]): void {
    const { block, end } = run;
    if (end > start) {
      out.push({
        kind: 'chunk',
        flow: this.flow,
        direction: this.direction,
        streamOffset: this.offset,
        block,
        start,
        end,
        frame: run.frame,
        timeS: run.timeS,
        timeNs: run.timeNs,
      });
      this.shared.recent.note(this, this.offset, block, start, end);
      this.offset += end - start;
      this.next = (this.next + (end - start)) | 0;
    }
    if (missing > 0) this.gap(missing, run, out);
  }

  /**
   * Leaves out what of a packet came before: `behind` bytes of it lie before the next one. False when nothing is left.
   */
  known(packet: Packet, behind: number, out: NetOutput[]): boolean {
    const size = packet.end - packet.start;
    const known = Math.min(behind, size);
    const early = Math.min(known, Math.max(0, behind - this.offset));
    this.shared.counts.early += early;
    this.shared.counts.repeated += known - early;
    // A keep-alive may carry one byte of garbage (RFC 9293 3.8.4).
    if (size > 1 && this.shared.recent.differs(this, this.offset - behind, packet.block, packet.start, known))
      out.push(this.overlap(packet));
    packet.missing = Math.max(0, packet.missing - Math.max(0, behind - size));
    packet.start += known;
    packet.sequence = this.next;
    return packet.start < packet.end || packet.missing > 0;
  }

  /** Copies a packet's bytes aside, less those already kept. */
  keep(packet: Packet, out: NetOutput[]): void {
    const differs = this.insertAll(this.offsetOf(packet.sequence), packet);
    if (differs) out.push(this.overlap(packet));
  }

  /** Delivers the pieces that are next and whose sender had received no more than `other` has; true if there were. */
  drain(other: Stream, released: Seen | null, out: NetOutput[]): boolean {
    const { pieces } = this;
    let count = 0;
    for (let piece = pieces[0]; piece !== undefined && piece.from <= this.offset; piece = pieces[count]) {
      if (!piece.free && !other.reached(piece.ack)) break;
      count++;
      this.kept -= piece.size;
      this.shared.bytes -= piece.size;
      this.shared.segments--;
      if (piece.inPlace && released !== null) this.wasEarly(piece, released);
      const behind = this.offset - piece.from;
      const known = Math.min(behind, piece.size);
      // Bytes cut here may have come with another segment.
      const room = (pieces[count]?.from ?? Infinity) - pieceEnd(piece);
      const missing = Math.min(piece.missing, room) - Math.max(0, behind - piece.size);
      this.deliver(piece, known, missing, out);
    }
    if (count > 0) pieces.splice(0, count);
    return count > 0;
  }

  /** More is kept than may be. */
  get overfull(): boolean {
    const { shared } = this;
    const { limits } = shared;
    return (
      this.kept > limits.outOfOrderPerFlow ||
      this.pieces.length > limits.segmentsPerFlow ||
      (this.pieces.length > 0 && (shared.bytes > limits.outOfOrderTotal || shared.segments > limits.segmentsTotal))
    );
  }

  /** Says once that holes are given up for a limit's sake. */
  tellLimit(seen: Seen, out: NetOutput[]): void {
    if (this.limitReported) return;
    this.limitReported = true;
    const { bytes, segments } = this.shared;
    out.push({
      kind: 'problem',
      layer: 'tcp',
      code: 'tcp-out-of-order-limit',
      spec: null,
      at: { frame: seen.frame, flow: this.flow.id },
      message: `${this.kept} bytes in ${this.pieces.length} segments wait behind a hole, ${bytes} in ${segments} over all connections; holes of this stream are given up from here on whenever that is too much`,
    });
  }

  /** A segment waited only for what its sender had received: it was captured too early. */
  private wasEarly(piece: Piece, released: Seen): void {
    const { counts } = this.shared;
    counts.reordered++;
    const ms = elapsedMs(piece.timeS, piece.timeNs, released);
    if (ms > counts.earlyMs) counts.earlyMs = ms;
  }

  /** Nothing but a FIN, captured or not, is missing. */
  private atEnd(): boolean {
    return this.ackedTo - this.offset === 1 || this.finished;
  }

  private overlap(seen: Seen): Problem {
    return {
      kind: 'problem',
      layer: 'tcp',
      code: 'tcp-overlap-differs',
      spec: 'RFC 9293 3.10.7.4',
      message: 'a retransmission holds other bytes than the first copy; the first copy is used',
      at: { frame: seen.frame, flow: this.flow.id },
    };
  }

  /** True when a copy differs from the bytes kept. */
  private insertAll(from: number, packet: Packet): boolean {
    const { pieces } = this;
    const { block, start, end } = packet;
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
        this.insert(index++, at, packet, { start: start + (at - from), end: start + (piece.from - from), missing: 0 });
        at = piece.from;
      }
      const same = Math.min(pieceEnd(piece), last);
      for (let i = at; i < same; i++)
        if (piece.block.u8[i - piece.from] !== block.u8[start + (i - from)]) differs = true;
      this.shared.counts.repeated += same - at;
      at = same;
    }
    // A packet of which nothing but headers was captured marks where it stood, once.
    const marks =
      start === end && packet.missing > 0 && pieces[index]?.from !== from && pieces[index - 1]?.from !== from;
    if (at < last || marks)
      this.insert(index, at, packet, { start: start + (at - from), end, missing: packet.missing });
    return differs;
  }

  private insert(
    index: number,
    from: number,
    packet: Packet,
    { start, end, missing }: { readonly start: number; readonly end: number; readonly missing: number },
  ): void {
    const size = end - start;
    const piece: Piece = {
      from,
      block: blockOf(packet.block.u8.slice(start, end)),
      start: 0,
      end: size,
      size,
      missing,
      frame: packet.frame,
      timeS: packet.timeS,
      timeNs: packet.timeNs,
      ack: packet.ack,
      inPlace: from <= this.offset,
      free: false,
    };
    if (index === this.pieces.length) this.pieces.push(piece);
    else this.pieces.splice(index, 0, piece);
    this.kept += size;
    this.shared.bytes += size;
    this.shared.segments++;
  }
}

function pieceEnd(piece: Piece): number {
  return piece.from + piece.size;
}
