/**
 * A whole number with separators, `1,234,567`. Not by the formatter of the language: the first use of that costs 15 ms,
 * as much as decoding two hundred calls.
 */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',');
}
