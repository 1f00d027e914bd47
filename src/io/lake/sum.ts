import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { fileReason } from '../reason.js';
import { UsageError } from '../streams.js';

/** SHA-256 of a file's bytes. @throws UsageError */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1_048_576 })) hash.update(piece as Buffer);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${fileReason(error)}`);
  }
  return hash.digest('hex');
}
