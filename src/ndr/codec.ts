import type { JsonBytes } from '../bytes/json.js';
import type { Problem, Span, TransferSyntax, Value } from '../types.js';
import type { TapeEntry } from './tape.js';
import type { Interface, Method, Specification, Type } from './types.js';
import type { Fields } from './value.js';

export type { Fields } from './value.js';

/**
 * What one compiled direction of a method (or one type) reads. Never throws on input; `value` holds what was read
 * before any damage.
 */
export interface Decoded {
  /** The parameters only: no header, no return value. */
  readonly value: Fields;
  /**
   * ORPCTHIS of a request, ORPCTHAT of a response; null where the interface has none. Kept apart, so that no caller
   * copies `value` to drop it.
   */
  readonly header: Value;
  /** The return value of a response; null in a request, for void, and when damage came before it. */
  readonly result: Value;
  /** Offset of the first byte not read, relative to the stub. */
  readonly end: number;
  /** NO_PROBLEMS when clean, so that the fast path allocates nothing. */
  readonly problems: readonly Problem[];
}

/** How the bytes were made: byte order and transfer syntax. */
export interface Encoding {
  readonly littleEndian: boolean;
  readonly syntax: TransferSyntax;
}

/**
 * A node of a trace: a field with its bytes. Leaves (padding and hidden fields included) own every byte exactly once.
 */
export interface TraceNode {
  readonly name: string;
  /** Type as the IDL would name it: `ULONG`, `BSTR`, `STDOBJREF`, `padding`. */
  readonly type: string;
  /**
   * Relative to the stub. A node with children spans them; deferred referents lie outside their pointer's own range.
   */
  readonly start: number;
  readonly end: number;
  /** Null for nodes that only group. */
  readonly value: Value;
  /** Meaning of the value in words: flag names, an error's name, an IID's interface; null when the value says it. */
  readonly meaning: string | null;
  readonly section: string | null;
  readonly children: readonly TraceNode[];
}

export interface Trace {
  readonly root: TraceNode;
  readonly problems: readonly Problem[];
}

/**
 * What a value does not show but the bytes hold, in wire order: referent ids, padding, reserved fields, redundant
 * counts, and the wire values behind what transforms show. Recorded by `record` and consumed by `encode`, so that what
 * was decoded encodes to the same bytes, and what was changed since has the canonical form.
 */
export interface Tape {
  readonly entries: readonly TapeEntry[];
}

export interface EncodeOptions {
  /**
   * Details of the original; without it canonical ones are made (referent ids 0x00020000 and up by 4, zero padding).
   */
  readonly tape?: Tape;
  /** Values of the request, for sizes a response takes from it. */
  readonly request?: Fields;
}

/** What reading a stub as text tells beside the text: one object, filled again. */
export interface Told {
  /** The HRESULT or status that a response returns; null where it returns none. */
  result: number | null;
  /** Where the causality of a request stands in its block; -1: it has none. */
  causality: number;
  /** The value of the parameter `retval` where it is no text; undefined otherwise. */
  retval: Value | undefined;
  /** Bytes behind the last parameter that belong to nothing. */
  trailing: number;
}

/** Decoder, tracer and encoder of one direction of a method, or of one type, for one {@link Encoding}. */
export interface Codec {
  /**
   * Strict: bytes left over are an `ndr-trailing` problem. `depth`: levels around the value that these bytes are inside
   * of (see MAX_VALUE_DEPTH).
   */
  decode(stub: Span, request?: Fields, depth?: number): Decoded;
  /** The same with problems that say no paths, for a reading that may be discarded: finding paths takes a trace. */
  read(stub: Span, request?: Fields, depth?: number): Decoded;
  /** What was read, with the paths of its problems. */
  explain(read: Decoded, stub: Span, request?: Fields, depth?: number): Decoded;
  trace(stub: Span, request?: Fields, depth?: number): Trace;
  /**
   * Appends the parameters as the JSON that decoding and writing their values would give, in one walk and without
   * values; bytes behind the last one are told of. False, with nothing appended, where the stub is not clean but for
   * those, or has a rare form: `decode` tells. Null where a type takes more than one walk.
   */
  readonly text: ((stub: Span, out: JsonBytes, told: Told) => boolean) | null;
  record(stub: Span, request?: Fields): Decoded & { readonly tape: Tape };
  /** @throws EncodeError when a value does not fit its type (our own or our user's mistake, never the input's). */
  encode(value: Fields, options?: EncodeOptions): Uint8Array;
}

/** A value given to `encode` does not fit its descriptor. */
export class EncodeError extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(`${path}: ${message}`);
    this.name = 'EncodeError';
    this.path = path;
  }
}

/**
 * The two stubs of a method. `encode` takes the header under `orpcthis` or `orpcthat` and the return value under
 * `return`, beside the parameters; in a trace they stand under the same names.
 */
export interface MethodCodec {
  readonly method: Method;
  readonly request: Codec;
  readonly response: Codec;
}

/** Turns the decoded value of a wire type into what people read, and back; pure. */
export interface ValueTransform {
  readonly decode: (wire: Value, problem: (code: Problem['code'], message: string) => void) => Value;
  /**
   * The canonical wire value. What `decode` did not show comes from the tape, as long as the shown value is the same.
   */
  readonly encode: (shown: Value) => Value;
}

/**
 * Reads an OBJREF ([MS-DCOM] 2.2.18) from the bytes of an interface pointer. Implemented in src/dcom, given to the
 * compiler.
 */
export interface ObjrefTransform {
  /** `depth`: levels around the value. */
  readonly decode: (
    bytes: Span,
    problem: (code: Problem['code'], message: string, offset: number) => void,
    depth: number,
  ) => Value;
  /** Children of the trace, offsets relative to `bytes`; leaves own every byte. */
  readonly trace: (bytes: Span, depth: number) => readonly TraceNode[];
  readonly encode: (shown: Value) => Uint8Array;
}

export interface Transforms {
  readonly objref: ObjrefTransform;
  readonly values: Readonly<Record<string, ValueTransform>>;
}

/** Parameters of an ORPC that carry the call and say nothing of it ([MS-DCOM] 2.2.13). */
export const CALL_HEADERS: readonly string[] = ['orpcthis', 'orpcthat'];

/** An interface with all its slots, inherited ones included, in opnum order. */
export interface ResolvedInterface {
  readonly interface: Interface;
  /** Index is the opnum; a hole is null. `owner` is the interface that declares the slot. */
  readonly slots: readonly ({ readonly method: Method; readonly owner: Interface } | null)[];
}

/** Specifications made ready for use: look-ups by UUID, codecs compiled on first use and kept. */
export interface Registry {
  readonly specifications: readonly Specification[];
  readonly interfaces: readonly ResolvedInterface[];
  interfaceByUuid(uuid: string): ResolvedInterface | null;
  interfaceByName(name: string): ResolvedInterface | null;
  /** Codecs of a slot; null when the slot is unknown or its parameters are. */
  method(uuid: string, opnum: number, encoding: Encoding): MethodCodec | null;
  /** Codec of a named or anonymous type, as it stands at the start of a stub. Its single field is `value`. */
  type(type: Type | string, encoding: Encoding): Codec;
  /** What is known by name of a UUID that no table can decode. */
  readonly names: UuidNames;
}

/** An interface and what it derives from, by name, most derived first; a name that no table has stands alone. */
export function basesOf(registry: Pick<Registry, 'interfaceByName'>, name: string): readonly string[] {
  return chainOf(name, (one) => registry.interfaceByName(one)?.interface.base);
}

/** A name and what it derives from by `baseOf`, most derived first; tables that derive in a circle end it. */
export function chainOf(name: string, baseOf: (name: string) => string | null | undefined): readonly string[] {
  const chain: string[] = [];
  for (let at: string | null = name; at !== null && !chain.includes(at); at = baseOf(at) ?? null) chain.push(at);
  return chain;
}

/** Whether an interface is `base` or derives from it. */
export function derives(registry: Pick<Registry, 'interfaceByName'>, name: string, base: string): boolean {
  return basesOf(registry, name).includes(base);
}

/** Names of interfaces, methods and classes beyond the tables. */
export interface UuidNames {
  /** The interface, with its method of a number, or null. */
  interface(
    uuid: string,
    opnum: number | null,
  ): { readonly name: string; readonly spec: string; readonly method: string | null } | null;
  /** Name of a class by its CLSID, e.g. `MMC20.Application`, or null. */
  class(clsid: string): string | null;
}

export const NO_PROBLEMS: readonly Problem[] = Object.freeze([]);
