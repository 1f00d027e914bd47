import { KDC_PORT, type Frame } from '../types.js';
import { ipv4Text, ipv6Text } from './address.js';
import { extensionSize, FRAGMENT, isExtension } from './extensions.js';
import { ICMP, ICMPV6 } from './icmp.js';
import { ETHER_IPV4, ETHER_IPV6, IP_TCP, layerOf, NOTHING, RAW_IP, type Layer } from './layers/layer.js';
import { FOLLOWS } from './layers/table.js';
import { NET_LIMITS } from './limits.js';
import { Packet } from './packet.js';

/** Packets from and to hosts, or between two of them; addresses as {@link ipv4Text} and {@link ipv6Text} write them. */
export interface Between {
  readonly one: readonly string[];
  /** Null: with whomever. */
  readonly other: readonly string[] | null;
}

const TCP = 6;
const UDP = 17;
/** Types of ICMP that quote the packet they are about. */
const UNREACHABLE = { v4: 3, v6: 1 } as const;
/** Bytes before the packet that an ICMP message quotes (RFC 792, RFC 4443 3.1). */
const ICMP_HEADER = 8;

/**
 * Tells packets of hosts from those of others, whatever tags and tunnels they come in: the addresses that count are those
 * right before TCP or UDP. Packets of Kerberos are always taken (they hold the tickets that open a session, and go
 * to another host), and so are fragments that do not tell what they hold. No packet needs another one to be judged.
 */
export class HostPackets {
  private readonly wanted: readonly { readonly one: ReadonlySet<string>; readonly other: ReadonlySet<string> | null }[];
  private readonly packet = new Packet();

  constructor(wanted: readonly Between[]) {
    this.wanted = wanted.map(({ one, other }) => ({
      one: new Set(one),
      other: other === null ? null : new Set(other),
    }));
  }

  takes({ block, start, end, linkType }: Frame): boolean {
    const { packet } = this;
    packet.block = block;
    packet.start = start;
    packet.end = end;
    packet.missing = 0;
    packet.padded = packet.whole = false;
    let layer = layerOf('link', linkType & 0xffff);
    for (let depth = 0; depth <= NET_LIMITS.headerDepth; depth++) {
      if (layer >= NOTHING) return false;
      const next = this.next(layer);
      if (typeof next === 'boolean') return next;
      layer = next;
    }
    return false;
  }

  /** What follows, or whether the packet is taken. */
  private next(layer: Layer): Layer | boolean {
    const { packet } = this;
    if (layer === ETHER_IPV4 || layer === ETHER_IPV6) {
      const version = packet.end > packet.start ? packet.block.view.getUint8(packet.start) >>> 4 : 0;
      if (version === 4) return this.ipv4();
      return version === 6 && this.ipv6();
    }
    // ESP in transport mode, whose addresses stand before it.
    if (layer === IP_TCP) return this.carried(TCP, false);
    return FOLLOWS.get(layer)?.(packet, packet.block.view) ?? false;
  }

  private ipv4(): Layer | boolean {
    const { packet } = this;
    const { start: at, end } = packet;
    const { view } = packet.block;
    const header = (view.getUint8(at) & 15) * 4;
    if (header < 20 || end - at < header) return false;
    const total = view.getUint16(at + 2);
    packet.version = 4;
    packet.ip = view;
    packet.addresses = at + 12;
    packet.start = at + header;
    if (total >= header && at + total < end) packet.end = at + total;
    return this.carried(view.getUint8(at + 9), (view.getUint16(at + 6) & 0x1fff) !== 0);
  }

  private ipv6(): Layer | boolean {
    const { packet } = this;
    const { start: at, end } = packet;
    const { view } = packet.block;
    if (end - at < 40) return false;
    const length = view.getUint16(at + 4);
    packet.version = 6;
    packet.ip = view;
    packet.addresses = at + 8;
    packet.start = at + 40;
    if (length > 0 && at + 40 + length < end) packet.end = at + 40 + length;
    return this.carried(view.getUint8(at + 6), false);
  }

  /** What IP carries: `later` is a fragment that does not begin with its header. */
  private carried(first: number, later: boolean): Layer | boolean {
    const { packet } = this;
    const { view } = packet.block;
    let protocol = first;
    let rest = later;
    for (let i = 0; i < NET_LIMITS.headerDepth && !rest; i++) {
      const { start: at, end } = packet;
      if (!isExtension(protocol)) break;
      if (end - at < 8) return false;
      if (protocol === FRAGMENT) rest = (view.getUint16(at + 2) & 0xfff8) !== 0;
      packet.start += extensionSize(protocol, view.getUint8(at + 1));
      protocol = view.getUint8(at);
    }
    if (protocol === TCP) return (!rest && this.kerberos()) || this.between();
    // What later pieces of others hold, the first alone says.
    if (rest) return true;
    if (protocol === UDP) return this.datagram();
    if (protocol === ICMP || protocol === ICMPV6) return this.quoted(protocol);
    return FOLLOWS.get(layerOf('ip', protocol))?.(packet, view) ?? false;
  }

  private datagram(): Layer | boolean {
    const { packet } = this;
    if (packet.end - packet.start < 8) return this.between();
    const [source, target] = this.ports();
    const port = [target, source].find((one) => FOLLOWS.has(layerOf('udp', one)));
    if (port === undefined) return this.kerberos() || this.between();
    packet.start += 8;
    return layerOf('udp', port);
  }

  /** Of a message that something could not be delivered, what was not. */
  private quoted(protocol: number): Layer | boolean {
    const { packet } = this;
    const type = protocol === ICMP ? UNREACHABLE.v4 : UNREACHABLE.v6;
    if (packet.end - packet.start <= ICMP_HEADER || packet.block.view.getUint8(packet.start) !== type) return false;
    packet.start += ICMP_HEADER;
    return RAW_IP;
  }

  private kerberos(): boolean {
    const { start, end } = this.packet;
    return end - start >= 4 && this.ports().includes(KDC_PORT);
  }

  private ports(): readonly [source: number, target: number] {
    const { block, start } = this.packet;
    return [block.view.getUint16(start), block.view.getUint16(start + 2)];
  }

  /** Whether the packet goes between hosts that are wanted. */
  private between(): boolean {
    const { block, addresses: at, version } = this.packet;
    const { view } = block;
    const source = version === 4 ? ipv4Text(view.getUint32(at)) : ipv6Text(view, at);
    const target = version === 4 ? ipv4Text(view.getUint32(at + 4)) : ipv6Text(view, at + 16);
    return this.wanted.some(
      ({ one, other }) =>
        (one.has(source) && (other?.has(target) ?? true)) || (one.has(target) && (other?.has(source) ?? true)),
    );
  }
}
