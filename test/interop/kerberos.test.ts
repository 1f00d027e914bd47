import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { connect, kerberosTicket } from '../../src/index.js';
import type { Serving } from '../../src/io/serve/agent.js';
import { read } from '../security/captures.js';
import { readCredentials } from '../../src/security/kerberos/ccache.js';
import { readKeytab } from '../../src/security/kerberos/keytab.js';
import type { SecretList } from '../../src/security/index.js';
import { testStreams } from '../support/streams.js';
import { agent, impacketPeer, malformed, run as runPeer } from './agents.js';
import { capturing, hasKdc, Kdc, KDC_ADDRESS, mayCapture, meetsKdc, REALM, SERVICES } from './kdc.js';

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

  it('signs in from the library', async () => {
    const target = `localhost:${late.serving?.port ?? 0}`;
    const kdcPlace = `${KDC_ADDRESS}:${kdc.port}`;
    const ticket = await kerberosTicket({ target, user: 'alice', realm: REALM, password: 'secret', kdc: kdcPlace });
    const client = connect({ target, ticket, level: 'privacy', spnego: true });
    const session = await client.activate('UpdateSession');
    expect(await session.get('ClientApplicationID')).not.toBeNull();
    await client.close();
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

  it('says that the clock is off, and by how much, as the KDC and the server tell it', async () => {
    kdc.run('kinit', ['alice'], 'secret\n');
    kdc.run('kvno', ['host/localhost']);
    const path = join(kdc.folder, 'skewed.pcapng');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
    try {
      const byKdc = (await call(['--user', 'alice', '--password', 'secret'])).err;
      expect(byKdc).toMatch(/KRB_AP_ERR_SKEW.*: its clock is 3[56]\d\d s ahead of ours/);
      // The agent has the clock of this process: for it the ticket is of tomorrow.
      const late = await call(['--capture', path], { KRB5CCNAME: kdc.env['KRB5CCNAME'] ?? '' });
      expect(late.err).toContain('KRB_AP_ERR_TKT_NYV (the ticket is not valid yet: compare the clocks)');
    } finally {
      vi.useRealTimers();
    }
    const { findings } = await read(path, {});
    expect(findings.map((one) => one.message).join('\n')).toContain('Kerberos error 33, KRB_AP_ERR_TKT_NYV');
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
    // Two that were refused above: a user who is not named, and a clock that is off.
    const errors = findings.filter((one) => one.severity === 'error');
    expect(errors.map((one) => one.rule)).toEqual(['logon-refused', 'logon-refused']);
    expect(malformed(capture)).toBe('');
  });
});

const peer = impacketPeer();

describe.skipIf(!enabled || peer === null || !mayCapture())('impacket with Kerberos', () => {
  const own = new Kdc();
  beforeAll(() => own.start(), 60_000);
  afterAll(() => own.stop());

  it.each(['integrity', 'privacy'])(
    'completes a search on the agent at %s, and its session opens',
    async (level) => {
      const [command, ...args] = peer ?? [''];
      const path = join(own.folder, `${level}.pcapng`);
      const serving = await agent(path, { keytab: own.keytab, names: ['localhost'] });
      const to = ['localhost', String(serving.port), 'alice', '', level, `kdc=${KDC_ADDRESS}`, 'ping'];
      // Its own AS exchange does not read what MIT's KDC answers: kinit's and kvno's tickets are what `-k` takes.
      own.run('kinit', ['alice'], 'secret\n');
      own.run('kvno', ['host/localhost']);
      process.env['KRB5CCNAME'] = own.env['KRB5CCNAME']?.replace('FILE:', '');
      const { out, err } = await runPeer(command, [...args, ...to]).finally(() => serving.close());
      delete process.env['KRB5CCNAME'];
      expect([err, JSON.parse(out === '' ? '{}' : out)]).toMatchObject(['', { code: 2, online: true, selection: 2 }]);
      const { calls } = await read(path, { keytab: own.keytab });
      // Objects are called at privacy either way.
      const guarded = calls.filter((one) => ['integrity', 'privacy'].includes(one.auth.level));
      expect(guarded.length).toBeGreaterThan(20);
      expect(guarded.some((one) => one.auth.level === level)).toBe(true);
      expect(guarded.filter((one) => one.auth.verdict !== (one.auth.level === 'privacy' ? 'opened' : 'good'))).toEqual(
        [],
      );
      expect(new Set(guarded.map((one) => one.auth.user))).toEqual(new Set([`alice@${REALM}`]));
      expect(malformed(path)).toBe('');
    },
    90_000,
  );
});

describe.skipIf(!enabled || !mayCapture())('a capture of Kerberos sessions and their KDC', () => {
  const whole = new Kdc();
  const path = join(whole.folder, 'whole.pcap');
  const ccache = join(whole.folder, 'tickets');
  const serving: { agent: Serving | null } = { agent: null };

  beforeAll(async () => {
    await whole.start();
    serving.agent = await agent(join(whole.folder, 'unused.pcapng'), { keytab: whole.keytab });
    const { port, objectPort } = serving.agent;
    const stop = await capturing(path, `tcp and (host ${KDC_ADDRESS} or port ${port} or port ${objectPort})`);
    whole.run('kinit', ['-c', ccache, 'alice'], 'secret\n');
    const signedIn = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> => {
      const streams = testStreams({ env: { KRB5_CONFIG: join(whole.folder, 'krb5.conf'), ...env } });
      const argv = [
        'call',
        '--target',
        `localhost:${port}`,
        '--kerberos',
        '--level',
        'privacy',
        ...args,
        'CreateUpdateSearcher().Online',
      ];
      expect([await run(argv, streams), streams.err()]).toEqual([0, '']);
    };
    for (const [service] of Object.values(SERVICES))
      await signedIn(['--user', 'alice', '--password', 'secret', '--spn', service, '--spnego']);
    // MIT's own client, whose ticket stays in the cache.
    whole.run('kvno', ['-c', ccache, 'host/localhost']);
    await signedIn([], { KRB5CCNAME: ccache });
    await stop();
  }, 60_000);
  afterAll(async () => {
    await serving.agent?.close();
    await whole.stop();
  });

  /** What opens: verdicts of sealed calls with their methods; and the findings about tickets. */
  async function opened(
    secrets: SecretList,
  ): Promise<{ readonly calls: readonly string[]; readonly told: readonly string[] }> {
    const { calls, findings } = await read(path, secrets);
    return {
      calls: calls.flatMap((one) => (one.auth.level === 'privacy' ? [`${one.method} ${one.auth.verdict}`] : [])),
      told: findings.filter((one) => /ticket|password|key/.test(one.rule)).map((one) => `${one.rule}: ${one.message}`),
    };
  }
  const count = (calls: readonly string[]): number => calls.filter((one) => one.endsWith('opened')).length;

  it("opens with the user's password alone, her keytab alone, and the services' keytab alone: the same calls", async () => {
    const services = await opened({ keytab: whole.keytab });
    expect(services.calls.length).toBeGreaterThan(20);
    expect(count(services.calls)).toBe(services.calls.length);
    const hers = readKeytab(new Uint8Array(readFileSync(join(whole.folder, 'alice.keytab'))));
    for (const secrets of [
      { passwords: [{ user: 'alice', password: 'secret' }] },
      { passwords: [{ user: `alice@${REALM}`, password: 'secret' }] },
      { passwords: [{ user: null, password: 'secret' }] },
      { keytab: hers },
    ]) {
      // The ticket that kvno got was asked for in an exchange that armors itself (FAST).
      expect(await opened(secrets)).toEqual(services);
    }
  });

  it('opens with the credential cache what was made with its tickets, and says what is missing for the others', async () => {
    const { calls, told } = await opened({ credentials: readCredentials(new Uint8Array(readFileSync(ccache))) });
    expect(count(calls)).toBeGreaterThan(3);
    expect(count(calls)).toBeLessThan(calls.length);
    expect(told[0]).toMatch(
      /no secret of alice@CONTOSO\.TEST was given, whose AS-REP is in frame \d+: give that user's password/,
    );
  });

  it('says that a password is wrong, and that exchanges are missing', async () => {
    const wrong = await opened({ passwords: [{ user: 'alice', password: 'other' }] });
    expect(count(wrong.calls)).toBe(0);
    const session =
      /^wrong-password: the Kerberos session of frame \d+ stays closed: the secrets given for alice@CONTOSO\.TEST do not open its AS-REP \(frame \d+\)/;
    expect(wrong.told.length).toBeGreaterThan(1);
    expect(wrong.told.filter((one) => !session.test(one))).toEqual([]);
    const { calls, findings } = await read(
      path,
      { passwords: [{ user: 'alice', password: 'secret' }] },
      (frame) => frame,
      (frame) => !meetsKdc(frame.block.u8.subarray(frame.start, frame.end)),
    );
    expect(calls.some((one) => one.auth.verdict === 'opened')).toBe(false);
    expect(findings.map((one) => one.message).join('\n')).toMatch(
      /TGS exchange for host\/localhost is not in the capture: give the service's keytab/,
    );
  });

  it('opens with the key log of what a password opened', async () => {
    const { security } = await read(path, { passwords: [{ user: 'alice', password: 'secret' }] });
    const { calls } = await opened({ sessionKeys: security.sessionKeys });
    expect(count(calls)).toBe(calls.length);
  });
});
