import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import type { Serving } from '../../src/io/serve/agent.js';
import type { SecretList } from '../../src/security/index.js';
import { readCredentials } from '../../src/security/kerberos/ccache.js';
import { readKeytab } from '../../src/security/kerberos/keytab.js';
import { read } from '../security/captures.js';
import { testStreams } from '../support/streams.js';
import { agent, impacketPeer } from './agents.js';
import { capturing, hasKdc, Kdc, KDC_ADDRESS, mayCapture, OTHER_SERVICE, REALM } from './kdc.js';

const peer = hasKdc('two realms') && mayCapture() ? impacketPeer() : null;
/** Impacket writes a KRB-CRED of a credential cache. */
const KIRBI =
  'import sys; from impacket.krb5.ccache import CCache; CCache.loadFile(sys.argv[1]).saveKirbiFile(sys.argv[2])';

/** A name server that answers every question for SRV of a name with the KDC, and everything else with nothing. */
async function nameServer(name: string, port: number): Promise<() => void> {
  const socket = createSocket('udp4');
  const labels = (text: string): Buffer =>
    Buffer.concat([...text.split('.').map((one) => Buffer.from([one.length, ...Buffer.from(one)])), Buffer.from([0])]);
  socket.on('message', (query, from) => {
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const found =
      question.subarray(0, -4).toString('latin1').toLowerCase() === labels(name.toLowerCase()).toString('latin1');
    const data = Buffer.concat([Buffer.from([0, 0, 0, 0, port >>> 8, port & 0xff]), labels(KDC_ADDRESS)]);
    const record = Buffer.concat([Buffer.from([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, data.length]), data]);
    const head = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, found ? 1 : 0, 0, 0, 0, 0]);
    socket.send(Buffer.concat([head, question, ...(found ? [record] : [])]), from.port, from.address);
  });
  await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve));
  const before = dns.getServers();
  dns.setServers([`127.0.0.1:${socket.address().port}`]);
  syncBuiltinESMExports();
  return () => {
    dns.setServers(before);
    syncBuiltinESMExports();
    socket.close();
  };
}

describe.skipIf(peer === null)('two realms that trust one another', () => {
  const kdc = new Kdc({ realms: 2 });
  const at = (name: string): string => join(kdc.folder, name);
  const late: { serving: Serving | null } = { serving: null };
  const keytabOf = (name: string): ReturnType<typeof readKeytab> => readKeytab(new Uint8Array(readFileSync(at(name))));

  beforeAll(async () => {
    await kdc.start();
    const keytab = [...kdc.keytab, ...keytabOf('other.keytab')];
    late.serving = await agent(at('agent.pcapng'), { keytab, users: new Map() });
  }, 60_000);
  afterAll(async () => {
    await late.serving?.close();
    await kdc.stop();
  });

  function call(
    config: string,
    env: Readonly<Record<string, string>>,
    ...args: readonly string[]
  ): Promise<readonly [number, string]> {
    const streams = testStreams({ env: { KRB5_CONFIG: at(config), ...env } });
    const to = [
      '--target',
      `localhost:${late.serving?.port ?? 0}`,
      '--kerberos',
      '--level',
      'privacy',
      '--spn',
      OTHER_SERVICE,
    ];
    return run(['call', ...to, ...args, 'CreateUpdateSearcher().Online'], streams).then((status) => [
      status,
      streams.err(),
    ]);
  }
  const alice = ['--user', `alice@${REALM}`, '--password', 'secret'];

  it('refer to one another, and what is captured opens by password, keytab, cache and KRB-CRED', async () => {
    const path = at('whole.pcap');
    const { port = 0, objectPort = 0 } = late.serving ?? {};
    const stop = await capturing(path, `host ${KDC_ADDRESS} or tcp port ${port} or tcp port ${objectPort}`);
    // With the ticket of MIT's client, which knows the realm of the service by krb5.conf.
    kdc.run('kinit', ['-c', at('tickets'), 'alice'], 'secret\n');
    kdc.run('kvno', ['-c', at('tickets'), '-S', 'host', OTHER_SERVICE.slice(5)]);
    const cached = await call('krb5.conf', { KRB5CCNAME: at('tickets') });
    expect(cached).toEqual([0, '']);
    expect(await call('krb5.conf', {}, ...alice)).toEqual([0, '']);
    await stop();
    const opened = async (secrets: SecretList): Promise<readonly string[]> => {
      const { calls } = await read(path, secrets);
      return calls.flatMap(({ auth, method }) =>
        auth.level === 'privacy' ? [`${method} ${auth.user} ${auth.verdict}`] : [],
      );
    };
    const services = await opened({ keytab: keytabOf('other.keytab') });
    expect(services.length).toBeGreaterThan(5);
    expect(services.filter((one) => !one.endsWith(`alice@${REALM} opened`))).toEqual([]);
    expect(await opened({ passwords: [{ user: 'alice', password: 'secret' }] })).toEqual(services);
    const credentials = readCredentials(new Uint8Array(readFileSync(at('tickets'))));
    const some = await opened({ credentials });
    expect(some.filter((one) => one.endsWith('opened')).length).toBeGreaterThan(2);
    const { status, stderr } = spawnSync(peer?.[0] ?? '', ['-c', KIRBI, at('tickets'), at('kirbi')], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    const kirbi = readCredentials(new Uint8Array(readFileSync(at('kirbi'))));
    expect(kirbi.length).toBeGreaterThan(0);
    const known = new Map(credentials.map((one) => [one.service, one.key]));
    for (const { service, key } of kirbi) expect([service, key]).toEqual([service, known.get(service)]);
    // As a user gives it: the file opens what the cache opens.
    const decoded = async (name: string): Promise<readonly string[]> => {
      const streams = testStreams();
      const status = await run(['decode', path, '--ccache', at(name)], streams);
      expect(status).toBe(0);
      return streams.out().split('\n');
    };
    const byKirbi = await decoded('kirbi');
    expect(byKirbi.filter((line) => line.includes('Online')).length).toBeGreaterThan(1);
    expect(byKirbi).toEqual(await decoded('tickets'));
    expect(await opened({ credentials: kirbi })).toEqual(some);
  });

  it('are found by SRV records of DNS', async () => {
    const close = await nameServer(`_kerberos._tcp.${REALM}`, kdc.port);
    try {
      writeFileSync(at('none.conf'), '[libdefaults]\n');
      const here = ['--spn', 'host/localhost'];
      expect(await call('none.conf', {}, ...alice, ...here)).toEqual([0, '']);
      expect(await call('none.conf', {}, '--user', 'alice@NOWHERE.TEST', '--password', 'secret', ...here)).toEqual([
        2,
        expect.stringContaining('realm NOWHERE.TEST: no KDC is known: give --kdc, or name one in krb5.conf'),
      ]);
    } finally {
      close();
    }
  });
});
