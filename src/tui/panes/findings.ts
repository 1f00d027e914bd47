import { findingText, logonText, problemText } from '../../output/text.js';
import { fitLine, span, type Line, type Paint } from '../line.js';
import type { Area } from '../layout.js';
import type { Model } from '../model.js';
import type { Notice } from '../source.js';

/** Findings, logons, and damage that belongs to no call. */
export function findingsPane(model: Model, area: Area): Line[] {
  const { state, source } = model;
  const { notices, noticesLost } = source;
  const lines: Line[] = [
    fitLine(
      [
        span(
          `  ${notices.length} findings, logons and problems${noticesLost > 0 ? `, and ${noticesLost} more that were not kept` : ''}; enter goes to the call`,
          'dim',
        ),
      ],
      area.width,
    ),
  ];
  if (notices.length === 0) return [...lines, [span('  nothing found', 'dim')]];
  const { cursor, top } = state.places.findings;
  for (const [at, notice] of notices.slice(top, top + area.height - 1).entries()) {
    lines.push(
      fitLine(
        [span(`  ${noticeText(notice)}`, paintOf(notice))],
        area.width,
        top + at !== cursor ? null : state.focus === 'upper' ? 'cursor' : 'cursor-off',
      ),
    );
  }
  return lines;
}

export function noticeText(notice: Notice): string {
  switch (notice.kind) {
    case 'finding':
      return findingText(notice);
    case 'security':
      return logonText(notice);
    case 'problem':
      return `! ${problemText(notice)}`;
  }
}

function paintOf(notice: Notice): Paint {
  if (notice.kind === 'problem') return 'warn';
  if (notice.kind === 'security') return 'dim';
  return notice.severity === 'error' ? 'bad' : notice.severity === 'warning' ? 'warn' : 'plain';
}
