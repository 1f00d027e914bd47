import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Packr } from 'msgpackr';
import { OrdinaryCall, type OrdinaryReadings } from '../../analysis/ordinary.js';
import type { Call } from '../../types.js';
import type { OrdinaryRest } from './kept-call.js';
import {
  LocalParts,
  OrdinaryPacking,
  ordinaryRest,
  reopenedHeads,
  type BlockOrigin,
  type BlockParts,
} from './ordinary-packing.js';
import { CallPacking, type PackedCall } from './packing.js';
import { RecordReader, RecordWriter } from './record-bytes.js';
import { SharedParts, type Head, type PartLists } from './shared.js';

/**
 * Calls packed and compressed together: enough that what repeats from call to call costs little, few enough that one is
 * fetched in about a millisecond.
 */
export const ARCHIVE_BLOCK = 256;
/** Blocks kept unpacked: a screen of rows, the marked calls and what is being looked at. */
export const ARCHIVE_CACHED_BLOCKS = 16;
/** Compressed bytes kept in memory; past it, where no file takes them, the oldest block leaves. */
export const ARCHIVE_BYTES = 384 * 1024 * 1024;
/** Calls kept, wherever they are; past it the oldest leave. */
export const ARCHIVE_CALLS = 33_554_432;

/** Cipher text of the stubs of a call; null where a side was not sealed. */
export type WireStubs = readonly [request: Uint8Array | null, response: Uint8Array | null];

/** Where blocks lie, one behind another. */
export interface BlockStore {
  /** Bytes that take memory. */
  readonly inMemory: number;
  /** Where the first byte stands that can still be read. */
  readonly begin: number;
  /** Adds bytes that are read as one; returns where they stand. */
  add(bytes: Uint8Array): number;
  read(at: number, size: number): Uint8Array;
  /** Lets go of what stands before. */
  forget(before: number): void;
}

/** An archive of another run, and what finds how its calls are read. */
export interface Reopened {
  readonly of: KeptArchive;
  readonly readings: OrdinaryReadings;
}

/** A block, unpacked as far as it was looked at. */
interface Unpacked extends BlockParts {
  readonly reader: RecordReader;
  /** Where each call begins. */
  readonly starts: readonly number[];
  readonly calls: Call[];
}

/** The calls of an archive but for its blocks, by numbers of parts and places relative to the first block. */
export interface KeptArchive {
  readonly added: number;
  readonly oldest: number;
  /** Where the blocks stand that are there, and where they end. */
  readonly places: Float64Array;
  /** Names of the fields of packed objects. */
  readonly structures: string[][];
  readonly parts: PartLists;
  readonly heads: Head[];
  readonly ordinary: Head[];
  /** The block that is not full yet. */
  readonly open: {
    readonly bytes: Uint8Array;
    readonly starts: number[];
    readonly origin: BlockOrigin;
    readonly local: unknown[];
  };
}

/** Sets of fields of objects that are kept once. */
const MAX_STRUCTURES = 4096;
const ORDINARY = 1;
const WITH_WIRE = 2;
/** Blocks in a chunk of places. */
const CHUNK = 8192;

/**
 * Every call of a capture in little memory: packed, compressed in blocks of {@link ARCHIVE_BLOCK}, unpacked when looked
 * at. Ordinary calls are kept as their stubs, and decoded when somebody looks.
 * Calls are added in the order of their ids, which count from 1.
 */
export class CallArchive {
  private readonly structures: string[][];
  private readonly packr: Packr;
  private readonly shared: SharedParts;
  private readonly packing: CallPacking;
  private readonly ordinary: OrdinaryPacking;
  private readonly store: BlockStore;
  private readonly limit: number;
  private readonly most: number;
  /** Where blocks stand in the store, and one more: where the next one will. */
  private readonly places: (Float64Array | null)[] = [];
  private readonly cache = new Map<number, Unpacked>();
  private readonly wires = new WeakMap<Call, WireStubs>();
  private readonly out = new RecordWriter();
  private starts: number[] = [];
  private origin: BlockOrigin = { timeS: 0, frame: 0 };
  private local: LocalParts;
  /** Calls of the block that is written, as far as they were looked at. */
  private seen: Call[] = [];
  private added = 0;
  private oldest = 0;
  private end = 0;

  /**
   * @param limit compressed bytes kept in memory
   * @param most calls kept
   * @param kept what {@link CallArchive.kept} gave of another run, whose blocks the store has
   */
  constructor(
    limit = ARCHIVE_BYTES,
    store: BlockStore = new MemoryStore(),
    most = ARCHIVE_CALLS,
    kept: Reopened | null = null,
  ) {
    this.limit = limit;
    this.store = store;
    this.most = most;
    const { of = null, readings } = kept ?? {};
    const structures = of?.structures ?? [];
    this.structures = structures;
    const how = { useRecords: true, maxSharedStructures: MAX_STRUCTURES, moreTypes: true };
    // Names of fields of another run are numbered as they are loaded; those of this run as they come.
    this.packr = new Packr(of === null ? { ...how, structures } : { ...how, getStructures: () => structures });
    this.shared = new SharedParts(of?.parts);
    this.packing = new CallPacking(this.shared, of?.heads);
    const ordinary = of === null || readings === undefined ? [] : reopenedHeads(of.ordinary, readings);
    this.ordinary = new OrdinaryPacking(this.shared, ordinary);
    this.local = new LocalParts(of?.open.local);
    if (of !== null) this.reopen(of);
  }

  private reopen({ added, oldest, places, open }: KeptArchive): void {
    this.added = added;
    this.oldest = oldest;
    for (const [at, place] of places.entries()) {
      const number = oldest + at;
      while (this.places.length <= Math.floor(number / CHUNK)) this.places.push(new Float64Array(CHUNK));
      const chunk = this.places.at(-1);
      if (chunk != null) chunk[number % CHUNK] = place;
    }
    this.end = places.at(-1) ?? 0;
    this.out.put(open.bytes);
    this.starts = open.starts;
    this.origin = open.origin;
  }

  /** What another run needs to read the calls again, beside the blocks; null where it could not read them. */
  kept(readings: OrdinaryReadings): KeptArchive | null {
    const ordinary = this.ordinary.kept(readings);
    if (ordinary === null) return null;
    const { added, oldest, structures, shared, packing, out, starts, origin, local } = this;
    const base = this.place(oldest);
    return {
      added,
      oldest,
      places: Float64Array.from({ length: this.blockCount + 1 }, (_, at) => this.place(oldest + at) - base),
      structures: structures.slice(0, MAX_STRUCTURES).map((one) => Array.from(one)),
      parts: shared.lists,
      heads: packing.methods,
      ordinary,
      open: { bytes: out.bytes.slice(), starts, origin, local: local.parts },
    };
  }

  /** The blocks that are there, one behind another. */
  *blocks(): Generator<Uint8Array> {
    for (let number = this.oldest; number < this.oldest + this.blockCount; number++) {
      const at = this.place(number);
      yield this.store.read(at, this.place(number + 1) - at);
    }
  }

  private get blockCount(): number {
    return Math.floor(this.added / ARCHIVE_BLOCK) - this.oldest;
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
    return this.end - this.place(this.oldest);
  }

  /** `wire`: its stubs as they were on the wire, where they were opened. */
  add(call: Call, wire: WireStubs | null = null): void {
    const { out } = this;
    if (this.starts.length === 0)
      this.origin = { timeS: call.time?.timeS ?? 0, frame: call.requestFrames[0] ?? call.responseFrames[0] ?? 0 };
    const start = out.at;
    this.starts.push(start);
    this.added++;
    if (!(call instanceof OrdinaryCall) || !this.putOrdinary(call, wire)) {
      out.at = start;
      out.number(0);
      out.sized(this.packr.pack([...this.packing.pack(call), wire]));
    }
    if (this.starts.length === ARCHIVE_BLOCK) this.shut();
  }

  /**
   * The call with this index (its id less one); null when it left, or was never added. The same object while it is in
   * the cache.
   */
  get(index: number): Call | null {
    if (index < this.gone || index >= this.added) return null;
    const number = Math.floor(index / ARCHIVE_BLOCK);
    const at = index % ARCHIVE_BLOCK;
    if (number === Math.floor(this.added / ARCHIVE_BLOCK)) return (this.seen[at] ??= this.readOpen(at, index + 1));
    const block = this.unpacked(number);
    return (block.calls[at] ??= this.read(block, at, index + 1));
  }

  /** Stubs of a call that `get` gave as they were on the wire; null where they are no other than those of the call. */
  wire(call: Call): WireStubs | null {
    return this.wires.get(call) ?? null;
  }

  private putOrdinary(call: OrdinaryCall, wire: WireStubs | null): boolean {
    const { out, packr, origin, local } = this;
    const rest = ordinaryRest(call);
    out.number(ORDINARY | (wire === null ? 0 : WITH_WIRE));
    if (wire !== null) out.sized(packr.pack(wire));
    const packed = rest === null ? null : new Uint8Array(packr.pack(rest));
    return this.ordinary.put(call, out, { origin, local }, packed);
  }

  private read(block: Unpacked, at: number, id: number): Call {
    const from = block.reader.again(block.starts[at] ?? 0);
    const kind = from.number();
    if (kind === 0) {
      const packed = this.packr.unpack(from.sized()) as readonly [...PackedCall, WireStubs | null];
      return this.withWire(this.packing.unpack(packed.slice(0, -1) as unknown as PackedCall), packed.at(-1));
    }
    const wire: unknown = (kind & WITH_WIRE) === 0 ? null : this.packr.unpack(from.sized());
    return this.withWire(this.ordinary.get(id, from, block, this.restOf), wire);
  }

  private readonly restOf = (bytes: Uint8Array): OrdinaryRest => this.packr.unpack(bytes) as OrdinaryRest;

  private withWire(call: Call, wire: unknown): Call {
    if (wire != null) this.wires.set(call, wire as WireStubs);
    return call;
  }

  /** A call of the block that is written. */
  private readOpen(at: number, id: number): Call {
    const { starts, origin, local, out } = this;
    const bytes = out.bytes.slice(starts[at], starts[at + 1] ?? out.at);
    return this.read({ reader: new RecordReader(bytes), starts: [0], origin, local, calls: [] }, 0, id);
  }

  /** Compresses the block that is written: where calls begin, what numbers are counted from, parts, calls. */
  private shut(): void {
    const { out, starts, origin, local } = this;
    const head = this.packr.pack([starts, origin.timeS, origin.frame, local.parts]);
    const size = out.at;
    out.sized(head);
    out.word(size);
    const packed = deflateRawSync(out.bytes, { level: 1 });
    const number = this.added / ARCHIVE_BLOCK - 1;
    if (number % CHUNK === 0) this.places.push(new Float64Array(CHUNK));
    const places = this.places.at(-1);
    if (places != null) places[number % CHUNK] = this.store.add(packed);
    this.end += packed.length;
    out.at = 0;
    this.starts = [];
    this.local = new LocalParts();
    this.seen = [];
    this.leave();
  }

  /** The oldest leave where there are too many, in memory or in all. */
  private leave(): void {
    const { store } = this;
    const blocks = Math.floor(this.added / ARCHIVE_BLOCK);
    const before = this.oldest;
    const goes = (): boolean =>
      this.place(this.oldest) < store.begin ||
      store.inMemory > this.limit ||
      (blocks - this.oldest) * ARCHIVE_BLOCK > this.most;
    while (this.oldest < blocks - 1 && goes()) {
      this.cache.delete(this.oldest++);
      store.forget(this.place(this.oldest));
    }
    for (let chunk = Math.floor(before / CHUNK); chunk < Math.floor(this.oldest / CHUNK); chunk++)
      this.places[chunk] = null;
  }

  /** Where a block stands; of the one that is yet to be shut, where it will. */
  private place(number: number): number {
    return number * ARCHIVE_BLOCK + ARCHIVE_BLOCK > this.added
      ? this.end
      : (this.places[Math.floor(number / CHUNK)]?.[number % CHUNK] ?? 0);
  }

  private unpacked(number: number): Unpacked {
    const known = this.cache.get(number);
    if (known !== undefined) {
      this.cache.delete(number);
      this.cache.set(number, known);
      return known;
    }
    const at = this.place(number);
    const bytes = inflateRawSync(this.store.read(at, this.place(number + 1) - at));
    const end = new RecordReader(bytes, bytes.length - 4).word();
    const [starts, timeS, frame, parts] = this.packr.unpack(new RecordReader(bytes, end).sized()) as [
      number[],
      number,
      number,
      unknown[],
    ];
    const block = {
      reader: new RecordReader(bytes),
      starts,
      origin: { timeS, frame },
      local: new LocalParts(parts),
      calls: [],
    };
    this.cache.set(number, block);
    if (this.cache.size > ARCHIVE_CACHED_BLOCKS)
      for (const [oldest] of this.cache) if (this.cache.delete(oldest)) break;
    return block;
  }
}

/** Blocks in memory. */
class MemoryStore implements BlockStore {
  private readonly blocks = new Map<number, Uint8Array>();
  /** Where blocks stand, the oldest at `first`: a map whose oldest is taken out is walked from its beginning each time. */
  private order: number[] = [];
  private first = 0;
  private size = 0;
  begin = 0;

  get inMemory(): number {
    return this.size - this.begin;
  }

  add(bytes: Uint8Array): number {
    // A copy of its own: what zlib returns may be a small part of a large buffer.
    this.blocks.set(this.size, bytes.buffer.byteLength > bytes.length * 2 ? Uint8Array.from(bytes) : bytes);
    this.order.push(this.size);
    this.size += bytes.length;
    return this.size - bytes.length;
  }

  read(at: number): Uint8Array {
    const block = this.blocks.get(at);
    if (block === undefined) throw new RangeError('nothing begins there');
    return block;
  }

  forget(before: number): void {
    for (let at = this.order[this.first]; at !== undefined && at < before; at = this.order[++this.first])
      this.blocks.delete(at);
    if (this.first > CHUNK) {
      this.order = this.order.slice(this.first);
      this.first = 0;
    }
    this.begin = Math.max(this.begin, before);
  }
}
