import { toHex } from '../bytes/hex.js';
import type { Frame, Problem } from '../types.js';
import { FragmentTable, type Abandoned } from './fragments.js';
import { ICMP, ICMPV6, undelivered } from './icmp.js';
import { NET_LIMITS, type NetLimits } from './limits.js';
import { ipHeader, LINK_TYPES, NOT_IP, TOO_SHORT, UNSUPPORTED } from './link.js';
import { Packet } from './packet.js';
import { problem, sharedOf, type NetCounts, type NetOutput, type Shared } from './shared.js';
import { TcpStreams } from './tcp.js';

export type { NetCounts, NetOutput } from './shared.js';

const TCP = 6;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
/** Link types refused by name; captures with more of them than this are not made by chance. */
const REFUSALS = 64;

export interface NetOptions {
  /** Packets are taken in the order of the capture, even where their acknowledgements tell of another. */
  readonly inOrder?: boolean;
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
  private readonly packet = new Packet();

  constructor(limits: Partial<NetLimits> = {}, options: NetOptions = {}) {
    this.limits = { ...NET_LIMITS, ...limits };
    this.shared = sharedOf(this.limits, options.inOrder ?? false);
    this.fragments = new FragmentTable(this.limits);
    this.streams = new TcpStreams(this.shared);
  }

  get counts(): Readonly<NetCounts> {
    return this.shared.counts;
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
    this.shared.counts.frames++;
    packet.frame = frame.number;
    packet.timeS = frame.timeS;
    packet.timeNs = frame.timeNs;
    if (this.streams.waiting) this.streams.review(packet, out);
    const found = ipHeader(frame, this.limits.headerDepth);
    const version = found & 7;
    if (version === 4) this.ipv4(frame, found >>> 3, out);
    else if (version === 6) this.ipv6(frame, found >>> 3, out);
    else this.noIp(frame, found, out);
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

  private noIp(frame: Frame, found: number, out: NetOutput[]): void {
    if (found === TOO_SHORT && frame.end - frame.start < frame.wireLength) {
      out.push(
        problem(
          'link',
          'link-truncated',
          `frame is cut inside its link-layer header (${frame.end - frame.start} of ${frame.wireLength} bytes); it is skipped`,
          frame.number,
        ),
      );
      return;
    }
    if (found === UNSUPPORTED && !this.refused.has(frame.linkType) && this.refused.size < REFUSALS) {
      this.refused.add(frame.linkType);
      const known = Object.entries(LINK_TYPES)
        .map(([type, name]) => `${name} (${type})`)
        .join(', ');
      out.push(
        problem(
          'link',
          'link-unsupported',
          `link type ${frame.linkType} is not read; its frames are skipped. Read are: ${known}`,
          frame.number,
        ),
      );
    }
    if (found === NOT_IP || found === TOO_SHORT) this.shared.counts.other++;
  }

  private ipv4(frame: Frame, at: number, out: NetOutput[]): void {
    const { block, end } = frame;
    const { view, u8 } = block;
    const header = ((u8[at] as number) & 15) * 4;
    const total = end - at < 4 ? 0 : view.getUint16(at + 2);
    if (header < 20 || end - at < header || (total !== 0 && total < header)) {
      out.push(badIpv4(header, end - at < header ? 0 : total, frame.number));
      return;
    }
    const protocol = u8[at + 9] as number;
    if (protocol !== TCP && protocol !== AUTHENTICATION) {
      if (protocol === ICMP) this.icmp(frame, at + 12, at + header, 4, out);
      this.shared.counts.other++;
      return;
    }
    const { packet } = this;
    packet.version = 4;
    packet.ip = view;
    packet.addresses = at + 12;
    // Segmentation offload leaves 0: the packet ends with the frame.
    this.fill(frame, at + header, total === 0 ? wireEnd(frame) : at + total, out);
    const fragment = view.getUint16(at + 6);
    if ((fragment & 0x3fff) === 0) {
      if (protocol === TCP) this.streams.segment(packet, out);
      else this.extensions(protocol, true, out);
      return;
    }
    const key = `4${protocol}:${toHex(u8, at + 12, at + 20)}:${view.getUint16(at + 4)}`;
    this.fragment(key, (fragment & 0x1fff) * 8, (fragment & 0x2000) === 0, protocol, out);
  }

  private ipv6(frame: Frame, at: number, out: NetOutput[]): void {
    const { block, end } = frame;
    if (end - at < 40) {
      out.push(problem('ip', 'ip-truncated', 'frame ends inside the IPv6 header; the packet is skipped', frame.number));
      return;
    }
    const protocol = block.u8[at + 6] as number;
    if (protocol !== TCP && !isExtension(protocol)) {
      if (protocol === ICMPV6) this.icmp(frame, at + 8, at + 40, 6, out);
      this.shared.counts.other++;
      return;
    }
    const { packet } = this;
    packet.version = 6;
    packet.ip = block.view;
    packet.addresses = at + 8;
    const length = block.view.getUint16(at + 4);
    this.fill(frame, at + 40, length === 0 ? wireEnd(frame) : at + 40 + length, out);
    if (protocol === TCP) this.streams.segment(packet, out);
    else this.extensions(protocol, false, out);
  }

  private icmp(frame: Frame, from: number, at: number, version: 4 | 6, out: NetOutput[]): void {
    const told = undelivered(frame.block.view, from, at, frame.end, version);
    if (told !== null) this.streams.unreachable(told, this.packet, out);
  }

  /**
   * What is left of the packet begins at `start` and claims to end at `claimed`, but it ends no later than what was on
   * the wire: a hole is only what a snap length cut.
   */
  private fill(frame: Frame, start: number, claimed: number, out: NetOutput[]): void {
    const limit = wireEnd(frame);
    if (claimed > limit) {
      out.push(
        problem(
          'ip',
          'ip-truncated',
          `an IP packet is ${claimed - limit} bytes longer than what was captured, and the capture calls it whole: it was cut when it was captured. Capture whole packets (netsh trace and pktmon cut them unless told otherwise: pktmon start --pkt-size 0)`,
          frame.number,
        ),
      );
    }
    const { packet } = this;
    const stop = claimed > limit ? limit : claimed;
    packet.block = frame.block;
    packet.start = start;
    packet.end = stop < frame.end ? stop : frame.end;
    packet.missing = stop - packet.end;
  }

  /** Follows extension headers on to TCP. `whole`: a fragment header may no longer follow. */
  private extensions(first: number, whole: boolean, out: NetOutput[]): void {
    const { packet } = this;
    const { block, end, missing, frame } = packet;
    let protocol = first;
    for (let i = 0; i <= this.limits.headerDepth; i++) {
      const at = packet.start;
      if (protocol === TCP) {
        this.streams.segment(packet, out);
        return;
      }
      if (!isExtension(protocol)) {
        this.shared.counts.other++;
        return;
      }
      const size = end - at < 8 ? 8 : extensionSize(protocol, block.u8[at + 1] as number);
      if (end - at < size) {
        out.push(
          problem(
            'ip',
            missing > 0 ? 'ip-truncated' : 'ip-malformed',
            'a packet ends inside an extension header; it is skipped',
            frame,
            'RFC 8200 4',
          ),
        );
        return;
      }
      const following = block.u8[at] as number;
      const word = protocol === FRAGMENT ? block.view.getUint16(at + 2) : 0;
      packet.start = at + size;
      // A fragment of offset 0 without more to come is a whole packet (RFC 6946).
      if ((word & 0xfff9) !== 0) {
        this.fragment6(following, word, whole, out);
        return;
      }
      protocol = following;
    }
    out.push(
      problem(
        'ip',
        'ip-malformed',
        `more than ${this.limits.headerDepth} extension headers; the packet is skipped`,
        frame,
        'RFC 8200 4',
      ),
    );
  }

  /** What follows a fragment header of IPv6, whose offset and flag are `word`. */
  private fragment6(following: number, word: number, whole: boolean, out: NetOutput[]): void {
    const { block, start, frame, addresses } = this.packet;
    if (whole)
      out.push(
        problem(
          'ip',
          'ip-malformed',
          'a fragment header within a packet put together from fragments; it is skipped',
          frame,
          'RFC 8200 4.5',
        ),
      );
    else if (following === TCP || isExtension(following)) {
      const key = `6:${toHex(block.u8, addresses, addresses + 32)}:${block.view.getUint32(start - 4)}`;
      this.fragment(key, word & 0xfff8, (word & 1) === 0, following, out);
    } else this.shared.counts.other++;
  }

  /** The packet holds a fragment: goes on with the whole packet, once it is there. */
  private fragment(key: string, offset: number, last: boolean, protocol: number, out: NetOutput[]): void {
    const { packet } = this;
    const { block, start, end, frame, timeS } = packet;
    this.shared.counts.fragments++;
    if (packet.missing > 0) {
      out.push(
        problem(
          'ip',
          'ip-truncated',
          'a fragment is cut; its packet cannot be put together. Capture with a longer snap length',
          frame,
        ),
      );
      return;
    }
    const result = this.fragments.add({ key, block, start, end, offset, last, protocol, frame, timeS }, this.abandoned);
    if (this.abandoned.length > 0) this.tellAbandoned(out);
    if (result.kind === 'waiting') return;
    if (result.kind === 'dropped') {
      out.push(problem('ip', result.reason === 'limit' ? 'ip-fragment-limit' : 'ip-malformed', result.why, frame));
      return;
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
    this.extensions(result.protocol, true, out);
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

/** Bytes of an extension header whose length field is `length` (RFC 8200 4, RFC 4302 2.2). */
function extensionSize(protocol: number, length: number): number {
  if (protocol === FRAGMENT) return 8;
  return protocol === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8;
}

/** Where the frame ended on the wire, as a position in its block. */
function wireEnd(frame: Frame): number {
  return Math.max(frame.end, frame.start + frame.wireLength);
}

/** Headers of the common shape (RFC 6564) and the two that differ: fragment and authentication. */
function isExtension(protocol: number): boolean {
  switch (protocol) {
    case 0:
    case 43:
    case FRAGMENT:
    case AUTHENTICATION:
    case 60:
    case 135:
    case 139:
    case 140:
      return true;
    default:
      return false;
  }
}
