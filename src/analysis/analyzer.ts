import {
  KDC_PORT,
  type Call,
  type Chunk,
  type Datagram,
  type Finding,
  type Flow,
  type FlowEnd,
  type Frame,
  type Gap,
  type ObjectRecord,
  type Problem,
  type SecurityRecord,
} from '../types.js';
import type { JsonBytes } from '../bytes/json.js';
import { clear } from '../bytes/list.js';
import type { Registry } from '../ndr/codec.js';
import type { NetOutput } from '../net/net.js';
import type { NetLimits } from '../net/limits.js';
import { Net } from '../net/net.js';
import type { RefusedLogon, SecurityObserver } from '../security/observer.js';
import type { RpcOutput } from '../rpc/observer.js';
import { RpcObserver } from '../rpc/observer.js';
import { SmbObserver, type SmbOutput } from '../smb/observer.js';
import { captureFindings } from './capture.js';
import { sealedSessions } from './sealed.js';
import { CallMaker, type Numbering } from './calls.js';
import { Connections } from './connections.js';
import { OneDirection } from './one-direction.js';
import type { RuledShare } from './share.js';
import { ANALYSIS_LIMITS, type AnalysisLimits } from './limits.js';

export interface AnalyzerOptions {
  readonly registry: Registry;
  /**
   * Which numbers requests carry: `wire` slots, `printed` ones, or `auto`: wire unless only the printed ones decode.
   */
  readonly opnums?: Numbering;
  readonly limits?: Partial<AnalysisLimits>;
  /** Opens and verifies protected PDUs. */
  readonly security?: SecurityObserver;
  /** Packets are taken in the order of the capture, even where their acknowledgements tell of another. */
  readonly inOrder?: boolean;
  /** TCP and UDP ports of which one end has to have one (or Kerberos'); all of them where it is empty. */
  readonly ports?: readonly number[];
  /** Bounds of the network stages that differ from the usual ones. */
  readonly net?: Partial<NetLimits>;
  /** False: objects are not followed; only for measuring what that costs. */
  readonly objects?: boolean;
  /**
   * Where the arguments of ordinary calls go as JSON, for who writes them so: each call's stand there until the next
   * packet is pushed. As values they are decoded when somebody looks.
   */
  readonly text?: JsonBytes;
  /** Of a capture that several readers follow: which calls are looked into here. Needs `text`. */
  readonly share?: RuledShare;
}

/** Totals of a run, as the summary record shows them. */
export interface Summary {
  readonly frames: number;
  readonly bytes: number;
  readonly flows: number;
  readonly pdus: number;
  readonly calls: number;
  /** Of calls, those of the reader's share only. */
  readonly problems: number;
}

export type AnalyzerOutput = Call | Problem | Finding | SecurityRecord;

/**
 * Wires the stages: frames in, calls and problems out, in the order in which calls were completed.
 * Push frames of one memory block, then call `settle` before the next block: it copies what has to outlive the block.
 */
export class Analyzer {
  private readonly net: Net;
  private readonly smb: SmbObserver;
  private readonly rpc: RpcObserver;
  private readonly security: SecurityObserver | null;
  private readonly maker: CallMaker;
  private readonly connections: Connections;
  private readonly oneDirection = new OneDirection();
  private readonly segments: NetOutput[] = [];
  private readonly piped: SmbOutput[] = [];
  private readonly exchanges: RpcOutput[] = [];
  /** What the call at hand shows to be wrong; it comes behind the call. */
  private readonly findings: Finding[] = [];
  private readonly text: JsonBytes | null;
  private readonly share: RuledShare | null;
  private frames = 0;
  private bytes = 0;
  private calls = 0;
  private problems = 0;
  private over = false;
  private readonly ports = new Set<number>();
  private lastS = 0;
  private lastNs = 0;
  /** Findings about connections that came to nothing. */
  private readonly refused: Finding[] = [];
  private readonly logons: RefusedLogon[] = [];

  constructor(options: AnalyzerOptions) {
    const limits = { ...ANALYSIS_LIMITS, ...options.limits };
    this.net = new Net(options.net, { inOrder: options.inOrder ?? false, ports: options.ports ?? [] });
    this.security = options.security ?? null;
    this.smb = new SmbObserver({ flowId: () => this.net.flowId(), protection: this.security?.smb ?? null });
    this.rpc = new RpcObserver({ protection: this.security });
    this.text = options.text ?? null;
    this.share = options.share ?? null;
    this.maker = new CallMaker({
      registry: options.registry,
      numbering: options.opnums ?? 'auto',
      limits,
      objects: options.objects ?? true,
      text: this.text,
      share: this.share,
    });
    this.connections = new Connections({
      registry: options.registry,
      labelAt: (oxid) => this.maker.labelAt(oxid),
    });
  }

  push(frame: Frame, out: AnalyzerOutput[]): void {
    this.frames++;
    if (this.text !== null) this.text.at = 0;
    this.bytes += frame.wireLength;
    this.lastS = frame.timeS;
    this.lastNs = frame.timeNs;
    if (frame.timeS >= this.connections.dueS) this.connections.tick(frame.timeS, this.refused);
    this.net.push(frame, this.segments);
    if (this.segments.length > 0) this.drain(out);
    if (this.refused.length > 0) this.take(out);
  }

  /** No packet came for a while: nothing is waited for any longer that would have come by now. */
  quiet(out: AnalyzerOutput[]): void {
    this.net.quiet(this.segments);
    if (this.segments.length > 0) this.drain(out);
  }

  /** To be called when the reader is about to hand out another block. */
  settle(): void {
    this.net.settle();
    this.rpc.settle();
  }

  /** Ends all connections: what is still open is given up and comes out as unanswered. */
  end(out: AnalyzerOutput[]): void {
    this.over = true;
    this.net.end(this.segments);
    this.drain(out);
    this.smb.end(this.piped);
    this.followPipes(out);
    this.rpc.end(this.exchanges);
    this.deliver(out);
    this.connections.end({ timeS: this.lastS, timeNs: this.lastNs }, this.refused);
    this.maker.end(this.findings);
    this.take(out);
    sealedSessions(this.smb.sealed, this.findings);
    const { overHttp } = this.rpc.counts;
    const { unread } = this.net.counts;
    out.push(
      ...captureFindings({
        ...this.net.counts,
        unread: overHttp === 0 ? unread : new Map([...unread, ['RPC over HTTP (ncacn_http)', overHttp]]),
      }),
    );
    this.oneDirection.end(this.findings);
    out.push(...this.findings);
    clear(this.findings);
  }

  /** What became of every object that is remembered, by now or, after `end`, in the end. */
  objects(): ObjectRecord[] {
    return this.maker.records(this.over);
  }

  /** Ports of the servers whose connections have ended, in the order met; the first {@link MAX_SERVER_PORTS}. */
  get serverPorts(): readonly number[] {
    return [...this.ports];
  }

  get summary(): Summary {
    return {
      frames: this.frames,
      bytes: this.bytes,
      flows: this.net.counts.flows,
      pdus: this.rpc.counts.pdus,
      calls: this.calls,
      problems: this.problems,
    };
  }

  private drain(out: AnalyzerOutput[]): void {
    for (const segment of this.segments) {
      if (segment.kind === 'chunk') this.chunk(segment, out);
      else if (segment.kind === 'problem') this.report(segment, out);
      else {
        if (!isBreak(segment) || !this.overSmb(segment, out)) this.follow(segment, out);
        if (segment.kind === 'flow-end' && this.ports.size < MAX_SERVER_PORTS) this.ports.add(serverPort(segment.flow));
      }
    }
    clear(this.segments);
    if (this.exchanges.length > 0) this.deliver(out);
  }

  /**
   * Bytes of a connection. Apart from the other kinds, here and in the observers: what is read of an object that has one
   * layout costs a tenth of what it costs where it may have any of seven.
   */
  private chunk(chunk: Chunk, out: AnalyzerOutput[]): void {
    if (this.smb.chunk(chunk, this.piped)) this.followPipes(out);
    else this.rpc.chunk(chunk, this.exchanges);
    const kdcs = this.security?.kdcs ?? null;
    // What goes to a KDC and comes from there gives the keys of tickets.
    if (kdcs !== null && toKdc(chunk.flow)) kdcs.push(chunk.flow.id, chunk.direction, bytesOf(chunk), chunk.frame);
    if (this.connections.opening > 0) this.connections.data(chunk);
  }

  /** What may be RPC, or tells of the connection that may carry it. */
  private follow(segment: Exclude<NetOutput, Problem | Chunk>, out: AnalyzerOutput[]): void {
    if (segment.kind === 'datagram' && segment.carries === 'kdc') {
      this.security?.kdcs?.datagram(segment.flow.id, bytesOf(segment), segment.frame);
      return;
    }
    if (segment.kind === 'gap' && this.rpc.follows(segment.flow.id)) this.report(lost(segment), out);
    if (segment.kind === 'flow-end' && this.rpc.follows(segment.flow.id)) this.oneDirection.ended(segment);
    this.rpc.push(segment, this.exchanges);
    this.opened(segment);
    if (segment.kind === 'flow-end') this.ended(segment, out);
  }

  private ended(end: FlowEnd, out: AnalyzerOutput[]): void {
    this.deliver(out);
    this.connections.ended(end, this.refused);
    this.maker.ended(end);
  }

  /** A piece of a connection that speaks SMB: what its pipes carry is followed. False: it is none. */
  private overSmb(segment: Gap | FlowEnd, out: AnalyzerOutput[]): boolean {
    const { smb } = this;
    if (segment.kind === 'gap' && smb.carries(segment.flow.id)) this.report(lost(segment), out);
    if (segment.kind === 'flow-end' && smb.carried(segment.flow.id)) this.oneDirection.ended(segment);
    if (!smb.push(segment, this.piped)) return false;
    this.followPipes(out);
    this.opened(segment);
    if (segment.kind === 'flow-end') this.ended(segment, out);
    return true;
  }

  private followPipes(out: AnalyzerOutput[]): void {
    for (const piped of this.piped) {
      if (piped.kind === 'problem') this.report(piped, out);
      else {
        this.rpc.push(piped, this.exchanges);
        if (piped.kind === 'flow-end') this.ended(piped, out);
      }
    }
    clear(this.piped);
  }

  /** What shows how a connection is opened. */
  private opened(segment: Exclude<NetOutput, Problem | Chunk>): void {
    const kdcs = this.security?.kdcs ?? null;
    if (kdcs !== null && isBreak(segment) && toKdc(segment.flow)) kdcs.end(segment.flow.id);
    if (segment.kind === 'gap') this.connections.gap(segment);
    else if (segment.kind === 'handshake') this.connections.handshake(segment);
    else if (segment.kind === 'unreachable') this.connections.unreachable(segment);
  }

  private deliver(out: AnalyzerOutput[]): void {
    for (const item of this.exchanges) {
      if (item.kind === 'exchange') {
        const call = this.maker.make(item, ++this.calls, this.findings);
        if (call.problems.length > 0 && this.share?.owns(call.id) !== false) this.problems += call.problems.length;
        out.push(call);
        this.connections.call(call, this.refused);
        if (this.findings.length > 0) this.take(out);
      } else if (item.kind === 'bind') {
        this.connections.bind(item, this.refused);
        if (item.outcome === 'accepted' && item.assocGroup !== 0) this.maker.bound(item.flow, item.assocGroup);
      } else if (item.kind === 'problem') {
        this.report(item, out);
      }
    }
    clear(this.exchanges);
    if (this.refused.length > 0 || this.security?.heard === true) this.take(out);
  }

  private take(out: AnalyzerOutput[]): void {
    if (this.security !== null) {
      this.security.drain(out, this.logons);
      for (const refusal of this.logons) this.connections.logon(refusal, this.refused);
      clear(this.logons);
    }
    for (const finding of this.findings) out.push(finding);
    clear(this.findings);
    for (const finding of this.refused) out.push(finding);
    clear(this.refused);
  }

  private report(problem: Problem, out: AnalyzerOutput[]): void {
    this.problems++;
    out.push(problem);
  }
}

/** A piece of a TCP connection. */
function bytesOf({ block, start, end }: Chunk | Datagram): Uint8Array {
  return block.u8.subarray(start, end);
}

function toKdc({ a, b }: Flow): boolean {
  return a.port === KDC_PORT || b.port === KDC_PORT;
}

/** A hole in a TCP connection, or its end. */
function isBreak(segment: Exclude<NetOutput, Problem>): segment is Gap | FlowEnd {
  return segment.kind === 'gap' || segment.kind === 'flow-end';
}

/** A hole in an RPC connection; holes in other traffic are none of our business. */
function lost(gap: Gap): Problem {
  const { a, b } = gap.flow;
  const [from, to] = gap.direction === 0 ? [a, b] : [b, a];
  return {
    kind: 'problem',
    layer: 'tcp',
    code: 'tcp-gap',
    spec: null,
    at: { frame: gap.frame, flow: gap.flow.id },
    message: `${gap.size} bytes from ${from.address} port ${from.port} to ${to.address} port ${to.port} were not captured; calls they carried are lost or incomplete`,
  };
}

/** Server ports that are remembered, to say what a capture without calls holds instead. */
const MAX_SERVER_PORTS = 16;

/** The port that was connected to; of a connection met midway the lower one. */
function serverPort({ a, b, opened }: Flow): number {
  return opened === 'syn' ? b.port : Math.min(a.port, b.port);
}
