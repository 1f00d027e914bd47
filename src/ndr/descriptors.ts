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
