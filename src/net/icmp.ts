import { ANY_PATH } from './packet.js';
import { ipv4Text, ipv6Text } from './address.js';

/** A TCP packet that could not be delivered, as the ICMP message quotes it. */
export interface Undelivered {
  readonly version: 4 | 6;
  /** Memory and place of the quoted packet's addresses. */
  readonly ip: DataView;
  readonly addresses: number;
  readonly sourcePort: number;
  readonly targetPort: number;
  /** Whatever it came through. */
  readonly path: typeof ANY_PATH;
  readonly sequence: 0;
  readonly ack: 0;
  /** Address of whoever says so, and what it says, in words. */
  readonly from: string;
  readonly reason: string;
}

export const ICMP = 1;
export const ICMPV6 = 58;

const TCP = 6;
/** Destination Unreachable of RFC 792, and of RFC 4443 3.1. */
const UNREACHABLE_V4 = 3;
const UNREACHABLE_V6 = 1;

/** Codes of RFC 792 and RFC 1812 5.2.7.1; 4 (fragmentation needed) asks for smaller packets and refuses nothing. */
const REASONS_V4: ReadonlyMap<number, string> = new Map([
  [0, 'network unreachable'],
  [1, 'host unreachable'],
  [2, 'protocol unreachable'],
  [3, 'port unreachable'],
  [5, 'source route failed'],
  [6, 'network unknown'],
  [7, 'host unknown'],
  [9, 'network administratively prohibited'],
  [10, 'host administratively prohibited'],
  [13, 'administratively prohibited'],
]);

/** Codes of RFC 4443 3.1. */
const REASONS_V6: ReadonlyMap<number, string> = new Map([
  [0, 'no route to the destination'],
  [1, 'administratively prohibited'],
  [2, 'beyond the scope of the source address'],
  [3, 'address unreachable'],
  [4, 'port unreachable'],
  [5, 'source address refused by policy'],
  [6, 'route rejects the destination'],
]);

/**
 * The TCP packet that an ICMP message from `at` to `end` says could not be delivered; its sender's address stands at
 * `from`. Null for every other message.
 */
export function undelivered(view: DataView, from: number, at: number, end: number, version: 4 | 6): Undelivered | null {
  return version === 4 ? ofV4(view, from, at, end) : ofV6(view, from, at, end);
}

function ofV4(view: DataView, from: number, at: number, end: number): Undelivered | null {
  const inner = at + 8;
  if (end - inner < 28 || view.getUint8(at) !== UNREACHABLE_V4) return null;
  const reason = REASONS_V4.get(view.getUint8(at + 1));
  const header = (view.getUint8(inner) & 15) * 4;
  const first = (view.getUint16(inner + 6) & 0x1fff) === 0;
  const fits = view.getUint8(inner) >>> 4 === 4 && header >= 20 && end - inner >= header + 4;
  if (reason === undefined || !fits || !first || view.getUint8(inner + 9) !== TCP) return null;
  return {
    version: 4,
    ip: view,
    addresses: inner + 12,
    sourcePort: view.getUint16(inner + header),
    targetPort: view.getUint16(inner + header + 2),
    path: ANY_PATH,
    sequence: 0,
    ack: 0,
    from: ipv4Text(view.getUint32(from)),
    reason,
  };
}

/** A SYN carries no extension headers in practice: only a TCP header right behind the IPv6 header is looked for. */
function ofV6(view: DataView, from: number, at: number, end: number): Undelivered | null {
  const inner = at + 8;
  if (end - inner < 44 || view.getUint8(at) !== UNREACHABLE_V6) return null;
  const reason = REASONS_V6.get(view.getUint8(at + 1));
  if (reason === undefined || view.getUint8(inner) >>> 4 !== 6 || view.getUint8(inner + 6) !== TCP) return null;
  return {
    version: 6,
    ip: view,
    addresses: inner + 8,
    sourcePort: view.getUint16(inner + 40),
    targetPort: view.getUint16(inner + 42),
    path: ANY_PATH,
    sequence: 0,
    ack: 0,
    from: ipv6Text(view, from),
    reason,
  };
}
