import { readFileSync, writeFileSync } from 'node:fs';
import { blockOf } from '../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../src/capture/reader.js';
import { pcapngHeader, pcapngInterface, pcapngPacket } from '../../src/capture/write.js';
import type { Frame } from '../../src/types.js';

/** The packets of a capture. */
export function framesOf(path: string): readonly Frame[] {
  const bytes = new Uint8Array(readFileSync(path));
  const reader = new CaptureReader({ framesBefore: 0 });
  const items: CaptureOutput[] = [];
  reader.push(blockOf(bytes), 0, bytes.length, items);
  reader.end(items);
  return items.filter((item) => item.kind === 'frame');
}

/** Writes packets as a pcapng file. */
export function writeFrames(path: string, frames: readonly Frame[]): void {
  const types = [...new Set(frames.map(({ linkType }) => linkType))];
  const [first = 1, ...others] = types;
  const blocks = frames.map(({ block, start, end, timeS, timeNs, wireLength, linkType }) =>
    pcapngPacket({
      timeS,
      timeNs,
      data: block.u8.subarray(start, end),
      wireLength,
      interfaceId: types.indexOf(linkType),
      comments: [],
    }),
  );
  writeFileSync(path, Buffer.concat([pcapngHeader(first), ...others.map((type) => pcapngInterface(type)), ...blocks]));
}
