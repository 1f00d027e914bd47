import type { FlowEnd } from '../types.js';
import { FlowTable, type Connection } from './flows.js';
import type { Undelivered } from './icmp.js';
import type { Packet, Seen } from './packet.js';
import { isOfPorts, problem, type NetOutput, type Shared } from './net-state.js';
import { BEGIN, type Stream } from './stream.js';
import { Waits } from './waiting-queue.js';

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;
/** Flags that begin or end something. */
const MARKS = FIN | SYN | RST;
const HEADER = 20;

/** TCP segments to ordered streams (RFC 9293). Checksums are not verified: offload leaves them wrong in captures. */
export class TcpStreams {
  private readonly shared: Shared;
  private readonly table: FlowTable;
  private readonly waits: Waits<Connection>;
  private flowLimitReported = false;

  constructor(shared: Shared) {
    this.shared = shared;
    this.table = new FlowTable(shared);
    this.waits = new Waits(shared.limits.ackedWaitMs);
  }

  get connections(): number {
    return this.table.size;
  }

  /** Connections wait for something. */
  get waiting(): boolean {
    return this.waits.length > 0;
  }

  /** Takes the segment that is left of a packet; addresses and IP version are filled in. */
  segment(packet: Packet, out: NetOutput[]): void {
    const { block, start, end } = packet;
    if (!isOfPorts(packet, this.shared.ports)) return;
    this.shared.counts.tcp++;
    if (end - start < HEADER) return this.tooShort(packet, out);
    const { view, u8 } = block;
    const header = ((u8[start + 12] as number) >>> 4) * 4;
    if (header < HEADER || (end - start < header && packet.missing === 0)) return this.malformed(packet, header, out);
    packet.sourcePort = view.getUint16(start);
    packet.targetPort = view.getUint16(start + 2);
    packet.sequence = view.getInt32(start + 4);
    packet.ack = view.getInt32(start + 8);
    const flags = u8[start + 13] as number;
    const data = start + header;
    if (data > end) packet.missing = Math.max(0, packet.missing - (data - end));
    packet.start = data < end ? data : end;
    const connection = this.table.find(packet) ?? this.enter(packet, flags, out);
    if ((flags & MARKS) !== 0 || connection.closed) {
      this.marked(connection, flags, packet, out);
      return;
    }
    const { pair } = connection;
    const stream = this.table.forward ? pair.forward : pair.backward;
    const other = this.table.forward ? pair.backward : pair.forward;
    if (stream.begin !== BEGIN.seen) stream.start(packet.sequence);
    connection.lastS = packet.timeS;
    if ((flags & ACK) === 0) {
      packet.ack = other.next;
      this.data(connection, stream, other, packet, out);
      return;
    }
    const { ack } = packet;
    if (other.begin === BEGIN.unknown) other.expect(ack);
    packet.ack = this.shared.inOrder ? other.next : ack;
    if (packet.start < packet.end || packet.missing > 0) this.data(connection, stream, other, packet, out);
    else if (packet.sequence !== stream.next && stream.sentUpTo(packet.sequence, packet)) pair.stalled = true;
    if (ack !== other.next && other.acknowledged(ack, packet)) pair.stalled = true;
    if (pair.stalled) this.watch(connection, packet, out);
    else if (stream.finAt >= 0) this.finishBoth(connection, packet, out);
  }

  /** Looks at connections that wait, as time goes by. */
  review(now: Seen, out: NetOutput[]): void {
    for (const connection of this.waits.due(now)) this.reviewOne(connection, now, false, out);
  }

  /** No packet came for so long that none of before can be on its way: nothing is waited for any longer. */
  quiet(now: Seen, out: NetOutput[]): void {
    for (const connection of this.waits.all()) this.reviewOne(connection, now, true, out);
  }

  /** Ends every connection: holes are given up, what is behind them is delivered. */
  end(seen: Seen, out: NetOutput[]): void {
    for (const connection of this.table.all()) this.finish(connection, 'end-of-input', seen, out);
    this.table.clear();
  }

  /** A packet that a host or router could not deliver: told where it is of a connection that is followed. */
  unreachable(refusal: Undelivered, seen: Seen, out: NetOutput[]): void {
    const connection = this.table.find(refusal);
    if (connection === null || connection.closed) return;
    const { pair, flow } = connection;
    const { direction } = this.table.forward ? pair.forward : pair.backward;
    const { frame, timeS, timeNs } = seen;
    out.push({
      kind: 'unreachable',
      flow,
      direction,
      from: refusal.from,
      reason: refusal.reason,
      frame,
      timeS,
      timeNs,
    });
  }

  /** Takes the data of a packet, which is no copy of what came behind a FIN. */
  private data(connection: Connection, stream: Stream, other: Stream, packet: Packet, out: NetOutput[]): void {
    const { former, pair } = connection;
    const late = stream.finAt >= 0 && stream.offsetOf(packet.sequence) >= stream.finAt;
    if (late || (former !== null && copied(stream, stream === pair.forward ? former.forward : former.backward, packet)))
      this.shared.counts.afterEnd += packet.end - packet.start + packet.missing;
    else pair.take(stream, other, packet, out);
  }

  /** A packet that begins or ends something, or comes after the end. */
  private marked(connection: Connection, flags: number, packet: Packet, out: NetOutput[]): void {
    const { forward } = this.table;
    const { sequence, ack } = packet;
    // A reset may carry text for people; it is no part of the stream (RFC 9293 3.5.3).
    const size = (flags & RST) !== 0 ? 0 : packet.end - packet.start + packet.missing;
    if ((flags & SYN) !== 0 && !this.syn(connection, forward, (flags & ACK) !== 0, packet, out)) return;
    if (connection.closed && !this.returns(connection, forward, flags, size, packet)) {
      this.shared.counts.afterEnd += size;
      return;
    }
    if ((flags & SYN) !== 0) this.handshake(connection, (flags & ACK) !== 0, packet, out);
    const { pair } = connection;
    const stream = forward ? pair.forward : pair.backward;
    const other = forward ? pair.backward : pair.forward;
    const acks = (flags & ACK) !== 0;
    if (acks && other.begin === BEGIN.unknown) other.expect(ack);
    packet.ack = acks && !this.shared.inOrder ? ack : other.next;
    if ((flags & RST) !== 0) {
      this.reset(connection, stream, other, packet, out);
      return;
    }
    if (stream.begin !== BEGIN.seen) stream.start(sequence);
    connection.lastS = packet.timeS;
    const first = (flags & SYN) !== 0 ? (sequence + 1) | 0 : sequence;
    packet.sequence = first;
    if (size > 0) this.data(connection, stream, other, packet, out);
    if (acks && other.acknowledged(ack, packet)) pair.stalled = true;
    if ((flags & FIN) !== 0 && stream.finAt < 0) {
      const finAt = stream.offsetOf((first + size) | 0);
      if (finAt >= stream.offset && finAt - stream.offset <= this.shared.limits.believedDistance) {
        stream.finAt = finAt;
        connection.closer ??= stream.direction;
      }
    }
    this.watch(connection, packet, out);
  }

  /** Gives up what is lost by now, ends what has ended, and has the connection looked at again where it waits. */
  private watch(connection: Connection, now: Seen, out: NetOutput[]): void {
    if (connection.closed) return;
    while (connection.pair.stalled && connection.pair.review(now, false, out));
    if (this.hasEnded(connection, now, out)) return;
    if (connection.pair.stalled || connection.reset !== null) this.waits.add(connection, now);
  }

  private reviewOne(connection: Connection, now: Seen, quiet: boolean, out: NetOutput[]): void {
    if (connection.closed) return;
    if (quiet) {
      while (connection.pair.review(now, true, out));
      if (connection.reset !== null) this.finish(connection, 'rst', connection.reset, out);
    }
    this.watch(connection, now, out);
  }

  /** Ends a connection whose end was waiting for its last bytes; true when it has ended. */
  private hasEnded(connection: Connection, now: Seen, out: NetOutput[]): boolean {
    const { reset, pair } = connection;
    if (reset !== null && (reset.other.reached(reset.ack) || !pair.stalled)) this.finish(connection, 'rst', reset, out);
    else if (pair.forward.finAt >= 0 && pair.backward.finAt >= 0) this.finishBoth(connection, now, out);
    return connection.closed;
  }

  private finishBoth(connection: Connection, seen: Seen, out: NetOutput[]): void {
    if (connection.pair.forward.finished && connection.pair.backward.finished)
      this.finish(connection, 'fin', seen, out);
  }

  private reset(connection: Connection, stream: Stream, other: Stream, packet: Packet, out: NetOutput[]): void {
    // One that does not fit the stream is forged, or late.
    const far = Math.abs((packet.sequence - stream.next) | 0) > this.shared.limits.believedDistance;
    if (stream.begin === BEGIN.seen && far) return;
    const { ack, frame, timeS, timeNs } = packet;
    connection.reset ??= { stream, other, ack, frame, timeS, timeNs };
    if (other.acknowledged(ack, packet)) connection.pair.stalled = true;
    this.watch(connection, packet, out);
  }

  private handshake({ flow }: Connection, answers: boolean, seen: Seen, out: NetOutput[]): void {
    const { frame, timeS, timeNs } = seen;
    out.push({ kind: 'handshake', flow, step: answers ? 'syn-ack' : 'syn', frame, timeS, timeNs });
  }

  /** Begins a stream, or another connection; false when the SYN is a copy of one that was followed to its end. */
  private syn(connection: Connection, forward: boolean, answers: boolean, packet: Packet, out: NetOutput[]): boolean {
    const { pair, former } = connection;
    const stream = forward ? pair.forward : pair.backward;
    const { sequence } = packet;
    const initial = sequence >>> 0;
    const begins = (sequence + 1) | 0;
    const before = forward ? former?.forward : former?.backward;
    if (before?.initial === initial && former?.followed === true) return false;
    if (connection.closed) {
      // A SYN that comes again after it was refused is another attempt; its answer may come again after a reset, and
      // copies of a whole connection after its end.
      if (stream.initial === initial && (answers || pair.followed)) return true;
    } else {
      if (stream.begin !== BEGIN.seen) {
        stream.restart(begins);
        stream.initial = initial;
        return true;
      }
      if (stream.initial === initial) return true;
      if (stream.initial < 0) {
        const at = stream.offsetOf(begins);
        if (at === 0) stream.initial = initial;
        if (at === 0 || (answers && Math.abs(at - stream.offset) <= this.shared.limits.believedDistance)) return true;
      }
      this.finish(connection, 'port-reuse', packet, out);
    }
    this.table.renew(connection, forward === answers ? 'b' : 'a', answers ? 'syn-ack' : 'syn');
    const fresh = forward ? connection.pair.forward : connection.pair.backward;
    fresh.restart(begins);
    fresh.initial = initial;
    return true;
  }

  /**
   * Data from elsewhere in the sequence space, on a connection that has ended: another one, whose SYN was not captured.
   */
  private returns(connection: Connection, forward: boolean, flags: number, size: number, packet: Packet): boolean {
    const stream = forward ? connection.pair.forward : connection.pair.backward;
    if (size === 0 || (flags & SYN) !== 0 || stream.begin !== BEGIN.seen || stream.covers(packet.sequence))
      return false;
    this.table.renew(connection, forward ? 'a' : 'b', 'midstream');
    return true;
  }

  private finish(connection: Connection, why: FlowEnd['reason'], seen: Seen, out: NetOutput[]): void {
    if (connection.closed) return;
    connection.closed = true;
    const { flow, pair, reset } = connection;
    pair.flush(seen, out);
    out.push({
      kind: 'flow-end',
      flow,
      direction: null,
      reason: reset === null ? why : 'rst',
      frame: seen.frame,
      timeS: seen.timeS,
      timeNs: seen.timeNs,
      by: reset === null ? connection.closer : reset.stream.direction,
      answered: wasAnswered(connection),
      unseen: unseenOf(connection),
    });
  }

  private enter(packet: Packet, flags: number, out: NetOutput[]): Connection {
    if (this.table.size >= this.shared.limits.flows)
      for (const connection of this.table.oldest()) this.letGo(connection, packet, out);
    const crowded = this.table.crowded(packet);
    if (crowded !== null) this.letGo(crowded, packet, out);
    return this.table.add(packet, packet.timeS, openedBy(flags));
  }

  private letGo(connection: Connection, seen: Seen, out: NetOutput[]): void {
    const idle = seen.timeS - connection.lastS > this.shared.limits.idleS;
    if (!connection.closed && !idle && !this.flowLimitReported) {
      this.flowLimitReported = true;
      out.push(
        problem(
          'tcp',
          'tcp-flow-limit',
          `more connections at once than are followed (${this.shared.limits.flows}); those silent longest are let go, and calls open on them stay without an answer`,
          seen.frame,
        ),
      );
    }
    this.finish(connection, idle ? 'idle' : 'evicted', seen, out);
    this.table.remove(connection);
  }

  private tooShort({ start, end, missing, frame }: Packet, out: NetOutput[]): void {
    const message = `only ${Math.max(0, end - start)} of the ${HEADER} bytes of a TCP header are there; the segment is left out`;
    out.push(problem('tcp', missing > 0 ? 'tcp-truncated' : 'tcp-malformed', message, frame, 'RFC 9293 3.1'));
  }

  private malformed({ start, end, frame }: Packet, header: number, out: NetOutput[]): void {
    const message = `TCP header length ${header} does not fit a segment of ${end - start} bytes; the segment is left out`;
    out.push(problem('tcp', 'tcp-malformed', message, frame, 'RFC 9293 3.1'));
  }
}

/** Whether a packet far from where its stream stands is one of the connection that had the ports before. */
function copied(stream: Stream, former: Stream, { sequence }: Packet): boolean {
  return !stream.covers(sequence) && former.covers(sequence);
}

/** How a connection is first seen; the side that answers a SYN did not open it. */
function openedBy(flags: number): 'midstream' | 'syn' | 'syn-ack' {
  if ((flags & SYN) === 0) return 'midstream';
  return (flags & ACK) !== 0 ? 'syn-ack' : 'syn';
}

/** Whether anything shows that the side a SYN was sent to took the connection. */
function wasAnswered({ flow, pair: { forward, backward } }: Connection): boolean {
  if (flow.opened !== 'syn') return true;
  const [opener, other] = forward.direction === 0 ? [forward, backward] : [backward, forward];
  return other.started || opener.offset > 0;
}

/** The direction that the capture has nothing of, though its receiver acknowledges bytes (RFC 9293 3.4). */
function unseenOf({ pair }: Connection): FlowEnd['unseen'] {
  for (const stream of [pair.forward, pair.backward]) {
    const bytes = stream.begin === BEGIN.expected ? stream.tail() : 0;
    if (bytes > 0) return { direction: stream.direction, bytes };
  }
  return null;
}
