import { guidAt } from '../bytes/guid.js';
import type { Value } from '../types.js';
import type { Told } from './codec.js';
import type { Decoder } from './decoder.js';
import { readWhole, type Node } from './node.js';
import { topRefNode } from './pointers.js';

/** Reads a header that has its usual form; null, and nothing read, where it has another. */
type PlainHeader = (d: Decoder) => Value;

/**
 * A header of DCOM calls, described like any structure and read by hand in its usual form, without extensions:
 * every stub begins
 * with one, and field by field they took an eighth of decoding.
 */
export function headerNode(node: Node, plain: PlainHeader): Node {
  return {
    ...topRefNode(node),
    flat: (d) => (d.tracer === null && d.tape === null ? plain(d) : null) ?? readWhole(node, d),
  };
}

/** [MS-DCOM] 2.2.13.3 */
export function plainThis(d: Decoder): Value {
  const { view, pos, littleEndian } = d;
  if (d.end - pos < 32 || view.getUint32(pos + 28) !== 0) return null;
  d.pos = pos + 32;
  return {
    version: versionOf(view.getUint16(pos, littleEndian), view.getUint16(pos + 2, littleEndian)),
    flags: view.getUint32(pos + 4, littleEndian),
    reserved1: view.getUint32(pos + 8, littleEndian),
    cid: guidAt(view, pos + 12, littleEndian),
    extensions: null,
  };
}

/** What nearly all answers have in front: one for all of them. */
const NO_FLAGS: Value = Object.freeze({ flags: 0, extensions: null });

/** The versions that were ever spoken, 5.0 to 5.7 ([MS-DCOM] 2.2.11), likewise. */
const VERSIONS: readonly Value[] = Array.from({ length: 8 }, (_, minor) =>
  Object.freeze({ MajorVersion: 5, MinorVersion: minor }),
);

function versionOf(major: number, minor: number): Value {
  const known = major === 5 ? VERSIONS[minor] : undefined;
  return known ?? { MajorVersion: major, MinorVersion: minor };
}

/** [MS-DCOM] 2.2.13.4 */
export function plainThat(d: Decoder): Value {
  const { view, pos } = d;
  if (d.end - pos < 8 || view.getUint32(pos + 4) !== 0) return null;
  d.pos = pos + 8;
  const flags = view.getUint32(pos, d.littleEndian);
  return flags === 0 ? NO_FLAGS : { flags, extensions: null };
}

/** Passes over a header in its usual form, without extensions ([MS-DCOM] 2.2.13.3, 2.2.13.4); false: it has another. */
export function skipHeader(d: Decoder, name: string, told: Pick<Told, 'causality'>): boolean {
  const size = name === 'orpcthis' ? 32 : 8;
  if (d.end - d.pos < size || d.view.getUint32(d.pos + size - 4) !== 0) return false;
  if (name === 'orpcthis') told.causality = d.pos + 12;
  d.pos += size;
  return true;
}
