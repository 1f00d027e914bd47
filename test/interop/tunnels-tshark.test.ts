import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Net, type NetOutput } from '../../src/net/net.js';
import { PTYPE } from '../../src/rpc/header.js';
import { RpcObserver, type RpcOutput } from '../../src/rpc/observer.js';
import { framesIn } from '../support/read.js';
import { ROOT, without } from '../support/shared.js';

const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-tunnels-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Names of the forms that scapy wrote; none, with a word, where a tool is missing. */
function forms(): readonly string[] {
  if (spawnSync('tshark', ['--version']).status !== 0) {
    without('tunnels against tshark', 'tshark');
    return [];
  }
  const script = join(ROOT, 'test/interop/peers/encapsulate.py');
  const made = spawnSync(python, [script, join(ROOT, 'test/field/base.pcap'), folder], { encoding: 'utf8' });
  if (made.status !== 0) without('tunnels against tshark', 'scapy (UAMGSCOPE_PYTHON)');
  return made.status === 0 ? made.stdout.trim().split('\n') : [];
}

/** Requests and responses that tshark finds: `frame type callId`. */
function theirs(path: string): readonly string[] {
  const args = ['-r', path, '-o', 'esp.enable_null_encryption_decode_heuristic:TRUE', '-Y', 'dcerpc', '-T', 'fields'];
  const fields = ['-e', 'frame.number', '-e', 'dcerpc.pkt_type', '-e', 'dcerpc.cn_call_id'];
  const { stdout } = spawnSync('tshark', [...args, ...fields], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([, type]) => type === String(PTYPE.request) || type === String(PTYPE.response))
    .map((line) => line.join(' '));
}

/** The same of ours. */
function ours(path: string): readonly string[] {
  const net = new Net();
  const rpc = new RpcObserver();
  const segments: NetOutput[] = [];
  const out: RpcOutput[] = [];
  for (const frame of framesIn(path)) net.push(frame, segments);
  net.end(segments);
  for (const segment of segments) if (segment.kind !== 'problem') rpc.push(segment, out);
  rpc.end(out);
  return out
    .flatMap((item) => {
      if (item.kind !== 'exchange') return [];
      const { request, response, callId } = item;
      return [
        ...(request === null ? [] : [`${request.frames.at(-1) ?? 0} ${PTYPE.request} ${callId}`]),
        ...(response === null ? [] : [`${response.frames.at(-1) ?? 0} ${PTYPE.response} ${callId}`]),
      ];
    })
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}

const names = forms();

describe.skipIf(names.length === 0)('requests and responses as tshark finds them', () => {
  it('are in all that scapy writes', () => {
    expect(names.length).toBeGreaterThanOrEqual(20);
  });

  it.each(names)('in %s', (name) => {
    const path = join(folder, `${name}.pcap`);
    const found = ours(path);
    expect(found.length).toBe(21);
    expect(found).toEqual(theirs(path));
  });
});
