import { Cursor } from '../bytes/cursor.js';
import type { Problem, ProblemCode, Span, Value } from '../types.js';
import type { Encoding } from './codec.js';
import { MAX_VALUE_DEPTH, MAX_ELEMENTS, MAX_PROBLEMS } from './limits.js';
import type { CountEntry, TapeEntry } from './tape.js';
import type { OpenNode, Tracer } from './tracer.js';
import type { Fields } from './value.js';

/**
 * A decode in progress. One walk serves decoding, tracing and recording: `tracer` and `tape` are null unless asked for.
 */
export class Decoder extends Cursor {
  /** Changes while a type that has an encoding of its own is read. */
  ndr64: boolean;
  tracer: Tracer | null = null;
  /** Nodes of structures whose pointers are still to be followed; used while tracing. */
  opened: Map<Value, OpenNode> | null = null;
  tape: TapeEntry[] | null = null;
  problems: Problem[] | null = null;
  /** Path of the first read that did not fit; null unless tracing. */
  failedPath: string | null = null;
  /** A problem says already why reading stopped. */
  explained = false;
  /** Max count read ahead of a structure that ends in a conformant array, and its entry while recording. */
  max = 0;
  counts: CountEntry | null = null;
  /** Fields of the structure being read, for size expressions. */
  scope: Fields | null = null;
  params: Fields | null = null;
  request: Fields | null = null;
  /** Levels of the value being read; see MAX_VALUE_DEPTH. */
  depth: number;
  elements = 0;
  /** Full pointers by referent id ([C706] 14.3.11.1), with the node of the type they point to. */
  full: Map<number | bigint, { readonly node: object; readonly value: Value }> | null = null;

  constructor(stub: Span, encoding: Encoding, depth = 0) {
    super(stub.block, stub.start, stub.end, encoding.littleEndian);
    this.ndr64 = encoding.syntax === 'ndr64';
    this.depth = depth;
  }

  /** Begins anew on another stub of the same encoding, with nothing traced or recorded. */
  reset({ block, start, end }: Span, depth = 0): void {
    // The next stub lies mostly in the same block, and what is written into an old object is noted for the collector.
    if (this.view !== block.view) {
      this.u8 = block.u8;
      this.view = block.view;
    }
    this.base = this.pos = start;
    this.end = end;
    this.failedAt = -1;
    this.wanted = this.elements = 0;
    this.depth = depth;
    this.problems = null;
    this.explained = false;
    this.full = null;
  }

  override fail(wanted: number): 0 {
    if (this.failedAt < 0 && this.tracer !== null) this.failedPath = this.tracer.path();
    return super.fail(wanted);
  }

  /** Notes what is wrong; once reading has stopped, nothing more can be. */
  problem(code: ProblemCode, message: string, spec: string | null = null, at = this.offset): void {
    if (this.failedAt >= 0) return;
    this.note(code, `${message} (stub offset ${at})`, spec, at, this.tracer === null ? null : this.tracer.path());
  }

  note(code: ProblemCode, message: string, spec: string | null, at: number, path: string | null): void {
    const problems = (this.problems ??= []);
    if (problems.length < MAX_PROBLEMS)
      problems.push({
        kind: 'problem',
        layer: 'ndr',
        code,
        message,
        spec,
        at: path === null || path === '' ? { stub: at } : { stub: at, path },
      });
  }

  /** Stops reading for a reason of its own. */
  giveUp(code: ProblemCode, message: string, spec: string | null = null, at = this.offset): void {
    if (this.failedAt >= 0) return;
    this.problem(code, message, spec, at);
    this.explained = true;
    this.fail(0);
  }

  /** Alignment with its padding kept: owned by a leaf when traced, taped when recorded. */
  pad(size: number): void {
    const over = (this.pos - this.base) & (size - 1);
    if (over === 0) return;
    const from = this.pos;
    this.skip(size - over);
    if (this.tracer === null && this.tape === null) return;
    if (this.failed) return;
    this.tape?.push({ kind: 'padding', bytes: this.u8.slice(from, this.pos) });
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
      if (value > Number.MAX_SAFE_INTEGER)
        this.giveUp('ndr-bad-conformance', `${name} is ${value}`, '[MS-RPCE] 2.2.5.3.2', from);
    }
    if (this.tracer !== null && this.offset > from)
      this.tracer.hidden(name, wide ? 'hyper' : 'ULONG', from, this.offset, value);
    return value;
  }

  /** False, with a problem, where `count` elements of at least `least` bytes cannot be there. */
  room(count: number, least: number): boolean {
    if (this.failedAt >= 0) return false;
    if (count * least > this.end - this.pos) {
      this.giveUp(
        'ndr-bad-conformance',
        `${count} elements are announced and ${this.remaining} bytes are left`,
        '[C706] 14.3.3',
      );
      return false;
    }
    this.elements += count;
    if (this.elements <= MAX_ELEMENTS) return true;
    this.giveUp('ndr-limit', `more than ${MAX_ELEMENTS} array elements in one stub`);
    return false;
  }

  /** Goes back to before a failure, so that the same bytes can be read with more care. */
  rewind(pos: number, end: number, problems: number): void {
    this.pos = pos;
    this.end = end;
    this.failedAt = -1;
    this.wanted = 0;
    if (this.problems !== null) {
      if (problems === 0) this.problems = null;
      else this.problems.length = problems;
    }
  }

  /** Enters a record, a list, a union or what a pointer points to; false, with a problem, past the depth that is followed. */
  enter(): boolean {
    if (++this.depth <= MAX_VALUE_DEPTH) return true;
    this.giveUp('ndr-limit', `types nest deeper than ${MAX_VALUE_DEPTH}`);
    return false;
  }

  leave(): void {
    this.depth--;
  }
}

/**
 * A decoder that is used again from stub to stub of one encoding, for making one costs as much as reading a small stub. A
 * stub that is read inside another gets one of its own.
 */
export class SpareDecoder {
  private readonly encoding: Encoding;
  private decoder: Decoder | null = null;

  constructor(encoding: Encoding) {
    this.encoding = encoding;
  }

  /** A decoder at the beginning of a stub. */
  take(stub: Span, depth: number): Decoder {
    const { decoder } = this;
    if (decoder === null) return new Decoder(stub, this.encoding, depth);
    this.decoder = null;
    decoder.reset(stub, depth);
    return decoder;
  }

  /** To be called when a stub was read to its end; a decoder that failed is not used again. */
  giveBack(decoder: Decoder): void {
    if (!decoder.failed && decoder.problems === null) this.decoder = decoder;
  }
}
