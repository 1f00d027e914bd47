import { blockOf } from '../bytes/block.js';
import type { Block, Chunk, Direction, Gap } from '../types.js';
import { FOUND, fragLengthAt, headerAt, HEADER_BYTES, plausibleHeader } from './header.js';

/** A PDU that did not lie whole in one chunk, in memory of its own, with the frames its bytes came from. */
export class Assembly {
  u8: Uint8Array = EMPTY;
  have = 0;
  /** frag_length, or 16 while the header is not whole. */
  need = HEADER_BYTES;
  /** The header is whole and was judged. */
  known = false;
  firstS = 0;
  firstNs = 0;
  /** When its last byte was captured. */
  lastS = 0;
  lastNs = 0;
  /** Offset in the PDU at which each piece begins, and its frame. */
  from: number[] = [];
  frame: number[] = [];

  /** Forgets the bytes; the arrays may have been handed on, so new ones are made. */
  clear(): void {
    this.u8 = EMPTY;
    this.have = 0;
    this.need = HEADER_BYTES;
    this.known = false;
    this.from = [];
    this.frame = [];
  }

  /** More of it came. */
  at({ timeS, timeNs }: Chunk): void {
    this.lastS = timeS;
    this.lastNs = timeNs;
  }

  note(frame: number): void {
    if (this.frame[this.frame.length - 1] === frame) return;
    this.from.push(this.have);
    this.frame.push(frame);
  }
}

const EMPTY = new Uint8Array(0);

/** Who receives what a {@link PduStream} finds. */
export interface PduSink {
  /** Not yet known to be RPC: headers are judged strictly. */
  readonly probing: boolean;
  /**
   * Bytes `start` to `end` of a block are a PDU; fewer than its frag_length says when `end` comes early. `assembly`:
   * the memory is
   * its own. `next`: position in the chunk where the next PDU begins.
   */
  pdu(
    stream: PduStream,
    block: Block,
    start: number,
    end: number,
    chunk: Chunk | Gap,
    assembly: Assembly | null,
    next: number,
  ): void;
  /** The next PDU begins at an unknown place: what was begun in this direction stays incomplete. */
  lost(stream: PduStream, found: number, frame: number): void;
  /** In step again, or given up, after `skipped` bytes. */
  resync(stream: PduStream, frame: number, skipped: number): void;
  /** Whether `bytes` more may be held, for a PDU of `frame`; false drops the PDU. */
  hold(bytes: number, frame: number): boolean;
  /** So many bytes are held no longer. */
  release(bytes: number): void;
  /** Nothing like RPC for too long. */
  giveUp(stream: PduStream, frame: number): void;
}

/**
 * One direction of a connection: chunks to PDUs. A PDU inside one chunk is handed on where it lies; others are put
 * together in memory of their own, 65,535 bytes at most. After a hole or garbage it looks for the next header.
 */
export class PduStream {
  readonly direction: Direction;
  private readonly sink: PduSink;
  private readonly searchBytes: number;
  private readonly assembly = new Assembly();
  /** Bytes still to be passed over because their PDU is already given up. */
  private skip = 0;
  private searching = false;
  private stopped = false;
  /** Bytes passed over since step was lost, without `tail`. */
  private skipped = 0;
  private tail: number[] = [];
  private tailFrames: number[] = [];

  constructor(direction: Direction, sink: PduSink, searchBytes: number, inStep: boolean) {
    this.direction = direction;
    this.sink = sink;
    this.searchBytes = searchBytes;
    this.searching = !inStep;
  }

  /** Bytes held for a PDU in the making. */
  get held(): number {
    return this.assembly.u8.length;
  }

  push(chunk: Chunk): void {
    let at = chunk.start;
    const { end } = chunk;
    while (at < end && !this.stopped) {
      if (this.skip > 0) {
        const passed = Math.min(this.skip, end - at);
        this.skip -= passed;
        at += passed;
      } else if (this.searching) at = this.search(chunk, at);
      else if (this.assembly.have > 0) at = this.fill(chunk, at);
      else at = this.scan(chunk, at);
    }
  }

  /** A hole: where the PDU it cuts says how long it is, the next one may still be found without a search. */
  gap(gap: Gap): void {
    if (this.searching) {
      this.dropTail();
      return;
    }
    const { assembly } = this;
    if (this.skip >= gap.size) {
      this.skip -= gap.size;
      return;
    }
    if (this.skip === 0 && assembly.have >= HEADER_BYTES) {
      const remaining = assembly.need - assembly.have;
      this.handOver(gap, 0);
      if (gap.size <= remaining) {
        this.skip = remaining - gap.size;
        return;
      }
    }
    this.skip = 0;
    const headerBytes = assembly.have;
    this.lose(FOUND.pdu, gap.frame);
    this.skipped = headerBytes;
  }

  /** No more bytes come: a PDU begun is handed on cut. Returns the bytes of a header begun and not finished. */
  finish(last: Chunk | Gap | null, frame: number): number {
    const { assembly } = this;
    let rest = 0;
    if (assembly.have >= HEADER_BYTES && last !== null) this.handOver(last, 0);
    else rest = assembly.have;
    if (this.searching && this.skipped + this.tail.length > 0)
      this.sink.resync(this, frame, this.skipped + this.tail.length);
    this.release();
    return rest;
  }

  /** Nothing more is wanted: gives its memory back and ignores the rest of the chunk. */
  stop(): void {
    this.stopped = true;
    this.release();
  }

  /** Gives its memory back. */
  private release(): void {
    if (this.held > 0) this.sink.release(this.held);
    this.assembly.clear();
    this.dropTail();
    this.skipped = 0;
  }

  /** PDUs that begin at `from` or later; returns the end of the chunk, or where step was lost. */
  private scan(chunk: Chunk, from: number): number {
    const { block, end } = chunk;
    const { u8 } = block;
    let at = from;
    while (end - at >= HEADER_BYTES && !this.stopped) {
      const found = headerAt(u8, at);
      if (found !== FOUND.pdu) {
        this.lose(found, chunk.frame);
        return at;
      }
      const length = fragLengthAt(u8, at);
      if (end - at < length) {
        this.begin(chunk, at, length);
        return end;
      }
      this.sink.pdu(this, block, at, at + length, chunk, null, at + length);
      at += length;
    }
    if (at < end && !this.stopped) this.begin(chunk, at, HEADER_BYTES);
    return end;
  }

  private begin(chunk: Chunk, at: number, need: number): void {
    const { assembly } = this;
    const have = chunk.end - at;
    if (!this.sink.hold(need, chunk.frame) && have >= HEADER_BYTES) {
      this.skip = need - have;
      this.sink.pdu(this, chunk.block, at, chunk.end, chunk, null, chunk.end);
      return;
    }
    assembly.u8 = new Uint8Array(need);
    assembly.need = need;
    assembly.known = have >= HEADER_BYTES;
    assembly.firstS = chunk.timeS;
    assembly.firstNs = chunk.timeNs;
    assembly.at(chunk);
    assembly.note(chunk.frame);
    assembly.u8.set(chunk.block.u8.subarray(at, chunk.end));
    assembly.have = have;
  }

  /** Adds to the PDU in the making; returns where the chunk goes on. */
  private fill(chunk: Chunk, from: number): number {
    const { assembly } = this;
    const { u8 } = chunk.block;
    const take = Math.min(assembly.need - assembly.have, chunk.end - from);
    const at = from + take;
    assembly.at(chunk);
    assembly.note(chunk.frame);
    // A call costs more than a few bytes.
    if (take < 32) for (let i = 0; i < take; i++) assembly.u8[assembly.have + i] = u8[from + i] as number;
    else assembly.u8.set(u8.subarray(from, at), assembly.have);
    assembly.have += take;
    if (assembly.have < assembly.need) return at;
    if (!assembly.known && !this.judge(chunk.frame)) return at;
    if (assembly.have === assembly.need) this.handOver(chunk, at);
    return at;
  }

  /** The header is whole: makes room for the PDU it announces. False when step is lost, or there is no room. */
  private judge(frame: number): boolean {
    const { assembly } = this;
    const found =
      this.sink.probing && !plausibleHeader(assembly.u8, 0, HEADER_BYTES) ? FOUND.garbage : headerAt(assembly.u8, 0);
    if (found !== FOUND.pdu) {
      // Its bytes stay in the search: another header may begin among them.
      const tail = [...assembly.u8.subarray(1)];
      const frames = tail.map((_, i) => frameAt(assembly, i + 1));
      this.lose(found, frame);
      this.skipped = 1;
      this.tail = tail;
      this.tailFrames = frames;
      return false;
    }
    const need = fragLengthAt(assembly.u8, 0);
    assembly.known = true;
    assembly.need = need;
    if (need === HEADER_BYTES) return true;
    if (!this.sink.hold(need - HEADER_BYTES, frame)) {
      // Without room nothing more is kept; the rest of the PDU is passed over.
      this.skip = need - HEADER_BYTES;
      this.release();
      this.sink.lost(this, FOUND.pdu, frame);
      return false;
    }
    const grown = new Uint8Array(need);
    grown.set(assembly.u8);
    assembly.u8 = grown;
    return true;
  }

  private handOver(at: Chunk | Gap, next: number): void {
    const { assembly } = this;
    const { u8, have } = assembly;
    this.sink.release(u8.length);
    assembly.u8 = EMPTY;
    assembly.have = 0;
    this.sink.pdu(this, blockOf(u8), 0, have, at, assembly, next);
    assembly.clear();
  }

  private lose(found: number, frame: number): void {
    this.release();
    this.searching = true;
    this.sink.lost(this, found, frame);
  }

  private dropTail(): void {
    this.skipped += this.tail.length;
    this.tail = [];
    this.tailFrames = [];
  }

  /** Looks for a header; returns where it begins, or the end of the chunk. */
  private search(chunk: Chunk, from: number): number {
    const { block, end } = chunk;
    const { u8 } = block;
    if (this.tail.length > 0) {
      const seamFrom = this.seam(chunk, from);
      if (!this.searching) return seamFrom;
      if (end - from < HEADER_BYTES) {
        this.keepTail(chunk, from);
        return end;
      }
      this.dropTail();
    }
    const last = end - HEADER_BYTES;
    for (let at = from; at <= last; at++) {
      if (u8[at] !== 5 || !plausibleHeader(u8, at, end) || !this.credible(u8, at, end)) continue;
      this.inStep(chunk, at - from);
      return at;
    }
    const kept = Math.max(from, last + 1);
    this.skipped += kept - from;
    this.keepTail(chunk, kept);
    if (this.skipped > this.searchBytes) this.sink.giveUp(this, chunk.frame);
    return end;
  }

  /** A header that began in earlier chunks: its bytes become a PDU in the making. */
  private seam(chunk: Chunk, from: number): number {
    const { tail, tailFrames } = this;
    const joined = Uint8Array.from([
      ...tail,
      ...chunk.block.u8.subarray(from, Math.min(chunk.end, from + HEADER_BYTES - 1)),
    ]);
    for (let at = 0; at < tail.length && at + HEADER_BYTES <= joined.length; at++) {
      if (!plausibleHeader(joined, at, joined.length)) continue;
      const { assembly } = this;
      this.sink.hold(HEADER_BYTES, chunk.frame);
      assembly.u8 = new Uint8Array(HEADER_BYTES);
      assembly.need = HEADER_BYTES;
      assembly.firstS = chunk.timeS;
      assembly.firstNs = chunk.timeNs;
      assembly.at(chunk);
      for (let i = at; i < tail.length; i++) {
        assembly.note(tailFrames[i] ?? chunk.frame);
        assembly.u8[assembly.have++] = tail[i] as number;
      }
      this.tail = [];
      this.tailFrames = [];
      this.inStep(chunk, at);
      return from;
    }
    return from;
  }

  private keepTail(chunk: Chunk, from: number): void {
    for (let at = from; at < chunk.end; at++) {
      this.tail.push(chunk.block.u8[at] as number);
      this.tailFrames.push(chunk.frame);
    }
    while (this.tail.length >= HEADER_BYTES) {
      this.tail.shift();
      this.tailFrames.shift();
      this.skipped++;
    }
  }

  /**
   * Where the PDU ends inside the chunk, another has to begin: a second witness against bytes that look like a header
   * by chance.
   */
  private credible(u8: Uint8Array, at: number, end: number): boolean {
    const next = at + fragLengthAt(u8, at);
    return next >= end || plausibleHeader(u8, next, end);
  }

  private inStep(chunk: Chunk, passed: number): void {
    const skipped = this.skipped + passed;
    this.searching = false;
    this.skipped = 0;
    if (skipped > 0) this.sink.resync(this, chunk.frame, skipped);
  }
}

function frameAt(assembly: Assembly, offset: number): number {
  let i = assembly.from.length - 1;
  while (i > 0 && (assembly.from[i] as number) > offset) i--;
  return assembly.frame[i] ?? 0;
}
