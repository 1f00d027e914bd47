import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { Client } from '../../src/peer/client/client.js';
import { ClientError } from '../../src/peer/client/error.js';
import { knowledge } from '../../src/io/knowledge.js';
import { Tap } from '../../src/io/tap.js';
import { networkWorld } from '../../src/io/world.js';
import type { NtlmPolicy } from '../../src/security/index.js';
import type { AuthLevel, Value } from '../../src/types.js';
import { ROOT, without } from '../support/shared.js';
import { testStreams } from '../support/streams.js';
import { malformed } from './agents.js';

// Samba's RPC services over TCP: a server that others wrote. Its endpoint mapper wants port 135, so it gets an address
// of its own.
const DCERPCD = '/usr/libexec/samba/samba-dcerpcd';
const ADDRESS = '127.83.66.1';
const IDL = join(ROOT, 'test/interop/peers/samba.idl');
const PASSWORD = 'Secret-1';

function ready(): boolean {
  if (existsSync(DCERPCD) && process.getuid?.() === 0) return true;
  without('the client against Samba', `${DCERPCD} (Debian's samba), and root for port 135`);
  return false;
}

const enabled = ready();
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-samba-'));
const { registry } = knowledge({ idl: [IDL] });
let daemon: ChildProcess | null = null;

/** A Samba of its own: nothing of the machine's configuration is read or written. */
async function start(): Promise<void> {
  const dirs = ['private', 'lock', 'state', 'cache', 'pid', 'ncalrpc'].map(
    (name) => [name, join(folder, name)] as const,
  );
  for (const [, path] of dirs) mkdirSync(path);
  const config = join(folder, 'smb.conf');
  writeFileSync(
    config,
    [
      '[global]',
      'workgroup = LAB',
      'netbios name = SAMBABOX',
      'server role = standalone',
      `passdb backend = tdbsam:${join(folder, 'private/passdb.tdb')}`,
      `interfaces = ${ADDRESS}/8`,
      'bind interfaces only = yes',
      'rpc start on demand helpers = no',
      'rpc server dynamic port range = 49300-49400',
      'load printers = no',
      'disable spoolss = yes',
      `log file = ${join(folder, 'log')}`,
      ...dirs.map(
        ([name, path]) => `${name === 'private' || name === 'ncalrpc' ? `${name} dir` : `${name} directory`} = ${path}`,
      ),
    ].join('\n'),
  );
  const added = spawnSync('smbpasswd', ['-c', config, '-s', '-a', 'root'], {
    input: `${PASSWORD}\n${PASSWORD}\n`,
    encoding: 'utf8',
  });
  expect(added.stdout).toContain('Added user root');
  daemon = spawn(DCERPCD, ['-F', '--no-process-group', '--libexec-rpcds', `--configfile=${config}`], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  for (let tries = 0; !(await listens(135)); tries++) {
    expect(daemon.exitCode, 'samba-dcerpcd ended').toBeNull();
    expect(tries, 'samba-dcerpcd does not listen').toBeLessThan(150);
    await wait(100);
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: ADDRESS, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Samba signs no faults: they are believed where the policy says so. */
function clientOf(
  tap: Tap | null,
  level: AuthLevel,
  spnego: boolean,
  password = PASSWORD,
  policy: NtlmPolicy = 'legacy',
): Client {
  return new Client({
    registry,
    world: networkWorld(
      ADDRESS,
      level === 'none' ? null : { user: 'root', domain: '', password, hash: null, spnego, policy },
      tap,
    ),
    host: ADDRESS,
    port: 135,
    level,
    binding: 'early',
    timeoutMs: 20_000,
    onProblem: (call, problem) => expect([call, problem]).toEqual([]),
  });
}

/** A RRP_UNICODE_STRING ([MS-RRP] 2.2.4), its NUL included. */
function unicode(text: string): Value {
  return { Length: text.length * 2 + 2, MaximumLength: text.length * 2 + 2, Buffer: `${text}\0` };
}

const NOTHING: Value = { Length: 0, MaximumLength: 0, Buffer: null };
const MAXIMUM_ALLOWED = 0x0200_0000;
const BINARY = 3;

async function errorOf(work: Promise<unknown>): Promise<readonly [kind: string, status: number | null]> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ClientError)) throw error instanceof Error ? error : new Error('it did not fail');
  return [error.kind, error.status];
}

interface Told {
  readonly kind: string;
  readonly interface: string;
  readonly method: string | null;
  readonly auth: { readonly type: string; readonly level: string; readonly verdict: string };
  readonly fault: { readonly name: string } | null;
  readonly problems: readonly unknown[];
  readonly frames: { readonly request: readonly number[]; readonly response: readonly number[] };
}

async function decoded(capture: string): Promise<readonly Told[]> {
  const streams = testStreams();
  expect(
    await run(
      ['decode', capture, '--idl', IDL, '--password', `root:${PASSWORD}`, '--format', 'ndjson', '--strict'],
      streams,
    ),
  ).toBe(0);
  return streams
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
}

describe.skipIf(!enabled)('the client against Samba', () => {
  beforeAll(start);
  afterAll(async () => {
    if (daemon !== null && daemon.exitCode === null) {
      const ended = new Promise((resolve) => void daemon?.once('exit', resolve));
      daemon.kill();
      await ended;
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
  });

  const ways: readonly (readonly [level: AuthLevel, spnego: boolean])[] = [
    ['integrity', false],
    ['integrity', true],
    ['packet', false],
    ['privacy', false],
    ['privacy', true],
  ];
  it.each(ways)(
    'maps endpoints, calls, reads faults, and sends and takes fragments at %s (SPNEGO: %s)',
    async (level, spnego) => {
      const capture = join(folder, `${level}-${spnego}.pcapng`);
      const tap = new Tap(capture);
      const client = clientOf(tap, level, spnego);
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
      try {
        const time = await client.rpc('srvsvc', 'NetrRemoteTOD', { ServerName: null });
        expect(time.value['BufferPtr']).toMatchObject({ tod_year: new Date().getUTCFullYear() });
        expect(await errorOf(client.rpc('srvsvc', 'NobodyServesThis', { nothing: 1 }))).toEqual([
          'faulted',
          0x1c01_0002,
        ]);
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
      } finally {
        await client.close();
        tap.close();
      }
      const told = await decoded(capture);
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
      expect(new Set(guarded.map(({ auth }) => `${auth.type} ${auth.level} ${auth.verdict}`))).toEqual(
        new Set([`${spnego ? 'spnego' : 'ntlm'} ${level} ${level === 'privacy' ? 'opened' : 'good'}`]),
      );
      expect(calls.flatMap((one) => one.problems)).toEqual([]);
      expect(told.filter((one) => one.kind === 'problem')).toEqual([]);
      expect(guarded.flatMap((one) => one.fault?.name ?? [])).toEqual([
        'nca_s_op_rng_error',
        'nca_s_fault_context_mismatch',
      ]);
      expect(
        Math.min(calls.at(-2)?.frames.request.length ?? 0, calls.at(-1)?.frames.response.length ?? 0),
      ).toBeGreaterThan(6);
      expect(malformed(capture)).toBe('');
      process.stderr.write(
        `Samba at ${level}${spnego ? ' in SPNEGO' : ''}: ${calls.length} calls, all named, ${guarded.length} ${level === 'privacy' ? 'opened' : 'good'}, none malformed\n`,
      );
    },
  );

  it('calls without authentication what is served so', async () => {
    const client = clientOf(null, 'none', false);
    expect((await client.rpc('srvsvc', 'NetrRemoteTOD', { ServerName: null })).result).toBe(0);
    await client.close();
  });

  it.each([[false], [true]])(
    'is told that the password is wrong, and that the level is too low (SPNEGO: %s)',
    async (spnego) => {
      const wrong = clientOf(null, 'privacy', spnego, 'wrong');
      expect((await errorOf(wrong.rpc('srvsvc', 'NetrRemoteTOD', { ServerName: null })))[0]).toBe('denied');
      await wrong.close();
      const low = clientOf(null, 'connect', spnego);
      expect(await errorOf(low.rpc('srvsvc', 'NetrRemoteTOD', { ServerName: null }))).toEqual(['denied', 5]);
      await low.close();
    },
  );

  it('believes no fault without a signature inside a proved session, unless told to', async () => {
    const client = clientOf(null, 'integrity', false, PASSWORD, 'strict');
    expect((await client.rpc('srvsvc', 'NetrRemoteTOD', { ServerName: null })).result).toBe(0);
    expect((await errorOf(client.rpc('srvsvc', 'NobodyServesThis', { nothing: 1 })))[0]).toBe('malformed');
    await client.close();
  });

  it('is told that an interface is not served', async () => {
    const client = clientOf(null, 'integrity', false);
    expect((await errorOf(client.activate('UpdateSession')))[0]).toBe('refused');
    expect((await errorOf(client.map('IRemoteSCMActivator')))[0]).toBe('refused');
    await client.close();
  });
});
