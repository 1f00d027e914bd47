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
export function* frames(bytes: Uint8Array, start: number): Generator<Piece> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let budget = MAX_RESYNC_BYTES;
  let at = start;
  while (at < bytes.length) {
    const size = wholeAt(bytes, view, at);
    if (size >= 0) {
      yield { kind: 'frame', at, payload: bytes.subarray(at + FRAME_HEAD, at + FRAME_HEAD + size) };
      at += FRAME_HEAD + size;
      continue;
    }
    let next = at + 1;
    for (; next < bytes.length - FRAME_HEAD && budget > 0; next++) {
      if (!looksLikeRecord(bytes, next + FRAME_HEAD)) continue;
      const length = view.getUint32(next, true);
      if (length > bytes.length - next - FRAME_HEAD || length > MAX_RECORD_BYTES) continue;
      budget -= length;
      if (wholeAt(bytes, view, next) >= 0) break;
    }
    if (next < bytes.length - FRAME_HEAD && budget > 0) {
      yield {
        kind: 'damage',
        at,
        end: next,
        message: `${next - at} bytes at offset ${at} are damaged; reading goes on at offset ${next}`,
      };
      at = next;
      continue;
    }
    yield budget > 0
      ? {
          kind: 'cut',
          at,
          message: `the last ${bytes.length - at} bytes, at offset ${at}, are no whole record: the file was cut, or its writer was stopped`,
        }
      : {
          kind: 'damage',
          at,
          end: bytes.length,
          message: `${bytes.length - at} bytes at offset ${at} are damaged, and no whole record was found behind them in reasonable time`,
        };
    return;
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
