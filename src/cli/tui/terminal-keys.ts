import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { runChild } from '../../io/children.js';
import type { Keys } from './background.js';

const TERMINAL = '/dev/tty';
/** How often the terminal is asked for keys, in milliseconds. */
const ASK_EVERY_MS = 15;
/** More than anybody types between two looks: the largest VMIN there is. */
const MANY_KEYS = '255';
const PIECE = 4096;

/**
 * Keys of the terminal when stdin is a pipe. @throws where there is no terminal
 *
 * At the other end of that pipe others read the same terminal: `ssh host tcpdump | tui -` sends what is typed to the
 * far end. Whoever waits for keys by poll, as ssh does, is told of them by Linux only once VMIN of them are there
 * (termios(3)); a read that does not wait takes what there is. So VMIN is set high, and keys are asked for by the clock.
 */
export function terminalKeys(): Keys & { destroy(): unknown } {
  const fd = openSync(TERMINAL, constants.O_RDONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  return process.platform === 'linux' ? new AskedKeys(fd) : new ReadStream(fd);
}

class AskedKeys extends Readable {
  readonly isTTY = true;
  /** What blessed asks for before it sets the mode itself. */
  isRaw = false;
  private readonly fd: number;
  private readonly modes: ReadStream;
  private timer: NodeJS.Timeout | null = null;

  constructor(fd: number) {
    super({ highWaterMark: PIECE });
    this.fd = fd;
    // Never read: its mode is set and given back as Node does for every terminal.
    this.modes = new ReadStream(openSync(TERMINAL, constants.O_RDONLY | constants.O_NOCTTY));
  }

  setRawMode(on: boolean): this {
    this.modes.setRawMode(on);
    this.isRaw = on;
    // By name: a descriptor that is handed on would be made to wait.
    if (on) runChild('stty', ['-F', TERMINAL, 'min', MANY_KEYS], { stdio: 'ignore' });
    return this;
  }

  override _read(): void {
    this.timer ??= setInterval(() => this.ask(), ASK_EVERY_MS);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.rest();
    this.modes.destroy();
    closeSync(this.fd);
    done(error);
  }

  private ask(): void {
    const piece = Buffer.allocUnsafe(PIECE);
    let count: number;
    try {
      count = readSync(this.fd, piece);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return;
      // The terminal is gone, which SIGHUP tells as well.
      count = 0;
    }
    this.rest();
    this.push(count === 0 ? null : piece.subarray(0, count));
  }

  private rest(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }
}
