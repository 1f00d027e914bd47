import { closeSync, openSync, readSync } from 'node:fs';
import type { CallStore } from '../../replay/compare/session.js';
import { readPayload, recordBytes, type RecordPlace } from '../../replay/recording/format.js';
import { FRAME_HEAD, readHead, FILE_HEAD } from '../../replay/recording/frames.js';
import { unpackOwn } from '../../replay/recording/pack.js';
import type { RecordedCall } from '../../replay/recording/records.js';
import { joinedCall, type SessionBase } from '../../replay/recording/sessions.js';
import { Numbered } from '../bytes/numbered.js';
import { fileReason } from './reason.js';
import { SpooledBytes } from './spooled-bytes.js';
import { UsageError } from './streams.js';

/** Calls that are kept unpacked: those looked into last. */
const MAX_UNPACKED = 256;
/** Bytes of a file read at once where its calls are looked into one behind another. */
const READ_AHEAD = 256 * 1024;

/** Calls that were looked into last, by their position, the oldest of them forgotten first. */
class Recent {
  private readonly calls = new Map<number, RecordedCall>();

  get(position: number): RecordedCall | undefined {
    return this.calls.get(position);
  }

  keep(position: number, call: RecordedCall): RecordedCall {
    this.calls.set(position, call);
    if (this.calls.size > MAX_UNPACKED) for (const [oldest] of this.calls) if (this.calls.delete(oldest)) break;
    return call;
  }
}

/** A list of numbers that grows: eight bytes each. */
class Offsets {
  private list = new Float64Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.list.length) {
      const larger = new Float64Array(this.length * 2);
      larger.set(this.list);
      this.list = larger;
    }
    this.list[this.length++] = value;
  }

  at(index: number): number {
    return this.list[index] ?? 0;
  }
}

/**
 * Calls that are elsewhere than in memory, by their position and by their number: some twenty bytes of memory each, and
 * those that were looked into last.
 */
abstract class StoredCalls implements CallStore {
  private readonly starts = new Offsets();
  private readonly sizes = new Offsets();
  private readonly numbers = new Numbered();
  private readonly bases: { readonly from: number; readonly base: SessionBase }[] = [];
  private readonly recent = new Recent();

  /** How many there are. */
  get length(): number {
    return this.starts.length;
  }

  /** Its number joined, as all here. */
  position(id: number): number | undefined {
    return this.numbers.position(id);
  }

  /** The call at a position; its numbers joined. @throws RangeError where there is none */
  at(position: number): RecordedCall {
    const known = this.recent.get(position);
    if (known !== undefined) return known;
    const call = this.asWritten(position);
    const base = this.baseOf(position);
    return this.recent.keep(position, base === null ? call : joinedCall(call, base));
  }

  /** The same with the numbers that it has in its own session. */
  asWritten(position: number): RecordedCall {
    if (position < 0 || position >= this.length) throw new RangeError(`there is no call ${position}`);
    return this.read({ at: this.starts.at(position), size: this.sizes.at(position) });
  }

  abstract keep(call: RecordedCall): number;
  abstract close(): void;
  protected abstract read(place: RecordPlace): RecordedCall;

  /** One more call stands there; `base`: what its numbers have in front. Returns its position. */
  protected add(id: number, { at, size }: RecordPlace, base: SessionBase | null): number {
    const last = this.bases.at(-1)?.base;
    if (base !== null && base !== last) this.bases.push({ from: this.length, base });
    this.numbers.add(id);
    this.starts.push(at);
    this.sizes.push(size);
    return this.length - 1;
  }

  /** It was just there: it may be looked into next. */
  protected remember(position: number, call: RecordedCall): void {
    this.recent.keep(position, call);
  }

  private baseOf(position: number): SessionBase | null {
    let [low, high] = [0, this.bases.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.bases[middle]?.from ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return this.bases[low - 1]?.base ?? null;
  }
}

/** The calls of a binary recording, read from its file again whenever they are looked into. */
export class FileCalls extends StoredCalls {
  private readonly path: string;
  private readonly file: number;
  private readonly version: number;
  private ahead = new Uint8Array(0);
  private aheadAt = 0;
  private end = 0;

  /** @throws UsageError when it cannot be read */
  constructor(path: string) {
    super();
    this.path = path;
    try {
      this.file = openSync(path, 'r');
      this.version = readHead(this.bytes(0, FILE_HEAD)).version;
    } catch (error) {
      throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
    }
  }

  /** Where a call stands in the file, and what its session's numbers have in front. */
  stands(id: number, place: RecordPlace, base: SessionBase): void {
    this.add(id, place, base);
  }

  keep(): number {
    // It stays where it is: what was told of last.
    return this.length - 1;
  }

  close(): void {
    closeSync(this.file);
  }

  protected read({ at, size }: RecordPlace): RecordedCall {
    const read = readPayload(this.piece(at, size), this.version);
    if ('refused' in read || read.record?.kind !== 'call')
      throw new UsageError(`${this.path} was changed while it was read`);
    return read.record;
  }

  /** Where calls are looked into one behind another, the file is read in larger pieces. */
  private piece(at: number, size: number): Uint8Array {
    const inside = at - this.aheadAt;
    if (inside >= 0 && inside + size <= this.ahead.length) return this.ahead.slice(inside, inside + size);
    const follows = at >= this.end && at - this.end < READ_AHEAD;
    this.end = at + size;
    if (!follows || size >= READ_AHEAD) return this.bytes(at, size);
    this.ahead = this.bytes(at, READ_AHEAD);
    this.aheadAt = at;
    return this.ahead.slice(0, size);
  }

  private bytes(at: number, size: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(size);
    let read = 0;
    while (read < size) {
      const more = readSync(this.file, bytes, read, size - read, at + read);
      if (more === 0) break;
      read += more;
    }
    return bytes.subarray(0, read);
  }
}

/** Calls that are in no file of anybody's: as bytes, in memory while they are few, then in a file of their own. */
export class PackedCalls extends StoredCalls {
  private readonly spool = new SpooledBytes();

  keep(call: RecordedCall): number {
    const position = this.put(call, null);
    this.remember(position, call);
    return position;
  }

  /** A call with the numbers of its own session, and what these have in front; returns its position. */
  put(call: RecordedCall, base: SessionBase | null): number {
    const bytes = recordBytes(call).subarray(FRAME_HEAD);
    return this.add(call.id + (base?.call ?? 0), { at: this.spool.add(bytes), size: bytes.length }, base);
  }

  close(): void {
    this.spool.close();
  }

  protected read({ at, size }: RecordPlace): RecordedCall {
    return unpackOwn(this.spool.read(at, size)) as unknown as RecordedCall;
  }
}
