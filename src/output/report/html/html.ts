import type { Report } from '../data.js';
import { reportMarkdown } from '../markdown.js';

/** The report as one self-contained HTML document, in pieces. */
export function* reportHtml(report: Report): Generator<string> {
  yield `<!doctype html><html lang="en"><meta charset="utf-8"><title>uamgscope report</title><pre>`;
  for (const line of reportMarkdown(report)) yield `${line.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}\n`;
  yield '</pre></html>\n';
}
