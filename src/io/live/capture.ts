import { spawn, type ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { blockOf } from '../../bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../capture/reader.js';
import type { Frame, Problem } from '../../types.js';
import { UsageError } from '../streams.js';
import { openCap } from './cap.js';
import type { CaptureFiles } from './files.js';
import { argumentsFor, DEFAULT_FILTER, dropsIn, failureOf, PLAIN_FILTER, toolsFor, type Backend, type Failure, type ToolName } from './tools.js';

/** Bytes of packets that wait to be decoded; past it, packets are left out of the display, not out of the file. */
export const BACKLOG_BYTES = 256 * 1024 * 1024;
/** How often tcpdump is asked for its counts, in milliseconds. */
const COUNTS_EVERY_MS = 2000;
/** A tool that was told to end is given so long, in milliseconds. */
const PATIENCE_MS = 3000;
/** Characters kept of what a tool says. */
const MAX_SAID = 64 * 1024;

export interface LiveOptions {
  readonly iface: string;
  /** BPF expression; null takes everything that DCOM may need. */
  readonly filter: string | null;
  readonly backend: Backend;
  readonly files: CaptureFiles | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly backlog?: number;
}

/** Packets that came, with the counts so far. */
export interface LiveBatch {
  readonly items: readonly (Frame | Problem)[];
  readonly read: number;
  readonly dropped: { readonly kernel: number | null; readonly ours: number };
}

/**
 * Packets of an interface as they come. Every packet is in the file before it waits to be decoded: neither slow decoding nor the end of
 * the program loses it.
 */
export class LiveCapture {
  private readonly options: LiveOptions;
  private readonly waiting: { readonly items: CaptureOutput[]; readonly bytes: number }[] = [];
  private waitingBytes = 0;
  private read = 0;
  private packets = 0;
  private ours = 0;
  private kernel: number | null = null;
  private said = '';
  private child: ChildProcess | null = null;
  private device: { readonly close: () => void } | null = null;
  private timer: NodeJS.Timeout | null = null;
  private stopping = false;
  private ended = false;
  private failure: Error | null = null;
  private wake: (() => void) | null = null;

  constructor(options: LiveOptions) {
    this.options = options;
  }

  /** Packets captured. */
  get count(): number {
    return this.packets;
  }

  get dropped(): LiveBatch['dropped'] {
    return { kernel: this.kernel, ours: this.ours };
  }

  /** Ends the capture: what came is still given out. */
  stop(): void {
    if (this.stopping) return;
    this.stopping = true;
    const { child } = this;
    this.device?.close();
    if (this.device !== null) this.finish(null);
    child?.kill('SIGINT');
    setTimeout(() => child?.kill('SIGKILL'), PATIENCE_MS).unref();
    this.wake?.();
  }

  /** Batches until the capture ends. @throws UsageError when it cannot begin, or breaks off */
  async *batches(): AsyncGenerator<LiveBatch> {
    try {
      await this.begin();
      for (;;) {
        const next = this.waiting.shift();
        if (next !== undefined) {
          this.waitingBytes -= next.bytes;
          yield { items: next.items, read: this.read, dropped: this.dropped };
          continue;
        }
        if (this.ended) break;
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        this.wake = null;
        if (this.waiting.length === 0 && !this.ended) yield { items: [], read: this.read, dropped: this.dropped };
      }
      if (this.failure !== null) throw this.failure;
    } finally {
      this.stop();
      this.options.files?.close();
    }
  }

  /** Tries one tool after the other, where the user left the choice. */
  private async begin(): Promise<void> {
    const { backend, iface, filter, env } = this.options;
    if (backend === 'cap') {
      const open = await openCap(iface, filter ?? PLAIN_FILTER, (frame) => this.take([frame], frame.end - frame.start), Date.now);
      this.device = open;
      if (this.stopping) open.close();
      return;
    }
    const attempts = toolsFor(backend, env).flatMap((tool) => (filter === null ? [{ ...tool, filter: DEFAULT_FILTER }, { ...tool, filter: PLAIN_FILTER }] : [{ ...tool, filter }]));
    let failed: Failure | null = null;
    for (const attempt of attempts) {
      if (this.stopping) return;
      if (failed !== null && (attempt.filter === PLAIN_FILTER) !== (failed.kind === 'vlan')) continue;
      failed = await this.run(attempt.name, attempt.path, attempt.filter);
      if (failed === null) return;
      if (failed.kind !== 'permission' && failed.kind !== 'vlan') break;
    }
    throw new UsageError(failed?.message ?? 'no capture tool could be started');
  }

  /** Starts a tool; null once it captures, or why it does not. */
  private run(name: ToolName, path: string, filter: string): Promise<Failure | null> {
    const { iface } = this.options;
    const child = spawn(path, argumentsFor(name, iface, filter), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.said = '';
    favour(child);
    const reader = new CaptureReader();
    return new Promise((resolve) => {
      let began = false;
      const begin = (): void => {
        if (began) return;
        began = true;
        if (name === 'tcpdump') this.timer = setInterval(() => child.kill('SIGUSR1'), COUNTS_EVERY_MS).unref();
        resolve(null);
      };
      child.on('error', (error) => resolve({ kind: 'other', message: `${name} cannot be started: ${error.message}` }));
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.said = (this.said + text).slice(-MAX_SAID);
        this.kernel = dropsIn(this.said) ?? this.kernel;
        this.wake?.();
      });
      child.stdout.on('data', (bytes: Buffer) => {
        begin();
        this.came(reader, bytes);
      });
      child.on('close', () => {
        if (this.timer !== null) clearInterval(this.timer);
        this.kernel = dropsIn(this.said) ?? this.kernel;
        if (!began && !this.stopping) resolve(failureOf(name, iface, this.said));
        else {
          begin();
          const items: CaptureOutput[] = [];
          // A tool that was told to end may leave a header and no packet, which is no damage.
          if (!this.stopping) reader.end(items);
          if (items.length > 0) this.take(items, 0);
          this.finish(this.stopping ? null : new UsageError(failureOf(name, iface, this.said).message));
        }
      });
    });
  }

  private came(reader: CaptureReader, bytes: Buffer): void {
    const items: CaptureOutput[] = [];
    this.read += bytes.length;
    reader.push(blockOf(bytes), 0, bytes.length, items);
    if (items.length > 0) this.take(items, bytes.length);
  }

  private take(items: CaptureOutput[], bytes: number): void {
    const frames = items.filter((item): item is Frame => item.kind === 'frame');
    this.packets += frames.length;
    try {
      this.options.files?.write(frames);
    } catch (error) {
      if (this.failure === null) this.failure = error instanceof Error ? error : new Error(String(error));
      this.stop();
    }
    if (this.waitingBytes + bytes > (this.options.backlog ?? BACKLOG_BYTES)) {
      this.ours += frames.length;
      return;
    }
    this.waiting.push({ items, bytes });
    this.waitingBytes += bytes;
    this.wake?.();
  }

  private finish(failure: Error | null): void {
    this.failure ??= failure;
    this.ended = true;
    this.wake?.();
  }
}

/**
 * The tool goes before those who decode: handing packets on at once, it has room for a few hundred of them, and on a busy machine they
 * come in while it waits for its turn. Where the system does not allow it, it takes its turn.
 */
function favour({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Not root.
  }
}
