import { spanOf } from '../../src/bytes/block.js';
import { GUID_NULL } from '../../src/bytes/guid.js';
import { readActivation } from '../../src/dcom/activation-properties.js';
import { identifiersIn } from '../../src/dcom/identifiers.js';
import { PING_COUNTER } from '../../src/dcom/ping.js';
import { Roles, UPKEEP_ROLES } from '../../src/analysis/roles.js';
import type { Encoding, Fields, Registry } from '../../src/ndr/codec.js';
import { Session } from '../compare/session.js';
import { contextKey, type ContextRecord, type RecordedCall, type RecordingRecord } from '../recording/records.js';
import { joinSessions } from '../recording/sessions.js';
import { inOrder } from './recorded-sessions.js';

/** A recorded call as an answer to give. */
export interface Candidate {
  readonly position: number;
  readonly call: RecordedCall;
  readonly context: ContextRecord;
  readonly key: string;
}

/** The answers of a recording by what was asked: what the responders of all clients share. */
export class RecordedAnswers {
  readonly registry: Registry;
  readonly roles: Roles;
  private readonly byKey = new Map<string, Candidate[]>();
  private readonly byMember = new Map<string, Candidate[]>();
  private readonly identifiers = new Set<string>();
  private readonly served = new Set<string>();
  private readonly session: Session;

  constructor(recording: readonly RecordingRecord[], registry: Registry) {
    this.registry = registry;
    this.roles = new Roles(registry);
    const records = joinSessions(recording);
    this.session = new Session(recording, registry);
    const contexts = new Map(
      records.filter((one) => one.kind === 'context').map((one) => [contextKey(one.connection, one.id), one]),
    );
    const ordered = inOrder(this.session.calls);
    for (const [position, call] of ordered.entries()) {
      const context = contexts.get(contextKey(call.connection, call.contextId));
      if (context !== undefined) this.take(call, position, context);
    }
    for (const {
      interface: { uuid },
    } of registry.interfaces)
      if (this.roleOfAny(uuid)) this.served.add(uuid);
  }

  /** Whether an interface is in the recording, or is one that every server has. */
  has(uuid: string): boolean {
    return this.served.has(uuid);
  }

  /** Whether the recording holds an identifier. */
  knows(id: string): boolean {
    return this.identifiers.has(id);
  }

  /** Recorded calls of a member, on an object, with these arguments or bytes. */
  alike(member: string, objectKey: string, asked: Fields | Uint8Array): readonly Candidate[] | undefined {
    return this.byKey.get(keyOf(member, objectKey, asked));
  }

  /** Recorded calls of a member with any arguments: on the object, else on any; undefined where there are none. */
  near(member: string, objectKey: string): readonly Candidate[] | undefined {
    const all = this.byMember.get(member);
    const own = all?.filter((one) => one.key.startsWith(`${member} ${objectKey} `)) ?? [];
    return own.length > 0 ? own : all;
  }

  /** What a recorded IPID stands for: an object, by its number. */
  objectKey(ipid: string | null): string {
    return ipid === null ? '-' : `#${this.session.object(ipid) ?? ipid}`;
  }

  /** The arguments of a request; null where no table reads them. */
  decode(uuid: string, opnum: number, stub: Uint8Array, encoding: Encoding): Fields | null {
    const decoded = this.registry.method(uuid, opnum, encoding)?.request.decode(spanOf(stub));
    return decoded === undefined || decoded.problems.length > 0 ? null : decoded.value;
  }

  private take(call: RecordedCall, position: number, context: ContextRecord): void {
    const { uuid } = context.abstract;
    this.served.add(uuid);
    for (const side of [call.in, call.out]) identifiersIn(side, (id) => this.name(id));
    if (call.object !== null) this.name(call.object.ipid);
    const { request, response, fault, wireOpnum } = call;
    if (request === null || request.sealed || (response === null && fault === null) || wireOpnum === null) return;
    const args = this.decode(uuid, opnumOf(call), request.bytes, {
      littleEndian: request.drep.littleEndian,
      syntax: context.transfer,
    });
    const member = memberKey(uuid, opnumOf(call));
    const key = keyOf(member, this.objectKey(call.object?.ipid ?? null), args ?? request.bytes);
    const candidate = { position, call, context, key };
    add(this.byKey, key, candidate);
    add(this.byMember, member, candidate);
  }

  private name(id: string): void {
    if (id !== GUID_NULL) this.identifiers.add(id);
  }

  private roleOfAny(uuid: string): boolean {
    return (
      this.registry
        .interfaceByUuid(uuid)
        ?.slots.some((_, opnum) => UPKEEP_ROLES.includes(this.roles.at(uuid, opnum) ?? 'invoke')) === true
    );
  }
}

/** The opnum of a recorded call on its connection. */
export function opnumOf(call: RecordedCall): number {
  return (call.via === null ? call.opnum : call.via.opnum) ?? call.wireOpnum ?? 0;
}

/** What a call is of. */
export function memberKey(uuid: string, opnum: number): string {
  return `${uuid} ${opnum}`;
}

/** Parameters that differ on every call and say nothing. */
const HEADERS: readonly string[] = ['orpcthis', PING_COUNTER];

function keyOf(member: string, objectKey: string, asked: Fields | Uint8Array): string {
  return `${member} ${objectKey} ${asked instanceof Uint8Array ? hex(asked) : argumentsText(asked)}`;
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
