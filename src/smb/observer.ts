import { blockOf } from '../bytes/block.js';
import { toHex } from '../bytes/hex.js';
import type { Chunk, Direction, Flow, FlowEnd, Gap, Moment } from '../types.js';
import { sessionRequestAt, smbAt, SmbStream, type Message, type MessageSink } from './framing.js';
import { SMB_LIMITS, type SmbLimits } from './limits.js';
import { Opens, type SealedSession, type SmbOutput, type SmbTally } from './opens.js';
import type { SmbProtection } from './protection.js';
import { Smb1 } from './smb1.js';
import { Smb2 } from './smb2.js';
import type { SmbWitness } from './witness.js';

export type { SealedSession, SmbOutput } from './opens.js';

export interface SmbOptions {
  readonly limits?: Partial<SmbLimits>;
  /** A number for a flow that no other has: every open of a pipe is a flow of its own. */
  readonly flowId: () => number;
  /** Opens what is encrypted; without it encrypted messages are counted. */
  readonly protection?: SmbProtection | null;
  readonly witness?: SmbWitness | null;
}

/** First byte of messages ([MS-CIFS] 2.2.3.1, [MS-SMB2] 2.2.1). */
const SIGNATURE = { smb1: 0xff, smb2: 0xfe, sealed: 0xfd, compressed: 0xfc } as const;

/**
 * Watches connections that speak SMB, on any port, for RPC over named pipes ([MS-RPCE] 2.1.1.2): what goes over one open
 * of a pipe comes out as the bytes of a connection of its own. Connections that speak something else cost a look at the
 * first byte of each segment, and keep no memory.
 */
export class SmbObserver {
  private readonly tally: SmbTally;
  private readonly connections = new Map<number, Connection>();
  private lastId = -1;
  /** The connection of `lastId`; null: it is none of ours. */
  private last: Connection | null = null;

  constructor({ limits, flowId, protection = null, witness = null }: SmbOptions) {
    this.tally = {
      limits: { ...SMB_LIMITS, ...limits },
      flowId,
      protection,
      witness,
      sealed: new Map(),
      out: [],
      heldBytes: 0,
      pending: 0,
      pipes: 0,
      saidCompressed: false,
    };
  }

  /** What the limits bound. */
  get load(): Readonly<Record<'connections' | 'heldBytes' | 'pending' | 'pipes', number>> {
    const { heldBytes, pending, pipes } = this.tally;
    return { connections: this.connections.size, heldBytes, pending, pipes };
  }

  /**
   * Takes the next piece of a TCP connection; false where it is none of SMB, and somebody else's. What came over pipes is
   * appended to `out`.
   */
  push(input: Chunk | Gap | FlowEnd, out: SmbOutput[]): boolean {
    return input.kind === 'chunk' ? this.chunk(input, out) : this.take(this.known(input.flow.id), input, out);
  }

  /** As {@link SmbObserver.push}, of bytes. */
  chunk(input: Chunk, out: SmbOutput[]): boolean {
    const known = this.known(input.flow.id);
    if (known === null && !begins(input)) return false;
    return this.take(known ?? this.admit(input.flow), input, out);
  }

  private take(connection: Connection | null, input: Chunk | Gap | FlowEnd, out: SmbOutput[]): boolean {
    if (connection === null) return false;
    this.tally.out = out;
    connection.push(input);
    if (connection.over) this.forget(input.flow.id);
    return !connection.refused;
  }

  /** No more will come. */
  end(out: SmbOutput[]): void {
    this.tally.out = out;
    for (const connection of this.connections.values()) connection.end(null);
    this.connections.clear();
    this.last = null;
    this.lastId = -1;
  }

  /** Sessions with encrypted messages, in the order met. */
  get sealed(): readonly SealedSession[] {
    return [...this.tally.sealed.values()];
  }

  /** Whether RPC goes over a pipe of a connection. */
  carries(flowId: number): boolean {
    return this.connections.get(flowId)?.carries ?? false;
  }

  /** Whether RPC went over any pipe of a connection so far. */
  carried(flowId: number): boolean {
    return this.connections.get(flowId)?.carried ?? false;
  }

  private known(id: number): Connection | null {
    if (this.connections.size === 0) return null;
    if (id !== this.lastId) {
      this.lastId = id;
      this.last = this.connections.get(id) ?? null;
    }
    return this.last;
  }

  private admit(flow: Flow): Connection {
    const { limits } = this.tally;
    if (this.connections.size >= limits.connections) {
      const [oldest] = this.connections.values();
      oldest?.end(null);
      if (oldest !== undefined) this.connections.delete(oldest.flow.id);
    }
    const connection = new Connection(flow, this.tally);
    this.connections.set(flow.id, connection);
    this.lastId = flow.id;
    this.last = connection;
    return connection;
  }

  private forget(id: number): void {
    this.connections.delete(id);
    this.last = null;
  }
}

/** Bytes of SMB2 TRANSFORM_HEADER, and where it has the session ([MS-SMB2] 2.2.41). */
const TRANSFORM_BYTES = 52;

function sessionAt(u8: Uint8Array, start: number): string {
  return toHex(u8.subarray(start + 44, start + 52));
}

/** Whether a piece of a connection that is not known begins with SMB. */
function begins({ block: { u8 }, start, end, streamOffset }: Chunk): boolean {
  const first = u8[start];
  if (first !== 0 && first !== 0x81) return false;
  // The signature itself, or where a stream begins as much of it as there is.
  if (first === 0) return (streamOffset === 0 || end - start >= 10) && smbAt(u8, start, end);
  return streamOffset === 0 && sessionRequestAt(u8, start, end);
}

/** One TCP connection that speaks SMB. */
export class Connection implements MessageSink {
  readonly flow: Flow;
  private readonly tally: SmbTally;
  private readonly opens: Opens;
  private readonly smb1: Smb1;
  private readonly smb2: Smb2;
  private readonly streams: [SmbStream | null, SmbStream | null] = [null, null];
  private readonly finished: [boolean, boolean] = [false, false];
  private readonly sealedSessions: SealedSession[] = [];
  /** Direction in which requests go; null before any was seen. */
  private client: Direction | null = null;
  /** It ended, or turned out to be something else. */
  over = false;
  refused = false;

  constructor(flow: Flow, tally: SmbTally) {
    this.flow = flow;
    this.tally = tally;
    this.opens = new Opens(flow, tally);
    this.smb1 = new Smb1(this.opens);
    this.smb2 = new Smb2(this.opens, flow.id, tally.protection);
  }

  get carries(): boolean {
    return this.opens.carries;
  }

  get carried(): boolean {
    return this.opens.carried;
  }

  push(input: Chunk | Gap | FlowEnd): void {
    if (input.kind === 'flow-end') {
      this.flowEnd(input);
      return;
    }
    const { direction } = input;
    const stream = (this.streams[direction] ??= this.stream(input));
    if (input.kind === 'gap') stream.gap(input);
    else stream.push(input);
  }

  end(end: FlowEnd | null): void {
    for (const stream of this.streams) stream?.finish();
    this.close(end);
  }

  private close(end: FlowEnd | null): void {
    this.opens.end(end);
    for (const one of this.sealedSessions) one.about = this.tally.protection?.about(this.flow.id, one.session) ?? null;
    this.tally.protection?.onEnd(this.flow.id);
    this.over = true;
  }

  wants(_stream: SmbStream, head: Uint8Array): boolean {
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    if (head[0] === SIGNATURE.sealed) {
      const { protection } = this.tally;
      return head.length > TRANSFORM_BYTES && protection !== null && protection.opens(this.flow.id, sessionAt(head, 0));
    }
    if (head[0] === SIGNATURE.smb2) return this.smb2.wants(head, view);
    return head[0] === SIGNATURE.smb1 && this.smb1.wants(head, view);
  }

  message(stream: SmbStream, message: Message): void {
    const { direction } = stream;
    const { u8 } = message.block;
    const { start, end } = message;
    const first = u8[start];
    if (end - start < 32) return;
    if (first === SIGNATURE.smb2) {
      this.client ??= ((u8[start + 16] as number) & 1) === 0 ? direction : other(direction);
      this.smb2.message(message, direction);
    } else if (first === SIGNATURE.smb1) {
      this.client ??= ((u8[start + 9] as number) & 0x80) === 0 ? direction : other(direction);
      this.smb1.message(message, direction);
    } else if (first === SIGNATURE.sealed) this.sealed(stream, message);
    else if (first === SIGNATURE.compressed) this.compressed(message);
  }

  lost(stream: SmbStream, at: Moment & { readonly frame: number }): void {
    // It only looked like SMB.
    if (!this.proven) this.giveUp();
    else this.opens.lost(stream.direction, stream.direction !== this.client, at);
  }

  giveUp(): void {
    for (const stream of this.streams) stream?.abandon();
    this.close(null);
    this.refused = true;
  }

  hold(bytes: number): boolean {
    if (this.tally.heldBytes + bytes > this.tally.limits.heldBytes) return false;
    this.tally.heldBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.tally.heldBytes -= bytes;
  }

  /** An encrypted message ([MS-SMB2] 2.2.41): what is in it, where it can be opened. */
  private sealed(stream: SmbStream, message: Message): void {
    const { block, start, end, size, pieces } = message;
    if (end - start <= TRANSFORM_BYTES) return;
    const { direction } = stream;
    const { protection, sealed, limits } = this.tally;
    const session = sessionAt(block.u8, start);
    const key = `${this.flow.id} ${session}`;
    let counted = sealed.get(key);
    if (counted === undefined) {
      counted = { flow: this.flow, session, messages: 0, opened: 0, about: null };
      if (sealed.size < limits.connections) {
        sealed.set(key, counted);
        this.sealedSessions.push(counted);
      }
    }
    counted.messages++;
    if (protection === null) return;
    const whole = end - start === size && protection.opens(this.flow.id, session);
    const plain = whole
      ? protection.open({ flow: this.flow.id, direction, session, message: block.u8.subarray(start, end) })
      : null;
    if (plain === null) {
      protection.onClosed(this.flow.id, session);
      return;
    }
    counted.opened++;
    // The frames of the bytes behind the header that is gone.
    const first = pieces.findLastIndex(({ from }) => from <= TRANSFORM_BYTES);
    const moved = pieces
      .slice(Math.max(0, first))
      .map(({ from, frame, timeS, timeNs }) => ({ from: Math.max(0, from - TRANSFORM_BYTES), frame, timeS, timeNs }));
    if (plain[0] !== SIGNATURE.sealed)
      this.message(stream, {
        block: blockOf(plain),
        start: 0,
        end: plain.length,
        size: plain.length,
        pieces: moved,
        outer: pieces,
      });
  }

  /** Compressed messages ([MS-SMB2] 2.2.42) are named once, not read. */
  private compressed({ pieces }: Message): void {
    if (this.tally.saidCompressed) return;
    this.tally.saidCompressed = true;
    this.tally.out.push({
      kind: 'problem',
      layer: 'rpc',
      code: 'rpc-named-pipe',
      spec: '[MS-SMB2] 2.2.42',
      at: { flow: this.flow.id, frame: pieces.at(-1)?.frame ?? 0 },
      message:
        'SMB messages are compressed, which is not read: calls that they carry over named pipes are not in the output',
    });
  }

  private get proven(): boolean {
    return this.streams.some((stream) => stream?.proven === true);
  }

  private stream(first: Chunk | Gap): SmbStream {
    const inStep =
      first.kind === 'chunk' &&
      ((first.streamOffset === 0 && this.flow.opened !== 'midstream') || smbAt(first.block.u8, first.start, first.end));
    return new SmbStream(first.direction, this, this.tally.limits, inStep);
  }

  private flowEnd(end: FlowEnd): void {
    const { direction } = end;
    if (direction !== null) {
      this.streams[direction]?.finish();
      this.finished[direction] = true;
      if (!this.finished[other(direction)]) return;
    }
    this.end(end);
  }
}

function other(direction: Direction): Direction {
  return direction === 0 ? 1 : 0;
}
