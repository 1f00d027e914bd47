import { Sink } from '../bytes/sink.js';
import type { Value } from '../types.js';
import type { Encoding, Fields, Tape } from './codec.js';
import type { TapeEntry } from './machine.js';

/** First referent id of a canonical encoding, and the step to the next, as Windows numbers them. */
const FIRST_REFERENT = 0x0002_0000;

/** An encode in progress. With a tape, what the value does not show is taken from it, in wire order. */
export class Encoder extends Sink {
  readonly ndr64: boolean;
  scope: { readonly [name: string]: Value } | null = null;
  params: { readonly [name: string]: Value } | null = null;
  readonly request: Fields | null;
  path: string[] = [];
  /** Full pointers whose referent was written. */
  readonly fullWritten = new Set<Value>();
  private readonly tape: Tape | null;
  private readonly shown: ReadonlyMap<Value, Value> | null;
  private readonly entries: readonly TapeEntry[] | null;
  private tapeAt = 0;
  private referent = FIRST_REFERENT;
  /** Full pointers already written, by value. */
  full: Map<Value, number> | null = null;

  constructor(encoding: Encoding, tape: Tape | null, request: Fields | null) {
    super(encoding.littleEndian);
    this.ndr64 = encoding.syntax === 'ndr64';
    this.entries = tape === null ? null : tape.entries;
    this.tape = tape;
    this.shown = tape === null ? null : tape.shown;
    this.request = request;
  }

  /** The next entry of the tape; undefined without one, or when the value has outgrown it. */
  hidden(): TapeEntry | undefined {
    return this.entries?.[this.tapeAt++];
  }

  /** The wire value that was shown as this one; undefined without a tape, or when the value is another. */
  chosen(value: Value): Value | undefined {
    return this.shown?.get(value);
  }

  /** The next entry when it is a number, else what the canonical encoding has. */
  hiddenNumber(canonical: number): number {
    const entry = this.hidden();
    return typeof entry === 'number' ? entry : canonical;
  }

  pad(size: number): void {
    const over = this.length & (size - 1);
    if (over === 0) return;
    const entry = this.hidden();
    if (entry instanceof Uint8Array && entry.length === size - over) this.bytes(entry);
    else this.fill(size - over);
  }

  /** An encoder for bytes whose alignment counts from elsewhere; it goes on along this one's tape until `absorb`. */
  nested(encoding: Encoding): Encoder {
    const inner = new Encoder(encoding, this.tape, this.request);
    inner.tapeAt = this.tapeAt;
    inner.path = this.path;
    return inner;
  }

  /** Takes the tape's position back from a nested encoder. */
  absorb(inner: Encoder): void {
    this.tapeAt = inner.tapeAt;
  }

  /** A canonical referent id. */
  nextReferent(): number {
    const id = this.referent;
    this.referent += 4;
    return id;
  }

  /** Referent id of a pointer that points somewhere: the taped one, or a canonical one. */
  referentId(): number {
    const taped = this.hidden();
    return typeof taped === 'number' && taped !== 0 ? taped : this.nextReferent();
  }

  count(value: number): void {
    this.pad(this.ndr64 ? 8 : 4);
    if (this.ndr64) this.u64(BigInt(value));
    else this.u32(value);
  }

  pointer(id: number): void {
    this.pad(this.ndr64 ? 8 : 4);
    if (this.ndr64) this.u64(BigInt(id));
    else this.u32(id);
  }
}
