import type { Value } from '../types.js';
import type { TraceNode } from './codec.js';

interface OpenNode {
  name: string;
  type: string;
  start: number;
  end: number;
  value: Value;
  meaning: string | null;
  section: string | null;
  readonly children: OpenNode[];
}

/** Builds the tree of a trace. `name` is set by whoever knows the field's name, just before its type is read. */
export class Tracer {
  readonly root: OpenNode = node('stub', 'stub', 0, 0, null);
  name = '';
  /** Path of the field a nested tracer is for. */
  private prefix: string | null = null;
  private readonly stack: OpenNode[] = [this.root];

  get current(): OpenNode {
    return this.stack[this.stack.length - 1] as OpenNode;
  }

  leaf(type: string, start: number, end: number, value: Value, meaning: string | null = null): void {
    const made = node(this.name, type, start, end, value);
    made.meaning = meaning;
    this.current.children.push(made);
  }

  /** Bytes with a purpose of their own and no place in the value: counts, referent ids, reserved fields. */
  hidden(name: string, type: string, start: number, end: number, value: Value): void {
    this.current.children.push(node(name, type, start, end, value));
  }

  padding(start: number, end: number): void {
    if (end > start) this.current.children.push(node('padding', 'padding', start, end, null));
  }

  open(type: string, start: number, section: string | null = null): OpenNode {
    const made = node(this.name, type, start, start, null);
    made.section = section;
    this.current.children.push(made);
    this.stack.push(made);
    this.name = '';
    return made;
  }

  /** Path of the field being read, e.g. `retval.asData`. */
  path(): string {
    const names = this.stack.slice(1).map((open) => open.name);
    names.push(this.name);
    // A nested tracer's first name is that of the whole value: its path is the prefix.
    if (this.prefix !== null) names[0] = this.prefix;
    return names.filter((name) => name !== '').join('.');
  }

  close(end: number): void {
    const closed = this.stack.pop();
    if (closed !== undefined) closed.end = Math.max(closed.start, end);
  }

  /** Goes back into a node to add the referents that were deferred; `close` it with the same end. */
  reopen(open: OpenNode): void {
    this.stack.push(open);
  }

  resume(): void {
    this.stack.pop();
  }

  /**
   * A tracer for the bytes of this field's value, whose offsets count from elsewhere; its tree comes back through
   * {@link adoptShifted}.
   */
  nested(name: string): Tracer {
    const inner = new Tracer();
    inner.prefix = this.path();
    inner.name = name;
    return inner;
  }

  adoptShifted(inner: Tracer, by: number): void {
    const move = (at: OpenNode): void => {
      at.start += by;
      at.end += by;
      at.children.forEach(move);
    };
    inner.root.children.forEach(move);
    this.current.children.push(...inner.root.children);
  }

  adopt(children: readonly TraceNode[]): void {
    for (const child of children) this.current.children.push(child as OpenNode);
  }
}

/** The finished tree, in which every byte has one owner: what no leaf has is unread, and a leaf of its own. */
export function closeTrace(tracer: Tracer, size: number): TraceNode {
  const { root } = tracer;
  root.end = size;
  const leaves: OpenNode[] = [];
  const collect = (at: OpenNode): void => {
    if (at.children.length === 0 && at !== root) leaves.push(at);
    at.children.forEach(collect);
  };
  collect(root);
  leaves.sort((a, b) => a.start - b.start || a.end - b.end);
  let at = 0;
  const holes: { start: number; end: number }[] = [];
  for (const leaf of leaves) {
    if (leaf.start > at) holes.push({ start: at, end: leaf.start });
    at = Math.max(at, leaf.end);
  }
  if (at < size) holes.push({ start: at, end: size });
  for (const { start, end } of holes) tracer.hidden(end === size ? 'trailing' : 'unread', 'bytes', start, end, null);
  return root;
}

export type { OpenNode };

function node(name: string, type: string, start: number, end: number, value: Value): OpenNode {
  return { name, type, start, end, value, meaning: null, section: null, children: [] };
}
