import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { find } from '../../src/io/live/tools.js';
import { packageRoot, without } from '../support/shared.js';

const ROOT = packageRoot();
const MAIN = join(ROOT, 'dist', 'src', 'main.js');
/** The ends of a pair of interfaces of our own. */
const [NEAR, FAR] = [`ut${process.pid}a`.slice(0, 15), `ut${process.pid}b`.slice(0, 15)] as const;

/** Sends the packets of a pcap file over an interface. */
const SEND = `
import socket, struct, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[2], 0))
data = open(sys.argv[1], 'rb').read()
at = 24
while at < len(data):
    size = struct.unpack('<I', data[at + 8:at + 12])[0]
    s.send(data[at + 16:at + 16 + size])
    at += 16 + size
    time.sleep(0.002)
`;

function missing(): string | null {
  if (process.getuid?.() !== 0) return 'root';
  return ['tcpdump', 'ip', 'python3'].find((tool) => find(tool, process.env) === null) ?? null;
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
  });

  it.each(['live-qinq', 'live-pppoe', 'live-mpls', 'tunnel-vxlan', 'base'])('gives all calls: %s', async (name) => {
    const child = spawn(process.execPath, [MAIN, 'live', '-i', FAR, '--format', 'ndjson'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
    const over = new Promise((resolve) => child.once('close', resolve));
    try {
      for (let i = 0; i < 3000 && !said.err.includes('watching'); i++) await sleep(10);
      await sleep(300);
      execFileSync('python3', ['-c', SEND, join(ROOT, 'test/field', `${name}.pcap`), NEAR]);
      for (let i = 0; i < 1000 && said.out.split('"kind":"call"').length < 11; i++) await sleep(10);
    } finally {
      child.kill('SIGINT');
      await over;
    }
    expect(said.out.split('"kind":"call"').length - 1).toBe(11);
  });
});
