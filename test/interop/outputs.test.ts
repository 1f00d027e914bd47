import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
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
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecording } from '../../replay/recording/format.js';
import { record, serve, type Serving } from '../../src/index.js';
import { packageRoot, without } from '../support/shared.js';

const MAIN = join(packageRoot(), 'dist', 'src', 'main.js');
const capture = join(packageRoot(), 'captures/wua-session.pcapng');
const sealed = join(packageRoot(), 'captures/sessions/impacket-privacy.pcapng');
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-outputs-'));
const recording = join(folder, 'session.uamgrec');
let server: Serving;

beforeAll(async () => {
  if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot() });
  await record(capture, recording);
  server = await serve(recording);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Takes all that is left of a disk. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    closeSync(file);
  }
}

interface Writing {
  /** The command, for its output in a folder. */
  readonly argv: (out: string) => readonly string[];
  /** Whether bytes are a whole output. */
  readonly whole: (bytes: Buffer) => boolean;
  readonly ending: string;
}

const isRecording = (bytes: Buffer): boolean => readRecording(new Uint8Array(bytes)).problems.length === 0;
const WRITERS: Readonly<Record<string, Writing>> = {
  record: { argv: (out) => ['record', capture, '-o', out, '--force'], whole: isRecording, ending: 'uamgrec' },
  'replay --update': {
    argv: (out) => ['replay', out, '--target', `127.0.0.1:${server.port}`, '--speed', 'max', '--update'],
    whole: isRecording,
    ending: 'uamgrec',
  },
  report: {
    argv: (out) => ['report', capture, '-o', out, '--force'],
    whole: (bytes) => bytes.toString('utf8').trimEnd().endsWith('</html>'),
    ending: 'html',
  },
  'decode --export-keys': {
    argv: (out) => ['decode', sealed, '--password', 'alice:secret', '--export-keys', out, '--force'],
    whole: (bytes) => bytes.toString('utf8').endsWith('\n'),
    ending: 'log',
  },
};

/** Runs a command to its end. */
async function ended(argv: readonly string[]): Promise<{ readonly status: number | null; readonly err: string }> {
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, err };
}

/** Runs a command, and kills it after a time; whether it came to that. */
async function killed(argv: readonly string[], afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: 'ignore' });
  const ended = new Promise<boolean>((resolve) => child.once('close', (_, signal) => resolve(signal === 'SIGKILL')));
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  return ended.finally(() => clearTimeout(timer));
}

describe.each(Object.entries(WRITERS))('%s', (name, { argv, whole, ending }) => {
  const out = join(folder, `${name.replaceAll(/\W/g, '')}.${ending}`);
  /** What stands there before: a recording for one that is updated, else anything. */
  const old = (): Buffer => (ending === 'uamgrec' ? readFileSync(recording) : Buffer.from('old\n'));

  it('killed at any point leaves the old file or the new one whole', async () => {
    writeFileSync(out, old());
    const began = performance.now();
    expect(await ended(argv(out))).toMatchObject({ status: 0 });
    const wholeMs = performance.now() - began;
    expect(whole(readFileSync(out))).toBe(true);
    const counts = { killed: 0, kept: 0 };
    for (let at = 0; at < 8; at++) {
      writeFileSync(out, old());
      if (await killed(argv(out), wholeMs * (0.4 + 0.08 * at))) counts.killed++;
      const bytes = readFileSync(out);
      if (bytes.equals(old())) counts.kept++;
      else expect(whole(bytes)).toBe(true);
    }
    process.stderr.write(
      `${name}: killed ${counts.killed} of 8 times, ${counts.kept} times the old file, else the new\n`,
    );
    expect(counts.killed).toBeGreaterThan(2);
    // What killed runs left is cleared away by the next.
    expect(await ended(argv(out))).toMatchObject({ status: 0 });
    expect(readdirSync(folder).filter((one) => one.endsWith('.part'))).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)('on a full disk says so, with status 2, and leaves the old file', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', disk]);
    try {
      const full = join(disk, `out.${ending}`);
      if (ending === 'uamgrec') copyFileSync(recording, full);
      else writeFileSync(full, old());
      fill(join(disk, 'rest'));
      const { status, err } = await ended(argv(full));
      expect(err).toMatch(/cannot write .*: the disk is full/);
      expect(status).toBe(2);
      expect(readFileSync(full).equals(old())).toBe(true);
      expect(readdirSync(disk).toSorted()).toEqual([`out.${ending}`, 'rest']);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

if (process.getuid?.() !== 0) without('outputs on a full disk', 'root, to mount a small one');
