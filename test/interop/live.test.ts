import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { find } from '../../src/io/live/tools.js';
import { loadRecording } from '../../src/io/recordings.js';
import { soak } from '../bench/soak.js';
import { packageRoot } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { conversations, converse, freePort } from '../support/traffic.js';

const SAMPLE = join(packageRoot(), 'captures', 'wua-session.pcapng');
const MAIN = join(packageRoot(), 'dist', 'src', 'main.js');
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-live-'));

function mayCapture(tool: string): string | null {
  const path = find(tool, process.env);
  if (path === null) return `${tool} is not installed`;
  return process.getuid?.() === 0 ? null : `capturing with ${tool} needs root`;
}

const why = mayCapture('tcpdump');
if (why !== null) console.warn(`live tests skipped: ${why}`);

beforeAll(() => {
  if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Waits until a condition holds, at most thirty seconds. */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let at = 0; at < 3000; at++) {
    if (holds()) return;
    await sleep(10);
  }
  throw new Error(`it never came to this: ${what}`);
}

/** A spawned `live` that is watching, with what it printed so far. */
async function watching(args: readonly string[], filtered = true, detached = false) {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [
      MAIN,
      'live',
      '-i',
      'lo',
      ...(filtered ? ['--filter', `tcp port ${port}`] : ['--where', `server.port == ${port}`]),
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], detached },
  );
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.err += text;
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  await until(() => texts.err.includes('watching lo with'), 'watching');
  // dumpcap tells its link type a moment before it takes packets.
  await sleep(300);
  return { child, texts, ended, port };
}

const session = (): ReturnType<typeof conversations>[number] =>
  conversations(SAMPLE).toSorted((a, b) => b.length - a.length)[0] ?? [];

async function refuses(args: readonly string[], message: string): Promise<void> {
  const streams = { ...testStreams(), env: process.env };
  expect(await run(['live', ...args], streams)).toBe(2);
  expect(streams.err()).toContain(message);
}

describe('live without an interface', () => {
  it.each([
    [['-i', 'lo', '-w', SAMPLE], 'exists already'],
    [['-i', 'lo', '--rotate-count', '2'], 'rotation needs a file'],
    [
      ['-i', 'lo', '-w', join(folder, 'x.pcapng'), '--rotate-count', '2'],
      '--rotate-count needs --rotate-size or --rotate-time',
    ],
    [['-i', 'lo', '--rotate-size', 'big'], 'A size is like'],
    [[], 'live needs an interface'],
  ])('%j ends with status 2 and says what to do', refuses);

  it('says which tool to install', async () => {
    const streams = { ...testStreams(), env: { PATH: folder } };
    // Tools in the system's own folders are found whatever PATH says.
    if (find('dumpcap', { PATH: folder }) !== null) return;
    expect(await run(['live', '-i', 'lo', '--backend', 'dumpcap'], streams)).toBe(2);
    expect(streams.err()).toContain('install');
  });
});

// Not `skipIf`: whoever may not capture has nothing to prove here.
if (why === null)
  describe('live', () => {
    it('says of the package cap that it is not there, or, where it was built, that the interface is not', async () => {
      const streams = { ...testStreams(), env: process.env };
      expect(await run(['live', '-i', 'nosuch0', '--backend', 'cap'], streams)).toBe(2);
      expect(streams.err()).toMatch(/the package cap is not installed|nosuch0/);
    });

    it.each(['tcpdump', 'dumpcap'].filter((tool) => mayCapture(tool) === null))(
      'shows calls of %s as they happen, and keeps every packet',
      async (backend) => {
        const file = join(folder, `${backend}.pcapng`);
        const { child, texts, ended, port } = await watching(['--backend', backend, '-w', file, '--format', 'ndjson']);
        await converse(session(), port);
        await until(() => texts.out.split('"kind":"call"').length - 1 >= 58, 'all calls shown');
        child.kill('SIGINT');
        expect(await ended).toBe(0);
        expect(texts.err).toMatch(/58 calls of \d+ packets; dropped by the kernel: 0, by uamgscope: 0/);
        const streams = testStreams();
        expect(await run(['decode', file, '--format', 'ndjson'], streams)).toBe(0);
        const calls = (text: string): string[] =>
          text
            .split('\n')
            .filter((line) => line.includes('"kind":"call"'))
            .map((line) =>
              JSON.stringify([
                JSON.parse(line).interface,
                JSON.parse(line).method,
                JSON.parse(line).in,
                JSON.parse(line).out,
              ]),
            );
        expect(calls(streams.out())).toEqual(calls(texts.out));
      },
    );

    it('gives root up once packets come, keeps counting drops, and hands the files over', async () => {
      const own = mkdtempSync(join(tmpdir(), 'uamgscope-live-user-'));
      const file = join(own, 'user.pcapng');
      const { child, texts, ended, port } = await watching([
        '--backend',
        'tcpdump',
        '-w',
        file,
        '--user-after',
        'nobody',
      ]);
      const nobody = Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }));
      await converse(session(), port);
      await until(() => texts.out.split('\n').length > 50, 'all calls shown');
      // Every thread, and what would let it be root again.
      const threads = readdirSync(`/proc/${child.pid}/task`);
      expect(threads.length).toBeGreaterThan(1);
      for (const thread of threads) {
        const status = readFileSync(`/proc/${child.pid}/task/${thread}/status`, 'utf8');
        expect(status).toMatch(new RegExp(`^Uid:\\s+${nobody}\\s+${nobody}\\s+${nobody}\\s`, 'm'));
        expect(status).toMatch(/^CapEff:\s+0+$/m);
      }
      expect(statSync(file).uid).toBe(nobody);
      await sleep(2500);
      child.kill('SIGINT');
      expect(await ended, texts.err).toBe(0);
      expect(texts.err).toContain(`as user ${nobody}`);
      expect(texts.err).toMatch(/58 calls of \d+ packets; dropped by the kernel: 0, by uamgscope: 0/);
      rmSync(own, { recursive: true });
    });

    it('says before packets are lost that further files could not be made', async () => {
      const own = mkdtempSync(join(tmpdir(), 'uamgscope-live-root-'));
      const args = ['-w', join(own, 'x.pcapng'), '--rotate-size', '1M', '--user-after', 'nobody'];
      const child = spawn(process.execPath, [MAIN, 'live', '-i', 'lo', ...args], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      const ended = new Promise<number | null>((resolve) => void child.on('close', resolve));
      while (child.exitCode === null) {
        await converse(session(), await freePort());
        await sleep(200);
      }
      const status = await ended;
      expect([status, said]).toEqual([2, expect.stringContaining('may not write in')]);
      rmSync(own, { recursive: true });
    });

    it('finds calls on any port when no filter is given', async () => {
      const { child, texts, ended, port } = await watching([], false);
      await converse(session(), port);
      await until(() => texts.out.split('\n').length > 58, 'all calls shown');
      child.kill('SIGINT');
      expect(await ended).toBe(0);
      expect(texts.err).toContain('dropped by the kernel: 0, by uamgscope: 0');
    });

    // How soon is a matter of the machine (docs/live.md has the figures); that nothing more has to come is ours.
    it('shows every call before anything else comes over the wire', async () => {
      const { child, texts, ended, port } = await watching(['--backend', 'tcpdump']);
      const shown = (): number => texts.out.split('\n').length - 1;
      // PTYPE of a response and of a fault ([C706] 12.6.4).
      const ANSWERS: readonly (number | undefined)[] = [2, 3];
      let calls = 0;
      await converse(session(), port, async (bytes) => {
        if (!ANSWERS.includes(bytes[2])) return;
        calls++;
        await until(() => shown() >= calls, `call ${calls} shown while the line is quiet`);
      });
      child.kill('SIGINT');
      await ended;
      expect(calls).toBe(58);
    });

    it('loses nothing of what it wrote when it is killed', async () => {
      const file = join(folder, 'killed.pcapng');
      const { child, texts, ended, port } = await watching(['-w', file]);
      await converse(session(), port);
      await until(() => texts.out.split('\n').length > 58, 'all calls shown');
      const tools = (): string =>
        execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
          .split('\n')
          .filter((line) => line.includes(`tcp port ${port}`) && !line.includes('main.js'))
          .join('\n');
      expect(tools()).toContain('tcpdump');
      child.kill('SIGKILL');
      await ended;
      // The tool goes too, though no packet comes that it could not write.
      await until(() => tools() === '', 'no tool is left');
      const streams = testStreams();
      expect(await run(['decode', file, '--strict'], streams)).toBe(0);
      expect(streams.out().trimEnd().split('\n').length).toBe(58);
    });

    it('ends in order when ctrl-C goes to all of its process group', async () => {
      const { child, texts, ended, port } = await watching([], true, true);
      await converse(session(), port);
      process.kill(-(child.pid ?? 0), 'SIGINT');
      expect(await ended).toBe(0);
      expect(texts.err).toContain('dropped by the kernel: 0, by uamgscope: 0');
    });

    it('rotates files that open on their own, and keeps so many', async () => {
      const { child, texts, ended, port } = await watching([
        '-w',
        join(folder, 'ring.pcapng'),
        '--rotate-size',
        '8k',
        '--rotate-count',
        '2',
      ]);
      await converse(session(), port);
      await until(() => texts.out.split('\n').length > 58, 'all calls shown');
      child.kill('SIGINT');
      expect(await ended).toBe(0);
      const kept = readdirSync(folder)
        .filter((name) => name.startsWith('ring-'))
        .toSorted();
      expect(kept.length).toBe(2);
      for (const name of kept) {
        expect(readFileSync(join(folder, name)).length).toBeLessThanOrEqual(8000);
        const streams = testStreams();
        await run(['decode', join(folder, name)], streams);
        expect(streams.err()).not.toMatch(/capture-/);
      }
      expect(kept[0]).not.toBe('ring-00001.pcapng');
    });

    it('records what an interface sees, each call as it is completed', async () => {
      const port = await freePort();
      const file = join(folder, 'live.uamgrec');
      const child = spawn(process.execPath, [MAIN, 'record', '-i', 'lo', '--filter', `tcp port ${port}`, '-o', file], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let err = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        err += text;
      });
      const ended = new Promise<number | null>((resolve) => {
        child.on('close', resolve);
      });
      await until(() => err.includes('recording lo with'), 'recording');
      await sleep(300);
      await converse(session(), port);
      const recorded = async (): Promise<number> =>
        (await loadRecording(file)).records.filter((record) => record.kind === 'call').length;
      for (let at = 0; at < 200 && (await recorded()) < 58; at++) await sleep(50);
      // On the disk before it ends.
      expect(await recorded()).toBe(58);
      child.kill('SIGINT');
      expect(await ended).toBe(0);
      expect(err).toContain('58 calls recorded');
      expect((await loadRecording(file)).problems).toEqual([]);
    });

    it('keeps up with 2,000 calls a second in memory that stays flat', async () => {
      const { made, told, kernelDrops, ourDrops, memory, files } = await soak(20, 2000, 1);
      expect(ourDrops).toBe(0);
      expect(made).toBeGreaterThan(10_000);
      // What a busy machine loses in the kernel is counted; without that every call is told of.
      if (kernelDrops === 0) expect(told).toBe(made);
      else expect(told).toBeGreaterThan(0);
      expect(Math.max(...memory.slice(-5))).toBeLessThan(1.3 * Math.max(...memory.slice(5, 10)));
      expect(files).toBeGreaterThan(0);
    });

    it.each([
      [['-i', 'nosuch0'], 'there is no interface nosuch0: live --list shows those there are'],
      [['-i', 'lo', '--filter', 'foo bar'], 'the filter is not understood'],
    ])('%j ends with status 2 and says what to do', refuses);

    it('lists interfaces', async () => {
      const streams = { ...testStreams(), env: process.env };
      expect(await run(['live', '--list'], streams)).toBe(0);
      expect(streams.out()).toMatch(/^lo\b/m);
    });
  });
