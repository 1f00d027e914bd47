import { concat } from '../../src/bytes/concat.js';
import type { Value } from '../../src/types.js';
import { fileHead, FILE_HEAD, frame, FRAME_HEAD, FrameReader, readHead, type Piece } from './frames.js';
import { MAX_RECORD_BYTES, MAX_RECORDING_PROBLEMS } from './limits.js';
import { FORMAT_VERSION, migrate } from './migrate.js';
import { pack, unpack } from './pack.js';
import type { RecordedCall, RecordedStub, Recording, RecordingProblem, RecordingRecord } from './records.js';
import { asRecord } from './schema.js';

/**
 * The bytes of one record, to be appended to a file that begins with {@link fileHead}. A call that would take more than
 * {@link MAX_RECORD_BYTES} is recorded in part: without the bytes of its stubs, and, where that is not enough, without
 * its arguments.
 */
export function recordBytes(record: RecordingRecord): Uint8Array {
  const payload = pack(record as unknown as Value);
  if (payload.length <= MAX_RECORD_BYTES || record.kind !== 'call') return frame(payload);
  const bare: RecordedCall = { ...record, request: inPart(record.request), response: inPart(record.response) };
  const less = pack(bare as unknown as Value);
  if (less.length <= MAX_RECORD_BYTES) return frame(less);
  return frame(pack({ ...bare, in: {}, out: {}, decoded: false } as unknown as Value));
}

function inPart(stub: RecordedStub | null): RecordedStub | null {
  return stub === null ? null : { ...stub, complete: false, bytes: new Uint8Array(0) };
}

/** A whole recording as the bytes of a file. */
export function recordingBytes(records: readonly RecordingRecord[]): Uint8Array {
  return concat([fileHead(), ...records.map(recordBytes)]);
}

/**
 * Reads a recording: every whole record, whatever is between them. Damage is told in `problems`, by offset.
 * @throws RecordingError when it is no recording, or one of a version not known
 */
export function readRecording(bytes: Uint8Array): Recording {
  const reader = new RecordingReader();
  const records: RecordingRecord[] = [];
  const take = (record: RecordingRecord): void => void records.push(record);
  reader.push(bytes, take);
  reader.end(take);
  return { version: reader.version, records, problems: reader.problems };
}

/** Takes a record that was read, and where its payload stands in the file. */
export type TakeRecord = (record: RecordingRecord, place: RecordPlace) => void;

/** Where a record stands in its file, in bytes; of a text, from the line on and so many lines. */
export interface RecordPlace {
  readonly at: number;
  readonly size: number;
}

/** Reads a recording piece by piece, in memory that does not grow with it. */
export class RecordingReader {
  readonly problems: RecordingProblem[] = [];
  /** Format version of the file, once its head was read. */
  version = FORMAT_VERSION;
  private head: Uint8Array = new Uint8Array(0);
  private frames: FrameReader | null = null;
  private size = 0;
  private last: RecordingRecord['kind'] | null = null;

  /** @throws RecordingError when it is no recording, or one of a version not known */
  push(bytes: Uint8Array, take: TakeRecord): void {
    this.size += bytes.length;
    if (this.frames !== null) {
      const reader = this.frames;
      this.pieces((out) => reader.push(bytes, out), take);
      return;
    }
    this.head = this.head.length === 0 ? bytes : concat([this.head, bytes]);
    if (this.head.length >= FILE_HEAD) this.begin(take);
  }

  /** No more bytes will come. @throws RecordingError as {@link push} */
  end(take: TakeRecord): void {
    const reader = this.frames ?? this.begin(take);
    this.pieces((out) => reader.end(out), take);
    if (this.last !== 'end')
      this.tell({
        code: 'unfinished',
        at: this.size,
        message: 'the recording has no end: its writer was stopped, or its last records were cut off',
      });
  }

  private begin(take: TakeRecord): FrameReader {
    const { head } = this;
    const { version, whole } = readHead(head);
    this.version = version;
    const short = head.length < FILE_HEAD;
    if (!whole)
      this.tell({
        code: short ? 'cut' : 'damaged',
        at: 0,
        message: `the head of the file is damaged; it is read as version ${version}`,
      });
    const reader = new FrameReader(Math.min(FILE_HEAD, head.length));
    this.frames = reader;
    this.head = new Uint8Array(0);
    if (!short) this.pieces((out) => reader.push(head.subarray(FILE_HEAD), out), take);
    return reader;
  }

  private pieces(read: (out: Piece[]) => void, take: TakeRecord): void {
    const pieces: Piece[] = [];
    read(pieces);
    for (const piece of pieces) {
      if (piece.kind === 'frame') this.payload(piece, take);
      else this.tell({ code: piece.kind === 'cut' ? 'cut' : 'damaged', at: piece.at, message: piece.message });
    }
  }

  private payload({ payload, at }: Extract<Piece, { kind: 'frame' }>, take: TakeRecord): void {
    const read = readPayload(payload, this.version);
    if ('refused' in read)
      this.tell({
        code: 'not-understood',
        at,
        message: `the record at offset ${at} is not understood: ${read.refused}`,
      });
    else if (read.record !== null) {
      this.last = read.record.kind;
      take(read.record, { at: at + FRAME_HEAD, size: payload.length });
    }
  }

  private tell(problem: RecordingProblem): void {
    if (this.problems.length < MAX_RECORDING_PROBLEMS) this.problems.push(problem);
  }
}

/** The record that the payload of a frame holds: null where a migration drops it. */
export function readPayload(
  payload: Uint8Array,
  version: number,
): { readonly record: RecordingRecord | null } | { readonly refused: string } {
  const unpacked = unpack(payload);
  if ('refused' in unpacked) return unpacked;
  const current = migrate(unpacked.value, version);
  return current === null ? { record: null } : asRecord(current);
}
