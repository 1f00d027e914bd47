import { readFileSync } from 'node:fs';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import type { Frame } from '../../src/types.js';

/** The frames of a capture file, all in one block. */
export function framesIn(path: string): readonly Frame[] {
  const reader = new CaptureReader();
  const out: CaptureOutput[] = [];
  const bytes = new Uint8Array(readFileSync(path));
  reader.push(blockOf(bytes), 0, bytes.length, out);
  return out.filter((item) => item.kind === 'frame');
}
