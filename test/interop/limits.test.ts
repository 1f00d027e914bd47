import { describe, expect, it, vi } from 'vitest';
import { align, MAX_TABLE } from '../../replay/compare/align.js';
import { MAX_RESTORED_OBJECTS, Restorer } from '../../replay/compare/restored-calls.js';
import { MAX_RULES, parseRules } from '../../replay/compare/rules.js';
import { readRecording } from '../../replay/recording/format.js';
import { fileHead, frame as recordFrame } from '../../replay/recording/frames.js';
import { MAX_RECORDING_PROBLEMS } from '../../replay/recording/limits.js';
import { blockOf } from '../../src/bytes/block.js';
import { concat } from '../../src/bytes/concat.js';
import {
  MAX_COMMENTS,
  MAX_DESCRIBED_INTERFACES,
  MAX_INTERFACES,
  MAX_OPTION_TEXT,
  MAX_PACKET,
  MAX_SECRETS,
  MAX_SECRET_BYTES,
} from '../../src/capture/limits.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { pcapHeader, pcapngHeader } from '../../src/capture/write.js';
import { endpointsIn, MAX_ENDPOINTS } from '../../src/dcom/endpoints.js';
import { knowledge } from '../../src/io/knowledge.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import { NET_LIMITS } from '../../src/net/limits.js';
import { csvCell, MAX_CELL } from '../../src/output/csv.js';
import { junitXml, MAX_JUNIT_TEXT } from '../../src/output/junit.js';
import { Metrics, MAX_LABELS } from '../../src/output/prometheus.js';
import { encodeBind, encodeRequest } from '../../src/rpc/encode.js';
import { PFC } from '../../src/rpc/header.js';
import { RPC_LIMITS } from '../../src/rpc/limits.js';
import { RpcObserver, type RpcOutput } from '../../src/rpc/observer.js';
import { NDR20 } from '../../src/rpc/syntax.js';
import { KdcWatcher, MAX_KDC_FLOWS, MAX_KDC_HELD, MAX_KDC_MESSAGE } from '../../src/security/kerberos/kdc-watcher.js';
import { MAX_ITERATIONS, stringToKey } from '../../src/security/kerberos/keys.js';
import { MAX_TICKETS, TicketStore } from '../../src/security/kerberos/tickets.js';
import { Secrets } from '../../src/security/secrets.js';
import { SMB_LIMITS } from '../../src/smb/limits.js';
import { SmbObserver, type SmbOutput } from '../../src/smb/observer.js';
import { MAX_TITLES, Titles } from '../../src/tui/session/titles.js';
import { MAX_DEPTH, MAX_LIST } from '../../src/where/limits.js';
import { compileWhere } from '../../src/where/where.js';
import type { Finding, Flow, Frame } from '../../src/types.js';
import { sampleCall, sampleNames } from '../support/calls.js';
import { frameOf } from '../support/packets.js';
import { workOf } from '../support/work.js';
import { body, CODE, fileId, session, smb2, type Smb2 } from '../smb/support.js';

/**
 * Bounds of docs/limits.md, reached and gone past: what is kept stays within them, and ten times the input is ten times the
 * work. Which test or probe reaches which bound stands in test/architecture/reached.ts.
 */
const { registry, names } = knowledge();
/** Ten times the input is at most so many times the work: linear, with what sorting and growing tables add. */
const FACTOR = 13;
const grows = (run: (times: number) => void, least = 1): number => {
  run(least);
  const [one, ten] = [workOf(() => run(least)), workOf(() => run(least * 10))];
  return ten / one;
};
const where = { ...sampleNames, failed: () => false, misspelt: () => null };
const flow = (id: number, port = 135): Flow => ({
  id,
  a: { address: '192.0.2.1', port: id & 0xffff },
  b: { address: '192.0.2.2', port },
  opened: 'syn',
});
const place = (bytes: Uint8Array) => ({
  block: blockOf(bytes),
  start: 0,
  end: bytes.length,
  frame: 1,
  timeS: 1,
  timeNs: 0,
});

describe('capture files', () => {
  /** A block of pcapng: type, body padded to four bytes. */
  function block(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
    const inside = concat(parts);
    const size = 12 + ((inside.length + 3) & ~3);
    const out = new Uint8Array(size);
    const view = new DataView(out.buffer);
    view.setUint32(0, type, true);
    view.setUint32(4, size, true);
    out.set(inside, 8);
    view.setUint32(size - 4, size, true);
    return out;
  }
  const option = (code: number, text: Uint8Array): Uint8Array =>
    concat([
      Uint8Array.of(code, 0, text.length & 255, text.length >> 8),
      text,
      new Uint8Array((4 - (text.length & 3)) & 3),
    ]);
  function read(pieces: Iterable<Uint8Array>): { readonly reader: CaptureReader; readonly out: CaptureOutput[] } {
    const reader = new CaptureReader();
    const out: CaptureOutput[] = [];
    for (const piece of pieces) reader.push(blockOf(piece), 0, piece.length, out);
    reader.end(out);
    return { reader, out };
  }
  const infoOf = ({ info }: CaptureReader): NonNullable<CaptureReader['info']> => {
    if (info === null) throw new Error('the file was read');
    return info;
  };
  const described = (count: number): Uint8Array[] => {
    const one = block(1, Uint8Array.of(1, 0, 0, 0, 0, 0, 4, 0), option(2, new Uint8Array(60_000).fill(0x61)));
    return [pcapngHeader(1), ...Array.from({ length: count }, () => one)];
  };

  it('describe so many interfaces, with so much of their names', () => {
    const { reader } = read(described(MAX_DESCRIBED_INTERFACES * 2));
    expect(infoOf(reader).described.length).toBe(MAX_DESCRIBED_INTERFACES);
    expect(Math.max(...infoOf(reader).described.map(({ name }) => name?.length ?? 0))).toBe(MAX_OPTION_TEXT);
    expect(grows((times) => void read(described(times * 100)))).toBeLessThan(FACTOR);
  });

  it('have so many interfaces in a section', () => {
    const one = block(1, Uint8Array.of(1, 0, 0, 0, 0, 0, 4, 0));
    const { reader } = read([pcapngHeader(1), ...Array.from({ length: MAX_INTERFACES + 5000 }, () => one)]);
    expect(infoOf(reader).interfaces).toBeLessThanOrEqual(MAX_INTERFACES);
  });

  it('have so many comments, and so many secrets', () => {
    const comment = block(1, Uint8Array.of(1, 0, 0, 0, 0, 0, 4, 0), option(1, new Uint8Array(60_000).fill(0x62)));
    const secret = block(10, new Uint8Array(4), Uint8Array.of(0, 0x40, 0, 0), new Uint8Array(16_384));
    const { reader } = read([pcapngHeader(1), ...Array.from({ length: 500 }, () => concat([comment, secret]))]);
    expect(infoOf(reader).comments.length).toBe(MAX_COMMENTS);
    expect(Math.max(...infoOf(reader).comments.map((one) => one.length))).toBe(MAX_OPTION_TEXT);
    expect(infoOf(reader).secrets.reduce((sum, one) => sum + one.data.length, 0)).toBeLessThanOrEqual(MAX_SECRET_BYTES);
    const small = block(10, new Uint8Array(4), Uint8Array.of(4, 0, 0, 0), new Uint8Array(4));
    expect(infoOf(read([pcapngHeader(1), ...Array.from({ length: 1000 }, () => small)]).reader).secrets.length).toBe(
      MAX_SECRETS,
    );
  });

  it('of the classic kind have no larger packets', () => {
    const packet = new Uint8Array(16 + MAX_PACKET + 1);
    new DataView(packet.buffer).setUint32(8, MAX_PACKET + 1, true);
    new DataView(packet.buffer).setUint32(12, MAX_PACKET + 1, true);
    const { out } = read([pcapHeader(1), packet]);
    expect(out.map((one) => (one.kind === 'problem' ? one.code : one.kind))).toEqual(['capture-bad-length']);
  });
});

describe('packets', () => {
  /** The first fragment of a packet, or one of many pieces of the same. */
  function fragment(number: number, id: number, at: number): Frame {
    const bytes = new Uint8Array(14 + 20 + 8);
    const view = new DataView(bytes.buffer);
    view.setUint16(12, 0x0800);
    bytes[14] = 0x45;
    view.setUint16(16, 28);
    view.setUint16(18, id);
    view.setUint16(20, 0x2000 | at);
    bytes.set([64, 6], 22);
    view.setUint32(26, 0x0a00_0000 + (id >> 16));
    return frameOf(bytes, number, { timeS: 1, timeNs: number });
  }
  function given(count: number, make: (at: number) => Frame): { readonly net: Net; readonly codes: Set<string> } {
    const net = new Net();
    const out: NetOutput[] = [];
    const codes = new Set<string>();
    for (let at = 0; at < count; at++) {
      net.push(make(at), out);
      for (const one of out.splice(0)) if (one.kind === 'problem') codes.add(one.code);
    }
    return { net, codes };
  }

  it('wait for their fragments up to a number of them', () => {
    const many = (count: number) => given(count, (at) => fragment(at + 1, at, 0));
    const { net, codes } = many(NET_LIMITS.fragmentedPackets * 4);
    expect(net.load.fragmentBytes).toBeLessThanOrEqual(NET_LIMITS.fragmentedPackets * 28);
    expect([...codes]).toEqual(['ip-fragment-limit']);
    expect(grows((times) => void many(1000 * times))).toBeLessThan(FACTOR);
  });

  it('have so many fragments', () => {
    const many = (count: number) => given(count, (at) => fragment(at + 1, 7, 2 * (at % 4000)));
    const { net, codes } = many(NET_LIMITS.fragmentsPerPacket * 10);
    expect(net.load.fragmentBytes).toBeLessThanOrEqual(NET_LIMITS.fragmentsPerPacket * 8);
    expect([...codes]).toEqual(['ip-fragment-limit']);
    expect(grows((times) => void many(1000 * times))).toBeLessThan(FACTOR);
  });
});

describe('calls', () => {
  const SERVICE = { uuid: '11111111-2222-3333-4444-555555555555', major: 1, minor: 0 };
  const bind = encodeBind({ callId: 1, contexts: [{ id: 0, abstract: SERVICE, transfers: [NDR20] }] });
  function observed(id: number, pdus: Iterable<Uint8Array>, observer = new RpcObserver()): RpcObserver {
    const out: RpcOutput[] = [];
    let streamOffset = 0;
    for (const bytes of pdus) {
      observer.push({ kind: 'chunk', flow: flow(id), direction: 0, streamOffset, ...place(bytes) }, out);
      observer.settle();
      streamOffset += bytes.length;
      out.length = 0;
    }
    return observer;
  }

  it('of a connection wait for their answers up to a number of them', () => {
    const many = (count: number): RpcObserver =>
      observed(1, [
        bind,
        ...Array.from({ length: count }, (_, at) =>
          encodeRequest({ callId: at + 2, contextId: 0, opnum: 3, stub: new Uint8Array(8) }),
        ),
      ]);
    expect(many(RPC_LIMITS.pendingCalls * 3).load.pendingCalls).toBe(RPC_LIMITS.pendingCalls);
    expect(grows((times) => void many(times * 1000))).toBeLessThan(FACTOR);
  });

  it('come in so many fragments', () => {
    const many = (count: number): RpcObserver =>
      observed(1, [
        bind,
        ...Array.from({ length: count }, (_, at) =>
          encodeRequest({
            callId: 2,
            contextId: 0,
            opnum: 3,
            stub: new Uint8Array(8),
            flags: at === 0 ? PFC.first : 0,
          }),
        ),
      ]);
    expect(many(RPC_LIMITS.fragments + 5000).load.heldBytes).toBeLessThanOrEqual(RPC_LIMITS.fragments * 64);
    expect(grows((times) => void many(times * 1000))).toBeLessThan(FACTOR);
  });

  it('propose so many contexts', () => {
    const binds = (count: number): Uint8Array[] =>
      Array.from({ length: count }, (_, at) =>
        encodeBind({
          callId: at + 1,
          contexts: Array.from({ length: 200 }, (__, one) => ({
            id: at * 200 + one,
            abstract: SERVICE,
            transfers: [NDR20],
          })),
        }),
      );
    observed(1, binds(RPC_LIMITS.pendingBinds * 3));
    expect(grows((times) => void observed(1, binds(times * 20)))).toBeLessThan(FACTOR);
  });
});

describe('named pipes', () => {
  function observed(commands: Iterable<Smb2>): SmbObserver {
    let flows = 1;
    const observer = new SmbObserver({ flowId: () => ++flows });
    const out: SmbOutput[] = [];
    const offsets = [0, 0];
    for (const command of commands) {
      const direction = command.answer === true ? 1 : 0;
      const bytes = session(smb2(command));
      observer.push(
        { kind: 'chunk', flow: flow(1, 445), direction, streamOffset: offsets[direction] ?? 0, ...place(bytes) },
        out,
      );
      offsets[direction] = (offsets[direction] ?? 0) + bytes.length;
      out.length = 0;
    }
    return observer;
  }
  function* trees(count: number, [share, type]: readonly [string, number] = ['IPC$', 2]): Iterable<Smb2> {
    for (let at = 0; at < count; at++) {
      yield { command: CODE.treeConnect, messageId: at, body: body.treeConnect(`\\\\S\\${share}`), tree: 0 };
      yield { command: CODE.treeConnect, messageId: at, body: body.treeConnected(type), tree: at + 1, answer: true };
    }
  }
  function* opened(count: number, answered: boolean): Iterable<Smb2> {
    yield* trees(1);
    for (let at = 0; at < count; at++) {
      yield { command: CODE.create, messageId: at + 9, body: body.create('samr') };
      const file = fileId(at & 255);
      file.set([at & 255, (at >> 8) & 255], 2);
      if (answered) yield { command: CODE.create, messageId: at + 9, body: body.created(file), answer: true };
    }
  }

  it('are in so many trees', () => {
    const pipeIn = (tree: number): Smb2[] => [
      ...trees(SMB_LIMITS.trees * 4, ['C$', 1]),
      { command: CODE.create, messageId: 9999, body: body.create('samr'), tree },
      { command: CODE.create, messageId: 9999, body: body.created(fileId(3)), tree, answer: true },
    ];
    // Files of a disk are no pipes; of a tree beyond the bound nobody knows what it is.
    expect(observed(pipeIn(SMB_LIMITS.trees)).load.pipes).toBe(0);
    expect(observed(pipeIn(SMB_LIMITS.trees + 1)).load.pipes).toBe(1);
    expect(grows((times) => void observed(trees(times * 200)))).toBeLessThan(FACTOR);
  });

  it('of a connection are followed up to a number of them', () => {
    expect(observed(opened(SMB_LIMITS.pipes * 3, true)).load.pipes).toBe(SMB_LIMITS.pipes);
    expect(grows((times) => void observed(opened(times * 300, true)))).toBeLessThan(FACTOR);
  });

  it('are asked for by so many requests that wait', () => {
    expect(observed(opened(SMB_LIMITS.pending * 3, false)).load.pending).toBe(SMB_LIMITS.pending);
    expect(grows((times) => void observed(opened(times * 300, false)))).toBeLessThan(FACTOR);
  });
});

describe('Kerberos', () => {
  const watcher = (): KdcWatcher => new KdcWatcher(new Secrets({}), new TicketStore([]));

  it('follows so many connections to KDCs, and holds so much of all of them', () => {
    const one = watcher();
    const begun = new Uint8Array(100_000);
    new DataView(begun.buffer).setUint32(0, MAX_KDC_MESSAGE);
    for (let id = 0; id < MAX_KDC_FLOWS + 1000; id++) one.push(id, 0, begun, 1);
    expect(one.load.bytes).toBeLessThanOrEqual(MAX_KDC_HELD);
    for (let id = 0; id < MAX_KDC_FLOWS * 2; id++) one.push(100_000 + id, 0, Uint8Array.of(0, 0, 9), 1);
    expect(one.load.flows).toBe(MAX_KDC_FLOWS);
    one.push(1, 0, begun, 1);
    const { bytes } = one.load;
    one.end(1);
    expect(one.load.bytes).toBe(bytes - begun.length);
  });

  it('puts a message together whose bytes come one by one, and copies each a few times at most', () => {
    const copied = (size: number): number => {
      const one = watcher();
      const set = vi.spyOn(Uint8Array.prototype, 'set');
      const message = new Uint8Array(4 + size);
      new DataView(message.buffer).setUint32(0, size);
      for (let at = 0; at < message.length; at++) one.push(1, 0, message.subarray(at, at + 1), 1);
      const most = set.mock.calls.reduce((sum, [from]) => sum + from.length, 0);
      set.mockRestore();
      expect(one.load.bytes).toBe(0);
      return most;
    };
    expect(copied(100_000)).toBeLessThan(100_000 * 5);
  });

  it('keeps so many keys of tickets, and believes so many iterations', () => {
    const store = new TicketStore([]);
    const cipher = new Uint8Array(8);
    for (let at = 0; at < MAX_TICKETS + 1000; at++) {
      new DataView(cipher.buffer).setUint32(0, at);
      store.open(cipher, { etype: 18, value: cipher });
    }
    expect(store.keyOf(cipher)).toBeNull();
    const iterations = new Uint8Array(4);
    new DataView(iterations.buffer).setUint32(0, MAX_ITERATIONS + 1);
    expect(stringToKey(18, 'secret', 'TESTalice', iterations)).toBeNull();
  });
});

describe('recordings', () => {
  it('tell so much damage', () => {
    const record = recordFrame(Uint8Array.of(0x81, 0xa4, 0x6b, 0x69, 0x6e, 0x64, 0xa1, 0x78));
    const damaged = (count: number) =>
      readRecording(concat([fileHead(), ...Array.from({ length: count }, () => record)]));
    expect(damaged(MAX_RECORDING_PROBLEMS * 4).problems.length).toBeLessThanOrEqual(MAX_RECORDING_PROBLEMS + 1);
    expect(grows((times) => void damaged(times * 100))).toBeLessThan(FACTOR);
  });

  it('tell of so many objects', () => {
    const restorer = new Restorer(registry);
    for (let at = 1; at <= MAX_RESTORED_OBJECTS + 1000; at++)
      restorer.take({
        kind: 'reference',
        id: at,
        object: at,
        label: `o#${at}`,
        interface: null,
        iid: '',
        ipid: `${at}`,
        oid: null,
        oxid: null,
        made: { call: null, path: '' },
      });
    expect(restorer.forgotten).toBe(1000);
  });

  it('are compared by position where a stretch has too many cells', () => {
    const list = (count: number, by: number): string[] => Array.from({ length: count }, (_, at) => `${(at * by) % 7}`);
    const size = Math.ceil(Math.sqrt(MAX_TABLE)) + 10;
    expect(align(list(size, 3), list(size, 5)).length).toBeGreaterThanOrEqual(size);
    expect(grows((times) => void align(list(times * size, 3), list(times * size, 5)))).toBeLessThan(FACTOR);
  });

  it('are compared by so many rules', () => {
    const rules = (count: number): string => `rules:\n${'- {path: A.B, ignore: true}\n'.repeat(count)}`;
    expect(() => parseRules(rules(MAX_RULES + 1), () => null)).toThrow('rules');
    expect(grows((times) => void parseRules(rules(times * 100), () => null))).toBeLessThan(FACTOR);
  });
});

describe('what is told', () => {
  const long = 'x'.repeat(1_000_000);

  it('is cut in cells and in JUnit', () => {
    expect(csvCell(long, ',').length).toBeLessThanOrEqual(MAX_CELL);
    const failure = { type: 'x', message: 'x', text: long };
    const cases = [{ name: 'n', classname: 'c', timeS: 0, failure, skipped: null }];
    const xml = junitXml([{ name: 's', timestamp: null, properties: {}, cases }]);
    expect(xml.length).toBeLessThan(MAX_JUNIT_TEXT + 2000);
  });

  it('has so many labels', () => {
    const metrics = new Metrics(names);
    for (let at = 0; at < MAX_LABELS * 3; at++)
      metrics.finding({ rule: `r${at}`, severity: 'info' } as unknown as Finding);
    const text = metrics.text({ packets: 0, dropped: { kernel: null, ours: 0 } });
    expect(text.match(/uamgscope_findings_total\{/g)?.length).toBeLessThanOrEqual(MAX_LABELS);
    expect(text).toContain('other');
  });

  it('has so many titles', () => {
    const titles = new Titles(registry);
    const call = (at: number) =>
      sampleCall({
        interface: 'IUpdate',
        method: 'Title',
        member: 'propget',
        object: { ipid: '', oid: null, oxid: null, label: `IUpdate#${at}` },
        out: { retval: 'title' },
      });
    for (let at = 1; at <= MAX_TITLES + 10; at++) titles.add(call(at));
    expect(titles.get(`IUpdate#${MAX_TITLES}`)).toBe('title');
    expect(titles.get(`IUpdate#${MAX_TITLES + 1}`)).toBeNull();
  });
});

describe('expressions and answers', () => {
  it('nest so deep, and look at so much of a list', () => {
    expect(() => compileWhere(`${'('.repeat(MAX_DEPTH + 1)}id == 1${')'.repeat(MAX_DEPTH + 1)}`, where)).toThrow();
    const found = compileWhere('in.list == 7', where);
    const call = (at: number) =>
      sampleCall({ in: { list: Array.from({ length: MAX_LIST * 2 }, (_, one) => (one === at ? 7 : 0)) } });
    expect([found.test(call(MAX_LIST - 1)), found.test(call(MAX_LIST))]).toEqual([true, false]);
  });

  it('refuse patterns of too many steps', () => {
    expect(() => compileWhere('in.x ~ /(abc){500}/', where)).toThrow('steps');
  });

  it('tell of so many ports', () => {
    const answer = { bindings: Array.from({ length: 5000 }, (_, at) => ({ towerId: 7, networkAddr: `h[${at + 1}]` })) };
    expect(endpointsIn(answer).length).toBe(MAX_ENDPOINTS);
  });
});
