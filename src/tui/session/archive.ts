import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Packr } from 'msgpackr';
import { blockOf } from '../../bytes/block.js';
import type { Call, Stub } from '../../types.js';
import { CallPacking, type PackedCall } from './packing.js';

/**
 * Calls packed and compressed together: enough that what repeats from call to call costs little, few enough that one is
 * fetched in about a millisecond.
 */
export const ARCHIVE_BLOCK = 128;
/** Blocks kept unpacked: a screen of rows, the marked calls and what is being looked at. */
export const ARCHIVE_CACHED_BLOCKS = 24;
/** Compressed bytes kept; past it the oldest block leaves. */
export const ARCHIVE_BYTES = 384 * 1024 * 1024;

/** Memory that stubs share until their calls are packed. */
const STUB_BYTES = 32 * 1024;

/** Cipher text of the stubs of a call; null where a side was not sealed. */
export type WireStubs = readonly [request: Uint8Array | null, response: Uint8Array | null];

/**
 * Every call of a capture in little memory: packed, compressed in blocks of {@link ARCHIVE_BLOCK}, unpacked when looked
 * at.
 * Calls are added in the order of their ids, which count from 1.
 */
export class CallArchive {
  private readonly packr = new Packr({ useRecords: true, structures: [], maxSharedStructures: 4096, moreTypes: true });
  private readonly packing = new CallPacking();
  private readonly blocks = new Map<number, Uint8Array>();
  private readonly cache = new Map<number, readonly Call[]>();
  private readonly limit: number;
  private readonly wires = new WeakMap<Call, WireStubs>();
  private open: Call[] = [];
  /** What holds the stubs of the calls that came last, and how much of it they take. */
  private memory = blockOf(new Uint8Array(STUB_BYTES));
  private used = 0;
  private added = 0;
  private oldest = 0;
  private held = 0;

  constructor(limit: number = ARCHIVE_BYTES) {
    this.limit = limit;
  }

  /** Calls added so far, those that left included. */
  get count(): number {
    return this.added;
  }

  /** Calls that left to keep memory bounded: the first so many. */
  get gone(): number {
    return this.oldest * ARCHIVE_BLOCK;
  }

  /** Compressed bytes held. */
  get bytes(): number {
    return this.held;
  }

  /** `wire`: its stubs as they were on the wire, where they were opened. */
  add(call: Call, wire: WireStubs | null = null): void {
    const kept = this.withOwnStubs(call);
    if (wire !== null) this.wires.set(kept, wire);
    this.open.push(kept);
    this.added++;
    if (this.open.length === ARCHIVE_BLOCK) this.shut();
  }

  /**
   * The call with this index (its id less one); null when it left, or was never added. The same object while it is in
   * the cache.
   */
  get(index: number): Call | null {
    const number = Math.floor(index / ARCHIVE_BLOCK);
    const calls = number === Math.floor(this.added / ARCHIVE_BLOCK) ? this.open : this.unpacked(number);
    return calls?.[index % ARCHIVE_BLOCK] ?? null;
  }

  /** Stubs of a call that `get` gave as they were on the wire; null where they are no other than those of the call. */
  wire(call: Call): WireStubs | null {
    return this.wires.get(call) ?? null;
  }

  /** The call with stubs of its own: the blocks of the file must not stay in memory for them. */
  private withOwnStubs(call: Call): Call {
    const { exchange } = call;
    const { request, response } = exchange;
    return { ...call, exchange: { ...exchange, request: this.own(request), response: this.own(response) } };
  }

  /** A copy of a stub; those of calls that leave together share memory, as a view for each would cost more. */
  private own(stub: Stub | null): Stub | null {
    if (stub === null || (stub.start === 0 && stub.block.u8.length === stub.end)) return stub;
    const { drep, frames, pieces, fragments, complete, sealed, verification } = stub;
    const size = stub.end - stub.start;
    if (this.used + size > this.memory.u8.length) {
      this.memory = blockOf(new Uint8Array(Math.max(STUB_BYTES, size)));
      this.used = 0;
    }
    const start = this.used;
    const end = start + size;
    this.memory.u8.set(stub.block.u8.subarray(stub.start, stub.end), start);
    this.used = end;
    return { block: this.memory, start, end, drep, frames, pieces, fragments, complete, sealed, verification };
  }

  private shut(): void {
    const number = this.added / ARCHIVE_BLOCK - 1;
    const packed = deflateRawSync(
      this.packr.pack(this.open.map((call) => [...this.packing.pack(call), this.wires.get(call) ?? null])),
      { level: 1 },
    );
    // A copy of its own: what zlib returns may be a small part of a large buffer.
    const block = packed.buffer.byteLength > packed.length * 2 ? Uint8Array.from(packed) : packed;
    this.blocks.set(number, block);
    this.held += block.length;
    this.remember(number, this.open);
    this.open = [];
    while (this.held > this.limit && this.blocks.size > 1) {
      this.held -= this.blocks.get(this.oldest)?.length ?? 0;
      this.blocks.delete(this.oldest);
      this.cache.delete(this.oldest++);
    }
  }

  private unpacked(number: number): readonly Call[] | null {
    const known = this.cache.get(number);
    if (known !== undefined) {
      this.cache.delete(number);
      this.cache.set(number, known);
      return known;
    }
    const block = this.blocks.get(number);
    if (block === undefined) return null;
    const calls = (
      this.packr.unpack(inflateRawSync(block)) as readonly (readonly [...PackedCall, WireStubs | null])[]
    ).map((packed) => {
      const wire = packed.at(-1) as WireStubs | null;
      const call = this.packing.unpack(packed.slice(0, -1) as unknown as PackedCall);
      if (wire !== null) this.wires.set(call, wire);
      return call;
    });
    this.remember(number, calls);
    return calls;
  }

  private remember(number: number, calls: readonly Call[]): void {
    this.cache.set(number, calls);
    if (this.cache.size <= ARCHIVE_CACHED_BLOCKS) return;
    for (const oldest of this.cache.keys()) {
      this.cache.delete(oldest);
      break;
    }
  }
}
