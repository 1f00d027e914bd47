/** Block_Maximum_Size of RFC 8878 3.1.1.2.4. */
export const MAX_BLOCK = 128 * 1024;

/** Where a table of codes comes from (RFC 8878 3.1.1.3.2.1). */
const MODE = { predefined: 0, rle: 1, described: 2, repeat: 3 } as const;
/** Kinds of literals (RFC 8878 3.1.1.3.1.1). */
const LITERALS = { raw: 0, rle: 1, compressed: 2, treeless: 3 } as const;
/** Longest code of literals, and accuracy of the table of their weights (RFC 8878 4.2.1). */
const MAX_HUFFMAN_BITS = 11;
const MAX_WEIGHT_LOG = 6;
/** Widest read of a backward stream that one look at four bytes serves. */
const WIDEST = 25;
/** Zeros kept behind bytes, so that four can be looked at anywhere. */
const PADDING = 8;

/** What one of the three kinds of codes is: baseline and extra bits by code, the table that needs no description. */
interface Kind {
  readonly maxLog: number;
  readonly bases: readonly number[];
  readonly bits: readonly number[];
  readonly predefined: Fse;
}

/** A table of finite state entropy: symbol, bits to read and where to go with them, by state (RFC 8878 4.1). */
interface Fse {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly next: Uint16Array;
}

/** Codes of literals: symbol and length by the next bits. */
interface Huffman {
  readonly bits: number;
  readonly symbols: Uint8Array;
  readonly lengths: Uint8Array;
}

const LITERAL_BITS = [...Array<number>(16).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const MATCH_BITS = [...Array<number>(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const OFFSET_BITS = Array.from({ length: 32 }, (_, code) => code);

/** Each baseline lies behind what the code before it can say. */
function basesOf(bits: readonly number[], first: number): readonly number[] {
  let base = first;
  return bits.map((width) => {
    const own = base;
    base += 2 ** width;
    return own;
  });
}

/** Distributions that need no description (RFC 8878 3.1.1.3.2.2). */
const LITERAL_SHARES = [
  4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
];
const MATCH_SHARES = [1, 4, 3, 2, 2, 2, 2, 2, 2, ...Array<number>(37).fill(1), -1, -1, -1, -1, -1, -1, -1];
const OFFSET_SHARES = [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1];

const KINDS = {
  literals: { maxLog: 9, bits: LITERAL_BITS, bases: basesOf(LITERAL_BITS, 0), predefined: tableOf(LITERAL_SHARES, 6) },
  offsets: {
    maxLog: 8,
    bits: OFFSET_BITS,
    bases: OFFSET_BITS.map((bits) => 2 ** bits),
    predefined: tableOf(OFFSET_SHARES, 5),
  },
  matches: { maxLog: 9, bits: MATCH_BITS, bases: basesOf(MATCH_BITS, 3), predefined: tableOf(MATCH_SHARES, 6) },
} as const satisfies Record<string, Kind>;

/**
 * Decodes the blocks of one frame of zstd (RFC 8878 3.1.1.2): no step writes past the size of a block, and no stream is
 * read past its end, so that work is bounded by what a block may hold. Memory grows with what came out, up to the
 * window. @throws Error that says what is wrong
 */
export class ZstdBlocks {
  private readonly window: number;
  private readonly most: number;
  /** What came out last; matches refer to it. */
  private history: Uint8Array = new Uint8Array(0);
  private end = 0;
  private huffman: Huffman | null = null;
  private literalsTable: Fse | null = null;
  private offsetsTable: Fse | null = null;
  private matchesTable: Fse | null = null;
  private readonly repeats: [number, number, number] = [1, 4, 8];

  constructor(window: number) {
    this.window = window;
    this.most = Math.min(window, MAX_BLOCK);
  }

  /** Takes bytes as they are. */
  raw(bytes: Uint8Array): Uint8Array {
    this.reserve(bytes.length);
    this.history.set(bytes, this.end);
    return this.out(bytes.length);
  }

  /** One byte, `count` times. */
  rle(byte: number, count: number): Uint8Array {
    this.reserve(count);
    this.history.fill(byte, this.end, this.end + count);
    return this.out(count);
  }

  /** A compressed block, from the header of its literals on. */
  compressed(block: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(block.length + PADDING);
    bytes.set(block);
    const { literals, at } = this.literals(bytes, block.length);
    this.reserve(this.most);
    return this.out(this.sequences(bytes, at, block.length, literals));
  }

  /** Room for so many bytes more behind what matches may refer to. */
  private reserve(count: number): void {
    if (this.end + count <= this.history.length) return;
    const kept = Math.min(this.end, this.window);
    const from = this.end - kept;
    const spare = Math.max(8 * MAX_BLOCK, this.window >> 2);
    const target =
      this.history.length >= this.window + spare
        ? this.history
        : grown(this.history, kept + count, this.window + spare);
    target.set(this.history.subarray(from, this.end));
    this.history = target;
    this.end = kept;
  }

  private out(count: number): Uint8Array {
    this.end += count;
    return this.history.slice(this.end - count, this.end);
  }

  /** The literals section (RFC 8878 3.1.1.3.1). */
  private literals(bytes: Uint8Array, length: number): { readonly literals: Uint8Array; readonly at: number } {
    const { kind, header, size, stored, streams } = literalsHeader(bytes);
    if (size > this.most) throw new Error(`a block claims ${size} literals where ${this.most} is the most`);
    const end = header + stored;
    if (end > length) throw new Error('a block ends inside its literals');
    if (kind === LITERALS.raw) return { literals: bytes.subarray(header, end), at: end };
    if (kind === LITERALS.rle) return { literals: new Uint8Array(size).fill(bytes[header] ?? 0), at: end };
    let from = header;
    if (kind === LITERALS.compressed) {
      const described = readHuffman(bytes, header, end);
      this.huffman = described.table;
      from = described.at;
    }
    if (this.huffman === null) throw new Error('a block uses codes of literals that no block before it described');
    const literals = new Uint8Array(size);
    if (streams === 1) decodeStream(this.huffman, new Backward(bytes, from, end), literals);
    else decodeStreams(this.huffman, bytes, from, end, literals);
    return { literals, at: end };
  }

  /** The sequences section (RFC 8878 3.1.1.3.2), carried out; the bytes that came of it. */
  private sequences(bytes: Uint8Array, start: number, length: number, literals: Uint8Array): number {
    if (start >= length) throw new Error('a block ends before its sequences');
    const first = bytes[start] as number;
    let at = start + 1;
    let count = first;
    if (first === 255) {
      count = (bytes[at] as number) + ((bytes[at + 1] as number) << 8) + 0x7f00;
      at += 2;
    } else if (first > 127) count = ((first - 128) << 8) + (bytes[at++] as number);
    if (count === 0) {
      if (at !== length) throw new Error('bytes follow a block without sequences');
      this.history.set(literals, this.end);
      return literals.length;
    }
    const modes = bytes[at++] as number;
    if ((modes & 3) !== 0) throw new Error('a block sets bits of its modes that are reserved');
    const table = (kind: Kind, mode: number, before: Fse | null): Fse => {
      const read = readTable({ bytes, at, end: length }, kind, mode, before);
      at = read.at;
      return read.table;
    };
    this.literalsTable = table(KINDS.literals, modes >>> 6, this.literalsTable);
    this.offsetsTable = table(KINDS.offsets, (modes >>> 4) & 3, this.offsetsTable);
    this.matchesTable = table(KINDS.matches, (modes >>> 2) & 3, this.matchesTable);
    const stream = new Backward(bytes, at, length);
    return this.carryOut(stream, count, literals);
  }

  private carryOut(stream: Backward, count: number, literals: Uint8Array): number {
    const [byLiteral, byOffset, byMatch] = [this.literalsTable, this.offsetsTable, this.matchesTable] as [
      Fse,
      Fse,
      Fse,
    ];
    const { history, most } = this;
    const begin = this.end;
    let to = begin;
    let used = 0;
    let literalState = stream.read(byLiteral.log);
    let offsetState = stream.read(byOffset.log);
    let matchState = stream.read(byMatch.log);
    for (let left = count; left > 0; left--) {
      const offsetCode = byOffset.symbols[offsetState] as number;
      const matchCode = byMatch.symbols[matchState] as number;
      const literalCode = byLiteral.symbols[literalState] as number;
      const value = 2 ** offsetCode + stream.read(offsetCode);
      const match = (KINDS.matches.bases[matchCode] as number) + stream.read(MATCH_BITS[matchCode] as number);
      const own = (KINDS.literals.bases[literalCode] as number) + stream.read(LITERAL_BITS[literalCode] as number);
      const offset = this.offset(value, own);
      if (own > literals.length - used) throw new Error('a block uses more literals than it has');
      if (own + match > most - (to - begin)) throw new Error(`a block expands past the ${most} bytes it can hold`);
      if (own > 0) {
        copy(literals, used, history, to, own);
        used += own;
        to += own;
      }
      if (offset > to) throw new Error('a block refers to bytes before the beginning');
      repeat(history, to, offset, match);
      to += match;
      if (left === 1) break;
      literalState = (byLiteral.next[literalState] as number) + stream.read(byLiteral.bits[literalState] as number);
      matchState = (byMatch.next[matchState] as number) + stream.read(byMatch.bits[matchState] as number);
      offsetState = (byOffset.next[offsetState] as number) + stream.read(byOffset.bits[offsetState] as number);
    }
    if (!stream.over) throw new Error('a block has bits left over behind its sequences');
    const rest = literals.length - used;
    if (rest > most - (to - begin)) throw new Error(`a block expands past the ${most} bytes it can hold`);
    copy(literals, used, history, to, rest);
    return to + rest - begin;
  }

  /** The offset that a value means, and the ones to come back to (RFC 8878 3.1.1.5). */
  private offset(value: number, literals: number): number {
    const { repeats } = this;
    const [first, second, third] = repeats;
    if (value > 3) {
      this.remember(value - 3, first, second);
      return value - 3;
    }
    const which = literals === 0 ? value : value - 1;
    if (which === 0) return first;
    const offset = [first, second, third, first - 1][which] as number;
    if (offset === 0) throw new Error('a block refers to an offset of 0');
    this.remember(offset, first, which === 1 ? third : second);
    return offset;
  }

  private remember(first: number, second: number, third: number): void {
    this.repeats[0] = first;
    this.repeats[1] = second;
    this.repeats[2] = third;
  }
}

/** A larger buffer, twice as large at least, but for what can never be needed. */
function grown(before: Uint8Array, least: number, most: number): Uint8Array {
  return new Uint8Array(Math.max(least, Math.min(most, 2 * before.length)));
}

function copy(from: Uint8Array, at: number, to: Uint8Array, place: number, count: number): void {
  if (count > 32) to.set(from.subarray(at, at + count), place);
  else for (let i = 0; i < count; i++) to[place + i] = from[at + i] as number;
}

/** Copies bytes that came before, which may be those that are being written. */
function repeat(bytes: Uint8Array, to: number, offset: number, count: number): void {
  const from = to - offset;
  if (offset >= count && count > 32) bytes.copyWithin(to, from, from + count);
  else for (let i = 0; i < count; i++) bytes[to + i] = bytes[from + i] as number;
}

interface LiteralsHeader {
  readonly kind: number;
  /** Bytes of the header, and of what follows it. */
  readonly header: number;
  readonly stored: number;
  /** Literals that come of it. */
  readonly size: number;
  readonly streams: 1 | 4;
}

/** RFC 8878 3.1.1.3.1.1. */
function literalsHeader(bytes: Uint8Array): LiteralsHeader {
  const first = bytes[0] as number;
  const kind = first & 3;
  const format = (first >>> 2) & 3;
  const word = first | ((bytes[1] as number) << 8) | ((bytes[2] as number) << 16);
  if (kind < LITERALS.compressed) {
    const header = [1, 2, 1, 3][format] as number;
    let size = first >>> 3;
    if (header > 1) size = header === 2 ? (word & 0xffff) >>> 4 : word >>> 4;
    return { kind, header, size, stored: kind === LITERALS.raw ? size : 1, streams: 1 };
  }
  const bits = [10, 10, 14, 18][format] as number;
  const all = word + (bytes[3] as number) * 2 ** 24 + (bytes[4] as number) * 2 ** 32;
  return {
    kind,
    header: [3, 3, 4, 5][format] as number,
    size: Math.floor(all / 16) % 2 ** bits,
    stored: Math.floor(all / 2 ** (4 + bits)) % 2 ** bits,
    streams: format === 0 ? 1 : 4,
  };
}

/** A stream that is read from its end: its last byte has a 1 above the first bits (RFC 8878 4.1). */
class Backward {
  private readonly bytes: Uint8Array;
  private readonly start: number;
  /** Bits that are left. */
  left: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    const last = end > start ? (bytes[end - 1] as number) : 0;
    if (last === 0) throw new Error('a stream of a block has no end mark');
    this.bytes = bytes;
    this.start = start;
    this.left = (end - start) * 8 - Math.clz32(last) + 23;
  }

  get over(): boolean {
    return this.left === 0;
  }

  /** The next bits. @throws Error where there are fewer */
  read(count: number): number {
    if (count > WIDEST) return this.read(count - WIDEST) * 2 ** WIDEST + this.read(WIDEST);
    this.left -= count;
    if (this.left < 0) throw new Error('a stream of a block ends before its codes do');
    return this.at(this.left, count);
  }

  /** The next bits, which stay; zeros where there are fewer. */
  peek(count: number): number {
    const from = this.left - count;
    return from >= 0 ? this.at(from, count) : (this.at(0, this.left) << -from) & (2 ** count - 1);
  }

  private at(bit: number, count: number): number {
    const { bytes } = this;
    const i = this.start + (bit >>> 3);
    const word =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    return (word >>> (bit & 7)) & ((1 << count) - 1);
  }
}

/** Where something is read, and where what holds it ends. */
interface Place {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
}

/** A table of codes in one of four modes, and where the next one begins. */
function readTable(
  { bytes, at, end }: Place,
  kind: Kind,
  mode: number,
  before: Fse | null,
): { readonly table: Fse; readonly at: number } {
  switch (mode) {
    case MODE.predefined:
      return { table: kind.predefined, at };
    case MODE.rle: {
      const symbol = bytes[at] as number;
      if (at >= end || symbol >= kind.bits.length) throw new Error('a block repeats a code that there is none of');
      return {
        table: { log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), next: new Uint16Array(1) },
        at: at + 1,
      };
    }
    case MODE.described:
      return readFse({ bytes, at, end }, kind.maxLog, kind.bits.length);
    default:
      if (before === null) throw new Error('a block repeats a table that no block before it had');
      return { table: before, at };
  }
}

/** A description of a table (RFC 8878 4.1.1), and where it ends. */
function readFse(
  { bytes, at, end }: Place,
  maxLog: number,
  maxSymbols: number,
): { readonly table: Fse; readonly at: number } {
  let bit = at * 8;
  const read = (count: number): number => {
    const i = bit >>> 3;
    const word = (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16);
    bit += count;
    return (word >>> ((bit - count) & 7)) & ((1 << count) - 1);
  };
  const log = read(4) + 5;
  if (log > maxLog) throw new Error(`a table of codes has an accuracy of ${log}, more than ${maxLog}`);
  const shares: number[] = [];
  let left = 1 << log;
  while (left > 0 && shares.length < maxSymbols && bit <= end * 8) {
    const width = 32 - Math.clz32(left + 1);
    const low = (1 << (width - 1)) - 1;
    const threshold = (1 << width) - 1 - (left + 1);
    let value = read(width);
    if ((value & low) < threshold) {
      bit--;
      value &= low;
    } else if (value > low) value -= threshold;
    const share = value - 1;
    left -= Math.abs(share);
    shares.push(share);
    for (let more = share === 0 ? 3 : 0; more === 3; ) {
      more = read(2);
      for (let i = 0; i < more; i++) shares.push(0);
      if (shares.length > maxSymbols) break;
    }
  }
  if (left !== 0 || shares.length > maxSymbols || bit > end * 8)
    throw new Error('the description of a table of codes is damaged');
  return { table: tableOf(shares, log), at: Math.ceil(bit / 8) };
}

/** The table of a distribution (RFC 8878 4.1.1): -1 is a share less than one. */
function tableOf(shares: readonly number[], log: number): Fse {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const seen = new Uint16Array(shares.length);
  let high = size;
  for (const [symbol, share] of shares.entries()) {
    seen[symbol] = Math.abs(share);
    if (share === -1) symbols[--high] = symbol;
  }
  const step = (size >>> 1) + (size >>> 3) + 3;
  let place = 0;
  for (const [symbol, share] of shares.entries())
    for (let i = 0; i < share; i++) {
      symbols[place] = symbol;
      do place = (place + step) & (size - 1);
      while (place >= high);
    }
  const bits = new Uint8Array(size);
  const next = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] as number;
    const count = seen[symbol] as number;
    seen[symbol] = count + 1;
    const width = log - (31 - Math.clz32(count));
    bits[state] = width;
    next[state] = (count << width) - size;
  }
  return { log, symbols, bits, next };
}

/** The codes of literals (RFC 8878 4.2.1), and where their description ends. */
function readHuffman(bytes: Uint8Array, at: number, end: number): { readonly table: Huffman; readonly at: number } {
  if (at >= end) throw new Error('a block ends before the codes of its literals');
  const head = bytes[at] as number;
  const from = at + 1;
  const to = from + (head < 128 ? head : (head - 126) >> 1);
  if (to > end) throw new Error('a block ends inside the codes of its literals');
  if (head >= 128) {
    const weights = Array.from(
      { length: head - 127 },
      (_, i) => ((bytes[from + (i >> 1)] as number) >>> ((i & 1) === 0 ? 4 : 0)) & 15,
    );
    return { table: huffmanOf(weights), at: to };
  }
  return { table: huffmanOf(packedWeights(bytes, from, to)), at: to };
}

/** Weights behind a table of their own: two states in turns, until the stream is over (RFC 8878 4.2.1.2). */
function packedWeights(bytes: Uint8Array, from: number, to: number): number[] {
  const { table, at } = readFse({ bytes, at: from, end: to }, MAX_WEIGHT_LOG, MAX_HUFFMAN_BITS + 2);
  const stream = new Backward(bytes, at, to);
  const weights: number[] = [];
  let [state, other] = [stream.read(table.log), stream.read(table.log)];
  while (weights.length < 255) {
    weights.push(table.symbols[state] as number);
    const width = table.bits[state] as number;
    if (stream.left < width) {
      weights.push(table.symbols[other] as number);
      return weights;
    }
    [state, other] = [other, (table.next[state] as number) + stream.read(width)];
  }
  throw new Error('the codes of literals are more than there are bytes');
}

/** Codes of weights; the last weight is what is left (RFC 8878 4.2.1.3). */
function huffmanOf(given: readonly number[]): Huffman {
  const sum = given.reduce((all, weight) => all + (weight === 0 ? 0 : 2 ** (weight - 1)), 0);
  const bits = sum === 0 ? 0 : 32 - Math.clz32(sum);
  const left = 2 ** bits - sum;
  if (bits === 0 || bits > MAX_HUFFMAN_BITS || (left & (left - 1)) !== 0 || given.length > 255)
    throw new Error('the codes of literals are damaged');
  const weights = [...given, 32 - Math.clz32(left)];
  const symbols = new Uint8Array(2 ** bits);
  const lengths = new Uint8Array(2 ** bits);
  let at = 0;
  for (let weight = 1; weight <= bits; weight++)
    for (const [symbol, own] of weights.entries()) {
      if (own !== weight) continue;
      const next = at + 2 ** (weight - 1);
      symbols.fill(symbol, at, next);
      lengths.fill(bits + 1 - weight, at, next);
      at = next;
    }
  if (at !== 2 ** bits) throw new Error('the codes of literals are damaged');
  return { bits, symbols, lengths };
}

/** Four streams behind a table of where they begin (RFC 8878 3.1.1.3.1.6). */
function decodeStreams(table: Huffman, bytes: Uint8Array, from: number, end: number, literals: Uint8Array): void {
  if (end - from < 6) throw new Error('a block ends inside the places of its streams');
  const part = (literals.length + 3) >> 2;
  let at = from + 6;
  for (let stream = 0; stream < 4; stream++) {
    const size = (bytes[from + 2 * stream] as number) | ((bytes[from + 2 * stream + 1] as number) << 8);
    const to = stream === 3 ? end : at + size;
    if (to > end) throw new Error('a block ends inside one of its streams');
    const place = Math.min(stream * part, literals.length);
    const own = literals.subarray(place, stream === 3 ? literals.length : Math.min(place + part, literals.length));
    decodeStream(table, new Backward(bytes, at, to), own);
    at = to;
  }
}

function decodeStream({ bits, symbols, lengths }: Huffman, stream: Backward, out: Uint8Array): void {
  for (let i = 0; i < out.length; i++) {
    const code = stream.peek(bits);
    stream.left -= lengths[code] as number;
    if (stream.left < 0) throw new Error('a stream of literals ends before they do');
    out[i] = symbols[code] as number;
  }
  if (!stream.over) throw new Error('a stream of literals has bits left over');
}
