import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Model } from '../../replay/agent/model.js';
import { knowledge } from '../../src/io/knowledge.js';
import { loadModel, serve, type Serving } from '../../src/io/serve/agent.js';
import { ntHash, type NtlmPolicy } from '../../src/security/index.js';
import type { KeytabEntry } from '../../src/security/kerberos/keytab.js';
import { ROOT, without } from '../support/shared.js';

/** What the agents here let in. */
export const USER = { user: 'alice', password: 'secret' } as const;
export const sample = loadModel(join(ROOT, 'captures/models/sample.yaml'));

/** The simulated update agent on free ports of the loopback, or on given ones. */
export async function agent(
  capture: string,
  ports: {
    readonly port?: number;
    readonly objectPort?: number;
    readonly host?: string;
    readonly keytab?: readonly KeytabEntry[];
    /** Whose passwords are known; alice's unless told. */
    readonly users?: ReadonlyMap<string, { readonly hash: Uint8Array }>;
    readonly policy?: NtlmPolicy | null;
    readonly names?: readonly string[];
  } = {},
  model: Model = sample,
): Promise<Serving> {
  return serve({
    registry: knowledge().registry,
    model,
    host: ports.host ?? '127.0.0.1',
    port: ports.port ?? 0,
    objectPort: ports.objectPort ?? 0,
    names: ports.names ?? [],
    keytab: ports.keytab ?? [],
    users: ports.users ?? new Map([[USER.user, { hash: ntHash(USER.password) }]]),
    policy: ports.policy === undefined ? 'strict' : ports.policy,
    minLevel: 5,
    capture,
  });
}

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, or for a minute. */
export function run(command: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, out, err }));
  });
}

/**
 * A client that others wrote: what to run before host, port, user, password and level; null, with a word, where it is
 * not there.
 */
export type Peer = readonly [string, ...string[]] | null;

export function impacketPeer(): Peer {
  const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';
  if (
    spawnSync(python, ['-c', 'import impacket.dcerpc.v5.dcom.oaut'], { stdio: 'ignore', timeout: 120_000 }).status === 0
  )
    return [python, join(ROOT, 'test/interop/peers/agent_client.py')];
  without('the update agent against impacket', 'Python with test/interop/peers/requirements.txt');
  return null;
}

/** scapy's DCOM client, which wants its object resolver on port 135: to listen there takes a right of its own. */
export function scapyPeer(): Peer {
  const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';
  const wanted = 'import scapy.layers.msrpce.msdcom, msrpcs.ms_uamg';
  if (spawnSync(python, ['-c', wanted], { stdio: 'ignore', timeout: 120_000 }).status === 0 && process.getuid?.() === 0)
    return [python, join(ROOT, 'test/interop/peers/scapy_client.py')];
  without("the update agent against scapy's DCOM client", 'root, and Python with test/interop/peers/requirements.txt');
  return null;
}

/** The program of test/interop/peers/go: UAMGSCOPE_GO_PEER, or built now, which takes minutes the first time. */
export function goPeer(): Peer {
  const built = process.env['UAMGSCOPE_GO_PEER'];
  if (built !== undefined) return [built];
  const out = join(mkdtempSync(join(tmpdir(), 'uamgscope-go-')), 'peer');
  const build = spawnSync('go', ['build', '-o', out, '.'], {
    cwd: join(ROOT, 'test/interop/peers/go'),
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (build.status === 0) return [out];
  without(
    'the update agent against go-msrpc',
    `Go 1.24 or newer, and the modules of test/interop/peers/go${build.error === undefined ? `: ${build.stderr}` : ''}`,
  );
  return null;
}

/** Frames of DCE-RPC or Kerberos that tshark calls malformed; by its port it takes one now and then for something else. */
export function malformed(capture: string): string {
  const { error, status, stdout, stderr } = spawnSync(
    'tshark',
    ['-r', capture, '-Y', '_ws.malformed && (dcerpc || kerberos)'],
    {
      encoding: 'utf8',
    },
  );
  if (error !== undefined) {
    without('tshark on the traffic of the agent', 'tshark');
    return '';
  }
  return status === 0 ? stdout : stderr;
}
