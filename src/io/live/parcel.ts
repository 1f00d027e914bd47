import { blockOf } from '../../bytes/block.js';
import type { Frame } from '../../types.js';

/** Numbers of one frame, in the order of {@link Parcel.numbers}. */
const NUMBERS = 9;

/** Frames as two pieces of memory, which another thread takes over without copying. */
export interface Parcel {
  /** Their bytes, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /**
   * Of each frame: number, length, time (seconds, nanoseconds, whether it has one), link type, length on the wire,
   * interface, offset in the input.
   */
  readonly numbers: Float64Array<ArrayBuffer>;
}

export function parcelOf(frames: readonly Frame[]): Parcel {
  const bytes = new Uint8Array(frames.reduce((sum, { start, end }) => sum + end - start, 0));
  const numbers = new Float64Array(frames.length * NUMBERS);
  let to = 0;
  for (const [
    at,
    { number, block, start, end, timeS, timeNs, hasTime, linkType, wireLength, interfaceId, offset },
  ] of frames.entries()) {
    bytes.set(block.u8.subarray(start, end), to);
    to += end - start;
    numbers.set(
      [number, end - start, timeS, timeNs, hasTime ? 1 : 0, linkType, wireLength, interfaceId, offset],
      at * NUMBERS,
    );
  }
  return { bytes, numbers };
}

export function framesOf({ bytes, numbers }: Parcel): Frame[] {
  const block = blockOf(bytes);
  const frames: Frame[] = [];
  let start = 0;
  for (let at = 0; at < numbers.length; at += NUMBERS) {
    const [
      number = 0,
      size = 0,
      timeS = 0,
      timeNs = 0,
      hasTime = 0,
      linkType = 0,
      wireLength = 0,
      interfaceId = 0,
      offset = 0,
    ] = numbers.subarray(at, at + NUMBERS);
    frames.push({
      kind: 'frame',
      number,
      block,
      start,
      end: start + size,
      timeS,
      timeNs,
      hasTime: hasTime === 1,
      linkType,
      wireLength,
      interfaceId,
      offset,
    });
    start += size;
  }
  return frames;
}
