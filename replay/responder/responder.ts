import { EncodeError, type Encoding, type Fields, type MethodCodec, type Registry } from '../../src/ndr/codec.js';
import type { MethodRole } from '../../src/ndr/types.js';

import { transfersOf } from '../../src/dcom/transfer.js';
import type { SyntaxId, TransferSyntax, Value } from '../../src/types.js';
import type { ServedAnswer, ServedCall } from '../../src/peer/link/server.js';
import { moveBindings } from '../../src/dcom/bindings.js';
import { identifiersIn, mapIdentifiers } from '../../src/dcom/identifiers.js';
import { NO_SET, readSetId, writePingAnswer } from '../../src/dcom/ping.js';
import { readCounts, writeAddResults } from '../../src/dcom/remunknown.js';
import { changedResponse } from '../player/stubs.js';
import type { Forwarder } from './forwarder.js';
import { memberKey, opnumOf, type Candidate, type RecordedAnswers } from './recorded-answers.js';

/**
 * What is answered to a call that was never recorded: a fault, the nearest recorded call, or what a real server says.
 */
export type Fallback = 'error' | 'nearest' | 'forward';

export interface ResponderOptions {
  readonly answers: RecordedAnswers;
  readonly registry: Registry;
  readonly fallback: Fallback;
  /** Takes the calls that are forwarded; with the fallback of that name. */
  readonly forwarder?: Pick<Forwarder, 'forward' | 'played'>;
  /** Where this server listens: what bindings in answers say. */
  readonly host: string;
  readonly port: number;
  /** Makes an identifier: a GUID. */
  readonly guid: () => string;
  /** Hears of every identifier that is handed out, but for those that a real server handed out before. */
  readonly handedOut?: (id: string) => void;
  /** Hears of calls that were never recorded, and of what was done. */
  readonly missed?: (
    call: ServedCall,
    answered: 'fault' | 'nearest' | 'upkeep' | 'forwarded',
    failed: string | null,
  ) => void;
}

/** nca_s_op_rng_error: nothing is known of such a call. */
const NEVER_RECORDED = 0x1c01_0002;

/**
 * Answers calls from a recording, matched by object, member and arguments. Order-aware: of several recorded calls
 * alike, the next one behind the last that was answered on the object; else the last before it, so that a value that is asked for again is
 * the newest. A new activation begins the story again. Identifiers are others than in the recording, the same for one responder.
 */
export class Responder {
  private readonly options: ResponderOptions;
  private readonly answers: RecordedAnswers;
  private readonly fresh = new Map<string, string>();
  private readonly recorded = new Map<string, string>();
  private readonly at = new Map<string, number>();

  constructor(options: ResponderOptions) {
    this.options = options;
    this.answers = options.answers;
  }

  /** The identifier of the recording that one of this responder stands for; null where it is none of them. */
  recordedId(id: string): string | null {
    return this.recorded.get(id) ?? null;
  }

  /** An identifier of another responder's client stands for one of the recording here too. */
  learn(id: string, recorded: string): void {
    this.recorded.set(id, recorded);
  }

  /**
   * Transfer syntaxes of an interface that is in the recording, or is one that every server has; none of another.
   */
  serves({ uuid }: SyntaxId): readonly TransferSyntax[] {
    if (this.options.fallback !== 'forward' && !this.answers.has(uuid)) return [];
    const known = this.options.registry.interfaceByUuid(uuid);
    return known === null ? UNKNOWN_TRANSFERS : transfersOf(known.interface);
  }

  /** Answers a call: `give` is called once, at once unless the call is forwarded. */
  answer(call: ServedCall, give: (answer: ServedAnswer) => void): void {
    const uuid = call.abstract.uuid;
    const encoding: Encoding = { littleEndian: call.drep.littleEndian, syntax: call.transfer };
    const args = this.decode(uuid, call.opnum, call.stub, encoding);
    const object = call.object === null ? null : (this.recorded.get(call.object) ?? call.object);
    const translated = args === null ? null : (this.asRecorded(args) as Fields);
    const member = memberKey(uuid, call.opnum);
    const objectKey = this.answers.objectKey(object);
    const role = this.answers.roles.at(uuid, call.opnum);
    if (role === 'activate' || role === 'get-class-object') this.at.clear();
    const alike = this.answers.alike(member, objectKey, translated ?? call.stub, this.at.get(objectKey) ?? -1);
    if (alike !== null) {
      give(this.play(alike, objectKey, call, args));
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
          recorded: (value) => this.asRecorded(value),
          shown: (value) => {
            const given = this.shown(value);
            const { handedOut } = this.options;
            if (handedOut !== undefined) identifiersIn(given, handedOut);
            return given;
          },
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

  /** The same member on the same object, with any arguments; else on any object. */
  private near(member: string, objectKey: string): Candidate | null {
    return this.answers.near(member, objectKey, this.at.get(objectKey) ?? -1);
  }

  /** Where the story of an object stands. Clients may name objects that nobody handed out. */
  private remember(objectKey: string, position: number): void {
    if (this.at.size >= MAX_PLACES && !this.at.has(objectKey)) this.at.clear();
    this.at.set(objectKey, position);
  }

  private play(
    { position, call, context }: Candidate,
    objectKey: string,
    served: ServedCall,
    args: Fields | null,
  ): ServedAnswer {
    if (position > (this.at.get(objectKey) ?? -1)) this.remember(objectKey, position);
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
      change: (fields) => this.shown(fields) as Fields,
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

  /** A value with the identifiers of the recording as this responder's client knows them, and its bindings. */
  private shown(value: Value): Value {
    return this.relocated(mapIdentifiers(value, (id) => this.named(id)));
  }

  /** The same the other way round. */
  private asRecorded(value: Value): Value {
    return mapIdentifiers(value, (id) => this.recorded.get(id) ?? id);
  }

  private named(id: string): string {
    if (!this.answers.knows(id)) return id;
    const known = this.fresh.get(id);
    if (known !== undefined) return known;
    const made = this.options.guid();
    const other = id.startsWith('0x') ? `0x${made.replaceAll('-', '').slice(0, 16)}` : made;
    this.fresh.set(id, other);
    this.recorded.set(other, id);
    this.options.handedOut?.(other);
    return other;
  }

  private decode(uuid: string, opnum: number, stub: Uint8Array, encoding: Encoding): Fields | null {
    return this.answers.decode(uuid, opnum, stub, encoding);
  }

  private codec(uuid: string, opnum: number, encoding: Encoding): MethodCodec | null {
    return this.options.registry.method(uuid, opnum, encoding);
  }
}

/** Of interfaces that no table has: whatever is proposed first. */
const UNKNOWN_TRANSFERS: readonly TransferSyntax[] = ['ndr20', 'ndr64'];
/** Objects of which it is remembered where their story stands; past it all stories begin again. */
export const MAX_PLACES = 65_536;
