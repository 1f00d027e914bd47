import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Chunk, Gap, Exchange } from '../../src/types.js';
import { PduStream, type PduSink } from '../../src/rpc/framing.js';
import { pduOf, type Pdu } from '../../src/rpc/pdu.js';
import { PduView } from '../../src/rpc/view.js';
import { CAPTURES, observeCapture } from '../rpc/support.js';
import { ROOT } from '../support/shared.js';

/** PDUs of one frame, field by field, each list in stream order: what `tshark -T fields` prints for a packet. */
interface Row {
  readonly types: number[];
  readonly callIds: number[];
  readonly contexts: number[];
  readonly lengths: number[];
  readonly flags: number[];
  readonly authTypes: number[];
  /** Only of requests: tshark repeats the request's in its answers. */
  readonly opnums: number[];
  readonly objects: string[];
}

const FIELDS = [
  'frame.number',
  'dcerpc.pkt_type',
  'dcerpc.cn_call_id',
  'dcerpc.cn_ctx_id',
  'dcerpc.cn_frag_len',
  'dcerpc.cn_flags',
  'dcerpc.auth_type',
  'dcerpc.opnum',
  'dcerpc.obj_id',
  'dcerpc.request_in',
];

/** Frames where tshark 4.0 is the one that is wrong, with the reason. */
const EXPECTED: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  'vlan-ndr64-fragmented.pcap': {
    69: 'the last fragment of the response to call 5361 (frames 67 to 69) begins in the middle of segment 67; tshark does not join it and shows its segments as plain TCP',
  },
};

function version(): string | null {
  try {
    return (
      /TShark.*?(\d+\.\d+)/.exec(
        execFileSync('tshark', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
      )?.[1] ?? null
    );
  } catch {
    return null;
  }
}

const tshark = version();
if (tshark === null) {
  if (process.env['CI'] !== undefined && CAPTURES !== null) throw new Error('tshark is missing');
  console.log('skipped: comparison with tshark (needs tshark)');
}

function numbers(text: string | undefined): number[] {
  return text === undefined || text === '' ? [] : text.split(',').map(Number);
}

function theirs(name: string): {
  readonly rows: ReadonlyMap<number, Row>;
  readonly requestIn: ReadonlyMap<number, number[]>;
} {
  const text = execFileSync(
    'tshark',
    ['-r', pathOf(name), '-Y', 'dcerpc && tcp', '-T', 'fields', ...FIELDS.flatMap((field) => ['-e', field])],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const rows = new Map<number, Row>();
  const requestIn = new Map<number, number[]>();
  for (const line of text.split('\n').filter((line) => line !== '')) {
    const [frame, types, callIds, contexts, lengths, flags, authTypes, opnums, objects, requests] = line.split('\t');
    const asks = numbers(types).includes(0);
    rows.set(Number(frame), {
      types: numbers(types),
      callIds: numbers(callIds),
      contexts: numbers(contexts),
      lengths: numbers(lengths),
      flags: numbers(flags),
      authTypes: numbers(authTypes),
      opnums: asks ? numbers(opnums) : [],
      objects: asks && objects !== undefined && objects !== '' ? objects.split(',') : [],
    });
    if (requests !== undefined && requests !== '') requestIn.set(Number(frame), numbers(requests));
  }
  return { rows, requestIn };
}

/** Every PDU of the connections the observer took for RPC, through the same framer. */
function ours(seen: ReturnType<typeof observeCapture>): ReadonlyMap<number, Row> {
  const flows = new Set(seen.all.map((item) => (item.kind === 'problem' ? -1 : item.flow.id)));
  const rows = new Map<number, Row>();
  const view = new PduView();
  const sink: PduSink = {
    probing: false,
    pdu: (_stream, block, start, end, at, assembly) => {
      view.read(block, start, end);
      add(rows, assembly?.frame.at(-1) ?? at.frame, pduOf(view));
    },
    lost: () => undefined,
    resync: () => undefined,
    hold: () => true,
    release: () => undefined,
    giveUp: () => undefined,
  };
  const streams = new Map<string, PduStream>();
  for (const item of seen.net) {
    if ((item.kind !== 'chunk' && item.kind !== 'gap') || !flows.has(item.flow.id)) continue;
    feed(streams, item, sink);
  }
  return rows;
}

function feed(streams: Map<string, PduStream>, item: Chunk | Gap, sink: PduSink): void {
  const key = `${item.flow.id}/${item.direction}`;
  let stream = streams.get(key);
  if (stream === undefined)
    streams.set(key, (stream = new PduStream(item.direction, sink, 1e9, item.flow.opened !== 'midstream')));
  if (item.kind === 'chunk') stream.push(item);
  else stream.gap(item);
}

function add(rows: Map<number, Row>, frame: number, pdu: Pdu): void {
  let row = rows.get(frame);
  if (row === undefined)
    rows.set(
      frame,
      (row = { types: [], callIds: [], contexts: [], lengths: [], flags: [], authTypes: [], opnums: [], objects: [] }),
    );
  row.types.push(pdu.ptype);
  row.callIds.push(pdu.callId);
  row.lengths.push(pdu.fragLength);
  row.flags.push(pdu.flags);
  if (pdu.auth !== null) row.authTypes.push(pdu.auth.type);
  if ('contextId' in pdu) row.contexts.push(pdu.contextId);
  if ('contexts' in pdu) row.contexts.push(...pdu.contexts.map((context) => context.id));
  if (pdu.kind !== 'request') return;
  row.opnums.push(pdu.opnum);
  if (pdu.object !== null) row.objects.push(pdu.object);
}

function difference(name: string): string[] {
  const seen = observeCapture(name);
  const mine = ours(seen);
  const { rows, requestIn } = theirs(name);
  const found: string[] = [];
  for (const frame of [...new Set([...mine.keys(), ...rows.keys()])].toSorted((a, b) => a - b)) {
    const expected = EXPECTED[name]?.[frame];
    const a = JSON.stringify(mine.get(frame) ?? null);
    const b = JSON.stringify(rows.get(frame) ?? null);
    if ((a !== b) !== (expected !== undefined)) found.push(`frame ${frame}: ours ${a}, tshark ${b}`);
  }
  // tshark names the request of every answer: ours has to be the same.
  const byFrame = new Map<number, Exchange[]>();
  for (const exchange of seen.exchanges)
    for (const frame of exchange.response?.frames ?? []) byFrame.set(frame, [...(byFrame.get(frame) ?? []), exchange]);
  for (const [frame, requests] of requestIn) {
    for (const request of requests) {
      if (!(byFrame.get(frame) ?? []).some((exchange) => exchange.request?.frames.includes(request) === true))
        found.push(`frame ${frame}: tshark pairs it with request ${request}`);
    }
  }
  return found;
}

/** The name of a shared capture, or the path of one that ships. */
function pathOf(name: string): string {
  return name.includes('/') ? join(ROOT, name) : join(CAPTURES ?? '', name);
}

const NAMES = [
  'mmc20-application.pcap',
  'opc-da-midstream.pcap',
  'vlan-ndr64-fragmented.pcap',
  'dcerpc-auth3.pcap',
  'dcerpc-gap.pcap',
  'kerberos-privacy.pcapng',
  'ntlm-privacy-fragmented.pcapng',
  'ntlmv1ess-privacy-password-clem.pcapng',
  'ntlmv2-connect-cleartext-twin.pcapng',
  'ntlmv2-privacy-password-clem.pcapng',
  'ncacn-np-smb.pcap',
  'bind-no-frag-flag.pcap',
  'witness-ndr64-objects.pcapng',
  'test/smb/captures/smb1.pcap',
  'test/smb/captures/smb1-139.pcap',
  'test/smb/captures/smb202.pcap',
  'test/smb/captures/smb300.pcap',
  'test/smb/captures/smb311.pcap',
];

describe.skipIf(CAPTURES === null || tshark === null)('PDUs, against tshark', () => {
  for (const name of NAMES) {
    it(name, () => {
      expect(difference(name)).toEqual([]);
    });
  }
});
