import { jsonText } from '../json.js';
import type { Report } from './data.js';

/**
 * The whole report as one JSON document, indented, with a line feed at its end. Lone surrogates, and what a terminal acts
 * on, come out as `\uXXXX`.
 */
export function reportJson(report: Report): string {
  return `${jsonText(report, 1)}\n`;
}
