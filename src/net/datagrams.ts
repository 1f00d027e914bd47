import { Eldest } from '../bytes/eldest.js';
import { KDC_PORT, type Endpoint, type Flow } from '../types.js';
import { ipv4Text, ipv6Text } from './address.js';
import type { Packet } from './packet.js';
import type { NetOutput, Shared } from './net-state.js';

/** Bytes of a connectionless RPC header ([C706] 12.5.2), and of a UDP header before it. */
const RPC_HEADER = 80;
const UDP_HEADER = 8;

/**
 * Whether a UDP datagram at `at` holds a connectionless RPC PDU, as far as its bytes tell: version 4, a known type,
 * flags and a data representation that are in use, and a length that fits ([C706] 12.5.2).
 */
export function holdsRpc({ u8, view }: Packet['block'], at: number, end: number): boolean {
  const rpc = at + UDP_HEADER;
  if (end - rpc < RPC_HEADER || u8[rpc] !== 4 || (u8[rpc + 1] as number) > 10) return false;
  if (((u8[rpc + 4] as number) & 0xee) !== 0 || (u8[rpc + 5] as number) > 3 || u8[rpc + 6] !== 0) return false;
  const little = ((u8[rpc + 4] as number) & 0xf0) === 0x10;
  const body = view.getUint16(rpc + 74, little);
  return rpc + RPC_HEADER + body <= end && body <= 0xffff - RPC_HEADER;
}

/** Whether a UDP datagram at `at` goes to a KDC, or comes from one (RFC 4120 7.2.1). */
export function meetsKdc({ view }: Packet['block'], at: number, end: number): boolean {
  return end - at > UDP_HEADER && (view.getUint16(at) === KDC_PORT || view.getUint16(at + 2) === KDC_PORT);
}

/** Pairs of ends that exchange such datagrams; the side that spoke first is `a`. */
export class DatagramFlows {
  private readonly flows = new Map<string, Flow>();
  private readonly eldest = new Eldest(() => this.flows.keys());
  private readonly shared: Shared;

  constructor(shared: Shared) {
    this.shared = shared;
  }

  /** The datagram that is left of a packet, its UDP header still on it. */
  push(packet: Packet, out: NetOutput[]): void {
    const { block, start, end, frame, timeS, timeNs, version, ip, addresses: at, path } = packet;
    const size = version === 4 ? 4 : 16;
    const text = (from: number): string => (version === 4 ? ipv4Text(ip.getUint32(from)) : ipv6Text(ip, from));
    const source: Endpoint = { address: text(at), port: block.view.getUint16(start) };
    const target: Endpoint = { address: text(at + size), port: block.view.getUint16(start + 2) };
    const there = `${path} ${source.address} ${source.port} ${target.address} ${target.port}`;
    const back = `${path} ${target.address} ${target.port} ${source.address} ${source.port}`;
    const answered = this.flows.get(back);
    const flow = answered ?? this.flows.get(there) ?? this.enter(there, source, target);
    out.push({
      kind: 'datagram',
      carries: source.port === KDC_PORT || target.port === KDC_PORT ? 'kdc' : 'rpc',
      flow,
      direction: answered === undefined ? 0 : 1,
      block,
      start: start + UDP_HEADER,
      end,
      frame,
      timeS,
      timeNs,
    });
  }

  private enter(key: string, a: Endpoint, b: Endpoint): Flow {
    if (this.flows.size >= this.shared.limits.flows) {
      const oldest = this.eldest.take();
      if (oldest !== null) this.flows.delete(oldest);
    }
    const flow: Flow = { id: ++this.shared.counts.flows, a, b, opened: 'midstream', datagrams: true };
    this.flows.set(key, flow);
    return flow;
  }
}
