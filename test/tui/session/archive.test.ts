import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Analyzer, type AnalyzerOutput } from '../../../src/analysis/analyzer.js';
import { blockOf } from '../../../src/bytes/block.js';
import { JsonBytes } from '../../../src/bytes/json.js';
import { CaptureReader, type CaptureOutput } from '../../../src/capture/reader.js';
import { ARCHIVE_BLOCK, ARCHIVE_CACHED_BLOCKS, CallArchive } from '../../../src/tui/session/archive.js';
import { knowledge } from '../../../src/io/knowledge.js';
import type { Call, Stub } from '../../../src/types.js';
import { shippedCaptures } from '../../support/captures.js';

const known = knowledge();

function callsOf(path: string): Call[] {
  const bytes = new Uint8Array(readFileSync(path));
  const items: CaptureOutput[] = [];
  new CaptureReader().push(blockOf(bytes), 0, bytes.length, items);
  const analyzer = new Analyzer({ registry: known.registry });
  const out: AnalyzerOutput[] = [];
  for (const item of items) if (item.kind === 'frame') analyzer.push(item, out);
  analyzer.end(out);
  return out.filter((one): one is Call => one.kind === 'call');
}

/** A stub by its bytes: where in which block they lie does not matter. */
function plainStub(stub: Stub | null): unknown {
  if (stub === null) return null;
  const { block, start, end, drep, frames, pieces, fragments, complete, sealed, verification } = stub;
  const rest = { drep, frames, pieces, fragments, complete, sealed, verification };
  return { ...rest, bytes: Buffer.from(block.u8.subarray(start, end)).toString('hex') };
}

function plain(call: Call | null): unknown {
  return call === null
    ? null
    : {
        ...call,
        exchange: {
          ...call.exchange,
          request: plainStub(call.exchange.request),
          response: plainStub(call.exchange.response),
        },
      };
}

/** What an archive gives back of a capture whose ordinary calls are put into it as they come, their values unread. */
function keptOf(path: string): CallArchive {
  const bytes = new Uint8Array(readFileSync(path));
  const items: CaptureOutput[] = [];
  new CaptureReader().push(blockOf(bytes), 0, bytes.length, items);
  const analyzer = new Analyzer({ registry: known.registry, text: new JsonBytes() });
  const archive = new CallArchive();
  const out: AnalyzerOutput[] = [];
  const keep = (): void => {
    for (const one of out) if (one.kind === 'call') archive.add(one);
    out.length = 0;
  };
  for (const item of items) {
    if (item.kind !== 'frame') continue;
    analyzer.push(item, out);
    keep();
  }
  analyzer.end(out);
  keep();
  return archive;
}

describe('the archive of calls', () => {
  it.each(shippedCaptures())('decodes what is ordinary when it is looked at, to the same: %s', (path) => {
    const archive = keptOf(path);
    const calls = callsOf(path);
    expect(archive.count).toBe(calls.length);
    for (const [index, call] of calls.entries()) {
      const kept = archive.get(index);
      expect(plain(kept)).toEqual(plain(call));
      expect(archive.get(index)).toBe(kept);
    }
  });

  const all = shippedCaptures().flatMap(callsOf);

  it.each(shippedCaptures())('gives back every call as it was: %s', (path) => {
    const calls = callsOf(path);
    const archive = new CallArchive();
    // So often that what was added first left the cache, and is unpacked; some at the end are still open.
    const rounds = Math.ceil(((ARCHIVE_CACHED_BLOCKS + 2) * ARCHIVE_BLOCK) / calls.length) + 1;
    for (let i = 0; i < rounds; i++) for (const call of calls) archive.add(call);
    expect(archive.get(0)).not.toBe(calls[0]);
    for (let index = 0; index < calls.length; index++)
      expect(plain(archive.get(index))).toEqual(plain(calls[index] ?? null));
    expect(plain(archive.get(archive.count - 1))).toEqual(plain(calls.at(-1) ?? null));
  });

  it('lets the oldest go when memory is used up, and says how many', () => {
    const archive = new CallArchive(20_000);
    for (let i = 0; i < 20; i++) for (const call of all) archive.add(call);
    expect(archive.bytes).toBeLessThan(20_000 + 40_000);
    expect(archive.gone).toBeGreaterThan(0);
    expect(archive.get(archive.gone - 1)).toBeNull();
    expect(archive.get(archive.gone)).not.toBeNull();
    expect(archive.get(archive.count - 1)).not.toBeNull();
    expect(archive.get(archive.count)).toBeNull();
    expect(archive.get(-1)).toBeNull();
  });
});
