import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { fileHead } from '../../replay/recording/frames.js';
import { recordBytes } from '../../replay/recording/format.js';
import type { RecordingForm, RecordingRecord } from '../../replay/recording/records.js';
import { recordingText, recordText } from '../../replay/recording/text.js';
import { lockOutput, OutputWriter, PRIVATE, type OutputOptions } from './output.js';
import { writeReason } from './reason.js';
import { UsageError } from './streams.js';

/** Where a recording is written, and how. */
interface RecordingOutput extends OutputOptions {
  /** `-` is stdout. */
  readonly path: string;
  readonly form: RecordingForm;
  /** A session is added to a recording that is there. */
  readonly append?: boolean;
  readonly stdout: Writable;
}

/** What a writer needs of what it writes to. */
interface Destination {
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  /** `nothing`: no call was written. */
  discard(nothing: boolean): Promise<void>;
}

/**
 * Writes a recording to a file, or to a stream. What was flushed of one that is `growing` survives a crash; any other
 * has its name when it is whole.
 */
export class RecordingWriter {
  private readonly form: RecordingForm;
  private readonly destination: Destination;
  private gathered: Uint8Array[] = [];
  private writing: Promise<void> = Promise.resolve();
  /** Calls put so far. */
  calls = 0;

  private constructor(form: RecordingForm, destination: Destination) {
    this.form = form;
    this.destination = destination;
  }

  /** @throws UsageError when the file cannot be written */
  static async open({ path, form, append = false, stdout, ...options }: RecordingOutput): Promise<RecordingWriter> {
    const writer = new RecordingWriter(form, await destinationOf(path, append, stdout, options));
    if (!append) writer.gathered.push(form === 'text' ? lines(recordingText([])) : fileHead());
    return writer;
  }

  put(record: RecordingRecord): void {
    if (record.kind === 'call') this.calls++;
    this.gathered.push(this.form === 'text' ? lines(['', ...recordText(record)]) : recordBytes(record));
  }

  /** Resolves when all that was put is handed over. May be called again before it has: pieces keep their order. */
  async flush(): Promise<void> {
    const write = this.writing.then(() => this.write());
    this.writing = write.catch(() => undefined);
    await write;
  }

  /** Writes what is left, and ends the file. @throws UsageError */
  async close(): Promise<void> {
    try {
      await this.flush();
    } catch (error) {
      await this.destination.discard(this.calls === 0);
      throw error;
    }
    await this.destination.finish();
  }

  /** The recording came to nothing: of a file that was to be whole nothing is left. */
  async discard(): Promise<void> {
    await this.writing;
    await this.destination.discard(this.calls === 0);
  }

  /** Does the work that puts all records, and closes; nothing is left of one that failed. */
  async whole<T>(work: () => Promise<T>): Promise<T> {
    let done: T;
    try {
      done = await work();
    } catch (error) {
      await this.discard();
      throw error;
    }
    await this.close();
    return done;
  }

  private async write(): Promise<void> {
    if (this.gathered.length === 0) return;
    const piece = Buffer.concat(this.gathered);
    this.gathered = [];
    await this.destination.write(piece);
  }
}

async function destinationOf(
  path: string,
  append: boolean,
  stdout: Writable,
  options: OutputOptions,
): Promise<Destination> {
  if (path === '-') return streamed(stdout);
  if (append) return appended(path);
  const output = await OutputWriter.open(path, { mode: PRIVATE, ...options });
  return {
    write: async (bytes) => void (await output.write(bytes)),
    finish: () => output.finish(),
    discard: (nothing) => output.discard(nothing),
  };
}

/** A reader that went away ends it quietly. */
function streamed(stream: Writable): Destination {
  let failure: NodeJS.ErrnoException | null = null;
  stream.on('error', (error: NodeJS.ErrnoException) => (failure = error));
  const check = (): void => {
    if (failure !== null && failure.code !== 'EPIPE' && failure.code !== 'ERR_STREAM_DESTROYED')
      throw new UsageError(`the recording cannot be written: ${writeReason(failure)}`);
  };
  return {
    async write(bytes) {
      check();
      if (failure !== null || stream.destroyed || stream.write(bytes)) return;
      await new Promise<void>((resolve) => {
        for (const event of ['drain', 'close', 'error']) stream.once(event, () => resolve());
      });
      check();
    },
    finish: () => Promise.resolve(check()),
    discard: () => Promise.resolve(),
  };
}

/** Adds to a file that is there: what cannot be written whole is taken back. */
async function appended(path: string): Promise<Destination> {
  const { release } = lockOutput(path);
  const handle = await open(path, 'a').catch((error: unknown) => {
    release();
    throw new UsageError(`cannot write ${path}: ${writeReason(error)}`);
  });
  const { size: start } = await handle.stat();
  let size = start;
  const end = async (): Promise<void> => {
    await handle.close();
    release();
  };
  return {
    async write(bytes) {
      try {
        await handle.writeFile(bytes);
        size += bytes.length;
      } catch (error) {
        await handle.truncate(size).catch(() => undefined);
        throw new UsageError(`cannot write ${path}: ${writeReason(error)}`);
      }
    },
    async finish() {
      try {
        await handle.sync();
      } catch (error) {
        await handle.truncate(start).catch(() => undefined);
        await end();
        throw new UsageError(`cannot write ${path}: ${writeReason(error)}`);
      }
      await end();
    },
    async discard() {
      await handle.truncate(start).catch(() => undefined);
      await end();
    },
  };
}

function lines(list: Iterable<string>): Uint8Array {
  return Buffer.from(`${[...list].join('\n')}\n`, 'utf8');
}
