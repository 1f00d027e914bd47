import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import { Lz4Frames } from './lz4.js';

/** What compresses the input, told by its first bytes. */
export type Compression = 'gzip' | 'zstd' | 'lz4' | null;

export function compressionOf(u8: Uint8Array): Compression {
  if (u8[0] === 0x1f && u8[1] === 0x8b) return 'gzip';
  if (u8[0] === 0x28 && u8[1] === 0xb5 && u8[2] === 0x2f && u8[3] === 0xfd) return 'zstd';
  if (u8[0] === 0x04 && u8[1] === 0x22 && u8[2] === 0x4d && u8[3] === 0x18) return 'lz4';
  // As lz4 wrote it before version 1.4, and still does with -l.
  if (u8[0] === 0x02 && u8[1] === 0x21 && u8[2] === 0x4c && u8[3] === 0x18) return 'lz4';
  return null;
}

/** Compressed bytes are corrupt or cut; what came out before was handed on. */
export class CompressionError extends Error {
  /** Compressed bytes read when it showed. */
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'CompressionError';
    this.offset = offset;
  }
}

/**
 * Decompresses a stream piece by piece: memory stays that of a window, however far the input expands.
 * @throws CompressionError after handing on what could be decompressed
 */
export async function* decompress(
  kind: Exclude<Compression, null>,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (kind === 'gzip') yield* gunzip(pieces);
  else yield* steps(pieces, kind === 'zstd' ? new ZstdSteps() : new Lz4Frames());
}

async function* gunzip(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzipper = createGunzip({ chunkSize: 256 * 1024 });
  let offset = 0;
  let failure: unknown = null;
  const feeding = (async () => {
    for await (const piece of pieces) {
      offset += piece.length;
      if (gunzipper.destroyed) return;
      if (!gunzipper.write(piece)) {
        await new Promise<void>((resolve) => {
          gunzipper.once('drain', resolve);
          gunzipper.once('close', resolve);
        });
      }
    }
    gunzipper.end();
  })().catch((error: unknown) => {
    failure = error;
    gunzipper.destroy();
  });
  try {
    for await (const out of gunzipper) yield out as Uint8Array;
  } catch (error) {
    throw new CompressionError(`gzip: ${error instanceof Error ? error.message : String(error)}`, offset);
  } finally {
    gunzipper.destroy();
  }
  await feeding;
  if (failure !== null) throw failure;
}

/** A decompressor that is fed and returns what came out, also when it finds the bytes damaged. */
interface Steps {
  /** Why it stopped; set by the `push` that found it. */
  readonly failure: Error | null;
  push(piece: Uint8Array, last: boolean): readonly Uint8Array[];
}

async function* steps(pieces: AsyncIterable<Uint8Array>, decoder: Steps): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for await (const piece of pieces) {
    offset += piece.length;
    yield* decoder.push(piece, false);
    if (decoder.failure !== null) break;
  }
  if (decoder.failure === null) yield* decoder.push(new Uint8Array(0), true);
  if (decoder.failure !== null) throw new CompressionError(decoder.failure.message, offset);
}

/** Compressed bytes given to the zstd decoder at once: one block can expand to 128 KiB, so this bounds what waits. */
const ZSTD_STEP = 64 * 1024;

class ZstdSteps implements Steps {
  failure: Error | null = null;
  private out: Uint8Array[] = [];
  private readonly decoder = new Decompress((data) => {
    // The decoder reuses its window.
    if (data.length > 0) this.out.push(data.slice());
  });

  push(piece: Uint8Array, last: boolean): readonly Uint8Array[] {
    this.out = [];
    try {
      for (let at = 0; at < piece.length; at += ZSTD_STEP) this.decoder.push(piece.subarray(at, at + ZSTD_STEP), false);
      if (last) this.decoder.push(new Uint8Array(0), true);
    } catch (error) {
      this.failure = new Error(`zstd: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    return this.out;
  }
}
