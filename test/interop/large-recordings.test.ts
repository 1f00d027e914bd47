import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../bench/generate.js';
import { packageRoot } from '../support/shared.js';

/** Recordings stream: what a command needs of Node's heap does not come to what the recording takes there (3.4 times its size). */
const MAIN = join(packageRoot(), 'dist', 'src', 'main.js');
const CAPTURE_BYTES = 24e6;
/** MiB: the tables take fifty. */
const HEAP_MIB = 128;
/** Of both sides the names of every call are held. */
const DIFF_HEAP_MIB = 192;

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-large-'));
const [capture, recording] = [join(folder, 'large.pcap'), join(folder, 'large.uamgrec')];
afterAll(() => rmSync(folder, { recursive: true }));

function within(heapMiB: number, argv: readonly string[]): { readonly status: number | null; readonly err: string } {
  const { status, stderr } = spawnSync(process.execPath, [`--max-old-space-size=${heapMiB}`, MAIN, ...argv], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return { status, err: stderr.slice(-2000) };
}

beforeAll(() => {
  if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
  generate(capture, CAPTURE_BYTES);
  expect(within(HEAP_MIB, ['record', capture, '-o', recording])).toMatchObject({ status: 0 });
});

describe('a recording that is larger than the heap has room for', () => {
  const out = (ending: string): readonly string[] => ['-o', join(folder, `out.${ending}`), '--force'];

  it.each([
    ['recording info', () => ['recording', 'info', recording]],
    ['recording check', () => ['recording', 'check', recording]],
    ['recording trim', () => ['recording', 'trim', recording, '--calls', '1-1000000', ...out('uamgrec')]],
    ['recording merge', () => ['recording', 'merge', recording, recording, ...out('uamgrec')]],
    ['record to text', () => ['record', recording, ...out('txt')]],
    ['report', () => ['report', recording, ...out('html')]],
  ] as const)('is read by %s', (_, argv) => {
    // Read as a whole it would not fit.
    expect(statSync(recording).size * 3.4).toBeGreaterThan(HEAP_MIB * 2 ** 20);
    expect(within(HEAP_MIB, argv())).toMatchObject({ status: 0 });
  });

  it('is compared by diff, names of all calls in memory, and the calls in the files', () => {
    expect(within(DIFF_HEAP_MIB, ['diff', recording, recording])).toMatchObject({ status: 0 });
  });

  it('is served, and replayed against who serves it', async () => {
    const server = spawn(
      process.execPath,
      [`--max-old-space-size=${HEAP_MIB}`, MAIN, 'serve', recording, '--listen', '127.0.0.1:0'],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const ended = new Promise<number | null>((resolve) => void server.once('close', resolve));
    let said = '';
    const port = await new Promise<string>((resolve, reject) => {
      server.stderr.setEncoding('utf8').on('data', (text: string) => {
        const match = /listening at 127\.0\.0\.1:(\d+)/.exec((said += text));
        if (match !== null) resolve(match[1] ?? '');
      });
      void ended.then(() => reject(new Error(said)));
    });
    try {
      // Nobody recorded how its objects were activated: no call can be made, and each is told of.
      const { status, err } = within(HEAP_MIB, ['replay', recording, '--target', `127.0.0.1:${port}`, '--keep-going']);
      expect(status, err).toBe(1);
    } finally {
      server.kill('SIGINT');
    }
    expect(await ended, said).toBe(0);
  });
});
