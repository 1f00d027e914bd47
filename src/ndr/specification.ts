import type { EnumType, FlagsType, Parameter, StructType, Type, UnionType } from './descriptors.js';
import type { Rule } from './rules.js';
import type { Story } from './story.js';

/** What tables say of a specification: its interfaces, classes and codes, and what is done with its calls. */

export type MemberKind = 'method' | 'propget' | 'propput' | 'propputref';

export interface Method {
  readonly name: string;
  /** What the wire carries: the 0-based slot. */
  readonly opnum: number;
  /** What the specification prints, where it prints another number; equal to `opnum` elsewhere. */
  readonly printedOpnum: number;
  readonly member: MemberKind;
  readonly dispid: number | null;
  /** Section of the method, e.g. '3.38.4.11'; null when no specification describes it. */
  readonly section: string | null;
  /** Parameters in the order of the IDL; null when only the name is known. */
  readonly params: readonly Parameter[] | null;
  /** Type of the return value; null for void. DCOM methods return an HRESULT. */
  readonly returns: Type | null;
  /** "OpnumNNNotUsedOnWire": clients must not send it. */
  readonly notUsedOnWire?: boolean;
  /** Where the specification misleads, and why we think so. */
  readonly erratum?: string;
}

export interface Interface {
  readonly name: string;
  /** IID or RPC interface UUID, lower case. */
  readonly uuid: string;
  readonly version: { readonly major: number; readonly minor: number };
  /** Name of the interface it derives from, or null. */
  readonly base: string | null;
  /** Short name of its specification, e.g. 'MS-UAMG', 'SDK' for interfaces no specification has. */
  readonly spec: string;
  readonly section: string | null;
  /** True: calls carry ORPCTHIS and ORPCTHAT ([MS-DCOM] 2.2.13). */
  readonly orpc: boolean;
  /** Own methods only; inherited slots come from `base`. */
  readonly methods: readonly Method[];
  readonly erratum?: string;
}

/** A COM class. */
export interface ComClass {
  readonly clsid: string;
  readonly name: string;
  readonly spec: string;
  readonly section: string | null;
  /** Name of its default interface, when known. */
  readonly interface: string | null;
}

/** A number with a name: an HRESULT, an RPC or nca status. */
export interface ErrorName {
  readonly value: number;
  readonly name: string;
  readonly spec: string;
  /** What it means, in our own words; null when the name has to do. */
  readonly meaning: string | null;
  /** What usually causes it and what to do, for the codes people meet. */
  readonly cause: string | null;
}

/**
 * What a method does for the life of objects or for late binding. The mechanism knows such methods by their role alone,
 * so that no interface need be named outside the tables.
 */
export type MethodRole =
  | 'activate'
  | 'get-class-object'
  | 'create-instance'
  | 'resolve-oxid'
  | 'map-endpoint'
  | 'ping'
  | 'complex-ping'
  | 'query-interface'
  | 'query-interface2'
  | 'add-ref'
  | 'release'
  | 'type-info'
  | 'class-info'
  | 'ids-of-names'
  | 'invoke'
  | 'next'
  | 'clone'
  | 'type-attr'
  | 'func-desc'
  | 'names'
  | 'documentation';

/** What a type library says of itself ([MS-OAUT] 2.2.45, 3.11.4.7); its types are those of its specification. */
export interface TypeLibrary {
  readonly guid: string;
  readonly version: { readonly major: number; readonly minor: number };
  readonly name: string;
  readonly documentation: string | null;
}

/** Everything known of one specification. */
export interface Specification {
  /** Roles by `Interface::Method`. */
  readonly roles?: Readonly<Record<string, MethodRole>>;
  /**
   * Names of the interfaces that every server of the specification has: candidates for calls on contexts nobody saw
   * negotiated.
   */
  readonly infrastructure?: readonly string[];
  /** Integers that hold flags: the enumeration of their bits, by `Interface::Method.parameter`. */
  readonly flagParameters?: Readonly<Record<string, string>>;
  /** Members kept off the wire: what they return and are for on their own machine, by `Interface::Member`. */
  readonly localMembers?: Readonly<Record<string, { readonly returns: string; readonly purpose: string }>>;
  /**
   * Calls that look names up or keep references and connections alive, as `Interface` or `Interface::Method`: what one
   * folds away to see what was done.
   */
  readonly upkeep?: readonly string[];
  /**
   * Members that change the server beyond the object they are called on, as `Interface::Method` or
   * `put Interface::Property`, and what they change, in words.
   */
  readonly changes?: Readonly<Record<string, string>>;
  readonly name: string;
  readonly title: string;
  /** Types that are referred to by name. */
  readonly types: readonly (
    | StructType
    | UnionType
    | EnumType
    | FlagsType
    | { readonly kind: 'typedef'; readonly name: string; readonly type: Type }
  )[];
  readonly interfaces: readonly Interface[];
  readonly classes: readonly ComClass[];
  /** The type library that its servers have. */
  readonly library?: TypeLibrary;
  readonly errors: readonly ErrorName[];
  /** What its calls have to hold to. */
  readonly rules?: readonly Rule[];
  /** How its calls are told as a story in reports. */
  readonly story?: Story;
}
