import {
  KDC_PORT,
  type Chunk,
  type Datagram,
  type FlowEnd,
  type Gap,
  type Handshake,
  type Problem,
  type Unreachable,
} from '../types.js';
import type { Run } from './packet.js';
import type { NetLimits } from './limits.js';
import { Recent } from './recent-segments.js';

/** What the network stages hand on. */
export type NetOutput = Chunk | Datagram | Gap | FlowEnd | Handshake | Unreachable | Problem;

/** What was met so far. */
export interface NetCounts {
  frames: number;
  /** TCP segments, those put together from fragments included. */
  tcp: number;
  /** Frames that hold no TCP. */
  other: number;
  /** Of those, what may hold calls and is not looked into, by name: frames. */
  readonly unread: Map<string, number>;
  flows: number;
  /** IP fragments that may belong to TCP. */
  fragments: number;
  gaps: number;
  /** Bytes in those gaps. */
  gapBytes: number;
  /** Bytes that came again. */
  repeated: number;
  /** Bytes that belong before the first byte seen of their stream; they are dropped. */
  early: number;
  /** Bytes behind a FIN or after the end of a connection, copies among them; they are dropped. */
  afterEnd: number;
  /** Segments captured before what their sender had received already, which waited for it. */
  reordered: number;
  /** The longest time, in milliseconds, that such a segment was captured too early. */
  earlyMs: number;
}

/** What the streams of one {@link Net} have in common. */
export interface Shared {
  readonly limits: NetLimits;
  readonly counts: NetCounts;
  readonly recent: Recent;
  /** Segments are taken in the order of the capture, whatever they acknowledge. */
  readonly inOrder: boolean;
  /** Ports of which one end has to have one; null where all do. */
  readonly ports: ReadonlySet<number> | null;
  /** Bytes kept out of order. */
  bytes: number;
  /** Segments kept out of order. */
  segments: number;
}

export function sharedOf(
  limits: NetLimits,
  { inOrder = false, ports = [] }: { readonly inOrder?: boolean; readonly ports?: readonly number[] } = {},
): Shared {
  return {
    limits,
    inOrder,
    ports: ports.length === 0 ? null : new Set([KDC_PORT, ...ports]),
    recent: new Recent(limits.comparedSegments),
    counts: {
      frames: 0,
      tcp: 0,
      other: 0,
      unread: new Map(),
      flows: 0,
      fragments: 0,
      gaps: 0,
      gapBytes: 0,
      repeated: 0,
      early: 0,
      afterEnd: 0,
      reordered: 0,
      earlyMs: 0,
    },
    bytes: 0,
    segments: 0,
  };
}

export function problem(
  layer: Problem['layer'],
  code: Problem['code'],
  message: string,
  frame: number,
  spec: string | null = null,
): Problem {
  return { kind: 'problem', layer, code, message, spec, at: { frame } };
}

/** Whether a TCP segment or a UDP datagram that begins where the packet does goes to or from one of the ports. */
export function isOfPorts({ block, start, end }: Run, ports: ReadonlySet<number> | null): boolean {
  if (ports === null || end - start < 4) return true;
  return ports.has(block.view.getUint16(start)) || ports.has(block.view.getUint16(start + 2));
}
