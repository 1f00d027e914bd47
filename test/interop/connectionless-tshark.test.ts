import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Net, type NetOutput } from '../../src/net/net.js';
import { RpcObserver, type RpcOutput } from '../../src/rpc/observer.js';
import { framesIn } from '../support/read.js';
import { ROOT, without } from '../support/shared.js';

const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-udp-'));
const path = join(folder, 'udp.pcap');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function made(): boolean {
  const script = join(ROOT, 'test/interop/peers/connectionless.py');
  const ready =
    spawnSync('tshark', ['--version']).status === 0 &&
    spawnSync(python, [script, path], { stdio: 'ignore' }).status === 0;
  if (!ready) without('connectionless RPC against tshark', 'tshark and scapy (UAMGSCOPE_PYTHON)');
  return ready;
}

describe.skipIf(!made())('connectionless RPC that scapy writes', () => {
  it('is read as tshark reads it', () => {
    // tshark takes version 4 for a message of WireGuard where it has not seen others on the port.
    const args = ['-r', path, '--disable-protocol', 'wg', '-Y', 'dcerpc', '-T', 'fields'];
    const fields = ['-e', 'frame.number', '-e', 'dcerpc.pkt_type', '-e', 'dcerpc.dg_seqnum', '-e', 'dcerpc.opnum'];
    const theirs = spawnSync('tshark', [...args, ...fields], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n');
    const net = new Net();
    const rpc = new RpcObserver();
    const segments: NetOutput[] = [];
    const out: RpcOutput[] = [];
    for (const frame of framesIn(path)) net.push(frame, segments);
    for (const segment of segments) if (segment.kind !== 'problem') rpc.push(segment, out);
    rpc.end(out);
    const ours = out.flatMap((item) => {
      if (item.kind !== 'exchange') return [];
      const sent = (item.request?.frames ?? []).map((frame) => `${frame}\t0\t${item.callId}\t${item.opnum}`);
      const answer = (item.response?.frames ?? []).map((frame) => `${frame}\t2\t${item.callId}\t${item.opnum}`);
      return [...sent, ...answer, ...(item.fault === null ? [] : [`8\t3\t${item.callId}\t${item.opnum}`])];
    });
    expect(ours).toEqual(theirs);
    expect(ours.length).toBe(8);
  });
});
