import { describe, expect, it } from 'vitest';
import { Analyzer, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { Connections } from '../../src/analysis/connections.js';
import { REFUSALS } from '../../src/analysis/refusals.js';
import { concat } from '../../src/bytes/concat.js';
import type { Auth, BindRecord, Call, Chunk, Finding, Flow, FlowEnd, Frame } from '../../src/types.js';
import { knowledge } from '../../src/io/knowledge.js';
import { shippedCaptures } from '../support/captures.js';
import { ACK, ethernet, FIN, frameOf, ip4, RST, SYN, tcpPacket, type TcpPacket } from '../support/packets.js';
import { framesIn } from '../support/read.js';
import { join } from 'node:path';
import { ROOT } from '../support/shared.js';

/** The beginning of a session whose activation names port 49668 of 192.0.2.9 for IUpdateSession3#1. */
const SESSION = join(ROOT, 'captures/wua-session.pcapng');
const NAMED = 49_668;
const CLIENT = 49_999;
const ISN = 1000;

interface Packet extends Partial<TcpPacket> {
  /** Seconds after the session's last packet. */
  readonly atS: number;
}

const { registry } = knowledge();

/** Frames up to the answer of the activation, which is call 2. */
function activation(): readonly Frame[] {
  const frames = framesIn(SESSION);
  for (let count = 8; count < frames.length; count++) {
    const out: AnalyzerOutput[] = [];
    const analyzer = new Analyzer({ registry });
    for (const frame of frames.slice(0, count)) analyzer.push(frame, out);
    if (out.some((item) => item.kind === 'call' && item.id === 2)) return frames.slice(0, count);
  }
  throw new Error('the session has no second call');
}

/** TCP packets between the session's client and server, as frames behind `before`. */
function behind(before: readonly Frame[], packets: readonly Packet[]): readonly Frame[] {
  const last = before.at(-1);
  return packets.map((packet, at) => {
    const data = ethernet(tcpPacket({ seq: ISN, sport: CLIENT, dport: NAMED, ...packet }));
    data.set(packet.back === true ? [192, 0, 2, 9, 192, 0, 2, 5] : [192, 0, 2, 5, 192, 0, 2, 9], 26);
    const ns = (last?.timeNs ?? 0) + packet.atS * 1e9;
    return frameOf(data, (last?.number ?? 0) + at + 1, {
      timeS: (last?.timeS ?? 1000) + Math.floor(ns / 1e9),
      timeNs: ns % 1e9,
    });
  });
}

/** Findings about connections, and how many of them came before the end. */
function told(frames: readonly Frame[]): { readonly found: readonly Finding[]; readonly early: number } {
  const out: AnalyzerOutput[] = [];
  const analyzer = new Analyzer({ registry });
  for (const frame of frames) analyzer.push(frame, out);
  const refused = (): readonly Finding[] =>
    out.filter((item): item is Finding => item.kind === 'finding' && item.connection !== undefined);
  const early = refused().length;
  analyzer.end(out);
  return { found: refused(), early };
}

const SYNS: readonly Packet[] = [0, 3, 6].map((atS) => ({ atS, flags: SYN }));
const GRANTED: Packet = { atS: 0.001, seq: 9000, ack: ISN + 1, flags: SYN | ACK, back: true };
const OPENED: readonly Packet[] = [{ atS: 0, flags: SYN }, GRANTED];
const reset = (atS: number, seq = 0): Packet => ({ atS, seq, ack: ISN + 1, flags: RST | ACK, back: true });

describe('a port that a call named', () => {
  it('and that never answers is told with the call, the object, and how often and long it was tried', () => {
    const before = activation();
    const { found } = told([...before, ...behind(before, SYNS)]);
    expect(found).toHaveLength(1);
    const [one] = found;
    expect(one).toMatchObject({ rule: 'port-unanswered', severity: 'error', call: 2, object: 'IUpdateSession3#1' });
    expect(one?.connection).toMatchObject({
      step: 'connect',
      client: '192.0.2.5',
      server: { address: '192.0.2.9', port: NAMED },
      attempts: 3,
      lastedNs: 6e9,
      namedBy: 2,
      error: { value: 0x8007_06ba, name: 'RPC_S_SERVER_UNAVAILABLE' },
    });
    expect(one?.message).toContain('tried port 49668 of 192.0.2.9 3 times in 6 s and was never answered');
    expect(one?.message).toContain('call 2 (IRemoteSCMActivator::RemoteCreateInstance) named this port');
  });

  it('is told while packets still come, once it is quiet', () => {
    const before = activation();
    const later: Packet = { atS: 60, seq: 1, ack: 1, flags: ACK, sport: 1, dport: 2 };
    expect(told([...before, ...behind(before, [...SYNS, later])])).toMatchObject({ early: 1, found: [{}] });
  });

  it('is told of neither when the capture ends at once, nor when a later SYN is granted', () => {
    const before = activation();
    expect(told([...before, ...behind(before, [{ atS: 0.1, flags: SYN }])]).found).toEqual([]);
    const granted: readonly Packet[] = [...SYNS, { ...GRANTED, atS: 6.1 }];
    expect(told([...before, ...behind(before, granted)]).found).toEqual([]);
  });

  it('and refuses is told once for all attempts', () => {
    const before = activation();
    const refused = [0, 0.5, 1].flatMap((atS): Packet[] => [{ atS, flags: SYN }, reset(atS + 0.0001)]);
    const { found } = told([...before, ...behind(before, refused)]);
    expect(found.map((one) => [one.rule, one.connection?.attempts, one.call])).toEqual([['port-refused', 3, 2]]);
  });

  it('and that a router does not let through is told with what it says', () => {
    const before = activation();
    const [syn] = behind(before, [{ atS: 0, flags: SYN }]);
    if (syn === undefined) throw new Error('no frame');
    const quoted = syn.block.u8.slice(14);
    const icmp = ethernet(ip4({ back: true }, concat([Uint8Array.of(3, 13, 0, 0, 0, 0, 0, 0), quoted]), 0x4000, 1));
    const last: Frame = { ...frameOf(icmp, syn.number + 1), timeS: syn.timeS, timeNs: syn.timeNs + 1000 };
    const { found } = told([...before, syn, last]);
    expect(found.map((one) => one.rule)).toEqual(['port-unreachable']);
    expect(found[0]?.message).toContain('(ICMP: 192.0.2.2 says: administratively prohibited)');
  });

  it('and whose connection is closed before a bind is told with how', () => {
    const before = activation();
    const ended = (packets: readonly Packet[]): readonly string[] =>
      told([...before, ...behind(before, [...OPENED, ...packets])]).found.map((one) => `${one.rule} ${one.message}`);
    expect(ended([reset(0.2, 9001)])[0]).toMatch(/^closed-before-bind .* and reset it 200 ms later, before a bind/);
    const fins: readonly Packet[] = [
      { atS: 0.2, seq: 9001, ack: ISN + 1, flags: FIN | ACK, back: true },
      { atS: 0.3, seq: ISN + 1, ack: 9002, flags: FIN | ACK },
      { atS: 0.4, seq: 9002, ack: ISN + 2, flags: ACK, back: true },
    ];
    expect(ended(fins)[0]).toMatch(/^closed-before-bind .* and closed it/);
    expect(ended([{ atS: 0.2, seq: ISN + 1, flags: RST }])).toEqual([]);
    expect(ended([])).toEqual([]);
  });
});

describe('a port that nobody named', () => {
  it('is the mapper, whoever asks', () => {
    const syns = SYNS.map((packet) => ({ ...packet, dport: 135 }));
    expect(told(behind([], syns)).found.map((one) => one.rule)).toEqual(['mapper-unanswered']);
    const { found } = told(
      behind(
        [],
        [
          { atS: 0, dport: 135, flags: SYN },
          { ...reset(0.1), dport: 135 },
        ],
      ),
    );
    expect(found.map((one) => [one.rule, one.call])).toEqual([['mapper-refused', null]]);
  });

  it('is no business of ours outside the dynamic ports, or where no RPC was spoken', () => {
    const before = activation();
    expect(
      told([
        ...before,
        ...behind(
          before,
          SYNS.map((one) => ({ ...one, dport: 443 })),
        ),
      ]).found,
    ).toEqual([]);
    expect(told(behind([], SYNS)).found).toEqual([]);
  });

  it('is one of many in one finding where the dynamic ports are scanned', () => {
    const before = activation();
    const scan = Array.from({ length: 40 }, (_, at): Packet => ({ atS: at / 10, dport: 50_000 + at, flags: SYN }));
    const { found } = told([...before, ...behind(before, scan)]);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ call: null, connection: { attempts: 40, namedBy: null } });
    expect(found[0]?.message).toContain('tried 40 ports (50000, 50001,');
  });
});

describe('binds, logons and first calls', () => {
  const server = { address: '192.0.2.9', port: NAMED };
  const flow: Flow = { id: 7, a: { address: '192.0.2.5', port: CLIENT }, b: server, opened: 'syn' };
  const iid = '918efd1e-b5d8-4c90-8540-aeb9bdc56f9d';
  const NDR = { uuid: '8a885d04-1ceb-11c9-9fe8-08002b104860', major: 2, minor: 0 };
  const NDR64 = { uuid: '71710533-beba-4937-8319-b5dbef9ccc36', major: 1, minor: 0 };
  const context = (
    result: 'accepted' | 'rejected' | 'unanswered',
    reason: number | null = null,
    offered = NDR,
  ): BindRecord['contexts'][number] => ({
    id: 0,
    abstract: { uuid: iid, major: 0, minor: 0 },
    proposed: [offered],
    result,
    reason,
    transfer: result === 'accepted' ? 'ndr20' : null,
  });
  const bind = (outcome: BindRecord['outcome'], more: Partial<BindRecord> = {}): BindRecord => ({
    kind: 'bind',
    flow,
    frame: 4,
    timeS: 1000,
    timeNs: 0,
    alter: false,
    outcome,
    used: false,
    contexts: [context(outcome === 'accepted' ? 'accepted' : 'unanswered')],
    auth: null,
    assocGroup: 1,
    maxXmit: 5840,
    maxRecv: 5840,
    features: 0,
    direction: 0,
    callId: 1,
    answerFrame: outcome === 'unanswered' ? null : 5,
    secondaryAddress: null,
    headerSigning: false,
    reason: null,
    versions: [],
    fault: null,
    ...more,
  });
  const ending = (reason: FlowEnd['reason'], by: FlowEnd['by'], timeS: number): FlowEnd => ({
    kind: 'flow-end',
    flow,
    direction: null,
    reason,
    by,
    answered: true,
    unseen: null,
    frame: 9,
    timeS,
    timeNs: 0,
  });
  const NO_AUTH: Auth = { type: 'none', level: 'none', verdict: 'none', contextId: 0 };
  const call = (status: number | null, auth: Auth): Call =>
    ({
      kind: 'call',
      id: 3,
      flow: flow.id,
      client: flow.a,
      server,
      interface: 'IUpdateSession3',
      method: 'CreateUpdateSearcher',
      object: { ipid: '', oid: null, oxid: null, label: 'IUpdateSession3#1' },
      causality: null,
      outcome: status === null ? 'answered' : 'faulted',
      fault: status === null ? null : { status, didNotExecute: false },
      auth,
      time: null,
      requestFrames: [6],
      responseFrames: [7],
      in: {},
      out: {},
    }) as unknown as Call;
  const run = (work: (connections: Connections, out: Finding[]) => void): readonly Finding[] => {
    const out: Finding[] = [];
    work(new Connections({ registry, labelAt: () => null }), out);
    return out;
  };

  it('tells a rejected context with interface, transfer syntax and reason in words', () => {
    const rejected = (reason: number, offered = NDR): readonly Finding[] =>
      run((all, out) => all.bind(bind('rejected', { contexts: [context('rejected', reason, offered)] }), out));
    const [unknown] = rejected(1);
    expect(unknown?.rule).toBe('context-unknown-interface');
    expect(unknown?.message).toContain(`IUpdateSession3 {${iid}} version 0.0`);
    expect(unknown?.message).toContain('offered in NDR: reason 1, abstract syntax not supported');
    expect(unknown?.connection?.error).toEqual({ value: 0x8007_06b5, name: 'RPC_S_UNKNOWN_IF' });
    const [syntax] = rejected(2, NDR64);
    expect([syntax?.rule, syntax?.connection?.error.name]).toEqual([
      'context-transfer-syntax',
      'RPC_S_UNSUPPORTED_TRANS_SYN',
    ]);
    expect(rejected(3)[0]?.connection?.error.name).toBe('RPC_S_SERVER_TOO_BUSY');
  });

  it('says nothing of NDR64 that a server lacks, where NDR was accepted beside it', () => {
    const contexts = [context('accepted'), context('rejected', 2, NDR64)];
    expect(run((all, out) => all.bind(bind('accepted', { contexts }), out))).toEqual([]);
  });

  it('tells a bind_nak with its reason and the versions spoken', () => {
    const refused = (reason: number): Finding | undefined =>
      run((all, out) => all.bind(bind('rejected', { reason, versions: [{ major: 5, minor: 0 }] }), out))[0];
    expect(refused(8)?.rule).toBe('bind-authentication-type');
    expect(refused(8)?.message).toContain(
      'reason 8, authentication type not recognized (it speaks version 5.0). The client fails with RPC_S_UNKNOWN_AUTHN_SERVICE (0x800706d3)',
    );
    expect([9, 4, 2, 0].map((reason) => refused(reason)?.rule)).toEqual([
      'logon-refused',
      'bind-version',
      'server-busy',
      'bind-refused',
    ]);
  });

  it('tells a bind that the server resets, closes, or leaves without an answer', () => {
    const came = (end: FlowEnd): readonly string[] =>
      run((all, out) => {
        all.bind(bind('unanswered'), out);
        all.ended(end, out);
      }).map((one) => one.rule);
    expect(came(ending('rst', 1, 1000))).toEqual(['bind-reset']);
    expect(came(ending('fin', 1, 1000))).toEqual(['bind-reset']);
    expect(came(ending('fin', 0, 1005))).toEqual(['bind-unanswered']);
    expect(came(ending('end-of-input', null, 1005))).toEqual(['bind-unanswered']);
    expect(came(ending('end-of-input', null, 1000))).toEqual([]);
  });

  it('does not take an answer that was not captured for none', () => {
    const used = run((all, out) => {
      all.bind(bind('unanswered', { used: true }), out);
      all.bind(bind('unanswered', { alter: true }), out);
      all.ended(ending('fin', 0, 1005), out);
    });
    expect(used).toEqual([]);
    const holed = run((all, out) => {
      all.gap({ kind: 'gap', flow, direction: 1, streamOffset: 0, size: 60, frame: 5, timeS: 1000, timeNs: 0 });
      all.bind(bind('unanswered'), out);
      all.ended(ending('fin', 0, 1005), out);
    });
    expect(holed).toEqual([]);
  });

  it('tells a refused logon, by token, by fault of the alter_context, once', () => {
    const byToken = run((all, out) => {
      all.bind(bind('accepted'), out);
      all.logon({ flow: flow.id, frame: 5, reason: 'negState reject' }, out);
      all.logon({ flow: flow.id, frame: 5, reason: 'negState reject' }, out);
    });
    expect(byToken.map((one) => [one.rule, one.connection?.step])).toEqual([['logon-refused', 'logon']]);
    const fault = { status: 5, didNotExecute: true };
    const byFault = run((all, out) => all.bind(bind('rejected', { alter: true, fault }), out));
    expect(byFault.map((one) => one.rule)).toEqual(['logon-refused']);
  });

  it('tells a first call that is denied, and why: the level, or who calls', () => {
    const denied = (auth: Auth, status: number | null, before = 0): readonly string[] =>
      run((all, out) => {
        all.bind(bind('accepted'), out);
        for (let done = 0; done < before; done++) all.call(call(null, auth), out);
        all.call(call(status, auth), out);
      }).map((one) => one.rule);
    const signed: Auth = { type: 'ntlm', level: 'integrity', verdict: 'unverified', contextId: 0, user: 'tester' };
    expect(denied(NO_AUTH, 5)).toEqual(['level-refused']);
    expect(denied(signed, 5)).toEqual(['call-refused']);
    expect(denied(signed, 5, 1)).toEqual([]);
    expect(denied(signed, 0x1c01_0003)).toEqual([]);
  });

  it('has seen bytes of a connection that is no RPC, and says nothing of it', () => {
    const found = run((all, out) => {
      const at = { timeS: 1000, timeNs: 0 };
      const to: Flow = { ...flow, b: { address: server.address, port: 135 } };
      all.handshake({ kind: 'handshake', flow: to, step: 'syn', frame: 1, ...at });
      expect(all.opening).toBe(1);
      all.data({ kind: 'chunk', flow: to } as Chunk);
      expect(all.opening).toBe(0);
      all.ended({ ...ending('rst', 1, 1001), flow: to }, out);
      all.end({ timeS: 1002, timeNs: 0 }, out);
    });
    expect(found).toEqual([]);
  });
});

describe('connections that were used', () => {
  it.each(shippedCaptures())('make no finding: %s', (path) => {
    expect(told(framesIn(path)).found.map((one) => one.message)).toEqual([]);
  });

  it('every finding has a cause and an advice, as sentences without their full stop', () => {
    for (const { cause, advice } of Object.values(REFUSALS)) {
      expect(cause).toMatch(/^[A-Z].*[^.]$/);
      expect(advice).toMatch(/^[A-Z].*[^.]$/);
    }
  });
});
