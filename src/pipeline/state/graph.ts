import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { detach } from '../../bytes/block.js';
import type { Chunk } from '../../types.js';

/** A class whose objects are made again. */
export type Stateful = abstract new (...args: never[]) => object;

/** What a graph is walked with. */
export interface GraphOptions {
  /** Classes by the names they are written with. */
  readonly classes: ReadonlyMap<string, Stateful>;
  /** Classes of which nothing is written: tables, secrets, and what is worked out again. */
  readonly fixed: readonly Stateful[];
  /** What is the same on both sides. */
  readonly given: readonly object[];
}

/** Why a graph cannot be written, or made again from what was written. */
export class StateError extends Error {}

/** Objects that are written in one piece. */
const PIECE = 4096;

/** What an object is, and its fields where it has some. */
type Kind = readonly [type: string, ...fields: string[]];

/** An object: the index of its kind, and what is in it. References are arrays of one number. */
type Node = readonly [kind: number, ...content: readonly unknown[]];

/** A piece of a graph: objects, and the kinds that are new in it. */
interface Piece {
  readonly kinds: readonly Kind[];
  readonly nodes: readonly Node[];
}

type View = Uint8Array | DataView | Int32Array | Uint32Array;
type ViewType = new (buffer: ArrayBuffer, offset: number, length: number) => View;

const VIEWS: ReadonlyMap<string, ViewType> = new Map<string, ViewType>([
  ['Uint8Array', Uint8Array],
  // What the system hands out is never written to as such.
  ['Buffer', Uint8Array],
  ['DataView', DataView],
  ['Int32Array', Int32Array],
  ['Uint32Array', Uint32Array],
]);
/** Memory that views share. */
const MEMORY = 'memory';
/** What stands in a map that keeps nothing alive. */
const PAIRS = 'pairs';

/**
 * All that a program knows, as bytes, and back. The graph of its objects is walked from a root. Objects that were there
 * before anything was read (functions, tables, the stages themselves) are *anchors*: whoever reads it has made them
 * anew, in the same order, and only what is in them is written. Everything else is made again of its class and its
 * fields. So no class has to say what it keeps, and a field that is added tomorrow is kept as well.
 */
export class Graph {
  /** What the anchors look like: it reads only what was written with the same. */
  readonly layout: string;
  private readonly options: GraphOptions;
  private readonly types: ReadonlyMap<object | null, string>;
  private readonly anchors: object[] = [];
  private readonly ids = new Map<object, number>();
  /** Anchors that change. */
  private readonly open: object[] = [];

  /** To be made before anything is read. */
  constructor(root: object, options: GraphOptions) {
    this.options = options;
    this.types = typesOf(options.classes);
    for (const one of options.given) this.anchor(one, false);
    this.anchor(root, true);
    const hash = createHash('sha256');
    for (const anchor of this.anchors) hash.update(`${nameOf(anchor)} ${fieldsOf(anchor).join(' ')}\n`);
    this.layout = hash.digest('hex');
  }

  /** What is known by now, in pieces. @throws StateError where it is more than `limit` bytes, or cannot be written */
  write(limit: number): readonly Uint8Array[] {
    const writer = new GraphWriter(this.ids, this.types, limit);
    for (const anchor of this.open) writer.fill(anchor);
    return writer.finish(this.open.filter((one) => one instanceof WeakMap));
  }

  /** Puts what was written into the anchors. @throws StateError; the anchors are of no use then */
  read(pieces: readonly Uint8Array[]): void {
    const reader = new GraphReader(this.anchors, this.options.classes);
    try {
      for (const piece of pieces) reader.take(deserialize(piece) as Piece);
      reader.finish(this.open);
    } catch (error) {
      throw new StateError(error instanceof Error ? error.message : String(error));
    }
  }

  private anchor(root: object, changes: boolean): void {
    const queue: { readonly of: object; readonly changes: boolean }[] = [];
    const add = (of: unknown, open: boolean): void => {
      if (!isReference(of) || this.ids.has(of)) return;
      const fixed = !open || Object.isFrozen(of) || typeof of === 'function' || isIterator(of) || this.isFixed(of);
      this.ids.set(of, this.anchors.length);
      this.anchors.push(of);
      if (!fixed) this.open.push(of);
      // What a frozen object holds may change; what tables hold does not.
      queue.push({ of, changes: open && !this.isFixed(of) });
    };
    add(root, changes);
    for (const { of, changes: open } of queue) for (const child of childrenOf(of)) add(child, open);
  }

  private isFixed(of: object): boolean {
    return this.options.fixed.some((type) => of instanceof type);
  }
}

/** Memory that views share: what of it they show. */
interface Memory {
  readonly id: number;
  readonly buffer: ArrayBufferLike;
  readonly first: number;
  from: number;
  to: number;
}

/** One writing of a graph. */
class GraphWriter {
  private readonly ids: Map<object, number>;
  private readonly types: ReadonlyMap<object | null, string>;
  private readonly limit: number;
  private readonly queue: object[] = [];
  private done = 0;
  private readonly kinds = new Map<string, number>();
  /** Memory by who holds it; offsets are counted from its first view. */
  private readonly views = new Map<object, Memory>();
  private readonly pieces: Uint8Array[] = [];
  private nodes: Node[] = [];
  private newKinds: Kind[] = [];
  private bytes = 0;
  private readonly anchors: number;
  private count: number;

  constructor(ids: ReadonlyMap<object, number>, types: ReadonlyMap<object | null, string>, limit: number) {
    this.ids = new Map(ids);
    this.types = types;
    this.limit = limit;
    this.anchors = this.count = ids.size;
  }

  /** Writes what is in an object; what it refers to follows. */
  fill(of: object): void {
    const type = this.typeOf(of);
    if (of instanceof Map)
      this.add(
        [type],
        [...of].flat().map((one) => this.value(one)),
      );
    else if (of instanceof Set)
      this.add(
        [type],
        Array.from(of, (one) => this.value(one)),
      );
    else if (Array.isArray(of))
      this.add(
        [type],
        Array.from(of, (one) => this.value(one)),
      );
    else if (of instanceof WeakMap) this.add([type], []);
    else if (ArrayBuffer.isView(of)) this.view(type, of);
    else {
      const own = isChunk(of) ? { ...of, ...detach(of) } : of;
      const fields = Object.keys(own);
      this.add(
        [type, ...fields],
        fields.map((field) => this.value((own as Record<string, unknown>)[field])),
      );
    }
  }

  /** Writes all that is left, at last who stands in maps that keep nothing alive. */
  finish(weak: readonly WeakMap<object, unknown>[]): readonly Uint8Array[] {
    this.drain();
    for (const map of weak) {
      const pairs = [...this.ids.keys()].flatMap((one) => (map.has(one) ? [one, map.get(one)] : []));
      this.add([PAIRS], [this.value(map), ...pairs.map((one) => this.value(one))]);
    }
    this.drain();
    for (const { id, buffer, first, from, to } of this.views.values())
      this.add([MEMORY], [id, from - first, new Uint8Array(buffer).slice(from, to)]);
    this.flush();
    return this.pieces;
  }

  private drain(): void {
    for (; this.done < this.queue.length; this.done++) this.fill(this.queue[this.done] as object);
  }

  private view(type: string, view: ArrayBufferView): void {
    const { buffer, byteOffset: from, byteLength } = view;
    const to = from + byteLength;
    // The system's buffers lie with strangers in one memory, where chance puts them.
    const holder = Buffer.isBuffer(view) ? view : buffer;
    const known = this.views.get(holder);
    const memory = known ?? { id: this.views.size, buffer, first: from, from, to };
    memory.from = Math.min(memory.from, from);
    memory.to = Math.max(memory.to, to);
    if (known === undefined) this.views.set(holder, memory);
    this.add([type], [memory.id, from - memory.first, byteLength]);
  }

  private value(value: unknown): unknown {
    if (!isReference(value)) return value;
    const known = this.ids.get(value);
    if (known !== undefined) return [known];
    if (typeof value === 'function') throw new StateError(`a function is new: ${String(value).slice(0, 80)}`);
    this.ids.set(value, this.count);
    this.queue.push(value);
    return [this.count++];
  }

  private add(kind: Kind, content: readonly unknown[]): void {
    const key = kind.join('\n');
    let index = this.kinds.get(key);
    if (index === undefined) {
      this.kinds.set(key, (index = this.kinds.size));
      this.newKinds.push(kind);
    }
    this.nodes.push([index, ...content]);
    if (this.nodes.length >= PIECE) this.flush();
  }

  private flush(): void {
    const piece: Piece = { kinds: this.newKinds, nodes: this.nodes };
    const bytes = serialize(piece);
    this.bytes += bytes.length;
    if (this.bytes > this.limit) throw new StateError(`it is more than ${this.limit} bytes`);
    this.pieces.push(bytes);
    this.nodes = [];
    this.newKinds = [];
  }

  private typeOf(of: object): string {
    const type = this.types.get(Object.getPrototypeOf(of) as object);
    if (type !== undefined) return type;
    // An anchor is there already; anything else has to be made again.
    if ((this.ids.get(of) ?? this.anchors) < this.anchors) return nameOf(of);
    throw new StateError(`objects of ${nameOf(of)} are not known`);
  }
}

/** One reading of a graph. */
class GraphReader {
  private readonly objects: object[];
  private readonly anchors: number;
  private readonly classes: ReadonlyMap<string, Stateful>;
  private readonly kinds: Kind[] = [];
  private readonly nodes: Node[] = [];
  private readonly pairs: Node[] = [];
  private readonly memory = new Map<unknown, { readonly from: number; readonly bytes: Uint8Array<ArrayBuffer> }>();

  constructor(anchors: readonly object[], classes: ReadonlyMap<string, Stateful>) {
    this.objects = [...anchors];
    this.anchors = anchors.length;
    this.classes = classes;
  }

  take({ kinds, nodes }: Piece): void {
    this.kinds.push(...kinds);
    for (const node of nodes) {
      const [type] = this.kindOf(node);
      if (type === PAIRS) this.pairs.push(node);
      else if (type === MEMORY) {
        const [, id, from, bytes] = node;
        this.memory.set(id, { from: Number(from), bytes: new Uint8Array(bytes as Uint8Array) });
      } else this.nodes.push(node);
    }
  }

  /** Makes all objects, then puts into each what it holds. */
  finish(open: readonly object[]): void {
    const made = this.nodes.slice(open.length);
    for (const node of made) this.objects.push(this.make(node));
    for (const [at, anchor] of open.entries()) this.fill(anchor, this.nodes[at], true);
    for (const [at, node] of made.entries()) this.fill(this.objects[this.anchors + at] as object, node, false);
    for (const [, map, ...content] of this.pairs) {
      const into = this.value(map) as WeakMap<object, unknown>;
      const values = content.map((one) => this.value(one));
      for (let at = 0; at + 1 < values.length; at += 2) into.set(values[at] as object, values[at + 1]);
    }
  }

  private kindOf(node: Node | undefined): Kind {
    const kind = this.kinds[node?.[0] ?? -1];
    if (kind === undefined) throw new StateError('an object is of no kind');
    return kind;
  }

  private make(node: Node): object {
    const [type] = this.kindOf(node);
    const View = VIEWS.get(type);
    if (View !== undefined) return this.viewOf(View, node);
    const make = MAKERS.get(type);
    if (make !== undefined) return make();
    const made = this.classes.get(type);
    if (made === undefined) throw new StateError(`objects of ${type} are not known`);
    return Object.create(made.prototype as object) as object;
  }

  private viewOf(View: ViewType, [, id, from, size]: Node): View {
    const memory = this.memory.get(id);
    if (memory === undefined) throw new StateError('memory is missing');
    const length = 'BYTES_PER_ELEMENT' in View ? Number(size) / Number(View.BYTES_PER_ELEMENT) : Number(size);
    return new View(memory.bytes.buffer, Number(from) - memory.from, length);
  }

  private fill(of: object, node: Node | undefined, anchor: boolean): void {
    const [type, ...fields] = this.kindOf(node);
    const [, ...content] = node as Node;
    if (ArrayBuffer.isView(of)) {
      if (anchor) bytesOf(of).set(bytesOf(this.viewOf(Uint8Array, node as Node)));
      return;
    }
    if (of instanceof WeakMap) return;
    const values = content.map((one) => this.value(one));
    if (of instanceof Map) refillMap(of, values);
    else if (of instanceof Set) refillSet(of, values);
    else if (Array.isArray(of)) refillArray(of, values);
    else refill(of as Record<string, unknown>, type, fields, values);
  }

  private value(value: unknown): unknown {
    if (!Array.isArray(value)) return value;
    const found = this.objects[Number(value[0])];
    if (found === undefined) throw new StateError('an object is missing');
    return found;
  }
}

function refillMap(map: Map<unknown, unknown>, values: readonly unknown[]): void {
  map.clear();
  for (let at = 0; at + 1 < values.length; at += 2) map.set(values[at], values[at + 1]);
}

function refillArray(list: unknown[], values: readonly unknown[]): void {
  list.length = 0;
  // One by one: as arguments of one call they may be too many.
  for (const value of values) list.push(value);
}

function refillSet(set: Set<unknown>, values: readonly unknown[]): void {
  set.clear();
  for (const value of values) set.add(value);
}

function refill(
  of: Record<string, unknown>,
  type: string,
  fields: readonly string[],
  values: readonly unknown[],
): void {
  if (fields.length !== values.length || fields.includes('__proto__'))
    throw new StateError(`an object of ${type} has other fields`);
  for (const field of Object.keys(of)) if (!fields.includes(field)) delete of[field];
  for (const [at, field] of fields.entries()) of[field] = values[at];
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const MAKERS: ReadonlyMap<string, () => object> = new Map<string, () => object>([
  ['Object', () => ({})],
  ['null', () => Object.create(null) as object],
  ['Array', () => []],
  ['Map', () => new Map()],
  ['Set', () => new Set()],
]);

function typesOf(classes: ReadonlyMap<string, Stateful>): ReadonlyMap<object | null, string> {
  const plain = [Object, Array, Map, Set, Uint8Array, Buffer, DataView, Int32Array, Uint32Array];
  return new Map<object | null, string>([
    ...plain.map(({ name, prototype }) => [prototype as object, name] as const),
    [null, 'null'],
    ...Array.from(classes, ([name, { prototype }]) => [prototype as object, name] as const),
  ]);
}

function isReference(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** Where a walk over a map or set stands: it is made anew with it. */
function isIterator(of: object): boolean {
  return Object.prototype.toString.call(of).endsWith(' Iterator]');
}

/** A piece of a stream lies in a block of the reader's that many share. */
function isChunk(of: object): of is Chunk {
  return 'kind' in of && of.kind === 'chunk' && 'block' in of && 'end' in of;
}

function nameOf(of: object): string {
  const prototype = Object.getPrototypeOf(of) as { readonly constructor?: { readonly name: string } } | null;
  return prototype?.constructor?.name ?? 'null';
}

function* childrenOf(of: object): Generator<unknown> {
  if (typeof of === 'function' || ArrayBuffer.isView(of)) return;
  if (of instanceof Map) for (const [key, value] of of) yield* [key, value];
  else if (of instanceof Set) yield* of;
  for (const one of Object.values(Object.getOwnPropertyDescriptors(of))) yield one.value;
}

function fieldsOf(of: object): readonly string[] {
  return typeof of === 'function' || ArrayBuffer.isView(of) ? [] : Object.keys(of);
}
