import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import { find } from '../../src/io/live/tools.js';
import { packageRoot, without } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const ROOT = packageRoot();
const MAIN = join(ROOT, 'dist', 'src', 'main.js');
/** The ends of a pair of interfaces of our own. */
const [NEAR, FAR] = [`ut${process.pid}a`.slice(0, 15), `ut${process.pid}b`.slice(0, 15)] as const;

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-tags-'));

/** Of eleven calls: the last one ends with the capture. */
const ANSWERED = 10;
/** Sends the packets of a pcap file over an interface, and each once more with one text of bytes in place of another. */
const SEND = `
import socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[2], 0))
data = open(sys.argv[1], 'rb').read()
at = 24
while at < len(data):
    size = struct.unpack('<I', data[at + 8:at + 12])[0]
    packet = data[at + 16:at + 16 + size]
    s.send(packet)
    if len(sys.argv) > 3:
        s.send(packet.replace(bytes.fromhex(sys.argv[3]), bytes.fromhex(sys.argv[4])))
    at += 16 + size
    time.sleep(0.002)
`;

function missing(): string | null {
  if (process.getuid?.() !== 0) return 'root';
  return ['tcpdump', 'ip', 'python3', 'tshark'].find((tool) => find(tool, process.env) === null) ?? null;
}

const needs = missing();
if (needs !== null) without('live capture through tags', needs);

describe.skipIf(needs !== null)('live without a filter', () => {
  beforeAll(() => {
    if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT });
    execFileSync('ip', ['link', 'add', NEAR, 'type', 'veth', 'peer', 'name', FAR]);
    for (const end of [NEAR, FAR]) execFileSync('ip', ['link', 'set', end, 'up']);
  });
  afterAll(() => {
    execFileSync('ip', ['link', 'del', NEAR]);
    rmSync(folder, { recursive: true, force: true });
  });

  /** What `live` shows and says of packets that are sent, until so many answers came. */
  async function watched(
    name: string,
    options: readonly string[],
    answered: number,
    twin: readonly string[] = [],
  ): Promise<{ readonly out: string; readonly err: string }> {
    const child = spawn(process.execPath, [MAIN, 'live', '-i', FAR, '--format', 'ndjson', ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
    const over = new Promise((resolve) => child.once('close', resolve));
    try {
      for (let i = 0; i < 3000 && !said.err.includes('watching'); i++) await sleep(10);
      await sleep(300);
      execFileSync('python3', [
        '-c',
        SEND,
        isAbsolute(name) ? name : join(ROOT, 'test/field', `${name}.pcap`),
        NEAR,
        ...twin,
      ]);
      for (let i = 0; i < 1000 && callsIn(said.out).length < answered; i++) await sleep(10);
      // The packets behind the last answer.
      await sleep(500);
    } finally {
      child.kill('SIGINT');
      await over;
    }
    return said;
  }

  it.each(['live-qinq', 'live-pppoe', 'live-mpls', 'tunnel-vxlan', 'tunnel-geneve-options', 'tunnel-gtpu', 'base'])(
    'gives all calls, and keeps their packets: %s',
    async (name) => {
      const kept = join(folder, `${name}.pcapng`);
      const { out } = await watched(name, ['-w', kept], ANSWERED);
      expect(callsIn(out)).toHaveLength(11);
      expect(callsIn(await decoded(kept))).toHaveLength(11);
    },
  );

  it.each([
    [[], 3],
    [['--host', '192.0.2.5'], 3],
    [['--session', '192.0.2.5,192.0.2.9'], 3],
    [['--host', '192.0.2.77'], 0],
    [['--session', '192.0.2.5,192.0.2.77'], 0],
  ] as const)('takes connectionless calls of both byte orders: %j', async (options, count) => {
    const path = join(folder, 'connectionless.pcap');
    execFileSync(process.env['UAMGSCOPE_PYTHON'] ?? 'python3', [
      join(ROOT, 'test/interop/peers/connectionless.py'),
      path,
    ]);
    const kept = join(folder, `connectionless-${options.join('-')}.pcapng`);
    const { out } = await watched(path, ['-w', kept, ...options], count);
    expect(callsIn(out)).toHaveLength(count);
    expect(callsIn(await decoded(kept))).toHaveLength(count);
  });

  // The client, and another one that does the same.
  const twin = ['c0000205', 'c000024d'];
  it.each([
    ['base', ['--host', '192.0.2.5'], ['192.0.2.5']],
    ['live-qinq', ['--host', '192.0.2.77'], ['192.0.2.77']],
    ['live-pppoe', ['--host', '192.0.2.9'], ['192.0.2.5', '192.0.2.77']],
    ['live-mpls', ['--session', '192.0.2.5,192.0.2.9'], ['192.0.2.5']],
    ['tunnel-vxlan', ['--session', '192.0.2.77,192.0.2.9'], ['192.0.2.77']],
    ['base', ['--host', '192.0.2.77', '--filter', 'tcp'], ['192.0.2.77']],
  ] as const)('%s: only calls and packets of what %j names', async (name, options, clients) => {
    const kept = join(folder, `${name}-${options.join('-')}.pcapng`);
    const { out, err } = await watched(name, [...options, '-w', kept], ANSWERED * clients.length, twin);
    const shown = callsIn(out);
    expect(shown).toHaveLength(11 * clients.length);
    expect([...new Set(shown.map(({ client }) => client.split(':')[0]))].toSorted()).toEqual(clients);
    // Only their packets are in the file, in which frames have the numbers that were told.
    const again = callsIn(await decoded(kept));
    expect(again.map(({ client, frames }) => [client, frames])).toEqual(
      shown.map(({ client, frames }) => [client, frames]),
    );
    const addresses = execFileSync('tshark', ['-r', kept, '-T', 'fields', '-e', 'ip.src'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(['192.0.2.5', '192.0.2.77'].filter((client) => new RegExp(`\\b${client}$`, 'm').test(addresses))).toEqual(
      clients,
    );
    expect(err).toMatch(/watching .*; only packets of 192\.0\.2\..*; filter: .+/);
    if (name === 'base' && options.length === 2) expect(err).toContain('(host 192.0.2.5)');
  });
});

interface Shown {
  readonly kind: string;
  readonly client: string;
  readonly frames: { readonly request: readonly number[]; readonly response: readonly number[] };
}

function callsIn(ndjson: string): readonly Shown[] {
  return ndjson
    .split('\n')
    .filter((line) => line.startsWith('{"kind":"call"'))
    .map((line) => JSON.parse(line) as Shown);
}

async function decoded(path: string): Promise<string> {
  const streams = testStreams();
  expect(await run(['decode', path, '--format', 'ndjson'], streams)).toBe(0);
  return streams.out();
}
