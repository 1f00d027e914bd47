import type {
  Call,
  Endpoint,
  Exchange,
  Finding,
  ObjectRecord,
  ObjectReference,
  Problem,
  Stub,
  Value,
} from '../types.js';
import { ObjectTable, referenceTo, type Facet } from '../dcom/objects.js';
import { NO_PROBLEMS, type Fields, type Registry } from '../ndr/codec.js';
import type { FlowEnd } from '../types.js';
import { Callbacks } from './callbacks.js';
import { Classes } from './classes.js';
import { Contexts, type ContextBelief } from './contexts.js';
import { bag, readInvocation, type Invocation } from './dispparams.js';
import { authOf, framesOf, nanosecondsBetween } from './facts.js';
import { knowledgeOf, type Knowledge } from './knowledge.js';
import { LateBinder, type LateCall } from './late.js';
import type { AnalysisLimits } from './limits.js';
import { NumberingJudge, order, type Judgement } from './numbering.js';
import { encodingOf, Interfaces, readable, type KnownInterface, type Plan, type Reading } from './reading.js';
import type { Link } from './peers.js';
import { Roles } from './roles.js';
import { Tracker, type Answer } from './tracker.js';

export { encodingOf } from './reading.js';

/**
 * Which opnums requests carry: slots, printed numbers, or whichever the evidence says of each server and interface
 * (numbering.ts).
 */
export type Numbering = 'auto' | 'wire' | 'printed';

interface MakerOptions {
  readonly registry: Registry;
  readonly numbering: Numbering;
  readonly limits: AnalysisLimits;
  /** False: IPIDs stay anonymous and Invokes unnamed. For measuring what following objects costs. */
  readonly objects: boolean;
}

const NO_FIELDS: Fields = Object.freeze({});

/**
 * Turns exchanges into calls: finds interface, method and object, decodes both stubs, names late-bound members, follows
 * objects.
 */
export class CallMaker {
  private readonly registry: Registry;
  private readonly numbering: Numbering;
  private readonly limits: AnalysisLimits;
  private readonly follow: boolean;
  private readonly objects: ObjectTable<Knowledge>;
  private readonly interfaces: Interfaces;
  private readonly classes: Classes;
  private readonly late: LateBinder;
  private readonly tracker: Tracker;
  private readonly contexts: Contexts;
  private readonly judge: NumberingJudge;
  private readonly callbacks: Callbacks;
  private readonly candidates: readonly string[];
  private readonly faces: readonly string[];
  /** The call at hand decodes under both numberings, from a peer that mixes them. */
  private eitherWay = false;

  constructor({ registry, numbering, limits, objects }: MakerOptions) {
    const types = new Map(
      registry.specifications.flatMap((specification) => specification.types.map((type) => [type.name, type] as const)),
    );
    const roles = new Roles(registry.specifications);
    this.registry = registry;
    this.numbering = numbering;
    this.limits = limits;
    this.follow = objects;
    this.objects = new ObjectTable(limits.objects);
    this.interfaces = new Interfaces(registry, roles, types);
    this.classes = new Classes(registry);
    this.late = new LateBinder(this.classes, this.objects, types);
    this.tracker = new Tracker(registry, this.objects, this.classes, this.late, roles, limits);
    this.contexts = new Contexts(limits.contexts);
    this.judge = new NumberingJudge(limits.numberings);
    this.callbacks = new Callbacks(limits.callbacks);
    this.candidates = registry.specifications.flatMap((specification) => specification.infrastructure ?? []);
    this.faces = registry.interfaces
      .filter((one) => one.interface.orpc && this.classes.has(one.interface.name))
      .map((one) => one.interface.uuid);
  }

  /** Label of the first object that an exporter is known to have, or null. */
  labelAt(oxid: string): string | null {
    for (const object of this.objects.all()) if (object.oxid === oxid && object.oid !== null) return object.label;
    return null;
  }

  /** Findings since they were last taken; the caller empties the list. */
  get findings(): Finding[] {
    return this.tracker.findings;
  }

  make(exchange: Exchange, id: number): Call {
    const forth = exchange.direction === 0;
    const client = forth ? exchange.flow.a : exchange.flow.b;
    const server = forth ? exchange.flow.b : exchange.flow.a;
    const time = exchange.requestTime ?? exchange.responseTime;
    const link = this.tracker.peers.used(exchange.flow, client.address, server.address);
    let facet = exchange.object === null || !this.follow ? null : this.find(exchange.object, server.address, link);
    const belief = exchange.context === null ? this.believed(exchange, facet) : null;
    const uuid = exchange.context?.abstract.uuid ?? belief?.uuid ?? null;
    const known = uuid === null ? null : this.interfaces.of(uuid);
    const problems: Problem[] = [];

    const judgement = known === null || known.printed === null ? null : this.judge.of(server.address, known.uuid);
    const reading =
      known === null || exchange.opnum === null ? null : this.read(known, exchange, exchange.opnum, judgement);
    const opnum = reading?.opnum ?? exchange.opnum;
    const plan = reading?.plan ?? (known === null || opnum === null ? null : this.interfaces.plan(known, opnum));
    const slot = plan?.slot ?? null;
    const renumbered = reading !== null && reading.opnum !== exchange.opnum;
    const orpc = known === null ? exchange.object !== null : known.resolved.interface.orpc;
    const header =
      reading?.request?.header ??
      reading?.request?.value['orpcthis'] ??
      (reading === null && orpc ? this.headerOf(exchange) : null);
    const causality = causalityOf(header);

    if (uuid !== null && known === null && exchange.context !== null)
      note(problems, exchange, 'unknown-interface', `interface ${uuid} is in no table: its stubs are shown as bytes`);
    else if (known !== null && slot === null && exchange.opnum !== null) {
      note(
        problems,
        exchange,
        'unknown-opnum',
        `${known.resolved.interface.name} has no opnum ${exchange.opnum} (it has ${known.resolved.slots.length} slots)`,
      );
    } else if (slot?.method.notUsedOnWire === true) {
      note(
        problems,
        exchange,
        'not-used-on-wire',
        `${slot.owner.name}::${slot.method.name} (opnum ${slot.method.opnum}) is not for remote use: a client must not send it`,
      );
    }

    const asked = reading?.request?.value ?? NO_FIELDS;
    const answer = reading?.response ?? null;
    const answered = answer?.value ?? NO_FIELDS;
    const result =
      answer !== null && slot?.method.returns?.kind === 'well-known' && typeof answer.result === 'number'
        ? answer.result
        : null;
    if (this.follow && exchange.object !== null && known !== null) {
      facet ??= this.meet(exchange, known, server);
      this.tracker.called(facet, server, time, id, exchange);
    }
    const invocation =
      plan?.role === 'invoke' && reading !== null
        ? readInvocation(asked, answer === null ? null : answered, result)
        : null;
    const late = invocation === null ? null : this.late.bind(facet?.object ?? null, invocation);
    if (
      this.follow &&
      plan !== null &&
      reading !== null &&
      (plan.traced ||
        (answer !== null &&
          plan.answersPointers.length > 0 &&
          !this.tracker.again(answered, plan.answersPointers, link)))
    )
      this.trace(
        plan,
        { id, exchange, client, server, time, facet, asked, answered, result },
        answer !== null,
        late,
        invocation,
      );

    const ambiguous = this.eitherWay && slot !== null && judgement !== null;
    const named = late !== null && late.name !== null ? late : null;
    const method = named === null ? (slot?.method ?? null) : named.method;
    const doubt = late ?? belief;
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
      interface: named?.interface ?? known?.resolved.interface.name ?? null,
      iid: named?.iid ?? uuid,
      method: named?.name ?? slot?.method.name ?? null,
      member: named?.member ?? slot?.method.member ?? null,
      opnum: named === null ? opnum : (method?.opnum ?? null),
      printedOpnum: method?.printedOpnum ?? null,
      section: method?.section ?? null,
      spec: named === null ? (slot?.owner.spec ?? null) : named.spec,
      binding: late === null ? 'early' : 'late',
      dispid: invocation?.dispid ?? slot?.method.dispid ?? null,
      via:
        late === null || slot === null
          ? null
          : { interface: slot.owner.name, method: slot.method.name, opnum: slot.method.opnum },
      certainty:
        belief?.certainty === 'guessed' || ambiguous
          ? 'guessed'
          : (doubt?.certainty ?? (renumbered ? 'inferred' : 'known')),
      because:
        late !== null && belief !== null
          ? `${late.because}; ${belief.because}`
          : (doubt?.because ??
            (ambiguous
              ? `opnum ${exchange.opnum} decodes as a slot and as a printed number, and this peer mixes the two: ${slot.method.name} is but the likelier member`
              : renumbered && judgement !== null && exchange.opnum !== null
                ? printedReason(exchange.opnum, slot?.method.name ?? 'this member', judgement)
                : null)),
      object: objectOf(exchange, facet),
      causality,
      decoded: reading !== null && (reading.request !== null || reading.response !== null),
      in: named?.bound?.in ?? asked,
      out: named?.bound?.out ?? answered,
      hresult: late === null ? result : late.hresult,
      wrapped: late?.wrapped ?? null,
      exception: late?.exception ?? null,
      refused: late?.bound?.refused ?? null,
      callbacks: this.callbacks.of(id, causality, link?.pair ?? null, server.port, time),
      group: link?.group ?? null,
      fault: exchange.fault,
      auth: authOf(exchange),
      requestFrames: framesOf(exchange.request),
      responseFrames: framesOf(exchange.response),
      problems: this.collect(exchange, problems, reading),
      outcome: exchange.outcome,
      exchange,
    };
  }

  /** A bind was accepted: its connection belongs to an association group. */
  bound(flow: Exchange['flow'], group: number): void {
    this.tracker.peers.bound(flow, group);
  }

  /** A connection ended. */
  ended(end: FlowEnd): void {
    this.tracker.peers.ended(end);
  }

  /** No more calls will come: findings that only the end shows. */
  end(): void {
    if (this.follow) this.tracker.end();
  }

  /** What is known of every object by now. */
  records(ended: boolean): ObjectRecord[] {
    return this.tracker.records(ended);
  }

  /** The interface behind an IPID, as far as references told. */
  private find(ipid: string, address: string, link: Link | null): Facet<Knowledge> | null {
    const { objects } = this;
    if (link === null) return objects.find(ipid, address);
    const { facet: last, given } = link;
    if (link.version !== objects.version) {
      link.given = null;
      link.version = objects.version;
    } else if (last !== null && last.ipid === ipid) {
      return last;
    } else if (given !== null && given.ipid === ipid) {
      return (link.facet = given);
    }
    return (link.facet = objects.find(ipid, address));
  }

  /**
   * Decodes both stubs under the numbering that the evidence on this server and interface speaks for, and adds to the
   * evidence.
   */
  private read(known: KnownInterface, exchange: Exchange, opnum: number, judgement: Judgement | null): Reading | null {
    const printed = known.printed?.get(opnum);
    this.eitherWay = false;
    if (judgement === null || printed === undefined) return this.interfaces.read(known, exchange, opnum);
    if (this.numbering === 'wire') return this.interfaces.read(known, exchange, opnum);
    if (this.numbering === 'printed') return this.interfaces.read(known, exchange, printed);
    const { first, both } = order(judgement);
    const one = this.interfaces.read(known, exchange, first === 'wire' ? opnum : printed);
    const fits = one !== null && one.clean && this.plausible(one);
    if (fits && !both) return one;
    const other = this.interfaces.read(known, exchange, first === 'wire' ? printed : opnum);
    const otherFits =
      other !== null && other.clean && this.plausible(other) && (other.request !== null || other.response !== null);
    // No object where one is declared is no evidence: many properties have none, and a number or a text of nothing
    // looks the same.
    if (fits && otherFits && judgement.verdict === 'mixed' && without(one) && !without(other)) return other;
    if (fits === otherFits) {
      if (fits) judgement.ambiguous++;
      this.eitherWay = fits && judgement.verdict === 'mixed';
      return one ?? other;
    }
    this.judged(judgement, fits === (first === 'wire') ? 'wire' : 'printed', known, exchange);
    return fits ? one : other;
  }

  /**
   * An HRESULT is S_OK, S_FALSE or has its severity bit set, and a result is what it is declared to be; anything else
   * speaks for a misread stub.
   */
  private plausible({ response, plan }: Reading): boolean {
    if (response === null) return true;
    const { result } = response;
    if (typeof result === 'number' && result !== 0 && result !== 1 && result >>> 31 === 0) return false;
    const declared = plan.returns;
    if (declared === null) return true;
    const iid = bag(response.value['retval'])?.['iid'];
    const given = typeof iid === 'string' ? this.registry.interfaceByUuid(iid)?.interface.name : undefined;
    return (
      given === undefined ||
      !this.classes.has(declared) ||
      !this.classes.has(given) ||
      this.classes.related(declared, given)
    );
  }

  private judged(judgement: Judgement, which: 'wire' | 'printed', known: KnownInterface, exchange: Exchange): void {
    this.judge.note(judgement, which);
    const { verdict } = judgement;
    if (verdict === judgement.told || verdict === 'wire' || verdict === null) return;
    judgement.told = verdict;
    const server = exchange.direction === 0 ? exchange.flow.b : exchange.flow.a;
    const name = known.resolved.interface.name;
    this.findings.push({
      kind: 'finding',
      rule: verdict === 'printed' ? 'printed-opnums' : 'mixed-opnums',
      severity: 'warning',
      spec:
        known.resolved.interface.section === null
          ? null
          : `[${known.resolved.interface.spec}] ${known.resolved.interface.section}`,
      message:
        verdict === 'printed'
          ? `calls of ${name} to ${server.address} carry the opnums that the specification prints instead of the slots of the interface: peer and server were written from the text, and no other implementation understands them`
          : `calls of ${name} to ${server.address} mix slots and printed opnums: each call is read as the one that decodes`,
      call: null,
      object: null,
      frames: exchange.request?.frames ?? exchange.response?.frames ?? [],
    });
  }

  /** The interface of a context that nobody saw negotiated. */
  private believed(exchange: Exchange, facet: Facet<Knowledge> | null): ContextBelief | null {
    if (facet !== null && facet.madeBy !== null) {
      const belief: ContextBelief = {
        uuid: facet.iid,
        certainty: 'inferred',
        because: `no bind was captured; the object was handed out as ${facet.interface ?? facet.iid} in frame ${facet.frame}`,
      };
      this.contexts.believe(exchange, {
        ...belief,
        because: `no bind was captured; another object called on this context was handed out as ${facet.interface ?? facet.iid} in frame ${facet.frame}`,
      });
      return belief;
    }
    const told = this.contexts.of(exchange);
    if (told !== null) return told;
    const guessed = this.guess(exchange);
    if (guessed !== null) this.contexts.believe(exchange, guessed);
    return guessed;
  }

  /**
   * An ORPC call on a context nobody saw negotiated: the interface that every server has whose method of that number is
   * the only one
   * to read both stubs to the last byte (empty parameter lists prove nothing and do not count), or the only dispatch
   * interface that
   * reads several different calls of the context so.
   */
  private guess(exchange: Exchange): ContextBelief | null {
    const { request, response, opnum } = exchange;
    if (exchange.object === null || opnum === null || request === null || response === null || exchange.fault !== null)
      return null;
    const fits = (uuid: string): boolean => {
      const known = this.interfaces.of(uuid);
      return known !== null && this.interfaces.read(known, exchange, opnum)?.clean === true;
    };
    const fitting = this.candidates.filter((name) => {
      const resolved = this.registry.interfaceByName(name);
      const params = resolved?.slots[opnum]?.method.params ?? [];
      return resolved !== null && params.some((param) => param.direction === 'in') && fits(resolved.interface.uuid);
    });
    if (fitting.length === 1) {
      const face = this.registry.interfaceByName(fitting[0] ?? '');
      if (face !== null) {
        return {
          uuid: face.interface.uuid,
          certainty: 'guessed',
          because: `no bind was captured and nobody handed the object out; of the interfaces every DCOM server has, the stubs decode strictly only as ${face.interface.name}`,
        };
      }
    }
    if (fitting.length > 1) return null;
    const left = this.contexts.narrow(exchange, this.faces, fits);
    if (left === null || left.length === 0) return null;
    const names = left.flatMap((uuid) => this.registry.interfaceByUuid(uuid)?.interface.name ?? []);
    const base = names.find((name) => names.every((other) => this.classes.derives(other, name)));
    const uuid = base === undefined ? null : this.classes.uuid(base);
    return base === undefined || uuid === null
      ? null
      : {
          uuid,
          certainty: 'guessed',
          because: `no bind was captured and nobody handed the object out; of all dispatch interfaces, the calls of this context so far decode strictly only as ${base}`,
        };
  }

  /** An object whose reference was handed out before the capture began. */
  private meet(exchange: Exchange, known: KnownInterface, server: Endpoint): Facet<Knowledge> {
    const { name } = known.resolved.interface;
    const plain = this.candidates.includes(name) || known.resolved.interface.base === null;
    const frame = (exchange.request ?? exchange.response)?.frames[0] ?? 0;
    const facet = this.objects.meet(exchange.object ?? '', known.uuid, null, {
      name,
      shown: name,
      provisional: plain,
      server,
      time: exchange.requestTime,
      frame,
      call: null,
      parent: null,
    });
    if (!plain)
      this.late.learnClass(
        facet.object,
        name,
        exchange.context === null ? 'guessed' : 'known',
        `calls on its ${name} were captured from frame ${frame} on`,
      );
    return facet;
  }

  /** Hands a call to the object tracker; only for methods that say anything about objects. */
  private trace(
    plan: Plan,
    call: {
      readonly id: number;
      readonly exchange: Exchange;
      readonly client: Endpoint;
      readonly server: Endpoint;
      readonly time: Call['time'];
      readonly facet: Facet<Knowledge> | null;
      readonly asked: Fields;
      readonly answered: Fields;
      readonly result: number | null;
    },
    hasAnswer: boolean,
    late: LateCall | null,
    invocation: Invocation | null,
  ): void {
    const { role } = plan;
    const { id, exchange, client, server, time, facet, asked, answered, result } = call;
    // Pings return an error_status_t, everything else here an HRESULT.
    const succeeded =
      result === null || (role === 'ping' || role === 'complex-ping' ? result === 0 : result >>> 31 === 0);
    const answer: Answer = {
      id,
      exchange,
      client,
      server,
      time,
      facet,
      asked,
      answered,
      role,
      method: plan.slot.method,
      succeeded,
      late: late === null || invocation === null ? null : { call: late, invocation },
    };
    if (plan.asksPointers.length > 0) this.tracker.asked(answer, plan.asksPointers);
    if (hasAnswer) this.tracker.answered(answer, plan.answersPointers);
    if (role === 'func-desc' && hasAnswer) this.offset(answered, facet, exchange);
  }

  /** FUNCDESC.oVft states the slot of a member outright ([MS-OAUT] 2.2.42): pointer size times opnum. */
  private offset(answered: Fields, facet: Facet<Knowledge> | null, exchange: Exchange): void {
    const description = bag(answered['ppFuncDesc']);
    const object = facet?.object.knowledge?.describes?.object ?? null;
    const { memid, oVft, invkind } = description ?? {};
    if (
      object === null ||
      typeof memid !== 'number' ||
      typeof oVft !== 'number' ||
      typeof invkind !== 'number' ||
      oVft <= 0
    )
      return;
    for (const face of knowledgeOf(object).faces) {
      const member = this.classes.byDispid(face, memid).find(({ method }) => INVOKE_KINDS[invkind] === method.member);
      if (member === undefined || member.method.opnum === member.method.printedOpnum) continue;
      const states = (opnum: number): boolean => oVft === opnum * 4 || oVft === opnum * 8;
      const known = this.interfaces.of(member.owner.uuid);
      const wire = states(member.method.opnum);
      if (known !== null && wire !== states(member.method.printedOpnum))
        this.judged(this.judge.of(object.server.address, known.uuid), wire ? 'wire' : 'printed', known, exchange);
      return;
    }
  }

  /** ORPCTHIS of a call whose method is unknown: the causality is still worth having. */
  private headerOf(exchange: Exchange): Value {
    const stub = exchange.request;
    if (stub === null || !readable(stub)) return null;
    const decoded = this.registry.type('ORPCTHIS', encodingOf(stub, exchange)).decode(stub);
    return decoded.problems.some((problem) => problem.code !== 'ndr-trailing')
      ? null
      : (decoded.value['value'] ?? null);
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

/** INVOKEKIND ([MS-OAUT] 2.2.14) by member kind. */
const INVOKE_KINDS: Readonly<Record<number, string>> = { 1: 'method', 2: 'propget', 4: 'propput', 8: 'propputref' };

function printedReason(opnum: number, name: string, { printed, wire, server }: Judgement): string {
  const others =
    printed > 0
      ? `${printed} call${printed === 1 ? '' : 's'} of this interface`
      : `${server.printed} calls of other interfaces`;
  return `opnum ${opnum} is the printed number of ${name}: ${others} to this server decode only as printed numbers${wire > 0 ? `, ${wire} only as slots` : ''}`;
}

function objectOf(exchange: Exchange, facet: Facet<Knowledge> | null): ObjectReference | null {
  if (facet !== null) return referenceTo(facet);
  return exchange.object === null ? null : { ipid: exchange.object, oid: null, oxid: null, label: null };
}

/** Whether a reading has no object where its member declares one. */
function without({ response, plan }: Reading): boolean {
  return plan.returns !== null && response?.value['retval'] === null && response.result === 0;
}

function causalityOf(header: Value): string | null {
  if (header === null || typeof header !== 'object' || Array.isArray(header)) return null;
  const cid = (header as Fields)['cid'];
  return typeof cid === 'string' ? cid : null;
}

function note(problems: Problem[], exchange: Exchange, code: Problem['code'], message: string): void {
  const frame = (exchange.request ?? exchange.response)?.frames[0];
  problems.push({
    kind: 'problem',
    layer: 'analysis',
    code,
    message,
    spec: null,
    at: { flow: exchange.flow.id, ...(frame === undefined ? {} : { frame }) },
  });
}

function placed(problem: Problem, exchange: Exchange, stub: Stub | null): Problem {
  const frame = stub?.frames[0];
  return { ...problem, at: { ...problem.at, flow: exchange.flow.id, ...(frame === undefined ? {} : { frame }) } };
}
