import type { Node } from './node.js';

/** How bytes are made, as decoder and encoder have it. */
interface Encoded {
  littleEndian: boolean;
  ndr64: boolean;
}

/**
 * The same type, read and written in an encoding of its own whatever the call's is: in one byte order ([MS-OAUT]
 * 2.2.29.1 and others), or with NDR ([MS-RPCE] 2.2.4.12). `inner` is compiled for it. Only calls in another encoding
 * need it.
 */
export function encodedNode(inner: Node, own: Partial<Encoded>): Node {
  // As text it would be read in the call's own encoding.
  const { text: _text, textable: _textable, ...plain } = inner;
  const { rest, putRest, hoist } = inner;
  const within = <Made>(held: Encoded, work: () => Made): Made => {
    const { littleEndian, ndr64 } = held;
    Object.assign(held, own);
    const made = work();
    held.littleEndian = littleEndian;
    held.ndr64 = ndr64;
    return made;
  };
  return {
    ...plain,
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
