import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { connect, isObject, type Client, type RemoteObject, type RemoteValue } from '../../src/index.js';
import { packageRoot } from '../support/shared.js';

/** Who signs in. */
export const LOAD_ACCOUNT = { user: 'alice', password: 'secret' } as const;

/** How many clients come, and how many at a time. */
export interface LoadOptions {
  readonly target: string;
  readonly sessions: number;
  readonly atOnce: number;
  /** Milliseconds a call may take; the usual where it is left out. */
  readonly timeoutMs?: number;
  /** Hears how many sessions are over. */
  readonly progress?: (over: number) => void;
}

/** What came of it. */
export interface LoadResult {
  readonly seconds: number;
  readonly calls: number;
  /** Milliseconds of each session, ascending. */
  readonly sessionMs: readonly number[];
  /** One message for each session that failed. */
  readonly errors: readonly string[];
  /** Updates that every search found; more than one number when they differ. */
  readonly found: readonly number[];
}

/**
 * Clients' sessions against a server: each on connections of its own, signed in, half of them late bound, at integrity
 * and at privacy in turn.
 */
export async function load({ target, sessions, atOnce, timeoutMs, progress }: LoadOptions): Promise<LoadResult> {
  const sessionMs: number[] = [];
  const errors: string[] = [];
  const found = new Set<number>();
  let [next, calls] = [0, 0];
  const began = process.hrtime.bigint();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < sessions) {
        const number = next++;
        const client = connect({
          target,
          ...LOAD_ACCOUNT,
          level: number % 4 < 2 ? 'integrity' : 'privacy',
          binding: number % 2 === 0 ? 'early' : 'late',
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
        });
        const started = process.hrtime.bigint();
        try {
          const session = await oneSession(client);
          calls += session.calls;
          found.add(session.found);
        } catch (error) {
          errors.push(`session ${number}: ${error instanceof Error ? error.message : String(error)}`);
        }
        await client.close();
        sessionMs.push(Number(process.hrtime.bigint() - started) / 1e6);
        progress?.(sessionMs.length);
      }
    }),
  );
  return {
    seconds: Number(process.hrtime.bigint() - began) / 1e9,
    calls,
    sessionMs: sessionMs.toSorted((a, b) => a - b),
    errors,
    found: [...found],
  };
}

/** A search and a look at what it found: how many updates, and how many members were called. */
async function oneSession(client: Client): Promise<{ readonly found: number; readonly calls: number }> {
  let calls = 0;
  const use = async (
    of: RemoteObject,
    name: string,
    ...args: Parameters<RemoteObject['call']> extends readonly [string, ...infer Rest] ? Rest : never
  ): Promise<RemoteValue> => {
    calls++;
    return of.call(name, ...args);
  };
  const object = async (value: Promise<RemoteValue>): Promise<RemoteObject> => {
    const got = await value;
    if (!isObject(got)) throw new Error('an object was due');
    return got;
  };
  const session = await client.activate('UpdateSession');
  await session.put('ClientApplicationID', 'load');
  const searcher = await object(use(session, 'CreateUpdateSearcher'));
  await searcher.put('Online', false);
  const updates = await object(use(await object(use(searcher, 'Search', 'IsInstalled=0')), 'Updates'));
  const found = Number(await use(updates, 'Count'));
  for (let at = 0; at < Math.min(3, found); at++) {
    const update = await object(use(updates, 'Item', at));
    for (const name of ['Title', 'MsrcSeverity', 'LastDeploymentChangeTime', 'RebootRequired']) await use(update, name);
  }
  await client.ping();
  // Activation, two puts and the ping.
  return { found, calls: calls + 4 };
}

/**
 * Heap of the agent in MiB: with the usual one, memory that nobody has collected yet would look like memory that is
 * kept.
 */
export const AGENT_HEAP = 64;

/** A simulated update agent in a process of its own, over the sample model. */
export interface AgentProcess {
  readonly target: string;
  /** Memory it holds, in MiB. */
  rss(): number;
  /** Processor time it has taken, in seconds. */
  cpu(): number;
  /** What it told. */
  heard(): string;
  stop(): Promise<void>;
}

/** @param open calls of nobody are answered too */
export async function startAgent(heap = AGENT_HEAP, open = false): Promise<AgentProcess> {
  const root = packageRoot();
  const { user, password } = LOAD_ACCOUNT;
  const child = spawn(
    process.execPath,
    [
      `--max-old-space-size=${heap}`,
      join(root, 'dist/src/main.js'),
      'serve',
      '--model',
      join(root, 'captures/models/sample.yaml'),
      '--listen',
      '127.0.0.1:0',
      ...(open ? ['--min-level', 'none'] : []),
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, UAMGSCOPE_PASSWORD: `${user}:${password}` },
    },
  );
  let heard = '';
  const target = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the agent ended: ${heard}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
      const match = /listening at (\S+:\d+)/.exec(heard);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
  });
  const told = (what: string): number =>
    Number(spawnSync('ps', ['-o', `${what}=`, '-p', String(child.pid)], { encoding: 'utf8' }).stdout);
  return {
    target,
    rss: () => told('rss') / 1024,
    cpu: () => told('times'),
    heard: () => heard,
    async stop() {
      if (child.exitCode !== null) return;
      child.kill();
      await once(child, 'exit');
    },
  };
}
