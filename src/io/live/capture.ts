import type { Worker } from 'node:worker_threads';
import { HostPackets, type Between } from '../../net/hosts.js';
import type { Frame, Problem } from '../../types.js';
import { UsageError } from '../streams.js';
import { threadOf } from '../thread.js';
import { openCap, type CapLoader } from './cap.js';
import type { CaptureFiles } from './files.js';
import { framesOf } from './parcel.js';
import type { PumpCounts, PumpOrder, PumpWord } from './pump.js';
import {
  argumentsFor,
  dropsIn,
  failureOf,
  filtersFor,
  toolsFor,
  type Backend,
  type Failure,
  type ToolName,
} from './tools.js';

/** Bytes of packets that wait to be decoded; past it, packets are left out of the display, not out of the file. */
export const BACKLOG_BYTES = 256 * 1024 * 1024;
/** Packets given out together, about. */
const BATCH = 1024;
/** Characters kept of what a tool says. */
const MAX_SAID = 64 * 1024;

export interface LiveOptions {
  readonly iface: string;
  /** BPF expression; null takes everything that DCOM may need. */
  readonly filter: string | null;
  /** Only packets of these are given out and kept; left out: all that the filter lets through. */
  readonly hosts?: readonly Between[] | null;
  readonly backend: Backend;
  readonly files: CaptureFiles | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly backlog?: number;
  /** Where the package cap comes from; left out: from node_modules. */
  readonly cap?: CapLoader;
  /** Hears that packets are taken from now on, by what, and with which filter. */
  readonly began?: (by: string, filter: string) => void;
}

/** Packets that came, with the counts so far. */
export interface LiveBatch {
  readonly items: readonly (Frame | Problem)[];
  readonly read: number;
  readonly dropped: { readonly kernel: number | null; readonly ours: number };
}

/**
 * Packets of an interface as they come. Every packet is in the file before it waits to be decoded: neither slow
 * decoding nor the end of
 * the program loses it.
 */
export class LiveCapture {
  private readonly options: LiveOptions;
  private readonly waiting: { readonly items: readonly (Frame | Problem)[]; readonly bytes: number }[] = [];
  private waitingBytes = 0;
  private read = 0;
  private packets = 0;
  private ours = 0;
  private kernel: number | null = null;
  private said = '';
  private worker: Worker | null = null;
  private taken: BigInt64Array | null = null;
  private device: { readonly close: () => void } | null = null;
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
    this.device?.close();
    if (this.device !== null) this.finish(null);
    this.worker?.postMessage('stop');
    this.wake?.();
  }

  /** Batches until the capture ends. @throws UsageError when it cannot begin, or breaks off */
  async *batches(): AsyncGenerator<LiveBatch> {
    try {
      await this.begin();
      for (;;) {
        const items = this.next();
        if (items.length > 0) {
          yield { items, read: this.read, dropped: this.dropped };
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

  /** What waits, up to a batch: those who are behind catch up in larger steps. */
  private next(): readonly (Frame | Problem)[] {
    const items: (Frame | Problem)[] = [];
    while (items.length < BATCH && this.waiting.length > 0) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      this.waitingBytes = Math.max(0, this.waitingBytes - next.bytes);
      if (this.taken !== null) Atomics.add(this.taken, 0, BigInt(next.bytes));
      for (const item of next.items) items.push(item);
    }
    return items;
  }

  /** Tries one tool after the other, where the user left the choice. */
  private async begin(): Promise<void> {
    const { backend, iface, filter, hosts = null, env } = this.options;
    const filters = filtersFor(hosts);
    if (backend === 'cap') {
      const wanted = hosts === null ? null : new HostPackets(hosts);
      const given = filter ?? filters.plain;
      const open = await openCap(iface, given, (frame) => this.take(frame, wanted), Date.now, this.options.cap);
      this.device = open;
      this.options.began?.('cap', given);
      if (this.stopping) open.close();
      return;
    }
    const attempts = toolsFor(backend, env).flatMap((tool) =>
      filter === null
        ? [
            { ...tool, filter: filters.all },
            { ...tool, filter: filters.plain },
          ]
        : [{ ...tool, filter }],
    );
    let failed: Failure | null = null;
    for (const attempt of attempts) {
      if (this.stopping) return;
      if (failed !== null && (attempt.filter === filters.plain) !== (failed.kind === 'vlan')) continue;
      failed = await this.run(attempt.name, attempt.path, attempt.filter);
      if (failed === null) return;
      if (failed.kind !== 'permission' && failed.kind !== 'vlan') break;
    }
    throw new UsageError(failed?.message ?? 'no capture tool could be started');
  }

  /** Starts a tool in a thread of its own; null once it captures, or why it does not. */
  private run(name: ToolName, path: string, filter: string): Promise<Failure | null> {
    const { iface, files, hosts = null, backlog = BACKLOG_BYTES } = this.options;
    const taken = new BigInt64Array(new SharedArrayBuffer(8));
    const order: PumpOrder = {
      name,
      path,
      args: argumentsFor(name, iface, filter),
      files: files?.open ?? null,
      hosts,
      backlog,
      taken,
    };
    const worker = threadOf('./pump', import.meta.url, { workerData: order, trackUnmanagedFds: false });
    this.worker = worker;
    this.taken = taken;
    this.said = '';
    return new Promise((resolve) => {
      let refused: string | null = null;
      worker.on('message', (word: PumpWord) => {
        switch (word.kind) {
          case 'began':
            files?.handOver();
            this.options.began?.(name, filter);
            resolve(null);
            return;
          case 'frames':
            this.counted(word.counts);
            this.waiting.push({ items: [...framesOf(word.parcel), ...word.problems], bytes: word.bytes });
            break;
          case 'counts':
            this.counted(word.counts);
            break;
          case 'said':
            this.said = (this.said + word.text).slice(-MAX_SAID);
            this.kernel = dropsIn(this.said) ?? this.kernel;
            break;
          case 'failed':
            refused ??= word.message;
            break;
          case 'over':
            this.worker = null;
            if (!word.began && !this.stopping)
              resolve(refused === null ? failureOf(name, iface, this.said) : { kind: 'other', message: refused });
            else {
              resolve(null);
              const why = refused ?? (this.stopping ? null : failureOf(name, iface, this.said).message);
              this.finish(why === null ? null : new UsageError(why));
            }
            break;
        }
        this.wake?.();
      });
      worker.on('error', (error) => {
        resolve(null);
        this.finish(error);
      });
    });
  }

  private counted({ read, packets, left }: PumpCounts): void {
    this.read = read;
    this.packets = packets;
    this.ours = left;
  }

  /** A packet of a backend that has no thread of its own. */
  private take(frame: Frame, wanted: HostPackets | null): void {
    if (wanted?.takes(frame) === false) return;
    const bytes = frame.end - frame.start;
    this.packets++;
    this.read += bytes;
    try {
      this.options.files?.write([frame]);
    } catch (error) {
      if (this.failure === null) this.failure = error instanceof Error ? error : new Error(String(error));
      this.stop();
    }
    if (this.waitingBytes + bytes > (this.options.backlog ?? BACKLOG_BYTES)) {
      this.ours++;
      return;
    }
    this.waiting.push({ items: [{ ...frame, number: this.packets }], bytes });
    this.waitingBytes += bytes;
    this.wake?.();
  }

  private finish(failure: Error | null): void {
    this.failure ??= failure;
    this.ended = true;
    this.wake?.();
  }
}
