import type { Packet } from '../packet.js';

/** What numbers a protocol: the same number means another thing under each. */
export const SPACE = { link: 1, ether: 2, ip: 3, udp: 4, ppp: 5, own: 6, end: 7 } as const;
type Space = keyof typeof SPACE;

/** What comes next: a number under a space, or one of the words below. */
export type Layer = number;

/** Nothing that may hold a call: the first of the words, which are above all other numbers. Numbers as the others are: nothing is allocated for a header. */
export const NOTHING: Layer = layerOf('end', 0);
/** The packet ends inside the header. */
export const TOO_SHORT: Layer = layerOf('end', 1);
/** Something that may hold a call and is not read: its name stands in the packet. */
export const UNREAD: Layer = layerOf('end', 2);
/** What stands in the way was reported by the step itself. */
export const REPORTED: Layer = layerOf('end', 3);

/** Takes one header off the packet (moves its start) and says what follows. */
export type Step = (packet: Packet, view: DataView) => Layer;

/** e.g. `layerOf('ether', 0x0800)` */
export function layerOf(space: Space, number: number): Layer {
  return SPACE[space] * 0x1_0000 + number;
}

export const numberOf = (layer: Layer): number => layer & 0xffff;

/** Headers that no registry numbers. */
export const ETHERNET = layerOf('own', 1);
export const RAW_IP = layerOf('own', 2);
export const LLC = layerOf('own', 3);
export const MPLS = layerOf('own', 4);
export const PPP = layerOf('own', 5);
export const NSH = layerOf('own', 6);
export const WIRELESS = layerOf('own', 7);

export const ETHER_IPV4 = layerOf('ether', 0x0800);
export const ETHER_IPV6 = layerOf('ether', 0x86dd);
export const IP_TCP = layerOf('ip', 6);
export const IP_UDP = layerOf('ip', 17);

/** `size` bytes taken off, and what follows; or that they are not there. */
export function past(packet: Packet, size: number, next: Layer): Layer {
  if (packet.end - packet.start < size) return TOO_SHORT;
  packet.start += size;
  return next;
}

/** Whether so many bytes are there. */
export function has(packet: Packet, size: number): boolean {
  return packet.end - packet.start >= size;
}

/** Names what is not looked into. */
export function unread(packet: Packet, name: string): Layer {
  packet.unread = name;
  return UNREAD;
}

/** Remembers what a packet came through, so that addresses used twice are told apart. */
export function through(packet: Packet, tag: number): void {
  packet.path = (Math.imul(packet.path ^ tag, 0x9e37_79b1) ^ (tag >>> 7)) | 0;
}

/** A tunnel that only its ends tell from others, or whose numbers its ends give out, each for itself. */
export function between(packet: Packet): void {
  const { ip, addresses, version } = packet;
  const until = addresses + (version === 4 ? 8 : 32);
  for (let at = addresses; at < until; at += 4) through(packet, ip.getInt32(at));
}

/** A step behind IP, of a tunnel between the ends that its header names. */
export function tunnel(step: Step): Step {
  return (packet, view) => {
    between(packet);
    return step(packet, view);
  };
}
