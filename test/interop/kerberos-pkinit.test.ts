import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import type { Serving } from '../../src/io/serve/agent.js';
import type { SecretList } from '../../src/security/index.js';
import { readCredentials } from '../../src/security/kerberos/ccache.js';
import { readKeytab } from '../../src/security/kerberos/keytab.js';
import { read } from '../security/captures.js';
import { testStreams } from '../support/streams.js';
import { agent } from './agents.js';
import { capturing, hasPkinit, Kdc, KDC_ADDRESS, mayCapture, REALM } from './kdc.js';

const enabled = hasPkinit('logons by certificate and armored ones') && mayCapture();
const PASSWORD: SecretList = { passwords: [{ user: 'alice', password: 'secret' }] };

describe.skipIf(!enabled)('logons that the password alone does not open', () => {
  const kdc = new Kdc({ certificates: true });
  const at = (name: string): string => join(kdc.folder, name);
  const late: { serving: Serving | null } = { serving: null };
  const keytabOf = (name: string): SecretList => ({ keytab: readKeytab(new Uint8Array(readFileSync(at(name)))) });
  const cached = (name: string): SecretList => ({
    credentials: readCredentials(new Uint8Array(readFileSync(at(name)))),
  });

  beforeAll(async () => {
    await kdc.start([
      'addprinc -randkey host/armor',
      'ktadd -norandkey -k armor.keytab host/armor',
      `ktadd -norandkey -k granting.keytab krbtgt/${REALM}`,
    ]);
    late.serving = await agent(at('agent.pcapng'), { keytab: kdc.keytab, users: new Map() });
  }, 60_000);
  afterAll(async () => {
    await late.serving?.close();
    await kdc.stop();
  });

  /** A logon of kinit's, and a session with its ticket, in a capture. */
  async function captured(
    name: string,
    option: '-X' | '-T',
    value: string,
    before: () => unknown = () => null,
  ): Promise<void> {
    const { port = 0, objectPort = 0 } = late.serving ?? {};
    const stop = await capturing(
      at(`${name}.pcap`),
      `tcp and (host ${KDC_ADDRESS} or port ${port} or port ${objectPort})`,
    );
    before();
    // Without a password kinit cannot fall back on it.
    kdc.run('kinit', ['-c', at(name), option, value, 'alice'], option === '-X' ? '' : 'secret\n');
    kdc.run('kvno', ['-c', at(name), 'host/localhost']);
    const env = { KRB5_CONFIG: at('krb5.conf'), KRB5CCNAME: at(name) };
    const streams = testStreams({ env });
    const to = ['--target', `localhost:${port}`, '--kerberos', '--level', 'privacy'];
    const status = await run(['call', ...to, 'CreateUpdateSearcher().Online'], streams);
    expect([status, streams.err()]).toEqual([0, '']);
    await stop();
  }

  /** Sealed calls with their verdicts, and what is said about the ticket. */
  async function opened(
    name: string,
    secrets: SecretList,
  ): Promise<{ readonly calls: readonly string[]; readonly told: string }> {
    const { calls, findings } = await read(at(`${name}.pcap`), secrets);
    return {
      calls: calls.flatMap((one) =>
        one.auth.level === 'privacy' ? [`${one.method} ${one.auth.user} ${one.auth.verdict}`] : [],
      ),
      told: findings
        .filter((one) => /ticket|password|key/.test(one.rule))
        .map((one) => `${one.rule}: ${one.message}`)
        .join('\n'),
    };
  }
  const verdicts = (calls: readonly string[]): Set<string> => new Set(calls.map((one) => one.split(' ').at(-1) ?? ''));

  it('names PKINIT, and opens what follows by the keytab of the service, that of the KDC, and the cache', async () => {
    await captured('certified', '-X', `X509_user_identity=FILE:${at('alice.pem')}`);
    const closed = await opened('certified', PASSWORD);
    expect(closed.calls.length).toBeGreaterThan(3);
    expect(verdicts(closed.calls)).toEqual(new Set(['sealed']));
    expect(closed.told).toMatch(
      new RegExp(`^ticket-closed: .* alice@${REALM} logged on with a certificate \\(PKINIT, frame \\d+\\)`),
    );
    const byService = await opened('certified', { keytab: kdc.keytab });
    expect(verdicts(byService.calls)).toEqual(new Set(['opened']));
    expect(await opened('certified', cached('certified'))).toEqual(byService);
    expect(await opened('certified', keytabOf('granting.keytab'))).toEqual(byService);
  });

  it('names FAST, and opens it with the armor and the password, and without either', async () => {
    kdc.run('kinit', ['-c', at('armor'), '-k', '-t', at('armor.keytab'), 'host/armor']);
    await captured('armored', '-T', at('armor'));
    const closed = await opened('armored', PASSWORD);
    expect(verdicts(closed.calls)).toEqual(new Set(['sealed']));
    expect(closed.told).toMatch(/^ticket-closed: .* the exchange in frame \d+ is armored \(FAST\)/);
    const byService = await opened('armored', { keytab: kdc.keytab });
    expect(byService.calls.length).toBe(closed.calls.length);
    expect(verdicts(byService.calls)).toEqual(new Set(['opened']));
    for (const secrets of [
      cached('armored'),
      keytabOf('granting.keytab'),
      { ...cached('armor'), ...PASSWORD },
      { ...keytabOf('granting.keytab'), ...PASSWORD },
    ])
      expect(await opened('armored', secrets)).toEqual(byService);
    // Through the armor it is known whose password it is not.
    const wrong = await opened('armored', { ...cached('armor'), passwords: [{ user: 'alice', password: 'other' }] });
    expect(verdicts(wrong.calls)).toEqual(new Set(['sealed']));
    expect(wrong.told).toMatch(/^wrong-password: .* do not open its AS-REP/);
  });

  it('opens what is armored by a ticket that was given out in the capture', async () => {
    const armor = (): unknown => kdc.run('kinit', ['-c', at('armor'), '-k', '-t', at('armor.keytab'), 'host/armor']);
    await captured('both', '-T', at('armor'), armor);
    const secrets = { ...keytabOf('armor.keytab'), ...PASSWORD };
    const { calls, told } = await opened('both', secrets);
    expect([verdicts(calls), told]).toEqual([new Set(['opened']), '']);
  });
});
