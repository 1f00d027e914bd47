import { guidBytes } from '../../src/bytes/guid.js';
import type { Encoding, Registry } from '../../src/ndr/codec.js';
import { holdsCounts, keepCounts, readCounts } from '../../src/dcom/remunknown.js';
import { isRecord, mapFields, sameBytes, type Fields } from '../../src/ndr/value.js';
import { compareCalls, type CallResult } from '../compare/calls.js';
import { conclude, type CompareResult } from '../compare/compare.js';
import { Identities } from '../compare/identity.js';
import { RuleBook, type Rules } from '../compare/rules.js';
import type { LinkAnswer, LinkCall } from '../../src/peer/link/client.js';
import {
  contextKey,
  type ContextRecord,
  type RecordedCall,
  type RecordedStub,
  type RecordingRecord,
} from '../recording/records.js';
import type { RecordKeeper } from '../recording/kept.js';
import { callTitle } from '../recording/text.js';
import { Rebinder, type Binding, type Form } from './binding.js';
import { faulted } from '../../src/peer/client/error.js';
import { ServerChanges } from './changes.js';
import { LiveSession } from './live-session.js';
import { Mapping } from './mapping.js';
import { CID_AT, type Followers, type Plan, type Step } from './plan.js';
import { InterfaceQueries } from './queries.js';
import { changedRequest } from './stubs.js';
import { milliseconds, placeAt, portThere, type Channel } from '../../src/peer/channel.js';
import type { World } from '../../src/peer/world.js';

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
  /** How members of dispatch interfaces are called. */
  readonly binding: Binding;
  /** Calls that change the server, and what needs them, are left out. */
  readonly readOnly?: boolean;
  /** Objects are called at the host that bindings of the server name, if that is not the one that was dialled. */
  readonly followBindings?: boolean;
  /** Keeps what was said elsewhere than in memory. */
  readonly keeper?: RecordKeeper;
}

/** Why a server let nobody in: the call it said so to, and what it said. */
export interface Denied {
  readonly call: string;
  readonly message: string;
  readonly status: number | null;
}

/** What came of playing a recording once. */
export interface Played {
  readonly result: CompareResult;
  /** The session as it was with the live server, as a recording. */
  readonly records: Iterable<RecordingRecord>;
  /** Calls that were made. */
  readonly made: number;
  /** Words on pings that failed: the server may have let go what was held. */
  readonly failedPings: readonly string[];
  /** The server refused the credentials: nothing more was made, and nothing is said of what it would have answered. */
  readonly denied: Denied | null;
  /** Calls that were left out for changing the server, or for needing what such calls would have made. */
  readonly leftOut: readonly string[];
}

/** Calls under way at once, unless told otherwise. */
export const DEFAULT_CONCURRENCY = 64;

/**
 * Plays the client side of a recording against a live server, and compares its answers call by call. Pure: the world is
 * an argument.
 */
export class Player {
  private readonly options: PlayerOptions;
  private readonly world: World;
  private readonly done: (played: Played) => void;
  private readonly mapping: Mapping;
  private readonly live: LiveSession;
  private readonly rebinder: Rebinder;
  private readonly queries: InterfaceQueries;
  private readonly changes: ServerChanges;
  private readonly leftOut: string[] = [];
  private denied: Denied | null = null;
  private readonly book: RuleBook;
  private readonly identities = new Identities();
  private readonly results: (CallResult | null)[];
  private readonly waits: Int32Array;
  private readonly followers: Followers;
  private readonly released: Uint8Array;
  private readonly ready: number[] = [];
  /** Steps whose time has not come, with what calls their timer off. */
  private readonly delayed = new Map<number, () => void>();
  private left: number;
  private under = 0;
  private made = 0;
  private startedMs = 0;
  private stopped: string | null = null;
  /** The step made last, and requests put together ahead of their time. */
  private last: Step | null = null;
  private readonly prepared = new Map<number, Uint8Array>();
  private draining = false;

  constructor(options: PlayerOptions, world: World, done: (played: Played) => void) {
    const { plan, registry, rules, binding } = options;
    this.options = options;
    this.world = world;
    this.done = done;
    this.mapping = new Mapping(() => world.guid(), options.host);
    this.live = new LiveSession(options, world);
    this.queries = new InterfaceQueries(this.live);
    this.changes = new ServerChanges(registry);
    this.rebinder = new Rebinder(registry, binding);
    this.book = new RuleBook(rules.rules);
    this.results = Array.from({ length: plan.size }, () => null);
    this.waits = new Int32Array(plan.size).map((_, index) => plan.after(index).length);
    this.followers = plan.followers();
    this.released = new Uint8Array(plan.size);
    this.left = plan.size;
  }

  start(): void {
    this.startedMs = milliseconds(this.world.now());
    if (this.left === 0) {
      this.finish();
      return;
    }
    this.live.keepAlive(this.options.port, this.options.plan.step(0)?.expected.call.auth.level ?? 'none');
    for (const [index, waits] of this.waits.entries()) if (waits === 0) this.due(index);
    this.drain();
  }

  /** A step waits for no other any more: it is made at once, or when its time has come. */
  private due(index: number): void {
    const { speed, plan } = this.options;
    if (speed === Infinity || this.stopped !== null) {
      this.ready.push(index);
      return;
    }
    const step = plan.step(index);
    if (step === undefined) return;
    const wait = step.atNs / 1e6 / speed - (milliseconds(this.world.now()) - this.startedMs);
    if (wait <= 0.5) {
      this.ready.push(index);
      return;
    }
    this.delayed.set(
      index,
      this.world.after(wait, () => {
        this.delayed.delete(index);
        this.ready.push(index);
        this.drain();
      }),
    );
  }

  private drain(): void {
    if (this.draining) return;
    this.draining = true;
    while (this.ready.length > 0 && (this.under < this.options.concurrency || this.stopped !== null)) {
      const step = this.options.plan.step(this.ready.shift() ?? -1);
      if (step !== undefined) this.make(step);
    }
    this.draining = false;
  }

  /** What a call came to. */
  private came(step: Step, ...[record, answer]: Parameters<Parameters<LiveSession['call']>[2]>): void {
    if (this.released[step.index] !== 1) this.under--;
    this.denied ??= deniedBy(step, record, answer);
    if (this.denied !== null && this.stopped === null) this.stop('the server refused the credentials');
    this.respond(step, record, answer.kind === 'failed' ? answer.message : null);
  }

  /** Why a step is not made; LEFT_OUT: what it changes, or needs of what was left out, is not wanted. */
  private lackingOf(step: Step, leavesOut: boolean): ReturnType<Player['lacking']> {
    return leavesOut ? LEFT_OUT : (this.stopped ?? step.never ?? this.lacking(step));
  }

  private make(step: Step): void {
    const { plan } = this.options;
    const { call } = step.expected;
    const form = this.rebinder.form(call);
    const change = this.options.readOnly === true ? this.changes.of(call) : null;
    const lacking = this.lackingOf(step, change !== null);
    if (lacking === LEFT_OUT && form !== 'none' && this.options.readOnly === true)
      this.leftOut.push(`${call.id} ${callTitle(call)}: ${change ?? 'it needs what was left out'}`);
    // What only late binding needs is left out; so is upkeep of what it would have made.
    if (form === 'none' || lacking === LEFT_OUT) {
      this.finishStep(step, null);
      return;
    }
    const context = plan.contexts.get(contextKey(call.connection, call.contextId));
    const { request } = call;
    if (lacking !== null || context === undefined || request === null) {
      this.skip(step, lacking ?? 'its presentation context is not known');
      return;
    }
    const channel = this.channel(call);
    if (channel === null) this.skip(step, `the server did not say where ${call.object?.label ?? 'the object'} listens`);
    else this.sendStep(step, form, { context, request, channel });
  }

  private sendStep(step: Step, form: Exclude<Form, 'none'>, { context, request, channel }: Way): void {
    const { call } = step.expected;
    this.under++;
    const object = call.object === null ? null : (this.mapping.live(call.object.ipid) ?? call.object.ipid);
    const send = (made: MadeCall | string): void => {
      if (typeof made === 'string') {
        this.under--;
        this.skip(step, made);
        return;
      }
      this.made++;
      this.last = step;
      this.live.call(
        channel,
        { ...made, transfer: context.transfer, drep: request.drep },
        (record, answer) => this.came(step, record, answer),
        form === 'same' && step.plain ? (answer) => this.ahead(step, answer) : undefined,
      );
    };
    const prepared = this.prepared.get(step.index);
    this.prepared.delete(step.index);
    if (form === 'same')
      send({
        abstract: context.abstract,
        opnum: call.wireOpnum ?? 0,
        object,
        stub: prepared ?? this.request(step, context, request),
      });
    else this.rebind(form, { call, context, request, channel, object: object ?? '' }, send);
  }

  /**
   * Makes a call of the other binding; for one by slot the object is asked for the interface first, where it was not
   * handed out with it.
   */
  private rebind(
    form: 'early' | 'late',
    { call, context, request, channel, object }: Rebinding,
    send: (made: MadeCall | string) => void,
  ): void {
    const { rebinder } = this;
    const encoding = encodingOf(request, context);
    const live = this.live.session.reference(object);
    const given = this.asHandedOut(this.mapping.translateFields(call.in));
    const header = this.mapping.translate(
      rebinder.header(context.abstract, call.via === null ? call.opnum : call.via.opnum, request.bytes, encoding),
    );
    const made = (how: 'early' | 'late', ipid: string, iid: string): void => {
      const rebound = rebinder[how](call, given, header, iid, encoding);
      send(typeof rebound === 'string' ? rebound : { ...rebound, object: ipid });
    };
    const unbound = form === 'late' ? null : rebinder.unbound(call);
    if (unbound !== null) send(unbound);
    else if (form === 'late') made('late', object, live?.iid ?? '');
    else if (live !== null && rebinder.derives(live.iid, call.iid ?? '')) made('early', object, live.iid);
    else {
      this.queries.interface({ ipid: object, oxid: live?.oxid ?? null }, call.iid ?? '', channel, (found) => {
        if (found.ipid === null)
          send(
            `it cannot be bound early: ${call.object?.label ?? 'the object'} gave no ${call.interface ?? call.iid ?? ''}: ${found.refused}`,
          );
        else made('early', found.ipid, call.iid ?? '');
      });
    }
  }

  /** While the server is at work: the requests that only wait for the call made last are put together. */
  private prepare(): void {
    const { plan } = this.options;
    if (this.last === null) return;
    for (const index of this.followers.of(this.last.index)) {
      if (this.prepared.size >= MAX_PREPARED) return;
      const step = this.waits[index] !== 1 || this.prepared.has(index) ? undefined : plan.step(index);
      if (step === undefined || step.never !== null || !step.uses.every((id) => this.mapping.live(id) !== null))
        continue;
      const { call } = step.expected;
      const context = plan.contexts.get(contextKey(call.connection, call.contextId));
      if (context !== undefined && call.request !== null && this.rebinder.form(call) === 'same')
        this.prepared.set(index, this.request(step, context, call.request));
    }
  }

  /** References in arguments name the interface with which the live server handed them out. */
  private asHandedOut(given: Fields): Fields {
    return mapFields(given, (value) => {
      if (!isRecord(value) || typeof value['ipid'] !== 'string' || typeof value['iid'] !== 'string') return undefined;
      const live = this.live.session.reference(value['ipid'])?.iid ?? '';
      return live === '' ? undefined : { ...value, iid: live };
    });
  }

  /**
   * Why a call cannot be made: what it needs was not handed out by the live server. A release of several references is
   * made for those that are there.
   */
  private lacking({ uses, expected: { call, sort } }: Step): string | null {
    if (uses.every((id) => this.mapping.live(id) !== null)) return null;
    const gone = uses.filter((id) => this.mapping.live(id) === null);
    if (
      sort === 'upkeep' &&
      !gone.includes(call.object?.ipid ?? '') &&
      readCounts(call.in).some(({ ipid }) => this.mapping.live(ipid) !== null)
    )
      return null;
    const causes = gone.map((id) => this.unmade(id));
    return causes.find((one) => one !== LEFT_OUT) ?? LEFT_OUT;
  }

  /** Why the live server handed out nothing in the place of an identifier. */
  private unmade(id: string): string {
    const { plan } = this.options;
    const maker = plan.stepOf(plan.made.get(id) ?? -1);
    const label = plan.session.reference(id)?.label ?? id;
    if (maker === undefined) return `nobody handed out ${label}`;
    const result = this.results[maker.index] ?? null;
    return result === null
      ? LEFT_OUT
      : `${label} was never made: call ${maker.expected.call.id} (${callTitle(maker.expected.call)}) ${result.status === 'skipped' ? 'was skipped' : 'did not hand it out'}`;
  }

  private channel(call: RecordedCall): Channel | null {
    const name = String(call.connection);
    const known = this.live.opened(name);
    if (known !== null) return known;
    const { plan, port } = this.options;
    const recorded = plan.connections.get(call.connection)?.server.port ?? 0;
    const bound = this.mapping.place(recorded);
    if (plan.resolvers.has(recorded)) return this.live.channel(name, portThere(port), call.auth.level);
    if (bound === null) return null;
    return this.live.channel(name, placeAt(bound, this.options.followBindings === true), call.auth.level);
  }

  /** The recorded request with the identifiers of the live server; what no table reads goes as it was. */
  private request({ bare, expected: { call } }: Step, context: ContextRecord, stub: RecordedStub): Uint8Array {
    const cid =
      bare && call.causality !== null
        ? guidBytes(this.mapping.causality(call.causality), stub.drep.littleEndian)
        : null;
    if (cid !== null) {
      const bytes = stub.bytes.slice();
      bytes.set(cid, CID_AT);
      return bytes;
    }
    if (stub.drep.float !== 'ieee' || stub.drep.ebcdic) return stub.bytes;
    const { plan } = this.options;
    const form = {
      uuid: context.abstract.uuid,
      opnum: call.via === null ? call.opnum : call.via.opnum,
      encoding: encodingOf(stub, context),
    };
    return changedRequest(this.options.registry, form, stub.bytes, (fields) => {
      const all = this.mapping.translateFields(fields);
      if (!holdsCounts(fields)) return all;
      const counts = readCounts(fields);
      const isKept = (at: number): boolean => this.isThere(counts[at]?.ipid ?? '', plan);
      const kept = counts.filter((_, at) => isKept(at)).length;
      return kept === 0 || kept === counts.length ? all : keepCounts(all, (_, at) => isKept(at));
    });
  }

  /** Whether the live server has handed out what stood for an identifier of the recording, or nobody ever did. */
  private isThere(id: string, { made }: Plan): boolean {
    return this.mapping.live(id) !== null || !made.has(id);
  }

  /**
   * An answer of the very bytes that were recorded, without an identifier in it, makes way for what waits for it: it is
   * recorded and compared while the server is at work again.
   */
  private ahead(step: Step, answer: LinkAnswer): void {
    const expected = step.expected.call.response;
    if (
      answer.kind !== 'response' ||
      expected === null ||
      answer.drep.littleEndian !== expected.drep.littleEndian ||
      !sameBytes(answer.stub, expected.bytes)
    )
      return;
    this.under--;
    this.release(step);
    this.drain();
  }

  /** Lets the steps go on that wait for this one. */
  private release(step: Step): void {
    if (this.released[step.index] === 1) return;
    this.released[step.index] = 1;
    for (const follower of this.followers.of(step.index)) {
      const waits = (this.waits[follower] ?? 0) - 1;
      this.waits[follower] = waits;
      if (waits === 0) this.due(follower);
    }
  }

  private respond(step: Step, record: RecordedCall, failed: string | null): void {
    const { session } = this.live;
    this.mapping.learn(step.expected.call.out, record.out);
    if (step.expected.sort === 'stage') this.live.learnExporters(record);
    const actual = session.calls.at(-1);
    if (actual === undefined) return;
    const result = compareCalls(
      step.expected,
      actual,
      { expected: this.options.plan.session, actual: session, identities: this.identities, rules: this.book },
      false,
    );
    this.finishStep(step, failed === null ? result : { ...result, cause: failed });
    this.prepare();
  }

  private skip(step: Step, cause: string): void {
    this.finishStep(step, { status: 'skipped', expected: step.expected, actual: null, differences: [], cause });
  }

  /** A step is over; null: it was left out. */
  private finishStep(step: Step, result: CallResult | null): void {
    this.results[step.index] = result;
    this.left--;
    // Answers to upkeep are not compared: pings come when time has passed, and not in the same state.
    const counts = result?.status === 'different' && step.expected.sort !== 'upkeep';
    if (counts && !this.options.keepGoing && this.stopped === null)
      this.stop(`stopped at the first difference, in call ${step.expected.call.id} (--keep-going goes on)`);
    this.release(step);
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
    this.queries.release(() => {
      this.live.end();
      const { plan, rules } = this.options;
      const { session, records, failedPings } = this.live;
      // Upkeep is made, but its answers are not compared; nor are calls that were never meant to be.
      const results = this.results.flatMap((one) =>
        one === null || (one.expected?.sort === 'upkeep' && one.status !== 'skipped') ? [] : [one],
      );
      const result = conclude(results, plan.session, session, rules, this.book);
      this.done({ result, records, made: this.made, failedPings, denied: this.denied, leftOut: this.leftOut });
    });
  }
}

/** Statuses of an answer that mean the credentials, where the recorded server let its client in. */
const ACCESS_DENIED: readonly number[] = [5, 0x8007_0005];

function deniedBy({ expected: { call, sort } }: Step, record: RecordedCall, answer: LinkAnswer): Denied | null {
  const title = callTitle(call);
  if (answer.kind === 'failed')
    return answer.cause === 'denied' ? { call: title, message: answer.message, status: null } : null;
  if (call.outcome !== 'answered' || (call.hresult ?? 0) !== 0) return null;
  if (answer.kind === 'fault')
    return faulted(title, answer.status, answer.unproved).kind === 'denied'
      ? { call: title, message: `${title} was answered with a fault`, status: answer.status }
      : null;
  const { hresult } = record;
  return sort === 'stage' && hresult !== null && ACCESS_DENIED.includes(hresult >>> 0)
    ? { call: title, message: `${title} failed`, status: hresult >>> 0 }
    : null;
}

/** A call as the live server gets it. */
type MadeCall = Pick<LinkCall, 'abstract' | 'opnum' | 'object' | 'stub'>;

/** By what a call goes out: the context and the request that were recorded, and the channel to the live server. */
interface Way {
  readonly context: ContextRecord;
  readonly request: RecordedStub;
  readonly channel: Channel;
}

/** A recorded call to be made in the other binding, and where it goes. */
interface Rebinding extends Way {
  readonly call: RecordedCall;
  readonly object: string;
}

/** Requests put together ahead of their time. */
const MAX_PREPARED = 16;
/** Of a call that the other binding has no use for, and of the upkeep of what it would have made. */
const LEFT_OUT = 'left out';

function encodingOf({ drep }: RecordedStub, { transfer }: ContextRecord): Encoding {
  return { littleEndian: drep.littleEndian, syntax: transfer };
}
