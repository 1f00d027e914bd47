import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readRecording, recordingBytes } from '../../replay/recording/format.js';
import { parseRecordingText } from '../../replay/recording/parse.js';
import { record, replay, serve, type Serving } from '../../src/index.js';
import { chatter } from '../support/chatter.js';
import { packageRoot, without } from '../support/shared.js';

/**
 * What happens to what a command writes when the disk, its reader or the system fails: the table of docs/security.md is
 * made of what is seen here (UPDATE_FAULTS=1 writes it).
 */
const MAIN = join(packageRoot(), 'dist', 'src', 'main.js');
const SHIM = join(packageRoot(), 'test', 'interop', 'faults', 'failing-writes.cjs');
const PAGE = join(packageRoot(), 'docs', 'security.md');
const capture = join(packageRoot(), 'captures/wua-session.pcapng');
const sealed = join(packageRoot(), 'captures/sessions/impacket-privacy.pcapng');
const model = join(packageRoot(), 'captures/models/sample.yaml');
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-faults-'));
const recording = join(folder, 'session.uamgrec');
/** The same with other titles, as a server had them before. */
const changed = join(folder, 'changed.rec');
/** A folder of it alone. */
const suite = join(folder, 'suite');
const root = process.getuid?.() === 0;
if (!root) without('faults of disks and of live captures', 'root, to mount small disks and to capture');
let server: Serving;

beforeAll(async () => {
  if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
  const titles = (await record(capture, recording)).map((one) =>
    one.kind === 'call' && one.method === 'Title' ? { ...one, out: { retval: 'as it was' } } : one,
  );
  writeFileSync(changed, recordingBytes(titles));
  mkdirSync(suite);
  writeFileSync(join(suite, 'session.uamgrec'), readFileSync(recording));
  server = await serve(recording);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Rows of the table: command, fault, what was seen. */
const rows: (readonly [command: string, fault: string, result: string])[] = [];

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly out: Buffer;
  readonly err: string;
}

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when it said this on stderr. */
  said(text: string): Promise<void>;
}

function start(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): Running {
  const shim = 'FAULT_CODE' in env ? ['--require', SHIM] : [];
  const child = spawn(process.execPath, [...shim, MAIN, ...argv], {
    stdio: [stdin, 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  running.push(child);
  const out: Buffer[] = [];
  let err = '';
  child.stdout?.on('data', (bytes: Buffer) => out.push(bytes));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (status, signal) => resolve({ status, signal, out: Buffer.concat(out), err })),
  );
  const said = async (text: string): Promise<void> => {
    for (let wait = 0; !err.includes(text); wait++) {
      if (wait > 1200) throw new Error(`it did not say "${text}": ${err}`);
      await sleep(50);
    }
  };
  return { child, ended, said };
}

/** Whatever a test that failed left running is ended. */
const running: ChildProcess[] = [];
afterEach(() => {
  for (const one of running.splice(0)) if (one.exitCode === null && one.signalCode === null) one.kill('SIGKILL');
});

const finished = (argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> =>
  start(argv, env).ended;

const isRecording = (bytes: Buffer): boolean => readRecording(new Uint8Array(bytes)).problems.length === 0;

interface Writing {
  readonly argv: (out: string) => readonly string[];
  readonly whole: (bytes: Buffer) => boolean;
  readonly ending: string;
  /** A recording stands there before: one is rewritten, or added to. */
  readonly rewrites?: true;
  /** The recording says something else than the server. */
  readonly differs?: true;
  /** Its file has a folder of its own. */
  readonly alone?: true;
}

/** Commands whose file has its name when it is whole. */
const WRITERS: Readonly<Record<string, Writing>> = {
  record: { argv: (out) => ['record', capture, '-o', out, '--force'], whole: isRecording, ending: 'uamgrec' },
  'record --append': {
    argv: (out) => ['record', capture, '-o', out, '--append'],
    whole: isRecording,
    ending: 'uamgrec',
    rewrites: true,
  },
  'recording redact': {
    argv: (out) => ['recording', 'redact', recording, '-o', out, '--redact-key', 'k', '--force'],
    whole: isRecording,
    ending: 'uamgrec',
  },
  'replay --update': {
    argv: (out) => ['replay', out, '--target', `127.0.0.1:${server.port}`, '--update'],
    whole: isRecording,
    ending: 'uamgrec',
    rewrites: true,
  },
  'replay --junit': {
    argv: (out) => ['replay', recording, '--target', `127.0.0.1:${server.port}`, '--junit', out, '--force'],
    whole: (bytes) => bytes.toString('utf8').trimEnd().endsWith('</testsuites>'),
    ending: 'xml',
  },
  'test --update': {
    argv: (out) => ['test', dirname(out), '--target', `127.0.0.1:${server.port}`, '--update'],
    whole: isRecording,
    ending: 'uamgrec',
    rewrites: true,
    differs: true,
    alone: true,
  },
  'test --junit': {
    argv: (out) => ['test', suite, '--target', `127.0.0.1:${server.port}`, '--junit', out, '--force'],
    whole: (bytes) => bytes.toString('utf8').trimEnd().endsWith('</testsuites>'),
    ending: 'xml',
  },
  'replay --report': {
    argv: (out) => ['replay', recording, '--target', `127.0.0.1:${server.port}`, '--report', out, '--force'],
    whole: (bytes) => bytes.toString('utf8').trimEnd().endsWith('</html>'),
    ending: 'html',
  },
  'replay --learn-noise': {
    argv: (out) => ['replay', recording, '--target', `127.0.0.1:${server.port}`, '--learn-noise', out, '--force'],
    whole: (bytes) => bytes.toString('utf8').endsWith('version: 1\nrules: []\n'),
    ending: 'yaml',
  },
  'record --redact': {
    argv: (out) => ['record', capture, '-o', out, '--redact', 'users,hosts', '--redact-key', 'k', '--force'],
    whole: isRecording,
    ending: 'uamgrec',
  },
  'record to text': {
    argv: (out) => ['record', capture, '-o', out, '--force'],
    whole: (bytes) => parseRecordingText(bytes.toString('utf8')).problems.length === 0,
    ending: 'txt',
  },
  'recording trim': {
    argv: (out) => ['recording', 'trim', recording, '--calls', '1-40', '-o', out, '--force'],
    whole: isRecording,
    ending: 'uamgrec',
  },
  'recording merge': {
    argv: (out) => ['recording', 'merge', recording, recording, '-o', out, '--force'],
    whole: isRecording,
    ending: 'uamgrec',
  },
  report: {
    argv: (out) => ['report', capture, '-o', out, '--force'],
    whole: (bytes) => bytes.toString('utf8').trimEnd().endsWith('</html>'),
    ending: 'html',
  },
  'decode -w': {
    argv: (out) => ['decode', capture, '-w', out, '--force'],
    whole: (bytes) => bytes.readUInt32BE(0) === 0x0a0d0d0a && bytes.length > 1000,
    ending: 'pcapng',
  },
  'decode --export-keys': {
    argv: (out) => ['decode', sealed, '--password', 'alice:secret', '--export-keys', out, '--force'],
    whole: (bytes) => bytes.toString('utf8').endsWith('\n'),
    ending: 'log',
  },
};

describe.each(Object.entries(WRITERS))('%s', (name, { argv, whole, ending, rewrites, differs, alone }) => {
  const short = name.replaceAll(/\W/g, '');
  const out = join(folder, alone === true ? short : '.', `${short}.${ending}`);
  const old = (): Buffer => {
    if (rewrites !== true) return Buffer.from('old\n');
    return readFileSync(differs === true ? changed : recording);
  };
  const fresh = (path = out): string => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, old());
    return path;
  };
  const isOldOrNew = (path = out): boolean => {
    const bytes = readFileSync(path);
    // What is added to is the old file and, behind it, whole records.
    return bytes.equals(old()) || whole(bytes) || (name === 'record --append' && hasOld(bytes));
  };
  const hasOld = (bytes: Buffer): boolean =>
    bytes.subarray(0, old().length).equals(old()) && readRecording(new Uint8Array(bytes)).records.length > 0;

  it.each(['SIGKILL', 'SIGTERM', 'SIGHUP'] as const)('%s at any time', async (signal) => {
    const began = performance.now();
    expect(await finished(argv(fresh()))).toMatchObject({ status: 0 });
    const wholeMs = performance.now() - began;
    let hit = 0;
    for (const share of signal === 'SIGKILL' ? [0.95, 0.8, 0.6, 0.4] : [0.8, 0.6, 0.4, 0.2]) {
      if (hit > 1) break;
      fresh();
      const running = start(argv(out));
      const timer = setTimeout(() => running.child.kill(signal), wholeMs * share);
      const { status, signal: by } = await running.ended;
      clearTimeout(timer);
      if (by === signal) hit++;
      expect([by === signal || status === 0, isOldOrNew()]).toEqual([true, true]);
    }
    expect(hit).toBeGreaterThan(0);
    // What killed ones left is cleared away by the next.
    expect(await finished(argv(fresh()))).toMatchObject({ status: 0 });
    expect(readdirSync(dirname(out)).filter((one) => /\.(part|lock)$/.test(one))).toEqual([]);
    rows.push([
      `\`${name}\``,
      signal,
      name === 'record --append'
        ? 'ended by the signal; the old records, and whole ones behind them'
        : 'ended by the signal; the old file or the new one, whole',
    ]);
  });

  it('EIO at every write', async () => {
    let failed = 0;
    for (let from = 1; from <= 4; from++) {
      const { status, err } = await finished(argv(fresh()), { FAULT_CODE: 'EIO', FAULT_FROM: String(from) });
      if (status === 0) break;
      failed++;
      expect([status, err]).toEqual([
        2,
        expect.stringMatching(/cannot write .*: the disk cannot be read or written there/),
      ]);
      expect(err).not.toMatch(/^ {4}at /m);
      expect(readFileSync(out).equals(old())).toBe(true);
    }
    expect(failed).toBeGreaterThan(0);
    rows.push([`\`${name}\``, 'EIO at each of its writes', 'status 2 and why; the old file']);
  });

  it.skipIf(!root)('on a disk that is full, and on one that is read-only', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    try {
      const path = fresh(join(disk, `out.${ending}`));
      const rest = openSync(join(disk, 'rest'), 'w');
      try {
        for (;;) writeSync(rest, Buffer.alloc(4096));
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
      } finally {
        closeSync(rest);
      }
      const full = await finished(argv(path));
      expect([full.status, full.err]).toEqual([2, expect.stringMatching(/cannot write .*: the disk is full/)]);
      expect(readFileSync(path).equals(old())).toBe(true);
      rmSync(join(disk, 'rest'));
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      const readOnly = await finished(argv(path));
      expect([readOnly.status, readOnly.err]).toEqual([
        2,
        expect.stringMatching(/cannot write .*: the file system is read-only/),
      ]);
      expect(readFileSync(path).equals(old())).toBe(true);
      rows.push([`\`${name}\``, 'full disk (ENOSPC), read-only file system (EROFS)', 'status 2 and why; the old file']);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it('two at once', async () => {
    fresh();
    const lock = join(dirname(out), `.${basename(out)}.${process.pid}.part`);
    writeFileSync(lock, '');
    const { status, err } = await finished(argv(out));
    rmSync(lock);
    expect([status, err]).toEqual([2, expect.stringContaining(`is being written by process ${process.pid}`)]);
    expect(readFileSync(out).equals(old())).toBe(true);
    rows.push([`\`${name}\``, 'another process writes the file', 'status 2 and which; the file is left to it']);
  });
});

/** Commands whose file grows in place: what was there when they ended is there. */
interface Growing {
  readonly argv: (out: string) => readonly string[];
  /** What it says when it is ready. */
  readonly ready: string;
  /** Makes it write; `err` is what it said. */
  readonly drive: (err: string) => Promise<void>;
  readonly ending: string;
  readonly needsRoot?: true;
  /** Calls that can be read back. */
  readonly calls: (path: string) => Promise<number>;
}

const portIn = (err: string): number => Number(/listening at 127\.0\.0\.1:(\d+)/.exec(err)?.[1] ?? 0);
const replayTo = async (err: string): Promise<void> => {
  const { counts } = await replay(recording, { target: `127.0.0.1:${portIn(err)}` });
  expect(counts.skipped).toBe(0);
};
const callsOf = async (path: string): Promise<number> =>
  (await record(path)).filter((one) => one.kind === 'call').length;

const GROWING: Readonly<Record<string, Growing>> = {
  'serve --capture': {
    argv: (out) => ['serve', '--model', model, '--listen', '127.0.0.1:0', '--min-level', 'none', '--capture', out],
    ready: 'Ctrl-C ends it',
    drive: async (err) => {
      const at = `127.0.0.1:${portIn(err)}`;
      const { status } = await finished(['call', 'ClientApplicationID', '--target', at, '--level', 'none']);
      expect(status).toBe(0);
    },
    ending: 'pcapng',
    calls: callsOf,
  },
  'serve --record': {
    argv: (out) => ['serve', recording, '--listen', '127.0.0.1:0', '--record', out],
    ready: 'listening at',
    drive: replayTo,
    ending: 'uamgrec',
    calls: (path) =>
      Promise.resolve(
        readRecording(new Uint8Array(readFileSync(path))).records.filter((one) => one.kind === 'call').length,
      ),
  },
  'live -w': {
    argv: (out) => ['live', '-i', 'lo', '-w', out, '--quiet'],
    ready: 'watching lo',
    drive: async () => {
      await sleep(500);
      const traffic = await chatter(400);
      traffic.begin();
      await sleep(1500);
      expect(await traffic.stop()).toBeGreaterThan(0);
      await sleep(300);
    },
    ending: 'pcapng',
    needsRoot: true,
    calls: callsOf,
  },
  'record -i': {
    argv: (out) => ['record', '-i', 'lo', '-o', out],
    ready: 'recording lo',
    drive: async () => {
      await sleep(500);
      const traffic = await chatter(400);
      traffic.begin();
      await sleep(1500);
      expect(await traffic.stop()).toBeGreaterThan(0);
      await sleep(1000);
    },
    ending: 'uamgrec',
    needsRoot: true,
    calls: (path) =>
      Promise.resolve(
        readRecording(new Uint8Array(readFileSync(path))).records.filter((one) => one.kind === 'call').length,
      ),
  },
};

describe.each(Object.entries(GROWING))('%s', (name, { argv, ready, drive, ending, needsRoot, calls }) => {
  const out = join(folder, `${name.replaceAll(/\W/g, '')}.${ending}`);
  const begin = async (path: string, force = false): Promise<Running & { readonly err: () => Promise<string> }> => {
    const running = start(force ? [...argv(path), '--force'] : argv(path));
    let err = '';
    running.child.stderr?.on('data', (text: string) => (err += text));
    await running.said(ready);
    return { ...running, err: () => Promise.resolve(err) };
  };

  it.skipIf(needsRoot === true && !root).each(['SIGKILL', 'SIGTERM', 'SIGHUP'] as const)('%s', async (signal) => {
    rmSync(out, { force: true });
    const running = await begin(out);
    await drive(await running.err());
    running.child.kill(signal);
    const { status, signal: by, err } = await running.ended;
    expect(signal === 'SIGKILL' ? by : status, err).toBe(signal === 'SIGKILL' ? 'SIGKILL' : 0);
    expect(await calls(out)).toBeGreaterThan(0);
    if (ending === 'uamgrec') {
      const codes = readRecording(new Uint8Array(readFileSync(out))).problems.map((one) => one.code);
      expect(codes).toEqual(signal === 'SIGKILL' ? ['unfinished'] : []);
    }
    if (signal !== 'SIGKILL') expect(readdirSync(folder).filter((one) => /\.(part|lock)$/.test(one))).toEqual([]);
    for (const one of readdirSync(folder)) if (/\.(part|lock)$/.test(one)) rmSync(join(folder, one));
    rows.push([
      `\`${name}\``,
      signal,
      signal === 'SIGKILL' ? 'what was written is there and is read' : 'status 0; the file is brought to its end',
    ]);
  });

  it.skipIf(!root)('on a disk that fills', async () => {
    const disk = join(folder, 'small');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', disk]);
    try {
      const path = join(disk, `out.${ending}`);
      const running = await begin(path);
      for (let times = 0; times < 5 && !(await running.err()).includes('the disk is full'); times++)
        await drive(await running.err()).catch(() => undefined);
      running.child.kill('SIGTERM');
      const { status, err } = await running.ended;
      expect(err).toMatch(/the disk is full/);
      expect(err.match(/the disk is full/g)).toHaveLength(1);
      expect(err).not.toMatch(/^ {4}at /m);
      const serves = name.startsWith('serve');
      expect(status, err).toBe(serves ? 0 : 2);
      expect(await calls(path)).toBeGreaterThan(0);
      rows.push([
        `\`${name}\``,
        'full disk (ENOSPC)',
        serves
          ? 'said once; serving goes on, and what was written is read'
          : 'status 2 and why; what was written is read',
      ]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it.skipIf(needsRoot === true && !root)('two at once', async () => {
    rmSync(out, { force: true });
    const running = await begin(out);
    const second = await finished(argv(out));
    expect([second.status, second.err]).toEqual([
      2,
      expect.stringMatching(/exists already|is being written by process/),
    ]);
    if (name !== 'live -w') {
      const forced = await finished([...argv(out), '--force']);
      expect([forced.status, forced.err]).toEqual([
        2,
        expect.stringContaining(`is being written by process ${running.child.pid}`),
      ]);
    }
    running.child.kill('SIGTERM');
    expect((await running.ended).status).toBe(0);
    rows.push([
      `\`${name}\``,
      'another process writes the file',
      'status 2 and which, with `--force` too; the file is left to it',
    ]);
  });
});

describe('what is read, and who reads', () => {
  it.each([
    ['record -o -', ['record', capture, '-o', '-']],
    ['decode', ['decode', capture, capture, capture]],
    ['report', ['report', capture, '-f', 'json']],
    ['diff', ['diff', capture, sealed]],
    ['interfaces', ['interfaces']],
    ['recording info', ['recording', 'info', recording]],
    ['recording trim -o -', ['recording', 'trim', recording, '--calls', '1-40', '-o', '-']],
    ['recording merge -o -', ['recording', 'merge', recording, recording, '-o', '-']],
    ['recording redact -o -', ['recording', 'redact', recording, '-o', '-', '--redact-key', 'k']],
    ['explain', ['explain', '0x80240024']],
    ['decode --format ndjson --jobs 2', ['decode', capture, capture, '--format', 'ndjson', '--jobs', '2']],
  ] as const)('%s into a pipe that is closed', async (name, argv) => {
    const running = start(argv);
    running.child.stdout?.once('data', () => running.child.stdout?.destroy());
    const { status, signal, err } = await running.ended;
    expect([signal, err.match(/EPIPE|^ {4}at /m)]).toEqual([null, null]);
    expect([0, 1]).toContain(status);
    rows.push([`\`${name}\``, 'its reader goes away (EPIPE)', 'ends quietly']);
  });

  it('stdin that is closed, and an input that cannot be read', async () => {
    for (const command of [
      ['decode', '-'],
      ['record', '-', '-o', join(folder, 'none.uamgrec')],
      ['report', '-'],
    ]) {
      const { status, stderr } = await new Promise<{ status: number | null; stderr: string }>((resolve) => {
        const child = spawn('sh', ['-c', '"$@" <&-', 'sh', process.execPath, MAIN, ...command], {
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        let said = '';
        child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
        child.once('close', (code) => resolve({ status: code, stderr: said }));
      });
      expect([status, stderr.match(/^ {4}at /m), stderr !== '']).toEqual([2, null, true]);
    }
    rows.push(['`decode -`, `record -`, `report -`', 'stdin is closed', 'status 2 and why']);
    // What reads no stdin does its work: no file of its own takes the place of one that is closed.
    const closed = (name: string): string => join(folder, `closed.${name}`);
    for (const [name, status, ...command] of [
      ['record', 0, 'record', capture, '-o', closed('uamgrec')],
      ['replay', 0, 'replay', recording, '--target', `127.0.0.1:${server.port}`, '--junit', closed('xml')],
      ['diff', 1, 'diff', changed, recording],
      ['report', 0, 'report', capture, '-o', closed('html')],
      ['recording trim', 0, 'recording', 'trim', recording, '--calls', '1-40', '-o', closed('trim.uamgrec')],
    ] as const) {
      const ended = await new Promise<{ status: number | null; said: string }>((resolve) => {
        const child = spawn('sh', ['-c', '"$@" <&-', 'sh', process.execPath, MAIN, ...command], {
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        let said = '';
        child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
        child.once('close', (code) => resolve({ status: code, said }));
      });
      expect([name, ended.status, ended.said.match(/^ {4}at /m)]).toEqual([name, status, null]);
    }
    for (const one of ['uamgrec', 'trim.uamgrec']) expect(isRecording(readFileSync(closed(one)))).toBe(true);
    rows.push(['`record`, `replay --junit`, `diff`, `report`, `recording trim`', 'stdin is closed', 'do their work']);
    // Reading the memory of a process at 0 fails as a broken disk does.
    for (const command of [
      ['decode'],
      ['report'],
      ['record', '-o', join(folder, 'none.uamgrec')],
      ['recording', 'check'],
    ]) {
      const { status, err } = await finished([...command, '/proc/self/mem']);
      expect([status, err, existsSync(join(folder, 'none.uamgrec'))]).toEqual([
        2,
        expect.stringContaining('cannot read /proc/self/mem: the disk cannot be read or written there'),
        false,
      ]);
    }
    rows.push([
      '`decode`, `report`, `record`, `recording check`',
      'input fails (EIO)',
      'status 2 and why; nothing is written',
    ]);
  });

  it('input that is cut, and input that grows', async () => {
    const cut = join(folder, 'cut.pcapng');
    const bytes = readFileSync(capture);
    writeFileSync(cut, bytes.subarray(0, bytes.length - 100));
    const made = join(folder, 'cut.uamgrec');
    const first = await finished(['record', cut, '-o', made, '--strict']);
    expect(first.status).toBe(3);
    expect(isRecording(readFileSync(made))).toBe(true);
    const cutRecording = join(folder, 'cut2.uamgrec');
    writeFileSync(cutRecording, readFileSync(recording).subarray(0, -100));
    const second = await finished(['record', cutRecording, '-o', join(folder, 'cut3.uamgrec'), '--strict']);
    expect([second.status, second.err]).toEqual([3, expect.stringContaining('no whole record')]);
    rows.push(['`record`', 'input is cut', 'what is whole is recorded; said, and status 3 with `--strict`']);
    for (const [name, ...argv] of [
      ['report', 'report', cut, '-o', join(folder, 'cut.html')],
      ['decode -w', 'decode', cut, '-w', join(folder, 'cut-w.pcapng')],
      ['recording trim', 'recording', 'trim', cutRecording, '--calls', '1-40', '-o', join(folder, 'cut4.uamgrec')],
      ['recording merge', 'recording', 'merge', cutRecording, recording, '-o', join(folder, 'cut5.uamgrec')],
      ['diff', 'diff', cutRecording, cutRecording],
    ] as const) {
      const { status, err } = await finished(argv);
      expect([name, status, err.match(/^ {4}at /m)]).toEqual([name, 0, null]);
      rows.push([`\`${name}\``, 'input is cut', 'what is whole is read, and what is written of it is whole']);
    }
    for (const path of ['cut4.uamgrec', 'cut5.uamgrec'])
      expect(readRecording(new Uint8Array(readFileSync(join(folder, path)))).records.length).toBeGreaterThan(40);
    const growing = join(folder, 'growing.pcapng');
    writeFileSync(growing, bytes.subarray(0, 4000));
    const running = start(['record', growing, '-o', join(folder, 'grown.uamgrec')]);
    for (let at = 4000; at < bytes.length; at += 500) appendFileSync(growing, bytes.subarray(at, at + 500));
    expect((await running.ended).status).toBe(0);
    expect(isRecording(readFileSync(join(folder, 'grown.uamgrec')))).toBe(true);
    rows.push(['`record`', 'input grows while it is read', 'what was there is recorded; the file is whole']);
  });
});

const [BEGIN, END] = ['<!-- faults: made by test/interop/faults.test.ts -->', '<!-- end of faults -->'];
const HEAD = ['| command | fault | then |', '|---|---|---|'];

/** The table of docs/security.md, and what stands around it. */
function page(): { readonly table: string; readonly around: readonly [string, string] } {
  const text = readFileSync(PAGE, 'utf8');
  const [from, to] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  return { table: text.slice(from, to).trim(), around: [text.slice(0, from), text.slice(to)] };
}

const lines = (): readonly string[] => rows.map((row) => `| ${row.join(' | ')} |`);

// Also what only a part of the tests saw is put into the table.
afterAll(() => {
  if (process.env['UPDATE_FAULTS'] !== '1') return;
  const { table, around } = page();
  const [seen, names] = [lines(), new Set(rows.map((row) => `| ${row[0]} | ${row[1]} |`))];
  const kept = table
    .split('\n')
    .filter((line) => line !== '' && !HEAD.includes(line) && ![...names].some((one) => line.startsWith(one)));
  const all = [...new Set([...kept, ...seen])].toSorted();
  writeFileSync(PAGE, `${around[0]}\n\n${[...HEAD, ...all].join('\n')}\n\n${around[1]}`);
});

it.skipIf(!root || process.env['UPDATE_FAULTS'] === '1')('is what docs/security.md says', () => {
  expect(page().table).toBe([...HEAD, ...new Set(lines().toSorted())].join('\n'));
});
