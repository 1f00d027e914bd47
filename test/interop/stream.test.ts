import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../support/shared.js';

const ROOT = packageRoot();
const MAIN = join(ROOT, 'dist', 'src', 'main.js');
const BASE = new Uint8Array(readFileSync(join(ROOT, 'test/field/base.pcap')));
/** Half of the file: the first calls are whole. */
const HALF = BASE.length >> 1;
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-stream-'));

beforeAll(() => {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly said: { out: string; err: string };
  readonly status: Promise<number | null>;
}

function started(command: string, args: readonly string[]): Running {
  const child = spawn(command, args);
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  child.stdin.on('error', () => undefined);
  return { child, said, status: new Promise((resolve) => child.once('close', resolve)) };
}

const callsIn = (text: string): number => text.split('\n').filter((line) => line.includes('192.0.2.5:')).length;

/** Waits for so many calls; bounded by looks, not by a clock that a busy machine stretches. */
async function shown({ said }: Running, count: number): Promise<number> {
  for (let i = 0; i < 2000 && callsIn(said.out) < count; i++) await sleep(10);
  return callsIn(said.out);
}

describe('a stream', () => {
  it('is shown as its bytes come, and Ctrl-C ends it with the summary', async () => {
    const running = started(process.execPath, [MAIN, 'decode', '-']);
    running.child.stdin.write(BASE.subarray(0, HALF));
    expect(await shown(running, 3)).toBe(3);
    running.child.stdin.write(BASE.subarray(HALF, BASE.length - 200));
    expect(await shown(running, 9)).toBeGreaterThanOrEqual(9);
    running.child.kill('SIGINT');
    expect(await running.status).toBe(0);
    expect(running.said.err).toMatch(/\d+ calls, \d+ PDUs, 2 flows/);
  }, 60_000);

  it('may come through a pipe as people type it', async () => {
    const file = join(folder, 'base.pcap');
    writeFileSync(file, BASE);
    // The far end goes on capturing when nothing happens any more.
    const running = started('bash', ['-c', `(cat ${file}; read x) | "${process.execPath}" ${MAIN} decode -`]);
    expect(await shown(running, 10)).toBe(10);
    running.child.stdin.end('\n');
    expect(await running.status).toBe(0);
    expect(callsIn(running.said.out)).toBe(11);
  }, 60_000);

  it('may be a named pipe', async () => {
    const pipe = join(folder, 'fifo');
    execFileSync('mkfifo', [pipe]);
    const running = started(process.execPath, [MAIN, 'decode', pipe]);
    const writer = started('bash', ['-c', `exec 3> ${pipe}; cat ${join(ROOT, 'test/field/base.pcap')} >&3; read x`]);
    expect(await shown(running, 10)).toBe(10);
    writer.child.stdin.end('\n');
    expect(await running.status).toBe(0);
    expect(callsIn(running.said.out)).toBe(11);
  }, 60_000);

  it.each(['', '--follow'])(
    'ends with what came of a named pipe whose writer is still there: %j',
    async (option) => {
      const options = option === '' ? [] : [option];
      const pipe = join(folder, `held${options.length}`);
      execFileSync('mkfifo', [pipe]);
      const running = started(process.execPath, [MAIN, 'decode', pipe, ...options]);
      const writer = started('bash', ['-c', `exec 3> ${pipe}; cat ${join(ROOT, 'test/field/base.pcap')} >&3; read x`]);
      expect(await shown(running, 10)).toBe(10);
      running.child.kill('SIGINT');
      expect(await running.status).toBe(0);
      expect(running.said.err).toMatch(/\d+ calls, \d+ PDUs, 2 flows/);
      writer.child.stdin.end('\n');
      await writer.status;
    },
    60_000,
  );

  it('of a named pipe that nobody writes to ends at Ctrl-C', async () => {
    const pipe = join(folder, 'alone');
    execFileSync('mkfifo', [pipe]);
    const running = started(process.execPath, [MAIN, 'decode', pipe]);
    await sleep(3000);
    running.child.kill('SIGINT');
    expect(await running.status).not.toBeNull();
    expect(running.said.err).not.toMatch(/\n\s+at /);
  }, 60_000);

  it('may be a file that grows', async () => {
    const file = join(folder, 'growing.pcap');
    writeFileSync(file, BASE.subarray(0, HALF));
    const running = started(process.execPath, [MAIN, 'decode', file, '--follow']);
    expect(await shown(running, 3)).toBe(3);
    appendFileSync(file, BASE.subarray(HALF));
    expect(await shown(running, 10)).toBe(10);
    running.child.kill('SIGINT');
    expect(await running.status).toBe(0);
    expect(callsIn(running.said.out)).toBe(11);
  }, 60_000);
});
