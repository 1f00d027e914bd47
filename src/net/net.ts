import { toHex } from '../bytes/hex.js';
import type { Block, Frame } from '../types.js';
import { FragmentTable, type Abandoned } from './fragments.js';
import { ICMP, ICMPV6, undelivered } from './icmp.js';
import { NET_LIMITS, type NetLimits } from './limits.js';
import { ipHeader, LINK_TYPES, NOT_IP, TOO_SHORT, UNSUPPORTED } from './link.js';
import { problem, sharedOf, type NetCounts, type NetOutput, type Seen, type Shared } from './shared.js';
import { TcpStreams } from './tcp.js';

export type { NetCounts, NetOutput } from './shared.js';

const TCP = 6;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
/** Link types refused by name; captures with more of them than this are not made by chance. */
const REFUSALS = 64;

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
  /** Number and time of the last frame; the frame itself would keep its block alive. */
  private lastFrame = 0;
  private lastS = 0;
  private lastNs = 0;

  constructor(limits: Partial<NetLimits> = {}) {
    this.limits = { ...NET_LIMITS, ...limits };
    this.shared = sharedOf(this.limits);
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
    this.shared.counts.frames++;
    this.lastFrame = frame.number;
    this.lastS = frame.timeS;
    this.lastNs = frame.timeNs;
    const found = ipHeader(frame, this.limits.headerDepth);
    const version = found & 7;
    if (version === 4) this.ipv4(frame, found >>> 3, out);
    else if (version === 6) this.ipv6(frame, found >>> 3, out);
    else this.noIp(frame, found, out);
  }

  /** To be called before the memory of earlier frames is reused: copies what is still compared with. */
  settle(): void {
    this.shared.recent.settle();
  }

  /** Ends every connection: holes are given up, what is behind them is delivered. */
  end(out: NetOutput[]): void {
    this.fragments.end(this.abandoned);
    this.tellAbandoned(out);
    const seen: Seen = { number: this.lastFrame, timeS: this.lastS, timeNs: this.lastNs };
    this.streams.end(seen, out);
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
    if (header < 20 || end - at < header) {
      out.push(
        header < 20
          ? problem(
              'ip',
              'ip-malformed',
              `IPv4 header length ${header} is below 20; the packet is skipped`,
              frame.number,
              'RFC 791 3.1',
            )
          : problem('ip', 'ip-truncated', 'frame ends inside the IPv4 header; the packet is skipped', frame.number),
      );
      return;
    }
    const total = view.getUint16(at + 2);
    if (total !== 0 && total < header) {
      out.push(
        problem(
          'ip',
          'ip-malformed',
          `IPv4 total length ${total} is below its header's ${header}; the packet is skipped`,
          frame.number,
          'RFC 791 3.1',
        ),
      );
      return;
    }
    const protocol = u8[at + 9] as number;
    if (protocol !== TCP && protocol !== AUTHENTICATION) {
      if (protocol === ICMP) this.icmp(frame, at + 12, at + header, 4, out);
      this.shared.counts.other++;
      return;
    }
    // Segmentation offload leaves 0: the packet ends with the frame.
    const packetEnd = this.within(frame, total === 0 ? wireEnd(frame) : at + total, out);
    const fragment = view.getUint16(at + 6);
    if ((fragment & 0x3fff) === 0) {
      this.upper(
        frame,
        block,
        at + header,
        Math.min(packetEnd, end),
        Math.max(0, packetEnd - end),
        protocol,
        4,
        at + 12,
        true,
        out,
      );
      return;
    }
    const key = `4${protocol}:${toHex(u8, at + 12, at + 20)}:${view.getUint16(at + 4)}`;
    this.fragment(
      frame,
      key,
      at + header,
      packetEnd,
      (fragment & 0x1fff) * 8,
      (fragment & 0x2000) === 0,
      protocol,
      4,
      at + 12,
      out,
    );
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
    const length = block.view.getUint16(at + 4);
    const packetEnd = this.within(frame, length === 0 ? wireEnd(frame) : at + 40 + length, out);
    this.upper(
      frame,
      block,
      at + 40,
      Math.min(packetEnd, end),
      Math.max(0, packetEnd - end),
      protocol,
      6,
      at + 8,
      false,
      out,
    );
  }

  private icmp(frame: Frame, from: number, at: number, version: 4 | 6, out: NetOutput[]): void {
    const told = undelivered(frame.block.view, from, at, frame.end, version);
    if (told !== null) this.streams.unreachable(told, frame, out);
  }

  /** The end of a packet, but not past what was on the wire: a hole is only what a snap length cut. */
  private within(frame: Frame, packetEnd: number, out: NetOutput[]): number {
    const limit = wireEnd(frame);
    if (packetEnd <= limit) return packetEnd;
    out.push(
      problem(
        'ip',
        'ip-malformed',
        `an IP packet claims ${packetEnd - limit} bytes more than were on the wire; it is taken to end with its frame`,
        frame.number,
      ),
    );
    return limit;
  }

  /** Follows extension headers from `from` on to TCP. `whole`: a fragment header may no longer follow. */
  private upper(
    frame: Frame,
    block: Block,
    from: number,
    end: number,
    missing: number,
    first: number,
    version: number,
    addresses: number,
    whole: boolean,
    out: NetOutput[],
  ): void {
    let protocol = first;
    let pos = from;
    for (let i = 0; i <= this.limits.headerDepth; i++) {
      if (protocol === TCP) {
        this.streams.segment(block, pos, end, missing, version, frame.block.view, addresses, frame, out);
        return;
      }
      if (!isExtension(protocol)) {
        this.shared.counts.other++;
        return;
      }
      const size =
        end - pos < 8
          ? 8
          : protocol === FRAGMENT
            ? 8
            : ((block.u8[pos + 1] as number) + (protocol === AUTHENTICATION ? 2 : 1)) *
              (protocol === AUTHENTICATION ? 4 : 8);
      if (end - pos < size) {
        out.push(
          problem(
            'ip',
            missing > 0 ? 'ip-truncated' : 'ip-malformed',
            'a packet ends inside an extension header; it is skipped',
            frame.number,
            'RFC 8200 4',
          ),
        );
        return;
      }
      const following = block.u8[pos] as number;
      const word = protocol === FRAGMENT ? block.view.getUint16(pos + 2) : 0;
      // A fragment of offset 0 without more to come is a whole packet (RFC 6946).
      if ((word & 0xfff9) !== 0) {
        if (whole)
          out.push(
            problem(
              'ip',
              'ip-malformed',
              'a fragment header within a packet put together from fragments; it is skipped',
              frame.number,
              'RFC 8200 4.5',
            ),
          );
        else if (following === TCP || isExtension(following)) {
          const key = `6:${toHex(block.u8, addresses, addresses + 32)}:${block.view.getUint32(pos + 4)}`;
          this.fragment(
            frame,
            key,
            pos + 8,
            end + missing,
            word & 0xfff8,
            (word & 1) === 0,
            following,
            version,
            addresses,
            out,
          );
        } else this.shared.counts.other++;
        return;
      }
      pos += size;
      protocol = following;
    }
    out.push(
      problem(
        'ip',
        'ip-malformed',
        `more than ${this.limits.headerDepth} extension headers; the packet is skipped`,
        frame.number,
        'RFC 8200 4',
      ),
    );
  }

  private fragment(
    frame: Frame,
    key: string,
    start: number,
    packetEnd: number,
    offset: number,
    last: boolean,
    protocol: number,
    version: number,
    addresses: number,
    out: NetOutput[],
  ): void {
    this.shared.counts.fragments++;
    if (packetEnd > frame.end) {
      out.push(
        problem(
          'ip',
          'ip-truncated',
          'a fragment is cut; its packet cannot be put together. Capture with a longer snap length',
          frame.number,
        ),
      );
      return;
    }
    const result = this.fragments.add(
      key,
      frame.block,
      start,
      packetEnd,
      offset,
      last,
      protocol,
      frame.number,
      frame.timeS,
      this.abandoned,
    );
    if (this.abandoned.length > 0) this.tellAbandoned(out);
    if (result.kind === 'waiting') return;
    if (result.kind === 'dropped') {
      out.push(
        problem('ip', result.reason === 'limit' ? 'ip-fragment-limit' : 'ip-malformed', result.why, frame.number),
      );
      return;
    }
    if (result.overlap)
      out.push(
        problem(
          'ip',
          'ip-fragment-overlap',
          'fragments overlap with different bytes; the first copy is used',
          frame.number,
          version === 4 ? 'RFC 791 3.2' : 'RFC 8200 4.5',
        ),
      );
    this.upper(frame, result.block, 0, result.block.u8.length, 0, result.protocol, version, addresses, true, out);
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
