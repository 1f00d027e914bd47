import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../support/shared.js';

/** The program, built. */
export const MAIN = join(packageRoot(), 'dist', 'src', 'main.js');
// A server of our own, so that no other session is touched.
const SERVER = `uamgscope-${process.pid}`;
let windows = 0;

function tmux(...args: readonly string[]): string {
  return execFileSync('tmux', ['-L', SERVER, '-f', '/dev/null', ...args], {
    encoding: 'utf8',
    env: { ...process.env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' },
  });
}

/** A command in a tmux window of its own. */
class Window {
  protected readonly name = `w${++windows}`;

  constructor(command: string, columns: number, rows: number) {
    tmux('-u', 'new-session', '-d', '-s', this.name, '-x', String(columns), '-y', String(rows), command);
  }

  keys(...keys: readonly string[]): void {
    tmux('send-keys', '-t', this.name, ...keys);
  }

  type(text: string): void {
    tmux('send-keys', '-t', this.name, '-l', text);
  }

  resize(columns: number, rows: number): void {
    tmux('resize-window', '-t', this.name, '-x', String(columns), '-y', String(rows));
  }

  /** `styled`: with the sequences that make colours. */
  screen(styled = false): string {
    return tmux('capture-pane', '-p', ...(styled ? ['-e'] : []), '-t', this.name);
  }

  /** Waits until the screen shows it. */
  async shows(wanted: string | RegExp): Promise<string> {
    for (let at = 0; at < 400; at++) {
      const screen = this.screen();
      if (typeof wanted === 'string' ? screen.includes(wanted) : wanted.test(screen)) return screen;
      await sleep(50);
    }
    throw new Error(`${String(wanted)} never came; the screen is\n${this.screen()}`);
  }

  close(): void {
    tmux('kill-session', '-t', this.name);
  }
}

/** The program in a tmux window of its own. */
export class Terminal extends Window {
  /** `env`: variables of the program; `before`: a command that runs it, such as `ip netns exec NAME`. */
  constructor(args: string, columns: number, rows: number, env = '', before = '') {
    super(
      `printf 'before\\n'; ${before} env LC_ALL=C.UTF-8 ${env} '${process.execPath}' '${MAIN}' ${args}; echo status $?; stty -a | tr ';' '\\n' | grep -c -w -- '-icanon'; sleep 60`,
      columns,
      rows,
    );
  }

  pid(): number {
    const shell = tmux('display-message', '-p', '-t', this.name, '#{pane_pid}').trim();
    return Number(execFileSync('pgrep', ['-P', shell, '-f', 'main.js'], { encoding: 'utf8' }).trim().split('\n')[0]);
  }

  /** Whether the program runs. */
  runs(): boolean {
    const shell = tmux('display-message', '-p', '-t', this.name, '#{pane_pid}').trim();
    return spawnSync('pgrep', ['-P', shell, '-f', `^${process.execPath} `]).status === 0;
  }
}

/** A shell that waits for lines, as people have it. */
export class Shell extends Window {
  constructor(columns: number, rows: number) {
    super("env LC_ALL=C.UTF-8 PS1='$ ' bash --noprofile --norc -i", columns, rows);
  }

  enter(line: string): void {
    this.type(line);
    this.keys('Enter');
  }
}

/** The server ends with its last session: this one stays between the tests. */
export function hold(): void {
  tmux('new-session', '-d', '-s', 'holder', 'sleep 1800');
}

export function release(): void {
  try {
    tmux('kill-server');
  } catch {
    // It ended with its last session.
  }
}
