import type { DcomObject, IpidEntry } from '../dcom/objects.js';
import type { Classes } from './classes.js';
import { handedOutAs } from './reasons.js';

export type Certainty = 'known' | 'inferred' | 'guessed';

/** An object, and one of its interfaces, as this room knows them. */
export type TrackedObject = DcomObject<Knowledge>;
export type Entry = IpidEntry<Knowledge>;

/** What type information told of a member. */
export interface LearntMember {
  /** As the client asked for it, or as the server named it. */
  name: string;
  /** Names of the parameters, as far as they were asked for. */
  params: readonly string[];
  frame: number;
  by: 'GetIDsOfNames' | 'ITypeInfo';
}

/** A type that a server described through ITypeInfo, shared by all its objects. */
export interface LearntType {
  guid: string | null;
  name: string | null;
  readonly members: Map<number, LearntMember>;
}

/** Why something is believed: words, or an interface that was handed out (most reasons are, and few are ever read). */
type Reason = string | Entry;

/** What is known of an object's class, and from where. */
export interface Knowledge {
  /** Names of tables' interfaces it is known to have, most telling first; late-bound members are looked up in them. */
  interfaces: readonly string[];
  certainty: Certainty;
  /** A reason in words, or the reference that told the class: `reasonOf` puts it in words. */
  because: Reason | null;
  /** Name of a class no table has, as type information told it. */
  title: string | null;
  clsid: string | null;
  /** Class objects: the CLSID of what they make. */
  makes: string | null;
  /** DISPIDs learnt from GetIDsOfNames on this very object. */
  names: Map<number, LearntMember> | null;
  type: LearntType | null;
  /** ITypeInfo objects: the object that gave it, and the type it describes. */
  describes: { readonly object: TrackedObject | null; readonly type: LearntType } | null;
  /** Enumerators: the interface of what they hand out, and the collection they belong to. */
  elements: { readonly interface: string; readonly because: string } | null;
  /** Results that an object of yet unknown class handed out, for finding its class from theirs. */
  gave: { readonly dispid: number; readonly object: TrackedObject }[] | null;
  /** Address of the client that was given the first reference, or null. */
  client: string | null;
  /** The object and DISPID that this one came from while the class of that object was unknown. */
  from: TrackedObject | null;
}

export function knowledgeOf(object: TrackedObject): Knowledge {
  return (object.knowledge ??= {
    interfaces: NONE,
    certainty: 'known',
    because: null,
    title: null,
    clsid: null,
    makes: null,
    names: null,
    type: null,
    describes: null,
    elements: null,
    gave: null,
    client: null,
    from: null,
  });
}

/** Whether the class of an object is known: a reference to it that is handed out again tells nothing new. */
export function classKnown({ knowledge }: TrackedObject): boolean {
  return knowledge !== null && knowledge.interfaces.length > 0;
}

/** The reason for the class of an object, in words; put in words once. */
export function reasonOf(known: Knowledge): string | null {
  const { because } = known;
  if (because === null || typeof because === 'string') return because;
  return (known.because = handedOutAs(because));
}

const NONE: readonly string[] = Object.freeze([]);
const RANK: Readonly<Record<Certainty, number>> = { guessed: 0, inferred: 1, known: 2 };

/** A reason to believe that an object has an interface of the tables. */
export interface Belief {
  readonly interface: string;
  readonly certainty: Certainty;
  readonly because: Reason;
}

/**
 * Takes a reason to believe that an object has an interface. A more derived interface refines what was known; one from
 * another branch is kept beside it; a weaker reason never overrides a stronger one. True when something was learnt.
 */
export function believe(object: TrackedObject, belief: Belief, classes: Classes): boolean {
  const { interface: name, certainty, because } = belief;
  if (!classes.has(name)) return false;
  const known = knowledgeOf(object);
  if (known.interfaces.length === 0) {
    known.interfaces = classes.alone(name);
    known.certainty = certainty;
    known.because = because;
    return true;
  }
  if (known.interfaces.some((one) => classes.derives(one, name))) return false;
  const related = known.interfaces.some((one) => classes.related(one, name));
  if (!related && RANK[certainty] <= RANK[known.certainty]) {
    if (certainty !== 'known') return false;
    known.interfaces = [...known.interfaces, name];
    return true;
  }
  known.interfaces = [name, ...known.interfaces.filter((one) => related && !classes.derives(name, one))];
  if (!related || RANK[certainty] > RANK[known.certainty]) {
    known.certainty = certainty;
    known.because = because;
  }
  return true;
}
