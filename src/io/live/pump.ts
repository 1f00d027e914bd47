import type { ChildProcess } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import type { Writable } from 'node:stream';
import { parentPort, workerData } from 'node:worker_threads';
import { blockOf } from '../../bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../capture/reader.js';
import { HostPackets, type Between } from '../../net/hosts.js';
import type { Frame, Problem } from '../../types.js';
import { startChild } from '../children.js';
import { CaptureFiles, type OpenFiles } from './files.js';
import { parcelOf, type Parcel } from './parcel.js';
import type { ToolName } from './tools.js';

/** What the thread is started with. */
export interface PumpOrder {
  readonly name: ToolName;
  readonly path: string;
  readonly args: readonly string[];
  /** Where the packets are kept, or null. */
  readonly files: OpenFiles | null;
  /** Whose packets are kept and handed on, or null for all. */
  readonly hosts: readonly Between[] | null;
  /** Bytes that may wait to be decoded. */
  readonly backlog: number;
  /** One counter, in the memory of both: bytes that were taken out of those handed over. */
  readonly taken: BigInt64Array;
}

/** What it tells. */
export type PumpWord =
  | { readonly kind: 'began' }
  | {
      readonly kind: 'frames';
      readonly parcel: Parcel;
      readonly problems: readonly Problem[];
      readonly bytes: number;
      readonly counts: PumpCounts;
    }
  | { readonly kind: 'counts'; readonly counts: PumpCounts }
  | { readonly kind: 'said'; readonly text: string }
  /** The tool could not be started, or the packets cannot be written any more. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'over'; readonly began: boolean };

export interface PumpCounts {
  /** Bytes read of the tool, packets in them, and packets that were not handed over because too many waited. */
  readonly read: number;
  readonly packets: number;
  readonly left: number;
}

/** How often tcpdump is asked for its counts, in milliseconds. */
const COUNTS_EVERY_MS = 2000;
/**
 * Packets are written and handed on together when the first of them has waited so long, in milliseconds, or so many
 * bytes wait.
 */
const GATHER_MS = 4;
const GATHER_BYTES = 128 * 1024;
/**
 * The tool in the place of the shell, with its process number; and beside it one that waits for the fourth descriptor
 * to close, and hands on at every line of it that counts are wanted: it stays who started it when we go on as somebody
 * else, who may send no signals to it. A tool
 * that has nothing to write does not notice that nobody reads any more: killed without warning, we would leave it
 * capturing for ever.
 */
const LEASH =
  'tool=$$; { while read -r line; do kill -USR1 $tool; done; kill -TERM $tool; } <&3 >/dev/null 2>&1 & exec "$0" "$@" 3<&-';
/** A tool that was told to end is given so long, in milliseconds. */
const PATIENCE_MS = 3000;

/**
 * A thread of its own between the capture tool and the decoder: it takes packets from the tool as soon as they come,
 * writes them to their file and hands them on. However long the decoder is busy, the tool is not held up by it, and the
 * kernel drops nothing for its sake.
 */
class Pump {
  private readonly order: PumpOrder;
  private readonly tell: (word: PumpWord, moved?: readonly ArrayBuffer[]) => void;
  private readonly files: CaptureFiles | null;
  private readonly wanted: HostPackets | null;
  private readonly reader = new CaptureReader();
  private readonly child: ChildProcess;
  private gathered: CaptureOutput[] = [];
  private gatheredBytes = 0;
  private due: NodeJS.Timeout | null = null;
  private handed = 0n;
  private read = 0;
  private packets = 0;
  private left = 0;
  private began = false;
  private stopping = false;

  constructor(order: PumpOrder, tell: Pump['tell']) {
    this.order = order;
    this.tell = tell;
    this.files = order.files === null ? null : CaptureFiles.opened(order.files);
    this.wanted = order.hosts === null ? null : new HostPackets(order.hosts);
    // Not of our process group: ctrl-C is for us, and the tool is told to end by us.
    this.child = startChild('/bin/sh', ['-c', LEASH, order.path, ...order.args], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    favour(this.child);
  }

  run(done: () => void): void {
    const { child, order, tell } = this;
    const counting =
      order.name === 'tcpdump' ? setInterval(() => this.began && this.lease?.write('\n'), COUNTS_EVERY_MS) : null;
    child.on('error', (error) =>
      tell({ kind: 'failed', message: `${order.name} cannot be started: ${error.message}` }),
    );
    child.stderr?.setEncoding('utf8').on('data', (text: string) => tell({ kind: 'said', text }));
    child.stdout?.on('data', (bytes: Buffer) => this.came(bytes));
    // It ended: what waits beside it is let go.
    child.on('exit', () => this.lease?.destroy());
    this.lease?.on('error', () => undefined);
    child.on('close', () => {
      if (counting !== null) clearInterval(counting);
      // A tool that was told to end may leave a header and no packet, which is no damage.
      if (this.began && !this.stopping) this.reader.end(this.gathered);
      this.flush();
      if (this.began) this.files?.close();
      tell({ kind: 'over', began: this.began });
      done();
    });
  }

  stop(): void {
    if (this.stopping) return;
    this.stopping = true;
    // One that is not ours any more hears of it by the end of its lease.
    if (!this.signal('SIGINT')) this.lease?.destroy();
    setTimeout(() => this.signal('SIGKILL'), PATIENCE_MS).unref();
  }

  /** False where it may not be sent, or nobody is there. */
  private signal(name: NodeJS.Signals): boolean {
    const { pid, exitCode, signalCode } = this.child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return false;
    try {
      return process.kill(pid, name);
    } catch {
      return false;
    }
  }

  private get lease(): Writable | null {
    return (this.child.stdio[3] ?? null) as Writable | null;
  }

  private came(bytes: Buffer): void {
    if (!this.began) {
      this.began = true;
      this.tell({ kind: 'began' });
    }
    this.read += bytes.length;
    this.reader.push(blockOf(bytes), 0, bytes.length, this.gathered);
    this.gatheredBytes += bytes.length;
    if (this.gatheredBytes >= GATHER_BYTES) this.flush();
    else this.due ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  private flush(): void {
    const { order, gathered: items, gatheredBytes: bytes } = this;
    if (this.due !== null) clearTimeout(this.due);
    this.due = null;
    this.gathered = [];
    this.gatheredBytes = 0;
    const frames = this.chosen(items.filter((item): item is Frame => item.kind === 'frame'));
    const problems = items.filter((item): item is Problem => item.kind === 'problem');
    this.packets += frames.length;
    if (frames.length + problems.length === 0) {
      this.tell({ kind: 'counts', counts: this.counts });
      return;
    }
    try {
      this.files?.write(frames);
    } catch (error) {
      this.tell({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
      this.stop();
    }
    const size = BigInt(bytes);
    if (this.handed - Atomics.load(order.taken, 0) + size > BigInt(order.backlog)) {
      this.left += frames.length;
      this.tell({ kind: 'counts', counts: this.counts });
      return;
    }
    this.handed += size;
    const parcel = parcelOf(frames);
    this.tell(
      {
        kind: 'frames',
        parcel,
        problems,
        bytes,
        counts: this.counts,
      },
      [parcel.bytes.buffer, parcel.numbers.buffer],
    );
  }

  /** Packets that are wanted, numbered as they stand in the file. */
  private chosen(frames: readonly Frame[]): readonly Frame[] {
    const { wanted, packets } = this;
    if (wanted === null) return frames;
    return frames
      .filter((frame) => wanted.takes(frame))
      .map((frame, i) => Object.assign({}, frame, { number: packets + i + 1 }));
  }

  private get counts(): PumpCounts {
    return { read: this.read, packets: this.packets, left: this.left };
  }
}

/**
 * The tool goes before other programs: handing packets on at once, it has room for a thousand of them, and on a busy
 * machine they come in while it waits for its turn. Where the system does not allow it, it takes its turn.
 */
function favour({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Not root.
  }
}

if (parentPort !== null) {
  const port = parentPort;
  const pump = new Pump(workerData as PumpOrder, (word, moved = []) => port.postMessage(word, moved));
  port.on('message', () => pump.stop());
  pump.run(() => port.close());
}
