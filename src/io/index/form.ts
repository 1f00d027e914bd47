import { createHmac, timingSafeEqual, type Hmac } from 'node:crypto';

/** What an index file begins with. */
const MAGIC = Buffer.from('uamgscope-index 1\n', 'latin1');
const SUM_BYTES = 32;
const SIZE_BYTES = 4;
/** Bytes that are summed at once: half a millisecond. */
const SLICE_BYTES = 1_048_576;

/** What an index says of itself. */
export interface IndexHead {
  /** The sum of all that what it holds depends on. */
  readonly way: string;
  readonly captures: readonly { readonly identity: string; readonly sum: string }[];
}

/**
 * Makes the bytes of an index: magic, head as JSON and pieces, each with its size before it (32 bits, the low ones
 * first), and HMAC-SHA-256 of all that (RFC 2104).
 */
export class IndexWriter {
  private readonly about: IndexHead;
  private readonly mac: Hmac;

  constructor(about: IndexHead, key: Uint8Array) {
    this.about = about;
    this.mac = createHmac('sha256', key);
  }

  begin(): Uint8Array {
    const text = Buffer.from(JSON.stringify(this.about), 'utf8');
    return this.part(Buffer.concat([MAGIC, sizeBytes(text.length), text]));
  }

  /** Before the bytes of a piece. */
  piece(length: number): Uint8Array {
    return this.part(sizeBytes(length));
  }

  /** Bytes of a piece. */
  part(bytes: Uint8Array): Uint8Array {
    this.mac.update(bytes);
    return bytes;
  }

  end(): Uint8Array {
    return this.mac.digest();
  }
}

/** Where an index is read from. */
export interface IndexSource {
  readonly size: number;
  /** Fills memory with what stands at a place. @throws where it is not there */
  fill(bytes: Uint8Array, at: number): Promise<void>;
}

/** Bytes of an index. */
export interface Place {
  readonly at: number;
  readonly size: number;
}

/** An index that was read, and where its pieces are. */
export interface IndexContent {
  readonly head: IndexHead;
  readonly pieces: readonly Place[];
}

/** What an index holds; null where it is none that was written with the key, or is damaged. */
export async function readIndex(source: IndexSource, key: Uint8Array): Promise<IndexContent | null> {
  const end = source.size - SUM_BYTES;
  if (end < MAGIC.length || !(await part(source, 0, MAGIC.length)).equals(MAGIC)) return null;
  const mac = createHmac('sha256', key);
  for (let at = 0; at < end; at += SLICE_BYTES) mac.update(await part(source, at, Math.min(SLICE_BYTES, end - at)));
  if (!timingSafeEqual(mac.digest(), await part(source, end, SUM_BYTES))) return null;
  const [first, ...pieces] = (await piecesIn(source, MAGIC.length, end)) ?? [];
  if (first === undefined) return null;
  // Who has the key wrote it.
  return { head: JSON.parse((await part(source, first.at, first.size)).toString('utf8')) as IndexHead, pieces };
}

async function part(source: IndexSource, at: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  await source.fill(bytes, at);
  return bytes;
}

async function piecesIn(source: IndexSource, begin: number, end: number): Promise<readonly Place[] | null> {
  const pieces: Place[] = [];
  for (let at = begin; at < end; ) {
    if (at + SIZE_BYTES > end) return null;
    const size = (await part(source, at, SIZE_BYTES)).readUInt32LE();
    at += SIZE_BYTES + size;
    if (at > end) return null;
    pieces.push({ at: at - size, size });
  }
  return pieces;
}

function sizeBytes(length: number): Buffer {
  const bytes = Buffer.alloc(SIZE_BYTES);
  bytes.writeUInt32LE(length);
  return bytes;
}
