import { writeSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import blessed, { type BlessedProgram } from 'blessed';
import type { Line } from './line.js';
import { asciiOnly, paint, type Palette } from './palette.js';
import type { Event } from './state.js';
import { clip, widthOf } from './width.js';

interface ScreenOptions {
  readonly input: Readable & { readonly isTTY?: boolean };
  readonly output: Writable & {
    readonly isTTY?: boolean;
    readonly columns?: number;
    readonly rows?: number;
    readonly fd?: number;
  };
  readonly palette: Palette;
  /** False where the locale has no UTF-8: drawing characters become ASCII. */
  readonly unicode: boolean;
  readonly onEvent: (event: Event) => void;
  /** Milliseconds, from any beginning. */
  readonly now: () => number;
}

/** A key this soon behind another belongs to it: `5j`. */
const QUICK_MS = 250;

interface BlessedKey {
  readonly name?: string;
  readonly full?: string;
  readonly ctrl?: boolean;
  readonly shift?: boolean;
  readonly sequence?: string;
}

interface BlessedMouse {
  readonly action: string;
  readonly x: number;
  readonly y: number;
}

/**
 * Back to the normal screen, cursor shown, mouse and looks off (DECRST 1049, DECTCEM, 1000–1006): what `close` and a
 * crash write.
 */
const RESTORE = '\u001b[0m\u001b[?1006l\u001b[?1003l\u001b[?1002l\u001b[?1000l\u001b[?2004l\u001b[?25h\u001b[?1049l';

/** To the alternate screen, cursor hidden, mouse told in full. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?1000h\u001b[?1002h\u001b[?1006h\u001b[2J';

/** A terminal: lines out, keys, mouse and sizes in. The only place that knows blessed. */
export class Screen {
  private readonly options: ScreenOptions;
  private readonly program: BlessedProgram;
  private drawn: string[] = [];
  private cursor = '';
  private open = true;
  private pressedAt = -Infinity;
  private readonly onExit = (): void => this.restoreNow();
  private readonly onResize = (): void => this.resized();

  constructor(options: ScreenOptions) {
    this.options = options;
    const { input, output } = options;
    // blessed reads keys and mouse; what is drawn we write ourselves, line by line, so that a terminal that disagrees
    // on the width of a character can only spoil its line.
    const programOptions = {
      input,
      output,
      terminal: 'xterm',
      buffer: false,
      tput: false,
      zero: true,
    } as unknown as Parameters<typeof blessed.program>[0];
    this.program = blessed.program(programOptions);
    output.write(ENTER);
    this.program.bindMouse();
    this.program.on('keypress', (text: string | undefined, key: BlessedKey | undefined) => this.pressed(text, key));
    this.program.on('mouse', (mouse: BlessedMouse) => this.moused(mouse));
    output.on('resize', this.onResize);
    process.on('exit', this.onExit);
    // Whoever asked the terminal something before has paused it.
    input.resume();
  }

  get size(): { readonly columns: number; readonly rows: number } {
    const { columns = 80, rows = 24 } = this.options.output;
    return { columns, rows };
  }

  /** Draws what changed since the last time. `cursor` is where typing happens. */
  draw(lines: readonly Line[], cursor: { readonly column: number; readonly row: number } | null): void {
    if (!this.open) return;
    const { palette, unicode, output } = this.options;
    const { columns } = this.size;
    let text = '';
    for (const [row, line] of lines.entries()) {
      const shown = unicode
        ? line
        : line.map(({ text: own, paint: look, under }) => ({ text: asciiOnly(own, widthOf), paint: look, under }));
      const painted = paint(shown, palette);
      if (this.drawn[row] === painted) continue;
      this.drawn[row] = painted;
      // Erased first: wide characters that the terminal counts otherwise leave nothing behind.
      text += `\u001b[${row + 1};1H\u001b[0m\u001b[2K${painted}`;
    }
    this.drawn.length = lines.length;
    const place =
      cursor === null ? '\u001b[?25l' : `\u001b[${cursor.row + 1};${Math.min(columns, cursor.column + 1)}H\u001b[?25h`;
    if (text === '' && place === this.cursor) return;
    this.cursor = place;
    output.write(`\u001b[?2026h${text}${place}\u001b[?2026l`);
  }

  /** Everything is drawn anew the next time. */
  invalidate(): void {
    this.drawn = [];
    this.options.output.write('\u001b[2J');
  }

  /** Puts a text on the clipboard of the terminal (OSC 52), through tmux as well. */
  copy(text: string): void {
    const sequence = `\u001b]52;c;${Buffer.from(text, 'utf8').toString('base64')}\u0007`;
    this.options.output.write(sequence);
  }

  /** Leaves the terminal to the shell until the process is continued (SIGTSTP, SIGCONT). */
  suspend(): void {
    if (!this.open) return;
    this.options.output.write(RESTORE);
    this.raw(false);
    process.once('SIGCONT', () => {
      if (!this.open) return;
      this.raw(true);
      this.options.output.write(ENTER);
      this.resized();
    });
    process.kill(process.pid, 'SIGTSTP');
  }

  private raw(on: boolean): void {
    const { input } = this.options as { input: Readable & { setRawMode?: (on: boolean) => void; isTTY?: boolean } };
    if (input.isTTY === true && input.setRawMode !== undefined) input.setRawMode(on);
  }

  /** Leaves the terminal as it was. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    process.off('exit', this.onExit);
    this.options.output.off('resize', this.onResize);
    this.options.output.write(RESTORE);
    this.release();
  }

  private restoreNow(): void {
    if (!this.open) return;
    this.open = false;
    const { fd } = this.options.output;
    // In a crash nothing asynchronous is written any more.
    if (fd !== undefined) {
      try {
        writeSync(fd, RESTORE);
      } catch {
        // The terminal is gone: there is nothing left to restore.
      }
    }
    this.release();
  }

  private release(): void {
    this.raw(false);
    this.options.input.pause();
    this.program.removeAllListeners();
    this.program.destroy();
  }

  private pressed(text: string | undefined, key: BlessedKey | undefined): void {
    // blessed gives a line feed and its carriage return both.
    if (key?.name === 'return') return;
    const name = keyName(text, key);
    if (name === '') return;
    const written = text !== undefined && key?.ctrl !== true && !/[\u0000-\u001f\u007f]/.test(text) ? text : '';
    const now = this.options.now();
    const quick = now - this.pressedAt <= QUICK_MS;
    this.pressedAt = now;
    const event = { kind: 'key', key: name, text: clip(written, 4096) } as const;
    this.options.onEvent(quick ? { ...event, quick } : event);
  }

  private moused({ action, x, y }: BlessedMouse): void {
    const kind = MOUSE[action];
    if (kind !== undefined) this.options.onEvent({ kind: 'mouse', column: x, row: y, action: kind });
  }

  private resized(): void {
    this.drawn = [];
    this.options.output.write('\u001b[2J');
    this.options.onEvent({ kind: 'resize', ...this.size });
  }
}

/** Words of blessed for what the mouse does, in ours. */
const MOUSE: Readonly<Record<string, 'down' | 'up' | 'press'>> = {
  wheeldown: 'down',
  wheelup: 'up',
  mousedown: 'press',
};

function keyName(text: string | undefined, key: BlessedKey | undefined): string {
  const name = key?.name;
  if (name === 'space' || text === ' ') return 'space';
  if (key?.ctrl === true && name !== undefined) return `C-${name}`;
  if (name === 'tab') return key?.shift === true ? 'S-tab' : 'tab';
  if (name !== undefined && name.length > 1) return name;
  return text ?? '';
}
