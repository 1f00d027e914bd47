import { spanOf } from '../../src/bytes/block.js';
import type { Registry } from '../../src/ndr/codec.js';
import type { Fields } from '../../src/ndr/value.js';
import type { AuthLevel, Value } from '../../src/types.js';
import type { LinkAnswer } from '../../src/peer/link/client.js';
import type { ServedAnswer, ServedCall } from '../../src/peer/link/server.js';
import { Mapping } from '../player/mapping.js';
import { identifiersIn, mapIdentifiers } from '../../src/dcom/identifiers.js';
import { identifiersUsed, type Plan } from '../player/plan.js';
import { changedRequest, changedResponse } from '../player/stubs.js';
import type { World } from '../../src/peer/world.js';
import { Budget, BUDGETS, type Share } from '../../src/peer/budget.js';
import { portThere } from '../../src/peer/channel.js';
import { LiveSession } from '../player/live-session.js';
import { contextKey, type RecordedCall } from '../recording/records.js';

interface ForwarderOptions {
  readonly plan: Plan;
  readonly registry: Registry;
  /** The real server: its address as results show it, and the port of its object resolver. */
  readonly host: string;
  readonly port: number;
  readonly deadlineMs: number;
  /** What all forwarders of a server may keep; one of its own where it is left out. */
  readonly budget?: Budget;
}

/** How the stand-in's own identifiers come and go. */
interface IdentifierViews {
  /** An identifier of the client as it was in the recording, and all those in a value; others stay. */
  readonly recordedId: (id: string) => string;
  readonly recorded: (value: Value) => Value;
  /** Those of the recording as the client knows them, with bindings of the stand-in. */
  readonly shown: (value: Value) => Value;
}

/** nca_s_comm_failure: the real server gave no answer. */
const NO_ANSWER = 0x1c01_0001;

/**
 * Hands calls of one client that were never recorded to a real server, over connections of its own. An object of the
 * recording is made there first, by the calls that made it in the recording and the properties that were put on it
 * since; whatever the real server hands out later is called by its own identifiers.
 */
export class Forwarder {
  private readonly options: ForwarderOptions;
  private readonly live: LiveSession;
  private readonly mapping: Mapping;
  /** Calls of the recording made on the real server: what waits for them, or null once they are over. */
  private readonly made = new Map<number, (() => void)[] | null>();
  /** Properties put on objects of the recording, by IPID, in their order. */
  private readonly puts = new Map<string, RecordedCall[]>();
  private readonly level: AuthLevel;
  /** Forwarders of other sessions that have the objects behind identifiers of the recording. */
  private readonly lenders = new Map<string, Forwarder>();
  /** What the calls forwarded so far keep: they are remembered with what they handed out. */
  private readonly share: Share;
  private spent = false;
  /** Why the last repeated call had no answer. */
  private trouble: string | null = null;

  constructor(options: ForwarderOptions, world: World) {
    this.options = options;
    const budget = options.budget ?? new Budget({ bytes: BUDGETS.forwardedBytes });
    this.share = budget.share(() => (this.spent = true));
    this.share.trust();
    this.live = new LiveSession(options, world);
    this.mapping = new Mapping(() => world.guid(), options.host);
    this.level = options.plan.step(0)?.expected.call.auth.level ?? 'none';
    this.live.keepAlive(options.port, this.level);
  }

  /**
   * Takes note of a call that was answered from the recording: what it put is put on the real object too, as soon as
   * there is one.
   */
  played(call: RecordedCall): void {
    if ((call.member !== 'propput' && call.member !== 'propputref') || call.object === null) return;
    const list = this.puts.get(call.object.ipid) ?? [];
    this.puts.set(call.object.ipid, list);
    if (this.mapping.live(call.object.ipid) !== null)
      this.ensure(identifiersUsed(call, this.options.plan.made), () => this.repeat(call, () => undefined));
    else if (list.length < MAX_PUTS) list.push(call);
  }

  /**
   * Makes a call on the real server. `give` gets its answer, with identifiers as the client may know them; `failed` why
   * there is none.
   */
  forward(
    call: ServedCall,
    { recordedId, recorded, shown }: IdentifierViews,
    give: (answer: ServedAnswer, failed: string | null) => void,
  ): void {
    const { registry, plan, port } = this.options;
    this.share.take(FORWARDED_COST + call.stub.length);
    if (this.spent) {
      give({ kind: 'fault', status: TOO_BUSY }, 'too many calls were forwarded since it was started: start it anew');
      return;
    }
    const encoding = { littleEndian: call.drep.littleEndian, syntax: call.transfer };
    const form = { uuid: call.abstract.uuid, opnum: call.opnum, encoding };
    const request = registry.method(form.uuid, call.opnum, encoding)?.request.decode(spanOf(call.stub)).value ?? null;
    const needed = new Set<string>();
    const need = (id: string): unknown => plan.made.has(id) && needed.add(id);
    identifiersIn(request === null ? null : recorded(request), need);
    const target = call.object === null ? null : recordedId(call.object);
    if (target !== null) need(target);
    this.ensure(needed, () => {
      const object = target === null ? null : (this.mapping.live(target) ?? target);
      if (target !== null && plan.made.has(target) && object === target) {
        give(
          { kind: 'fault', status: NO_ANSWER },
          `the real server made no ${plan.session.reference(target)?.label ?? target}${this.trouble === null ? '' : `: ${this.trouble}`}`,
        );
        return;
      }
      const stub = changedRequest(
        registry,
        form,
        call.stub,
        (fields) => this.mapping.translate(recorded(fields)) as Fields,
      );
      const at = object === null ? port : this.portOf(object);
      this.live.call(
        this.live.channel(`${at} ${call.auth?.level ?? this.level}`, portThere(at), call.auth?.level ?? this.level),
        { abstract: call.abstract, transfer: call.transfer, opnum: call.opnum, object, stub, drep: call.drep },
        (record, answer) => {
          this.live.learnExporters(record);
          if (record.response === null) {
            give({ kind: 'fault', status: record.fault?.status ?? NO_ANSWER }, failureOf(answer));
            return;
          }
          const { bytes, drep } = record.response;
          this.share.take(bytes.length);
          const answeredForm = { ...form, encoding: { littleEndian: drep.littleEndian, syntax: call.transfer } };
          give(
            {
              kind: 'response',
              drep,
              stub: changedResponse(registry, answeredForm, bytes, {
                request: { before: request, after: request },
                change: (fields) => shown(this.recorded(fields)) as Fields,
              }),
            },
            null,
          );
        },
      );
    });
  }

  /** An object of the recording is the one of another session, by what the recording calls it. */
  borrow(id: string, from: Forwarder): void {
    let lender = from;
    for (let next = lender.lenders.get(id); next !== undefined; next = lender.lenders.get(id)) lender = next;
    if (lender !== this && this.mapping.live(id) === null) this.lenders.set(id, lender);
  }

  /** No more calls will come. */
  end(): void {
    this.share.close();
    this.live.end();
  }

  /** Makes what stands behind identifiers of the recording, where it is not there yet; then `then`. */
  private ensure(ids: ReadonlySet<string>, then: () => void): void {
    const { plan } = this.options;
    const missing = [...ids].filter((id) => this.mapping.live(id) === null);
    const lent = missing.filter((id) => this.lenders.has(id));
    const makers = new Set(missing.flatMap((id) => (this.lenders.has(id) ? [] : (plan.made.get(id) ?? []))));
    let left = makers.size + lent.length + 1;
    const one = (): void => {
      if (--left === 0) then();
    };
    for (const id of lent)
      this.lenders.get(id)?.lend(id, (live) => {
        if (live !== null) this.mapping.adopt(id, live);
        one();
      });
    for (const maker of makers) this.make(maker, one);
    one();
  }

  /** Makes an object for another session, where it is not there yet: its live identifier, or null. */
  private lend(id: string, give: (live: string | null) => void): void {
    this.ensure(new Set([id]), () => give(this.mapping.live(id)));
  }

  /** Makes a call of the recording on the real server, once. */
  private make(id: number, then: () => void): void {
    const waiting = this.made.get(id);
    const call = this.options.plan.stepOf(id)?.expected.call;
    if (waiting === null || call === undefined) then();
    else if (waiting !== undefined) waiting.push(then);
    if (waiting !== undefined || call === undefined) return;
    const list = [then];
    this.made.set(id, list);
    this.ensure(identifiersUsed(call, this.options.plan.made), () =>
      this.repeat(call, (record) => {
        if (record !== null) {
          this.live.learnExporters(record);
          this.mapping.learn(call.out, record.out);
        }
        this.putOn(
          [...this.puts.keys()].filter(
            (ipid) => this.options.plan.made.get(ipid) === id && this.mapping.live(ipid) !== null,
          ),
          () => {
            this.made.set(id, null);
            for (const one of list) one();
          },
        );
      }),
    );
  }

  /** Puts on new objects what was put on the recorded ones before. */
  private putOn(objects: readonly string[], then: () => void): void {
    const [call, ...rest] = objects.flatMap((ipid) => this.puts.get(ipid)?.splice(0) ?? []);
    const next = (calls: readonly RecordedCall[]): void => {
      const [one, ...others] = calls;
      if (one === undefined) then();
      else this.ensure(identifiersUsed(one, this.options.plan.made), () => this.repeat(one, () => next(others)));
    };
    next(call === undefined ? [] : [call, ...rest]);
  }

  /** A recorded call, made on the real server with its identifiers; null where it cannot be. */
  private repeat(call: RecordedCall, done: (record: RecordedCall | null) => void): void {
    const { plan, port, registry } = this.options;
    const context = plan.contexts.get(contextKey(call.connection, call.contextId));
    const step = plan.stepOf(call.id);
    const object = call.object === null ? null : this.mapping.live(call.object.ipid);
    if (
      context === undefined ||
      call.request === null ||
      step === undefined ||
      step.never !== null ||
      (call.object !== null && object === null)
    ) {
      done(null);
      return;
    }
    const { drep, bytes } = call.request;
    const form = {
      uuid: context.abstract.uuid,
      opnum: call.via === null ? call.opnum : call.via.opnum,
      encoding: { littleEndian: drep.littleEndian, syntax: context.transfer },
    };
    const stub =
      drep.ebcdic || drep.float !== 'ieee'
        ? bytes
        : changedRequest(registry, form, bytes, (fields) => this.mapping.translate(fields) as Fields);
    const at = object === null ? port : this.portOf(object);
    this.live.call(
      this.live.channel(`${at} ${call.auth.level}`, portThere(at), call.auth.level),
      { abstract: context.abstract, transfer: context.transfer, opnum: call.wireOpnum ?? 0, object, stub, drep },
      (record, answer) => {
        this.trouble = failureOf(answer);
        done(answer.kind === 'failed' ? null : record);
      },
    );
  }

  private portOf(ipid: string): number {
    const { session, exporters } = this.live;
    return (
      exporters.get(session.reference(ipid)?.oxid ?? null)?.port ??
      exporters.withRemUnknown(ipid)?.port ??
      exporters.last?.port ??
      this.options.port
    );
  }

  /** Live identifiers as they were in the recording, where they were. */
  private recorded(value: Value): Value {
    return mapIdentifiers(value, (id) => this.mapping.recorded(id));
  }
}

/** Puts remembered of one object that the real server does not have yet. */
export const MAX_PUTS = 1000;
/** Memory of a forwarded call beside its stubs, about. */
const FORWARDED_COST = 4096;
/** nca_s_server_too_busy. */
const TOO_BUSY = 0x1c01_0014;

function failureOf(answer: LinkAnswer): string | null {
  return answer.kind === 'failed' ? answer.message : null;
}
