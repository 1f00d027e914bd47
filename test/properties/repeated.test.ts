import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Frame } from '../../src/types.js';
import { repeat } from '../bench/mixed.js';
import { recordsOf } from '../support/capture-calls.js';
import { framesIn } from '../support/read.js';
import { ROOT } from '../support/shared.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-repeated-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whether the checksum of an IPv4 header in Ethernet is right (RFC 791 3.1). */
function isSummed({ block, start }: Frame): boolean {
  let sum = 0;
  for (let at = start + 14; at < start + 34; at += 2) sum += block.view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff;
}

it('repeats the calls of captures between other hosts, with checksums as they were', async () => {
  const source = `${ROOT}/captures/wua-session.pcapng`;
  const path = join(folder, 'repeated.pcap');
  const { packets } = repeat(path, 100_000, [source]);
  const once = await recordsOf([source]);
  const all = await recordsOf([path]);
  const calls = (records: typeof all): number => records.filter(({ kind }) => kind === 'call').length;
  expect(packets % framesIn(source).length).toBe(0);
  const times = packets / framesIn(source).length;
  expect(times).toBeGreaterThan(2);
  expect(calls(all)).toBe(times * calls(once));
  const clients = new Set(all.flatMap((one) => (one.kind === 'call' ? [one.client.address] : [])));
  expect(clients.size).toBe(times);
  const right = framesIn(source).map(isSummed);
  expect(framesIn(path).map(isSummed)).toEqual(Array.from({ length: times }, () => right).flat());
});
