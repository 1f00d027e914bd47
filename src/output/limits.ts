/** Named bounds of the outputs; docs/limits.md lists them. */

/** Interfaces whose method heads are kept as ready text. */
export const MAX_CACHED_INTERFACES = 512;
/** Connections whose two ends are kept as ready text. */
export const MAX_CACHED_FLOWS = 4096;
/** Presentation contexts of a connection for which a method's text is kept. */
export const MAX_CACHED_CONTEXTS = 64;
/** Method heads kept per interface. */
export const MAX_CACHED_METHODS = 512;
/** Characters of one text value in a line; the rest is cut and marked. */
export const MAX_LINE_TEXT = 60;
/** Characters of all arguments, or all results, in a line. */
export const MAX_LINE_VALUES = 200;
/** Elements of a list, or fields of a structure, shown in a line. */
export const MAX_LINE_ITEMS = 4;
/** Structures within structures shown in a line. */
export const MAX_LINE_DEPTH = 3;
/** Bytes of an opaque value shown in a line or a tree. */
export const MAX_SHOWN_BYTES = 16;
/** Characters of one text value in a tree. */
export const MAX_TREE_TEXT = 400;
/** Lines of one trace in a tree; what follows is counted. */
export const MAX_TREE_LINES = 20_000;
