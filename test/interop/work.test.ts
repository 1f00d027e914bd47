import { describe, expect, it } from 'vitest';
import { readRecording, recordingBytes } from '../../replay/recording/format.js';
import { parseRecordingText } from '../../replay/recording/parse.js';
import { recordingText } from '../../replay/recording/text.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { parseCriteria } from '../../src/analysis/criteria.js';
import { blockOf, spanOf } from '../../src/bytes/block.js';
import { Lz4Frames } from '../../src/bytes/lz4.js';
import { ZstdFrames } from '../../src/bytes/zstd.js';
import { knowledge } from '../../src/io/knowledge.js';
import { CaptureReader } from '../../src/capture/reader.js';
import { pcapngHeader, pcapngPacket } from '../../src/capture/write.js';
import { concat } from '../../src/bytes/concat.js';
import { readIdl } from '../../src/ndr/idl/idl.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import { parseCalls } from '../../src/peer/client/expression.js';
import { ExportTable } from '../../src/peer/server/export-table.js';
import { encodeBind, encodeRequest, encodeRequestFragments, encodeResponse } from '../../src/rpc/encode.js';
import { RpcObserver, type RpcOutput } from '../../src/rpc/observer.js';
import { NDR20 } from '../../src/rpc/syntax.js';
import type { Chunk, Direction, Flow, Frame, Value } from '../../src/types.js';
import { compileWhere } from '../../src/where/where.js';
import { criteriaAttributes } from '../../dissectors/uamg/criteria.js';
import { predefinedConstants, predefinedTypes } from '../../dissectors/predefined.js';
import { sampleCall, sampleNames } from '../support/calls.js';
import { workOf } from '../support/work.js';

/** Ten times the input is at most so many times the work: linear, with what sorting and growing tables add. */
const FACTOR = 13;

const flow: Flow = {
  id: 1,
  a: { address: '192.0.2.1', port: 49_152 },
  b: { address: '192.0.2.2', port: 135 },
  opened: 'syn',
};
const SERVICE = { uuid: '11111111-2222-3333-4444-555555555555', major: 1, minor: 0 };
const { registry } = knowledge();

/** A TCP segment, or an IP fragment, over Ethernet. */
function frame(
  number: number,
  { sequence = 0, payload = 10, id = 0, fragment = -1, more = false, port = 1000 },
): Frame {
  const bytes = new Uint8Array(54 + payload);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x0800);
  bytes[14] = 0x45;
  view.setUint16(16, 40 + payload);
  view.setUint16(18, id);
  if (fragment >= 0) view.setUint16(20, (more ? 0x2000 : 0) | (fragment >> 3));
  bytes.set([64, 6], 22);
  bytes.set([192, 0, 2, 1, 192, 0, 2, 2], 26);
  view.setUint16(34, port);
  view.setUint16(36, 135);
  view.setUint32(38, sequence >>> 0);
  bytes.set([0x50, 0x10], 46);
  const common = { interfaceId: 0, offset: 0, hasTime: true, linkType: 1, wireLength: bytes.length } as const;
  return {
    kind: 'frame',
    number,
    timeS: 1,
    timeNs: number,
    ...common,
    block: blockOf(bytes),
    start: 0,
    end: bytes.length,
  };
}

function net(frames: readonly Frame[]): void {
  const stage = new Net();
  const out: NetOutput[] = [];
  for (const one of frames) stage.push(one, out);
  stage.end(out);
}

function observe(parts: readonly (readonly [Direction, Uint8Array])[]): void {
  const observer = new RpcObserver();
  const out: RpcOutput[] = [];
  const offsets = [0, 0];
  for (const [at, [direction, bytes]] of parts.entries()) {
    const chunk: Chunk = {
      kind: 'chunk',
      flow,
      direction,
      frame: at + 1,
      timeS: 1,
      timeNs: at,
      streamOffset: offsets[direction] ?? 0,
      block: blockOf(bytes),
      start: 0,
      end: bytes.length,
    };
    observer.push(chunk, out);
    offsets[direction] = (offsets[direction] ?? 0) + bytes.length;
  }
  observer.settle();
  observer.end(out);
}

const bind = (ids: readonly number[]): Uint8Array =>
  encodeBind({ callId: 1, contexts: ids.map((id) => ({ id, abstract: SERVICE, transfers: [NDR20] })) });
const request = (callId: number, contextId = 0): Uint8Array =>
  encodeRequest({ callId, contextId, opnum: 3, stub: new Uint8Array(8) });
const count = (size: number): readonly number[] => Array.from({ length: size }, (_, at) => at);

function inflate(frames: ZstdFrames | Lz4Frames, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 1000)
    for (const piece of frames.push(bytes.slice(at, at + 1000), false)) void piece;
  for (const piece of frames.push(new Uint8Array(0), true)) void piece;
  if (frames.failure !== null) throw frames.failure;
}

/** Blocks of zstd: one byte 100 times, and a raw one. */
function zstd(blocks: number): Uint8Array {
  const body = count(blocks).flatMap((at) => {
    const last = at === blocks - 1 ? 1 : 0;
    return at % 2 === 0 ? [(100 << 3) | 2 | last, (100 << 3) >> 8, 0, at & 255] : [(2 << 3) | last, 0, 0, 7, 9];
  });
  return Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3, ...body);
}

/** A legacy frame of LZ4 with blocks that hold one byte 20 times. */
function lz4(blocks: number): Uint8Array {
  return Uint8Array.of(2, 0x21, 0x4c, 0x18, ...count(blocks).flatMap(() => [4, 0, 0, 0, 0x30, 65, 66, 67]));
}

/** VARIANTs of arrays of VARIANTs, one inside the other. */
function nested(depth: number): Value {
  let value: Value = { vt: 'VT_I4', value: 7 };
  for (let level = 0; level < depth; level++)
    value = { vt: 'VT_VARIANT', dims: [{ count: 1, lower: 0 }], value: [value] };
  return value;
}

const little = { littleEndian: true, syntax: 'ndr20' } as const;
const variant = registry.type('VARIANT', little);
const facts = { ...sampleNames, failed: () => false, misspelt: () => null };
const known = { types: predefinedTypes, constants: predefinedConstants, slots: () => 3 };
const records = (size: number): readonly RecordingRecord[] => [
  { kind: 'session', id: 1, tool: 't', source: 'capture', name: null } as unknown as RecordingRecord,
  ...(count(size).map((id) => ({
    kind: 'connection',
    session: 1,
    id,
    client: flow.a,
    server: flow.b,
  })) as unknown as readonly RecordingRecord[]),
  { kind: 'end', session: 1 } as unknown as RecordingRecord,
];

/** What is done, and the sizes at which it is done: the second and third are ten and a hundred times the first. */
type Case = readonly [
  name: string,
  sizes: readonly [number, number, number],
  prepare: (size: number) => () => void,
  libraries?: readonly string[],
];
const CASES: readonly Case[] = [
  [
    'packets of a file',
    [20, 200, 2000],
    (size) => {
      const packets = count(size).map(() =>
        pcapngPacket({ timeS: 1, timeNs: 0, data: new Uint8Array(60), linkType: 1 } as never),
      );
      const bytes = concat([pcapngHeader(1), ...packets]);
      return () => {
        const reader = new CaptureReader();
        for (let at = 0; at < bytes.length; at += 777)
          reader.push(blockOf(bytes.slice(at, at + 777)), 0, Math.min(777, bytes.length - at), []);
      };
    },
  ],
  [
    'segments in order',
    [40, 400, 4000],
    (size) => {
      const frames = count(size).map((at) => frame(at + 1, { sequence: at * 10 }));
      return () => net(frames);
    },
  ],
  [
    'segments behind a hole, the last one first',
    [40, 400, 4000],
    (size) => {
      const first = frame(1, { sequence: 0 });
      const frames = count(size).map((at) => frame(at + 2, { sequence: 100 + (size - at) * 10 }));
      return () => net([first, ...frames]);
    },
  ],
  [
    'connections',
    [40, 400, 4000],
    (size) => {
      const frames = count(size).map((at) => frame(at + 1, { port: 1000 + at }));
      return () => net(frames);
    },
  ],
  [
    'fragments of packets, the last one first',
    [8, 80, 800],
    (size) => {
      const frames = count(size * 8).map((at) =>
        frame(at + 1, { id: at >> 3, fragment: (7 - (at & 7)) * 40, more: (at & 7) !== 0, payload: 20 }),
      );
      return () => net(frames);
    },
  ],
  [
    'contexts, each called once',
    [10, 100, 1000],
    (size) => {
      const parts = count(size).flatMap(
        (id) =>
          [
            [0, bind([id])],
            [0, request(id + 2, id)],
          ] as const,
      );
      return () => observe(parts);
    },
  ],
  [
    'calls under way, answered last one first',
    [40, 400, 4000],
    (size) => {
      const calls = count(size);
      const parts = [
        [0, bind([0])] as const,
        ...calls.map((id) => [0, request(id + 2)] as const),
        ...calls.map(
          (id) => [1, encodeResponse({ callId: size + 1 - id, contextId: 0, stub: new Uint8Array(8) })] as const,
        ),
      ];
      return () => observe(parts);
    },
  ],
  [
    'fragments of one request',
    [20, 200, 2000],
    (size) => {
      const pdus = encodeRequestFragments({ callId: 2, contextId: 0, opnum: 3, stub: new Uint8Array(size * 100) }, 150);
      const parts = [[0, bind([0])] as const, ...pdus.map((bytes) => [0, bytes] as const)];
      return () => observe(parts);
    },
  ],
  [
    'objects of a server, handed out, pinged and let go',
    [40, 400, 4000],
    (size) => () => {
      let made = 0;
      let now = 0;
      const table = new ExportTable({
        random: (bytes) => Uint8Array.from({ length: bytes }, (_, at) => (at < 3 ? (++made >> (8 * at)) & 255 : at)),
        now: () => now,
      });
      const [iid, name] = ['11111111-2222-3333-4444-555555555555', 'IX'];
      for (let at = 0; at < size; at++)
        table.hand({
          object: { served: true, interfaces: [name], call: () => ({ hresult: 0 }) },
          iid,
          name,
          count: 1,
          owner: `o${at % 7}`,
        });
      now = 1e9;
      table.collect();
    },
  ],
  [
    'nesting of VARIANTs',
    [1, 4, 16],
    (size) => {
      const bytes = variant.encode({ value: nested(size) });
      return () => void variant.decode(spanOf(bytes));
    },
  ],
  [
    'elements of an array',
    [40, 400, 4000],
    (size) => {
      const bytes = variant.encode({
        value: { vt: 'VT_BSTR', dims: [{ count: size, lower: 0 }], value: count(size).map(String) },
      });
      return () => void variant.decode(spanOf(bytes));
    },
  ],
  [
    'a pattern of ~ that a backtracking engine never ends on',
    [40, 400, 4000],
    (size) => {
      const where = compileWhere('in.criteria ~ /a.*a.*a.*c/', facts);
      const call = sampleCall({ in: { criteria: `c${'a'.repeat(size)}` } });
      return () => void where.test(call);
    },
    ['re2js'],
  ],
  [
    'blocks of zstd',
    [40, 400, 4000],
    (size) => {
      const bytes = zstd(size);
      return () => inflate(new ZstdFrames(), bytes);
    },
  ],
  [
    'blocks of LZ4',
    [4, 40, 400],
    (size) => {
      const bytes = lz4(size);
      return () => inflate(new Lz4Frames(), bytes);
    },
  ],
  [
    'names of IDL',
    [10, 100, 1000],
    (size) => {
      const text = count(size)
        .map((at) => `typedef struct { long a; } S${at};`)
        .join('\n');
      return () => void readIdl({ name: 'x.idl', text }, { known, prelude: '', find: () => null });
    },
  ],
  [
    'conditions of search criteria',
    [10, 100, 1000],
    (size) => {
      const text = count(size)
        .map(() => 'IsInstalled=0')
        .join(' and ');
      return () => void parseCriteria(text, criteriaAttributes);
    },
  ],
  [
    'steps of an expression of `call`',
    [9, 90, 900],
    (size) => {
      const text = count(size)
        .map(() => 'A')
        .join('.');
      return () => void parseCalls(text);
    },
  ],
  [
    'records of a recording',
    [20, 200, 2000],
    (size) => {
      const bytes = recordingBytes(records(size));
      return () => void readRecording(bytes);
    },
  ],
  [
    'blocks of a recording as text',
    [20, 200, 2000],
    (size) => {
      const text = [...recordingText(records(size))].join('\n');
      return () => void parseRecordingText(text);
    },
  ],
];

describe('ten times the input is at most ten times the work, about', () => {
  // Again where it fails: V8's counts are off now and then, and what is quadratic fails each time.
  it.each(CASES.map((one) => [one[0], one] as const))('%s', { retry: 5 }, (_, [, sizes, prepare, libraries = []]) => {
    // Once before it counts: tables are compiled, and caches filled.
    prepare(sizes[0])();
    // Twice: V8 loses counts of code that it throws away meanwhile, and adds none.
    const measured = (size: number): number =>
      Math.max(workOf(prepare(size), libraries), workOf(prepare(size), libraries));
    const [one, ten, hundred] = sizes.map(measured) as [number, number, number];
    const step = (sizes[1] / sizes[0]) * (FACTOR / 10);
    expect(one).toBeGreaterThan(0);
    expect(
      [ten / one, hundred / ten].map((ratio) => ratio <= step),
      `${one}, ${ten}, ${hundred}`,
    ).toEqual([true, true]);
    // It was done: more input is more work.
    expect(hundred).toBeGreaterThan(ten);
  });

  it('would not hold for what is quadratic', () => {
    const quadratic = (size: number) => () => {
      const list: string[] = [];
      for (const at of count(size)) if (!list.includes(`x${at}`)) list.push(`x${at}`);
      for (const at of count(size)) for (const other of count(size)) if (at === -other - 1) parseCalls('A');
      for (let i = 0; i < size * size; i++) parseCriteria('', criteriaAttributes);
    };
    const [one, ten] = [workOf(quadratic(2)), workOf(quadratic(20))];
    expect(ten / one).toBeGreaterThan(FACTOR);
  });
});
