import { closeSync, openSync, writeSync } from 'node:fs';
import { Session, type NtlmSession, type SampleCall } from '../../captures/make/session.js';
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
  '2026-11 Cumulative Update for Windows Server 2025 for x64-based Systems (KB5070881)',
  'Windows 用の悪意のあるソフトウェアの削除ツール x64 (KB890830)',
  'Обновление .NET Framework 4.8.1 для Windows Server (KB5068123)',
  'Security Intelligence Update for Microsoft Defender Antivirus - KB2267602',
  'Contoso - Net - 12.4.5.6',
];
const LONG = 'Install this update to resolve issues in Windows. '.repeat(60);

const SERVER_OXID = '0x8a1f22c3d4e5f607';
/** Objects of one connection: its session's searcher, result and collection, and the updates that take turns. */
const UPDATES = 256;

function ipid(connection: number, object: number): string {
  return `${(0x1000 + object).toString(16).padStart(8, '0')}-0d2c-1a40-9f${connection.toString(16).padStart(2, '0')}-6d1c2b3a4f5e`;
}

function pointer(iid: string, connection: number, object: number): { readonly [name: string]: Value } {
  return {
    iid,
    kind: 'standard',
    flags: 0,
    cPublicRefs: 5,
    oxid: SERVER_OXID,
    oid: `0x5c3e00${connection.toString(16).padStart(2, '0')}${object.toString(16).padStart(8, '0')}`,
    ipid: ipid(connection, object),
    bindings: {
      stringBindings: [{ towerId: 7, networkAddr: '192.0.2.9' }],
      securityBindings: [{ authnSvc: 10, princName: '' }],
    },
  };
}

const ISEARCHRESULT = 'd40cff62-e08c-4498-941a-01e25f0fd33c';
const IUPDATECOLLECTION = '07f7438c-7709-4ca5-b518-91279288134e';
const IUPDATE = '6a92b07a-d821-4682-b423-5c805022cc4d';

/**
 * A client that searches once and then reads its updates one after another: Item, and the properties of what it
 * returned.
 */
class Reader {
  private readonly connection: number;
  private readonly random: Random;
  private started = 0;
  private update = -1;
  private left = 0;

  constructor(connection: number, random: Random) {
    this.connection = connection;
    this.random = random;
  }

  /** Eight property getters of ten; objects handed out; now and then an answer of several segments. */
  next(): SampleCall {
    const { connection, random } = this;
    if (this.started === 0) {
      this.started++;
      return {
        interface: 'IUpdateSearcher',
        ipid: ipid(connection, 1),
        method: 'Search',
        in: { criteria: 'IsInstalled=0' },
        out: { retval: pointer(ISEARCHRESULT, connection, 2) },
      };
    }
    if (this.started === 1) {
      this.started++;
      return {
        interface: 'ISearchResult',
        ipid: ipid(connection, 2),
        method: 'Updates',
        out: { retval: pointer(IUPDATECOLLECTION, connection, 3) },
      };
    }
    if (this.left === 0) {
      this.left = 6 + random.below(8);
      this.update = (this.update + 1) % UPDATES;
      return {
        interface: 'IUpdateCollection',
        ipid: ipid(connection, 3),
        method: 'Item',
        kind: 'propget',
        in: { index: this.update },
        out: { retval: pointer(IUPDATE, connection, 16 + this.update) },
      };
    }
    this.left--;
    const on = { interface: 'IUpdate', ipid: ipid(connection, 16 + this.update) };
    const kind = random.below(20);
    if (kind < 6) return { ...on, method: 'Title', out: { retval: TITLES[random.below(TITLES.length)] ?? '' } };
    if (kind < 10) return { ...on, method: 'IsMandatory', out: { retval: random.below(2) === 0 } };
    if (kind < 12) return { ...on, method: 'Type', out: { retval: 'utSoftware' } };
    if (kind < 15) return { ...on, method: 'LastDeploymentChangeTime', out: { retval: '2026-11-10T00:00:00' } };
    if (kind < 18) return { ...on, method: 'RecommendedMemory', out: { retval: random.below(4096) } };
    if (kind === 18)
      return {
        interface: 'IUpdateSearcher',
        ipid: ipid(connection, 1),
        method: 'EscapeString',
        in: { unescaped: "IsInstalled='0'" },
        out: { retval: "IsInstalled=''0''" },
      };
    return random.below(3) === 0
      ? { ...on, method: 'Description', out: { retval: LONG } }
      : { ...on, method: 'MsrcSeverity', out: { retval: 'Critical' } };
  }
}

/** Whose sessions a protected capture holds. */
export const ACCOUNT: NtlmSession = { user: 'alice', domain: 'CONTOSO', password: 'secret', level: 'privacy' };

/**
 * Writes a pcap of about `size` bytes of MS-UAMG-like traffic: calls of many connections outstanding at once, some with
 * integrity trailers; or all of them protected.
 */
export function generate(path: string, size: number, ntlm: NtlmSession | null = null): Generated {
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
  const sessions = Array.from({ length: CONNECTIONS }, (_, i) => ({
    session: new Session(
      new Connection(trace, { ...host4(5), port: 49_152 + i }, { ...host4(9), port: 49_668 }, false),
      (us) => trace.wait(us),
      ntlm === null ? { signed: i % SIGNED_EVERY === 0 } : { ntlm },
    ),
    reader: new Reader(i, random),
    answer: null as (() => void) | null,
  }));
  do {
    for (let i = 0; i < 4000; i++) {
      const one = sessions[random.below(CONNECTIONS)];
      if (one === undefined) continue;
      trace.wait(20);
      if (one.answer === null) {
        one.answer = one.session.begin(one.reader.next());
        calls++;
      } else {
        one.answer();
        one.answer = null;
      }
    }
    flush();
  } while (shortOf());
  for (const one of sessions) one.answer?.();
  flush();
  closeSync(file);
  return { bytes, packets, calls };
}
