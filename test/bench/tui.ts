import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../support/shared.js';
import { generate } from './generate.js';

// `npm run bench:tui -- [MB]`: the terminal analyzer on a generated capture, driven through pipes from another process.
// Linux only.

/** The program takes the pipes for a terminal of 120×40. */
const TERMINAL =
  'data:text/javascript,' +
  encodeURIComponent(
    'Object.assign(process.stdout, { isTTY: true, columns: 120, rows: 40 }); Object.assign(process.stdin, { isTTY: true, setRawMode: () => process.stdin });',
  );
const ROW = /\d\d:\d\d:\d\d\.\d{3}/;
/** Keys, with what the screen shows once it followed: the first lines, and any line of the end. */
const KEYS: readonly (readonly [name: string, bytes: string, shows: RegExp])[] = [
  ['down', 'j', /\b2\/[\d,]/],
  ['down', 'j', /\b3\/[\d,]/],
  ['page down', '\u001b[6~', ROW],
  ['end', 'G', ROW],
  ['page up', '\u001b[5~', ROW],
  ['begin', 'g', /\b1\/[\d,]/],
];
const EVERY_MS = 60;
const PATIENCE_MS = 30_000;

interface Delays {
  readonly loading: number[];
  readonly loaded: number[];
}

/** Median and greatest, in milliseconds. */
function told(delays: readonly number[]): string {
  const sorted = delays.toSorted((a, b) => a - b);
  return sorted.length === 0
    ? 'none'
    : `median ${(sorted[sorted.length >> 1] ?? 0).toFixed(1)}, 99th percentile ${(sorted[Math.floor(sorted.length * 0.99)] ?? 0).toFixed(1)}, greatest ${(sorted.at(-1) ?? 0).toFixed(1)} ms (${sorted.length} keys)`;
}

/** Seconds of processor that a process has used, to a hundredth (proc(5), stat). */
function processorS(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) / 100;
}

async function measure(path: string): Promise<void> {
  const began = performance.now();
  const child = spawn(
    process.execPath,
    ['--import', TERMINAL, join(packageRoot(), 'dist', 'src', 'main.js'), 'tui', path, '--no-index'],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8' } },
  );
  let shown = '';
  const seen = { firstRows: 0, allRead: 0 };
  /** Processor seconds at the same moments: what a machine with other work tells, too. */
  const used = { firstRows: 0, allRead: 0 };
  const usedNow = (): number => processorS(child.pid ?? 0);
  let waiting: { readonly shows: RegExp; readonly done: () => void } | null = null;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown = (shown + text).slice(-200_000);
    if (seen.firstRows === 0 && ROW.test(shown)) {
      seen.firstRows = performance.now() - began;
      used.firstRows = usedNow();
    }
    if (seen.allRead === 0 && shown.includes('all read')) {
      seen.allRead = performance.now() - began;
      used.allRead = usedNow();
    }
    if (waiting?.shows.test(text) === true) waiting.done();
  });
  const pressed = async (bytes: string, shows: RegExp): Promise<number> => {
    const at = performance.now();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${JSON.stringify(bytes)} never came to ${String(shows)}`)),
        PATIENCE_MS,
      );
      waiting = {
        shows,
        done() {
          clearTimeout(timer);
          resolve();
        },
      };
      child.stdin.write(bytes);
    });
    waiting = null;
    return performance.now() - at;
  };
  while (seen.firstRows === 0) await sleep(1);
  const delays: Delays = { loading: [], loaded: [] };
  for (let round = 0; round < 1000 && delays.loaded.length < 120; round++) {
    for (const [, bytes, shows] of KEYS) {
      await sleep(EVERY_MS * (0.5 + Math.random()));
      const list = seen.allRead === 0 ? delays.loading : delays.loaded;
      list.push(await pressed(bytes, shows));
    }
  }
  const afterKeys = usedNow();
  const memory = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  child.stdin.write('q');
  await new Promise((resolve) => {
    child.once('close', resolve);
  });
  console.log(
    `  first rows ${(seen.firstRows / 1000).toFixed(2)} s, all read ${(seen.allRead / 1000).toFixed(1)} s, at most ${memory.toFixed(0)} MiB`,
  );
  const perKeyMs = ((afterKeys - used.allRead) * 1000) / Math.max(1, delays.loaded.length);
  console.log(
    `  processor: first rows ${used.firstRows.toFixed(2)} s, all read ${used.allRead.toFixed(1)} s with ${delays.loading.length} keys, a key afterwards ${perKeyMs.toFixed(1)} ms`,
  );
  console.log(`  key to screen while it loads: ${told(delays.loading)}`);
  console.log(`  key to screen when it is loaded: ${told(delays.loaded)}`);
}

const size = Number(process.argv[2] ?? 100);
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-tui-bench-'));
try {
  const path = join(folder, 'bench.pcap');
  const made = generate(path, size * 1e6);
  console.log(`${(made.bytes / 1e6).toFixed(0)} MB, ${made.packets} packets, ${made.calls} calls`);
  await measure(path);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
