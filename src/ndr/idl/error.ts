/** A place in IDL text; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What is wrong with IDL text, and where. Its message begins with `file:line:column: `. */
export class IdlError extends Error {
  readonly place: Place;

  constructor(message: string, place: Place) {
    super(`${place.file}:${place.line}:${place.column}: ${message}`);
    this.place = place;
  }
}

/** Named bounds of reading IDL; docs/limits.md lists them. */
export const IDL_LIMITS = {
  /** UTF-16 units of one file. */
  length: 8 * 1024 * 1024,
  /** Tokens of all files together, macros expanded. */
  tokens: 2_000_000,
  /** Nesting of types, declarators, expressions and imports, and typedefs behind one another. */
  depth: 64,
  /** Files read for one `--idl`, imports included. */
  files: 256,
} as const;
