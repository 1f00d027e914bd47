import { toHex } from '../bytes/hex.js';
import type { Block, Direction, Endpoint, Flow, FlowEnd, Frame, Problem } from '../types.js';
import { ipv4Text, ipv6Text } from './address.js';
import { FragmentTable } from './fragments.js';
import { NET_LIMITS, type NetLimits } from './limits.js';
import { ipHeader, LINK_TYPES, NOT_IP, TOO_SHORT, UNSUPPORTED } from './link.js';
import { Stream, type Kept, type NetOutput } from './stream.js';

export type { NetOutput } from './stream.js';

export interface NetCounts {
  frames: number;
  tcp: number;
  other: number;
  flows: number;
  fragments: number;
  gaps: number;
}

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;
const PROTOCOL_TCP = 6;

/** A connection in the table. Addresses are kept as words (IPv4 uses the first). */
interface Connection {
  readonly version: number;
  readonly a0: number; readonly a1: number; readonly a2: number; readonly a3: number; readonly aPort: number;
  readonly b0: number; readonly b1: number; readonly b2: number; readonly b3: number; readonly bPort: number;
  readonly hash: number;
  /** The sender and the receiver of the packet that entered the connection. */
  readonly sender: Endpoint;
  readonly receiver: Endpoint;
  flow: Flow;
  /** True when the receiver of that packet opened the connection: then `forward` is direction 1 of the flow. */
  swapped: boolean;
  forward: Stream;
  backward: Stream;
  /** True once ended: only a new SYN brings it back. */
  closed: boolean;
  lastS: number;
  next: Connection | null;
}

/**
 * Frames to ordered TCP streams: link layer, IP with fragments, TCP.
 * `push` appends to the caller's list; a packet without payload appends nothing and allocates nothing.
 */
export class Net {
  readonly counts: NetCounts = { frames: 0, tcp: 0, other: 0, flows: 0, fragments: 0, gaps: 0 };
  private readonly limits: NetLimits;
  private readonly fragments: FragmentTable;
  private readonly table = new Map<number, Connection>();
  private size = 0;
  private last: Connection | null = null;
  private readonly kept: Kept = { bytes: 0 };
  private readonly refused = new Set<number>();
  private lastFrame = 0;
  private lastS = 0;
  private lastNs = 0;

  constructor(limits: Partial<NetLimits> = {}) {
    this.limits = { ...NET_LIMITS, ...limits };
    this.fragments = new FragmentTable(this.limits);
  }

  /** Connections in the table, and bytes kept out of order or in fragments: what the limits bound. */
  get load(): { readonly connections: number; readonly outOfOrderBytes: number; readonly fragmentBytes: number } {
    return { connections: this.size, outOfOrderBytes: this.kept.bytes, fragmentBytes: this.fragments.bytes };
  }

  push(frame: Frame, out: NetOutput[]): void {
    this.counts.frames++;
    this.lastFrame = frame.number;
    this.lastS = frame.timeS;
    this.lastNs = frame.timeNs;
    const found = ipHeader(frame, this.limits.headerDepth);
    if (found === NOT_IP) {
      this.counts.other++;
      return;
    }
    if (found === UNSUPPORTED) {
      if (this.refused.has(frame.linkType) || this.refused.size > 64) return;
      this.refused.add(frame.linkType);
      const known = Object.entries(LINK_TYPES).map(([type, name]) => `${name} (${type})`).join(', ');
      out.push(problem('link', 'link-unsupported', `link type ${frame.linkType} is not read; its frames are skipped. Read are: ${known}`, frame));
      return;
    }
    if (found === TOO_SHORT) {
      if (frame.end - frame.start < frame.wireLength) out.push(problem('link', 'link-truncated', `frame is cut inside its link-layer header (${frame.end - frame.start} of ${frame.wireLength} bytes)`, frame));
      else this.counts.other++;
      return;
    }
    const at = found >>> 3;
    if ((found & 7) === 4) this.ipv4(frame, at, out);
    else this.ipv6(frame, at, out);
  }

  /** Ends every connection: holes are given up, what is behind them is delivered. */
  end(out: NetOutput[]): void {
    const all: Connection[] = [];
    for (const head of this.table.values()) for (let at: Connection | null = head; at !== null; at = at.next) all.push(at);
    for (const connection of all.toSorted((x, y) => x.flow.id - y.flow.id)) this.finish(connection, 'end-of-input', out);
    this.table.clear();
    this.size = 0;
    this.last = null;
  }

  private ipv4(frame: Frame, at: number, out: NetOutput[]): void {
    const { block, end } = frame;
    const { view, u8 } = block;
    const header = ((u8[at] as number) & 15) * 4;
    if (header < 20 || end - at < header) {
      out.push(problem('ip', header < 20 ? 'ip-malformed' : 'ip-truncated', header < 20 ? `IPv4 header length ${header} is below 20` : 'frame is cut inside the IPv4 header', frame));
      return;
    }
    const total = view.getUint16(at + 2);
    // Segmentation offload leaves 0: the packet ends with the frame.
    const packetEnd = total === 0 ? at + (frame.wireLength - (at - frame.start)) : at + total;
    if (total !== 0 && total < header) {
      out.push(problem('ip', 'ip-malformed', `IPv4 total length ${total} is below its header's ${header}`, frame));
      return;
    }
    const fragment = view.getUint16(at + 6);
    const protocol = u8[at + 9] as number;
    if ((fragment & 0x3fff) !== 0) {
      if (protocol !== PROTOCOL_TCP) return;
      const key = `4${protocol}:${toHex(u8, at + 12, at + 20)}:${view.getUint16(at + 4)}`;
      this.fragment(frame, key, at + header, packetEnd, (fragment & 0x1fff) * 8, (fragment & 0x2000) === 0, 4, at, out);
      return;
    }
    if (protocol !== PROTOCOL_TCP) {
      this.counts.other++;
      return;
    }
    this.tcp(frame, block, at + header, Math.min(packetEnd, end), Math.max(0, packetEnd - end), 4, view, at + 12, out);
  }

  private ipv6(frame: Frame, at: number, out: NetOutput[]): void {
    const { block, end } = frame;
    const { view, u8 } = block;
    if (end - at < 40) {
      out.push(problem('ip', 'ip-truncated', 'frame is cut inside the IPv6 header', frame));
      return;
    }
    const length = view.getUint16(at + 4);
    const packetEnd = length === 0 ? at + (frame.wireLength - (at - frame.start)) : at + 40 + length;
    let protocol = u8[at + 6] as number;
    let pos = at + 40;
    for (let i = 0; i < this.limits.headerDepth; i++) {
      if (protocol === PROTOCOL_TCP) {
        this.tcp(frame, block, pos, Math.min(packetEnd, end), Math.max(0, packetEnd - end), 6, view, at + 8, out);
        return;
      }
      const isExtension = protocol === 0 || protocol === 43 || protocol === 60 || protocol === 51 || protocol === 44 || protocol === 135;
      if (!isExtension) {
        this.counts.other++;
        return;
      }
      if (end - pos < 8) {
        out.push(problem('ip', 'ip-truncated', 'frame is cut inside an IPv6 extension header', frame));
        return;
      }
      const following = u8[pos] as number;
      if (protocol === 44) {
        const word = view.getUint16(pos + 2);
        if ((word & 0xfff9) !== 0) {
          const key = `6${following}:${toHex(u8, at + 8, at + 40)}:${view.getUint32(pos + 4)}`;
          this.fragment(frame, key, pos + 8, packetEnd, word & 0xfff8, (word & 1) === 0, 6, at, out, following);
          return;
        }
        pos += 8;
      } else {
        pos += protocol === 51 ? ((u8[pos + 1] as number) + 2) * 4 : ((u8[pos + 1] as number) + 1) * 8;
      }
      protocol = following;
    }
    out.push(problem('ip', 'ip-malformed', `more than ${this.limits.headerDepth} IPv6 extension headers`, frame));
  }

  private fragment(frame: Frame, key: string, start: number, packetEnd: number, offset: number, last: boolean, version: number, header: number, out: NetOutput[], protocol = PROTOCOL_TCP): void {
    this.counts.fragments++;
    if (packetEnd > frame.end || start > packetEnd) {
      out.push(problem('ip', 'ip-truncated', 'a fragment is cut; its packet cannot be put together', frame));
      return;
    }
    const result = this.fragments.add(key, frame.block, start, packetEnd, offset, last, frame.timeS);
    if (result.kind === 'waiting') return;
    if (result.kind === 'dropped') {
      out.push(problem('ip', 'ip-fragment-limit', result.why, frame));
      return;
    }
    if (result.overlap) out.push(problem('ip', 'ip-fragment-overlap', 'fragments overlap with different bytes; the first copy is used', frame));
    if (protocol !== PROTOCOL_TCP) return;
    this.tcp(frame, result.block, 0, result.length, 0, version, frame.block.view, header + (version === 4 ? 12 : 8), out);
  }

  /** A TCP segment at `at` of `block`; the addresses stand at `addresses` of `ip`. */
  private tcp(frame: Frame, block: Block, at: number, end: number, missing: number, version: number, ip: DataView, addresses: number, out: NetOutput[]): void {
    this.counts.tcp++;
    if (end - at < 20) {
      out.push(problem('tcp', missing > 0 ? 'tcp-truncated' : 'tcp-malformed', `only ${Math.max(0, end - at)} bytes of a TCP header are there`, frame));
      return;
    }
    const { view } = block;
    const header = ((block.u8[at + 12] as number) >>> 4) * 4;
    if (header < 20 || (end - at < header && missing === 0)) {
      out.push(problem('tcp', 'tcp-malformed', `TCP header length ${header} does not fit a segment of ${end - at} bytes`, frame));
      return;
    }
    const flags = block.u8[at + 13] as number;
    const sourcePort = view.getUint16(at);
    const targetPort = view.getUint16(at + 2);
    const sequence = view.getUint32(at + 4);
    const start = at + header;
    const connection = this.find(version, ip, addresses, sourcePort, targetPort, frame, flags, out);
    const forward = isForward(connection, version, ip, addresses, sourcePort);
    if ((flags & SYN) !== 0) this.syn(connection, forward, sequence, flags, out);
    const stream = forward ? connection.forward : connection.backward;
    if (connection.closed) return;
    if (!stream.started) stream.start(sequence);
    connection.lastS = frame.timeS;

    const payload = end - start;
    const dataSequence = (flags & SYN) !== 0 ? (sequence + 1) >>> 0 : sequence;
    const { flow } = connection;
    const way: Direction = forward !== connection.swapped ? 0 : 1;
    if (payload + missing > 0 && start <= end && stream.started) {
      const keepAlive = payload + missing <= 1 && ((dataSequence - stream.next) | 0) === -1;
      const afterFin = stream.finAt >= 0 && stream.offsetOf(dataSequence) >= stream.finAt;
      if (!keepAlive && !afterFin) stream.segment(flow, way, dataSequence, block, start, end, missing, frame, this.limits, this.kept, out);
    }
    if ((flags & ACK) !== 0) {
      const other = stream === connection.forward ? connection.backward : connection.forward;
      if (other.waiting) other.acknowledged(flow, way === 0 ? 1 : 0, view.getUint32(at + 8), frame, this.kept, out);
    }
    if ((flags & FIN) !== 0 && stream.finAt < 0) stream.finAt = stream.offsetOf((dataSequence + payload + missing) >>> 0);
    if ((flags & RST) !== 0) {
      if (!stream.started || Math.abs((sequence - stream.next) | 0) < RST_WINDOW) this.finish(connection, 'rst', out);
      return;
    }
    if (stream.finAt >= 0) this.finIfDone(connection, out);
  }

  private syn(connection: Connection, forward: boolean, sequence: number, flags: number, out: NetOutput[]): void {
    const answers = (flags & ACK) !== 0;
    const stream = forward ? connection.forward : connection.backward;
    if (!connection.closed) {
      if (!stream.started) {
        stream.start((sequence + 1) >>> 0);
        stream.initial = sequence;
        return;
      }
      if (stream.initial === sequence || (answers && stream.initial < 0)) return;
      this.finish(connection, 'port-reuse', out);
    }
    // Another connection on the same ports.
    const { sender, receiver } = connection;
    connection.swapped = forward === answers;
    connection.flow = {
      id: ++this.counts.flows, a: connection.swapped ? receiver : sender, b: connection.swapped ? sender : receiver, opened: answers ? 'syn-ack' : 'syn',
    };
    connection.forward = new Stream();
    connection.backward = new Stream();
    connection.closed = false;
    const fresh = forward ? connection.forward : connection.backward;
    fresh.start((sequence + 1) >>> 0);
    fresh.initial = sequence;
  }

  private finIfDone(connection: Connection, out: NetOutput[]): void {
    if (connection.forward.finished && connection.backward.finished) this.finish(connection, 'fin', out);
  }

  private finish(connection: Connection, reason: FlowEnd['reason'], out: NetOutput[]): void {
    if (connection.closed) return;
    connection.closed = true;
    const { flow } = connection;
    connection.forward.flush(flow, connection.swapped ? 1 : 0, this.kept, out);
    connection.backward.flush(flow, connection.swapped ? 0 : 1, this.kept, out);
    out.push({ kind: 'flow-end', flow, direction: null, reason, frame: this.lastFrame, timeS: this.lastS, timeNs: this.lastNs });
  }

  private find(version: number, ip: DataView, at: number, sourcePort: number, targetPort: number, frame: Frame, flags: number, out: NetOutput[]): Connection {
    const { last } = this;
    if (last !== null && matches(last, version, ip, at, sourcePort, targetPort)) return last;
    const size = version === 4 ? 4 : 16;
    let mixed = 0;
    for (let i = 0; i < size; i += 4) mixed ^= Math.imul(ip.getUint32(at + i), 0x9e3779b1) ^ Math.imul(ip.getUint32(at + size + i), 0x9e3779b1);
    const hash = (mixed ^ Math.imul(sourcePort ^ targetPort, 0x85ebca6b) ^ ((sourcePort + targetPort) << 7)) >>> 0;
    const head = this.table.get(hash) ?? null;
    for (let found = head; found !== null; found = found.next) {
      if (matches(found, version, ip, at, sourcePort, targetPort)) {
        this.last = found;
        return found;
      }
    }
    return (this.last = this.add(version, ip, at, size, sourcePort, targetPort, hash, frame, flags, out));
  }

  private add(version: number, ip: DataView, at: number, size: number, sourcePort: number, targetPort: number, hash: number, frame: Frame, flags: number, out: NetOutput[]): Connection {
    if (this.size >= this.limits.flows) this.evict(out);
    const word = (i: number): number => (i * 4 < size ? ip.getUint32(at + i * 4) : 0);
    const other = (i: number): number => (i * 4 < size ? ip.getUint32(at + size + i * 4) : 0);
    const text = (from: number): string => (version === 4 ? ipv4Text(ip.getUint32(from)) : ipv6Text(ip, from));
    const source: Endpoint = { address: text(at), port: sourcePort };
    const target: Endpoint = { address: text(at + size), port: targetPort };
    // The side that answers a SYN did not open the connection.
    const answered = (flags & (SYN | ACK)) === (SYN | ACK);
    this.counts.flows++;
    const opened = answered ? 'syn-ack' : (flags & SYN) !== 0 ? 'syn' : 'midstream';
    const connection: Connection = {
      version,
      a0: word(0), a1: word(1), a2: word(2), a3: word(3), aPort: sourcePort,
      b0: other(0), b1: other(1), b2: other(2), b3: other(3), bPort: targetPort,
      hash, sender: source, receiver: target, swapped: answered,
      flow: { id: this.counts.flows, a: answered ? target : source, b: answered ? source : target, opened },
      forward: new Stream(), backward: new Stream(), closed: false, lastS: frame.timeS,
      next: this.table.get(hash) ?? null,
    };
    this.table.set(hash, connection);
    this.size++;
    return connection;
  }

  /** Lets the connections go that were silent longest, a sixteenth at a time: sorting is paid once for many. */
  private evict(out: NetOutput[]): void {
    const all: Connection[] = [];
    for (const head of this.table.values()) for (let at: Connection | null = head; at !== null; at = at.next) all.push(at);
    all.sort((x, y) => (x.closed === y.closed ? x.lastS - y.lastS || x.flow.id - y.flow.id : x.closed ? -1 : 1));
    for (const connection of all.slice(0, Math.max(1, this.limits.flows >>> 4))) {
      this.finish(connection, 'evicted', out);
      this.remove(connection);
    }
    this.last = null;
  }

  private remove(connection: Connection): void {
    const head = this.table.get(connection.hash) ?? null;
    if (head === connection) {
      if (connection.next === null) this.table.delete(connection.hash);
      else this.table.set(connection.hash, connection.next);
    } else {
      for (let at = head; at !== null; at = at.next) if (at.next === connection) at.next = connection.next;
    }
    this.size--;
  }
}

/** Distance from the expected sequence number within which a RST is believed, in bytes. */
export const RST_WINDOW = 4 * 1024 * 1024;

function matches(c: Connection, version: number, ip: DataView, at: number, sourcePort: number, targetPort: number): boolean {
  if (c.version !== version) return false;
  const size = version === 4 ? 4 : 16;
  if (c.aPort === sourcePort && c.bPort === targetPort && c.a0 === ip.getUint32(at) && c.b0 === ip.getUint32(at + size)) {
    if (version === 4 || (sameTail(c.a1, c.a2, c.a3, ip, at) && sameTail(c.b1, c.b2, c.b3, ip, at + size))) return true;
  }
  if (c.aPort !== targetPort || c.bPort !== sourcePort || c.a0 !== ip.getUint32(at + size) || c.b0 !== ip.getUint32(at)) return false;
  return version === 4 || (sameTail(c.a1, c.a2, c.a3, ip, at + size) && sameTail(c.b1, c.b2, c.b3, ip, at));
}

function sameTail(w1: number, w2: number, w3: number, ip: DataView, at: number): boolean {
  return w1 === ip.getUint32(at + 4) && w2 === ip.getUint32(at + 8) && w3 === ip.getUint32(at + 12);
}

/** Whether the packet goes the way the connection was entered in the table. */
function isForward(c: Connection, version: number, ip: DataView, at: number, sourcePort: number): boolean {
  if (c.aPort !== c.bPort) return c.aPort === sourcePort;
  return c.a0 === ip.getUint32(at) && (version === 4 || sameTail(c.a1, c.a2, c.a3, ip, at));
}

function problem(layer: Problem['layer'], code: Problem['code'], message: string, frame: Frame): Problem {
  return { kind: 'problem', layer, code, message, spec: null, at: { frame: frame.number } };
}
