import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { chatter } from '../support/chatter.js';
import { packageRoot } from '../support/shared.js';

/** What a soak came to. Memory is the resident set in MiB, one figure a sample. */
export interface Soak {
  readonly seconds: number;
  /** Calls made, and calls that `live` told of. */
  readonly made: number;
  readonly told: number;
  readonly kernelDrops: number | null;
  readonly ourDrops: number;
  readonly memory: readonly number[];
  /** Processor seconds of `live`, without its capture tool. */
  readonly cpuSeconds: number;
  readonly files: number;
}

/**
 * Runs `live -w` with a ring of files over loopback traffic of so many calls a second, and watches its memory. Linux
 * only; needs root.
 */
export async function soak(
  seconds: number,
  rate: number,
  sampleEvery = 5,
  watched: (port: number) => void = () => undefined,
): Promise<Soak> {
  const folder = mkdtempSync(join(tmpdir(), 'uamgscope-soak-'));
  const traffic = await chatter(rate);
  watched(traffic.port);
  const main = join(packageRoot(), 'dist', 'src', 'main.js');
  const child = spawn(
    process.execPath,
    [
      main,
      'live',
      '-i',
      'lo',
      '--filter',
      `tcp port ${traffic.port}`,
      '--format',
      'ndjson',
      '-w',
      join(folder, 'ring.pcapng'),
      '--rotate-size',
      '20M',
      '--rotate-count',
      '3',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
  });
  const memory: number[] = [];
  let cpuSeconds = 0;
  try {
    while (!said.includes('watching') && child.exitCode === null) await sleep(20);
    await sleep(300);
    traffic.begin();
    const began = performance.now();
    while (performance.now() - began < seconds * 1000 && child.exitCode === null) {
      await sleep(Math.min(sampleEvery, seconds) * 1000);
      memory.push(residentMiB(child.pid ?? 0));
      cpuSeconds = cpuOf(child.pid ?? 0);
    }
    const made = await traffic.stop();
    // What the last packets said is told.
    await sleep(3000);
    const files = readdirSync(folder).length;
    child.kill('SIGINT');
    await ended;
    const [, told = '0', kernel, ours = '0'] =
      /(\d+) calls of \d+ packets; dropped by the kernel: (\d+|not counted), by uamgscope: (\d+)/.exec(said) ?? [];
    if (kernel === undefined) throw new Error(`live ended without its counts: ${said}`);
    return {
      seconds,
      made,
      told: Number(told),
      kernelDrops: kernel === 'not counted' ? null : Number(kernel),
      ourDrops: Number(ours),
      memory,
      cpuSeconds,
      files,
    };
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** User and system time; the kernel counts in hundredths of a second. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [minutes = 30, rate = 2000] = process.argv.slice(2).map(Number);
  const { memory, ...rest } = await soak(minutes * 60, rate, 5, (port) =>
    console.log(`watching port ${port} of loopback`),
  );
  console.log(JSON.stringify(rest));
  console.log(
    `memory, MiB, one figure for each minute: ${memory
      .filter((_, at) => at % 12 === 11 || at === 0)
      .map((one) => one.toFixed(0))
      .join(' ')}`,
  );
}
