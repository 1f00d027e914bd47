import type { Node } from './node.js';

/**
 * The same type, read and written in one byte order whatever the call's is ([MS-OAUT] 2.2.29.1 and others). Only calls
 * in the other order need it.
 */
export function orderedNode(inner: Node, littleEndian: boolean): Node {
  const { rest, putRest, hoist } = inner;
  const within = <Made>(held: { littleEndian: boolean }, work: () => Made): Made => {
    const label = held.littleEndian;
    held.littleEndian = littleEndian;
    const made = work();
    held.littleEndian = label;
    return made;
  };
  return {
    ...inner,
    flat: (d) => within(d, () => inner.flat(d)),
    rest: rest === null ? null : (d, value) => within(d, () => rest(d, value)),
    put: (e, value) => within(e, () => inner.put(e, value)),
    putRest: putRest === null ? null : (e, value, carried) => within(e, () => putRest(e, value, carried)),
    hoist:
      hoist === null
        ? null
        : { read: (d) => within(d, () => hoist.read(d)), write: (e, value) => within(e, () => hoist.write(e, value)) },
  };
}
