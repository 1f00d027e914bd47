import type { Packet, Seen } from './packet.js';
import type { NetOutput } from './net-state.js';
import { Stream, BEGIN } from './stream.js';

/**
 * Both directions of a connection, in an order in which they can have been sent: what a segment acknowledges was there
 * before it. Captures of several points, queues or clocks show answers before their requests; such a segment waits for
 * the bytes that its sender had received.
 */
export class Pair {
  readonly forward: Stream;
  readonly backward: Stream;
  /** Something of it waits. */
  stalled = false;

  constructor(forward: Stream, backward: Stream) {
    this.forward = forward;
    this.backward = backward;
  }

  /** It was a connection of which both sides were seen, or that carried something. */
  get followed(): boolean {
    const { forward, backward } = this;
    return (forward.initial >= 0 && backward.initial >= 0) || forward.offset + backward.offset > 0;
  }

  /** Takes a packet with data for `stream`; `other` is the other direction. */
  take(stream: Stream, other: Stream, packet: Packet, out: NetOutput[]): void {
    const distance = (packet.sequence - stream.next) | 0;
    if (distance < 0 && !stream.known(packet, -distance, out)) return;
    if (
      distance <= 0 &&
      stream.pieces.length === 0 &&
      (((packet.ack - other.next) | 0) <= 0 || other.reached(packet.ack))
    ) {
      stream.deliver(packet, packet.start, packet.missing, out);
      if (other.pieces.length > 0) this.drain(packet, out);
      return;
    }
    stream.keep(packet, out);
    this.stalled = true;
    this.drain(packet, out);
    while (stream.overfull) {
      stream.tellLimit(packet, out);
      this.unblock(out);
    }
  }

  /** Gives up what was never captured, as far as that is known by now; true when something went on. */
  review(now: Seen, quiet: boolean, out: NetOutput[]): boolean {
    let moved = false;
    for (const [stream, other] of [
      [this.forward, this.backward],
      [this.backward, this.forward],
    ] as const) {
      const lost = stream.lost(now, quiet);
      if (lost <= 0) continue;
      moved = true;
      if (stream.begin === BEGIN.seen) stream.gap(lost, stream.pieces[0] ?? now, out);
      else stream.absent = true;
      this.drain(null, out, stream, other);
    }
    this.stalled = this.forward.stalled || this.backward.stalled;
    return moved;
  }

  /** Gives up every hole and delivers what waits; then what is known to be missing at the end. */
  flush(seen: Seen, out: NetOutput[]): void {
    this.drain(null, out);
    while (this.forward.pieces.length + this.backward.pieces.length > 0) this.unblock(out);
    this.forward.flushTail(seen, out);
    this.backward.flushTail(seen, out);
    this.stalled = false;
  }

  /** Delivers what is next in either direction, until nothing is. */
  private drain(released: Seen | null, out: NetOutput[], first = this.forward, second = this.backward): void {
    while (first.drain(second, released, out) || second.drain(first, released, out));
  }

  /** Makes way for the piece captured first: what it waits for is given up. */
  private unblock(out: NetOutput[]): void {
    const [a] = this.forward.pieces;
    const [b] = this.backward.pieces;
    const first = a === undefined || (b !== undefined && b.frame < a.frame) ? b : a;
    if (first === undefined) return;
    const [stream, other] = first === a ? [this.forward, this.backward] : [this.backward, this.forward];
    if (first.from > stream.offset) stream.gap(first.from - stream.offset, first, out);
    else if (!other.giveUpTo(first, out)) first.free = true;
    this.drain(null, out);
  }
}
