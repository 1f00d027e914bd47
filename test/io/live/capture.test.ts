import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { blockOf } from '../../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../../src/capture/reader.js';
import { pcapHeader, pcapRecord } from '../../../src/capture/write.js';
import { LiveCapture, type LiveBatch, type LiveOptions } from '../../../src/io/live/capture.js';
import { CaptureFiles } from '../../../src/io/live/files.js';
import type { Frame } from '../../../src/types.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-pump-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PACKETS = 3000;
const SIZE = 1000;
const packets = join(folder, 'packets.pcap');
writeFileSync(
  packets,
  Buffer.concat([
    pcapHeader(1),
    ...Array.from({ length: PACKETS }, (_, at) =>
      pcapRecord({ timeS: 1_800_000_000 + at, timeNs: at, data: new Uint8Array(SIZE).fill(at) }),
    ),
  ]),
);

/** An environment in which tcpdump is a script of ours. */
function tool(script: string): Pick<LiveOptions, 'env'> {
  const bin = mkdtempSync(join(folder, 'bin-'));
  writeFileSync(join(bin, 'tcpdump'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, 'tcpdump'), 0o755);
  return { env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } };
}

function capture(options: Partial<LiveOptions> & Pick<LiveOptions, 'env'>): LiveCapture {
  return new LiveCapture({ iface: 'any', filter: 'tcp', backend: 'tcpdump', files: null, ...options });
}

async function framesIn(batches: AsyncIterable<LiveBatch>): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const { items } of batches) for (const item of items) if (item.kind === 'frame') frames.push(item);
  return frames;
}

function framesOfFile(path: string): Frame[] {
  const items: CaptureOutput[] = [];
  const bytes = new Uint8Array(readFileSync(path));
  const reader = new CaptureReader();
  reader.push(blockOf(bytes), 0, bytes.length, items);
  reader.end(items);
  return items.filter((item): item is Frame => item.kind === 'frame');
}

function facts({ number, timeS, timeNs, linkType, wireLength, start, end, block }: Frame): unknown {
  return [number, timeS, timeNs, linkType, wireLength, end - start, block.u8[start]];
}

// The script goes when it is told to end, as the tool would.
const STAY = "trap 'exit 0' INT TERM; while :; do sleep 0.05; done";

/** What is awaited here comes from another process, which a busy machine may let wait; nothing is judged by the clock. */
const PATIENCE_MS = 120_000;

describe('a live capture', { timeout: PATIENCE_MS }, () => {
  it('gives every packet as it is in the file, and in the file of -w', async () => {
    const kept = join(folder, 'kept.pcapng');
    const live = capture({ ...tool(`cat '${packets}'; ${STAY}`), files: new CaptureFiles(kept) });
    const frames: Frame[] = [];
    for await (const { items } of live.batches()) {
      for (const item of items) if (item.kind === 'frame') frames.push(item);
      if (frames.length === PACKETS) live.stop();
    }
    expect(frames.map(facts)).toEqual(framesOfFile(packets).map(facts));
    expect(framesOfFile(kept).map(facts)).toEqual(frames.map(facts));
    expect(live.count).toBe(PACKETS);
  });

  it('takes packets from the tool while the decoder is busy', async () => {
    const done = join(folder, 'done');
    const kept = join(folder, 'busy.pcapng');
    const live = capture({ ...tool(`cat '${packets}'; : > '${done}'; ${STAY}`), files: new CaptureFiles(kept) });
    let seen = 0;
    let waited = 0;
    for await (const { items } of live.batches()) {
      // Nothing else runs on this thread until the tool has got rid of all it had.
      for (const began = performance.now(); items.length > 0 && !existsSync(done) && waited < PATIENCE_MS; )
        waited = performance.now() - began;
      seen += items.length;
      if (seen === PACKETS) live.stop();
    }
    expect(waited).toBeLessThan(PATIENCE_MS);
    expect(framesOfFile(kept).length).toBe(PACKETS);
  });

  it('leaves out what is too much for the decoder, counts it, and keeps it in the file', async () => {
    const kept = join(folder, 'much.pcapng');
    const live = capture({ ...tool(`cat '${packets}'; exit 0`), files: new CaptureFiles(kept), backlog: 200_000 });
    const batches = live.batches();
    const first = await batches.next();
    while (framesOfFile(kept).length < PACKETS) await sleep(20);
    let given = first.done === true ? 0 : first.value.items.length;
    await expect(
      (async () => {
        for await (const { items } of batches) given += items.length;
      })(),
    ).rejects.toThrow('ended without a word');
    expect(live.count).toBe(PACKETS);
    expect(live.dropped.ours).toBe(PACKETS - given);
    expect(live.dropped.ours).toBeGreaterThan(PACKETS / 2);
    expect(given).toBeGreaterThan(0);
  });

  it('says why a tool ended before it captured, and leaves a file that opens', async () => {
    const kept = join(folder, 'none.pcapng');
    const live = capture({
      ...tool("echo 'tcpdump: eth9: No such device exists' >&2; exit 1"),
      files: new CaptureFiles(kept),
    });
    await expect(framesIn(live.batches())).rejects.toThrow('there is no interface any');
    expect(framesOfFile(kept)).toEqual([]);
  });

  it('ends when it is stopped before the tool said anything, and takes the tool along', async () => {
    const begun = join(folder, 'begun');
    const gone = join(folder, 'gone');
    const live = capture(tool(`trap ': > "${gone}"; exit 0' INT; : > '${begun}'; while :; do sleep 0.05; done`));
    const frames = framesIn(live.batches());
    while (!existsSync(begun)) await sleep(20);
    live.stop();
    expect(await frames).toEqual([]);
    expect(existsSync(gone)).toBe(true);
  });

  it('tells what the kernel dropped', async () => {
    const live = capture(tool(`cat '${packets}'; echo '5 packets dropped by kernel' >&2; ${STAY}`));
    let seen = 0;
    for await (const { items, dropped } of live.batches()) {
      seen += items.length;
      if (seen === PACKETS && dropped.kernel === 5) live.stop();
    }
    expect(live.dropped).toEqual({ kernel: 5, ours: 0 });
  });
});
