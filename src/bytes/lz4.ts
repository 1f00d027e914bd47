import { XxHash32, xxHash32 } from './xxhash32.js';

/** First four bytes of a frame, and of one as lz4 wrote them before version 1.4. */
const MAGIC = 0x184d_2204;
const LEGACY_MAGIC = 0x184c_2102;
/** Skippable frames have sixteen magic numbers, 0x184d2a50 and up. */
const SKIPPABLE = 0x0184_d2a5;
/** Bytes a skippable frame may have: it is taken in whole. */
const SKIPPABLE_MOST = 4 * 1024 * 1024;
/** How far back linked blocks refer. */
const HISTORY = 64 * 1024;
const BLOCK_SIZES: Readonly<Record<number, number>> = {
  4: 64 * 1024,
  5: 256 * 1024,
  6: 1024 * 1024,
  7: 4 * 1024 * 1024,
};
const LEGACY_BLOCK = 8 * 1024 * 1024;

/** Bits of FLG, the first byte of a frame descriptor. */
const FLG = {
  dictionary: 0x01,
  contentChecksum: 0x04,
  contentSize: 0x08,
  blockChecksum: 0x10,
  independent: 0x20,
} as const;

/** The frame at hand. */
interface Lz4Frame {
  readonly legacy: boolean;
  readonly blockSize: number;
  readonly blockChecksum: boolean;
  /** Blocks refer to those before them. */
  readonly linked: boolean;
  /** Bytes it says it holds, or null. */
  readonly size: bigint | null;
  /** Of what came out, where the frame ends with a checksum of it. */
  readonly hash: XxHash32 | null;
  written: number;
}

const NOTHING = new Uint8Array(0);

/**
 * LZ4 frames, legacy ones included, fed piece by piece: given out block by block. Every checksum
 * that is there is verified, and a block is held to the size that its frame gives.
 */
export class Lz4Frames {
  /** Why decoding stopped; what `push` returned before is good. */
  failure: Error | null = null;
  private waiting: Uint8Array = NOTHING;
  private frame: Lz4Frame | null = null;
  /** The last 64 KiB put out, which linked blocks refer to. */
  private history: Uint8Array = NOTHING;

  *push(piece: Uint8Array, last: boolean): Generator<Uint8Array> {
    if (this.failure !== null) return;
    const bytes = new Uint8Array(this.waiting.length + piece.length);
    bytes.set(this.waiting);
    bytes.set(piece, this.waiting.length);
    const view = new DataView(bytes.buffer);
    const out: Uint8Array[] = [];
    let at = 0;
    try {
      for (let used = this.step(bytes, view, at, out); used > 0; used = this.step(bytes, view, at, out)) {
        at += used;
        // One block at a time: what a piece holds may be 255 times as long.
        for (let data = out.shift(); data !== undefined; data = out.shift()) yield data;
      }
      this.waiting = bytes.slice(at);
      // A legacy frame ends where the input does.
      if (last && (this.waiting.length > 0 || this.frame?.legacy === false))
        throw new Error('lz4: the input ends inside a frame');
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
  }

  /** Takes a header, a block or an end; the bytes taken, 0 while not all are there. */
  private step(bytes: Uint8Array, view: DataView, at: number, out: Uint8Array[]): number {
    const left = bytes.length - at;
    if (left < 4) return 0;
    const { frame } = this;
    if (frame === null) return this.header(bytes, view, at, left);
    const word = view.getUint32(at, true);
    if (frame.legacy) return this.legacyBlock(bytes, at, left, word, out);
    if (word === 0) return this.end(frame, view, at, left);
    const size = word & 0x7fff_ffff;
    if (size > frame.blockSize + 64)
      throw new Error(`lz4: a block claims ${size} bytes where ${frame.blockSize} is the most`);
    const whole = 4 + size + (frame.blockChecksum ? 4 : 0);
    if (left < whole) return 0;
    const data = bytes.subarray(at + 4, at + 4 + size);
    if (frame.blockChecksum && xxHash32(data) !== view.getUint32(at + 4 + size, true))
      throw new Error('lz4: a block does not have its checksum: the file is damaged');
    this.put((word & 0x8000_0000) !== 0 ? data.slice() : this.inflate(data, frame), frame, out);
    return whole;
  }

  private header(bytes: Uint8Array, view: DataView, at: number, left: number): number {
    const magic = view.getUint32(at, true);
    if (magic === LEGACY_MAGIC) {
      this.frame = {
        legacy: true,
        blockSize: LEGACY_BLOCK,
        blockChecksum: false,
        linked: false,
        size: null,
        hash: null,
        written: 0,
      };
      return 4;
    }
    if (magic >>> 4 === SKIPPABLE) return skippable(view, at, left);
    if (magic !== MAGIC) throw new Error('lz4: what follows the last frame is no frame');
    if (left < 7) return 0;
    const flags = bytes[at + 4] as number;
    const sized = (flags & FLG.contentSize) !== 0;
    const length = 7 + (sized ? 8 : 0) + ((flags & FLG.dictionary) !== 0 ? 4 : 0);
    if (left < length) return 0;
    if (((xxHash32(bytes.subarray(at + 4, at + length - 1)) >>> 8) & 0xff) !== bytes[at + length - 1])
      throw new Error('lz4: a frame header does not have its checksum: the file is damaged');
    const blockSize = BLOCK_SIZES[((bytes[at + 5] as number) >>> 4) & 7];
    if (flags >>> 6 !== 1 || blockSize === undefined)
      throw new Error('lz4: frame header of an unknown version or block size');
    if ((flags & FLG.dictionary) !== 0)
      throw new Error(
        `lz4: the frame wants dictionary ${view.getUint32(at + length - 5, true)}, which is not in it; decompress it with lz4 -D`,
      );
    this.frame = {
      legacy: false,
      blockSize,
      blockChecksum: (flags & FLG.blockChecksum) !== 0,
      linked: (flags & FLG.independent) === 0,
      size: sized ? view.getBigUint64(at + 6, true) : null,
      hash: (flags & FLG.contentChecksum) !== 0 ? new XxHash32() : null,
      written: 0,
    };
    this.history = NOTHING;
    return length;
  }

  private end(frame: Lz4Frame, view: DataView, at: number, left: number): number {
    const length = frame.hash === null ? 4 : 8;
    if (left < length) return 0;
    if (frame.hash !== null && frame.hash.digest() !== view.getUint32(at + 4, true))
      throw new Error('lz4: the content of a frame does not have its checksum: the file is damaged');
    if (frame.size !== null && frame.size !== BigInt(frame.written))
      throw new Error(`lz4: a frame holds ${frame.written} bytes and says ${frame.size}`);
    this.frame = null;
    return length;
  }

  /** A legacy frame has neither end mark nor checksums: it ends where the input does, or another frame begins. */
  private legacyBlock(bytes: Uint8Array, at: number, left: number, word: number, out: Uint8Array[]): number {
    const { frame } = this;
    if (frame === null) return 0;
    if (word === MAGIC || word === LEGACY_MAGIC || word >>> 4 === SKIPPABLE) {
      this.frame = null;
      return this.header(bytes, new DataView(bytes.buffer), at, left);
    }
    if (word > LEGACY_BLOCK + LEGACY_BLOCK / 255 + 16)
      throw new Error(`lz4: a block claims ${word} bytes where ${LEGACY_BLOCK} is the most`);
    if (left < 4 + word) return 0;
    this.put(this.inflate(bytes.subarray(at + 4, at + 4 + word), frame), frame, out);
    return 4 + word;
  }

  private inflate(data: Uint8Array, frame: Lz4Frame): Uint8Array {
    const before = frame.linked ? this.history.length : 0;
    const target = new Uint8Array(before + frame.blockSize);
    if (before > 0) target.set(this.history);
    return target.slice(before, inflateBlock(data, target, before));
  }

  private put(bytes: Uint8Array, frame: Lz4Frame, out: Uint8Array[]): void {
    frame.written += bytes.length;
    frame.hash?.update(bytes);
    if (frame.linked) this.remember(bytes);
    out.push(bytes);
  }

  private remember(bytes: Uint8Array): void {
    const joined = new Uint8Array(Math.min(HISTORY, this.history.length + bytes.length));
    const fromNew = Math.min(joined.length, bytes.length);
    const fromOld = joined.length - fromNew;
    joined.set(this.history.subarray(this.history.length - fromOld));
    joined.set(bytes.subarray(bytes.length - fromNew), fromOld);
    this.history = joined;
  }
}

/** Decodes an LZ4 block into `target` from `from` on; where it ends. @throws where it lies about its lengths */
function inflateBlock(data: Uint8Array, target: Uint8Array, from: number): number {
  let at = 0;
  let end = from;
  /** A length of fifteen or more goes on in bytes of up to 255 (LZ4 block format). */
  const longer = (nibble: number): number => {
    let length = nibble;
    if (nibble < 15) return length;
    for (let more = 255; more === 255; length += more) {
      if (at >= data.length) throw new Error('lz4: a block ends inside a length');
      more = data[at++] as number;
    }
    return length;
  };
  while (at < data.length) {
    const token = data[at++] as number;
    const literals = longer(token >>> 4);
    if (literals > data.length - at) throw new Error('lz4: a block claims more literals than it has');
    if (literals > target.length - end) throw new Error('lz4: a block expands past its size');
    target.set(data.subarray(at, at + literals), end);
    at += literals;
    end += literals;
    // The last sequence has literals only.
    if (at === data.length) break;
    if (data.length - at < 2) throw new Error('lz4: a block ends inside an offset');
    const offset = (data[at] as number) | ((data[at + 1] as number) << 8);
    at += 2;
    const length = longer(token & 15) + 4;
    if (offset === 0 || offset > end) throw new Error('lz4: a block refers to bytes before its beginning');
    if (length > target.length - end) throw new Error('lz4: a block expands past its size');
    if (offset >= length) target.copyWithin(end, end - offset, end - offset + length);
    else for (let i = 0; i < length; i++) target[end + i] = target[end + i - offset] as number;
    end += length;
  }
  return end;
}

/** Bytes of a skippable frame; 0 while they are not all there. */
function skippable(view: DataView, at: number, left: number): number {
  if (left < 8) return 0;
  const size = 8 + view.getUint32(at + 4, true);
  if (size > SKIPPABLE_MOST) throw new Error(`lz4: a skippable frame claims ${size} bytes`);
  return left < size ? 0 : size;
}
