import { concat } from '../../src/bytes/concat.js';
import { crc32 } from '../../src/bytes/crc32.js';
import { FORMAT_VERSION } from './migrate.js';
import { MAX_RECORD_BYTES, MAX_RESYNC_BYTES } from './limits.js';
import { RecordingError } from './records.js';

/** First bytes of a file: not text, broken by anything that changes line ends or strips the eighth bit. */
const MAGIC = Uint8Array.of(0x89, 0x55, 0x41, 0x4d, 0x47, 0x52, 0x45, 0x43);
/** Magic, version, CRC of both. */
export const FILE_HEAD = 16;
/** Length and CRC in front of every payload. */
export const FRAME_HEAD = 8;

/** The head of a file. */
export function fileHead(version = FORMAT_VERSION): Uint8Array {
  const bytes = new Uint8Array(FILE_HEAD);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, version, true);
  view.setUint32(12, crc32(bytes, 0, 12), true);
  return bytes;
}

/** A payload in its frame. @throws RangeError past {@link MAX_RECORD_BYTES} */
export function frame(payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_RECORD_BYTES)
    throw new RangeError(`a record of ${payload.length} bytes is larger than ${MAX_RECORD_BYTES}`);
  const bytes = new Uint8Array(FRAME_HEAD + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length, true);
  bytes.set(payload, FRAME_HEAD);
  view.setUint32(4, checksum(bytes, 0, payload.length), true);
  return bytes;
}

/** Whether bytes begin as a recording does. */
export function isRecording(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, at) => bytes[at] === byte);
}

/**
 * Version of a file, and whether its head is whole. @throws RecordingError when it is no recording, or one from the
 * future
 */
export function readHead(bytes: Uint8Array): { readonly version: number; readonly whole: boolean } {
  if (!isRecording(bytes))
    throw new RecordingError(
      'it does not begin as a recording (.uamgrec) does: make one with uamgscope record FILE -o OUT.uamgrec',
    );
  if (bytes.length < FILE_HEAD) return { version: FORMAT_VERSION, whole: false };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(12, true) !== crc32(bytes, 0, 12)) return { version: FORMAT_VERSION, whole: false };
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION || version < 1)
    throw new RecordingError(
      `it has format version ${version} and this uamgscope reads 1 to ${FORMAT_VERSION}: use a newer one`,
    );
  return { version, whole: true };
}

/** A frame, or bytes that are none. */
export type Piece =
  | { readonly kind: 'frame'; readonly at: number; readonly payload: Uint8Array }
  | { readonly kind: 'damage'; readonly at: number; readonly end: number; readonly message: string }
  | { readonly kind: 'cut'; readonly at: number; readonly message: string };

/** The frames of a file from `start` on; behind damage, those that are whole again. */
export function frames(bytes: Uint8Array, start: number): readonly Piece[] {
  const reader = new FrameReader(start);
  const pieces: Piece[] = [];
  reader.push(bytes.subarray(start), pieces);
  reader.end(pieces);
  return pieces;
}

/** Bytes from the beginning of a frame that tell whether a record may begin there. */
const LOOK_AHEAD = FRAME_HEAD + 8;

/**
 * Finds the frames of a file that is read piece by piece: whatever the pieces, the same frames and the same damage. It
 * holds the bytes of one frame and of the piece that came last. Payloads are spans of these: valid until the next push.
 */
export class FrameReader {
  /** Bytes that are not settled yet, and where the first of them stands in the file. */
  private held: Uint8Array = new Uint8Array(0);
  private base: number;
  /** Where the next frame begins. */
  private at: number;
  private budget = MAX_RESYNC_BYTES;
  /** Damage that is not over: where it began, and where the next whole frame is looked for. */
  private damage: { readonly from: number; next: number } | null = null;

  /** @param start place of the first byte that is pushed, in its file */
  constructor(start: number) {
    this.base = start;
    this.at = start;
  }

  push(bytes: Uint8Array, out: Piece[]): void {
    this.held = this.held.length === 0 ? bytes : concat([this.held, bytes]);
    this.read(false, out);
  }

  /** No more bytes will come. */
  end(out: Piece[]): void {
    this.read(true, out);
    const { damage, base, held } = this;
    if (damage === null) return;
    const { from } = damage;
    const size = base + held.length - from;
    out.push(
      this.budget > 0
        ? {
            kind: 'cut',
            at: from,
            message: `the last ${size} bytes, at offset ${from}, are no whole record: the file was cut, or its writer was stopped`,
          }
        : {
            kind: 'damage',
            at: from,
            end: from + size,
            message: `${size} bytes at offset ${from} are damaged, and no whole record was found behind them in reasonable time`,
          },
    );
  }

  private read(ended: boolean, out: Piece[]): void {
    const view = new DataView(this.held.buffer, this.held.byteOffset, this.held.byteLength);
    let goesOn = true;
    while (goesOn) goesOn = this.damage === null ? this.frame(view, ended, out) : this.search(view, ended, out);
    const settled = (this.damage === null ? this.at : this.damage.next) - this.base;
    this.held = this.held.subarray(settled);
    this.base += settled;
  }

  /** The frame that is next, or that there is none; false where more bytes are wanted, or all are read. */
  private frame(view: DataView, ended: boolean, out: Piece[]): boolean {
    const at = this.at - this.base;
    const left = this.held.length - at;
    if (left <= 0) return false;
    const length = left < FRAME_HEAD ? 0 : view.getUint32(at, true);
    if (!ended && length <= MAX_RECORD_BYTES && left < FRAME_HEAD + length) return false;
    const size = wholeAt(this.held, view, at);
    if (size < 0) {
      this.damage = { from: this.at, next: this.at + 1 };
      return true;
    }
    out.push({ kind: 'frame', at: this.at, payload: this.held.subarray(at + FRAME_HEAD, at + FRAME_HEAD + size) });
    this.at += FRAME_HEAD + size;
    return true;
  }

  /** The next whole frame behind damage; false where more bytes are wanted, or all are read. */
  private search(view: DataView, ended: boolean, out: Piece[]): boolean {
    const { damage, held, base } = this;
    if (damage === null) return true;
    let next = damage.next - base;
    for (; this.budget > 0 && next < held.length - (ended ? FRAME_HEAD : LOOK_AHEAD); next++) {
      if (!looksLikeRecord(held, next + FRAME_HEAD)) continue;
      const length = view.getUint32(next, true);
      if (length > MAX_RECORD_BYTES) continue;
      if (length > held.length - next - FRAME_HEAD) {
        if (ended) continue;
        break;
      }
      this.budget -= length;
      if (this.budget <= 0 || wholeAt(held, view, next) < 0) continue;
      const { from } = damage;
      const end = base + next;
      const message = `${end - from} bytes at offset ${from} are damaged; reading goes on at offset ${end}`;
      out.push({ kind: 'damage', at: from, end, message });
      this.at = end;
      this.damage = null;
      return true;
    }
    // Nothing is looked for any more once the budget is used up.
    damage.next = base + (this.budget > 0 ? Math.min(next, held.length) : held.length);
    return false;
  }
}

/** Size of the payload of a whole frame, or -1. */
function wholeAt(bytes: Uint8Array, view: DataView, at: number): number {
  if (bytes.length - at < FRAME_HEAD) return -1;
  const length = view.getUint32(at, true);
  if (length > MAX_RECORD_BYTES || length > bytes.length - at - FRAME_HEAD) return -1;
  return view.getUint32(at + 4, true) === checksum(bytes, at, length) ? length : -1;
}

/** Over the length and the payload: a length that was hit is no shorter record. */
function checksum(bytes: Uint8Array, at: number, length: number): number {
  return crc32(bytes, at + FRAME_HEAD, at + FRAME_HEAD + length, crc32(bytes, at, at + 4));
}

/**
 * Whether a payload may begin here: a map (of 1 to 15 members, or with its count in two bytes) whose first key is
 * `kind`.
 */
function looksLikeRecord(bytes: Uint8Array, at: number): boolean {
  const tag = bytes[at] as number;
  const short = (tag & 0xf0) === 0x80 ? at + 1 : -1;
  const key = tag === 0xde ? at + 3 : short;
  return (
    key >= 0 &&
    bytes[key] === 0xa4 &&
    bytes[key + 1] === 0x6b &&
    bytes[key + 2] === 0x69 &&
    bytes[key + 3] === 0x6e &&
    bytes[key + 4] === 0x64
  );
}
