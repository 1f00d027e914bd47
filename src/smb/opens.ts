import type { Chunk, Direction, Flow, FlowEnd, Gap, Moment, Problem } from '../types.js';
import type { Message } from './framing.js';
import { MAX_PIPE_NAME, type SmbLimits } from './limits.js';
import type { SessionAbout, SmbProtection } from './protection.js';
import type { SmbWitness } from './witness.js';

/** What the room hands on: the bytes of pipes as if each open of one were a connection, and what it could not read. */
export type SmbOutput = Chunk | Gap | FlowEnd | Problem;

/** One open of a named pipe. */
export interface Pipe {
  /** `\pipe\samr`; null where its CREATE was not captured. */
  readonly name: string | null;
  /** `fresh`: nothing went over it yet; `other`: what goes over it is no RPC. */
  state: 'fresh' | 'rpc' | 'other' | 'over';
  flow: Flow | null;
  /** Bytes so far, each way. */
  readonly offsets: [number, number];
  /** Requests for its bytes that wait. */
  reads: number;
  /** Frames that opened it, where a witness asks. */
  readonly made: number[];
}

/** A request that waits for its answer. */
export type Pending =
  | { readonly kind: 'create' | 'read' | 'transact'; readonly pipe: Pipe }
  | { readonly kind: 'tree'; readonly ofPipes: boolean }
  /** `file`: what names the pipe in requests. */
  | { readonly kind: 'close'; readonly file: string };

/** A session some of whose messages are encrypted. */
export interface SealedSession {
  readonly flow: Flow;
  /** SessionId in hexadecimal, as on the wire. */
  readonly session: string;
  /** Encrypted messages, and those of them that were opened. */
  messages: number;
  opened: number;
  /** What its logon shows; null as long as its connection is followed. */
  about: SessionAbout | null;
}

/** What the connections of one observer share. */
export interface SmbTally {
  readonly limits: SmbLimits;
  /** A number for a flow that no other has. */
  readonly flowId: () => number;
  /** Opens what is encrypted; null: nobody does. */
  readonly protection: SmbProtection | null;
  /** Hears what reading takes; null: nobody does. */
  readonly witness: SmbWitness | null;
  out: SmbOutput[];
  heldBytes: number;
  pending: number;
  pipes: number;
  /** Sessions with encrypted messages, by flow and session. */
  readonly sealed: Map<string, SealedSession>;
  /** It was said that compressed messages are not read. */
  saidCompressed: boolean;
}

/** More than any PDU has: the framing behind a hole of unknown size begins anew. */
const UNKNOWN_SIZE = 65_536;
/** PDU types that a server sends ([C706] 12.1). */
const ANSWERS: readonly number[] = [2, 3, 12, 13, 15];

/** Trees, requests under way and open pipes of one connection. */
export class Opens {
  private readonly flow: Flow;
  private readonly tally: SmbTally;
  private readonly trees = new Map<string, boolean>();
  private readonly waiting = new Map<number, Pending>();
  /** Open pipes by what names them in requests. */
  private readonly pipes = new Map<string, Pipe>();
  /** Pipes that RPC goes over. */
  private carrying = 0;
  /** RPC went over one of its pipes. */
  carried = false;

  constructor(flow: Flow, tally: SmbTally) {
    this.flow = flow;
    this.tally = tally;
  }

  /** RPC goes over one of its pipes. */
  get carries(): boolean {
    return this.carrying > 0;
  }

  tree(key: string, ofPipes: boolean): void {
    if (this.trees.size < this.tally.limits.trees || this.trees.has(key)) this.trees.set(key, ofPipes);
  }

  forgetTree(key: string): void {
    this.trees.delete(key);
  }

  /** Whether a tree holds pipes; null where its connect was not captured. */
  ofPipes(key: string): boolean | null {
    return this.trees.get(key) ?? null;
  }

  wait(key: number, pending: Pending): void {
    const { limits } = this.tally;
    this.take(key);
    if (this.waiting.size >= limits.pending) {
      const [oldest] = this.waiting.keys();
      if (oldest !== undefined) this.take(oldest);
    }
    if (this.tally.pending >= limits.pendingTotal) return;
    this.tally.pending++;
    this.waiting.set(key, pending);
    if (pending.kind === 'read' || pending.kind === 'transact') pending.pipe.reads++;
  }

  waits(key: number): boolean {
    return this.waiting.has(key);
  }

  waitsFor(key: number): Pending | null {
    return this.waiting.get(key) ?? null;
  }

  /** The request that an answer is to, which waits no longer. */
  take(key: number): Pending | null {
    const pending = this.waiting.get(key);
    if (pending === undefined) return null;
    this.waiting.delete(key);
    this.tally.pending--;
    if (pending.kind === 'read' || pending.kind === 'transact') pending.pipe.reads--;
    return pending;
  }

  /** A witness hears of a message. */
  told(message: Message, id: number, answer: boolean, setup: boolean): void {
    const { witness } = this.tally;
    if (witness !== null) witness.onMessage(this.flow.id, { frames: this.witnessed(message), id, answer, setup });
  }

  private witnessed({ pieces, outer }: Message): readonly number[] {
    return this.tally.witness === null ? [] : [...new Set((outer ?? pieces).map(({ frame }) => frame))];
  }

  /** A pipe that is being opened. */
  opening(name: string, message: Message): Pipe {
    const bare = name.replace(/^\\*(?:pipe\\+)?/i, '').slice(0, MAX_PIPE_NAME);
    return {
      name: `\\pipe\\${bare}`,
      state: 'fresh',
      flow: null,
      offsets: [0, 0],
      reads: 0,
      made: [...this.witnessed(message)],
    };
  }

  opened(key: string, pipe: Pipe, message: Message): void {
    if (this.pipes.get(key) === pipe) return;
    this.closePipe(key, null);
    if (this.pipes.size >= this.tally.limits.pipes || this.tally.pipes >= this.tally.limits.pipesTotal) return;
    for (const frame of this.witnessed(message)) pipe.made.push(frame);
    this.pipes.set(key, pipe);
    this.tally.pipes++;
  }

  pipe(key: string): Pipe | null {
    return this.pipes.get(key) ?? null;
  }

  /** A pipe that was opened before the capture began, met by what is written to it; null where that is no RPC. */
  adopt(key: string, message: Message, from: number): Pipe | null {
    const { u8 } = message.block;
    if (message.end - from < 4 || u8[from] !== 5 || (u8[from + 1] as number) > 1 || (u8[from + 2] as number) > 19)
      return null;
    const pipe: Pipe = { name: null, state: 'fresh', flow: null, offsets: [0, 0], reads: 0, made: [] };
    this.opened(key, pipe, message);
    return this.pipe(key);
  }

  /** Whether RPC goes over one pipe alone: {@link only} may then name it. */
  get oneCarries(): boolean {
    return this.carrying === 1;
  }

  /** The only pipe that RPC goes over, for an answer whose request was not captured; null where it is not that clear. */
  only({ block: { u8 }, end }: Message, from: number, to: number): Pipe | null {
    if (!this.oneCarries || to > end || to - from < 16) return null;
    const known = u8[from] === 5 && (u8[from + 1] as number) <= 1 && ANSWERS.includes(u8[from + 2] as number);
    const length = (u8[from + 8] as number) | ((u8[from + 9] as number) << 8);
    if (!known || ((u8[from + 4] as number) & 0xf0) !== 0x10 || length !== to - from) return null;
    for (const pipe of this.pipes.values()) if (pipe.state === 'rpc') return pipe;
    return null;
  }

  /** Bytes `from` to `to` of a message went over a pipe; what of them the message does not hold is a hole. */
  carry(pipe: Pipe, direction: Direction, message: Message, from: number, to: number): void {
    if (to <= from || from < message.start) return;
    const { u8 } = message.block;
    if (pipe.state === 'fresh' && from < message.end) this.meet(pipe, u8[from] === 5);
    const { flow } = pipe;
    if (pipe.state !== 'rpc' || flow === null) return;
    const end = Math.min(to, message.end);
    for (let i = 0; i < message.pieces.length; i++) {
      const piece = message.pieces[i];
      if (piece === undefined) break;
      const next = message.pieces[i + 1];
      const start = Math.max(from, message.start + piece.from);
      const stop = next === undefined ? end : Math.min(end, message.start + next.from);
      if (stop <= start) continue;
      this.tally.out.push({
        kind: 'chunk',
        flow,
        direction,
        streamOffset: pipe.offsets[direction],
        block: message.block,
        start,
        end: stop,
        frame: piece.frame,
        timeS: piece.timeS,
        timeNs: piece.timeNs,
      });
      pipe.offsets[direction] += stop - start;
    }
    const at = message.pieces.at(-1);
    if (at !== undefined && end < to) this.hole(pipe, direction, to - Math.max(from, end), at);
  }

  /** Bytes of the connection were lost that may have been any message's. */
  lost(direction: Direction, answers: boolean, at: Moment & { readonly frame: number }): void {
    if (this.carrying === 0) return;
    for (const pipe of this.pipes.values())
      if (pipe.state === 'rpc' && (!answers || pipe.reads > 0)) this.hole(pipe, direction, UNKNOWN_SIZE, at);
  }

  /** A pipe was closed; `at` is null where it ends for another reason. */
  closePipe(key: string, at: (Moment & { readonly frame: number; readonly direction: Direction }) | null): void {
    const pipe = this.pipes.get(key);
    if (pipe === undefined) return;
    this.pipes.delete(key);
    this.tally.pipes--;
    const { flow, state } = pipe;
    pipe.state = 'over';
    if (state !== 'rpc' || flow === null) return;
    this.carrying--;
    this.tally.out.push({
      kind: 'flow-end',
      flow,
      direction: null,
      reason: at === null ? 'evicted' : 'fin',
      frame: at?.frame ?? 0,
      timeS: at?.timeS ?? 0,
      timeNs: at?.timeNs ?? 0,
      by: at?.direction ?? null,
      answered: true,
      unseen: null,
    });
  }

  /** The connection ended, with all that was open on it. */
  end(end: FlowEnd | null): void {
    for (const pipe of this.pipes.values()) {
      const { flow, state } = pipe;
      pipe.state = 'over';
      if (state !== 'rpc' || flow === null) continue;
      if (end === null)
        this.tally.out.push({
          kind: 'flow-end',
          flow,
          direction: null,
          reason: 'evicted',
          frame: 0,
          timeS: 0,
          timeNs: 0,
          by: null,
          answered: true,
          unseen: null,
        });
      else this.tally.out.push({ ...end, flow, direction: null, answered: true, unseen: null });
    }
    this.tally.pipes -= this.pipes.size;
    this.tally.pending -= this.waiting.size;
    this.carrying = 0;
    this.pipes.clear();
    this.waiting.clear();
    this.trees.clear();
  }

  private meet(pipe: Pipe, rpc: boolean): void {
    pipe.state = rpc ? 'rpc' : 'other';
    if (!rpc) return;
    this.carrying++;
    this.carried = true;
    this.tally.protection?.onPipe(this.flow.id);
    const { a, b, id } = this.flow;
    pipe.flow = {
      id: this.tally.flowId(),
      a,
      b,
      opened: pipe.name === null ? 'midstream' : 'syn',
      pipe: { name: pipe.name, over: id },
    };
    this.tally.witness?.onPipe(pipe.flow.id, id, pipe.made);
  }

  private hole(pipe: Pipe, direction: Direction, size: number, at: Moment & { readonly frame: number }): void {
    if (pipe.flow === null) return;
    this.tally.out.push({
      kind: 'gap',
      flow: pipe.flow,
      direction,
      streamOffset: pipe.offsets[direction],
      size,
      frame: at.frame,
      timeS: at.timeS,
      timeNs: at.timeNs,
    });
    pipe.offsets[direction] += size;
  }
}
