import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'vitest';
import { run } from '../../src/cli/cli.js';
import type { Client } from '../../src/peer/client/client.js';
import { ClientError } from '../../src/peer/client/error.js';
import type { Value } from '../../src/types.js';
import { ROOT, without } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const DCERPCD = '/usr/libexec/samba/samba-dcerpcd';
const SMBD = '/usr/sbin/smbd';
/** Interfaces of its services, in MIDL. */
export const SAMBA_IDL = join(ROOT, 'test/interop/peers/samba.idl');
/** Of its only user, root. */
export const SAMBA_PASSWORD = 'Secret-1';

export function hasSamba(what: string): boolean {
  if (existsSync(DCERPCD) && process.getuid?.() === 0) return true;
  without(what, `${DCERPCD} (Debian's samba), and root for port 135`);
  return false;
}

export function hasSmbd(what: string): boolean {
  if (existsSync(SMBD) && existsSync('/usr/bin/rpcclient') && process.getuid?.() === 0) return true;
  without(what, `${SMBD} and rpcclient (Debian's samba), and root for port 445`);
  return false;
}

/** What a Samba serves: RPC over TCP, or files, with RPC over named pipes. */
const SERVES = {
  rpc: {
    port: 135,
    command: [DCERPCD, '-F', '--no-process-group', '--libexec-rpcds'],
    lines: ['rpc start on demand helpers = no', 'rpc server dynamic port range = 49300-49400'],
  },
  files: { port: 445, command: [SMBD, '-F'], lines: ['smb ports = 445 139', 'server min protocol = NT1'] },
} as const;

/**
 * Samba, a server that others wrote: one of its own, which reads and writes nothing of the machine's configuration. The
 * ports that it wants are fixed, so it gets an address of its own.
 */
export class Samba {
  readonly folder = mkdtempSync(join(tmpdir(), 'uamgscope-samba-'));
  readonly config = join(this.folder, 'smb.conf');
  private readonly address: string;
  private readonly serves: (typeof SERVES)[keyof typeof SERVES];
  private daemon: ChildProcess | null = null;

  constructor(address: string, serves: keyof typeof SERVES = 'rpc') {
    this.address = address;
    this.serves = SERVES[serves];
  }

  /** With further lines of smb.conf, and variables for MIT's Kerberos. */
  async start(lines: readonly string[] = [], env: NodeJS.ProcessEnv = process.env): Promise<void> {
    const { folder, config, serves } = this;
    const dirs = ['private', 'lock', 'state', 'cache', 'pid', 'ncalrpc'].map(
      (name) => [name, join(folder, name)] as const,
    );
    for (const [, path] of dirs) mkdirSync(path);
    writeFileSync(
      config,
      [
        '[global]',
        'workgroup = LAB',
        'netbios name = SAMBABOX',
        'server role = standalone',
        `passdb backend = tdbsam:${join(folder, 'private/passdb.tdb')}`,
        `interfaces = ${this.address}/8`,
        'bind interfaces only = yes',
        ...serves.lines,
        'load printers = no',
        'disable spoolss = yes',
        `log file = ${join(folder, 'log')}`,
        ...dirs.map(
          ([name, path]) =>
            `${name === 'private' || name === 'ncalrpc' ? `${name} dir` : `${name} directory`} = ${path}`,
        ),
        ...lines,
      ].join('\n'),
    );
    const added = spawnSync('smbpasswd', ['-c', config, '-s', '-a', 'root'], {
      input: `${SAMBA_PASSWORD}\n${SAMBA_PASSWORD}\n`,
      encoding: 'utf8',
      env,
    });
    if (!added.stdout.includes('Added user root')) throw new Error(`smbpasswd: ${added.stdout}${added.stderr}`);
    const [command, ...args] = serves.command;
    // A process group of its own: at its end it ends all of it.
    const daemon = spawn(command, [...args, `--configfile=${config}`], { stdio: 'ignore', env });
    this.daemon = daemon;
    for (let tries = 0; !(await this.listens()); tries++) {
      if (daemon.exitCode !== null) throw new Error(`${command} ended`);
      if (tries > 150) throw new Error(`${command} does not listen`);
      await wait(100);
    }
  }

  async stop(): Promise<void> {
    const { daemon } = this;
    if (daemon !== null && daemon.exitCode === null) {
      const ended = new Promise((resolve) => void daemon.once('exit', resolve));
      daemon.kill();
      await ended;
    }
    // smbd leaves the services behind that it started on demand.
    const pid = join(this.folder, 'pid/samba-dcerpcd.pid');
    if (this.serves === SERVES.files && existsSync(pid)) {
      process.kill(Number(readFileSync(pid, 'utf8')));
      await wait(500);
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20 });
  }

  private listens(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ host: this.address, port: this.serves.port });
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  }
}

/** A RRP_UNICODE_STRING ([MS-RRP] 2.2.4), its NUL included. */
function unicode(text: string): Value {
  return { Length: text.length * 2 + 2, MaximumLength: text.length * 2 + 2, Buffer: `${text}\0` };
}

const NOTHING: Value = { Length: 0, MaximumLength: 0, Buffer: null };
const MAXIMUM_ALLOWED = 0x0200_0000;
const BINARY = 3;

/** How a call failed. */
export async function errorOf(work: Promise<unknown>): Promise<readonly [kind: string, status: number | null]> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ClientError)) throw error instanceof Error ? error : new Error('it did not fail');
  return [error.kind, error.status];
}

/** What `decode` tells of one call. */
export interface Told {
  readonly kind: string;
  readonly interface: string;
  readonly method: string | null;
  readonly auth: { readonly type: string; readonly level: string; readonly verdict: string };
  readonly fault: { readonly name: string } | null;
  readonly problems: readonly unknown[];
  readonly frames: { readonly request: readonly number[]; readonly response: readonly number[] };
}

/** Calls of a capture, as `decode` tells them with secrets that open it. */
export async function decoded(capture: string, secrets: readonly string[]): Promise<readonly Told[]> {
  const streams = testStreams();
  expect(
    await run(['decode', capture, '--idl', SAMBA_IDL, ...secrets, '--format', 'ndjson', '--strict'], streams),
  ).toBe(0);
  return streams
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
}

/** Calls and faults, longer than several fragments both ways. */
export async function walk(client: Client): Promise<void> {
  const called = async (
    method: string,
    params: Parameters<Client['rpc']>[2],
  ): Promise<Awaited<ReturnType<Client['rpc']>>['value']> => {
    const { value, result } = await client.rpc('winreg', method, params);
    expect([method, result]).toEqual([method, 0]);
    return value;
  };
  // Longer than several fragments, and unlike itself from one to the next.
  const data = Uint8Array.from({ length: 40_000 }, (_, at) => (at * 7 + (at >>> 8)) & 0xff);
  const time = await client.rpc('srvsvc', 'NetrRemoteTOD', { ServerName: null });
  expect(time.value['BufferPtr']).toMatchObject({ tod_year: new Date().getUTCFullYear() });
  expect(await errorOf(client.rpc('srvsvc', 'NobodyServesThis', { nothing: 1 }))).toEqual(['faulted', 0x1c01_0002]);
  expect(
    await errorOf(
      client.rpc('winreg', 'BaseRegCloseKey', {
        hKey: { attributes: 0, uuid: '11111111-2222-3333-4444-555555555555' },
      }),
    ),
  ).toEqual(['faulted', 0x1c00_001a]);
  const { phKey } = await called('OpenLocalMachine', { ServerName: null, samDesired: MAXIMUM_ALLOWED });
  const { phkResult } = await called('BaseRegCreateKey', {
    hKey: phKey ?? null,
    lpSubKey: unicode('SOFTWARE\\Перевірка'),
    lpClass: NOTHING,
    dwOptions: 0,
    samDesired: MAXIMUM_ALLOWED,
    lpSecurityAttributes: null,
    lpdwDisposition: null,
  });
  await called('BaseRegSetValue', {
    hKey: phkResult ?? null,
    lpValueName: unicode('big'),
    dwType: BINARY,
    lpData: data,
    cbData: data.length,
  });
  const { lpData } = await called('BaseRegQueryValue', {
    hKey: phkResult ?? null,
    lpValueName: unicode('big'),
    lpType: 0,
    lpData: new Uint8Array(data.length),
    lpcbData: data.length,
    lpcbLen: data.length,
  });
  expect(Buffer.compare(lpData as Uint8Array, data)).toBe(0);
}

/** Holds what was decoded of {@link walk} to what was done: `how` is the mechanism, level and verdict of its calls. */
export function walkChecked(
  told: readonly Told[],
  how: string,
): { readonly calls: readonly Told[]; readonly guarded: readonly Told[] } {
  const calls = told.filter((one) => one.kind === 'call');
  expect(calls.map((one) => one.method)).toEqual([
    'ept_map',
    'NetrRemoteTOD',
    'NobodyServesThis',
    'ept_map',
    'BaseRegCloseKey',
    'OpenLocalMachine',
    'BaseRegCreateKey',
    'BaseRegSetValue',
    'BaseRegQueryValue',
  ]);
  const guarded = calls.filter((one) => one.interface !== 'ept');
  expect(new Set(guarded.map(({ auth }) => `${auth.type} ${auth.level} ${auth.verdict}`))).toEqual(new Set([how]));
  expect(calls.flatMap((one) => one.problems)).toEqual([]);
  expect(told.filter((one) => one.kind === 'problem')).toEqual([]);
  expect(guarded.flatMap((one) => one.fault?.name ?? [])).toEqual([
    'nca_s_op_rng_error',
    'nca_s_fault_context_mismatch',
  ]);
  expect(Math.min(calls.at(-2)?.frames.request.length ?? 0, calls.at(-1)?.frames.response.length ?? 0)).toBeGreaterThan(
    6,
  );
  return { calls, guarded };
}
