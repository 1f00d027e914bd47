import { MAX_BLOCK, ZstdBlocks } from './zstd-block.js';

/** Largest window that is believed, in bytes: what zstd itself takes without being told otherwise (--long=27). */
export const MAX_ZSTD_WINDOW = 128 * 1024 * 1024;
const MAGIC = 0xfd2f_b528;
/** Skippable frames have sixteen magic numbers, 0x184d2a50 and up. */
const SKIPPABLE = 0x0184_d2a5;
const BLOCK = { raw: 0, rle: 1, compressed: 2 } as const;
const NOTHING = new Uint8Array(0);

/** What the bytes that come next are. */
type State =
  | { readonly kind: 'frame' }
  | { readonly kind: 'skip'; left: number }
  | {
      readonly kind: 'block';
      readonly most: number;
      readonly checksum: boolean;
      readonly blocks: ZstdBlocks;
      readonly size: number | null;
      written: number;
    }
  | { readonly kind: 'checksum' };

const FRAME: State = { kind: 'frame' };

/**
 * Frames of zstd (RFC 8878), fed piece by piece and given out block by block: no more than one block is waited for at a
 * time, and none is larger than the format allows. Checksums are passed over.
 */
export class ZstdFrames {
  /** Why decoding stopped; what `push` gave out before is good. */
  failure: Error | null = null;
  private waiting: Uint8Array = NOTHING;
  private state: State = FRAME;
  private out: Uint8Array | null = null;

  *push(piece: Uint8Array, last: boolean): Generator<Uint8Array> {
    if (this.failure !== null) return;
    const bytes = joined(this.waiting, piece);
    let at = 0;
    for (;;) {
      let used: number;
      try {
        used = this.step(bytes, at);
      } catch (error) {
        this.failure = new Error(`zstd: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        return;
      }
      if (used < 0) break;
      at += used;
      const { out } = this;
      this.out = null;
      if (out !== null && out.length > 0) yield out;
    }
    this.waiting = bytes.slice(at);
    if (last && (this.waiting.length > 0 || this.state !== FRAME))
      this.failure = new Error('zstd: the input ends inside a frame');
  }

  /** Takes a header, a block or what follows it; the bytes taken, -1 while not all are there. */
  private step(bytes: Uint8Array, at: number): number {
    const { state } = this;
    const left = bytes.length - at;
    switch (state.kind) {
      case 'frame':
        return this.frame(bytes, at, left);
      case 'skip': {
        const taken = Math.min(left, state.left);
        state.left -= taken;
        if (state.left === 0) this.state = FRAME;
        return taken === 0 && state.left > 0 ? -1 : taken;
      }
      case 'block':
        return this.block(bytes, at, left, state);
      case 'checksum':
        if (left < 4) return -1;
        this.state = FRAME;
        return 4;
    }
  }

  private frame(bytes: Uint8Array, at: number, left: number): number {
    if (left < 4) return -1;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, left);
    const magic = view.getUint32(0, true);
    if (magic >>> 4 === SKIPPABLE) {
      if (left < 8) return -1;
      const size = view.getUint32(4, true);
      if (size > 0) this.state = { kind: 'skip', left: size };
      return 8;
    }
    if (magic !== MAGIC) throw new Error('what follows the last frame is no frame');
    if (left < 5) return -1;
    const flags = bytes[at + 4] as number;
    const single = (flags & 0x20) !== 0;
    const dictionary = [0, 1, 2, 4][flags & 3] ?? 0;
    const sizeBytes = flags >>> 6 === 0 ? Number(single) : 1 << (flags >>> 6);
    const header = 5 + (single ? 0 : 1) + dictionary + sizeBytes;
    if (left < header) return -1;
    if ((flags & 8) !== 0) throw new Error('a frame header sets a bit that is reserved');
    const window = single ? contentSize(view, header - sizeBytes, sizeBytes) : windowSize(bytes[at + 5] as number);
    if (window > MAX_ZSTD_WINDOW)
      throw new Error(`a frame wants a window of ${window} bytes, more than the ${MAX_ZSTD_WINDOW} that are given`);
    const wanted = numberAt(view, 5 + (single ? 0 : 1), dictionary);
    if (wanted !== 0)
      throw new Error(`the frame wants dictionary ${wanted}, which is not in it; decompress it with zstd -D`);
    this.state = {
      kind: 'block',
      most: Math.min(window, MAX_BLOCK),
      checksum: (flags & 4) !== 0,
      blocks: new ZstdBlocks(window),
      size: sizeBytes === 0 ? null : contentSize(view, header - sizeBytes, sizeBytes),
      written: 0,
    };
    return header;
  }

  private block(bytes: Uint8Array, at: number, left: number, state: Extract<State, { kind: 'block' }>): number {
    if (left < 3) return -1;
    const word = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    const type = (word >>> 1) & 3;
    const size = word >>> 3;
    if (type > BLOCK.compressed) throw new Error('a block of a reserved type');
    if (size > state.most) throw new Error(`a block claims ${size} bytes where ${state.most} is the most`);
    const whole = 3 + (type === BLOCK.rle ? 1 : size);
    if (left < whole) return -1;
    const body = bytes.subarray(at + 3, at + whole);
    const { blocks } = state;
    if (type === BLOCK.raw) this.out = blocks.raw(body);
    else this.out = type === BLOCK.rle ? blocks.rle(body[0] as number, size) : blocks.compressed(body);
    state.written += this.out.length;
    if ((word & 1) === 1) {
      if (state.size !== null && state.size !== state.written)
        throw new Error(`a frame holds ${state.written} bytes and says ${state.size}`);
      this.state = state.checksum ? { kind: 'checksum' } : FRAME;
    }
    return whole;
  }
}

/** Window_Size of a window descriptor (RFC 8878 3.1.1.1.2). */
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3));
  return base + (base / 8) * (descriptor & 7);
}

function contentSize(view: DataView, at: number, bytes: number): number {
  switch (bytes) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

/** A little-endian number of 0, 1, 2 or 4 bytes. */
function numberAt(view: DataView, at: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + view.getUint8(at + i);
  return value;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
