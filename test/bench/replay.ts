import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NO_RULES } from '../../replay/compare/rules.js';
import { knowledge } from '../../src/io/knowledge.js';
import { playRecording } from '../../src/io/play.js';
import { record, type RecordingRecord } from '../../src/index.js';
import { packageRoot } from '../support/shared.js';

/**
 * Calls/s of a replay at full speed against those of impacket making the same calls, one after another, on the same
 * agent.
 */
const usage =
  'npm run bench:replay -- [--calls N (100 to 100000)] [--rounds N (1 to 20)]    with impacket in UAMGSCOPE_PYTHON';
const args = process.argv.slice(2);
const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';
/** What replay has to be faster by. */
const WANTED = 5;
const ACCOUNT = { user: 'alice', domain: '', password: 'secret', hash: null };

function option(name: string, otherwise: number, least: number, most: number): number {
  const at = args.indexOf(name);
  if (at < 0) return otherwise;
  const value = Number(args[at + 1]);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  console.error(usage);
  process.exit(2);
}

const calls = option('--calls', 10_000, 100, 100_000);
const rounds = option('--rounds', 3, 1, 20);
const { registry } = knowledge();

/** An agent in a process of its own, over the sample model. */
async function agent(more: readonly string[] = []): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const root = packageRoot();
  const child = spawn(
    process.execPath,
    [
      join(root, 'dist/src/main.js'),
      'serve',
      '--model',
      join(root, 'captures/models/sample.yaml'),
      '--listen',
      '127.0.0.1:0',
      '--password',
      'alice:secret',
      ...more,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const port = await new Promise<number>((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const match = /listening at [^:]+:(\d+)/.exec(said);
      if (match !== null) resolve(Number(match[1]));
    });
    child.once('close', () => reject(new Error(said)));
  });
  return { port, child };
}

async function ended({ child }: { readonly child: ChildProcess }): Promise<void> {
  const closed = new Promise((resolve) => {
    child.once('close', resolve);
  });
  child.kill('SIGINT');
  await closed;
}

/** impacket's calls/s. */
function impacket(port: number, binding: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      python,
      [
        join(packageRoot(), 'test/bench/impacket_calls.py'),
        '127.0.0.1',
        String(port),
        ACCOUNT.user,
        ACCOUNT.password,
        'integrity',
        binding,
        String(calls),
      ],
      { timeout: 600_000 },
    );
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (err += String(chunk)));
    child.once('close', (status) => {
      if (status !== 0) reject(new Error(err));
      else {
        const told = JSON.parse(out) as { readonly calls: number; readonly seconds: number };
        resolve(told.calls / told.seconds);
      }
    });
  });
}

async function replayed(records: readonly RecordingRecord[], port: number, sessions: number): Promise<number> {
  const began = performance.now();
  const all = await playRecording({
    records,
    registry,
    rules: NO_RULES,
    host: '127.0.0.1',
    port,
    identity: ACCOUNT,
    keepGoing: true,
    sessions,
  });
  const seconds = (performance.now() - began) / 1000;
  if (!all.every((one) => one.result.same)) throw new Error('the replay differs');
  return all.reduce((sum, one) => sum + one.made, 0) / seconds;
}

function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0;
}

const per = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`;

if (spawnSync(python, ['-c', 'import impacket'], { stdio: 'ignore' }).status !== 0) {
  console.error(`${python} has no impacket\n${usage}`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-bench-'));
try {
  console.log(`${calls} calls at integrity, one after another; median of ${rounds}`);
  for (const binding of ['early', 'late']) {
    const capture = join(folder, `${binding}.pcapng`);
    const recording = await agent(['--capture', capture]);
    await impacket(recording.port, binding);
    await ended(recording);
    const records = await record(capture, undefined, {
      secrets: { passwords: [{ user: ACCOUNT.user, password: ACCOUNT.password }] },
    });
    const figures: { theirs: number; ours: number; four: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const server = await agent();
      const theirs = await impacket(server.port, binding);
      figures.push({
        theirs,
        ours: await replayed(records, server.port, 1),
        four: await replayed(records, server.port, 4),
      });
      await ended(server);
    }
    const ratio = median(figures.map((one) => one.ours / one.theirs));
    console.log(
      `${binding.padEnd(5)}  impacket ${per(median(figures.map((one) => one.theirs)))}, replay ${per(median(figures.map((one) => one.ours)))}: ${ratio.toFixed(1)} times; four sessions at once ${per(median(figures.map((one) => one.four)))}`,
    );
    if (ratio < WANTED) {
      console.log(`  wrong: less than ${WANTED} times`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
