import type { Report } from '../data.js';
import { callFigures } from './calls.js';
import { comparison } from './comparison.js';
import { details } from './detail.js';
import { findings } from './findings.js';
import { front, glance, refused } from './glance.js';
import { Links } from './links.js';
import type { Markup } from './markup.js';
import { objects } from './objects.js';
import { page } from './page.js';
import { security } from './security.js';
import { sessions } from './sessions.js';
import { story } from './story.js';

/**
 * The report as one self-contained HTML document, in pieces: it loads nothing, everything but filters and sorting works
 * without its script, and whatever came from the network is text.
 */
export function* reportHtml(report: Report): Generator<string> {
  for (const piece of page(report, sections(report))) yield piece.text;
}

function* sections(report: Report): Generator<Markup> {
  const links = new Links(report);
  yield* front(report, links);
  if (report.comparison !== null) yield* comparison(report.comparison, links);
  yield* refused(report, links);
  yield* story(report, links);
  yield* glance(report, links);
  yield* findings(report, links);
  yield* sessions(report, links);
  yield* callFigures(report, links);
  yield* objects(report, links);
  yield* security(report, links);
  yield* details(report);
}
