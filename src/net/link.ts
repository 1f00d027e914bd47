import type { Frame } from '../types.js';

/** Names of the link types that are read, by LINKTYPE_ value. */
export const LINK_TYPES: Readonly<Record<number, string>> = {
  0: 'NULL',
  1: 'ETHERNET',
  9: 'PPP',
  12: 'RAW',
  14: 'RAW (OpenBSD)',
  50: 'PPP_HDLC',
  51: 'PPP_ETHER',
  101: 'RAW',
  104: 'C_HDLC',
  108: 'LOOP',
  113: 'LINUX_SLL',
  228: 'IPV4',
  229: 'IPV6',
  276: 'LINUX_SLL2',
};

/** Where the IP header begins: `(position << 3) | version`, version 4 or 6; or one of the codes below. */
export const NOT_IP = 0;
export const TOO_SHORT = 1;
export const UNSUPPORTED = 2;

/** Frame to IP header. The result packs position and version, so that no object is made per packet. */
export function ipHeader(frame: Frame, depth: number): number {
  const { view } = frame.block;
  const { start, end } = frame;
  switch (frame.linkType) {
    case 1:
      return end - start < 14 ? TOO_SHORT : ethernet(view, start + 14, end, view.getUint16(start + 12), depth);
    case 113:
      return end - start < 16 ? TOO_SHORT : ethernet(view, start + 16, end, view.getUint16(start + 14), depth);
    case 276:
      return end - start < 20 ? TOO_SHORT : ethernet(view, start + 20, end, view.getUint16(start), depth);
    case 0:
    case 108: {
      if (end - start < 5) return TOO_SHORT;
      // The family's byte order is the capturing machine's; families are small, so the order shows.
      const raw = view.getUint32(start);
      const family = raw > 0xffff ? view.getUint32(start, true) : raw;
      return family === 2 || family === 24 || family === 28 || family === 30 || family === 10 || family === 23
        ? rawIp(view, start + 4, end)
        : NOT_IP;
    }
    case 12:
    case 14:
    case 101:
    case 228:
    case 229:
      return rawIp(view, start, end);
    case 9:
    case 50:
    case 104: {
      if (end - start < 4) return TOO_SHORT;
      const head = view.getUint16(start);
      // Cisco's framing: unicast or broadcast address, then an EtherType.
      if (frame.linkType !== 9 && (head === 0x0f00 || head === 0x8f00))
        return ethernet(view, start + 4, end, view.getUint16(start + 2), depth);
      return ppp(view, head === 0xff03 ? start + 2 : start, end);
    }
    case 51:
      return end - start < 8 ? TOO_SHORT : ppp(view, start + 6, end);
    default:
      return UNSUPPORTED;
  }
}

function rawIp(view: DataView, at: number, end: number): number {
  if (at >= end) return TOO_SHORT;
  const version = view.getUint8(at) >>> 4;
  return version === 4 || version === 6 ? at * 8 + version : NOT_IP;
}

function ethernet(view: DataView, from: number, end: number, first: number, depth: number): number {
  let at = from;
  let type = first;
  for (let i = 0; i < depth; i++) {
    switch (type) {
      case 0x0800:
      case 0x86dd:
        return rawIp(view, at, end);
      case 0x8100:
      case 0x88a8:
      case 0x9100:
        if (end - at < 4) return TOO_SHORT;
        type = view.getUint16(at + 2);
        at += 4;
        continue;
      case 0x8847:
      case 0x8848:
        return mpls(view, at, end, depth);
      case 0x8864:
        return end - at < 8 ? TOO_SHORT : ppp(view, at + 6, end);
      default:
        return NOT_IP;
    }
  }
  return NOT_IP;
}

/** The packet below the labels; nothing names its protocol, so its first bits have to (RFC 4928). */
function mpls(view: DataView, from: number, end: number, depth: number): number {
  let at = from;
  for (let i = 0; i < depth; i++, at += 4) {
    if (end - at < 5) return TOO_SHORT;
    if ((view.getUint8(at + 2) & 1) === 1) return rawIp(view, at + 4, end);
  }
  return NOT_IP;
}

function ppp(view: DataView, at: number, end: number): number {
  if (end - at < 3) return TOO_SHORT;
  const compressed = (view.getUint8(at) & 1) === 1;
  const protocol = compressed ? view.getUint8(at) : view.getUint16(at);
  return protocol === 0x21 || protocol === 0x57 ? rawIp(view, at + (compressed ? 1 : 2), end) : NOT_IP;
}
