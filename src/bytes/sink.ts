/** A growing writer; lengths written before they are known are patched afterwards. */
export class Sink {
  private u8: Uint8Array;
  private view: DataView;
  private at = 0;
  littleEndian: boolean;

  constructor(littleEndian = true, capacity = 256) {
    this.littleEndian = littleEndian;
    this.u8 = new Uint8Array(capacity);
    this.view = new DataView(this.u8.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.at;
  }

  /** What was written, in memory of its own. */
  finish(): Uint8Array {
    return this.u8.slice(0, this.at);
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
