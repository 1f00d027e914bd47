import { closeSync, openSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { pcapHeader, pcapRecord } from '../../src/capture/write.js';
import type { Frame } from '../../src/types.js';
import { framesIn } from '../support/read.js';

/** What a file of repeated captures holds. */
export interface Mixed {
  readonly bytes: number;
  readonly packets: number;
  /** Captures that are repeated, by name. */
  readonly sources: readonly string[];
}

/** Repetitions have hosts of their own: so many fit into an octet. */
const MOST = 65_536;
const ETHERNET = 1;
const TAG = 0x8100;
const IPV4 = 0x0800;
const TCP = 6;
const UDP = 17;
/** Packets that are written together. */
const TOGETHER = 4096;
/** Packets of a repetition in a second. */
const A_SECOND = 10_000;
/** Seconds between a repetition and the next. */
const PAUSE_S = 60;

interface Placed {
  readonly frame: Frame;
  /** Where the IPv4 header stands in the frame; null: there is none, and the frame stands in the first repetition only. */
  readonly ip: number | null;
}

/**
 * Writes captures again and again until the file has about `size` bytes: each repetition later, and between hosts of its
 * own (the second and third octet of IPv4 addresses, with checksums that fit), so that its connections are others.
 * Captures of other link layers than Ethernet are left out.
 */
export function repeat(path: string, size: number, captures: readonly string[]): Mixed {
  const sources: string[] = [];
  const placed: Placed[] = [];
  for (const capture of captures) {
    const frames = framesIn(capture).filter(({ linkType }) => linkType === ETHERNET);
    if (frames.length === 0) continue;
    sources.push(basename(capture));
    for (const frame of frames) placed.push({ frame, ip: ipv4Of(frame) });
  }
  const file = openSync(path, 'w');
  let bytes = writeSync(file, pcapHeader(ETHERNET));
  let packets = 0;
  for (let again = 0; again < MOST && bytes < size && placed.length > 0; again++) {
    const records: Uint8Array[] = [];
    for (const [at, { frame, ip }] of placed.entries()) {
      if (ip === null && again > 0) continue;
      const data = frame.block.u8.slice(frame.start, frame.end);
      if (ip !== null) moveHosts(data, ip, again);
      const timeS = 1_790_000_000 + again * PAUSE_S + Math.floor(at / A_SECOND);
      const timeNs = (at % A_SECOND) * (1e9 / A_SECOND);
      records.push(pcapRecord({ timeS, timeNs, data, wireLength: frame.wireLength }));
      packets++;
      if (records.length >= TOGETHER) bytes += writeSync(file, Buffer.concat(records.splice(0)));
    }
    bytes += writeSync(file, Buffer.concat(records));
  }
  closeSync(file);
  return { bytes, packets, sources };
}

function ipv4Of({ block, start, end }: Frame): number | null {
  let at = 12;
  while (start + at + 2 <= end && block.view.getUint16(start + at) === TAG) at += 4;
  if (start + at + 22 > end || block.view.getUint16(start + at) !== IPV4) return null;
  return at + 2;
}

/** Gives a packet other hosts, and keeps its checksums as right or wrong as they were (RFC 1624 3). */
function moveHosts(data: Uint8Array, ip: number, by: number): void {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const header = ((data[ip] as number) & 15) * 4;
  const protocol = data[ip + 9];
  const first = (view.getUint16(ip + 6) & 0x1fff) === 0;
  const sums = [ip + 10];
  if (first && protocol === TCP) sums.push(ip + header + 16);
  if (first && protocol === UDP) sums.push(ip + header + 6);
  for (const at of [ip + 12, ip + 14, ip + 16, ip + 18]) {
    // The second octet stands in the first word of an address, the third in its second one.
    const change = (at - ip) % 4 === 0 ? by >>> 8 : (by & 0xff) << 8;
    const before = view.getUint16(at);
    const after = before ^ change;
    view.setUint16(at, after);
    for (const sum of sums)
      if (sum + 2 <= data.length) view.setUint16(sum, adjusted(view.getUint16(sum), before, after));
  }
}

function adjusted(sum: number, before: number, after: number): number {
  let total = (~sum & 0xffff) + (~before & 0xffff) + after;
  total = (total & 0xffff) + (total >>> 16);
  total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}
