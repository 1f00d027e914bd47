/**
 * The descriptor language: what tables under dissectors/ are written in, and what the compiler turns into codecs.
 * Descriptors are plain data. Links between fields are names, never functions, so that `encode` can follow them
 * backwards.
 */

/**
 * Scalars of [C706] 14.2 and [MS-RPCE] 2.2.4. `uint3264` is 4 bytes in NDR20 and 8 in NDR64. `char` and `wchar` show as
 * characters.
 */
export type BaseName =
  | 'u8'
  | 'i8'
  | 'u16'
  | 'i16'
  | 'u32'
  | 'i32'
  | 'u64'
  | 'i64'
  | 'f32'
  | 'f64'
  | 'char'
  | 'wchar'
  | 'boolean'
  | 'uint3264'
  | 'int3264';

export interface BaseType {
  readonly kind: 'base';
  readonly base: BaseName;
  /** How a number is shown: decimal unless told. */
  readonly show?: 'hex' | 'dec';
  /** A typedef's own name, e.g. 'OXID'; for display only. */
  readonly alias?: string;
}

/**
 * `enum16`: 2 bytes in NDR20, 4 in NDR64; `v1_enum`: 4 bytes in both. Decodes to the member's name, or to the number
 * with a problem.
 */
export interface EnumType {
  readonly kind: 'enum';
  readonly name: string;
  readonly wire: 'enum16' | 'v1_enum';
  readonly members: Readonly<Record<string, number>>;
  readonly section: string | null;
}

/** A number whose bits have names; decodes to the number, the names are its meaning in trees. */
export interface FlagsType {
  readonly kind: 'flags';
  readonly name: string;
  readonly base: 'u8' | 'u16' | 'u32';
  readonly bits: Readonly<Record<string, number>>;
  readonly section: string | null;
}

/** Types the compiler knows by themselves, because they are everywhere in DCOM and automation. */
export interface WellKnownType {
  readonly kind: 'well-known';
  readonly name:
    | 'guid' // text, lower case
    | 'hresult' // unsigned number
    | 'error_status' // unsigned number
    | 'bstr' // [MS-OAUT] 2.2.23 with its pointer: string or null
    | 'variant_bool' // [MS-OAUT] 2.2.27: true, false, or the number with a problem
    | 'date' // [MS-OAUT] 2.2.25: ISO 8601 without zone, or { "date": number } outside its range
    | 'currency' // [MS-OAUT] 2.2.24: decimal text
    | 'decimal' // [MS-OAUT] 2.2.26: decimal text
    | 'filetime' // [MS-DTYP] 2.3.3: ISO 8601 text with Z
    | 'hex64' // OXID, OID, SETID: 0x and sixteen digits
    | 'context_handle'; // [C706] 14.3.8 (attributes and UUID)
}

/**
 * A size written in terms of a field: `cIids`, `cb/2`, `n+1`, `n*2`. Looked up in the enclosing structure, then the
 * parameters, then (in a response) the request's parameters.
 */
export type SizeExpression = string;

export interface PointerType {
  readonly kind: 'pointer';
  readonly pointer: 'ref' | 'unique' | 'full';
  readonly to: Type;
}

/**
 * `size` null and `sizeIs` null: never. Fixed: `size` set. Conformant: `sizeIs` set (null `lengthIs`).
 * Varying: `lengthIs` set. An array of `u8`/`byte` decodes to Uint8Array, of `wchar`/`char` with `text` to a string.
 */
export interface ArrayType {
  readonly kind: 'array';
  readonly of: Type;
  readonly size: number | null;
  readonly sizeIs: SizeExpression | null;
  readonly lengthIs: SizeExpression | null;
  readonly text?: boolean;
}

/** `[string]`: NUL-terminated; conformant varying, or only varying when `size` is given. */
export interface StringType {
  readonly kind: 'string';
  readonly unit: 'char' | 'wchar';
  readonly size: number | null;
}

export interface Field {
  readonly name: string;
  readonly type: Type;
  /** Shown beside the value; in our own words. */
  readonly note?: string;
}

/** A structure; a conformant array as (part of) its last field makes it conformant. */
export interface StructType {
  readonly kind: 'struct';
  readonly name: string;
  readonly section: string | null;
  readonly fields: readonly Field[];
  /**
   * Little-endian whatever the data representation of the call; the interface pointers inside follow the call all the
   * same.
   */
  readonly order?: 'little';
  /** Marshalled with NDR whatever the transfer syntax of the call ([MS-RPCE] 2.2.4.12). */
  readonly syntax?: 'ndr20';
}

export interface UnionArm {
  readonly cases: readonly number[];
  readonly name: string;
  /** Null: an empty arm. */
  readonly type: Type | null;
}

/**
 * Decodes to `{ <arm name>: value }`, an empty arm to `{ <arm name>: null }`; in memory the discriminant is the field
 * named by `switchIs`, or `tag` when encapsulated.
 */
export interface UnionType {
  readonly kind: 'union';
  readonly name: string;
  readonly section: string | null;
  readonly switchType: BaseType | EnumType;
  /**
   * The field that holds the discriminant; null for an encapsulated union. The expression `vt&0xfff`-like masks are
   * written `name&mask`.
   */
  readonly switchIs: SizeExpression | null;
  readonly arms: readonly UnionArm[];
  /** Undefined: an unlisted discriminant is an error; otherwise the default arm. */
  readonly default?: { readonly name: string; readonly type: Type | null };
}

/**
 * An interface pointer: unique pointer to MInterfacePointer ([MS-DCOM] 2.2.14). Decodes to null or to what the `objref`
 * transform makes of its bytes.
 */
export interface InterfacePointerType {
  readonly kind: 'interface';
  /** Declared interface, e.g. 'IUpdate'; null for `iid_is` and IUnknown. */
  readonly interface: string | null;
  /** Field that holds the IID. */
  readonly iidIs: SizeExpression | null;
}

/** Bytes that hold a value in type serialisation version 1 ([MS-RPCE] 2.2.6): headers, then NDR20. */
export interface PickleType {
  readonly kind: 'pickle';
  readonly of: Type;
}

/** Present `of`'s decoded value through the named transform (see {@link Transforms}). */
export interface TransformedType {
  readonly kind: 'transformed';
  readonly transform: string;
  readonly of: Type;
}

/** A type by name, so that recursion can be written down. */
export interface NamedReference {
  readonly kind: 'named';
  readonly name: string;
}

/** Named and never decoded, e.g. pipes: everything from here on is left as bytes, with a problem. */
export interface UnsupportedType {
  readonly kind: 'unsupported';
  readonly what: string;
}

export type Type =
  | BaseType
  | EnumType
  | FlagsType
  | WellKnownType
  | PointerType
  | ArrayType
  | StringType
  | StructType
  | UnionType
  | InterfacePointerType
  | PickleType
  | TransformedType
  | NamedReference
  | UnsupportedType;

export interface Parameter {
  readonly name: string;
  readonly direction: 'in' | 'out' | 'inout';
  readonly type: Type;
  readonly retval?: boolean;
  readonly optional?: boolean;
}

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
 * so that no
 * interface need be named outside the tables.
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

/**
 * A column of a table: a way from an object to a value by names of properties, where `[]` takes every element of a
 * collection: `Identity.UpdateID`, `Categories[].Name`.
 */
export interface StoryColumn {
  readonly name: string;
  readonly title: string;
  readonly path: string;
  /** How the value is shown; as it is by default. `enum`: the words of a member's name, without its prefix. */
  readonly show?: 'bytes' | 'hresult' | 'date' | 'enum';
}

/** Objects that are told as rows: what their property getters returned, put together. */
export interface StoryTable {
  readonly name: string;
  readonly title: string;
  /** `['update', 'updates']` */
  readonly noun: readonly [one: string, many: string];
  /** Interfaces whose objects are rows. */
  readonly of: readonly string[];
  /** Paths that together say which thing it is: objects that agree in all of them are one row. */
  readonly key: readonly string[];
  readonly columns: readonly StoryColumn[];
  /** Columns that say too little to make a row: things of which only these were read are counted. */
  readonly weak?: readonly string[];
  /** Columns shown first, where they were read; the others open with their row. */
  readonly foremost?: readonly string[];
  /** Columns whose values are worth filtering by. */
  readonly filters?: readonly string[];
}

/** What an operator asks first of a story, and where its answers stand. */
export interface StoryOverview {
  /** The table of what may be missing, and its columns. */
  readonly table: string;
  readonly severity: string;
  /** Severities, gravest first; those of the first are told apart. */
  readonly severities: readonly string[];
  /** The thing is there already; it needs a restart. */
  readonly done: string;
  readonly restart: string;
  /** Columns that name a thing in a sentence, the first that was read. */
  readonly names: readonly string[];
  /** Searches: their topic, the result that counts what was found, and the results that mean failure. */
  readonly searches: string;
  readonly found: string;
  readonly outcome: string;
  readonly failures: readonly string[];
  /** Criteria of a search that asks for what is missing. */
  readonly missing: RegExp;
  /** Event that tells the version of an agent, and the parameter that has to hold `versionOf`. */
  readonly version: { readonly topic: string; readonly text: RegExp };
}

/** A property that decides how a method works, in force when it is called. */
export interface StoryOption {
  readonly name: string;
  /** What values mean, by their text. */
  readonly words?: Readonly<Record<string, string>>;
  /** What holds where nobody set or read it. */
  readonly unset: string;
}

/** A method that is an event of the story. */
export interface StoryEvent {
  /** `Interface::Method` */
  readonly on: string;
  readonly topic: string;
  /** Sentence with `{parameter}` and, for what is returned, `{retval}`. */
  readonly text: string;
  /** Parameter that holds search criteria. */
  readonly criteria?: { readonly parameter: string; readonly attributes: readonly CriteriaAttribute[] };
  /** Properties of the object it is called on. */
  readonly options?: readonly StoryOption[];
  /** What is told of the object it returned. */
  readonly result?: readonly StoryColumn[];
}

/** How the calls of a specification are told to people who want to know what happened. */
export interface Story {
  readonly topics: readonly { readonly name: string; readonly title: string }[];
  readonly events: readonly StoryEvent[];
  readonly tables: readonly StoryTable[];
  readonly overview?: StoryOverview;
}

/** An attribute that search criteria may ask for; `flag` is an integer that is 0 or 1. */
export interface CriteriaAttribute {
  readonly name: string;
  readonly operators: readonly ('=' | '!=' | 'contains')[];
  readonly value: 'string' | 'integer' | 'flag';
  /**
   * In words, with `{value}` for a text: what `=` asks for and what its opposite does, or, for a flag, what 1 and 0 ask
   * for.
   */
  readonly words: readonly [holds: string, fails: string];
}

/**
 * What a rule looks at. Fields are paths into a call: `in.criteria`, `out.retval.vt`. Where a rule needs to remember,
 * it names the
 * methods that teach it; what is learnt belongs to the object they were called on.
 */
export type RuleCheck =
  /** The slot is kept off the wire. */
  | { readonly kind: 'hidden' }
  /** An enumeration, or a VARIANT_BOOL, holds a number that it has no member for. */
  | { readonly kind: 'enum' | 'boolean'; readonly side: 'in' | 'out' }
  /**
   * The text is refused as search criteria: by the grammar, or by what attributes support. An empty one is not looked
   * at.
   */
  | {
      readonly kind: 'criteria';
      readonly field: string;
      readonly attributes: readonly CriteriaAttribute[];
      readonly why: 'grammar' | 'unsupported';
    }
  /** The VARIANT has a type that is not allowed; arrays are written `VT_ARRAY|VT_UI1`. */
  | { readonly kind: 'vt'; readonly field: string; readonly allowed: readonly string[] }
  /** The same, where the text in `key` decides (without regard to case); a text that is not listed is not looked at. */
  | {
      readonly kind: 'vt-by';
      readonly key: string;
      readonly field: string;
      readonly vts: Readonly<Record<string, string>>;
    }
  /** The text is none of `values`. A null one is not looked at. */
  | {
      readonly kind: 'one-of';
      readonly field: string;
      readonly values: readonly string[];
      readonly ignoreCase?: boolean;
    }
  /** The text does not match. A null or empty one is not looked at. */
  | { readonly kind: 'pattern'; readonly field: string; readonly pattern: string }
  /** A reference or text is null that has to be there. */
  | { readonly kind: 'not-null'; readonly field: string }
  /** `to` is not what escaping `from` for search criteria gives. */
  | { readonly kind: 'escape'; readonly from: string; readonly to: string }
  /**
   * The index is negative, or not below the count that `counts` last returned; `changes` make that count forgotten.
   * `atEnd`: the count itself is an index too.
   */
  | {
      readonly kind: 'index';
      readonly field: string;
      readonly counts: string;
      readonly changes: readonly string[];
      readonly atEnd?: boolean;
    }
  /**
   * `learns` returned one of `values` in its `field` before; with `result`, only where this call returns nothing (null
   * or an empty text), or something.
   */
  | {
      readonly kind: 'after';
      readonly learns: string;
      readonly field: string;
      readonly values: readonly (string | boolean)[];
      readonly result?: 'nothing' | 'something';
    }
  /**
   * One of these interfaces was given out for an object of which `learns` returned one of `values`. Stands at methods
   * of IRemUnknown.
   */
  | {
      readonly kind: 'query-interface';
      readonly learns: string;
      readonly field: string;
      readonly values: readonly string[];
      readonly interfaces: readonly string[];
    }
  /** The elements that `items` handed out do not fall from index to index in the value that this method returns. */
  | { readonly kind: 'descending'; readonly items: string }
  /**
   * The collection that `makes` returned has more elements than its `field` asked for. Stands at the method that
   * counts.
   */
  | { readonly kind: 'at-most'; readonly makes: string; readonly field: string }
  /** A failure that is not the customer's own, and that no table names. */
  | { readonly kind: 'unknown-hresult' }
  /** Protected less than this; told once for each connection. */
  | { readonly kind: 'auth-level'; readonly least: 'integrity' }
  /** Another transfer syntax than this; told once for each connection. */
  | { readonly kind: 'transfer'; readonly only: 'ndr20' };

/** One thing that calls have to hold to, as data. */
export interface Rule {
  /** Name of the findings, e.g. `criteria-grammar`; docs/rules.md lists them. Rows may share it. */
  readonly name: string;
  readonly severity: 'info' | 'warning' | 'error';
  /** Section of the specification; null for that of the method. */
  readonly section: string | null;
  /**
   * `Interface::Method`, `put Interface::Property`, `get Interface::Property`; `*` for every method of the
   * specification, `**` for every DCOM call.
   */
  readonly on: readonly string[];
  /** Only for calls that ended so. */
  readonly when?: 'succeeded' | 'failed';
  /**
   * With `{method}`, `{field}`, `{value}` and what else the check tells: `{column}`, `{why}`, `{count}`, `{allowed}`.
   */
  readonly message: string;
  readonly check: RuleCheck;
}
