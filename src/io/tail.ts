import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { blockOf } from '../bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../capture/reader.js';
import type { Batch } from '../pipeline/batch.js';
import { compressionOf } from './decompress.js';
import { openCapture, QUIET_MS, READ_SIZE } from './files.js';

/** A file that was written to so short a while ago is still being written: its end is waited for, in milliseconds. */
export const STILL_WRITTEN_MS = 5000;
/** How often the end of such a file is looked at. */
const LOOK_EVERY_MS = 50;
const FIRST_BYTES = 16;

/**
 * Follows a file that grows, or reads what is no plain file, until it is told to stop. What waits is shown meanwhile.
 */
export async function* followUntil(
  path: string,
  framesBefore: number,
  stdin: Readable,
  stop: AbortSignal,
): AsyncGenerator<Batch> {
  let read = 0;
  let size: number | null = null;
  let waited = 0;
  const now = (): number => (stop.aborted ? Infinity : 0);
  for await (const tail of followCapture(path, framesBefore, stdin, { now, signal: stop })) {
    if (tail !== 'waiting') {
      ({ read, size } = tail);
      waited = 0;
      yield tail;
      continue;
    }
    const idle = waited === 0 ? 'now' : 'quiet';
    if (waited === 0 || waited === QUIET_MS) yield { items: [], read, size, idle };
    waited += LOOK_EVERY_MS;
  }
}

/** A batch, or word that all there is was read and more is waited for. */
type Tail = Batch | 'waiting';

/**
 * Like `openCapture`, but a plain file that is still being written is followed until it has been quiet for {@link
 * STILL_WRITTEN_MS}.
 */
export async function* followCapture(
  path: string,
  framesBefore: number,
  stdin: Readable,
  { now, signal }: { readonly now: () => number; readonly signal?: AbortSignal } = { now: Date.now },
): AsyncGenerator<Tail> {
  const handle = path === '-' ? null : await plainFile(path);
  if (handle === null) {
    yield* openCapture(path, framesBefore, stdin, signal);
    return;
  }
  const reader = new CaptureReader({ framesBefore });
  let read = 0;
  try {
    for (;;) {
      const buffer = new Uint8Array(READ_SIZE);
      const { bytesRead } = await handle.read(buffer, 0, READ_SIZE, read);
      const { size, mtimeMs } = await handle.stat();
      const items: CaptureOutput[] = [];
      read += bytesRead;
      if (bytesRead > 0) reader.push(blockOf(buffer.subarray(0, bytesRead)), 0, bytesRead, items);
      if (items.length > 0 || bytesRead > 0) yield { items, read, size };
      if (reader.done) return;
      if (bytesRead > 0) continue;
      if (now() - mtimeMs > STILL_WRITTEN_MS) break;
      yield 'waiting';
      await sleep(LOOK_EVERY_MS);
    }
    const items: CaptureOutput[] = [];
    reader.end(items);
    if (items.length > 0) yield { items, read, size: read };
  } finally {
    await handle.close();
  }
}

/** The file opened, or null for what `openCapture` reads or refuses better: pipes, directories, compressed files. */
async function plainFile(path: string): Promise<FileHandle | null> {
  // A pipe is not even opened: its writer would be left alone when this closes it.
  const found = await stat(path).catch(() => null);
  const handle = found?.isFile() === true ? await open(path, 'r').catch(() => null) : null;
  if (handle === null) return null;
  const head = new Uint8Array(FIRST_BYTES);
  const { bytesRead } = await handle.read(head, 0, FIRST_BYTES, 0);
  if (compressionOf(head.subarray(0, bytesRead)) === null) return handle;
  await handle.close();
  return null;
}
