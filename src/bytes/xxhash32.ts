const P1 = 0x9e37_79b1;
const P2 = 0x85eb_ca77;
const P3 = 0xc2b2_ae3d;
const P4 = 0x27d4_eb2f;
const P5 = 0x1656_67b1;
/** Bytes taken in at once. */
const STRIPE = 16;

/** xxHash-32 with seed 0, the checksum of LZ4 frames, over bytes that come in pieces. */
export class XxHash32 {
  private a = (P1 + P2) | 0;
  private b = P2 | 0;
  private c = 0;
  private d = -P1 | 0;
  private readonly waiting = new Uint8Array(STRIPE);
  private waits = 0;
  private length = 0;

  update(bytes: Uint8Array): this {
    this.length += bytes.length;
    let at = 0;
    if (this.waits > 0) {
      at = Math.min(STRIPE - this.waits, bytes.length);
      this.waiting.set(bytes.subarray(0, at), this.waits);
      this.waits += at;
      if (this.waits < STRIPE) return this;
      this.stripe(this.waiting, 0);
      this.waits = 0;
    }
    for (; at + STRIPE <= bytes.length; at += STRIPE) this.stripe(bytes, at);
    this.waiting.set(bytes.subarray(at));
    this.waits = bytes.length - at;
    return this;
  }

  /** The hash of all bytes so far, unsigned. */
  digest(): number {
    const { waiting, waits } = this;
    let hash =
      this.length < STRIPE ? P5 : rotate(this.a, 1) + rotate(this.b, 7) + rotate(this.c, 12) + rotate(this.d, 18);
    // Only the low 32 bits of the length count.
    hash = (hash + (this.length % 0x1_0000_0000)) | 0;
    let at = 0;
    for (; at + 4 <= waits; at += 4) hash = Math.imul(rotate((hash + Math.imul(wordAt(waiting, at), P3)) | 0, 17), P4);
    for (; at < waits; at++) hash = Math.imul(rotate((hash + Math.imul(waiting[at] as number, P5)) | 0, 11), P1);
    hash = Math.imul(hash ^ (hash >>> 15), P2);
    hash = Math.imul(hash ^ (hash >>> 13), P3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  private stripe(bytes: Uint8Array, at: number): void {
    this.a = round(this.a, wordAt(bytes, at));
    this.b = round(this.b, wordAt(bytes, at + 4));
    this.c = round(this.c, wordAt(bytes, at + 8));
    this.d = round(this.d, wordAt(bytes, at + 12));
  }
}

/** The hash of bytes that are all there. */
export function xxHash32(bytes: Uint8Array): number {
  return new XxHash32().update(bytes).digest();
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, P2)) | 0, 13), P1);
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
