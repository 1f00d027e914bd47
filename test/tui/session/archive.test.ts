import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Analyzer, type AnalyzerOutput } from '../../../src/analysis/analyzer.js';
import { blockOf } from '../../../src/bytes/block.js';
import { JsonBytes } from '../../../src/bytes/json.js';
import { CaptureReader, type CaptureOutput } from '../../../src/capture/reader.js';
import {
  ARCHIVE_BLOCK,
  ARCHIVE_CACHED_BLOCKS,
  CallArchive,
  type BlockStore,
} from '../../../src/tui/session/archive.js';
import { LocalParts } from '../../../src/tui/session/ordinary-packing.js';
import { MAX_SHARED, SharedParts } from '../../../src/tui/session/shared.js';
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

/** All that a call says; what is read when it is asked for is no property of its own. */
function names(): (keyof Call)[] {
  return Object.keys(callsOf(shippedCaptures()[0] ?? '')[0] ?? {}) as (keyof Call)[];
}
const NAMES = names();

function plain(call: Call | null): unknown {
  return call === null
    ? null
    : {
        ...Object.fromEntries(NAMES.map((name) => [name, call[name]])),
        exchange: {
          ...call.exchange,
          request: plainStub(call.exchange.request),
          response: plainStub(call.exchange.response),
        },
      };
}

/**
 * What an archive gives back of a capture read so many times, whose ordinary calls are put into it as they come, their
 * values unread.
 */
function keptOf(path: string, times: number, archive = new CallArchive()): CallArchive {
  const bytes = new Uint8Array(readFileSync(path));
  const items: CaptureOutput[] = [];
  new CaptureReader().push(blockOf(bytes), 0, bytes.length, items);
  for (let time = 0; time < times; time++) {
    const analyzer = new Analyzer({ registry: known.registry, text: new JsonBytes() });
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
  }
  return archive;
}

/** A store that forgets nothing by itself, and is told what to. */
class HoldingStore implements BlockStore {
  readonly inMemory = 0;
  private readonly blocks = new Map<number, Uint8Array>();
  begin = 0;
  size = 0;
  forgotten = 0;

  add(bytes: Uint8Array): number {
    this.blocks.set(this.size, bytes.slice());
    this.size += bytes.length;
    return this.size - bytes.length;
  }

  read(at: number, size: number): Uint8Array {
    const block = this.blocks.get(at);
    expect(block?.length).toBe(size);
    return block ?? new Uint8Array();
  }

  forget(before: number): void {
    this.forgotten = before;
  }
}

/** The same without its number, which is that of the first reading. */
function unnumbered(call: Call | null): unknown {
  return call === null ? null : { ...(plain(call) as object), id: 0 };
}

describe('the archive of calls', () => {
  const all = shippedCaptures().flatMap(callsOf);

  it.each(shippedCaptures())('decodes what is ordinary when it is looked at, to the same: %s', (path) => {
    const calls = callsOf(path);
    // Some lie in blocks that were shut and left the cache, some in the one that is written.
    const times = Math.ceil((ARCHIVE_BLOCK * 2.5) / calls.length);
    const archive = keptOf(path, times);
    expect(archive.count).toBe(calls.length * times);
    for (let index = 0; index < archive.count; index++) {
      const kept = archive.get(index);
      expect(unnumbered(kept)).toEqual(unnumbered(calls[index % calls.length] ?? null));
      expect(archive.get(index)).toBe(kept);
    }
  });

  it('keeps parts that no table has room for with the calls of their block', () => {
    const shared = new SharedParts();
    const object = { ipid: 'a', oid: 'b', oxid: 'c', label: 'd' };
    for (let i = 0; i < MAX_SHARED; i++) shared.objects.put(`${i}`, { ...object, label: `${i}` });
    expect(shared.objectOf(object)).toBe(object);
    const local = new LocalParts();
    const [first, second, third] = [local.put(object), local.put(7), local.put(shared.objectOf(object))];
    expect(third).toBe(first);
    const again = new LocalParts(structuredClone(local.parts));
    expect([again.get(first, shared.objects), again.get(second, shared.objects)?.label]).toEqual([object, '7']);
  });

  it('lets the oldest go past a number of calls, and where their store has them no more', () => {
    const store = new HoldingStore();
    const archive = new CallArchive(2 ** 30, store, ARCHIVE_BLOCK * 3);
    for (let i = 0; i < 20; i++) for (const call of all) archive.add(call);
    const blocks = Math.floor(archive.count / ARCHIVE_BLOCK);
    expect(archive.gone).toBe((blocks - 3) * ARCHIVE_BLOCK);
    expect(archive.get(archive.gone - 1)).toBeNull();
    expect(archive.get(archive.gone)).not.toBeNull();
    expect(store.forgotten).toBeGreaterThan(0);
    // What the store lost is gone too, with the next block that is shut.
    store.begin = store.size;
    for (let i = 0; i < ARCHIVE_BLOCK; i++) archive.add(all[0] as Call);
    expect(archive.gone).toBe(blocks * ARCHIVE_BLOCK);
    expect(archive.get(archive.gone)).not.toBeNull();
  });

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
