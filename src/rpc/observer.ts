import type {
  Block,
  Chunk,
  Datagram,
  Direction,
  Flow,
  FlowEnd,
  Gap,
  Handshake,
  ProblemCode,
  Unreachable,
} from '../types.js';
import { Eldest } from '../bytes/eldest.js';
import { Association } from './association.js';
import { Datagrams } from './datagrams.js';
import { PduStream, type Assembly, type PduSink } from './framing.js';
import { connectionlessAt, FOUND, plausibleHeader, ptypeName } from './header.js';
import { Ledger, type RpcCounts, type RpcOutput } from './ledger.js';
import { RPC_LIMITS, type RpcLimits } from './limits.js';
import { bindIn, overHttp, PREAMBLE_BYTES, proxyOf } from './preamble.js';
import type { PduProtection } from './protection.js';
import { PduView } from './view.js';

export type { RpcCounts, RpcOutput } from './ledger.js';

export interface RpcOptions {
  readonly limits?: Partial<RpcLimits>;
  /** Checks signatures and opens sealed PDUs; without it protected calls stay `unverified` or `sealed`. */
  readonly protection?: PduProtection | null;
}

/**
 * Watches both directions of every connection: streams in, calls out. RPC is known by its bytes, on any port: a stream
 * is RPC when it begins with a PDU header (see {@link plausibleHeader} for the odds); where its beginning was not
 * captured, any chunk may begin the first PDU, and another header, or the end of the chunk, has to follow it. Other
 * connections cost a look at their first bytes and keep no memory.
 */
export class RpcObserver {
  readonly counts: RpcCounts;
  private readonly ledger: Ledger;
  private readonly view = new PduView();
  private readonly connections = new Map<number, Connection>();
  private readonly eldest = new Eldest(() => this.connections.values());
  private lastId = -1;
  /** The connection of `lastId`; null: it is none of ours. */
  private last: Connection | null = null;
  private readonly datagrams: Datagrams;
  /** Connections that begin with what a proxy is asked, and whose handshake it is. */
  private readonly proxies = new Map<number, string>();
  /** Connections that carry RPC over HTTP. */
  private readonly http = new Set<number>();

  constructor(options: RpcOptions = {}) {
    this.ledger = new Ledger({ ...RPC_LIMITS, ...options.limits }, options.protection ?? null);
    this.counts = this.ledger.counts;
    this.datagrams = new Datagrams(this.ledger);
  }

  /** What the limits bound. */
  get load(): { readonly connections: number; readonly heldBytes: number; readonly pendingCalls: number } {
    return { connections: this.connections.size, ...this.ledger.load };
  }

  /** Takes the next piece of a connection and appends what it completes to `out`. */
  push(input: Chunk | Datagram | Gap | FlowEnd | Handshake | Unreachable, out: RpcOutput[]): void {
    if (input.kind === 'chunk') {
      this.chunk(input, out);
      return;
    }
    if (input.kind === 'handshake' || input.kind === 'unreachable') return;
    this.ledger.out = out;
    if (input.kind === 'datagram') {
      if (input.carries === 'rpc') this.datagrams.push(input);
      return;
    }
    const { id } = input.flow;
    const connection = this.connectionOf(id);
    if (connection === null) {
      if (input.kind !== 'flow-end') this.begin(input);
      else {
        if (this.proxies.size > 0) this.proxies.delete(id);
        if (this.http.size > 0) this.http.delete(id);
      }
      return;
    }
    connection.push(input);
    if (connection.state === 'over') this.forget(id);
  }

  /** As {@link RpcObserver.push}, of bytes. */
  chunk(input: Chunk, out: RpcOutput[]): void {
    this.ledger.out = out;
    const { id } = input.flow;
    const connection = this.connectionOf(id);
    if (connection === null) {
      this.begin(input);
      return;
    }
    connection.chunk(input);
    if (connection.state !== 'over') return;
    this.forget(id);
    // What was begun as a PDU was none: what comes now may be the first.
    if (connection.unproven && input.streamOffset > 0) this.begin(input);
  }

  private connectionOf(id: number): Connection | null {
    if (id !== this.lastId) {
      this.lastId = id;
      this.last = this.connections.get(id) ?? null;
    }
    return this.last;
  }

  /** Ends every connection: calls still waiting come out as they are. */
  end(out: RpcOutput[]): void {
    this.ledger.out = out;
    for (const connection of this.connections.values()) connection.end();
    this.datagrams.end();
    this.connections.clear();
    this.last = null;
    this.lastId = -1;
  }

  /**
   * To be called before the memory of earlier chunks is reused: copies the requests of calls that still wait. Exchanges
   * handed out are the caller's; their stubs lie in the reader's memory.
   */
  settle(): void {
    this.ledger.settle();
  }

  /** Whether a connection is, or may still turn out to be, DCE-RPC. */
  follows(flowId: number): boolean {
    return this.connections.has(flowId);
  }

  /** A piece of a connection that is not known. */
  private begin(input: Chunk | Gap): void {
    const { id } = input.flow;
    if (input.kind === 'chunk' && input.streamOffset === 0) this.note(input);
    if (this.http.size > 0 && this.http.has(id)) {
      if (input.kind === 'chunk') this.ledger.counts.overHttp++;
      return;
    }
    const connection = this.admit(input);
    if (connection !== null) {
      this.last = connection;
      if (input.kind === 'chunk') connection.chunk(input);
      else connection.push(input);
      if (connection.state === 'over') this.forget(id);
      return;
    }
    if (input.kind !== 'chunk' || input.streamOffset > PREAMBLE_BYTES || input.flow.opened === 'midstream') return;
    const at = bindIn(input, this.proxies.has(id));
    if (at < 0 || at + input.streamOffset === input.start) return;
    const passed = input.streamOffset + at - input.start;
    const found = this.add(new Connection(input.flow, this.ledger, this.view, true));
    this.last = found;
    const name = this.proxies.get(id) ?? 'something else';
    found.report('rpc-preamble', `${name} stands before the first PDU: ${passed} bytes were passed over`, input.frame);
    found.chunk({ ...input, start: at, streamOffset: passed });
    if (found.state === 'over') this.forget(id);
  }

  /** Remembers whose handshake a connection begins with, for its first PDU; or that it is RPC over HTTP. */
  private note(chunk: Chunk): void {
    if (overHttp(chunk) && this.http.size < this.ledger.limits.preambles) this.http.add(chunk.flow.id);
    const name = proxyOf(chunk);
    if (name === null || this.proxies.has(chunk.flow.id)) return;
    const [oldest] = this.proxies.keys();
    if (this.proxies.size >= this.ledger.limits.preambles && oldest !== undefined) this.proxies.delete(oldest);
    this.proxies.set(chunk.flow.id, name);
  }

  /** A piece of a connection that is not known: a new one, or null when it is no RPC. */
  private admit(input: Chunk | Gap): Connection | null {
    const { flow } = input;
    if (input.kind === 'gap') {
      // A direction that begins with a hole may be in the middle of anything. Later holes are in streams already
      // refused.
      return input.streamOffset === 0 ? this.add(new Connection(flow, this.ledger, this.view, true)) : null;
    }
    const { u8 } = input.block;
    const { start } = input;
    if (u8[start] === 4 && input.streamOffset === 0) this.connectionless(input);
    if (u8[start] !== 5 || (input.streamOffset !== 0 && flow.opened !== 'midstream')) return null;
    if (!plausibleHeader(u8, start, input.end)) return null;
    // A header cut by the end of the chunk is waited for only where a stream begins.
    if (input.end - start < 16 && input.streamOffset !== 0) return null;
    return this.add(new Connection(flow, this.ledger, this.view, flow.opened === 'midstream'));
  }

  private add(connection: Connection): Connection {
    if (this.connections.size >= this.ledger.limits.connections) {
      const oldest = this.eldest.take();
      if (oldest !== null) {
        oldest.report(
          'rpc-pending-limit',
          `${this.ledger.limits.connections} connections are watched; this oldest one is ended`,
          0,
        );
        oldest.end();
        this.connections.delete(oldest.flow.id);
      }
    }
    this.connections.set(connection.flow.id, connection);
    return connection;
  }

  private forget(id: number): void {
    this.connections.delete(id);
    this.last = null;
  }

  /** Connectionless RPC belongs into datagrams; a stream that begins with one whole PDU of it is named, not read. */
  private connectionless(chunk: Chunk): void {
    const { block, start, end } = chunk;
    if (end - start < 80 || !connectionlessAt(block.u8, start)) return;
    const little = ((block.u8[start + 4] as number) & 0xf0) === 0x10;
    if (80 + block.view.getUint16(start + 74, little) !== end - start) return;
    this.ledger.out.push({
      kind: 'problem',
      layer: 'rpc',
      code: 'rpc-connectionless',
      spec: '[C706] 12.5',
      at: { flow: chunk.flow.id, frame: chunk.frame },
      message: `the stream begins with a connectionless (version 4) ${ptypeName(block.u8[start + 1] as number)} PDU; only connection-oriented RPC is read`,
    });
  }
}

/** No frame yet. */
const NONE = -1;

/** Not yet known to be RPC, RPC, known to be none, or ended. */
type ConnectionState = 'probing' | 'rpc' | 'refused' | 'over';

/** One connection under watch. */
export class Connection implements PduSink {
  readonly flow: Flow;
  state: ConnectionState = 'probing';
  private readonly ledger: Ledger;
  private readonly view: PduView;
  private readonly streams: [PduStream | null, PduStream | null] = [null, null];
  private readonly finished: [boolean, boolean] = [false, false];
  private association: Association | null = null;
  /** Its beginning was not captured. */
  private readonly midstream: boolean;
  /**
   * Where and when the last piece came: what is still open when the connection ends is reported there. Not the piece
   * itself: each connection would keep a block of the reader's.
   */
  private lastFrame = NONE;
  private lastS = 0;
  private lastNs = 0;
  private proven = false;

  constructor(flow: Flow, ledger: Ledger, view: PduView, midstream: boolean) {
    this.flow = flow;
    this.ledger = ledger;
    this.view = view;
    this.midstream = midstream;
  }

  push(input: Gap | FlowEnd): void {
    if (input.kind === 'flow-end') {
      this.flowEnd(input);
      return;
    }
    if (this.state === 'refused') return;
    this.note(input);
    const { direction } = input;
    const stream = this.streams[direction];
    if (stream !== null) stream.gap(input);
    else if (this.association !== null) this.streams[direction] = this.stream(direction, false);
  }

  chunk(input: Chunk): void {
    if (this.state === 'refused') return;
    this.note(input);
    const { direction } = input;
    let stream = this.streams[direction];
    if (stream === null) {
      if (this.state === 'probing' && !plausibleHeader(input.block.u8, input.start, input.end)) {
        if (!this.midstream && this.streams[direction === 0 ? 1 : 0] === null) this.refuse('over');
        return;
      }
      stream = this.streams[direction] = this.stream(
        direction,
        this.state === 'probing' || (input.streamOffset === 0 && !this.midstream),
      );
    }
    stream.push(input);
  }

  // oxlint-disable-next-line max-params -- once a PDU on the hot path: an object for each would be made for nothing
  pdu(
    stream: PduStream,
    block: Block,
    start: number,
    end: number,
    at: Chunk | Gap,
    assembly: Assembly | null,
    next: number,
  ): void {
    const { view } = this;
    view.read(block, start, end);
    if (assembly === null) {
      view.timeS = at.timeS;
      view.timeNs = at.timeNs;
      view.frame = at.frame;
      view.owned = false;
      view.firstS = at.timeS;
      view.firstNs = at.timeNs;
      view.pieceFrom = view.pieceFrame = null;
    } else {
      // What gave it up, a hole or the end, came later than its last byte.
      view.timeS = assembly.lastS;
      view.timeNs = assembly.lastNs;
      view.frame = assembly.frame[assembly.frame.length - 1] ?? at.frame;
      view.owned = true;
      view.firstS = assembly.firstS;
      view.firstNs = assembly.firstNs;
      const several = assembly.frame.length > 1;
      view.pieceFrom = several ? assembly.from : null;
      view.pieceFrame = several ? assembly.frame : null;
    }
    if (this.association === null) {
      if (this.state !== 'probing' || !this.confirmed(view, at, next)) return;
      this.association = new Association(this.flow, this.ledger);
      this.ledger.counts.associations++;
      this.state = 'rpc';
      this.proven = true;
    }
    if (!view.cut) this.ledger.counts.pdus++;
    this.association.push(view, stream.direction);
  }

  lost(stream: PduStream, found: number, frame: number): void {
    if (this.association === null) {
      this.refuse('over');
      return;
    }
    this.association.lost(stream.direction);
    if (found === FOUND.connectionless)
      this.report(
        'rpc-connectionless',
        'a connectionless (version 4) PDU stands where a connection-oriented one has to begin',
        frame,
      );
    else if (found === FOUND.garbage)
      this.report(
        'rpc-malformed',
        'no PDU header stands where the last PDU ended; the next one is searched for',
        frame,
      );
  }

  resync(_stream: PduStream, frame: number, skipped: number): void {
    this.ledger.counts.skippedBytes += skipped;
    this.report('rpc-resync', `${skipped} bytes were passed over in search of the next PDU header`, frame);
  }

  hold(bytes: number, frame: number): boolean {
    if (this.ledger.hold(bytes)) return true;
    this.report(
      'rpc-fragment-limit',
      `${this.ledger.limits.heldBytes} bytes are held for PDUs and calls in the making; this PDU is left out`,
      frame,
    );
    return false;
  }

  release(bytes: number): void {
    this.ledger.hold(-bytes);
  }

  giveUp(_stream: PduStream, frame: number): void {
    this.report(
      'rpc-resync',
      `no PDU header within ${this.ledger.limits.searchBytes} bytes: the connection is given up as no RPC`,
      frame,
    );
    this.close();
    this.refuse('refused');
  }

  /** Ends the connection: PDUs begun are taken as far as they came, calls are given up. */
  end(): void {
    for (const direction of [0, 1] as const) this.finish(direction);
    this.close();
    this.state = 'over';
  }

  report(code: ProblemCode, message: string, frame: number): void {
    const at = frame > 0 ? { flow: this.flow.id, frame } : { flow: this.flow.id };
    this.ledger.out.push({
      kind: 'problem',
      layer: 'rpc',
      code,
      message,
      spec: code === 'rpc-resync' || code === 'rpc-malformed' ? '[C706] 12.6.3.1' : null,
      at,
    });
  }

  /** No PDU was ever found in it. */
  get unproven(): boolean {
    return !this.proven;
  }

  get probing(): boolean {
    return this.association === null;
  }

  private stream(direction: Direction, inStep: boolean): PduStream {
    return new PduStream(direction, this, this.ledger.limits.searchBytes, inStep);
  }

  private flowEnd(end: FlowEnd): void {
    const { direction } = end;
    if (direction !== null) {
      this.finish(direction);
      if (this.association !== null && this.state === 'rpc') this.association.ended(direction);
      if (!this.finished[direction === 0 ? 1 : 0]) return;
    }
    this.end();
  }

  private finish(direction: Direction): void {
    if (this.finished[direction]) return;
    this.finished[direction] = true;
    const stream = this.streams[direction];
    if (stream === null || this.state === 'refused') return;
    if (this.association === null && this.midstream) {
      stream.stop();
      return;
    }
    const frame = this.lastFrame === NONE ? 0 : this.lastFrame;
    const rest = stream.finish(this.lastFrame === NONE ? null : this.place(direction), frame);
    if (rest > 0 && this.association !== null)
      this.report('rpc-pdu-truncated', `the stream ends inside a PDU header, after ${rest} bytes of it`, frame);
  }

  private note({ frame, timeS, timeNs }: Chunk | Gap): void {
    this.lastFrame = frame;
    this.lastS = timeS;
    this.lastNs = timeNs;
  }

  /** Where the connection ends, as a hole of no size. */
  private place(direction: Direction): Gap {
    const { flow, lastFrame: frame, lastS: timeS, lastNs: timeNs } = this;
    return { kind: 'gap', flow, direction, streamOffset: 0, size: 0, frame, timeS, timeNs };
  }

  private close(): void {
    const { association } = this;
    this.association = null;
    association?.end();
  }

  /** The connection is no RPC: `over` forgets it; `refused` remembers, or the next chunk would be asked again. */
  private refuse(state: 'refused' | 'over'): void {
    for (const stream of this.streams) stream?.stop();
    this.streams[0] = this.streams[1] = null;
    this.state = state;
  }

  /**
   * Whether the first PDU is one. Where the stream's beginning was seen its header is enough; elsewhere it has to be
   * whole and sound, and what follows it in its last chunk has to begin another.
   */
  private confirmed(pdu: PduView, at: Chunk | Gap, next: number): boolean {
    if (!this.midstream) return true;
    if (
      at.kind === 'chunk' &&
      !pdu.cut &&
      !pdu.short &&
      pdu.trouble === null &&
      (next >= at.end || plausibleHeader(at.block.u8, next, at.end))
    )
      return true;
    this.refuse('over');
    return false;
  }
}
