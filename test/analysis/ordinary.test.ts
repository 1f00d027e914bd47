import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrdinaryCall } from '../../src/analysis/ordinary.js';
import { blockOf } from '../../src/bytes/block.js';
import { JsonBytes } from '../../src/bytes/json.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { knowledge } from '../../src/io/knowledge.js';
import { NdjsonWriter } from '../../src/output/ndjson.js';
import { Pipeline, type CaptureRecord } from '../../src/pipeline/pipeline.js';
import type { Call } from '../../src/types.js';
import { generate } from '../bench/generate.js';
import { shippedCaptures } from '../support/captures.js';

const { registry, names } = knowledge();
const captures = shippedCaptures().map((path) => new Uint8Array(readFileSync(path)));

/** Every record of a capture as a line; `text`: arguments of ordinary calls go to JSON without becoming values. */
function lines(bytes: Uint8Array, text: boolean, each: (call: Call) => void = () => undefined): readonly string[] {
  const reader = new CaptureReader();
  const items: CaptureOutput[] = [];
  reader.push(blockOf(bytes), 0, bytes.length, items);
  reader.end(items);
  const pipeline = new Pipeline({
    registry,
    nameOf: (value) => names.hresult(value),
    ...(text ? { text: new JsonBytes() } : {}),
  });
  const writer = new NdjsonWriter(names);
  const out: CaptureRecord[] = [];
  const found: string[] = [];
  const take = (): void => {
    for (const record of out.splice(0)) {
      if (record.kind === 'call') {
        each(record);
        found.push(writer.call(record));
      } else found.push(record.kind === 'finding' ? writer.finding(record) : JSON.stringify(record));
    }
  };
  for (const item of items) {
    pipeline.push(item, out);
    take();
  }
  pipeline.end(out);
  take();
  return found;
}

describe('ordinary calls', () => {
  it('are written as their values would be, in every shipped capture', () => {
    let ordinary = 0;
    for (const bytes of captures) {
      const values = lines(bytes, false, (call) => expect(call).not.toBeInstanceOf(OrdinaryCall));
      const texts = lines(bytes, true, (call) => {
        if (call instanceof OrdinaryCall) ordinary++;
      });
      expect(texts).toEqual(values);
    }
    expect(ordinary).toBeGreaterThan(100);
  }, 60_000);

  it('are left to the careful way where anything is wrong with them', () => {
    const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { maxLength: 40 });
    let [ordinary, calls] = [0, 0];
    fc.assert(
      fc.property(fc.nat(captures.length - 1), damage, (which, changes) => {
        const bytes = (captures[which] ?? new Uint8Array(0)).slice();
        // The headers of the file stay: damage to them ends the reading.
        for (const [at, value] of changes) bytes[200 + Math.floor(at * (bytes.length - 201))] = value;
        const texts = lines(bytes, true, (call) => {
          calls++;
          if (call instanceof OrdinaryCall) ordinary++;
        });
        expect(texts).toEqual(lines(bytes, false));
      }),
      { numRuns: 60, seed: 7 },
    );
    expect(ordinary).toBeGreaterThan(0);
    expect(calls).toBeGreaterThan(ordinary);
  }, 60_000);

  it.each([
    ['bytes behind every response', { damagedStubs: true }],
    ['late-bound calls', { late: true }],
    ['late-bound calls with bytes behind every response', { late: true, damagedStubs: true }],
  ])('are written as their values would be, of generated traffic: %s', (_, traffic) => {
    const folder = mkdtempSync(join(tmpdir(), 'uamgscope-ordinary-'));
    try {
      const path = join(folder, 'generated.pcap');
      const { calls } = generate(path, 300_000, traffic);
      const bytes = new Uint8Array(readFileSync(path));
      let ordinary = 0;
      const texts = lines(bytes, true, (call) => {
        if (call instanceof OrdinaryCall) ordinary++;
        expect(call.problems).toHaveLength('damagedStubs' in traffic ? 1 : 0);
      });
      expect(texts).toEqual(lines(bytes, false));
      expect(ordinary / calls).toBeGreaterThan('late' in traffic ? 0.6 : 0.3);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are decoded when somebody looks', () => {
    const eager: Call[] = [];
    for (const capture of captures.slice(0, 6)) lines(capture, false, (call) => eager.push(call));
    let at = 0;
    for (const capture of captures.slice(0, 6))
      lines(capture, true, (call) => {
        const other = eager[at++];
        expect([call.in, call.out, call.causality, call.time, call.server, call.requestFrames]).toEqual([
          other?.in,
          other?.out,
          other?.causality,
          other?.time,
          other?.server,
          other?.requestFrames,
        ]);
      });
    expect(at).toBe(eager.length);
    expect(at).toBeGreaterThan(0);
  });
});
