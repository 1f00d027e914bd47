import { createGunzip } from 'node:zlib';
import { Lz4Frames } from '../bytes/lz4.js';
import { ZstdFrames } from '../bytes/zstd.js';

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
  else yield* steps(pieces, kind === 'zstd' ? new ZstdFrames() : new Lz4Frames());
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
          const on = (): void => {
            gunzipper.off('drain', on).off('close', on);
            resolve();
          };
          gunzipper.on('drain', on).on('close', on);
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

/**
 * A decompressor that is fed and gives out what came of it, also when it finds the bytes damaged: block by block as they
 * are asked for, so that no more than one waits.
 */
interface Steps {
  /** Why it stopped; set by the `push` that found it, when all that came before was given out. */
  readonly failure: Error | null;
  push(piece: Uint8Array, last: boolean): Iterable<Uint8Array>;
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
