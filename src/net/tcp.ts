import type { Block, Direction, FlowEnd } from '../types.js';
import { FlowTable, type Connection } from './flows.js';
import type { Undelivered } from './icmp.js';
import { problem, type NetOutput, type Seen, type Shared } from './shared.js';

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

/** TCP segments to ordered streams (RFC 9293). Checksums are not verified: offload leaves them wrong in captures. */
export class TcpStreams {
  private readonly shared: Shared;
  private readonly table: FlowTable;
  private flowLimitTold = false;

  constructor(shared: Shared) {
    this.shared = shared;
    this.table = new FlowTable(shared);
  }

  get connections(): number {
    return this.table.size;
  }

  /**
   * A segment from `at` to `end` of `block`, of which `missing` bytes more were cut; the addresses stand at `addresses`
   * of `ip`.
   */
  segment(
    block: Block,
    at: number,
    end: number,
    missing: number,
    version: number,
    ip: DataView,
    addresses: number,
    seen: Seen,
    out: NetOutput[],
  ): void {
    const { counts } = this.shared;
    counts.tcp++;
    if (end - at < 20) {
      out.push(
        problem(
          'tcp',
          missing > 0 ? 'tcp-truncated' : 'tcp-malformed',
          `only ${Math.max(0, end - at)} of the 20 bytes of a TCP header are there; the segment is left out`,
          seen.number,
          'RFC 9293 3.1',
        ),
      );
      return;
    }
    const { view } = block;
    const header = ((block.u8[at + 12] as number) >>> 4) * 4;
    if (header < 20 || (end - at < header && missing === 0)) {
      out.push(
        problem(
          'tcp',
          'tcp-malformed',
          `TCP header length ${header} does not fit a segment of ${end - at} bytes; the segment is left out`,
          seen.number,
          'RFC 9293 3.1',
        ),
      );
      return;
    }
    const flags = block.u8[at + 13] as number;
    const sourcePort = view.getUint16(at);
    const targetPort = view.getUint16(at + 2);
    const sequence = view.getInt32(at + 4);
    const start = at + header;
    const cut = start <= end ? missing : Math.max(0, missing - (start - end));
    // A reset may carry text for people; it is no part of the stream (RFC 9293 3.5.3).
    const size = (flags & RST) !== 0 ? 0 : Math.max(0, end - start) + cut;
    const connection =
      this.table.find(version, ip, addresses, sourcePort, targetPort) ??
      this.enter(version, ip, addresses, sourcePort, targetPort, flags, seen, out);
    const { forward } = this.table;
    if ((flags & SYN) !== 0) this.syn(connection, forward, sequence, (flags & ACK) !== 0, seen, out);
    if (connection.closed && !this.returns(connection, forward, sequence, flags, size)) {
      counts.afterEnd += size;
      return;
    }
    if ((flags & SYN) !== 0) this.handshake(connection, (flags & ACK) !== 0, seen, out);
    const stream = forward ? connection.forward : connection.backward;
    if ((flags & RST) !== 0) {
      // One that does not fit the stream is forged, or late.
      if (!stream.started || Math.abs((sequence - stream.next) | 0) <= this.shared.limits.believedDistance)
        this.finish(connection, 'rst', seen, out, stream.direction);
      return;
    }
    if (!stream.started) stream.start(sequence);
    connection.lastS = seen.timeS;
    const first = (flags & SYN) !== 0 ? (sequence + 1) | 0 : sequence;
    if (size > 0) {
      if (stream.finAt >= 0 && stream.offsetOf(first) >= stream.finAt) counts.afterEnd += size;
      else stream.segment(first, block, Math.min(start, end), end, cut, seen, out);
    }
    if ((flags & ACK) !== 0)
      (forward ? connection.backward : connection.forward).acknowledged(view.getInt32(at + 8), seen, out);
    if ((flags & FIN) !== 0 && stream.finAt < 0) {
      const finAt = stream.offsetOf((first + size) | 0);
      if (finAt >= stream.offset && finAt - stream.offset <= this.shared.limits.believedDistance) {
        stream.finAt = finAt;
        connection.closer ??= stream.direction;
      }
    }
    if (stream.finAt >= 0 && connection.forward.finished && connection.backward.finished)
      this.finish(connection, 'fin', seen, out);
  }

  /** Ends every connection: holes are given up, what is behind them is delivered. */
  end(seen: Seen, out: NetOutput[]): void {
    for (const connection of this.table.all()) this.finish(connection, 'end-of-input', seen, out);
    this.table.clear();
  }

  /** A packet that a host or router could not deliver: told where it is of a connection that is followed. */
  unreachable(told: Undelivered, seen: Seen, out: NetOutput[]): void {
    const { version, ip, addresses, sourcePort, targetPort, from, reason } = told;
    const connection = this.table.find(version, ip, addresses, sourcePort, targetPort);
    if (connection === null || connection.closed) return;
    const { direction } = this.table.forward ? connection.forward : connection.backward;
    const { number: frame, timeS, timeNs } = seen;
    out.push({ kind: 'unreachable', flow: connection.flow, direction, from, reason, frame, timeS, timeNs });
  }

  private handshake({ flow }: Connection, answers: boolean, seen: Seen, out: NetOutput[]): void {
    const { number: frame, timeS, timeNs } = seen;
    out.push({ kind: 'handshake', flow, step: answers ? 'syn-ack' : 'syn', frame, timeS, timeNs });
  }

  private syn(
    connection: Connection,
    forward: boolean,
    sequence: number,
    answers: boolean,
    seen: Seen,
    out: NetOutput[],
  ): void {
    const stream = forward ? connection.forward : connection.backward;
    const initial = sequence >>> 0;
    const begins = (sequence + 1) | 0;
    if (connection.closed) {
      // The answer to a SYN may come again after a reset; a SYN that comes again is another attempt.
      if (answers && stream.initial === initial) return;
    } else {
      if (!stream.started) {
        stream.start(begins);
        stream.initial = initial;
        return;
      }
      if (stream.initial === initial) return;
      if (stream.initial < 0) {
        const at = stream.offsetOf(begins);
        if (at === 0) stream.initial = initial;
        if (at === 0 || (answers && Math.abs(at - stream.offset) <= this.shared.limits.believedDistance)) return;
      }
      this.finish(connection, 'port-reuse', seen, out);
    }
    this.table.renew(connection, forward === answers ? 'b' : 'a', answers ? 'syn-ack' : 'syn');
    const fresh = forward ? connection.forward : connection.backward;
    fresh.start(begins);
    fresh.initial = initial;
  }

  /**
   * Data from elsewhere in the sequence space, on a connection that has ended: another one, whose SYN was not captured.
   */
  private returns(connection: Connection, forward: boolean, sequence: number, flags: number, size: number): boolean {
    const stream = forward ? connection.forward : connection.backward;
    if (
      size === 0 ||
      (flags & SYN) !== 0 ||
      !stream.started ||
      Math.abs((sequence - stream.next) | 0) <= this.shared.limits.believedDistance
    )
      return false;
    this.table.renew(connection, forward ? 'a' : 'b', 'midstream');
    return true;
  }

  private finish(
    connection: Connection,
    reason: FlowEnd['reason'],
    seen: Seen,
    out: NetOutput[],
    resetBy: Direction | null = null,
  ): void {
    if (connection.closed) return;
    connection.closed = true;
    const { flow, forward, backward } = connection;
    forward.flush(seen, out);
    backward.flush(seen, out);
    out.push({
      kind: 'flow-end',
      flow,
      direction: null,
      reason,
      frame: seen.number,
      timeS: seen.timeS,
      timeNs: seen.timeNs,
      by: resetBy ?? connection.closer,
      answered: wasAnswered(connection),
    });
  }

  private enter(
    version: number,
    ip: DataView,
    at: number,
    sourcePort: number,
    targetPort: number,
    flags: number,
    seen: Seen,
    out: NetOutput[],
  ): Connection {
    if (this.table.size >= this.shared.limits.flows)
      for (const connection of this.table.oldest()) this.letGo(connection, seen, out);
    const crowded = this.table.crowded(version, ip, at, sourcePort, targetPort);
    if (crowded !== null) this.letGo(crowded, seen, out);
    // The side that answers a SYN did not open the connection.
    const opened = (flags & SYN) === 0 ? 'midstream' : (flags & ACK) !== 0 ? 'syn-ack' : 'syn';
    return this.table.add(version, ip, at, sourcePort, targetPort, seen.timeS, opened);
  }

  private letGo(connection: Connection, seen: Seen, out: NetOutput[]): void {
    const idle = seen.timeS - connection.lastS > this.shared.limits.idleS;
    if (!connection.closed && !idle && !this.flowLimitTold) {
      this.flowLimitTold = true;
      out.push(
        problem(
          'tcp',
          'tcp-flow-limit',
          `more connections at once than are followed (${this.shared.limits.flows}); those silent longest are let go, and calls open on them stay without an answer`,
          seen.number,
        ),
      );
    }
    this.finish(connection, idle ? 'idle' : 'evicted', seen, out);
    this.table.remove(connection);
  }
}

/** Whether anything shows that the side a SYN was sent to took the connection. */
function wasAnswered({ flow, forward, backward }: Connection): boolean {
  if (flow.opened !== 'syn') return true;
  const [opener, other] = forward.direction === 0 ? [forward, backward] : [backward, forward];
  return other.started || opener.offset > 0;
}
