import { spanOf } from '../bytes/block.js';
import { fragment, jsonText, keyOf, type JsonBytes } from '../bytes/json.js';
import type { Problem, Span, Stub, Value } from '../types.js';
import { arrayNode, stringNode } from './arrays.js';
import {
  NO_PROBLEMS,
  type Codec,
  type Decoded,
  type EncodeOptions,
  type Encoding,
  type MethodCodec,
  type Tape,
  type Told,
  type Trace,
  type Transforms,
} from './codec.js';
import { Encoder } from './encoder.js';
import { Decoder, SpareDecoder } from './decoder.js';
import { CompiledNode, readWhole, writeWhole, type Node } from './node.js';
import { encodedNode } from './encoded.js';
import { headerNode, plainThat, plainThis, skipHeader } from './orpc.js';
import { pickleNode } from './pickle.js';
import { interfaceNode, isTextable, pointerNode, topRefNode, transformedNode } from './pointers.js';
import { baseNode, enumNode, flagsNode, unfit } from './scalars.js';
import {
  completed,
  derivedCounts,
  lateCounts,
  structNode,
  type Derived,
  type LateCount,
  type Member,
} from './structs.js';
import type { TapeEntry } from './tape.js';
import { closeTrace, Tracer } from './tracer.js';
import type { Method, Specification, Type } from './types.js';
import { unionNode } from './unions.js';
import { MAX_PROBLEMS } from './limits.js';
import { NO_FIELDS, ownField, recordClass, recordFrom, type Fields, type OpenFields } from './value.js';
import { wellKnownNode } from './wellknown.js';

type NamedType = Specification['types'][number];

interface CompilerOptions {
  readonly encoding: Encoding;
  readonly types: ReadonlyMap<string, NamedType>;
  readonly transforms: () => Transforms;
  readonly nameOfStatus?: (value: number) => string | null;
}

interface Part extends Member {
  /** Where the part goes: header, parameters, or return value. */
  readonly role: 'header' | 'param' | 'result';
}

/**
 * Turns descriptors into codecs for one encoding. Types are compiled once; recursive ones because pointers compile
 * late.
 */
export class Compiler {
  private readonly options: CompilerOptions;
  private readonly ndr64: boolean;
  private readonly nodes = new Map<NamedType | Type, Node>();
  private readonly spare: SpareDecoder;
  private sibling: Compiler | null = null;

  constructor(options: CompilerOptions) {
    this.options = options;
    this.ndr64 = options.encoding.syntax === 'ndr64';
    this.spare = new SpareDecoder(options.encoding);
  }

  /** The two stubs of a method; `orpcthis` and `orpcthat` are the header types of a DCOM interface. */
  method(method: Method, headers: { readonly orpcthis: Type; readonly orpcthat: Type } | null): MethodCodec {
    const params = method.params ?? [];
    const parts = (directions: readonly string[]): Part[] =>
      params
        .filter((param) => directions.includes(param.direction))
        .map((param) => ({ name: param.name, node: this.top(param.type), role: 'param' }));
    const types = params.map(({ name, type }) => ({ name, type }));
    const requestParts = parts(['in', 'inout']);
    const responseParts = parts(['out', 'inout']);
    if (headers !== null) {
      requestParts.unshift({
        name: 'orpcthis',
        node: headerNode(this.node(headers.orpcthis), plainThis),
        role: 'header',
      });
      responseParts.unshift({
        name: 'orpcthat',
        node: headerNode(this.node(headers.orpcthat), plainThat),
        role: 'header',
      });
    }
    if (method.returns !== null) responseParts.push({ name: 'return', node: this.top(method.returns), role: 'result' });
    const derived = derivedCounts(types);
    const late = (directions: readonly string[]): readonly LateCount[] =>
      lateCounts(params.filter((param) => directions.includes(param.direction)));
    return {
      method,
      request: this.codec(requestParts, derived, late(['in', 'inout'])),
      response: this.codec(responseParts, derived, late(['out', 'inout'])),
    };
  }

  /** A type at the start of a stub; its single field is `value`. */
  type(type: Type): Codec {
    return this.codec([{ name: 'value', node: this.top(type), role: 'param' }], new Map());
  }

  /** Parameters: a top-level reference pointer has no bytes of its own. */
  private top(type: Type): Node {
    return type.kind === 'pointer' && type.pointer === 'ref' ? topRefNode(this.node(type.to)) : this.node(type);
  }

  private node(type: Type | NamedType): Node {
    const known = this.nodes.get(type);
    if (known !== undefined) return known;
    const made = new CompiledNode(this.make(type));
    this.nodes.set(type, made);
    return made;
  }

  private make(type: Type | NamedType): Node {
    const { ndr64 } = this;
    const { littleEndian } = this.options.encoding;
    const interfaceTo = (name: string | null): Node =>
      interfaceNode(name, ndr64, () => this.options.transforms().objref);
    switch (type.kind) {
      case 'base':
        return baseNode(type, ndr64);
      case 'enum':
        return enumNode(type, ndr64);
      case 'flags':
        return flagsNode(type);
      case 'well-known':
        return wellKnownNode(type, ndr64, this.options.nameOfStatus ?? (() => null));
      case 'pointer': {
        let pointee: Node | null = null;
        return pointerNode(type, ndr64, () => (pointee ??= this.node(type.to)));
      }
      case 'array':
        return arrayNode(type, this.node(type.of), ndr64);
      case 'string':
        return stringNode(type, ndr64);
      case 'struct': {
        if (type.syntax === 'ndr20' && ndr64) return encodedNode(this.ndr20(littleEndian).node(type), { ndr64: false });
        const members = type.fields.map((field) => ({ name: field.name, node: this.node(field.type) }));
        const node = structNode(type.name, type.section, members, derivedCounts(type.fields), ndr64);
        return type.order === 'little' && !littleEndian ? encodedNode(node, { littleEndian: true }) : node;
      }
      case 'union':
        return unionNode(type, this.node(type.switchType), ndr64, (index) => {
          const arm = index < 0 ? (type.default?.type ?? null) : (type.arms[index]?.type ?? null);
          return arm === null ? null : this.node(arm);
        });
      case 'interface':
        return littleEndian
          ? interfaceTo(type.interface)
          : encodedNode(interfaceTo(type.interface), { littleEndian: false });
      case 'pickle':
        return pickleNode((littleEndian) => this.ndr20(littleEndian).node(type.of), this.isPrimitive(type.of));
      case 'transformed': {
        const transform = this.options.transforms().values[type.transform];
        if (transform === undefined) throw new Error(`no transform is named '${type.transform}'`);
        return transformedNode(this.node(type.of), transform);
      }
      case 'typedef':
        return this.node(type.type);
      case 'named': {
        const target = this.options.types.get(type.name);
        if (target === undefined) throw new Error(`no type is named '${type.name}'`);
        return this.node(target);
      }
      case 'unsupported':
        return unsupportedNode(type.what);
    }
  }

  /** Whether a serialised type goes without a private header ([MS-RPCE] 2.2.6.3). */
  private isPrimitive(type: Type | NamedType): boolean {
    switch (type.kind) {
      case 'base':
      case 'enum':
      case 'flags':
        return true;
      case 'well-known':
        return ['hresult', 'error_status', 'variant_bool', 'date', 'hex64'].includes(type.name);
      case 'typedef':
        return this.isPrimitive(type.type);
      case 'named': {
        const target = this.options.types.get(type.name);
        return target !== undefined && this.isPrimitive(target);
      }
      default:
        return false;
    }
  }

  /** Serialised types are NDR20 in a byte order of their own. */
  private ndr20(littleEndian: boolean): Compiler {
    if (!this.ndr64 && this.options.encoding.littleEndian === littleEndian) return this;
    if (this.sibling === null || this.sibling.options.encoding.littleEndian !== littleEndian) {
      this.sibling = new Compiler({ ...this.options, encoding: { littleEndian, syntax: 'ndr20' } });
    }
    return this.sibling;
  }

  private codec(members: readonly Part[], derived: Derived, late: readonly LateCount[] = []): Codec {
    const { encoding } = this.options;
    const parts = members.map(({ name, node, role }) => ({ name, node: new CompiledNode(node), role }));
    const Shape = recordClass();
    // Counts that a message carries itself: of the same name the request had an older one.
    const own = parts.filter(({ name }) => derived.has(name)).map(({ name }) => name);
    const isEmpty = !parts.some(({ role }) => role === 'param');
    const { spare } = this;

    function run(d: Decoder, request: Fields | undefined): Decoded {
      const value = isEmpty ? (NO_FIELDS as OpenFields) : new Shape();
      let header: Value = null;
      let result: Value = null;
      d.params = value;
      d.request = request === undefined || own.length === 0 ? (request ?? null) : older(request, own);
      const { tracer } = d;
      for (const { name, node, role } of parts) {
        if (tracer !== null) tracer.name = name;
        d.scope = null;
        const read = readWhole(node, d);
        if (d.failedAt >= 0 && (read === null || typeof read !== 'object')) break;
        if (role === 'param') value[name] = read;
        else if (role === 'header') header = read;
        else result = read;
        if (d.failedAt >= 0) break;
      }
      if (late.length > 0 && d.failedAt < 0) for (const one of late) checkLate(d, value, one);
      return { value, header, result, end: d.failedAt >= 0 ? d.failedAt : d.offset, problems: NO_PROBLEMS };
    }

    function traced(
      stub: Span,
      request: Fields | undefined,
      depth: number,
    ): { readonly tracer: Tracer; readonly problems: readonly Problem[] } {
      const d = new Decoder(stub, encoding, depth);
      const tracer = (d.tracer = new Tracer());
      d.opened = new Map();
      const { end } = run(d, request);
      return { tracer, problems: problemsOf(d, stub, end) };
    }

    function read(stub: Span, request?: Fields, depth = 0): Decoded {
      const d = spare.take(stub, depth);
      const decoded = checked(d, stub, run(d, request));
      spare.giveBack(d);
      return decoded;
    }

    /** Paths are known to a trace only: a stub that is not clean is read again with one. */
    function explain(decoded: Decoded, stub: Span, request?: Fields, depth = 0): Decoded {
      const { problems } = decoded;
      // Bytes behind the whole have none.
      if (problems.length === 0 || (problems.length === 1 && problems[0]?.code === 'ndr-trailing')) return decoded;
      return { ...decoded, problems: traced(stub, request, depth).problems };
    }

    return {
      text: late.length > 0 ? null : textReader(parts, encoding),
      decode: (stub, request, depth = 0) => explain(read(stub, request, depth), stub, request, depth),
      read,
      explain,
      trace(stub, request, depth = 0): Trace {
        const { tracer, problems } = traced(stub, request, depth);
        return { root: closeTrace(tracer, stub.end - stub.start), problems };
      },
      record(stub, request) {
        const d = new Decoder(stub, encoding);
        const entries: TapeEntry[] = [];
        d.tape = entries;
        const decoded = run(d, request);
        if (d.failedAt < 0 && d.pos < stub.end) entries.push({ kind: 'trailing', bytes: d.u8.slice(d.pos, stub.end) });
        const tape: Tape = { entries };
        return { ...explain(checked(d, stub, decoded), stub, request), tape };
      },
      encode(value: Fields, options: EncodeOptions = {}): Uint8Array {
        const e = new Encoder(encoding, options.tape ?? null, options.request ?? null);
        const params = completed(e, value, parts, derived);
        e.params = params;
        for (const { name, node } of parts) {
          e.scope = null;
          e.path.push(name);
          writeWhole(node, e, params[name] as Value);
          e.path.pop();
        }
        const trailing = e.taped('trailing');
        if (trailing !== null) e.bytes(trailing.bytes);
        return e.finish();
      },
    };
  }
}

/** An array whose size was read after it: of a null pointer there is none. */
function checkLate(d: Decoder, value: Fields, { array, size }: LateCount): void {
  const held = value[array];
  const count = value[size.field];
  if (typeof count !== 'number' || (!Array.isArray(held) && !(held instanceof Uint8Array))) return;
  const wanted = size.apply(count);
  if (wanted === held.length) return;
  if (d.tracer !== null) d.tracer.name = array;
  d.problem(
    'ndr-bad-conformance',
    `${held.length} elements where size_is(${size.field}) says ${wanted}`,
    '[C706] 14.3.3',
  );
}

/** Reads a stub as text where every parameter can be: see {@link Codec.text}. The first stub shows whether it can. */
function textReader(parts: readonly Part[], encoding: Encoding): Codec['text'] {
  const params = parts.filter(({ role }) => role === 'param');
  const names = params.map(({ name }) => name);
  const returned = parts.find(({ role }) => role === 'result');
  const isStatus = returned === undefined || ['HRESULT', 'error_status_t'].includes(returned.node.type);
  if (encoding.syntax !== 'ndr20' || !isStatus || new Set(names).size < names.length) return null;
  if (params.some(({ node }) => node.text === undefined)) return null;
  const header = parts.find(({ role }) => role === 'header')?.name ?? null;
  const steps = params.map(({ name, node }, i) => ({
    key: i === 0 ? fragment('{' + jsonText(name) + ':') : keyOf(name).next,
    node,
    isRetval: name === 'retval',
  }));
  let usable: boolean | null = null;
  const d = new Decoder(spanOf(new Uint8Array(0)), encoding);

  function read(out: JsonBytes, told: Told): boolean {
    if (header !== null && !skipHeader(d, header, told)) return false;
    if (steps.length === 0) out.raw(EMPTY);
    else {
      for (const { key, node, isRetval } of steps) {
        out.raw(key);
        const value = node.text?.(d, out);
        if (isRetval) told.retval = value;
      }
      out.byte(0x7d);
    }
    if (returned !== undefined) {
      d.pad(4);
      told.result = d.u32();
    }
    return d.failedAt < 0 && d.problems === null;
  }

  return (stub, out, told) => {
    usable ??= params.every(({ node }) => isTextable(node));
    if (!usable) return false;
    const { at } = out;
    d.reset(stub);
    told.result = null;
    told.causality = -1;
    told.retval = undefined;
    told.trailing = 0;
    if (read(out, told)) {
      if (d.pos !== stub.end && !isPadding(stub, d.pos)) told.trailing = stub.end - d.pos;
      return true;
    }
    out.at = at;
    return false;
  };
}

const EMPTY = fragment('{}');

/** What is named and never decoded, e.g. a pipe: everything from it on stays bytes. */
function unsupportedNode(what: string): Node {
  return {
    type: what,
    align: 1,
    least: 0,
    rest: null,
    putRest: null,
    hoist: null,
    flat(d) {
      d.giveUp('ndr-unsupported', `${what} is not decoded; the stub is left as bytes from here`);
      return null;
    },
    put: (e) => unfit(e, `${what} cannot be encoded`),
  };
}

/**
 * A verification trailer stands on a multiple of four bytes: up to three in front of it belong to nobody ([MS-RPCE]
 * 2.2.2.13).
 */
export function isPadding(stub: Span, at: number): boolean {
  return (stub as Partial<Stub>).verification != null && stub.end - at < 4;
}

function checked(d: Decoder, stub: Span, decoded: Decoded): Decoded {
  if (d.failedAt < 0 && d.problems === null && (d.pos === stub.end || isPadding(stub, d.pos))) return decoded;
  return { ...decoded, problems: problemsOf(d, stub, decoded.end) };
}

/** Bytes behind the last parameter of a stub of `size` bytes, which ends at `end`. */
export function trailingProblem(end: number, size: number): Problem {
  return {
    kind: 'problem',
    layer: 'ndr',
    code: 'ndr-trailing',
    message: `${size - end} bytes follow the last parameter (stub offset ${end} of ${size})`,
    spec: '[C706] 14',
    at: { stub: end },
  };
}

/** What is wrong with the whole: strictness wants every byte read and none missing. */
function problemsOf(d: Decoder, stub: Span, end: number): readonly Problem[] {
  const size = stub.end - stub.start;
  if (d.failedAt >= 0) {
    if (!d.explained)
      d.note(
        'ndr-truncated',
        `stub of ${size} bytes ends where ${d.wanted} more bytes are due (stub offset ${end})`,
        '[C706] 14',
        end,
        d.failedPath,
      );
  } else if (d.pos < stub.end && !isPadding(stub, d.pos)) {
    if (d.problems === null) return [trailingProblem(end, size)];
    if (d.problems.length < MAX_PROBLEMS) d.problems.push(trailingProblem(end, size));
  }
  return d.problems ?? NO_PROBLEMS;
}

/** What a response may take from its request: nothing of the given names. */
function older(request: Fields, names: readonly string[]): Fields {
  if (!names.some((name) => ownField(request, name) !== undefined)) return request;
  return recordFrom(Object.entries(request).filter(([name]) => !names.includes(name)));
}
