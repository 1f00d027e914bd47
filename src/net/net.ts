import { toHex } from '../bytes/hex.js';
import type { Frame, Problem } from '../types.js';
import { DatagramFlows, holdsRpc, meetsKdc } from './datagrams.js';
import { extensionSize, FRAGMENT, isExtension } from './extensions.js';
import { FragmentTable, type Abandoned, type Fragment } from './fragments.js';
import { ICMP, ICMPV6, undelivered } from './icmp.js';
import { NET_LIMITS, type NetLimits } from './limits.js';
import {
  ETHER_IPV4,
  ETHER_IPV6,
  IP_TCP,
  IP_UDP,
  layerOf,
  NOTHING,
  TOO_SHORT,
  UNREAD,
  REPORTED,
  type Layer,
} from './layers/layer.js';
import { FOLLOWS, LINK_TYPES, unknownName } from './layers/table.js';
import { Packet } from './packet.js';
import { isOfPorts, problem, sharedOf, type NetCounts, type NetOutput, type Shared } from './net-state.js';
import { TcpStreams } from './tcp.js';

export type { NetCounts, NetOutput } from './net-state.js';

const TCP = 6;
const UDP = 17;
const IP_BASE = layerOf('ip', 0);
const LINK_BASE = layerOf('link', 0);
const UDP_BASE = layerOf('udp', 0);
/** Ports that stand on the side of the answer too. */
const BOTH_WAYS: readonly number[] = [1701, 3544, 4500];
/** Names of what is not looked into that are kept. */
const NAMES = 256;
/** Link types refused by name; captures with more of them than this are not made by chance. */
const REFUSALS = 64;

interface NetOptions {
  /** Packets are taken in the order of the capture, even where their acknowledgements tell of another. */
  readonly inOrder?: boolean;
  /** Ports of which one end of a connection has to have one (or Kerberos'); all of them where it is empty. */
  readonly ports?: readonly number[];
}

/**
 * Frames to ordered TCP streams: link layer, IP with fragments, TCP.
 * `push` appends to the caller's list; a packet without payload appends nothing and allocates nothing.
 */
export class Net {
  private readonly limits: NetLimits;
  private readonly shared: Shared;
  private readonly fragments: FragmentTable;
  private readonly streams: TcpStreams;
  private readonly refused = new Set<number>();
  private readonly abandoned: Abandoned[] = [];
  private readonly datagrams: DatagramFlows;
  private readonly packet = new Packet();

  constructor(limits: Partial<NetLimits> = {}, options: NetOptions = {}) {
    this.limits = { ...NET_LIMITS, ...limits };
    this.shared = sharedOf(this.limits, options);
    this.fragments = new FragmentTable(this.limits);
    this.streams = new TcpStreams(this.shared);
    this.datagrams = new DatagramFlows(this.shared);
  }

  get counts(): Readonly<NetCounts> {
    return this.shared.counts;
  }

  /** A number for a flow that no other has, for what is carried over one: it counts among the flows. */
  flowId(): number {
    return ++this.shared.counts.flows;
  }

  /**
   * What the limits bound: connections in the table, bytes and segments kept out of order, fragments and their packets.
   */
  get load(): {
    readonly connections: number;
    readonly outOfOrderBytes: number;
    readonly outOfOrderSegments: number;
    readonly fragmentBytes: number;
    readonly fragmentedPackets: number;
  } {
    return {
      connections: this.streams.connections,
      outOfOrderBytes: this.shared.bytes,
      outOfOrderSegments: this.shared.segments,
      fragmentBytes: this.fragments.bytes,
      fragmentedPackets: this.fragments.size,
    };
  }

  push(frame: Frame, out: NetOutput[]): void {
    const { packet } = this;
    const { block, start, end } = frame;
    this.shared.counts.frames++;
    packet.frame = frame.number;
    packet.timeS = frame.timeS;
    packet.timeNs = frame.timeNs;
    packet.path = 0;
    if (this.streams.waiting) this.streams.review(packet, out);
    if (packet.block !== block) packet.block = block;
    packet.end = end;
    packet.missing = frame.wireLength - (end - start);
    if (packet.missing < 0) packet.missing = 0;
    packet.padded = packet.whole = false;
    // Nearly all packets are TCP in IP in Ethernet: for them nothing is looked up.
    const type = frame.linkType === 1 && end - start >= 34 ? block.view.getUint16(start + 12) : 0;
    if (type === 0x0800) {
      packet.start = start + 14;
      const layer = this.ipv4(out);
      if (layer === IP_TCP) this.streams.segment(packet, out);
      else this.follow(layer, out);
    } else if (type === 0x86dd) {
      packet.start = start + 14;
      this.follow(this.ipv6(out), out);
    } else {
      packet.start = start;
      this.follow(LINK_BASE + (frame.linkType & 0xffff), out);
    }
  }

  /** To be called before the memory of earlier frames is reused: copies what is still compared with. */
  settle(): void {
    this.packet.clear();
    this.shared.recent.settle();
  }

  /**
   * To be called when no packet came for a while: what waits for packets that would have come by now is handed on.
   */
  quiet(out: NetOutput[]): void {
    if (this.streams.waiting) this.streams.quiet(this.packet, out);
  }

  /** Ends every connection: holes are given up, what is behind them is delivered. */
  end(out: NetOutput[]): void {
    this.fragments.end(this.abandoned);
    this.tellAbandoned(out);
    this.streams.end(this.packet, out);
  }

  /** Takes headers off until TCP, or nothing of ours, is left. */
  private follow(first: Layer, out: NetOutput[]): void {
    const { packet } = this;
    let layer = first;
    for (let depth = 0; depth <= this.limits.headerDepth; depth++) {
      if (layer === IP_TCP) {
        this.streams.segment(packet, out);
        return;
      }
      if (layer >= NOTHING) {
        this.over(layer, out);
        return;
      }
      layer = this.next(layer, out);
    }
    packet.unread = `more than ${this.limits.headerDepth} headers around one another`;
    this.over(UNREAD, out);
  }

  private next(layer: Layer, out: NetOutput[]): Layer {
    if (layer === ETHER_IPV4) return this.packet.end > this.packet.start ? this.ipv4(out) : TOO_SHORT;
    if (layer === ETHER_IPV6) return this.packet.end > this.packet.start ? this.ipv6(out) : TOO_SHORT;
    if (layer === IP_UDP) return this.udp(out);
    if (layer >= IP_BASE && layer < UDP_BASE && isExtension(layer - IP_BASE))
      return this.extensions(layer - IP_BASE, out);
    const step = FOLLOWS.get(layer);
    if (step !== undefined) return step(this.packet, this.packet.block.view);
    const name = unknownName(layer);
    if (name === null) return layer < LINK_BASE + 0x1_0000 ? this.unsupported(layer - LINK_BASE, out) : NOTHING;
    this.packet.unread = name;
    return UNREAD;
  }

  /** The packet holds no TCP that can be read. */
  private over(layer: Layer, out: NetOutput[]): void {
    const { packet, shared } = this;
    if (layer === REPORTED) return;
    if (layer === TOO_SHORT && packet.missing > 0) {
      const message = `frame is cut inside one of its headers, ${packet.missing} bytes before its end; it is skipped`;
      out.push(problem('link', 'link-truncated', message, packet.frame));
      return;
    }
    shared.counts.other++;
    if (layer !== UNREAD) return;
    const { unread } = shared.counts;
    const before = unread.get(packet.unread);
    if (before !== undefined || unread.size < NAMES) unread.set(packet.unread, (before ?? 0) + 1);
  }

  private unsupported(linkType: number, out: NetOutput[]): Layer {
    if (this.refused.has(linkType) || this.refused.size >= REFUSALS) return REPORTED;
    this.refused.add(linkType);
    const known = Object.entries(LINK_TYPES)
      .map(([type, name]) => `${name} (${type})`)
      .join(', ');
    const message = `link type ${linkType} is not read; its frames are skipped. Read are: ${known}`;
    out.push(problem('link', 'link-unsupported', message, this.packet.frame));
    return REPORTED;
  }

  private ipv4(out: NetOutput[]): Layer {
    const { packet } = this;
    const { block, start: at, end } = packet;
    const { view, u8 } = block;
    const version = (u8[at] as number) >>> 4;
    if (version !== 4) return version === 6 ? this.ipv6(out) : NOTHING;
    const header = ((u8[at] as number) & 15) * 4;
    const total = end - at < 4 ? 0 : view.getUint16(at + 2);
    if (header < 20 || end - at < header || (total !== 0 && total < header)) {
      out.push(badIpv4(header, end - at < header ? 0 : total, packet.frame));
      return REPORTED;
    }
    const protocol = u8[at + 9] as number;
    const fragment = view.getUint16(at + 6);
    packet.version = 4;
    packet.ip = view;
    packet.addresses = at + 12;
    if (protocol !== TCP && !this.reads(protocol, at + header, fragment & 0x1fff))
      return this.passed(protocol, at + header, out);
    // Segmentation offload leaves 0: the packet ends with the frame.
    this.fill(at + header, total === 0 ? end + packet.missing : at + total, out);
    if ((fragment & 0x3fff) === 0) return IP_BASE + protocol;
    const key = `4${protocol}:${toHex(u8, at + 12, at + 20)}:${view.getUint16(at + 4)}:${packet.path}`;
    return this.fragment({ key, offset: (fragment & 0x1fff) * 8, last: (fragment & 0x2000) === 0, protocol }, out);
  }

  private ipv6(out: NetOutput[]): Layer {
    const { packet } = this;
    const { block, start: at, end } = packet;
    const version = (block.u8[at] as number) >>> 4;
    if (version !== 6) return version === 4 ? this.ipv4(out) : NOTHING;
    if (end - at < 40) {
      out.push(problem('ip', 'ip-truncated', 'frame ends inside the IPv6 header; the packet is skipped', packet.frame));
      return REPORTED;
    }
    const protocol = block.u8[at + 6] as number;
    packet.version = 6;
    packet.ip = block.view;
    packet.addresses = at + 8;
    if (protocol !== TCP && !isExtension(protocol) && !this.reads(protocol, at + 40, 0))
      return this.passed(protocol, at + 40, out);
    const length = block.view.getUint16(at + 4);
    this.fill(at + 40, length === 0 ? end + packet.missing : at + 40 + length, out);
    return IP_BASE + protocol;
  }

  /** Whether what IP carries is looked into: for others nothing is told of what is wrong with them. */
  private reads(protocol: number, at: number, offset: number): boolean {
    if (protocol !== UDP) return isExtension(protocol) || FOLLOWS.has(IP_BASE + protocol);
    // Of later fragments nothing tells the port: they are taken where the first was.
    if (offset !== 0) return this.fragments.size > 0;
    const { block, end } = this.packet;
    return this.portOf(at) > 0 || holdsRpc(block, at, end) || meetsKdc(block, at, end);
  }

  /** What is not looked into: ICMP may tell of a connection, others are named. */
  private passed(protocol: number, at: number, out: NetOutput[]): Layer {
    const { packet } = this;
    if (protocol === (packet.version === 4 ? ICMP : ICMPV6)) {
      const told = undelivered(packet.ip, packet.addresses, at, packet.end, packet.version);
      if (told !== null) this.streams.unreachable(told, packet, out);
      return NOTHING;
    }
    const name = unknownName(IP_BASE + protocol);
    if (name === null) return NOTHING;
    packet.unread = name;
    return UNREAD;
  }

  /** The port that tells what a UDP datagram at `at` carries, or 0. */
  private portOf(at: number): number {
    const { block, end } = this.packet;
    if (end - at < 8) return 0;
    const target = block.view.getUint16(at + 2);
    if (FOLLOWS.has(UDP_BASE + target)) return target;
    const source = block.view.getUint16(at);
    return BOTH_WAYS.includes(source) ? source : 0;
  }

  private udp(out: NetOutput[]): Layer {
    const { packet } = this;
    const port = this.portOf(packet.start);
    if (port === 0) {
      if (!isOfPorts(packet, this.shared.ports)) return NOTHING;
      const { block, start, end } = packet;
      if (!holdsRpc(block, start, end) && !meetsKdc(block, start, end)) return NOTHING;
      this.datagrams.push(packet, out);
      return REPORTED;
    }
    const length = packet.block.view.getUint16(packet.start + 4);
    if (length >= 8) {
      const stop = packet.start + length;
      const whole = packet.end + packet.missing;
      if (stop < whole) packet.missing = Math.max(0, stop - packet.end);
      if (stop < packet.end) packet.end = stop;
    }
    packet.start += 8;
    return UDP_BASE + port;
  }

  /**
   * What is left of the packet begins at `start` and claims to end at `claimed`, but it ends no later than what was on
   * the wire: a hole is only what a snap length cut.
   */
  private fill(start: number, claimed: number, out: NetOutput[]): void {
    const { packet } = this;
    const limit = packet.end + packet.missing;
    if (claimed > limit) {
      out.push(
        problem(
          'ip',
          'ip-truncated',
          `an IP packet is ${claimed - limit} bytes longer than what was captured, and the capture calls it whole: it was cut when it was captured. Capture whole packets (netsh trace and pktmon cut them unless told otherwise: pktmon start --pkt-size 0)`,
          packet.frame,
        ),
      );
    }
    const stop = claimed > limit ? limit : claimed;
    packet.start = start;
    if (stop < packet.end) packet.end = stop;
    packet.missing = stop - packet.end;
  }

  /** Takes extension headers off (RFC 8200 4), and says what is behind them. */
  private extensions(first: number, out: NetOutput[]): Layer {
    const { packet } = this;
    const { block, end, missing, frame } = packet;
    let protocol = first;
    for (let i = 0; i < this.limits.headerDepth; i++) {
      if (!isExtension(protocol)) return IP_BASE + protocol;
      const at = packet.start;
      const size = end - at < 8 ? 8 : extensionSize(protocol, block.u8[at + 1] as number);
      if (end - at < size) {
        const code = missing > 0 ? 'ip-truncated' : 'ip-malformed';
        out.push(problem('ip', code, 'a packet ends inside an extension header; it is skipped', frame, 'RFC 8200 4'));
        return REPORTED;
      }
      const following = block.u8[at] as number;
      const word = protocol === FRAGMENT ? block.view.getUint16(at + 2) : 0;
      packet.start = at + size;
      // A fragment of offset 0 without more to come is a whole packet (RFC 6946).
      if ((word & 0xfff9) !== 0) return this.fragment6(following, word, out);
      protocol = following;
    }
    if (!isExtension(protocol)) return IP_BASE + protocol;
    const message = `more than ${this.limits.headerDepth} extension headers; the packet is skipped`;
    out.push(problem('ip', 'ip-malformed', message, frame, 'RFC 8200 4'));
    return REPORTED;
  }

  /** What follows a fragment header of IPv6, whose offset and flag are `word`. */
  private fragment6(following: number, word: number, out: NetOutput[]): Layer {
    const { packet } = this;
    const { block, start, frame, addresses, ip } = packet;
    if (packet.whole || packet.version !== 6) {
      const place = packet.whole ? 'within a packet put together from fragments' : 'of IPv6 in a packet of IPv4';
      out.push(problem('ip', 'ip-malformed', `a fragment header ${place}; it is skipped`, frame, 'RFC 8200 4.5'));
      return REPORTED;
    }
    const offset = word & 0xfff8;
    if (following !== TCP && !this.reads(following, start, offset)) return this.passed(following, start, out);
    const source = new Uint8Array(ip.buffer, ip.byteOffset + addresses, 32);
    const key = `6:${toHex(source, 0, 32)}:${block.view.getUint32(start - 4)}:${packet.path}`;
    return this.fragment({ key, offset, last: (word & 1) === 0, protocol: following }, out);
  }

  /** The packet holds a fragment: goes on with the whole packet, once it is there. */
  private fragment(place: Pick<Fragment, 'key' | 'offset' | 'last' | 'protocol'>, out: NetOutput[]): Layer {
    const { packet } = this;
    const { block, start, end, frame, timeS } = packet;
    if (place.protocol === UDP && place.offset !== 0 && !this.fragments.knows(place.key)) return NOTHING;
    this.shared.counts.fragments++;
    if (packet.missing > 0) {
      const message = 'a fragment is cut; its packet cannot be put together. Capture with a longer snap length';
      out.push(problem('ip', 'ip-truncated', message, frame));
      return REPORTED;
    }
    const result = this.fragments.add({ ...place, block, start, end, frame, timeS }, this.abandoned);
    if (this.abandoned.length > 0) this.tellAbandoned(out);
    if (result.kind === 'waiting') return REPORTED;
    if (result.kind === 'dropped') {
      out.push(problem('ip', result.reason === 'limit' ? 'ip-fragment-limit' : 'ip-malformed', result.why, frame));
      return REPORTED;
    }
    if (result.overlap)
      out.push(
        problem(
          'ip',
          'ip-fragment-overlap',
          'fragments overlap with different bytes; the first copy is used',
          frame,
          packet.version === 4 ? 'RFC 791 3.2' : 'RFC 8200 4.5',
        ),
      );
    packet.block = result.block;
    packet.start = 0;
    packet.end = result.block.u8.length;
    packet.missing = 0;
    packet.whole = true;
    return IP_BASE + result.protocol;
  }

  private tellAbandoned(out: NetOutput[]): void {
    for (const { frame, reason } of this.abandoned) {
      if (reason === 'limit')
        out.push(
          problem(
            'ip',
            'ip-fragment-limit',
            `more than ${this.limits.fragmentedPackets} packets wait for fragments; the one begun in this frame is dropped`,
            frame,
          ),
        );
      else
        out.push(
          problem(
            'ip',
            'ip-fragment-timeout',
            `not all fragments of the packet begun in this frame came ${reason === 'time' ? `within ${this.limits.fragmentTimeoutS} s` : 'before the input ended'}; it is dropped`,
            frame,
          ),
        );
    }
    this.abandoned.length = 0;
  }
}

function badIpv4(header: number, total: number, frame: number): Problem {
  if (header < 20)
    return problem(
      'ip',
      'ip-malformed',
      `IPv4 header length ${header} is below 20; the packet is skipped`,
      frame,
      'RFC 791 3.1',
    );
  if (total === 0 || total >= header)
    return problem('ip', 'ip-truncated', 'frame ends inside the IPv4 header; the packet is skipped', frame);
  const message = `IPv4 total length ${total} is below its header's ${header}; the packet is skipped`;
  return problem('ip', 'ip-malformed', message, frame, 'RFC 791 3.1');
}
