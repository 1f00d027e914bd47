import type { TraceNode } from '../ndr/codec.js';
import type { Value } from '../types.js';

/** Sections are those of [MS-DCOM]. */
function cited(section: string | null): string | null {
  return section === null ? null : `[MS-DCOM] ${section}`;
}

/** A field that owns the bytes `start` to `end`. */
// oxlint-disable-next-line max-params -- a field in the order in which it is shown: name, type, bytes, value, section
export function leaf(
  name: string,
  type: string,
  start: number,
  end: number,
  value: Value,
  section: string | null = null,
): TraceNode {
  return { name, type, start, end, value, meaning: null, section: cited(section), children: [] };
}

/** A field made of others. */
// oxlint-disable-next-line max-params -- a field in the order in which it is shown: name, type, bytes, value, section
export function group(
  name: string,
  type: string,
  start: number,
  end: number,
  section: string | null,
  children: readonly TraceNode[],
): TraceNode {
  return { name, type, start, end, value: null, meaning: null, section: cited(section), children };
}

/** Nodes whose offsets counted from elsewhere. */
export function shifted(nodes: readonly TraceNode[], by: number): readonly TraceNode[] {
  return nodes.map((node) => ({
    ...node,
    start: node.start + by,
    end: node.end + by,
    children: shifted(node.children, by),
  }));
}
