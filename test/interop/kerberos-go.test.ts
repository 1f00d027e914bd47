import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SecretList } from '../../src/security/index.js';
import { readCredentials } from '../../src/security/kerberos/ccache.js';
import { read } from '../security/captures.js';
import { agent, goPeer, malformed, run, sample } from './agents.js';
import { capturing, hasKdc, Kdc, KDC_ADDRESS, mayCapture, REALM } from './kdc.js';

const peer = hasKdc('go-msrpc with Kerberos') && mayCapture() ? goPeer() : null;

/** go-msrpc 1.2.16 has no server's side: its RegisterServer does nothing, and its Kerberos accepts no context. */
describe.skipIf(peer === null)('go-msrpc with Kerberos', () => {
  const kdc = new Kdc();
  const ccache = join(kdc.folder, 'ccache');
  let sessions = 0;
  beforeAll(async () => {
    await kdc.start();
    process.env['KRB5_CONFIG'] = kdc.env['KRB5_CONFIG'];
  }, 60_000);
  afterAll(async () => {
    delete process.env['KRB5_CONFIG'];
    await kdc.stop();
  });

  /** Calls that a session guards, with their verdicts. */
  async function guarded(path: string, secrets: SecretList): Promise<readonly string[]> {
    const { calls } = await read(path, secrets);
    return calls.map(({ interface: of, method, auth }) => `${of}.${method} ${auth.type} ${auth.user} ${auth.verdict}`);
  }

  it.each([
    ['integrity', 'password', 'kerberos', 'good'],
    ['privacy', 'password', 'spnego', 'opened'],
    ['integrity', 'ccache', 'kerberos', 'good'],
    ['privacy', 'ccache', 'spnego', 'opened'],
  ] as const)(
    'completes a session on the agent at %s (%s), and its capture opens by any one secret',
    async (level, by, type, verdict) => {
      const [command, ...args] = peer ?? [''];
      const path = join(kdc.folder, 'go.pcap');
      const serving = await agent(join(kdc.folder, `${++sessions}.pcapng`), {
        keytab: kdc.keytab,
        names: ['localhost'],
      });
      const { port, objectPort } = serving;
      const stop = await capturing(path, `host ${KDC_ADDRESS} or tcp port ${port} or tcp port ${objectPort}`);
      // Tickets of MIT's tools for the sessions that sign in with a cache: their exchanges are in the capture, too.
      kdc.run('kinit', ['-c', ccache, 'alice'], 'secret\n');
      kdc.run('kvno', ['-c', ccache, 'host/localhost']);
      const to = ['localhost', String(port), `alice@${REALM}`, by === 'ccache' ? `FILE:${ccache}` : 'secret', level];
      const { out, err } = await run(command, [...args, ...to]).finally(() => serving.close());
      await stop();
      expect(err).toBe('');
      const told = JSON.parse(out) as { readonly result: { readonly Updates: { readonly Count: number } } };
      expect(told.result.Updates.Count).toBe(sample.updates.filter((one) => !one.installed).length);

      const services = await guarded(path, { keytab: kdc.keytab });
      const protectedCalls = services.filter((one) => !one.includes(' none '));
      expect(protectedCalls.length).toBeGreaterThan(500);
      const end = ` ${type} alice@${REALM} ${verdict}`;
      expect(protectedCalls.filter((one) => !one.endsWith(end))).toEqual([]);
      expect(await guarded(path, { passwords: [{ user: 'alice', password: 'secret' }] })).toEqual(services);
      if (by === 'ccache') {
        const credentials = readCredentials(new Uint8Array(readFileSync(ccache)));
        expect(await guarded(path, { credentials })).toEqual(services);
      }
      expect(malformed(path)).toBe('');
    },
    90_000,
  );
});
