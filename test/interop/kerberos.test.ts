import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import type { Serving } from '../../src/io/serve/agent.js';
import { read } from '../security/captures.js';
import { testStreams } from '../support/streams.js';
import { agent, malformed } from './agents.js';
import { hasKdc, Kdc, REALM, SERVICES } from './kdc.js';

const enabled = hasKdc('Kerberos against a KDC');
const kdc = new Kdc();
const late: { serving: Serving | null } = { serving: null };
const capture = join(kdc.folder, 'agent.pcapng');

async function cli(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly out: string; readonly err: string }> {
  const streams = testStreams({ env: { KRB5_CONFIG: join(kdc.folder, 'krb5.conf'), ...env } });
  const status = await run(argv, streams);
  return { status, out: streams.out(), err: streams.err() };
}

/** A call on the agent that needs a logon at integrity at least. */
function call(args: readonly string[], env?: Readonly<Record<string, string>>): ReturnType<typeof cli> {
  const target = `localhost:${late.serving?.port ?? 0}`;
  return cli(['call', '--target', target, '--kerberos', ...args, 'CreateUpdateSearcher().ClientApplicationID'], env);
}

describe.skipIf(!enabled)('Kerberos against a KDC of MIT', () => {
  beforeAll(async () => {
    await kdc.start();
    late.serving = await agent(capture, { keytab: kdc.keytab });
  }, 60_000);
  afterAll(async () => {
    await late.serving?.close();
    await kdc.stop();
  });

  const ways = ['integrity', 'privacy'].flatMap((level) => [[level, []] as const, [level, ['--spnego']] as const]);
  it.each(ways)('signs in with a password at %s (%j)', async (level, more) => {
    const { status, out, err } = await call(['--user', 'alice', '--password', 'secret', '--level', level, ...more]);
    expect([status, err]).toEqual([0, '']);
    expect(out).not.toBe('');
  });

  it.each(Object.entries(SERVICES))('signs and seals with encryption type %s', async (_, [service]) => {
    for (const level of ['integrity', 'privacy', 'packet', 'connect']) {
      const login = [
        '--user',
        `alice@${REALM}`,
        '--password',
        'secret',
        '--spn',
        service,
        '--level',
        level,
        '--spnego',
      ];
      const { status, err } = await call(login);
      expect([level, status, err]).toEqual([level, level === 'connect' || level === 'packet' ? 1 : 0, err]);
      if (status === 0) expect(err).toBe('');
    }
  });

  it('signs in with the keytab of the user, and with the tickets that kinit left', async () => {
    const keytab = join(kdc.folder, 'alice.keytab');
    expect(await call(['--user', 'alice', '--keytab', keytab])).toMatchObject({ status: 0, err: '' });
    kdc.run('kinit', ['alice'], 'secret\n');
    expect(await call([], { KRB5CCNAME: kdc.env['KRB5CCNAME'] ?? '' })).toMatchObject({ status: 0, err: '' });
  });

  it('says what is wrong: password, user, service, cache', async () => {
    const said = async (...args: readonly string[]): Promise<string> => (await call(args)).err;
    expect(await said('--user', 'alice', '--password', 'wrong')).toMatch(/KDC_ERR_PREAUTH_FAILED|does not open/);
    expect(await said('--user', 'nobody', '--password', 'x')).toContain('KDC_ERR_C_PRINCIPAL_UNKNOWN');
    expect(await said('--user', 'alice', '--password', 'secret', '--spn', 'host/nowhere')).toContain(
      'KDC_ERR_S_PRINCIPAL_UNKNOWN',
    );
    expect(await said()).toContain('run kinit');
    expect(await said('--user', 'jürgen', '--password', 'Pässwörd✓1')).toContain('access denied');
  });

  it('leaves a capture that its keytab opens, and that tshark reads', async () => {
    await late.serving?.close();
    late.serving = null;
    const { calls, findings } = await read(capture, { keytab: kdc.keytab });
    const sealed = calls.filter((one) => one.auth.level === 'privacy');
    expect(sealed.length).toBeGreaterThan(20);
    expect(new Set(sealed.map((one) => one.auth.verdict))).toEqual(new Set(['opened']));
    expect(new Set(calls.filter((one) => one.auth.level === 'integrity').map((one) => one.auth.verdict))).toEqual(
      new Set(['good']),
    );
    expect(new Set(sealed.map((one) => one.auth.user))).toEqual(new Set([`alice@${REALM}`]));
    expect(findings.filter((one) => one.severity === 'error').map((one) => one.rule)).toEqual([]);
    expect(malformed(capture)).toBe('');
  });
});
