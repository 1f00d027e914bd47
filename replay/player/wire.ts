import { spanOf } from '../../src/bytes/block.js';
import { CallMaker } from '../../src/analysis/calls.js';
import { ANALYSIS_LIMITS } from '../../src/analysis/limits.js';
import type { Registry } from '../../src/ndr/codec.js';
import type { AuthLevel, Drep, Exchange, Flow, Moment, Stub } from '../../src/types.js';
import type { Line, World } from '../../src/peer/world.js';
import { Session } from '../compare/session.js';
import { ClientLink, type LinkAnswer, type LinkCall } from '../../src/peer/link/client.js';
import { Recorder } from '../recording/recorder.js';
import type { RecordedCall, RecordingRecord } from '../recording/records.js';
import { PING_PERIOD_MS, Pings } from './pings.js';

/** A connection to the live server. */
export interface Connection {
  readonly link: ClientLink;
  readonly line: Line;
  readonly flow: Flow;
}

/** What a call came to: how it is recorded, and why there is no answer, where there is none. */
export type Heard = (record: RecordedCall, failed: string | null) => void;

interface Pending {
  readonly dueMs: number;
  readonly give: (answer: LinkAnswer) => void;
  /** Tells the server that nobody waits any more. */
  abandon: (() => void) | null;
  over: boolean;
}

/** The live side of a replay: connections, calls with their deadline, and the session they make, as records. */
export class Wire {
  readonly records: RecordingRecord[] = [];
  readonly live: Session;
  private readonly world: World;
  private readonly host: string;
  private readonly deadlineMs: number;
  private readonly maker: CallMaker;
  private readonly recorder: Recorder;
  private readonly connections = new Map<string, Connection>();
  /** Calls under way, the oldest first: all have the same deadline, so one timer serves them. */
  private pending: Pending[] = [];
  private first = 0;
  private timer: (() => void) | null = null;
  private exchanges = 0;
  private dialled = 0;
  private readonly pings: Pings;
  private pinging: (() => void) | null = null;

  constructor(
    registry: Registry,
    world: World,
    { host, deadlineMs }: { readonly host: string; readonly deadlineMs: number },
  ) {
    this.world = world;
    this.host = host;
    this.deadlineMs = deadlineMs;
    this.maker = new CallMaker({ registry, numbering: 'auto', limits: ANALYSIS_LIMITS, objects: true });
    this.live = new Session([], registry);
    this.pings = new Pings(registry);
    this.recorder = new Recorder(
      { id: 1, tool: 'uamgscope', source: 'player', name: null },
      (record) => {
        this.records.push(record);
        this.live.take(record);
      },
      true,
    );
  }

  /** The connection of this name, opened where it is not yet, and anew where it was lost. */
  connection(name: string, port: number, level: AuthLevel): Connection {
    const known = this.opened(name);
    if (known !== null) return known;
    const auth = this.world.auth(level);
    let link: ClientLink | null = null;
    const line = this.world.dial(port, {
      data: (bytes) => link?.push(bytes),
      closed: (reason, cause) => link?.close(reason, cause),
    });
    link = new ClientLink((bytes) => line.send(bytes), auth);
    const id = ++this.dialled;
    const connection: Connection = {
      link,
      line,
      flow: { id, a: { address: 'player', port: id }, b: { address: this.host, port }, opened: 'syn' },
    };
    this.connections.set(name, connection);
    return connection;
  }

  /** The connection of this name, if it is open. */
  opened(name: string): Connection | null {
    const known = this.connections.get(name);
    if (known?.link.lost !== true) return known ?? null;
    known.line.close();
    this.connections.delete(name);
    return null;
  }

  /**
   * Makes a call; `heard` is called once, with its answer or when its time is up. `ahead` hears of the answer before it
   * is looked into, so that other calls can be made meanwhile.
   */
  call(connection: Connection, call: LinkCall, heard: Heard, ahead?: (answer: LinkAnswer) => void): void {
    const asked = this.world.now();
    const pending: Pending = {
      dueMs: milliseconds(asked) + this.deadlineMs,
      over: false,
      abandon: null,
      give: (answer) => {
        if (pending.over) return;
        pending.over = true;
        this.forget();
        const answered = this.world.now();
        ahead?.(answer);
        const record = this.record(connection, call, asked, answered, answer);
        heard(record, answer.kind === 'failed' ? answer.message : null);
      },
    };
    this.pending.push(pending);
    this.timer ??= this.world.after(this.deadlineMs, () => this.sweep());
    pending.abandon = connection.link.call(call, pending.give);
  }

  /** Pings what is held, again and again until the end ([MS-DCOM] 3.2.6.1): `port` is that of the object resolver. */
  keepAlive(port: number, level: AuthLevel): void {
    this.pinging = this.world.after(PING_PERIOD_MS, () => {
      this.keepAlive(port, level);
      const call = this.pings.next(this.live.pinged);
      if (call !== null)
        this.call(this.connection('pings', port, level), call, (record) => this.pings.answered(record));
    });
  }

  /** No more calls will be made. */
  end(): void {
    this.pinging?.();
    this.timer?.();
    this.timer = null;
    this.recorder.end();
    for (const { line } of this.connections.values()) line.close();
  }

  /** Forgets the oldest calls that are over. */
  private forget(): void {
    while (this.pending[this.first]?.over === true) this.first++;
    if (this.first < KEPT && this.first < this.pending.length) return;
    this.pending = this.pending.slice(this.first);
    this.first = 0;
  }

  /** Gives up the calls whose time is up. */
  private sweep(): void {
    this.timer = null;
    const nowMs = milliseconds(this.world.now());
    const open = this.pending.filter((one) => !one.over);
    for (const one of open) {
      if (one.dueMs > nowMs + SLACK_MS) continue;
      one.abandon?.();
      one.give({ kind: 'failed', cause: 'timed-out', message: `no answer came within ${this.deadlineMs} ms` });
    }
    this.forget();
    const next = this.pending[this.first];
    if (next !== undefined) this.timer ??= this.world.after(Math.max(SLACK_MS, next.dueMs - nowMs), () => this.sweep());
  }

  private record(
    connection: Connection,
    call: LinkCall,
    asked: Moment,
    answered: Moment,
    answer: LinkAnswer,
  ): RecordedCall {
    const contextId = answer.kind === 'failed' ? 0 : answer.contextId;
    const exchange: Exchange = {
      kind: 'exchange',
      flow: connection.flow,
      direction: 0,
      callId: answer.kind === 'failed' ? 0 : answer.callId,
      contextId,
      opnum: call.opnum,
      object: call.object,
      context: { id: contextId, abstract: call.abstract, transfer: call.transfer },
      request: stubOf(call.stub, call.drep),
      response: answer.kind === 'response' ? stubOf(answer.stub, answer.drep) : null,
      fault: answer.kind === 'fault' ? { status: answer.status, didNotExecute: answer.didNotExecute } : null,
      outcome: answer.kind === 'response' ? 'answered' : answer.kind === 'fault' ? 'faulted' : 'unanswered',
      requestTime: asked,
      responseTime: answer.kind === 'failed' ? null : answered,
      requestAuth: null,
      responseAuth: null,
      problems: [],
    };
    return this.recorder.call(this.maker.make(exchange, ++this.exchanges));
  }
}

/** Timers may come a little early. */
const SLACK_MS = 1;
/** Calls that are over and not yet forgotten, behind one that is not. */
const KEPT = 1024;

function stubOf(bytes: Uint8Array, drep: Drep): Stub {
  return {
    ...spanOf(bytes),
    drep,
    frames: [],
    pieces: [],
    fragments: 1,
    complete: true,
    sealed: false,
    verification: null,
  };
}

/** A moment as milliseconds. */
export function milliseconds({ timeS, timeNs }: Moment): number {
  return timeS * 1000 + timeNs / 1e6;
}
