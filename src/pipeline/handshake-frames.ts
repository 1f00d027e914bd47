import { clear } from '../bytes/list.js';
import { Net, type NetOutput } from '../net/net.js';
import { RpcObserver, type RpcOutput } from '../rpc/observer.js';
import type { PduProtection } from '../rpc/protection.js';
import { SmbObserver, type SmbOutput } from '../smb/observer.js';
import type { Chunk, Frame } from '../types.js';

/** Segments of one direction that are remembered, to find where a PDU in many of them began. */
const REMEMBERED_SEGMENTS = 64;

/** A segment that carried bytes of a stream. */
interface Segment {
  readonly frame: number;
  readonly bytes: number;
}

/** Segments of a connection that may be taken whole. */
const MAX_WHOLE_SEGMENTS = 256;

/**
 * Finds the frames without which nobody could read the calls of some connections: the binds and alter_contexts, their
 * answers, and every leg of the handshakes that keys come from, in all segments that carried them.
 */
export class HandshakeFrames {
  /** The frames found so far. */
  readonly frames = new Set<number>();
  private readonly flows: ReadonlySet<number>;
  private readonly net: Net;
  private readonly smb: SmbObserver;
  private readonly rpc: RpcObserver;
  private readonly recent = new Map<string, Segment[]>();
  private readonly whole: ReadonlySet<number>;
  private readonly all = new Map<number, number[]>();
  private readonly segments: NetOutput[] = [];
  private readonly piped: SmbOutput[] = [];
  private readonly records: RpcOutput[] = [];

  /**
   * `flows`: numbers of the connections, as an analyzer of the same frames counts them; `whole` are those of which
   * everything is wanted, unless they are long: a hole would hold their calls up until others were read that need them.
   */
  constructor(flows: ReadonlySet<number>, whole: ReadonlySet<number>, inOrder = false) {
    this.net = new Net({}, { inOrder });
    this.smb = new SmbObserver({ flowId: () => this.net.flowId() });
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
    this.net.push(frame, this.segments);
    for (const segment of this.segments) {
      if (segment.kind === 'problem') continue;
      if (segment.kind === 'chunk') this.remember(segment);
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
  }

  /** To be called before the reader hands out another block. */
  settle(): void {
    this.net.settle();
    this.rpc.settle();
  }

  /** No more frames will come: short connections of those wanted whole are added. */
  end(): void {
    for (const frames of this.all.values())
      if (frames.length <= MAX_WHOLE_SEGMENTS) for (const frame of frames) this.frames.add(frame);
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
