import { Cursor } from '../bytes/cursor.js';
import type { Problem, ProblemCode, Span, Value } from '../types.js';
import type { Encoding, Fields } from './codec.js';
import { MAX_DEPTH, MAX_ELEMENTS, MAX_PROBLEMS } from './limits.js';
import type { OpenNode, Tracer } from './tracer.js';

/** What a tape may hold; see {@link import('./codec.js').Tape}. */
export type TapeEntry = number | bigint | Uint8Array;

/**
 * A decode in progress. One walk serves decoding, tracing and recording: `tracer` and `tape` are null unless asked for.
 */
export class Machine extends Cursor {
  readonly ndr64: boolean;
  tracer: Tracer | null = null;
  /** Nodes of structures whose pointers are still to be followed; used while tracing. */
  opened: Map<Value, OpenNode> | null = null;
  tape: TapeEntry[] | null = null;
  /** Wire values by what they are shown as; set while recording. */
  shown: Map<Value, Value> | null = null;
  problems: Problem[] | null = null;
  /** Max count read ahead of a structure that ends in a conformant array. */
  max = 0;
  /** Fields of the structure being read, for size expressions. */
  scope: { readonly [name: string]: Value } | null = null;
  params: { readonly [name: string]: Value } | null = null;
  request: Fields | null = null;
  depth = 0;
  elements = 0;
  /** Full pointers by referent id ([C706] 14.3.11.1). */
  full: Map<number, Value> | null = null;

  constructor(stub: Span, encoding: Encoding) {
    super(stub.block, stub.start, stub.end, encoding.littleEndian);
    this.ndr64 = encoding.syntax === 'ndr64';
  }

  problem(code: ProblemCode, message: string, spec: string | null = null, at = this.offset): void {
    const problems = (this.problems ??= []);
    if (problems.length < MAX_PROBLEMS) problems.push({ kind: 'problem', layer: 'ndr', code, message: `${message} (stub offset ${at})`, spec, at: { stub: at } });
  }

  /** Alignment with its padding kept: owned by a leaf when traced, taped when recorded. */
  pad(size: number): void {
    const over = (this.pos - this.base) & (size - 1);
    if (over === 0) return;
    const from = this.pos;
    this.skip(size - over);
    if (this.tracer === null && this.tape === null) return;
    if (this.failed) return;
    this.tape?.push(this.u8.slice(from, this.pos));
    this.tracer?.padding(from - this.base, this.pos - this.base);
  }

  /** A conformance, offset or actual count: 4 bytes, 8 in NDR64. */
  count(name: string): number {
    const wide = this.ndr64;
    this.pad(wide ? 8 : 4);
    const from = this.offset;
    let value = this.u32();
    if (wide) {
      const other = this.u32();
      value = this.littleEndian ? value + other * 0x1_0000_0000 : value * 0x1_0000_0000 + other;
    }
    this.tracer?.hidden(name, wide ? 'hyper' : 'ULONG', from, this.offset, value);
    return value;
  }

  /** False, with a problem, where `count` elements of at least `least` bytes cannot be there. */
  room(count: number, least: number): boolean {
    if (this.failed) return false;
    if (count * least > this.remaining) {
      this.problem('ndr-bad-conformance', `${count} elements are announced and ${this.remaining} bytes are left`, '[C706] 14.3.3');
      this.fail(count * least);
      return false;
    }
    this.elements += count;
    if (this.elements <= MAX_ELEMENTS) return true;
    this.problem('ndr-limit', `more than ${MAX_ELEMENTS} array elements in one stub`);
    this.fail(0);
    return false;
  }

  /** Enters a constructed type; false, with a problem, past the depth that is followed. */
  enter(): boolean {
    if (++this.depth <= MAX_DEPTH) return true;
    if (!this.failed) this.problem('ndr-limit', `types nest deeper than ${MAX_DEPTH}`);
    this.fail(0);
    return false;
  }

  leave(): void {
    this.depth--;
  }
}
