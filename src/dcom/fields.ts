import { guidAt } from '../bytes/guid.js';
import { hex64Of } from '../bytes/hex.js';
import type { TraceNode } from '../ndr/codec.js';
import type { Span, Value } from '../types.js';
import { leaf } from './trace-nodes.js';

/** Adds the fields of a packed structure one after another, as far as its bytes go; little-endian. */
export class Fields {
  readonly nodes: TraceNode[] = [];
  private readonly bytes: Span;
  private readonly size: number;
  at = 0;

  constructor(bytes: Span) {
    this.bytes = bytes;
    this.size = bytes.end - bytes.start;
  }

  get left(): number {
    return this.size - this.at;
  }

  /** A field of `length` bytes; null, and cut short, where the bytes end. */
  // oxlint-disable-next-line max-params -- the one place under the named fields below
  private add(
    name: string,
    type: string,
    length: number,
    section: string,
    read: (at: number) => Value,
    meaning: (value: Value) => string | null = () => null,
  ): Value {
    const whole = this.left >= length;
    const value = whole ? read(this.bytes.start + this.at) : null;
    const end = this.at + Math.min(length, this.left);
    if (end > this.at)
      this.nodes.push({
        ...leaf(name, type, this.at, end, value, section),
        meaning: value === null ? null : meaning(value),
      });
    this.at = end;
    return value;
  }

  word(name: string, section: string, meaning?: (value: Value) => string | null): Value {
    return this.add(name, 'ULONG', 4, section, (at) => this.bytes.block.view.getUint32(at, true), meaning);
  }

  short(name: string, section: string): Value {
    return this.add(name, 'USHORT', 2, section, (at) => this.bytes.block.view.getUint16(at, true));
  }

  wide(name: string, type: string, section: string): void {
    const { view } = this.bytes.block;
    this.add(name, type, 8, section, (at) => hex64Of(view.getUint32(at + 4, true), view.getUint32(at, true)));
  }

  guid(name: string, type: string, section: string): Value {
    return this.add(name, type, 16, section, (at) => guidAt(this.bytes.block.view, at, true));
  }

  /** Whether a zero stands here, or nothing. */
  terminated(): boolean {
    return this.left < 2 || this.bytes.block.view.getUint16(this.bytes.start + this.at, true) === 0;
  }

  /** A text with its terminator, no further than offset `stop`. */
  text(name: string, stop: number, section: string): void {
    const { view } = this.bytes.block;
    const end = Math.min(this.size, Math.max(stop, this.at));
    let to = this.at;
    let found = '';
    while (to + 2 <= end) {
      const unit = view.getUint16(this.bytes.start + to, true);
      to += 2;
      if (unit === 0) break;
      found += String.fromCharCode(unit);
    }
    this.add(name, 'WCHAR[]', to - this.at, section, () => found);
  }

  /** The bytes up to an offset. */
  upTo(name: string, end: number, section: string): void {
    this.add(name, 'byte[]', Math.min(this.left, Math.max(0, end - this.at)), section, () => null);
  }

  rest(name: string, section: string): void {
    this.add(name, 'byte[]', this.left, section, () => null);
  }

  adopt(node: TraceNode): void {
    if (node.end > node.start) this.nodes.push(node);
    this.at = Math.max(this.at, node.end);
  }
}
