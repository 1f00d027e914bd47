import type { DcomObject, Facet } from '../dcom/objects.js';
import type { Classes } from './classes.js';

export type Certainty = 'known' | 'inferred' | 'guessed';

/** An object as this room knows it. */
export type Subject = DcomObject<Knowledge>;

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
export type Reason = string | Facet<Knowledge>;

/** What is known of an object's class, and from where. */
export interface Knowledge {
  /** Interfaces of the tables it is known to have, most telling first; late-bound members are looked up in them. */
  faces: readonly string[];
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
  describes: { readonly object: Subject | null; readonly type: LearntType } | null;
  /** Enumerators: the interface of what they hand out, and the collection they belong to. */
  elements: { readonly interface: string; readonly because: string } | null;
  /** Results that an object of yet unknown class handed out, for finding its class from theirs. */
  gave: { readonly dispid: number; readonly object: Subject }[] | null;
  /** Address of the client that was given the first reference, or null. */
  client: string | null;
  /** The object and DISPID that this one came from while the class of that object was unknown. */
  from: Subject | null;
}

export function knowledgeOf(object: Subject): Knowledge {
  return (object.knowledge ??= {
    faces: NONE,
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

/** The reason for the class of an object, in words. */
export function reasonOf({ because }: Knowledge): string | null {
  return because === null || typeof because === 'string'
    ? because
    : (because.told ??= `a reference to its ${because.interface ?? because.iid} was handed out in frame ${because.frame}`);
}

const NONE: readonly string[] = Object.freeze([]);
const RANK: Readonly<Record<Certainty, number>> = { guessed: 0, inferred: 1, known: 2 };

/**
 * Takes a reason to believe that an object has an interface. A more derived interface refines what was known; one from
 * another
 * branch is kept beside it; a weaker reason never overrides a stronger one. True when something was learnt.
 */
export function believe(
  object: Subject,
  face: string,
  certainty: Certainty,
  because: Reason,
  classes: Classes,
): boolean {
  if (!classes.has(face)) return false;
  const known = knowledgeOf(object);
  if (known.faces.length === 0) {
    known.faces = classes.alone(face);
    object.settled = true;
    known.certainty = certainty;
    known.because = because;
    return true;
  }
  if (known.faces.some((one) => classes.derives(one, face))) return false;
  const related = known.faces.some((one) => classes.related(one, face));
  if (!related && RANK[certainty] <= RANK[known.certainty]) {
    if (certainty !== 'known') return false;
    known.faces = [...known.faces, face];
    return true;
  }
  known.faces = [face, ...known.faces.filter((one) => related && !classes.derives(face, one))];
  if (!related || RANK[certainty] > RANK[known.certainty]) {
    known.certainty = certainty;
    known.because = because;
  }
  return true;
}
