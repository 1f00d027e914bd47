/** Bytes in front of a number that fits into 32 bits at most. */
const ROOM = 16;

/** Packed calls as they are written: numbers take seven bits a byte, the low ones first. */
export class RecordWriter {
  private u8 = new Uint8Array(65_536);
  private view = new DataView(this.u8.buffer);
  at = 0;

  /** What was written, sharing memory with what is written next. */
  get bytes(): Uint8Array {
    return this.u8.subarray(0, this.at);
  }

  /** An integer from 0 on. */
  number(value: number): void {
    if (this.at + ROOM > this.u8.length) this.grow(ROOM);
    const { u8 } = this;
    let left = value;
    for (; left >= 0x8000_0000; left = Math.floor(left / 128)) u8[this.at++] = (left % 128) | 0x80;
    for (; left >= 0x80; left >>>= 7) u8[this.at++] = (left & 0x7f) | 0x80;
    u8[this.at++] = left;
  }

  /** An integer of either sign. */
  signed(value: number): void {
    this.number(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** Four bytes of an unsigned integer. */
  word(value: number): void {
    if (this.at + ROOM > this.u8.length) this.grow(ROOM);
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  /** Bytes, with how many in front. */
  sized(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const size = end - start;
    this.number(size);
    this.put(bytes, start, end);
  }

  /** Bytes as they are. */
  put(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const size = end - start;
    if (this.at + size > this.u8.length) this.grow(size);
    const { u8 } = this;
    if (size > FEW) u8.set(bytes.subarray(start, end), this.at);
    else for (let i = 0; i < size; i++) u8[this.at + i] = bytes[start + i] as number;
    this.at += size;
  }

  private grow(by: number): void {
    const larger = new Uint8Array(Math.max(this.u8.length * 2, this.at + by + ROOM));
    larger.set(this.bytes);
    this.u8 = larger;
    this.view = new DataView(larger.buffer);
  }
}

/** Below it a copy byte by byte costs less than a call. */
const FEW = 24;

/** Packed calls as they are read. */
export class RecordReader {
  readonly u8: Uint8Array;
  private readonly view: DataView;
  at: number;

  constructor(u8: Uint8Array, at = 0) {
    this.u8 = u8;
    this.view = new DataView(u8.buffer, u8.byteOffset, u8.byteLength);
    this.at = at;
  }

  /** The same reader, put to another place. */
  again(at: number): this {
    this.at = at;
    return this;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.u8[this.at++] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  signed(): number {
    const value = this.number();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  word(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }

  /** Bytes with how many in front, sharing memory. */
  sized(): Uint8Array {
    const size = this.number();
    this.at += size;
    return this.u8.subarray(this.at - size, this.at);
  }
}
