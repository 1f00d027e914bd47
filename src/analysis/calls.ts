import type { Call, Endpoint, Exchange, ObjectReference, Problem, Stub, Value } from '../types.js';
import { asPointer, type ObjectRecord, type ObjectTable } from '../dcom/objects.js';
import { NO_PROBLEMS, type Decoded, type Encoding, type Fields, type MethodCodec, type Registry, type ResolvedInterface } from '../ndr/codec.js';
import type { Interface, Method, Specification } from '../ndr/types.js';
import { authOf, framesOf, nanosecondsBetween } from './facts.js';
import type { AnalysisLimits } from './limits.js';
import { answersWithPointers, pointersIn } from './pointers.js';

/** Which opnums requests carry; `auto` takes the wire numbers unless only the printed ones decode without a problem. */
export type Numbering = 'auto' | 'wire' | 'printed';

type Slot = { readonly method: Method; readonly owner: Interface };

/** An interface as the calls of a capture use it: its slots with what is asked of every call worked out once. */
interface KnownInterface {
  readonly resolved: ResolvedInterface;
  readonly uuid: string;
  /** True for opnums whose answer can hold an interface pointer; undefined until asked. */
  readonly pointers: (boolean | undefined)[];
  /** Opnum by printed opnum, where they differ; null when the interface prints none of its own. */
  readonly printed: ReadonlyMap<number, number> | null;
}

/** A decoded call before it becomes a {@link Call}. */
interface Reading {
  readonly opnum: number;
  readonly codec: MethodCodec;
  readonly request: Decoded | null;
  readonly response: Decoded | null;
  readonly clean: boolean;
}

/** Interfaces that {@link CallMaker} tries where no bind was captured. */
const CANDIDATES: readonly string[] = ['IRemUnknown2', 'IDispatch', 'IEnumVARIANT', 'IClassFactory', 'ITypeInfo2', 'ITypeLib2'];

const NO_FIELDS: Fields = Object.freeze({});

/** Turns exchanges into calls: finds interface, method and object, decodes both stubs, learns the objects an answer hands out. */
export class CallMaker {
  private readonly registry: Registry;
  private readonly objects: ObjectTable;
  private readonly numbering: Numbering;
  private readonly limits: AnalysisLimits;
  private readonly types: ReadonlyMap<string, Specification['types'][number]>;
  private readonly interfaces = new Map<string, KnownInterface | null>();
  private lastUuid = '';
  private lastInterface: KnownInterface | null = null;

  constructor(registry: Registry, objects: ObjectTable, numbering: Numbering, limits: AnalysisLimits) {
    this.registry = registry;
    this.objects = objects;
    this.numbering = numbering;
    this.limits = limits;
    this.types = new Map(registry.specifications.flatMap((specification) => specification.types.map((type) => [type.name, type] as const)));
  }

  make(exchange: Exchange, id: number): Call {
    const record = exchange.object === null ? null : this.objects.find(exchange.object);
    const told = exchange.context?.abstract.uuid ?? record?.iid ?? null;
    const guessed = told === null ? this.guess(exchange) : null;
    const uuid = told ?? guessed;
    const known = uuid === null ? null : this.interfaceOf(uuid);
    const inferred = exchange.context === null && record !== null;
    const problems: Problem[] = [];

    const reading = known === null || exchange.opnum === null ? null : this.read(known, exchange, exchange.opnum);
    const opnum = reading?.opnum ?? exchange.opnum;
    const slot: Slot | null = known === null || opnum === null ? null : (known.resolved.slots[opnum] ?? null);
    const renumbered = reading !== null && reading.opnum !== exchange.opnum;
    const orpc = known === null ? exchange.object !== null : known.resolved.interface.orpc;
    const header = reading?.request?.header ?? reading?.request?.value['orpcthis'] ?? (reading === null && orpc ? this.headerOf(exchange) : null);

    if (uuid !== null && known === null && exchange.context !== null) note(problems, exchange, 'unknown-interface', `interface ${uuid} is in no table: its stubs are shown as bytes`);
    else if (known !== null && slot === null && exchange.opnum !== null) {
      note(problems, exchange, 'unknown-opnum', `${known.resolved.interface.name} has no opnum ${exchange.opnum} (it has ${known.resolved.slots.length} slots)`);
    } else if (slot?.method.notUsedOnWire === true) {
      note(problems, exchange, 'not-used-on-wire', `${slot.owner.name}::${slot.method.name} (opnum ${slot.method.opnum}) is not for remote use: a client must not send it`);
    }

    const answer = reading?.response ?? null;
    const hresult = answer !== null && slot?.method.returns?.kind === 'well-known' && typeof answer.result === 'number' ? answer.result : null;
    const out = answer?.value ?? NO_FIELDS;
    if (known !== null && reading !== null && answer !== null && this.hasPointers(known, reading)) this.learn(out, reading.request?.value ?? NO_FIELDS, exchange);

    const client = exchange.direction === 0 ? exchange.flow.a : exchange.flow.b;
    const server: Endpoint = exchange.direction === 0 ? exchange.flow.b : exchange.flow.a;
    const time = exchange.requestTime ?? exchange.responseTime;
    return {
      kind: 'call',
      id,
      time,
      latencyNs: nanosecondsBetween(exchange.requestTime, exchange.responseTime),
      client,
      server,
      flow: exchange.flow.id,
      callId: exchange.callId,
      contextId: exchange.contextId,
      interface: known === null ? null : known.resolved.interface.name,
      iid: uuid,
      method: slot?.method.name ?? null,
      member: slot?.method.member ?? null,
      opnum,
      printedOpnum: slot?.method.printedOpnum ?? null,
      section: slot?.method.section ?? null,
      spec: slot === null ? null : slot.owner.spec,
      binding: 'early',
      dispid: slot?.method.dispid ?? null,
      via: null,
      certainty: guessed !== null ? 'guessed' : inferred || renumbered ? 'inferred' : 'known',
      because: guessed !== null
        ? `no bind was captured and nobody handed the object out; of the interfaces every DCOM server has, the stubs decode strictly only as ${known?.resolved.interface.name ?? guessed}`
        : inferred
        ? `no bind was captured; the object was handed out as ${record.interface ?? record.iid} in frame ${record.frame}`
        : renumbered ? `opnum ${exchange.opnum} decodes only as the printed number of ${slot?.method.name ?? 'this member'}` : null,
      object: objectOf(exchange, record),
      causality: causalityOf(header),
      in: reading?.request?.value ?? NO_FIELDS,
      out,
      hresult,
      wrapped: null,
      fault: exchange.fault,
      auth: authOf(exchange),
      requestFrames: framesOf(exchange.request),
      responseFrames: framesOf(exchange.response),
      problems: this.collect(exchange, problems, reading),
      outcome: exchange.outcome,
      exchange,
    };
  }

  private interfaceOf(uuid: string): KnownInterface | null {
    if (uuid === this.lastUuid) return this.lastInterface;
    let known = this.interfaces.get(uuid);
    if (known === undefined) {
      const resolved = this.registry.interfaceByUuid(uuid);
      known = resolved === null ? null : { resolved, uuid, pointers: [], printed: printedNumbers(resolved) };
      // Only known interfaces are kept: a capture can name any number of others.
      if (known !== null) this.interfaces.set(uuid, known);
    }
    this.lastUuid = uuid;
    this.lastInterface = known;
    return known;
  }

  /** Decodes both stubs; in `auto`, tries the printed number where the wire number leaves problems. */
  private read(known: KnownInterface, exchange: Exchange, opnum: number): Reading | null {
    const printed = known.printed === null ? undefined : known.printed.get(opnum);
    if (this.numbering === 'printed') return this.readAs(known, exchange, printed ?? opnum);
    const wire = this.readAs(known, exchange, opnum);
    if (this.numbering === 'wire' || printed === undefined || wire?.clean === true) return wire;
    const other = this.readAs(known, exchange, printed);
    return other !== null && other.clean && (other.request !== null || other.response !== null) ? other : wire;
  }

  private readAs(known: KnownInterface, exchange: Exchange, opnum: number): Reading | null {
    const { request, response } = exchange;
    const codec = this.registry.method(known.uuid, opnum, encodingOf(request ?? response, exchange));
    if (codec === null) return null;
    const asked = request === null || !readable(request) ? null : codec.request.decode(request);
    let answered: Decoded | null = null;
    if (response !== null && exchange.fault === null && readable(response)) {
      const same = request === null || request.drep.littleEndian === response.drep.littleEndian;
      const own = same ? codec : this.registry.method(known.uuid, opnum, encodingOf(response, exchange));
      answered = own === null ? null : own.response.decode(response, asked?.value);
    }
    const clean = (asked === null || asked.problems.length === 0) && (answered === null || answered.problems.length === 0);
    return { opnum, codec, request: asked, response: answered, clean };
  }

  /**
   * The interface of an ORPC call on a context nobody saw negotiated: one of those every server has, when its method of that
   * number is the only one that reads both stubs to the last byte. Empty parameter lists prove nothing and do not count.
   */
  private guess(exchange: Exchange): string | null {
    const { request, response, opnum } = exchange;
    if (exchange.object === null || opnum === null || request === null || response === null || exchange.fault !== null) return null;
    const fitting = CANDIDATES.filter((name) => {
      const resolved = this.registry.interfaceByName(name);
      const params = resolved?.slots[opnum]?.method.params ?? [];
      if (resolved === null || !params.some((param) => param.direction === 'in')) return false;
      const known = this.interfaceOf(resolved.interface.uuid);
      return known !== null && this.readAs(known, exchange, opnum)?.clean === true;
    });
    return fitting.length === 1 ? (this.registry.interfaceByName(fitting[0] ?? '')?.interface.uuid ?? null) : null;
  }

  /** ORPCTHIS of a call whose method is unknown: the causality is still worth having. */
  private headerOf(exchange: Exchange): Value {
    const stub = exchange.request;
    if (stub === null || !readable(stub)) return null;
    const decoded = this.registry.type('ORPCTHIS', encodingOf(stub, exchange)).decode(stub);
    return decoded.problems.some((problem) => problem.code !== 'ndr-trailing') ? null : (decoded.value['value'] ?? null);
  }

  private hasPointers(known: KnownInterface, reading: Reading): boolean {
    const { opnum } = reading;
    const told = known.pointers[opnum];
    if (told !== undefined) return told;
    while (known.pointers.length < opnum) known.pointers.push(undefined);
    return (known.pointers[opnum] = answersWithPointers(reading.codec.method, this.types));
  }

  /** Takes note of the objects in an answer and writes their names beside their identifiers. */
  private learn(out: Fields, asked: Fields, exchange: Exchange): void {
    const frame = exchange.response?.frames[0] ?? 0;
    pointersIn(out, this.limits.valueDepth, (bag) => {
      const pointer = asPointer(bag);
      if (pointer === null) return;
      const name = this.registry.interfaceByUuid(pointer.iid)?.interface.name ?? null;
      const record = this.objects.learn(pointer, name, frame);
      // The value was made by this decode and is not shared yet.
      Object.assign(bag, { interface: name, label: record.label });
    });
    // RemQueryInterface answers with STDOBJREFs, which name no IID: the request does, in the same order ([MS-DCOM] 3.1.1.5.6.1.1).
    const results = out['ppQIResults'];
    const iids = asked['iids'];
    if (!Array.isArray(results) || !Array.isArray(iids)) return;
    for (const [index, result] of (results as readonly Value[]).entries()) {
      const iid = (iids as readonly Value[])[index];
      const std = result !== null && typeof result === 'object' && !Array.isArray(result) ? (result as Fields)['std'] : null;
      if (typeof iid !== 'string' || std === null || typeof std !== 'object') continue;
      const pointer = asPointer({ ...(std as Fields), iid });
      if (pointer === null || (result as Fields)['hResult'] !== 0) continue;
      const name = this.registry.interfaceByUuid(iid)?.interface.name ?? null;
      const record = this.objects.learn(pointer, name, frame);
      Object.assign(std, { interface: name, iid, label: record.label });
    }
  }

  private collect(exchange: Exchange, own: readonly Problem[], reading: Reading | null): readonly Problem[] {
    const asked = reading?.request?.problems ?? NO_PROBLEMS;
    const answered = reading?.response?.problems ?? NO_PROBLEMS;
    if (exchange.problems.length + own.length + asked.length + answered.length === 0) return NO_PROBLEMS;
    const all = [...exchange.problems, ...own];
    for (const problem of asked) all.push(placed(problem, exchange, exchange.request));
    for (const problem of answered) all.push(placed(problem, exchange, exchange.response));
    return all.length <= this.limits.problemsPerCall ? all : all.slice(0, this.limits.problemsPerCall);
  }
}

function printedNumbers(resolved: ResolvedInterface): ReadonlyMap<number, number> | null {
  const numbers = new Map<number, number>();
  for (const [opnum, slot] of resolved.slots.entries()) if (slot !== null && slot.method.printedOpnum !== opnum) numbers.set(slot.method.printedOpnum, opnum);
  return numbers.size === 0 ? null : numbers;
}

function readable(stub: Stub): boolean {
  return !stub.sealed && stub.drep.float === 'ieee' && !stub.drep.ebcdic;
}

const ENCODINGS: readonly Encoding[] = [
  { littleEndian: true, syntax: 'ndr20' }, { littleEndian: false, syntax: 'ndr20' },
  { littleEndian: true, syntax: 'ndr64' }, { littleEndian: false, syntax: 'ndr64' },
];

/** The encoding of a stub; NDR20 where the context was not seen negotiated. */
export function encodingOf(stub: Stub | null, exchange: Exchange): Encoding {
  const index = (stub?.drep.littleEndian === false ? 1 : 0) + (exchange.context?.transfer === 'ndr64' ? 2 : 0);
  return ENCODINGS[index] as Encoding;
}

function objectOf(exchange: Exchange, record: ObjectRecord | null): ObjectReference | null {
  if (record !== null) return { ipid: record.ipid, oid: record.oid, oxid: record.oxid, label: record.label };
  return exchange.object === null ? null : { ipid: exchange.object, oid: null, oxid: null, label: null };
}

function causalityOf(header: Value): string | null {
  if (header === null || typeof header !== 'object' || Array.isArray(header)) return null;
  const cid = (header as Fields)['cid'];
  return typeof cid === 'string' ? cid : null;
}

function note(problems: Problem[], exchange: Exchange, code: Problem['code'], message: string): void {
  const frame = (exchange.request ?? exchange.response)?.frames[0];
  problems.push({ kind: 'problem', layer: 'analysis', code, message, spec: null, at: { flow: exchange.flow.id, ...(frame === undefined ? {} : { frame }) } });
}

function placed(problem: Problem, exchange: Exchange, stub: Stub | null): Problem {
  const frame = stub?.frames[0];
  return { ...problem, at: { ...problem.at, flow: exchange.flow.id, ...(frame === undefined ? {} : { frame }) } };
}
