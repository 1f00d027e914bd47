/**
 * `npm run limits`: reaches bounds of docs/limits.md, one in each process, and tells what that took. The table of
 * docs/security.md is made with it.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Analyzer, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { blockOf, spanOf } from '../../src/bytes/block.js';
import { ZstdFrames } from '../../src/bytes/zstd.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { pcapngHeader } from '../../src/capture/write.js';
import { knowledge } from '../../src/io/knowledge.js';
import { MAX_ELEMENTS, MAX_VALUE_DEPTH } from '../../src/ndr/limits.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import { serverBudget } from '../../src/peer/budget.js';
import { ServerLink } from '../../src/peer/link/server.js';
import { ExportTable, SERVER_LIMITS } from '../../src/peer/server/export-table.js';
import { encodeBind, encodeRequest } from '../../src/rpc/encode.js';
import { PFC } from '../../src/rpc/header.js';
import { criteriaAttributes } from '../../dissectors/uamg/criteria.js';
import { predefinedConstants, predefinedTypes, prelude } from '../../dissectors/predefined.js';
import { readRecording } from '../../replay/recording/format.js';
import { fileHead, frame as frameOf } from '../../replay/recording/frames.js';
import { RecordingTextReader } from '../../replay/recording/parse.js';
import { parseCriteria } from '../../src/analysis/criteria.js';
import { concat } from '../../src/bytes/concat.js';
import { readIdl } from '../../src/ndr/idl/idl.js';
import { parseCalls } from '../../src/peer/client/expression.js';
import { SmbObserver, type SmbOutput } from '../../src/smb/observer.js';
import { RPC_LIMITS } from '../../src/rpc/limits.js';
import { RpcObserver, type RpcOutput } from '../../src/rpc/observer.js';
import { NDR20 } from '../../src/rpc/syntax.js';
import type { Frame, Value } from '../../src/types.js';
import { compileWhere } from '../../src/where/where.js';
import { MAX_MATCHED_TEXT } from '../../src/where/limits.js';
import { sampleCall, sampleNames } from '../support/calls.js';

/** Reaches a bound; what was given, and where it stood then. */
type Probe = () => string;

const SERVICE = { uuid: '11111111-2222-3333-4444-555555555555', major: 1, minor: 0 };
const bind = encodeBind({ callId: 1, contexts: [{ id: 0, abstract: SERVICE, transfers: [NDR20] }] });

/** A packet from one of 2^32 hosts to port 135; its memory is used again. */
const packet = new Uint8Array(54 + 1400);
const packetView = new DataView(packet.buffer);
packetView.setUint16(12, 0x0800);
packet.set([0x45], 14);
packet.set([64, 6], 22);
packetView.setUint16(36, 135);
packet.set([0x50], 46);

function frame(number: number, from: number, flags: number, sequence: number, payload: number, fragment = 0): Frame {
  packetView.setUint16(16, 40 + payload);
  packetView.setUint16(18, number & 0xffff);
  packetView.setUint16(20, fragment);
  packetView.setUint32(26, from);
  packetView.setUint16(34, 1024 + (from & 0x7fff));
  packetView.setUint32(38, sequence >>> 0);
  packet[47] = flags;
  const bytes = packet.slice(0, 54 + payload);
  const place = { block: blockOf(bytes), start: 0, end: bytes.length, offset: 0, interfaceId: 0 };
  return {
    kind: 'frame',
    number,
    timeS: 1,
    timeNs: number,
    hasTime: true,
    linkType: 1,
    wireLength: bytes.length,
    ...place,
  };
}

function net(count: number, make: (at: number) => Frame): string {
  const stage = new Net();
  const out: NetOutput[] = [];
  for (let at = 0; at < count; at++) {
    stage.push(make(at), out);
    out.length = 0;
  }
  const { load } = stage;
  return `${count} packets: ${load.connections} connections, ${load.outOfOrderBytes >> 20} MiB out of order, ${load.fragmentBytes >> 20} MiB of fragments`;
}

const random = (() => {
  let made = 0;
  return (size: number): Uint8Array => {
    made++;
    return Uint8Array.from({ length: size }, (_, at) => (at < 4 ? made >>> (8 * at) : at) & 255);
  };
})();

const IDL_KNOWN = {
  known: { types: predefinedTypes, constants: predefinedConstants, slots: () => null },
  prelude,
  find: () => null,
};

/** A message of SMB whose header says that it has so many bytes, and `there` of them behind its first 36. */
function smbMessage(first: number, size: number, there: number): Uint8Array {
  const bytes = new Uint8Array(4 + 36 + there);
  bytes.set([0, size >> 16, (size >> 8) & 255, size & 255, first, 0x53, 0x4d, 0x42, first === 0xfe ? 64 : 0x25]);
  return bytes;
}

function smb(connections: number, pieces: number, piece: (at: number) => Uint8Array): string {
  let flows = connections;
  const observer = new SmbObserver({ flowId: () => ++flows });
  const out: SmbOutput[] = [];
  for (let id = 1; id <= connections; id++) {
    const [a, b] = [
      { address: '192.0.2.1', port: id & 0xffff },
      { address: '192.0.2.2', port: 445 },
    ];
    const flow = { id, a, b, opened: 'syn' } as const;
    let streamOffset = 0;
    for (let at = 0; at < pieces; at++) {
      const bytes = piece(at);
      const place = { block: blockOf(bytes), start: 0, end: bytes.length, streamOffset, frame: 1, timeS: 1, timeNs: 0 };
      observer.push({ kind: 'chunk', flow, direction: 0, ...place }, out);
      streamOffset += bytes.length;
    }
    out.length = 0;
  }
  const { load } = observer;
  return `${load.connections} connections, ${load.heldBytes >> 20} MiB held`;
}

const PROBES: Readonly<Record<string, Probe>> = {
  'MAX_RECORD: a block that claims 4 GiB, 16 MiB of it': () => {
    const reader = new CaptureReader();
    const out: CaptureOutput[] = [];
    const head = pcapngHeader(1);
    reader.push(blockOf(head), 0, head.length, out);
    const block = new Uint8Array(16 * 1024 * 1024);
    new DataView(block.buffer).setUint32(0, 6, true);
    new DataView(block.buffer).setUint32(4, 0xffff_fffc, true);
    for (let at = 0; at < block.length; at += 65_536) reader.push(blockOf(block), at, at + 65_536, out);
    reader.end(out);
    return `${out.length} problem`;
  },
  'MAX_BLOCK: 1 MiB of zstd that says 32 GiB': () => {
    const blocks = new Uint8Array(6 + 4 * 262_144);
    blocks.set([0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3]);
    const word = (128 * 1024 * 8) | 2;
    for (let at = 6; at < blocks.length; at += 4) blocks.set([word & 255, (word >> 8) & 255, word >> 16, 65], at);
    const frames = new ZstdFrames();
    let given = 0;
    for (const piece of frames.push(blocks, false)) if ((given += piece.length) >= 2 ** 30) break;
    return `${given >> 20} MiB taken, block by block`;
  },
  'NET_LIMITS.flows: 200,000 connections asked for': () =>
    net(200_000, (at) => frame(at + 1, 0x0a00_0000 + at * 7919, 2, 1, 0)),
  'NET_LIMITS.outOfOrderTotal: 200,000 segments behind holes': () =>
    net(200_000, (at) => {
      const from = 0x0a00_0000 + (at % 2000);
      return at < 2000 ? frame(at + 1, from, 2, 0, 0) : frame(at + 1, from, 16, 10_000 + at * 1400, 1400);
    }),
  'NET_LIMITS.fragmentBytes: 100,000 first fragments': () =>
    net(100_000, (at) => frame(at + 1, 0x0a00_0000 + at, 16, 0, 1400, 0x2000)),
  'RPC_LIMITS.pendingTotal: 300,000 calls without an answer': () => {
    const observer = new RpcObserver();
    const out: RpcOutput[] = [];
    for (let id = 1; id <= 300; id++) {
      const flow = {
        id,
        a: { address: '192.0.2.1', port: id },
        b: { address: '192.0.2.2', port: 135 },
        opened: 'syn',
      } as const;
      let given = 0;
      for (let call = 0; call <= 1000; call++) {
        const bytes =
          call === 0 ? bind : encodeRequest({ callId: call + 1, contextId: 0, opnum: 3, stub: new Uint8Array(100) });
        const place = {
          block: blockOf(bytes),
          start: 0,
          end: bytes.length,
          streamOffset: given,
          frame: 1,
          timeS: 1,
          timeNs: 0,
        };
        observer.push({ kind: 'chunk', flow, direction: 0, ...place }, out);
        given += bytes.length;
      }
      observer.settle();
      out.length = 0;
    }
    return `${observer.load.pendingCalls} of ${RPC_LIMITS.pendingTotal} calls held, ${observer.load.heldBytes >> 20} MiB`;
  },
  'RPC_LIMITS.heldBytes: 600 MiB of requests that never end': () => {
    const observer = new RpcObserver();
    const out: RpcOutput[] = [];
    for (let id = 1; id <= 100; id++) {
      const flow = {
        id,
        a: { address: '192.0.2.1', port: id },
        b: { address: '192.0.2.2', port: 135 },
        opened: 'syn',
      } as const;
      let streamOffset = 0;
      for (let part = 0; part <= 100; part++) {
        const stub = new Uint8Array(60_000);
        const bytes =
          part === 0
            ? bind
            : encodeRequest({ callId: 2, contextId: 0, opnum: 3, stub, flags: part === 1 ? PFC.first : 0 });
        const place = {
          block: blockOf(bytes),
          start: 0,
          end: bytes.length,
          streamOffset,
          frame: 1,
          timeS: 1,
          timeNs: 0,
        };
        observer.push({ kind: 'chunk', flow, direction: 0, ...place }, out);
        streamOffset += bytes.length;
        observer.settle();
      }
      out.length = 0;
    }
    return `${observer.load.heldBytes >> 20} MiB held`;
  },
  'MAX_VALUE_DEPTH: VARIANTs nested 47 deep, inside of something 184 deep': () => {
    const { registry } = knowledge();
    const codec = registry.type('VARIANT', { littleEndian: true, syntax: 'ndr20' });
    let value: Value = { vt: 'VT_I4', value: 1 };
    for (let level = 0; level < 47; level++)
      value = { vt: 'VT_VARIANT', dims: [{ count: 1, lower: 0 }], value: [value] };
    const { problems } = codec.decode(spanOf(codec.encode({ value })));
    const deeper = codec.decode(spanOf(codec.encode({ value })), undefined, MAX_VALUE_DEPTH - 8).problems;
    return `${problems.length} problems; inside of something deep ${deeper.map(({ code }) => code).join(', ')}`;
  },
  'MAX_ELEMENTS: a SAFEARRAY of 4,000,000 VT_I4': () => {
    const { registry } = knowledge();
    const codec = registry.type('VARIANT', { littleEndian: true, syntax: 'ndr20' });
    const bytes = codec.encode({
      value: {
        vt: 'VT_I4',
        dims: [{ count: 4_000_000, lower: 0 }],
        value: Array.from({ length: 4_000_000 }, (_, at) => at),
      },
    });
    const { problems } = codec.decode(spanOf(bytes));
    return `${bytes.length >> 20} MiB of ${MAX_ELEMENTS} elements: ${problems.map(({ code }) => code).join(', ')}`;
  },
  'CONNECTION_LIMITS: 100,000 connections without a call': () => {
    const { registry } = knowledge();
    const analyzer = new Analyzer({ registry });
    const out: AnalyzerOutput[] = [];
    for (let at = 0; at < 100_000; at++) {
      analyzer.push(frame(at + 1, 0x0a00_0000 + at, 2, 1, 0), out);
      if ((at & 1023) === 0) analyzer.settle();
    }
    analyzer.end(out);
    return `${out.length} records`;
  },
  'SERVER_LIMITS.objects: 300,000 objects handed out': () => {
    const table = new ExportTable({ random, now: () => 0 });
    const [iid, name] = ['11111111-2222-3333-4444-555555555555', 'IX'];
    for (let at = 0; at < 300_000; at++)
      table.hand({
        object: { served: true, interfaces: [name], call: () => ({ hresult: 0 }) },
        iid,
        name,
        count: 1,
        owner: 'x',
      });
    return `${table.size} of ${SERVER_LIMITS.objects} objects`;
  },
  'BUDGETS.serverBytes: 2,048 connections, each with 1 MiB of requests that never end': () => {
    const budget = serverBudget();
    let ended = 0;
    for (let at = 0; at < 2048; at++) {
      const share = budget.share(() => ended++);
      const link = new ServerLink({
        send: () => undefined,
        close: () => undefined,
        serves: () => ['ndr20'],
        handle: () => undefined,
        accept: null,
        port: '135',
        assocGroup: 1,
        anonymous: true,
        share,
      });
      link.push(bind);
      for (let part = 0; part < 16; part++)
        link.push(
          encodeRequest({
            callId: 2,
            contextId: 0,
            opnum: 3,
            stub: new Uint8Array(64_000),
            flags: part === 0 ? PFC.first : 0,
          }),
        );
    }
    return `${budget.used >> 20} MiB held, ${ended} connections ended`;
  },
  'MAX_PATTERN, MAX_MATCHED_TEXT: /a.*a.*a.*c/ on 100 texts of 4,096 characters': () => {
    const where = compileWhere('in.criteria ~ /a.*a.*a.*c/', {
      ...sampleNames,
      failed: () => false,
      misspelt: () => null,
    });
    const call = sampleCall({ in: { criteria: `c${'a'.repeat(MAX_MATCHED_TEXT)}` } });
    let found = 0;
    for (let at = 0; at < 100; at++) if (where.test(call)) found++;
    return `100 texts, ${found} found`;
  },
  'NET_LIMITS.segmentsPerFlow: 200,000 segments of a byte behind one hole': () =>
    net(200_000, (at) => (at === 0 ? frame(1, 0x0a00_0001, 2, 0, 0) : frame(at + 1, 0x0a00_0001, 16, 10 + at * 2, 1))),
  'SMB_LIMITS.connections: 20,000 connections that begin as SMB': () => smb(20_000, 1, () => smbMessage(0xfe, 64, 0)),
  'SMB_LIMITS.heldBytes: 2,000 connections, each with a message of 1 MiB that never ends': () =>
    smb(2000, 200, (piece) => (piece === 0 ? smbMessage(0xff, 1024 * 1024, 200) : new Uint8Array(1024))),
  'MAX_RECORD_CONTAINERS: a record of 60,000,000 empty lists': () => {
    const list = new Uint8Array(60_000_005).fill(0x90);
    list.set([0xdd, 3, 0x93, 0x87, 0]);
    const { records, problems } = readRecording(concat([fileHead(), frameOf(list)]));
    return `${records.length} records, ${problems.length} problems: ${problems[0]?.code ?? ''}`;
  },
  'MAX_BLOCK_LINES: 100,000,000 empty lines of a recording as text': () => {
    const reader = new RecordingTextReader();
    const take = (): void => undefined;
    reader.text('uamgrec text 1\n', take);
    const lines = '\n'.repeat(1_000_000);
    for (let at = 0; at < 100; at++) reader.text(lines, take);
    reader.end(take);
    return `${reader.problems.length} problems`;
  },
  'MAX_RESYNC_BYTES: 64 MiB of heads of records that are none': () => {
    const head = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0, 0x81, 0xa4, 0x6b, 0x69, 0x6e, 0x64, 0, 0);
    const hostile = new Uint8Array(64 * 1024 * 1024);
    hostile.set(fileHead());
    for (let at = 16; at + head.length <= hostile.length; at += head.length) hostile.set(head, at);
    return `${readRecording(hostile).problems.length} problems`;
  },
  'IDL_LIMITS: a file of a million open brackets; one of 9 MB': () =>
    ['('.repeat(1_000_000), ' '.repeat(9_000_000)]
      .map((text) => saidOf(() => typeof readIdl({ name: 'x', text: `typedef long x[${text}` }, IDL_KNOWN)))
      .join('; '),
  'EXPRESSION_LIMITS, CRITERIA_LIMITS, MAX_EXPRESSION: a million open parentheses each': () => {
    const text = '('.repeat(1_000_000);
    const criteria = parseCriteria(text, criteriaAttributes);
    return [
      saidOf(() => `${parseCalls(`A${text}`).length}`),
      'message' in criteria ? String(criteria.message) : 'read',
      saidOf(() => typeof compileWhere(text, { ...sampleNames, failed: () => false, misspelt: () => null })),
    ].join('; ');
  },
};

/** What reading came to, or the words that it was refused with. */
function saidOf(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error) return `refused: ${error.message.slice(0, 80)}`;
    throw error;
  }
}

const [name] = process.argv.slice(2);
if (name !== undefined) {
  const probe = PROBES[name];
  if (probe === undefined) throw new Error(`no limit is called ${name}`);
  global.gc?.();
  const before = process.memoryUsage();
  const began = process.cpuUsage();
  const said = probe();
  const { user, system } = process.cpuUsage(began);
  global.gc?.();
  const after = process.memoryUsage();
  const held = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  const mib = (bytes: number): number => Math.max(0, Math.round(bytes / 1024 / 1024));
  process.stdout.write(
    `| ${name} | ${said} | ${((user + system) / 1e6).toFixed(1)} | ${mib(held)} | ${mib(process.resourceUsage().maxRSS * 1024)} |\n`,
  );
} else {
  process.stdout.write(
    '| limit, and how it is reached | then | s of processor | MiB held | MiB of the process at most |\n|---|---|---|---|---|\n',
  );
  for (const one of Object.keys(PROBES)) {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--expose-gc', fileURLToPath(import.meta.url), one],
      { encoding: 'utf8' },
    );
    process.stdout.write(stdout);
    if (status !== 0) {
      process.stderr.write(stderr);
      process.exitCode = 1;
    }
  }
}
