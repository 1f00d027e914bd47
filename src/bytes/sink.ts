/**
 * Memory that the last sink wrote in, for the next one: to make it anew for every PDU costs more than what is written.
 */
const memory: { spare: { readonly u8: Uint8Array; readonly view: DataView } | null } = { spare: null };
/** More than this is not kept. */
const SPARE = 65_536;
const NOTHING = new Uint8Array(0);
const NO_VIEW = new DataView(NOTHING.buffer);

/**
 * Small results are pieces of one larger memory: each in memory of its own would be an allocation outside the heap as
 * soon as it is
 * read through a DataView, and those are what the collector is slow at.
 */
const SLAB = 16_384;
const PIECE = 1024;
const slab = { memory: new ArrayBuffer(SLAB), at: 0 };

function piece(bytes: Uint8Array): Uint8Array {
  if (bytes.length > PIECE) return bytes.slice();
  if (slab.at + bytes.length > SLAB) {
    slab.memory = new ArrayBuffer(SLAB);
    slab.at = 0;
  }
  const own = new Uint8Array(slab.memory, slab.at, bytes.length);
  own.set(bytes);
  slab.at += bytes.length;
  return own;
}

/** A growing writer; lengths written before they are known are patched afterwards. */
export class Sink {
  private u8: Uint8Array;
  private view: DataView;
  private at = 0;
  littleEndian: boolean;

  constructor(littleEndian = true, capacity = 256) {
    this.littleEndian = littleEndian;
    const { spare } = memory;
    const given = spare !== null && spare.u8.length >= capacity ? spare : null;
    if (given !== null) memory.spare = null;
    this.u8 = given?.u8 ?? new Uint8Array(capacity);
    this.view = given?.view ?? new DataView(this.u8.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.at;
  }

  /** What was written; nobody else writes there. The sink is empty after it. */
  finish(): Uint8Array {
    const { u8, view, at } = this;
    const written = piece(u8.subarray(0, at));
    this.at = 0;
    if (u8.length <= SPARE && u8.length >= (memory.spare?.u8.length ?? 1)) {
      memory.spare = { u8, view };
      this.u8 = NOTHING;
      this.view = NO_VIEW;
    }
    return written;
  }

  private reserve(count: number): number {
    const at = this.at;
    const need = at + count;
    if (need > this.u8.length) {
      const grown = new Uint8Array(Math.max(need, this.u8.length * 2));
      grown.set(this.u8.subarray(0, at));
      this.u8 = grown;
      this.view = new DataView(grown.buffer);
    }
    this.at = need;
    return at;
  }

  u8_(value: number): void {
    const at = this.reserve(1);
    this.u8[at] = value;
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.view.setUint16(at, value, this.littleEndian);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.view.setUint32(at, value, this.littleEndian);
  }

  i32(value: number): void {
    const at = this.reserve(4);
    this.view.setInt32(at, value, this.littleEndian);
  }

  u64(value: bigint): void {
    const at = this.reserve(8);
    this.view.setBigUint64(at, BigInt.asUintN(64, value), this.littleEndian);
  }

  f32(value: number): void {
    const at = this.reserve(4);
    this.view.setFloat32(at, value, this.littleEndian);
  }

  f64(value: number): void {
    const at = this.reserve(8);
    this.view.setFloat64(at, value, this.littleEndian);
  }

  bytes(value: Uint8Array): void {
    const at = this.reserve(value.length);
    this.u8.set(value, at);
  }

  fill(count: number, byte = 0): void {
    const at = this.reserve(count);
    this.u8.fill(byte, at, at + count);
  }

  /** Pads with `byte` to a multiple of `size` (a power of two). */
  align(size: number, byte = 0): void {
    const over = this.at & (size - 1);
    if (over !== 0) this.fill(size - over, byte);
  }

  patchU8(at: number, value: number): void {
    this.u8[at] = value;
  }

  patchU16(at: number, value: number): void {
    this.view.setUint16(at, value, this.littleEndian);
  }

  patchU32(at: number, value: number): void {
    this.view.setUint32(at, value, this.littleEndian);
  }
}
