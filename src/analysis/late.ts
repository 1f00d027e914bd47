import type { Value } from '../types.js';
import type { ObjectTable } from '../dcom/objects.js';
import type { MemberKind, Method } from '../ndr/types.js';
import type { ResultForm } from '../ndr/invoke.js';
import { recordOf, type Fields } from '../ndr/value.js';
import { kindsOf, returnedInterface, type Classes, type Member } from './classes.js';
import { bindArguments, fits, resultForm, type Bound, type Exception, type Invocation } from './dispparams.js';
import type { Types } from '../dcom/automation.js';
import type { Naming, Plan } from './interfaces.js';
import {
  believe,
  classKnown,
  knowledgeOf,
  reasonOf,
  type Belief,
  type Certainty,
  type Knowledge,
  type LearntMember,
  type TrackedObject,
} from './knowledge.js';
import {
  dispidOfTable,
  handedOutAsOwner,
  namedDispid,
  noSuchMember,
  onlyDerived,
  onlyWith,
  returnedBy,
  unknownClass,
  unknownObject,
} from './reasons.js';

/** An Invoke as the member it means. `name` null: the member could not be told, `because` says why. */
export interface LateCall {
  readonly interface: string | null;
  readonly iid: string | null;
  readonly spec: string | null;
  readonly name: string | null;
  readonly method: Method | null;
  readonly member: MemberKind;
  readonly bound: Bound | null;
  readonly hresult: number | null;
  readonly wrapped: string | null;
  readonly exception: Exception | null;
  readonly certainty: Certainty;
  readonly because: string;
}

/** A member as Invokes without arguments call it: what is the same for each of them. */
export interface LatePlan {
  readonly naming: Naming;
  /** What carried it. */
  readonly via: Plan['carrier'];
  readonly dispid: number;
  readonly certainty: Certainty;
  readonly form: ResultForm;
  /** What it returns, of the VARIANT that came back. */
  readonly out: (result: Value) => Fields;
}

/** What a member that was called by an Invoke without arguments returns, of the VARIANT that came back. */
export function plainResults(method: Method, dispid: number, types: Types): LatePlan['out'] {
  return (result) => bindArguments({ ...NO_ARGUMENTS, dispid, flags: 0, result }, method, NO_NAMES, types).out;
}

/** Plans kept of one member: a server may give it any number of DISPIDs. */
const MAX_PLANS = 16;

/** Results remembered of an object whose class is unknown. */
const MAX_GAVE = 16;

/**
 * Finds the member behind a DISPID: by the class of the object, the names asked for, type information, and the shape of
 * the call.
 */
export class LateBinder {
  private readonly classes: Classes;
  private readonly objects: ObjectTable<Knowledge>;
  private readonly types: Types;
  private readonly plans = new Map<Method, LatePlan[]>();

  constructor(classes: Classes, objects: ObjectTable<Knowledge>, types: Types) {
    this.classes = classes;
    this.objects = objects;
    this.types = types;
  }

  /** Names an Invoke on an object; `object` null: nobody handed its IPID out. */
  bind(object: TrackedObject | null, invocation: Invocation): LateCall {
    const kinds = kindsOf(invocation.flags);
    if (object === null) return this.blank(invocation, kinds, unknownObject(invocation.dispid));
    const learnt = learntMember(object, invocation.dispid);
    const found = this.member(object, invocation, kinds, learnt);
    if (found !== null) return this.asMember(object, invocation, found, learnt);
    if (learnt !== null) return this.byNameAlone(object, invocation, kinds, learnt);
    return this.blank(invocation, kinds, reasonless(object, invocation.dispid));
  }

  /**
   * The member that an Invoke without arguments means, and why, where the class of the object declares it and tells how
   * its result shows; null: {@link LateBinder.bind} may still tell.
   */
  plain(
    object: TrackedObject,
    dispid: number,
    flags: number,
    carrier: Plan,
  ): { readonly plan: LatePlan; readonly because: string } | null {
    const learnt = learntMember(object, dispid);
    const member = this.declared(object, dispid, kindsOf(flags & 0xffff), learnt);
    if (member === null) return null;
    const { method, owner } = member;
    const known = knowledgeOf(object);
    const { because, agreed } = reasonFor(object, member, dispid, learnt);
    const certainty = certaintyOf(known.certainty, agreed);
    const made = this.plans.get(method);
    for (const plan of made ?? [])
      if (plan.dispid === dispid && plan.certainty === certainty && plan.via === carrier.carrier)
        return { plan, because };
    const form = resultForm(method, this.types);
    if (form === null) return null;
    const { types } = this;
    const plan: LatePlan = {
      naming: {
        interface: owner.name,
        iid: owner.uuid,
        method: method.name,
        member: method.member,
        opnum: method.opnum,
        printedOpnum: method.printedOpnum,
        section: method.section,
        spec: owner.spec,
      },
      via: carrier.carrier,
      dispid,
      certainty,
      form,
      out: plainResults(method, dispid, types),
    };
    if (made === undefined) this.plans.set(method, [plan]);
    else if (made.length < MAX_PLANS) made.push(plan);
    return { plan, because };
  }

  /**
   * An object came out of an Invoke: its class is the declared one, or, where nothing was declared, evidence for later.
   */
  returned(parent: TrackedObject, invocation: Invocation, call: LateCall, child: TrackedObject): void {
    const declared = call.method === null ? null : returnedInterface(call.method);
    if (declared !== null && this.classes.has(declared)) {
      this.learnClass(child, {
        interface: declared,
        certainty: call.certainty === 'guessed' ? 'guessed' : 'inferred',
        because: returnedBy(`${call.interface}::${call.name} of ${parent.label}`),
      });
      return;
    }
    const known = knowledgeOf(parent);
    if (known.interfaces.length > 0) return;
    const own = knowledgeOf(child);
    known.gave ??= [];
    if (known.gave.length < MAX_GAVE && own.from === null) {
      known.gave.push({ dispid: invocation.dispid, object: child });
      own.from = parent;
    }
  }

  /**
   * GetIDsOfNames was answered: DISPIDs that override every guess, and, where the class is unknown, what it may be.
   */
  learnNames(object: TrackedObject, names: readonly Value[], dispids: readonly Value[], frame: number): void {
    const [name] = names;
    const [dispid] = dispids;
    if (typeof name !== 'string' || typeof dispid !== 'number' || dispid === UNKNOWN_DISPID) return;
    const known = knowledgeOf(object);
    known.names ??= new Map();
    if (known.names.size >= MAX_NAMES) return;
    const params: string[] = [];
    for (const [at, one] of names.entries()) {
      const position = dispids[at];
      if (at > 0 && typeof one === 'string' && typeof position === 'number' && position >= 0 && position < MAX_PARAMS)
        params[position] = one;
    }
    known.names.set(dispid, {
      name,
      params: Array.from(params, (one, at) => one ?? `arg${at + 1}`),
      frame,
      by: 'GetIDsOfNames',
    });
    if (known.interfaces.length > 0) return;
    const belief = this.narrowed(object);
    if (belief !== null) this.learnClass(object, belief);
  }

  /** Takes a reason for an object's class, renames it, and looks again at the objects it came from. */
  learnClass(object: TrackedObject, belief: Belief): void {
    let about: TrackedObject | null = object;
    for (let next: Belief | null = belief; about !== null && next !== null; next = this.narrowed(about)) {
      if (!believe(about, next, this.classes)) return;
      this.objects.rename(about, knowledgeOf(about).interfaces[0] ?? next.interface);
      about = knowledgeOf(about).from;
      if (about === null || classKnown(about)) return;
    }
  }

  /** The class of an object from the names asked for on it and from what its members returned. */
  private narrowed(object: TrackedObject): Belief | null {
    const known = knowledgeOf(object);
    const names = [...(known.names ?? [])];
    const gave = (known.gave ?? []).flatMap((one) =>
      knowledgeOf(one.object)
        .interfaces.slice(0, 1)
        .map((name) => ({ dispid: one.dispid, interface: name })),
    );
    if (names.length + gave.length === 0) return null;
    const fitting = this.classes.fitting(
      (candidate) =>
        names.every(([dispid, { name }]) =>
          this.classes.byDispid(candidate, dispid).some((one) => one.method.name.toLowerCase() === name.toLowerCase()),
        ) &&
        gave.every((one) =>
          this.classes.byDispid(candidate, one.dispid).some(({ method }) => {
            const declared = returnedInterface(method);
            return declared !== null && this.classes.related(declared, one.interface);
          }),
        ),
    );
    const [only] = fitting;
    if (fitting.length !== 1 || only === undefined) return null;
    const evidence = [...names.map(([, { name }]) => name), ...gave.map((one) => `a result that is ${one.interface}`)];
    return { interface: only, certainty: 'inferred', because: onlyWith(only, evidence) };
  }

  private member(
    object: TrackedObject,
    invocation: Invocation,
    kinds: readonly MemberKind[],
    learnt: LearntMember | null,
  ): Member | null {
    const member = this.declared(object, invocation.dispid, kinds, learnt);
    return member ?? this.derivedMember(object, invocation, kinds, learnt);
  }

  /** The member that what the object is known to have declares. */
  private declared(
    object: TrackedObject,
    dispid: number,
    kinds: readonly MemberKind[],
    learnt: LearntMember | null,
  ): Member | null {
    for (const name of knowledgeOf(object).interfaces) {
      const named = learnt === null ? null : pick(this.classes.byName(name, learnt.name), kinds);
      const member =
        named ??
        (learnt === null || learnt.by === 'ITypeInfo' ? pick(this.classes.byDispid(name, dispid), kinds) : null);
      if (member !== null) return member;
    }
    return null;
  }

  /** The only member that an interface derived from what the object is known to have can mean by the call. */
  private derivedMember(
    object: TrackedObject,
    invocation: Invocation,
    kinds: readonly MemberKind[],
    learnt: LearntMember | null,
  ): Member | null {
    const { interfaces } = knowledgeOf(object);
    const possible = new Map<Method, Member>();
    for (const name of interfaces.flatMap((one) => this.classes.descendants(one))) {
      const members =
        learnt === null ? this.classes.byDispid(name, invocation.dispid) : this.classes.byName(name, learnt.name);
      const member = pick(members, kinds);
      if (member !== null && !possible.has(member.method) && shaped(member.method, invocation))
        possible.set(member.method, member);
    }
    // IUpdate2 and IWindowsDriverUpdate2 both declare RebootRequired: the number tells which is meant, where a table
    // has it.
    const numbered = [...possible.values()].filter(({ method }) => method.dispid === invocation.dispid);
    const [only, ...others] = numbered.length > 0 ? numbered : [...possible.values()];
    if (only === undefined || others.length > 0) return null;
    this.learnClass(object, {
      interface: only.owner.name,
      certainty: 'inferred',
      because: onlyDerived(only.method.name, interfaces[0], invocation.dispid),
    });
    return only;
  }

  private asMember(
    object: TrackedObject,
    invocation: Invocation,
    member: Member,
    learnt: LearntMember | null,
  ): LateCall {
    const { method, owner } = member;
    const { because, agreed } = reasonFor(object, member, invocation.dispid, learnt);
    return {
      interface: owner.name,
      iid: owner.uuid,
      spec: owner.spec,
      name: method.name,
      method,
      member: method.member,
      bound: bindArguments(invocation, method, learnt?.params ?? NO_NAMES, this.types),
      hresult: invocation.hresult,
      wrapped: invocation.wrapped,
      exception: invocation.exception,
      certainty: certaintyOf(knowledgeOf(object).certainty, agreed),
      because,
    };
  }

  private byNameAlone(
    object: TrackedObject,
    invocation: Invocation,
    kinds: readonly MemberKind[],
    learnt: LearntMember,
  ): LateCall {
    const [kind = 'method'] = kinds;
    const member =
      kind === 'propget' && kinds.includes('method') && invocation.positional.length > 0 && (invocation.flags & 1) !== 0
        ? 'method'
        : kind;
    const { title, type } = knowledgeOf(object);
    const named = title ?? type?.name ?? null;
    return {
      ...this.blank(invocation, kinds, namedDispid(learnt, invocation.dispid, learnt.name)),
      interface: named,
      name: learnt.name,
      member,
      bound: bindArguments(invocation, null, learnt.params, this.types),
    };
  }

  private blank(invocation: Invocation, kinds: readonly MemberKind[], because: string): LateCall {
    return {
      interface: null,
      iid: null,
      spec: null,
      name: null,
      method: null,
      member: kinds[0] ?? 'method',
      bound: null,
      hresult: invocation.hresult,
      wrapped: invocation.wrapped,
      exception: invocation.exception,
      certainty: 'known',
      because,
    };
  }
}

/** Why an Invoke means a member, and whether the object itself was asked for its name. */
function reasonFor(
  object: TrackedObject,
  { method, owner }: Member,
  dispid: number,
  learnt: LearntMember | null,
): { readonly because: string; readonly agreed: boolean } {
  const agreed = learnt !== null && learnt.name.toLowerCase() === method.name.toLowerCase();
  const named = agreed ? namedDispid(learnt, dispid, method.name) : dispidOfTable(dispid, method.name);
  return { because: `${reasonOf(knowledgeOf(object)) ?? handedOutAsOwner(owner.name)}; ${named}`, agreed };
}

/** An Invoke that succeeded, with no arguments. */
const NO_ARGUMENTS = {
  positional: [],
  named: [],
  exception: null,
  refused: null,
  hresult: 0,
  wrapped: null,
} as const;

/** Of a member: as certain as the class, and known only where the object itself was asked for the name. */
function certaintyOf(ofClass: Certainty, agreed: boolean): Certainty {
  if (ofClass === 'guessed') return 'guessed';
  return agreed && ofClass === 'known' ? 'known' : 'inferred';
}

const NO_NAMES: readonly string[] = Object.freeze([]);
/** What GetIDsOfNames gives for a name it does not know ([MS-OAUT] 3.1.4.3). */
const UNKNOWN_DISPID = -1;
/** Names remembered of one object, and parameters of one member. */
const MAX_NAMES = 1024;
const MAX_PARAMS = 64;

function learntMember(object: TrackedObject, dispid: number): LearntMember | null {
  const { knowledge } = object;
  return knowledge === null ? null : (knowledge.names?.get(dispid) ?? knowledge.type?.members.get(dispid) ?? null);
}

/** The member of the likeliest kind; a put never stands for a get. */
function pick(members: readonly Member[], kinds: readonly MemberKind[]): Member | null {
  for (const kind of kinds) {
    const found = members.find((one) => one.method.member === kind);
    if (found !== undefined) return found;
  }
  return null;
}

/** Whether a call has the arguments and the result that a member declares. */
function shaped(method: Method, { positional, named, result }: Invocation): boolean {
  const params = method.params?.filter((param) => param.retval !== true);
  if (params === undefined) return true;
  if (positional.length + named.length > params.length) return false;
  const returns = method.params?.find((param) => param.retval === true);
  return fits(result, returns?.type ?? null) !== false || isNothing(result);
}

function isNothing(result: Value): boolean {
  return result === null || recordOf(result)?.['vt'] === 'VT_EMPTY';
}

function reasonless(object: TrackedObject, dispid: number): string {
  const interfaces = object.knowledge?.interfaces ?? [];
  return interfaces.length === 0 ? unknownClass(object.label, dispid) : noSuchMember(interfaces, dispid);
}
