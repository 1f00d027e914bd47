import { blockOf } from '../bytes/block.js';
import type { Block, Chunk, Direction, Gap, Moment } from '../types.js';

/** From where on the bytes of a message came in a frame; `from` counts from the message's first byte. */
export interface Piece extends Moment {
  readonly from: number;
  readonly frame: number;
}

/**
 * An SMB message without the header of its transport, absolute in `block`. `size` is what that header says; fewer bytes
 * than that are there where some were not captured, or not kept.
 */
export interface Message {
  readonly block: Block;
  readonly start: number;
  readonly end: number;
  readonly size: number;
  readonly pieces: readonly Piece[];
  /** Those of the encrypted message that it was in. */
  readonly outer?: readonly Piece[];
}

/** Who receives what an {@link SmbStream} finds. */
export interface MessageSink {
  /** By the first bytes of a message that does not lie whole in one chunk: whether all of it is wanted. */
  wants(stream: SmbStream, head: Uint8Array): boolean;
  message(stream: SmbStream, message: Message): void;
  /** Step was lost: what stood between is not known. */
  lost(stream: SmbStream, at: Chunk | Gap): void;
  /** Nothing is wanted any more, of the piece at hand neither. */
  readonly over: boolean;
  /** Nothing like SMB for too long. */
  giveUp(stream: SmbStream): void;
  /** Whether so many bytes more may be held. */
  hold(bytes: number): boolean;
  release(bytes: number): void;
}

/** Header of the NetBIOS session service (RFC 1002 4.3.1) and of direct TCP ([MS-SMB2] 2.1). */
const TRANSPORT = 4;
/** Bytes of a message by which it is decided whether the rest is wanted: SMB2 WRITE and the first bytes it carries. */
export const HEAD = 64 + 48 + 16;
const SESSION_MESSAGE = 0;
/** Other packets of the session service: request, its answers, and keep-alives. */
const SERVICE: readonly number[] = [0x81, 0x82, 0x83, 0x84, 0x85];
/** Least bytes by which a message is known where step was lost: transport, signature, and size of the header. */
const SIGNED = TRANSPORT + 6;
const EMPTY = new Uint8Array(0);

/**
 * Whether a session message with an SMB header begins at `at`, as far as bytes before `end` tell: `SMB` behind 0xff
 * ([MS-CIFS] 2.2.3.1), 0xfe ([MS-SMB2] 2.2.1), 0xfd (2.2.41) or 0xfc (2.2.42).
 */
export function smbAt(u8: Uint8Array, at: number, end: number): boolean {
  const have = end - at;
  if (u8[at] !== SESSION_MESSAGE) return false;
  if (have > 4 && (u8[at + 4] as number) < 0xfc) return false;
  if (have > 5 && u8[at + 5] !== 0x53) return false;
  if (have > 6 && u8[at + 6] !== 0x4d) return false;
  if (have > 7 && u8[at + 7] !== 0x42) return false;
  if (have > 9 && u8[at + 4] === 0xfe) return u8[at + 8] === 64 && u8[at + 9] === 0;
  return have < TRANSPORT || lengthAt(u8, at) >= 32;
}

/** Whether a stream may begin with `at` for SMB over NetBIOS: a session request to a name (RFC 1002 4.3.2). */
export function sessionRequestAt(u8: Uint8Array, at: number, end: number): boolean {
  const have = end - at;
  return (
    u8[at] === 0x81 && (have < TRANSPORT || (u8[at + 1] === 0 && u8[at + 2] === 0 && (u8[at + 3] as number) <= 136))
  );
}

function lengthAt(u8: Uint8Array, at: number): number {
  return ((u8[at + 1] as number) << 16) | ((u8[at + 2] as number) << 8) | (u8[at + 3] as number);
}

/** One direction of a connection: chunks to messages. What nobody wants is passed over without being kept. */
export class SmbStream {
  readonly direction: Direction;
  private readonly sink: MessageSink;
  private readonly limits: { readonly message: number; readonly searchBytes: number };
  /** The message in the making behind its transport header, and what is known of it. */
  private u8 = EMPTY;
  private have = 0;
  private size = 0;
  private pieces: Piece[] = [];
  /** Bytes of the transport header so far; the message itself begins behind four. */
  private header = 0;
  private readonly transport = new Uint8Array(TRANSPORT);
  private skip = 0;
  private searching: boolean;
  private passed = 0;
  /** Last bytes that were searched in vain: a message may begin among them. */
  private tail: Uint8Array = EMPTY;
  /** A message was found. */
  proven = false;

  constructor(
    direction: Direction,
    sink: MessageSink,
    limits: { readonly message: number; readonly searchBytes: number },
    inStep: boolean,
  ) {
    this.direction = direction;
    this.sink = sink;
    this.limits = limits;
    this.searching = !inStep;
  }

  push(chunk: Chunk): void {
    let { start: at } = chunk;
    while (at < chunk.end && !this.sink.over) {
      if (this.skip > 0) {
        const passed = Math.min(this.skip, chunk.end - at);
        this.skip -= passed;
        at += passed;
      } else if (this.searching) at = this.search(chunk, at);
      else if (this.u8.length > 0) at = this.fill(chunk, at);
      else at = this.begin(chunk, at);
    }
  }

  /** A hole: within a message whose length is known it costs that message alone. */
  gap(gap: Gap): void {
    if (this.searching) {
      this.tail = EMPTY;
      return;
    }
    let left = gap.size;
    if (this.skip >= left) {
      this.skip -= left;
      return;
    }
    left -= this.skip;
    this.skip = 0;
    if (this.u8.length > 0) {
      const missing = this.size - this.have;
      this.handOver();
      if (left <= missing) {
        this.skip = missing - left;
        return;
      }
    }
    this.lose(gap);
  }

  /** Nothing more will come: what is there of a message is handed on. */
  finish(): void {
    if (this.u8.length > 0) this.handOver();
    this.tail = EMPTY;
  }

  /** Nothing of it is wanted any more. */
  abandon(): void {
    this.drop();
    this.tail = EMPTY;
  }

  /** Whether a message is incomplete, as the end of its stream finds it. */
  get open(): boolean {
    return this.u8.length > 0;
  }

  /** At the beginning of a packet of the session service; returns where the chunk goes on. */
  private begin(chunk: Chunk, from: number): number {
    const { block, end } = chunk;
    const { u8 } = block;
    let at = from;
    if (this.header === 0 && end - at >= TRANSPORT) {
      const size = lengthAt(u8, at);
      if (u8[at] === SESSION_MESSAGE && end - at - TRANSPORT >= size) {
        if (size >= 4 && !smbAt(u8, at, end)) return this.astray(chunk, at);
        const start = at + TRANSPORT;
        if (size > 0) {
          this.proven = true;
          const { frame, timeS, timeNs } = chunk;
          this.sink.message(this, {
            block,
            start,
            end: start + size,
            size,
            pieces: [{ from: 0, frame, timeS, timeNs }],
          });
        }
        return start + size;
      }
    }
    while (this.header < TRANSPORT && at < end) this.transport[this.header++] = u8[at++] as number;
    if (this.header < TRANSPORT) return at;
    this.header = 0;
    const size = lengthAt(this.transport, 0);
    const [type] = this.transport;
    if (type !== SESSION_MESSAGE) {
      if (type === undefined || !SERVICE.includes(type)) return this.astray(chunk, at);
      this.skip = size;
      return at;
    }
    this.size = size;
    const head = Math.min(size, HEAD);
    if (size === 0) return at;
    if (this.sink.hold(head)) this.u8 = new Uint8Array(head);
    else this.skip = size;
    return at;
  }

  /** Adds to the message in the making; returns where the chunk goes on. */
  private fill(chunk: Chunk, from: number): number {
    const { frame, timeS, timeNs } = chunk;
    const to = Math.min(chunk.end, from + this.u8.length - this.have);
    if (this.pieces.at(-1)?.frame !== frame) this.pieces.push({ from: this.have, frame, timeS, timeNs });
    this.u8.set(chunk.block.u8.subarray(from, to), this.have);
    this.have += to - from;
    if (this.have < this.u8.length) return to;
    if (this.have >= 4 && !signed(this.u8)) {
      this.drop();
      return this.astray(chunk, to);
    }
    this.proven = true;
    if (this.have === this.size) this.handOver();
    else if (
      this.size <= this.limits.message &&
      this.sink.wants(this, this.u8) &&
      this.sink.hold(this.size - this.u8.length)
    ) {
      const grown = new Uint8Array(this.size);
      grown.set(this.u8);
      this.u8 = grown;
    } else {
      const missing = this.size - this.have;
      this.handOver();
      this.skip = missing;
    }
    return to;
  }

  private handOver(): void {
    const { u8, have, size, pieces } = this;
    this.drop();
    if (have > 0) this.sink.message(this, { block: blockOf(u8), start: 0, end: have, size, pieces });
  }

  private drop(): void {
    this.sink.release(this.u8.length);
    this.u8 = EMPTY;
    this.have = 0;
    this.pieces = [];
  }

  /** No packet of the session service begins where one has to. */
  private astray(chunk: Chunk, at: number): number {
    this.lose(chunk);
    return at;
  }

  private lose(at: Chunk | Gap): void {
    this.header = 0;
    this.searching = true;
    this.passed = 0;
    this.tail = EMPTY;
    this.sink.lost(this, at);
  }

  /** Looks for the next message; returns where it begins, or the end of the chunk. */
  private search(chunk: Chunk, from: number): number {
    const { u8 } = chunk.block;
    const { end } = chunk;
    if (this.tail.length > 0) {
      const seam = this.seam(chunk, from);
      if (!this.searching) return seam;
    }
    for (let at = u8.indexOf(0x53, from + 5); at >= 0 && at < end; at = u8.indexOf(0x53, at + 1)) {
      if (end - at + 5 < SIGNED || !smbAt(u8, at - 5, end)) continue;
      this.searching = false;
      this.tail = EMPTY;
      return at - 5;
    }
    this.keep(u8, from, end);
    this.passed += end - from;
    if (this.passed > this.limits.searchBytes) this.sink.giveUp(this);
    return end;
  }

  /** A message that began among the last bytes of earlier chunks: its transport header at least is among them. */
  private seam(chunk: Chunk, from: number): number {
    const { tail } = this;
    const more = chunk.block.u8.subarray(from, Math.min(chunk.end, from + SIGNED));
    const joined = new Uint8Array(tail.length + more.length);
    joined.set(tail);
    joined.set(more, tail.length);
    for (let at = 0; at < tail.length && joined.length - at >= SIGNED; at++) {
      if (!smbAt(joined, at, joined.length)) continue;
      this.searching = false;
      this.tail = EMPTY;
      const left = joined.slice(at, tail.length);
      this.push({ ...chunk, block: blockOf(left), start: 0, end: left.length });
      return from;
    }
    return from;
  }

  private keep(u8: Uint8Array, from: number, end: number): void {
    const joined = [...this.tail, ...u8.subarray(Math.max(from, end - SIGNED + 1), end)];
    this.tail = Uint8Array.from(joined.slice(-(SIGNED - 1)));
  }
}

/** Whether a message begins as SMB does. */
function signed(u8: Uint8Array): boolean {
  return (u8[0] as number) >= 0xfc && u8[1] === 0x53 && u8[2] === 0x4d && u8[3] === 0x42;
}
