import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import type { SecretList } from '../../src/security/index.js';
import { readCredentials } from '../../src/security/kerberos/ccache.js';
import { read } from '../security/captures.js';
import { testStreams } from '../support/streams.js';
import { agent } from './agents.js';
import { capturing, hasKdc, Kdc, KDC_ADDRESS, mayCapture } from './kdc.js';

const enabled = hasKdc('a KDC over UDP') && mayCapture();
const ends: (() => Promise<void>)[] = [];

/** Lines of tshark for the frames of a filter. */
function shown(path: string, filter: string, field = 'frame.number'): readonly string[] {
  const { stdout } = spawnSync('tshark', ['-r', path, '-Y', filter, '-T', 'fields', '-e', field], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line !== '');
}

/** Sessions of our client and of MIT's with a KDC, captured: where the capture and MIT's cache lie. */
async function sessions(
  kdc: Kdc,
  config: string,
  more: readonly string[] = [],
): Promise<{ readonly path: string; readonly ccache: string }> {
  ends.push(() => kdc.stop());
  await kdc.start();
  const path = join(kdc.folder, 'whole.pcap');
  const ccache = join(kdc.folder, 'tickets');
  const own = join(kdc.folder, 'own.conf');
  writeFileSync(
    own,
    readFileSync(join(kdc.folder, 'krb5.conf'), 'utf8').replace('[libdefaults]', `[libdefaults]\n ${config}`),
  );
  const serving = await agent(join(kdc.folder, 'unused.pcapng'), { keytab: kdc.keytab });
  const { port, objectPort } = serving;
  const stop = await capturing(path, `host ${KDC_ADDRESS} or tcp port ${port} or tcp port ${objectPort}`);
  try {
    for (const args of [
      ['--user', 'alice', '--password', 'secret', ...more],
      ['--user', 'alice', '--password', 'secret', '--spnego', ...more],
    ]) {
      const streams = testStreams({ env: { KRB5_CONFIG: own } });
      const to = ['--target', `localhost:${port}`, '--kerberos', '--level', 'privacy', ...args];
      expect([await run(['call', ...to, 'CreateUpdateSearcher().Online'], streams), streams.err()]).toEqual([0, '']);
    }
    kdc.run('kinit', ['-c', ccache, 'alice'], 'secret\n');
    kdc.run('kvno', ['-c', ccache, 'host/localhost']);
    const streams = testStreams({ env: { KRB5_CONFIG: own, KRB5CCNAME: ccache } });
    const to = ['--target', `localhost:${port}`, '--kerberos', '--level', 'privacy'];
    expect([await run(['call', ...to, 'CreateUpdateSearcher().Online'], streams), streams.err()]).toEqual([0, '']);
  } finally {
    await stop();
    await serving.close();
  }
  return { path, ccache };
}

async function opened(path: string, secrets: SecretList): Promise<readonly string[]> {
  const { calls } = await read(path, secrets);
  return calls.flatMap((one) => (one.auth.level === 'privacy' ? [`${one.method} ${one.auth.verdict}`] : []));
}

describe.skipIf(!enabled)('a KDC of MIT over UDP', () => {
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  it.each([
    ['where it does not listen on TCP', '', []],
    ['where krb5.conf wants UDP', 'udp_preference_limit = 1465', []],
    ['where --kdc says so', '', ['--kdc', `udp/${KDC_ADDRESS}`]],
  ])('gives tickets %s, and its exchanges open captures', async (_, config, more) => {
    const kdc = new Kdc({ transport: 'udp' });
    const { path, ccache } = await sessions(kdc, config, more);
    expect(shown(path, 'kerberos && tcp.port == 88')).toEqual([]);
    expect(shown(path, 'kerberos && udp.port == 88').length).toBeGreaterThanOrEqual(16);
    const services = await opened(path, { keytab: kdc.keytab });
    expect(services.filter((one) => !one.endsWith('opened'))).toEqual([]);
    expect(services.length).toBeGreaterThan(8);
    expect(await opened(path, { passwords: [{ user: 'alice', password: 'secret' }] })).toEqual(services);
    const cached = await opened(path, { credentials: readCredentials(new Uint8Array(readFileSync(ccache))) });
    expect(cached.filter((one) => one.endsWith('opened')).length).toBeGreaterThan(3);
    expect(new Set(cached).size).toBeGreaterThan(new Set(services).size);
  });

  it('is asked again over TCP for what is too long for a datagram', async () => {
    const kdc = new Kdc({ transport: 'both', datagram: 400 });
    const { path } = await sessions(kdc, 'udp_preference_limit = 1465');
    // KRB_ERR_RESPONSE_TOO_BIG.
    expect(shown(path, 'udp.port == 88 && kerberos.error_code == 52').length).toBeGreaterThanOrEqual(2);
    expect(shown(path, 'tcp.port == 88 && kerberos.as_rep_element').length).toBeGreaterThanOrEqual(2);
    const services = await opened(path, { keytab: kdc.keytab });
    expect(services.filter((one) => !one.endsWith('opened'))).toEqual([]);
    expect(await opened(path, { passwords: [{ user: 'alice', password: 'secret' }] })).toEqual(services);
  });
});
