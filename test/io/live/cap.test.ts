import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { blockOf } from '../../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../../src/capture/reader.js';
import type { CapDevice } from '../../../src/io/live/cap.js';
import { LiveCapture, type LiveOptions } from '../../../src/io/live/capture.js';
import { CaptureFiles } from '../../../src/io/live/files.js';
import { PLAIN_FILTER } from '../../../src/io/live/tools.js';
import type { Frame } from '../../../src/types.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-cap-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The package as its documentation has it: packets are written into the buffer that `open` was given, then told of. */
class Device implements CapDevice {
  static last: Device | null = null;
  static link = 'ETHERNET';
  static refuses: string | null = null;
  opened: readonly [device: string, filter: string, size: number] | null = null;
  closed = 0;
  private buffer: Uint8Array = new Uint8Array(0);
  private tell: ((bytes: number, truncated: boolean) => void) | null = null;

  constructor() {
    Device.last = this;
  }

  open(device: string, filter: string, size: number, buffer: Buffer): string {
    if (Device.refuses !== null) throw new Error(Device.refuses);
    this.opened = [device, filter, size];
    this.buffer = buffer;
    return Device.link;
  }

  on(_event: 'packet', listener: (bytes: number, truncated: boolean) => void): void {
    this.tell = listener;
  }

  close(): void {
    this.closed++;
  }

  packet(bytes: Uint8Array): void {
    this.buffer.set(bytes);
    this.tell?.(bytes.length, false);
  }
}

/** A capture, and what captures once it does. */
function capture(options: Partial<LiveOptions> = {}): { readonly live: LiveCapture; readonly began: Promise<string> } {
  let tell: (by: string) => void = () => undefined;
  const began = new Promise<string>((resolve) => {
    tell = resolve;
  });
  return {
    live: new LiveCapture({
      iface: 'eth7',
      filter: null,
      backend: 'cap',
      files: null,
      env: {},
      cap: async () => Device,
      began: tell,
      ...options,
    }),
    began,
  };
}

describe('the backend cap', () => {
  it('gives packets with the time at which they came, and keeps them', async () => {
    Device.link = 'ETHERNET';
    const kept = join(folder, 'cap.pcapng');
    const { live, began } = capture({ files: new CaptureFiles(kept) });
    const frames: Frame[] = [];
    const before = Date.now() / 1000;
    const reading = (async () => {
      for await (const { items, dropped } of live.batches()) {
        for (const item of items) if (item.kind === 'frame') frames.push(item);
        expect(dropped).toEqual({ kernel: null, ours: 0 });
        if (frames.length === 3) live.stop();
      }
    })();
    expect(await began).toBe('cap');
    // One buffer for all of them: each has to be copied before the next.
    for (const size of [60, 1514, 65_000]) Device.last?.packet(new Uint8Array(size).fill(size));
    await reading;
    expect(Device.last?.opened?.slice(0, 2)).toEqual(['eth7', PLAIN_FILTER]);
    expect(Device.last?.closed).toBe(1);
    expect(
      frames.map(({ number, start, end, block, linkType }) => [number, end - start, block.u8[start], linkType]),
    ).toEqual([
      [1, 60, 60, 1],
      [2, 1514, 1514 & 0xff, 1],
      [3, 65_000, 65_000 & 0xff, 1],
    ]);
    for (const { timeS, timeNs } of frames) expect(timeS + timeNs / 1e9).toBeGreaterThanOrEqual(before - 0.001);
    const items: CaptureOutput[] = [];
    const bytes = new Uint8Array(readFileSync(kept));
    const reader = new CaptureReader();
    reader.push(blockOf(bytes), 0, bytes.length, items);
    reader.end(items);
    expect(items.map((item) => (item.kind === 'frame' ? item.end - item.start : item.code))).toEqual([
      60, 1514, 65_000,
    ]);
  });

  it.each([
    ['NULL', 0],
    ['RAW', 101],
    ['LINKTYPE_LINUX_SLL', 113],
  ])('knows %s', async (link, type) => {
    Device.link = link;
    const { live, began } = capture({ filter: 'tcp' });
    const batches = live.batches();
    const first = batches.next();
    await began;
    Device.last?.packet(Uint8Array.of(1, 2, 3));
    expect((await first).value).toMatchObject({ items: [{ linkType: type }] });
    expect(Device.last?.opened?.[1]).toBe('tcp');
    live.stop();
    expect((await batches.next()).done).toBe(true);
  });

  it('leaves out what is too much for the decoder, and counts it', async () => {
    const { live, began } = capture({ backlog: 1000 });
    const batches = live.batches();
    const first = batches.next();
    await began;
    for (let i = 0; i < 20; i++) Device.last?.packet(new Uint8Array(100));
    expect((await first).value?.items.length).toBe(10);
    expect(live.dropped).toEqual({ kernel: null, ours: 10 });
    live.stop();
    await batches.return(undefined);
  });

  it.each([
    ['eth7: No such device exists', 'there is no interface eth7: live --list'],
    ["can't parse filter expression: syntax error", 'the filter is not understood'],
    ['socket: Operation not permitted', 'cap may not capture on eth7: run as root'],
  ])('says what to do about "%s"', async (said, message) => {
    Device.refuses = said;
    const reading = capture().live.batches().next();
    await expect(reading).rejects.toThrow(message);
    Device.refuses = null;
  });

  it('says how it is installed where it is not', async () => {
    await expect(
      capture({ cap: async () => null })
        .live.batches()
        .next(),
    ).rejects.toThrow('npm install cap');
  });
});
