import type { Call, Exchange, Stub } from '../types.js';
import type { Decoded, Encoding, MethodCodec, Registry, ResolvedInterface } from '../ndr/codec.js';
import type { Types } from '../dcom/automation.js';
import type { MemberKind, MethodRole } from '../ndr/types.js';
import { returnedInterface } from './classes.js';
import { requestPointers, responsePointers } from './pointers.js';
import type { Roles } from './roles.js';

/** The member that a call went to, as records name it; null where no table tells. */
export interface Naming {
  readonly interface: string | null;
  readonly iid: string | null;
  readonly method: string | null;
  readonly member: MemberKind | null;
  readonly opnum: number | null;
  readonly printedOpnum: number | null;
  readonly section: string | null;
  readonly spec: string | null;
}

/** What every call of a method is looked at for, worked out once. */
export interface Plan {
  readonly slot: NonNullable<ResolvedInterface['slots'][number]>;
  readonly role: MethodRole | null;
  /** As calls of it that are not late bound are named. */
  readonly naming: Naming;
  /** As late-bound calls say what carried them. */
  readonly carrier: NonNullable<Call['via']>;
  /** What of its response, and of its request, can hold references to objects. */
  readonly responsePointers: readonly string[];
  readonly requestPointers: readonly string[];
  /** Whether every call of it says something about objects, and not only an answer that hands one out. */
  readonly traced: boolean;
  /** Interface of the object that the method is declared to return, or null. */
  readonly returns: string | null;
  /** By place in ENCODINGS; undefined until first use, null where no table has the parameters. */
  readonly codecs: (MethodCodec | null | undefined)[];
}

/** An interface as the calls of a capture use it. */
export interface KnownInterface {
  readonly resolved: ResolvedInterface;
  readonly uuid: string;
  readonly plans: (Plan | null | undefined)[];
  /** Opnum by printed opnum, where they differ; null when the interface prints none of its own. */
  readonly printed: ReadonlyMap<number, number> | null;
}

/** A decoded call before it becomes a Call. */
export interface Reading {
  readonly opnum: number;
  readonly plan: Plan;
  readonly request: Decoded | null;
  readonly response: Decoded | null;
  readonly clean: boolean;
}

/** The types of the tables, by name. */
export function typesOf({ specifications }: Registry): Types {
  return new Map(specifications.flatMap((one) => one.types.map((type) => [type.name, type] as const)));
}

/** The interfaces of the tables, with the plans of their methods. */
export class Interfaces {
  private readonly registry: Registry;
  private readonly roles: Roles;
  private readonly types: Types;
  private readonly known = new Map<string, KnownInterface>();
  private lastUuid = '';
  private last: KnownInterface | null = null;

  constructor(registry: Registry, roles: Roles, types: Types) {
    this.registry = registry;
    this.roles = roles;
    this.types = types;
  }

  of(uuid: string): KnownInterface | null {
    if (uuid === this.lastUuid) return this.last;
    let known = this.known.get(uuid) ?? null;
    if (known === null) {
      const resolved = this.registry.interfaceByUuid(uuid);
      known = resolved === null ? null : { resolved, uuid, plans: [], printed: printedNumbers(resolved) };
      // Only interfaces of the tables are kept: a capture can name any number of others.
      if (known !== null) this.known.set(uuid, known);
    }
    this.lastUuid = uuid;
    this.last = known;
    return known;
  }

  plan(known: KnownInterface, opnum: number): Plan | null {
    const made = known.plans[opnum];
    if (made !== undefined) return made;
    const slot = known.resolved.slots[opnum];
    if (slot == null) return null;
    while (known.plans.length < opnum) known.plans.push(undefined);
    const role = this.roles.of(slot);
    const inRequest = requestPointers(slot.method, this.types);
    return (known.plans[opnum] = {
      slot,
      role,
      naming: namingOf(known, opnum, slot),
      carrier: { interface: slot.owner.name, method: slot.method.name, opnum: slot.method.opnum },
      responsePointers: responsePointers(slot.method, this.types),
      requestPointers: inRequest,
      traced: role !== null || inRequest.length > 0,
      returns: returnedInterface(slot.method),
      codecs: ENCODINGS.map(() => undefined),
    });
  }

  /**
   * Decodes both stubs as one method, with problems that say no paths; null when there is no such method, or only its
   * name is known.
   */
  read(known: KnownInterface, exchange: Exchange, opnum: number): Reading | null {
    const { request, response } = exchange;
    const plan = this.plan(known, opnum);
    if (plan === null) return null;
    const codec = this.codec(known, opnum, plan, encodingIndex(request ?? response, exchange));
    if (codec === null) return null;
    const sent = request === null || !readable(request) ? null : codec.request.read(request);
    let received: Decoded | null = null;
    if (response !== null && exchange.fault === null && readable(response)) {
      const same = request === null || request.drep.littleEndian === response.drep.littleEndian;
      const own = same ? codec : this.codec(known, opnum, plan, encodingIndex(response, exchange));
      received = own === null ? null : own.response.read(response, sent?.value);
    }
    const clean =
      (sent === null || sent.problems.length === 0) && (received === null || received.problems.length === 0);
    return { opnum, plan, request: sent, response: received, clean };
  }

  /** A reading whose problems say where in the values they are. */
  explained(known: KnownInterface, exchange: Exchange, reading: Reading): Reading {
    const { request, response } = exchange;
    const { plan, opnum, request: sent, response: received } = reading;
    if (reading.clean) return reading;
    const codecOf = (stub: Stub): MethodCodec | null => this.codec(known, opnum, plan, encodingIndex(stub, exchange));
    return {
      ...reading,
      request: sent === null || request === null ? sent : (codecOf(request)?.request.explain(sent, request) ?? sent),
      response:
        received === null || response === null
          ? received
          : (codecOf(response)?.response.explain(received, response, sent?.value) ?? received),
    };
  }

  /** The codec of a method for stubs that are little-endian NDR20; null where its parameters are not known. */
  littleEndian(known: KnownInterface, opnum: number, plan: Plan): MethodCodec | null {
    return this.codec(known, opnum, plan, 0);
  }

  private codec(known: KnownInterface, opnum: number, plan: Plan, encoding: number): MethodCodec | null {
    const made = plan.codecs[encoding];
    return made === undefined
      ? (plan.codecs[encoding] = this.registry.method(known.uuid, opnum, ENCODINGS[encoding] as Encoding))
      : made;
  }
}

function namingOf({ resolved, uuid }: KnownInterface, opnum: number, { method, owner }: Plan['slot']): Naming {
  return {
    interface: resolved.interface.name,
    iid: uuid,
    method: method.name,
    member: method.member,
    opnum,
    printedOpnum: method.printedOpnum,
    section: method.section,
    spec: owner.spec,
  };
}

function printedNumbers(resolved: ResolvedInterface): ReadonlyMap<number, number> | null {
  const numbers = new Map<number, number>();
  for (const [opnum, slot] of resolved.slots.entries())
    if (slot !== null && slot.method.printedOpnum !== opnum) numbers.set(slot.method.printedOpnum, opnum);
  return numbers.size === 0 ? null : numbers;
}

/** Whether a stub is clear text in a representation that the codecs read. */
export function readable(stub: Stub): boolean {
  return !stub.sealed && stub.drep.float === 'ieee' && !stub.drep.ebcdic;
}

const ENCODINGS: readonly Encoding[] = [
  { littleEndian: true, syntax: 'ndr20' },
  { littleEndian: false, syntax: 'ndr20' },
  { littleEndian: true, syntax: 'ndr64' },
  { littleEndian: false, syntax: 'ndr64' },
];

/** The encoding of a stub; NDR20 where the context was not seen negotiated. */
export function encodingOf(stub: Stub | null, exchange: Exchange): Encoding {
  return ENCODINGS[encodingIndex(stub, exchange)] as Encoding;
}

function encodingIndex(stub: Stub | null, exchange: Exchange): number {
  const transfer = exchange.context === null ? exchange.transfer : exchange.context.transfer;
  return (stub !== null && !stub.drep.littleEndian ? 1 : 0) + (transfer === 'ndr64' ? 2 : 0);
}
