/** One parser under attack: what holds for every input, and what shows it. */
export interface Target {
  readonly name: string;
  /** What holds for every input, in a sentence. */
  readonly law: string;
  /** Longest input that the engine makes, in bytes. */
  readonly most: number;
  /** Parts of paths whose code guides the engine, where all of it would only slow it: everything unless told. */
  readonly covers?: readonly string[];
  /** Inputs to begin with, made from what the package ships. */
  readonly seeds: () => readonly Uint8Array[];
  /** Throws where the law does not hold. */
  readonly run: (bytes: Uint8Array) => void;
}

/** A law does not hold. */
export class LawBroken extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LawBroken';
  }
}

/** @throws LawBroken unless `holds` */
export function law(holds: boolean, message: () => string): void {
  if (!holds) throw new LawBroken(message());
}

type Declared = abstract new (...args: never[]) => Error;

/** What `read` gives; null where it refuses with an error that it declares. Any other error passes. */
export function unlessRefused<Result>(read: () => Result, ...declared: readonly Declared[]): Result | null {
  try {
    return read();
  } catch (error) {
    if (declared.some((one) => error instanceof one)) return null;
    throw error;
  }
}

/** An error as code throws that knows what it does: of the plain class, with words; not one of the language's own. */
export function unlessSaid<Result>(read: () => Result): Result | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && error.constructor === Error && error.message !== '') return null;
    throw error;
  }
}

/** The same text for the same values: bytes, big numbers and the order of names count. */
export function told(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (inner instanceof Uint8Array) return `bytes ${Buffer.from(inner).toString('hex')}`;
    if (typeof inner === 'number' && (!Number.isFinite(inner) || Object.is(inner, -0))) return `number ${inner}`;
    return inner;
  });
}

/** Takes numbers off the front of an input: what the rest is to be read as. */
export class Choices {
  private at = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }

  word(): number {
    return this.byte() | (this.byte() << 8);
  }

  /** One of a list. */
  of<One>(list: readonly [One, ...One[]]): One {
    return list[this.byte() % list.length] ?? list[0];
  }

  /** A copy of the next bytes, as many as are left. */
  take(count: number): Uint8Array {
    const taken = this.bytes.slice(this.at, this.at + count);
    this.at = Math.min(this.bytes.length, this.at + count);
    return taken;
  }

  rest(): Uint8Array {
    return this.take(this.left);
  }
}

/** Bytes in pieces of a size. */
export function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const encoder = new TextEncoder();

export function textBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of an input, whatever its bytes are. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
