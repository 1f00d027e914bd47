import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kerberosTicket } from '../../src/index.js';
import { knowledge } from '../../src/io/knowledge.js';
import { Tap } from '../../src/io/tap.js';
import { networkWorld } from '../../src/io/world.js';
import { Client } from '../../src/peer/client/client.js';
import type { AuthLevel } from '../../src/types.js';
import { malformed } from './agents.js';
import { hasKdc, Kdc, KDC_ADDRESS, REALM, SERVICES } from './kdc.js';
import { decoded, hasSamba, Samba, SAMBA_IDL, SAMBA_PASSWORD, walk, walkChecked } from './sambas.js';

const ADDRESS = '127.83.66.2';
const enabled = hasKdc('Kerberos against Samba') && hasSamba('Kerberos against Samba');
const { registry } = knowledge({ idl: [SAMBA_IDL] });

describe.skipIf(!enabled)('the client with Kerberos against Samba', () => {
  const kdc = new Kdc();
  const samba = new Samba(ADDRESS);
  const keytab = join(kdc.folder, 'samba.keytab');
  const kinds = Object.entries(SERVICES).map(([etype, [, name]]) => [`host/samba${etype}`, name] as const);

  beforeAll(async () => {
    // A server that stands alone wants tickets without a PAC: whoever is in one belongs to a domain.
    await kdc.start([
      `addprinc -pw ${SAMBA_PASSWORD} +requires_preauth root`,
      ...kinds.flatMap(([name, etype]) => [
        `addprinc -e ${etype}:normal -randkey +no_auth_data_required ${name}`,
        `ktadd -norandkey -k samba.keytab ${name}`,
      ]),
    ]);
    await samba.start(
      [`realm = ${REALM}`, 'kerberos method = dedicated keytab', `dedicated keytab file = FILE:${keytab}`],
      kdc.env,
    );
  });
  afterAll(async () => {
    await samba.stop();
    await kdc.stop();
  });

  async function clientOf(service: string, level: AuthLevel, spnego: boolean, tap: Tap | null = null): Promise<Client> {
    const ticket = await kerberosTicket({
      target: ADDRESS,
      user: 'root',
      realm: REALM,
      password: SAMBA_PASSWORD,
      kdc: `${KDC_ADDRESS}:${kdc.port}`,
      spn: service,
    });
    const who = { user: 'root', domain: REALM, password: null, hash: null, ticket };
    return new Client({
      registry,
      // Samba signs no faults.
      world: networkWorld(ADDRESS, { ...who, spnego, policy: 'legacy' }, tap),
      host: ADDRESS,
      port: 135,
      level,
      binding: 'early',
      timeoutMs: 20_000,
      onProblem: (call, problem) => expect([call, problem]).toEqual([]),
    });
  }

  const ways = kinds.flatMap(([service, etype]) =>
    (['integrity', 'privacy'] as const).flatMap((level) =>
      [false, true].map((spnego) => [service, level, spnego, etype] as const),
    ),
  );
  it.each(ways)('calls %s, reads faults, and sends and takes fragments at %s (SPNEGO: %s; %s)', async (...way) => {
    const [service, level, spnego] = way;
    const capture = join(samba.folder, `${service.slice(5)}-${level}-${spnego}.pcapng`);
    const tap = new Tap(capture);
    const client = await clientOf(service, level, spnego, tap);
    try {
      await walk(client);
    } finally {
      await client.close();
      tap.close();
    }
    const verdict = level === 'privacy' ? 'opened' : 'good';
    const told = await decoded(capture, ['--keytab', keytab]);
    walkChecked(told, `${spnego ? 'spnego' : 'kerberos'} ${level} ${verdict}`);
    expect(malformed(capture)).toBe('');
  });

  it('is refused with a ticket of a service that Samba has no key of', async () => {
    const client = await clientOf('host/localhost', 'integrity', false);
    await expect(client.rpc('srvsvc', 'NetrRemoteTOD', { ServerName: null })).rejects.toThrow(
      'the server refused the bind (reason not specified)',
    );
    await client.close();
  });
});
