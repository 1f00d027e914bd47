import { spanOf } from '../../src/bytes/block.js';
import { PING_PERIOD_MS } from '../../src/dcom/names.js';
import { pingMethod, readSetId, writePing, type Ping } from '../../src/dcom/ping.js';
import { CallMaker } from '../../src/analysis/calls.js';
import { ANALYSIS_LIMITS } from '../../src/analysis/limits.js';
import type { Fields, Registry } from '../../src/ndr/codec.js';
import type { Budget } from '../../src/peer/budget.js';
import { Channels, portThere, type CallTimes, type Channel, type Place } from '../../src/peer/channel.js';
import { exporterIn, Exporters } from '../../src/peer/exporters.js';
import type { LinkAnswer, LinkCall } from '../../src/peer/link/client.js';
import { Members } from '../../src/peer/members.js';
import { PingSet, type PingAnswer } from '../../src/peer/ping-set.js';
import type { CallRemUnknown } from '../../src/peer/rem-unknown.js';
import { TypedCalls, type SendCall, type TypedAnswer } from '../../src/peer/typed-calls.js';
import type { World } from '../../src/peer/world.js';
import type { AuthLevel, Drep, Exchange, ExchangeOutcome, Flow, Stub } from '../../src/types.js';
import { KeptCalls, Session } from '../compare/session.js';
import type { RecordKeeper } from '../recording/kept.js';
import { Recorder } from '../recording/recorder.js';
import type { RecordedCall, RecordingRecord } from '../recording/records.js';

/** What a call came to: how it is recorded, and the answer itself. */
export type Recorded = (record: RecordedCall, answer: LinkAnswer) => void;

interface LiveSessionOptions {
  readonly registry: Registry;
  /** Address of the server, as records show it. */
  readonly host: string;
  /** Milliseconds a call may take. */
  readonly deadlineMs: number;
  /** What its connections may hold; a client's where it is left out. */
  readonly budget?: Budget;
  /** Keeps what was said elsewhere than in memory. */
  readonly keeper?: RecordKeeper;
}

/** The live side of a replay: channels to the server, and the session that the calls on them make, as records. */
export class LiveSession {
  readonly records: Iterable<RecordingRecord>;
  readonly session: Session;
  readonly exporters = new Exporters();
  /** Words on pings that failed, one for each round. */
  readonly failedPings: string[] = [];
  private readonly options: LiveSessionOptions;
  private readonly world: World;
  private readonly channels: Channels;
  private readonly flows = new Map<Channel, Flow>();
  private readonly maker: CallMaker;
  private readonly recorder: Recorder;
  private readonly typed: TypedCalls;
  private readonly members: Members;
  private readonly pings = new PingSet();
  private pinging: (() => void) | null = null;
  private exchanges = 0;

  constructor(options: LiveSessionOptions, world: World) {
    const { registry } = options;
    this.options = options;
    this.world = world;
    this.channels = new Channels(world, options.budget);
    this.typed = new TypedCalls({ registry, numbering: 'wire', guid: () => world.guid() });
    this.members = new Members(registry);
    this.maker = new CallMaker({ registry, numbering: 'auto', limits: ANALYSIS_LIMITS, objects: true });
    const held: RecordingRecord[] = [];
    const { keeper } = options;
    this.records = keeper ?? held;
    this.session =
      keeper === undefined
        ? new Session([], registry)
        : new Session([], registry, new KeptCalls(keeper.calls), 'no names');
    this.recorder = new Recorder(
      { id: 1, tool: 'uamgscope', source: 'player', name: null },
      (record) => {
        if (keeper === undefined) held.push(record);
        else keeper.put(record);
        this.session.take(record);
      },
      true,
    );
  }

  /** The channel of this name, opened where it is not yet. */
  channel(name: string, place: Place, level: AuthLevel): Channel {
    return this.channels.channel(name, place, () => this.world.auth(level));
  }

  /** The channel of this name, if it is open. */
  opened(name: string): Channel | null {
    return this.channels.opened(name);
  }

  /**
   * Makes a call; `recorded` is called once, with its answer or when its time is up. `ahead` hears of the answer before
   * it is looked into, so that other calls can be made meanwhile.
   */
  call(channel: Channel, call: LinkCall, recorded: Recorded, ahead?: (answer: LinkAnswer) => void): void {
    this.channels.call(channel, call, this.options.deadlineMs, (answer, times) => {
      ahead?.(answer);
      recorded(this.record(channel, call, answer, times), answer);
    });
  }

  /** Takes note of the exporters that a call told of: an activation, or a resolved OXID. */
  learnExporters(record: RecordedCall): void {
    const exporter = exporterIn(record.in, record.out, this.options.host);
    if (exporter !== null) this.exporters.learn(exporter);
  }

  /** Pings what is held, again and again until the end ([MS-DCOM] 3.2.6.1): `port` is that of the object resolver. */
  keepAlive(port: number, level: AuthLevel): void {
    this.pinging = this.world.after(PING_PERIOD_MS, () => {
      this.keepAlive(port, level);
      this.pings.round<string>(
        this.session.pinged,
        (ping, answered) => this.sendPing(ping, this.channel('pings', portThere(port), level), answered),
        (failed) => {
          if (failed !== null && this.failedPings.length < MAX_FAILED_PINGS) this.failedPings.push(failed);
        },
      );
    });
  }

  /** Calls IRemUnknown of exporters on a channel. */
  remUnknown(channel: Channel): CallRemUnknown {
    return (exporter, method, params, done) =>
      this.typedCall(channel, ['IRemUnknown', method], params, exporter.ipidRemUnknown, done);
  }

  /** No more calls will be made. */
  end(): void {
    this.pinging?.();
    this.channels.close('the replay is over');
    this.recorder.end();
  }

  private sendPing(ping: Ping, channel: Channel, answered: (answer: PingAnswer<string>) => void): void {
    const method = pingMethod(ping);
    this.typedCall(channel, ['IObjectExporter', method], writePing(ping), null, (answer) => {
      if (answer.kind === 'response' && answer.result === 0) answered({ setId: readSetId(answer.value) ?? ping.setId });
      else
        answered({
          failed: `${method} ${wordsOf(answer)}`,
          status: answer.kind === 'response' ? answer.result : null,
        });
    });
  }

  private typedCall(
    channel: Channel,
    [interfaceName, method]: readonly [string, string],
    params: Fields,
    object: string | null,
    done: (answer: TypedAnswer) => void,
  ): void {
    const slot = this.members.find(interfaceName, method, 'call');
    if (slot === null) {
      done({ kind: 'failed', cause: 'usage', message: `the tables lack ${interfaceName}::${method}` });
      return;
    }
    const send: SendCall = (call, heard) => this.call(channel, call, (_, answer) => heard(answer));
    this.typed.call({ slot, params, object }, send, done);
  }

  private record(channel: Channel, call: LinkCall, answer: LinkAnswer, times: CallTimes): RecordedCall {
    const contextId = answer.kind === 'failed' ? 0 : answer.contextId;
    const exchange: Exchange = {
      kind: 'exchange',
      flow: this.flow(channel),
      direction: 0,
      callId: answer.kind === 'failed' ? 0 : answer.callId,
      contextId,
      opnum: call.opnum,
      object: call.object,
      context: { id: contextId, abstract: call.abstract, transfer: call.transfer },
      request: stubOf(call.stub, call.drep),
      response: answer.kind === 'response' ? stubOf(answer.stub, answer.drep) : null,
      fault: answer.kind === 'fault' ? { status: answer.status, didNotExecute: answer.didNotExecute } : null,
      outcome: OUTCOMES[answer.kind],
      requestTime: times.requestTime,
      responseTime: answer.kind === 'failed' ? null : times.responseTime,
      requestAuth: null,
      responseAuth: null,
      problems: [],
    };
    return this.recorder.call(this.maker.make(exchange, ++this.exchanges, []));
  }

  private flow(channel: Channel): Flow {
    const known = this.flows.get(channel);
    if (known !== undefined) return known;
    const { number: id, place } = channel;
    const made: Flow = {
      id,
      a: { address: 'player', port: id },
      b: { address: place.host ?? this.options.host, port: place.port },
      opened: 'syn',
    };
    this.flows.set(channel, made);
    return made;
  }
}

/** Words on failed pings that are kept. */
const MAX_FAILED_PINGS = 100;
const OUTCOMES: Readonly<Record<LinkAnswer['kind'], ExchangeOutcome>> = {
  response: 'answered',
  fault: 'faulted',
  failed: 'unanswered',
};

function wordsOf(answer: TypedAnswer): string {
  switch (answer.kind) {
    case 'failed':
      return `came to nothing: ${answer.message}`;
    case 'fault':
      return `was answered with the fault 0x${answer.status.toString(16).padStart(8, '0')}`;
    case 'response':
      return `was answered with 0x${answer.result.toString(16).padStart(8, '0')}`;
  }
}

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
