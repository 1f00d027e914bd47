import { blockOf } from '../bytes/block.js';
import type { Block, Chunk, Direction, Flow, Gap, Moment, Problem, StubPiece } from '../types.js';
import type { RpcLimits } from './limits.js';
import { drepAt, HEADER_SIZE, plausibleHeader, type Pdu } from './pdu.js';

/** What one direction is doing. `searching`: looking for a header; `foreign`: not DCE-RPC. */
type Mode = 'searching' | 'framing' | 'foreign';

/** Chunks of one direction to PDUs: zero-copy where a PDU lies within one chunk. */
export class Framer {
  mode: Mode = 'searching';
  private readonly flow: Flow;
  private readonly direction: Direction;
  private readonly limits: RpcLimits;
  /** A PDU begun: its bytes so far, with room for all of it. */
  private partial: Uint8Array | null = null;
  private have = 0;
  private pieces: StubPiece[] = [];
  /** Bytes of a damaged PDU still to pass over. */
  private skip = 0;
  /** Bytes passed over in search of a header since the last one. */
  private searched = 0;
  private readonly tail = new Uint8Array(HEADER_SIZE);
  private tailLength = 0;

  /** `strict` streams began with their first byte, so a direction that does not begin with a header is another protocol. */
  private strict: boolean;

  constructor(flow: Flow, direction: Direction, limits: RpcLimits) {
    this.flow = flow;
    this.direction = direction;
    this.limits = limits;
    this.strict = flow.opened !== 'midstream';
  }

  /** The other direction turned out to be DCE-RPC: search on, however long it takes. */
  confirm(): void {
    this.strict = false;
    if (this.mode === 'foreign') this.mode = 'searching';
    this.searched = -Number.MAX_SAFE_INTEGER;
  }

  get framing(): boolean {
    return this.mode === 'framing';
  }

  get foreign(): boolean {
    return this.mode === 'foreign';
  }

  /** Bytes held between chunks. */
  get held(): number {
    return this.partial?.length ?? 0;
  }

  push(chunk: Chunk, out: (Pdu | Problem)[]): void {
    if (this.mode === 'foreign') return;
    const { block, end } = chunk;
    let at = chunk.start;
    if (this.skip > 0) {
      const over = Math.min(this.skip, end - at);
      this.skip -= over;
      at += over;
    }
    if (this.partial !== null) at = this.fill(chunk, at, out);
    while (at < end) {
      if (this.mode === 'searching') {
        at = this.search(chunk, at, out);
        if (this.partial !== null) at = this.fill(chunk, at, out);
        if (!this.framing) return;
        continue;
      }
      if (end - at < HEADER_SIZE) {
        this.begin(HEADER_SIZE);
        at = this.fill(chunk, at, out);
        continue;
      }
      if (!plausibleHeader(block.u8, block.view, at)) {
        this.lost(chunk, 'bytes that are no PDU header follow the last PDU', out);
        continue;
      }
      const length = lengthAt(block, at);
      if (end - at < length) {
        this.begin(length);
        at = this.fill(chunk, at, out);
        continue;
      }
      out.push(this.pdu(block, at, at + length, length, [chunk.frame], [{ from: 0, frame: chunk.frame }], chunk, false));
      at += length;
    }
  }

  /** A hole in the stream: what it cuts is handed on as it is, and the next header is looked for. */
  gap(gap: Gap, out: (Pdu | Problem)[]): void {
    if (this.mode === 'foreign') return;
    if (this.mode === 'searching') {
      this.strict = false;
      this.tailLength = 0;
      return;
    }
    out.push({
      kind: 'problem', layer: 'tcp', code: 'tcp-gap', spec: null,
      message: `${gap.size} bytes of the stream were not captured; calls they carried are lost or incomplete`, at: { frame: gap.frame, flow: this.flow.id },
    });
    let rest = this.skip;
    const { partial } = this;
    if (partial !== null && this.have >= HEADER_SIZE && partial.length > HEADER_SIZE) {
      rest = partial.length - this.have;
      out.push(this.pdu(blockOf(partial), 0, this.have, partial.length, this.frames(), this.pieces, gap, true));
    }
    this.partial = null;
    this.pieces = [];
    if (rest >= gap.size && rest > 0) {
      this.skip = rest - gap.size;
      return;
    }
    this.skip = 0;
    this.mode = 'searching';
    this.strict = false;
    this.searched = -Number.MAX_SAFE_INTEGER;
    this.tailLength = 0;
  }

  /** The stream is over: a PDU that never became whole is handed on as it is. */
  end(at: Moment, out: (Pdu | Problem)[]): void {
    const { partial } = this;
    if (partial !== null && this.have >= HEADER_SIZE && partial.length > HEADER_SIZE) {
      out.push(this.pdu(blockOf(partial), 0, this.have, partial.length, this.frames(), this.pieces, at, true));
    }
    this.partial = null;
  }

  private begin(length: number): void {
    this.partial = new Uint8Array(length);
    this.have = 0;
    this.pieces = [];
  }

  /** Moves bytes into the PDU begun; returns the position behind them. */
  private fill(chunk: Chunk, from: number, out: (Pdu | Problem)[]): number {
    const { block, end } = chunk;
    let at = from;
    while (this.partial !== null && at < end) {
      const { partial } = this;
      const take = Math.min(partial.length - this.have, end - at);
      partial.set(block.u8.subarray(at, at + take), this.have);
      if (this.pieces[this.pieces.length - 1]?.frame !== chunk.frame) this.pieces.push({ from: this.have, frame: chunk.frame });
      this.have += take;
      at += take;
      if (this.have < partial.length) return at;
      const whole = blockOf(partial);
      if (partial.length === HEADER_SIZE) {
        if (!plausibleHeader(partial, whole.view, 0)) {
          this.partial = null;
          this.tail.set(partial.subarray(1));
          this.tailLength = HEADER_SIZE - 1;
          this.lost(chunk, 'bytes that are no PDU header follow the last PDU', out);
          return at;
        }
        const length = lengthAt(whole, 0);
        if (length > HEADER_SIZE) {
          this.partial = new Uint8Array(length);
          this.partial.set(partial);
          continue;
        }
      }
      this.partial = null;
      out.push(this.pdu(whole, 0, this.have, this.have, this.frames(), this.pieces, chunk, false));
    }
    return at;
  }

  private frames(): readonly number[] {
    const all = this.pieces.map((piece) => piece.frame).toSorted((a, b) => a - b);
    return all.filter((frame, i) => i === 0 || frame !== all[i - 1]);
  }

  private lost(chunk: Chunk, why: string, out: (Pdu | Problem)[]): void {
    this.mode = 'searching';
    this.strict = false;
    this.searched = -Number.MAX_SAFE_INTEGER;
    out.push({
      kind: 'problem', layer: 'rpc', code: 'rpc-resync', spec: '[C706] 12.6.3.1', message: `${why}; the next header is searched for`,
      at: { frame: chunk.frame, flow: this.flow.id },
    });
  }

  /** Looks for a header from `from` on, the last bytes of earlier chunks included; returns where to go on. */
  private search(chunk: Chunk, from: number, out: (Pdu | Problem)[]): number {
    const { block, end } = chunk;
    const { u8, view } = block;
    if (this.tailLength > 0) {
      // Headers that began in the last chunk: look at the bytes around the seam.
      const seam = new Uint8Array(this.tailLength + Math.min(HEADER_SIZE - 1, end - from));
      seam.set(this.tail.subarray(0, this.tailLength));
      seam.set(u8.subarray(from, from + seam.length - this.tailLength), this.tailLength);
      const seamBlock = blockOf(seam);
      for (let at = 0; at < this.tailLength && at + HEADER_SIZE <= seam.length; at++) {
        if (!plausibleHeader(seam, seamBlock.view, at)) continue;
        this.found(chunk, at - this.tailLength, out);
        const before = seam.subarray(at, this.tailLength);
        this.begin(lengthAt(seamBlock, at));
        this.partial?.set(before);
        this.have = before.length;
        this.pieces = [{ from: 0, frame: chunk.frame }];
        this.tailLength = 0;
        return from;
      }
      if (this.strict && seam.length >= HEADER_SIZE) {
        this.giveUp();
        return end;
      }
    }
    const lastStart = end - HEADER_SIZE;
    if (this.strict && this.tailLength === 0 && lastStart >= from && !plausibleHeader(u8, view, from)) {
      this.giveUp();
      return end;
    }
    for (let at = from; at <= lastStart; at++) {
      if (u8[at] === 5 && plausibleHeader(u8, view, at)) {
        this.found(chunk, at - from, out);
        this.tailLength = 0;
        return at;
      }
    }
    this.searched += Math.max(0, lastStart + 1 - from);
    this.keepTail(u8, from, end);
    if (this.searched > this.limits.searchBytes) this.giveUp();
    return end;
  }

  private found(chunk: Chunk, skipped: number, out: (Pdu | Problem)[]): void {
    if (skipped > 0 && this.searched < 0) {
      out.push({
        kind: 'problem', layer: 'rpc', code: 'rpc-resync', spec: null, message: `${skipped} bytes were passed over to find the next PDU header`,
        at: { frame: chunk.frame, flow: this.flow.id },
      });
    }
    this.mode = 'framing';
    this.strict = false;
    this.searched = 0;
  }

  private keepTail(u8: Uint8Array, from: number, end: number): void {
    const fresh = u8.subarray(Math.max(from, end - (HEADER_SIZE - 1)), end);
    const old = Math.min(this.tailLength, HEADER_SIZE - 1 - fresh.length);
    this.tail.copyWithin(0, this.tailLength - old, this.tailLength);
    this.tail.set(fresh, old);
    this.tailLength = old + fresh.length;
  }

  private giveUp(): void {
    this.mode = 'foreign';
    this.partial = null;
    this.tailLength = 0;
  }

  private pdu(block: Block, start: number, end: number, length: number, frames: readonly number[], pieces: readonly StubPiece[], at: Moment, truncated: boolean): Pdu {
    const { u8, view } = block;
    const drep = drepAt(u8, start + 4);
    return {
      flow: this.flow, direction: this.direction, block, start, end,
      type: u8[start + 2] as number, flags: u8[start + 3] as number, drep, fragLength: length,
      authLength: view.getUint16(start + 10, drep.littleEndian), callId: view.getUint32(start + 12, drep.littleEndian),
      frames, pieces, timeS: at.timeS, timeNs: at.timeNs, truncated,
    };
  }
}

function lengthAt(block: Block, at: number): number {
  return block.view.getUint16(at + 8, ((block.u8[at + 4] as number) & 0x10) !== 0);
}
