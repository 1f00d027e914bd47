import type { Packet } from '../packet.js';
import {
  between,
  ETHERNET,
  has,
  layerOf,
  MPLS,
  NOTHING,
  NSH,
  past,
  PPP,
  RAW_IP,
  TOO_SHORT,
  through,
  unread,
  WIRELESS,
  type Layer,
  type Step,
} from './layer.js';

/** GRE (RFC 2784, 2890; version 1: RFC 2637): sums, keys and numbers where flags say so. */
export const gre: Step = (packet, view) => {
  if (!has(packet, 4)) return TOO_SHORT;
  const at = packet.start;
  const flags = view.getUint16(at);
  const type = view.getUint16(at + 2);
  const version = flags & 7;
  if (version > 1) return unread(packet, `GRE of version ${version}`);
  const sum = (flags & 0xc000) === 0 ? 0 : 4;
  const key = (flags & 0x2000) === 0 ? 0 : 4;
  const size = 4 + sum + key + ((flags & 0x1000) === 0 ? 0 : 4) + (version === 1 && (flags & 0x80) !== 0 ? 4 : 0);
  if (!has(packet, size)) return TOO_SHORT;
  if (key > 0) through(packet, view.getUint32(at + 4 + sum));
  packet.start += size;
  // ERSPAN I has no header of its own, which the missing number tells (draft-foschiano-erspan 4.1).
  if (type === 0x88be) return (flags & 0x1000) === 0 ? ETHERNET : past(packet, 8, ETHERNET);
  if (type === 0x22eb) return erspan3(packet, view);
  between(packet);
  return layerOf('ether', type);
};

/** ERSPAN III: twelve bytes, and eight more where a flag says so. */
function erspan3(packet: Packet, view: DataView): Layer {
  if (!has(packet, 12)) return TOO_SHORT;
  const flags = view.getUint16(packet.start + 10);
  const frame = (flags >>> 10) & 0x1f;
  packet.start += 12;
  if ((flags & 1) !== 0 && !has(packet, 8)) return TOO_SHORT;
  if ((flags & 1) !== 0) packet.start += 8;
  return frame === 2 ? RAW_IP : ETHERNET;
}

/** VXLAN (RFC 7348 5), with a next protocol where its flag says so (GPE). */
export const vxlan: Step = (packet, view) => {
  if (!has(packet, 8)) return TOO_SHORT;
  const at = packet.start;
  const flags = view.getUint8(at);
  if ((flags & 0x08) === 0) return NOTHING;
  through(packet, view.getUint32(at + 4) >>> 8);
  const next = (flags & 0x04) === 0 ? ETHERNET : [null, RAW_IP, RAW_IP, ETHERNET, NSH, MPLS][view.getUint8(at + 3)];
  return next == null ? unread(packet, 'a protocol behind VXLAN') : past(packet, 8, next);
};

/** Geneve with options (RFC 8926 3.4). */
export const geneve: Step = (packet, view) => {
  if (!has(packet, 8)) return TOO_SHORT;
  const at = packet.start;
  if (view.getUint8(at) >>> 6 !== 0) return NOTHING;
  through(packet, view.getUint32(at + 4) >>> 8);
  return past(packet, 8 + 4 * (view.getUint8(at) & 0x3f), layerOf('ether', view.getUint16(at + 2)));
};

/** GTP-U (3GPP TS 29.281 5): user data, behind extension headers. */
export const gtpu: Step = (packet, view) => {
  if (!has(packet, 8)) return TOO_SHORT;
  const at = packet.start;
  const flags = view.getUint8(at);
  if (flags >>> 5 !== 1 || view.getUint8(at + 1) !== 0xff) return NOTHING;
  through(packet, view.getUint32(at + 4));
  if ((flags & 7) === 0) return past(packet, 8, RAW_IP);
  if (!has(packet, 12)) return TOO_SHORT;
  let next = (flags & 4) === 0 ? 0 : view.getUint8(at + 11);
  packet.start += 12;
  while (next !== 0) {
    const size = has(packet, 1) ? 4 * view.getUint8(packet.start) : 0;
    if (size === 0 || !has(packet, size)) return TOO_SHORT;
    packet.start += size;
    next = view.getUint8(packet.start - 1);
  }
  return RAW_IP;
};

/** L2TP over UDP: version 2 carries PPP (RFC 2661 3.1), version 3 what its session says (RFC 3931 4.1.2). */
export const l2tp: Step = (packet, view) => {
  if (!has(packet, 6)) return TOO_SHORT;
  const at = packet.start;
  const flags = view.getUint16(at);
  if ((flags & 0x8000) !== 0) return NOTHING;
  if ((flags & 15) === 3) return past(packet, 8, NOTHING) === TOO_SHORT ? TOO_SHORT : session(packet, view);
  if ((flags & 15) !== 2) return NOTHING;
  const length = (flags & 0x4000) === 0 ? 0 : 2;
  if (!has(packet, 6 + length)) return TOO_SHORT;
  through(packet, view.getUint32(at + 2 + length));
  let size = 6 + length + ((flags & 0x0800) === 0 ? 0 : 4);
  if ((flags & 0x0200) !== 0) {
    if (!has(packet, size + 2)) return TOO_SHORT;
    size += 2 + view.getUint16(at + size);
  }
  return past(packet, size, PPP);
};

/** L2TP version 3 over IP (RFC 3931 4.1.1). */
export const l2tpIp: Step = (packet, view) => {
  if (!has(packet, 8)) return TOO_SHORT;
  if (view.getUint32(packet.start) === 0) return NOTHING;
  through(packet, view.getUint32(packet.start));
  packet.start += 4;
  return session(packet, view);
};

/** Sizes of cookie and sublayer are agreed on beforehand: Ethernet is where it shows itself. */
function session(packet: Packet, view: DataView): Layer {
  for (const skip of [0, 4, 8, 12]) {
    const at = packet.start + skip;
    if (packet.end - at < 34) break;
    const type = view.getUint16(at + 12);
    const ip =
      (type === 0x0800 && view.getUint8(at + 14) >>> 4 === 4) ||
      (type === 0x86dd && view.getUint8(at + 14) >>> 4 === 6);
    if (ip || type === 0x8100) return past(packet, skip, ETHERNET);
  }
  return unread(packet, 'L2TP version 3 of an unknown kind');
}

/** TZSP: tagged fields up to an end mark. */
export const tzsp: Step = (packet, view) => {
  if (!has(packet, 5)) return TOO_SHORT;
  const at = packet.start;
  if (view.getUint8(at) !== 1 || view.getUint8(at + 1) > 1) return NOTHING;
  const protocol = view.getUint16(at + 2);
  packet.start += 4;
  for (;;) {
    if (!has(packet, 1)) return TOO_SHORT;
    const tag = view.getUint8(packet.start++);
    if (tag === 1) break;
    if (tag === 0) continue;
    if (!has(packet, 1) || !has(packet, 1 + view.getUint8(packet.start))) return TOO_SHORT;
    packet.start += 1 + view.getUint8(packet.start);
  }
  if (protocol === 1) return ETHERNET;
  return protocol === 0x12 ? WIRELESS : unread(packet, 'a protocol behind TZSP');
};

/** EtherIP (RFC 3378 3). */
export const etherIp: Step = (packet, view) => {
  if (!has(packet, 2)) return TOO_SHORT;
  return view.getUint8(packet.start) >>> 4 === 3 ? past(packet, 2, ETHERNET) : NOTHING;
};

/** ESP in UDP (RFC 3948 2): four zeros mark a message of IKE. */
export const espInUdp: Step = (packet, view) => {
  if (!has(packet, 4)) return NOTHING;
  return view.getUint32(packet.start) === 0 ? NOTHING : esp(packet, view);
};

/** Sizes of the check values that are in use with a cipher of none. */
const CHECK_BYTES: readonly number[] = [12, 16, 24, 32, 0];

/** ESP (RFC 4303 2): readable with the NULL cipher (RFC 2410), which padding and what follows it show. */
export const esp: Step = (packet, view) => {
  if (!has(packet, 8 + 2)) return TOO_SHORT;
  const from = packet.start + 8;
  for (const check of CHECK_BYTES) {
    const last = packet.end - check - 1;
    if (packet.missing > 0 || last - 1 < from) continue;
    const next = view.getUint8(last);
    const padding = view.getUint8(last - 1);
    if ((next !== 4 && next !== 41 && next !== 6) || last - 1 - padding <= from || !counted(view, last - 1, padding))
      continue;
    const first = view.getUint8(from) >>> 4;
    if (next === 6 ? !tcpAt(view, from, last - 1 - padding) : first !== (next === 4 ? 4 : 6)) continue;
    through(packet, view.getUint32(packet.start));
    packet.start = from;
    packet.end = last - 1 - padding;
    return layerOf('ip', next);
  }
  return unread(packet, 'ESP, which is encrypted');
};

/** Padding counts up from one (RFC 4303 2.4). */
function counted(view: DataView, end: number, size: number): boolean {
  for (let i = 0; i < size; i++) if (view.getUint8(end - size + i) !== i + 1) return false;
  return true;
}

function tcpAt(view: DataView, at: number, end: number): boolean {
  if (end - at < 20) return false;
  const header = (view.getUint8(at + 12) >>> 4) * 4;
  return header >= 20 && header <= end - at && (view.getUint8(at + 12) & 0x0e) === 0;
}

/** Teredo (RFC 4380 5.1.1): an IPv6 packet as it is. */
export const teredo: Step = (packet, view) => {
  if (!has(packet, 40)) return NOTHING;
  return view.getUint8(packet.start) >>> 4 === 6 ? layerOf('ether', 0x86dd) : NOTHING;
};

/** LISP data (RFC 9300 5.1). */
export const lisp: Step = (packet) => past(packet, 8, RAW_IP);
