import { NO_EXCEPTION } from '../../src/peer/server/exception.js';
import { closeSync, openSync, writeSync } from 'node:fs';
import { Session, type NtlmSession, type SampleCall } from '../../captures/make/session.js';
import { Connection, host4, Trace } from '../../captures/make/wire.js';
import { escapeCriteria } from '../../src/analysis/criteria.js';
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
const UNESCAPED = "IsInstalled='0'";
/** Objects of one connection: its session's searcher, result and collection, and the updates that take turns. */
const UPDATES = 256;

function ipid(connection: number, object: number): string {
  const first = ((connection >>> 8) << 16) | (0x1000 + object);
  return `${first.toString(16).padStart(8, '0')}-0d2c-1a40-9f${(connection & 0xff).toString(16).padStart(2, '0')}-6d1c2b3a4f5e`;
}

function pointer(iid: string, connection: number, object: number): { readonly [name: string]: Value } {
  return {
    iid,
    kind: 'standard',
    flags: 0,
    cPublicRefs: 5,
    oxid: SERVER_OXID,
    oid: `0x5c3e${connection.toString(16).padStart(4, '0')}${object.toString(16).padStart(8, '0')}`,
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
        in: { unescaped: UNESCAPED },
        out: { retval: escapeCriteria(UNESCAPED) },
      };
    return random.below(3) === 0
      ? { ...on, method: 'Description', out: { retval: LONG } }
      : { ...on, method: 'MsrcSeverity', out: { retval: 'Critical' } };
  }
}

/** What Invoke names of the members that are read: DISPID, and the type of the VARIANT that comes back. */
const LATE: Readonly<Record<string, readonly [dispid: number, vt: string]>> = {
  Title: [0, 'VT_BSTR'],
  IsMandatory: [0x6002_0013, 'VT_BOOL'],
  LastDeploymentChangeTime: [0x6002_0016, 'VT_DATE'],
  RecommendedMemory: [0x6002_001d, 'VT_I4'],
  MsrcSeverity: [0x6002_001a, 'VT_BSTR'],
  Description: [0x6002_0008, 'VT_BSTR'],
};
const NO_IID = '00000000-0000-0000-0000-000000000000';

/** The same property read through IDispatch::Invoke; another call as it is. */
function lateBound(call: SampleCall): SampleCall {
  const [dispid, vt] = LATE[call.method] ?? [null, ''];
  if (dispid === null) return call;
  return {
    interface: 'IDispatch',
    method: 'Invoke',
    ...(call.ipid === undefined ? {} : { ipid: call.ipid }),
    in: {
      dispIdMember: dispid,
      riid: NO_IID,
      lcid: 0x403,
      dwFlags: 2,
      pDispParams: { rgvarg: null, rgdispidNamedArgs: null, cArgs: 0, cNamedArgs: 0 },
      cVarRef: 0,
      rgVarRefIdx: [],
      rgVarRef: [],
    },
    out: {
      pVarResult: { vt, value: call.out?.['retval'] ?? null },
      pExcepInfo: NO_EXCEPTION,
      pArgErr: 0,
      rgVarRef: [],
    },
  };
}

/** What is to be generated, besides the usual. */
export interface Traffic {
  /** All calls protected so. */
  readonly ntlm?: NtlmSession;
  /** Properties are read through IDispatch::Invoke. */
  readonly late?: boolean;
  /** Every so many packets one byte behind the headers is another. */
  readonly damagedEvery?: number;
  /** The stub of every response ends in bytes that belong to nothing. */
  readonly damagedStubs?: boolean;
  /** Connections that take turns; {@link CONNECTIONS} unless told. */
  readonly connections?: number;
}

/** Bytes of the headers in front of a TCP payload. */
const HEADERS = 54;

/** Whose sessions a protected capture holds. */
export const ACCOUNT: NtlmSession = { user: 'alice', domain: 'CONTOSO', password: 'secret', level: 'privacy' };

/**
 * Writes a pcap of about `size` bytes of MS-UAMG-like traffic: calls of many connections outstanding at once, some with
 * integrity trailers; or all of them protected.
 */
export function generate(path: string, size: number, traffic: Traffic = {}): Generated {
  const { ntlm, late = false, damagedEvery = 0, damagedStubs = false, connections = CONNECTIONS } = traffic;
  const file = openSync(path, 'w');
  const trace = new Trace();
  const random = new Random();
  let bytes = writeSync(file, pcapHeader(1));
  let packets = 0;
  let calls = 0;
  const flush = (): void => {
    if (damagedEvery > 0)
      for (let i = 0; i < trace.packets.length; i += damagedEvery) damage(trace.packets[i]?.data, random);
    const records = trace.packets.map((packet) => pcapRecord(packet));
    bytes += writeSync(file, Buffer.concat(records));
    packets += records.length;
    trace.packets.length = 0;
  };
  const shortOf = (): boolean => bytes < size;
  const sessions = Array.from({ length: connections }, (_, i) => ({
    session: new Session(
      new Connection(trace, { ...host4(5), port: 49_152 + i }, { ...host4(9), port: 49_668 }, false),
      (us) => trace.wait(us),
      { ...(ntlm === undefined ? { signed: i % SIGNED_EVERY === 0 } : { ntlm }), trailing: damagedStubs ? 4 : 0 },
    ),
    reader: new Reader(i, random),
    answer: null as (() => void) | null,
  }));
  do {
    for (let i = 0; i < 4000; i++) {
      const one = sessions[random.below(connections)];
      if (one === undefined) continue;
      trace.wait(20);
      if (one.answer === null) {
        const next = one.reader.next();
        one.answer = one.session.begin(late ? lateBound(next) : next);
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

function damage(data: Uint8Array | undefined, random: Random): void {
  if (data === undefined || data.length <= HEADERS) return;
  const at = HEADERS + random.below(data.length - HEADERS);
  data[at] = (data[at] as number) ^ (1 << random.below(8));
}
