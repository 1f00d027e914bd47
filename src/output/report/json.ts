import type { Report } from './data.js';

/**
 * The whole report as one JSON document, indented, with a line feed at its end. Lone surrogates come out as `\uXXXX`.
 */
export function reportJson(report: Report): string {
  return `${JSON.stringify(report, null, 1)}\n`;
}
