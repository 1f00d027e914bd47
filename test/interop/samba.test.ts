import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../../src/peer/client/client.js';
import { knowledge } from '../../src/io/knowledge.js';
import { Tap } from '../../src/io/tap.js';
import { networkWorld } from '../../src/io/world.js';
import type { NtlmPolicy } from '../../src/security/index.js';
import type { AuthLevel } from '../../src/types.js';
import { malformed } from './agents.js';
import { decoded, errorOf, hasSamba, Samba, SAMBA_IDL, SAMBA_PASSWORD, walk, walkChecked } from './sambas.js';

const ADDRESS = '127.83.66.1';
const PASSWORD = SAMBA_PASSWORD;

const enabled = hasSamba('the client against Samba');
const { registry } = knowledge({ idl: [SAMBA_IDL] });
const samba = new Samba(ADDRESS);
const { folder } = samba;

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

describe.skipIf(!enabled)('the client against Samba', () => {
  beforeAll(() => samba.start());
  afterAll(() => samba.stop());

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
      try {
        await walk(client);
      } finally {
        await client.close();
        tap.close();
      }
      const told = await decoded(capture, ['--password', `root:${PASSWORD}`]);
      const { calls, guarded } = walkChecked(
        told,
        `${spnego ? 'spnego' : 'ntlm'} ${level} ${level === 'privacy' ? 'opened' : 'good'}`,
      );
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
