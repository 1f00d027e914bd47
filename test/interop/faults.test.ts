import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
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
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readRecording, recordingBytes } from '../../replay/recording/format.js';
import { parseRecordingText } from '../../replay/recording/parse.js';
import { record, replay, serve, type AgentServing, type Serving } from '../../src/index.js';
import { keepColumns } from '../../src/cli/config.js';
import { writeMarks } from '../../src/cli/tui/marks-file.js';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { chatter } from '../support/chatter.js';
import { halves, lakeFacts } from './faults/lakes.js';
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
let agent: AgentServing;
/** Packets of a call. */
let callFrames = 0;

beforeAll(async () => {
  if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
  const titles = (await record(capture, recording)).map((one) =>
    one.kind === 'call' && one.method === 'Title' ? { ...one, out: { retval: 'as it was' } } : one,
  );
  writeFileSync(changed, recordingBytes(titles));
  mkdirSync(suite);
  writeFileSync(join(suite, 'session.uamgrec'), readFileSync(recording));
  server = await serve(recording);
  agent = await serve({ model, minLevel: 'none' });
  const called = join(folder, 'called.pcapng');
  const { status } = await finished([...CALL, '--target', `127.0.0.1:${agent.port}`, '--capture', called]);
  expect(status).toBe(0);
  callFrames = framesIn(readFileSync(called)).length;
  expect(callFrames).toBeGreaterThan(12);
});
afterAll(async () => {
  await Promise.all([server.close(), agent.close()]);
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
  stdin: 'ignore' | 'closed' = 'ignore',
): Running {
  const shim = 'FAULT_CODE' in env ? ['--require', SHIM] : [];
  const ours = [process.execPath, ...shim, MAIN, ...argv];
  const [command = '', ...rest] = stdin === 'closed' ? ['sh', '-c', 'exec "$@" <&-', 'sh', ...ours] : ours;
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
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

/**
 * Lets a command fail, or be killed, at its first write, its second, and so on until it has no more; between long rows
 * of them, behind the `first`, a few are left out. Resolves to how often it was. `run` tells whether it was.
 */
async function eachWrite(
  code: 'EIO' | 'EROFS' | 'SIGKILL',
  run: (env: Readonly<Record<string, string>>) => Promise<boolean>,
  first = 8,
): Promise<number> {
  let times = 0;
  for (let from = 1; from < 1000; from += Math.ceil(from / first)) {
    if (!(await run({ FAULT_CODE: code, FAULT_FROM: String(from) }))) return times;
    times++;
  }
  throw new Error('it has no last write');
}

/** From the ninth write on some are left out. */
const writesText = (times: number): string => `at ${times <= 8 ? 'each' : 'many'} of its writes`;

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
  /** No file stands there before; the folder has what this puts there. */
  readonly none?: (folder: string) => void;
  /** What it says when the disk fails while it writes, where that is not all at the end. */
  readonly says?: RegExp;
}

/** Packets of a capture as its blocks have them; none of one that is damaged. */
function framesIn(bytes: Buffer): readonly Uint8Array[] {
  const reader = new CaptureReader();
  const out: CaptureOutput[] = [];
  reader.push(blockOf(bytes), 0, bytes.length, out);
  reader.end(out);
  return out.flatMap((one) => {
    if (one.kind === 'problem') return [];
    return [one.block.u8.subarray(one.start, one.end)];
  });
}

const CALL = ['call', 'ClientApplicationID', '--level', 'none'];
const keysIn = (bytes: Buffer): number =>
  bytes
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .filter((line) => /^ntlm [0-9a-f]{32} [0-9a-f]{32}$/.test(line)).length;

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
    // Of its 288 packets those with a call, and those that begin its connections.
    whole: (bytes) => framesIn(bytes).length === 138,
    ending: 'pcapng',
  },
  ...Object.fromEntries(
    Object.entries({
      decode: [],
      report: ['-o', '/dev/null', '-f', 'html'],
      record: ['-o', '/dev/null'],
      diff: [sealed],
      export: ['-o', join(folder, 'keys-lake')],
      query: ['-f', 'json'],
    }).map(([command, more]) => [
      `${command} --export-keys`,
      {
        argv: (out: string) => [
          command,
          ...(command === 'query' ? ['SELECT count(*) FROM calls'] : []),
          sealed,
          ...more,
          '--password',
          'alice:secret',
          '--export-keys',
          out,
          '--force',
        ],
        // Two sessions, in each of the two captures of a comparison.
        whole: (bytes: Buffer) => keysIn(bytes) === (command === 'diff' ? 4 : 2),
        ending: 'log',
      },
    ]),
  ),
  'query -o': {
    argv: (out) => ['query', 'FROM calls', capture, '-o', out, '--force'],
    whole: (bytes) => bytes.toString('latin1', 0, 4) === 'PAR1' && bytes.toString('latin1').endsWith('PAR1'),
    ending: 'parquet',
    says: /cannot write|cannot be written/,
  },
  'call --capture --force': {
    argv: (out) => [...CALL, '--target', `127.0.0.1:${agent.port}`, '--capture', out, '--force'],
    // Whether the ends of its two connections are in it is a matter of moments.
    whole: (bytes) => framesIn(bytes).length >= callFrames - 4,
    ending: 'pcapng',
    says: /cannot (?:write .*|be written any more): the disk cannot be read or written there/,
  },
  'test --record-if-missing': {
    argv: (out) => ['test', dirname(out), '--target', `127.0.0.1:${server.port}`, '--record-if-missing'],
    whole: isRecording,
    ending: 'uamgrec',
    alone: true,
    none: (path) => writeFileSync(join(path, 'testrecordifmissing.pcapng'), readFileSync(capture)),
  },
};

/** Leaves no room on a disk: `rest` takes all of it. */
function fill(disk: string): void {
  const rest = openSync(join(disk, 'rest'), 'w');
  try {
    for (;;) writeSync(rest, Buffer.alloc(4096));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    closeSync(rest);
  }
}

describe.each(Object.entries(WRITERS))('%s', (name, writing) => {
  const { argv, whole, ending, rewrites, differs, alone, none, says } = writing;
  const short = name.replaceAll(/\W/g, '');
  const out = join(folder, alone === true ? short : '.', `${short}.${ending}`);
  const old = (): Buffer => {
    if (rewrites !== true) return Buffer.from('old\n');
    return readFileSync(differs === true ? changed : recording);
  };
  const fresh = (path = out): string => {
    mkdirSync(dirname(path), { recursive: true });
    if (none === undefined) writeFileSync(path, old());
    else {
      rmSync(path, { force: true });
      none(dirname(path));
    }
    return path;
  };
  const isOld = (path = out): boolean => (none === undefined ? readFileSync(path).equals(old()) : !existsSync(path));
  const isOldOrNew = (path = out): boolean => {
    if (isOld(path)) return true;
    const bytes = readFileSync(path);
    // What is added to is the old file and, behind it, whole records.
    return whole(bytes) || (name === 'record --append' && hasOld(bytes));
  };
  const hasOld = (bytes: Buffer): boolean =>
    bytes.subarray(0, old().length).equals(old()) && readRecording(new Uint8Array(bytes)).records.length > 0;

  it('SIGKILL at every write', async () => {
    const killed = await eachWrite('SIGKILL', async (env) => {
      const { status, signal } = await finished(argv(fresh()), env);
      expect([signal === 'SIGKILL' || status === 0, isOldOrNew()]).toEqual([true, true]);
      return signal === 'SIGKILL';
    });
    expect(killed).toBeGreaterThan(0);
    // What killed ones left is cleared away by the next.
    expect(await finished(argv(fresh()))).toMatchObject({ status: 0 });
    expect(whole(readFileSync(out)) || name === 'record --append').toBe(true);
    expect(readdirSync(dirname(out)).filter((one) => /\.(part|lock)$/.test(one))).toEqual([]);
    rows.push([
      `\`${name}\``,
      'SIGKILL',
      name === 'record --append'
        ? 'ended by the signal; the old records, and whole ones behind them'
        : 'ended by the signal; the old file or the new one, whole',
    ]);
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)('%s at any time', async (signal) => {
    const began = performance.now();
    expect(await finished(argv(fresh()))).toMatchObject({ status: 0 });
    const wholeMs = performance.now() - began;
    let hit = 0;
    for (const share of [0.8, 0.6, 0.4, 0.2]) {
      if (hit > 0) break;
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
    const failed = await eachWrite('EIO', async (env) => {
      const { status, err } = await finished(argv(fresh()), env);
      if (status === 0) return false;
      expect([status, err]).toEqual([
        2,
        expect.stringMatching(says ?? /cannot write .*: the disk cannot be read or written there/),
      ]);
      expect(err).not.toMatch(/^ {4}at /m);
      // Where another file of the command failed, this one may be there already.
      expect(err.includes(basename(out)) ? isOld() : isOldOrNew()).toBe(true);
      return true;
    });
    expect(failed).toBeGreaterThan(0);
    rows.push([`\`${name}\``, `EIO ${writesText(failed)}`, 'status 2 and why; the old file']);
  });

  it.skipIf(!root)('on a disk that is full, and on one that is read-only', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    try {
      const path = fresh(join(disk, `out.${ending}`));
      fill(disk);
      const full = await finished(argv(path));
      expect([full.status, full.err]).toEqual([
        2,
        expect.stringMatching(says === undefined ? /cannot write .*: the disk is full/ : /the disk is full/),
      ]);
      expect(isOld(path)).toBe(true);
      rmSync(join(disk, 'rest'));
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      const readOnly = await finished(argv(path));
      expect([readOnly.status, readOnly.err]).toEqual([
        2,
        expect.stringMatching(/cannot write .*: the file system is read-only/),
      ]);
      expect(isOld(path)).toBe(true);
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
    expect(isOld()).toBe(true);
    rows.push([`\`${name}\``, 'another process writes the file', 'status 2 and which; the file is left to it']);
  });
});

describe('report --index', () => {
  const own = join(folder, 'indexed');
  const copy = join(own, 'capture.pcapng');
  const index = `${copy}.report.uamgidx`;
  const env = { XDG_CACHE_HOME: join(own, 'cache') };
  const argv = ['report', copy, '-f', 'json', '--index', 'beside'];
  let expected: Buffer = Buffer.alloc(0);
  const fresh = (): void => rmSync(index, { force: true });
  /** The report is the same, and there is a whole index or none. */
  const isSame = async (): Promise<void> => {
    const { status, out, err } = await finished(argv, env);
    expect([status, out.equals(expected), err.match(/is not used/)]).toEqual([0, true, null]);
    expect(readdirSync(own).filter((one) => /\.(part|lock)$/.test(one))).toEqual([]);
  };

  beforeAll(async () => {
    mkdirSync(own);
    writeFileSync(copy, readFileSync(capture));
    // A capture that changed a moment ago may change again.
    await sleep(3000);
    expected = (await finished([...argv.slice(0, 4), '--no-index'], env)).out;
    await isSame();
    expect(existsSync(index)).toBe(true);
  });

  it('SIGKILL, SIGTERM, SIGHUP', async () => {
    const killed = await eachWrite('SIGKILL', async (fault) => {
      fresh();
      const { signal } = await finished(argv, { ...env, ...fault });
      if (signal === 'SIGKILL') await isSame();
      return signal === 'SIGKILL';
    });
    expect(killed).toBeGreaterThan(0);
    rows.push(['`report --index`', `SIGKILL ${writesText(killed)}`, 'ended by the signal; no index, or a whole one']);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
      fresh();
      const reporting = start(argv, env);
      setTimeout(() => reporting.child.kill(signal), 400);
      await reporting.ended;
      await isSame();
      rows.push(['`report --index`', signal, 'ended by the signal; no index, or a whole one']);
    }
  });

  it('EIO, a disk that is full or read-only, and two at once', async () => {
    const then = 'the report all the same, and why no index is kept; no part of one';
    const failed = await eachWrite('EIO', async (fault) => {
      fresh();
      const { status, out, err } = await finished(argv, { ...env, ...fault });
      expect([status, out.equals(expected)]).toEqual([0, true]);
      if (!existsSync(index)) expect(err).toMatch(/no index is kept: .*the disk cannot be read or written there/);
      return !existsSync(index);
    });
    expect(failed).toBeGreaterThan(0);
    rows.push(['`report --index`', `EIO ${writesText(failed)}`, then]);
    fresh();
    const lock = join(own, `.${basename(index)}.${process.pid}.part`);
    writeFileSync(lock, '');
    const { status, err } = await finished(argv, env);
    rmSync(lock);
    expect([status, err]).toEqual([0, expect.stringContaining(`is being written by process ${process.pid}`)]);
    rows.push(['`report --index`', 'another process writes the file', then]);
    if (!root) return;
    // Over what lies there: the capture is as old as it was.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', own]);
    try {
      writeFileSync(copy, readFileSync(capture));
      await sleep(3000);
      const cache = { XDG_CACHE_HOME: join(folder, 'index-cache') };
      const full = await finished(argv, cache);
      expect([full.status, full.out.equals(expected), full.err]).toEqual([
        0,
        true,
        expect.stringMatching(/no index is kept: .*the disk is full/),
      ]);
      execFileSync('mount', ['-o', 'remount,ro', own]);
      const readOnly = await finished(argv, cache);
      expect([readOnly.status, readOnly.out.equals(expected), readOnly.err]).toEqual([
        0,
        true,
        expect.stringMatching(/no index is kept: .*the file system is read-only/),
      ]);
      expect(existsSync(index)).toBe(false);
      rows.push(['`report --index`', 'full disk (ENOSPC), read-only file system (EROFS)', then]);
    } finally {
      execFileSync('umount', [own]);
    }
  });
});

describe.each([['export'], ['export --state']] as const)('%s', (name) => {
  const [lake, state] = [join(folder, 'lake'), join(folder, 'lake.state')];
  const [first, second] = [join(folder, 'first.pcapng'), join(folder, 'second.pcapng')];
  const argv = (into = lake): readonly string[] => [
    'export',
    first,
    second,
    '-o',
    into,
    ...(name === 'export' ? [] : ['--state', into === lake ? state : join(into, '.state')]),
  ];
  /** Calls of the first half, and of all. */
  let [before, after] = [0, 0];
  const kept = join(folder, name.replaceAll(/\W/g, ''));
  /** A lake of the first half; made once. */
  const fresh = async (into = lake): Promise<void> => {
    halves(capture, first, second);
    for (const path of [lake, state]) rmSync(path, { recursive: true, force: true });
    if (into === lake && existsSync(kept)) {
      cpSync(join(kept, 'lake'), lake, { recursive: true });
      if (existsSync(join(kept, 'state'))) cpSync(join(kept, 'state'), state);
      return;
    }
    expect(await finished(argv(into).filter((one) => one !== second))).toMatchObject({ status: 0 });
    if (into !== lake) return;
    cpSync(lake, join(kept, 'lake'), { recursive: true });
    if (existsSync(state)) cpSync(state, join(kept, 'state'));
  };
  /** The calls of the lake, all of whose tables are there; where one ended in between, those of either chain. */
  const isOldOrNew = (into = lake): boolean => {
    const { calls, missing } = lakeFacts(into);
    return missing.length === 0 && [before, after, before + after].includes(calls);
  };
  const again = async (): Promise<void> => {
    expect(await finished(argv())).toMatchObject({ status: 0 });
    const { calls, missing, extra } = lakeFacts(lake);
    expect([calls, missing]).toEqual([after, []]);
    expect(extra.filter((path) => !path.endsWith('.part'))).toEqual([]);
  };

  it('SIGKILL at every write', async () => {
    await fresh();
    before = lakeFacts(lake).calls;
    expect(await finished(argv())).toMatchObject({ status: 0 });
    after = lakeFacts(lake).calls;
    expect([before > 0, after > before]).toEqual([true, true]);
    const times = await eachWrite(
      'SIGKILL',
      async (env) => {
        await fresh();
        const { status, signal } = await finished(argv(), env);
        expect([signal === 'SIGKILL' || status === 0, isOldOrNew()]).toEqual([true, true]);
        if (signal === 'SIGKILL') await again();
        return signal === 'SIGKILL';
      },
      4,
    );
    expect(times).toBeGreaterThan(8);
    rows.push([
      `\`${name}\``,
      `SIGKILL ${writesText(times)}`,
      'ended by the signal; every chain that has a manifest is whole, and the next export clears up',
    ]);
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)('%s at any time', async (signal) => {
    await fresh();
    const running = start(argv());
    setTimeout(() => running.child.kill(signal), 250);
    const { status, signal: by } = await running.ended;
    expect([by === signal || status === 0, isOldOrNew()]).toEqual([true, true]);
    await again();
    rows.push([`\`${name}\``, signal, 'ended by the signal; the lake as it was, or the new one']);
  });

  it('EIO at every write', async () => {
    await fresh();
    const was = lakeFacts(lake);
    const failed = await eachWrite(
      'EIO',
      async (env) => {
        await fresh();
        const { status, err } = await finished(argv(), env);
        if (status === 0) return false;
        expect([status, err]).toEqual([
          2,
          expect.stringMatching(/cannot write .*: the disk cannot be read or written there/),
        ]);
        expect(err).not.toMatch(/^ {4}at /m);
        expect(isOldOrNew()).toBe(true);
        expect(lakeFacts(lake).extra.filter((path) => path.endsWith('.part'))).toEqual([]);
        return true;
      },
      4,
    );
    await again();
    expect(failed).toBeGreaterThan(8);
    expect(was.missing).toEqual([]);
    rows.push([
      `\`${name}\``,
      `EIO ${writesText(failed)}`,
      'status 2 and why; the lake as it was, or the next export clears up',
    ]);
  });

  it.skipIf(!root)('on a disk that is full, and on one that is read-only', async () => {
    const disk = join(folder, 'lakes');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      const into = join(disk, 'lake');
      await fresh(into);
      const was = lakeFacts(into);
      fill(disk);
      const full = await finished(argv(into));
      expect([full.status, full.err]).toEqual([2, expect.stringMatching(/cannot write .*: the disk is full/)]);
      expect(lakeFacts(into)).toEqual(was);
      rmSync(join(disk, 'rest'));
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      const readOnly = await finished(argv(into));
      expect([readOnly.status, readOnly.err]).toEqual([
        2,
        expect.stringMatching(/cannot write .*: the file system is read-only/),
      ]);
      expect(lakeFacts(into)).toEqual(was);
      rows.push([
        `\`${name}\``,
        'full disk (ENOSPC), read-only file system (EROFS)',
        'status 2 and why; the lake as it was',
      ]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it('two at once', async () => {
    await fresh();
    const both = await Promise.all([finished(argv()), finished(argv())]);
    for (const { status, err } of both)
      expect([status === 0 || err.includes('was written by another export meanwhile'), err.match(/^ {4}at /m)]).toEqual(
        [true, null],
      );
    expect(both.some(({ status }) => status === 0)).toBe(true);
    expect(lakeFacts(lake)).toEqual({ calls: after, missing: [], extra: [] });
    rows.push([
      `\`${name}\``,
      'another process writes the same',
      'both write the same tables, or one is told to run again; the lake is whole',
    ]);
  });

  it('input that is cut, and input that grows', async () => {
    await fresh();
    writeFileSync(second, readFileSync(second).subarray(0, -30));
    const cut = await finished([...argv(), '--strict']);
    expect([cut.status, isOldOrNew() || lakeFacts(lake).missing.length === 0]).toEqual([3, true]);
    rows.push([`\`${name}\``, 'input is cut', 'what is whole is exported; said, and status 3 with `--strict`']);
    await fresh();
    const bytes = readFileSync(second);
    writeFileSync(second, bytes.subarray(0, 2000));
    const running = start(argv());
    for (let at = 2000; at < bytes.length && running.child.exitCode === null; at += 100) {
      appendFileSync(second, bytes.subarray(at, at + 100));
      await sleep(5);
    }
    const { status, err } = await running.ended;
    expect([status === 0 || err.includes('changed'), lakeFacts(lake).missing]).toEqual([true, []]);
    rows.push([`\`${name}\``, 'input grows while it is read', 'status 2 and which; the lake as it was']);
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
  const serves = name.startsWith('serve');
  const failing = serves
    ? 'said once; serving goes on, and status 2 in the end; what was written is read'
    : 'status 2 and why; what was written is read';
  const begin = async (
    path: string,
    force = false,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Running & { readonly err: () => Promise<string> }> => {
    const running = start(force ? [...argv(path), '--force'] : argv(path), env);
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
      expect(status, err).toBe(2);
      expect(await calls(path)).toBeGreaterThan(0);
      rows.push([`\`${name}\``, 'full disk (ENOSPC)', failing]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it.skipIf(needsRoot === true && !root).each([
    ['EIO', 'the disk cannot be read or written there'],
    ['EROFS', 'the file system is read-only'],
  ] as const)('%s while it grows', async (code, words) => {
    rmSync(out, { force: true });
    // The first writes are good: the head of the file, and packets or records behind it.
    const running = await begin(out, false, { FAULT_CODE: code, FAULT_FROM: name === 'serve --capture' ? '20' : '4' });
    const told = async (): Promise<boolean> => (await running.err()).includes(words);
    for (let times = 0; times < 5 && !(await told()); times++) await drive(await running.err()).catch(() => undefined);
    running.child.kill('SIGTERM');
    const { status, err } = await running.ended;
    expect(err.split(words)).toHaveLength(2);
    expect(err).not.toMatch(/^ {4}at /m);
    expect(status, err).toBe(2);
    expect(await calls(out)).toBeGreaterThan(0);
    expect(readdirSync(folder).filter((one) => /\.(part|lock)$/.test(one))).toEqual([]);
    rows.push([`\`${name}\``, 'EIO, EROFS while it grows', failing]);
  });

  it.skipIf(!root)('on a disk that is read-only from the start', async () => {
    const disk = join(folder, 'readonly');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k,ro', 'tmpfs', disk]);
    try {
      const { status, err } = await finished(argv(join(disk, `out.${ending}`)));
      expect([status, err]).toEqual([2, expect.stringMatching(/cannot write .*: the file system is read-only/)]);
      rows.push([`\`${name}\``, 'read-only file system (EROFS)', 'status 2 and why, before anything is done']);
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

describe('call --capture', () => {
  const out = join(folder, 'call.pcapng');
  const growing = 'what was written is there and is read';
  const argv = (path: string, port = agent.port): readonly string[] => [
    ...CALL,
    '--target',
    `127.0.0.1:${port}`,
    '--capture',
    path,
    '--timeout',
    '600',
  ];

  it.each(['SIGKILL', 'SIGTERM', 'SIGHUP'] as const)('%s', async (signal) => {
    rmSync(out, { force: true });
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const calling = start(argv(out, (silent.address() as AddressInfo).port));
    // The bind waits for its answer.
    while (!existsSync(out) || framesIn(readFileSync(out)).length < 4) await sleep(50);
    const second = await finished(argv(out));
    expect([second.status, second.err]).toEqual([
      2,
      expect.stringMatching(/exists already|is being written by process/),
    ]);
    const forced = await finished([...argv(out), '--force']);
    expect([forced.status, forced.err]).toEqual([
      2,
      expect.stringContaining(`is being written by process ${calling.child.pid}`),
    ]);
    calling.child.kill(signal);
    expect((await calling.ended).signal).toBe(signal);
    silent.close();
    expect(framesIn(readFileSync(out)).length).toBeGreaterThan(3);
    // What it left is cleared away by the next.
    expect(await finished([...argv(out), '--force'])).toMatchObject({ status: 0 });
    expect(readdirSync(folder).filter((one) => /\.(part|lock)$/.test(one))).toEqual([]);
    rows.push(
      ['`call --capture`', signal, `ended by the signal; ${growing}`],
      [
        '`call --capture`',
        'another process writes the file',
        'status 2 and which, with `--force` too; the file is left to it',
      ],
    );
  });

  it('EIO and EROFS at every write', async () => {
    let times = 0;
    for (const code of ['EIO', 'EROFS'] as const)
      times = await eachWrite(
        code,
        async (env) => {
          rmSync(out, { force: true });
          const { status, err } = await finished(argv(out), env);
          if (status === 0) return false;
          expect([status, err.match(/^ {4}at /m)]).toEqual([2, null]);
          expect(err.match(/the disk cannot be read or written there|the file system is read-only/g)).toHaveLength(1);
          const written = Number(env['FAULT_FROM']) - 1;
          // The head of the file comes first.
          if (written > 1) expect(framesIn(readFileSync(out))).toHaveLength(written - 1);
          else expect(existsSync(out) && readFileSync(out).length === 0).toBe(false);
          expect(readdirSync(folder).filter((one) => /\.(part|lock)$/.test(one))).toEqual([]);
          return true;
        },
        4,
      );
    expect(times).toBeGreaterThan(8);
    rows.push(['`call --capture`', `EIO, EROFS ${writesText(times)}`, `status 2 and why; ${growing}`]);
  });

  it.skipIf(!root)('on a disk that fills, and on one that is read-only', async () => {
    const disk = join(folder, 'page');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', disk]);
    try {
      const path = join(disk, 'out.pcapng');
      const { status, err } = await finished([
        ...argv(path),
        'CreateUpdateSearcher().Search("IsInstalled=0").Updates[*].Title',
      ]);
      expect([status, err.match(/the disk is full/g)?.length, err.match(/^ {4}at /m)]).toEqual([2, 1, null]);
      expect(framesIn(readFileSync(path)).length).toBeGreaterThan(3);
      rmSync(path);
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      const readOnly = await finished(argv(path));
      expect([readOnly.status, readOnly.err]).toEqual([
        2,
        expect.stringMatching(/cannot write .*: the file system is read-only/),
      ]);
      rows.push([
        '`call --capture`',
        'full disk (ENOSPC), read-only file system (EROFS)',
        `status 2 and why; ${growing}`,
      ]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe.skipIf(!root)('live --export-keys', () => {
  const out = join(folder, 'live-keys.log');
  const argv = (path = out): readonly string[] => ['live', '-i', 'lo', '--export-keys', path, '--force', '--quiet'];
  const watch = async (path = out, env: Readonly<Record<string, string>> = {}): Promise<Running> => {
    writeFileSync(path, 'old\n');
    const watching = start(argv(path), env);
    await watching.said('watching lo');
    return watching;
  };

  it.each(['SIGKILL', 'SIGTERM', 'SIGHUP'] as const)('%s', async (signal) => {
    const watching = await watch();
    watching.child.kill(signal);
    const ended = await watching.ended;
    expect(signal === 'SIGKILL' ? ended.signal : ended.status, ended.err).toBe(signal === 'SIGKILL' ? signal : 0);
    expect(readFileSync(out, 'utf8').startsWith(signal === 'SIGKILL' ? 'old' : '# uamgscope key log')).toBe(true);
    rows.push([
      '`live --export-keys`',
      signal,
      signal === 'SIGKILL' ? 'the old file' : 'status 0; the new file, whole',
    ]);
  });

  it('EIO at every write, a disk that is full, and two at once', async () => {
    const failed = await eachWrite('EIO', async (env) => {
      const watching = await watch(out, env);
      watching.child.kill('SIGTERM');
      const { status, err } = await watching.ended;
      if (status === 0) return false;
      expect([status, err]).toEqual([
        2,
        expect.stringMatching(/cannot write .*: the disk cannot be read or written there/),
      ]);
      expect(readFileSync(out, 'utf8')).toBe('old\n');
      return true;
    });
    expect(failed).toBeGreaterThan(0);
    rows.push(['`live --export-keys`', `EIO ${writesText(failed)}`, 'status 2 and why; the old file']);
    const disk = join(folder, 'keys');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', disk]);
    try {
      const path = join(disk, 'keys.log');
      const watching = await watch(path);
      writeFileSync(join(disk, 'rest'), Buffer.alloc(4096));
      watching.child.kill('SIGTERM');
      const { status, err } = await watching.ended;
      expect([status, err]).toEqual([2, expect.stringMatching(/cannot write .*: the disk is full/)]);
      expect(readFileSync(path, 'utf8')).toBe('old\n');
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      const readOnly = await finished(argv(path));
      expect([readOnly.status, readOnly.err]).toEqual([
        2,
        expect.stringMatching(/cannot write .*: the file system is read-only/),
      ]);
      rows.push([
        '`live --export-keys`',
        'full disk (ENOSPC), read-only file system (EROFS)',
        'status 2 and why; the old file',
      ]);
    } finally {
      execFileSync('umount', [disk]);
    }
    writeFileSync(out, 'old\n');
    const lock = join(folder, `.${basename(out)}.${process.pid}.part`);
    writeFileSync(lock, '');
    const { status, err } = await finished(argv());
    rmSync(lock);
    expect([status, err]).toEqual([2, expect.stringContaining(`is being written by process ${process.pid}`)]);
    rows.push([
      '`live --export-keys`',
      'another process writes the file',
      'status 2 and which; the file is left to it',
    ]);
  });
});

describe('what the terminal analyzer keeps', () => {
  const config = (path: string): string => join(path, 'config.yaml');
  const marks = (path: string): string => join(path, 'capture.pcapng.marks.yaml');
  const keep = (path: string): readonly (() => void)[] => [
    () => keepColumns(config(path), ['call']),
    () => writeMarks(marks(path), { marks: new Map([['a', 3]]), notes: new Map([[4, 'a note']]) }),
  ];

  it.skipIf(!root)('on a disk that is full, and on one that is read-only', () => {
    const disk = join(folder, 'kept');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', disk]);
    try {
      for (const one of keep(disk)) one();
      const was = [config(disk), marks(disk)].map((path) => readFileSync(path, 'utf8'));
      fill(disk);
      for (const one of keep(disk)) expect(one).toThrow(/cannot write .*: the disk is full/);
      execFileSync('mount', ['-o', 'remount,ro', disk]);
      for (const one of keep(disk)) expect(one).toThrow(/cannot write .*: the file system is read-only/);
      expect([config(disk), marks(disk)].map((path) => readFileSync(path, 'utf8'))).toEqual(was);
      rows.push([
        '`tui`: columns, places and notes',
        'full disk (ENOSPC), read-only file system (EROFS)',
        'said, and the analyzer goes on; the old file',
      ]);
    } finally {
      execFileSync('umount', [disk]);
    }
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

  const at = (): string => `127.0.0.1:${server.port}`;
  it.each([
    ['call', () => [...CALL, '--target', `127.0.0.1:${agent.port}`]],
    ['query', () => ['query', 'FROM calls', capture, '-f', 'json']],
    ['replay', () => ['replay', recording, '--target', at()]],
    ['test', () => ['test', suite, '--target', at()]],
    ['export', () => ['export', capture, '-o', join(folder, 'unread')]],
    ['man', () => ['man']],
    ['completion', () => ['completion', 'bash']],
    ['tui --print-config', () => ['tui', '--print-config']],
    ['recording check', () => ['recording', 'check', recording]],
  ] as const)('%s whose output nobody reads from the start', async (name, argv) => {
    const child = spawn('sh', ['-c', '{ "$@"; echo "$?" >&3; } | true', 'sh', process.execPath, MAIN, ...argv()], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    running.push(child);
    let [err, status] = ['', ''];
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
    (child.stdio[3] as Readable).setEncoding('utf8').on('data', (text: string) => (status += text));
    await new Promise((resolve) => child.once('close', resolve));
    expect([err.match(/EPIPE|^ {4}at /m), status]).toEqual([null, '0\n']);
    rows.push([`\`${name}\``, 'its reader goes away (EPIPE)', 'ends quietly']);
  });

  it.skipIf(!root)('live whose reader goes away', async () => {
    const watching = start(['live', '-i', 'lo']);
    await watching.said('watching lo');
    await sleep(500);
    const traffic = await chatter(400);
    watching.child.stdout?.once('data', () => watching.child.stdout?.destroy());
    traffic.begin();
    const { status, signal, err } = await watching.ended;
    await traffic.stop();
    expect([status, signal, err.match(/EPIPE|^ {4}at /m)]).toEqual([0, null, null]);
    rows.push(['`live`', 'its reader goes away (EPIPE)', 'ends quietly']);
  });

  it.each([
    ['serve', ['serve', recording, '--listen', '127.0.0.1:0'], 'listening at'],
    ['serve --model', ['serve', '--model', model, '--listen', '127.0.0.1:0', '--min-level', 'none'], 'Ctrl-C ends it'],
  ] as const)('%s goes on when nobody reads what it says, and without stdin', async (name, argv, ready) => {
    const serving = start(argv, {}, 'closed');
    let said = '';
    serving.child.stderr?.on('data', (text: string) => (said += text));
    await serving.said(ready);
    serving.child.stderr?.destroy();
    const target = `127.0.0.1:${portIn(said)}`;
    // The stand-in would say that it never recorded this.
    const { status, err } = await finished([
      ...CALL,
      '--target',
      target,
      '--class',
      'SystemInformation',
      '--timeout',
      '20',
    ]);
    expect([0, 1], err).toContain(status);
    const plainly = await finished(
      name === 'serve' ? ['replay', recording, '--target', target] : [...CALL, '--target', target],
    );
    expect(plainly.status, plainly.err).toBe(0);
    serving.child.kill('SIGTERM');
    const ended = await serving.ended;
    expect([ended.status, ended.signal]).toEqual([0, null]);
    rows.push(
      [`\`${name}\``, 'its reader goes away (EPIPE)', 'goes on serving'],
      [`\`${name}\``, 'stdin is closed', 'does its work'],
    );
  });

  it.skipIf(!root)('live and record -i without stdin', async () => {
    for (const [name, argv, ready] of [
      ['live', ['live', '-i', 'lo', '-w', join(folder, 'closed-live.pcapng')], 'watching lo'],
      ['record -i', ['record', '-i', 'lo', '-o', join(folder, 'closed-live.uamgrec')], 'recording lo'],
    ] as const) {
      const watching = start(argv, {}, 'closed');
      await watching.said(ready);
      watching.child.kill('SIGTERM');
      const { status, err } = await watching.ended;
      expect([status, err.match(/^ {4}at /m)]).toEqual([0, null]);
      rows.push([`\`${name}\``, 'stdin is closed', 'does its work']);
    }
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
      ['test', 0, 'test', suite, '--target', `127.0.0.1:${server.port}`, '--junit', closed('suite.xml')],
      ['call', 0, ...CALL, '--target', `127.0.0.1:${agent.port}`, '--capture', closed('call.pcapng')],
      ['query', 0, 'query', 'FROM calls', capture, '-o', closed('parquet')],
      ['export', 0, 'export', capture, '-o', closed('lake')],
      ['decode', 0, 'decode', capture, '-w', closed('pcapng')],
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
    rows.push([
      '`record`, `replay --junit`, `diff`, `report`, `recording trim`, `test`, `call`, `query`, `export`, `decode`',
      'stdin is closed',
      'do their work',
    ]);
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
