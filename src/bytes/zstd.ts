import { Decompress } from 'fzstd';

/** Largest window that is believed, in bytes: what zstd itself takes without being told otherwise (--long=27). */
export const MAX_ZSTD_WINDOW = 128 * 1024 * 1024;
/** Block_Maximum_Size of RFC 8878 3.1.1.2.4. */
const MAX_BLOCK = 128 * 1024;
/** A sequence copies three bytes at least (RFC 8878 3.1.1.3.2.1.1): no block has more of them. */
const MAX_SEQUENCES = MAX_BLOCK / 3;

const MAGIC = 0xfd2f_b528;
/** Skippable frames have sixteen magic numbers, 0x184d2a50 and up. */
const SKIPPABLE = 0x0184_d2a5;
const BLOCK = { raw: 0, rle: 1, compressed: 2 } as const;
const NOTHING = new Uint8Array(0);

/** What the bytes that come next are. */
type State =
  | { readonly kind: 'frame' }
  | { readonly kind: 'skip'; left: number }
  | { readonly kind: 'block'; readonly most: number; readonly checksum: boolean }
  | { readonly kind: 'checksum' };

const FRAME: State = { kind: 'frame' };

/**
 * Frames of zstd (RFC 8878), fed piece by piece and given out block by block: the library decodes blocks, and does not
 * hold them to the sizes that the format allows, nor stops between two. Here every header is checked before the library
 * sees it, and no more than one block is waited for at a time.
 */
export class ZstdFrames {
  /** Why decoding stopped; what `push` gave out before is good. */
  failure: Error | null = null;
  private waiting: Uint8Array = NOTHING;
  private state: State = FRAME;
  private readonly out: Uint8Array[] = [];
  private decoder = this.fresh();

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
      for (let data = this.out.shift(); data !== undefined; data = this.out.shift()) yield data;
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
        // The library passes it over; so is it here.
        this.decoder.push(bytes.slice(at, at + 4), false);
        this.endFrame();
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
    this.state = { kind: 'block', most: Math.min(window, MAX_BLOCK), checksum: (flags & 4) !== 0 };
    this.decoder.push(bytes.slice(at, at + header), false);
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
    if (type === BLOCK.compressed) checkBlock(bytes.subarray(at + 3, at + whole), state.most);
    this.decoder.push(bytes.slice(at, at + whole), false);
    if ((word & 1) === 1) {
      if (state.checksum) this.state = { kind: 'checksum' };
      else this.endFrame();
    }
    return whole;
  }

  /** The frame is over: what the library kept back of a short one comes out. */
  private endFrame(): void {
    this.decoder.push(NOTHING, true);
    this.state = FRAME;
    this.decoder = this.fresh();
  }

  /** A decoder for one frame: the library keeps back what might begin another. */
  private fresh(): Decompress {
    return new Decompress((data) => {
      // The library reuses its window.
      if (data.length > 0) this.out.push(data.slice());
    });
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

/** Refuses a compressed block whose headers claim more than a block may hold. */
function checkBlock(block: Uint8Array, most: number): void {
  const first = block[0] ?? 0;
  const type = first & 3;
  const format = (first >>> 2) & 3;
  const byte = (i: number): number => block[i] ?? 0;
  let header: number;
  let literals: number;
  let stored: number;
  if (type < 2) {
    // Raw, or one byte again and again: 5, 12 or 20 bits of size.
    header = [1, 2, 1, 3][format] ?? 1;
    literals = header === 1 ? first >>> 3 : (first >>> 4) | (byte(1) << 4) | (header === 3 ? byte(2) << 12 : 0);
    stored = type === 0 ? literals : 1;
  } else {
    header = [3, 3, 4, 5][format] ?? 3;
    literals = (first >>> 4) | (byte(1) << 4) | (byte(2) << 12);
    const bits = [10, 10, 14, 18][format] ?? 10;
    const all = literals + byte(3) * 2 ** 20 + byte(4) * 2 ** 28;
    literals = all % 2 ** bits;
    stored = Math.floor(all / 2 ** bits) % 2 ** bits;
  }
  if (literals > most) throw new Error(`a block claims ${literals} literals where ${most} is the most`);
  const at = header + stored;
  const count = byte(at);
  let sequences = count;
  if (count === 255) sequences = (byte(at + 1) | (byte(at + 2) << 8)) + 0x7f00;
  else if (count > 127) sequences = ((count - 128) << 8) | byte(at + 1);
  if (sequences > MAX_SEQUENCES) throw new Error(`a block claims ${sequences} sequences, more than it can hold`);
  let modes = at + 1;
  if (count === 255) modes += 2;
  else if (count > 127) modes++;
  if (sequences > 0 && sequences * leastCopied(block, modes) > most)
    throw new Error(`a block claims to copy more than the ${most} bytes it can hold`);
}

/** Bytes that every sequence copies at least, where one code stands for all of them (RFC 8878 3.1.1.3.2.1); else 3. */
function leastCopied(block: Uint8Array, at: number): number {
  const modes = block[at] ?? 0;
  const [literals, offsets, matches] = [modes >>> 6, (modes >>> 4) & 3, (modes >>> 2) & 3];
  // A described table has a length that only reading it tells.
  if (matches !== RLE_MODE || literals === DESCRIBED || offsets === DESCRIBED) return 3;
  const code = block[at + 1 + Number(literals === RLE_MODE) + Number(offsets === RLE_MODE)] ?? 0;
  if (code < 32) return code + 3;
  return code < LONG_COPIES.length + 32 ? (LONG_COPIES[code - 32] ?? 3) : 3;
}

/** How a table of codes is given: one code for all, or described. */
const RLE_MODE = 1;
const DESCRIBED = 2;
/** Baselines of the match length codes from 32 on. */
const LONG_COPIES: readonly number[] = [
  35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16_387, 32_771, 65_539,
];

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
