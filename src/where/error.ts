/**
 * A where expression that cannot be used: what is wrong, where, and what to do. The user's mistake, never the input's.
 */
export class WhereError extends Error {
  /** Offset in the expression, in UTF-16 units. */
  readonly at: number;
  readonly suggestions: readonly string[];

  constructor(message: string, at: number, suggestions: readonly string[] = []) {
    super(message);
    this.name = 'WhereError';
    this.at = at;
    this.suggestions = suggestions;
  }

  /** The message over the expression with a caret under the place, for a terminal. */
  explain(expression: string): string {
    const from = Math.max(0, this.at - 60);
    const shown = expression.slice(from, this.at + 60).replace(/\s/g, ' ');
    const hint = this.suggestions.length === 0 ? '' : `\n  did you mean ${this.suggestions.join(', ')}?`;
    return `${this.message}\n  ${shown}\n  ${' '.repeat(this.at - from)}^${hint}`;
  }
}
