import { spanOf } from '../../src/bytes/block.js';
import { CallMaker } from '../../src/analysis/calls.js';
import { ANALYSIS_LIMITS } from '../../src/analysis/limits.js';
import { EncodeError, type Registry } from '../../src/ndr/codec.js';
import type { AuthLevel, Drep, Exchange, Flow, Moment, Stub, Value } from '../../src/types.js';
import { compareCalls, type CallResult } from '../compare/calls.js';
import { conclude, type CompareResult } from '../compare/compare.js';
import { Identities } from '../compare/identity.js';
import { RuleBook, type Rules } from '../compare/rules.js';
import { Session } from '../compare/session.js';
import { ClientLink, type ClientAuth, type LinkAnswer, type LinkFailure } from '../link/client.js';
import { Recorder } from '../recording/recorder.js';
import type { RecordedCall, RecordedStub, RecordingRecord } from '../recording/records.js';
import { callTitle } from '../recording/text.js';
import { Mapping } from './mapping.js';
import { contextKey, identifiersUsed, type Plan, type Step } from './plan.js';

/** A connection that {@link World.dial} opened. */
export interface Line {
  send(bytes: Uint8Array): void;
  close(): void;
}

/** What the player needs of the world. */
export interface World {
  /** Opens a connection to a port of the target. `data` and `closed` are called later, never from inside. */
  dial(port: number, events: { readonly data: (bytes: Uint8Array) => void; readonly closed: (reason: string, cause?: LinkFailure) => void }): Line;
  now(): Moment;
  /** Runs something later; the function it returns calls it off. */
  after(ms: number, run: () => void): () => void;
  /** How a connection whose calls were protected so authenticates; null: not at all. */
  auth(level: AuthLevel): ClientAuth | null;
  guid(): string;
}

export interface PlayerOptions {
  readonly plan: Plan;
  readonly registry: Registry;
  readonly rules: Rules;
  /** Address the results show, and the port of its object resolver. */
  readonly host: string;
  readonly port: number;
  /** 1: as recorded, 2: twice as fast; Infinity: as fast as the order allows. */
  readonly speed: number;
  /** Milliseconds a call may take. */
  readonly deadlineMs: number;
  /** Goes on after the first call that differs. */
  readonly keepGoing: boolean;
  /** Calls under way at once at most. */
  readonly concurrency: number;
}

/** What came of playing a recording once. */
export interface Played {
  readonly result: CompareResult;
  /** The session as it was with the live server, as a recording. */
  readonly records: readonly RecordingRecord[];
  /** Calls that were made. */
  readonly made: number;
}

/** Calls under way at once, unless told otherwise. */
export const DEFAULT_CONCURRENCY = 64;

interface Connection {
  readonly link: ClientLink;
  readonly line: Line;
  readonly flow: Flow;
}

/** Plays the client side of a recording against a live server, and compares its answers call by call. Pure: the world is an argument. */
export class Player {
  private readonly options: PlayerOptions;
  private readonly world: World;
  private readonly done: (played: Played) => void;
  private readonly mapping: Mapping;
  private readonly maker: CallMaker;
  private readonly records: RecordingRecord[] = [];
  private readonly live: Session;
  private readonly recorder: Recorder;
  private readonly book: RuleBook;
  private readonly identities = new Identities();
  private readonly connections = new Map<number, Connection>();
  private readonly results: (CallResult | null)[];
  private readonly waits: number[];
  private readonly followers: number[][];
  private readonly ready: number[] = [];
  /** Steps whose time has not come, with what calls their timer off. */
  private readonly delayed = new Map<number, () => void>();
  private left: number;
  private under = 0;
  private made = 0;
  private startedMs = 0;
  private stopped: string | null = null;
  private draining = false;
  private exchanges = 0;

  constructor(options: PlayerOptions, world: World, done: (played: Played) => void) {
    const { plan, registry, rules } = options;
    this.options = options;
    this.world = world;
    this.done = done;
    this.mapping = new Mapping(() => world.guid());
    this.maker = new CallMaker({ registry, numbering: 'auto', limits: ANALYSIS_LIMITS, objects: true });
    this.live = new Session([], registry);
    this.recorder = new Recorder({ id: 1, tool: 'uamgscope', source: 'player', name: null }, (record) => {
      this.records.push(record);
      this.live.take(record);
    });
    this.book = new RuleBook(rules.rules);
    this.results = plan.steps.map(() => null);
    this.waits = plan.steps.map((step) => step.after.length);
    this.followers = plan.steps.map(() => []);
    for (const step of plan.steps) for (const one of step.after) this.followers[one]?.push(step.index);
    this.left = plan.steps.length;
  }

  start(): void {
    this.startedMs = milliseconds(this.world.now());
    if (this.left === 0) {
      this.finish();
      return;
    }
    for (const [index, waits] of this.waits.entries()) if (waits === 0) this.due(index);
    this.drain();
  }

  /** A step waits for no other any more: it is made at once, or when its time has come. */
  private due(index: number): void {
    const { speed, plan } = this.options;
    const step = plan.steps[index];
    if (step === undefined) return;
    const wait = speed === Infinity ? 0 : step.atNs / 1e6 / speed - (milliseconds(this.world.now()) - this.startedMs);
    if (wait <= 0.5 || this.stopped !== null) {
      this.ready.push(index);
      return;
    }
    this.delayed.set(index, this.world.after(wait, () => {
      this.delayed.delete(index);
      this.ready.push(index);
      this.drain();
    }));
  }

  private drain(): void {
    if (this.draining) return;
    this.draining = true;
    while (this.ready.length > 0 && (this.under < this.options.concurrency || this.stopped !== null)) {
      const step = this.options.plan.steps[this.ready.shift() ?? -1];
      if (step !== undefined) this.make(step);
    }
    this.draining = false;
  }

  private make(step: Step): void {
    const { plan } = this.options;
    const { call } = step.expected;
    const cause = this.stopped ?? step.never ?? this.lacking(call);
    const context = plan.contexts.get(contextKey(call.connection, call.contextId));
    if (cause !== null || context === undefined || call.request === null) {
      this.skip(step, cause ?? 'its presentation context is not known');
      return;
    }
    const connection = this.connection(call);
    if (connection === null) {
      this.skip(step, `the server did not say where ${call.object?.label ?? 'the object'} listens`);
      return;
    }
    const stub = this.request(call, call.request);
    this.under++;
    this.made++;
    const asked = this.world.now();
    let over = false;
    const finish = (answer: LinkAnswer): void => {
      if (over) return;
      over = true;
      cancel();
      this.under--;
      this.answered(step, connection, { stub, asked, answer });
    };
    const cancel = this.world.after(this.options.deadlineMs, () => {
      finish({ kind: 'failed', cause: 'timed-out', message: `no answer came within ${this.options.deadlineMs} ms` });
    });
    connection.link.call({ abstract: context.abstract, transfer: context.transfer, opnum: call.wireOpnum ?? 0, object: call.object === null ? null : (this.mapping.live(call.object.ipid) ?? call.object.ipid), stub, drep: call.request.drep }, finish);
  }

  /** Why a call cannot be made: what it needs was not handed out by the live server. */
  private lacking(call: RecordedCall): string | null {
    const { plan } = this.options;
    for (const id of identifiersUsed(call, plan.made)) {
      if (this.mapping.live(id) !== null) continue;
      const maker = plan.steps.find((one) => one.expected.call.id === plan.made.get(id));
      const label = plan.session.reference(id)?.label ?? id;
      if (maker === undefined) return `nobody handed out ${label}`;
      const result = this.results[maker.index];
      const why = result?.status === 'skipped' ? 'was skipped' : 'did not hand it out';
      return `${label} was never made: call ${maker.expected.call.id} (${callTitle(maker.expected.call)}) ${why}`;
    }
    return null;
  }

  private connection(call: RecordedCall): Connection | null {
    const known = this.connections.get(call.connection);
    if (known !== undefined) return known;
    const { plan, host, port } = this.options;
    const recorded = plan.connections.get(call.connection)?.server.port ?? 0;
    const target = plan.resolvers.has(recorded) ? port : this.mapping.port(recorded);
    if (target === null) return null;
    const auth = this.world.auth(call.auth.level);
    let link: ClientLink | null = null;
    const line = this.world.dial(target, { data: (bytes) => link?.push(bytes), closed: (reason) => link?.close(reason) });
    link = new ClientLink((bytes) => line.send(bytes), auth);
    const id = this.connections.size + 1;
    const connection: Connection = { link, line, flow: { id, a: { address: 'player', port: id }, b: { address: host, port: target }, opened: 'syn' } };
    this.connections.set(call.connection, connection);
    return connection;
  }

  /** The recorded request with the identifiers of the live server; what no table reads goes as it was. */
  private request(call: RecordedCall, stub: RecordedStub): Uint8Array {
    const { registry, plan } = this.options;
    const context = plan.contexts.get(contextKey(call.connection, call.contextId));
    if (context === undefined || stub.drep.float !== 'ieee' || stub.drep.ebcdic) return stub.bytes;
    const opnum = call.via === null ? call.opnum : call.via.opnum;
    const codec = opnum === null ? null : registry.method(context.abstract.uuid, opnum, { littleEndian: stub.drep.littleEndian, syntax: context.transfer });
    if (codec === null) return stub.bytes;
    const { value, header, problems, tape } = codec.request.record(spanOf(stub.bytes));
    if (problems.length > 0) return stub.bytes;
    const all = this.mapping.translate({ ...value, ...(header === null ? {} : { orpcthis: header }) }) as { readonly [name: string]: Value };
    try {
      return codec.request.encode(all, { tape });
    } catch (error) {
      if (error instanceof EncodeError) return stub.bytes;
      throw error;
    }
  }

  private answered(step: Step, connection: Connection, { stub, asked, answer }: { readonly stub: Uint8Array; readonly asked: Moment; readonly answer: LinkAnswer }): void {
    const { call } = step.expected;
    const { plan } = this.options;
    const context = plan.contexts.get(contextKey(call.connection, call.contextId));
    const answeredAt = answer.kind === 'failed' ? null : this.world.now();
    const drep = call.request?.drep ?? LITTLE;
    const object = call.object === null ? null : (this.mapping.live(call.object.ipid) ?? call.object.ipid);
    const exchange: Exchange = {
      kind: 'exchange', flow: connection.flow, direction: 0, callId: answer.kind === 'failed' ? 0 : answer.callId, contextId: answer.kind === 'failed' ? 0 : answer.contextId, opnum: call.wireOpnum, object,
      context: context === undefined ? null : { id: answer.kind === 'failed' ? 0 : answer.contextId, abstract: context.abstract, transfer: context.transfer },
      request: stubOf(stub, drep), response: answer.kind === 'response' ? stubOf(answer.stub, answer.drep) : null, fault: answer.kind === 'fault' ? { status: answer.status, didNotExecute: answer.didNotExecute } : null,
      outcome: answer.kind === 'response' ? 'answered' : answer.kind === 'fault' ? 'faulted' : 'unanswered', requestTime: asked, responseTime: answeredAt,
      requestAuth: null, responseAuth: null, problems: [],
    };
    const record = this.recorder.call(this.maker.make(exchange, ++this.exchanges));
    this.mapping.learn(call.out, record.out);
    const actual = this.live.calls.at(-1);
    if (actual !== undefined) {
      const compared = compareCalls(step.expected, actual, { expected: plan.session, actual: this.live, identities: this.identities, rules: this.book }, false);
      const result: CallResult = answer.kind !== 'failed' ? compared : { ...compared, cause: answer.message };
      this.settle(step, result);
    }
  }

  private skip(step: Step, cause: string): void {
    this.settle(step, { status: 'skipped', expected: step.expected, actual: null, differences: [], cause });
  }

  private settle(step: Step, result: CallResult): void {
    this.results[step.index] = result;
    this.left--;
    if (result.status === 'different' && !this.options.keepGoing && this.stopped === null) this.stop(`stopped at the first difference, in call ${step.expected.call.id} (--keep-going goes on)`);
    for (const follower of this.followers[step.index] ?? []) {
      const waits = (this.waits[follower] ?? 0) - 1;
      this.waits[follower] = waits;
      if (waits === 0) this.due(follower);
    }
    if (this.left === 0) this.finish();
    else this.drain();
  }

  /** No further call is made; those that waited for their time are skipped now. */
  private stop(cause: string): void {
    this.stopped = cause;
    for (const [index, cancel] of this.delayed) {
      cancel();
      this.ready.push(index);
    }
    this.delayed.clear();
  }

  private finish(): void {
    this.recorder.end();
    for (const { line } of this.connections.values()) line.close();
    const { plan, rules } = this.options;
    // Upkeep is made, but its answers are not compared; nor are calls that were never meant to be.
    const results = this.results.flatMap((one) => (one === null || (one.expected?.sort === 'upkeep' && one.status !== 'skipped') ? [] : [one]));
    this.done({ result: conclude(results, plan.session, this.live, rules, this.book), records: this.records, made: this.made });
  }
}

const LITTLE: Drep = { littleEndian: true, ebcdic: false, float: 'ieee' };

function stubOf(bytes: Uint8Array, drep: Drep): Stub {
  return { ...spanOf(bytes), drep, frames: [], pieces: [], fragments: 1, complete: true, sealed: false, verification: null };
}

function milliseconds({ timeS, timeNs }: Moment): number {
  return timeS * 1000 + timeNs / 1e6;
}
