import {
  ETHERNET,
  has,
  layerOf,
  LLC,
  NOTHING,
  past,
  PPP,
  RAW_IP,
  through,
  TOO_SHORT,
  unread,
  WIRELESS,
  type Step,
} from './layer.js';

/** Address families of 4.4BSD and its children for IPv4 and IPv6. */
const FAMILIES: readonly number[] = [2, 10, 23, 24, 28, 30];

/** The family in the byte order of whoever captured; families are small, so the order shows. */
export const loopback: Step = (packet, view) => {
  if (!has(packet, 5)) return TOO_SHORT;
  const raw = view.getUint32(packet.start);
  const family = raw > 0xffff ? view.getUint32(packet.start, true) : raw;
  packet.start += 4;
  return FAMILIES.includes(family) ? RAW_IP : NOTHING;
};

/** A header of a fixed size with an EtherType in it, or a number of 802.2 (Linux cooked captures). */
export function cooked(size: number, typeAt: number): Step {
  return (packet, view) => {
    if (!has(packet, size)) return TOO_SHORT;
    const type = view.getUint16(packet.start + typeAt);
    packet.start += size;
    if (type >= 0x600) return layerOf('ether', type);
    return type === 4 ? LLC : NOTHING;
  };
}

/** Cisco's framing (unicast or broadcast address, EtherType), or PPP. */
export const hdlc: Step = (packet, view) => {
  if (!has(packet, 4)) return TOO_SHORT;
  const head = view.getUint16(packet.start);
  if (head !== 0x0f00 && head !== 0x8f00) return PPP;
  packet.start += 4;
  return layerOf('ether', view.getUint16(packet.start - 2));
};

/**
 * Frame relay (Q.922, RFC 2427): an address of two to four bytes, then Cisco's EtherType, or a control byte, a pad and
 * what names the network layer.
 */
export const frameRelay: Step = (packet, view) => {
  if (!has(packet, 2)) return TOO_SHORT;
  let at = packet.start;
  const last = at + 3;
  // The circuit, without the bits that tell of congestion.
  through(packet, view.getUint16(at) & 0xfcf0);
  while (at < last && at < packet.end && (view.getUint8(at) & 1) === 0) at++;
  packet.start = at + 1;
  if (!has(packet, 2)) return TOO_SHORT;
  const head = view.getUint16(packet.start);
  if (head >>> 8 !== 0x03) return past(packet, 2, layerOf('ether', head));
  packet.start += (head & 0xff) === 0 ? 2 : 1;
  if (!has(packet, 1)) return TOO_SHORT;
  const network = view.getUint8(packet.start++);
  if (network === 0xcc || network === 0x8e) return RAW_IP;
  if (network === 0xcf) return PPP;
  if (network !== 0x80) return NOTHING;
  if (!has(packet, 5)) return TOO_SHORT;
  const organization = view.getUint16(packet.start) * 256 + view.getUint8(packet.start + 2);
  const type = view.getUint16(packet.start + 3);
  packet.start += 5;
  if (organization === 0) return layerOf('ether', type);
  return organization === 0x0080c2 && (type === 1 || type === 7) ? ETHERNET : NOTHING;
};

export const skipped =
  (size: number, next: number): Step =>
  (packet) =>
    past(packet, size, next);

/** Radiotap: its length, little-endian, and a flag that tells of padding behind the header of 802.11. */
export const radiotap: Step = (packet, view) => {
  if (!has(packet, 8)) return TOO_SHORT;
  const at = packet.start;
  const size = view.getUint16(at + 2, true);
  if (size < 8 || !has(packet, size)) return TOO_SHORT;
  const present = view.getUint32(at + 4, true);
  // The flags are the second field, behind a time of eight aligned bytes.
  const flagsAt = at + 8 + ((present & 1) === 0 ? 0 : 8);
  const flags = (present & 0x8000_0002) === 2 && flagsAt < at + size ? view.getUint8(flagsAt) : 0;
  packet.start += size;
  packet.padded = (flags & 0x20) !== 0;
  if ((flags & 0x10) !== 0 && has(packet, 4) && packet.missing === 0) packet.end -= 4;
  return WIRELESS;
};

/** Prism or AVS: the length stands behind a magic number of its own. */
export const prism: Step = (packet, view) => {
  if (!has(packet, 8)) return TOO_SHORT;
  const avs = (view.getUint32(packet.start) & 0xffff_f000) >>> 0 === 0x8021_1000;
  const size = avs ? view.getUint32(packet.start + 4) : view.getUint32(packet.start + 4, true);
  return size < 8 || size > 1024 ? past(packet, 144, WIRELESS) : past(packet, size, WIRELESS);
};

/** Per-packet information: its length, and the link type behind it, little-endian. */
export const ppi: Step = (packet, view) => {
  if (!has(packet, 8)) return TOO_SHORT;
  const link = view.getUint32(packet.start + 4, true);
  return past(packet, view.getUint16(packet.start + 2, true), layerOf('link', link & 0xffff));
};

/** PKTAP of macOS: its length, whether a packet follows, and the link type behind it. */
export const pktap: Step = (packet, view) => {
  if (!has(packet, 12)) return TOO_SHORT;
  const little = view.getUint32(packet.start) > 0xffff;
  const size = view.getUint32(packet.start, little);
  if (view.getUint32(packet.start + 4, little) !== 1) return NOTHING;
  return past(packet, size, layerOf('link', view.getUint32(packet.start + 8, little) & 0xffff));
};

/** NFLOG: attributes in the byte order of whoever captured, one of which holds the packet. */
export const nflog: Step = (packet, view) => {
  if (!has(packet, 8)) return TOO_SHORT;
  const little = view.getUint16(packet.start + 4) > 0x0fff || view.getUint16(packet.start + 4, true) <= 0x0fff;
  packet.start += 4;
  while (has(packet, 4)) {
    const size = view.getUint16(packet.start, little);
    const type = view.getUint16(packet.start + 2, little) & 0x7fff;
    if (size < 4) return NOTHING;
    if (type === 9) return past(packet, 4, RAW_IP);
    const padded = (size + 3) & ~3;
    if (!has(packet, padded)) return TOO_SHORT;
    packet.start += padded;
  }
  return NOTHING;
};

/** Names of dissectors that Wireshark exports PDUs for, and what they mean here. */
const EXPORTED: Readonly<Record<string, number>> = {
  ip: RAW_IP,
  ipv4: RAW_IP,
  ipv6: RAW_IP,
  eth: ETHERNET,
  eth_withoutfcs: ETHERNET,
  eth_withfcs: ETHERNET,
  eth_maybefcs: ETHERNET,
  ppp: PPP,
  wlan: WIRELESS,
  llc: LLC,
};

/** PDUs that Wireshark exported: tags, one of which names the dissector of the rest. */
export const exported: Step = (packet, view) => {
  let name = '';
  for (;;) {
    if (!has(packet, 4)) return TOO_SHORT;
    const tag = view.getUint16(packet.start);
    const size = view.getUint16(packet.start + 2);
    if (!has(packet, 4 + size)) return TOO_SHORT;
    if (tag === 12) name = textAt(view, packet.start + 4, size);
    packet.start += 4 + size;
    if (tag === 0) break;
  }
  return EXPORTED[name] ?? unread(packet, `exported PDUs of ${name === '' ? 'an unnamed dissector' : name}`);
};

/** Letters of a name, up to the first that is none. */
function textAt(view: DataView, at: number, size: number): string {
  let text = '';
  for (let i = 0; i < Math.min(size, 32); i++) {
    const letter = view.getUint8(at + i);
    if (letter < 0x21 || letter > 0x7e) break;
    text += String.fromCharCode(letter);
  }
  return text;
}

/** pflog of OpenBSD and FreeBSD: its length without padding, and the family. */
export const pflog: Step = (packet, view) => {
  if (!has(packet, 4)) return TOO_SHORT;
  return past(packet, (view.getUint8(packet.start) + 3) & ~3, RAW_IP);
};

/** FDDI, and token ring with its source route. */
export const fddi: Step = skipped(13, LLC);
export const tokenRing: Step = (packet, view) => {
  if (!has(packet, 16)) return TOO_SHORT;
  const routed = (view.getUint8(packet.start + 8) & 0x80) !== 0;
  return past(packet, 14 + (routed ? view.getUint8(packet.start + 14) & 0x1f : 0), LLC);
};

/** Data frames of 802.11 (IEEE 802.11 9.3.2). */
export const wireless: Step = (packet, view) => {
  if (!has(packet, 24)) return TOO_SHORT;
  const control = view.getUint16(packet.start, true);
  const subtype = (control >>> 4) & 15;
  // No data: management, control, and data frames of a null subtype.
  if (((control >>> 2) & 3) !== 2 || (subtype & 4) !== 0) return NOTHING;
  if ((control & 0x4000) !== 0) return unread(packet, '802.11 frames that are encrypted');
  let size = (control & 0x0300) === 0x0300 ? 30 : 24;
  if ((subtype & 8) !== 0) {
    if (has(packet, size + 2) && (view.getUint8(packet.start + size) & 0x80) !== 0)
      return unread(packet, 'several 802.11 frames in one (A-MSDU)');
    size += (control & 0x8000) === 0 ? 2 : 6;
  }
  return past(packet, packet.padded ? (size + 3) & ~3 : size, LLC);
};
