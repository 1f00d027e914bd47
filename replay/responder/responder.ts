import { GUID_NULL } from '../../src/bytes/guid.js';
import { spanOf } from '../../src/bytes/block.js';
import { EncodeError, type Encoding, type Fields, type MethodCodec, type Registry } from '../../src/ndr/codec.js';
import { Roles, UPKEEP_ROLES } from '../../src/analysis/roles.js';
import type { MethodRole } from '../../src/ndr/types.js';

import { transfersOf } from '../../src/dcom/transfer.js';
import type { SyntaxId, TransferSyntax, Value } from '../../src/types.js';
import { Session } from '../compare/session.js';
import type { ServedAnswer, ServedCall } from '../../src/peer/link/server.js';
import { moveBindings } from '../../src/dcom/bindings.js';
import { identifiersIn, mapIdentifiers } from '../../src/dcom/identifiers.js';
import { PING_COUNTER, NO_SET, readSetId, writePingAnswer } from '../../src/dcom/ping.js';
import { readActivation } from '../../src/dcom/activation-properties.js';
import { readCounts, writeAddResults } from '../../src/dcom/remunknown.js';
import { contextKey } from '../player/plan.js';
import { changedResponse } from '../player/stubs.js';
import { joinSessions } from '../recording/sessions.js';
import type { ContextRecord, RecordedCall, RecordingRecord } from '../recording/records.js';
import type { Forwarder } from './forwarder.js';

/**
 * What is answered to a call that was never recorded: a fault, the nearest recorded call, or what a real server says.
 */
export type Fallback = 'error' | 'nearest' | 'forward';

export interface ResponderOptions {
  readonly records: readonly RecordingRecord[];
  readonly registry: Registry;
  readonly fallback: Fallback;
  /** Takes the calls that are forwarded; with the fallback of that name. */
  readonly forwarder?: Pick<Forwarder, 'forward' | 'played'>;
  /** Where this server listens: what bindings in answers say. */
  readonly host: string;
  readonly port: number;
  /** Makes an identifier: a GUID. */
  readonly guid: () => string;
  /** Hears of calls that were never recorded, and of what was done. */
  readonly missed?: (
    call: ServedCall,
    answered: 'fault' | 'nearest' | 'upkeep' | 'forwarded',
    failed: string | null,
  ) => void;
}

/** nca_s_op_rng_error: nothing is known of such a call. */
const NEVER_RECORDED = 0x1c01_0002;

/** A recorded call as an answer to give. */
interface Candidate {
  readonly position: number;
  readonly call: RecordedCall;
  readonly context: ContextRecord;
  readonly key: string;
}

/**
 * Answers calls from a recording, matched by object, member and arguments. Order-aware: of several recorded calls
 * alike, the next one
 * behind the last that was answered on the object; else the last before it, so that a value that is asked for again is
 * the newest. A new activation begins the story again. Identifiers are others than in the recording, the same for one responder.
 */
export class Responder {
  private readonly options: ResponderOptions;
  private readonly roles: Roles;
  private readonly byKey = new Map<string, Candidate[]>();
  private readonly byMember = new Map<string, Candidate[]>();
  private readonly fresh = new Map<string, string>();
  private readonly recorded = new Map<string, string>();
  private readonly at = new Map<string, number>();
  private readonly served = new Set<string>();
  private readonly session: Session;

  constructor(options: ResponderOptions) {
    this.options = options;
    const { registry } = options;
    this.roles = new Roles(registry);
    const records = joinSessions(options.records);
    this.session = new Session(options.records, registry);
    const contexts = new Map(
      records.filter((one) => one.kind === 'context').map((one) => [contextKey(one.connection, one.id), one]),
    );
    const ordered = this.session.calls
      .map((one) => one.call)
      .toSorted(
        (one, other) =>
          (one.time?.timeS ?? 0) - (other.time?.timeS ?? 0) ||
          (one.time?.timeNs ?? 0) - (other.time?.timeNs ?? 0) ||
          one.id - other.id,
      );
    for (const [position, call] of ordered.entries()) {
      const context = contexts.get(contextKey(call.connection, call.contextId));
      if (context === undefined) continue;
      this.served.add(context.abstract.uuid);
      for (const side of [call.in, call.out]) identifiersIn(side, (id) => this.name(id));
      if (call.object !== null) this.name(call.object.ipid);
      if (
        call.request === null ||
        call.request.sealed ||
        (call.response === null && call.fault === null) ||
        call.wireOpnum === null
      )
        continue;
      const args = this.decode(context.abstract.uuid, opnumOf(call), call.request.bytes, {
        littleEndian: call.request.drep.littleEndian,
        syntax: context.transfer,
      });
      const member = memberKey(context.abstract.uuid, opnumOf(call));
      const candidate = {
        position,
        call,
        context,
        key: `${member} ${this.objectKey(call.object?.ipid ?? null)} ${args === null ? hex(call.request.bytes) : argumentsText(args)}`,
      };
      add(this.byKey, candidate.key, candidate);
      add(this.byMember, member, candidate);
    }
    for (const {
      interface: { uuid },
    } of registry.interfaces)
      if (this.roleOfAny(uuid)) this.served.add(uuid);
  }

  /**
   * Transfer syntaxes of an interface that is in the recording, or is one that every server has; none of another.
   */
  serves({ uuid }: SyntaxId): readonly TransferSyntax[] {
    if (this.options.fallback !== 'forward' && !this.served.has(uuid)) return [];
    const known = this.options.registry.interfaceByUuid(uuid);
    return known === null ? UNKNOWN_TRANSFERS : transfersOf(known.interface);
  }

  /** Answers a call: `give` is called once, at once unless the call is forwarded. */
  answer(call: ServedCall, give: (answer: ServedAnswer) => void): void {
    const uuid = call.abstract.uuid;
    const encoding: Encoding = { littleEndian: call.drep.littleEndian, syntax: call.transfer };
    const args = this.decode(uuid, call.opnum, call.stub, encoding);
    const object = call.object === null ? null : (this.recorded.get(call.object) ?? call.object);
    const translated = args === null ? null : (translate(args, this.recorded) as Fields);
    const member = memberKey(uuid, call.opnum);
    const objectKey = this.objectKey(object);
    const role = this.roles.at(uuid, call.opnum);
    if (role === 'activate' || role === 'get-class-object') this.at.clear();
    const alike = this.byKey.get(
      `${member} ${objectKey} ${translated === null ? hex(call.stub) : argumentsText(translated)}`,
    );
    if (alike !== undefined) {
      give(this.play(this.next(alike, objectKey), objectKey, call, args));
      return;
    }
    const upkeep = this.upkeep(role, call, args, encoding);
    if (upkeep !== null) {
      this.options.missed?.(call, 'upkeep', null);
      // What only the real server handed out is released there.
      if (role !== 'release' || !this.foreign(args)) {
        give(upkeep);
        return;
      }
    }
    const { forwarder } = this.options;
    if (this.options.fallback === 'forward' && forwarder !== undefined) {
      forwarder.forward(
        call,
        {
          recordedId: (id) => this.recorded.get(id) ?? id,
          recorded: (value) => translate(value, this.recorded),
          shown: (value) => this.relocated(translate(value, this.fresh)),
        },
        (answer, failed) => {
          if (upkeep === null) this.options.missed?.(call, 'forwarded', failed);
          give(answer);
        },
      );
      return;
    }
    const near = this.options.fallback === 'nearest' ? this.near(member, objectKey) : null;
    this.options.missed?.(call, near === null ? 'fault' : 'nearest', null);
    give(near === null ? { kind: 'fault', status: NEVER_RECORDED } : this.play(near, objectKey, call, args));
  }

  /** Whether a release names references that are of no recorded object. */
  private foreign(args: Fields | null): boolean {
    return (
      this.options.fallback === 'forward' &&
      args !== null &&
      readCounts(args).some(({ ipid }) => !this.recorded.has(ipid))
    );
  }

  /** The first one behind the last that was answered on the object, or the last before it. */
  private next(candidates: readonly Candidate[], objectKey: string): Candidate {
    const at = this.at.get(objectKey) ?? -1;
    return candidates.find((one) => one.position > at) ?? (candidates.at(-1) as Candidate);
  }

  /** The same member on the same object, with any arguments; else on any object. */
  private near(member: string, objectKey: string): Candidate | null {
    const all = this.byMember.get(member);
    if (all === undefined) return null;
    const own = all.filter((one) => one.key.startsWith(`${member} ${objectKey} `));
    return this.next(own.length > 0 ? own : all, objectKey);
  }

  private play(
    { position, call, context }: Candidate,
    objectKey: string,
    served: ServedCall,
    args: Fields | null,
  ): ServedAnswer {
    if (position > (this.at.get(objectKey) ?? -1)) this.at.set(objectKey, position);
    if (call.fault !== null || call.response === null)
      return { kind: 'fault', status: call.fault?.status ?? NEVER_RECORDED };
    this.options.forwarder?.played(call);
    const { bytes, drep } = call.response;
    if (drep.ebcdic || drep.float !== 'ieee') return { kind: 'response', stub: bytes, drep };
    const { uuid } = context.abstract;
    const opnum = opnumOf(call);
    const request =
      call.request === null
        ? null
        : this.decode(uuid, opnum, call.request.bytes, {
            littleEndian: call.request.drep.littleEndian,
            syntax: context.transfer,
          });
    const form = { uuid, opnum, encoding: { littleEndian: drep.littleEndian, syntax: context.transfer } };
    const stub = changedResponse(this.options.registry, form, bytes, {
      request: { before: request, after: args },
      change: (fields) => this.relocated(translate(fields, this.fresh)) as Fields,
      encoding: { ...form.encoding, syntax: served.transfer },
    });
    return { kind: 'response', stub, drep };
  }

  /** Pings and reference counts, which no two clients do alike, are answered even when they were never recorded. */
  private upkeep(
    role: MethodRole | null,
    call: ServedCall,
    args: Fields | null,
    encoding: Encoding,
  ): ServedAnswer | null {
    const codec = this.codec(call.abstract.uuid, call.opnum, encoding);
    if (codec === null || args === null) return null;
    const out = this.upkeepOf(role, args);
    if (out === null) return null;
    try {
      return {
        kind: 'response',
        stub: codec.response.encode({ orpcthat: { flags: 0, extensions: null }, ...out, return: 0 }, { request: args }),
        drep: call.drep,
      };
    } catch (error) {
      if (error instanceof EncodeError) return null;
      throw error;
    }
  }

  private upkeepOf(role: MethodRole | null, request: Fields): Fields | null {
    switch (role) {
      case 'release':
      case 'ping':
        return {};
      case 'add-ref':
        return writeAddResults(readCounts(request).map(() => 0));
      case 'complex-ping': {
        const setId = readSetId(request) ?? NO_SET;
        return writePingAnswer(setId === NO_SET ? `0x${this.options.guid().replaceAll('-', '').slice(0, 16)}` : setId);
      }
      default:
        return null;
    }
  }

  /** Bindings say where this server listens. */
  private relocated(value: Value): Value {
    const { host, port } = this.options;
    return moveBindings(value, (binding) => ({ host, port: binding.port === null ? null : port }));
  }

  private name(id: string): void {
    if (id === GUID_NULL || this.fresh.has(id)) return;
    const made = this.options.guid();
    const other = id.startsWith('0x') ? `0x${made.replaceAll('-', '').slice(0, 16)}` : made;
    this.fresh.set(id, other);
    this.recorded.set(other, id);
  }

  private objectKey(ipid: string | null): string {
    return ipid === null ? '-' : `#${this.session.object(ipid) ?? ipid}`;
  }

  private decode(uuid: string, opnum: number, stub: Uint8Array, encoding: Encoding): Fields | null {
    const decoded = this.codec(uuid, opnum, encoding)?.request.decode(spanOf(stub));
    return decoded === undefined || decoded.problems.length > 0 ? null : decoded.value;
  }

  private codec(uuid: string, opnum: number, encoding: Encoding): MethodCodec | null {
    return this.options.registry.method(uuid, opnum, encoding);
  }

  private roleOfAny(uuid: string): boolean {
    return (
      this.options.registry
        .interfaceByUuid(uuid)
        ?.slots.some((_, opnum) => UPKEEP_ROLES.includes(this.roles.at(uuid, opnum) ?? 'invoke')) === true
    );
  }
}

/** Of interfaces that no table has: whatever is proposed first. */
const UNKNOWN_TRANSFERS: readonly TransferSyntax[] = ['ndr20', 'ndr64'];
/** Parameters that differ on every call and say nothing. */
const HEADERS: readonly string[] = ['orpcthis', PING_COUNTER];

function opnumOf(call: RecordedCall): number {
  return (call.via === null ? call.opnum : call.via.opnum) ?? call.wireOpnum ?? 0;
}

function memberKey(uuid: string, opnum: number): string {
  return `${uuid} ${opnum}`;
}

function translate(value: Value, ids: ReadonlyMap<string, string>): Value {
  return mapIdentifiers(value, (id) => ids.get(id) ?? id);
}

/**
 * Arguments as a text that is the same for the same arguments. Of activation properties only the class and the
 * interfaces that are wanted count: the rest tells of the client.
 */
function argumentsText(args: Fields): string {
  const activation = readActivation(args);
  if (activation !== null) return `${activation.clsid} ${activation.iids.join(' ')}`;
  const kept = Object.fromEntries(Object.entries(args).filter(([name]) => !HEADERS.includes(name)));
  return JSON.stringify(kept, (name, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof Uint8Array) return hex(value);
    if (name === 'bindings' || name === 'reserved') return undefined;
    return value;
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function add(map: Map<string, Candidate[]>, key: string, one: Candidate): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [one]);
  else list.push(one);
}
