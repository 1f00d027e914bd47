import type { Readable } from 'node:stream';
import type { Registry } from '../ndr/codec.js';
import type { Names } from '../output/names.js';
import type { Batch } from './batch.js';

/** Everything a command may ask for, made ready once. */
export interface Knowledge {
  readonly registry: Registry;
  readonly names: Names;
  /** What a number, name or GUID means, as lines for people; null when nobody knows. */
  readonly explain: (text: string) => readonly string[] | null;
  /** Meaning and cause of a result in words; null when nobody knows it. */
  readonly words: (value: number) => { readonly meaning: string | null; readonly cause: string | null } | null;
  /** Names of codes like a misspelt one, nearest first. */
  readonly near: (text: string) => readonly string[];
  /** Opens a capture; `-` is `stdin`. @throws UsageError when it cannot be read at all. */
  open(path: string, framesBefore: number, stdin: Readable, signal?: AbortSignal): AsyncIterable<Batch>;
}
