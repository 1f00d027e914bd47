import type { Writable } from 'node:stream';

/** Characters gathered before they are handed to the stream. */
export const SINK_CHARS = 65_536;
/** Headroom for characters that take more than one byte; a text that needs more is encoded the slow way. */
const HEADROOM = 4096;

/**
 * Text on its way to a stream: gathered, encoded in one go, never faster than the stream takes it.
 * A reader that went away (EPIPE) closes it quietly.
 */
export class Sink {
  private readonly stream: Writable;
  private readonly beforeWrite: () => void;
  private text = '';
  private full = false;
  private gone = false;
  private failure: Error | null = null;
  private wake: (() => void) | null = null;

  /** `beforeWrite` is called before anything reaches the stream, e.g. to clear a progress line. */
  constructor(stream: Writable, beforeWrite: () => void = () => undefined) {
    this.stream = stream;
    this.beforeWrite = beforeWrite;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.gone = true;
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') this.failure = error;
      this.resume();
    });
    stream.on('close', () => {
      this.gone = true;
      this.resume();
    });
    stream.on('drain', () => this.resume());
  }

  /** True once nobody reads any more. */
  get closed(): boolean {
    return this.gone;
  }

  /** Why writing ended, when it was not the reader leaving: a full disk, say. */
  get error(): Error | null {
    return this.failure;
  }

  /** Appends a line. */
  line(text: string): void {
    this.text += text;
    this.text += '\n';
    if (this.text.length >= SINK_CHARS) this.hand();
  }

  /** Resolves when the stream takes more, or is closed; cheap when it does already. */
  async ready(): Promise<void> {
    if (!this.full || this.gone) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }

  /** Hands over what was gathered and waits until the stream took it. */
  async flush(): Promise<void> {
    this.hand();
    await this.ready();
  }

  private hand(): void {
    const { text } = this;
    if (text === '') return;
    this.text = '';
    if (this.gone) return;
    this.beforeWrite();
    if (!this.stream.write(encoded(text))) this.full = true;
  }

  private resume(): void {
    this.full = false;
    const { wake } = this;
    this.wake = null;
    wake?.();
  }
}

/** UTF-8 of a text; one pass instead of two where it is mostly ASCII. */
function encoded(text: string): Uint8Array {
  const room = Buffer.allocUnsafe(text.length + HEADROOM);
  const used = room.write(text, 'utf8');
  return used <= room.length - 4 ? room.subarray(0, used) : Buffer.from(text, 'utf8');
}
