import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { testStreams } from '../support/streams.js';
import { capturing } from './kdc.js';
import { hasSmbd, Samba, SAMBA_IDL, SAMBA_PASSWORD } from './sambas.js';

// Samba's file server and its rpcclient: RPC over named pipes between programs that others wrote, in every protocol that
// they speak, and what tshark and rpcclient say of it.
const ADDRESS = '127.83.67.9';
const enabled = hasSmbd('RPC over named pipes against Samba');
const samba = new Samba(ADDRESS, 'files');
const { folder, config } = samba;
/** The list of them comes in many fragments. */
const SHARES = Array.from(
  { length: 300 },
  (_, i) => `[share${i}]\npath = /srv/share${i}\ncomment = the share of number ${i}`,
);

interface Way {
  readonly name: string;
  readonly port: 139 | 445;
  readonly protection: 'off' | 'sign' | 'encrypt';
  readonly options: readonly string[];
  /** What the negotiation came to, as tshark shows it. */
  readonly dialect: string;
}

function only(protocol: string): readonly string[] {
  return [`client ipc max protocol=${protocol}`, `client ipc min protocol=${protocol}`];
}

const WAYS: readonly Way[] = [
  { name: 'SMB1', port: 445, protection: 'off', options: only('NT1'), dialect: '' },
  { name: 'SMB1 over NetBIOS', port: 139, protection: 'sign', options: only('NT1'), dialect: '' },
  { name: 'SMB 2.0.2', port: 445, protection: 'off', options: only('SMB2_02'), dialect: '0x0202' },
  { name: 'SMB 2.1 over NetBIOS', port: 139, protection: 'sign', options: only('SMB2_10'), dialect: '0x0210' },
  { name: 'SMB 3.0', port: 445, protection: 'sign', options: only('SMB3_00'), dialect: '0x0300' },
  { name: 'SMB 3.0 encrypted', port: 445, protection: 'encrypt', options: only('SMB3_00'), dialect: '0x0300' },
  { name: 'SMB 3.0.2 encrypted', port: 445, protection: 'encrypt', options: only('SMB3_02'), dialect: '0x0302' },
  { name: 'SMB 3.1.1', port: 445, protection: 'off', options: only('SMB3_11'), dialect: '0x0311' },
  ...['AES-128-CCM', 'AES-128-GCM', 'AES-256-CCM', 'AES-256-GCM'].map(
    (cipher): Way => ({
      name: `SMB 3.1.1 encrypted with ${cipher}`,
      port: 445,
      protection: 'encrypt',
      options: [...only('SMB3_11'), `client smb3 encryption algorithms=${cipher}`],
      dialect: '0x0311',
    }),
  ),
];

/** What rpcclient printed of commands, and the packets of it. */
async function captured(way: Way, at: number): Promise<{ readonly path: string; readonly said: string }> {
  const path = join(folder, `way-${at}.pcap`);
  const stop = await capturing(path, `tcp and host ${ADDRESS}`);
  const client = spawn(
    'rpcclient',
    [
      '-s',
      config,
      '-U',
      `root%${SAMBA_PASSWORD}`,
      `--client-protection=${way.protection}`,
      '-p',
      String(way.port),
      ...way.options.map((option) => `--option=${option}`),
      ADDRESS,
      '-c',
      'srvinfo; lookupnames root; enumdomusers; netshareenum; lsaquery',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [client.stdout, client.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
  const status = await new Promise((resolve) => void client.once('close', resolve));
  expect(status, said).toBe(0);
  await stop();
  return { path, said };
}

/** Lines of tshark, which is given the password too. */
function tshark(path: string, filter: string, ...fields: readonly string[]): readonly string[] {
  return execFileSync(
    'tshark',
    [
      '-r',
      path,
      '-o',
      `ntlmssp.nt_password:${SAMBA_PASSWORD}`,
      '-Y',
      filter,
      '-T',
      'fields',
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
    .split('\n')
    .filter((line) => line !== '');
}

interface Shown {
  readonly kind: string;
  readonly transport?: string;
  readonly method: string | null;
  readonly opnum: number;
  readonly out: { readonly [name: string]: unknown };
  readonly frames: { readonly request: readonly number[]; readonly response: readonly number[] };
  readonly pdus?: number;
  readonly stub?: { readonly response: string };
}

async function decoded(path: string, ...more: readonly string[]): Promise<readonly Shown[]> {
  const streams = testStreams();
  await run(['decode', path, '--format', 'ndjson', ...more], streams);
  return streams
    .out()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Shown);
}

describe.skipIf(!enabled)('RPC over named pipes of Samba', { timeout: 60_000 }, () => {
  beforeAll(() => samba.start(SHARES), 60_000);
  afterAll(() => samba.stop());

  it.each(WAYS.map((way, at) => [way.name, way, at] as const))('%s', async (_, way, at) => {
    const { path, said } = await captured(way, at);
    if (way.dialect !== '') expect(tshark(path, 'smb2.dialect', 'smb2.dialect').at(-1)).toBe(way.dialect);
    else expect(tshark(path, 'smb2.cmd == 5', 'frame.number')).toEqual([]);
    const records = await decoded(path, '--password', `root:${SAMBA_PASSWORD}`, '--idl', SAMBA_IDL);
    const calls = records.filter((record) => record.kind === 'call');
    // The same PDUs: as many of each kind, and requests and answers in the same frames.
    const types = tshark(path, 'dcerpc', 'dcerpc.pkt_type').flatMap((line) => line.split(','));
    expect(records.at(-1)).toMatchObject({
      kind: 'summary',
      pdus: types.length,
      calls: types.filter((type) => type === '0').length,
    });
    const requests = tshark(path, 'dcerpc.pkt_type == 0', 'frame.number', 'dcerpc.opnum').map((line) =>
      line.split('\t').map(Number),
    );
    expect(calls.map(({ frames, opnum }) => [frames.request.at(-1), opnum])).toEqual(requests);
    const answers = tshark(path, 'dcerpc.pkt_type == 2', 'frame.number').map(Number);
    const ours = calls.flatMap(({ frames }) => frames.response).toSorted((a, b) => a - b);
    expect(ours).toEqual([...new Set(answers)]);
    expect(ours.length).toBeGreaterThan(calls.length);
    // The pipes that rpcclient opened for its commands.
    expect([...new Set(calls.map(({ transport }) => transport))].toSorted()).toEqual(
      ['lsarpc', 'samr', 'srvsvc'].map((name) => `ncacn_np:\\pipe\\${name}`),
    );
    // The values that rpcclient printed.
    const told = JSON.stringify(calls);
    const version = /platform_id\s*:\s*(\d+)/.exec(said)?.[1];
    expect(version).toBeDefined();
    const shares = [...said.matchAll(/^netname: (\S+)$/gm)].map(([, name]) => name ?? '');
    expect(shares.length).toBeGreaterThanOrEqual(300);
    const bytes = calls.map(({ stub }) => stub?.response ?? '').join();
    for (const share of shares)
      expect(told.includes(`"${share}"`) || bytes.includes(Buffer.from(share, 'utf16le').toString('hex')), share).toBe(
        true,
      );
    if (way.protection !== 'encrypt') return;
    // Without the password nothing of it is known, but how much there is.
    const streams = testStreams();
    await run(['decode', path], streams);
    expect(streams.out()).toBe('');
    expect(streams.err()).toMatch(/SMB messages are encrypted \(AES-\d+-[CG]CM\) in one session, by NTLM as LAB.root/);
  });
});
