import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'pcap-parser';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { sharedCaptures } from '../support/shared.js';
import { shippedCaptures } from '../support/captures.js';

type Row = readonly [seconds: number, microseconds: number, captured: number, original: number, first: string];

/** What the independent reader says: it knows classic microsecond files only. */
async function theirs(path: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const parser = parse(path);
  await new Promise<void>((resolve, reject) => {
    parser.on('packet', ({ header, data }) =>
      rows.push([
        header.timestampSeconds,
        header.timestampMicroseconds,
        header.capturedLength,
        header.originalLength,
        data.subarray(0, 64).toString('hex'),
      ]),
    );
    parser.on('end', resolve);
    parser.on('error', reject);
  });
  return rows;
}

function ours(path: string): readonly Row[] {
  const bytes = new Uint8Array(readFileSync(path));
  const reader = new CaptureReader();
  const out: CaptureOutput[] = [];
  reader.push(blockOf(bytes), 0, bytes.length, out);
  reader.end(out);
  return out
    .filter((item) => item.kind === 'frame')
    .map((frame) => [
      frame.timeS,
      frame.timeNs / 1000,
      frame.end - frame.start,
      frame.wireLength,
      Buffer.from(bytes.subarray(frame.start, Math.min(frame.end, frame.start + 64))).toString('hex'),
    ]);
}

describe('classic captures against the package pcap-parser', () => {
  const paths = [...sharedCaptures(), ...shippedCaptures()].filter((path) => path.endsWith('.pcap'));
  for (const path of paths) {
    it(`reads ${path.split('/').pop() ?? path} alike`, async () => {
      const rows = await theirs(path);
      expect(rows.length).toBeGreaterThan(0);
      expect(ours(path)).toEqual(rows);
    });
  }
});
