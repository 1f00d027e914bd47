import type { Socket } from 'node:net';
import { concat } from '../../bytes/concat.js';
import type { Share } from '../../peer/budget.js';

/** Named bounds of answers that are not read; docs/limits.md. */
export const UNSENT_LIMITS = {
  /** Past it a connection is not read from, until its client has read. */
  holdBytes: 256 * 1024,
  /** Past it a connection is closed. */
  bytes: 16 * 1024 * 1024,
} as const;

interface UnsentLimits {
  readonly holdBytes: number;
  readonly bytes: number;
}

/** What goes out on one connection, counted in its share. Who does not read what was answered is not read from. */
export class Outgoing {
  private readonly socket: Socket;
  private readonly limits: UnsentLimits;
  private readonly share: Share;
  private readonly pending: Uint8Array[] = [];
  private size = 0;
  private holds = 0;
  private full = false;

  constructor(socket: Socket, share: Share, limits: UnsentLimits = UNSENT_LIMITS) {
    this.socket = socket;
    this.limits = limits;
    this.share = share;
  }

  /** Bytes that wait for the client. */
  get waiting(): number {
    return this.size;
  }

  send(bytes: Uint8Array): void {
    if (this.socket.destroyed) return;
    this.size += bytes.length;
    this.share.take(bytes.length);
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
      this.share.take(-bytes.length);
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
