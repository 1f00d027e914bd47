import { decompressBlock } from 'lz4js';

const MAGIC = 0x184d2204;
const HISTORY = 64 * 1024;
const BLOCK_SIZES: Readonly<Record<number, number>> = { 4: 64 * 1024, 5: 256 * 1024, 6: 1024 * 1024, 7: 4 * 1024 * 1024 };

/** LZ4 frames, fed piece by piece: the frame is ours, because the library reads whole files only; its blocks are the library's. */
export class Lz4Frames {
  private waiting: Uint8Array = new Uint8Array(0);
  private blockSize = 0;
  private blockChecksum = false;
  private contentChecksum = false;
  private linked = false;
  private inFrame = false;
  /** The last 64 KiB put out, which linked blocks refer to. */
  private history: Uint8Array = new Uint8Array(0);

  push(piece: Uint8Array, last: boolean): readonly Uint8Array[] {
    const bytes = new Uint8Array(this.waiting.length + piece.length);
    bytes.set(this.waiting);
    bytes.set(piece, this.waiting.length);
    const out: Uint8Array[] = [];
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (;;) {
      const used = this.step(bytes, view, at, out);
      if (used === 0) break;
      at += used;
    }
    this.waiting = bytes.slice(at);
    if (last && (this.inFrame || this.waiting.length > 0)) throw new Error('lz4: the input ends inside a frame');
    return out;
  }

  private step(bytes: Uint8Array, view: DataView, at: number, out: Uint8Array[]): number {
    const left = bytes.length - at;
    if (!this.inFrame) return left < 4 ? 0 : this.header(bytes, view, at, left);
    if (left < 4) return 0;
    const word = view.getUint32(at, true);
    if (word === 0) {
      const size = this.contentChecksum ? 8 : 4;
      if (left < size) return 0;
      this.inFrame = false;
      return size;
    }
    const size = word & 0x7fff_ffff;
    if (size > this.blockSize + 64) throw new Error(`lz4: a block claims ${size} bytes where ${this.blockSize} is the most`);
    const whole = 4 + size + (this.blockChecksum ? 4 : 0);
    if (left < whole) return 0;
    const data = bytes.subarray(at + 4, at + 4 + size);
    out.push(this.keep((word & 0x8000_0000) !== 0 ? data.slice() : this.inflate(data)));
    return whole;
  }

  private header(bytes: Uint8Array, view: DataView, at: number, left: number): number {
    const magic = view.getUint32(at, true);
    if (magic >>> 4 === 0x0184d2a5) {
      // A skippable frame.
      if (left < 8) return 0;
      const size = 8 + view.getUint32(at + 4, true);
      if (size > HISTORY * 64) throw new Error(`lz4: a skippable frame claims ${size} bytes`);
      return left < size ? 0 : size;
    }
    if (magic !== MAGIC) throw new Error('lz4: what follows the last frame is no frame');
    if (left < 7) return 0;
    const flags = bytes[at + 4] as number;
    const size = 7 + ((flags & 8) !== 0 ? 8 : 0) + ((flags & 1) !== 0 ? 4 : 0);
    if (left < size) return 0;
    const blockSize = BLOCK_SIZES[((bytes[at + 5] as number) >>> 4) & 7];
    if (flags >>> 6 !== 1 || blockSize === undefined) throw new Error('lz4: frame header of an unknown version or block size');
    this.linked = (flags & 0x20) === 0;
    this.blockChecksum = (flags & 0x10) !== 0;
    this.contentChecksum = (flags & 4) !== 0;
    this.blockSize = blockSize;
    this.history = new Uint8Array(0);
    this.inFrame = true;
    return size;
  }

  private inflate(data: Uint8Array): Uint8Array {
    const before = this.linked ? this.history.length : 0;
    const target = new Uint8Array(before + this.blockSize);
    if (before > 0) target.set(this.history);
    const end = decompressBlock(data, target, 0, data.length, before);
    if (!(end >= before && end <= target.length)) throw new Error('lz4: a block expands past its size');
    return target.slice(before, end);
  }

  private keep(out: Uint8Array): Uint8Array {
    if (!this.linked) return out;
    const joined = new Uint8Array(Math.min(HISTORY, this.history.length + out.length));
    const fromOut = Math.min(joined.length, out.length);
    const fromOld = joined.length - fromOut;
    joined.set(this.history.subarray(this.history.length - fromOld));
    joined.set(out.subarray(out.length - fromOut), fromOld);
    this.history = joined;
    return out;
  }
}
