import { Net, type NetOutput } from '../../src/net/net.js';
import type { NetLimits } from '../../src/net/limits.js';
import type { Frame, Problem } from '../../src/types.js';
import { ethernet, frameOf, tcpPacket, type TcpPacket } from './packets.js';

/** What a list of frames came to. */
export interface NetRun {
  readonly out: readonly NetOutput[];
  readonly net: Net;
}

/** Frames through a network stage, and its end. */
export function runFrames(frames: readonly Frame[], limits: Partial<NetLimits> = {}): NetRun {
  const net = new Net(limits);
  const out: NetOutput[] = [];
  for (const frame of frames) net.push(frame, out);
  net.end(out);
  return { out, net };
}

/** A packet, and when it came (ms) and how many of its bytes a snap length left. */
export type Sent = TcpPacket & { readonly ms?: number; readonly cut?: number };

/** TCP packets over Ethernet, one millisecond apart unless told otherwise. */
export function framesOf(packets: readonly Sent[]): readonly Frame[] {
  return packets.map((packet, i) => {
    const data = ethernet(tcpPacket(packet));
    const ms = packet.ms ?? i;
    return frameOf(packet.cut === undefined ? data : data.slice(0, packet.cut), i + 1, {
      timeS: 1000 + Math.floor(ms / 1000),
      timeNs: (ms % 1000) * 1e6,
      wireLength: data.length,
    });
  });
}

export function runTcp(packets: readonly Sent[], limits: Partial<NetLimits> = {}): NetRun {
  return runFrames(framesOf(packets), limits);
}

/** What was delivered in one direction as text, each hole as `<size>`. */
export function story(out: readonly NetOutput[], direction: 0 | 1 = 0, flow?: number): string {
  let text = '';
  let offset = 0;
  for (const item of out) {
    if (
      (item.kind !== 'chunk' && item.kind !== 'gap') ||
      item.direction !== direction ||
      (flow !== undefined && item.flow.id !== flow)
    )
      continue;
    if (item.streamOffset !== offset) text += `!${item.streamOffset}!`;
    offset = item.streamOffset + (item.kind === 'gap' ? item.size : item.end - item.start);
    text +=
      item.kind === 'gap' ? `<${item.size}>` : String.fromCharCode(...item.block.u8.subarray(item.start, item.end));
  }
  return text;
}

export function codes(out: readonly NetOutput[]): readonly Problem['code'][] {
  return out.filter((item) => item.kind === 'problem').map((item) => item.code);
}

export function ends(out: readonly NetOutput[]): readonly string[] {
  return out.filter((item) => item.kind === 'flow-end').map((item) => `${item.flow.id} ${item.reason}`);
}

/** The bytes of an ASCII text. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
