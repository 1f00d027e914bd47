/** Named bounds of decoding; docs/limits.md lists them. */

/**
 * Levels of a decoded value: records, lists, unions and what pointers point to, blobs inside blobs included. Nothing is
 * decoded deeper, and no walk over a value goes deeper.
 */
export const MAX_VALUE_DEPTH = 192;
/** Array elements decoded from one stub. */
export const MAX_ELEMENTS = 4_000_000;
/** Problems kept of one stub. */
export const MAX_PROBLEMS = 32;
