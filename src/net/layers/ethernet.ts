import {
  ETHERNET,
  has,
  layerOf,
  LLC,
  MPLS,
  NOTHING,
  NSH,
  past,
  PPP,
  RAW_IP,
  TOO_SHORT,
  through,
  unread,
  type Step,
} from './layer.js';

/** Ethernet (IEEE 802.3 3.2): addresses, and a type, or a length before LLC. */
export const ethernet: Step = (packet, view) => {
  if (!has(packet, 14)) return TOO_SHORT;
  const type = view.getUint16(packet.start + 12);
  packet.start += 14;
  return type >= 0x600 ? layerOf('ether', type) : LLC;
};

/** A tag and the type behind it: 802.1Q, 802.1ad. */
export const vlan: Step = (packet, view) => {
  if (!has(packet, 4)) return TOO_SHORT;
  through(packet, view.getUint16(packet.start) & 0x0fff);
  packet.start += 4;
  return layerOf('ether', view.getUint16(packet.start - 2));
};

/** 802.2 LLC with SNAP behind it, or IP by its own number. */
export const llc: Step = (packet, view) => {
  if (!has(packet, 3)) return TOO_SHORT;
  const saps = view.getUint16(packet.start);
  if (saps === 0x0606) return past(packet, 3, RAW_IP);
  if (saps !== 0xaaaa) return NOTHING;
  if (!has(packet, 8)) return TOO_SHORT;
  const organization = view.getUint16(packet.start + 3) * 256 + view.getUint8(packet.start + 5);
  const type = view.getUint16(packet.start + 6);
  packet.start += 8;
  // RFC 1042, IEEE 802.1H.
  return organization === 0 || organization === 0xf8 ? layerOf('ether', type) : NOTHING;
};

/** Labels; nothing names what is below them, so its first bits have to (RFC 4928). */
export const mpls: Step = (packet, view) => {
  if (!has(packet, 5)) return TOO_SHORT;
  const bottom = (view.getUint8(packet.start + 2) & 1) === 1;
  through(packet, view.getUint32(packet.start) >>> 12);
  packet.start += 4;
  if (!bottom) return MPLS;
  const first = view.getUint8(packet.start) >>> 4;
  if (first === 4 || first === 6) {
    // An Ethernet address may begin so, too: the type tells.
    return !has(packet, 20) || !etherAt(view, packet.start + 12) ? RAW_IP : ETHERNET;
  }
  // A control word (RFC 4385), or Ethernet at once.
  return first === 0 && !(has(packet, 14) && etherAt(view, packet.start + 12)) ? past(packet, 4, ETHERNET) : ETHERNET;
};

/** Whether a type that Ethernet carries stands at `at`. */
function etherAt(view: DataView, at: number): boolean {
  const type = view.getUint16(at);
  return type === 0x0800 || type === 0x86dd || type === 0x8100 || type === 0x88a8;
}

/** PPP over Ethernet (RFC 2516 4). */
export const pppoe: Step = (packet, view) => {
  if (!has(packet, 6)) return TOO_SHORT;
  through(packet, view.getUint16(packet.start + 2));
  return past(packet, 6, PPP);
};

/** Provider backbone bridges (IEEE 802.1ah 9.7): a service tag, then a whole Ethernet frame. */
export const backbone: Step = (packet, view) => {
  if (!has(packet, 4)) return TOO_SHORT;
  through(packet, view.getUint32(packet.start) & 0xff_ffff);
  return past(packet, 4, ETHERNET);
};

/** A tag of a fixed size with the type behind it. */
export function tagOf(size: number): Step {
  return (packet, view) => {
    if (!has(packet, size + 2)) return TOO_SHORT;
    packet.start += size + 2;
    return layerOf('ether', view.getUint16(packet.start - 2));
  };
}

/** Cisco metadata: version, count of options, options of four bytes, type. */
export const metadata: Step = (packet, view) => {
  if (!has(packet, 2)) return TOO_SHORT;
  return tagOf(2 + 4 * view.getUint8(packet.start + 1))(packet, view);
};

/** MACsec (IEEE 802.1AE 9): readable where it protects integrity only; its check value stays behind. */
export const macsec: Step = (packet, view) => {
  if (!has(packet, 6)) return TOO_SHORT;
  const control = view.getUint8(packet.start);
  if ((control & 0x0c) !== 0) return unread(packet, 'MACsec, which is encrypted');
  const size = (control & 0x20) !== 0 ? 14 : 6;
  return tagOf(size)(packet, view);
};

/** Network Service Header (RFC 8300 2). */
export const nsh: Step = (packet, view) => {
  if (!has(packet, 8)) return TOO_SHORT;
  const words = view.getUint16(packet.start) & 0x3f;
  const next = [null, RAW_IP, RAW_IP, ETHERNET, NSH, MPLS][view.getUint8(packet.start + 3)] ?? null;
  if (words < 2) return NOTHING;
  return next === null ? unread(packet, 'a protocol behind NSH') : past(packet, 4 * words, next);
};

/** An IP packet without anything that says so. */
export const rawIp: Step = (packet, view) => {
  if (!has(packet, 1)) return TOO_SHORT;
  const version = view.getUint8(packet.start) >>> 4;
  if (version === 4) return layerOf('ether', 0x0800);
  return version === 6 ? layerOf('ether', 0x86dd) : NOTHING;
};

/** PPP (RFC 1661 2), with or without address and control, the protocol in one byte or two. */
export const ppp: Step = (packet, view) => {
  if (!has(packet, 3)) return TOO_SHORT;
  if (view.getUint16(packet.start) === 0xff03) packet.start += 2;
  if (!has(packet, 3)) return TOO_SHORT;
  const compressed = (view.getUint8(packet.start) & 1) === 1;
  const protocol = compressed ? view.getUint8(packet.start) : view.getUint16(packet.start);
  packet.start += compressed ? 1 : 2;
  return layerOf('ppp', protocol);
};

/** Multilink PPP (RFC 1990 3): a packet in one piece. */
export const multilink: Step = (packet, view) => {
  if (!has(packet, 4)) return TOO_SHORT;
  if ((view.getUint8(packet.start) & 0xc0) !== 0xc0) return unread(packet, 'multilink PPP in several pieces');
  return past(packet, 4, PPP);
};
