import type { Readable } from 'node:stream';
import type { Registry } from '../ndr/codec.js';
import type { Names } from '../output/names.js';
import type { Batch } from './decode.js';

/** Everything a command may ask for, made ready once. */
export interface Knowledge {
  readonly registry: Registry;
  readonly names: Names;
  /** What a number, name or GUID means, as lines for people; null when nobody knows. */
  explain(text: string): readonly string[] | null;
  /** Opens a capture; `-` is `stdin`. @throws UsageError when it cannot be read at all. */
  open(path: string, framesBefore: number, stdin: Readable): AsyncIterable<Batch>;
}
