/** RC4, whose state a connection keeps from PDU to PDU. Small and slow enough to read; OpenSSL 3 offers none. */
export class Rc4 {
  private readonly s: Uint8Array;
  private i = 0;
  private j = 0;

  /** `state` instead of a key: a copy goes on from where another cipher stands. */
  constructor(key: Uint8Array, state: Uint8Array | null = null) {
    const s = (this.s = state ?? new Uint8Array(256));
    if (state !== null) return;
    for (let i = 0; i < 256; i++) s[i] = i;
    for (let i = 0, j = 0; i < 256; i++) {
      const held = s[i] as number;
      j = (j + held + (key[i % key.length] as number)) & 0xff;
      s[i] = s[j] as number;
      s[j] = held;
    }
  }

  /** Another cipher in the same state. */
  clone(): Rc4 {
    const copy = new Rc4(NOTHING, this.s.slice());
    copy.i = this.i;
    copy.j = this.j;
    return copy;
  }

  /**
   * Encrypts or decrypts `size` bytes from `from` of `source` into `target` at `to`; the two may be the same memory.
   */
  apply(source: Uint8Array, from: number, size: number, target: Uint8Array, to: number): void {
    const { s } = this;
    let { i, j } = this;
    for (let k = 0; k < size; k++) {
      i = (i + 1) & 0xff;
      const a = s[i] as number;
      j = (j + a) & 0xff;
      const b = s[j] as number;
      s[i] = b;
      s[j] = a;
      target[to + k] = (source[from + k] as number) ^ (s[(a + b) & 0xff] as number);
    }
    this.i = i;
    this.j = j;
  }

  /** All of `bytes`, in new memory. */
  of(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(bytes.length);
    this.apply(bytes, 0, bytes.length, out, 0);
    return out;
  }

  /** Goes back by `size` bytes of the key stream: every step of RC4 can be undone. */
  rewind(size: number): void {
    const { s } = this;
    let { i, j } = this;
    for (let k = 0; k < size; k++) {
      const a = s[j] as number;
      s[j] = s[i] as number;
      s[i] = a;
      j = (j - a) & 0xff;
      i = (i - 1) & 0xff;
    }
    this.i = i;
    this.j = j;
  }

  /** The next `size` bytes of the key stream. */
  stream(size: number): Uint8Array {
    return this.of(new Uint8Array(size));
  }

  /** Passes over `size` bytes of the key stream. */
  skip(size: number): void {
    this.apply(NOTHING, 0, size, SCRAP, 0);
  }
}

const NOTHING = new Uint8Array(0);
/** Writes past its end go nowhere. */
const SCRAP = new Uint8Array(0);
