import type { Frame } from '../../src/types.js';

/** A connection of a capture: where its frames stand, and the frames of each of its ends. */
interface Street {
  readonly places: number[];
  readonly sides: readonly [Frame[], Frame[]];
}

/** The ends of a frame of TCP over Ethernet and IP, as text; null for any other. */
function endsOf({ block, start, end }: Frame): readonly [string, string] | null {
  const { view, u8 } = block;
  const type = view.getUint16(start + 12);
  if (type !== 0x0800 && type !== 0x86dd) return null;
  const ip = start + 14;
  const [from, size, tcp] = type === 0x0800 ? [ip + 12, 4, ip + 20] : [ip + 8, 16, ip + 40];
  if (tcp + 4 > end) return null;
  const text = (at: number, port: number): string =>
    `${Buffer.from(u8.subarray(at, at + size)).toString('hex')}:${view.getUint16(port)}`;
  return [text(from, tcp), text(from + size, tcp + 2)];
}

/**
 * The frames of a capture with the two directions of every connection merged anew: `pick` chooses which side goes next.
 * Each direction keeps its order, and connections keep their places.
 */
export function interleaved(frames: readonly Frame[], pick: () => 0 | 1): readonly Frame[] {
  const streets = new Map<string, Street>();
  for (const [place, frame] of frames.entries()) {
    const ends = endsOf(frame);
    if (ends === null) continue;
    const [low = '', high = ''] = ends.toSorted();
    const street = streets.get(low + high) ?? { places: [], sides: [[], []] };
    streets.set(low + high, street);
    street.places.push(place);
    street.sides[ends[0] === low ? 0 : 1].push(frame);
  }
  const out = [...frames];
  for (const { places, sides } of streets.values()) {
    for (const place of places) {
      const side = pick();
      const frame = sides[side].shift() ?? sides[side === 0 ? 1 : 0].shift();
      if (frame !== undefined) out[place] = frame;
    }
  }
  return out;
}
