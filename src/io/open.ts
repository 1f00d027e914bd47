import { createReadStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { blockOf } from '../bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../capture/reader.js';
import type { Batch } from './decode.js';
import { UsageError } from './streams.js';

/** Bytes read in one go. */
const BLOCK = 1 << 20;

/** A capture in batches, a batch to a block of the file. */
export async function* openCapture(path: string, framesBefore: number, stdin: Readable): AsyncIterable<Batch> {
  const reader = new CaptureReader({ framesBefore });
  const items: CaptureOutput[] = [];
  let read = 0;
  try {
    const size = path === '-' ? null : statSync(path).size;
    for await (const chunk of path === '-' ? stdin : createReadStream(path, { highWaterMark: BLOCK })) {
      const bytes = chunk as Uint8Array;
      read += bytes.length;
      reader.push(blockOf(bytes), 0, bytes.length, items);
      yield { items, read, size };
      items.length = 0;
      if (reader.done) return;
    }
    reader.end(items);
    yield { items, read, size };
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}
