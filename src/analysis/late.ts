import type { Value } from '../types.js';
import type { ObjectTable } from '../dcom/objects.js';
import type { MemberKind, Method } from '../ndr/types.js';
import { kindsOf, returnedInterface, type Classes, type Member } from './classes.js';
import { bindArguments, fits, type Bound, type Exception, type Invocation, type Types } from './dispparams.js';
import {
  believe,
  knowledgeOf,
  reasonOf,
  type Certainty,
  type Knowledge,
  type LearntMember,
  type Reason,
  type Subject,
} from './knowledge.js';

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

  constructor(classes: Classes, objects: ObjectTable<Knowledge>, types: Types) {
    this.classes = classes;
    this.objects = objects;
    this.types = types;
  }

  /** Names an Invoke on an object; `object` null: nobody handed its IPID out. */
  bind(object: Subject | null, invocation: Invocation): LateCall {
    const kinds = kindsOf(invocation.flags);
    const learnt = object === null ? null : learntMember(object, invocation.dispid);
    const found = object === null ? null : this.member(object, invocation, kinds, learnt);
    if (found !== null && object !== null) return this.named(object, invocation, found, learnt);
    if (learnt !== null && object !== null) return this.byNameAlone(object, invocation, kinds, learnt);
    return { ...this.blank(invocation, kinds), because: reasonless(object, invocation.dispid) };
  }

  /**
   * An object came out of an Invoke: its class is the declared one, or, where nothing was declared, evidence for later.
   */
  returned(parent: Subject, invocation: Invocation, call: LateCall, child: Subject): void {
    const declared = call.method === null ? null : returnedInterface(call.method);
    if (declared !== null && this.classes.has(declared)) {
      this.learnClass(
        child,
        declared,
        call.certainty === 'guessed' ? 'guessed' : 'inferred',
        `${call.interface}::${call.name} of ${parent.label} returns it`,
      );
      return;
    }
    const known = knowledgeOf(parent);
    if (known.faces.length > 0) return;
    const own = knowledgeOf(child);
    known.gave ??= [];
    if (known.gave.length < MAX_GAVE && own.from === null) {
      known.gave.push({ dispid: invocation.dispid, object: child });
      own.from = parent;
    }
  }

  /** GetIDsOfNames was answered: DISPIDs that override every guess, and, where the class is unknown, what it may be. */
  asked(object: Subject, names: readonly Value[], dispids: readonly Value[], frame: number): void {
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
    if (known.faces.length === 0) this.narrow(object);
  }

  /** Takes a reason for an object's class, renames it, and looks again at the object it came from. */
  learnClass(object: Subject, face: string, certainty: Certainty, because: Reason): void {
    if (!believe(object, face, certainty, because, this.classes)) return;
    this.objects.rename(object, knowledgeOf(object).faces[0] ?? face);
    const { from } = knowledgeOf(object);
    if (from !== null && knowledgeOf(from).faces.length === 0) this.narrow(from);
  }

  /** The class of an object from the names asked for on it and from what its members returned. */
  private narrow(object: Subject): void {
    const known = knowledgeOf(object);
    const names = [...(known.names ?? [])];
    const gave = (known.gave ?? []).flatMap((one) =>
      knowledgeOf(one.object)
        .faces.slice(0, 1)
        .map((face) => ({ dispid: one.dispid, face })),
    );
    if (names.length + gave.length === 0) return;
    const fitting = this.classes.fitting(
      (face) =>
        names.every(([dispid, { name }]) =>
          this.classes.byDispid(face, dispid).some((one) => one.method.name.toLowerCase() === name.toLowerCase()),
        ) &&
        gave.every((one) =>
          this.classes.byDispid(face, one.dispid).some(({ method }) => {
            const declared = returnedInterface(method);
            return declared !== null && this.classes.related(declared, one.face);
          }),
        ),
    );
    const [face] = fitting;
    if (fitting.length !== 1 || face === undefined) return;
    const evidence = [...names.map(([, { name }]) => name), ...gave.map((one) => `a result that is ${one.face}`)]
      .slice(0, 4)
      .join(', ');
    this.learnClass(object, face, 'inferred', `only ${face} has ${evidence} at these DISPIDs`);
  }

  private member(
    object: Subject,
    invocation: Invocation,
    kinds: readonly MemberKind[],
    learnt: LearntMember | null,
  ): Member | null {
    const { faces } = knowledgeOf(object);
    for (const face of faces) {
      const named = learnt === null ? null : pick(this.classes.byName(face, learnt.name), kinds);
      const member =
        named ??
        (learnt === null || learnt.by === 'ITypeInfo'
          ? pick(this.classes.byDispid(face, invocation.dispid), kinds)
          : null);
      if (member !== null) return member;
    }
    const derived = faces.flatMap((face) =>
      this.classes.descendants(face).map((name) => ({
        face: name,
        members:
          learnt === null ? this.classes.byDispid(name, invocation.dispid) : this.classes.byName(name, learnt.name),
      })),
    );
    const possible = new Map<Method, { readonly member: Member; readonly face: string }>();
    for (const { face, members } of derived) {
      const member = pick(members, kinds);
      if (member !== null && !possible.has(member.method) && shaped(member.method, invocation))
        possible.set(member.method, { member, face });
    }
    // IUpdate2 and IWindowsDriverUpdate2 both declare RebootRequired: the number tells which is meant, where a table
    // has it.
    const numbered = [...possible.values()].filter(({ member: { method } }) => method.dispid === invocation.dispid);
    const [only, ...others] = numbered.length > 0 ? numbered : [...possible.values()];
    if (only === undefined || others.length > 0) return null;
    this.learnClass(
      object,
      only.member.owner.name,
      'inferred',
      `it has ${only.member.method.name}, which no other interface derived from ${faces[0]} has at DISPID ${dispidText(invocation.dispid)}`,
    );
    return only.member;
  }

  private named(
    object: Subject,
    invocation: Invocation,
    { method, owner }: Member,
    learnt: LearntMember | null,
  ): LateCall {
    const known = knowledgeOf(object);
    const agreed = learnt !== null && learnt.name.toLowerCase() === method.name.toLowerCase();
    const reason = `${reasonOf(known) ?? `it was handed out as ${owner.name}`}; ${agreed ? `${learnt.by} named DISPID ${dispidText(invocation.dispid)} ${method.name} in frame ${learnt.frame}` : `DISPID ${dispidText(invocation.dispid)} is ${method.name} in its table`}`;
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
      certainty:
        known.certainty === 'guessed' ? 'guessed' : agreed && known.certainty === 'known' ? 'known' : 'inferred',
      because: reason,
    };
  }

  private byNameAlone(
    object: Subject,
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
      ...this.blank(invocation, kinds),
      interface: named,
      name: learnt.name,
      member,
      bound: bindArguments(invocation, null, learnt.params, this.types),
      certainty: 'known',
      because: `${learnt.by} named DISPID ${dispidText(invocation.dispid)} ${learnt.name} in frame ${learnt.frame}`,
    };
  }

  private blank(invocation: Invocation, kinds: readonly MemberKind[]): LateCall {
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
      because: '',
    };
  }
}

const NO_NAMES: readonly string[] = Object.freeze([]);
/** What GetIDsOfNames gives for a name it does not know ([MS-OAUT] 3.1.4.3). */
const UNKNOWN_DISPID = -1;
/** Names remembered of one object, and parameters of one member. */
const MAX_NAMES = 1024;
const MAX_PARAMS = 64;

function learntMember(object: Subject, dispid: number): LearntMember | null {
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
  return (
    result === null ||
    (typeof result === 'object' &&
      !Array.isArray(result) &&
      (result as { readonly [name: string]: Value })['vt'] === 'VT_EMPTY')
  );
}

function reasonless(object: Subject | null, dispid: number): string {
  const shown = dispidText(dispid);
  if (object === null)
    return `nobody handed this object out in the capture, so that DISPID ${shown} could be any member`;
  const known = object.knowledge;
  if (known === null || known.faces.length === 0)
    return `the class of ${object.label} is not known: no CLSID, member or name in the capture tells it, and DISPID ${shown} alone means nothing`;
  return `${known.faces.join(' and ')} ${known.faces.length === 1 ? 'has' : 'have'} no such member at DISPID ${shown}`;
}

/**
 * A DISPID in the form people know: hexadecimal for those a type library numbered, decimal for the small and the
 * negative ones.
 */
export function dispidText(dispid: number): string {
  return (dispid >= 0 && dispid < 0x10000) || (dispid < 0 && dispid > -0x10000)
    ? String(dispid)
    : `0x${(dispid >>> 0).toString(16)}`;
}
