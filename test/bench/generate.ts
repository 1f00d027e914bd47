import { closeSync, openSync, writeSync } from 'node:fs';
import { Session, type SampleCall } from '../../captures/make/session.js';
import { Connection, host4, Trace } from '../../captures/make/wire.js';
import { pcapHeader, pcapRecord } from '../../src/capture/write.js';
import type { Value } from '../../src/types.js';

/** What a generated capture holds. */
export interface Generated {
  readonly bytes: number;
  readonly packets: number;
  readonly calls: number;
}

/** Connections that take turns. */
export const CONNECTIONS = 40;
/** One of so many connections carries signatures. */
const SIGNED_EVERY = 4;

/** A small generator with a fixed seed (xorshift32): the same capture on every run. */
class Random {
  private state = 0x9e3779b9;

  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }
}

const TITLES = [
  '2026-11 Cumulative Update for Windows Server 2025 for x64-based Systems (KB5070881)', 'Windows 用の悪意のあるソフトウェアの削除ツール x64 (KB890830)',
  'Обновление .NET Framework 4.8.1 для Windows Server (KB5068123)', 'Security Intelligence Update for Microsoft Defender Antivirus - KB2267602', 'Contoso - Net - 12.4.5.6',
];
const LONG = 'Install this update to resolve issues in Windows. '.repeat(60);

function ipid(index: number): string {
  return `${(0x1000 + index).toString(16).padStart(8, '0')}-0d2c-1a40-9f00-6d1c2b3a4f5e`;
}

function pointer(index: number): { readonly [name: string]: Value } {
  return {
    iid: '6a92b07a-d821-4682-b423-5c805022cc4d', kind: 'standard', flags: 0, cPublicRefs: 5, oxid: '0x8a1f22c3d4e5f607', oid: `0x5c3e0000${(index >>> 0).toString(16).padStart(8, '0')}`, ipid: ipid(index),
    bindings: { stringBindings: [{ towerId: 7, networkAddr: '192.0.2.9' }], securityBindings: [{ authnSvc: 10, princName: '' }] },
  };
}

/** Eight getters of ten, objects handed out, and now and then an answer of several segments. */
function nextCall(random: Random, index: number): SampleCall {
  const on = { interface: 'IUpdate', ipid: ipid(index & 0xffff) };
  const kind = random.below(20);
  if (kind < 7) return { ...on, method: 'Title', out: { retval: TITLES[random.below(TITLES.length)] ?? '' } };
  if (kind < 10) return { ...on, method: 'IsMandatory', out: { retval: random.below(2) === 0 } };
  if (kind < 12) return { ...on, method: 'Type', out: { retval: 'utSoftware' } };
  if (kind < 14) return { ...on, method: 'LastDeploymentChangeTime', out: { retval: '2026-11-10T00:00:00' } };
  if (kind < 16) return { ...on, method: 'RecommendedMemory', out: { retval: random.below(4096) } };
  if (kind < 19) return { interface: 'IUpdateCollection', ipid: ipid(1), method: 'Item', kind: 'propget', in: { index: random.below(500) }, out: { retval: pointer(random.below(0xffff)) } };
  if (random.below(2) === 0) return { ...on, method: 'Description', out: { retval: LONG } };
  return { interface: 'IUpdateSearcher', ipid: ipid(2), method: 'EscapeString', in: { unescaped: "IsInstalled='0'" }, out: { retval: "IsInstalled=''0''" } };
}

/** Writes a pcap of about `size` bytes of MS-UAMG-like traffic: many connections interleaved, some with integrity trailers. */
export function generate(path: string, size: number): Generated {
  const file = openSync(path, 'w');
  const trace = new Trace();
  const random = new Random();
  let bytes = writeSync(file, pcapHeader(1));
  let packets = 0;
  let calls = 0;
  const flush = (): void => {
    const records = trace.packets.map((packet) => pcapRecord(packet));
    bytes += writeSync(file, Buffer.concat(records));
    packets += records.length;
    trace.packets.length = 0;
  };
  const shortOf = (): boolean => bytes < size;
  const sessions = Array.from({ length: CONNECTIONS }, (_, i) => new Session(new Connection(trace, host4(5), 49_152 + i, host4(9), 49_668), (us) => trace.wait(us), { signed: i % SIGNED_EVERY === 0 }));
  do {
    for (let i = 0; i < 2000; i++) sessions[random.below(CONNECTIONS)]?.call(nextCall(random, calls++));
    flush();
  } while (shortOf());
  closeSync(file);
  return { bytes, packets, calls };
}
