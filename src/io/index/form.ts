import { createHmac, timingSafeEqual, type Hmac } from 'node:crypto';
import { setImmediate as breath } from 'node:timers/promises';
import { z } from 'zod';

/** What an index file begins with. */
const MAGIC = Buffer.from('uamgscope-index 1\n', 'latin1');
const SUM_BYTES = 32;
const SIZE_BYTES = 4;
/** Bytes that are summed between two breaths of the event loop. */
const SLICE_BYTES = 4_194_304;

const head = z.object({
  /** The sum of all that what it holds depends on. */
  way: z.string(),
  captures: z.array(z.object({ identity: z.string(), sum: z.string().regex(/^[0-9a-f]{64}$/) })),
});

/** What an index says of itself. */
export type IndexHead = Readonly<z.infer<typeof head>>;

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

/** An index that was read. */
export interface IndexReader {
  readonly head: IndexHead;
  /** Parts of the bytes given. */
  readonly pieces: readonly Uint8Array[];
}

export const IndexReader = {
  /** The index in these bytes; null where they are none that was written with the key, or are damaged. */
  async read(bytes: Buffer, key: Uint8Array): Promise<IndexReader | null> {
    const end = bytes.length - SUM_BYTES;
    if (end < MAGIC.length || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return null;
    const mac = createHmac('sha256', key);
    for (let at = 0; at < end; at += SLICE_BYTES) {
      mac.update(bytes.subarray(at, Math.min(end, at + SLICE_BYTES)));
      await breath();
    }
    if (!timingSafeEqual(mac.digest(), bytes.subarray(end))) return null;
    const [first, ...pieces] = piecesIn(bytes.subarray(MAGIC.length, end)) ?? [];
    if (first === undefined) return null;
    const about = head.safeParse(JSON.parse(Buffer.from(first).toString('utf8')));
    return about.success ? { head: about.data, pieces } : null;
  },
};

function piecesIn(bytes: Buffer): readonly Uint8Array[] | null {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + SIZE_BYTES > bytes.length) return null;
    const from = at + SIZE_BYTES;
    at = from + bytes.readUInt32LE(at);
    if (at > bytes.length) return null;
    pieces.push(bytes.subarray(from, at));
  }
  return pieces;
}

function sizeBytes(length: number): Buffer {
  const bytes = Buffer.alloc(SIZE_BYTES);
  bytes.writeUInt32LE(length);
  return bytes;
}
