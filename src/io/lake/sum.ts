import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { fileReason } from '../reason.js';
import { UsageError } from '../streams.js';

const PIECE_BYTES = 1_048_576;

/** SHA-256 of a file's bytes. @throws UsageError */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  // One buffer for all: a stream makes one a piece, which takes as long as the sum itself.
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  try {
    const file = await open(path);
    try {
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
  return hash.digest('hex');
}
