import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { fileHead } from '../../replay/recording/frames.js';
import { recordBytes } from '../../replay/recording/format.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { recordingText, recordText } from '../../replay/recording/text.js';
import { UsageError } from './streams.js';
import { writeReason } from './reason.js';

/** How a recording is written down. */
export type RecordingForm = 'uamgrec' | 'text';

/** Writes a recording to a file, or to a stream where the path is `-`. What was flushed survives a crash. */
export class RecordingWriter {
  private readonly form: RecordingForm;
  private readonly handle: FileHandle | null;
  private readonly stream: Writable;
  private gathered: Uint8Array[] = [];
  private writing: Promise<void> = Promise.resolve();
  /** Calls put so far. */
  calls = 0;

  private constructor(form: RecordingForm, handle: FileHandle | null, stream: Writable) {
    this.form = form;
    this.handle = handle;
    this.stream = stream;
  }

  /** @throws UsageError when the file cannot be written */
  static async open(path: string, form: RecordingForm, append: boolean, stdout: Writable): Promise<RecordingWriter> {
    const handle =
      path === '-'
        ? null
        : await open(path, append ? 'a' : 'w').catch((error: unknown) => {
            throw new UsageError(`cannot write ${path}: ${writeReason(error)}`);
          });
    const writer = new RecordingWriter(form, handle, stdout);
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

  private async write(): Promise<void> {
    if (this.gathered.length === 0) return;
    const piece = Buffer.concat(this.gathered);
    this.gathered = [];
    if (this.handle !== null) await this.handle.writeFile(piece);
    else if (!this.stream.write(piece) && !this.stream.destroyed) {
      await new Promise<void>((resolve) => {
        this.stream.once('drain', resolve);
        this.stream.once('close', resolve);
      });
    }
  }

  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.handle?.close();
    }
  }
}

function lines(list: Iterable<string>): Uint8Array {
  return Buffer.from(`${[...list].join('\n')}\n`, 'utf8');
}
