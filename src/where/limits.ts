/** Named bounds of the expression language; docs/limits.md lists them. */

/** Longest expression, in characters. */
export const MAX_EXPRESSION = 4096;
/** Deepest nesting of parentheses and `!`. */
export const MAX_DEPTH = 64;
/** Longest regular expression, in characters. */
export const MAX_PATTERN = 256;
/** Steps of one regular expression once its counted repetitions are written out: the time it takes for a character. */
export const MAX_PROGRAM = 1024;
/** Characters of a text that a regular expression looks at; the rest is not searched. */
export const MAX_MATCHED_TEXT = 4096;
/** Names kept for the warning about a nested name that never occurred. */
export const MAX_SEEN_NAMES = 64;
/** Elements of a list that a path or comparison looks at. */
export const MAX_LIST = 10_000;
