import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SAMPLES } from '../../captures/make/all.js';
import { earlyBound, lateBound } from '../../captures/make/scenario.js';
import { Analyzer, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { pcapngHeader, pcapngPacket, type OutPacket } from '../../src/capture/write.js';
import { knowledge } from '../../src/io/knowledge.js';
import { NdjsonWriter } from '../../src/output/ndjson.js';
import { concat } from '../../src/bytes/concat.js';

const { registry, names } = knowledge();

function analyze(bytes: Uint8Array): readonly AnalyzerOutput[] {
  const reader = new CaptureReader();
  const items: CaptureOutput[] = [];
  reader.push(blockOf(bytes), 0, bytes.length, items);
  reader.end(items);
  const analyzer = new Analyzer({ registry });
  const out: AnalyzerOutput[] = [];
  for (const item of items) {
    if (item.kind === 'frame') analyzer.push(item, out);
    else out.push(item);
  }
  analyzer.end(out);
  return out;
}

/** What a call says, less what depends on where its packets lay. */
function calls(out: readonly AnalyzerOutput[]): readonly string[] {
  const writer = new NdjsonWriter(names);
  return out
    .filter((item) => item.kind === 'call')
    .map((call) => {
      const record = JSON.parse(writer.call(call)) as { [name: string]: unknown };
      for (const name of ['id', 'time', 'latencyNs', 'frames', 'flow']) delete record[name];
      // Reasons name the frames they come from, which are others now.
      if (typeof record['because'] === 'string') record['because'] = record['because'].replace(/frame \d+/g, 'frame N');
      return JSON.stringify(record);
    });
}

function captureOf(packets: readonly OutPacket[]): Uint8Array {
  return concat([pcapngHeader(1), ...packets.map((packet) => pcapngPacket(packet))]);
}

/** Cuts the payload of a TCP packet over Ethernet and IPv4 in two at a place, with an overlap. */
function resegment(packet: OutPacket, at: number, overlap: number): readonly OutPacket[] {
  const payload = packet.data.subarray(54);
  if (payload.length < 2) return [packet];
  const cut = 1 + (at % (payload.length - 1));
  const part = (from: number, to: number): OutPacket => {
    const data = concat([packet.data.subarray(0, 54), payload.subarray(from, to)]);
    const view = new DataView(data.buffer);
    view.setUint16(16, 40 + (to - from));
    view.setUint32(38, (view.getUint32(38) + from) >>> 0);
    return { ...packet, data };
  };
  return [part(0, cut), part(Math.max(0, cut - overlap), payload.length)];
}

/** Prefixes of each sample that are analyzed, but of the smallest, which is cut everywhere. */
const PREFIXES = 60;

describe('the whole way from bytes to calls', () => {
  const sources = [
    earlyBound(),
    lateBound(),
    earlyBound({ encoding: { littleEndian: true, syntax: 'ndr64' }, maxFragment: 256 }),
  ];
  const expected = sources.map((source) => calls(analyze(captureOf(source.packets))).toSorted());

  it('gives the same calls when packets are cut, overlapped, repeated and moved', () => {
    fc.assert(
      fc.property(fc.nat(sources.length - 1), fc.infiniteStream(fc.nat(5000)), (which, random) => {
        const next = (): number => random.next().value as number;
        const packets = (sources[which] as { readonly packets: readonly OutPacket[] }).packets.flatMap((packet) => {
          const parts = next() % 3 === 0 ? resegment(packet, next(), next() % 20) : [packet];
          const all = next() % 7 === 0 ? [...parts, ...parts] : parts;
          return next() % 5 === 0 ? all.toReversed() : all;
        });
        expect(calls(analyze(captureOf(packets))).toSorted()).toEqual(expected[which]);
      }),
      { numRuns: 40 },
    );
  });

  it('gives calls and problems, never an exception, for prefixes of every sample, and every one of the smallest', () => {
    const samples = Object.values(SAMPLES).map((make) => make());
    const smallest = Math.min(...samples.map((bytes) => bytes.length));
    for (const bytes of samples) {
      // A prefix costs its length: the same number of them for all, so that a larger sample costs no square of its size.
      const stride = bytes.length === smallest ? 61 : Math.max(61, Math.floor(bytes.length / PREFIXES) | 1);
      for (let length = 0; length < bytes.length; length += stride) {
        const out = analyze(bytes.subarray(0, length));
        if (length > 4000) expect(out.length).toBeGreaterThan(0);
      }
    }
  });

  it('gives calls and problems, never an exception or a hang, for random mutations', () => {
    const samples = Object.values(SAMPLES).map((make) => make());
    const writer = new NdjsonWriter(names);
    fc.assert(
      fc.property(
        fc.nat(samples.length - 1),
        fc.array(fc.tuple(fc.nat(60_000), fc.nat(255)), { minLength: 1, maxLength: 60 }),
        (which, changes) => {
          const bytes = (samples[which] as Uint8Array).slice();
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          for (const item of analyze(bytes)) if (item.kind === 'call') JSON.parse(writer.call(item));
        },
      ),
      { numRuns: 250 },
    );
  });

  it('survives mutations of stubs only, which reach the decoders', () => {
    const packets = sources[1]?.packets ?? [];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(packets.length - 1), fc.integer({ min: 78, max: 400 }), fc.nat(255)), {
          minLength: 1,
          maxLength: 80,
        }),
        (changes) => {
          const copies = packets.map((packet) => ({ ...packet, data: packet.data.slice() }));
          for (const [which, at, value] of changes) {
            const data = copies[which]?.data;
            if (data !== undefined && at < data.length) data[at] = value;
          }
          const out = analyze(captureOf(copies));
          expect(out.filter((item) => item.kind === 'call').length).toBeGreaterThan(20);
        },
      ),
      { numRuns: 250 },
    );
  });
});
