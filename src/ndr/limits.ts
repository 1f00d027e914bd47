/** Named bounds of decoding; docs/limits.md lists them. */

/** Nesting of constructed types and pointers. */
export const MAX_DEPTH = 96;
/** Array elements decoded from one stub. */
export const MAX_ELEMENTS = 4_000_000;
/** Problems kept of one stub. */
export const MAX_PROBLEMS = 32;
