import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { testStreams } from '../support/streams.js';
import { capturing, hasKdc, Kdc, KDC_ADDRESS, REALM, SERVICES } from './kdc.js';
import { hasSmbd, Samba, SAMBA_IDL, SAMBA_PASSWORD } from './sambas.js';

// rpcclient signs in at Samba's file server with tickets of MIT's KDC, and speaks SMB 3 that is encrypted: what opens it
// is the keytab of the service, or the password of the user, whose tickets are in the capture. tshark opens it with the
// keys that smbd tells: the same PDUs have to come out.
const ADDRESS = '127.83.67.11';
const WHAT = 'encrypted SMB with Kerberos against Samba';
const enabled = hasKdc(WHAT) && hasSmbd(WHAT);

interface Way {
  readonly name: string;
  readonly etype: keyof typeof SERVICES;
  readonly dialect: string;
  readonly options: readonly string[];
}

function only(protocol: string): readonly string[] {
  return [`client ipc max protocol=${protocol}`, `client ipc min protocol=${protocol}`];
}

function newest(cipher: string): Pick<Way, 'dialect' | 'options'> {
  return { dialect: '0x0311', options: [...only('SMB3_11'), `client smb3 encryption algorithms=${cipher}`] };
}

const WAYS: readonly Way[] = [
  { name: 'SMB 3.0', etype: 18, dialect: '0x0300', options: only('SMB3_00') },
  { name: 'SMB 3.0.2', etype: 17, dialect: '0x0302', options: only('SMB3_02') },
  { name: 'SMB 3.1.1 with AES-128-CCM', etype: 23, ...newest('AES-128-CCM') },
  { name: 'SMB 3.1.1 with AES-128-GCM', etype: 18, ...newest('AES-128-GCM') },
  { name: 'SMB 3.1.1 with AES-256-CCM', etype: 17, ...newest('AES-256-CCM') },
  { name: 'SMB 3.1.1 with AES-256-GCM', etype: 18, ...newest('AES-256-GCM') },
  { name: 'SMB 3.1.1 with AES-128-GCM, SHA-384', etype: 20, ...newest('AES-128-GCM') },
  { name: 'SMB 3.1.1 with AES-256-GCM and a short key', etype: 23, ...newest('AES-256-GCM') },
];

/** A host of its own for each kind of tickets; rpcclient is told the address of all of them. */
function hostOf(etype: Way['etype']): string {
  return `samba${etype}.contoso.test`;
}

/** What `decode` tells of a call. */
interface Told {
  readonly kind: string;
  readonly transport?: string;
  readonly method: string | null;
  readonly opnum: number;
  readonly frames: { readonly request: readonly number[]; readonly response: readonly number[] };
  readonly stub?: { readonly response: string };
  readonly pdus?: number;
}

async function decoded(path: string, secrets: readonly string[]): Promise<readonly Told[]> {
  const streams = testStreams();
  const status = await run(['decode', path, '--format', 'ndjson', '--idl', SAMBA_IDL, ...secrets], streams);
  expect(status, streams.err()).toBe(0);
  return streams
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told);
}

describe.skipIf(!enabled)('encrypted SMB 3 signed in to with Kerberos', { timeout: 60_000 }, () => {
  const kdc = new Kdc({ transport: 'both' });
  const samba = new Samba(ADDRESS, 'files');
  const keytab = join(kdc.folder, 'samba.keytab');

  beforeAll(async () => {
    const etypes = [...new Set(WAYS.map(({ etype }) => etype))];
    // A server that stands alone wants tickets without a PAC: whoever is in one belongs to a domain.
    await kdc.start([
      `addprinc -pw ${SAMBA_PASSWORD} +requires_preauth root`,
      ...etypes.flatMap((etype) => [
        `addprinc -e ${SERVICES[etype][1]}:normal -randkey +no_auth_data_required cifs/${hostOf(etype)}`,
        `ktadd -norandkey -k samba.keytab cifs/${hostOf(etype)}`,
      ]),
    ]);
    await samba.start(
      [
        `realm = ${REALM}`,
        'kerberos method = dedicated keytab',
        `dedicated keytab file = FILE:${keytab}`,
        'debug encryption = yes',
      ],
      kdc.env,
    );
  }, 60_000);
  afterAll(async () => {
    await samba.stop();
    await kdc.stop();
  });

  /** What rpcclient printed, and the packets of it and of the KDC. */
  async function captured({ name, etype, options }: Way): Promise<{ readonly path: string; readonly said: string }> {
    const path = join(samba.folder, `${name.replaceAll(' ', '-')}.pcap`);
    const stop = await capturing(path, `host ${ADDRESS} or host ${KDC_ADDRESS}`);
    const user = ['-U', `root@${REALM}%${SAMBA_PASSWORD}`, '--use-kerberos=required', '--client-protection=encrypt'];
    const how = ['-s', samba.config, '-I', ADDRESS, ...options.map((option) => `--option=${option}`)];
    const commands = ['-c', 'srvinfo; lookupnames root; enumdomusers; lsaquery'];
    const client = spawn('rpcclient', [...user, ...how, hostOf(etype), ...commands], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: kdc.env,
    });
    let said = '';
    for (const stream of [client.stdout, client.stderr])
      stream.on('data', (text: Buffer) => void (said += text.toString()));
    const status = await new Promise((resolve) => void client.once('close', resolve));
    await stop();
    expect(status, said).toBe(0);
    return { path, said };
  }

  /** A line of Wireshark's list of session keys, from what smbd last told in its log. */
  function listed(): string {
    const log = readFileSync(join(samba.folder, 'log'), 'utf8');
    const last = log.slice(log.lastIndexOf('dumping generated session keys'));
    const bytes = (name: string): string => {
      const [, dump = ''] =
        new RegExp(`${name} +((?:\\[[0-9A-F]{4}\\](?: +[0-9A-F]{2})+ .*\\n\\s*)+)`).exec(last) ?? [];
      return dump
        .split('\n')
        .map((line) => /\[[0-9A-F]{4}\]((?: {1,3}[0-9A-F]{2}){1,16})/.exec(line)?.[1] ?? '')
        .join('')
        .replaceAll(' ', '')
        .toLowerCase();
    };
    return [bytes('Session Id'), '', bytes('ServerOut Key'), bytes('ServerIn Key')].join(',');
  }

  function tshark(path: string, filter: string, fields: readonly string[], options: readonly string[]): string[][] {
    const shown = fields.flatMap((field) => ['-e', field]);
    const args = ['-r', path, ...options, '-Y', filter, '-T', 'fields', ...shown];
    const text = execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'));
  }

  it.each(WAYS.map((way) => [way.name, way] as const))('%s', async (_, way) => {
    const { path, said } = await captured(way);
    expect(tshark(path, 'smb2.dialect', ['smb2.dialect'], []).at(-1)).toEqual([way.dialect]);
    const etypes = tshark(path, 'kerberos.enc_part_element && smb2', ['kerberos.etype'], []).flat().join();
    expect(etypes.split(',')[0]).toBe(String(way.etype));
    const records = await decoded(path, ['--keytab', keytab]);
    const calls = records.filter(({ kind }) => kind === 'call');
    // The same PDUs as tshark finds with the keys of smbd.
    const keys = listed();
    const opened = ['-o', `uat:smb2_seskey_list:${keys}`];
    const types = tshark(path, 'dcerpc', ['dcerpc.pkt_type'], opened).flatMap(([text = '']) => text.split(','));
    expect(calls.length).toBe(types.filter((type) => type === '0').length);
    expect(records.at(-1)).toMatchObject({ kind: 'summary', pdus: types.length });
    expect(calls.map(({ frames, opnum }) => [frames.request.at(-1), opnum])).toEqual(
      tshark(path, 'dcerpc.pkt_type == 0', ['frame.number', 'dcerpc.opnum'], opened).map((line) => line.map(Number)),
    );
    expect(calls.flatMap(({ frames }) => frames.response)).toEqual(
      tshark(path, 'dcerpc.pkt_type == 2', ['frame.number'], opened).map(([frame]) => Number(frame)),
    );
    // What rpcclient printed.
    const answers = calls.map(({ stub }) => stub?.response ?? '').join();
    const [, rid = ''] = /user:\[root\] rid:\[(0x[\da-f]+)\]/.exec(said) ?? [];
    expect(Number(rid)).toBeGreaterThan(0);
    const little = Buffer.alloc(4);
    little.writeUInt32LE(Number(rid));
    expect(answers).toContain(little.toString('hex'));
    for (const text of ['root', 'SAMBABOX', 'LAB']) {
      expect(said).toContain(text);
      expect(answers).toContain(Buffer.from(text, 'utf16le').toString('hex'));
    }
    // Whatever opens it, the same comes out.
    const list = `${path}.list`;
    writeFileSync(list, `${keys}\n`);
    const log = `${path}.keys`;
    for (const secrets of [
      ['--password', `root:${SAMBA_PASSWORD}`, '--export-keys', log],
      ['--keys', log],
      ['--keys', list],
    ])
      expect((await decoded(path, secrets)).filter(({ kind }) => kind === 'call')).toEqual(calls);
    // What -w takes away opens by itself: with the logon, and the tickets that the password opens.
    const part = `${path}-part.pcapng`;
    const chosen = ['--where', 'method == "SamrEnumerateUsersInDomain"', '-w', part];
    const [shown] = await decoded(path, ['--keytab', keytab, ...chosen]);
    for (const secrets of [
      ['--keytab', keytab],
      ['--password', `root:${SAMBA_PASSWORD}`],
    ]) {
      const [again] = await decoded(part, secrets);
      expect([again?.method, again?.transport, again?.stub]).toEqual([shown?.method, shown?.transport, shown?.stub]);
    }
    // With another password, and without any, nothing of it is known, but how much there is.
    for (const secrets of [[], ['--password', 'root:wrong']]) {
      const streams = testStreams();
      await run(['decode', path, ...secrets], streams);
      expect(streams.out()).toBe('');
      expect(streams.err()).toMatch(/SMB messages are encrypted \(AES-\d+-[CG]CM\) in one session, by Kerberos/);
      expect(streams.err()).toMatch(
        /--keytab of the service, --ccache of the user, --password USER:… \(.*\) or --keys/,
      );
      // A password that was tried and is wrong is told as that, and as nothing else.
      expect(/\[wrong-password\]/.test(streams.err())).toBe(secrets.length > 0);
      expect(streams.err()).not.toContain('[secret-unused]');
    }
    const other = testStreams();
    await run(['decode', path, '--password', 'bob:wrong'], other);
    expect(other.err()).toContain(`--password bob: no session of bob; seen: root@${REALM} [secret-unused]`);
  });
});
