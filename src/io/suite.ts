import type { ChildProcess } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Rules } from '../../replay/compare/rules.js';
import type { Played } from '../../replay/player/player.js';
import { changesIn, checkChanges } from './changes.js';
import { playRecording, type PlayOptions } from './play.js';
import { startChild } from './children.js';
import { openRecording, recordingForm } from './recordings.js';
import { folderReason } from './reason.js';
import { UsageError } from './streams.js';
import { reachable } from './world.js';

/** What one recording of a suite came to; `flaky`: it differed, and did not when it was played again. */
export type Verdict = 'passed' | 'failed' | 'flaky' | 'error';

/** The result of one recording. */
export interface SuiteResult {
  readonly path: string;
  readonly verdict: Verdict;
  /** The last run; null where there was none. */
  readonly played: Played | null;
  /** Why it could not be played; null otherwise. */
  readonly error: string | null;
  /** How often it was played. */
  readonly runs: number;
}

interface SuiteOptions extends Omit<PlayOptions, 'records' | 'host' | 'port' | 'rules'> {
  /** The server, where it runs by itself. */
  readonly target: { readonly host: string; readonly port: number } | null;
  /** A command that starts a server for each recording, and the text it says when it is there. */
  readonly server: { readonly command: string; readonly ready: string } | null;
  readonly rules: (path: string) => Promise<Rules>;
  /** Calls that change the target are made, whatever it says it is. A server of `server` is the test's own. */
  readonly allowChanges: boolean;
  /** Recordings played at once. */
  readonly jobs: number;
  /** How often a recording that differs is played again. */
  readonly retries: number;
  readonly over: (result: SuiteResult) => Promise<void>;
}

/** Time that a server may take until it is ready. */
const READY_MS = 60_000;
const OTHERWISE = 'give --allow-changes, or --read-only, or a --server of its own for each recording';
/** What is kept of what a server says. */
const MAX_SAID = 65_536;

/** Paths of the recordings in a folder and below, in their order. @throws UsageError when it cannot be read */
export async function recordingsIn(folder: string): Promise<readonly string[]> {
  const paths = await filesIn(folder, /\.(uamgrec|txt)$/i);
  const forms = await Promise.all(paths.map(recordingForm));
  return paths.filter((_, at) => forms[at] !== null).toSorted();
}

/** Endings of captures in a folder of recordings. */
export const CAPTURE = /\.(pcap|pcapng|cap)(\.(gz|zst|lz4))?$/i;

/** Paths of the captures in a folder and below, in their order. @throws UsageError when it cannot be read */
export async function capturesIn(folder: string): Promise<readonly string[]> {
  return (await filesIn(folder, CAPTURE)).toSorted();
}

async function filesIn(folder: string, named: RegExp): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new UsageError(`cannot read the folder ${folder}: ${folderReason(error)}`);
  });
  return names.filter((name) => named.test(name)).map((name) => join(folder, name));
}

/** The part of a list that one of several machines takes: `2/3` is the second third. */
export function shardOf<T>(list: readonly T[], index: number, count: number): readonly T[] {
  return list.filter((_, at) => at % count === index - 1);
}

/** Plays recordings, some at once, and resolves when all are over. */
export async function playSuite(paths: readonly string[], options: SuiteOptions): Promise<readonly SuiteResult[]> {
  const results: SuiteResult[] = [];
  const left = [...paths];
  const worker = async (): Promise<void> => {
    for (let path = left.shift(); path !== undefined; path = left.shift()) {
      const result = await playOne(path, options);
      results.push(result);
      await options.over(result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.jobs, paths.length) }, worker));
  return results.toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

async function playOne(path: string, options: SuiteOptions): Promise<SuiteResult> {
  let played: Played | null = null;
  let runs = 0;
  try {
    const { records, facts } = await openRecording(path);
    facts.check(path);
    if (options.target !== null && options.server === null && !options.allowChanges && options.readOnly !== true)
      await checkChanges(changesIn(records, options.registry), options.target, options.registry, OTHERWISE);
    const rules = await options.rules(path);
    while (runs <= options.retries && (played === null || !played.result.same)) {
      runs++;
      played = await playAgainst(options, (host, port) => playRecording({ ...options, records, rules, host, port }));
      if (played.denied !== null) return { path, verdict: 'error', played, error: played.denied.message, runs };
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { path, verdict: 'error', played, error: error.message, runs };
  }
  const same = played?.result.same === true;
  if (!same) return { path, verdict: 'failed', played, error: null, runs };
  return { path, verdict: runs > 1 ? 'flaky' : 'passed', played, error: null, runs };
}

async function playAgainst(
  { target, server }: SuiteOptions,
  play: (host: string, port: number) => Promise<readonly Played[]>,
): Promise<Played> {
  const own = server === null ? null : await startServer(server.command, server.ready);
  try {
    const at = own?.at ?? target;
    if (at === null) throw new UsageError('the server did not say where it listens: give --target HOST:PORT too');
    // A server that is not there answers nothing differently.
    await reachable(at.host, at.port);
    const [played] = await play(at.host, at.port);
    if (played === undefined) throw new UsageError('nothing was played');
    return played;
  } finally {
    own?.stop();
  }
}

/** A server that was started for one recording; `at`: where it said that it listens. */
interface Started {
  readonly at: { readonly host: string; readonly port: number } | null;
  stop(): void;
}

/** @throws UsageError when the server does not become ready */
async function startServer(command: string, ready: string): Promise<Started> {
  const child = startChild(command, [], { shell: true, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => {
        // A timer that still ran would keep the program from ending.
        clearTimeout(timer);
        reject(new UsageError(`--server: ${why}${said === '' ? '' : `: ${said.trim().slice(-500)}`}`));
      };
      const timer = setTimeout(() => fail(`it did not say "${ready}" within ${READY_MS / 1000} s`), READY_MS);
      const hear = (text: string): void => {
        said = (said + text).slice(-MAX_SAID);
        if (!lineWith(said, ready)?.endsWith('\n')) return;
        clearTimeout(timer);
        resolve();
      };
      child.stdout?.setEncoding('utf8').on('data', hear);
      child.stderr?.setEncoding('utf8').on('data', hear);
      child.once('error', (error) => fail(error.message));
      child.once('exit', (status) => fail(`it ended with status ${status ?? 'none'}`));
    });
  } catch (error) {
    stop(child);
    throw error;
  }
  const match = /(\[[0-9a-f:]+\]|[\w.-]+):(\d{1,5})\b/i.exec((lineWith(said, ready) ?? '').slice(0));
  return {
    at: match === null ? null : { host: (match[1] ?? '').replace(/[[\]]/g, ''), port: Number(match[2]) },
    stop: () => stop(child),
  };
}

/** The line that holds a text, with its end where that has come; null where there is none. */
function lineWith(said: string, text: string): string | null {
  return said.split(/(?<=\n)/).find((line) => line.includes(text)) ?? null;
}

/** Ends a server and what it started: it leads a process group of its own. */
function stop(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGTERM');
  } catch {
    // It has ended meanwhile.
  }
}
