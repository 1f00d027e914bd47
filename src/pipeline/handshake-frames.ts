import { clear } from '../bytes/list.js';
import type { SecurityObserver } from '../security/observer.js';
import { Net, type NetOutput } from '../net/net.js';
import { RpcObserver, type RpcOutput } from '../rpc/observer.js';
import type { PduProtection } from '../rpc/protection.js';
import { SmbObserver, type SmbOutput } from '../smb/observer.js';
import { KDC_PORT, type Chunk, type Datagram, type Frame } from '../types.js';
import { ChosenFrames, type FrameChoice } from './frame-choice.js';
import { SmbFrames } from './smb-frames.js';

/** Segments of one direction that are remembered, to find where a PDU in many of them began. */
const REMEMBERED_SEGMENTS = 64;

/** A segment that carried bytes of a stream. */
interface Segment {
  readonly frame: number;
  readonly bytes: number;
}

/** Segments of a connection that may be taken whole. */
const MAX_WHOLE_SEGMENTS = 256;

/** Frames that go to KDCs and come from there; docs/limits.md. */
export const MAX_KDC_FRAMES = 4096;

export interface HandshakeOptions {
  readonly inOrder?: boolean;
  /** Packets that are looked at; all where it is null or left out. */
  readonly choice?: FrameChoice | null;
  /** What opened the capture, anew: encrypted SMB tells its pipes only so. */
  readonly security?: SecurityObserver | null;
  /** The tickets of Kerberos are wanted too. */
  readonly tickets?: boolean;
}

/**
 * Finds the frames without which nobody could read the calls of some connections: the binds and alter_contexts, their
 * answers, and every leg of the handshakes that keys come from, in all segments that carried them.
 */
export class HandshakeFrames {
  /** The frames found so far. */
  readonly frames = new Set<number>();
  private readonly flows: ReadonlySet<number>;
  private readonly chosen: ChosenFrames | null;
  private readonly net: Net;
  private readonly smb: SmbObserver;
  private readonly rpc: RpcObserver;
  private readonly recent = new Map<string, Segment[]>();
  private readonly whole: ReadonlySet<number>;
  private readonly needed: SmbFrames;
  private readonly security: SecurityObserver | null;
  private readonly tickets: boolean;
  private kdcFrames = 0;
  private readonly all = new Map<number, number[]>();
  private readonly segments: NetOutput[] = [];
  private readonly piped: SmbOutput[] = [];
  private readonly records: RpcOutput[] = [];

  /**
   * `flows`: numbers of the connections, as an analyzer of the same frames counts them; `whole` are those of which
   * everything is wanted, unless they are long: a hole would hold their calls up until others were read that need them.
   */
  constructor(flows: ReadonlySet<number>, whole: ReadonlySet<number>, options: HandshakeOptions = {}) {
    const { inOrder = false, choice = null, security = null, tickets = false } = options;
    this.chosen = choice === null ? null : new ChosenFrames(choice);
    this.net = new Net({}, { inOrder, ports: choice?.ports ?? [] });
    this.security = security;
    this.tickets = tickets;
    this.needed = new SmbFrames(flows);
    this.smb = new SmbObserver({
      flowId: () => this.net.flowId(),
      protection: security?.smb ?? null,
      witness: this.needed,
    });
    this.flows = flows;
    this.whole = whole;
    const legs: PduProtection = {
      opens: false,
      onBind: ({ flow, direction, frame, start, end }) => {
        if (flows.has(flow.id)) this.add(`${flow.id} ${direction}`, frame, end - start);
      },
      open: () => null,
      principal: () => null,
      onEnd: () => undefined,
    };
    this.rpc = new RpcObserver({ protection: legs });
  }

  push(frame: Frame): void {
    if (this.chosen !== null && !this.chosen.takes(frame)) return;
    this.net.push(frame, this.segments);
    for (const segment of this.segments) {
      if (segment.kind === 'problem') continue;
      if (segment.kind === 'chunk') this.remember(segment);
      if (segment.kind === 'chunk' || segment.kind === 'datagram') this.meetKdc(segment);
      if (segment.kind === 'flow-end') this.needed.over(segment.flow.id);
      if (
        (segment.kind === 'chunk' || segment.kind === 'gap' || segment.kind === 'flow-end') &&
        this.smb.push(segment, this.piped)
      )
        this.followPipes();
      else this.rpc.push(segment, this.records);
    }
    clear(this.segments);
    for (const record of this.records) {
      if (record.kind !== 'bind' || !this.flows.has(record.flow.id)) continue;
      this.frames.add(record.frame);
      if (record.answerFrame !== null) this.frames.add(record.answerFrame);
    }
    clear(this.records);
    // What was heard is told elsewhere.
    this.security?.drain([], []);
  }

  /** To be called before the reader hands out another block. */
  settle(): void {
    this.net.settle();
    this.rpc.settle();
  }

  /** No more frames will come: what is wanted besides frames that are kept anyway (`keeps` tells of one) is added. */
  end(keeps: (frame: number) => boolean): void {
    for (const frames of this.all.values())
      if (frames.length <= MAX_WHOLE_SEGMENTS) for (const frame of frames) this.frames.add(frame);
    for (const frame of this.needed.needed((one) => keeps(one) || this.frames.has(one))) this.frames.add(frame);
  }

  /** What goes to a KDC and comes from there gives the keys of tickets. */
  private meetKdc(segment: Chunk | Datagram): void {
    const { flow, block, start, end, frame } = segment;
    if (flow.a.port !== KDC_PORT && flow.b.port !== KDC_PORT) return;
    const bytes = block.u8.subarray(start, end);
    if (segment.kind === 'chunk') this.security?.kdcs?.push(flow.id, segment.direction, bytes, frame);
    else this.security?.kdcs?.datagram(flow.id, bytes, frame);
    if (this.tickets && ++this.kdcFrames <= MAX_KDC_FRAMES) this.frames.add(frame);
  }

  private followPipes(): void {
    for (const piped of this.piped) {
      if (piped.kind === 'problem') continue;
      if (piped.kind === 'chunk') this.remember(piped);
      this.rpc.push(piped, this.records);
    }
    clear(this.piped);
  }

  private remember({ flow, direction, frame, start, end }: Chunk): void {
    if (!this.flows.has(flow.id)) return;
    if (this.whole.has(flow.id)) {
      const frames = this.all.get(flow.id) ?? [];
      if (frames.length <= MAX_WHOLE_SEGMENTS) frames.push(frame);
      this.all.set(flow.id, frames);
    }
    const key = `${flow.id} ${direction}`;
    const segments = this.recent.get(key) ?? [];
    segments.push({ frame, bytes: end - start });
    if (segments.length > REMEMBERED_SEGMENTS) segments.shift();
    this.recent.set(key, segments);
  }

  /** The segments that carried the last `size` bytes up to a frame. */
  private add(key: string, last: number, size: number): void {
    this.frames.add(last);
    let left = size;
    for (const { frame, bytes } of (this.recent.get(key) ?? []).toReversed()) {
      if (frame > last) continue;
      if (left <= 0) return;
      this.frames.add(frame);
      left -= bytes;
    }
  }
}
