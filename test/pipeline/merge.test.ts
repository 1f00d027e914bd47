import { describe, expect, it } from 'vitest';
import { blockOf } from '../../src/bytes/block.js';
import type { Batch } from '../../src/pipeline/batch.js';
import { mergeByTime, type MergedBatch } from '../../src/pipeline/merge.js';
import { Pipeline } from '../../src/pipeline/pipeline.js';
import { readCapture } from '../../src/pipeline/read-capture.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Frame, Problem } from '../../src/types.js';

/** Files by name: a list of batches of times in seconds; a text is damage, null a packet without a time. */
type Files = Readonly<Record<string, readonly (readonly (number | string | null)[])[]>>;

const BLOCK = blockOf(new Uint8Array(1));

function item(value: number | string | null, number: number): Frame | Problem {
  if (typeof value === 'string')
    return { kind: 'problem', layer: 'capture', code: 'capture-truncated', message: value, spec: null, at: {} };
  return {
    kind: 'frame',
    number,
    timeS: value ?? 0,
    timeNs: 0,
    hasTime: value !== null,
    linkType: 1,
    block: BLOCK,
    start: 0,
    end: 1,
    wireLength: 1,
    interfaceId: 0,
    offset: 0,
  };
}

/** Opens such files; `open` counts those that are open at once, and `most` how many there were. */
class Disk {
  open = 0;
  most = 0;
  private readonly files: Files;
  private readonly size: number | null;

  constructor(files: Files, size: number | null = 100) {
    this.files = files;
    this.size = size;
  }

  async *read(path: string): AsyncGenerator<Batch> {
    this.most = Math.max(this.most, ++this.open);
    try {
      for (const batch of this.files[path] ?? [])
        yield { items: batch.map((value, i) => item(value, i + 1)), read: 50, size: this.size };
    } finally {
      this.open--;
    }
  }
}

async function merged(disk: Disk, files: readonly string[]): Promise<readonly MergedBatch[]> {
  const all: MergedBatch[] = [];
  for await (const batch of mergeByTime(files, (path) => disk.read(path))) all.push(batch);
  return all;
}

/** `file:number@time` */
function told(batches: readonly MergedBatch[]): string {
  return batches
    .flatMap(({ parts }) => parts)
    .map(({ file, item: one }) =>
      one.kind === 'frame' ? `${file}:${one.number}@${one.hasTime ? one.timeS : '-'}` : `${file}:${one.message}`,
    )
    .join(' ');
}

describe('several captures', () => {
  it('are read by the time of their packets, numbered as they come', async () => {
    const disk = new Disk({
      a: [
        [1, 4],
        [5, 9],
      ],
      b: [[2, 3, 6]],
    });
    expect(told(await merged(disk, ['a', 'b']))).toBe('0:1@1 1:2@2 1:3@3 0:4@4 0:5@5 1:6@6 0:7@9');
    expect(told(await merged(disk, ['b', 'a']))).toBe('1:1@1 0:2@2 0:3@3 1:4@4 1:5@5 0:6@6 1:7@9');
    expect(disk.open).toBe(0);
  });

  it('keep the order of each of them, and that of their names among equal times', async () => {
    const disk = new Disk({ a: [[5, 3, 7]], b: [[5, 6]] });
    expect(told(await merged(disk, ['a', 'b']))).toBe('0:1@5 0:2@3 1:3@5 1:4@6 0:5@7');
  });

  it('may hold damage, packets without a time, or nothing', async () => {
    const disk = new Disk({ a: [['broken', null, 4]], b: [], c: [[], [1]] });
    const batches = await merged(disk, ['a', 'b', 'c']);
    expect(told(batches)).toBe('2:1@1 0:broken 0:2@- 0:3@4');
    expect(batches.flatMap(({ ended }) => ended.map(({ file }) => file))).toEqual([1, 2, 0]);
  });

  it('are open only while their packets come: a ring may be a thousand files', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `ring-${i}`);
    const disk = new Disk(Object.fromEntries(names.map((name, i) => [name, [[i * 10, i * 10 + 5], [i * 10 + 9]]])));
    const batches = await merged(disk, names.toReversed());
    expect(batches.flatMap(({ parts }) => parts).length).toBe(900);
    expect(disk.most).toBeLessThanOrEqual(2);
    // What cannot be read twice stays open.
    const pipes = new Disk({ a: [[1], [3]], b: [[2]] }, null);
    expect(told(await merged(pipes, ['a', 'b']))).toBe('0:1@1 1:2@2 0:3@3');
    expect(pipes.most).toBe(2);
  });

  it('are closed when the reader stops', async () => {
    const disk = new Disk({ a: [[1], [3]], b: [[2], [4]] }, null);
    for await (const batch of mergeByTime(['a', 'b'], (path) => disk.read(path))) if (batch.parts.length > 0) break;
    expect(disk.open).toBe(0);
  });

  it('name the file that is damaged', async () => {
    const disk = new Disk({ a: [[1]], b: [['cut']] });
    const known = knowledge();
    const said: string[] = [];
    await readCapture(['a', 'b'], {
      open: (path) => disk.read(path),
      pipeline: new Pipeline({ registry: known.registry, nameOf: () => null }),
      take: (record) => void (record.kind === 'problem' && said.push(record.message)),
    });
    expect(said[0]).toBe('b: cut');
  });
});
