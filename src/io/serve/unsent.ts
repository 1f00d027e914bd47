import type { Socket } from 'node:net';
import { concat } from '../../bytes/concat.js';

/** Named bounds of answers that are not read; docs/limits.md. */
export const UNSENT_LIMITS = {
  /** Past it a connection is not read from, until its client has read. */
  holdBytes: 256 * 1024,
  /** Past it a connection is closed. */
  bytes: 16 * 1024 * 1024,
  /** Over all connections of a server: past it the one with most is closed. */
  totalBytes: 64 * 1024 * 1024,
} as const;

interface UnsentLimits {
  readonly holdBytes: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

/** Answers of a server that its clients have not read yet: one budget for all of its connections. */
export class Unsent {
  private readonly limits: UnsentLimits;
  private readonly connections = new Set<Outgoing>();
  private held = 0;

  constructor(limits: UnsentLimits = UNSENT_LIMITS) {
    this.limits = limits;
  }

  /** Bytes that wait for clients, over all connections. */
  get total(): number {
    return this.held;
  }

  /** A connection's answers from now on. */
  of(socket: Socket): Outgoing {
    const outgoing = new Outgoing(socket, this.limits, (by) => this.count(by));
    this.connections.add(outgoing);
    socket.on('close', () => this.connections.delete(outgoing));
    return outgoing;
  }

  private count(by: number): void {
    this.held += by;
    if (this.held <= this.limits.totalBytes) return;
    let most: Outgoing | null = null;
    for (const one of this.connections) if (most === null || one.waiting > most.waiting) most = one;
    most?.end();
  }
}

/** What goes out on one connection. Who does not read what was answered is not read from. */
class Outgoing {
  private readonly socket: Socket;
  private readonly limits: UnsentLimits;
  private readonly count: (by: number) => void;
  private readonly pending: Uint8Array[] = [];
  private size = 0;
  private holds = 0;
  private full = false;

  constructor(socket: Socket, limits: UnsentLimits, count: (by: number) => void) {
    this.socket = socket;
    this.limits = limits;
    this.count = count;
  }

  /** Bytes that wait for the client. */
  get waiting(): number {
    return this.size;
  }

  send(bytes: Uint8Array): void {
    if (this.socket.destroyed) return;
    this.size += bytes.length;
    this.count(bytes.length);
    // Answers to requests that came together go out together: a write of its own costs more than a small answer.
    if (this.pending.push(bytes) === 1) queueMicrotask(() => this.flush());
    if (this.size > this.limits.bytes) this.end();
    else if (!this.full && this.size > this.limits.holdBytes) {
      this.full = true;
      this.hold();
    }
  }

  private flush(): void {
    const bytes = concat(this.pending.splice(0));
    // Called once, whether it was written or the connection ended before.
    this.socket.write(bytes, () => {
      this.size -= bytes.length;
      this.count(-bytes.length);
      if (this.full && this.size <= this.limits.holdBytes / 2) {
        this.full = false;
        this.release();
      }
    });
  }

  /** Reads no more until each hold was released. */
  hold(): void {
    if (this.holds++ === 0) this.socket.pause();
  }

  release(): void {
    if (--this.holds === 0 && !this.socket.destroyed) this.socket.resume();
  }

  end(): void {
    this.socket.destroy();
  }
}
