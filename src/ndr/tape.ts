import type { Value } from '../types.js';

/**
 * What a value does not show of its bytes, one entry for each place that hides something, in wire order. An encode asks
 * for the entries in the same order and takes one only where it still goes with the value: a changed value gets the
 * canonical form. An entry stands before the bytes it is about, so one that is not known until they are read is filled
 * in then.
 */
export type TapeEntry =
  | { readonly kind: 'padding'; readonly bytes: Uint8Array }
  /** `ref`: of a reference pointer, which cannot be null unless the original broke the rule. */
  | { readonly kind: 'referent'; readonly id: number | bigint; readonly ref: boolean }
  | CountEntry
  | BlobEntry
  /** Discriminant of a non-encapsulated union, and what the field that repeats it said. */
  | { readonly kind: 'discriminant'; readonly tag: number; readonly wanted: number | null }
  /** Bits of a float or date that its text or number does not pin down. */
  | { readonly kind: 'bits'; readonly bits: bigint }
  | { readonly kind: 'decimal'; readonly reserved: number; readonly sign: number }
  | PickleEntry
  | ShownEntry
  | ObjrefEntry
  /** What followed the last parameter. */
  | { readonly kind: 'trailing'; readonly bytes: Uint8Array };

/** Counts in front of a varying array or a string; filled in as they are read. */
export interface CountEntry {
  readonly kind: 'counts';
  max: number;
  offset: number;
  actual: number;
  /** What size_is and length_is said, null where nothing did. */
  size: number | null;
  length: number | null;
  /** A string had its terminator. */
  terminated: boolean;
}

/** FLAGGED_WORD_BLOB of a BSTR. */
export interface BlobEntry {
  readonly kind: 'blob';
  max: number;
  cBytes: number;
  clSize: number;
  little: boolean;
}

/** Headers of a serialised type, and what fills it up behind its value. */
export interface PickleEntry {
  readonly kind: 'pickle';
  readonly header: Uint8Array;
  length: number;
  tail: Uint8Array;
}

/** Bytes of an OBJREF and what they were shown as; `size` is ulCntData. */
export interface ObjrefEntry {
  readonly kind: 'objref';
  shown: Value;
  bytes: Uint8Array;
  size: number;
}

/** What a transform was given and what it made of it. */
export interface ShownEntry {
  readonly kind: 'shown';
  wire: Value;
  shown: Value;
}

export type TapeKind = TapeEntry['kind'];
