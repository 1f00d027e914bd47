import type { Writable } from 'node:stream';
import { JSON_BYTES, JsonBytes } from '../bytes/json.js';

/** Bytes gathered before they are handed to the stream. */
export const SINK_BYTES = 256 * 1024;

/** What is known of a stream that texts go to; one for all sinks of it. */
interface Outlet {
  full: boolean;
  gone: boolean;
  failure: Error | null;
  readonly waiting: Set<() => void>;
}

const outlets = new WeakMap<Writable, Outlet>();

/** The outlet of a stream: listened to once, however many sinks write to it in a process. */
function outletOf(stream: Writable): Outlet {
  const known = outlets.get(stream);
  if (known !== undefined) return known;
  const outlet: Outlet = { full: false, gone: false, failure: null, waiting: new Set() };
  const resume = (): void => {
    outlet.full = false;
    const { waiting } = outlet;
    const wakes = [...waiting];
    waiting.clear();
    for (const wake of wakes) wake();
  };
  stream.on('error', (error: NodeJS.ErrnoException) => {
    outlet.gone = true;
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') outlet.failure = error;
    resume();
  });
  stream.on('close', () => {
    outlet.gone = true;
    resume();
  });
  stream.on('drain', resume);
  outlets.set(stream, outlet);
  return outlet;
}

/**
 * Why a stream took no more of what sinks wrote, when it was not the reader leaving: a full disk, say; null where it
 * took all. Streams tell of it a moment behind the write.
 */
export async function failureOf(stream: Writable): Promise<Error | null> {
  await new Promise((resolve) => setImmediate(resolve));
  return outlets.get(stream)?.failure ?? null;
}

/**
 * Text on its way to a stream: encoded line by line, so that one line in another script does not slow down those beside
 * it, gathered, and never faster than the stream takes it. A reader that went away (EPIPE) closes it quietly.
 */
export class Sink {
  private readonly stream: Writable;
  private readonly beforeWrite: () => void;
  private readonly outlet: Outlet;
  private skipped = 0;
  /** Where records are appended, each followed by {@link Sink.ended}. */
  readonly json = new JsonBytes();

  /** `beforeWrite` is called before anything reaches the stream, e.g. to clear a progress line. */
  constructor(stream: Writable, beforeWrite: () => void = () => undefined) {
    this.stream = stream;
    this.beforeWrite = beforeWrite;
    this.outlet = outletOf(stream);
  }

  /** True once nobody reads any more. */
  get closed(): boolean {
    return this.outlet.gone;
  }

  /** Appends a line. */
  line(text: string): void {
    this.json.plain(text);
    this.ended();
  }

  /** A record was appended to `json`: its line ends. */
  ended(): void {
    this.json.byte(0x0a);
    if (this.json.at >= SINK_BYTES) this.hand();
  }

  /** Appends text of any length as it is. */
  text(text: string): void {
    this.hand();
    this.write(Buffer.from(text, 'utf8'));
  }

  /** Appends whole lines that are bytes already. They are handed over as they are: nobody else may change them. */
  bytes(lines: Uint8Array): void {
    this.hand();
    this.write(lines);
  }

  /** So many bytes of what follows are left out: the stream has them already. */
  skip(bytes: number): void {
    this.skipped = bytes;
  }

  /** Resolves when the stream takes more, or is closed; cheap when it does already. */
  async ready(): Promise<void> {
    const { outlet } = this;
    if (!outlet.full || outlet.gone) return;
    await new Promise<void>((resolve) => {
      outlet.waiting.add(resolve);
    });
  }

  /** Hands over what was gathered and waits until the stream took it. */
  async flush(): Promise<void> {
    this.hand();
    await this.ready();
  }

  private hand(): void {
    const { json, stream } = this;
    if (json.at === 0) return;
    this.write(json.buffer.subarray(0, json.at));
    json.at = 0;
    // What a stream was given is its own until it is written. Files and pipes of the process take it at once. Memory that
    // one large record took is let go.
    const taken = stream.writableLength === 0 && 'fd' in stream;
    if (!taken || json.buffer.length > JSON_BYTES) json.buffer = Buffer.allocUnsafeSlow(JSON_BYTES);
  }

  private write(bytes: Uint8Array): void {
    if (this.outlet.gone) return;
    const skipped = Math.min(this.skipped, bytes.length);
    this.skipped -= skipped;
    if (skipped > 0 && skipped === bytes.length) return;
    this.beforeWrite();
    if (!this.stream.write(skipped === 0 ? bytes : bytes.subarray(skipped))) this.outlet.full = true;
  }
}
