/**
 * Empties a list that will be filled again. `length = 0` gives its memory away, and the next push has to ask for new:
 * measured with
 * one or two items a turn, that is 4 % of decoding a capture.
 */
export function clear(list: unknown[]): void {
  while (list.length > 0) list.pop();
}
