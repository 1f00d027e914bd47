import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LINK_TYPES } from '../../src/net/layers/table.js';
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

/** What tshark has to be told, where packets do not tell by themselves; of labels by the form. */
const TOLD = [
  '-o esp.enable_null_encryption_decode_heuristic:TRUE',
  '-d udp.port==8472,vxlan',
  // What a session carries, its control messages say.
  '-d l2tp.pw_type==0,eth -o l2tp.cookie_size:None -o l2tp.l2_specific:None',
].flatMap((words) => words.split(' '));

/** Requests and responses that tshark finds: `frame type callId`. */
function theirs(name: string, path: string): readonly string[] {
  const told = name === 'mpls-ethernet' ? [...TOLD, '-d', 'mpls.label==5,pwethcw'] : TOLD;
  const args = ['-r', path, ...told, '-Y', 'dcerpc', '-T', 'fields'];
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
  /** Tags and tunnels of the table, by the forms that have them. */
  const FORMS: Readonly<Record<string, readonly string[]>> = {
    VXLAN: ['vxlan', 'vxlan-8472', 'vxlan-gpe-ip', 'vxlan-gpe-ethernet', 'vxlan-in-gre'],
    Geneve: ['geneve', 'geneve-options'],
    'GTP-U': ['gtpu', 'gtpu-extension'],
    GRE: ['gre', 'gre-key-sum', 'gre-udp', 'nvgre', 'pptp'],
    ERSPAN: ['erspan-1', 'erspan-2', 'erspan-3', 'erspan-3-subheader'],
    'IP in IP': ['ipip', '6in4', '4in6', '6in6', 'teredo', 'lisp'],
    EtherIP: ['etherip'],
    MPLS: ['mpls', 'mpls-ethernet', 'mpls-udp', 'mpls-ip'],
    L2TP: ['l2tp', 'l2tp-3-ip', 'l2tp-3-udp'],
    TZSP: ['tzsp'],
    IPsec: ['ah-tunnel', 'ah-transport', 'esp-null', 'esp-null-transport', 'esp-udp'],
    tags: ['qinq', 'qinq-9100', '802.1ah', 'vn-tag', '802.1br', 'cisco-metadata', 'macsec-clear', 'macsec-clear-short'],
    others: ['hsr', 'nsh', 'snap', 'pppoe', 'ppp'],
  };

  it('are in all that was to be written', () => {
    expect(
      Object.values(FORMS)
        .flat()
        .filter((name) => !names.includes(name)),
    ).toEqual([]);
    // Every link type that is read stands before some of them.
    const links = names.map((name) => framesIn(join(folder, `${name}.pcap`))[0]?.linkType);
    expect([...new Set(links)].toSorted((a = 0, b = 0) => a - b)).toEqual(Object.keys(LINK_TYPES).map(Number));
  });

  it.each(names)('in %s', (name) => {
    const path = join(folder, `${name}.pcap`);
    const found = ours(path);
    expect(found.length).toBe(21);
    expect(found).toEqual(theirs(name, path));
  });
});
