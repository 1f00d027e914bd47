import { Sink } from '../bytes/sink.js';
import type { Value } from '../types.js';
import type { Encoding, Tape } from './codec.js';
import type { CountEntry, TapeEntry, TapeKind } from './tape.js';
import type { Fields } from './value.js';

/** First referent id of a canonical encoding, and the step to the next, as Windows numbers them. */
const FIRST_REFERENT = 0x0002_0000;
const REFERENT_STEP = 4;

/** An encode in progress. With a tape, what the value does not show is taken from it, in wire order. */
export class Encoder extends Sink {
  /** Changes while a type that has an encoding of its own is written. */
  ndr64: boolean;
  readonly path: string[] = [];
  scope: Fields | null = null;
  params: Fields | null = null;
  readonly request: Fields | null;
  /** Counts taken from the tape for the array whose max count stands ahead of its structure. */
  counts: CountEntry | null = null;
  /** Values of full pointers already written, by referent id, with the node of the type they point to. */
  readonly full = new Map<number | bigint, { readonly node: object; readonly value: Value }>();
  private readonly tape: Tape | null;
  private readonly entries: readonly TapeEntry[];
  private tapeAt = 0;
  private referent = 0;

  constructor(encoding: Encoding, tape: Tape | null, request: Fields | null) {
    super(encoding.littleEndian);
    this.ndr64 = encoding.syntax === 'ndr64';
    this.tape = tape;
    this.entries = tape === null ? [] : tape.entries;
    this.request = request;
  }

  /**
   * The next entry when it is of this kind. Padding that is not asked for, because a changed value is aligned
   * otherwise, is passed over; an entry of another kind stays, for whoever wants it.
   */
  taped<K extends TapeKind>(kind: K): Extract<TapeEntry, { kind: K }> | null {
    let at = this.tapeAt;
    if (kind !== 'padding') while (this.entries[at]?.kind === 'padding') at++;
    const entry = this.entries[at];
    if (entry === undefined || entry.kind !== kind) return null;
    this.tapeAt = at + 1;
    return entry as Extract<TapeEntry, { kind: K }>;
  }

  /** The next entry of this kind, wherever it is, left on the tape. */
  ahead<K extends TapeKind>(kind: K): Extract<TapeEntry, { kind: K }> | null {
    for (let at = this.tapeAt; at < this.entries.length; at++) {
      const entry = this.entries[at];
      if (entry?.kind === kind) return entry as Extract<TapeEntry, { kind: K }>;
    }
    return null;
  }

  pad(size: number): void {
    const over = this.length & (size - 1);
    if (over === 0) return;
    const entry = this.taped('padding');
    if (entry !== null && entry.bytes.length === size - over) this.bytes(entry.bytes);
    else this.fill(size - over);
  }

  /** An encoder for bytes whose alignment counts from elsewhere; it goes on along this one's tape until `absorb`. */
  nested(encoding: Encoding): Encoder {
    const inner = new Encoder(encoding, this.tape, this.request);
    inner.tapeAt = this.tapeAt;
    inner.path.push(...this.path);
    return inner;
  }

  /** Takes the tape's position back from a nested encoder. */
  absorb(inner: Encoder): void {
    this.tapeAt = inner.tapeAt;
  }

  /** A canonical referent id, above all that the tape has. */
  nextReferent(): number {
    if (this.referent === 0) {
      this.referent = FIRST_REFERENT;
      for (const entry of this.entries) {
        if (entry.kind === 'referent' && entry.id >= this.referent && entry.id < 0xffff_fff0)
          this.referent = Number(entry.id) + REFERENT_STEP;
      }
    }
    const id = this.referent;
    this.referent += REFERENT_STEP;
    return id;
  }

  /**
   * Writes the referent id of a pointer, the taped one where it still says the same, and returns it; 0 is null. A null
   * value may also stand behind a pointer, when what it points to can be null (`within`): then the tape decides.
   */
  referentId(isNull: boolean, within = false): number | bigint {
    this.pad(this.ndr64 ? 8 : 4);
    const taped = this.taped('referent');
    const fits = taped !== null && ((taped.id === 0) === isNull || (isNull && within));
    let id: number | bigint = 0;
    if (fits) id = taped.id;
    else if (!isNull) id = this.nextReferent();
    this.pointer(id);
    return id;
  }

  count(value: number): void {
    this.pad(this.ndr64 ? 8 : 4);
    if (this.ndr64) this.u64(BigInt(value));
    else this.u32(value);
  }

  pointer(id: number | bigint): void {
    this.pad(this.ndr64 ? 8 : 4);
    if (this.ndr64) this.u64(BigInt(id));
    else this.u32(Number(id));
  }
}
