import {
  backbone,
  ethernet,
  llc,
  macsec,
  metadata,
  mpls,
  multilink,
  nsh,
  ppp,
  pppoe,
  rawIp,
  tagOf,
  vlan,
} from './ethernet.js';
import {
  ETHER_IPV4,
  ETHER_IPV6,
  ETHERNET,
  layerOf,
  LLC,
  MPLS,
  NSH,
  PPP,
  RAW_IP,
  tunnel,
  WIRELESS,
  type Layer,
  type Step,
} from './layer.js';
import {
  cooked,
  exported,
  fddi,
  frameRelay,
  hdlc,
  loopback,
  nflog,
  pflog,
  pktap,
  ppi,
  prism,
  radiotap,
  skipped,
  tokenRing,
  wireless,
} from './link.js';
import { esp, espInUdp, etherIp, geneve, gre, gtpu, l2tp, l2tpIp, lisp, teredo, tzsp, vxlan } from './tunnel.js';

/** Link types that are read, by LINKTYPE_ value: a name, and what takes their header off. */
const LINKS: Readonly<Record<number, readonly [name: string, step: Step]>> = {
  0: ['NULL', loopback],
  1: ['ETHERNET', ethernet],
  6: ['TOKEN_RING', tokenRing],
  9: ['PPP', ppp],
  10: ['FDDI', fddi],
  12: ['RAW', rawIp],
  14: ['RAW (OpenBSD)', rawIp],
  50: ['PPP_HDLC', hdlc],
  51: ['PPP_ETHER', pppoe],
  100: ['ATM_RFC1483', llc],
  101: ['RAW', rawIp],
  104: ['C_HDLC', hdlc],
  105: ['802.11', wireless],
  107: ['FRELAY', frameRelay],
  108: ['LOOP', loopback],
  109: ['ENC', skipped(12, RAW_IP)],
  113: ['LINUX_SLL', cooked(16, 14)],
  117: ['PFLOG', pflog],
  119: ['802.11_PRISM', prism],
  122: ['IP_OVER_FC', skipped(16, LLC)],
  127: ['802.11_RADIOTAP', radiotap],
  138: ['APPLE_IP_OVER_IEEE1394', cooked(18, 16)],
  163: ['802.11_AVS', prism],
  192: ['PPI', ppi],
  204: ['PPP_WITH_DIR', skipped(1, PPP)],
  228: ['IPV4', rawIp],
  229: ['IPV6', rawIp],
  239: ['NFLOG', nflog],
  242: ['IPOIB', cooked(44, 40)],
  252: ['WIRESHARK_UPPER_PDU', exported],
  258: ['PKTAP', pktap],
  276: ['LINUX_SLL2', cooked(20, 0)],
};

/** Names of the link types that are read, by LINKTYPE_ value. */
export const LINK_TYPES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(LINKS).map(([type, [name]]) => [type, name]),
);

const next =
  (layer: Layer): Step =>
  () =>
    layer;

/** What follows a type of Ethernet, 802.1Q, SNAP, GRE and whatever else numbers protocols so. */
const ETHER: Readonly<Record<number, Step>> = {
  0x6558: ethernet,
  0x8100: vlan,
  0x8847: mpls,
  0x8848: mpls,
  0x8864: pppoe,
  0x880b: ppp,
  0x88a8: vlan,
  0x88e5: macsec,
  0x88e7: backbone,
  0x8909: metadata,
  0x8926: tagOf(4),
  0x892f: tagOf(4),
  0x893f: tagOf(6),
  0x894f: nsh,
  0x9100: vlan,
  0x9200: vlan,
  0x9300: vlan,
};

/** What follows a protocol number of IP; TCP, fragments and extension headers are taken off elsewhere. */
const IP: Readonly<Record<number, Step>> = {
  4: tunnel(next(ETHER_IPV4)),
  41: tunnel(next(ETHER_IPV6)),
  47: gre,
  50: tunnel(esp),
  94: tunnel(rawIp),
  97: tunnel(etherIp),
  98: tunnel(rawIp),
  115: tunnel(l2tpIp),
  137: tunnel(mpls),
  143: tunnel(ethernet),
};

/** What follows a port of UDP, behind its header. */
const UDP: Readonly<Record<number, Step>> = {
  1701: tunnel(l2tp),
  2152: tunnel(gtpu),
  3544: teredo,
  4341: tunnel(lisp),
  4500: tunnel(espInUdp),
  4754: gre,
  4789: vxlan,
  4790: vxlan,
  6081: geneve,
  6635: tunnel(mpls),
  8472: vxlan,
  37_008: tzsp,
};

const PPPS: Readonly<Record<number, Step>> = {
  0x21: rawIp,
  0x57: rawIp,
  0x3d: multilink,
  0x0281: mpls,
  0x0283: mpls,
};

/** What follows what: every header that is taken off, by what announces it. */
export const FOLLOWS: ReadonlyMap<Layer, Step> = new Map([
  ...Object.entries(LINKS).map(([type, [, step]]) => [layerOf('link', Number(type)), step] as const),
  ...Object.entries(ETHER).map(([type, step]) => [layerOf('ether', Number(type)), step] as const),
  ...Object.entries(IP).map(([protocol, step]) => [layerOf('ip', Number(protocol)), step] as const),
  ...Object.entries(UDP).map(([port, step]) => [layerOf('udp', Number(port)), step] as const),
  ...Object.entries(PPPS).map(([protocol, step]) => [layerOf('ppp', Number(protocol)), step] as const),
  [ETHERNET, ethernet],
  [RAW_IP, rawIp],
  [LLC, llc],
  [MPLS, mpls],
  [PPP, ppp],
  [NSH, nsh],
  [WIRELESS, wireless],
]);

/** Types of Ethernet that hold no call: ARP, LLDP, PPPoE discovery, EAPOL, loops, clocks and the like. */
const QUIET_ETHER: readonly number[] = [
  0x0806, 0x0842, 0x2000, 0x22f0, 0x8035, 0x809b, 0x80f3, 0x8137, 0x8863, 0x8892, 0x888e, 0x88a2, 0x88cc, 0x88cd,
  0x88f5, 0x88f7, 0x8902, 0x8906, 0x8914, 0x9000,
];
/** Protocols of IP that hold no call: ICMP, IGMP, routing, SCTP and the like. */
const QUIET_IP: readonly number[] = [1, 2, 8, 9, 17, 46, 58, 59, 88, 89, 103, 112, 132, 136];

/** Name of something that may hold a call and is not read; null where it holds none. */
export function unknownName(layer: Layer): string | null {
  const number = layer & 0xffff;
  if (layer - number === layerOf('ether', 0) && number >= 0x600 && !QUIET_ETHER.includes(number))
    return `EtherType 0x${number.toString(16).padStart(4, '0')}`;
  if (layer - number === layerOf('ip', 0) && !QUIET_IP.includes(number))
    return number === 108 ? 'compressed IP (IPComp)' : `IP protocol ${number}`;
  return null;
}
