import { constants, open as openFd } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import { blockOf } from '../bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../capture/reader.js';
import type { Problem } from '../types.js';
import type { Batch } from '../pipeline/batch.js';
import { CompressionError, compressionOf, decompress } from './decompress.js';
import { fileReason } from './reason.js';
import { UsageError } from './streams.js';

/** Bytes asked for in one read: few awaits a megabyte, and a block small enough to be held by a few stray spans. */
export const READ_SIZE = 512 * 1024;

/**
 * Opens a capture and yields its frames block by block; `-` is `stdin`. Compression and format are told by content.
 * A named pipe that `signal` is given for ends with it, as if its writer had.
 * @throws UsageError when the input cannot be opened or read at all
 */
export async function* openCapture(
  path: string,
  framesBefore: number,
  stdin: Readable,
  signal?: AbortSignal,
): AsyncGenerator<Batch> {
  const progress = { read: 0 };
  const { size, fifo } = path === '-' ? STREAM : await kindOf(path);
  const pieces =
    path === '-' || fifo
      ? readStream(path === '-' ? stdin : await openFifo(path, signal), progress)
      : readFile(path, progress);
  const reader = new CaptureReader({ framesBefore });
  const items: CaptureOutput[] = [];
  try {
    for await (const piece of size === null ? awaited(plain(pieces)) : plain(pieces)) {
      if (typeof piece === 'string') {
        yield { items: [], read: progress.read, size, info: reader.info, idle: piece };
        continue;
      }
      reader.push(blockOf(piece), 0, piece.length, items);
      if (items.length > 0) yield { items: items.splice(0), read: progress.read, size, info: reader.info };
      if (reader.done) return;
    }
    reader.end(items);
  } catch (error) {
    if (!(error instanceof CompressionError)) throw error;
    const ends: CaptureOutput[] = [];
    reader.end(ends);
    items.push(corrupt(error));
    for (const item of ends)
      items.push(item.kind === 'problem' && item.code === 'capture-empty' ? { ...item, message: NOTHING_LEFT } : item);
  }
  // Even without a packet: the file may say something of itself.
  yield { items, read: progress.read, size, info: reader.info };
}

/** Milliseconds without a byte after which packets that are missing will not come. */
export const QUIET_MS = 500;

/** Pieces of a stream, with word when the next one has to be waited for, and when that takes long. */
async function* awaited(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array | 'now' | 'quiet'> {
  try {
    for (;;) {
      const next = pieces.next();
      // A failure is thrown where it is awaited below.
      next.catch(() => undefined);
      if (!(await within(next, 0))) {
        yield 'now';
        if (!(await within(next, QUIET_MS))) yield 'quiet';
      }
      const { done, value } = await next;
      if (done === true) return;
      yield value;
    }
  } finally {
    await pieces.return(undefined);
  }
}

/** Whether something is settled within a time; 0: without waiting for anything to happen. */
async function within(what: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | NodeJS.Immediate | null = null;
  const late = new Promise<false>((resolve) => {
    timer = ms === 0 ? setImmediate(() => resolve(false)) : setTimeout(() => resolve(false), ms);
  });
  const settled = await Promise.race([
    what.then(
      () => true,
      () => true,
    ),
    late,
  ]);
  if (timer !== null && settled) {
    if (ms === 0) clearImmediate(timer as unknown as NodeJS.Immediate);
    else clearTimeout(timer as unknown as NodeJS.Timeout);
  }
  return settled;
}

const NOTHING_LEFT =
  'nothing could be decompressed, so that there is no capture to read: copy the file again from where it was made';

function corrupt(error: CompressionError): Problem {
  return {
    kind: 'problem',
    layer: 'capture',
    code: 'capture-bad-compression',
    spec: null,
    at: { offset: error.offset },
    message: `${error.message}; what was decompressed before is shown (within the first ${error.offset} bytes of the compressed file)`,
  };
}

/** The input's bytes, decompressed when their first bytes say so. */
async function* plain(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const first = await pieces.next();
  if (first.done === true) return;
  const again = prepend(first.value, pieces);
  const kind = compressionOf(first.value);
  yield* kind === null ? again : decompress(kind, again);
}

async function* prepend(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    yield* rest;
  } finally {
    // Stopped before `rest` was begun: what it holds open is closed.
    await rest.return(undefined);
  }
}

interface InputKind {
  /** Bytes; null of what has no end yet. */
  readonly size: number | null;
  readonly fifo: boolean;
}

const STREAM: InputKind = { size: null, fifo: false };

async function kindOf(path: string): Promise<InputKind> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw new UsageError(`${path} is a directory: give a capture file`);
    return found.isFile() ? { size: found.size, fifo: false } : { size: null, fifo: found.isFIFO() };
  } catch (error) {
    throw error instanceof UsageError ? error : unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): UsageError {
  return new UsageError(`cannot read ${path}: ${fileReason(error)}`);
}

/**
 * A named pipe as a stream, when somebody has opened it for writing. A read of it as a file would hold a thread, and
 * with it the program, until the writer writes.
 */
async function openFifo(path: string, signal: AbortSignal | undefined): Promise<Readable> {
  // Who waits for a writer is let go by one that comes and leaves.
  const release = (): void => void open(path, constants.O_WRONLY | constants.O_NONBLOCK).then((it) => it.close(), noop);
  signal?.addEventListener('abort', release, { once: true });
  const fd = await new Promise<number>((resolve, reject) => {
    openFd(path, 'r', (error, opened) => {
      if (error === null) resolve(opened);
      else reject(unreadable(path, error));
    });
  });
  signal?.removeEventListener('abort', release);
  const socket = new Socket({ fd, readable: true, writable: false });
  const input = socket.pipe(new PassThrough());
  // A pipe passes no failure on.
  socket.once('error', (error) => input.destroy(error));
  input.once('close', () => socket.destroy());
  const end = (): void => {
    socket.unpipe(input);
    input.end();
  };
  if (signal?.aborted === true) end();
  else signal?.addEventListener('abort', end, { once: true });
  return input;
}

function noop(): void {
  // Nobody waits any longer.
}

async function* readFile(path: string, progress: { read: number }): AsyncGenerator<Uint8Array> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const next = async (): Promise<Uint8Array> => {
    // A fresh buffer each time: frames are spans of it.
    const buffer = new Uint8Array(READ_SIZE);
    const { bytesRead } = await handle.read(buffer, 0, READ_SIZE, null).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    return bytesRead === READ_SIZE ? buffer : buffer.subarray(0, bytesRead);
  };
  let ahead: Promise<Uint8Array> | null = null;
  try {
    let piece = await next();
    while (piece.length > 0) {
      // The disk works while the piece is decoded.
      ahead = next();
      ahead.catch(() => undefined);
      progress.read += piece.length;
      yield piece;
      piece = await ahead;
      ahead = null;
    }
  } finally {
    await ahead?.catch(() => undefined);
    await handle.close();
  }
}

/** At least so many bytes are gathered before the first piece of a stream goes on, so that its format shows. */
const FIRST_PIECE = 16;

async function* readStream(stream: Readable, progress: { read: number }): AsyncGenerator<Uint8Array> {
  let head: Uint8Array | null = new Uint8Array(0);
  for await (const chunk of stream) {
    const piece = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : new Uint8Array(chunk as Uint8Array);
    progress.read += piece.length;
    if (head === null) {
      yield piece;
      continue;
    }
    const joined: Uint8Array = new Uint8Array(head.length + piece.length);
    joined.set(head);
    joined.set(piece, head.length);
    head = joined;
    if (head.length < FIRST_PIECE) continue;
    yield head;
    head = null;
  }
  if (head !== null && head.length > 0) yield head;
}
